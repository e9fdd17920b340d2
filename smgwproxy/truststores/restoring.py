"""What becomes of a gateway's record when one from elsewhere is imported. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from smgwproxy.errors import TrustEditError
from smgwproxy.phrases import phrase
from smgwproxy.truststores import rules
from smgwproxy.truststores.record import Event, Happening, Pin, Record


def restore(record: Record, imported: Record, now: datetime, *, replacing: bool = False) -> Record:
    """Take over ``imported``: its pins, and all that waits, was revoked, or happened in either.

    Pins in force that would not stay so are removed when ``replacing``; otherwise they raise `TrustEditError`. A
    record that brings no pins replaces none. Never does a pinned gateway become one whose next certificate is
    pinned by itself: that raises `TrustEditError` as well.
    """
    revoked = {one.fingerprint: one for one in (*imported.revoked, *record.revoked)}
    brought = imported.pins or tuple(pin for pin in record.pins if pin.fingerprint not in revoked)
    wanted = {pin.fingerprint for pin in brought}
    foreign = [pin for pin in record.pins if pin.fingerprint not in wanted]
    if foreign and not replacing:
        raise TrustEditError(
            phrase(
                "The gateway {origin} has a pin that is none of those to be imported: SHA-256 {fingerprint}. "
                "Nothing was changed. If it shall be removed: --replace",
                origin=record.origin,
                fingerprint=foreign[0].fingerprint,
            )
        )
    before = record
    for pin in foreign:
        before = rules.remove(before, pin.fingerprint, now)
    pins = {pin.fingerprint: rules.fuller(before, pin) for pin in brought if pin.fingerprint not in revoked}
    if record.pins and brought and not pins:
        raise TrustEditError(
            phrase(
                "What is to be imported for the gateway {origin} is revoked here, so it would have no pin. "
                "Nothing was changed.",
                origin=record.origin,
            )
        )
    waiting = {
        one.fingerprint: one
        for one in (*imported.pending, *before.pending)
        if one.fingerprint not in pins and one.fingerprint not in revoked
    }
    more = [event for event in before.history if event not in imported.history]
    history = sorted((*imported.history, *more), key=lambda event: event.at) if more else imported.history
    after = Record(
        record.origin,
        tuple(pins.values()),
        tuple(sorted(waiting.values(), key=lambda one: one.last_seen)[-rules.MOST_PENDING :]),
        tuple(revoked.values()),
        tuple(history),
        first_use=bool(pins) or (not (brought or record.pins) and before.first_use and imported.first_use),
    )
    return _noted(after, before, imported, now)


def _noted(after: Record, before: Record, imported: Record, now: datetime) -> Record:
    """Give each pin that is new, and has no history elsewhere, its time and its event."""
    known = {pin.fingerprint for pin in before.pins} | {event.fingerprint for event in imported.history}
    new = [pin for pin in after.pins if pin.fingerprint not in known]
    events = tuple(Event(now, Happening.ADDED, pin.fingerprint, pin.subject) for pin in new)
    pins: tuple[Pin, ...] = tuple(
        replace(pin, pinned_at=pin.pinned_at or now) if pin in new else pin for pin in after.pins
    )
    return replace(after, pins=pins, history=(*after.history, *events))
