"""From options to the gateway's side of a running proxy: trust store, client certificate, connections."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from smgwproxy.approach import Approaches
from smgwproxy.backend import Backend
from smgwproxy.client_certificate import ClientCertificate
from smgwproxy.commands.client_certificate import configured_client_certificate
from smgwproxy.commands.store import open_configured_truststore
from smgwproxy.config import Config
from smgwproxy.deadline import Overdue
from smgwproxy.errors import ConfigError
from smgwproxy.gateway import Gateway
from smgwproxy.limits import Limits
from smgwproxy.origin import Origin
from smgwproxy.phrases import phrase
from smgwproxy.renewal import Renewal
from smgwproxy.truststores import TrustStore


@dataclass(frozen=True, slots=True)
class Behind:
    """What a `Gateway` is made of. As long as that stays, the gateway may stay, and its connection."""

    origin: Origin
    store: TrustStore
    limits: Limits
    renewal: Renewal
    client_certificate: ClientCertificate | None

    def gateway(self, backend: Backend, approaches: Approaches) -> Gateway:
        """Make the gateway; raises `ConfigError` when the client certificate cannot be used."""
        return Gateway(
            self.origin,
            self.store,
            self.limits,
            backend,
            renewal=self.renewal,
            client_certificate=self.client_certificate,
            approach=approaches.to(self.origin),
        )


def behind(config: Config, backend: Backend, store: TrustStore | None) -> Behind:
    """Return what ``config`` wants; ``store`` is the one of it if that is open already. Raises `ConfigError`."""
    return Behind(
        config.target,
        store or _store(config, backend),
        Limits(
            config.max_connections,
            config.connect_timeout,
            config.read_timeout,
            config.queue_timeout,
            config.store_timeout,
            keepalive=config.keepalive,
        ),
        config.renewal,
        configured_client_certificate(config),
    )


def _store(config: Config, backend: Backend) -> TrustStore:
    try:
        return backend.call(partial(open_configured_truststore, config), config.store_timeout)
    except Overdue as error:
        option = "truststore" if "truststore" in config.given else "certdir"
        raise ConfigError(
            phrase(
                "{source}: the trust store was not open within {seconds:g} s: see whether its disk "
                "or its server answers, or give --store-timeout",
                source=config.source(option),
                seconds=config.store_timeout,
            )
        ) from error
