"""Header lines: names, values, line ends, folding, and how many there may be."""

from __future__ import annotations

from smgwproxy.http1 import MAX_HEAD, MAX_LINES
from tests.door.vectors.vector import GET, POST, SEEN_GET, SEEN_POST, Vector, refused, taken


def _bad(claim: str, rule: str, line: bytes) -> Vector:
    return refused(f"{claim} is refused", rule, GET + line + b"\r\n\r\n")


def _good(claim: str, rule: str, line: bytes, seen: bytes) -> Vector:
    return taken(claim, rule, GET + line + b"\r\n\r\n", SEEN_GET + seen + b"\r\n\r\n")


def _padded(length: int) -> bytes:
    """Write header lines that make a GET's head ``length`` octets long."""
    return b"A: " + b"b" * (length - len(GET) - len(b"A: \r\n\r\n")) + b"\r\n\r\n"


_TCHARS = b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_FULL = b"A: b\r\n" * (MAX_LINES - 1)  # with Host as many as there may be

VECTORS: tuple[Vector, ...] = (
    # --- what passes ---
    taken(
        "lines keep their order, case and number",
        "9110-5.3",
        b"GET / HTTP/1.1\r\nX-b: 1\r\nhOST: pi\r\nx-B: 2\r\nX_b: 3\r\nX-B: 1\r\n\r\n",
        b"GET / HTTP/1.1\r\nX-b: 1\r\nhOST: <gateway>\r\nx-B: 2\r\nX_b: 3\r\nX-B: 1\r\n\r\n",
    ),
    _good("octets above ASCII in a value stay", "9110-5.5", b"X: caf\xe9 \xff\x80", b"X: caf\xe9 \xff\x80"),
    _good(
        "next line and no-break space at a value's ends stay", "9110-5.5", b"X:\x85\xa0a\xa0", b"X: \x85\xa0a\xa0"
    ),
    _good("an empty value stays", "9110-5.5", b"X:", b"X: "),
    _good("a value of blanks is empty", "9112-5.1", b"X: \t ", b"X: "),
    _good("blanks and tabs around a value go", "9112-5.1", b"X: \t a b \t", b"X: a b"),
    _good("a tab within a value stays", "9110-5.5", b"X: a\tb", b"X: a\tb"),
    _good("no blank is needed before a value", "9112-5", b"X:a", b"X: a"),
    _good("a colon in a value is part of it", "9112-5", b"X::a:b", b"X: :a:b"),
    _good("quotes and backslashes in a value stay", "9110-5.6.4", b'X: "a\\"b', b'X: "a\\"b'),
    _good("a name may be any token", "9110-5.1", _TCHARS + b": a", _TCHARS + b": a"),
    _good("a line that is a number passes", "9110-5.1", b"200: OK", b"200: OK"),
    taken(
        "an underscore makes another name of Content-Length",
        "9110-5.1",
        GET + b"Content_Length: 5\r\n\r\n",
        SEEN_GET + b"Content_Length: 5\r\n\r\n",
    ),
    taken(
        "an underscore makes another name of Transfer-Encoding",
        "9110-5.1",
        POST + b"Transfer_Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        SEEN_POST + b"Transfer_Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    ),
    # --- names ---
    _bad("a line without colon", "9112-5", b"X"),
    _bad("a second request line", "9112-5", b"GET /x HTTP/1.1"),
    _bad("an empty name", "9110-5.1", b": a"),
    _bad("a blank before the colon", "9112-5.1", b"X : a"),
    _bad("a tab before the colon", "9112-5.1", b"X\t: a"),
    _bad("a blank before the colon of Content-Length", "9112-5.1", b"Content-Length : 5"),
    _bad("a blank before the colon of Transfer-Encoding", "9112-5.1", b"Transfer-Encoding : chunked"),
    _bad("a blank within a name", "9110-5.1", b"X Y: a"),
    _bad("a NUL in a name", "9110-5.1", b"X\0Y: a"),
    _bad("a control in a name", "9110-5.1", b"X\x01: a"),
    _bad("a vertical tab in a name", "9110-5.1", b"Content-Length\x0b: 5"),
    _bad("a delete in a name", "9110-5.1", b"X\x7f: a"),
    _bad("an octet above ASCII in a name", "9110-5.1", b"X\xe9: a"),
    _bad("a no-break space in a name", "9110-5.1", b"Host\xa0: a"),
    _bad("a round bracket in a name", "9110-5.1", b"X(Y): a"),
    _bad("a square bracket in a name", "9110-5.1", b"X[1]: a"),
    _bad("a quote in a name", "9110-5.1", b'"X": a'),
    _bad("a slash in a name", "9110-5.1", b"X/Y: a"),
    _bad("a comma in a name", "9110-5.1", b"X,Y: a"),
    _bad("an at sign in a name", "9110-5.1", b"X@Y: a"),
    # --- values ---
    _bad("a NUL in a value", "9110-5.5", b"X: a\0b"),
    _bad("a NUL at the end of a value", "9110-5.5", b"X: a\0"),
    _bad("a bare CR in a value", "9112-2.2", b"X: a\rY: b"),
    _bad("a bare CR at the end of a value", "9112-2.2", b"X: a\r"),
    _bad("a bare CR before a value", "9112-2.2", b"X:\ra"),
    _bad("a bare CR that would end the head", "9112-2.2", b"X: a\r\rGET /smuggled HTTP/1.1"),
    _bad("a bare LF in a value", "9112-2.2", b"X: a\nY: b"),
    _bad("a start-of-heading in a value", "9110-5.5", b"X: a\x01b"),
    _bad("a backspace in a value", "9110-5.5", b"X: a\x08b"),
    _bad("a vertical tab in a value", "9110-5.5", b"X: a\x0bb"),
    _bad("a form feed in a value", "9110-5.5", b"X: a\x0cb"),
    _bad("an escape in a value", "9110-5.5", b"X: a\x1b[0mb"),
    _bad("a unit separator in a value", "9110-5.5", b"X: a\x1fb"),
    _bad("a delete in a value", "9110-5.5", b"X: a\x7fb"),
    # --- line ends ---
    refused("a bare LF behind a line is refused", "9112-2.2", GET + b"A: b\n\r\n"),
    refused("a bare LF between two lines is refused", "9112-2.2", GET + b"A: b\nC: d\r\n\r\n"),
    refused("a bare LF for the empty line is refused", "9112-2.2", GET + b"A: b\r\n\n"),
    refused("two bare LFs at the end of the head are refused", "9112-2.2", GET + b"A: b\n\n"),
    refused("LF CR at the end of the head is refused", "9112-2.2", GET + b"A: b\n\r\r\n\r\n"),
    refused("CR CR LF behind a line is refused", "9112-2.2", GET + b"A: b\r\r\n\r\n"),
    refused("CR CR LF for the empty line is refused", "9112-2.2", GET + b"A: b\r\n\r\r\n\r\n"),
    # --- folding ---
    _bad("a line folded with a blank", "9112-5.2", b"X: a\r\n b"),
    _bad("a line folded with a tab", "9112-5.2", b"X: a\r\n\tb"),
    _bad("a line folded before its value", "9112-5.2", b"X:\r\n a"),
    _bad("a line folded into nothing", "9112-5.2", b"X: a\r\n "),
    _bad("a folded line that looks like another one", "9112-5.2", b"X: a\r\n Content-Length: 5"),
    _bad("a folded Transfer-Encoding", "9112-5.2", b"Transfer-Encoding:\r\n chunked"),
    _bad("a folded Content-Length", "9112-5.2", b"Content-Length: 5\r\n 0"),
    refused(
        "a line folded behind the request line is refused",
        "9112-2.2",
        b"GET / HTTP/1.1\r\n Host: pi\r\nHost: pi\r\n\r\n",
    ),
    refused(
        "a line folded with a tab behind the request line is refused",
        "9112-2.2",
        b"GET / HTTP/1.1\r\n\tX: a\r\nHost: pi\r\n\r\n",
    ),
    refused(
        "a blank line behind the request line is refused", "9112-2.2", b"GET / HTTP/1.1\r\n \r\nHost: pi\r\n\r\n"
    ),
    # --- how many, how long ---
    taken("a hundred lines are taken", "9110-5.4", GET + _FULL + b"\r\n", SEEN_GET + _FULL + b"\r\n"),
    refused("a hundred and one lines are refused with 431", "6585-5", GET + _FULL + b"A: b\r\n\r\n", 431),
    refused("ten thousand lines are refused with 431", "6585-5", GET + b"A:\r\n" * 10000, 431),
    taken(
        "a head of 32 KiB is taken",
        "9110-5.4",
        GET + _padded(MAX_HEAD),
        SEEN_GET + _padded(MAX_HEAD),
    ),
    refused("a head of 32 KiB and one octet is refused with 431", "6585-5", GET + _padded(MAX_HEAD + 1), 431),
    refused("a value without end is refused with 431", "6585-5", GET + b"A: " + b"b" * MAX_HEAD, 431),
    refused("a name without end is refused with 431", "6585-5", GET + b"A" * MAX_HEAD, 431),
    refused(
        "many short lines above 32 KiB are refused with 431",
        "6585-5",
        GET + (b"A: " + b"b" * 500 + b"\r\n") * 70 + b"\r\n",
        431,
    ),
)
