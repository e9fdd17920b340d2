"""What becomes of a record when one from elsewhere is imported."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from smgwproxy.certificate import Certificate, Fingerprint
from smgwproxy.errors import TrustEditError
from smgwproxy.origin import Origin
from smgwproxy.renewal import Renewal
from smgwproxy.truststores import rules
from smgwproxy.truststores.record import Event, Happening, Pin, Record
from smgwproxy.truststores.restoring import restore
from tests.support import Identity

ORIGIN = Origin("10.11.120.2")
EMPTY = Record(ORIGIN)
GIVEN = Fingerprint("a" * 64)
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(1)
A, B, C, D = (Certificate(letter) for letter in (b"a", b"b", b"c", b"d"))


def pinned(*certificates: Certificate) -> Record:
    record = rules.first_use(EMPTY, certificates[0], NOW)
    for one in certificates[1:]:
        record = rules.add(record, Pin.of(one), NOW)
    return record


def refused(record: Record, certificate: Certificate, now: datetime = NOW) -> Record:
    return rules.presented(record, certificate, now, Renewal.ASK)


def pins(record: Record) -> list[Certificate | None]:
    return [pin.certificate for pin in record.pins]


def test_empty_record_is_restored_as_it_was() -> None:
    exported = rules.revoke(refused(pinned(A, B), C, LATER), D.fingerprint, NOW)
    assert restore(EMPTY, exported, LATER) == exported
    assert restore(exported, exported, LATER) == exported


def test_revocations_of_both_sides_hold_after_restoring() -> None:
    here = rules.revoke(EMPTY, A.fingerprint, LATER)
    restored = restore(here, rules.revoke(pinned(A, B), C.fingerprint, NOW), LATER)
    assert pins(restored) == [B]
    assert {one.fingerprint for one in restored.revoked} == {A.fingerprint, C.fingerprint}


def test_history_of_both_sides_is_kept_in_order() -> None:
    restored = restore(refused(EMPTY, D, LATER), pinned(A), LATER)
    assert [(str(event.happening), event.fingerprint) for event in restored.history] == [
        ("pinned", A.fingerprint),
        ("refused", D.fingerprint),
    ]
    assert [one.certificate for one in restored.pending] == [D]


@pytest.mark.parametrize("replacing", [True, False])
def test_restoring_never_opens_first_use(replacing: bool) -> None:
    revoked = rules.revoke(pinned(A), A.fingerprint, NOW)
    here = rules.revoke(EMPTY, A.fingerprint, NOW)
    assert here.first_use
    for record, imported in ((EMPTY, revoked), (revoked, EMPTY), (here, pinned(A))):
        after = restore(record, imported, LATER, replacing=replacing)
        assert (after.pins, after.first_use) == ((), False)
    assert restore(EMPTY, EMPTY, LATER, replacing=replacing).first_use


def test_pin_that_is_revoked_elsewhere_leaves_no_first_use_behind() -> None:
    after = restore(pinned(A), rules.revoke(EMPTY, A.fingerprint, NOW), LATER, replacing=True)
    assert (after.pins, after.first_use) == ((), False)


def test_what_is_taken_over_into_an_empty_record_is_what_was_exported(
    identity: Identity, impostor: Identity
) -> None:
    exported = refused(pinned(identity.certificate), impostor.certificate)
    assert restore(Record(ORIGIN), exported, NOW + timedelta(1)) == exported


def test_what_is_taken_over_twice_changes_nothing_the_second_time(identity: Identity) -> None:
    brought = Record(ORIGIN, (Pin.of(identity.certificate, record="elsewhere"),))
    once = restore(Record(ORIGIN), brought, NOW)
    assert once.pins == (Pin.of(identity.certificate, NOW),)
    assert once.history == (Event(NOW, Happening.ADDED, identity.certificate.fingerprint, "CN=SMGW"),)
    assert restore(once, brought, NOW + timedelta(1)) == once


def test_what_is_known_of_a_pin_is_not_lost_to_a_record_that_knows_less(identity: Identity) -> None:
    here = pinned(identity.certificate)
    assert restore(here, Record(ORIGIN, (Pin(identity.certificate.fingerprint),)), NOW + timedelta(1)) == here


def test_another_pin_in_force_is_named_and_stays(identity: Identity, impostor: Identity) -> None:
    brought = Record(ORIGIN, (Pin.of(impostor.certificate),))
    with pytest.raises(TrustEditError, match=f"{identity.certificate.fingerprint}.*--replace"):
        restore(pinned(identity.certificate), brought, NOW)


def test_another_pin_in_force_is_removed_when_that_is_wanted_and_history_tells(
    identity: Identity, impostor: Identity
) -> None:
    brought = Record(ORIGIN, (Pin.of(impostor.certificate),))
    after = restore(pinned(identity.certificate), brought, NOW, replacing=True)
    assert [pin.fingerprint for pin in after.pins] == [impostor.certificate.fingerprint]
    assert [event.happening for event in after.history] == [Happening.PINNED, Happening.REMOVED, Happening.ADDED]


def test_what_is_revoked_here_is_not_pinned_by_taking_it_over(identity: Identity) -> None:
    here = rules.revoke(pinned(identity.certificate), identity.certificate.fingerprint, NOW)
    after = restore(here, pinned(identity.certificate), NOW)
    assert after.pins == ()
    assert not after.first_use


def test_a_record_without_pins_takes_none_away_here(identity: Identity, impostor: Identity) -> None:
    here = pinned(identity.certificate)
    elsewhere = refused(rules.revoke(Record(ORIGIN), GIVEN, NOW), identity.certificate)
    elsewhere = refused(elsewhere, impostor.certificate)
    for replacing in (False, True):
        after = restore(here, elsewhere, NOW, replacing=replacing)
        assert after.pins == here.pins
        assert [one.certificate for one in after.pending] == [impostor.certificate]
        assert [one.fingerprint for one in after.revoked] == [GIVEN]


def test_a_pin_that_was_revoked_elsewhere_is_taken_away_only_when_told_and_nothing_is_pinned_by_itself(
    identity: Identity,
) -> None:
    here = pinned(identity.certificate)
    elsewhere = rules.revoke(here, identity.certificate.fingerprint, NOW)
    with pytest.raises(TrustEditError, match="--replace"):
        restore(here, elsewhere, NOW)
    after = restore(here, elsewhere, NOW, replacing=True)
    assert (after.pins, after.first_use) == ((), False)


def test_a_pinned_gateway_never_becomes_one_of_first_use(identity: Identity, impostor: Identity) -> None:
    here = rules.revoke(pinned(identity.certificate), impostor.certificate.fingerprint, NOW)
    with pytest.raises(TrustEditError, match=r"is revoked here.*Nothing was changed\."):
        restore(here, pinned(impostor.certificate), NOW, replacing=True)
