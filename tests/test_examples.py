"""Every example is run, or checked by the program that it is for; see tests/examples, too."""

from __future__ import annotations

import runpy
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import httpx
import pytest
import requests

import smgwproxy
from smgwproxy.config import load
from smgwproxy.demo import run_in_thread, start_gateway
from smgwproxy.truststores.record import Pin
from tests.support import OK, PATIENCE, Identity, RawGateway, raw_exchange

EXAMPLES = Path(__file__).parent.parent / "examples"
StartGateway = Callable[..., RawGateway]


def test_every_example_is_checked_here() -> None:
    found = {str(path.relative_to(EXAMPLES)) for path in EXAMPLES.rglob("*") if path.is_file()}
    assert {name for name in found if not {"__pycache__", ".pytest_cache"} & set(Path(name).parts)} == {
        "library/pins_for_requests_and_httpx.py",
        "library/read_meter.py",
        "library/read_through_pinned_tls.py",
        "library/wsgi_in_threads.py",
        "raspberry-pi/reverse_proxy.service",
        "smgwproxy.toml",
        # in tests/examples
        "README.de.md",
        "README.md",
        "docker/Containerfile",
        "docker/Containerfile.dockerignore",
        "docker/README.de.md",
        "docker/README.md",
        "docker/compose.yaml",
        "docker/healthcheck.py",
        "evcc/README.de.md",
        "evcc/README.md",
        "evcc/evcc.yaml",
        "home-assistant/README.de.md",
        "home-assistant/README.md",
        "home-assistant/rest-emh.yaml",
        "home-assistant/rest-theben.yaml",
        "library/in_flask.py",
        "library/in_wsgi.py",
        "raspberry-pi/README.de.md",
        "raspberry-pi/README.md",
        "raspberry-pi/han-network.sh",
        # in the tests of `smgwproxy install`, which writes it
        "raspberry-pi/smgwproxy.service",
        # an installable package, whose own tests CI runs against a real server
        "truststore-postgresql/README.de.md",
        "truststore-postgresql/README.md",
        "truststore-postgresql/pyproject.toml",
        "truststore-postgresql/smgwproxy_postgresql/__init__.py",
        "truststore-postgresql/smgwproxy_postgresql/py.typed",
        "truststore-postgresql/tests/conftest.py",
        "truststore-postgresql/tests/postgresql_server.py",
        "truststore-postgresql/tests/test_contract.py",
        "truststore-postgresql/tests/test_postgresql.py",
    }


def test_library_reads_through_pinned_tls(raw_gateway: StartGateway, tmp_path: Path, identity: Identity) -> None:
    gateway = raw_gateway(b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Digest x\r\nContent-Length: 0\r\n\r\n")
    told = subprocess.run(
        [sys.executable, EXAMPLES / "library/read_through_pinned_tls.py", str(gateway.origin)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE,
    ).stdout.splitlines()
    assert told[:3] == [
        f"pinned: SHA-256 {identity.certificate.fingerprint}",
        "401 Unauthorized",
        "WWW-Authenticate: Digest x",
    ]


def test_library_serves_in_threads(raw_gateway: StartGateway, tmp_path: Path) -> None:
    gateway = raw_gateway(OK)
    program = [sys.executable, str(EXAMPLES / "library/wsgi_in_threads.py"), str(gateway.origin), "0"]
    with subprocess.Popen(
        program, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as run:
        try:
            assert run.stdout is not None
            port = int(run.stdout.readline().rstrip("/\n").rpartition(":")[2])
            assert raw_exchange(port, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").endswith(b"ok")
        finally:
            run.kill()


def test_unit_is_one_that_systemd_takes() -> None:
    verify = shutil.which("systemd-analyze")
    if verify is None:
        pytest.skip("systemd-analyze is not installed")
    unit = EXAMPLES / "raspberry-pi/reverse_proxy.service"
    told = subprocess.run(
        [verify, "verify", "--man=no", unit], capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    # the user and the program of the example are not on this machine
    complaints = [line for line in told.stderr.splitlines() if unit.name in line and "not executable" not in line]
    assert complaints == []


def test_unit_changes_only_the_program_of_the_original() -> None:
    lines = (EXAMPLES / "raspberry-pi/reverse_proxy.service").read_text().splitlines()
    (start,) = [line for line in lines if line.startswith("ExecStart=")]
    flags = start.split()[1:]
    assert load(flags, {}).only.logdir == Path("/var/log/smgw-proxy")


def test_configuration_file_holds_every_option_with_its_default() -> None:
    path = EXAMPLES / "smgwproxy.toml"
    assert load(["--config", str(path)], {}).only == load([], {}).only
    table = tomllib.loads(path.read_text())
    assert set(table) == {option.name for option in smgwproxy.config.OPTIONS}


def test_types_are_shipped() -> None:
    assert files("smgwproxy").joinpath("py.typed").is_file()


def test_public_names_are_there() -> None:
    for name in smgwproxy.__all__:
        assert getattr(smgwproxy, name).__module__.startswith("smgwproxy.")
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = smgwproxy.nothing


def run_example(name: str, *arguments: str, directory: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, EXAMPLES / name, *arguments],
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )


def test_meter_is_read_by_a_script_of_ten_lines_without_a_server(tmp_path: Path) -> None:
    with run_in_thread(lambda: start_gateway("emh")) as gateway:
        told = run_example(
            "library/read_meter.py", gateway.authority, gateway.user, gateway.password, directory=tmp_path
        )
    assert (told.returncode, told.stderr) == (0, "")
    assert "0100010800ff" in told.stdout
    code = (EXAMPLES / "library/read_meter.py").read_text().rpartition('"""')[2]
    assert len([line for line in code.splitlines() if line.strip()]) <= 10


def test_requests_and_httpx_use_the_pin(raw_gateway: StartGateway, tmp_path: Path, identity: Identity) -> None:
    gateway = raw_gateway(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")
    told = run_example("library/pins_for_requests_and_httpx.py", str(gateway.origin), directory=tmp_path)
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout.splitlines() == [
        f"pinned: SHA-256 {identity.certificate.fingerprint}",
        "requests: 401",
        "httpx: 401",
    ]


def test_requests_and_httpx_give_a_stranger_no_byte(
    raw_gateway: StartGateway, identity: Identity, impostor: Identity
) -> None:
    program = runpy.run_path(str(EXAMPLES / "library/pins_for_requests_and_httpx.py"))
    stranger = raw_gateway(OK, impostor)
    pin = Pin.of(identity.certificate)
    with requests.Session() as session:
        session.mount("https://", program["PinnedAdapter"](pin))
        with pytest.raises(requests.exceptions.SSLError, match="Fingerprints did not"):
            session.get(f"https://{stranger.origin}/")
    with httpx.Client(verify=program["pinned_context"](pin)) as client, pytest.raises(httpx.ConnectError):
        client.get(f"https://{stranger.origin}/")
    stranger.stop()
    assert stranger.received == b""
