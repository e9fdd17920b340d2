"""The strict reader, and the writer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from smgwproxy.demo.http import BrokenOff, Pace, Reader, RefusedRequest, Reply, serialize
from smgwproxy.demo.server import Delays


def _reader(data: bytes, piece: int = 65536) -> Reader:
    return Reader(_receive(data, piece), 1, ("127.0.0.1", 443))


def _receive(data: bytes, piece: int) -> Callable[[int], bytes]:
    pieces = [data[start : start + piece] for start in range(0, len(data), piece)]

    def receive(_: int) -> bytes:
        return pieces.pop(0) if pieces else b""

    return receive


@pytest.mark.parametrize("piece", [1, 7, 65536])
def test_a_request_is_kept_exactly_as_it_came(piece: int) -> None:
    head = (
        b"POST /a/../b%2f?x=%zz HTTP/1.1\r\nhost: gateway\r\nX-A: 1\r\nx-a:2 \r\n"
        b"X-Umlaut: \xe4\r\nX-Empty:\r\nContent-Length: 3\r\n\r\n"
    )
    request = _reader(head + b"abc", piece).read()

    assert request is not None
    assert (request.method, request.target, request.body) == ("POST", "/a/../b%2f?x=%zz", b"abc")
    assert request.headers == [
        ("host", "gateway"),
        ("X-A", "1"),
        ("x-a", "2"),
        ("X-Umlaut", "ä"),
        ("X-Empty", ""),
        ("Content-Length", "3"),
    ]
    assert request.head == head
    assert request.values("x-A") == ["1", "2"]
    assert request.value("x-a") is None
    assert request.path == "/a/../b%2f"


def test_requests_follow_each_other_until_the_client_closes() -> None:
    reader = _reader(
        b"POST /1 HTTP/1.1\r\nHost: g\r\nContent-Length: 2\r\n\r\nabGET /2 HTTP/1.1\r\nHost: g\r\n\r\n"
    )
    first, second = reader.read(), reader.read()

    assert first is not None
    assert second is not None
    assert (first.body, second.target) == (b"ab", "/2")
    assert reader.read() is None


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\nHost: g\r\n",
        b"POST / HTTP/1.1\r\nHost: g\r\nContent-Length: 5\r\n\r\nabc",
    ],
)
def test_a_request_that_ends_too_early_is_broken_off(data: bytes) -> None:
    with pytest.raises(BrokenOff) as error:
        _reader(data).read()

    assert error.value.args[0] == data


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET /\r\nHost: g", 400),
        (b"GET  / HTTP/1.1\r\nHost: g", 400),
        (b"GET /\xe4 HTTP/1.1\r\nHost: g", 400),
        (b"GET / HTTP/2.0\r\nHost: g", 400),
        (b"GET / HTTP/1.1", 400),
        (b"GET / HTTP/1.1\r\nHost: g\r\nHost: g", 400),
        (b"GET / HTTP/1.1\r\nHost : g", 400),
        (b"GET / HTTP/1.1\r\nHost: g\r\n folded", 400),
        (b"GET / HTTP/1.1\r\nHost: g\r\nX: a\nb", 400),
        (b"GET / HTTP/1.1\r\nHost: g\r\nX: a\rb", 400),
        (b"GET / HTTP/1.1\r\nHost: g\r\nX: a\0b", 400),
        (b"GET / HTTP/1.1\r\nHost: g\r\nnonsense", 400),
        (b"POST / HTTP/1.1\r\nHost: g\r\nContent-Length: 1\r\nContent-Length: 1", 400),
        (b"POST / HTTP/1.1\r\nHost: g\r\nContent-Length: 1_0", 400),
        (b"POST / HTTP/1.1\r\nHost: g\r\nContent-Length: 99999999999", 413),
        (b"POST / HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked", 411),
        (b"GET / HTTP/1.1\r\nHost: g\r\nX: " + b"a" * 70_000, 431),
    ],
)
def test_what_is_not_strictly_http_is_refused(head: bytes, status: int) -> None:
    with pytest.raises(RefusedRequest) as error:
        _reader(head + b"\r\n\r\n", 65536).read()

    assert error.value.status == status


@pytest.mark.parametrize(
    ("head", "closes"),
    [
        (b"GET / HTTP/1.1\r\nHost: g", False),
        (b"GET / HTTP/1.1\r\nHost: g\r\nConnection: keep-alive", False),
        (b"GET / HTTP/1.1\r\nHost: g\r\nConnection: TE, Close", True),
        (b"GET / HTTP/1.0", True),
    ],
)
def test_the_client_says_when_the_connection_ends(head: bytes, closes: bool) -> None:
    request = _reader(head + b"\r\n\r\n").read()

    assert request is not None
    assert request.wants_close is closes


def test_an_answer_is_written_with_its_length() -> None:
    now = datetime(2026, 5, 14, 10, 7, tzinfo=UTC)
    reply = Reply(404, (("Set-Cookie", "a=1;secure"), ("Set-Cookie", "b=2")), b"no")
    head = (
        b"HTTP/1.1 404 Not Found\r\nDate: Thu, 14 May 2026 10:07:00 GMT\r\n"
        b"Set-Cookie: a=1;secure\r\nSet-Cookie: b=2\r\nContent-Length: 2\r\n"
    )

    assert serialize(reply, now=now, close=False) == head + b"\r\nno"
    assert serialize(reply, now=now, close=True) == head + b"Connection: close\r\n\r\nno"
    assert serialize(reply, now=now, close=False, head_only=True) == head + b"\r\n"


def test_logins_requests_and_exports_have_delays_of_their_own() -> None:
    delays = Delays(login=2.5, request=1, export=60)

    assert delays.before(Reply(401, pace=Pace.LOGIN)) == 2.5
    assert delays.before(Reply(200)) == 1
    assert delays.before(Reply(200, pace=Pace.EXPORT)) == 61
