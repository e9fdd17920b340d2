"""The trust store that the options name."""

from __future__ import annotations

from smgwproxy.config import Config
from smgwproxy.errors import ConfigError
from smgwproxy.phrases import phrase
from smgwproxy.truststores import TrustStore, open_truststore
from smgwproxy.truststores.opening import OPENING_SECONDS


def open_configured_truststore(config: Config, seconds: float = OPENING_SECONDS) -> TrustStore:
    """Open the store that the options name, within ``seconds``.

    Raises `ConfigError` with the option before the text.
    """
    source = config.source("truststore" if "truststore" in config.given else "certdir")
    try:
        return open_truststore(config.truststore, seconds)
    except ConfigError as error:
        raise ConfigError(phrase("{source}: {error}", source=source, error=error.told)) from error
