"""Beside HAProxy and nginx: every difference is explained, and nothing passes here alone that they refuse."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.door.differential import (
    PROGRAMS,
    ROWS,
    as_known,
    explained,
    our_verdict,
    passed_by_us_alone,
    section,
    verdict,
)
from tests.door.explained import EXPLAINED, PASSES, VERSIONS, WAITS
from tests.door.mature import HAPROXY, NGINX, Program, running
from tests.door.vectors import NEXT
from tests.support import PATIENCE

pytestmark = pytest.mark.long

PAGE = Path(__file__).parent.parent.parent / "docs/lan-door.md"
BRIEFLY = 0.75  # seconds of silence after which it is believed that a program waits


@pytest.fixture(scope="module", params=[HAPROXY, NGINX], ids=lambda program: program.name)
def program(request: pytest.FixtureRequest) -> Program:
    chosen: Program = request.param
    return chosen


@pytest.fixture(scope="module")
def verdicts(program: Program, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """What the program makes of every row, by their claims."""
    known = explained(program.name)
    with running(program, tmp_path_factory.mktemp(program.name)) as proxy:
        told = {}
        for claim, vector in ROWS.items():
            expected = known.get(claim, our_verdict(vector))
            taken = proxy.take(vector.sent + NEXT, BRIEFLY if expected == WAITS else PATIENCE)
            told[claim] = as_known(verdict(vector, taken), expected)
        yield told


def test_every_difference_is_explained(program: Program, verdicts: dict[str, str]) -> None:
    known = explained(program.name)
    differences = {claim: told for claim, told in verdicts.items() if told != our_verdict(ROWS[claim])}
    if program.version() == VERSIONS[program.name]:
        assert differences == known
    else:  # what another version refuses, and with which status, is its own affair
        assert {claim for claim, told in differences.items() if told == PASSES} <= known.keys()


def test_nothing_passes_here_alone_unless_that_is_explained(program: Program, verdicts: dict[str, str]) -> None:
    alone = {claim for claim, told in verdicts.items() if our_verdict(ROWS[claim]) == PASSES and told != PASSES}
    assert alone <= passed_by_us_alone(program.name)


def test_every_row_is_explained_once() -> None:
    claims = [claim for difference in EXPLAINED for group in difference.rows.values() for claim in group]
    assert len(set(claims)) == len(claims)
    assert set(claims) == {claim for program in PROGRAMS for claim in explained(program)}


def test_page_has_the_table_as_it_is_printed() -> None:
    assert section() in PAGE.read_text(), "print it with: python -m tests.door.differential"
