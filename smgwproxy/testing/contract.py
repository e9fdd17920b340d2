"""The claims that every trust store must keep: look-ups and first use."""

# ruff: noqa: S101  # pytest explains assertions

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import ClassVar, TypeVar

import pytest

from smgwproxy.certificate import Certificate
from smgwproxy.errors import PinRefused
from smgwproxy.origin import Origin
from smgwproxy.testing.experiments import first_use_together, killed_pinning, looked_up, told
from smgwproxy.testing.processes import apart
from smgwproxy.testing.samples import CERTIFICATES, ORIGIN, ORIGINS, contested, proposal
from smgwproxy.testing.together import in_greenlets, in_threads
from smgwproxy.testing.watching import watched
from smgwproxy.truststores import Pin, StandingPins, TrustStore, open_truststore

ROUNDS_VARIABLE = "TRUSTSTORE_ROUNDS"
FIRST, SECOND = Certificate(b"the first certificate"), Certificate(b"the second certificate")

Together = Callable[[Sequence[Callable[[], str]]], list[str]]
Claim = TypeVar("Claim", bound=Callable[..., None])

_OF_FIRST_USE = "is_of_first_use"


def of_first_use(claim: Claim) -> Claim:
    """Mark a claim that says nothing of stores that take no first use; it is not collected for them."""
    setattr(claim, _OF_FIRST_USE, True)
    return claim


def stands(pins: Sequence[Pin]) -> bool:
    """Tell whether ``pins`` say of themselves that a look-up would return the same now."""
    return isinstance(pins, StandingPins) and pins.stand


class TrustStoreContract:
    """What a store with `lookup` and `pin` keeps. Derive a class ``Test...`` from it with the fixture `spec`."""

    takes_first_use: ClassVar[bool] = True
    """False for a store that pins nothing by itself: `pin` then raises `PinRefused` where there is no pin."""

    rounds: ClassVar[int] = 10
    """How often races are run and processes killed; the environment variable TRUSTSTORE_ROUNDS overrides it."""

    processes: ClassVar[int] = 40
    """How many processes come first together."""

    threads: ClassVar[int] = 8
    """How many threads or greenlets do something together."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if not cls.takes_first_use:
            for name in dir(cls):
                if hasattr(getattr(cls, name), _OF_FIRST_USE):
                    setattr(cls, name, None)  # pytest passes over what is no function

    @pytest.fixture
    def spec(self) -> str:
        """Return what `open_truststore` opens the store under test by: a fresh and empty one for each test.

        It is opened several times, in other processes as well.
        """
        raise NotImplementedError(
            "give the test class a fixture 'spec' that returns NAME:ARGUMENT of a fresh store"
        )

    @pytest.fixture
    def store(self, spec: str) -> TrustStore:
        """Open the store."""
        return open_truststore(spec)

    def how_often(self) -> int:
        """Return the number of rounds of this run."""
        return int(os.environ.get(ROUNDS_VARIABLE, self.rounds))

    # --- what it is -------------------------------------------------------------------------------------

    def test_it_is_a_trust_store(self, store: TrustStore) -> None:
        """It has the methods of the protocol."""
        assert isinstance(store, TrustStore)

    def test_a_look_up_returns_pins_and_changes_nothing(self, store: TrustStore) -> None:
        """Look-ups are sequences of pins, and the second is as the first."""
        for origin in ORIGINS:
            pins = store.lookup(origin)
            assert isinstance(pins, Sequence)
            assert all(isinstance(pin, Pin) for pin in pins)
            assert list(store.lookup(origin)) == list(pins)

    def test_pin_returns_what_is_in_force(self, store: TrustStore) -> None:
        """It is what look-ups return; where nothing is pinned, and the store takes no first use, it refuses."""
        for origin in ORIGINS:
            before = list(store.lookup(origin))
            if before or self.takes_first_use:
                pins = list(store.pin(origin, FIRST))
                assert pins == (before or pins[:1])
            else:
                pins = []
                with pytest.raises(PinRefused):
                    store.pin(origin, FIRST)
            assert list(store.lookup(origin)) == pins

    # --- first use --------------------------------------------------------------------------------------

    @of_first_use
    def test_what_was_never_pinned_has_no_pin(self, store: TrustStore) -> None:
        """A fresh store is empty."""
        assert [origin for origin in ORIGINS if store.lookup(origin)] == []

    @of_first_use
    @pytest.mark.parametrize("kind", CERTIFICATES)
    def test_first_use_pins_the_certificate_byte_for_byte(self, spec: str, store: TrustStore, kind: str) -> None:
        """Whatever a gateway presents is pinned as it is, be it readable or not."""
        certificate = CERTIFICATES[kind]()
        for pins in (store.pin(ORIGIN, certificate), store.lookup(ORIGIN), open_truststore(spec).lookup(ORIGIN)):
            assert [pin.fingerprint for pin in pins] == [certificate.fingerprint]
            # A store may keep the fingerprint alone. What it keeps of the certificate is all of it.
            assert all(pin.certificate in (None, certificate) for pin in pins)

    @of_first_use
    def test_the_second_certificate_gets_the_pins_of_the_first(self, spec: str, store: TrustStore) -> None:
        """First use happens once, whoever comes second, and by whichever opening."""
        pins = list(store.pin(ORIGIN, FIRST))
        other = open_truststore(spec)
        for each in (store, other, open_truststore(spec)):
            assert list(each.pin(ORIGIN, SECOND)) == pins
            assert list(each.pin(ORIGIN, FIRST)) == pins
            assert list(each.lookup(ORIGIN)) == pins

    @of_first_use
    def test_first_use_is_seen_at_once_by_others_that_looked_before(self, spec: str, store: TrustStore) -> None:
        """What an opening has seen does not keep it from seeing what another does."""
        other = open_truststore(spec)
        assert not other.lookup(ORIGIN)
        assert not store.lookup(ORIGIN)
        pins = list(store.pin(ORIGIN, FIRST))
        assert list(other.lookup(ORIGIN)) == pins
        assert list(other.pin(ORIGIN, SECOND)) == pins

    @of_first_use
    def test_pins_stand_no_longer_once_another_has_pinned(self, spec: str, store: TrustStore) -> None:
        """No pins that stand hide a first use, nor another gateway's; see `smgwproxy.StandingPins`."""
        other = open_truststore(spec)
        seen = {origin: store.lookup(origin) for origin in ORIGINS}
        for origin in ORIGINS:
            other.pin(origin, FIRST)
            assert not stands(seen[origin]), origin
            seen[origin] = store.lookup(origin)
            for one in ORIGINS:
                assert not stands(seen[one]) or list(seen[one]) == list(store.lookup(one)), (origin, one)

    @of_first_use
    def test_files_that_pins_name_tell_of_a_first_use(self, spec: str, store: TrustStore) -> None:
        """What another pins happens to the files of this gateway's pins; see `smgwproxy.StandingPins`."""
        other = open_truststore(spec)
        for origin in ORIGINS:
            with watched(store.lookup(origin)) as something_happened:
                other.pin(origin, FIRST)
                assert something_happened(), origin

    @of_first_use
    def test_gateways_are_kept_apart(self, spec: str, store: TrustStore) -> None:
        """Ports, zones and names that are alike are different gateways."""
        certificates = {origin: Certificate(f"of {origin}".encode()) for origin in ORIGINS}
        for number, origin in enumerate(ORIGINS):
            assert not store.lookup(origin), origin
            store.pin(origin, certificates[origin])
            assert [bool(store.lookup(one)) for one in ORIGINS] == [at <= number for at in range(len(ORIGINS))]
        again = open_truststore(spec)
        for origin, certificate in certificates.items():
            assert told(again.lookup(origin)) == str(certificate.fingerprint), origin

    # --- several at once --------------------------------------------------------------------------------

    @of_first_use
    @pytest.mark.parametrize("together", [in_threads, in_greenlets])
    def test_threads_and_greenlets_that_come_first_together_agree(self, spec: str, together: Together) -> None:
        """Of several first uses one wins, and all get its pin; some share an opening."""
        stores = [open_truststore(spec) for _ in range(3)]
        for number in range(self.how_often()):
            origin = contested(number)
            answers = together(
                [partial(_propose, stores[by % 3], origin, proposal(number, by)) for by in range(self.threads)]
            )
            self._agreed(number, answers, told(stores[0].lookup(origin)))

    @of_first_use
    def test_processes_that_come_first_together_agree(self, spec: str) -> None:
        """As above between forty processes."""
        store = open_truststore(spec)
        with apart(first_use_together, spec, self.how_often(), self.processes) as rounds:
            for number, answers in enumerate(rounds):
                assert len(answers) == self.processes
                self._agreed(number, answers, told(store.lookup(contested(number))))

    @of_first_use
    def test_another_process_sees_what_was_pinned(self, spec: str, store: TrustStore) -> None:
        """A process that starts later looks up what this one pinned."""
        pinned = [told(store.pin(origin, FIRST)) for origin in ORIGINS]
        with apart(looked_up, spec, ORIGINS) as seen:
            assert list(seen) == pinned

    @of_first_use
    def test_a_process_killed_over_first_use_leaves_its_pin_or_none(self, spec: str) -> None:
        """A pin that was reported stays, half of one is never seen, and the next one is not kept waiting."""
        store = open_truststore(spec)
        with apart(killed_pinning, spec, self.how_often()) as rounds:
            for number, outcome in enumerate(rounds):
                its, others = (str(proposal(number, by).fingerprint) for by in (0, 1))
                assert outcome.kept in ([its] if outcome.reported else ["", its]), f"round {number}"
                # A database may have been at the dead one's pin still when it was asked what it keeps.
                assert outcome.after in ([outcome.kept] if outcome.kept else [its, others]), f"round {number}"
                assert told(store.lookup(contested(number))) == outcome.after, f"round {number}"

    def _agreed(self, number: int, answers: list[str], kept: str) -> None:
        assert set(answers) == {kept}, f"round {number}: not all were answered what is kept"
        assert kept in {str(proposal(number, by).fingerprint) for by in range(len(answers))}, f"round {number}"


def _propose(store: TrustStore, origin: Origin, certificate: Certificate) -> str:
    return told(store.pin(origin, certificate))
