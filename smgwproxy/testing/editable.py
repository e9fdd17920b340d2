"""The claims that every store must keep whose records people can see and edit."""

# ruff: noqa: S101  # pytest explains assertions

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import ClassVar

import pytest

from smgwproxy.errors import CertificateRevoked, PinRefused
from smgwproxy.renewal import Renewal
from smgwproxy.testing.contract import FIRST, SECOND, TrustStoreContract, of_first_use, stands
from smgwproxy.testing.experiments import changed_together, killed_changing, told
from smgwproxy.testing.processes import apart
from smgwproxy.testing.samples import (
    CERTIFICATES,
    NOW,
    ORIGIN,
    ORIGINS,
    SHAPES,
    next_number,
    number_of,
    numbered,
    plain,
    shape,
    with_the_same_key,
)
from smgwproxy.testing.together import in_greenlets, in_threads
from smgwproxy.testing.watching import watched
from smgwproxy.truststores import EditableTrustStore, Record, open_truststore, rules
from smgwproxy.truststores.base import named_files
from smgwproxy.truststores.record import Known

Together = Callable[[Sequence[Callable[[], int]]], list[int]]


class _Interrupted(BaseException):
    """What a deadline of gevent raises is no `Exception` either."""


class EditableTrustStoreContract(TrustStoreContract):
    """What a store keeps that is derived from `EditableTrustStore`. Derive a class ``Test...`` with `spec`."""

    readers: ClassVar[int] = 4
    """How many processes read while as many as `threads` write."""

    @pytest.fixture
    def editable(self, spec: str) -> EditableTrustStore:
        """Open the store."""
        return _open(spec)

    # --- what it is -------------------------------------------------------------------------------------

    def test_it_is_an_editable_trust_store(self, editable: EditableTrustStore) -> None:
        """It has the methods of the protocol, and its warnings are sentences."""
        assert isinstance(editable, EditableTrustStore)
        assert all(isinstance(warning, str) and warning for warning in editable.warnings())
        assert not isinstance(editable.warnings(), str)

    def test_a_fresh_store_knows_no_gateway(self, editable: EditableTrustStore) -> None:
        """There is no record, and asking makes none."""
        assert [editable.record(origin) for origin in ORIGINS] == [Record(origin) for origin in ORIGINS]
        assert list(editable.origins()) == []

    # --- records ----------------------------------------------------------------------------------------

    @pytest.mark.parametrize("name", SHAPES)
    def test_a_record_is_kept_as_it_was_put(self, spec: str, editable: EditableTrustStore, name: str) -> None:
        """Records of every shape are returned equal, apart from where they are kept, over those of every other."""
        record = shape(name)
        for before in (Record(ORIGIN), shape("everything"), shape("no-first-use-only")):
            _put(editable, before)
            assert plain(_put(editable, record)) == record
            for store in (editable, _open(spec)):
                assert plain(store.record(ORIGIN)) == record
                assert list(store.lookup(ORIGIN)) == list(store.record(ORIGIN).pins)

    @pytest.mark.parametrize("kind", CERTIFICATES)
    def test_certificates_are_kept_byte_for_byte_in_a_record(
        self, spec: str, editable: EditableTrustStore, kind: str
    ) -> None:
        """Whether they are pinned, pending or revoked."""
        certificate = CERTIFICATES[kind]()
        for edit in (
            partial(rules.presented, certificate=certificate, now=NOW, renewal=Renewal.ASK),
            partial(rules.approve, fingerprint=certificate.fingerprint, now=NOW),
            partial(rules.revoke, fingerprint=certificate.fingerprint, now=NOW),
        ):
            record = plain(editable.change(ORIGIN, edit))
            known: tuple[Known, ...] = (*record.pins, *record.pending, *record.revoked)
            assert [one.certificate for one in known] == [certificate]
            assert plain(_open(spec).record(ORIGIN)) == record

    def test_records_of_gateways_are_kept_apart(self, spec: str, editable: EditableTrustStore) -> None:
        """Each has its own."""
        put = {origin: numbered(origin, number) for number, origin in enumerate(ORIGINS, start=1)}
        for record in reversed(put.values()):
            _put(editable, record)
        for store in (editable, _open(spec)):
            assert {origin: plain(store.record(origin)) for origin in ORIGINS} == put
            assert set(store.origins()) == set(ORIGINS)

    def test_origins_are_listed_in_the_order_of_their_names(self, spec: str, editable: EditableTrustStore) -> None:
        """Those with a record, whatever is in it: it need not have a pin."""
        names = ("pending-only", "no-first-use-only", "history-only", "pin")
        for number, origin in reversed(list(enumerate(ORIGINS))):
            _put(editable, shape(names[number % len(names)], origin))
        for store in (editable, _open(spec)):
            assert [str(origin) for origin in store.origins()] == [str(origin) for origin in ORIGINS]

    # --- changes ----------------------------------------------------------------------------------------

    def test_an_edit_gets_the_record_as_it_is_now(self, spec: str, editable: EditableTrustStore) -> None:
        """Also when another opening has changed it, which the next look-up sees at once."""
        other = _open(spec)
        for number, (one, another) in enumerate([(editable, other), (other, editable)] * 4):
            seen: list[int] = []

            def edit(record: Record, seen: list[int] = seen) -> Record:
                seen.append(number_of(record))
                return next_number(record)

            assert number_of(one.change(ORIGIN, edit)) == number + 1
            assert set(seen) == {number}
            assert number_of(another.record(ORIGIN)) == number_of(one.record(ORIGIN)) == number + 1

    def test_pins_stand_no_longer_once_they_were_changed(self, spec: str, editable: EditableTrustStore) -> None:
        """Whichever opening has changed them, and whatever record was in force before."""
        other = _open(spec)
        for name in (*SHAPES, *reversed(SHAPES)):
            for changing, asked in ((editable, other), (other, editable)):
                before = asked.lookup(ORIGIN)
                _put(changing, shape(name))
                after = asked.lookup(ORIGIN)
                assert list(after) == list(changing.lookup(ORIGIN))
                assert not stands(before) or list(before) == list(after)

    def test_files_that_pins_name_tell_of_every_change(self, spec: str, editable: EditableTrustStore) -> None:
        """Whatever becomes of a record happens to them, and then its pins stand no longer, be they the same."""
        other = _open(spec)
        for name in (*SHAPES, *reversed(SHAPES)):
            pins, record = editable.lookup(ORIGIN), editable.record(ORIGIN)
            with watched(pins) as something_happened:
                changed = _put(other, shape(name)) != record
                assert something_happened() or not changed
            assert not (changed and named_files(pins) is not None and stands(pins))

    @pytest.mark.parametrize("kind", [ValueError, _Interrupted])
    @pytest.mark.parametrize("number", [0, 3])
    def test_an_edit_that_raises_changes_nothing(
        self, spec: str, editable: EditableTrustStore, number: int, kind: type[BaseException]
    ) -> None:
        """What it raises passes through as it is, and nobody is kept waiting afterwards."""
        error = kind("the edit's own")
        for _ in range(number):
            editable.change(ORIGIN, next_number)

        def edit(_: Record) -> Record:
            raise error

        with pytest.raises(kind) as caught:
            editable.change(ORIGIN, edit)
        assert caught.value is error
        for store in (editable, _open(spec)):
            assert number_of(store.record(ORIGIN)) == number
            assert list(store.origins()) == [ORIGIN] * bool(number)
        (put,) = in_threads([lambda: number_of(_open(spec).change(ORIGIN, next_number))])
        assert put == number + 1

    def test_an_edit_that_returns_its_argument_writes_nothing(self, editable: EditableTrustStore) -> None:
        """Neither a record where there was none, nor another one."""
        assert not editable.change(ORIGIN, lambda record: record)
        assert list(editable.origins()) == []
        before = _put(editable, shape("everything"))
        assert editable.change(ORIGIN, lambda record: record) == before
        assert editable.record(ORIGIN) == before

    # --- what people decide -----------------------------------------------------------------------------

    @of_first_use
    @pytest.mark.parametrize("kind", ["ordinary", "null-parameters"])
    def test_a_revoked_certificate_is_refused_for_ever(
        self, spec: str, editable: EditableTrustStore, kind: str
    ) -> None:
        """By first use as well, and so is another one with its key; a third certificate is taken."""
        certificate = CERTIFICATES[kind]()
        editable.pin(ORIGIN, certificate)
        editable.change(ORIGIN, partial(rules.revoke, fingerprint=certificate.fingerprint, now=NOW))
        editable.change(ORIGIN, partial(rules.forget, now=NOW))
        for store in (editable, _open(spec)):
            for refused in (certificate, with_the_same_key(certificate)):
                with pytest.raises(CertificateRevoked):
                    store.pin(ORIGIN, refused)
                assert list(store.lookup(ORIGIN)) == []
        assert told(editable.pin(ORIGIN, SECOND)) == str(SECOND.fingerprint)

    @of_first_use
    def test_after_the_last_pin_was_revoked_there_is_no_first_use(
        self, spec: str, editable: EditableTrustStore
    ) -> None:
        """An unknown certificate is refused then, until a person decides; of other gateways it is not."""
        editable.pin(ORIGIN, FIRST)
        editable.change(ORIGIN, partial(rules.revoke, fingerprint=FIRST.fingerprint, now=NOW))
        for store in (editable, _open(spec)):
            with pytest.raises(PinRefused):
                store.pin(ORIGIN, SECOND)
            assert list(store.lookup(ORIGIN)) == []
        other = next(origin for origin in ORIGINS if origin != ORIGIN)
        assert told(editable.pin(other, SECOND)) == str(SECOND.fingerprint)
        editable.change(ORIGIN, partial(rules.forget, now=NOW))
        assert told(editable.pin(ORIGIN, SECOND)) == str(SECOND.fingerprint)

    @of_first_use
    def test_first_use_keeps_the_record_of_it(self, editable: EditableTrustStore) -> None:
        """`pin` is the edit `rules.first_use`: the certificate, when it was, and its history are kept."""
        editable.pin(ORIGIN, FIRST)
        record = editable.record(ORIGIN)
        (pin,), (event,) = record.pins, record.history
        assert pin.certificate == FIRST
        assert pin.pinned_at == event.at
        assert plain(record) == rules.first_use(Record(ORIGIN), FIRST, event.at)
        editable.pin(ORIGIN, SECOND)
        assert editable.record(ORIGIN) == record

    # --- several at once --------------------------------------------------------------------------------

    @pytest.mark.parametrize("together", [in_threads, in_greenlets])
    def test_no_change_is_lost_between_threads_and_greenlets(self, spec: str, together: Together) -> None:
        """Changes at the same moment all count, each on top of another; some share an opening."""
        stores = [_open(spec) for _ in range(3)]
        for number in range(self.how_often()):
            put = together([partial(_count_on, stores[by % 3]) for by in range(self.threads)])
            assert sorted(put) == self._numbers(number), f"round {number}"
        assert number_of(stores[0].record(ORIGIN)) == self.how_often() * self.threads

    def test_no_change_is_lost_between_processes_and_readers_see_whole_records(self, spec: str) -> None:
        """As above between processes, while others read: each sees what one of them has put, never a mixture."""
        with apart(changed_together, spec, self.how_often(), self.threads, self.readers) as rounds:
            for number, put in enumerate(rounds):
                assert sorted(put) == self._numbers(number), f"round {number}"
        assert number_of(_open(spec).record(ORIGIN)) == self.how_often() * self.threads

    def test_a_process_killed_over_a_change_leaves_the_old_record_or_the_new_one(self, spec: str) -> None:
        """A change that was reported stays, a record is always whole, and the next change is not kept waiting."""
        store = _open(spec)
        with apart(killed_changing, spec, self.how_often()) as rounds:
            for number, outcome in enumerate(rounds):
                assert outcome.kept in (outcome.reported, outcome.reported + 1), f"round {number}"
                # A database may have been at the dead one's last change still when it was asked what it keeps.
                assert outcome.after in (outcome.kept + 1, outcome.reported + 2), f"round {number}"
                # The next process is at work already.
                assert number_of(store.record(ORIGIN)) >= outcome.after, f"round {number}"

    def _numbers(self, number: int) -> list[int]:
        return list(range(number * self.threads + 1, (number + 1) * self.threads + 1))


def _open(spec: str) -> EditableTrustStore:
    store = open_truststore(spec)
    assert isinstance(store, EditableTrustStore)
    return store


def _put(store: EditableTrustStore, record: Record) -> Record:
    return store.change(record.origin, lambda _: record)


def _count_on(store: EditableTrustStore) -> int:
    return number_of(store.change(ORIGIN, next_number))
