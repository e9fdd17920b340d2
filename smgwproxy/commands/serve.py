"""Puts the parts together: from a `Config` to a running proxy, until a signal ends it."""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable, Sequence

import gevent
import gevent.event

from smgwproxy import __version__, machine
from smgwproxy.commands.door import Listener, make_servers, open_listeners, server_identity
from smgwproxy.commands.store import open_configured_truststore
from smgwproxy.config import Config
from smgwproxy.cooperative import cooperative
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
        )
        backend = cooperative()
        identity = server_identity(config, logger)
        with Gateway(config.target, store, limits, backend, renewal=config.renewal) as gateway:
            storage = Storage()
            application = ReverseProxy(gateway, report=LogReport(logger), storage=storage)
            servers = make_servers(config, listeners, application, identity, storage, logger)
            signals = _Signals(servers, logger)
            for server in servers:
                server.start()
            _announce(config, listeners, identity, logger)
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


def _reachable_at(listen: str | None) -> Sequence[str]:
    """Return the address listened at, or this machine's IPv4 addresses when it is all of them."""
    if listen is not None:
        return (f"[{listen}]" if ":" in listen else listen,)
    return [str(address) for address in machine.ipv4_addresses()]
