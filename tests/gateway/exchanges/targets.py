"""Requests: methods and targets, which reach the gateway byte for byte."""

from __future__ import annotations

from tests.gateway.exchanges.row import OK_HEAD, Row, asks, denied

_HOST = b" HTTP/1.1\r\nHost: pi:8080\r\n\r\n"
_HEARD_HOST = b" HTTP/1.1\r\nHost: <gateway>\r\n\r\n"
_LONG = b"/" + b"a%2F" * 3750  # nearly what a request line may hold


def _same(claim: str, rule: str, first: bytes) -> Row:
    return asks(claim, rule, first + _HOST, first + _HEARD_HOST)


def _brought(claim: str, rule: str, first: bytes, heard: bytes) -> Row:
    return asks(claim, rule, first + _HOST, heard + _HEARD_HOST)


ROWS: tuple[Row, ...] = (
    # --- as they are ---
    _same("escapes, dots, slashes and parameters of a target stay", "3986-6.2.2", b"GET /a%2Fb/../c//d?x=1;y=%41"),
    _same("dots above the root stay", "3986-5.2.4", b"GET /../.././x/.."),
    _same("an empty query stays", "3986-3.4", b"GET /?"),
    _same("question marks within a query stay", "3986-3.4", b"GET /a??b?c=d/../e"),
    _same("two slashes at the beginning stay", "9112-3.2.1", b"GET //x"),
    _same("two slashes that look like the gateway's authority stay", "9112-3.2.1", b"GET //<gateway>/x"),
    _same("an escape that need not be one stays", "3986-6.2.2.2", b"GET /%7e%7E~"),
    _same("escapes stay in their case", "3986-6.2.2.1", b"GET /%c3%A4?%c3%A4"),
    _same("escaped escapes stay escaped once", "3986-2.4", b"GET /%2541%25"),
    _same("escaped line ends stay escaped", "3986-2.1", b"GET /%0d%0aX:%20y%00"),
    _same("plus signs stay", "3986-2.2", b"GET /a+b?c+d=%2B"),
    _same("a parameter of the path stays", "3986-3.3", b"GET /a;p=1,2;q/b"),
    _same("what browsers leave as it is in a query stays", "3986-3.4", b"GET /a|b[1]?`{}|\\^[]'"),
    _same("a URL within a query stays", "3986-3.4", b"GET /?u=https://<gateway>/&v=http://pi:8080/"),
    _same("a long target stays whole", "9112-3", b"GET " + _LONG),
    # --- methods ---
    _same("a method in small letters stays", "9110-9.1", b"get /"),
    _same("a method that nobody knows stays", "9110-9.1", b"M-SEARCH /"),
    _same("DELETE without a body has no length", "9110-8.6", b"DELETE /row"),
    _same("OPTIONS of the server as a whole stays an asterisk", "9112-3.2.4", b"OPTIONS *"),
    # --- absolute-form, which only proxies are sent ---
    _brought(
        "an absolute target is brought to its path", "9112-3.2.2", b"GET http://pi:8080/a%2F?b", b"GET /a%2F?b"
    ),
    _brought("an absolute target without path has the root", "9110-4.2.3", b"GET http://pi:8080", b"GET /"),
    _brought(
        "an absolute target with a query alone has the root", "9110-4.2.3", b"GET http://pi:8080?x", b"GET /?x"
    ),
    _brought("an absolute target with an empty query keeps it", "9112-3.2.2", b"GET http://pi:8080/?", b"GET /?"),
    _brought("an absolute target may have capitals", "9110-4.2.3", b"GET HTTP://PI:8080/A", b"GET /A"),
    _brought(
        "an absolute target keeps its dots and slashes",
        "9112-3.2.2",
        b"GET http://pi:8080//a/../b",
        b"GET //a/../b",
    ),
    _brought(
        "OPTIONS of an absolute target without path asks the server",
        "9112-3.2.4",
        b"OPTIONS http://pi:8080",
        b"OPTIONS *",
    ),
    _brought(
        "OPTIONS of an absolute target with a path asks that",
        "9112-3.2.2",
        b"OPTIONS http://pi:8080/",
        b"OPTIONS /",
    ),
    asks(
        "an absolute target of HTTP/1.0 is brought to its path, and gets a Host",
        "9112-3.2.2",
        b"GET http://pi:8080/row HTTP/1.0\r\nX: y\r\n\r\n",
        b"GET /row HTTP/1.1\r\nHost: <gateway>\r\nX: y\r\n\r\n",
        head=OK_HEAD.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"),
        ends=True,
    ),
    # --- none of these ---
    denied("a question mark alone is no target", "9112-3.2.1", b"GET ?" + _HOST),
    denied("an asterisk is for OPTIONS only", "9112-3.2.4", b"GET *" + _HOST),
    denied("a fragment is no part of a target", "9112-3.2.1", b"GET /a#b" + _HOST),
    denied(
        "an absolute target of another scheme is misdirected", "9110-7.4", b"GET https://pi:8080/" + _HOST, 421
    ),
)
