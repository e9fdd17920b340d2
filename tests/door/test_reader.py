"""What holds for any octets at the door's reader: how they arrive makes no difference, and h11 reads the same."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import h11
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smgwproxy.http1 import (
    MAX_HEAD,
    MAX_REQUEST_LINE,
    BodyReader,
    Incomplete,
    Lines,
    MessageError,
    check_request_start,
    keeps_alive,
    request_framing,
)
from smgwproxy.server.reading import parse_head
from smgwproxy.wire import Wire
from tests.door.vectors import NEXT, VECTORS
from tests.test_http1 import PATIENTLY, Feed, pieces_of

Exchange = tuple[str, str, int, Lines, bytes]
"""Method, target, minor version, header lines and body of a request."""

OPEN = [vector for vector in VECTORS if vector.only != "https"]
TAKEN = [vector for vector in OPEN if not vector.refused]
SHORT = [vector for vector in OPEN if len(vector.sent) < 400]
H11_REFUSES = {
    "blanks and tabs around an extension do not count",  # which RFC 9112 section 7.1.1 allows
    "trailers that would frame are dropped",  # it reads trailers as it reads heads
}
SPLICES = st.sampled_from(
    [*(bytes([octet]) for octet in b"\r\n \t:,;\0\x7f\xff0%#/"), b"\r\n", b"\r\n\r\n", b"5\r\n", b"a" * 17000]
) | st.sampled_from([b"Host: x\r\n", b"Content-Length: 6\r\n", b"Transfer-Encoding: chunked\r\n"])


def conversation(*pieces: bytes) -> tuple[list[Exchange], object]:
    """Read a connection to its end, or to the first fault; return the requests and the status of the fault."""
    wire = Wire(Feed(*pieces).receive)
    requests: list[Exchange] = []
    try:
        while wire.begun():
            head = parse_head(wire.head(MAX_HEAD, check_request_start), "http")
            body = BodyReader(wire, request_framing(head))
            octets = b""
            while piece := body.read(4096):
                octets += piece
            requests.append((head.method, head.target, head.minor, head.lines, octets))
            if not keeps_alive(head.minor, head.lines):
                break
    except MessageError as error:
        return requests, error.status
    except Incomplete:
        return requests, "cut off"
    return requests, None


@st.composite
def nearly_rows(draw: st.DrawFn) -> bytes:
    """A row and the next request, with a few octets of it exchanged for others."""
    octets = draw(st.sampled_from(SHORT)).sent + NEXT
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.integers(0, len(octets)))
        octets = octets[:place] + draw(SPLICES) + octets[place + draw(st.integers(0, 2)) :]
    return octets


@pytest.mark.parametrize("size", [1, 7, 1460])
def test_every_row_is_read_in_small_pieces_as_in_one(size: int) -> None:
    for vector in OPEN:
        octets = vector.sent + NEXT
        if len(octets) // size < 2000:
            pieces = [octets[place : place + size] for place in range(0, len(octets), size)]
            assert conversation(*pieces) == conversation(octets), vector.claim


@settings(PATIENTLY, max_examples=500)
@given(st.data(), nearly_rows())
def test_how_the_octets_of_a_connection_arrive_makes_no_difference(data: st.DataObject, octets: bytes) -> None:
    assert conversation(*data.draw(pieces_of(octets))) == conversation(octets)


@pytest.mark.parametrize(
    ("octets", "status"),
    [
        pytest.param(b"GE\0T /" + b"a" * 17000, 400, id="a bad octet, and too long"),
        pytest.param(b"GET /" + b"a" * 17000 + b"\0", 414, id="too long, and a bad octet"),
        pytest.param(b"GET /" + b"a" * 17000 + b"\n", 414, id="too long, and a bare LF"),
        pytest.param(b"GET / HTTP/2.0\r\nHost: pi\n\n", 505, id="a version, and a bare LF"),
        pytest.param(b"TRACE / HTTP/1.1\r\nHost : pi\r\n\r\n", 501, id="a method, and a malformed line"),
    ],
)
def test_of_two_faults_the_same_one_is_told_however_they_arrive(octets: bytes, status: int) -> None:
    for size in (100, MAX_REQUEST_LINE, MAX_REQUEST_LINE + 1, MAX_REQUEST_LINE + 2, len(octets)):
        pieces = [octets[place : place + size] for place in range(0, len(octets), size)]
        assert conversation(*pieces) == ([], status), size
    assert conversation(*one_by_one(octets)) == ([], status)


def one_by_one(octets: bytes) -> list[bytes]:
    """Cut ``octets`` into single ones, but for those in the middle of a request line that is too long."""
    near = MAX_REQUEST_LINE - 50
    singly = [octets[place : place + 1] for place in range(len(octets))]
    return [*singly[:50], octets[50:near], *singly[near:]]


def second_opinion(octets: bytes) -> Iterator[tuple[str, str, int, bytes]]:
    """Let h11 read a connection; yield method, target, minor version and body of its requests."""
    while octets:
        reader = h11.Connection(h11.SERVER, max_incomplete_event_size=64 * 1024)
        reader.receive_data(octets.removeprefix(b"\r\n"))  # which h11 does not skip
        head, body = reader.next_event(), b""
        assert isinstance(head, h11.Request)
        while isinstance(event := reader.next_event(), h11.Data):
            body += bytes(event.data)
        assert isinstance(event, h11.EndOfMessage)
        yield head.method.decode(), head.target.decode(), int(head.http_version[-1:]), body
        octets = reader.trailing_data[0]


def test_rows_that_are_taken_h11_takes_too_and_reads_the_same() -> None:
    for vector in TAKEN:
        if vector.claim in H11_REFUSES:
            continue
        requests, _ = conversation(vector.sent)
        told = [(method, target, minor, body) for method, target, minor, _, body in requests]
        # h11 leaves absolute targets as they are, and what may follow close to its user
        second = list(islice(second_opinion(vector.sent), len(told)))
        assert [(one[0], *one[2:]) for one in second] == [(one[0], *one[2:]) for one in told], vector.claim
        assert all(other[1] == one[1] or "://" in other[1] for one, other in zip(told, second, strict=True))
