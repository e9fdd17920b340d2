"""A door: what is listened at, under which terms, and how that changes while clients are served."""

from __future__ import annotations

import errno
import logging
import socket
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
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


@dataclass(frozen=True, slots=True)
class Wish:
    """What shall be listened at; ``port_option`` and ``address_option`` are where that comes from."""

    scheme: str
    address: str | None
    port: int
    port_option: str
    address_option: str


def wishes_for_clients(config: Config) -> Iterator[Wish]:
    """Yield what the clients of a gateway come to."""
    if not config.no_http:
        yield Wish("http", config.listen, config.port, "port", "listen")
    if config.tls_port is not None:
        yield Wish("https", config.listen, config.tls_port, "tls-port", "listen")


class Door:
    """The listeners for one purpose, such as one gateway, each with its server; they share their connections.

    ``wishes`` tells what a `Config` wants of it.
    """

    def __init__(
        self,
        storage: Storage,
        logger: logging.Logger,
        wishes: Callable[[Config], Iterable[Wish]] = wishes_for_clients,
    ) -> None:
        self._wishes = wishes
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
        return [found for wish in self._wishes(config) if (found := self._found(wish)) is not None]

    def bind(
        self, config: Config, leaving: Collection[Listener], opened: ExitStack, binding: ExitStack
    ) -> Sequence[Listener]:
        """Return what ``config`` wants: what is there already, and the rest, to which no client can come yet.

        ``leaving`` are the listeners of the program, of whatever door, in whose place others may come. ``opened``
        closes what is new; ``binding`` lasts until `listen` was called. Raises `ConfigError`.
        """
        listeners = []
        for wish in self._wishes(config):
            listener = self._found(wish)
            if listener is None:
                beside = [one.socket for one in leaving if one.port == wish.port]
                with _remedied(config, wish):
                    made = binding.enter_context(bound(wish.address, wish.port, beside))
                opened.callback(made.close)
                listener = Listener(wish.scheme, wish.address, wish.port, made)
            listeners.append(listener)
        return listeners

    def listen(self, config: Config, listeners: Sequence[Listener]) -> None:
        """Let clients come to what is new among ``listeners``: better last, since closing it again resets them.

        Raises `ConfigError`.
        """
        for wish, listener in zip(self._wishes(config), listeners, strict=True):
            if listener not in self._servers:
                with _remedied(config, replace(wish, port=listener.port)):
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

    def _found(self, wish: Wish) -> Listener | None:
        same = (one for one in self._servers if one.scheme == wish.scheme and one.is_at(wish.address, wish.port))
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


@contextmanager
def _remedied(config: Config, wish: Wish) -> Iterator[None]:
    """Raise a `ConfigError` that says what to do about an `OSError`."""
    try:
        yield
    except OSError as error:
        raise ConfigError(_remedy(error, config, wish)) from error


def _remedy(error: OSError, config: Config, wish: Wish) -> str:
    source, listen = config.source(wish.port_option), config.source(wish.address_option)
    if error.errno == errno.EADDRINUSE:
        return phrase(
            "{source}: {port} is in use: stop the program that has it, or choose another port",
            source=source,
            port=wish.port,
        )
    if error.errno == errno.EACCES:
        return phrase(
            "{source}: {port} needs a privilege: choose a port above 1023", source=source, port=wish.port
        )
    return phrase(
        "{source}: cannot listen at {address} ({reason}): give an address of this machine",
        source=listen,
        address=wish.address,
        reason=reason(error),
    )
