"""Answers: what is mended so that it works at the proxy's address, and what looks like it and is not."""

from __future__ import annotations

from tests.gateway.exchanges.row import OLD, Row, answers

_LENGTH = b"Content-Length: 2\r\n\r\n"
_HTTP_1_0 = OLD + b"\r\n"


def _mended(
    claim: str,
    lines: bytes,
    passed: bytes,
    rule: str,
    *,
    status: bytes = b"200 OK",
    door: str = "http",
    sends: bytes = b"",
) -> Row:
    first = b"HTTP/1.1 " + status + b"\r\n"
    request = sends or b"GET /row HTTP/1.1\r\nHost: pi:8080\r\n\r\n"
    old = request.startswith(_HTTP_1_0)
    length = _LENGTH.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n") if old else _LENGTH
    return answers(
        claim,
        rule,
        first + lines + _LENGTH + b"ok",
        first + passed + length,
        b"ok",
        door=door,
        sends=request,
        ends=old,
    )


def _led(claim: str, value: bytes, passed: bytes, rule: str = "9110-10.2.2", door: str = "http") -> Row:
    line = b"Location: %b\r\n"
    return _mended(claim, line % value, line % passed, rule, status=b"302 Found", door=door)


def _alone(claim: str, value: bytes, rule: str = "9110-10.2.2", door: str = "http") -> Row:
    return _led(f"{claim} is left alone", value, value, rule, door)


def _cookie(claim: str, value: bytes, passed: bytes, rule: str = "6265-5.2.5", door: str = "http") -> Row:
    line = b"Set-Cookie: %b\r\n"
    return _mended(claim, line % value, line % passed, rule, door=door)


def _whole_cookie(claim: str, value: bytes, rule: str = "6265-5.2", door: str = "http") -> Row:
    return _cookie(claim, value, value, rule, door)


def _refresh(claim: str, value: bytes, passed: bytes) -> Row:
    line = b"Refresh: %b\r\n"
    return _mended(claim, line % value, line % passed, "9110-10.2.2")


def _gone(claim: str, line: bytes, rule: str, door: str = "http") -> Row:
    return _mended(claim, b"A: 1\r\n" + line + b"Z: 2\r\n", b"A: 1\r\nZ: 2\r\n", rule, door=door)


ROWS: tuple[Row, ...] = (
    # --- references to the gateway ---
    _led(
        "a Location of the gateway leads to the proxy",
        b"https://<gateway>/a%2Fb?c=d#e",
        b"http://pi:8080/a%2Fb?c=d#e",
    ),
    _led(
        "a Location of the gateway without its port leads to the proxy",
        b"https://127.0.0.1/x",
        b"http://pi:8080/x",
    ),
    _led(
        "a Location of the gateway with the default port leads to the proxy",
        b"https://127.0.0.1:443/x",
        b"http://pi:8080/x",
    ),
    _led(
        "a Location of the gateway over plain HTTP leads to the proxy", b"http://127.0.0.1/x", b"http://pi:8080/x"
    ),
    _led(
        "a Location of the gateway's port over plain HTTP leads to the proxy",
        b"http://<gateway>/x",
        b"http://pi:8080/x",
    ),
    _led(
        "a Location of the gateway with an empty port leads to the proxy",
        b"https://127.0.0.1:/x",
        b"http://pi:8080/x",
    ),
    _led(
        "a Location without a scheme that names the gateway leads to the proxy",
        b"//<gateway>/x",
        b"http://pi:8080/x",
    ),
    _led("a Location in capitals leads to the proxy", b"HTTPS://<gateway>/X", b"http://pi:8080/X"),
    _led("a Location without a path leads to the proxy", b"https://<gateway>", b"http://pi:8080"),
    _led("a Location with a query alone leads to the proxy", b"https://<gateway>?a", b"http://pi:8080?a"),
    _led(
        "a Location keeps the dots and slashes of its path",
        b"https://<gateway>//a/../b",
        b"http://pi:8080//a/../b",
    ),
    _led(
        "a Location that names the gateway again within is mended once",
        b"https://<gateway>/?u=https://<gateway>/",
        b"http://pi:8080/?u=https://<gateway>/",
    ),
    _mended(
        "every Location line is mended, in its case",
        b"lOCATION: https://<gateway>/1\r\nLocation: https://<gateway>/2\r\n",
        b"lOCATION: http://pi:8080/1\r\nLocation: http://pi:8080/2\r\n",
        "9110-10.2.2",
    ),
    _mended(
        "a Location is mended whatever the status",
        b"Location: https://<gateway>/1\r\n",
        b"Location: http://pi:8080/1\r\n",
        "9110-10.2.2",
        status=b"201 Created",
    ),
    _alone("a Location with a path alone", b"/smgw/m2m/user/json?a=https://<gateway>/"),
    _alone("a relative Location", b"json"),
    _alone("a Location that goes up", b"../x"),
    _alone("a Location with a query alone", b"?a=b"),
    _alone("a Location with a fragment alone", b"#a"),
    _alone("an empty Location", b""),
    _alone("a foreign Location", b"https://example.org/https://<gateway>/"),
    _alone("a Location of another port of the gateway's", b"https://127.0.0.1:1/"),
    _alone("a Location with a user of the gateway's", b"https://user:password@<gateway>/"),
    _alone("a Location whose user is called as the gateway", b"https://<gateway>@evil/"),
    _alone("a Location whose user is called as the gateway's host", b"https://127.0.0.1:443@evil/"),
    _alone("a Location whose host only begins as the gateway's", b"https://127.0.0.1.evil/"),
    _alone("a Location whose host only ends as the gateway's", b"https://evil.127.0.0.1/"),
    _alone("a Location whose port only begins as the gateway's", b"https://<gateway>0/"),
    _alone("a Location with a backslash behind the gateway's name", b"https://<gateway>\\@evil/"),
    _alone("a Location with a blank behind the gateway's name", b"https://<gateway> @evil/"),
    _alone("a Location of another scheme", b"ftp://<gateway>/"),
    _alone("a Location with one slash", b"https:/<gateway>/"),
    _alone("a Location with three slashes", b"///<gateway>/"),
    _led(
        "a Location leads to the proxy's HTTPS where the client has that",
        b"https://<gateway>/x",
        b"https://pi:8080/x",
        door="https",
    ),
    _led(
        "a Location of plain HTTP leads to the proxy's HTTPS where the client has that",
        b"http://127.0.0.1/x",
        b"https://pi:8080/x",
        door="https",
    ),
    _mended(
        "a Content-Location of the gateway is one of the proxy",
        b"Content-Location: https://<gateway>/c\r\n",
        b"Content-Location: http://pi:8080/c\r\n",
        "9110-8.7",
    ),
    _mended(
        "a relative Content-Location is left alone",
        b"Content-Location: c\r\n",
        b"Content-Location: c\r\n",
        "9110-8.7",
    ),
    _mended(
        "a foreign Content-Location is left alone",
        b"Content-Location: https://example.org/c\r\n",
        b"Content-Location: https://example.org/c\r\n",
        "9110-8.7",
    ),
    _refresh(
        "a Refresh of the gateway leads to the proxy", b"0;url=https://<gateway>/x", b"0;url=http://pi:8080/x"
    ),
    _refresh(
        "a Refresh in quotes leads to the proxy", b'5; URL="https://<gateway>/x"', b'5; URL="http://pi:8080/x"'
    ),
    _refresh(
        "a Refresh in other quotes leads to the proxy",
        b"5 ,\tUrl = 'http://127.0.0.1/x' ",
        b"5 ,\tUrl = 'http://pi:8080/x'",
    ),
    _refresh("a Refresh without a URL is left alone", b"30", b"30"),
    _refresh("a relative Refresh is left alone", b"0; url=/x?https://<gateway>/", b"0; url=/x?https://<gateway>/"),
    _refresh("a foreign Refresh is left alone", b"0; url=https://example.org/", b"0; url=https://example.org/"),
    _refresh(
        "a Refresh whose user is called as the gateway is left alone",
        b"0; url=https://<gateway>@evil/",
        b"0; url=https://<gateway>@evil/",
    ),
    # --- a client that told no host, and one that told another ---
    _mended(
        "a client of HTTP/1.0 without Host gets the path of a Location",
        b"Location: https://<gateway>/x?y\r\n",
        b"Location: /x?y\r\n",
        "9110-10.2.2",
        sends=_HTTP_1_0,
    ),
    _mended(
        "a client without Host gets no path that names another host",
        b"Location: https://<gateway>//evil/\r\n",
        b"Location: /.//evil/\r\n",
        "3986-4.2",
        sends=_HTTP_1_0,
    ),
    _mended(
        "a client without Host gets the root for a Location without a path",
        b"Location: https://<gateway>\r\n",
        b"Location: /\r\n",
        "9110-10.2.2",
        sends=_HTTP_1_0,
    ),
    _mended(
        "a Location leads to the authority of an absolute target",
        b"Location: https://<gateway>/x\r\n",
        b"Location: http://box:81/x\r\n",
        "9112-3.2.2",
        sends=b"GET http://box:81/row HTTP/1.1\r\nHost: pi:8080\r\n\r\n",
    ),
    _mended(
        "a Location leads to the Host as the client wrote it",
        b"Location: https://<gateway>/x\r\n",
        b"Location: http://[::1]:8080/x\r\n",
        "9110-7.2",
        sends=b"GET /row HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n",
    ),
    # --- cookies over plain HTTP ---
    _cookie("Secure goes, as PPC writes it", b"session=a;secure", b"session=a"),
    _cookie("Secure goes behind a blank", b"session=a; Secure", b"session=a"),
    _cookie("Secure goes in capitals", b"session=a;SECURE", b"session=a"),
    _cookie("Secure goes among blanks and tabs", b"session=a ; secure ;\tHttpOnly", b"session=a ;\tHttpOnly"),
    _cookie("Secure goes with a value of its own", b"session=a; Secure=1; Path=/", b"session=a; Path=/"),
    _cookie("Secure goes twice", b"session=a; secure; Path=/; Secure", b"session=a; Path=/"),
    _cookie(
        "Secure goes, and the rest stays as it is",
        b"a=b; pATH=/x;Max-Age=1 ; Secure;HttpOnly;SameSite=Lax",
        b"a=b; pATH=/x;Max-Age=1 ;HttpOnly;SameSite=Lax",
    ),
    _whole_cookie("a cookie's value that is secure stays", b"session=secure"),
    _whole_cookie("a cookie's value that begins with secure stays", b"session=secure-1; Path=/secure; x=Secure"),
    _whole_cookie("a cookie called secure stays", b"secure=1; Path=/"),
    _whole_cookie("a cookie without a name stays", b"secure"),
    _whole_cookie("an attribute that begins as Secure stays", b"a=b; SecureX; insecure"),
    _whole_cookie("a cookie without attributes stays byte for byte", b'a="b c\xe9"'),
    _whole_cookie("Expires of a cookie stays, comma and all", b"a=b; Expires=Wed, 09 Jun 2032 10:18:14 GMT"),
    _cookie("SameSite=None goes with Secure", b"a=b; SameSite=None; Secure", b"a=b", "6265-5.2.5"),
    _cookie("SameSite=None goes in any spelling", b"a=b; samesite = NONE ; Path=/", b"a=b; Path=/"),
    _whole_cookie("another SameSite stays", b"a=b; SameSite=Strict"),
    _cookie("Partitioned goes with Secure", b"a=b; Secure; Partitioned", b"a=b"),
    _cookie(
        "a Domain that names the gateway goes", b"a=b; Domain=127.0.0.1; Path=/", b"a=b; Path=/", "6265-5.2.3"
    ),
    _cookie(
        "a Domain that names the gateway goes in any spelling",
        b"a=b;DOMAIN = .127.0.0.1 ;Path=/",
        b"a=b;Path=/",
        "6265-5.2.3",
    ),
    _whole_cookie("a Domain of another stays", b"a=b; Domain=example.org", "6265-5.2.3"),
    _whole_cookie("a Domain that only begins as the gateway's stays", b"a=b; Domain=127.0.0.10", "6265-5.2.3"),
    _mended(
        "each of several cookies is mended, in order",
        b"Set-Cookie: a=1; Secure\r\nX: y\r\nset-cookie: b=2\r\n"
        b"SET-COOKIE: c=secure;secure;Domain=127.0.0.1\r\nSet-Cookie: a=1; Secure\r\n",
        b"Set-Cookie: a=1\r\nX: y\r\nset-cookie: b=2\r\nSET-COOKIE: c=secure\r\nSet-Cookie: a=1\r\n",
        "6265-3",
    ),
    # --- cookies over HTTPS ---
    _whole_cookie("Secure stays for a client of HTTPS", b"session=a;secure", "6265-5.2.5", "https"),
    _whole_cookie(
        "SameSite=None and Partitioned stay for a client of HTTPS",
        b"a=b; SameSite=None; Secure; Partitioned",
        "6265-5.2",
        "https",
    ),
    _cookie(
        "a Domain that names the gateway goes for a client of HTTPS, too",
        b"a=b; Domain=127.0.0.1; Secure",
        b"a=b; Secure",
        "6265-5.2.3",
        "https",
    ),
    # --- promises of another origin ---
    _gone(
        "Strict-Transport-Security goes",
        b"Strict-Transport-Security: max-age=31536000; includeSubDomains\r\n",
        "6797-7.2",
    ),
    _gone(
        "Strict-Transport-Security goes for a client of HTTPS, too",
        b"strict-transport-SECURITY: max-age=1\r\n",
        "6797-7.2",
        "https",
    ),
    _gone("Alt-Svc goes", b'Alt-Svc: h3=":443"; ma=86400\r\nALT-SVC: clear\r\n', "7838-3"),
    # --- a gateway that is called by a name ---
    _led(
        "a Location of the name that the gateway is called by leads to the proxy",
        b"https://smgw.local/x",
        b"http://pi:8080/x",
        door="named",
    ),
    _led(
        "a Location of that name in capitals leads to the proxy",
        b"https://SMGW.Local:443/x",
        b"http://pi:8080/x",
        door="named",
    ),
    _led(
        "a Location of that name with its last dot leads to the proxy",
        b"http://smgw.local./x",
        b"http://pi:8080/x",
        door="named",
    ),
    _led(
        "a Location of the address leads to the proxy, whatever the gateway is called",
        b"https://127.0.0.1:<port>/x",
        b"http://pi:8080/x",
        door="named",
    ),
    _alone("a Location of a name under the gateway's", b"https://x.smgw.local/", door="named"),
    _alone("a Location of a name that only begins as the gateway's", b"https://smgw.local.evil/", door="named"),
    _cookie(
        "a Domain of the name that the gateway is called by goes",
        b"a=b; Domain=.SMGW.local",
        b"a=b",
        "6265-5.2.3",
        "named",
    ),
    _cookie(
        "a Domain of the address goes, whatever the gateway is called",
        b"a=b; Domain=127.0.0.1",
        b"a=b",
        "6265-5.2.3",
        "named",
    ),
    _whole_cookie("a Domain above the gateway's name stays", b"a=b; Domain=local", "6265-5.2.3", "named"),
)
