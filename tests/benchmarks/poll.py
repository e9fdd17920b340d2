"""How long a poll takes after the gateway has closed the idle connection: directly, and through proxies."""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.benchmarks.effort import Effort
from tests.benchmarks.others import installed
from tests.benchmarks.programs import Running
from tests.benchmarks.table import Table
from tests.support import PATIENCE, Peer, RawGateway, make_identity, settles

_HANDSHAKE = 0.5  # seconds that the gateway computes in a full handshake, before it answers the client's greeting
_REQUEST = 0.1  # and before each answer
_LOGIN = {"Authorization": 'Digest username="user", realm="gateway", nonce="0", uri="/", response="0"'}
_VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
_REMARK = (
    f"The gateway takes {_HANDSHAKE * 1e3:.0f} ms for a full handshake, none for a resumed one, and "
    f"{_REQUEST * 1e3:.0f} ms for each request. A poll is six requests one after the other, as clients of a PPC "
    "gateway make them: a GET that is answered with 401, the same GET with Digest, three forms, and the logout; "
    "it has a new connection to the proxy, or to the gateway itself. The first column is a poll after the gateway "
    "has rebooted and knows no session any more. Before those of the second it has closed all connections, as it "
    "does when they were idle for ten minutes. In the last column it closes the connection after each answer, and "
    "the client makes the first two requests. The number of full handshakes is that of one poll. The client is "
    "Python's http.client, which resumes nothing, as httpx, requests and aiohttp do not."
)


class _Gateway(RawGateway):
    """Slow at full handshakes, and at answers; closes idle connections, or all."""

    closes_each = False

    def _greeted(self, connection: ssl.SSLSocket, name: str | None, context: ssl.SSLContext) -> int | None:
        if not connection.session_reused:
            time.sleep(_HANDSHAKE)
        return super()._greeted(connection, name, context)

    def answer(self, peer: Peer) -> None:
        """Ask for a login, and let in who has any."""
        while request := peer.read_request():
            time.sleep(_REQUEST)
            known = b"\r\nauthorization:" in request.lower()
            lines = [b"HTTP/1.1 200 OK"] if known else [b"HTTP/1.1 401 Unauthorized", _CHALLENGE]
            closing_lines = [b"Connection: close"] if self.closes_each else []
            peer.send(b"\r\n".join([*lines, *closing_lines, b"Content-Length: 2", b"", b"ok"]))
            if self.closes_each:
                return

    def end_idle(self) -> None:
        """Close all connections, and wait until that is done."""
        for peer in self.peers:
            with suppress(OSError):  # it has ended already
                socket.socket.shutdown(peer.connection, socket.SHUT_RD)
        if not settles(lambda: self.open_now == 0):
            raise ChildProcessError("a connection of the gateway does not end")

    @property
    def full_handshakes(self) -> int:
        """How many there have been."""
        return sum(not peer.resumed for peer in self.peers)


_CHALLENGE = b'WWW-Authenticate: Digest realm="gateway", nonce="0", qop="auth"'


@dataclass(frozen=True, slots=True)
class Way:
    """A way to the gateway; ``run`` takes a directory of its own and the gateway's port; None: directly."""

    name: str
    run: Callable[[Path, int], AbstractContextManager[Running]] | None


def measure(effort: Effort) -> Table:
    """Poll directly and through each proxy, with both versions of TLS."""
    found = installed(effort.programs, variants=False)
    ways = [Way("direct", None), *(Way(proxy.name, proxy.run) for proxy in found.proxies)]
    rows = []
    for version in _VERSIONS:
        directory = effort.directory / version.name
        directory.mkdir()
        gateway = _Gateway(make_identity(directory), newest=version)
        gateway.script = gateway.answer
        try:
            for number, way in enumerate(ways):
                cells = _cells(way, gateway, directory / str(number), effort.rounds)
                rows.append((way.name, version.name.removeprefix("TLSv").replace("_", "."), *cells))
        finally:
            gateway.stop()
    columns = (
        "way",
        "TLS",
        "first poll: s",
        "poll after the idle close: s",
        "of them full handshakes",
        "login, each connection closed: s",
        "of them full handshakes",
    )
    return Table("A poll", columns, tuple(rows), (_REMARK,))


def _cells(way: Way, gateway: _Gateway, directory: Path, rounds: int) -> Sequence[str]:
    with _client(way, gateway, directory) as connect:
        _poll(connect)  # with what a program does once, such as a first use
        gateway.end_idle()
        gateway.reboot()
        first = _Timed.of(gateway, lambda: _poll(connect))
        polls = [_Timed.of(gateway, lambda: _poll(connect)) for _ in range(rounds)]
        gateway.closes_each = True
        logins = [_Timed.of(gateway, lambda: _log_in(connect)) for _ in range(rounds)]
        gateway.closes_each = False
    return (f"{first.seconds:.2f}", *_summary(polls), *_summary(logins))


@dataclass(frozen=True, slots=True)
class _Timed:
    seconds: float
    full_handshakes: int

    @classmethod
    def of(cls, gateway: _Gateway, poll: Callable[[], None]) -> _Timed:
        """Time ``poll``; after it all connections are idle for too long."""
        before, begun = gateway.full_handshakes, time.perf_counter()
        poll()
        seconds = time.perf_counter() - begun
        gateway.end_idle()
        return cls(seconds, gateway.full_handshakes - before)


def _summary(timed: Sequence[_Timed]) -> Sequence[str]:
    return f"{median(one.seconds for one in timed):.2f}", f"{median(one.full_handshakes for one in timed):.0f}"


_Connect = Callable[[], http.client.HTTPConnection]


@contextmanager
def _client(way: Way, gateway: _Gateway, directory: Path) -> Iterator[_Connect]:
    """Run what is on the way; yield what makes a client's connection."""
    if way.run is None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        yield lambda: http.client.HTTPSConnection("127.0.0.1", gateway.port, timeout=PATIENCE, context=context)
    else:
        directory.mkdir()
        with way.run(directory / "program", gateway.port) as program:
            yield lambda: http.client.HTTPConnection("127.0.0.1", program.port, timeout=PATIENCE)


def _poll(connect: _Connect) -> None:
    with closing(connect()) as connection:
        _ask(connection, "GET", 401)
        _ask(connection, "GET", 200, headers=_LOGIN)
        for action in ("meterform", "showMeterProfile", "swversions", "logout"):
            _ask(connection, "POST", 200, f"action={action}".encode(), _LOGIN)


def _log_in(connect: _Connect) -> None:
    with closing(connect()) as connection:
        _ask(connection, "GET", 401)
        _ask(connection, "GET", 200, headers=_LOGIN)


def _ask(
    connection: http.client.HTTPConnection,
    method: str,
    status: int,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> None:
    connection.request(method, "/cgi-bin/hanservice.cgi", body, headers or {})
    answer = connection.getresponse()
    if answer.status != status or answer.read() != b"ok":
        raise ChildProcessError(f"{method} is answered with {answer.status} {answer.reason}, not {status}")
