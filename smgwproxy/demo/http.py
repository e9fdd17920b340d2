"""HTTP/1.1 of the simulated gateways: a strict reader that keeps what it read, and a writer (RFC 9112)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from email.utils import format_datetime
from enum import Enum
from http import HTTPStatus

_HEAD_LIMIT = 64 * 1024
_BODY_LIMIT = 16 * 1024 * 1024
_RECEIVE = 64 * 1024

_REQUEST_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([!-~]+) HTTP/1\.([01])")
_HEADER_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*", re.DOTALL)
_FORBIDDEN = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Received:
    """A request exactly as it came.

    ``target`` is the raw request target; ``headers`` are the lines in the sender's order and case, decoded as
    Latin-1; ``head`` is everything up to and with the empty line, byte for byte; ``connection`` counts the
    gateway's connections from 1; ``local`` is the address and port the client spoke to.
    """

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes = field(default=b"")
    head: bytes = field(default=b"", repr=False)
    version: str = "1.1"
    connection: int = 0
    local: tuple[str, int] = ("", 0)

    def values(self, name: str) -> list[str]:
        """All values of the header ``name``, in order."""
        return [value for header, value in self.headers if header.lower() == name.lower()]

    def value(self, name: str) -> str | None:
        """Value of the header ``name`` when it comes exactly once, else None."""
        values = self.values(name)
        return values[0] if len(values) == 1 else None

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    @property
    def wants_close(self) -> bool:
        """Whether the connection ends with this request (RFC 9112 section 9.3); HTTP/1.0 always ends."""
        options = ",".join(self.values("Connection")).lower().split(",")
        return self.version == "1.0" or "close" in (option.strip() for option in options)


class Pace(Enum):
    """What a gateway is slow at."""

    LOGIN = "the first challenge of a login"
    REQUEST = "any other request"
    EXPORT = "an export of many readings"


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer; Content-Length, Date and Connection are added when it is written."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    pace: Pace = Pace.REQUEST
    closes: bool = False


class RefusedRequest(Exception):
    """A request that is not taken; it is answered with ``status`` and the connection closed.

    ``raw`` is what was read of it, and ``received`` the request as far as its head was understood.
    """

    def __init__(self, status: int, reason: str, raw: bytes, received: Received | None = None) -> None:
        super().__init__(reason)
        self.status = status
        self.raw = raw
        self.received = received


class BrokenOff(Exception):
    """The client closed the connection in the middle of a request; ``args[0]`` is what had come."""


class Reader:
    """Reads the requests of one connection from ``receive``, a socket's recv."""

    def __init__(self, receive: Callable[[int], bytes], connection: int, local: tuple[str, int]) -> None:
        self._receive = receive
        self._connection = connection
        self._local = local
        self._buffer = b""

    def read(self) -> Received | None:
        """Read the next request; None when the client closed the connection after the last one.

        Raises `RefusedRequest` and `BrokenOff`.
        """
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            self._check_size(len(self._buffer))
            if not self._more():
                if self._buffer:
                    raise BrokenOff(self._buffer)
                return None
        self._check_size(end)
        head, self._buffer = self._buffer[: end + 4], self._buffer[end + 4 :]
        request = self._parse(head)
        size = _body_size(request)
        while len(self._buffer) < size:
            if not self._more():
                raise BrokenOff(head + self._buffer)
        body, self._buffer = self._buffer[:size], self._buffer[size:]
        return replace(request, body=body)

    def _check_size(self, size: int) -> None:
        if size > _HEAD_LIMIT:
            raise RefusedRequest(431, "the head is too large", self._buffer)

    def _more(self) -> bool:
        data = self._receive(_RECEIVE)
        self._buffer += data
        return bool(data)

    def _parse(self, head: bytes) -> Received:
        first, *lines = head[:-4].split(b"\r\n")
        match = _REQUEST_LINE.fullmatch(first)
        if match is None:
            raise RefusedRequest(400, "the request line is broken", head)
        method, target, minor = (part.decode("latin-1") for part in match.groups())
        headers = [_header(line, head) for line in lines]
        request = Received(method, target, headers, b"", head, f"1.{minor}", self._connection, self._local)
        if request.version == "1.1" and len(request.values("Host")) != 1:
            raise RefusedRequest(400, "not exactly one Host line", head, request)
        return request


def _header(line: bytes, head: bytes) -> tuple[str, str]:
    match = _HEADER_LINE.fullmatch(line)
    if match is None or _FORBIDDEN.search(line):
        raise RefusedRequest(400, "a header line is broken", head)
    name, value = match.groups()
    return name.decode("latin-1"), value.decode("latin-1")


def _body_size(request: Received) -> int:
    """Tell the length of the body (RFC 9112 section 6); a gateway takes no chunked one."""
    if request.values("Transfer-Encoding"):
        raise RefusedRequest(411, "a chunked body is not taken", request.head, request)
    lengths = request.values("Content-Length")
    if not lengths:
        return 0
    if len(lengths) > 1 or not (lengths[0].isascii() and lengths[0].isdigit()):
        raise RefusedRequest(400, "Content-Length is not one number", request.head, request)
    if int(lengths[0]) > _BODY_LIMIT:
        raise RefusedRequest(413, "the body is too large", request.head, request)
    return int(lengths[0])


def serialize(reply: Reply, *, now: datetime, close: bool, head_only: bool = False) -> bytes:
    """Write an answer, in one piece so that it goes out in as few packets as can be.

    ``head_only`` leaves out the body, for the answer to HEAD.
    """
    lines = [
        f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}",
        f"Date: {format_datetime(now, usegmt=True)}",
        *(f"{name}: {value}" for name, value in reply.headers),
        f"Content-Length: {len(reply.body)}",
    ]
    if close:
        lines.append("Connection: close")
    head = "\r\n".join([*lines, "", ""]).encode("latin-1")
    return head if head_only else head + reply.body
