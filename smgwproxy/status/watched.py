"""One gateway, as the status tells of it; no I/O."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from smgwproxy.origin import Origin
from smgwproxy.status.counting import Numbers
from smgwproxy.status.kept import Kept
from smgwproxy.status.ledger import Ledger


class TrustState(StrEnum):
    """How it stands with the trust in a gateway."""

    PINNED = "pinned"
    """Its certificate is known, and nothing waits for a person."""
    FIRST_USE = "first_use"
    """There is no pin yet: the certificate that it presents will be pinned."""
    CHANGED = "changed"
    """Another certificate was presented, and waits for a person; or it was the last that was seen."""
    REFUSED = "refused"
    """There is no pin, and no certificate is pinned without a person."""
    UNREADABLE = "unreadable"
    """The trust store fails, so nothing is trusted and nothing sent."""


@dataclass(frozen=True, slots=True)
class Watched:
    """The gateway ``name`` at ``origin``: what became of its requests, and what the trust store keeps.

    ``kept`` is None before the first look. ``listening`` tells whether clients can come to its door.
    """

    name: str
    origin: Origin
    ledger: Ledger
    kept: Kept | None
    listening: bool

    @property
    def numbers(self) -> Numbers:
        """What became of its requests, counted."""
        return self.ledger.numbers

    @property
    def trust(self) -> TrustState | None:
        """How it stands; None before the first look at the store."""
        kept = self.kept
        if kept is None:
            return None
        if kept.trouble:
            return TrustState.UNREADABLE
        presented, refused = "", False
        if self.numbers.reach is not None:
            presented, refused = self.numbers.reach.distrusted, self.numbers.reach.refused
        known = {"", *(str(pin.fingerprint) for pin in kept.pins)}  # that may have been approved meanwhile
        if kept.pending or (kept.pins and presented not in known):
            return TrustState.CHANGED
        if kept.pins:
            return TrustState.PINNED
        return TrustState.FIRST_USE if kept.first_use and not refused else TrustState.REFUSED

    @property
    def unready(self) -> str:
        """Why it cannot serve, whatever becomes of the gateway itself; empty when it can."""
        if not self.listening:
            return "it does not listen yet"
        if self.kept is None:
            return "the trust store has not answered yet"
        if self.kept.trouble:
            return "the trust store fails"
        return ""
