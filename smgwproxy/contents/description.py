"""The value `Description`: what a person can be told of a certificate."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Description:
    """What a person can be told of a certificate; empty where it cannot be read.

    ``subject`` and ``issuer`` are written as RFC 4514 has it, ``key`` is the kind of the public key, such as
    ``EC secp384r1``; the dates are in UTC.
    """

    subject: str = ""
    issuer: str = ""
    not_before: datetime | None = None
    not_after: datetime | None = None
    dns_names: tuple[str, ...] = ()
    key: str = ""
