"""The service under a real systemd, booted in namespaces of its own on a copy of this system in memory.

So all of the unit is in force: the user, the name spaces, the system call filter, the watchdog.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.clients.conftest import find_program
from tests.installation.inside import PROGRAM
from tests.support import Identity

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
BOOT = Path(__file__).with_name("boot.sh")
NAMESPACES = ("--fork", "--kill-child", "--pid", "--mount", "--cgroup", "--uts", "--ipc", "--net")
LONGEST = 100.0  # seconds

_PYTHON = """\
#!/opt/base/bin/python{version}
import sys
sys.path[:0] = ["/opt/venv/{packages}", "/opt/source"]
"""
_PROGRAM = "from smgwproxy.cli import main\nsys.exit(main())\n"
_PROBE = """\
import runpy
sys.argv = ["inside", "/opt/out/client.pem", "/opt/out/answer"]
runpy.run_module("tests.installation.inside", run_name="__main__")
"""


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory, identity: Identity) -> dict[str, Any]:
    """What was seen there; the tests are skipped where systemd cannot be booted."""
    find_program("systemd-analyze")
    if os.geteuid() != 0:
        pytest.skip("booting systemd in namespaces needs root")
    tried = subprocess.run(["unshare", *NAMESPACES, "true"], capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        pytest.skip(f"systemd cannot be booted in namespaces here: {tried.stderr[-300:]}")
    out = tmp_path_factory.mktemp("systemd")
    packages = Path(pytest.__file__).parents[1].relative_to(sys.prefix)
    python = _PYTHON.format(version=f"{sys.version_info.major}.{sys.version_info.minor}", packages=packages)
    for name, text in (("smgwproxy", python + _PROGRAM), ("probe", python + _PROBE)):
        (out / name).write_text(text)
        (out / name).chmod(0o755)
    (out / "client.pem").write_bytes(identity.pem_file.read_bytes())
    words = ["unshare", *NAMESPACES, str(BOOT), sys.prefix, sys.base_prefix, str(ROOT), str(out)]
    ended = subprocess.run(
        words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LONGEST, check=False
    )
    said = out / "said"
    assert said.exists(), ended.stderr
    assert (out / "answer").exists(), said.read_text()
    found: dict[str, Any] = json.loads((out / "answer").read_text())
    return found


def test_original_is_stopped_and_the_service_runs_in_its_place(seen: dict[str, Any]) -> None:
    assert seen["install"]["code"] == 0, f"{seen['install']['err']}\n{seen['seen']['said']}"
    assert seen["units"] == {"reverse_proxy.service": "inactive", "smgwproxy.service": "active"}
    assert seen["get"] == 401


def test_steps_are_told_with_their_commands(seen: dict[str, Any]) -> None:
    told = [line for line in seen["install"]["out"].splitlines() if line.startswith("run ")]
    assert told == [
        "run     systemd-sysusers smgwproxy.conf",
        "run     systemctl disable --now reverse_proxy.service",
        "run     systemctl daemon-reload",
        "run     systemctl enable smgwproxy.service",
        "run     systemctl restart smgwproxy.service",
    ]


def test_service_is_ready_and_watched_without_rights(seen: dict[str, Any]) -> None:
    service, process = seen["seen"], seen["seen"]["process"]
    assert (service["ActiveState"], service["SubState"], service["NRestarts"]) == ("active", "running", "0")
    assert service["StatusText"].startswith("forwards to https://")
    assert int(service["WatchdogTimestampMonotonic"]) > 0
    assert (process["NoNewPrivs"], process["Seccomp"]) == ("1", "2")
    assert int(process["CapEff"], 16) == int(process["CapBnd"], 16) == 0
    assert "0" not in process["Uid"].split()


def test_second_installation_leaves_the_service_alone(seen: dict[str, Any]) -> None:
    assert seen["again"]["code"] == 0
    steps, _, following = seen["again"]["out"].partition("\n\n")
    assert {line.split()[0] for line in steps.splitlines()} == {"keep"}
    assert f"  sudo {PROGRAM} doctor --config /etc/smgwproxy/smgwproxy.toml\n" in following


def test_service_is_restarted_when_its_files_are_newer(seen: dict[str, Any]) -> None:
    def told(when: str) -> list[str]:
        assert seen[when]["code"] == 0, seen[when]
        return [line for line in seen[when]["out"].splitlines() if line.startswith("run ")]

    reload, restart = "run     systemctl daemon-reload", "run     systemctl restart smgwproxy.service"
    assert told("after a break") == [reload, restart]
    assert told("after a change") == [restart]


def test_reload_keeps_it_running(seen: dict[str, Any]) -> None:
    assert (seen["reload"]["code"], seen["get after reload"]) == (0, 401)


def test_uninstall_stops_it_and_leaves_the_pin(seen: dict[str, Any]) -> None:
    assert (seen["uninstall"]["code"], seen["unit after"]) == (0, "inactive")
    assert len(seen["pins after"]) == 1


def test_low_ports_and_a_client_certificate_work_with_one_capability(seen: dict[str, Any]) -> None:
    assert seen["install low ports"]["code"] == 0, seen["install low ports"]
    assert seen["get low ports"] == 401
    assert int(seen["seen low ports"]["process"]["CapEff"], 16) == 1 << 10  # CAP_NET_BIND_SERVICE
    assert "the gateway is shown the client certificate" in seen["log"]
    assert "HTTPS shows the certificate" in seen["log"]


def test_purge_leaves_nothing(seen: dict[str, Any]) -> None:
    assert seen["purge"]["code"] == 0, seen["purge"]
    assert seen["left"] == []
    assert not seen["user"]
