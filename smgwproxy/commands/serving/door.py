"""The LAN door: what is listened at, under which terms, and how that changes while clients are served."""

from __future__ import annotations

import errno
import logging
import socket
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

import gevent

from smgwproxy.config import Config
from smgwproxy.errors import ConfigError
from smgwproxy.phrases import phrase
from smgwproxy.server import ProxyServer, Terms
from smgwproxy.server.listening import bound
from smgwproxy.server.listening import listen as let_come
from smgwproxy.server.places import Places
from smgwproxy.storage import Storage
from smgwproxy.system import reason


@dataclass(frozen=True, slots=True)
class Listener:
    """What is listened at.

    ``scheme`` is ``http`` or ``https``, ``address`` None for all of them. ``asked`` is the port that was asked
    for, 0 for any free one.
    """

    scheme: str
    address: str | None
    asked: int
    socket: socket.socket

    @property
    def port(self) -> int:
        """The port that it has."""
        port: int = self.socket.getsockname()[1]
        return port

    def is_at(self, address: str | None, port: int) -> bool:
        """Tell whether that is what was asked for, or what it has."""
        return address == self.address and port in {self.asked, self.port}


_Wish = tuple[str, str, int]  # a scheme, the option of its port, and that


class Door:
    """The listeners of one gateway, each with its server; they share the number of connections."""

    def __init__(self, storage: Storage, logger: logging.Logger) -> None:
        self._places = Places(0, 0)
        self._storage = storage
        self._logger = logger
        self._servers: dict[Listener, ProxyServer] = {}
        self._closing: set[ProxyServer] = set()  # their last requests still run

    @property
    def listeners(self) -> Sequence[Listener]:
        """What is listened at: for HTTP and for HTTPS, in this order, as far as they are wanted."""
        return tuple(self._servers)

    @property
    def clients(self) -> int:
        """How many clients are connected."""
        return self._places.taken

    def staying(self, config: Config) -> Sequence[Listener]:
        """Return what ``config`` wants and is there already."""
        return [found for wish in _wanted(config) if (found := self._found(config, wish)) is not None]

    def bind(
        self, config: Config, leaving: Collection[Listener], opened: ExitStack, binding: ExitStack
    ) -> Sequence[Listener]:
        """Return what ``config`` wants: what is there already, and the rest, to which no client can come yet.

        ``leaving`` are the listeners of the program, of whatever door, in whose place others may come. ``opened``
        closes what is new; ``binding`` lasts until `listen` was called. Raises `ConfigError`.
        """
        listeners = []
        for wish in _wanted(config):
            listener = self._found(config, wish)
            if listener is None:
                scheme, option, port = wish
                beside = [one.socket for one in leaving if one.port == port]
                with _remedied(config, option, port):
                    made = binding.enter_context(bound(config.listen, port, beside))
                opened.callback(made.close)
                listener = Listener(scheme, config.listen, port, made)
            listeners.append(listener)
        return listeners

    def listen(self, config: Config, listeners: Sequence[Listener]) -> None:
        """Let clients come to what is new among ``listeners``: better last, since closing it again resets them.

        Raises `ConfigError`.
        """
        for (_, option, _), listener in zip(_wanted(config), listeners, strict=True):
            if listener not in self._servers:
                with _remedied(config, option, listener.port):
                    let_come(listener.socket)

    def use(self, listeners: Sequence[Listener], terms: Terms) -> None:
        """Let ``listeners`` be the ones, and ``terms`` hold from the next request on; HTTP does without their TLS.

        The connections of the others end with their request, if they have one.
        """
        self._places.resize(terms.limits.clients, terms.limits.clients_per_address)
        before, self._servers = self._servers, {}
        for listener in listeners:
            its_terms = terms if listener.scheme == "https" else replace(terms, tls=None)
            server = before.pop(listener, None)
            if server is None:
                server = self._server(listener, its_terms)
                server.start()
            server.terms = its_terms
            self._servers[listener] = server
        self._leave(before.values())

    def shut(self) -> None:
        """Take no new clients; the connections that are there end with their request, if they have one."""
        before, self._servers = self._servers, {}
        self._leave(before.values())

    @property
    def busy(self) -> bool:
        """Tell whether requests of what was left still run."""
        return bool(self._closing)

    def break_off(self) -> bool:
        """Break running requests off; tells whether there were any."""
        busy = [server for server in self._all() if server.handlers]
        for server in busy:
            server.break_off()
        return bool(busy)

    def stop(self, grace: float) -> None:
        """Stop: requests that run have ``grace`` seconds to finish, then they are broken off."""
        for server in self._all():
            server.begin_to_stop()
        gevent.joinall([gevent.spawn(server.stop, grace) for server in self._all()])

    def _all(self) -> Sequence[ProxyServer]:
        return [*self._servers.values(), *self._closing]

    def _found(self, config: Config, wish: _Wish) -> Listener | None:
        scheme, _, port = wish
        same = (one for one in self._servers if one.scheme == scheme and one.is_at(config.listen, port))
        return next(same, None)

    def _leave(self, servers: Iterable[ProxyServer]) -> None:
        for server in servers:
            self._closing.add(server)
            server.begin_to_stop()
            gevent.spawn(self._see_out, server)

    def _see_out(self, server: ProxyServer) -> None:
        server.see_out()
        self._closing.discard(server)

    def _server(self, listener: Listener, terms: Terms) -> ProxyServer:
        return ProxyServer(
            listener.socket,
            terms.application,
            self._logger,
            access=terms.access,
            limits=terms.limits,
            places=self._places,
            storage=self._storage,
            tls=terms.tls,
        )


def _wanted(config: Config) -> Iterator[_Wish]:
    if not config.no_http:
        yield "http", "port", config.port
    if config.tls_port is not None:
        yield "https", "tls-port", config.tls_port


@contextmanager
def _remedied(config: Config, option: str, port: int) -> Iterator[None]:
    """Raise a `ConfigError` that says what to do about an `OSError`."""
    try:
        yield
    except OSError as error:
        raise ConfigError(_remedy(error, config, option, port)) from error


def _remedy(error: OSError, config: Config, option: str, port: int) -> str:
    source, listen = config.source(option), config.source("listen")
    if error.errno == errno.EADDRINUSE:
        return phrase(
            "{source}: {port} is in use: stop the program that has it, or choose another port",
            source=source,
            port=port,
        )
    if error.errno == errno.EACCES:
        return phrase("{source}: {port} needs a privilege: choose a port above 1023", source=source, port=port)
    return phrase(
        "{source}: cannot listen at {address} ({reason}): give an address of this machine",
        source=listen,
        address=config.listen,
        reason=reason(error),
    )
