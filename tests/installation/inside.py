"""What is done on a system that systemd runs: the original is upgraded, the proxy used, and all undone.

Runs there as root, and writes JSON: what was seen, under the name of what was done.
"""

from __future__ import annotations

import http.client
import json
import pwd
import subprocess
import sys
from pathlib import Path

from smgwproxy.demo import run_in_thread, start_gateway
from tests.installation.conftest import UNIT_OF_FIRST_DESCRIPTION

PROGRAM = "/opt/smgwproxy"
SERVICE = "smgwproxy.service"
UNIT = f"/etc/systemd/system/{SERVICE}"
CONFIGURATION = Path("/etc/smgwproxy/smgwproxy.toml")


def run(*words: str) -> dict[str, object]:
    ended = subprocess.run(words, capture_output=True, text=True, check=False)
    return {"code": ended.returncode, "out": ended.stdout, "err": ended.stderr}


def show(*properties: str) -> dict[str, str]:
    words = ["systemctl", "show", SERVICE, *(f"--property={name}" for name in properties)]
    told = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    return dict(line.split("=", 1) for line in told.splitlines())


def get(port: int) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", "/smgw/m2m")
        return connection.getresponse().status
    except OSError:  # told by what else was seen
        return 0


def status_of(process: str) -> dict[str, str]:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def active(unit: str) -> str:
    return subprocess.run(
        ["systemctl", "is-active", unit], capture_output=True, text=True, check=False
    ).stdout.strip()


def put_original(target: str) -> None:
    home = Path("/srv/smgw-proxy")
    (home / "certs").mkdir(parents=True)
    program = home / "reverse_proxy"
    program.write_text("#!/bin/sh\nexec sleep 1000\n")
    program.chmod(0o755)
    unit = UNIT_OF_FIRST_DESCRIPTION.replace("/home/pi", "/srv").replace("User=pi", "User=root")
    unit = unit.replace("-logdir", f"-target {target} -logdir")
    Path("/etc/systemd/system/reverse_proxy.service").write_text(unit)
    subprocess.run(["systemctl", "daemon-reload"], check=True)
    subprocess.run(["systemctl", "start", "reverse_proxy"], check=True)


def put_drop_in() -> None:
    """Keep what the service says, and let a Python from somebody's home find its library elsewhere."""
    drop_in = Path(f"{UNIT}.d/said.conf")
    drop_in.parent.mkdir()
    drop_in.write_text(
        "[Service]\nStandardError=append:/opt/out/service\nEnvironment=LD_LIBRARY_PATH=/opt/base/lib\n"
    )


def look() -> dict[str, object]:
    seen = show("MainPID", "ActiveState", "SubState", "StatusText", "NRestarts", "WatchdogTimestampMonotonic")
    seen["said"] = str(run("cat", "/opt/out/service")["out"])
    return {**seen, "process": status_of(seen["MainPID"]) if seen["MainPID"] != "0" else {}}


def walk(certificate: str) -> dict[str, object]:
    done: dict[str, object] = {}
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with run_in_thread(lambda: start_gateway("theben")) as gateway:
        put_drop_in()
        put_original(gateway.authority)
        done["install"] = run(PROGRAM, "install", "--program", PROGRAM)
        done["units"] = {unit: active(unit) for unit in ("reverse_proxy.service", SERVICE)}
        done["seen"] = look()
        done["get"] = get(8080)
        done["again"] = run(PROGRAM, "install", "--program", PROGRAM)
        Path(UNIT).touch()  # as if it were written, and the installation broken off then
        done["after a break"] = run(PROGRAM, "install", "--program", PROGRAM)
        CONFIGURATION.touch()
        done["after a change"] = run(PROGRAM, "install", "--program", PROGRAM)
        done["reload"] = run("systemctl", "reload", SERVICE)
        done["get after reload"] = get(8080)
        done["uninstall"] = run(PROGRAM, "uninstall")
        done["unit after"] = active(SERVICE)
        done["pins after"] = sorted(path.name for path in Path("/var/lib/smgwproxy/certs").glob("*.json"))
        CONFIGURATION.unlink()
        words = ["--from", "none", "--target", gateway.authority, "--port", "80", "--tls-port", "443"]
        words += ["--client-cert", certificate]
        done["install low ports"] = run(PROGRAM, "install", "--program", PROGRAM, *words)
        done["seen low ports"] = look()
        done["get low ports"] = get(80)
        done["log"] = run("cat", "/var/log/smgwproxy/proxy.log")["out"]
        done["purge"] = run(PROGRAM, "uninstall", "--purge")
        done["left"] = [
            path
            for path in (
                "/var/lib/smgwproxy",
                "/var/log/smgwproxy",
                "/etc/smgwproxy",
                UNIT,
            )
            if Path(path).exists()
        ]
        done["user"] = any(one.pw_name == "smgwproxy" for one in pwd.getpwall())
    return done


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(json.dumps(walk(sys.argv[1])))
