"""All that a trust store knows of one gateway, as values."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from smgwproxy.certificate import Certificate, Fingerprint
from smgwproxy.origin import Origin
from smgwproxy.phrases import phrase, plural

_SOON = timedelta(days=60)
_GO_TIME = re.compile(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.\d+)? ([+-]\d{4})(?: \w+)?")


@dataclass(frozen=True, slots=True)
class Pin:
    """One certificate that is accepted for an origin.

    ``certificate`` is the certificate itself where it is known (records of the original proxy hold only its
    fingerprint); ``pinned_at`` is when it was pinned, with a time zone; ``subject`` and ``not_after`` are for
    people, as recorded; ``record`` tells a person where the pin is kept, such as a file's path.
    """

    fingerprint: Fingerprint
    certificate: Certificate | None = None
    pinned_at: datetime | None = None
    subject: str = ""
    not_after: str = ""
    record: str = ""

    @classmethod
    def of(cls, certificate: Certificate, now: datetime | None = None, record: str = "") -> Pin:
        """Pin of a certificate that is at hand."""
        told = certificate.description
        return cls(certificate.fingerprint, certificate, now, told.subject, go_time(told.not_after), record)

    @property
    def ends(self) -> datetime | None:
        """When the certificate ends, None where that cannot be read."""
        if self.certificate is not None and self.certificate.validity[1] is not None:
            return self.certificate.validity[1]
        return parse_go_time(self.not_after)

    def ending(self, now: datetime) -> str:
        """Say that the certificate has ended, or will within 60 days; empty otherwise. It is used all the same."""
        if self.ends is None or self.ends - now > _SOON:
            return ""
        day = f"{self.ends.astimezone(UTC):%Y-%m-%d}"
        if self.ends <= now:
            return phrase("ended on {day}; it is used all the same, since it is pinned", day=day)
        return plural(
            "ends on {day}, in {count} day; the operator should renew it",
            "ends on {day}, in {count} days; the operator should renew it",
            (self.ends - now).days,
            day=day,
        )


@dataclass(frozen=True, slots=True)
class Pending:
    """A certificate that was refused and waits for a person; seen ``times`` times between two moments."""

    certificate: Certificate
    first_seen: datetime
    last_seen: datetime
    times: int = 1

    @property
    def fingerprint(self) -> Fingerprint:
        """The certificate's fingerprint."""
        return self.certificate.fingerprint


@dataclass(frozen=True, slots=True)
class Revocation:
    """A certificate that is never accepted again; ``certificate`` is None where only the fingerprint is known."""

    fingerprint: Fingerprint
    revoked_at: datetime
    certificate: Certificate | None = None


Known = Pin | Pending | Revocation
"""A certificate that a record knows, whatever was decided of it."""


class Happening(StrEnum):
    """What can happen to a certificate."""

    PINNED = "pinned"
    """First use."""
    REFUSED = "refused"
    """It was presented, is no pin, and waits for a person; told once, `Pending` counts further times."""
    RENEWED = "renewed"
    """It took the place of a pin with the same public key."""
    APPROVED = "approved"
    """A person approved what was pending."""
    ADDED = "added"
    """A person added it."""
    REPLACED = "replaced"
    """Another took its place."""
    REMOVED = "removed"
    """A person removed it."""
    REVOKED = "revoked"
    """A person revoked it."""


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a gateway's history."""

    at: datetime
    happening: Happening
    fingerprint: Fingerprint
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """All that a store knows of the gateway ``origin``.

    ``pins`` are those in force, the current one first and backups behind it. ``history`` only grows, oldest
    first; a store may forget the oldest. ``first_use`` tells whether an unknown certificate may be pinned when
    there is no pin: no longer so once the last pin was revoked. Raises `ValueError` when a certificate would be
    twice in what is in force, pending and revoked together.
    """

    origin: Origin
    pins: tuple[Pin, ...] = ()
    pending: tuple[Pending, ...] = ()
    revoked: tuple[Revocation, ...] = ()
    history: tuple[Event, ...] = ()
    first_use: bool = True

    def __post_init__(self) -> None:
        known: tuple[Known, ...] = (*self.pins, *self.pending, *self.revoked)
        seen = [one.fingerprint for one in known]
        if len(set(seen)) < len(seen):
            raise ValueError(phrase("a certificate is there twice"))

    def __bool__(self) -> bool:
        """Tell whether anything is known."""
        return bool(self.pins or self.pending or self.revoked or self.history or not self.first_use)


def go_time(moment: datetime | None) -> str:
    """Format a time as the original's records have it: Go's ``time.Time.String``."""
    return "" if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S +0000 UTC")


def parse_go_time(text: str) -> datetime | None:
    """Read what `go_time` and Go write; None for anything else."""
    match = _GO_TIME.fullmatch(text)
    if match is None:
        return None
    try:
        return datetime.strptime(" ".join(match.groups()), "%Y-%m-%d %H:%M:%S %z").astimezone(UTC)
    except (ValueError, OverflowError):  # such as the last hours of the year 9999
        return None
