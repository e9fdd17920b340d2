"""Request lines: methods, targets, versions, and what is no HTTP at all."""

from __future__ import annotations

from tests.door.vectors.vector import GET, SEEN_GET, Vector, refused, taken

HOST = b"\r\nHost: pi\r\n\r\n"
SEEN_HOST = b"\r\nHost: <gateway>\r\n\r\n"
LINE_LIMIT = 16 * 1024  # octets of a request line, its CR LF left out

# A TLS ClientHello in whose octets there is no line end: whoever waits for one waits for ever.
_HELLO = b"\x03\x03" + b"\x55" * 32 + b"\0" + b"\0\x02\x13\x01" + b"\x01\0" + b"\0\0"
CLIENT_HELLO = b"\x16\x03\x01\0\x2f" + b"\x01\0\0\x2b" + _HELLO


def _line(first: bytes) -> bytes:
    return first + HOST


def _method(claim: str, method: bytes, rule: str = "9110-9.1") -> Vector:
    return refused(f"{claim} is refused", rule, _line(method + b" / HTTP/1.1"))


def _taken_method(claim: str, method: bytes) -> Vector:
    first = method + b" / HTTP/1.1"
    return taken(claim, "9110-9.1", _line(first), first + SEEN_HOST)


def _target(claim: str, rule: str, target: bytes) -> Vector:
    return refused(f"{claim} is refused", rule, _line(b"GET " + target + b" HTTP/1.1"))


def _taken_target(claim: str, rule: str, target: bytes) -> Vector:
    first = b"GET " + target + b" HTTP/1.1"
    return taken(claim, rule, _line(first), first + SEEN_HOST)


def _version(claim: str, version: bytes, status: int, rule: str = "9112-2.3") -> Vector:
    return refused(f"{claim} is refused with {status}", rule, _line(b"GET / " + version), status)


def _of_length(length: int) -> bytes:
    """Write a request line of ``length`` octets."""
    around = b"GET / HTTP/1.1"
    return around.replace(b"/ ", b"/" + b"a" * (length - len(around)) + b" ")


VECTORS: tuple[Vector, ...] = (
    # --- the line as a whole ---
    taken("a request line is three words", "9112-3", GET + b"\r\n", SEEN_GET + b"\r\n"),
    taken("one empty line before a request is skipped", "9112-2.2", b"\r\n" + GET + b"\r\n", SEEN_GET + b"\r\n"),
    refused("two empty lines before a request are refused", "9112-2.2", b"\r\n\r\n" + GET + b"\r\n"),
    refused("a bare LF before a request is refused", "9112-2.2", b"\n" + GET + b"\r\n"),
    refused("a bare CR before a request is refused", "9112-2.2", b"\r" + GET + b"\r\n"),
    refused("a line of blanks before a request is refused", "9112-2.2", b" \r\n" + GET + b"\r\n"),
    refused("a blank before the method is refused", "9112-3", _line(b" GET / HTTP/1.1")),
    refused("a NUL before the method is refused", "9112-3", _line(b"\0GET / HTTP/1.1")),
    refused("a byte order mark before the method is refused", "9112-3", _line(b"\xef\xbb\xbfGET / HTTP/1.1")),
    refused("two blanks before the target are refused", "9112-3", _line(b"GET  / HTTP/1.1")),
    refused("two blanks before the version are refused", "9112-3", _line(b"GET /  HTTP/1.1")),
    refused("a tab before the target is refused", "9112-3", _line(b"GET\t/ HTTP/1.1")),
    refused("a tab before the version is refused", "9112-3", _line(b"GET /\tHTTP/1.1")),
    refused("a form feed between the words is refused", "9112-3", _line(b"GET\x0c/\x0cHTTP/1.1")),
    refused("a blank behind the version is refused", "9112-3", _line(b"GET / HTTP/1.1 ")),
    refused("a tab behind the version is refused", "9112-3", _line(b"GET / HTTP/1.1\t")),
    refused("a fourth word is refused", "9112-3", _line(b"GET / HTTP/1.1 HTTP/1.1")),
    refused("a blank within the target is refused", "9112-3.2", _line(b"GET /a b HTTP/1.1")),
    refused("a bare CR within the request line is refused", "9112-2.2", _line(b"GET /\rX: HTTP/1.1")),
    refused("a bare CR behind the version is refused", "9112-2.2", _line(b"GET / HTTP/1.1\r")),
    refused(
        "a bare CR as the end of the request line is refused", "9112-2.2", b"GET / HTTP/1.1\rHost: pi\r\n\r\n"
    ),
    refused(
        "a bare LF as the end of the request line is refused", "9112-2.2", b"GET / HTTP/1.1\nHost: pi\r\n\r\n"
    ),
    refused("a request with bare LFs only is refused", "9112-2.2", b"GET / HTTP/1.1\nHost: pi\n\n"),
    # --- refused before the head has ended: nothing more need come ---
    refused("the simple request of HTTP/0.9 is refused at once", "9112-2.3", b"GET /\r\n"),
    refused("the simple request of HTTP/0.9 with a bare LF is refused at once", "9112-2.3", b"GET /\n"),
    refused("a lone method is refused at once", "9112-3", b"GET\r\n"),
    refused("a version is refused at once", "9110-15.6.6", b"GET / HTTP/3.0\r\n", 505),
    refused("a bare LF behind the request line is refused at once", "9112-2.2", b"GET / HTTP/1.1\n"),
    refused("a TLS ClientHello is refused at once", "9112-3", CLIENT_HELLO),
    refused("the greeting of SSH is refused at once", "9112-3", b"SSH-2.0-OpenSSH_9.2\r\n"),
    refused("the greeting of MQTT is refused at once", "9112-3", b"\x10\x0c\0\x04MQTT\x04\x02\0\x3c\0\0"),
    refused("the preface of HTTP/2 is refused with 505", "9113-3.4", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    refused(
        "version 1 of the PROXY protocol is refused", "9112-3", b"PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n" + GET
    ),
    refused("version 2 of the PROXY protocol is refused", "9112-3", b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0" + GET),
    refused("RTSP is refused", "9112-2.3", b"OPTIONS / RTSP/1.0\r\nCSeq: 1\r\n\r\n"),
    refused("SIP is refused", "9112-2.3", b"OPTIONS sip:pi SIP/2.0\r\nVia: pi\r\n\r\n"),
    # --- length ---
    taken(
        "a request line of 16 KiB is taken",
        "9112-3",
        _line(_of_length(LINE_LIMIT)),
        _of_length(LINE_LIMIT) + SEEN_HOST,
    ),
    refused(
        "a request line above 16 KiB is refused with 414", "9110-15.5.15", _line(_of_length(LINE_LIMIT + 1)), 414
    ),
    refused(
        "a request line above the limit of the head is refused with 414",
        "9110-15.5.15",
        _line(_of_length(3 * LINE_LIMIT)),
        414,
    ),
    refused("a request line without end is refused with 414", "9110-15.5.15", b"GET /" + b"a" * LINE_LIMIT, 414),
    # --- methods ---
    _taken_method("a method that the proxy does not know passes", b"M-SEARCH"),
    _taken_method("a method in small letters passes as it is", b"get"),
    _taken_method("a method of all characters that a token may have passes", b"!#$%&'*+-.^_`|~09Az"),
    _taken_method("DELETE passes without a length", b"DELETE"),
    _taken_method("a method that begins as another one is another one", b"POSTS"),
    refused("an empty method is refused", "9110-9.1", _line(b"/ HTTP/1.1")),
    _method("a NUL in the method", b"G\0T"),
    _method("a control in the method", b"G\x01T"),
    _method("a delete in the method", b"GE\x7fT"),
    _method("a bare CR in the method", b"GE\rT", "9112-2.2"),
    _method("a bare LF in the method", b"GE\nT", "9112-2.2"),
    _method("a round bracket in the method", b"GET()"),
    _method("a square bracket in the method", b"[GET]"),
    _method("a curly bracket in the method", b"{GET}"),
    _method("a quote in the method", b'"GET"'),
    _method("a colon behind the method", b"GET:"),
    _method("a comma in the method", b"GET,HEAD"),
    _method("a slash in the method", b"GE/T"),
    _method("an octet above ASCII in the method", b"G\xc4T"),
    refused("CONNECT is refused with 501", "9110-9.3.6", b"CONNECT pi:443 HTTP/1.1\r\nHost: pi:443\r\n\r\n", 501),
    refused("CONNECT with a path is refused with 501", "9110-9.3.6", _line(b"CONNECT / HTTP/1.1"), 501),
    refused("TRACE is refused with 501", "9110-9.3.8", _line(b"TRACE / HTTP/1.1"), 501),
    # --- targets ---
    _taken_target("a target passes byte for byte", "3986-3.3", b"/a%2Fb/../c//d?x=1;y=%41"),
    _taken_target("an empty query stays", "3986-3.4", b"/?"),
    _taken_target("two slashes are a path and no authority", "9112-3.2.1", b"//x"),
    _taken_target("two slashes and a port are a path, too", "9112-3.2.1", b"//x:80/y"),
    _taken_target("a parameter of the path passes", "3986-3.3", b"/;p"),
    _taken_target("dots that lead above the root pass", "3986-3.3", b"/../../x"),
    _taken_target("all that a path may hold passes", "3986-3.3", b"/-._~!$&'()*+,;=:@az09%aF"),
    _taken_target("a bar and square brackets in the path pass as browsers send them", "3986-3.3", b"/a|b[1]"),
    _taken_target("what browsers leave as it is in a query passes", "3986-3.4", b"/?`{}|\\^[]'"),
    _taken_target("slashes and question marks in a query pass", "3986-3.4", b"/a?b/c?d=e/../f"),
    _taken_target("a URL in a query passes", "3986-3.4", b"/?u=http://u:p@h:1/%00"),
    _taken_target("encoded line ends stay encoded", "3986-2.1", b"/%0d%0aX:%20y"),
    _taken_target("an encoded NUL stays encoded", "3986-2.1", b"/%00"),
    _taken_target("encoded octets above ASCII stay encoded", "3986-2.1", b"/caf%E9%C3%A9%ff"),
    refused("no target at all is refused", "9112-3.2", _line(b"GET HTTP/1.1")),
    refused("an empty target is refused", "9112-3.2", _line(b"GET  HTTP/1.1")),
    _target("a target without its slash", "9112-3.2.1", b"x"),
    _target("a target that begins with a dot", "9112-3.2.1", b"./x"),
    _target("a query alone", "9112-3.2.1", b"?x"),
    _target("a target that begins with a backslash", "9112-3.2.1", b"\\x"),
    _target("an authority with another method than CONNECT", "9112-3.2.3", b"pi:80"),
    _target("a fragment", "9112-3.2", b"/a#b"),
    _target("an empty fragment", "9112-3.2", b"/#"),
    _target("a fragment behind a query", "9112-3.2", b"/?a#b"),
    _target("a quote in the path", "3986-3.3", b'/a"b'),
    _target("a less-than sign in the path", "3986-3.3", b"/a<b"),
    _target("a greater-than sign in the path", "3986-3.3", b"/a>b"),
    _target("a quote in the query", "3986-3.4", b'/?a"b'),
    _target("a tag in the query", "3986-3.4", b"/?<script>"),
    _target("a backslash in the path", "3986-3.3", b"/a\\b"),
    _target("a curly bracket in the path", "3986-3.3", b"/{a}"),
    _target("a caret in the path", "3986-3.3", b"/a^b"),
    _target("a backtick in the path", "3986-3.3", b"/a`b"),
    _target("a NUL in the target", "9112-3.2", b"/a\0b"),
    _target("a control in the target", "9112-3.2", b"/a\x1fb"),
    _target("a vertical tab in the target", "9112-3.2", b"/a\x0bb"),
    _target("a delete in the target", "9112-3.2", b"/a\x7fb"),
    _target("an octet above ASCII in the path", "9112-3.2", b"/caf\xe9"),
    _target("UTF-8 in the query", "9112-3.2", b"/?caf\xc3\xa9"),
    _target("a no-break space in the target", "9112-3.2", b"/a\xa0b"),
    _target("a lone percent sign", "3986-2.1", b"/%"),
    _target("a percent sign and letters that are no digits", "3986-2.1", b"/%zz"),
    _target("a percent sign and one digit", "3986-2.1", b"/%2"),
    _target("a percent sign and one digit before another letter", "3986-2.1", b"/%2g"),
    _target("a percent sign in the query", "3986-2.1", b"/?a=100%"),
    _target("the encoding of JavaScript", "3986-2.1", b"/%u0041"),
    # --- versions ---
    _version("HTTP/1.9", b"HTTP/1.9", 505, "9110-15.6.6"),
    _version("HTTP/1.2", b"HTTP/1.2", 505, "9110-15.6.6"),
    _version("HTTP/2.0", b"HTTP/2.0", 505, "9110-15.6.6"),
    _version("HTTP/0.9", b"HTTP/0.9", 505, "9110-15.6.6"),
    _version("HTTP/9.9", b"HTTP/9.9", 505, "9110-15.6.6"),
    _version("a version in small letters", b"http/1.1", 400),
    _version("a version in mixed letters", b"Http/1.1", 400),
    _version("a version without minor", b"HTTP/1", 400),
    _version("a version that ends in a dot", b"HTTP/1.", 400),
    _version("a version without major", b"HTTP/.1", 400),
    _version("a version without number", b"HTTP/", 400),
    _version("a major of two digits", b"HTTP/11.1", 400),
    _version("a major with a zero before it", b"HTTP/01.1", 400),
    _version("a minor of two digits", b"HTTP/1.10", 400),
    _version("a minor with a zero before it", b"HTTP/1.01", 400),
    _version("a version of three parts", b"HTTP/1.1.1", 400),
    _version("a version with a comma", b"HTTP/1,1", 400),
    _version("a version with a sign", b"HTTP/+1.1", 400),
    _version("a version with a letter", b"HTTP/1.x", 400),
    _version("a version with a blank", b"HTTP/ 1.1", 400),
    _version("a version with a NUL", b"HTTP/1.1\0", 400),
    _version("a digit above ASCII", b"HTTP/1.\xb2", 400),
    _version("another protocol's version", b"HTTPS/1.1", 400),
)
