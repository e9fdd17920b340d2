"""What every way of asking the gateway has in common: one request, one whole answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from smgwproxy.errors import SmgwProxyError
from smgwproxy.http1 import Lines, values

LARGEST = 4 * 1024 * 1024
"""Bytes of an answer's body; no page of a gateway is near that."""


class NothingHeard(SmgwProxyError):
    """The gateway gave no answer; the text says why, ``advice`` what can be done.

    ``closed`` tells that it hung up, as some do with a wrong login or while they are locked.
    """

    def __init__(self, message: str, advice: str, *, closed: bool) -> None:
        super().__init__(message)
        self.advice = advice
        self.closed = closed


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer: header lines as they came; ``seconds`` passed until its head was there."""

    status: int
    lines: Lines
    body: bytes
    seconds: float

    def value(self, name: str) -> str | None:
        """Return the value of the first field ``name`` (lower case), None where there is none."""
        return next(iter(values(self.lines, name)), None)


class Asker(Protocol):
    """Sends one request after the other, over one connection as long as it stands."""

    def ask(self, method: str, path: str, lines: Lines, body: bytes = b"") -> Reply:
        """Send one request, once, and return its answer; raises `NothingHeard`.

        ``lines`` are those beside Host, Content-Length and Connection.
        """
        ...
