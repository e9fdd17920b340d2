"""Where rows are played: a proxy, the scripted gateway behind it, and a record of all that this one receives."""

from __future__ import annotations

import socket
import ssl
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace

from smgwproxy.limits import Limits
from smgwproxy.proxy import ReverseProxy
from smgwproxy.truststores.pinned import PinnedTrustStore
from tests.gateway.exchanges.row import GATEWAY, KEPT, NAME, PORT, End, Play
from tests.support import PATIENCE, Identity, Peer, RawGateway, connected, receive_all, running_proxy

_BUFFER = 64 * 1024  # of the gateway's sockets, so that a large body cannot hide in it
_MUCH = 1024 * 1024  # more of a body than needs keeping
_UNEXPECTED = b"HTTP/1.1 599 Not in the table\r\nContent-Length: 0\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Performance:
    """One way to do a `Play`: its octets as they are cut into records.

    If it ``waits``, everything behind the first record comes only once the client has its head.
    """

    play: Play
    records: Sequence[bytes]
    waits: bool = False


@dataclass(frozen=True, slots=True)
class Heard:
    """What came over one connection; ``kept`` if that had carried other requests before."""

    kept: bool
    octets: bytes


@dataclass
class _Line:
    """A connection to the gateway; of what it received, ``told`` octets have been asked for."""

    peer: Peer
    told: int = 0
    over: threading.Event = field(default_factory=threading.Event)


class Upstream:
    """Plays the gateway: one performance a request, in the order in which they were put up."""

    def __init__(self) -> None:
        self.client_has_head = threading.Event()
        self._performances: deque[Performance] = deque()
        self._lines: list[_Line] = []
        self._played = threading.Semaphore(0)

    def script(self, peer: Peer) -> None:
        """Serve one connection."""
        line = _Line(peer)
        self._lines.append(line)
        peer.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        peer.connection.settimeout(None)  # the next row of this door may be far away
        try:
            while head := peer.read_head():
                if not self._perform(peer, _length(head)):
                    break
        finally:
            line.over.set()

    def put_up(self, performances: Sequence[Performance]) -> None:
        """Have these played to the next requests, one each."""
        self.client_has_head.clear()
        self._performances.extend(performances)

    def wait_for(self, performances: int) -> None:
        """Wait until so many have been played."""
        for _ in range(performances):
            assert self._played.acquire(timeout=PATIENCE), "the gateway did not get all requests"

    def heard(self) -> list[Heard]:
        """Return what was received since the last call, connection by connection.

        All but the last one must come to their end first: then nothing more can come over them.
        """
        lines = [line for line in self._lines if len(line.peer.received) > line.told]
        for line in lines[:-1]:
            assert line.over.wait(PATIENCE), "the proxy holds a connection that it uses no more"
        heard = [Heard(line.told > 0, line.peer.received[line.told :]) for line in lines]
        for line in lines:
            line.told = len(line.peer.received)
        self._lines = [line for line in self._lines if not line.over.is_set()]
        return heard

    def clear(self) -> None:
        """Forget all that was put up, and end all connections."""
        self._performances.clear()
        self.client_has_head.set()
        for line in self._lines:
            with suppress(OSError):
                line.peer.connection.shutdown(socket.SHUT_RDWR)
            line.over.wait(PATIENCE)
        self._lines.clear()
        while self._played.acquire(blocking=False):
            pass

    def _perform(self, peer: Peer, length: int) -> bool:
        """Play what comes next to one request; False when its connection has ended with that."""
        given = self._performances.popleft() if self._performances else Performance(Play(()), [_UNEXPECTED])
        play = given.play
        try:
            if not play.early:
                peer.read_body(length)
            self._say(peer, given)
            _end(peer, play.end)
        finally:
            self._played.release()
        if play.early and play.end is End.STAYS:
            (peer.discard_body if length > _MUCH else peer.read_body)(length)
        return play.end is End.STAYS

    def _say(self, peer: Peer, given: Performance) -> None:
        # Many small segments wait for each other's receipts, and a reset would overtake those that still do.
        corked = given.play.end is End.RESETS or (given.play.early and given.play.end is not End.STAYS)
        _cork(peer, on=corked)
        for number, record in enumerate(given.records):
            if number == 1 and given.waits:
                _cork(peer, on=False)
                self.client_has_head.wait(PATIENCE)
                _cork(peer, on=corked)
            peer.send(record)
        _cork(peer, on=False)


def _cork(peer: Peer, *, on: bool) -> None:
    peer.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, on)


def _length(head: bytes) -> int:
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return int(lengths[0].partition(b":")[2]) if lengths else 0


def _end(peer: Peer, end: End) -> None:
    connection = peer.connection
    assert isinstance(connection, ssl.SSLSocket)
    if end is End.CLOSES:
        connection.settimeout(0)
        with suppress(ssl.SSLWantReadError):  # the proxy's own farewell need not be waited for
            connection.unwrap()
    if end in {End.CLOSES, End.CUTS}:
        socket.socket.shutdown(connection, socket.SHUT_WR)
    if end is End.RESETS:
        peer.reset()


@dataclass
class Stage:
    """One door of a proxy, and the gateway behind it."""

    door: str
    port: int
    origin: str
    upstream: Upstream
    _kept: bool = False
    _number: int = 0

    @property
    def tls(self) -> bool:
        return self.door == "https"

    def told(self, octets: bytes) -> bytes:
        """Put what they stand for in the place of the table's placeholders."""
        if b"<" not in octets:
            return octets
        authority = NAME if self.door == "named" else self.origin
        port = self.origin.rpartition(":")[2]
        return octets.replace(GATEWAY, authority.encode()).replace(PORT, port.encode())

    def prepare(self, before: Play) -> None:
        """Let the next request come behind one to which ``before`` happened; forget what was received so far."""
        if before is KEPT and not self._kept:
            self.follow_up()
        elif before is not KEPT:
            self._kept = False
            self.upstream.put_up([Performance(before, before.records)])
            with connected(self.port, tls=self.tls) as client:
                client.sendall(b"GET /before HTTP/1.1\r\nHost: pi:8080\r\nConnection: close\r\n\r\n")
                receive_all(client)
            self.upstream.wait_for(1)
        self.upstream.heard()

    def follow_up(self) -> bytes:
        """Do what `another` does, over a connection of another client."""
        with connected(self.port, tls=self.tls) as client:
            return self.another(client)

    def another(self, client: socket.socket) -> bytes:
        """Send one more request, check that all that comes is its answer, and return what the gateway receives."""
        self._number += 1
        content = b"%08d" % self._number
        answer = b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n" + content
        self.upstream.put_up([Performance(Play((answer,)), [answer])])
        client.sendall(b"GET /%b HTTP/1.1\r\nHost: pi:8080\r\nConnection: close\r\n\r\n" % content)
        said = receive_all(client)
        assert said == answer.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"), "not its own answer"
        self.upstream.wait_for(1)
        self._kept = True
        return self.told(b"GET /%b HTTP/1.1\r\nHost: <gateway>\r\n\r\n" % content)

    def clear(self) -> None:
        """Begin afresh, whatever has happened."""
        self.upstream.clear()
        self._kept = False


@contextmanager
def opened(door: str, identity: Identity) -> Iterator[Stage]:
    """Run one proxy with one door, and one gateway behind it."""
    upstream = Upstream()
    gateway = RawGateway(identity, upstream.script)
    gateway._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
    store = PinnedTrustStore([identity.certificate.fingerprint])  # the quickest
    # The next row of this door may be far away, and its connection must be kept until then.
    limits = Limits(read_timeout=PATIENCE / 2, keepalive=3600)
    try:
        with running_proxy(gateway.origin, store, limits, tls=identity if door == "https" else None) as proxy:
            if door == "named":
                application = ReverseProxy(proxy.gateway, host_header=NAME)
                proxy.server.terms = replace(proxy.server.terms, application=application)
            stage = Stage(door, proxy.port, str(gateway.origin), upstream)
            yield stage
            stage.clear()
    finally:
        gateway.stop()
