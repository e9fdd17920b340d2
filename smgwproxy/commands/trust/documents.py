"""What ``--json`` answers, one document a command. Pure.

Keys only ever get more. Fingerprints are SHA-256 in lower-case hex, times ISO 8601 with their time zone,
certificates PEM; what is not known is null, and texts that are not known are empty.

``certificate``: ``fingerprint``, ``subject``, ``issuer``, ``not_before``, ``not_after``, ``dns_names`` (list),
``key`` (text), ``certificate`` (PEM). A ``pin`` has beside these ``pinned_at``, ``kept_in`` (text) and ``warning``
(text: that it ends soon or has ended); a ``pending`` one ``first_seen``, ``last_seen``, ``times`` (number),
``same_key`` (true when a pin has its key) and ``revoked_key``; a ``revoked`` one ``revoked_at``.

``record``: ``gateway`` (text), ``pins`` (the current one first), ``pending``, ``revoked`` (lists), ``first_use``
(whether the next certificate is pinned by itself when there is no pin).

- ``list``: ``gateways`` (each a ``record`` with ``error``, or ``gateway`` and ``error`` where it cannot be read),
  ``warnings`` (texts).
- ``show``: a ``record``.
- ``scan``: ``gateway``, ``presented`` (a ``certificate``), ``standing`` (``current``, ``backup``, ``pending``,
  ``revoked`` or ``unknown``), ``same_key``, ``revoked_key``.
- ``approve``, ``add``, ``remove``, ``revoke``: ``changed``, and the ``record`` as it is now.
- ``history``: ``events``, each with ``gateway``, ``at``, ``happening``, ``fingerprint``, ``subject``; ``errors``
  (a text for each gateway that cannot be read).
- ``export`` to a file: ``file``, ``gateways`` (their names); to stdout it is the export itself, with ``format``,
  ``version``, ``exported_at`` and ``gateways`` (name to record, in the file store's form).
- ``import``: ``gateways``, each a ``record`` with ``changed``.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from smgwproxy.certificate import Certificate
from smgwproxy.commands.text import described
from smgwproxy.commands.trust.standing import has_pinned_key, has_revoked_key, standing
from smgwproxy.origin import Origin
from smgwproxy.truststores.record import Known, Pin, Record

Document = dict[str, Any]


def certificate(one: Certificate | Known) -> Document:
    """Return the document of a certificate, as far as it is known."""
    told = described(one)
    known = one if isinstance(one, Certificate) else one.certificate
    return {
        "fingerprint": str(one.fingerprint),
        "subject": told.subject,
        "issuer": told.issuer,
        "not_before": _time(told.not_before),
        "not_after": _time(told.not_after),
        "dns_names": list(told.dns_names),
        "key": told.key,
        "certificate": known.pem if known is not None else None,
    }


def record(one: Record, now: datetime) -> Document:
    """Return the document of a record, its history left out."""
    return {
        "gateway": str(one.origin),
        "pins": [_pin(pin, now) for pin in one.pins],
        "pending": [
            {
                **certificate(pending),
                "first_seen": _time(pending.first_seen),
                "last_seen": _time(pending.last_seen),
                "times": pending.times,
                **_keys(one, pending.certificate),
            }
            for pending in one.pending
        ],
        "revoked": [{**certificate(revoked), "revoked_at": _time(revoked.revoked_at)} for revoked in one.revoked],
        "first_use": one.first_use,
    }


def listed(one: Record, now: datetime) -> Document:
    """Return one gateway of ``list``."""
    return {**record(one, now), "error": ""}


def unreadable(origin: Origin, error: Exception) -> Document:
    """Return one gateway of ``list`` whose record cannot be read."""
    return {"gateway": str(origin), "error": str(error)}


def scanned(one: Record, presented: Certificate) -> Document:
    """Return the document of ``scan``."""
    return {
        "gateway": str(one.origin),
        "presented": certificate(presented),
        "standing": str(standing(one, presented.fingerprint)),
        **_keys(one, presented),
    }


def edited(one: Record, now: datetime, *, changed: bool) -> Document:
    """Return the document of what edits."""
    return {"changed": changed, **record(one, now)}


def history(records: Sequence[Record], errors: Sequence[str] = ()) -> Document:
    """Return the document of ``history``."""
    return {
        "events": [
            {
                "gateway": str(one.origin),
                "at": _time(event.at),
                "happening": str(event.happening),
                "fingerprint": str(event.fingerprint),
                "subject": event.subject,
            }
            for one in records
            for event in one.history
        ],
        "errors": list(errors),
    }


def _pin(pin: Pin, now: datetime) -> Document:
    return {
        **certificate(pin),
        "pinned_at": _time(pin.pinned_at),
        "kept_in": pin.record,
        "warning": pin.ending(now),
    }


def _keys(one: Record, other: Certificate) -> Document:
    return {"same_key": has_pinned_key(one, other), "revoked_key": has_revoked_key(one, other)}


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat(timespec="seconds")
