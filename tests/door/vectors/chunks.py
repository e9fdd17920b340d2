"""Chunked bodies: sizes, extensions, line ends, trailers, and how long they may be."""

from __future__ import annotations

from smgwproxy.http1 import MAX_CHUNK_LINE, MAX_HEAD, MAX_LINES
from tests.door.vectors.vector import BODY_LIMIT, CHUNKED, SEEN_POST, Vector, refused, taken

EXTENSIONS_LIMIT = 16 * 1024  # octets of all extensions of one body
_LAST = b"0\r\n\r\n"


def _bad(claim: str, body: bytes, rule: str = "9112-7.1", status: int = 400) -> Vector:
    return refused(f"{claim} is refused", rule, CHUNKED + body, status)


def _good(claim: str, body: bytes, seen: bytes = b"hello", rule: str = "9112-7.1") -> Vector:
    return taken(claim, rule, CHUNKED + body, SEEN_POST + b"Content-Length: %d\r\n\r\n" % len(seen) + seen)


def _size(claim: str, size: bytes) -> Vector:
    return _bad(f"a chunk size {claim}", size + b"\r\nhello\r\n" + _LAST)


def _extended(claim: str, extension: bytes) -> Vector:
    return _good(claim, b"5" + extension + b"\r\nhello\r\n" + _LAST, rule="9112-7.1.1")


def _with_extensions(octets: int) -> bytes:
    """Write a body of chunks of one octet whose extensions are ``octets`` long together."""
    full, rest = divmod(octets, 200)
    lengths = [200] * full + ([rest] if rest else [])
    return b"".join(b"1;" + b"a" * (length - 1) + b"\r\nx\r\n" for length in lengths) + _LAST


VECTORS: tuple[Vector, ...] = (
    # --- what is taken ---
    _good("a body may come in many chunks", b"1\r\nh\r\n3\r\nell\r\n1\r\no\r\n" + _LAST),
    _good("a body may have no chunk", _LAST, b""),
    _good("sizes may be in small letters", b"a\r\n0123456789\r\n" + _LAST, b"0123456789"),
    _good("sizes may be in capitals", b"1A\r\n" + b"x" * 26 + b"\r\n" + _LAST, b"x" * 26),
    _good("zeros before a size do not count", b"0005\r\nhello\r\n" + _LAST),
    _good("the last chunk may have many zeros", b"5\r\nhello\r\n00000\r\n\r\n"),
    _good("line ends in a chunk are data", b"4\r\n\r\n\r\n\r\n" + _LAST, b"\r\n\r\n"),
    _good("what looks like the last chunk within a chunk is data", b"5\r\n0\r\n\r\n\r\n" + _LAST, b"0\r\n\r\n"),
    _good(
        "what looks like a request within a chunk is data",
        b"1a\r\nGET /smuggled HTTP/1.1\r\n\r\n\r\n" + _LAST,
        b"GET /smuggled HTTP/1.1\r\n\r\n",
    ),
    _good("any octet may be data", b"100\r\n" + bytes(range(256)) + b"\r\n" + _LAST, bytes(range(256))),
    _extended("an extension without value does not count", b";a"),
    _extended("an extension with a value does not count", b";a=b"),
    _extended("an extension with a quoted value does not count", b';a="b;c=\\"d\\\\"'),
    _extended("an extension with an empty quoted value does not count", b';a=""'),
    _extended("an extension with octets above ASCII in its quotes does not count", b';a="\xe9"'),
    _extended("many extensions do not count", b';a;b=c;d="e"'),
    _extended("blanks and tabs around an extension do not count", b" ;\ta = \tb ; c"),
    _extended("an extension that looks like a size does not count", b";ff"),
    _extended("an extension as long as a line may be does not count", b";" + b"a" * (MAX_CHUNK_LINE - 4)),
    _good("the last chunk may have an extension", b"5\r\nhello\r\n0;a=b\r\n\r\n", rule="9112-7.1.1"),
    _good(
        "extensions of 16 KiB in one body are taken",
        _with_extensions(EXTENSIONS_LIMIT),
        b"x" * (EXTENSIONS_LIMIT // 200 + 1),
        "9112-7.1.1",
    ),
    _good("trailers are dropped", b"5\r\nhello\r\n0\r\nX: y\r\nA:\r\n\r\n", rule="9112-7.1.2"),
    _good(
        "trailers that would frame are dropped",
        b"5\r\nhello\r\n0\r\nContent-Length: 99\r\nTransfer-Encoding: x\r\nHost: evil\r\n\r\n",
        rule="9110-6.5.1",
    ),
    _good(
        "a hundred trailers are dropped",
        b"5\r\nhello\r\n0\r\n" + b"X: y\r\n" * MAX_LINES + b"\r\n",
        rule="9112-7.1.2",
    ),
    _good(
        "a body at the limit is taken",
        b"%x\r\n" % BODY_LIMIT + b"x" * BODY_LIMIT + b"\r\n" + _LAST,
        b"x" * BODY_LIMIT,
    ),
    # --- sizes ---
    _size("that is empty", b""),
    _size("of a blank", b" "),
    _size("with a plus sign", b"+5"),
    _size("with a minus sign", b"-5"),
    _size("with 0x before it", b"0x5"),
    _size("with a blank before it", b" 5"),
    _size("with a tab before it", b"\t5"),
    _size("with a blank behind it", b"5 "),
    _size("with a tab behind it", b"5\t"),
    _size("with a blank within", b"0 5"),
    _size("that is not hexadecimal", b"g"),
    _size("with a letter behind it that is not hexadecimal", b"5g"),
    _size("with an h behind it", b"5h"),
    _size("with an underscore", b"0_5"),
    _size("with a fraction", b"5.0"),
    _size("with a comma", b"5,5"),
    _size("in quotes", b'"5"'),
    _size("with a NUL", b"5\0"),
    _size("with a digit above ASCII", b"\xb2"),
    _size("in full-width digits", b"\xef\xbc\x95"),
    _size("of thirteen digits", b"1000000000000"),
    _size("of thirteen digits with zeros before it", b"0000000000005"),
    _size("of 2 to the 32nd and five, with zeros", b"0000000100000005"),
    _size("of 2 to the 64th and five", b"10000000000000005"),
    _size("of 2 to the 64th less one", b"ffffffffffffffff"),
    _size("without end", b"0" * MAX_CHUNK_LINE + b"5"),
    # --- line ends ---
    _bad("a bare LF behind a size", b"5\nhello\r\n" + _LAST),
    _bad("a bare CR behind a size", b"5\rhello\r\n" + _LAST),
    _bad("CR CR LF behind a size", b"5\r\r\nhello\r\n" + _LAST),
    _bad("LF CR behind a size", b"5\n\rhello\r\n" + _LAST),
    _bad("a bare LF behind the data", b"5\r\nhello\n" + _LAST),
    _bad("a bare CR behind the data", b"5\r\nhello\r" + _LAST),
    _bad("LF CR behind the data", b"5\r\nhello\n\r" + _LAST),
    _bad("a chunk without line end", b"5\r\nhello" + _LAST),
    _bad("a chunk with more data than it says", b"5\r\nhello!\r\n" + _LAST),
    _bad("a chunk with less data than it says", b"7\r\nhello\r\n" + _LAST),
    _bad("an empty line between chunks", b"2\r\nhe\r\n\r\n3\r\nllo\r\n" + _LAST),
    _bad("an empty line before the first chunk", b"\r\n5\r\nhello\r\n" + _LAST),
    _bad("an empty line for the last chunk", b"5\r\nhello\r\n\r\n"),
    _bad("a bare LF behind the last size", b"5\r\nhello\r\n0\n\r\n"),
    _bad("a bare LF behind the last chunk", b"5\r\nhello\r\n0\r\n\n"),
    _bad("bare LFs only", b"5\nhello\n0\n\n"),
    # --- extensions ---
    _bad("a bare LF in an extension", b"5;a\nb\r\nhello\r\n" + _LAST, "9112-7.1.1"),
    _bad("a bare LF at the end of an extension", b"5;a\nhello\r\n" + _LAST, "9112-7.1.1"),
    _bad("a bare CR in an extension", b"5;a\rb\r\nhello\r\n" + _LAST, "9112-7.1.1"),
    _bad("a bare CR at the end of an extension", b"5;a=b\r\r\nhello\r\n" + _LAST, "9112-7.1.1"),
    _bad("a bare LF in a quoted value", b'5;a="b\nc"\r\nhello\r\n' + _LAST, "9112-7.1.1"),
    _bad("a bare CR in a quoted value", b'5;a="b\rc"\r\nhello\r\n' + _LAST, "9112-7.1.1"),
    _bad("a line end in a quoted value", b'5;a="b\r\nc"\r\nhello\r\n' + _LAST, "9112-7.1.1"),
    _bad("an escaped line end in a quoted value", b'5;a="b\\\r\nc"\r\nhello\r\n' + _LAST, "9112-7.1.1"),
    _bad("a NUL in an extension", b"5;a\0\r\nhello\r\n" + _LAST, "9112-7.1.1"),
    _bad("an extension without name", b"5;\r\nhello\r\n" + _LAST, "9112-7.1.1"),
    _bad("an extension with a value and no name", b"5;=b\r\nhello\r\n" + _LAST, "9112-7.1.1"),
    _bad("an extension with an empty value", b"5;a=\r\nhello\r\n" + _LAST, "9112-7.1.1"),
    _bad("an extension whose quote does not end", b'5;a="b\r\nhello\r\n' + _LAST, "9112-7.1.1"),
    _bad("an extension without semicolon", b"5 a=b\r\nhello\r\n" + _LAST, "9112-7.1.1"),
    _bad("an octet above ASCII in the name of an extension", b"5;\xe9\r\nhello\r\n" + _LAST, "9112-7.1.1"),
    _bad("a blank at the end of an extension", b"5;a \r\nhello\r\n" + _LAST, "9112-7.1.1"),
    _bad(
        "an extension longer than a line may be",
        b"5;" + b"a" * (MAX_CHUNK_LINE - 3) + b"\r\nhello\r\n" + _LAST,
        "9112-7.1.1",
    ),
    _bad("an extension without end", b"5;" + b"a" * 100000, "9112-7.1.1"),
    _bad("more than 16 KiB of extensions in one body", _with_extensions(EXTENSIONS_LIMIT + 2), "9112-7.1.1"),
    # --- trailers ---
    _bad("a trailer without colon", b"0\r\nX\r\n\r\n", "9112-7.1.2"),
    _bad("a trailer with a blank before its colon", b"0\r\nX : y\r\n\r\n", "9112-7.1.2"),
    _bad("a trailer without name", b"0\r\n: y\r\n\r\n", "9112-7.1.2"),
    _bad("a folded trailer", b"0\r\nX: y\r\n z\r\n\r\n", "9112-7.1.2"),
    _bad("a trailer folded behind the last chunk", b"0\r\n X: y\r\n\r\n", "9112-7.1.2"),
    _bad("a NUL in a trailer", b"0\r\nX: \0\r\n\r\n", "9112-7.1.2"),
    _bad("a bare CR in a trailer", b"0\r\nX: a\rY: b\r\n\r\n", "9112-7.1.2"),
    _bad("a bare LF behind a trailer", b"0\r\nX: y\n\r\n", "9112-7.1.2"),
    _bad("a bare LF behind the trailers", b"0\r\nX: y\r\n\n", "9112-7.1.2"),
    _bad("a request in the place of trailers", b"0\r\nGET /smuggled HTTP/1.1\r\n\r\n", "9112-7.1.2"),
    _bad("a hundred and one trailers", b"0\r\n" + b"X: y\r\n" * (MAX_LINES + 1) + b"\r\n", "6585-5", 431),
    _bad("a trailer without end", b"0\r\nX: " + b"y" * MAX_HEAD, "6585-5", 431),
    _bad(
        "more than 32 KiB of trailers", b"0\r\n" + (b"X: " + b"y" * 1000 + b"\r\n") * 34 + b"\r\n", "6585-5", 431
    ),
    # --- length ---
    _bad(
        "a body above the limit",
        b"%x\r\n" % (BODY_LIMIT + 1) + b"x" * (BODY_LIMIT + 1) + b"\r\n" + _LAST,
        "9110-15.5.14",
        413,
    ),
    _bad(
        "a body above the limit in many chunks",
        (b"400\r\n" + b"x" * 1024 + b"\r\n") * (BODY_LIMIT // 1024) + b"1\r\nx\r\n" + _LAST,
        "9110-15.5.14",
        413,
    ),
    _bad(
        "a body far above the limit",
        b"20000\r\n" + b"x" * 0x20000 + b"\r\n" + _LAST,
        "9110-15.5.14",
        413,
    ),
)
