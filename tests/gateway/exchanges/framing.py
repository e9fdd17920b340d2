"""Answers whose length can be read in two ways: the client gets an error, and the connection is used no more."""

from __future__ import annotations

from tests.gateway.exchanges.row import HEAD, HEARD_HEAD, Row, answers, refuses

_STATUS = b"HTTP/1.1 200 OK\r\nX: leaked\r\n"
_LEAKED = b"\r\n\r\nleaked"
_CHUNKS = b"\r\n\r\n6\r\nleaked\r\n0\r\n\r\n"


def _length(claim: str, value: bytes, rule: str = "9112-6.3") -> Row:
    return refuses(f"an answer's length {claim} is refused", rule, _STATUS + b"Content-Length: " + value + _LEAKED)


def _lines(claim: str, lines: bytes, rule: str = "9112-6.3") -> Row:
    return refuses(f"{claim} in an answer are refused", rule, _STATUS + lines + _LEAKED)


def _coding(claim: str, value: bytes, rule: str = "9112-6.1") -> Row:
    return refuses(
        f"an answer's coding {claim} is refused", rule, _STATUS + b"Transfer-Encoding: " + value + _CHUNKS
    )


def _taken(claim: str, rule: str, line: bytes, body: bytes, passed: bytes) -> Row:
    first = b"HTTP/1.1 200 OK\r\n"
    return answers(claim, rule, first + line + b"\r\n\r\n" + body, first + passed + b"\r\n\r\n", b"ok")


ROWS: tuple[Row, ...] = (
    # --- lengths ---
    _lines("two lengths that differ", b"Content-Length: 6\r\nContent-Length: 3"),
    _lines("two lengths that are equal", b"Content-Length: 6\r\nContent-Length: 6"),
    _lines("two lengths in two cases of the name", b"Content-Length: 6\r\ncontent-length: 6"),
    _lines("three lengths", b"Content-Length: 6\r\nX: y\r\nContent-Length: 6\r\nContent-Length: 6"),
    _lines("a length and an empty one", b"Content-Length: 6\r\nContent-Length: "),
    _length("that is two in one line", b"6, 6"),
    _length("that is two different ones in one line", b"6,3"),
    _length("that ends with a comma", b"6,"),
    _length("with a plus sign", b"+6", "9110-8.6"),
    _length("with a minus sign", b"-6", "9110-8.6"),
    _length("that is empty", b"", "9110-8.6"),
    _length("with a blank within", b"0 6", "9110-8.6"),
    _length("with a tab within", b"0\t6", "9110-8.6"),
    _length("with an underscore", b"0_6", "9110-8.6"),
    _length("with a point", b"6.0", "9110-8.6"),
    _length("with an exponent", b"6e0", "9110-8.6"),
    _length("in hexadecimal", b"0x6", "9110-8.6"),
    _length("in quotes", b'"6"', "9110-8.6"),
    _length("with a parameter", b"6;x", "9110-8.6"),
    _length("in words", b"six", "9110-8.6"),
    _length("in other digits", b"\xb6", "9110-8.6"),
    _length("of more digits than any body has", b"9" * 30, "9110-8.6"),
    _length("of thousands of digits", b"0" * 5000 + b"6", "9110-8.6"),
    # --- codings ---
    _lines("a length and chunks", b"Content-Length: 6\r\nTransfer-Encoding: chunked"),
    _lines("chunks and a length", b"Transfer-Encoding: chunked\r\nContent-Length: 6"),
    _lines("a length of nothing and chunks", b"Content-Length: 0\r\nTransfer-Encoding: chunked"),
    _lines("two codings in two lines", b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "9112-6.1"),
    _lines("a coding and an empty one", b"Transfer-Encoding: chunked\r\nTransfer-Encoding: ", "9112-6.1"),
    _coding("chunked twice", b"chunked, chunked"),
    _coding("gzip", b"gzip"),
    _coding("gzip and chunked", b"gzip, chunked"),
    _coding("chunked and gzip", b"chunked, gzip"),
    _coding("identity", b"identity"),
    _coding("that is empty", b""),
    _coding("that begins as chunked", b"chunkedx"),
    _coding("that ends as chunked", b"xchunked"),
    _coding("chunked with a parameter", b"chunked;q=1"),
    _coding("chunked with a comma", b"chunked,"),
    _coding("chunked in quotes", b'"chunked"'),
    _coding("chunked with a vertical tab", b"\x0bchunked", "9110-5.5"),
    refuses(
        "chunks in an answer of HTTP/1.0 are refused",
        "9112-6.1",
        b"HTTP/1.0 200 OK\r\nX: leaked\r\nTransfer-Encoding: chunked" + _CHUNKS,
    ),
    refuses(
        "two lengths in an answer to HEAD are refused, too",
        "9112-6.3",
        _STATUS + b"Content-Length: 6\r\nContent-Length: 3\r\n\r\n",
        sends=HEAD + b"\r\n",
        receives=HEARD_HEAD + b"\r\n",
    ),
    refuses(
        "two lengths in an answer without content are refused, too",
        "9112-6.3",
        b"HTTP/1.1 204 No Content\r\nX: leaked\r\nContent-Length: 0\r\nContent-Length: 3\r\n\r\n",
    ),
    refuses(
        "a length that is no number is refused in an answer 304, too",
        "9112-6.3",
        b"HTTP/1.1 304 Not Modified\r\nX: leaked\r\nContent-Length: many\r\n\r\n",
    ),
    # --- what can be read in one way only ---
    _taken(
        "blanks around a length are not part of it",
        "9112-5.1",
        b"Content-Length: \t2 ",
        b"ok",
        b"Content-Length: 2",
    ),
    _taken("zeros before a length stay", "9110-8.6", b"Content-Length: 002", b"ok", b"Content-Length: 002"),
    _taken("a length's name may be in any case", "9110-5.1", b"cONTENT-lENGTH: 2", b"ok", b"cONTENT-lENGTH: 2"),
    _taken(
        "a coding may be in any case",
        "9112-7",
        b"tRANSFER-eNCODING: \tCHUNKed ",
        b"2\r\nok\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked",
    ),
)
