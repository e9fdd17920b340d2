"""HTTP/1.1 messages: what RFC 9112 allows is read, what two programs could read in two ways is refused."""

from __future__ import annotations

import re

import h11
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from smgwproxy.http1 import (
    MAX_CHUNK_LINE,
    MAX_HEAD,
    MAX_LINES,
    AnswerHead,
    BodyReader,
    Chunked,
    Framing,
    Incomplete,
    Length,
    Lines,
    MessageError,
    RequestHead,
    UntilClose,
    answer_framing,
    encoded_head,
    keeps_alive,
    parse_answer_head,
    parse_field_lines,
    parse_request_head,
    request_framing,
    tokens,
    values,
)
from smgwproxy.wire import Wire

PATIENTLY = settings(deadline=None)  # a busy machine is no fault
TCHARS = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def request(first: bytes = b"GET / HTTP/1.1", *lines: bytes) -> bytes:
    return b"\r\n".join([first, *lines, b"", b""])


def head(*lines: bytes, minor: int = 1) -> RequestHead:
    return parse_request_head(request(b"POST / HTTP/1.%d" % minor, *lines))


def answer(*lines: bytes, first: bytes = b"HTTP/1.1 200 OK") -> AnswerHead:
    return parse_answer_head(request(first, *lines))


# --- request heads --------------------------------------------------------------------------------------


def test_a_request_head_is_read_as_it_is() -> None:
    octets = request(b"POST /a?b=%2F HTTP/1.0", b"HOST:pi", b"x-a: \t 1 2\t ", b"X-A: \xe4\xff", b"Empty:")
    assert parse_request_head(octets) == RequestHead(
        "POST", "/a?b=%2F", 0, [("HOST", "pi"), ("x-a", "1 2"), ("X-A", "\xe4\xff"), ("Empty", "")]
    )


def test_one_empty_line_before_a_request_is_skipped() -> None:  # RFC 9112 section 2.2
    assert parse_request_head(b"\r\n" + request()) == parse_request_head(request())


@pytest.mark.parametrize("start", [b"\r\n\r\n", b"\n", b"\r", b"\r\n\n", b" \r\n"])
def test_anything_else_before_a_request_is_refused(start: bytes) -> None:
    with pytest.raises(MessageError):
        parse_request_head(start + request())


def test_an_empty_line_before_an_answer_is_refused() -> None:
    with pytest.raises(MessageError):
        parse_answer_head(b"\r\nHTTP/1.1 200 OK\r\n\r\n")


@pytest.mark.parametrize("method", ["GET", "post", "M-SEARCH", "!#$%&'*+-.^_`|~09Az"])
def test_any_token_is_a_method(method: str) -> None:
    assert parse_request_head(request(f"{method} / HTTP/1.1".encode())).method == method


@pytest.mark.parametrize(
    "target", ["/", "*", "http://pi/", "pi:443", "/%2f%2F", "/a/../b//c", "/?", "/?a=b?c=d", '/"<>[]\\^`{|}~']
)
def test_targets_come_through_byte_for_byte(target: str) -> None:
    assert parse_request_head(request(f"GET {target} HTTP/1.1".encode())).target == target


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(b"", id="9112-3-no-request-line"),
        pytest.param(b"GET /", id="9112-3-http-0.9"),
        pytest.param(b"GET  HTTP/1.1", id="9112-3.2-no-target"),
        pytest.param(b"GET  / HTTP/1.1", id="9112-3-two-blanks-before-the-target"),
        pytest.param(b"GET /  HTTP/1.1", id="9112-3-two-blanks-after-the-target"),
        pytest.param(b"GET\t/ HTTP/1.1", id="9112-3-tab"),
        pytest.param(b" GET / HTTP/1.1", id="9112-3-blank-first"),
        pytest.param(b"GET / HTTP/1.1 ", id="9112-3-blank-last"),
        pytest.param(b"GET /a b HTTP/1.1", id="9112-3.2-blank-in-the-target"),
        pytest.param(b"GET /a\x0bb HTTP/1.1", id="9112-3.2-control-in-the-target"),
        pytest.param(b"GET /\xc3\xa4 HTTP/1.1", id="9112-3.2-octet-above-ascii-in-the-target"),
        pytest.param(b"GET /\x7f HTTP/1.1", id="9112-3.2-delete-in-the-target"),
        pytest.param(b"GET /% HTTP/1.1", id="3986-2.1-lone-percent"),
        pytest.param(b"GET /%4 HTTP/1.1", id="3986-2.1-one-hex-digit"),
        pytest.param(b"GET /%4g HTTP/1.1", id="3986-2.1-no-hex-digit"),
        pytest.param(b"GET /%%34 HTTP/1.1", id="3986-2.1-percent-percent"),
        pytest.param(b"G\0T / HTTP/1.1", id="9110-9.1-nul-in-the-method"),
        pytest.param(b"G(T / HTTP/1.1", id="9110-9.1-separator-in-the-method"),
        pytest.param(b"G\xc4T / HTTP/1.1", id="9110-9.1-octet-above-ascii-in-the-method"),
        pytest.param(b"GET / http/1.1", id="9112-2.3-version-in-small-letters"),
        pytest.param(b"GET / HTTP/1", id="9112-2.3-version-without-minor"),
        pytest.param(b"GET / HTTP/1.11", id="9112-2.3-version-of-two-digits"),
        pytest.param(b"GET / HTTP/1.\xb2", id="9112-2.3-a-digit-that-is-not-ascii"),
        pytest.param(b"GET / HTTPS/1.1", id="9112-2.3-another-protocol"),
        pytest.param(b"GET /\rX HTTP/1.1", id="9112-2.2-bare-cr"),
        pytest.param(b"GET / HTTP/1.1\nHost: pi", id="9112-2.2-bare-lf"),
        pytest.param(b"GET / HTTP/1.1\r", id="9112-2.2-cr-cr-lf"),
    ],
)
def test_malformed_request_lines_are_refused(first: bytes) -> None:
    with pytest.raises(MessageError) as caught:
        parse_request_head(request(first, b"Host: pi"))
    assert caught.value.status == 400


@pytest.mark.parametrize("version", [b"0.9", b"1.2", b"1.9", b"2.0", b"3.0", b"9.9", b"0.1", b"0.0", b"2.1"])
def test_versions_other_than_1_0_and_1_1_are_refused_with_505(version: bytes) -> None:
    with pytest.raises(MessageError, match=re.escape(version.decode())) as caught:
        parse_request_head(request(b"GET / HTTP/" + version))
    assert caught.value.status == 505


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"GET / HTTP/1.1\r\n", id="no-empty-line"),
        pytest.param(b"GET / HTTP/1.1\n\n", id="9112-2.2-bare-lf-throughout"),
        pytest.param(b"GET / HTTP/1.1\r\n\n", id="9112-2.2-bare-lf-at-the-end"),
        pytest.param(b"GET / HTTP/1.1\n\r\n", id="9112-2.2-bare-lf-before-the-end"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: pi\n\r\n", id="9112-2.2-bare-lf-after-a-line"),
        pytest.param(b"GET / HTTP/1.1\r\nA: b\nC: d\r\n\r\n", id="9112-2.2-bare-lf-between-lines"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\nA: b\r\n\r\n", id="an-empty-line-in-the-middle"),
    ],
)
def test_line_ends_other_than_cr_lf_are_refused(octets: bytes) -> None:
    for parse in (parse_request_head, parse_answer_head):
        with pytest.raises(MessageError):
            parse(octets)


# --- header lines ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b"Host", id="9112-5-no-colon"),
        pytest.param(b"Host : pi", id="9112-5.1-blank-before-the-colon"),
        pytest.param(b"Host\t: pi", id="9112-5.1-tab-before-the-colon"),
        pytest.param(b" Host: pi", id="9112-5.2-folded-with-a-blank"),
        pytest.param(b"\tHost: pi", id="9112-5.2-folded-with-a-tab"),
        pytest.param(b": pi", id="9110-5.1-no-name"),
        pytest.param(b"H\xc3\xb6st: pi", id="9110-5.1-octet-above-ascii-in-the-name"),
        pytest.param(b"H(st: pi", id="9110-5.1-separator-in-the-name"),
        pytest.param(b"H\0st: pi", id="9110-5.1-nul-in-the-name"),
        pytest.param(b"X: a\rSet-Cookie: b", id="9112-2.2-bare-cr-in-the-value"),
        pytest.param(b"X: a\r", id="9112-2.2-cr-cr-lf"),
        pytest.param(b"X: a\nY: b", id="9112-2.2-bare-lf-in-the-value"),
        pytest.param(b"X: a\0b", id="9110-5.5-nul-in-the-value"),
        pytest.param(b"X: a\x01b", id="9110-5.5-control-in-the-value"),
        pytest.param(b"X: a\x0bb", id="9110-5.5-vertical-tab-in-the-value"),
        pytest.param(b"X: a\x7f", id="9110-5.5-delete-in-the-value"),
    ],
)
@pytest.mark.parametrize("before", [(), (b"Accept: */*",)], ids=["first", "later"])
def test_malformed_header_lines_are_refused_in_both_directions(line: bytes, before: tuple[bytes, ...]) -> None:
    with pytest.raises(MessageError) as caught:
        head(*before, line)
    assert caught.value.status == 400
    with pytest.raises(MessageError):
        answer(*before, line)


def test_names_may_be_any_token_and_values_any_visible_octet() -> None:
    value = "".join(chr(code) for code in [*range(0x21, 0x7F), 0x20, 0x09, *range(0x80, 0x100), 0x21])
    assert parse_field_lines([f"{TCHARS}:{value}"]) == [(TCHARS, value)]


def test_only_blanks_and_tabs_around_a_value_are_not_part_of_it() -> None:
    # Python's own strip() would take away NEL and the no-break space as well.
    assert parse_field_lines(["X: \t\x85\xa0a\xa0\x85\t "]) == [("X", "\x85\xa0a\xa0\x85")]


def test_a_hundred_lines_are_taken_and_one_more_is_refused_with_431() -> None:
    lines = [b"A: b"] * MAX_LINES
    assert len(head(*lines).lines) == MAX_LINES
    with pytest.raises(MessageError) as caught:
        head(*lines, b"A: b")
    assert caught.value.status == 431


def test_values_and_tokens_find_every_line_whatever_its_case() -> None:
    lines = [("Connection", "Close,\tX-A , ,"), ("Host", "pi"), ("CONNECTION", "keep-alive")]
    assert values(lines, "connection") == ["Close,\tX-A , ,", "keep-alive"]
    assert tokens(lines, "connection") == ["close", "x-a", "keep-alive"]
    assert values(lines, "cookie") == tokens(lines, "cookie") == []


# --- answer heads ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        pytest.param(b"HTTP/1.1 200 OK", (1, 200, "OK"), id="usual"),
        pytest.param(b"HTTP/1.0 404 Not  Found ", (0, 404, "Not  Found "), id="reason-as-it-is"),
        pytest.param(b"HTTP/1.1 307 ", (1, 307, ""), id="9112-4-no-reason"),
        pytest.param(b"HTTP/1.1 307", (1, 307, ""), id="no-reason-and-no-blank"),
        pytest.param(b"HTTP/1.1 200 \xc3\x9c", (1, 200, "\xc3\x9c"), id="9112-4-octets-above-ascii-in-the-reason"),
        pytest.param(b"HTTP/1.1 100 Continue", (1, 100, "Continue"), id="interim"),
        pytest.param(b"HTTP/1.1 999 x", (1, 999, "x"), id="9110-15-unknown-class"),
    ],
)
def test_status_lines_are_read_as_they_are(first: bytes, expected: tuple[int, int, str]) -> None:
    read = answer(b"A: b", first=first)
    assert (read.minor, read.status, read.reason) == expected
    assert read.lines == [("A", "b")]


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"200 OK", id="no-version"),
        pytest.param(b"HTTP/2 200", id="9112-2.3-no-minor"),
        pytest.param(b"HTTP/2.0 200 OK", id="9112-2.3-another-major"),
        pytest.param(b"HTTP/1.2 200 OK", id="9112-2.3-another-minor"),
        pytest.param(b"http/1.1 200 OK", id="9112-2.3-small-letters"),
        pytest.param(b"ICY 200 OK", id="another-protocol"),
        pytest.param(b"HTTP/1.1 20 OK", id="9112-4-two-digits"),
        pytest.param(b"HTTP/1.1 2000 OK", id="9112-4-four-digits"),
        pytest.param(b"HTTP/1.1 099 OK", id="9112-4-below-100"),
        pytest.param(b"HTTP/1.1 2\xb20 OK", id="9112-4-a-digit-that-is-not-ascii"),
        pytest.param(b"HTTP/1.1  200 OK", id="9112-4-two-blanks"),
        pytest.param(b"HTTP/1.1 200\tOK", id="9112-4-tab"),
        pytest.param(b"HTTP/1.1 200 O\rK", id="9112-2.2-bare-cr"),
        pytest.param(b"HTTP/1.1 200 O\0K", id="9112-4-nul-in-the-reason"),
    ],
)
def test_malformed_status_lines_are_refused(first: bytes) -> None:
    with pytest.raises(MessageError):
        answer(b"A: b", first=first)


# --- framing of requests (RFC 9112 section 6.3) -----------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "framing"),
    [
        pytest.param([], Length(0), id="9112-6.3-7-neither"),
        pytest.param([b"Content-Length: 0"], Length(0), id="9112-6.2-zero"),
        pytest.param([b"content-length:\t42 "], Length(42), id="9112-6.2-a-length"),
        pytest.param([b"Content-Length: 007"], Length(7), id="9112-6.2-leading-zeros"),
        pytest.param([b"Content-Length: 999999999999999"], Length(999999999999999), id="9112-6.2-the-largest"),
        pytest.param([b"Transfer-Encoding: chunked"], Chunked(), id="9112-6.1-chunked"),
        pytest.param([b"TRANSFER-ENCODING: Chunked"], Chunked(), id="9112-7-coding-in-any-case"),
    ],
)
def test_bodies_of_requests_are_framed(lines: list[bytes], framing: Framing) -> None:
    assert request_framing(head(*lines)) == framing


BAD_LENGTHS = [
    pytest.param([b"Content-Length: 5", b"Content-Length: 5"], id="9112-6.3-5-two-equal-lines"),
    pytest.param([b"Content-Length: 5", b"content-length: 6"], id="9112-6.3-5-two-lines"),
    pytest.param([b"Content-Length: 5, 5"], id="9112-6.3-5-a-list"),
    pytest.param([b"Content-Length:"], id="9112-6.3-5-empty"),
    pytest.param([b"Content-Length: -1"], id="9112-6.3-5-negative"),
    pytest.param([b"Content-Length: +5"], id="9112-6.3-5-sign"),
    pytest.param([b"Content-Length: 1_0"], id="9112-6.3-5-underscore"),
    pytest.param([b"Content-Length: 0x5"], id="9112-6.3-5-hexadecimal"),
    pytest.param([b"Content-Length: 5 5"], id="9112-6.3-5-blank"),
    pytest.param([b"Content-Length: 5.0"], id="9112-6.3-5-fraction"),
    pytest.param([b"Content-Length: \xb2"], id="9112-6.3-5-a-digit-that-is-not-ascii"),
    pytest.param([b"Content-Length: \xa05"], id="9112-6.3-5-no-break-space"),
    pytest.param([b"Content-Length: 1000000000000000"], id="9112-6.3-5-too-large"),
    pytest.param([b"Content-Length: " + b"9" * 5000], id="9112-6.3-5-more-digits-than-int-takes"),
    pytest.param([b"Content-Length: 5", b"Transfer-Encoding: chunked"], id="9112-6.3-3-both"),
    pytest.param([b"Transfer-Encoding: chunked", b"Content-Length: 0"], id="9112-6.3-3-both-the-other-way-round"),
    pytest.param([b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"], id="9112-6.1-two-codings"),
    pytest.param([b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity"], id="9112-6.1-two-lines"),
]
BAD_CODINGS = [
    pytest.param([b"Transfer-Encoding: gzip, chunked"], id="9112-6.1-gzip-and-chunked"),
    pytest.param([b"Transfer-Encoding: chunked, chunked"], id="9112-6.1-chunked-twice"),
    pytest.param([b"Transfer-Encoding: chunked, identity"], id="9112-6.3-4-chunked-not-last"),
    pytest.param([b"Transfer-Encoding: identity"], id="9112-7-identity"),
    pytest.param([b"Transfer-Encoding: xchunked"], id="9112-7-xchunked"),
    pytest.param([b"Transfer-Encoding: chunked;q=1"], id="9112-7-parameter"),
    pytest.param([b'Transfer-Encoding: "chunked"'], id="9112-7-quoted"),
    pytest.param([b"Transfer-Encoding: \xa0chunked"], id="9112-7-no-break-space"),
    pytest.param([b"Transfer-Encoding:"], id="9112-7-empty"),
]


@pytest.mark.parametrize("lines", BAD_LENGTHS)
def test_unclear_lengths_of_requests_are_refused_with_400(lines: list[bytes]) -> None:
    with pytest.raises(MessageError) as caught:
        request_framing(head(*lines))
    assert caught.value.status == 400


@pytest.mark.parametrize("lines", BAD_CODINGS)
def test_codings_of_requests_other_than_chunked_are_refused_with_501(lines: list[bytes]) -> None:
    with pytest.raises(MessageError) as caught:
        request_framing(head(*lines))
    assert caught.value.status == 501


def test_transfer_encoding_in_http_1_0_is_refused() -> None:  # RFC 9112 section 6.1
    with pytest.raises(MessageError) as caught:
        request_framing(head(b"Transfer-Encoding: chunked", minor=0))
    assert caught.value.status == 400


# --- framing of answers (RFC 9112 section 6.3) ------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "first", "lines", "framing"),
    [
        pytest.param("GET", b"HTTP/1.1 200 OK", [], UntilClose(), id="9112-6.3-8-neither"),
        pytest.param("GET", b"HTTP/1.0 200 OK", [], UntilClose(), id="9112-6.3-8-http-1.0"),
        pytest.param("GET", b"HTTP/1.1 200 OK", [b"Content-Length: 3"], Length(3), id="9112-6.3-6-length"),
        pytest.param("GET", b"HTTP/1.0 200 OK", [b"Content-Length: 0"], Length(0), id="9112-6.3-6-zero"),
        pytest.param(
            "GET", b"HTTP/1.1 200 OK", [b"Transfer-Encoding: chunked"], Chunked(), id="9112-6.3-4-chunked"
        ),
        pytest.param("GET", b"HTTP/1.1 200 OK", [b"transfer-encoding: CHUNKED"], Chunked(), id="9112-7-any-case"),
        pytest.param("HEAD", b"HTTP/1.1 200 OK", [b"Content-Length: 3"], Length(0), id="9112-6.3-1-head"),
        pytest.param("HEAD", b"HTTP/1.1 200 OK", [b"Transfer-Encoding: chunked"], Length(0), id="9112-6.1-head"),
        pytest.param("HEAD", b"HTTP/1.1 200 OK", [], Length(0), id="9112-6.3-1-head-without-length"),
        pytest.param("GET", b"HTTP/1.1 304 x", [b"Content-Length: 3"], Length(0), id="9112-6.3-1-304"),
        pytest.param("GET", b"HTTP/1.1 204 x", [], Length(0), id="9112-6.3-1-204"),
        pytest.param("POST", b"HTTP/1.1 100 x", [], Length(0), id="9112-6.3-1-100"),
        pytest.param("POST", b"HTTP/1.1 199 x", [b"Content-Length: 3"], Length(0), id="9112-6.3-1-199"),
        pytest.param("POST", b"HTTP/1.1 401 x", [b"Content-Length: 3"], Length(3), id="9112-6.3-6-401"),
    ],
)
def test_bodies_of_answers_are_framed(method: str, first: bytes, lines: list[bytes], framing: Framing) -> None:
    assert answer_framing(answer(*lines, first=first), method) == framing


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("lines", [*BAD_LENGTHS, *BAD_CODINGS])
def test_unclear_framing_of_answers_is_refused(method: str, lines: list[bytes]) -> None:
    with pytest.raises(MessageError):
        answer_framing(answer(*lines), method)


def test_a_chunked_answer_in_http_1_0_is_refused() -> None:  # RFC 9112 section 6.1
    with pytest.raises(MessageError):
        answer_framing(answer(b"Transfer-Encoding: chunked", first=b"HTTP/1.0 200 OK"), "GET")


@pytest.mark.parametrize(
    ("minor", "lines", "alive"),
    [
        pytest.param(1, [], True, id="9112-9.3-1.1"),
        pytest.param(0, [], False, id="9112-9.3-1.0"),
        pytest.param(1, [("connection", "Close")], False, id="9112-9.6-close"),
        pytest.param(1, [("Connection", "x, close")], False, id="9112-9.6-close-in-a-list"),
        pytest.param(
            1, [("Connection", "x"), ("Connection", "close")], False, id="9112-9.6-close-in-another-line"
        ),
        pytest.param(0, [("Connection", "Keep-Alive")], True, id="9112-9.3-1.0-keep-alive"),
        pytest.param(0, [("Connection", "keep-alive, close")], False, id="9112-9.3-close-wins"),
        pytest.param(1, [("Connection", "closed")], True, id="another-word"),
    ],
)
def test_who_keeps_the_connection(minor: int, lines: Lines, alive: bool) -> None:
    assert keeps_alive(minor, lines) is alive


# --- bodies ---------------------------------------------------------------------------------------------


class Feed:
    """What a connection gives, piece by piece, and then its end."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = [piece for piece in pieces if piece]

    def receive(self, size: int) -> bytes:
        if not self.pieces:
            return b""
        piece = self.pieces.pop(0)
        if len(piece) > size:
            self.pieces.insert(0, piece[size:])
        return piece[:size]


def reader(framing: Framing, *pieces: bytes) -> tuple[BodyReader, Wire]:
    wire = Wire(Feed(*pieces).receive)
    return BodyReader(wire, framing), wire


def everything(body: BodyReader, size: int = 7) -> bytes:
    read = b""
    while piece := body.read(size):
        assert len(piece) <= size
        read += piece
    return read


def outcome(framing: Framing, *pieces: bytes) -> tuple[object, ...]:
    """Return all that can be seen of reading a body: what came, how it ended, and what is left behind it."""
    body, wire = reader(framing, *pieces)
    read = b""
    try:
        while piece := body.read(7):
            read += piece
    except (MessageError, Incomplete) as error:
        return (read, type(error), body.complete)
    return (read, body.trailers, body.complete, wire.line(100))


def test_a_body_without_octets_is_complete_before_it_is_read() -> None:
    body, wire = reader(Length(0), b"next")
    assert body.complete
    assert body.read(10) == b""
    assert wire.some(10) == b"next"


def test_a_body_of_known_length_ends_there() -> None:
    body, wire = reader(Length(10), b"0123", b"456789next")
    assert everything(body, 3) == b"0123456789"
    assert body.complete
    assert body.read(1) == b""
    assert wire.some(10) == b"next"


def test_a_body_without_framing_ends_with_the_connection() -> None:
    body, _ = reader(UntilClose(), b"abc", b"defghijk")
    assert everything(body) == b"abcdefghijk"
    assert body.complete


def test_chunks_are_read_to_their_trailers() -> None:
    body, wire = reader(
        Chunked(), b'003;a="b;c\\"";d=e ; f\r\nabc\r\nA\r\n0123456789\r\n000\r\nX-T: 1\r\nx-t: 2\r\n\r\nnext'
    )
    assert everything(body) == b"abc0123456789"
    assert body.complete
    assert body.trailers == [("X-T", "1"), ("x-t", "2")]
    assert wire.some(10) == b"next"


def test_a_chunk_is_given_on_before_its_line_end_has_come() -> None:
    feed = Feed(b"3\r\nabc")
    body = BodyReader(Wire(feed.receive), Chunked())
    assert body.read(100) == b"abc"
    feed.pieces.append(b"\r\n0\r\n\r\n")
    assert body.read(100) == b""
    assert body.complete


def test_pieces_are_given_on_as_they_come() -> None:
    body, _ = reader(Length(6), b"ab", b"cdef")
    assert [body.read(100), body.read(100)] == [b"ab", b"cdef"]


@pytest.mark.parametrize(
    ("octets", "start"),
    [
        pytest.param(b"3\nabc\r\n0\r\n\r\n", b"", id="9112-7.1-bare-lf-after-the-size"),
        pytest.param(b"3\r\nabc\n0\r\n\r\n", b"abc", id="9112-7.1-bare-lf-after-the-data"),
        pytest.param(b"3\r\nabcd\r\n0\r\n\r\n", b"abc", id="9112-7.1-more-data-than-said"),
        pytest.param(b"3\r\nabc0\r\n\r\n", b"abc", id="9112-7.1-no-line-end-after-the-data"),
        pytest.param(b"4\r\nabc\r\n0\r\n\r\n", b"abc\r", id="9112-7.1-less-data-than-said"),
        pytest.param(b"\r\nabc\r\n0\r\n\r\n", b"", id="9112-7.1-no-size"),
        pytest.param(b"3\r\nabc\r\n\r\n", b"abc", id="9112-7.1-empty-line-for-the-last-chunk"),
        pytest.param(b"0x3\r\nabc\r\n0\r\n\r\n", b"", id="9112-7.1-0x"),
        pytest.param(b"-3\r\nabc\r\n0\r\n\r\n", b"", id="9112-7.1-negative"),
        pytest.param(b"+3\r\nabc\r\n0\r\n\r\n", b"", id="9112-7.1-sign"),
        pytest.param(b"1_0\r\n0123456789abcdef\r\n0\r\n\r\n", b"", id="9112-7.1-underscore"),
        pytest.param(b" 3\r\nabc\r\n0\r\n\r\n", b"", id="9112-7.1-blank-before"),
        pytest.param(b"3 \r\nabc\r\n0\r\n\r\n", b"", id="9112-7.1-blank-after"),
        pytest.param(b"\xb3\r\nabc\r\n0\r\n\r\n", b"", id="9112-7.1-a-digit-that-is-not-ascii"),
        pytest.param(b"1000000000000\r\nabc\r\n0\r\n\r\n", b"", id="9112-7.1-thirteen-digits"),
        pytest.param(b"3;\r\nabc\r\n0\r\n\r\n", b"", id="9112-7.1.1-extension-without-name"),
        pytest.param(b"3;a=\r\nabc\r\n0\r\n\r\n", b"", id="9112-7.1.1-extension-without-value"),
        pytest.param(b'3;a="b\r\nabc\r\n0\r\n\r\n', b"", id="9112-7.1.1-quote-without-end"),
        pytest.param(b"3;a\nb\r\nabc\r\n0\r\n\r\n", b"", id="9112-7.1.1-bare-lf-in-an-extension"),
        pytest.param(b"3;a=b\rc\r\nabc\r\n0\r\n\r\n", b"", id="9112-7.1.1-bare-cr-in-an-extension"),
        pytest.param(b'3;a="\r"\r\nabc\r\n0\r\n\r\n', b"", id="9112-7.1.1-bare-cr-in-quotes"),
        pytest.param(b"3;" + b"a" * MAX_CHUNK_LINE + b"\r\nabc\r\n0\r\n\r\n", b"", id="an-endless-extension"),
        pytest.param(b"0\r\nX: y\n\r\n", b"", id="9112-7.1.2-bare-lf-in-the-trailers"),
        pytest.param(b"0\r\n\n", b"", id="9112-7.1.2-bare-lf-at-the-end"),
        pytest.param(b"0\r\nX : y\r\n\r\n", b"", id="9112-7.1.2-malformed-trailer"),
    ],
)
def test_malformed_chunks_are_refused(octets: bytes, start: bytes) -> None:
    assert outcome(Chunked(), octets) == (start, MessageError, False)


@pytest.mark.parametrize(
    "trailers",
    [
        pytest.param(b"X: y\r\n" * (MAX_LINES + 1), id="too-many"),
        pytest.param(b"X: " + b"y" * MAX_HEAD + b"\r\n", id="one-too-long"),
        pytest.param((b"X: " + b"y" * (MAX_HEAD // 3) + b"\r\n") * 3, id="too-long-together"),
    ],
)
def test_trailers_without_bound_are_refused(trailers: bytes) -> None:
    assert outcome(Chunked(), b"0\r\n" + trailers + b"\r\n") == (b"", MessageError, False)


def test_as_many_trailers_as_header_lines_are_taken() -> None:
    body, _ = reader(Chunked(), b"0\r\n" + b"X: y\r\n" * MAX_LINES + b"\r\n")
    assert body.read(1) == b""
    assert len(body.trailers) == MAX_LINES


@pytest.mark.parametrize("end", range(len(b"3;a=b\r\nabc\r\n0\r\nX: y\r\n\r\n")))
def test_a_chunked_body_cut_anywhere_is_incomplete(end: int) -> None:
    whole = b"3;a=b\r\nabc\r\n0\r\nX: y\r\n\r\n"
    start = whole[:end][len(b"3;a=b\r\n") :][:3]
    assert outcome(Chunked(), whole[:end]) == (start, Incomplete, False)


def test_a_body_shorter_than_its_length_is_incomplete() -> None:
    body, _ = reader(Length(5), b"abc")
    assert body.read(10) == b"abc"
    with pytest.raises(Incomplete, match="2 bytes are missing"):
        body.read(10)
    assert not body.complete


# --- what holds for any message ---------------------------------------------------------------------------

NAMES = st.text(TCHARS, min_size=1, max_size=20)
VALUES = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=40
).map(lambda text: text.strip(" \t"))
LINES = st.lists(st.tuples(NAMES, VALUES), max_size=8)
TARGETS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="#%"), max_size=30)


@PATIENTLY
@given(NAMES, TARGETS, st.sampled_from([0, 1]), LINES)
def test_a_request_head_that_is_written_is_read_back(method: str, target: str, minor: int, lines: Lines) -> None:
    octets = encoded_head(f"{method} /{target} HTTP/1.{minor}", lines)
    assert parse_request_head(octets) == RequestHead(method, "/" + target, minor, lines)


@PATIENTLY
@given(st.sampled_from([0, 1]), st.integers(100, 999), VALUES, LINES)
def test_an_answer_head_that_is_written_is_read_back(minor: int, status: int, reason: str, lines: Lines) -> None:
    octets = encoded_head(f"HTTP/1.{minor} {status} {reason}", lines)
    assert parse_answer_head(octets) == AnswerHead(minor, status, reason, lines)


@st.composite
def pieces_of(draw: st.DrawFn, octets: bytes) -> list[bytes]:
    cuts = sorted(draw(st.lists(st.integers(0, len(octets)), max_size=12)))
    return [octets[start:end] for start, end in zip([0, *cuts], [*cuts, len(octets)], strict=True)]


EXTENSIONS = st.sampled_from([b"", b";a", b";a=b", b' ; a = "\\";\xe4"', b";a;b=c"])
BAD_CHUNKS = st.sampled_from(
    [b"3\nabc\r\n", b"3\r\nabcd\r\n", b"g\r\n", b"\r\n", b"4\r\nab\n", b"3;\x00\r\nabc\r\n"]
)


@st.composite
def chunked_bodies(draw: st.DrawFn) -> bytes:
    """A chunked body and what follows it; sometimes with a fault, sometimes cut off."""
    parts = [
        b"%x%b\r\n%b\r\n" % (len(data), draw(EXTENSIONS), data)
        for data in draw(st.lists(st.binary(min_size=1, max_size=20), max_size=4))
    ]
    if draw(st.booleans()):
        parts.insert(draw(st.integers(0, len(parts))), draw(BAD_CHUNKS))
    parts.append(draw(st.sampled_from([b"0\r\n\r\n", b"00;x\r\nA: b\r\nC: d\r\n\r\n", b"0\r\nA b\r\n\r\n"])))
    whole = b"".join(parts) + draw(st.binary(max_size=10))
    return whole[: draw(st.integers(0, len(whole)))] if draw(st.booleans()) else whole


@PATIENTLY
@given(st.data(), chunked_bodies())
def test_how_the_bytes_of_a_chunked_body_arrive_makes_no_difference(data: st.DataObject, octets: bytes) -> None:
    once = outcome(Chunked(), octets)
    assert outcome(Chunked(), *data.draw(pieces_of(octets))) == once
    assert outcome(Chunked(), *(octets[i : i + 1] for i in range(len(octets)))) == once


@PATIENTLY
@given(st.data(), st.binary(max_size=60), st.integers(0, 60))
def test_how_the_bytes_of_other_bodies_arrive_makes_no_difference(
    data: st.DataObject, octets: bytes, length: int
) -> None:
    pieces = data.draw(pieces_of(octets))
    for framing in (Length(length), UntilClose()):
        assert outcome(framing, *pieces) == outcome(framing, octets)


@PATIENTLY
@given(st.data(), LINES, st.binary(max_size=20))
def test_how_the_bytes_of_a_head_arrive_makes_no_difference(
    data: st.DataObject, lines: Lines, rest: bytes
) -> None:
    octets = encoded_head("GET / HTTP/1.1", lines)
    wire = Wire(Feed(*data.draw(pieces_of(octets + rest))).receive)
    assert parse_request_head(wire.head(MAX_HEAD)).lines == lines
    read = b""
    while piece := wire.some(3):
        read += piece
    assert read == rest


# --- a second opinion ------------------------------------------------------------------------------------

SEEDS = st.sampled_from(
    [
        b"POST /a?b HTTP/1.1\r\nHost: pi\r\nContent-Length: 5\r\n\r\n",
        b"POST /a HTTP/1.1\r\nHost: pi\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET / HTTP/1.0\r\nHost: pi\r\nX:  y \r\nCookie: a=b; c\r\n\r\n",
        b"GET * HTTP/1.1\r\nConnection: close, x\r\nHost:\r\nExpect: 100-continue\r\n\r\n",
    ]
)
SPLICES = st.sampled_from(
    [b"\r", b"\n", b"\r\n", b" ", b"\t", b":", b",", b";", b"\0", b"\x7f", b"\xa0", b"\xff"]
) | (
    st.sampled_from(
        [b"Content-Length: 6\r\n", b"Transfer-Encoding: chunked\r\n", b"0", b"+", b"chunked", b"%", b"#"]
    )
)


@st.composite
def nearly_good_heads(draw: st.DrawFn) -> bytes:
    octets = draw(SEEDS)
    for _ in range(draw(st.integers(0, 2))):
        place = draw(st.integers(0, len(octets)))
        octets = octets[:place] + draw(SPLICES) + octets[place + draw(st.integers(0, 1)) :]
    return octets


@PATIENTLY
@given(nearly_good_heads())
@example(b"\r\nGET / HTTP/1.1\r\nHost: pi\r\n\r\n")
@example(b"GET / HTTP/1.1\r\nHost: pi\r\nX: \x85\r\n\r\n")
def test_what_is_accepted_h11_accepts_too_and_reads_the_same(octets: bytes) -> None:
    try:
        parsed = parse_request_head(octets)
        framing = request_framing(parsed)
    except MessageError:
        return
    # That there is one Host is for the server to see to, which knows what it serves.
    assume(len(values(parsed.lines, "host")) == 1)
    other = h11.Connection(h11.SERVER)
    other.receive_data(octets.removeprefix(b"\r\n"))  # which h11 does not skip
    event = other.next_event()
    assert isinstance(event, h11.Request)
    assert event.method == parsed.method.encode()
    assert event.target == parsed.target.encode()
    assert event.http_version == b"1.%d" % parsed.minor
    assert list(event.headers) == [
        (name.lower().encode(), value.encode("latin-1")) for name, value in _as_h11_has_them(parsed.lines)
    ]
    following = other.next_event()
    if framing == Length(0):
        assert isinstance(following, h11.EndOfMessage)
    else:
        assert following is h11.NEED_DATA
    assert (b"transfer-encoding", b"chunked") in list(event.headers) or not isinstance(framing, Chunked)


def _as_h11_has_them(lines: Lines) -> Lines:
    """H11 writes a coding in lower case."""
    return [(name, value.lower() if name.lower() == "transfer-encoding" else value) for name, value in lines]


# --- regular expressions take no more than linear time: quadratic would not end within the limit of a test ----

_LONG = MAX_HEAD - 64


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(b"A" * _LONG + b"\r\n\r\n", id="method-without-end"),
        pytest.param(b"GET /" + b"a" * _LONG + b"\r\n\r\n", id="target-without-end"),
        pytest.param(b"GET /" + b"a" * _LONG + b" HTTP/1.x\r\n\r\n", id="target-and-a-bad-version"),
        pytest.param(b"GET /" + b"%41" * (_LONG // 3) + b"% HTTP/1.1\r\n\r\n", id="percents"),
        pytest.param(b"GET / HTTP/1.1\r\n" + b"A" * _LONG + b"\r\n\r\n", id="name-without-end"),
        pytest.param(b"GET / HTTP/1.1\r\nA:" + b" " * _LONG + b"\0\r\n\r\n", id="blanks-in-a-value"),
        pytest.param(b"GET / HTTP/1.1\r\nA:" + b":" * _LONG + b"\0\r\n\r\n", id="colons-in-a-value"),
        pytest.param(b"GET / HTTP/1.1\r\n" + b"A:" * (_LONG // 2) + b"\0\r\n\r\n", id="names-in-a-value"),
        pytest.param(b"GET / HTTP/1.1\r\n" + b"A\n" * (_LONG // 2) + b"\r\n\r\n", id="names-with-bare-line-ends"),
        pytest.param(b"HTTP/1.1 200 OK\r\n" + b"A" * _LONG + b"\r\n\r\n", id="name-without-end-of-an-answer"),
        pytest.param(b"HTTP/1.1 200 " + b" " * _LONG + b"\0\r\n\r\n", id="reason"),
    ],
)
def test_the_worst_heads_are_refused(octets: bytes) -> None:
    assert len(octets) <= MAX_HEAD
    for parse in (parse_request_head, parse_answer_head):
        for _ in range(100):  # one that took seconds would end within the limit
            with pytest.raises(MessageError):
                parse(octets)


@pytest.mark.parametrize("extension", [b";a=b", b";a", b" ;\ta", b'; a = ""', b';a="\\"\\""', b";a=" + b'""' * 40])
@pytest.mark.parametrize("end", [b"\x01", b'"\x01', b"; \x01", b"=\x01"])
def test_the_worst_chunk_lines_are_refused(extension: bytes, end: bytes) -> None:
    line = (b"1" + extension * MAX_CHUNK_LINE)[: MAX_CHUNK_LINE - 8] + b"@" + end
    assert outcome(Chunked(), line + b"\r\na\r\n0\r\n\r\n") == (b"", MessageError, False)


def test_a_body_in_single_bytes_is_refused_when_it_is_long() -> None:
    body, _ = reader(Chunked(), b"1\r\nx\r\n" * 100_000)
    with pytest.raises(MessageError, match="too small"):
        everything(body, 100)


@pytest.mark.parametrize("before", [1, 1000])
def test_small_chunks_are_read_on_and_on(before: int) -> None:
    octets = b"1\r\nx\r\n" * before + b"5\r\nabcde\r\n" * 20_000 + b"0\r\n\r\n"
    assert len(everything(reader(Chunked(), octets)[0], 100)) == before + 100_000


def test_a_list_without_members_is_empty_however_long() -> None:
    assert tokens([("Connection", ", \t" * (_LONG // 3))], "connection") == []
