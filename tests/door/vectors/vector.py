"""A row of the table: what is sent, the rule for it, and what becomes of it."""

from __future__ import annotations

from dataclasses import dataclass

GATEWAY = b"<gateway>"
"""Stands for the gateway's authority in what the gateway sees."""
BODY_LIMIT = 4096
"""The proxy's limit for gathered bodies that the table is written for."""

GET = b"GET / HTTP/1.1\r\nHost: pi\r\n"
POST = b"POST / HTTP/1.1\r\nHost: pi\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
SEEN_GET = b"GET / HTTP/1.1\r\nHost: <gateway>\r\n"
SEEN_POST = b"POST / HTTP/1.1\r\nHost: <gateway>\r\n"

NEXT = b"GET /next HTTP/1.1\r\nHost: pi\r\nConnection: close\r\n\r\n"
"""What the tests send behind every row, in the same write; of a refused row it must not be taken for a request."""
SEEN_NEXT = b"GET /next HTTP/1.1\r\nHost: <gateway>\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Vector:
    """One row.

    ``rule`` is an RFC and its section, joined by a hyphen. ``seen`` are the requests that reach the gateway, with
    `GATEWAY` in the place of its authority. After them comes a refusal with the status ``refused``, which ends
    the connection, or the connection ends with the last answer (``ends``), or it lives on. ``interim`` is the
    number of answers 100 (Continue); there may be fewer where the body has come already. ``only`` names the door,
    ``http`` or ``https``, to which it is sent.
    """

    claim: str
    rule: str
    sent: bytes
    seen: tuple[bytes, ...]
    refused: int | None = None
    ends: bool = False
    interim: int = 0
    only: str | None = None

    @property
    def lives_on(self) -> bool:
        """Tell whether another request may follow on the same connection."""
        return self.refused is None and not self.ends


def refused(
    claim: str,
    rule: str,
    sent: bytes,
    status: int = 400,
    *,
    after: tuple[bytes, ...] = (),
    only: str | None = None,
) -> Vector:
    """Make a row that is refused with ``status`` once the gateway has seen the requests ``after``."""
    return Vector(claim, rule, sent, after, refused=status, only=only)


def taken(
    claim: str,
    rule: str,
    sent: bytes,
    *seen: bytes,
    ends: bool = False,
    interim: int = 0,
    only: str | None = None,
) -> Vector:
    """Make a row all of whose requests are taken, and reach the gateway as ``seen``."""
    return Vector(claim, rule, sent, seen, ends=ends, interim=interim, only=only)
