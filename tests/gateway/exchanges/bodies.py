"""Answers: bodies by length, in chunks and until the connection ends; trailers; and answers without content."""

from __future__ import annotations

import gzip

from smgwproxy.http1 import MAX_CHUNK_LINE, MAX_LINES
from tests.gateway.exchanges.row import CHUNKED, HEAD, HEARD_HEAD, OK_HEAD, OLD, End, Play, Row, Whole, answers

_STATUS = b"HTTP/1.1 200 OK\r\n"
_EVERY = bytes(range(256)) + b"\r\n\r\nHTTP/1.1 200 OK\r\n\r\n0\r\n\r\n"
_LARGE = bytes(range(256)) * 1100
_GZIP = gzip.compress(b"reading" * 40, mtime=0)
_NO_CONTENT = b"HTTP/1.1 204 No Content\r\n"
_NOT_MODIFIED = b"HTTP/1.1 304 Not Modified\r\n"
_HTTP_1_0 = b"HTTP/1.0 200 OK\r\n"


def _length(claim: str, body: bytes, lines: bytes = b"", rule: str = "9112-6.2") -> Row:
    head = _STATUS + lines + b"Content-Length: %d\r\n\r\n" % len(body)
    return answers(claim, rule, head + body, head, body)


def _chunks(claim: str, chunks: bytes, body: bytes = b"hello", rule: str = "9112-7.1") -> Row:
    return answers(claim, rule, CHUNKED + chunks, CHUNKED, body)


def _until_close(claim: str, first: bytes, body: bytes, lines: bytes = b"") -> Row:
    return answers(
        claim,
        "9112-6.3",
        first + lines + b"\r\n" + body,
        _STATUS + lines + b"Transfer-Encoding: chunked\r\n\r\n",
        body,
        kept=False,
        end=End.CLOSES,
    )


def _trailers(claim: str, trailers: bytes, passed: bytes, rule: str = "9110-6.5", lines: bytes = b"") -> Row:
    said = _STATUS + lines + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n" + trailers + b"\r\n"
    kept_lines = lines if lines.startswith(b"Trailer") else b""
    head = _STATUS + kept_lines + b"Transfer-Encoding: chunked\r\n\r\n"
    return answers(claim, rule, said, head, b"hello", passed)


def _empty(
    claim: str, head: bytes, passed: bytes | None = None, rule: str = "9112-6.3", *, kept: bool = True
) -> Row:
    return answers(claim, rule, head + b"\r\n", (passed or head) + b"\r\n", kept=kept)


def _to_head(claim: str, lines: bytes, passed: bytes | None = None, *, kept: bool, behind: bytes = b"") -> Row:
    head = _STATUS + (lines if passed is None else passed) + b"\r\n"
    said = _STATUS + lines + b"\r\n" + behind
    return answers(claim, "9110-9.3.2", said, head, kept=kept, sends=HEAD + b"\r\n", receives=HEARD_HEAD + b"\r\n")


def _in_chunks(body: bytes, size: int) -> bytes:
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


ROWS: tuple[Row, ...] = (
    # --- by length ---
    _length("a body by its length passes", b"hello"),
    _length("a body of nothing passes", b""),
    _length("a body is octets to the client, too", _EVERY),
    _length("a large body passes to the client whole", _LARGE),
    _length("a compressed body is left alone", _GZIP, b"Content-Encoding: gzip\r\n", "9110-8.4"),
    _length("a body of a wrong encoding is left alone", b"no gzip", b"Content-Encoding: gzip\r\n", "9110-8.4"),
    _length(
        "a page's text is left alone",
        b'<a href="https://127.0.0.1/">127.0.0.1</a>',
        b"Content-Type: text/html\r\n",
    ),
    answers(
        "a body in a record of its own passes",
        "9112-6.2",
        (OK_HEAD, b"o", b"k"),
        OK_HEAD,
        b"ok",
    ),
    # --- in chunks ---
    _chunks("a body in chunks passes", b"5\r\nhello\r\n0\r\n\r\n"),
    _chunks("a body in many chunks passes", b"1\r\nh\r\n3\r\nell\r\n1\r\no\r\n0\r\n\r\n"),
    _chunks("no chunk at all is an answer as well", b"0\r\n\r\n", b""),
    _chunks("sizes in either case pass", b"a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n", b"0123456789" * 2),
    _chunks("zeros before a size pass", b"0005\r\nhello\r\n0000\r\n\r\n"),
    _chunks("a size of as many digits as are taken passes", b"000000000005\r\nhello\r\n000000000000\r\n\r\n"),
    _chunks(
        "extensions of an answer's chunks go", b'5 ; a="b;c\\"d" ;e=f\r\nhello\r\n0;g\r\n\r\n', rule="9112-7.1.1"
    ),
    _chunks(
        "an extension as long as a line may be goes",
        b"5;" + b"a" * (MAX_CHUNK_LINE - 4) + b"\r\nhello\r\n0\r\n\r\n",
        rule="9112-7.1.1",
    ),
    _chunks("chunks of any octets pass", _in_chunks(_EVERY, 7), _EVERY),
    _chunks("large chunks pass", _in_chunks(_LARGE, 100_000), _LARGE),
    answers(
        "a compressed body in chunks is left alone",
        "9112-7.2",
        _STATUS + b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n" + _in_chunks(_GZIP, 20),
        _STATUS + b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n",
        _GZIP,
    ),
    answers(
        "the coding's line stands last in the client's head",
        "9112-6.1",
        _STATUS + b"A: 1\r\nTransfer-Encoding: chunked\r\nB: 2\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        _STATUS + b"A: 1\r\nB: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"hello",
    ),
    # --- until the connection ends ---
    _until_close("a body until the end of the connection passes", _STATUS, b"hello"),
    _until_close("a body until the end of the connection may be empty", _STATUS, b""),
    _until_close("a body of HTTP/1.0 until the end of the connection passes", _HTTP_1_0, b"hello"),
    _until_close("a body until the end that looks like chunks is none", _STATUS, b"5\r\nhello\r\n0\r\n\r\n"),
    _until_close("a large body until the end of the connection passes", _STATUS, _LARGE),
    answers(
        "a body until the end of the connection says keep-alive in vain",
        "9112-6.3",
        _HTTP_1_0 + b"Connection: keep-alive\r\n\r\nhello",
        CHUNKED,
        b"hello",
        kept=False,
        end=End.CLOSES,
    ),
    # --- trailers ---
    _trailers("trailers pass in order, case and number", b"b: 1\r\nA: 2\r\nB: 3\r\n", b"b: 1\r\nA: 2\r\nB: 3\r\n"),
    _trailers("what announces trailers passes", b"X: 1\r\n", b"X: 1\r\n", "9110-6.6.2", b"Trailer: X\r\n"),
    _trailers(
        "octets outside ASCII and empty values pass in trailers", b"X: \xe9\r\nY: \r\n", b"X: \xe9\r\nY: \r\n"
    ),
    _trailers("a hundred trailers pass", b"X: y\r\n" * MAX_LINES, b"X: y\r\n" * MAX_LINES),
    _trailers(
        "trailers that would frame go",
        b"A: 1\r\nContent-Length: 99\r\nTransfer-Encoding: gzip\r\nTrailer: A\r\ncontent-length: 2\r\nB: 2\r\n",
        b"A: 1\r\nB: 2\r\n",
        "9110-6.5.1",
    ),
    _trailers("a trailer Host goes", b"Host: evil\r\nB: 2\r\n", b"B: 2\r\n", "9110-6.5.1"),
    _trailers(
        "trailers that are hop by hop go",
        b"Connection: close\r\nKeep-Alive: 1\r\nProxy-Connection: x\r\nProxy-Authenticate: x\r\n"
        b"Proxy-Authorization: x\r\nTE: x\r\nUpgrade: h2\r\nB: 2\r\n",
        b"B: 2\r\n",
        "9110-7.6.1",
    ),
    _trailers(
        "trailers that the head's Connection names go",
        b"X-Hop: 1\r\nB: 2\r\n",
        b"B: 2\r\n",
        "9110-7.6.1",
        b"Connection: x-hop\r\n",
    ),
    _trailers(
        "trailers are mended as lines of a head are",
        b"Location: https://<gateway>/x\r\nSet-Cookie: a=b; Secure\r\nStrict-Transport-Security: max-age=1\r\n",
        b"Location: http://pi:8080/x\r\nSet-Cookie: a=b\r\n",
    ),
    _trailers("Connection: close in a trailer closes nothing", b"Connection: close\r\n", b"", "9110-6.5.1"),
    _chunks("trailers that all go leave a body that ends", b"5\r\nhello\r\n0\r\nContent-Length: 5\r\n\r\n"),
    answers(
        "trailers behind no chunk at all pass",
        "9110-6.5",
        CHUNKED + b"0\r\nX: 1\r\n\r\n",
        CHUNKED,
        b"",
        b"X: 1\r\n",
    ),
    # --- without content ---
    _empty("204 passes, and the connection is kept", _NO_CONTENT + b"X: y\r\n"),
    _empty("204 with a length of nothing passes", _NO_CONTENT + b"Content-Length: 0\r\n", rule="9110-8.6"),
    _empty(
        "204 with a length of more passes, and the connection is not trusted",
        _NO_CONTENT + b"Content-Length: 5\r\n",
        rule="9110-8.6",
        kept=False,
    ),
    _empty(
        "204 in chunks passes without them, and the connection is not trusted",
        _NO_CONTENT + b"Transfer-Encoding: chunked\r\n",
        _NO_CONTENT,
        "9112-6.1",
        kept=False,
    ),
    _empty("304 passes, and the connection is kept", _NOT_MODIFIED + b'ETag: "x"\r\n', rule="9110-15.4.5"),
    _empty(
        "304 with the length of what it stands for passes",
        _NOT_MODIFIED + b"Content-Length: 99\r\n",
        rule="9110-8.6",
    ),
    _empty(
        "304 with the coding of what it stands for passes without it",
        _NOT_MODIFIED + b"Transfer-Encoding: chunked\r\n",
        _NOT_MODIFIED,
        "9112-6.1",
    ),
    _to_head("HEAD has the lines alone", b"X: y\r\n", kept=True),
    _to_head("HEAD with a length of nothing keeps the connection", b"Content-Length: 0\r\n", kept=True),
    _to_head("HEAD has the length, and the connection is not trusted", b"Content-Length: 50\r\n", kept=False),
    _to_head(
        "HEAD of chunks has none, and the connection is not trusted",
        b"Transfer-Encoding: chunked\r\nA: 1\r\n",
        b"A: 1\r\n",
        kept=False,
    ),
    answers(
        "HEAD without a length is not waited for until the connection ends",
        "9112-6.3",
        _HTTP_1_0 + b"Connection: keep-alive\r\nX: y\r\n\r\n",
        _STATUS + b"X: y\r\n\r\n",
        sends=HEAD + b"\r\n",
        receives=HEARD_HEAD + b"\r\n",
    ),
    # --- to a client of HTTP/1.0 that keeps its connection ---
    Row(
        "a client of HTTP/1.0 keeps its connection where the length is told",
        "9112-9.3",
        OLD + b"Connection: keep-alive\r\n\r\n",
        (b"GET /row HTTP/1.1\r\nHost: <gateway>\r\n\r\n",),
        (Play((OK_HEAD + b"ok",)),),
        Whole(OK_HEAD.replace(b"\r\n\r\n", b"\r\nConnection: keep-alive\r\n\r\n"), b"ok"),
    ),
    Row(
        "a client of HTTP/1.0 cannot keep its connection where chunks come",
        "9112-6.1",
        OLD + b"Connection: keep-alive\r\n\r\n",
        (b"GET /row HTTP/1.1\r\nHost: <gateway>\r\n\r\n",),
        (Play((CHUNKED + b"5\r\nhello\r\n0\r\nX: y\r\n\r\n",)),),
        Whole(_STATUS + b"Connection: close\r\n\r\n", b"hello"),
        ends=True,
    ),
)
