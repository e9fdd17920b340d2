"""What becomes of a record: claims on pure values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from smgwproxy.certificate import Certificate, Fingerprint
from smgwproxy.errors import CertificateRevoked, PinRefused, TrustEditError
from smgwproxy.origin import Origin
from smgwproxy.renewal import Renewal
from smgwproxy.truststores import rules
from smgwproxy.truststores.record import (
    Event,
    Happening,
    Pending,
    Pin,
    Record,
    Revocation,
    go_time,
    parse_go_time,
)
from tests.support import Identity, make_identity, make_theben_identity

ORIGIN = Origin("10.11.120.2")
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
EMPTY = Record(ORIGIN)
A, B, C, D = (Certificate(letter) for letter in (b"a", b"b", b"c", b"d"))


@pytest.fixture(scope="module")
def renewals(tmp_path_factory: pytest.TempPathFactory) -> tuple[Certificate, Certificate, Certificate]:
    """Three certificates of one key."""
    key = ec.generate_private_key(ec.SECP256R1())
    one, two, three = (
        make_identity(tmp_path_factory.mktemp("renewal"), key=key, days=days).certificate for days in (1, 2, 3)
    )
    return one, two, three


def pinned(*certificates: Certificate) -> Record:
    record = rules.first_use(EMPTY, certificates[0], NOW)
    for one in certificates[1:]:
        record = rules.add(record, Pin.of(one), NOW)
    return record


def seen(record: Record, certificate: Certificate, now: datetime = LATER, renewal: str = "ask") -> Record:
    return rules.presented(record, certificate, now, Renewal(renewal))


def pins(record: Record) -> list[Certificate | None]:
    return [pin.certificate for pin in record.pins]


def happened(record: Record) -> list[tuple[str, Fingerprint]]:
    return [(str(event.happening), event.fingerprint) for event in record.history]


# --- first use ------------------------------------------------------------------------------------------


def test_first_use_pins_once() -> None:
    record = rules.first_use(EMPTY, A, NOW)
    assert record.pins == (Pin(A.fingerprint, A, NOW),)
    assert record.history == (Event(NOW, Happening.PINNED, A.fingerprint),)
    assert rules.first_use(record, B, LATER) is record


def test_first_use_of_what_was_pending_ends_the_waiting() -> None:
    record = rules.first_use(seen(EMPTY, A), A, LATER)
    assert (pins(record), record.pending) == ([A], ())


def test_revoked_certificate_is_refused_by_first_use() -> None:
    record = rules.forget(rules.revoke(pinned(A), A.fingerprint, NOW), NOW)
    with pytest.raises(CertificateRevoked):
        rules.first_use(record, A, LATER)
    assert pins(rules.first_use(record, B, LATER)) == [B]


def test_another_certificate_of_a_revoked_key_is_refused_by_first_use(
    renewals: tuple[Certificate, Certificate, Certificate],
) -> None:
    one, two, _ = renewals
    record = rules.forget(rules.revoke(pinned(one), one.fingerprint, NOW), NOW)
    with pytest.raises(CertificateRevoked):
        rules.first_use(record, two, LATER)


def test_once_the_last_pin_is_revoked_first_use_is_over_until_a_person_decides() -> None:
    record = rules.revoke(pinned(A), A.fingerprint, NOW)
    with pytest.raises(PinRefused):
        rules.first_use(record, B, LATER)
    assert pins(rules.approve(seen(record, B), B.fingerprint, LATER)) == [B]
    assert pins(rules.add(record, Pin.of(B), LATER)) == [B]
    assert pins(rules.first_use(rules.forget(record, LATER), B, LATER)) == [B]


def test_revoking_an_unknown_certificate_leaves_first_use_to_others() -> None:
    record = rules.revoke(EMPTY, A.fingerprint, NOW)
    assert pins(rules.first_use(record, B, NOW)) == [B]
    assert record.revoked == (Revocation(A.fingerprint, NOW),)


def test_revoking_one_of_two_pins_leaves_the_other() -> None:
    record = rules.revoke(pinned(A, B), A.fingerprint, LATER)
    assert (pins(record), record.first_use) == ([B], True)
    assert rules.revoke(record, A.fingerprint, LATER) is record


def test_revoking_both_pins_one_by_one_ends_first_use() -> None:
    record = rules.revoke(rules.revoke(pinned(A, B), A.fingerprint, NOW), B.fingerprint, NOW)
    assert (pins(record), record.first_use) == ([], False)


# --- what is presented ------------------------------------------------------------------------------------


def test_refused_certificate_is_pending_with_its_times_and_told_once() -> None:
    record = seen(seen(pinned(A), B, NOW), B, LATER)
    assert record.pending == (Pending(B, NOW, LATER, 2),)
    assert happened(record) == [("pinned", A.fingerprint), ("refused", B.fingerprint)]
    assert pins(record) == [A]


def test_what_is_pinned_or_revoked_is_not_pending() -> None:
    record = rules.revoke(pinned(A, B), B.fingerprint, NOW)
    assert seen(record, A) is record
    assert seen(record, B) is record


def test_no_more_than_a_few_certificates_wait_and_the_last_seen_are_kept() -> None:
    record = pinned(A)
    for number in range(20):
        record = seen(record, Certificate(b"%d" % number), NOW + timedelta(minutes=number))
        record = seen(record, Certificate(b"0"), NOW + timedelta(minutes=number, seconds=30))
    assert len(record.pending) == rules.MOST_PENDING
    assert {one.certificate.der for one in record.pending} == {b"0", *(b"%d" % n for n in range(13, 20))}


def test_same_key_is_a_renewal_only_when_told(renewals: tuple[Certificate, Certificate, Certificate]) -> None:
    one, two, _ = renewals
    assert pins(seen(pinned(one), two)) == [one]
    record = seen(seen(pinned(one), two, NOW), two, LATER, "same-key")
    assert record.pins == (Pin.of(two, LATER),)
    assert record.pending == ()
    assert happened(record)[-2:] == [("replaced", one.fingerprint), ("renewed", two.fingerprint)]


def test_renewal_takes_the_place_of_the_pin_that_it_renews(
    renewals: tuple[Certificate, Certificate, Certificate],
) -> None:
    one, two, _ = renewals
    assert pins(seen(pinned(A, one, B), two, LATER, "same-key")) == [A, two, B]


def test_key_of_a_revoked_certificate_renews_nothing(
    renewals: tuple[Certificate, Certificate, Certificate],
) -> None:
    one, two, three = renewals
    record = seen(rules.revoke(pinned(one, two), one.fingerprint, NOW), three, LATER, "same-key")
    assert pins(record) == [two]
    assert [pending.certificate for pending in record.pending] == [three]


def test_another_key_or_one_that_is_not_known_is_never_a_renewal(
    renewals: tuple[Certificate, Certificate, Certificate], identity: Identity
) -> None:
    one, two, _ = renewals
    only_fingerprint = rules.add(EMPTY, Pin(one.fingerprint), NOW)
    for record, new in ((pinned(one), identity.certificate), (pinned(A), B), (only_fingerprint, two)):
        assert seen(record, new, LATER, "same-key").pins == record.pins


def test_certificates_that_strict_parsers_refuse_are_renewed_too(tmp_path: Path) -> None:
    theben = make_theben_identity(tmp_path).certificate
    assert theben.public_key is not None
    # another serial number: the same key in another certificate
    renewed = Certificate(theben.der.replace(b"\x02\x14", b"\x02\x14", 1)[:-1] + b"\0")
    assert renewed.public_key == theben.public_key
    assert pins(seen(pinned(theben), renewed, LATER, "same-key")) == [renewed]


def test_history_keeps_no_more_of_a_strangers_subject_than_a_person_reads(tmp_path: Path) -> None:
    record = seen(pinned(A), make_identity(tmp_path, "x" * 60).certificate)
    assert record.history[-1].subject == "CN=" + "x" * 60
    long = rules.add(EMPTY, Pin(A.fingerprint, subject="x" * 5000), NOW)
    assert len(long.history[-1].subject) == 200


def test_fingerprint_is_completed_with_its_certificate_and_no_other() -> None:
    record = rules.add(EMPTY, Pin(A.fingerprint, pinned_at=NOW, record="kept"), NOW)
    assert rules.completed(record, B) == record
    assert rules.completed(record, A).pins == (Pin(A.fingerprint, A, NOW),)
    assert rules.add(record, Pin.of(A), LATER) == rules.completed(record, A)
    assert rules.add(record, Pin(A.fingerprint), LATER) == record


# --- what a person decides ----------------------------------------------------------------------------------


def test_approved_certificate_takes_the_current_pins_place_and_backups_stay() -> None:
    record = rules.approve(seen(pinned(A, B), C), C.fingerprint, LATER)
    assert (pins(record), record.pending) == ([C, B], ())
    assert happened(record)[-2:] == [("replaced", A.fingerprint), ("approved", C.fingerprint)]


@pytest.mark.parametrize("certificate", [A, D], ids=["pinned", "unknown"])
def test_only_what_is_pending_can_be_approved(certificate: Certificate) -> None:
    with pytest.raises(TrustEditError, match="is pending for"):
        rules.approve(seen(pinned(A), B), certificate.fingerprint, LATER)


def test_revoked_certificate_can_neither_be_added_nor_wait() -> None:
    record = rules.revoke(seen(pinned(A), B), B.fingerprint, NOW)
    assert record.pending == ()
    assert record.revoked == (Revocation(B.fingerprint, NOW, B),)
    with pytest.raises(TrustEditError, match="is revoked"):
        rules.add(record, Pin.of(B), LATER)


def test_added_pin_is_a_backup_where_there_is_a_current_one() -> None:
    record = rules.add(seen(pinned(A), B), Pin.of(B), LATER)
    assert (pins(record), record.pending) == ([A, B], ())
    assert pins(rules.add(EMPTY, Pin.of(B), LATER)) == [B]


def test_removal_is_of_one_and_forgetting_of_all_but_what_is_revoked() -> None:
    record = rules.revoke(seen(pinned(A, B, C), D), C.fingerprint, NOW)
    assert pins(rules.remove(record, A.fingerprint, LATER)) == [B]
    assert rules.remove(record, D.fingerprint, LATER).pending == ()
    assert rules.remove(record, C.fingerprint, LATER).revoked == ()
    forgotten = rules.forget(record, LATER)
    assert (forgotten.pins, forgotten.pending, len(forgotten.revoked)) == ((), (), 1)
    assert set(happened(forgotten)[-3:]) == {("removed", one.fingerprint) for one in (A, B, D)}
    with pytest.raises(TrustEditError, match="has no certificate"):
        rules.remove(forgotten, A.fingerprint, LATER)


def test_fingerprint_that_is_pending_is_added_with_its_certificate() -> None:
    record = rules.add(seen(pinned(A), B), Pin(B.fingerprint), LATER)
    assert record.pins[1] == Pin.of(B, LATER)
    assert record.pending == ()


# --- whatever happens -----------------------------------------------------------------------------------

CERTIFICATES = st.sampled_from([A, B, C, D])
EDITS: st.SearchStrategy[Callable[[Record], Record]] = st.one_of(
    st.builds(lambda one: partial(rules.first_use, certificate=one, now=NOW), CERTIFICATES),
    st.builds(
        lambda one, renewal: partial(rules.presented, certificate=one, now=NOW, renewal=renewal),
        CERTIFICATES,
        st.sampled_from(Renewal),
    ),
    st.builds(lambda one: partial(rules.completed, certificate=one), CERTIFICATES),
    st.builds(lambda one: partial(rules.approve, fingerprint=one.fingerprint, now=NOW), CERTIFICATES),
    st.builds(lambda one: partial(rules.add, pin=Pin(one.fingerprint), now=NOW), CERTIFICATES),
    st.builds(lambda one: partial(rules.add, pin=Pin.of(one), now=NOW), CERTIFICATES),
    st.builds(lambda one: partial(rules.remove, fingerprint=one.fingerprint, now=NOW), CERTIFICATES),
    st.builds(lambda one: partial(rules.revoke, fingerprint=one.fingerprint, now=NOW), CERTIFICATES),
    st.just(partial(rules.forget, now=NOW)),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(EDITS, max_size=12))
def test_no_sequence_of_decisions_accepts_what_is_revoked_or_loses_history(edits: list[rules.Edit]) -> None:
    record = EMPTY
    for edit in edits:
        before = record
        try:
            record = edit(before)
        except (TrustEditError, PinRefused, CertificateRevoked):
            continue
        assert record.history[: len(before.history)] == before.history
        revoked = {one.fingerprint for one in record.revoked}
        assert not revoked & {pin.fingerprint for pin in record.pins}
        removed = isinstance(edit, partial) and edit.func == rules.remove
        assert removed or {one.fingerprint for one in before.revoked} <= revoked


# --- values ---------------------------------------------------------------------------------------------


def test_certificate_is_in_one_place_only() -> None:
    with pytest.raises(ValueError, match="twice"):
        Record(ORIGIN, pins=(Pin.of(A),), revoked=(Revocation(A.fingerprint, NOW),))


def test_empty_record_is_false_and_any_other_true() -> None:
    assert not EMPTY
    assert pinned(A)
    assert replace(EMPTY, first_use=False)


@pytest.mark.parametrize("days", [-400, -1, 0, 30, 60])
def test_certificate_that_has_ended_or_soon_will_is_told(tmp_path: Path, days: int) -> None:
    now = datetime.now(UTC)
    told = Pin.of(make_identity(tmp_path, days=days).certificate).ending(now + timedelta(hours=1))
    assert told.startswith("ended on " if days <= 0 else "ends on ")
    assert ("used all the same" in told) is (days <= 0)


def test_certificate_that_ends_later_or_when_is_not_known_is_not_told(tmp_path: Path) -> None:
    assert Pin.of(make_identity(tmp_path, days=62).certificate).ending(datetime.now(UTC)) == ""
    assert Pin(A.fingerprint, not_after="some day").ending(NOW) == ""


def test_end_is_known_from_the_originals_record_too() -> None:
    pin = Pin(A.fingerprint, not_after="2026-03-31 12:00:00 +0000 UTC")
    assert pin.ends == datetime(2026, 3, 31, 12, tzinfo=UTC)
    assert pin.ending(NOW) == "ends on 2026-03-31, in 30 days; the operator should renew it"


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2032-01-01 00:00:00 +0000 UTC", datetime(2032, 1, 1, tzinfo=UTC)),
        ("2032-01-01 01:00:00.123456789 +0100 CET", datetime(2032, 1, 1, tzinfo=UTC)),
        ("2032-13-01 00:00:00 +0000 UTC", None),
        ("9999-12-31 23:59:59 -0100 XXX", None),
        ("", None),
        ("soon", None),
    ],
)
def test_times_of_go_are_read(text: str, moment: datetime | None) -> None:
    assert parse_go_time(text) == moment


def test_times_are_written_as_go_does() -> None:
    assert go_time(None) == ""
    assert parse_go_time(go_time(NOW)) == NOW
