"""The processes of `smgwproxy.testing`: whatever a store does in one, whoever waits is told, and none is left."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from smgwproxy.testing import processes
from smgwproxy.testing.experiments import looked_up
from smgwproxy.testing.processes import Crew, ExperimentFailed, Victim, apart
from smgwproxy.testing.samples import ORIGIN
from smgwproxy.truststores import TrustStore
from tests.support import PATIENCE


@pytest.fixture
def spec(tmp_path: Path) -> str:
    return f"file:{tmp_path}/certs"


def session(process: int) -> list[int]:
    """Return the processes of the session that ``process`` leads, those that ended and nobody waited for aside."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, of = stat.read_text().rpartition(")")[2].split()[:4]
        except (FileNotFoundError, ProcessLookupError):  # it has ended in this moment
            continue
        if int(of) == process and state != "Z":
            found.append(int(stat.parent.name))
    return found


# --- experiments ----------------------------------------------------------------------------------------


def _number(store: TrustStore, index: int, number: int) -> tuple[int, int]:
    return index, number


def counted(spec: str, size: int, rounds: int) -> Iterator[list[tuple[int, int]]]:
    with Crew(spec, size, _number) as crew:
        for _ in range(rounds):
            yield crew.act()


def leader_of_three(spec: str) -> Iterator[int]:
    with Crew(spec, 3, _number):
        yield os.getpid()
        time.sleep(PATIENCE)


def _behave(how: str, store: TrustStore, index: int, number: int) -> None:
    sys.stdout.write("what a store says\n")
    sys.stdout.flush()
    if how == "raise":
        raise LookupError("that is how this store is")
    if how == "end":
        os._exit(1)
    time.sleep(PATIENCE)


def misbehaving(spec: str, how: str) -> Iterator[None]:
    processes.PATIENCE = 0.5  # of the experiment's own process
    with Crew(spec, 1, partial(_behave, how)) as crew:
        yield from crew.act()


def _report_three(report: processes.Report, store: TrustStore, first: int) -> None:
    for number in range(first, first + 3):
        report(number)
    time.sleep(PATIENCE)


def killed(spec: str) -> Iterator[list[int]]:
    victim = Victim(spec, _report_three, 7)
    reports = [victim.report(), victim.report(), victim.report()]
    yield [*reports, *victim.kill()]


def faulty(spec: str) -> Iterator[None]:
    yield None
    raise LookupError("this experiment cannot be made")


# --- tests ----------------------------------------------------------------------------------------------


def test_a_crew_acts_in_rounds(spec: str) -> None:
    with apart(counted, spec, 5, 7) as rounds:
        assert list(rounds) == [[(index, number) for index in range(5)] for number in range(7)]


def test_a_victim_reports_until_it_is_killed(spec: str) -> None:
    with apart(killed, spec) as outcomes:
        assert list(outcomes) == [[7, 8, 9]]


@pytest.mark.parametrize(
    ("how", "text"),
    [
        ("raise", "LookupError: that is how this store is"),
        ("end", "a process that uses the store ended by itself"),
        ("hang", "a process that uses the store did not answer within 0.5 s"),
    ],
)
def test_a_store_that_misbehaves_is_told_with_what_it_said(spec: str, how: str, text: str) -> None:
    with pytest.raises(ExperimentFailed) as caught, apart(misbehaving, spec, how) as outcomes:
        list(outcomes)
    assert text in str(caught.value)
    assert str(caught.value).endswith("what a store says")


def test_an_experiment_that_fails_is_told(spec: str) -> None:
    with apart(faulty, spec) as outcomes:
        assert next(outcomes) is None
        with pytest.raises(ExperimentFailed, match="LookupError: this experiment cannot be made"):
            next(outcomes)


def test_an_experiment_that_cannot_be_imported_is_told(spec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])
    with (
        pytest.raises(ExperimentFailed, match=r"(?s)ended by itself.*ModuleNotFoundError"),
        apart(counted, spec, 1, 1) as outcomes,
    ):
        list(outcomes)


def test_a_store_that_cannot_be_opened_is_told() -> None:
    with pytest.raises(ExperimentFailed, match="there is no store"), apart(counted, "gone:x", 1, 1) as outcomes:
        list(outcomes)


def test_a_store_may_be_importable_by_this_process_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = "from smgwproxy.truststores.file import open_store\n"
    (tmp_path / "store_of_a_directory.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    with apart(looked_up, f"store_of_a_directory:open_store:{tmp_path}/certs", [ORIGIN]) as seen:
        assert list(seen) == [""]


def test_no_process_is_left(spec: str) -> None:
    with apart(leader_of_three, spec) as outcomes:
        leader = next(outcomes)
        assert len(session(leader)) == 4
    deadline = time.monotonic() + PATIENCE
    while session(leader) and time.monotonic() < deadline:  # killed, and ending
        time.sleep(0.01)
    assert session(leader) == []
