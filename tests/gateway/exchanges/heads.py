"""Answers: status lines and header lines, which reach the client as they are, and those that do not."""

from __future__ import annotations

from smgwproxy.http1 import MAX_HEAD, MAX_LINES
from tests.gateway.exchanges.row import HEARD_POST, OK, OK_HEAD, POST, End, Play, Row, answers

_STATUS = b"HTTP/1.1 200 OK\r\n"
_LENGTH = b"Content-Length: 2\r\n\r\n"


def _status(claim: str, first: bytes, passed: bytes, rule: str = "9112-4") -> Row:
    return answers(claim, rule, first + b"\r\n" + _LENGTH + b"ok", passed + b"\r\n" + _LENGTH, b"ok")


def _code(claim: str, code: bytes, rule: str = "9110-15") -> Row:
    first = b"HTTP/1.1 " + code + b" What it is"
    return _status(claim, first, first, rule)


def _same(claim: str, lines: bytes, rule: str = "9110-5.3") -> Row:
    return answers(claim, rule, _STATUS + lines + _LENGTH + b"ok", _STATUS + lines + _LENGTH, b"ok")


def _told(claim: str, lines: bytes, passed: bytes, rule: str = "9110-7.6.1", *, kept: bool = True) -> Row:
    """Put the lines between two that must stay."""
    said = _STATUS + b"A: 1\r\n" + lines + b"Z: 2\r\n" + _LENGTH
    head = _STATUS + b"A: 1\r\n" + passed + b"Z: 2\r\n" + _LENGTH
    return answers(claim, rule, said + b"ok", head, b"ok", kept=kept)


def _dropped(claim: str, lines: bytes, rule: str = "9110-7.6.1", *, kept: bool = True) -> Row:
    return _told(claim, lines, b"", rule, kept=kept)


def _padded(octets: int) -> bytes:
    """Write lines that make a head of ``octets`` with the status line and the length."""
    left = octets - len(_STATUS) - len(_LENGTH)
    full, rest = divmod(left, 1000)
    line = b"A: " + b"b" * 995 + b"\r\n"
    return line * (full - 1) + b"C: " + b"d" * (995 + rest) + b"\r\n"


def _persistence(claim: str, said: bytes, head: bytes, *, kept: bool) -> Row:
    return answers(claim, "9112-9.3", said + _LENGTH + b"ok", head + _LENGTH, b"ok", kept=kept)


ROWS: tuple[Row, ...] = (
    # --- status lines ---
    _status("a reason may be empty", b"HTTP/1.1 200 ", b"HTTP/1.1 200 "),
    _status("the blank before no reason may be missing", b"HTTP/1.1 200", b"HTTP/1.1 200 "),
    _status(
        "a reason stays, whatever it says",
        b"HTTP/1.1 200 Not  Found: \t200 OK",
        b"HTTP/1.1 200 Not  Found: \t200 OK",
    ),
    _status("a reason may begin and end with blanks", b"HTTP/1.1 200  OK ", b"HTTP/1.1 200  OK "),
    _status(
        "a reason may have octets outside ASCII",
        b"HTTP/1.1 200 Sch\xf6n \xc3\xb6\xff",
        b"HTTP/1.1 200 Sch\xf6n \xc3\xb6\xff",
    ),
    _status(
        "HTTP/1.0 becomes HTTP/1.1", b"HTTP/1.0 200 OK\r\nConnection: keep-alive", b"HTTP/1.1 200 OK", "9112-2.3"
    ),
    _code("a code of success that nobody knows passes", b"299"),
    _code("a code that is no success passes", b"404"),
    _code("401 passes to the client whose login it is", b"401", "9110-15.5.2"),
    _code("407 passes", b"407", "9110-15.5.8"),
    _code("418 passes", b"418"),
    _code("a code of failure that nobody knows passes", b"599"),
    _code("502 of the gateway's own passes as its own", b"502", "9209-2"),
    _code("a code of no class passes", b"600"),
    _code("the highest code passes", b"999"),
    _code("206 passes", b"206", "9110-15.3.7"),
    _code("300 passes", b"300", "9110-15.4.1"),
    _code("426 passes", b"426", "9110-15.5.22"),
    # --- header lines as they are ---
    _same(
        "answer's lines stay in order, case and number", b"b: 1\r\nA: 2\r\nB: 3\r\na: 4\r\nSERVER: x\r\nb: 5\r\n"
    ),
    _same("a name many times stays so", b"".join(b"X: %d\r\n" % number for number in range(30))),
    _same("empty values of an answer stay", b"X: \r\nServer: \r\nX: \r\n", "9110-5.5"),
    _same("octets outside ASCII stay in an answer's values", b"X: caf\xe9 \xc3\xa9 \xff\x80\r\n", "9110-5.5"),
    _same("all that a name may have stays in an answer", b"!#$%&'*+-.^_`|~09aZ: x\r\n", "9110-5.1"),
    _same("blanks within an answer's value stay", b"X: a  b\t\tc , d\r\n", "9110-5.5"),
    _told(
        "blanks around an answer's value are not part of it",
        b"X:a\r\nY: \t b \t\r\n",
        b"X: a\r\nY: b\r\n",
        "9112-5.1",
    ),
    _same("a hundred lines of an answer pass", b"X: y\r\n" * (MAX_LINES - 1), "9110-5.4"),
    _same("an answer's head of 32 KiB passes", _padded(MAX_HEAD), "9110-5.4"),
    _same(
        "several challenges stay in order",
        b'WWW-Authenticate: Digest realm="x", nonce="a,b", qop="auth", algorithm=SHA-256\r\n'
        b'WWW-Authenticate: Digest realm="x", nonce="a,b", qop="auth", algorithm=MD5\r\n'
        b'www-authenticate: Basic realm="https://<gateway>/", Negotiate\r\n',
        "9110-11.6.1",
    ),
    _same(
        "an answer's account of a login stays", b'Authentication-Info: nextnonce="a", rspauth="b"\r\n', "7615-3"
    ),
    _same(
        "what a cache goes by stays",
        b'ETag: W/"a"\r\nDate: x\r\nExpires: 0\r\nAge: 1\r\nVary: *\r\nPragma: x\r\n',
        "9111-5",
    ),
    _same(
        "what names the gateway without being followed stays",
        b"Content-Security-Policy: default-src https://<gateway>\r\nLink: <https://<gateway>/x>; rel=next\r\n"
        b"Access-Control-Allow-Origin: https://<gateway>\r\nX-Location: https://<gateway>/\r\nURI: https://<gateway>/\r\n",
        "9110-5.3",
    ),
    _same(
        "what is called almost as a line that is mended stays",
        b"Set-Cookie2: a=b; Secure\r\nX-Set-Cookie: a; Secure\r\nLocation-X: https://<gateway>\r\n",
    ),
    _same(
        "what an answer says of proxies stays",
        b"Via: 1.1 a\r\nProxy-Status: other; error=dns_error\r\nX-Cache: HIT\r\n",
        "9110-7.6.3",
    ),
    _same(
        "an answer's Content-Type and its encoding stay",
        b"Content-Type: text/html;charset=ISO-8859-1\r\nContent-Encoding: x\r\n",
    ),
    _same("an answer's Host is a line as any other", b"Host: <gateway>\r\n", "9110-7.2"),
    # --- hop by hop ---
    _dropped("an answer's Connection goes", b"Connection: keep-alive\r\n"),
    _dropped("an answer's Keep-Alive goes", b"Keep-Alive: timeout=5, max=100\r\n"),
    _dropped("an answer's Proxy-Connection goes, and says nothing", b"Proxy-Connection: close\r\n", "9112-C.2.2"),
    _dropped("an answer's Proxy-Authenticate goes", b"Proxy-Authenticate: Basic\r\n"),
    _dropped("an answer's Proxy-Authorization goes", b"Proxy-Authorization: x\r\n"),
    _dropped("an answer's TE goes", b"TE: trailers\r\n"),
    _dropped("an answer's Upgrade goes", b"Connection: Upgrade\r\nUpgrade: h2,h2c\r\n", "9110-7.8"),
    _dropped(
        "an answer's hop-by-hop lines go in any case",
        b"kEEP-aLIVE: 1\r\nCONNECTION: Te\r\nte: x\r\nUPGRADE: h2\r\n",
    ),
    _dropped("what an answer's Connection names goes", b"X-Hop: 1\r\nConnection: X-Hop\r\nX-Hop: 2\r\n"),
    _dropped(
        "what several Connection lines of an answer name goes",
        b"Connection: x-one\r\nX-One: 1\r\nX-Two: 2\r\nconnection: ,, X-TWO ,X-Three,\r\nX-Three: 3\r\n",
    ),
    _told("an answer's Connection cannot name its length away", b"Connection: Content-Length\r\n", b""),
    answers(
        "an answer's Connection cannot name its chunks away",
        "9110-7.6.1",
        _STATUS + b"Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        _STATUS + b"Transfer-Encoding: chunked\r\n\r\n",
        b"ok",
    ),
    # --- who keeps the connection ---
    _persistence("a connection is kept where nobody says otherwise", _STATUS, _STATUS, kept=True),
    _persistence(
        "a connection that the gateway will close is not used again",
        _STATUS + b"Connection: close\r\n",
        _STATUS,
        kept=False,
    ),
    _persistence(
        "close is found in any case and place",
        _STATUS + b"Connection: X-Hop\r\nConnection: keep-alive, CLOSE\r\n",
        _STATUS,
        kept=False,
    ),
    _persistence(
        "what only has close in it closes nothing",
        _STATUS + b"Connection: closed, x-close\r\n",
        _STATUS,
        kept=True,
    ),
    _persistence("a connection of HTTP/1.0 is not kept", b"HTTP/1.0 200 OK\r\n", _STATUS, kept=False),
    _persistence(
        "a connection of HTTP/1.0 is kept where the gateway says so",
        b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\n",
        _STATUS,
        kept=True,
    ),
    answers(
        "a connection that was closed behind an answer costs the next request nothing",
        "9112-9.3",
        OK,
        OK_HEAD,
        b"ok",
        kept=False,
        end=End.CLOSES,
    ),
    answers(
        "a connection that was reset behind an answer costs the next request nothing",
        "9112-9.3",
        OK,
        OK_HEAD,
        b"ok",
        kept=False,
        end=End.RESETS,
    ),
    answers(
        "what must not be repeated goes over a new connection when the kept one was closed before",
        "9112-9.3.1",
        OK,
        OK_HEAD,
        b"ok",
        sends=POST + b"Authorization: x\r\n\r\n",
        receives=HEARD_POST + b"Authorization: x\r\nContent-Length: 0\r\n\r\n",
        before=Play((OK,), End.CLOSES),
    ),
    answers(
        "what must not be repeated goes over a new connection when the kept one was cut before",
        "9112-9.3.1",
        OK,
        OK_HEAD,
        b"ok",
        sends=POST + b"Cookie: x\r\n\r\n",
        receives=HEARD_POST + b"Cookie: x\r\nContent-Length: 0\r\n\r\n",
        before=Play((OK,), End.CUTS),
    ),
    answers(
        "what must not be repeated goes over a new connection when the kept one was reset before",
        "9112-9.3.1",
        OK,
        OK_HEAD,
        b"ok",
        sends=POST + b"X: y\r\n\r\n",
        receives=HEARD_POST + b"X: y\r\nContent-Length: 0\r\n\r\n",
        before=Play((OK,), End.RESETS),
    ),
)
