"""Answers that end early, or turn into something else: no client can take them for whole ones."""

from __future__ import annotations

from smgwproxy.http1 import MAX_CHUNK_LINE, MAX_HEAD, MAX_LINES
from tests.gateway.exchanges.row import CHUNKED, INCOMPLETE, INVALID, End, Row, breaks, refuses

_STATUS = b"HTTP/1.1 200 OK\r\n"
_LENGTH = _STATUS + b"Content-Length: 10\r\n\r\n"
_BY_END = {End.CLOSES: "closed", End.CUTS: "cut", End.RESETS: "reset"}


def _head(claim: str, said: bytes) -> tuple[Row, ...]:
    return tuple(
        refuses(f"a head that is {how} {claim} is no answer", "9112-8", said, INCOMPLETE, end=end)
        for end, how in _BY_END.items()
    )


def _length(claim: str, body: bytes) -> tuple[Row, ...]:
    return tuple(
        breaks(f"a body that is {how} {claim} never looks whole", "9112-8", _LENGTH + body, _LENGTH, body, end=end)
        for end, how in _BY_END.items()
    )


def _chunks(claim: str, chunks: bytes, body: bytes = b"") -> tuple[Row, ...]:
    return tuple(
        breaks(
            f"chunks that are {how} {claim} never look whole", "9112-8", CHUNKED + chunks, CHUNKED, body, end=end
        )
        for end, how in _BY_END.items()
    )


def _until(claim: str, body: bytes) -> tuple[Row, ...]:
    return tuple(
        breaks(
            f"{claim} until the connection is {how} never looks whole",
            "9112-8",
            _STATUS + b"X: y\r\n\r\n" + body,
            _STATUS + b"X: y\r\nTransfer-Encoding: chunked\r\n\r\n",
            body,
            end=end,
        )
        for end, how in _BY_END.items()
        if end is not End.CLOSES
    )


def _size(claim: str, size: bytes) -> Row:
    chunks = CHUNKED + b"3\r\nabc\r\n" + size + b"\r\nleaked\r\n0\r\n\r\n"
    return breaks(f"a size {claim} ends the answer", "9112-7.1", chunks, CHUNKED, b"abc", INVALID)


def _chunk(claim: str, chunks: bytes, body: bytes = b"", rule: str = "9112-7.1") -> Row:
    return breaks(f"{claim} ends the answer", rule, CHUNKED + chunks, CHUNKED, body, INVALID)


ROWS: tuple[Row, ...] = (
    # --- early ends ---
    *_head("within its status line", b"HTTP/1.1 200 leaked"),
    *_head("behind its status line", b"HTTP/1.1 200 leaked\r\n"),
    *_head("within a line", _STATUS + b"X: leaked\r\nContent-Le"),
    *_head("before its empty line", _STATUS + b"X: leaked\r\nContent-Length: 0\r\n"),
    *_head("within its empty line", _STATUS + b"X: leaked\r\nContent-Length: 0\r\n\r"),
    *_length("before its first octet", b""),
    *_length("in its middle", b"hello"),
    *_length("before its last octet", b"helloworl"),
    *_chunks("before the first one", b""),
    *_chunks("within a size", b"5\r\nhello\r\n1", b"hello"),
    *_chunks("within an extension", b"5\r\nhello\r\n1;a=", b"hello"),
    *_chunks("behind a size", b"5\r\nhello\r\n5\r\n", b"hello"),
    *_chunks("within one", b"5\r\nhello\r\n5\r\nwo", b"hellowo"),
    *_chunks("before the line end behind one", b"5\r\nhello", b"hello"),
    *_chunks("within the line end behind one", b"5\r\nhello\r", b"hello"),
    *_chunks("between two", b"5\r\nhello\r\n", b"hello"),
    *_chunks("within the last one's size", b"5\r\nhello\r\n0", b"hello"),
    *_chunks("behind the last one", b"5\r\nhello\r\n0\r\n", b"hello"),
    *_chunks("within the empty line behind the last one", b"5\r\nhello\r\n0\r\n\r", b"hello"),
    *_chunks("within a trailer", b"5\r\nhello\r\n0\r\nX: lea", b"hello"),
    *_chunks("behind a trailer", b"5\r\nhello\r\n0\r\nX: leaked\r\n", b"hello"),
    *_until("a body", b"hello"),
    *_until("a body of nothing", b""),
    # --- early ends, for a client of HTTPS ---
    breaks(
        "a body that is closed in its middle never looks whole over HTTPS",
        "9112-9.8",
        _LENGTH + b"hello",
        _LENGTH,
        b"hello",
        end=End.CLOSES,
        door="https",
    ),
    breaks(
        "chunks that are cut between two never look whole over HTTPS",
        "9112-9.8",
        CHUNKED + b"5\r\nhello\r\n",
        CHUNKED,
        b"hello",
        end=End.CUTS,
        door="https",
    ),
    breaks(
        "a body until the connection is cut never looks whole over HTTPS",
        "9112-9.8",
        _STATUS + b"\r\nhello",
        CHUNKED,
        b"hello",
        end=End.CUTS,
        door="https",
    ),
    # --- bad chunks, once the head has gone out ---
    _size("that is empty", b""),
    _size("with a plus sign", b"+6"),
    _size("with a minus sign", b"-6"),
    _size("with 0x before it", b"0x6"),
    _size("with an underscore", b"0_6"),
    _size("with a blank before it", b" 6"),
    _size("with a blank behind it", b"6 "),
    _size("with a blank within", b"0 6"),
    _size("that is not hexadecimal", b"g"),
    _size("in other digits", b"\xb6"),
    _size("of more digits than any chunk has", b"0" * 12 + b"6"),
    _size("that would overflow", b"f" * 17),
    _size("with a comma", b"6,6"),
    _size("with a NUL", b"6\0"),
    _size("with an extension that is none", b"6;;"),
    _size("with an extension whose quote stays open", b'6;a="b'),
    _size("with a line end in its extension", b"6;a=b\nc"),
    _size("with a bare CR in its extension", b"6;a\rb"),
    _size("in a line that is too long", b"6;" + b"a" * MAX_CHUNK_LINE),
    _chunk("a size that is none at the very beginning", b"leaked\r\n\r\n"),
    _chunk("a size behind a bare LF", b"5\nhello\r\n0\r\n\r\n"),
    _chunk("a chunk longer than its size", b"3\r\nhello\r\n0\r\n\r\n", b"hel"),
    _chunk("a chunk shorter than its size", b"7\r\nhello\r\n0\r\n\r\n", b"hello\r\n"),
    _chunk("a bare LF behind a chunk", b"5\r\nhello\n0\r\n\r\n", b"hello"),
    _chunk("a missing line end behind a chunk", b"5\r\nhello0\r\n\r\n", b"hello"),
    _chunk("a second answer within the chunks", b"5\r\nhello\r\nHTTP/1.1 200 OK\r\nX: leaked\r\n\r\n", b"hello"),
    _chunk("a trailer without a colon", b"5\r\nhello\r\n0\r\nleaked\r\n\r\n", b"hello", "9112-7.1.2"),
    _chunk(
        "a trailer with a blank before its colon", b"5\r\nhello\r\n0\r\nX : leaked\r\n\r\n", b"hello", "9112-7.1.2"
    ),
    _chunk("a folded trailer", b"5\r\nhello\r\n0\r\nX: leaked\r\n more\r\n\r\n", b"hello", "9112-5.2"),
    _chunk("a trailer with a bare CR", b"5\r\nhello\r\n0\r\nX: lea\rY: ked\r\n\r\n", b"hello", "9112-2.2"),
    _chunk("a trailer behind a bare LF", b"5\r\nhello\r\n0\r\nX: leaked\nY: z\r\n\r\n", b"hello", "9112-2.2"),
    _chunk(
        "more than a hundred trailers",
        b"5\r\nhello\r\n0\r\n" + b"X: leaked\r\n" * (MAX_LINES + 1) + b"\r\n",
        b"hello",
        "9112-7.1.2",
    ),
    _chunk(
        "a trailer above 32 KiB",
        b"5\r\nhello\r\n0\r\nX: leaked" + b"d" * MAX_HEAD + b"\r\n\r\n",
        b"hello",
        "9112-7.1.2",
    ),
)
