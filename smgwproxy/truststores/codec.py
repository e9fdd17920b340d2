"""Records as JSON: the original proxy's keys with more beside them. For the file store, exports and plug-ins."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from smgwproxy.certificate import Certificate, Fingerprint
from smgwproxy.contents import Description
from smgwproxy.origin import Origin
from smgwproxy.phrases import phrase
from smgwproxy.truststores.record import Event, Happening, Pending, Pin, Record, Revocation, go_time

_NONE = ""


def to_json(record: Record) -> dict[str, Any]:
    """Return ``record`` as what `json.dumps` takes.

    The current pin's keys come first, the original's all of them always there; its fingerprint is empty when no
    pin is in force, which the original refuses as well. The origin is not in it.
    """
    current, *backups = record.pins or (None,)
    return {
        **_pin(current),
        **_unless_empty("backups", [_pin(pin) for pin in backups]),
        **_unless_empty("pending", [_pending(one) for one in record.pending]),
        **_unless_empty("revoked", [_revocation(one) for one in record.revoked]),
        **_unless_empty("history", [_event(one) for one in record.history]),
        # An empty fingerprint alone is a damaged record: this key says that it is meant.
        **({"first_use": record.first_use} if current is None or not record.first_use else {}),
    }


def from_json(origin: Origin, document: object, place: str = "") -> Record:
    """Read a record of ``origin``, the original's or `to_json`'s; ``place`` is told in its pins.

    Raises `ValueError`, `TypeError` or `KeyError` for anything that is not one.
    """
    table = _table(document)
    first_use = table.get("first_use", True)
    if not isinstance(first_use, bool):
        raise TypeError(phrase("first_use is neither true nor false"))
    no_pin = table["fingerprint"] == _NONE and "first_use" in table
    backups = [_read_pin(one, place) for one in _list(table, "backups")]
    if no_pin and (backups or "certificate" in table or "pinned_at" in table):
        raise ValueError(phrase("there are parts of a pin and no fingerprint"))
    return Record(
        origin,
        () if no_pin else (_read_pin(table, place), *backups),
        tuple(_read_pending(_table(one)) for one in _list(table, "pending")),
        tuple(_read_revocation(_table(one)) for one in _list(table, "revoked")),
        tuple(_read_event(_table(one)) for one in _list(table, "history")),
        first_use,
    )


# --- writing --------------------------------------------------------------------------------------------


def _pin(pin: Pin | None) -> dict[str, Any]:
    if pin is None:
        return {"fingerprint": _NONE, **_described(None)}
    return {
        "fingerprint": str(pin.fingerprint),
        **_described(pin.certificate),
        **({"subject": pin.subject, "not_after": pin.not_after} if pin.certificate is None else {}),
        **({"pinned_at": _time(pin.pinned_at)} if pin.pinned_at is not None else {}),
    }


def _described(certificate: Certificate | None) -> dict[str, Any]:
    told = certificate.description if certificate is not None else Description()
    return {
        "subject": told.subject,
        "issuer": told.issuer,
        "not_before": go_time(told.not_before),
        "not_after": go_time(told.not_after),
        "dns_names": list(told.dns_names),
        **({"certificate": certificate.pem} if certificate is not None else {}),
    }


def _pending(one: Pending) -> dict[str, Any]:
    return {
        "fingerprint": str(one.fingerprint),
        **_described(one.certificate),
        "first_seen": _time(one.first_seen),
        "last_seen": _time(one.last_seen),
        "times": one.times,
    }


def _revocation(one: Revocation) -> dict[str, Any]:
    return {
        "fingerprint": str(one.fingerprint),
        "revoked_at": _time(one.revoked_at),
        **({"certificate": one.certificate.pem} if one.certificate is not None else {}),
    }


def _event(event: Event) -> dict[str, Any]:
    return {
        "at": _time(event.at),
        "happening": str(event.happening),
        "fingerprint": str(event.fingerprint),
        "subject": event.subject,
    }


def _unless_empty(key: str, values: list[dict[str, Any]]) -> dict[str, Any]:
    return {key: values} if values else {}


def _time(moment: datetime) -> str:
    if moment.tzinfo is None:  # it could not be read again
        raise ValueError(phrase("a time without a time zone"))
    return moment.isoformat(timespec="seconds")


# --- reading --------------------------------------------------------------------------------------------


def _read_pin(document: object, place: str) -> Pin:
    table = _table(document)
    certificate = _certificate(table) if "certificate" in table else None
    pinned_at = _moment(table, "pinned_at") if "pinned_at" in table else None
    return Pin(
        _fingerprint(table),
        certificate,
        pinned_at,
        subject=str(table.get("subject", "")),
        not_after=str(table.get("not_after", "")),
        record=place,
    )


def _read_pending(table: dict[str, Any]) -> Pending:
    times = table["times"]
    if isinstance(times, bool) or not isinstance(times, int) or times < 1:
        raise ValueError(phrase("times is no number of times"))
    return Pending(_certificate(table), _moment(table, "first_seen"), _moment(table, "last_seen"), times)


def _read_revocation(table: dict[str, Any]) -> Revocation:
    certificate = _certificate(table) if "certificate" in table else None
    return Revocation(_fingerprint(table), _moment(table, "revoked_at"), certificate)


def _read_event(table: dict[str, Any]) -> Event:
    return Event(
        _moment(table, "at"), Happening(table["happening"]), _fingerprint(table), str(table.get("subject", ""))
    )


def _fingerprint(table: dict[str, Any]) -> Fingerprint:
    return Fingerprint(table["fingerprint"])


def _certificate(table: dict[str, Any]) -> Certificate:
    certificate = Certificate.from_pem(str(table["certificate"]))
    if certificate.fingerprint != _fingerprint(table):
        raise ValueError(phrase("the certificate is not the one of the fingerprint"))
    return certificate


def _moment(table: dict[str, Any], key: str) -> datetime:
    moment = datetime.fromisoformat(table[key])
    if moment.tzinfo is None:
        raise ValueError(phrase("{key} has no time zone", key=key))
    return moment


def _list(table: dict[str, Any], key: str) -> list[object]:
    values = table.get(key, [])
    if not isinstance(values, list):
        raise TypeError(phrase("{key} is no list", key=key))
    return values


def _table(document: object) -> dict[str, Any]:
    if not isinstance(document, dict):
        raise TypeError(phrase("not a JSON object"))
    return document
