"""Requests: header lines, which reach the gateway in the client's order, case and number, and which do not."""

from __future__ import annotations

from tests.gateway.exchanges.row import GET, HEARD_GET, HEARD_POST, OK_HEAD, OLD, POST, Row, asks, denied

_KEPT_OLD = OK_HEAD.replace(b"\r\n\r\n", b"\r\nConnection: keep-alive\r\n\r\n")
_CLOSED = OK_HEAD.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
_BODY = b"Content-Length: 5\r\n\r\nhello"


def _same(claim: str, lines: bytes, rule: str = "9110-5.3") -> Row:
    return asks(claim, rule, GET + lines + b"\r\n", HEARD_GET + lines + b"\r\n")


def _told(claim: str, lines: bytes, heard: bytes, rule: str = "9110-5.5") -> Row:
    return asks(claim, rule, GET + lines + b"\r\n", HEARD_GET + heard + b"\r\n")


def _dropped(claim: str, lines: bytes, heard: bytes = b"", rule: str = "9110-7.6.1") -> Row:
    """Put the lines between two that must stay."""
    return _told(claim, b"A: 1\r\n" + lines + b"Z: 2\r\n", b"A: 1\r\n" + heard + b"Z: 2\r\n", rule)


def _old(claim: str, lines: bytes, heard: bytes, head: bytes = _CLOSED, *, ends: bool = True) -> Row:
    return asks(claim, "9112-9.3", OLD + lines + b"\r\n", heard + b"\r\n", head=head, ends=ends)


ROWS: tuple[Row, ...] = (
    # --- as they are ---
    _same("a request with nothing but Host gets nothing more", b""),
    _same("lines stay in order, case and number", b"b: 1\r\nA: 2\r\nB: 3\r\na: 4\r\nb: 5\r\n"),
    asks(
        "Host stays where it was, and in its case",
        "9110-7.2",
        b"GET /row HTTP/1.1\r\nX: 1\r\nhOsT: pi:8080\r\nY: 2\r\n\r\n",
        b"GET /row HTTP/1.1\r\nX: 1\r\nhOsT: <gateway>\r\nY: 2\r\n\r\n",
    ),
    _same("octets outside ASCII stay in values", b"X: caf\xe9 \xc3\xa9 \xff\x80\r\n", "9110-5.5"),
    _same("all that a name may have stays", b"!#$%&'*+-.^_`|~09aZ: x\r\n", "9110-5.1"),
    _same("an underscore is no hyphen", b"X_Y: 1\r\nX-Y: 2\r\n", "9110-5.1"),
    _same("an empty value stays", b"X: \r\nY: \r\n", "9110-5.5"),
    _same("blanks and tabs within a value stay", b"X: a  b\t\tc , d\r\n", "9110-5.5"),
    _told("blanks around a value are not part of it", b"X:a\r\nY: \t b \t\r\n", b"X: a\r\nY: b\r\n", "9112-5.1"),
    _same("colons and quotes in a value stay", b'X: :"a\\"b:c":\r\n', "9110-5.6.4"),
    _same(
        "what a client says of itself stays",
        b"User-Agent: x/1\r\nAccept-Encoding: gzip, br;q=0\r\nAccept: */*\r\n",
    ),
    _same(
        "conditions and ranges stay",
        b'If-None-Match: W/"a", "b"\r\nRange: bytes=0-\r\nCache-Control: no-cache\r\n',
    ),
    _same(
        "what a client says of proxies before stays",
        b"Via: 1.0 a, 1.1 b\r\nForwarded: for=1.2.3.4\r\nX-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\n"
        b"X-Real-IP: 1.2.3.4\r\nX-Forwarded-Host: pi\r\n",
        "9110-7.6.3",
    ),
    # --- credentials ---
    _same(
        "Authorization stays byte for byte",
        b'AUTHORIZATION: Digest username="a, b\\"c\xe9", uri="/a%2Fb?c",nc=00000001,  qop=auth ,response="x"\r\n',
        "9110-11.6.2",
    ),
    _same("Authorization of another scheme stays", b"Authorization: Basic dTpwOi1f\r\n", "7617-2"),
    _same(
        "several Cookie lines stay several",
        b"Cookie: a=1\r\nX: y\r\ncookie: b=2; c\r\nCookie: a=3\r\n",
        "6265-5.4",
    ),
    _same("a cookie's value stays as it is", b'Cookie: session="a b";secure; =; \xe9=\xe9;;\r\n', "6265-5.4"),
    # --- hop by hop ---
    _dropped("Connection goes", b"Connection: keep-alive\r\n"),
    _dropped("Keep-Alive goes", b"Keep-Alive: timeout=5\r\n"),
    _dropped("Proxy-Connection goes", b"Proxy-Connection: keep-alive\r\n", rule="9112-C.2.2"),
    _dropped("Proxy-Authenticate goes", b"Proxy-Authenticate: Basic\r\n"),
    _dropped("Proxy-Authorization goes", b"Proxy-Authorization: Basic dTpw\r\n", rule="9110-11.7.2"),
    _dropped("TE goes", b"TE: trailers, deflate;q=0.5\r\n", rule="9110-10.1.4"),
    _dropped("Trailer goes with the trailers of an upload", b"Trailer: X-Checksum\r\n", rule="9110-6.6.2"),
    _dropped("Upgrade goes", b"Connection: Upgrade\r\nUpgrade: websocket\r\n", rule="9110-7.8"),
    _dropped(
        "an offer of HTTP/2 goes whole",
        b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n",
        rule="9110-7.8",
    ),
    _dropped("hop-by-hop lines go in any case", b"kEEP-aLIVE: 1\r\nCONNECTION: Te\r\nte: x\r\nUPGRADE: h2c\r\n"),
    _dropped("what Connection names goes", b"X-Hop: 1\r\nConnection: X-Hop\r\nX-Hop: 2\r\n"),
    _dropped(
        "what several Connection lines name goes",
        b"Connection: X-One\r\nX-One: 1\r\nX-Two: 2\r\nconnection: x-two, X-Three\r\nX-Three: 3\r\n",
    ),
    _dropped("what Connection names in another case goes", b"Connection: x-HOP\r\nX-Hop: 1\r\nx-hop: 2\r\n"),
    _dropped("empty members of Connection name nothing", b"Connection: ,, ,\tX-Hop , ,\r\nX-Hop: 1\r\n"),
    _dropped("an empty Connection names nothing", b"Connection: \r\n"),
    _dropped("Connection may name what is not there", b"Connection: X-Hop, close-not\r\n"),
    _dropped("Connection names no part of a name", b"Connection: X\r\nX-Hop: 1\r\n", b"X-Hop: 1\r\n"),
    asks(
        "Connection cannot name Host away",
        "9110-7.6.1",
        b"GET /row HTTP/1.1\r\nX: y\r\nhost: pi:8080\r\nConnection: Host, X-Hop\r\nX-Hop: 1\r\n\r\n",
        b"GET /row HTTP/1.1\r\nX: y\r\nhost: <gateway>\r\n\r\n",
    ),
    asks(
        "Connection cannot name a length away",
        "9110-7.6.1",
        POST + b"Connection: Content-Length\r\ncontent-length: 5\r\nX: y\r\n\r\nhello",
        HEARD_POST + b"content-length: 5\r\nX: y\r\n\r\nhello",
    ),
    asks(
        "Connection cannot name the length away that chunks become",
        "9110-7.6.1",
        POST
        + b"Connection: Transfer-Encoding, Content-Length\r\nTransfer-Encoding: chunked\r\n\r\n"
        + b"5\r\nhello\r\n0\r\n\r\n",
        HEARD_POST + _BODY,
    ),
    asks(
        "Connection: close goes, and what it names besides",
        "9110-7.6.1",
        GET + b"Connection: close, X-Hop\r\nX-Hop: 1\r\nX: 2\r\n\r\n",
        HEARD_GET + b"X: 2\r\n\r\n",
        head=_CLOSED,
        ends=True,
    ),
    _same(
        "lines whose names only begin as hop-by-hop ones stay",
        b"TE-X: 1\r\nUpgrade-Insecure-Requests: 1\r\nX-Connection: close\r\n",
        "9110-7.6.1",
    ),
    # --- Origin and Referer ---
    _told(
        "an Origin that names the proxy names the gateway",
        b"Origin: http://pi:8080\r\n",
        b"Origin: https://<gateway>\r\n",
        "6454-7.3",
    ),
    asks(
        "an Origin of a form names the gateway",
        "6454-7.3",
        POST + b"oRIGIN: http://pi:8080\r\nX: y\r\n" + _BODY,
        HEARD_POST + b"oRIGIN: https://<gateway>\r\nX: y\r\n" + _BODY,
    ),
    _told(
        "an Origin in capitals names the gateway",
        b"Origin: HTTP://PI:8080\r\n",
        b"Origin: https://<gateway>\r\n",
        "6454-4",
    ),
    _same("an Origin null stays", b"Origin: null\r\n", "6454-7.3"),
    _same("a foreign Origin stays", b"Origin: https://example.org\r\n", "6454-7.3"),
    _same("an Origin of the other scheme stays", b"Origin: https://pi:8080\r\n", "6454-5"),
    _same("an Origin whose port only begins as the proxy's stays", b"Origin: http://pi:80801\r\n", "6454-5"),
    _same("an Origin whose name only begins as the proxy's stays", b"Origin: http://pi:8080.evil\r\n", "6454-5"),
    _same("an Origin of another port stays", b"Origin: http://pi:8081\r\nOrigin: http://pi\r\n", "6454-5"),
    _told(
        "a Referer that names the proxy names the gateway",
        b"Referer: http://pi:8080/a%2Fb?c=d\r\n",
        b"Referer: https://<gateway>/a%2Fb?c=d\r\n",
        "9110-10.1.3",
    ),
    _told(
        "a Referer without a path names the gateway",
        b"Referer: http://pi:8080\r\n",
        b"Referer: https://<gateway>\r\n",
        "9110-10.1.3",
    ),
    _told(
        "a Referer with a query alone names the gateway",
        b"Referer: http://pi:8080?x\r\n",
        b"Referer: https://<gateway>?x\r\n",
        "9110-10.1.3",
    ),
    _told(
        "a Referer keeps the case of its path",
        b"Referer: Http://Pi:8080/A/b\r\n",
        b"Referer: https://<gateway>/A/b\r\n",
        "9110-10.1.3",
    ),
    _same("a foreign Referer stays", b"Referer: https://example.org/?http://pi:8080/\r\n", "9110-10.1.3"),
    _same(
        "a Referer with a user name stays",
        b"Referer: http://pi:8080@evil/\r\nReferer: http://u@pi:8080/\r\n",
        "9110-10.1.3",
    ),
    _same(
        "a Referer whose authority only begins as the proxy's stays",
        b"Referer: http://pi:80801/\r\nReferer: http://pi:8080.evil/\r\n",
        "9110-10.1.3",
    ),
    _same("a relative Referer stays", b"Referer: /a?b\r\n", "9110-10.1.3"),
    _same("about:blank stays as a Referer", b"Referer: about:blank\r\n", "9110-10.1.3"),
    _same(
        "no other line's URL is brought to the gateway",
        b"X-Origin: http://pi:8080\r\nDestination: http://pi:8080/x\r\n",
        "9110-5.3",
    ),
    asks(
        "an absolute target's authority is the one that Origin is compared with",
        "9112-3.2.2",
        b"GET http://box:81/row HTTP/1.1\r\nHost: pi:8080\r\nOrigin: http://box:81\r\nReferer: http://pi:8080/\r\n\r\n",
        HEARD_GET + b"Origin: https://<gateway>\r\nReferer: http://pi:8080/\r\n\r\n",
    ),
    # --- HTTP/1.0 ---
    _old("a client of HTTP/1.0 without Host gets one", b"X: 1\r\n", HEARD_GET + b"X: 1\r\n"),
    _old(
        "a client of HTTP/1.0 with Host gets no second one",
        b"X: 1\r\nHost: pi\r\n",
        b"GET /row HTTP/1.1\r\nX: 1\r\nHost: <gateway>\r\n",
    ),
    _old(
        "a client of HTTP/1.0 may keep its connection",
        b"Connection: Keep-Alive\r\n",
        HEARD_GET,
        _KEPT_OLD,
        ends=False,
    ),
    _old(
        "a client of HTTP/1.0 without Host keeps its Origin and Referer",
        b"Origin: http://pi\r\nReferer: http://pi/\r\n",
        HEARD_GET + b"Origin: http://pi\r\nReferer: http://pi/\r\n",
    ),
    denied(
        "Transfer-Encoding in HTTP/1.0 reaches nobody",
        "9112-6.1",
        OLD.replace(b"GET", b"POST") + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
)
