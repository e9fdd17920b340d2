"""What becomes of a gateway's record: first use, renewal, refusal, and what a person decides. Pure.

Each function takes a `Record` and returns the next one, the same one when nothing changes. A store's ``change``
may call it more than once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from smgwproxy.certificate import Certificate, Fingerprint
from smgwproxy.errors import CertificateRevoked, PinRefused, TrustEditError
from smgwproxy.phrases import phrase
from smgwproxy.renewal import Renewal
from smgwproxy.truststores.record import Event, Happening, Known, Pending, Pin, Record, Revocation

Edit = Callable[[Record], Record]

LARGEST_PENDING = 16 * 1024
"""Bytes of DER; a gateway's certificate has some hundred. What is larger is refused, and not kept."""

_LONGEST_SUBJECT = 200  # characters, in the history; strangers choose their own

MOST_PENDING = 8
"""Certificates that wait for a person at a time; when more come, the one not seen for longest is dropped."""


# --- what happens by itself -----------------------------------------------------------------------------


def first_use(record: Record, certificate: Certificate, now: datetime) -> Record:
    """Pin ``certificate`` unless there is a pin.

    Raises `CertificateRevoked` when it, or its key, was revoked, and `PinRefused` when the last pin was.
    """
    if record.pins:
        return record
    if is_revoked(record, certificate):
        raise CertificateRevoked(record.origin, str(certificate.fingerprint))
    if not record.first_use:
        raise PinRefused(record.origin, str(certificate.fingerprint))
    pending = tuple(one for one in record.pending if one.fingerprint != certificate.fingerprint)
    return _with(
        replace(record, pins=(Pin.of(certificate, now),), pending=pending), now, (Happening.PINNED, certificate)
    )


def presented(record: Record, certificate: Certificate, now: datetime, renewal: Renewal) -> Record:
    """Take note of a certificate that the peer proved to hold the key of, and that is no pin in force.

    With `Renewal.SAME_KEY` it takes the place of a pin with the same public key, unless that key was revoked;
    otherwise it is pending.
    """
    fingerprint = certificate.fingerprint
    if any(pin.fingerprint == fingerprint for pin in record.pins):
        return record
    if any(one.fingerprint == fingerprint for one in record.revoked):
        return record
    if len(certificate.der) > LARGEST_PENDING:
        return record
    if renewal is Renewal.SAME_KEY and not is_revoked(record, certificate):
        for pin in record.pins:
            if certificate.has_key_of(pin.certificate):
                return _renewed(record, pin, certificate, now)
    before = next((one for one in record.pending if one.fingerprint == fingerprint), None)
    if before is not None:
        seen = replace(before, last_seen=now, times=before.times + 1)
        return replace(record, pending=tuple(seen if one is before else one for one in record.pending))
    kept = sorted(record.pending, key=lambda one: one.last_seen)[-(MOST_PENDING - 1) :]
    return _with(
        replace(record, pending=(*kept, Pending(certificate, now, now))), now, (Happening.REFUSED, certificate)
    )


def completed(record: Record, certificate: Certificate) -> Record:
    """Keep the certificate of a pin of which only the fingerprint was known, as in the original's records."""
    return replace(
        record,
        pins=tuple(
            Pin.of(certificate, pin.pinned_at, pin.record)
            if pin.certificate is None and pin.fingerprint == certificate.fingerprint
            else pin
            for pin in record.pins
        ),
    )


def is_revoked(record: Record, certificate: Certificate) -> bool:
    """Tell whether the certificate was revoked, or another one with its key: who stole a key can sign anew."""
    return any(
        one.fingerprint == certificate.fingerprint or certificate.has_key_of(one.certificate)
        for one in record.revoked
    )


# --- what a person decides ------------------------------------------------------------------------------


def approve(record: Record, fingerprint: Fingerprint, now: datetime) -> Record:
    """Let a pending certificate take the place of the current pin; raises `TrustEditError` when it is not there.

    Backup pins stay.
    """
    found = next((one for one in record.pending if one.fingerprint == fingerprint), None)
    if found is None:
        raise TrustEditError(
            phrase(
                "No certificate with SHA-256 {fingerprint} is pending for {origin}.",
                fingerprint=fingerprint,
                origin=record.origin,
            )
        )
    events = [(Happening.REPLACED, pin) for pin in record.pins[:1]]
    return _with(
        replace(
            record,
            pins=(Pin.of(found.certificate, now), *record.pins[1:]),
            pending=tuple(one for one in record.pending if one is not found),
            first_use=True,
        ),
        now,
        *events,
        (Happening.APPROVED, found.certificate),
    )


def add(record: Record, pin: Pin, now: datetime) -> Record:
    """Add a pin: the current one where there is none, a backup otherwise; raises `TrustEditError` when revoked.

    What is a pin already stays as it is, but for a certificate that was not known.
    """
    if any(one.fingerprint == pin.fingerprint for one in record.revoked):
        raise TrustEditError(
            phrase(
                "The certificate with SHA-256 {fingerprint} is revoked for {origin}. If that was a mistake, "
                "remove it first: trust remove --fingerprint ...",
                fingerprint=pin.fingerprint,
                origin=record.origin,
            )
        )
    if any(one.fingerprint == pin.fingerprint for one in record.pins):
        return record if pin.certificate is None else completed(record, pin.certificate)
    full = fuller(record, pin)
    pinned = replace(full, pinned_at=full.pinned_at or now)
    pending = tuple(one for one in record.pending if one.fingerprint != pin.fingerprint)
    return _with(
        replace(record, pins=(*record.pins, pinned), pending=pending, first_use=True), now, (Happening.ADDED, full)
    )


def fuller(record: Record, pin: Pin) -> Pin:
    """Return ``pin`` with what ``record`` knows of its certificate beside the fingerprint."""
    known = next((one for one in record.pins if one.fingerprint == pin.fingerprint), None)
    if known is not None:
        if known.certificate is not None or pin.certificate is None:
            return known
        return Pin.of(pin.certificate, known.pinned_at, known.record)
    waiting = next((one for one in record.pending if one.fingerprint == pin.fingerprint), None)
    if waiting is not None and pin.certificate is None:
        return Pin.of(waiting.certificate, pin.pinned_at)
    return replace(pin, record="")


def remove(record: Record, fingerprint: Fingerprint, now: datetime) -> Record:
    """Forget one certificate, be it pinned, pending or revoked; raises `TrustEditError` when it is not there.

    When it was the last pin, the next certificate is pinned on first use.
    """
    known: tuple[Known, ...] = (*record.pins, *record.pending, *record.revoked)
    found = [one for one in known if one.fingerprint == fingerprint]
    if not found:
        raise TrustEditError(
            phrase(
                "The trust store has no certificate with SHA-256 {fingerprint} for {origin}.",
                fingerprint=fingerprint,
                origin=record.origin,
            )
        )
    return _with(
        replace(
            record,
            pins=tuple(one for one in record.pins if one not in found),
            pending=tuple(one for one in record.pending if one not in found),
            revoked=tuple(one for one in record.revoked if one not in found),
        ),
        now,
        *((Happening.REMOVED, one) for one in found),
    )


def forget(record: Record, now: datetime) -> Record:
    """Remove all pins and pending certificates, so that the next one is pinned on first use.

    What was revoked stays revoked.
    """
    gone: tuple[Known, ...] = (*record.pins, *record.pending)
    return _with(
        replace(record, pins=(), pending=(), first_use=True), now, *((Happening.REMOVED, one) for one in gone)
    )


def revoke(record: Record, fingerprint: Fingerprint, now: datetime) -> Record:
    """Never accept this certificate again, whether it is known or not.

    When it was the last pin, nothing is pinned on first use until a person approves or adds, or forgets all pins.
    """
    if any(one.fingerprint == fingerprint for one in record.revoked):
        return record
    known: tuple[Pin | Pending, ...] = (*record.pins, *record.pending)
    found = next((one for one in known if one.fingerprint == fingerprint), None)
    pins = tuple(one for one in record.pins if one.fingerprint != fingerprint)
    revocation = Revocation(fingerprint, now, found.certificate if found else None)
    return _with(
        replace(
            record,
            pins=pins,
            pending=tuple(one for one in record.pending if one.fingerprint != fingerprint),
            revoked=(*record.revoked, revocation),
            first_use=record.first_use and (bool(pins) or not record.pins),
        ),
        now,
        (Happening.REVOKED, found or revocation),
    )


# --- parts ----------------------------------------------------------------------------------------------


def _renewed(record: Record, old: Pin, certificate: Certificate, now: datetime) -> Record:
    new = Pin.of(certificate, now)
    return _with(
        replace(
            record,
            pins=tuple(new if pin is old else pin for pin in record.pins),
            pending=tuple(one for one in record.pending if one.fingerprint != certificate.fingerprint),
        ),
        now,
        (Happening.REPLACED, old),
        (Happening.RENEWED, certificate),
    )


def _with(record: Record, now: datetime, *happened: tuple[Happening, Certificate | Known]) -> Record:
    events = tuple(Event(now, happening, one.fingerprint, _subject(one)) for happening, one in happened)
    return replace(record, history=(*record.history, *events))


def _subject(one: Certificate | Known) -> str:
    if isinstance(one, Pin):
        return one.subject[:_LONGEST_SUBJECT]
    certificate = one if isinstance(one, Certificate) else one.certificate
    return certificate.description.subject[:_LONGEST_SUBJECT] if certificate is not None else ""
