"""The contract tells sound stores from broken ones, and by the claim that they break."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from smgwproxy.testing.contract import ROUNDS_VARIABLE
from tests.contract import broken_stores
from tests.support import PATIENCE

pytestmark = pytest.mark.long

ROOT = Path(__file__).parent.parent.parent

BREAKS = {
    broken_stores.PinsThoughItRefuses: {"pin_returns_what_is_in_force"},
    broken_stores.ForgetsOnReopening: {
        "first_use_pins_the_certificate_byte_for_byte",
        "another_process_sees_what_was_pinned",
        "processes_that_come_first_together_agree",
        "a_record_is_kept_as_it_was_put",
        "a_process_killed_over_a_change_leaves_the_old_record_or_the_new_one",
    },
    broken_stores.LooksBeforeItLocks: {
        "threads_and_greenlets_that_come_first_together_agree",
        "processes_that_come_first_together_agree",
    },
    broken_stores.LosesUpdates: {
        "no_change_is_lost_between_threads_and_greenlets",
        "no_change_is_lost_between_processes_and_readers_see_whole_records",
    },
    broken_stores.WritesInPlace: {
        "no_change_is_lost_between_processes_and_readers_see_whole_records",
        "a_process_killed_over_a_change_leaves_the_old_record_or_the_new_one",
    },
    broken_stores.ReportsTooEarly: {"a_process_killed_over_first_use_leaves_its_pin_or_none"},
    broken_stores.KeepsTheLockOfTheDead: {
        "a_process_killed_over_a_change_leaves_the_old_record_or_the_new_one",
    },
    broken_stores.PinsWhatIsRevoked: {
        "a_revoked_certificate_is_refused_for_ever",
        "after_the_last_pin_was_revoked_there_is_no_first_use",
        "first_use_keeps_the_record_of_it",
    },
    broken_stores.IgnoresPorts: {"gateways_are_kept_apart", "records_of_gateways_are_kept_apart"},
    broken_stores.Remembers: {
        "first_use_is_seen_at_once_by_others_that_looked_before",
        "an_edit_gets_the_record_as_it_is_now",
    },
    broken_stores.StandsTooLong: {
        "pins_stand_no_longer_once_another_has_pinned",
        "pins_stand_no_longer_once_they_were_changed",
    },
    broken_stores.NamesAnotherFile: {
        "files_that_pins_name_tell_of_a_first_use",
        "files_that_pins_name_tell_of_every_change",
    },
    broken_stores.StandsForThePinsAlone: {"files_that_pins_name_tell_of_every_change"},
    broken_stores.TakesCertificatesForText: {
        "first_use_pins_the_certificate_byte_for_byte",
        "certificates_are_kept_byte_for_byte_in_a_record",
    },
    broken_stores.WritesWhatDidNotChange: {"an_edit_that_returns_its_argument_writes_nothing"},
    broken_stores.UndoesExceptionsOnly: {"an_edit_that_raises_changes_nothing"},
    broken_stores.ListsInNoOrder: {"origins_are_listed_in_the_order_of_their_names"},
}

Failures = Mapping[str, set[str]]


@pytest.fixture(scope="module")
def failures() -> Failures:
    """Run the contract of the sound stores, and of each other what it breaks; return what failed by store."""
    module = "tests/contract/contracts_of_broken_stores.py"
    broken = [
        f"{module}::Test{store.__name__}::test_{claim}" for store in BREAKS for claim in sorted(BREAKS[store])
    ]
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-rfE", "--tb=no", "-p", "no:cacheprovider"),
            *(f"{module}::Test{store.__name__}" for store in broken_stores.SOUND),
            *broken,
        ],
        cwd=ROOT,
        env=os.environ | {ROUNDS_VARIABLE: "10"},
        capture_output=True,
        text=True,
        timeout=PATIENCE * 5,
        check=False,
    )
    assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout
    failed: dict[str, set[str]] = {}
    for store, claim in re.findall(r"^(?:FAILED|ERROR) \S+::Test(\w+)::test_(\w+)", done.stdout, re.MULTILINE):
        failed.setdefault(store, set()).add(claim)
    return failed


@pytest.mark.parametrize("store", broken_stores.SOUND, ids=lambda store: store.__name__)
def test_a_sound_store_keeps_the_contract(failures: Failures, store: type[broken_stores.Sound]) -> None:
    assert store.__name__ not in failures


@pytest.mark.parametrize("store", broken_stores.BROKEN, ids=lambda store: store.__name__)
def test_a_broken_store_is_found_out_by_the_claims_it_breaks(
    failures: Failures, store: type[broken_stores.Sound]
) -> None:
    assert failures[store.__name__] == BREAKS[store]
