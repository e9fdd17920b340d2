"""Requests: bodies, which reach the gateway with a length and never in chunks, and expectations."""

from __future__ import annotations

from tests.gateway.exchanges.row import (
    GET,
    HEARD_GET,
    HEARD_POST,
    OK_HEAD,
    POST,
    Row,
    asks,
    denied,
)

_CLOSED = OK_HEAD.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
_LENGTH = b"Content-Length: 5\r\n"
_CHUNKED = b"Transfer-Encoding: chunked\r\n"
_CHUNKS = b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"
_EVERY = bytes(range(256)) + b"\r\n\r\nGET / HTTP/1.1\r\n\r\n0\r\n\r\n"
_LARGE = bytes(range(256)) * 1100  # more than is read before the gateway is asked for


def _post(claim: str, rule: str, lines: bytes, heard: bytes, body: bytes, heard_body: bytes = b"hello") -> Row:
    return asks(claim, rule, POST + lines + b"\r\n" + body, HEARD_POST + heard + b"\r\n" + heard_body)


def _chunked(claim: str, body: bytes, heard: bytes = b"hello", rule: str = "9112-7.1", lines: bytes = b"") -> Row:
    length = b"Content-Length: %d\r\n" % len(heard)
    return _post(claim, rule, _CHUNKED + lines, length, body, heard)


def _empty(method: bytes) -> Row:
    first = method + b" /row HTTP/1.1\r\nHost: "
    return asks(
        f"{method.decode()} without a body has a length",
        "9110-8.6",
        first + b"pi:8080\r\nX: y\r\n\r\n",
        first + b"<gateway>\r\nX: y\r\nContent-Length: 0\r\n\r\n",
    )


def _in_chunks(body: bytes, size: int) -> bytes:
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


ROWS: tuple[Row, ...] = (
    # --- with a length ---
    _post("a body passes with its length", "9110-8.6", _LENGTH, _LENGTH, b"hello"),
    _post(
        "a length stays where it was, and in its case",
        "9110-8.6",
        b"A: 1\r\ncontent-LENGTH: 5\r\nB: 2\r\n",
        b"A: 1\r\ncontent-LENGTH: 5\r\nB: 2\r\n",
        b"hello",
    ),
    _post(
        "a body is octets, whatever they look like",
        "9110-6.4",
        b"Content-Length: %d\r\n" % len(_EVERY),
        b"Content-Length: %d\r\n" % len(_EVERY),
        _EVERY,
        _EVERY,
    ),
    _post(
        "a body that is encoded stays so",
        "9110-8.4",
        b"Content-Encoding: gzip\r\nContent-Type: application/json\r\n" + _LENGTH,
        b"Content-Encoding: gzip\r\nContent-Type: application/json\r\n" + _LENGTH,
        b"\x1f\x8b\x08\0\0",
        b"\x1f\x8b\x08\0\0",
    ),
    _post(
        "a large body passes whole",
        "9110-6.4",
        b"Content-Length: %d\r\n" % len(_LARGE),
        b"Content-Length: %d\r\n" % len(_LARGE),
        _LARGE,
        _LARGE,
    ),
    _post(
        "a length of nothing is told once",
        "9110-8.6",
        b"Content-Length: 0\r\n",
        b"Content-Length: 0\r\n",
        b"",
        b"",
    ),
    _empty(b"POST"),
    _empty(b"PUT"),
    _empty(b"PATCH"),
    asks("GET may have a body", "9110-9.3.1", GET + _LENGTH + b"\r\nhello", HEARD_GET + _LENGTH + b"\r\nhello"),
    asks(
        "GET may have a body of nothing",
        "9110-9.3.1",
        GET + b"Content-Length: 0\r\n\r\n",
        HEARD_GET + b"Content-Length: 0\r\n\r\n",
    ),
    asks(
        "DELETE may have a body",
        "9110-9.3.5",
        b"DELETE /row HTTP/1.1\r\nHost: pi:8080\r\n" + _LENGTH + b"\r\nhello",
        b"DELETE /row HTTP/1.1\r\nHost: <gateway>\r\n" + _LENGTH + b"\r\nhello",
    ),
    # --- in chunks ---
    _chunked("chunks become one body with a length", _CHUNKS),
    _post(
        "the length of chunks stands where the coding stood",
        "9112-6.1",
        b"A: 1\r\n" + _CHUNKED + b"B: 2\r\n",
        b"A: 1\r\n" + _LENGTH + b"B: 2\r\n",
        _CHUNKS,
    ),
    _chunked("no chunk at all becomes a length of nothing", b"0\r\n\r\n", b""),
    _chunked("extensions of chunks go", b'5;a="b;c";d\r\nhello\r\n0;e\r\n\r\n', rule="9112-7.1.1"),
    _chunked(
        "trailers of an upload go", b"5\r\nhello\r\n0\r\nX-Checksum: 1\r\nHost: evil\r\n\r\n", rule="9112-7.1.2"
    ),
    _chunked(
        "the announcement of an upload's trailers goes with them",
        b"5\r\nhello\r\n0\r\nX-Checksum: 1\r\n\r\n",
        rule="9110-6.6.2",
        lines=b"Trailer: X-Checksum\r\nTE: trailers\r\n",
    ),
    _chunked("chunks of any octets become one body", _in_chunks(_EVERY, 7), _EVERY),
    _chunked("many large chunks become one body", _in_chunks(_LARGE, 50000), _LARGE),
    asks(
        "GET in chunks has a length",
        "9112-6.1",
        GET + _CHUNKED + b"\r\n" + _CHUNKS,
        HEARD_GET + _LENGTH + b"\r\nhello",
    ),
    # --- expectations ---
    _post(
        "Expect is the proxy's to answer", "9110-10.1.1", b"Expect: 100-continue\r\n" + _LENGTH, _LENGTH, b"hello"
    ),
    _post(
        "Expect in capitals is the proxy's, too",
        "9110-10.1.1",
        b"EXPECT: 100-CONTINUE\r\n" + _LENGTH,
        _LENGTH,
        b"hello",
    ),
    _chunked(
        "Expect before chunks is the proxy's to answer",
        _CHUNKS,
        rule="9110-10.1.1",
        lines=b"Expect: 100-continue\r\n",
    ),
    asks(
        "Expect without a body goes",
        "9110-10.1.1",
        GET + b"Expect: 100-continue\r\n\r\n",
        HEARD_GET + b"\r\n",
    ),
    denied("an expectation that nobody knows reaches nobody", "9110-10.1.1", POST + b"Expect: more\r\n\r\n", 417),
    # --- HTTP/1.0 ---
    asks(
        "a body of a client of HTTP/1.0 passes with its length",
        "9112-6.3",
        b"POST /row HTTP/1.0\r\n" + _LENGTH + b"\r\nhello",
        HEARD_POST + _LENGTH + b"\r\nhello",
        head=_CLOSED,
        ends=True,
    ),
    asks(
        "POST of a client of HTTP/1.0 without a body has a length",
        "9110-8.6",
        b"POST /row HTTP/1.0\r\n\r\n",
        HEARD_POST + b"Content-Length: 0\r\n\r\n",
        head=_CLOSED,
        ends=True,
    ),
)
