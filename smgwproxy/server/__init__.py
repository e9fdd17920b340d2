"""The gevent server on the LAN side: takes connections, and gives each a handler of its own."""

from __future__ import annotations

import logging
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

import gevent
from gevent.event import Event
from gevent.pool import Pool
from gevent.pywsgi import WSGIServer

from smgwproxy.access import Access
from smgwproxy.errors import ExchangeError
from smgwproxy.language import Languages
from smgwproxy.limits import DoorLimits
from smgwproxy.server.handler import Handler
from smgwproxy.server.listening import open_listener
from smgwproxy.server.places import Places
from smgwproxy.storage import Storage
from smgwproxy.wsgi import Environ

__all__ = ["Application", "ProxyServer", "ServerTls", "Terms", "open_listener"]

_LOOK_AFTER_SECONDS = 1.0

Application = Callable[[Environ, Any], Any]


class ServerTls(Protocol):
    """Where the TLS context for a client's handshake comes from."""

    def context(self) -> ssl.SSLContext:
        """Return a context with the certificate that is in force now. Must not wait long."""
        ...


def _tell_nobody(error: ExchangeError, /) -> None:
    """Do nothing."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for a request from its head to its end.

    ``access`` says who may come in, ``tls`` makes it HTTPS. ``languages`` are those of the pages. ``refused`` is
    told of what the application is not: requests that get no further than the door, and faults. It must neither
    raise nor wait.
    """

    application: Application
    access: Access
    limits: DoorLimits
    tls: ServerTls | None
    languages: Languages = field(default_factory=Languages)
    refused: Callable[[ExchangeError], None] = _tell_nobody


class ProxyServer(WSGIServer):
    """Serves ``application`` on ``listener``, with TLS when ``tls`` is given.

    Each connection is a greenlet of its own. Servers that share ``places`` share the number of connections;
    without it this one has those of ``limits`` for itself. ``storage`` is where answers wait for slow clients.
    ``access`` says who may come in. ``terms`` holds these; others count from the next request on, and their TLS
    from the next connection on. They must not turn HTTP into HTTPS.
    """

    def __init__(
        self,
        listener: socket.socket,
        application: Application,
        logger: logging.Logger,
        *,
        access: Access | None = None,
        limits: DoorLimits | None = None,
        places: Places | None = None,
        storage: Storage | None = None,
        tls: ServerTls | None = None,
    ) -> None:
        host, port = listener.getsockname()[:2]
        limits = limits or DoorLimits()
        self.terms = Terms(application, access or Access(), limits, tls)
        self.scheme = "http" if tls is None else "https"
        self._greenlets = Pool()
        super().__init__(
            listener,
            None,  # it is that of the terms; another reference would outlive them
            log=None,
            error_log=None,
            spawn=self._greenlets,
            handler_class=Handler,
            # Known beforehand, so that pywsgi asks no name server.
            environ={"SERVER_NAME": host, "SERVER_PORT": str(port), "wsgi.url_scheme": self.scheme},
        )
        self.logger = logger
        self.places = places or Places(limits.clients, limits.clients_per_address)
        self.storage = storage or Storage()
        self.stopping = False
        self.handlers: set[Handler] = set()
        self._exchanging = Event()
        self._looking_after: gevent.Greenlet[..., None] | None = None

    def start(self) -> None:
        """Take connections."""
        super().start()
        self._looking_after = gevent.spawn(self._look_after)

    def begin_to_stop(self) -> None:
        """Take no new connection and close those without a request; does not wait.

        Who has come already is served: its connection would be reset with the listener, as those are whose TCP
        handshake is half done.
        """
        self.stopping = True
        if self.started:
            with suppress(OSError):
                while connection := self.do_read():
                    self.do_handle(*connection)
        self.close()
        for handler in list(self.handlers):
            handler.stop_waiting()

    def stop(self, timeout: float | None = None) -> None:
        """Stop: requests that run have ``timeout`` seconds to finish, then they are broken off."""
        self.begin_to_stop()
        super().stop(timeout)
        if self._looking_after is not None:
            self._looking_after.kill()

    def see_out(self) -> None:
        """Stop, and wait for requests that run until they have finished."""
        self.begin_to_stop()
        self._greenlets.join()
        self.stop()

    def break_off(self) -> None:
        """End running requests at once; their clients see that the answers are not whole."""
        for handler in list(self.handlers):
            handler.break_off()

    def exchange_begins(self) -> None:
        """Have those with an exchange looked after: one of them has begun one."""
        if not self._exchanging.is_set():
            self._exchanging.set()

    def _look_after(self) -> None:
        while True:
            self._exchanging.wait()  # who only waits for the next request needs nobody, and wakes nobody
            gevent.sleep(_LOOK_AFTER_SECONDS)
            self._look_after_all()

    def _look_after_all(self) -> None:
        # In a frame of its own: one that sleeps would keep the last client, and all that its failure holds.
        exchanging = False
        for handler in list(self.handlers):
            exchanging |= handler.look_after()
        if not exchanging:
            self._exchanging.clear()
