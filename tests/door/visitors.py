"""The clients of the soak: each kind sends its requests, good or bad, and checks what becomes of them."""

from __future__ import annotations

import random
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field

from smgwproxy.http1 import AnswerHead, BodyReader, Incomplete, answer_framing, parse_answer_head, values
from smgwproxy.wire import Wire
from tests.door.echo import FRAMINGS, content, mark
from tests.door.vectors import NEXT, VECTORS
from tests.support import AHEAD, PATIENCE, receive_all

DEADLINES = ("--head-timeout=1", "--body-timeout=2", "--handshake-timeout=2", "--idle-timeout=2")
"""Options under which slow clients are cut off soon, and all others have time enough on a busy machine."""

_CUT_OFF = (3.0, 6.0, 12.0)  # seconds after which a client that does not read has been; a busy machine is late
_MAX_HEAD = 64 * 1024
_BUFFERED = 2_000_000  # bytes of an answer: more than proxy and kernel keep for a client that does not read
_CROWD = 60  # connections, more than one address may have
_LINGER_AND_RESET = b"\x01\0\0\0\0\0\0\0"

_context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
_context.check_hostname, _context.verify_mode = False, ssl.CERT_NONE

# Those that the limit for gathered bodies refuses are written for a smaller one than the program has.
_ROWS = tuple(vector for vector in VECTORS if vector.refused != 413)


@dataclass
class Visit:
    """One client's visit at a door of the proxy: ``scheme`` and ``port``; it comes from ``address``.

    ``number`` is its own among all visits, and all its choices follow from that.
    """

    number: int
    scheme: str
    port: int
    address: str
    requests: int = 0
    connections: int = 0
    chance: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.number)  # noqa: S311  # no secret

    @contextmanager
    def reached(self, receive_buffer: int | None = None) -> Iterator[socket.socket]:
        """Connect, without TLS so far."""
        self.connections += 1
        with socket.socket() as client:
            if receive_buffer is not None:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            client.settimeout(PATIENCE)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            client.bind((self.address, 0))
            client.connect(("127.0.0.1", self.port))
            yield client

    @contextmanager
    def connected(self, receive_buffer: int | None = None) -> Iterator[socket.socket]:
        """Connect as the door wants it; a TLS stream that is cut is an error and no end."""
        with self.reached(receive_buffer) as plain:
            if self.scheme == "http":
                yield plain
                return
            with _context.wrap_socket(plain, suppress_ragged_eofs=False) as client:
                yield client

    def asks(self, method: str = "GET", how: str = "length", size: int | None = None, body: bytes = b"") -> Asked:
        """Make a request that no other visit makes."""
        self.requests += 1
        size = self.chance.choice((0, 1, 100, 5_000)) if size is None else size
        return Asked(method, f"/{how}/{self.number}-{self.requests}/{size}", body)

    def some_body(self) -> bytes:
        """Make a body: mostly a small one, now and then one that is not gathered in memory, or sent in one go."""
        return self.chance.randbytes(self.chance.choice((1, 10, 1_000, 20_000, 20_000, AHEAD + 50_000)))

    def leave(self, client: socket.socket) -> None:
        """Go away as it comes: with TLS's farewell or without, with TCP's or with a reset."""
        if isinstance(client, ssl.SSLSocket) and self.chance.random() < 0.3:
            client.settimeout(0.0)
            with suppress(OSError, ValueError):
                client.unwrap()
        if self.chance.random() < 0.5:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_AND_RESET)
        client.close()


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, and so what must be answered."""

    method: str
    target: str
    body: bytes

    def head(self, *lines: str, minor: int = 1) -> bytes:
        """Write the head with further ``lines``."""
        told = "".join(
            f"{line}\r\n" for line in (f"{self.method} {self.target} HTTP/1.{minor}", "Host: pi", *lines)
        )
        return told.encode() + b"\r\n"

    def whole(self, *lines: str, minor: int = 1) -> bytes:
        """Write head and body, with its length."""
        length = [f"Content-Length: {len(self.body)}"] if self.body else []
        return self.head(*length, *lines, minor=minor) + self.body

    def chunked(self, chance: random.Random) -> bytes:
        """Write the request with its body in chunks."""
        pieces, rest = [], self.body
        while rest:
            size = chance.randint(1, max(1, len(self.body) // 3))
            pieces.append(b"%x\r\n%b\r\n" % (len(rest[:size]), rest[:size]))
            rest = rest[size:]
        return self.head("Transfer-Encoding: chunked") + b"".join(pieces) + b"0\r\n\r\n"


class Reader:
    """Reads the answers on ``client``, one after the other."""

    def __init__(self, client: socket.socket) -> None:
        self._wire = Wire(client.recv)

    def head(self) -> AnswerHead:
        return parse_answer_head(self._wire.head(_MAX_HEAD))

    def body(self, head: AnswerHead, method: str) -> bytes:
        """Read the body to its end; raises `Incomplete` and `OSError` when it is not whole."""
        reader = BodyReader(self._wire, answer_framing(head, method))
        pieces = []
        while piece := reader.read(65536):
            pieces.append(piece)
        return b"".join(pieces)

    def check(self, asked: Asked, head: AnswerHead | None = None) -> AnswerHead:
        """Read an answer, or what follows its ``head``: the one to ``asked``, to the last byte."""
        head = head or self.head()
        assert head.status == 200, head
        assert values(head.lines, "x-mark") == [mark(asked.method, asked.target, asked.body)], "another's answer"
        wanted = b"" if asked.method == "HEAD" else content(asked.method, asked.target, asked.body)
        assert self.body(head, asked.method) == wanted, "another's body"
        return head

    def check_refusal(self, status: int) -> None:
        """Read an answer of the proxy itself, which is the last one."""
        head = self.head()
        assert head.status == status, head
        assert any(value.startswith("smgwproxy; error=") for value in values(head.lines, "proxy-status"))
        assert values(head.lines, "connection") == ["close"]
        page = b""
        while piece := self._wire.some(65536):
            page += piece
        assert values(head.lines, "content-length") == [str(len(page))] or not page  # none behind HEAD

    def check_end(self) -> None:
        """See that nothing comes any more but the end of the connection."""
        assert self._wire.some(1) == b""


def send(client: socket.socket, octets: bytes) -> None:
    """Send ``octets``; who is refused meanwhile can still read why."""
    with suppress(BrokenPipeError, ConnectionResetError, ssl.SSLEOFError):
        client.sendall(octets)


# --- good ones: each gets its own answer ------------------------------------------------------------------


def asks_once(visit: Visit) -> None:
    asked = visit.asks(visit.chance.choice(("GET", "HEAD", "OPTIONS", "DELETE")), visit.chance.choice(FRAMINGS))
    with visit.connected() as client:
        client.sendall(asked.whole("Connection: close"))
        reader = Reader(client)
        reader.check(asked)
        reader.check_end()


def asks_on_and_on(visit: Visit) -> None:
    with visit.connected() as client:
        reader = Reader(client)
        for _ in range(visit.chance.randint(2, 10)):
            method = visit.chance.choice(("GET", "HEAD", "POST", "PUT"))
            body = visit.some_body() if method in {"POST", "PUT"} else b""
            asked = visit.asks(method, visit.chance.choice((*FRAMINGS, "think")), body=body)
            client.sendall(asked.whole())
            reader.check(asked)


def pipelines(visit: Visit) -> None:
    several = [
        visit.asks(visit.chance.choice(("GET", "HEAD")), "length") for _ in range(visit.chance.randint(2, 8))
    ]
    several.append(visit.asks("POST", body=b"the last one"))
    with visit.connected() as client:
        client.sendall(b"".join(one.whole() for one in several))
        reader = Reader(client)
        for one in several:
            reader.check(one)


def uploads(visit: Visit) -> None:
    asked = visit.asks("POST", body=visit.some_body())
    with visit.connected() as client:
        client.sendall(asked.whole())
        Reader(client).check(asked)


def uploads_in_chunks(visit: Visit) -> None:
    asked = visit.asks("POST", "chunked", body=visit.some_body())
    with visit.connected() as client:
        client.sendall(asked.chunked(visit.chance))
        Reader(client).check(asked)


def waits_to_be_asked_for_the_body(visit: Visit) -> None:
    asked = visit.asks("PUT", body=visit.some_body())
    with visit.connected() as client:
        client.sendall(asked.head(f"Content-Length: {len(asked.body)}", "Expect: 100-continue"))
        reader = Reader(client)
        assert reader.head().status == 100
        client.sendall(asked.body)
        reader.check(asked)


def speaks_http_1_0(visit: Visit) -> None:
    first, last = visit.asks(), visit.asks("GET", visit.chance.choice(FRAMINGS))
    with visit.connected() as client:
        reader = Reader(client)
        client.sendall(first.whole("Connection: keep-alive", minor=0))
        reader.check(first)
        client.sendall(last.whole(minor=0))
        reader.check(last)
        reader.check_end()


def takes_much(visit: Visit) -> None:
    asked = visit.asks("GET", visit.chance.choice(FRAMINGS), size=visit.chance.choice((300_000, 1_000_000)))
    with visit.connected(visit.chance.choice((None, 16_384))) as client:
        client.sendall(asked.whole())
        Reader(client).check(asked)


def is_slow_but_steady(visit: Visit) -> None:
    asked = visit.asks("POST", "think", size=10_000, body=visit.chance.randbytes(500))
    octets = asked.whole()
    cuts = sorted(visit.chance.sample(range(1, len(octets)), 8))
    with visit.connected() as client:
        for start, end in zip([0, *cuts], [*cuts, len(octets)], strict=True):
            client.sendall(octets[start:end])
            time.sleep(0.03)
        Reader(client).check(asked)


# --- bad ones: each gets its status, and a clean end ------------------------------------------------------


def sends_a_row_of_the_table(visit: Visit) -> None:
    vector = visit.chance.choice([one for one in _ROWS if one.only in {None, visit.scheme}])
    passed = len(vector.seen) + vector.lives_on
    visit.requests += max(1, passed)
    with visit.connected() as client:
        send(client, vector.sent + NEXT)
        reader = Reader(client)
        try:
            while passed:
                head = reader.head()
                assert head.status in {100, 200}, head
                assert head.status == 100 or values(head.lines, "content-length") == ["0"]
                passed -= head.status == 200
            if vector.refused:
                reader.check_refusal(vector.refused)
            else:
                reader.check_end()
        except Exception as error:
            error.add_note(f"the row: {vector.claim}")
            raise


def calls_the_proxy_a_strangers_name(visit: Visit) -> None:
    visit.requests += 1
    with visit.connected() as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: attacker.example\r\n\r\n")
        Reader(client).check_refusal(421)


def posts_from_another_site(visit: Visit) -> None:
    visit.requests += 1
    with visit.connected() as client:
        client.sendall(
            b"POST / HTTP/1.1\r\nHost: pi\r\nOrigin: https://attacker.example\r\nContent-Length: 4\r\n\r\nabcd"
        )
        Reader(client).check_refusal(403)


def takes_the_wrong_door(visit: Visit) -> None:
    visit.requests += 1
    with visit.reached() as client:
        if visit.scheme == "https":
            client.sendall(b"GET / HTTP/1.1\r\nHost: pi\r\n\r\n")
        else:
            client.sendall(client_hello())
        Reader(client).check_refusal(400)


def never_ends_its_head(visit: Visit) -> None:
    visit.requests += 1
    with visit.connected() as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: p")
        Reader(client).check_refusal(408)


def never_ends_its_body(visit: Visit) -> None:
    visit.requests += 1
    length = visit.chance.choice((b"Content-Length: 20", b"Transfer-Encoding: chunked"))
    with visit.connected() as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: pi\r\n" + length + b"\r\n\r\n5\r\nabcde\r\n")
        Reader(client).check_refusal(408)


def says_nothing(visit: Visit) -> None:
    with visit.chance.choice((visit.reached, visit.connected))() as client:
        Reader(client).check_end()


def does_not_read(visit: Visit) -> None:
    assert any(_is_cut_off(visit, seconds) for seconds in _CUT_OFF)


def _is_cut_off(visit: Visit, seconds: float) -> bool:
    asked = visit.asks("GET", "length", size=_BUFFERED)
    with visit.connected(4096) as client:
        client.sendall(asked.whole())
        assert client.recv(1)  # it has had its turn
        time.sleep(seconds)
        with suppress(ssl.SSLEOFError):
            return len(receive_all(client)) < _BUFFERED
    return True


def meets_a_gateway_that_hangs_up(visit: Visit) -> None:
    asked = visit.asks("GET", "hangup")
    with visit.connected() as client:
        client.sendall(asked.whole())
        assert Reader(client).head().status == 502


def meets_a_gateway_that_breaks_off(visit: Visit) -> None:
    asked = visit.asks("GET", "broken")
    with visit.connected() as client:
        client.sendall(asked.whole())
        reader = Reader(client)
        try:
            head = reader.head()
            if head.status == 200:  # else the proxy knew before it had passed on anything
                reader.body(head, "GET")
                raise AssertionError("the answer came to an end")
            assert head.status == 502
        except (Incomplete, OSError):
            pass


# --- those that leave: nobody is left to be answered ------------------------------------------------------


def leaves_without_a_word(visit: Visit) -> None:
    with visit.chance.choice((visit.reached, visit.connected))() as client:
        visit.leave(client)


def leaves_in_a_head(visit: Visit) -> None:
    octets = visit.asks().whole()
    with visit.connected() as client:
        client.sendall(octets[: visit.chance.randrange(1, len(octets))])
        visit.leave(client)


def leaves_in_a_body(visit: Visit) -> None:
    asked = visit.asks("POST", body=visit.chance.randbytes(visit.chance.choice((20_000, AHEAD + 50_000))))
    octets = visit.chance.choice((asked.whole(), asked.chunked(visit.chance)))
    with visit.connected() as client:
        send(client, octets[: visit.chance.randrange(octets.index(b"\r\n\r\n") + 4, len(octets))])
        visit.leave(client)


def leaves_while_it_is_waited_for(visit: Visit) -> None:
    asked = visit.asks("GET", visit.chance.choice(("hold", "think", "think", "think")))
    with visit.connected() as client:
        client.sendall(asked.whole() + visit.chance.choice((b"", asked.whole())))
        visit.leave(client)


def leaves_within_its_answer(visit: Visit) -> None:
    asked = visit.asks("GET", visit.chance.choice(("endless", "length", "chunked", "close")), size=600_000)
    with visit.connected(8192) as client:
        client.sendall(asked.whole())
        client.recv(visit.chance.choice((1, 20_000)))
        visit.leave(client)


def leaves_in_the_handshake(visit: Visit) -> None:
    hello = client_hello()
    with visit.reached() as client:
        client.sendall(hello[: visit.chance.randint(1, len(hello))])
        visit.leave(client)


def breaks_tls(visit: Visit) -> None:
    with visit.connected() as client:
        client.sendall(visit.asks().whole()[: visit.chance.choice((10, None))])
        # Past TLS; at the other door it is what a request cannot have.
        with suppress(OSError):
            socket.socket.send(client, b"\0 what is no TLS record and no header line either\r\n\r\n")
        visit.leave(client)


def comes_in_a_crowd(visit: Visit) -> None:
    start = visit.chance.choice(
        (b"", b"GET / HTTP/1.1\r\nHost", b"POST / HTTP/1.1\r\nHost: pi\r\nContent-Length: 9\r\n\r\n")
    )
    with ExitStack() as opened:
        for _ in range(_CROWD):
            send(opened.enter_context(visit.reached()), start)
        asks_once(visit)


def client_hello() -> bytes:
    """Return the first bytes that a TLS client sends."""
    outgoing = ssl.MemoryBIO()
    with suppress(ssl.SSLWantReadError):
        _context.wrap_bio(ssl.MemoryBIO(), outgoing).do_handshake()
    return outgoing.read()


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of visit: how, which share of all, and at which door if not at both."""

    visit: Callable[[Visit], None]
    share: int
    only: str | None = None

    @property
    def claim(self) -> str:
        """What it does, in words."""
        return self.visit.__name__.replace("_", " ")


KINDS = (
    Kind(asks_once, 100),
    Kind(asks_on_and_on, 100),
    Kind(pipelines, 40),
    Kind(uploads, 40),
    Kind(uploads_in_chunks, 40),
    Kind(waits_to_be_asked_for_the_body, 30),
    Kind(speaks_http_1_0, 30),
    Kind(takes_much, 20),
    Kind(is_slow_but_steady, 20),
    Kind(sends_a_row_of_the_table, 200),
    Kind(calls_the_proxy_a_strangers_name, 20),
    Kind(posts_from_another_site, 20),
    Kind(takes_the_wrong_door, 20),
    Kind(never_ends_its_head, 10),
    Kind(never_ends_its_body, 10),
    Kind(says_nothing, 10),
    Kind(does_not_read, 2),
    Kind(meets_a_gateway_that_hangs_up, 10),
    Kind(meets_a_gateway_that_breaks_off, 10),
    Kind(leaves_without_a_word, 20),
    Kind(leaves_in_a_head, 20),
    Kind(leaves_in_a_body, 30),
    Kind(leaves_while_it_is_waited_for, 20),
    Kind(leaves_within_its_answer, 20),
    Kind(leaves_in_the_handshake, 20, only="https"),
    Kind(breaks_tls, 20, only="https"),
    Kind(comes_in_a_crowd, 3),
)
