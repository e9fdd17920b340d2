"""Interim answers (1xx): read past, never taken for the answer, and never a trap for the next request."""

from __future__ import annotations

from tests.gateway.exchanges.row import (
    HEAD,
    HEARD_HEAD,
    HEARD_POST,
    LEAKED,
    OK,
    OK_HEAD,
    POST,
    End,
    Row,
    answers,
    refuses,
)

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </leaked>; rel=preload\r\n\r\n"
_AT_MOST = 8
_RULE = "9110-15.2"
_BODY = b"Content-Length: 5\r\n\r\nhello"
_REST = b"HTTP/1.1 200 OK\r\nX: leaked\r\nContent-Length: 6\r\n\r\nleaked"


def _past(claim: str, *before: bytes, rule: str = _RULE) -> Row:
    return answers(claim, rule, b"".join(before) + OK, OK_HEAD, b"ok")


def _bad(claim: str, interim: bytes, rule: str = _RULE, *, end: End = End.STAYS) -> Row:
    return refuses(claim, rule, interim + _REST, end=end)


ROWS: tuple[Row, ...] = (
    _past("100 is read past", _CONTINUE, rule="9110-15.2.1"),
    _past("102 is read past", b"HTTP/1.1 102 Processing\r\n\r\n"),
    _past("103 is read past with its lines", _HINTS, rule="8297-2"),
    _past("an interim answer that nobody knows is read past", b"HTTP/1.1 199 \r\nX: leaked\r\n\r\n"),
    _past("an interim answer without a reason is read past", b"HTTP/1.1 100\r\n\r\n"),
    _past("an interim answer of HTTP/1.0 is read past", b"HTTP/1.0 100 Continue\r\n\r\n"),
    _past("several interim answers are read past", _CONTINUE, _HINTS, b"HTTP/1.1 102 x\r\n\r\n", _HINTS),
    _past("eight interim answers are read past", *[_CONTINUE] * _AT_MOST),
    _past(
        "what an interim answer says of the connection does not count",
        b"HTTP/1.1 100 x\r\nConnection: close\r\n\r\n",
        rule="9112-9.6",
    ),
    answers(
        "interim answers in records of their own are read past",
        _RULE,
        (_CONTINUE, _HINTS, OK),
        OK_HEAD,
        b"ok",
    ),
    answers(
        "an interim answer before chunks is read past",
        _RULE,
        _HINTS + b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"ok",
    ),
    answers(
        "an interim answer to HEAD is read past",
        _RULE,
        _CONTINUE + b"HTTP/1.1 200 OK\r\nX: y\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: y\r\n\r\n",
        sends=HEAD + b"\r\n",
        receives=HEARD_HEAD + b"\r\n",
    ),
    answers(
        "an interim answer before one without content is read past",
        _RULE,
        _CONTINUE + b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\n\r\n",
    ),
    answers(
        "an interim answer to an upload that nobody asked for is read past",
        "9110-15.2.1",
        _CONTINUE + OK,
        OK_HEAD,
        b"ok",
        sends=POST + _BODY,
        receives=HEARD_POST + _BODY,
    ),
    answers(
        "an interim answer that comes before the upload is read past",
        "9110-15.2.1",
        _CONTINUE + OK,
        OK_HEAD,
        b"ok",
        sends=POST + _BODY,
        receives=HEARD_POST + _BODY,
        early=True,
    ),
    answers(
        "an interim answer behind the last answer is none to the next request",
        _RULE,
        OK + _HINTS,
        OK_HEAD,
        b"ok",
        kept=False,
    ),
    # --- refused ---
    _bad(
        "101 that nobody asked for is refused",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
        "9110-15.2.2",
    ),
    _bad(
        "101 behind another interim answer is refused", _CONTINUE + b"HTTP/1.1 101 leaked\r\n\r\n", "9110-15.2.2"
    ),
    refuses(
        "101 is refused to who asks for an upgrade, since that was not passed on",
        "9110-7.8",
        b"HTTP/1.1 101 leaked\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nleaked",
        sends=b"GET /row HTTP/1.1\r\nHost: pi:8080\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    ),
    _bad("more than eight interim answers are refused", _CONTINUE * (_AT_MOST + 1)),
    _bad("interim answers without end are refused", _HINTS * 200),
    _bad(
        "an interim answer with a body is refused",
        b"HTTP/1.1 103 x\r\nContent-Length: 6\r\n\r\n" + LEAKED,
        "9110-8.6",
    ),
    _bad(
        "an interim answer with chunks is refused",
        b"HTTP/1.1 103 x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "9112-6.1",
    ),
    _bad("an interim answer with a malformed line is refused", b"HTTP/1.1 103 x\r\nleaked\r\n\r\n", "9112-5"),
    _bad("an interim answer with bare LFs is refused", b"HTTP/1.1 103 x\nX: leaked\n\n", "9112-2.2"),
    refuses(
        "a malformed interim answer before the upload is refused",
        "9112-5",
        b"HTTP/1.1 103 x\r\nleaked\r\n\r\n" + _REST,
        sends=POST + _BODY,
        receives=HEARD_POST + _BODY,
        early=True,
    ),
)
