"""Puts the parts together: from a `Config` to a running proxy, until a signal ends it."""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable, Sequence

import gevent
import gevent.event

from smgwproxy import __version__, machine
from smgwproxy.client_certificate import (
    ClientCertificate,
    ClientCertificateError,
    load_client_certificate,
    read_password,
)
from smgwproxy.commands.door import Listener, make_servers, open_listeners, server_identity
from smgwproxy.commands.store import open_configured_truststore
from smgwproxy.config import Config
from smgwproxy.cooperative import cooperative
from smgwproxy.errors import ConfigError
from smgwproxy.gateway import Gateway
from smgwproxy.limits import Limits
from smgwproxy.logs import configure_logging
from smgwproxy.own_certificate import ServerIdentity, ending
from smgwproxy.proxy import ReverseProxy
from smgwproxy.report import LogReport
from smgwproxy.server import ProxyServer
from smgwproxy.storage import Storage
from smgwproxy.truststores.base import utc_now
from smgwproxy.truststores.guard import Guard
from smgwproxy.trustwatch import TrustWatch

GRACE = 30.0
"""Seconds that running requests have to finish after SIGTERM or Ctrl-C."""


def serve(config: Config, ready: Callable[[int], None] = lambda _: None) -> int:
    """Run the proxy until SIGTERM or SIGINT, and return the exit code.

    ``ready`` is called with the port of HTTP, or of HTTPS where that is the only one, once connections are taken.
    Must run in the main thread, which gevent's hub then has. Raises `ConfigError` for what is wrong with an
    option, before anything is served.
    """
    store = open_configured_truststore(config)
    client_certificate = configured_client_certificate(config)
    with (
        open_listeners(config) as listeners,
        configure_logging(
            level=config.log_level, logdir=config.logdir, logfile=config.logfile, source=config.source("logdir")
        ),
    ):
        logger = logging.getLogger("smgwproxy")
        limits = Limits(
            config.max_connections,
            config.connect_timeout,
            config.read_timeout,
            config.queue_timeout,
            config.store_timeout,
            keepalive=config.keepalive,
        )
        backend = cooperative()
        identity = server_identity(config, logger)
        with Gateway(
            config.target,
            store,
            limits,
            backend,
            renewal=config.renewal,
            client_certificate=client_certificate,
        ) as gateway:
            storage = Storage()
            application = ReverseProxy(
                gateway, report=LogReport(logger), storage=storage, host_header=config.host_header
            )
            servers = make_servers(config, listeners, application, identity, storage, logger)
            signals = _Signals(servers, logger)
            for server in servers:
                server.start()
            _announce(config, listeners, identity, logger)
            if client_certificate is not None:
                _announce_client_certificate(client_certificate, logger)
            guard = Guard(store, backend.call, limits.store_timeout)
            following = gevent.spawn(TrustWatch(gateway, guard, logger).run)
            ready(listeners[0].port)
            signals.stop.wait()
            following.kill()
            for server in servers:
                server.begin_to_stop()
            gevent.joinall([gevent.spawn(server.stop, GRACE) for server in servers])
            logger.info("stopped")
    return 0


def configured_client_certificate(config: Config) -> ClientCertificate | None:
    """Load the client certificate, if there is one; raises `ConfigError` with the option before the text."""
    if config.client_cert is None:
        return None
    try:
        return load_client_certificate(config.client_cert, config.client_key, _client_password(config))
    except ClientCertificateError as error:
        from_environment = error.option == "client-password-file" and config.client_password is not None
        source = config.source("client-password" if from_environment else error.option)
        raise ConfigError(f"{source}: {error}") from error


def _client_password(config: Config) -> bytes | None:
    if config.client_password_file is not None:
        return read_password(config.client_password_file)
    return config.client_password.octets if config.client_password is not None else None


class _Signals:
    """SIGTERM and SIGINT: the first begins the end, the second breaks off running requests as well."""

    def __init__(self, servers: Sequence[ProxyServer], logger: logging.Logger) -> None:
        self.stop = gevent.event.Event()
        self._servers = servers
        self._logger = logger
        for number in (signal.SIGTERM, signal.SIGINT):
            gevent.signal_handler(number, self._on_signal, number)

    def _on_signal(self, number: int) -> None:
        name = signal.Signals(number).name
        if not self.stop.is_set():
            self._logger.info("%s: no new connections, running requests have %g s to finish", name, GRACE)
            self.stop.set()
        elif any(server.handlers for server in self._servers):
            self._logger.warning("%s again: running requests are broken off", name)
            for server in self._servers:
                server.break_off()


# --- what is told at start ------------------------------------------------------------------------------


def _announce(
    config: Config, listeners: Sequence[Listener], identity: ServerIdentity | None, logger: logging.Logger
) -> None:
    logger.info("smgwproxy %s forwards to https://%s/", __version__, config.target)
    for listener in listeners:
        for address in _reachable_at(config.listen):
            logger.info("reachable at %s://%s:%d/", listener.scheme, address, listener.port)
    if identity is not None:
        certificate = identity.certificate
        logger.info("HTTPS shows the certificate with SHA-256 %s", certificate.fingerprint)
        if end := ending(certificate, utc_now()):
            logger.warning("the certificate of HTTPS %s: renew it, or see smgwproxy certificate --help", end)


def _announce_client_certificate(client_certificate: ClientCertificate, logger: logging.Logger) -> None:
    certificate = client_certificate.certificate
    told = certificate.description
    logger.info(
        "the gateway is shown the client certificate with SHA-256 %s, %s, ends %s",
        certificate.fingerprint,
        told.subject or "subject unreadable",
        told.not_after or "unreadable",
    )
    if end := ending(certificate, utc_now()):
        logger.warning("the client certificate %s: ask who issued it for a new one", end)


def _reachable_at(listen: str | None) -> Sequence[str]:
    """Return the address listened at, or this machine's IPv4 addresses when it is all of them."""
    if listen is not None:
        return (f"[{listen}]" if ":" in listen else listen,)
    return [str(address) for address in machine.ipv4_addresses()]
