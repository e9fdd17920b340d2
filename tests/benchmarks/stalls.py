"""Whether exchanges of several patterns wait for an acknowledgement, which a kernel delays for 40 ms."""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from statistics import median

from tests.benchmarks.effort import Effort
from tests.benchmarks.others import installed, started
from tests.benchmarks.table import Table
from tests.support import PATIENCE, Peer, RawGateway, make_identity

_EXCHANGES = 200
_WARM_UP = 5
_STALL = 0.030  # seconds; the kernel delays an acknowledgement for 40 ms, or longer
_DIRECT = "direct"
_PIECES = tuple(bytes([letter]) * 200 for letter in b"abc")
_WHOLE = b"".join(_PIECES)
_REMARK = (
    f"{_EXCHANGES} exchanges one after the other over a kept connection, fewer where they take too long. The "
    "gateway has left Nagle's algorithm on, as clients have in the last pattern: what they write has to wait "
    "until what they wrote before is acknowledged. A cell tells the median and the slowest, and how many of "
    f"them took more than {_STALL * 1e3:.0f} ms. The client of the first row asks the gateway itself, over TLS; "
    "it acknowledges when its kernel does."
)


@dataclass(frozen=True, slots=True)
class _Pattern:
    name: str
    path: str
    posted: bool = False
    nagle: bool = False

    def exchange(self, connection: http.client.HTTPConnection) -> None:
        """Ask, and read the answer; raises when that is not the right one."""
        if self.posted:
            connection.putrequest("POST", self.path)
            connection.putheader("Content-Length", str(len(_WHOLE)))
            connection.endheaders()
            for piece in _PIECES:
                connection.send(piece)
        else:
            connection.request("GET", self.path)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200 or body != _WHOLE:
            raise ChildProcessError(f"{self.name}: {answer.status} {answer.reason}: {body!r}")


_PATTERNS = (
    _Pattern("GET", "/whole"),
    _Pattern("GET, head and body written apart", "/apart"),
    _Pattern("GET, chunks written apart", "/chunks"),
    _Pattern("POST, head and body written apart", "/whole", posted=True),
    _Pattern("the same with Nagle's algorithm", "/whole", posted=True, nagle=True),
)
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(_WHOLE)
_CHUNKS = tuple(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in _PIECES)
_ANSWERS: Mapping[bytes, tuple[bytes, ...]] = {
    b"/whole": (_HEAD + _WHOLE,),
    b"/apart": (_HEAD, *_PIECES),
    b"/chunks": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", *_CHUNKS, b"0\r\n\r\n"),
}
"""What the gateway writes, write by write."""


def measure(effort: Effort) -> Table:
    """Make the exchanges of each pattern with each proxy, once."""
    found = installed(effort.programs, variants=False)
    gateway = RawGateway(make_identity(effort.directory), _answer)
    try:
        with started(found.proxies, effort.directory, gateway.port, {"/whole": _WHOLE}) as programs:
            rows = [(_DIRECT, *_cells(gateway.port, effort.seconds, _untrusting()))]
            rows += [(proxy.name, *_cells(each.port, effort.seconds)) for proxy, each in programs.items()]
    finally:
        gateway.stop()
    columns = ("program", *(f"{pattern.name}: ms" for pattern in _PATTERNS))
    return Table("Stalls", columns, tuple(rows), (_REMARK, *found.remarks))


def _untrusting() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _answer(peer: Peer) -> None:
    while request := peer.read_request():
        for piece in _ANSWERS[request.split(b" ", 2)[1]]:
            peer.send(piece)


def _cells(port: int, seconds: float, context: ssl.SSLContext | None = None) -> list[str]:
    return [_cell(_spans(pattern, port, seconds, context)) for pattern in _PATTERNS]


def _cell(spans: Sequence[float]) -> str:
    stalls = sum(span > _STALL for span in spans)
    return f"{median(spans) * 1e3:.1f} / {max(spans) * 1e3:.1f} / {stalls} of {len(spans)}"


def _spans(pattern: _Pattern, port: int, seconds: float, context: ssl.SSLContext | None) -> list[float]:
    with closing(_connected(port, context)) as connection:
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, not pattern.nagle)
        for _ in range(_WARM_UP):
            pattern.exchange(connection)
        end = time.perf_counter() + seconds
        spans = [_span(pattern, connection)]
        while len(spans) < _EXCHANGES and time.perf_counter() < end:
            spans.append(_span(pattern, connection))
        return spans


def _connected(port: int, context: ssl.SSLContext | None) -> http.client.HTTPConnection:
    connection = (
        http.client.HTTPSConnection("127.0.0.1", port, timeout=PATIENCE, context=context)
        if context
        else http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    )
    connection.connect()
    return connection


def _span(pattern: _Pattern, connection: http.client.HTTPConnection) -> float:
    begun = time.perf_counter()
    pattern.exchange(connection)
    return time.perf_counter() - begun
