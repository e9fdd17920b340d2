"""A row of the table: what the client sends, what the gateway hears and says, and what the client gets of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

GATEWAY = b"<gateway>"
"""Stands for the gateway's authority, its address and port, wherever octets are written in the table."""
PORT = b"<port>"
"""Stands for the gateway's port alone."""
NAME = "smgw.local"
"""What the proxy behind the door ``named`` calls the gateway, in the place of its address."""
LEAKED = b"leaked"
"""Is part of every answer that is refused, and must not be part of what the client gets."""

INVALID = "http_protocol_error"
INCOMPLETE = "http_response_incomplete"
TERMINATED = "connection_terminated"
NOT_TAKEN = "http_request_error"
"""Error types of RFC 9209 section 2.3."""

GET = b"GET /row HTTP/1.1\r\nHost: pi:8080\r\n"
HEAD = b"HEAD /row HTTP/1.1\r\nHost: pi:8080\r\n"
POST = b"POST /row HTTP/1.1\r\nHost: pi:8080\r\n"
OLD = b"GET /row HTTP/1.0\r\n"
HEARD_GET = b"GET /row HTTP/1.1\r\nHost: <gateway>\r\n"
HEARD_HEAD = b"HEAD /row HTTP/1.1\r\nHost: <gateway>\r\n"
HEARD_POST = b"POST /row HTTP/1.1\r\nHost: <gateway>\r\n"
OK_HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
OK = OK_HEAD + b"ok"
LAST = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


class End(Enum):
    """What the gateway does with its connection behind its answer."""

    STAYS = auto()
    CLOSES = auto()  # with TLS's farewell
    CUTS = auto()  # without it
    RESETS = auto()


@dataclass(frozen=True, slots=True)
class Play:
    """What the gateway does with one request: its answer, a TLS record each, and what comes behind it.

    It begins once it has the whole request, or its head only if it is ``early``.
    """

    records: tuple[bytes, ...]
    end: End = End.STAYS
    early: bool = False


KEPT = Play((OK,))
FRESH = Play((LAST,), End.CLOSES)
"""What happened before a row: so its request has a kept connection, or a fresh one."""


@dataclass(frozen=True, slots=True)
class Whole:
    """The client gets a whole answer: ``head`` and ``trailers`` as they are, ``content`` without its framing.

    ``head`` is for a client of HTTP/1.1 that keeps its connection; others have other lines for their framing.
    """

    head: bytes
    content: bytes = b""
    trailers: bytes = b""


@dataclass(frozen=True, slots=True)
class Broken:
    """The client gets an answer that it cannot take for a whole one: ``head``, and all of ``content``.

    Where there is no content, it may get the error ``error`` instead, as long as it has no head.
    """

    head: bytes
    content: bytes
    error: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The client gets an error of the proxy's own, and nothing of the gateway's; its text has ``says`` in it."""

    status: int
    error: str
    says: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One row.

    ``rule`` is an RFC and its section, joined by a hyphen. ``receives`` are the requests that the gateway
    receives, byte for byte, and ``plays`` what it does with each; each but the last loses its connection. If the
    last one's is ``kept``, the next request comes over it. ``ends`` tells whether the proxy ends the client's
    connection behind the answer. ``before`` is what happened to the request before. ``door`` names the proxy.
    """

    claim: str
    rule: str
    sends: bytes
    receives: tuple[bytes, ...]
    plays: tuple[Play, ...]
    gets: Whole | Broken | Refused
    kept: bool = True
    ends: bool = False
    before: Play = KEPT
    door: str = "http"


# --- rows by what they are about ------------------------------------------------------------------------


def asks(
    claim: str,
    rule: str,
    sends: bytes,
    receives: bytes,
    *,
    head: bytes = OK_HEAD,
    content: bytes = b"ok",
    ends: bool = False,
) -> Row:
    """Make a row about a request, which is answered with `OK`."""
    return Row(claim, rule, sends, (receives,), (Play((OK,)),), Whole(head, content), ends=ends)


def denied(claim: str, rule: str, sends: bytes, status: int = 400) -> Row:
    """Make a row about a request of which the gateway hears nothing."""
    return Row(claim, rule, sends, (), (), Refused(status, NOT_TAKEN), ends=True)


def answers(
    claim: str,
    rule: str,
    said: bytes | tuple[bytes, ...],
    head: bytes,
    content: bytes = b"",
    trailers: bytes = b"",
    *,
    kept: bool = True,
    end: End = End.STAYS,
    sends: bytes = GET + b"\r\n",
    receives: bytes = HEARD_GET + b"\r\n",
    ends: bool = False,
    before: Play = KEPT,
    early: bool = False,
    door: str = "http",
) -> Row:
    """Make a row about an answer that the client gets to its end."""
    play = Play(said if isinstance(said, tuple) else (said,), end, early)
    gets = Whole(head, content, trailers)
    return Row(claim, rule, sends, (receives,), (play,), gets, kept, ends, before, door)


def refuses(
    claim: str,
    rule: str,
    said: bytes,
    error: str = INVALID,
    *,
    end: End = End.STAYS,
    sends: bytes = GET + b"\r\n",
    receives: bytes = HEARD_GET + b"\r\n",
    ends: bool = False,
    early: bool = False,
) -> Row:
    """Make a row about an answer in whose place the client gets an error; its connection is used no more."""
    play = Play((said,) if said else (), end, early)
    return Row(claim, rule, sends, (receives,), (play,), Refused(502, error), kept=False, ends=ends)


def breaks(
    claim: str,
    rule: str,
    said: bytes,
    head: bytes,
    content: bytes = b"",
    error: str = INCOMPLETE,
    *,
    end: End = End.STAYS,
    door: str = "http",
) -> Row:
    """Make a row about an answer that breaks off behind its head."""
    play = Play((said,), end)
    gets = Broken(head, content, error)
    return Row(claim, rule, GET + b"\r\n", (HEARD_GET + b"\r\n",), (play,), gets, kept=False, ends=True, door=door)
