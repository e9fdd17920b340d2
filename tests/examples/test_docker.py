"""The container of examples/docker: its files, its build, and the proxy as it would run there."""

from __future__ import annotations

import json
import os
import re
import runpy
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from smgwproxy.demo import run_in_thread, start_gateway
from tests.clients.conftest import missing
from tests.examples.files import EXAMPLES, ROOT, faults, read_yaml
from tests.examples.image import PACKAGES, Sandbox, environment, stages
from tests.support import OK, PATIENCE, raw_exchange
from tests.test_cli import StartGateway, program

DOCKER = EXAMPLES / "docker"
BUILD, RUN = stages(DOCKER / "Containerfile")


def service() -> dict[str, Any]:
    (only,) = read_yaml(DOCKER / "compose.yaml")["services"].values()
    assert isinstance(only, dict)
    return only


def the(word: str) -> str:
    """Return what the one such instruction of the image says."""
    (told,) = [one.rest for one in RUN if one.word == word]
    return told


def test_compose_file_fits_the_specification(tmp_path: Path) -> None:
    document = read_yaml(DOCKER / "compose.yaml")
    assert faults(document, "vendor.compose-spec", tmp_path) == ""
    document["services"]["smgwproxy"]["read-only"] = True
    assert "read-only" in faults(document, "vendor.compose-spec", tmp_path)


def test_container_may_write_nowhere_and_do_nothing() -> None:
    compose = service()
    assert compose["read_only"] is True
    assert compose["cap_drop"] == ["ALL"]
    assert compose["security_opt"] == ["no-new-privileges:true"]
    assert compose["network_mode"] == "host"
    assert "cap_add" not in compose
    assert "privileged" not in compose
    assert "ports" not in compose  # they would need a bridge
    assert int(the("USER").partition(":")[0]) >= 1000


def test_build_context_has_what_is_copied_and_little_more() -> None:
    compose = service()["build"]
    assert (DOCKER / compose["context"]).resolve() == ROOT
    assert ROOT / compose["dockerfile"] == DOCKER / "Containerfile"
    everything, *lines = (DOCKER / "Containerfile.dockerignore").read_text().split()
    assert everything == "*"
    let_in = {line[1:] for line in lines if line.startswith("!")}
    copied = [one.rest.split()[:-1] for one in (*BUILD, *RUN) if one.word == "COPY" and "--from" not in one.rest]
    assert {name for names in copied for name in names} == let_in
    assert all((ROOT / name).exists() for name in let_in)


@pytest.fixture(scope="module")
def venv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the first stage makes at /opt/smgwproxy; its commands run as they stand there."""
    source, venv = tmp_path_factory.mktemp("src"), tmp_path_factory.mktemp("venv")
    for one in BUILD:
        if one.word == "COPY":
            *names, _ = one.rest.split()
            for name in names:
                if (ROOT / name).is_dir():
                    shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
                else:
                    shutil.copy(ROOT / name, source / name)
    sandbox = Sandbox()
    sandbox.user("0", "0")
    sandbox.directory(source, "/src")
    sandbox.directory(venv, "/opt/smgwproxy")
    sandbox.memory("/tmp")  # noqa: S108  # the sandbox's own
    environ = {"PATH": f"/image/bin:{os.environ['PATH']}", "PYTHONPATH": PACKAGES}
    (command,) = [one.rest for one in BUILD if one.word == "RUN"]
    done = subprocess.run(
        sandbox.command("sh", "-c", command, environ=environ, cwd="/src"),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode and "No matching distribution" in done.stderr:
        missing(f"the packages cannot be had here: {done.stderr[-300:]}")
    assert done.returncode == 0, done.stdout + done.stderr
    return venv


def container(venv: Path, volume: Path) -> Sandbox:
    """Return the sandbox that compose.yaml describes, with ``volume`` for its only one."""
    compose = service()
    sandbox = Sandbox()
    sandbox.user(*the("USER").split(":"))
    sandbox.directory(venv, "/opt/smgwproxy", read_only=True)
    shutil.copy(DOCKER / "healthcheck.py", venv)
    for each in compose["tmpfs"]:
        sandbox.memory(each.partition(":")[0])
    (mounted,) = compose["volumes"]
    sandbox.directory(volume, mounted.partition(":")[2])
    return sandbox


def settings(port: str) -> dict[str, str]:
    """Return the container's environment, with a port of its own."""
    told = {**environment(RUN), **service()["environment"], "SMGWPROXY_PORT": port}
    return {**told, "PATH": told["PATH"].replace("$PATH", os.environ["PATH"]), "PYTHONPATH": PACKAGES}


@pytest.mark.long
def test_container_serves_without_a_place_to_write_to_and_is_stopped_cleanly(venv: Path, tmp_path: Path) -> None:
    volume = tmp_path / "volume"
    volume.mkdir()
    with run_in_thread(lambda: start_gateway("emh")) as gateway:
        environ = {**settings("0"), "SMGWPROXY_TARGET": gateway.authority}
        command = container(venv, volume).command(
            *json.loads(the("ENTRYPOINT")), environ=environ, cwd=the("WORKDIR")
        )
        with program(cwd=tmp_path, command=command) as running:
            answer = raw_exchange(running.port, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 401 ")
            assert [pin.suffix for pin in (volume / "certs").iterdir() if pin.suffix == ".json"] == [".json"]
            bubblewrap = running.process.pid
            (first,) = Path(f"/proc/{bubblewrap}/task/{bubblewrap}/children").read_text().split()
            os.kill(int(first), signal.SIGTERM)  # as "docker stop" does, to the container's process 1
            assert running.wait() == 0
            assert "stopped" in running.lines[-1]


def test_health_check_is_run_with_what_the_image_has() -> None:
    (command,) = re.findall(r"CMD (\[.*\])$", the("HEALTHCHECK"))
    python, script = json.loads(command)
    ((_, where),) = [one.rest.split() for one in RUN if one.word == "COPY" and "healthcheck.py" in one.rest]
    assert script == where
    assert python == str(Path(json.loads(the("ENTRYPOINT"))[0]).with_name("python"))


def health(port: int) -> int:
    return subprocess.run(
        [sys.executable, DOCKER / "healthcheck.py"],
        env={**os.environ, "SMGWPROXY_PORT": str(port)},
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    ).returncode


def test_health_check_asks_the_proxy_and_not_the_gateway(raw_gateway: StartGateway, tmp_path: Path) -> None:
    gateway = raw_gateway(OK)
    with program("--target", str(gateway.origin), "--port=0", cwd=tmp_path) as running:
        assert health(running.port) == 0
        port = running.port
        assert running.end() == 0
    assert gateway.requests == []
    assert health(port) == 1


def test_health_check_fails_for_a_program_that_hangs_or_is_no_proxy(raw_gateway: StartGateway) -> None:
    check = runpy.run_path(str(DOCKER / "healthcheck.py"))["main"]
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert check(silent.getsockname()[1], 0.1) == 1
    other = raw_gateway(OK, None)
    assert check(other.port) == 1
