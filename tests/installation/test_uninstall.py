"""``smgwproxy uninstall`` below a root directory: what goes, and what stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from smgwproxy.installation.facts import Found
from smgwproxy.installation.removal import uninstall_steps
from smgwproxy.installation.steps import Run
from tests.installation.conftest import NOBODY_READS, UNIT_OF_FIRST_DESCRIPTION, Card, as_root, new_card

UNIT = "/etc/systemd/system/smgwproxy.service"
CONFIGURATION = "/etc/smgwproxy/smgwproxy.toml"
STATE = "/var/lib/smgwproxy"
LOGS = "/var/log/smgwproxy"
LOG = "2026-11-21_05-11-42_proxy.log"


@pytest.fixture
def used(card: Card) -> dict[str, tuple[str, str]]:
    """Install, let the proxy have run, and return how it was before."""
    before = card.snapshot()
    card.install()
    card.put(f"{STATE}/certs/10.11.120.2.json", "{}")
    card.put(f"{STATE}/certs/.lock", "")
    card.put(f"{STATE}/state/https.pem", "key")
    card.put(f"{STATE}/state/.https.pem.lock", "")
    card.put(f"{LOGS}/{LOG}", "line")
    card.path(f"{LOGS}/proxy.log").symlink_to(LOG)
    return before


def test_pins_and_logs_stay(card: Card, used: dict[str, tuple[str, str]]) -> None:
    installed = card.snapshot()
    ended = card.run("uninstall")
    assert (ended.code, ended.err) == (0, "")
    gone = installed.keys() - card.snapshot().keys()
    assert gone - {"etc/sysusers.d/smgwproxy.conf"} == {"etc/systemd/system/smgwproxy.service"}
    assert [line for line in ended.lines("keep") if line.startswith((f"{STATE}/: pins", f"{LOGS}/: logs"))] != []


def test_purge_leaves_nothing(card: Card, used: dict[str, tuple[str, str]]) -> None:
    assert card.run("uninstall", "--purge").code == 0
    assert card.snapshot() == used
    assert "smgwproxy" not in card.read("/etc/passwd")


def test_purge_after_a_first_removal_leaves_nothing(card: Card, used: dict[str, tuple[str, str]]) -> None:
    card.run("uninstall")
    assert card.run("uninstall", "--purge").code == 0
    assert card.snapshot() == used


def test_twice_is_fine(card: Card, used: dict[str, tuple[str, str]]) -> None:
    for words in ([], ["--purge"]):
        card.run("uninstall", *words)
        before = card.snapshot()
        ended = card.run("uninstall", *words)
        assert (ended.code, ended.err) == (0, "")
        assert "nothing is installed here that could be removed" in ended.lines("note")
        assert card.snapshot() == before


def test_installed_again_it_has_the_pins(card: Card, used: dict[str, tuple[str, str]]) -> None:
    card.run("uninstall")
    assert card.install().code == 0
    assert card.read(f"{STATE}/certs/10.11.120.2.json") == "{}"


@pytest.mark.parametrize("line", ["port = 8081", "port = 8081  # mine"])
def test_configuration_stays_unless_told(card: Card, used: dict[str, tuple[str, str]], line: str) -> None:
    card.put(CONFIGURATION, card.read(CONFIGURATION).replace("port = 8080", line))
    assert f"{CONFIGURATION}: it is yours; --purge removes it, too" in card.run("uninstall").lines("keep")
    assert line in card.read(CONFIGURATION)
    card.run("uninstall", "--purge")
    assert not card.path("/etc/smgwproxy").exists()


def test_configuration_that_cannot_be_read_is_no_obstacle(card: Card, used: dict[str, tuple[str, str]]) -> None:
    card.put(CONFIGURATION, "nonsense = [")
    assert card.run("uninstall").code == 0
    assert not card.path(UNIT).exists()
    assert card.read(CONFIGURATION) == "nonsense = ["


def test_credentials_stay_unless_told(card: Card, tmp_path: Path) -> None:
    (tmp_path / "me.p12").write_bytes(b"certificate")
    card.install("--client-cert", str(tmp_path / "me.p12"))
    card.run("uninstall")
    assert card.read("/etc/smgwproxy/credentials/client-cert") == "certificate"
    card.run("uninstall", "--purge")
    assert not card.path("/etc/smgwproxy").exists()


def test_files_that_others_made_stay_and_are_told(card: Card, used: dict[str, tuple[str, str]]) -> None:
    foreign = [
        card.put(f"{STATE}/notes.txt", "mine"),
        card.put(f"{STATE}/certs/backup/x.json", "mine"),
        card.put(f"{LOGS}/notes.log", "mine"),
        card.put("/etc/smgwproxy/notes", "mine"),
        card.put(f"{UNIT}.d/mine.conf", "[Service]\n"),
    ]
    ended = card.run("uninstall", "--purge")
    assert ended.code == 0
    assert [path.read_text() for path in foreign] == ["mine"] * 4 + ["[Service]\n"]
    told = "\n".join(ended.lines("keep"))
    for name in ("notes.txt", "backup", "notes.log", "notes", "your own changes of the unit"):
        assert name in told


def test_unit_that_others_wrote_stays(card: Card) -> None:
    card.put(UNIT, "[Service]\nExecStart=/x/smgwproxy\n")
    ended = card.run("uninstall", "--purge")
    assert card.path(UNIT).exists()
    assert f"{UNIT}: it was not made by this program" in ended.lines("keep")


def test_unit_that_was_there_before_is_told(card: Card) -> None:
    card.put_original(UNIT_OF_FIRST_DESCRIPTION, "smgwproxy.service")
    card.install()
    assert f"{UNIT}.old: the unit that was there before" in card.run("uninstall", "--purge").lines("keep")


@as_root
def test_user_that_others_made_stays(card: Card) -> None:
    passwd = card.put("/etc/passwd", f"{card.read('/etc/passwd')}smgwproxy:x:1001:1001::/home/x:/bin/sh\n")
    before = passwd.read_text()
    assert card.run("uninstall", "--purge").lines("run") == []
    assert card.install().code == 0
    ended = card.run("uninstall", "--purge")
    assert ended.code == 0
    assert "the user smgwproxy: it was not made by this program" in ended.lines("keep")
    assert passwd.read_text() == before


def test_removal_that_was_broken_off_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, steps = -1, 0
    while code != 0:
        card = new_card(tmp_path / f"{steps}", capsys)
        before = card.snapshot()
        card.install()
        card.put(f"{LOGS}/{LOG}", "line")
        code = card.broken_off(steps, "uninstall", "--purge").code
        assert code in {0, NOBODY_READS}
        assert card.run("uninstall", "--purge").code == 0
        assert card.snapshot() == before
        assert "smgwproxy" not in card.read("/etc/passwd")
        steps += 1
    assert steps > 8


def test_systemd_is_told_of_a_removal_that_was_broken_off() -> None:
    steps = uninstall_steps(Found(commands=True, outdated=True), [], purge=False)
    assert steps == [Run(("systemctl", "daemon-reload"))]


def test_way_back_to_the_original_is_told(card: Card) -> None:
    card.put_original()
    card.install()
    notes = card.run("uninstall").lines("note")
    assert notes == ["to run reverse_proxy.service again: systemctl enable --now reverse_proxy.service"]


def test_link_in_place_of_a_directory_leads_nobody_elsewhere(card: Card, used: dict[str, tuple[str, str]]) -> None:
    card.put("/srv/other/10.0.0.7.json", "not ours")
    card.path(f"{STATE}/state/https.pem").unlink()
    card.path(f"{STATE}/state/.https.pem.lock").unlink()
    card.path(f"{STATE}/state").rmdir()
    card.path(f"{STATE}/state").symlink_to("/srv/other")
    card.put("/srv/other/https.pem", "not ours")
    card.run("uninstall", "--purge")
    assert card.read("/srv/other/https.pem") == "not ours"
    assert card.read("/srv/other/10.0.0.7.json") == "not ours"
    assert not card.path(STATE).exists()
