"""The client's side of a row: how it asks, and what it gets, read to its end."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto

import h11

from tests.gateway.exchanges.row import Broken, Row

_CLOSE = b"Connection: close\r\n"
_CODING = b"Transfer-Encoding: chunked\r\n"
_INTERIM = b"HTTP/1.1 100 Continue\r\n\r\n"


class Client(Enum):
    """Who sends a row: as it is written, with ``Connection: close`` added, or in HTTP/1.0."""

    AS_IT_IS = auto()
    CLOSING = auto()
    OLD = auto()

    def request(self, sends: bytes) -> bytes:
        """Return what it sends of what is written."""
        if self is Client.CLOSING:
            return sends.replace(b"\r\n\r\n", b"\r\n" + _CLOSE + b"\r\n", 1)
        if self is Client.OLD:
            return sends.replace(b" HTTP/1.1\r\n", b" HTTP/1.0\r\n", 1)
        return sends

    def head(self, head: bytes) -> bytes:
        """Return the head that it gets in the place of the one that is written."""
        if self is Client.AS_IT_IS:
            return head
        if self is Client.OLD:
            head = head.replace(_CODING, b"")
        return head[:-2] + _CLOSE + b"\r\n"


def clients(row: Row) -> Iterator[Client]:
    """Return the clients that a row can be sent by."""
    yield Client.AS_IT_IS
    head = row.sends.partition(b"\r\n\r\n")[0].lower()
    if row.ends and not isinstance(row.gets, Broken):
        return
    first = head.partition(b"\r\n")[0]
    if not first.endswith(b" http/1.1"):
        return
    yield Client.CLOSING
    # Chunks are none of HTTP/1.0's, and it would be asked to keep the connection.
    if b"transfer-encoding:" not in head and b"keep-alive" not in head:
        yield Client.OLD


class Ending(Enum):
    """What became of the client's connection."""

    OPEN = auto()
    CLOSED = auto()
    RESET = auto()


@dataclass(frozen=True, slots=True)
class Got:
    """All that came: one answer, its content without framing, and whether that came to its end."""

    octets: bytes
    head: bytes
    content: bytes
    trailers: bytes
    whole: bool
    behind: bytes
    ending: Ending

    @property
    def status(self) -> int:
        return int(self.head[9:12])


def send(client: socket.socket, pieces: list[bytes]) -> None:
    """Send ``pieces``, each in a write of its own."""
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with suppress(BrokenPipeError, ConnectionResetError):  # what was answered already can still be read
        for piece in pieces:
            client.sendall(piece)


def receive(client: socket.socket, method: bytes, begun: Callable[[], None], *, may_be_interim: bool) -> Got:
    """Read one answer to its end, or to the connection's where that comes first or must come then.

    ``begun`` is called once the head has come.
    """
    octets = b""
    while True:
        got = _read(octets, method, Ending.OPEN, may_be_interim=may_be_interim)
        if got is not None:
            begun()
            if got.whole and _CLOSE not in got.head:
                return got
        try:
            piece = client.recv(65536)
        except (ConnectionResetError, ssl.SSLEOFError):
            ending = Ending.RESET
            break
        if not piece:
            ending = Ending.CLOSED
            break
        octets += piece
    got = _read(octets, method, ending, may_be_interim=may_be_interim)
    assert got is not None, f"there is no whole head in {octets!r}"
    return got


def _read(octets: bytes, method: bytes, ending: Ending, *, may_be_interim: bool) -> Got | None:
    """Take an answer apart as far as it has come; None while there is no head."""
    answer = octets.removeprefix(_INTERIM) if may_be_interim else octets
    head, end, rest = answer.partition(b"\r\n\r\n")
    if not end:
        return None
    head += end
    content, trailers, whole, behind = b"", b"", True, rest
    if method == b"HEAD" or head[9:12] in {b"204", b"304"}:
        pass
    elif _CODING in head:
        content, trailers, whole, behind = _chunks(rest)
    elif (length := _length(head)) is not None:
        content, behind = rest[:length], rest[length:]
        whole = len(content) == length
    else:
        content, behind, whole = rest, b"", ending is Ending.CLOSED
    return Got(answer, head, content, trailers, whole, behind, ending)


def _length(head: bytes) -> int | None:
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    assert len(lengths) <= 1
    return int(lengths[0].partition(b":")[2]) if lengths else None


def _chunks(octets: bytes) -> tuple[bytes, bytes, bool, bytes]:
    """Return content, trailers, whether the end has come, and what is behind that."""
    content = b""
    while True:
        line, end, rest = octets.partition(b"\r\n")
        if not end:
            return content, b"", False, b""
        size = int(line, 16)
        assert line == b"%x" % size, "the proxy's own chunks have no more than a size"
        if not size:
            break
        content += rest[:size]
        if len(rest) < size + 2:
            return content, b"", False, b""
        assert rest[size : size + 2] == b"\r\n"
        octets = rest[size + 2 :]
    if rest.startswith(b"\r\n"):
        return content, b"", True, rest[2:]
    trailers, end, behind = rest.partition(b"\r\n\r\n")
    return content, trailers + b"\r\n" if end else b"", bool(end), behind


def is_one_answer(got: Got, method: bytes) -> bool:
    """Tell whether a second reader takes all that came for exactly one answer."""
    reader = h11.Connection(h11.CLIENT, max_incomplete_event_size=128 * 1024)
    reader.send(h11.Request(method=method, target="/", headers=[("Host", "pi")]))
    reader.send(h11.EndOfMessage())
    reader.receive_data(got.octets)
    content = b""
    while True:
        try:
            event = reader.next_event()
        except h11.RemoteProtocolError:
            return False
        if isinstance(event, h11.Data):
            content += event.data
        elif isinstance(event, h11.EndOfMessage):
            return content == got.content and not reader.trailing_data[0]
        elif event is h11.NEED_DATA:
            if got.ending is not Ending.CLOSED:
                return False
            reader.receive_data(b"")
