"""A visit at the gateway: one handshake that is looked at, and then requests over one kept connection.

The connections are those of `smgwproxy.gateway`, one after the other and never two; only their sockets take note
of times, and of what the server says within the handshake.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from smgwproxy.backend import Backend
from smgwproxy.certificate import Certificate
from smgwproxy.client_certificate import ClientCertificate
from smgwproxy.connection import ExactConnection, ExactPool
from smgwproxy.deadline import call_in_thread
from smgwproxy.doctor.exchange import LARGEST, NothingHeard, Reply
from smgwproxy.doctor.handshake import Agreed, read_agreed
from smgwproxy.errors import ExchangeError, GatewayClosed, GatewayError
from smgwproxy.gateway import Gateway
from smgwproxy.http1 import Lines
from smgwproxy.limits import Limits
from smgwproxy.origin import Origin
from smgwproxy.phrases import phrase
from smgwproxy.tls import client_context
from smgwproxy.truststores.base import TrustStore
from smgwproxy.truststores.record import Pin

_MOST = 256 * 1024  # bytes of a server's part of the handshake
_PROGRAM = "smgwproxy-doctor"


@dataclass(slots=True)
class Notes:
    """What the sockets took note of: of the last connection, seconds until it stood, and of its handshake.

    ``octets`` are all that was received within the handshake.
    """

    tcp: float | None = None
    tls: float = 0.0
    octets: bytes = b""


@dataclass(frozen=True, slots=True)
class Presented:
    """What one handshake told: the certificate, what was agreed on, and seconds for TCP and for TLS.

    ``agreed`` is None where the bytes could not be read.
    """

    certificate: Certificate
    agreed: Agreed | None
    tcp: float
    tls: float

    @property
    def suite(self) -> str | None:
        """OpenSSL's name of the suite that was agreed on."""
        if self.agreed is None:
            return None
        known = {suite["id"] & 0xFFFF: suite["name"] for suite in client_context().get_ciphers()}
        return str(known.get(self.agreed.suite, f"0x{self.agreed.suite:04x}"))


class HandshakeFailed(Exception):  # no error that anybody is told: the checks of TCP and TLS tell it
    """No certificate was seen; ``connected`` tells whether TCP's connection stood, for ``tcp`` seconds or less."""

    def __init__(self, error: GatewayError, tcp: float | None) -> None:
        super().__init__(str(error))
        self.error = error
        self.tcp = tcp


class Visit:
    """Asks the gateway ``origin``; use it as a context manager, so that its connection ends with a farewell.

    ``host`` is what is sent as Host. ``client_certificate`` must be given only where there is a pin: it is shown
    to a peer whose certificate was settled on. Not safe between threads.
    """

    def __init__(
        self, origin: Origin, limits: Limits, host: str, client_certificate: ClientCertificate | None = None
    ) -> None:
        self._host = host
        self._notes = Notes()
        self._settled = _Settled()
        self._gateway = Gateway(
            origin, self._settled, limits, _backend(self._notes), client_certificate=client_certificate
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._gateway.close()

    def shake_hands(self) -> Presented:
        """Make one connection, or one for each group that must be tried; sends no request.

        Raises `HandshakeFailed`.
        """
        try:
            certificate = self._gateway.presented_certificate()
        except GatewayError as error:
            raise HandshakeFailed(error, self._notes.tcp) from error
        try:
            agreed = read_agreed(self._notes.octets)
        except ValueError:
            agreed = None
        return Presented(certificate, agreed, self._notes.tcp or 0.0, self._notes.tls)

    def settle(self, pins: Sequence[Pin], certificate: Certificate) -> None:
        """Let requests go to who presents ``certificate``, and to nobody else; ``pins`` are those looked up."""
        known = next((pin for pin in pins if pin.fingerprint == certificate.fingerprint), None)
        self._settled.pins = (known if known is not None and known.certificate else Pin.of(certificate),)

    def ask(self, method: str, path: str, lines: Lines, body: bytes = b"") -> Reply:
        """Send one request; see `Asker.ask`."""
        sent: Lines = [("Host", self._host), ("User-Agent", _PROGRAM), *lines]
        if method == "POST":
            sent.append(("Content-Length", str(len(body))))
        begun = time.monotonic()
        try:
            with self._gateway.send(method, path, sent, (body,) if body else ()) as answer:
                seconds = time.monotonic() - begun
                pieces = []
                while piece := answer.read():
                    pieces.append(piece)
                    if sum(map(len, pieces)) > LARGEST:
                        raise NothingHeard(phrase("its answer has no end"), phrase("Try again."), closed=False)
                return Reply(answer.head.status, answer.head.lines, b"".join(pieces), seconds)
        except ExchangeError as error:
            raise NothingHeard(error.message, error.advice, closed=isinstance(error, GatewayClosed)) from error


class _Settled(TrustStore):
    """Has the pins that were settled on, and no first use: nothing is decided here, and nothing kept."""

    def __init__(self) -> None:
        self.pins: tuple[Pin, ...] = ()

    def lookup(self, origin: Origin) -> Sequence[Pin]:  # noqa: ARG002  # the protocol's
        """Return the pins; see `TrustStore.lookup`."""
        return self.pins

    def pin(self, origin: Origin, certificate: Certificate) -> Sequence[Pin]:  # noqa: ARG002  # the protocol's
        """Pin nothing; see `TrustStore.pin`."""
        return self.pins


# --- sockets that take note -----------------------------------------------------------------------------


def _backend(notes: Notes) -> Backend:
    class Connection(ExactConnection):
        """One whose sockets take note."""

        sockets = _Sockets(notes)

    class Pool(ExactPool):
        """Of such connections."""

        ConnectionCls = Connection

    return Backend(Pool, ssl.SSLContext, threading.Event, call_in_thread)


class _Sockets:
    """What `smgwproxy.dialling` needs of the module `socket`."""

    getaddrinfo = staticmethod(socket.getaddrinfo)

    def __init__(self, notes: Notes) -> None:
        self._notes = notes

    def socket(self, family: int, kind: int) -> _Socket:
        """Make a socket that takes note."""
        return _Socket(family, kind, self._notes)


class _Socket(socket.socket):
    def __init__(self, family: int, kind: int, notes: Notes) -> None:
        super().__init__(family, kind)
        self._notes = notes
        self._stands = 0.0

    def connect(self, address: Any) -> None:
        self._notes.tcp, self._notes.octets = None, b""
        begun = time.monotonic()
        super().connect(address)
        self._stands = time.monotonic()
        self._notes.tcp = self._stands - begun

    def recv(self, size: int, flags: int = 0) -> bytes:
        octets = super().recv(size, flags)
        notes = self._notes
        notes.octets = (notes.octets + octets)[:_MOST]
        notes.tls = time.monotonic() - self._stands
        return octets
