"""What concerns the connection: requests behind each other, versions, hop-by-hop lines, expectations."""

from __future__ import annotations

from tests.door.vectors.vector import CHUNKED, GET, POST, SEEN_GET, SEEN_POST, Vector, refused, taken


def _get(target: bytes, *lines: bytes) -> bytes:
    return b"GET " + target + b" HTTP/1.1\r\nHost: pi\r\n" + b"".join(line + b"\r\n" for line in lines) + b"\r\n"


def _seen(target: bytes, *lines: bytes) -> bytes:
    return _get(target, *lines).replace(b"Host: pi", b"Host: <gateway>")


def _hop(claim: str, lines: bytes, seen: bytes = b"", rule: str = "9110-7.6.1", *, ends: bool = False) -> Vector:
    return taken(claim, rule, GET + lines + b"\r\n", SEEN_GET + seen + b"\r\n", ends=ends)


def _old(claim: str, lines: bytes, seen: bytes = SEEN_GET + b"\r\n", *, ends: bool = True) -> Vector:
    return taken(claim, "9112-9.3", b"GET / HTTP/1.0\r\n" + lines + b"\r\n", seen, ends=ends)


_BODY = b"Content-Length: 5\r\n\r\nhello"

VECTORS: tuple[Vector, ...] = (
    # --- requests behind each other ---
    taken(
        "requests in one write are read one by one",
        "9112-9.3.2",
        _get(b"/1") + _get(b"/2") + _get(b"/3"),
        _seen(b"/1"),
        _seen(b"/2"),
        _seen(b"/3"),
    ),
    taken(
        "requests of several kinds are read one by one",
        "9112-9.3.2",
        b"HEAD / HTTP/1.1\r\nHost: pi\r\n\r\n"
        + POST
        + _BODY
        + CHUNKED
        + b"3\r\nabc\r\n0\r\nX: y\r\n\r\n"
        + _get(b"/4"),
        b"HEAD / HTTP/1.1\r\nHost: <gateway>\r\n\r\n",
        SEEN_POST + _BODY,
        SEEN_POST + b"Content-Length: 3\r\n\r\nabc",
        _seen(b"/4"),
    ),
    taken(
        "an empty line behind a body is skipped",
        "9112-2.2",
        POST + _BODY + b"\r\n" + _get(b"/2"),
        SEEN_POST + _BODY,
        _seen(b"/2"),
    ),
    taken(
        "an empty line behind chunks is skipped",
        "9112-2.2",
        CHUNKED + b"0\r\n\r\n" + b"\r\n" + _get(b"/2"),
        SEEN_POST + b"Content-Length: 0\r\n\r\n",
        _seen(b"/2"),
    ),
    taken(
        "a request behind close is not read",
        "9112-9.6",
        _get(b"/1", b"Connection: close") + _get(b"/2"),
        _seen(b"/1"),
        ends=True,
    ),
    taken(
        "a body before close is read to its end",
        "9112-9.6",
        POST + b"Connection: close\r\n" + _BODY + _get(b"/2"),
        SEEN_POST + _BODY,
        ends=True,
    ),
    refused(
        "a good request before a bad one is answered",
        "9112-9.3.2",
        _get(b"/1") + b"GET / HTTP/1.1\r\n\r\n",
        after=(_seen(b"/1"),),
    ),
    refused(
        "a good request behind a bad one is not read",
        "9112-9.3.2",
        _get(b"/1") + b"GET  / HTTP/1.1\r\nHost: pi\r\n\r\n" + _get(b"/2"),
        after=(_seen(b"/1"),),
    ),
    refused(
        "octets behind a body that are no request are refused",
        "9112-6.3",
        POST + _BODY + b"more\r\n\r\n",
        after=(SEEN_POST + _BODY,),
    ),
    refused(
        "bad chunks behind a good request are refused",
        "9112-7.1",
        _get(b"/1") + CHUNKED + b"z\r\n",
        after=(_seen(b"/1"),),
    ),
    refused(
        "two empty lines behind a body are refused",
        "9112-2.2",
        POST + _BODY + b"\r\n\r\n" + _get(b"/2"),
        after=(SEEN_POST + _BODY,),
    ),
    taken(
        "GET without a length has no body, and what follows is a request",
        "9112-6.3",
        GET + b"\r\n" + _get(b"/2"),
        SEEN_GET + b"\r\n",
        _seen(b"/2"),
    ),
    refused(
        "a body without a length is refused as the next request",
        "9112-6.3",
        POST + b"\r\nhello\r\n\r\n",
        after=(SEEN_POST + b"Content-Length: 0\r\n\r\n",),
    ),
    # --- HEAD, HTTP/1.0 ---
    taken(
        "HEAD passes",
        "9110-9.3.2",
        b"HEAD / HTTP/1.1\r\nHost: pi\r\n\r\n",
        b"HEAD / HTTP/1.1\r\nHost: <gateway>\r\n\r\n",
    ),
    _old("HTTP/1.0 needs no Host", b""),
    _old("HTTP/1.0 may have a Host", b"Host: pi\r\n"),
    _old("HTTP/1.0 lives on with keep-alive", b"Host: pi\r\nConnection: Keep-Alive\r\n", ends=False),
    _old("HTTP/1.0 lives on with keep-alive in a list", b"Connection: x, keep-alive\r\n", ends=False),
    _old("HTTP/1.0 ends with close, whatever else is said", b"Connection: keep-alive, close\r\n"),
    _old("the field Keep-Alive keeps nothing", b"Keep-Alive: timeout=5\r\n"),
    taken(
        "HTTP/1.0 may have a body",
        "9112-6.3",
        b"POST / HTTP/1.0\r\nHost: pi\r\n" + _BODY,
        SEEN_POST + _BODY,
        ends=True,
    ),
    # --- hop-by-hop ---
    _hop("close may be one option of many", b"Connection: close, x\r\nX: 1\r\nY: 2\r\n", b"Y: 2\r\n", ends=True),
    _hop("close may be in capitals and in a second line", b"Connection: x\r\nConnection: CLOSE\r\n", ends=True),
    _hop("an option with close in its name is another one", b"Connection: closed\r\n"),
    _hop("keep-alive changes nothing in HTTP/1.1", b"Connection: keep-alive\r\nKeep-Alive: timeout=5\r\n"),
    _hop(
        "lines that Connection names go", b"X-A: 1\r\nConnection: x-a , X-B\r\nx-b: 2\r\nX-C: 3\r\n", b"X-C: 3\r\n"
    ),
    _hop("empty options count for nothing", b"Connection: , ,x,\t\r\nX: 1\r\nY: 2\r\n", b"Y: 2\r\n"),
    taken(
        "Connection cannot name Host and Content-Length away",
        "9110-7.6.1",
        POST + b"Connection: Host, Content-Length\r\n" + _BODY,
        SEEN_POST + _BODY,
    ),
    _hop("Proxy-Connection goes", b"Proxy-Connection: keep-alive\r\n"),
    _hop("TE goes", b"TE: trailers\r\nConnection: TE\r\n", rule="9110-10.1.4"),
    _hop("Trailer goes", b"Trailer: X\r\n"),
    _hop(
        "Proxy-Authorization goes, Authorization stays",
        b"Proxy-Authorization: a\r\nAuthorization: b\r\n",
        b"Authorization: b\r\n",
        "9110-11.7.2",
    ),
    _hop(
        "an upgrade to HTTP/2 goes",
        b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n",
        rule="9110-7.8",
    ),
    _hop(
        "an upgrade to WebSocket goes",
        b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
        "9110-7.8",
    ),
    _hop("an upgrade that Connection does not name goes", b"Upgrade: h2c\r\n", rule="9110-7.8"),
    # --- expectations ---
    taken(
        "100-continue is answered before the body is read",
        "9110-10.1.1",
        POST + b"Expect: 100-continue\r\n" + _BODY,
        SEEN_POST + _BODY,
        interim=1,
    ),
    taken(
        "100-continue is answered in any case, before chunks, too",
        "9110-10.1.1",
        POST + b"EXPECT: 100-Continue\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        SEEN_POST + _BODY,
        interim=1,
    ),
    taken(
        "100-continue without a body is not answered",
        "9110-10.1.1",
        GET + b"Expect: 100-continue\r\n\r\n",
        SEEN_GET + b"\r\n",
    ),
    taken(
        "100-continue in HTTP/1.0 is ignored",
        "9110-10.1.1",
        b"POST / HTTP/1.0\r\nHost: pi\r\nExpect: 100-continue\r\n" + _BODY,
        SEEN_POST + _BODY,
        ends=True,
    ),
    taken(
        "another expectation in HTTP/1.0 is ignored",
        "9110-10.1.1",
        b"GET / HTTP/1.0\r\nExpect: x\r\n\r\n",
        SEEN_GET + b"\r\n",
        ends=True,
    ),
    refused("another expectation is refused with 417", "9110-15.5.18", POST + b"Expect: x\r\n" + _BODY, 417),
    refused(
        "another expectation beside 100-continue is refused with 417",
        "9110-15.5.18",
        POST + b"Expect: 100-continue, x\r\n" + _BODY,
        417,
    ),
    refused(
        "another expectation in a second line is refused with 417",
        "9110-15.5.18",
        POST + b"Expect: 100-continue\r\nExpect: x\r\n" + _BODY,
        417,
    ),
    refused(
        "100-continue with a value is another expectation",
        "9110-15.5.18",
        POST + b"Expect: 100-continue=x\r\n" + _BODY,
        417,
    ),
)
