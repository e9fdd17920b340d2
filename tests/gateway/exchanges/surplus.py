"""Bytes that the gateway sends and nobody asked for: they never reach a client, least of all the next one."""

from __future__ import annotations

from tests.gateway.exchanges.row import (
    CHUNKED,
    HEAD,
    HEARD_HEAD,
    HEARD_POST,
    KEPT,
    OK,
    OK_HEAD,
    POST,
    End,
    Play,
    Row,
    answers,
)

_RULE = "9112-6.3"
_POISON = b"HTTP/1.1 200 OK\r\nX: leaked\r\nContent-Length: 6\r\n\r\nleaked"
_TIMEOUT = b"HTTP/1.1 408 Request Timeout\r\nX: leaked\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


def _behind(claim: str, surplus: bytes) -> Row:
    return answers(f"{claim} behind an answer reaches nobody", _RULE, OK + surplus, OK_HEAD, b"ok", kept=False)


def _unasked(claim: str, *records: bytes, end: End = End.STAYS) -> Row:
    """Make a row before which ``records`` came over the idle connection."""
    return answers(
        f"{claim} over an idle connection is no answer to the next request",
        _RULE,
        OK,
        OK_HEAD,
        b"ok",
        sends=POST + b"Authorization: x\r\n\r\n",
        receives=HEARD_POST + b"Authorization: x\r\nContent-Length: 0\r\n\r\n",
        before=Play((OK, *records), end),
    )


ROWS: tuple[Row, ...] = (
    _behind("a second answer", _POISON),
    _behind("half an answer", b"HTTP/1.1 200 leaked\r\n"),
    _behind("a single octet", b"l"),
    _behind("an empty line", b"\r\n"),
    _behind("a NUL", b"\0"),
    _behind("more of the body", b"leaked"),
    _behind("much more of the body", b"leaked" * 20000),
    answers(
        "a second answer in a record of its own reaches nobody",
        _RULE,
        (OK, _POISON),
        OK_HEAD,
        b"ok",
        kept=False,
    ),
    answers(
        "a second answer in the body's record reaches nobody",
        _RULE,
        (OK_HEAD, b"ok" + _POISON),
        OK_HEAD,
        b"ok",
        kept=False,
    ),
    answers(
        "a second answer behind chunks reaches nobody",
        _RULE,
        CHUNKED + b"2\r\nok\r\n0\r\n\r\n" + _POISON,
        CHUNKED,
        b"ok",
        kept=False,
    ),
    answers(
        "a second answer behind trailers reaches nobody",
        _RULE,
        CHUNKED + b"2\r\nok\r\n0\r\nX: y\r\n\r\n" + _POISON,
        CHUNKED,
        b"ok",
        b"X: y\r\n",
        kept=False,
    ),
    answers(
        "a second answer behind the last one reaches nobody",
        "9112-9.6",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok" + _POISON,
        OK_HEAD,
        b"ok",
        kept=False,
        end=End.CLOSES,
    ),
    answers(
        "a second answer before the connection is reset reaches nobody",
        _RULE,
        OK + _POISON,
        OK_HEAD,
        b"ok",
        kept=False,
        end=End.RESETS,
    ),
    answers(
        "a body behind 204 reaches nobody",
        _RULE,
        b"HTTP/1.1 204 No Content\r\n\r\nleaked",
        b"HTTP/1.1 204 No Content\r\n\r\n",
        kept=False,
    ),
    answers(
        "a body behind 304 with its length reaches nobody",
        _RULE,
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 6\r\n\r\nleaked",
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 6\r\n\r\n",
        kept=False,
    ),
    answers(
        "a second answer behind 304 reaches nobody",
        _RULE,
        b"HTTP/1.1 304 Not Modified\r\n\r\n" + _POISON,
        b"HTTP/1.1 304 Not Modified\r\n\r\n",
        kept=False,
    ),
    answers(
        "the body of GET behind an answer to HEAD reaches nobody",
        "9110-9.3.2",
        b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nleaked",
        b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n",
        kept=False,
        sends=HEAD + b"\r\n",
        receives=HEARD_HEAD + b"\r\n",
    ),
    answers(
        "chunks behind an answer to HEAD reach nobody",
        "9110-9.3.2",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nleaked\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        kept=False,
        sends=HEAD + b"\r\n",
        receives=HEARD_HEAD + b"\r\n",
    ),
    # --- before the request ---
    _unasked("a second answer", _POISON),
    _unasked("a time-out", _TIMEOUT, end=End.CLOSES),
    _unasked("a time-out of a gateway that hangs up", _TIMEOUT, end=End.CUTS),
    _unasked("half an answer", b"HTTP/1.1 2"),
    _unasked("an empty line", b"\r\n"),
    answers(
        "two requests in a row over one connection have their own answers",
        "9112-9.3.2",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nother",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
        b"other",
        before=KEPT,
    ),
)
