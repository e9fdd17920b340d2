"""Where log and pins are kept, judged for the user that the proxy runs as."""

from __future__ import annotations

import getpass
import os
import pwd
import tempfile
from pathlib import Path

import pytest

from smgwproxy.doctor import directories
from smgwproxy.doctor.directories import User, check, proxys_user
from smgwproxy.doctor.finding import Check, Verdict

ME = User(getpass.getuser(), other=False)
NOBODY = User("nobody", other=True)


def open_the_way(place: Path) -> None:
    """Let everybody enter the directories of pytest above ``place``, which keeps them for its user alone."""
    while place != Path(tempfile.gettempdir()):
        place.chmod(place.stat().st_mode | 0o011)
        place = place.parent


def test_directory_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    found = check(Check.LOGS, tmp_path / "a" / "b", "the log", ME)
    assert found.verdict is Verdict.OK
    assert "made at the first start" in found.seen
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("mode", "verdict"), [(0o700, Verdict.WRONG), (0o755, Verdict.WRONG), (0o707, Verdict.OK)]
)
def test_roots_directory_is_judged_for_the_services_user_by_its_mode(
    tmp_path: Path, mode: int, verdict: Verdict
) -> None:
    open_the_way(tmp_path)
    pins = tmp_path / "pins"
    pins.mkdir()
    pins.chmod(mode)
    found = check(Check.TRUST_STORE, pins, "pins", NOBODY)
    assert found.verdict is verdict
    if verdict is Verdict.WRONG:
        assert found.commands == (f"sudo chown -R nobody: {pins}",)


def test_owner_and_group_count_with_their_own_bits(tmp_path: Path) -> None:
    entry = pwd.getpwnam("nobody")
    told = tmp_path.stat()
    tmp_path.chmod(0o750)
    assert directories._allowed(tmp_path, told.st_uid, []) == 0o7
    assert directories._allowed(tmp_path, entry.pw_uid, [told.st_gid]) == 0o5
    assert directories._allowed(tmp_path, entry.pw_uid, []) == 0


def test_directory_that_systemd_makes_need_not_be_there() -> None:
    found = check(Check.LOGS, Path("/var/log/smgwproxy/none"), "the log", NOBODY)
    assert (found.verdict, "the service makes it" in found.seen) == (Verdict.OK, True)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may look everywhere")
def test_services_directories_are_not_judged_for_another_user() -> None:
    assert check(Check.LOGS, Path("/var/log/smgwproxy"), "the log", ME).verdict is Verdict.SKIPPED


def test_directory_that_nobody_else_may_look_into_is_told(tmp_path: Path) -> None:
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    open_the_way(tmp_path)
    hidden.chmod(0)
    root = os.geteuid() == 0
    if root:
        os.seteuid(pwd.getpwnam("nobody").pw_uid)
    try:
        found = check(Check.LOGS, hidden / "logs", "the log", User("nobody", other=False))
    finally:
        if root:
            os.seteuid(0)
        hidden.chmod(0o700)
    assert found.verdict is Verdict.WRONG
    assert f"may not write to {hidden}" in found.seen


def test_user_is_the_one_who_asks_unless_the_service_is_installed(tmp_path: Path) -> None:
    assert proxys_user(tmp_path / "no.service").other is False
