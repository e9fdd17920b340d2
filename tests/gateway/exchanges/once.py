"""Requests whose connection ends before an answer begins: which are sent again, and which never."""

from __future__ import annotations

from tests.gateway.exchanges.row import (
    FRESH,
    GET,
    HEAD,
    HEARD_GET,
    HEARD_HEAD,
    HEARD_POST,
    INCOMPLETE,
    KEPT,
    OK,
    OK_HEAD,
    POST,
    TERMINATED,
    End,
    Play,
    Refused,
    Row,
    Whole,
)

_RULE = "9110-9.2.2"
_WRONG_LOGIN = "user name or password is wrong"
_DIES = {
    "closed": Play((), End.CLOSES),
    "cut": Play((), End.CUTS),
    "reset": Play((), End.RESETS),
}
_NO_BODY = b"HTTP/1.1 200 OK\r\nX: y\r\n\r\n"


def _again(claim: str, sends: bytes, heard: bytes, dies: Play = _DIES["closed"]) -> Row:
    """Make a row whose request is sent again over a fresh connection."""
    without = sends.startswith(b"HEAD")
    said, gets = (_NO_BODY, Whole(_NO_BODY)) if without else (OK, Whole(OK_HEAD, b"ok"))
    return Row(claim, _RULE, sends, (heard, heard), (dies, Play((said,))), gets)


def _once(claim: str, sends: bytes, heard: bytes, dies: Play = _DIES["closed"], before: Play = KEPT) -> Row:
    """Make a row whose request is never sent again, and whose client is told what may be the reason."""
    told = Refused(502, TERMINATED, _WRONG_LOGIN)
    return Row(claim, _RULE, sends, (heard,), (dies,), told, kept=False, before=before)


def _method(method: bytes, lines: bytes = b"") -> tuple[bytes, bytes]:
    first = method + b" /row HTTP/1.1\r\nHost: "
    return first + b"pi:8080\r\n" + lines + b"\r\n", first + b"<gateway>\r\n" + lines + b"\r\n"


def _get(lines: bytes) -> tuple[bytes, bytes]:
    return _method(b"GET", lines)


def _begun(claim: str, said: bytes, dies: End, error: str = INCOMPLETE) -> Row:
    return Row(
        claim,
        _RULE,
        GET + b"\r\n",
        (HEARD_GET + b"\r\n",),
        (Play((said,), dies),),
        Refused(502, error),
        kept=False,
    )


_BODY = b"Content-Length: 2\r\n\r\nhi"
_HELLO = b"Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"

ROWS: tuple[Row, ...] = (
    # --- again ---
    *(
        _again(f"GET is sent again when its kept connection is {how} without an answer", *_get(b""), dies)
        for how, dies in _DIES.items()
    ),
    _again("GET with a query and other lines is sent again as it was", *_get(b"X: 1\r\nx: 2\r\nAccept: */*\r\n")),
    _again("HEAD is sent again", HEAD + b"\r\n", HEARD_HEAD + b"\r\n"),
    _again("OPTIONS is sent again", *_method(b"OPTIONS")),
    _again("GET with a length of nothing is sent again", *_get(b"Content-Length: 0\r\n")),
    _again(
        "GET with a login at the proxy, which goes no further, is sent again",
        GET + b"Proxy-Authorization: Basic x\r\n\r\n",
        HEARD_GET + b"\r\n",
    ),
    Row(
        "GET is sent again once, not twice",
        _RULE,
        GET + b"\r\n",
        (HEARD_GET + b"\r\n", HEARD_GET + b"\r\n"),
        (_DIES["closed"], _DIES["closed"]),
        Refused(502, TERMINATED, _WRONG_LOGIN),
        kept=False,
    ),
    Row(
        "GET is sent again once, whatever becomes of the answer then",
        _RULE,
        GET + b"\r\n",
        (HEARD_GET + b"\r\n", HEARD_GET + b"\r\n"),
        (_DIES["reset"], Play((b"HTTP/1.1 leaked\r\n\r\n",))),
        Refused(502, "http_protocol_error"),
        kept=False,
    ),
    # --- never ---
    *(
        _once(
            f"POST is sent once when its kept connection is {how} without an answer",
            POST + _BODY,
            HEARD_POST + _BODY,
            dies,
        )
        for how, dies in _DIES.items()
    ),
    _once("POST without a body is sent once", POST + b"\r\n", HEARD_POST + b"Content-Length: 0\r\n\r\n"),
    _once("POST in chunks is sent once", POST + _HELLO, HEARD_POST + _BODY),
    _once("PUT is sent once", *_method(b"PUT", b"Content-Length: 0\r\n")),
    _once("PATCH is sent once", *_method(b"PATCH", b"Content-Length: 0\r\n")),
    _once("DELETE is sent once", *_method(b"DELETE")),
    _once("a method that nobody knows is sent once", *_method(b"PURGE")),
    _once("a method that is GET but for its case is sent once", *_method(b"get")),
    _once("GET with a body is sent once", GET + _BODY, HEARD_GET + _BODY),
    _once("GET with a body in chunks is sent once", GET + _HELLO, HEARD_GET + _BODY),
    *(
        _once(
            f"GET with a login is sent once when its kept connection is {how}",
            *_get(b"Authorization: Digest x\r\n"),
            dies,
        )
        for how, dies in _DIES.items()
    ),
    _once("GET with a login in another case is sent once", *_get(b"aUTHORIZATION: Basic x\r\n")),
    _once("GET with an empty login is sent once", *_get(b"Authorization: \r\n")),
    _once("GET with a cookie is sent once", *_get(b"Cookie: session=1\r\n")),
    _once("GET with a cookie in another case is sent once", *_get(b"X: y\r\ncOOKIE: session=1\r\n")),
    _once("HEAD with a login is sent once", *_method(b"HEAD", b"Authorization: x\r\n")),
    _once("OPTIONS with a cookie is sent once", *_method(b"OPTIONS", b"Cookie: x\r\n")),
    *(
        _once(f"GET over a fresh connection that is {how} is sent once", *_get(b""), dies, before=FRESH)
        for how, dies in _DIES.items()
    ),
    _once(
        "GET over a connection in the place of one that was closed before is sent once",
        *_get(b""),
        before=Play((OK,), End.CLOSES),
    ),
    # --- an answer had begun ---
    _begun("GET whose answer breaks off at its first octet is sent once", b"H", End.CLOSES),
    _begun("GET whose answer is reset within its head is sent once", b"HTTP/1.1 200 leaked\r\n", End.RESETS),
    _begun(
        "GET whose connection ends behind an interim answer is sent once",
        b"HTTP/1.1 103 leaked\r\n\r\n",
        End.CLOSES,
    ),
    _begun(
        "GET whose connection is reset behind an interim answer is sent once",
        b"HTTP/1.1 100 leaked\r\n\r\n",
        End.RESETS,
    ),
)
