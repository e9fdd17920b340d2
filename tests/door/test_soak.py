"""A short soak: good and bad clients of every kind at once, and afterwards the proxy holds no more than before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.door.soak import COUNTED, Held, Measure, Soak, soaking
from tests.door.visitors import KINDS

pytestmark = pytest.mark.long

REQUESTS = 150  # twice; each kind of client comes to each door once with the first of them
LOOKS = 5


@dataclass(frozen=True)
class Soaked:
    """A soak that is over, in which every client got what was due to it: others end it."""

    soak: Soak
    before: Held
    after: Held


@pytest.fixture(scope="module")
def soaked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Soaked]:
    with soaking(tmp_path_factory.mktemp("soak")) as soak:
        soak.send(REQUESTS)
        before = soak.held()
        soak.send(REQUESTS)
        after = soak.held()
        for _ in range(LOOKS):  # who has only just left may still be on the way out; what leaks stays
            if any(measure.grown(before, after) for measure in COUNTED):
                after = soak.held()
        yield Soaked(soak, before, after)


def test_clients_of_every_kind_get_what_is_due_to_them_side_by_side(soaked: Soaked) -> None:
    assert soaked.soak.requests >= 2 * REQUESTS
    assert set(soaked.soak.tallies) == set(KINDS)


def test_program_tells_of_no_fault_of_its_own(soaked: Soaked) -> None:
    assert soaked.soak.child.faults() == []


@pytest.mark.parametrize("measure", COUNTED, ids=lambda measure: measure.name)
def test_there_is_no_more_of_it_once_all_clients_are_gone(soaked: Soaked, measure: Measure) -> None:
    assert not measure.grown(soaked.before, soaked.after), (soaked.before, soaked.after)
