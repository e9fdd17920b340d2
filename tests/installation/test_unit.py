"""The unit, judged by systemd's own tools."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from smgwproxy.installation.unit import Unit
from smgwproxy.installation.unitfile import read_service
from tests.clients.conftest import find_program
from tests.support import PATIENCE

EXAMPLE = Path(__file__).parents[2] / "examples/raspberry-pi/smgwproxy.service"
HARDEST = 20  # tenths

UNITS = {
    "default": Unit(),
    "port under 1024": Unit(low_port=True),
    "below home": Unit(in_home=True),
    "credentials": Unit(secrets=(("client-cert", "/etc/smgwproxy/credentials/client-cert"),)),
    "all of it": Unit(
        in_home=True,
        low_port=True,
        secrets=(("client-cert", "/x y%z/me.p12"), ("client-password-file", "/x/password"), ("tls-key", "/x/key")),
    ),
}


def analyse(*words: str | Path) -> subprocess.CompletedProcess[str]:
    program = find_program("systemd-analyze")
    return subprocess.run([program, *words], capture_output=True, text=True, timeout=PATIENCE, check=False)


@pytest.mark.parametrize("unit", UNITS.values(), ids=UNITS)
def test_exposure_is_two_or_better(unit: Unit, tmp_path: Path) -> None:
    file = tmp_path / "smgwproxy.service"
    file.write_text(unit.text)
    told = analyse("security", "--offline=true", f"--threshold={HARDEST}", "--no-pager", file)
    found = re.search(r"Overall exposure level for smgwproxy\.service: (\d+)\.(\d)", told.stdout)
    assert found, told.stdout + told.stderr
    assert int(found[1] + found[2]) <= HARDEST
    assert (told.returncode, told.stderr) == (0, "")


@pytest.mark.parametrize("unit", UNITS.values(), ids=UNITS)
def test_systemd_finds_nothing_wrong_with_it(unit: Unit, tmp_path: Path) -> None:
    file = tmp_path / "smgwproxy.service"
    here = Unit((sys.executable, "-P", "-m", "smgwproxy"), unit.in_home, unit.low_port, unit.secrets)
    file.write_text(here.text)
    told = analyse("verify", file)
    assert (told.returncode, told.stdout, told.stderr) == (0, "", "")


def test_verification_would_find_something_wrong(tmp_path: Path) -> None:
    file = tmp_path / "smgwproxy.service"
    file.write_text(Unit((sys.executable,)).text.replace("StateDirectory=", "StatesDirectory="))
    assert "StatesDirectory" in analyse("verify", file).stderr


def test_capability_is_there_for_a_port_under_1024_only() -> None:
    without, with_it = (read_service([Unit(low_port=low).text]) for low in (False, True))
    for setting in ("CapabilityBoundingSet", "AmbientCapabilities"):
        assert without[setting] == ()
        assert with_it[setting] == ("CAP_NET_BIND_SERVICE",)
    assert (without["PrivateUsers"], with_it["PrivateUsers"]) == (("yes",), ("no",))


def test_service_is_told_ready_watched_and_reloaded() -> None:
    service = read_service([Unit().text])
    assert service["Type"] == ("notify",)
    assert service["NotifyAccess"] == ("main",)
    assert service["WatchdogSec"] == ("60",)
    assert service["ExecReload"] == ("/bin/kill -HUP $MAINPID",)
    assert int(service["TimeoutStopSec"][0]) > 30
    assert (service["User"], service["StateDirectory"], service["LogsDirectory"]) == (("smgwproxy",),) * 3


def test_secrets_are_handed_over_as_credentials() -> None:
    service = read_service([Unit(secrets=(("client-password-file", "/a b/100%"),)).text])
    assert service["LoadCredential"] == ("client-password-file:/a b/100%%",)
    assert service["Environment"] == ("SMGWPROXY_CLIENT_PASSWORD_FILE=%d/client-password-file",)


def test_example_is_the_unit_that_install_writes() -> None:
    assert EXAMPLE.read_text() == Unit().text
