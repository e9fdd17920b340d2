"""The client certificate that the options name."""

from __future__ import annotations

from smgwproxy.client_certificate import (
    ClientCertificate,
    ClientCertificateError,
    load_client_certificate,
    read_password,
)
from smgwproxy.config import Config
from smgwproxy.errors import ConfigError
from smgwproxy.phrases import phrase


def configured_client_certificate(config: Config) -> ClientCertificate | None:
    """Load the client certificate, if there is one; raises `ConfigError` with the option before the text."""
    if config.client_cert is None:
        return None
    try:
        return load_client_certificate(config.client_cert, config.client_key, _client_password(config))
    except ClientCertificateError as error:
        from_environment = error.option == "client-password-file" and config.client_password is not None
        source = config.source("client-password" if from_environment else error.option)
        raise ConfigError(phrase("{source}: {error}", source=source, error=error.told)) from error


def _client_password(config: Config) -> bytes | None:
    if config.client_password_file is not None:
        return read_password(config.client_password_file)
    return config.client_password.octets if config.client_password is not None else None
