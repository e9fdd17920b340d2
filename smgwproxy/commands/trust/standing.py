"""What a record says of one certificate. Pure."""

from __future__ import annotations

from enum import StrEnum

from smgwproxy.certificate import Certificate, Fingerprint
from smgwproxy.truststores.record import Record


class Standing(StrEnum):
    """What was decided of a certificate."""

    CURRENT = "current"
    """It is the pin that the gateway's certificate is compared with first."""
    BACKUP = "backup"
    """It is a further pin, accepted as well."""
    PENDING = "pending"
    """It was refused and waits for a person."""
    REVOKED = "revoked"
    """It is never accepted again."""
    UNKNOWN = "unknown"
    """The record does not know it."""


def standing(record: Record, fingerprint: Fingerprint) -> Standing:
    """Tell what ``record`` says of the certificate with ``fingerprint``."""
    places = (
        (Standing.CURRENT, [one.fingerprint for one in record.pins[:1]]),
        (Standing.BACKUP, [one.fingerprint for one in record.pins[1:]]),
        (Standing.PENDING, [one.fingerprint for one in record.pending]),
        (Standing.REVOKED, [one.fingerprint for one in record.revoked]),
    )
    return next((place for place, known in places if fingerprint in known), Standing.UNKNOWN)


def has_pinned_key(record: Record, certificate: Certificate) -> bool:
    """Tell whether ``certificate`` has the key of a pin, without being it."""
    return any(
        pin.fingerprint != certificate.fingerprint and certificate.has_key_of(pin.certificate)
        for pin in record.pins
    )


def has_revoked_key(record: Record, certificate: Certificate) -> bool:
    """Tell whether ``certificate`` has the key of one that was revoked, without being it."""
    return any(
        one.fingerprint != certificate.fingerprint and certificate.has_key_of(one.certificate)
        for one in record.revoked
    )
