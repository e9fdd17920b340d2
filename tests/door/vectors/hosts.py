"""Hosts: the Host line, and targets that name a host themselves."""

from __future__ import annotations

from tests.door.vectors.vector import SEEN_GET, Vector, refused, taken

NO_HOST = b"GET / HTTP/1.1\r\n"


def _bad(claim: str, host: bytes, rule: str = "9112-3.2") -> Vector:
    return refused(f"a Host {claim} is refused", rule, NO_HOST + b"Host: " + host + b"\r\n\r\n")


def _good(claim: str, host: bytes, rule: str = "9110-7.2") -> Vector:
    return taken(f"a Host {claim} is taken", rule, NO_HOST + b"Host: " + host + b"\r\n\r\n", SEEN_GET + b"\r\n")


def _absolute_forms(scheme: bytes, other: bytes) -> tuple[Vector, ...]:
    """Return the rows with targets that begin with ``scheme``, that of the door; ``other`` is the other door's."""

    def get(
        uri: bytes, *, host: bytes = b"Host: pi\r\n", method: bytes = b"GET", version: bytes = b"1.1"
    ) -> bytes:
        return method + b" " + uri + b" HTTP/" + version + b"\r\n" + host + b"\r\n"

    def good(claim: str, sent: bytes, seen: bytes = b"GET / ", rule: str = "9112-3.2.2", **more: bool) -> Vector:
        return taken(
            claim, rule, sent, seen + b"HTTP/1.1\r\nHost: <gateway>\r\n\r\n", only=scheme.decode(), **more
        )

    def bad(claim: str, sent: bytes, status: int = 400, rule: str = "9112-3.2.2") -> Vector:
        return refused(claim, rule, sent, status, only=scheme.decode())

    site = scheme + b"://"
    return (
        good("an absolute target becomes its path and query", get(site + b"pi:8080/a?b"), b"GET /a?b "),
        good("the authority of an absolute target stands above Host", get(site + b"pi/", host=b"Host: x\r\n")),
        good("an absolute target without path asks for the root", get(site + b"pi")),
        good("an absolute target without path keeps its query", get(site + b"pi?q"), b"GET /?q "),
        good("a scheme may be in capitals", get(scheme.upper() + b"://PI/"), rule="3986-3.1"),
        good("an absolute target may name an IPv6 address", get(site + b"[::1]:8080/"), rule="3986-3.2.2"),
        good("an absolute target may leave its port empty", get(site + b"pi:/"), rule="3986-3.2.3"),
        good(
            "an absolute target's double slash is part of its path",
            get(site + b"pi//evil/x"),
            b"GET //evil/x ",
        ),
        good(
            "an absolute target of HTTP/1.0 needs no Host",
            get(site + b"pi/x", host=b"", version=b"1.0"),
            b"GET /x ",
            ends=True,
        ),
        good(
            "OPTIONS of a whole site becomes an asterisk",
            get(site + b"pi", method=b"OPTIONS"),
            b"OPTIONS * ",
            "9112-3.2.4",
        ),
        good(
            "OPTIONS of the root stays one of the root",
            get(site + b"pi/", method=b"OPTIONS"),
            b"OPTIONS / ",
            "9112-3.2.4",
        ),
        bad(
            "an absolute target does not make up for a missing Host", get(site + b"pi/", host=b""), rule="9112-3.2"
        ),
        bad(
            "an absolute target does not make up for a second Host",
            get(site + b"pi/", host=b"Host: pi\r\nHost: pi\r\n"),
            rule="9112-3.2",
        ),
        bad(
            "an absolute target does not make up for an invalid Host",
            get(site + b"pi/", host=b"Host: a b\r\n"),
            rule="9112-3.2",
        ),
        bad("a target of the other door's scheme is refused with 421", get(other + b"://pi/"), 421, "9110-7.4"),
        bad("a user within the target is refused", get(site + b"u@pi/"), rule="9110-4.2.4"),
        bad("a user and a password within the target are refused", get(site + b"u:pw@pi/"), rule="9110-4.2.4"),
        bad("an empty authority is refused", get(site + b"/x"), rule="9110-4.2.1"),
        bad("an authority of a port alone is refused", get(site + b":80/x"), rule="9110-4.2.1"),
        bad("an absolute target with nothing behind its slashes is refused", get(site), rule="9110-4.2.1"),
        bad("an absolute target with one slash is refused", get(scheme + b":/pi/")),
        bad("an absolute target without slashes is refused", get(scheme + b":pi")),
        bad("an absolute target with backslashes is refused", get(scheme + b":\\\\pi\\")),
        bad("a port of letters within the target is refused", get(site + b"pi:abc/"), rule="3986-3.2.3"),
        bad("a port above 65535 within the target is refused", get(site + b"pi:99999/"), rule="3986-3.2.3"),
        bad("an open bracket within the target is refused", get(site + b"[::1/"), rule="3986-3.2.2"),
        bad("an address that is none within the target is refused", get(site + b"[zz]/"), rule="3986-3.2.2"),
        bad("a fragment of an absolute target is refused", get(site + b"pi/#x"), rule="9112-3.2"),
        bad("a fragment behind the authority is refused", get(site + b"pi#x"), rule="9112-3.2"),
        bad("a backslash behind the authority is refused", get(site + b"pi\\x"), rule="3986-3.2.2"),
        bad("a curly bracket in an absolute target's path is refused", get(site + b"pi/{x}"), rule="3986-3.3"),
    )


VECTORS: tuple[Vector, ...] = (
    # --- the Host line ---
    _good("of a bare name", b"pi"),
    _good("with a port", b"pi:8080"),
    _good("in capitals", b"PI"),
    _good("that is an IPv4 address", b"127.0.0.1:80", "3986-3.2.2"),
    _good("that is an IPv6 address", b"[::1]", "3986-3.2.2"),
    _good("that is an IPv6 address with a port", b"[fe80::1]:8080", "3986-3.2.2"),
    _good("with an empty port", b"pi:", "3986-3.2.3"),
    _good("with blanks and tabs around it", b"\t pi \t", "9112-5"),
    refused("no Host in HTTP/1.1 is refused", "9112-3.2", NO_HOST + b"\r\n"),
    refused("a name that only looks like Host is no Host", "9112-3.2", NO_HOST + b"Hosts: pi\r\n\r\n"),
    refused("two equal Hosts are refused", "9112-3.2", NO_HOST + b"Host: pi\r\nHost: pi\r\n\r\n"),
    refused("two different Hosts are refused", "9112-3.2", NO_HOST + b"Host: pi\r\nHost: x\r\n\r\n"),
    refused(
        "two Hosts in different case are refused", "9112-3.2", NO_HOST + b"Host: pi\r\nA: b\r\nhOST: x\r\n\r\n"
    ),
    refused("two Hosts in HTTP/1.0 are refused", "9112-3.2", b"GET / HTTP/1.0\r\nHost: pi\r\nHost: x\r\n\r\n"),
    refused("an empty Host is refused", "9112-3.2", NO_HOST + b"Host:\r\n\r\n"),
    refused("a Host of blanks is refused", "9112-3.2", NO_HOST + b"Host: \t \r\n\r\n"),
    refused("an empty Host in HTTP/1.0 is refused", "9112-3.2", b"GET / HTTP/1.0\r\nHost:\r\n\r\n"),
    refused("an empty Host before another one is refused", "9112-3.2", NO_HOST + b"Host:\r\nHost: pi\r\n\r\n"),
    _bad("with a blank within", b"a b"),
    _bad("with a tab within", b"a\tb"),
    _bad("with a user", b"u@h"),
    _bad("with a user and a password", b"u:p@h"),
    _bad("with a path", b"x/y"),
    _bad("with a slash behind it", b"x/"),
    _bad("with a query", b"x?y"),
    _bad("with a fragment", b"x#y"),
    _bad("with a backslash", b"x\\y"),
    _bad("that is a URL", b"http://x"),
    _bad("in quotes", b'"x"'),
    _bad("with a less-than sign", b"<x>"),
    _bad("that is a list", b"x, y"),
    _bad("that is a list of equal names", b"x,x"),
    _bad("with an octet above ASCII", b"caf\xe9"),
    _bad("in UTF-8", b"caf\xc3\xa9"),
    _bad("with a malformed encoding", b"x%zz", "3986-2.1"),
    _bad("of a port alone", b":80"),
    _bad("with a port of letters", b"x:abc", "3986-3.2.3"),
    _bad("with a port and a letter", b"x:80a", "3986-3.2.3"),
    _bad("with a port above 65535", b"x:99999", "3986-3.2.3"),
    _bad("with a port of six digits", b"x:123456", "3986-3.2.3"),
    _bad("with a negative port", b"x:-1", "3986-3.2.3"),
    _bad("with a signed port", b"x:+1", "3986-3.2.3"),
    _bad("with two ports", b"x:1:2", "3986-3.2.3"),
    _bad("with a blank before its port", b"x: 80", "3986-3.2.3"),
    _bad("with an open bracket", b"[::1", "3986-3.2.2"),
    _bad("with a bracket that was never opened", b"::1]", "3986-3.2.2"),
    _bad("with an IPv6 address without brackets", b"fe80::1", "3986-3.2.2"),
    _bad("with brackets around no address", b"[zz]", "3986-3.2.2"),
    _bad("with empty brackets", b"[]", "3986-3.2.2"),
    _bad("with an IPv4 address in brackets", b"[127.0.0.1]", "3986-3.2.2"),
    _bad("with an address that abbreviates twice", b"[1::2::3]", "3986-3.2.2"),
    _bad("with letters behind its bracket", b"[::1]x", "3986-3.2.2"),
    _bad("with a port of letters behind its bracket", b"[::1]:x", "3986-3.2.3"),
    # --- targets that are no path ---
    taken(
        "OPTIONS of an asterisk passes",
        "9112-3.2.4",
        b"OPTIONS * HTTP/1.1\r\nHost: pi\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: <gateway>\r\n\r\n",
    ),
    taken(
        "OPTIONS of a path passes",
        "9110-9.3.7",
        b"OPTIONS /x HTTP/1.1\r\nHost: pi\r\n\r\n",
        b"OPTIONS /x HTTP/1.1\r\nHost: <gateway>\r\n\r\n",
    ),
    refused("GET of an asterisk is refused", "9112-3.2.4", b"GET * HTTP/1.1\r\nHost: pi\r\n\r\n"),
    refused("POST of an asterisk is refused", "9112-3.2.4", b"POST * HTTP/1.1\r\nHost: pi\r\n\r\n"),
    refused("OPTIONS of two asterisks is refused", "9112-3.2.4", b"OPTIONS ** HTTP/1.1\r\nHost: pi\r\n\r\n"),
    refused("an asterisk with a query is refused", "9112-3.2.4", b"OPTIONS *?x HTTP/1.1\r\nHost: pi\r\n\r\n"),
    refused("the scheme ftp is refused", "9112-3.2.2", b"GET ftp://pi/ HTTP/1.1\r\nHost: pi\r\n\r\n"),
    refused("the scheme file is refused", "9112-3.2.2", b"GET file:///etc/passwd HTTP/1.1\r\nHost: pi\r\n\r\n"),
    refused("the scheme ws is refused", "9112-3.2.2", b"GET ws://pi/ HTTP/1.1\r\nHost: pi\r\n\r\n"),
    refused("the scheme javascript is refused", "9112-3.2.2", b"GET javascript:x HTTP/1.1\r\nHost: pi\r\n\r\n"),
    *_absolute_forms(b"http", b"https"),
    *_absolute_forms(b"https", b"http"),
)
