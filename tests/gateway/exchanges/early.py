"""Answers that come before the gateway has read the whole request: the client gets them all the same."""

from __future__ import annotations

from tests.gateway.exchanges.row import HEARD_POST, OK, OK_HEAD, POST, End, Row, answers, refuses

_RULE = "9112-9.5"
_SMALL = b"Content-Length: 5\r\n\r\nhello"
_MIDDLE = b"Content-Length: 100000\r\n\r\n" + b"x" * 100_000
_LENGTH = 8 * 1024 * 1024  # more than all buffers on the way hold
_LARGE = b"Content-Length: %d\r\n\r\n" % _LENGTH + b"x" * _LENGTH
_TOO_LARGE = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n"
_CHUNKS = b"Transfer-Encoding: chunked\r\n\r\n" + b"186a0\r\n" + b"x" * 100_000 + b"\r\n0\r\n\r\n"


def _early(claim: str, body: bytes, heard: bytes | None = None) -> Row:
    """Make a row whose request is read to its end all the same."""
    return answers(
        claim, _RULE, OK, OK_HEAD, b"ok", sends=POST + body, receives=HEARD_POST + (heard or body), early=True
    )


def _refusal(claim: str, body: bytes, end: End, *, ends: bool) -> Row:
    """Make a row whose request is not read, and whose connection ends with the answer."""
    closing = b"" if end is End.STAYS else b"Connection: close\r\n"
    return answers(
        claim,
        _RULE,
        _TOO_LARGE + closing + b"\r\nno!",
        _TOO_LARGE + (b"Connection: close\r\n" if ends else b"") + b"\r\n",
        b"no!",
        kept=False,
        sends=POST + body,
        receives=HEARD_POST + body,
        early=True,
        end=end,
        ends=ends,
    )


def _interim(claim: str, *interim: bytes, rule: str = "9110-15.2") -> Row:
    """Make a row whose large body is being sent when interim answers come, and then the last one."""
    return answers(
        claim,
        rule,
        b"".join(interim) + _TOO_LARGE + b"\r\nno!",
        _TOO_LARGE + b"Connection: close\r\n\r\n",
        b"no!",
        kept=False,
        sends=POST + _LARGE,
        receives=HEARD_POST + _LARGE,
        early=True,
        ends=True,
    )


def _bad(claim: str, said: bytes, rule: str = _RULE) -> Row:
    """Make a row whose large body is being sent when something comes that is no answer."""
    return refuses(
        claim,
        rule,
        said + b"HTTP/1.1 200 OK\r\nX: leaked\r\nContent-Length: 6\r\n\r\nleaked",
        sends=POST + _LARGE,
        receives=HEARD_POST + _LARGE,
        early=True,
        ends=True,
    )


ROWS: tuple[Row, ...] = (
    _early("an answer before a small body passes, and the connection is kept", _SMALL),
    _early("an answer before a body passes, and the connection is kept", _MIDDLE),
    _early("an answer before a body that came in chunks passes, and the connection is kept", _CHUNKS, _MIDDLE),
    _refusal(
        "a refusal of a body that nobody reads passes when the connection is closed",
        _MIDDLE,
        End.CLOSES,
        ends=False,
    ),
    _refusal(
        "a refusal of a body that nobody reads passes when the connection is cut", _MIDDLE, End.CUTS, ends=False
    ),
    _refusal("a refusal of a large body passes when the connection is closed", _LARGE, End.CLOSES, ends=True),
    _refusal("a refusal of a large body passes when the connection is cut", _LARGE, End.CUTS, ends=True),
    _refusal(
        "an answer before a large body passes, and the connection is not used again", _LARGE, End.STAYS, ends=True
    ),
    refuses(
        "a malformed answer before a body is refused",
        _RULE,
        b"HTTP/1.1 OK\r\nX: leaked\r\n\r\n",
        sends=POST + _MIDDLE,
        receives=HEARD_POST + _MIDDLE,
        early=True,
    ),
    _interim("100 within a large body is read past", b"HTTP/1.1 100 Continue\r\n\r\n"),
    _interim(
        "several interim answers within a large body are read past",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nLink: </leaked>\r\n\r\n",
        b"HTTP/1.1 102 x\r\n\r\n",
    ),
    _bad("a malformed answer within a large body is refused", b"HTTP/1.1 OK\r\nX: leaked\r\n\r\n", "9112-4"),
    _bad("101 within a large body is refused", b"HTTP/1.1 101 leaked\r\n\r\n", "9110-15.2.2"),
    _bad("101 behind 100 within a large body is refused", b"HTTP/1.1 100 x\r\n\r\nHTTP/1.1 101 leaked\r\n\r\n"),
    _bad(
        "a malformed interim answer within a large body is refused", b"HTTP/1.1 103 x\r\nleaked\r\n\r\n", "9112-5"
    ),
    _bad("an interim answer with bare LFs within a large body is refused", b"HTTP/1.1 103 x\n\n", "9112-2.2"),
    _bad("an interim answer of no version within a large body is refused", b"HTTP/1.7 103 x\r\n\r\n", "9112-2.3"),
    _bad("interim answers without end within a large body are refused", b"HTTP/1.1 103 x\r\n\r\n" * 200),
)
