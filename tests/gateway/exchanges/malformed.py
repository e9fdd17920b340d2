"""Answers whose head is no head of HTTP/1.1: the client gets an error, and the connection is used no more."""

from __future__ import annotations

from smgwproxy.http1 import MAX_HEAD, MAX_LINES
from tests.gateway.exchanges.row import HEARD_POST, POST, End, Row, refuses

_STATUS = b"HTTP/1.1 200 OK\r\n"
_REST = b"\r\nX: leaked\r\nContent-Length: 6\r\n\r\nleaked"


def _first(claim: str, first: bytes, rule: str = "9112-4") -> Row:
    return refuses(f"{claim} is refused", rule, first + _REST)


def _line(claim: str, line: bytes, rule: str = "9112-5") -> Row:
    return refuses(f"{claim} is refused in an answer", rule, _STATUS + b"A: leaked\r\n" + line + _REST)


def _ends(claim: str, said: bytes) -> Row:
    return refuses(f"{claim} is refused in an answer", "9112-2.2", said)


ROWS: tuple[Row, ...] = (
    # --- status lines ---
    _first("HTTP/0.9 as a version", b"HTTP/0.9 200 OK"),
    _first("HTTP/2 as a version", b"HTTP/2 200 OK"),
    _first("HTTP/2.0 as a version", b"HTTP/2.0 200 OK"),
    _first("HTTP/1.2 as a version", b"HTTP/1.2 200 OK", "9112-2.3"),
    _first("HTTP/1 as a version", b"HTTP/1 200 OK", "9112-2.3"),
    _first("HTTP/01.1 as a version", b"HTTP/01.1 200 OK", "9112-2.3"),
    _first("a version in small letters", b"http/1.1 200 OK", "9112-2.3"),
    _first("another protocol's name", b"ICY 200 OK"),
    _first("a status line without a code", b"HTTP/1.1 OK"),
    _first("a status line of a version alone", b"HTTP/1.1"),
    _first("a code of two digits", b"HTTP/1.1 20 OK"),
    _first("a code of four digits", b"HTTP/1.1 2000 OK"),
    _first("a code with a sign", b"HTTP/1.1 +200 OK"),
    _first("a code that begins with zero", b"HTTP/1.1 099 OK", "9110-15"),
    _first("a code with a letter", b"HTTP/1.1 20x OK"),
    _first("a code of other digits", b"HTTP/1.1 \xb2\xb0\xb0 OK"),
    _first("two blanks before the code", b"HTTP/1.1  200 OK"),
    _first("a tab before the code", b"HTTP/1.1\t200 OK"),
    _first("a tab behind the code", b"HTTP/1.1 200\tOK"),
    _first("a blank before the version", b" HTTP/1.1 200 OK"),
    _first("a NUL in the reason", b"HTTP/1.1 200 O\0K"),
    _first("a control in the reason", b"HTTP/1.1 200 O\x1bK"),
    _first("a bare CR in the reason", b"HTTP/1.1 200 OK\rX: leaked", "9112-2.2"),
    _first("an empty line before the status line", b"\r\nHTTP/1.1 200 OK", "9112-2.2"),
    _first("what is not HTTP at all", b"SSH-2.0-OpenSSH_9.2"),
    _first("a record of TLS within TLS", b"\x16\x03\x01\0\x2f\x01"),
    _first("a request in the place of an answer", b"GET / HTTP/1.1"),
    refuses("an answer of HTTP/0.9 is refused", "9112-2.3", b"<html>leaked</html>\r\n", end=End.CLOSES),
    refuses("a page in the place of an answer is refused", "9112-4", b"<html>\r\nleaked\r\n\r\n</html>\r\n"),
    refuses("the greeting of SSH is refused at once", "9112-4", b"SSH-2.0-leaked\r\n"),
    refuses("a page without a line end is refused at once", "9112-2.3", b"<html>leaked"),
    # --- header lines ---
    _line("a line without a colon", b"leaked"),
    _line("a line of blanks", b" \t "),
    _line("an empty name", b": leaked"),
    _line("a blank before the colon", b"X : leaked", "9112-5.1"),
    _line("a tab before the colon", b"X\t: leaked", "9112-5.1"),
    _line("a blank before the colon of a length", b"Content-Length : 6", "9112-5.1"),
    _line("a blank before the colon of a coding", b"Transfer-Encoding : chunked", "9112-5.1"),
    _line("a blank within a name", b"X Y: leaked", "9110-5.1"),
    _line("an octet outside ASCII in a name", b"X\xe9: leaked", "9110-5.1"),
    _line("a bracket in a name", b"X(1): leaked", "9110-5.1"),
    _line("a NUL in a name", b"X\0: leaked", "9110-5.1"),
    _line("a NUL in a value", b"X: lea\0ked", "9110-5.5"),
    _line("a control in a value", b"X: lea\x01ked", "9110-5.5"),
    _line("a delete in a value", b"X: lea\x7fked", "9110-5.5"),
    _line("a second status line", b"HTTP/1.1 200 OK"),
    _line("a line folded with a blank", b"X: leaked\r\n more", "9112-5.2"),
    _line("a line folded with a tab", b"X: leaked\r\n\tmore", "9112-5.2"),
    _line("a line folded before its value", b"X:\r\n leaked", "9112-5.2"),
    _line("a line folded into nothing", b"X: leaked\r\n ", "9112-5.2"),
    _line("a folded length", b"Content-Length:\r\n 6", "9112-5.2"),
    _line("a bare CR in a value", b"X: leaked\rContent-Length: 0", "9112-2.2"),
    _line("a bare LF in a value", b"X: leaked\nContent-Length: 0", "9112-2.2"),
    _line("a CR before the line end", b"X: leaked\r", "9112-2.2"),
    refuses(
        "a line folded behind the status line is refused", "9112-2.2", _STATUS + b" X: leaked\r\n" + _REST[2:]
    ),
    # --- line ends ---
    _ends("a head of bare LFs", b"HTTP/1.1 200 OK\nX: leaked\nContent-Length: 6\n\nleaked"),
    _ends("a bare LF behind the status line", b"HTTP/1.1 200 OK\nX: leaked\r\n\r\nleaked"),
    _ends("a bare LF for the empty line", _STATUS + b"X: leaked\r\n\nleaked"),
    _ends("a bare LF before the empty line", _STATUS + b"X: leaked\n\r\nleaked"),
    _ends("CR CR LF for the empty line", _STATUS + b"X: leaked\r\n\r\r\n\r\nleaked"),
    # --- how many, how long ---
    refuses(
        "more than a hundred lines of an answer are refused",
        "9110-5.4",
        _STATUS + b"X: leaked\r\n" * (MAX_LINES + 1) + b"\r\n",
    ),
    refuses(
        "ten thousand lines of an answer are refused", "9110-5.4", _STATUS + b"X: leaked\r\n" * 10000 + b"\r\n"
    ),
    refuses(
        "an answer's head above 32 KiB is refused", "9110-5.4", _STATUS + b"X: leaked" + b"d" * MAX_HEAD + _REST
    ),
    refuses("an answer's value without end is refused", "9110-5.4", _STATUS + b"X: leaked" + b"d" * MAX_HEAD),
    refuses("an answer's status line without end is refused", "9112-4", b"HTTP/1.1 200 leaked" + b"d" * MAX_HEAD),
    # --- whatever was asked ---
    refuses(
        "a malformed answer to a login is refused, and the request not sent again",
        "9112-4",
        b"HTTP/1.1 OK" + _REST,
        sends=POST + b"Authorization: x\r\nContent-Length: 2\r\n\r\nhi",
        receives=HEARD_POST + b"Authorization: x\r\nContent-Length: 2\r\n\r\nhi",
    ),
)
