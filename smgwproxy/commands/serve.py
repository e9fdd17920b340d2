"""Puts the parts together: from a `Config` to a running proxy, until a signal ends it."""

from __future__ import annotations

import errno
import fcntl
import logging
import signal
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress

import gevent
import gevent.event

from smgwproxy import __version__
from smgwproxy.commands.store import open_configured_truststore
from smgwproxy.config import Config
from smgwproxy.cooperative import cooperative
from smgwproxy.errors import ConfigError
from smgwproxy.gateway import Gateway
from smgwproxy.limits import Limits
from smgwproxy.logs import configure_logging
from smgwproxy.proxy import ReverseProxy
from smgwproxy.report import LogReport
from smgwproxy.server import ProxyServer, open_listener
from smgwproxy.truststores.guard import Guard
from smgwproxy.trustwatch import TrustWatch

GRACE = 30.0
"""Seconds that running requests have to finish after SIGTERM or Ctrl-C."""

_SIOCGIFADDR = 0x8915


def serve(config: Config, ready: Callable[[int], None] = lambda _: None) -> int:
    """Run the proxy until SIGTERM or SIGINT, and return the exit code.

    ``ready`` is called with the port once connections are taken. Must run in the main thread, which gevent's
    hub then has. Raises `ConfigError` for what is wrong with an option, before anything is served.
    """
    store = open_configured_truststore(config)
    with (
        _listener(config) as listener,
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
        with Gateway(config.target, store, limits, backend, renewal=config.renewal) as gateway:
            server = ProxyServer(listener, ReverseProxy(gateway, report=LogReport(logger)), logger)
            signals = _Signals(server, logger)
            server.start()
            port = listener.getsockname()[1]
            _announce(config, port, logger)
            guard = Guard(store, backend.call, limits.store_timeout)
            following = gevent.spawn(TrustWatch(gateway, guard, logger).run)
            ready(port)
            signals.stop.wait()
            following.kill()
            server.stop(GRACE)
            logger.info("stopped")
    return 0


class _Signals:
    """SIGTERM and SIGINT: the first begins the end, the second breaks off running requests as well."""

    def __init__(self, server: ProxyServer, logger: logging.Logger) -> None:
        self.stop = gevent.event.Event()
        self._server = server
        self._logger = logger
        for number in (signal.SIGTERM, signal.SIGINT):
            gevent.signal_handler(number, self._on_signal, number)

    def _on_signal(self, number: int) -> None:
        name = signal.Signals(number).name
        if not self.stop.is_set():
            self._logger.info("%s: no new connections, running requests have %g s to finish", name, GRACE)
            self.stop.set()
        elif self._server.handlers:
            self._logger.warning("%s again: running requests are broken off", name)
            self._server.break_off()


# --- options to parts -----------------------------------------------------------------------------------


def _listener(config: Config) -> socket.socket:
    port, listen = config.source("port"), config.source("listen")
    try:
        return open_listener(config.listen, config.port)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            remedy = f"{port}: {config.port} is in use: stop the program that has it, or choose another port"
        elif error.errno == errno.EACCES:
            remedy = f"{port}: {config.port} needs a privilege: choose a port above 1023"
        else:
            reason = (error.strerror or str(error)).partition(" (while")[0]  # Python repeats the address there
            remedy = f"{listen}: cannot listen at {config.listen} ({reason}): give an address of this machine"
        raise ConfigError(remedy) from error


# --- what is told at start ------------------------------------------------------------------------------


def _announce(config: Config, port: int, logger: logging.Logger) -> None:
    logger.info("smgwproxy %s forwards to https://%s/", __version__, config.target)
    for address in _reachable_at(config.listen):
        logger.info("reachable at http://%s:%d/", address, port)


def _reachable_at(listen: str | None) -> Iterator[str]:
    """Yield the address listened at, or this machine's IPv4 addresses when it is all of them."""
    if listen is not None:
        yield f"[{listen}]" if ":" in listen else listen
        return
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for _, name in socket.if_nameindex():
            with suppress(OSError):  # an interface without an IPv4 address
                request = struct.pack("256s", name.encode()[:15])
                yield socket.inet_ntoa(fcntl.ioctl(probe, _SIOCGIFADDR, request)[20:24])
