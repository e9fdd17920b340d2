"""From options to the LAN door: what is listened at, who may come in, what HTTPS shows."""

from __future__ import annotations

import errno
import logging
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import gevent.ssl

from smgwproxy.access import Access
from smgwproxy.commands.certificate import configured_files
from smgwproxy.config import Config
from smgwproxy.errors import ConfigError
from smgwproxy.limits import DoorLimits
from smgwproxy.own_certificate import ServerIdentity
from smgwproxy.server import Application, ProxyServer, open_listener
from smgwproxy.server.places import Places
from smgwproxy.storage import Storage


@dataclass(frozen=True, slots=True)
class Listener:
    """What is listened at: ``scheme`` is ``http`` or ``https``."""

    scheme: str
    socket: socket.socket

    @property
    def port(self) -> int:
        """The port, also where any free one was asked for."""
        port: int = self.socket.getsockname()[1]
        return port


@contextmanager
def open_listeners(config: Config) -> Iterator[Sequence[Listener]]:
    """Listen for HTTP and for HTTPS, in this order, as far as they are wanted; raises `ConfigError`."""
    with ExitStack() as opened:
        listeners = []
        if not config.no_http:
            listeners.append(Listener("http", opened.enter_context(_listening(config, "port", config.port))))
        if config.tls_port is not None:
            opening = _listening(config, "tls-port", config.tls_port)
            listeners.append(Listener("https", opened.enter_context(opening)))
        yield listeners


def server_identity(config: Config, logger: logging.Logger) -> ServerIdentity | None:
    """Load what HTTPS shows, and make it if need be; None without an HTTPS listener. Raises `ConfigError`."""
    if config.tls_port is None:
        return None
    return ServerIdentity(configured_files(config), gevent.ssl.SSLContext, logger)


def make_servers(
    config: Config,
    listeners: Sequence[Listener],
    application: Application,
    identity: ServerIdentity | None,
    storage: Storage,
    logger: logging.Logger,
) -> Sequence[ProxyServer]:
    """Make a server for each of ``listeners``; they share the number of connections."""
    limits = DoorLimits(
        clients=config.max_clients,
        clients_per_address=config.max_clients_per_address,
        head_timeout=config.head_timeout,
        handshake_timeout=config.handshake_timeout,
        body_timeout=config.body_timeout,
        idle_timeout=config.idle_timeout,
        min_speed=config.min_speed,
    )
    access = Access(config.allow, config.server_name)
    places = Places(limits.clients, limits.clients_per_address)
    return [
        ProxyServer(
            listener.socket,
            application,
            logger,
            access=access,
            limits=limits,
            places=places,
            storage=storage,
            tls=identity if listener.scheme == "https" else None,
        )
        for listener in listeners
    ]


def _listening(config: Config, option: str, port: int) -> socket.socket:
    source, listen = config.source(option), config.source("listen")
    try:
        return open_listener(config.listen, port)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            remedy = f"{source}: {port} is in use: stop the program that has it, or choose another port"
        elif error.errno == errno.EACCES:
            remedy = f"{source}: {port} needs a privilege: choose a port above 1023"
        else:
            reason = (error.strerror or str(error)).partition(" (while")[0]  # Python repeats the address there
            remedy = f"{listen}: cannot listen at {config.listen} ({reason}): give an address of this machine"
        raise ConfigError(remedy) from error
