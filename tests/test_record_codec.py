"""Records as JSON: whatever is written is read again as it was, and whatever is damaged is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smgwproxy.certificate import Certificate, Fingerprint
from smgwproxy.demo.certificate import self_signed
from smgwproxy.origin import Origin
from smgwproxy.truststores.codec import from_json, to_json
from smgwproxy.truststores.record import Event, Happening, Pending, Pin, Record, Revocation

ORIGIN = Origin("10.11.120.2")
PLACE = "certs/10.11.120.2.json"
NOW = datetime(2026, 3, 1, 12, 30, 15, tzinfo=UTC)
ORDINARY = Certificate(self_signed("SMGW", dns_names=["smgw.local", "conexa.local"]).der)
THEBEN = Certificate(self_signed("Theben", curve="secp384r1", null_parameters=True).der)


# --- round trip -----------------------------------------------------------------------------------------

certificates = st.sampled_from([ORDINARY, THEBEN]) | st.binary(max_size=80).map(Certificate)
zones = st.integers(-24 * 60 + 1, 24 * 60 - 1).map(lambda minutes: timezone(timedelta(minutes=minutes)))
times = st.datetimes(timezones=st.just(UTC) | zones).map(lambda moment: moment.replace(microsecond=0))
texts = st.text(max_size=20)


@st.composite
def pins(draw: st.DrawFn, certificate: Certificate) -> Pin:
    pinned_at = draw(st.none() | times)
    if draw(st.booleans()):
        return Pin.of(certificate, pinned_at)
    return Pin(certificate.fingerprint, None, pinned_at, subject=draw(texts), not_after=draw(texts))


@st.composite
def records(draw: st.DrawFn) -> Record:
    different = st.lists(certificates, max_size=6, unique_by=lambda one: one.fingerprint)
    kinds: dict[str, list[Certificate]] = {"pin": [], "pending": [], "revoked": []}
    for certificate in draw(different):
        kinds[draw(st.sampled_from(list(kinds)))].append(certificate)
    events = st.builds(Event, times, st.sampled_from(Happening), certificates.map(fingerprint_of), texts)
    return Record(
        ORIGIN,
        tuple(draw(pins(one)) for one in kinds["pin"]),
        tuple(Pending(one, draw(times), draw(times), draw(st.integers(1))) for one in kinds["pending"]),
        tuple(
            Revocation(one.fingerprint, draw(times), draw(st.sampled_from([one, None])))
            for one in kinds["revoked"]
        ),
        tuple(draw(st.lists(events, max_size=3))),
        draw(st.booleans()),
    )


def fingerprint_of(certificate: Certificate) -> Fingerprint:
    return certificate.fingerprint


def written(record: Record) -> Any:
    return json.loads(json.dumps(to_json(record)))


@settings(deadline=None)
@given(records())
def test_what_is_written_is_read_again_as_it_was(record: Record) -> None:
    kept = replace(record, pins=tuple(replace(pin, record=PLACE) for pin in record.pins))
    assert from_json(ORIGIN, written(record), PLACE) == kept
    assert written(kept) == written(record)


@settings(deadline=None, max_examples=30)
@given(records())
def test_the_originals_keys_are_always_there_and_of_its_types(record: Record) -> None:
    """It decodes them into five strings and a list of strings, and refuses a fingerprint that is empty."""
    document = written(record)
    keys = ["fingerprint", "subject", "issuer", "not_before", "not_after", "dns_names"]
    assert list(document)[:6] == keys
    assert all(isinstance(document[key], str) for key in keys[:5])
    assert all(isinstance(name, str) for name in document["dns_names"])
    assert bool(document["fingerprint"]) is bool(record.pins)


def test_the_record_of_a_pin_tells_what_the_original_tells() -> None:
    assert to_json(Record(ORIGIN, (Pin.of(ORDINARY, NOW),))) == {
        "fingerprint": str(ORDINARY.fingerprint),
        "subject": "CN=SMGW",
        "issuer": "CN=SMGW",
        "not_before": "2024-01-01 00:00:00 +0000 UTC",
        "not_after": "2044-01-01 00:00:00 +0000 UTC",
        "dns_names": ["smgw.local", "conexa.local"],
        "certificate": ORDINARY.pem,
        "pinned_at": "2026-03-01T12:30:15+00:00",
    }


def test_that_nothing_is_pinned_is_told_so_that_it_is_no_damage() -> None:
    nothing = {"subject": "", "issuer": "", "not_before": "", "not_after": "", "dns_names": []}
    assert to_json(Record(ORIGIN)) == {"fingerprint": "", **nothing, "first_use": True}
    assert to_json(Record(ORIGIN, first_use=False)) == {"fingerprint": "", **nothing, "first_use": False}


def test_a_time_that_could_not_be_read_again_is_not_written() -> None:
    naive = NOW.replace(tzinfo=None)
    for record in (
        Record(ORIGIN, (Pin.of(ORDINARY, naive),)),
        Record(ORIGIN, pending=(Pending(ORDINARY, NOW, naive),)),
        Record(ORIGIN, revoked=(Revocation(ORDINARY.fingerprint, naive),)),
        Record(ORIGIN, history=(Event(naive, Happening.ADDED, ORDINARY.fingerprint),)),
    ):
        with pytest.raises(ValueError, match="time zone"):
            to_json(record)


# --- records of others ------------------------------------------------------------------------------------

# As smgwproxy 0.1 wrote it, which kept one pin and could not describe a certificate of Theben's.
BEFORE = """{
  "fingerprint": "28a0192ecd3922d61ddedffc1cc6dd330edaf8a8aa3383b8bd39a36a9956622a",
  "subject": "",
  "issuer": "",
  "not_before": "",
  "not_after": "",
  "dns_names": [],
  "certificate": "-----BEGIN CERTIFICATE-----\\n\
MIIBJTCByqADAgECAhQYnCJgBV1JtVHZ0M7njOw7iVCBCzAMBggqhkjOPQQDAgUA\\n\
MBExDzANBgNVBAMMBlRoZWJlbjAeFw0yNDAxMDEwMDAwMDBaFw00NDAxMDEwMDAw\\n\
MDBaMBExDzANBgNVBAMMBlRoZWJlbjBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IA\\n\
BJiEF0Zibd5oB8HAYxkZYAOYZcDIz+mPB6CR4nRFCwugJ7oo2vbKO1D7qQztaVIU\\n\
gtk2RnosMKHumN6oD4RlmA0wDAYIKoZIzj0EAwIFAANIADBFAiAlVgvvMTqPlxnG\\n\
DpAI76u+L4ch9AMnOXTpKgzqSzhvdwIhALtGVR1oPQxhnmu/buZt6pYjoeEt4fpi\\n\
vtsOuUrDWJ/D\\n-----END CERTIFICATE-----\\n",
  "pinned_at": "2026-03-01T12:30:15+01:00"
}
"""


def test_a_record_of_the_version_before_is_read() -> None:
    record = from_json(ORIGIN, json.loads(BEFORE), PLACE)
    (pin,) = record.pins
    assert str(pin.fingerprint) == "28a0192ecd3922d61ddedffc1cc6dd330edaf8a8aa3383b8bd39a36a9956622a"
    assert pin.certificate is not None
    assert pin.certificate.fingerprint == pin.fingerprint
    assert pin.pinned_at == datetime(2026, 3, 1, 11, 30, 15, tzinfo=UTC)
    assert (pin.subject, pin.not_after, pin.record) == ("", "", PLACE)
    assert record == Record(ORIGIN, (pin,))
    assert to_json(record)["subject"] == "CN=Theben"  # now it can be told


def test_a_record_of_the_original_is_read() -> None:
    document = {
        "fingerprint": "a" * 64,
        "subject": "CN=SMGW",
        "issuer": "CN=SMGW",
        "not_before": "2025-01-01 00:00:00 +0000 UTC",
        "not_after": "2035-01-01 00:00:00 +0000 UTC",
        "dns_names": None,
    }
    pin = Pin(Fingerprint("a" * 64), subject="CN=SMGW", not_after="2035-01-01 00:00:00 +0000 UTC")
    assert from_json(ORIGIN, document) == Record(ORIGIN, (pin,))


def test_a_fingerprint_alone_is_a_pin() -> None:
    assert from_json(ORIGIN, {"fingerprint": "a" * 64}) == Record(ORIGIN, (Pin(Fingerprint("a" * 64)),))


def test_keys_of_others_are_passed_over() -> None:
    document = {"fingerprint": "a" * 64, "comment": "in the cellar"}
    assert from_json(ORIGIN, document) == Record(ORIGIN, (Pin(Fingerprint("a" * 64)),))


# --- refusals -------------------------------------------------------------------------------------------


def der(name: str) -> dict[str, Any]:
    """Return what names a certificate in a record."""
    certificate = Certificate(name.encode())
    return {"fingerprint": str(certificate.fingerprint), "certificate": certificate.pem}


TIME = "2026-03-01T12:30:15+00:00"
GOOD: dict[str, Any] = {
    **der("current"),
    "pinned_at": TIME,
    "backups": [{**der("backup"), "pinned_at": TIME}],
    "pending": [{**der("pending"), "first_seen": TIME, "last_seen": TIME, "times": 1}],
    "revoked": [{**der("revoked"), "revoked_at": TIME}],
    "history": [{"at": TIME, "happening": "pinned", "fingerprint": "a" * 64, "subject": ""}],
    "first_use": True,
}
PARTS = {"pin": None, "backup": "backups", "pending": "pending", "revocation": "revoked", "event": "history"}


def with_change(part: str, change: Mapping[str, object]) -> dict[str, Any]:
    """Return the good record with other values of one part; the value ``...`` leaves the key out."""
    record: dict[str, Any] = json.loads(json.dumps(GOOD))
    key = PARTS[part]
    table: dict[str, Any] = record if key is None else record[key][0]
    table.update(change)
    for name in [name for name, value in table.items() if value is ...]:
        del table[name]
    return record


def test_the_good_record_is_good() -> None:
    record = from_json(ORIGIN, GOOD)
    assert [len(part) for part in (record.pins, record.pending, record.revoked, record.history)] == [2, 1, 1, 1]
    assert from_json(ORIGIN, with_change("revocation", {"certificate": ...})).revoked[0].certificate is None
    assert from_json(ORIGIN, with_change("event", {"subject": ...})).history == record.history


FINGERPRINTS: list[tuple[str, object]] = [
    ("missing", ...),
    ("null", None),
    ("number", 5),
    ("list", ["a" * 64]),
    ("table", {}),
    ("empty", ""),
    ("of-md5", "a" * 32),
    ("of-sha-1", "a" * 40),
    ("with-line-end", "a" * 64 + "\n"),
    ("in-capitals", "A" * 64),
    ("of-fullwidth-digits", "\uff11" * 64),
]
CERTIFICATES: list[tuple[str, object]] = [
    ("null", None),
    ("number", 5),
    ("empty", ""),
    ("half", Certificate(b"current").pem[:40]),
    ("two", Certificate(b"current").pem * 2),
    ("not-ascii", Certificate(b"current").pem.replace("Y", "\u00e4")),
    ("of-another-fingerprint", Certificate(b"y").pem),
]
TIMES: list[tuple[str, object]] = [
    ("null", None),
    ("number", 5),
    ("empty", ""),
    ("no-time", "yesterday"),
    ("without-zone", "2025-01-01T00:00:00"),
    ("a-day", "2025-01-01"),
    ("list", [TIME]),
]
NO_NUMBERS: list[object] = [0, -1, True, False, 1.0, "1", None, [1], float("nan"), float("inf")]
NO_HAPPENINGS: list[object] = ["", "Pinned", "forgotten", None, 5, [], {}]
NEITHER_TRUE_NOR_FALSE: list[object] = [None, 0, 1, "true", []]
NO_LISTS_OF_TABLES: list[object] = [None, {}, "x", 5, [None], [[]], ["x"], [{}]]
WRONG: list[tuple[str, str, str, object]] = [
    *((part, "fingerprint", *value) for part in PARTS for value in FINGERPRINTS),
    *((part, "fingerprint", "of-another", "b" * 64) for part in PARTS if part != "event"),
    *((part, "certificate", *value) for part in PARTS if part != "event" for value in CERTIFICATES),
    ("pending", "certificate", "missing", ...),
    *(
        (part, key, *value)
        for part, key in (
            ("pin", "pinned_at"),
            ("backup", "pinned_at"),
            ("pending", "first_seen"),
            ("pending", "last_seen"),
            ("revocation", "revoked_at"),
            ("event", "at"),
        )
        for value in TIMES
    ),
    *(
        (part, key, "missing", ...)
        for part, key in (
            ("pending", "first_seen"),
            ("pending", "last_seen"),
            ("pending", "times"),
            ("revocation", "revoked_at"),
            ("event", "at"),
            ("event", "happening"),
        )
    ),
    *(("pending", "times", str(value), value) for value in NO_NUMBERS),
    *(("event", "happening", str(value), value) for value in NO_HAPPENINGS),
    *(("pin", "first_use", str(value), value) for value in NEITHER_TRUE_NOR_FALSE),
    *(
        ("pin", key, str(value), value)
        for key in ("backups", "pending", "revoked", "history")
        for value in NO_LISTS_OF_TABLES
    ),
    *(
        ("pin", key, "one-twice", GOOD[key] * 2)
        for key in ("backups", "pending", "revoked")  # what happened may happen twice
    ),
]


@pytest.mark.parametrize(
    ("part", "key", "value"),
    [pytest.param(part, key, value, id=f"{part}-{key}-{name}") for part, key, name, value in WRONG],
)
def test_a_record_of_another_shape_is_refused(part: str, key: str, value: object) -> None:
    with pytest.raises((ValueError, TypeError, KeyError)):
        from_json(ORIGIN, with_change(part, {key: value}))


@pytest.mark.parametrize("part", ["backup", "pending", "revocation"])
def test_a_certificate_that_is_there_twice_is_refused(part: str) -> None:
    with pytest.raises(ValueError, match="twice"):
        from_json(ORIGIN, with_change(part, der("current")))


@pytest.mark.parametrize("document", [None, True, 5, "fingerprint", [], [["fingerprint", "a" * 64]], {}])
def test_what_is_no_table_with_a_fingerprint_is_refused(document: object) -> None:
    with pytest.raises((ValueError, TypeError, KeyError)):
        from_json(ORIGIN, document)


NO_PIN = {"fingerprint": "", "first_use": False}


def test_no_pin_is_read_where_it_is_meant() -> None:
    assert from_json(ORIGIN, NO_PIN) == Record(ORIGIN, first_use=False)
    assert from_json(ORIGIN, {"fingerprint": "", "first_use": True}) == Record(ORIGIN)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"first_use": ...}, id="without-the-key-that-says-so"),
        pytest.param({"fingerprint": None}, id="null"),
        pytest.param({"fingerprint": ...}, id="missing"),
        pytest.param({"backups": [der("backup")]}, id="backups-behind-nothing"),
        pytest.param({"certificate": Certificate(b"x").pem}, id="a-certificate-without-its-fingerprint"),
        pytest.param({"pinned_at": TIME}, id="pinned-but-not-what"),
    ],
)
def test_an_empty_fingerprint_is_damage_otherwise(change: dict[str, object]) -> None:
    document = {key: value for key, value in {**NO_PIN, **change}.items() if value is not ...}
    with pytest.raises((ValueError, TypeError, KeyError)):
        from_json(ORIGIN, document)
