"""The program as a person runs it: what is shown, and a proxy that runs beside it."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from smgwproxy.commands.doctor import doctor as doctor_command
from smgwproxy.demo import Gateway, self_signed
from smgwproxy.doctor.exchange import NothingHeard
from smgwproxy.doctor.finding import Check
from smgwproxy.doctor.through import Through
from tests.doctor.support import Doctor
from tests.support import PATIENCE
from tests.test_cli import MODULE, program, run

StartSimulated = Callable[..., Gateway]


@contextmanager
def running_proxy(doctor: Doctor, target: str, *more: str) -> Iterator[int]:
    """Run a proxy with the doctor's files, and wait until it serves; yield its process's number."""
    options = [*doctor.options(target), "--listen", "127.0.0.1", *more]
    with program(*options, cwd=doctor.directory) as proxy:
        proxy.wait_for("reachable at")
        yield proxy.process.pid
        assert proxy.end() == 0


def changed(simulated: StartSimulated, doctor: Doctor) -> tuple[Gateway, str]:
    """Start a gateway whose certificate is not the pinned one any more; return it and the doctor's target."""
    gateway = simulated("emh")
    target = doctor.pinned(gateway)
    gateway.restart(self_signed("EEMH0012345678"))
    return gateway, target


# --- a proxy that runs ----------------------------------------------------------------------------------


def test_running_proxy_is_asked_and_the_gateway_never_has_two_connections(
    simulated: StartSimulated, doctor: Doctor, free_port: str
) -> None:
    gateway = simulated("ppc")
    target = doctor.pinned(gateway)
    login = ("--user", "demo", "--password-file", doctor.password_file("demo"))
    with running_proxy(doctor, target, "--port", free_port) as pid:
        found = doctor(target, "--port", free_port, "--listen", "127.0.0.1", *login)
    assert found.code == 0, found.document
    assert found["other-proxy"]["pids"] == [pid]
    assert f"process {pid}" in found["lan-port"]["seen"]
    assert found.verdict("tls") == found.verdict("tcp") == "skipped"
    assert (found["tcp"]["commands"], found["tls"]["commands"]) == ([f"sudo kill {pid}"], [])
    assert found["certificate"]["seen"] == "the pinned one, since the running proxy takes no other"
    assert (found["http"]["status"], found["vendor"]["vendor"]) == (401, "ppc")
    assert found.verdict("clock") == "ok"
    assert [one["unit"] for one in found["reading"]["readings"]] == ["kWh", "kWh"]
    assert gateway.counters.connections_most == 1
    assert gateway.wrong_logins == 0


def test_running_proxy_tells_of_a_changed_certificate(
    simulated: StartSimulated, doctor: Doctor, free_port: str
) -> None:
    gateway, target = changed(simulated, doctor)
    with running_proxy(doctor, target, "--port", free_port):
        found = doctor(target, "--port", free_port)
    assert found.code == 1
    assert found.wrong == {"certificate"}
    assert gateway.fingerprint in found["certificate"]["seen"]
    (command,) = found["certificate"]["commands"]
    assert command.endswith(
        f"smgwproxy trust approve --target {target} --certdir {doctor.certs} --fingerprint {gateway.fingerprint}"
    )
    assert {found.verdict(check) for check in ("http", "vendor", "latency", "clock")} == {"skipped"}
    assert gateway.received == []


def test_running_proxy_with_another_store_tells_of_the_certificate_in_its_own_words(
    simulated: StartSimulated, doctor: Doctor, free_port: str
) -> None:
    gateway, target = changed(simulated, doctor)
    with running_proxy(doctor, target, "--port", free_port):
        found = doctor(target, "--port", free_port, "--truststore", f"file:{doctor.directory}/others")
    assert found.wrong == {"certificate"}
    assert f"Presented SHA-256: {gateway.fingerprint}" in found["certificate"]["seen"]
    assert "with the same --certdir or --truststore as the proxy" in found.advice("certificate")


def test_running_proxy_whose_configuration_was_changed_is_to_read_it_again(
    simulated: StartSimulated, doctor: Doctor, free_port: str
) -> None:
    gateway = simulated("emh")
    target = doctor.pinned(gateway)
    file = doctor.directory / "smgwproxy.toml"
    file.write_text("port = 0\n")
    with running_proxy(doctor, target, "--config", str(file)) as pid:
        file.write_text(f"port = {free_port}\n")
        found = doctor(target, "--config", str(file))
        other = doctor(target, "--port", "0")
    assert found.wrong == {"lan-port"}
    assert f"(process {pid}) does not listen at port {free_port}" in found["lan-port"]["seen"]
    assert found["lan-port"]["commands"] == [f"sudo kill -HUP {pid}"]
    assert found.verdict("http") == found.verdict("vendor") == "skipped"
    assert other.wrong == {"other-proxy", "http"}
    assert other["http"]["commands"] == [f"sudo kill -HUP {pid}"]
    (command,) = other["other-proxy"]["commands"]  # which is right, so nobody is told to kill it
    assert command.endswith(f"smgwproxy doctor --config {file}")


def test_errors_of_the_system_are_told_without_their_numbers(free_port: str) -> None:
    with Through("127.0.0.1", int(free_port), 1, secure=False) as asker, pytest.raises(NothingHeard) as told:
        asker.ask("GET", "/", [])
    assert str(told.value) == "the running proxy does not answer (Connection refused)"


# --- the installed configuration ------------------------------------------------------------------------


@pytest.fixture
def installed(simulated: StartSimulated, doctor: Doctor, free_port: str) -> Path:
    """A configuration in the installed one's place, with a pin that is another gateway's."""
    target = simulated("emh").authority
    doctor.pin(target, self_signed("before"))
    file = doctor.directory / "smgwproxy.toml"
    file.write_text(f'target = "{target}"\nport = {free_port}\ncertdir = "{doctor.certs}"\n')
    return file


def test_installed_configuration_is_used_and_told(
    installed: Path, doctor: Doctor, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tomllib.loads(installed.read_text())["target"]
    assert doctor_command([], {}, installed) == 1
    lines = capsys.readouterr().out.splitlines()
    assert " ".join(lines[: lines.index("")]) == f"The proxy of {installed} for the gateway {target}:"
    (command,) = [line for line in lines if "trust add" in line]
    assert f"trust add --config {installed} --fingerprint " in command
    assert doctor_command(["--json"], {}, installed) == 1
    assert json.loads(capsys.readouterr().out)["config"] == str(installed)


def test_target_and_port_win_over_the_installed_configuration(
    installed: Path, doctor: Doctor, capsys: pytest.CaptureFixture[str], simulated: StartSimulated
) -> None:
    target = simulated("ppc").authority
    assert doctor_command(["--target", target, "--json"], {"SMGWPROXY_PORT": "0"}, installed) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["target"], document["config"]) == (target, str(installed))
    found = {check["name"]: check for check in document["checks"]}
    assert found["lan-port"]["seen"] == "any free one will do"
    assert found["trust-store"]["directory"] == str(doctor.certs)


@pytest.mark.parametrize("option", ["config", "certdir", "logdir", "statedir", "truststore"])
def test_installed_configuration_is_left_alone_where_options_say_where_things_are(
    installed: Path,
    doctor: Doctor,
    capsys: pytest.CaptureFixture[str],
    option: str,
    monkeypatch: pytest.MonkeyPatch,
    simulated: StartSimulated,
) -> None:
    monkeypatch.chdir(doctor.directory)
    mine = doctor.directory / "mine.toml"
    mine.write_text("")
    target = simulated("ppc").authority
    text = {"config": str(mine), "truststore": "file:x"}.get(option, "x")
    rest = ["--target", target, "--port", "0", "--json"]
    for words, environ in (([f"--{option}", text], {}), ([], {f"SMGWPROXY_{option.upper()}": text})):
        assert doctor_command([*words, *rest], environ, installed) == 0
        document = json.loads(capsys.readouterr().out)
        assert document["config"] == (text if option == "config" else None)


def test_without_an_installation_the_defaults_are_checked(
    doctor: Doctor, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, simulated: StartSimulated
) -> None:
    monkeypatch.chdir(doctor.directory)
    words = ["--target", simulated("ppc").authority, "--port", "0", "--json"]
    assert doctor_command(words, {}, doctor.directory / "none.toml") == 0
    assert json.loads(capsys.readouterr().out)["config"] is None


def test_running_proxy_that_does_not_reach_the_gateway_says_so(
    simulated: StartSimulated, doctor: Doctor, free_port: str
) -> None:
    gateway = simulated("emh")
    gateway.stop()
    login = ("--user", "demo", "--password-file", doctor.password_file("demo"))
    with running_proxy(doctor, gateway.authority, "--port", free_port):
        found = doctor(gateway.authority, "--port", free_port, *login)
    assert found.wrong == {"http"}
    assert "refuses the connection" in found["http"]["seen"]
    assert found.verdict("reading") == "skipped"


def test_second_proxy_to_the_same_gateway_is_told_and_one_to_another_is_not(
    simulated: StartSimulated, doctor: Doctor, free_port: str
) -> None:
    gateway, other = simulated("emh"), simulated("ppc")
    target = doctor.pinned(gateway)
    with running_proxy(doctor, other.authority, "--port", "0"):
        with running_proxy(doctor, target, "--no-http", "--tls-port", free_port) as pid:
            found = doctor(target, "--port", "0")
            same = doctor(target, "--port", free_port)
        assert doctor(target, "--port", free_port).wrong == set()
    assert same.wrong == {"other-proxy"}  # one fault, told once
    assert f"(process {pid})'s" in same["lan-port"]["seen"]
    assert found.code == 1
    assert found.wrong == {"other-proxy"}
    assert found["other-proxy"]["pids"] == [pid]
    assert f"sudo kill {pid}" in found.advice("other-proxy")
    assert found["vendor"]["vendor"] == "emh"  # asked over its HTTPS


def test_original_is_asked_and_gets_no_password(
    simulated: StartSimulated, doctor: Doctor, free_port: str, tmp_path: Path
) -> None:
    gateway = simulated("emh")
    target = doctor.pinned(gateway)
    stand_in = tmp_path / "reverse_proxy"  # one of its name: what it is known by
    stand_in.write_text("from smgwproxy.cli import main\nraise SystemExit(main())\n")
    command = (sys.executable, str(stand_in))
    options = ("-target", target, "-port", free_port, "-certdir", str(doctor.certs), "--listen", "127.0.0.1")
    login = ("--user", "demo", "--password-file", doctor.password_file("demo"))
    with program(*options, cwd=tmp_path, command=command) as original:
        original.wait_for("reachable at")
        found = doctor(target, "--port", "0", *login)
    assert found.wrong == {"other-proxy"}
    assert found["http"]["status"] == 401
    assert "into its log" in found["reading"]["seen"]
    assert all(request.value("Authorization") is None for request in gateway.received)


# --- what is shown --------------------------------------------------------------------------------------


def test_checks_are_shown_line_by_line_and_commands_stay_whole(
    simulated: StartSimulated, doctor: Doctor, free_port: str
) -> None:
    _, target = changed(simulated, doctor)
    done = run("doctor", *doctor.options(target), "--port", free_port, cwd=doctor.directory)
    lines = done.stdout.splitlines()
    assert done.returncode == 1
    assert lines[0] == f"The proxy for the gateway {target}:"
    assert any(line.startswith("✓ TLS            TLS 1.3, ") for line in lines), done.stdout
    assert any(line.startswith("✗ Certificate    it has changed:") for line in lines)
    assert any(
        re.search(r"  (sudo )?\S.* -m smgwproxy trust add --target .* --fingerprint [0-9a-f]{64}$", line)
        for line in lines
    )
    assert any(line.startswith("- HTTP           the certificate is not the pinned one") for line in lines)
    assert lines[-1] == "1 check failed: see what is said there."


def test_document_is_one_and_nothing_else_is_said(
    simulated: StartSimulated, doctor: Doctor, free_port: str
) -> None:
    gateway = simulated("emh")
    done = run("doctor", *doctor.options(gateway.authority), "--port", free_port, "--json", cwd=doctor.directory)
    document = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (0, "")
    assert (document["target"], document["ok"]) == (gateway.authority, True)
    keys = {"name", "verdict", "seen", "advice", "commands"}
    assert all(keys <= check.keys() for check in document["checks"])
    names = [check["name"] for check in document["checks"]]
    assert names == [str(check) for check in Check if check not in {Check.READING, Check.CLIENT_CERTIFICATE}]


def test_terminal_without_ticks_gets_ascii(simulated: StartSimulated, doctor: Doctor, free_port: str) -> None:
    gateway = simulated("emh")
    environ = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = run(
        "doctor", *doctor.options(gateway.authority), "--port", free_port, cwd=doctor.directory, environ=environ
    )
    assert done.returncode == 0
    assert done.stdout.isascii()
    assert "\nok TLS            TLS 1.3, " in done.stdout
    assert "\\u" not in done.stdout
    assert done.stdout.endswith("\nNothing is wrong.\n")


def test_password_is_asked_for_at_a_terminal_and_not_shown(
    simulated: StartSimulated, doctor: Doctor, free_port: str
) -> None:
    gateway = simulated("emh", password="geheim")
    target = doctor.pinned(gateway)
    command = [*MODULE, "doctor", *doctor.options(target), "--port", free_port, "--user", "demo"]
    master, slave = pty.openpty()
    process = subprocess.Popen(
        command, cwd=doctor.directory, stdin=slave, stdout=slave, stderr=slave, start_new_session=True
    )
    os.close(slave)
    shown = ""
    while "Password of demo at the gateway: " not in shown:
        shown += os.read(master, 4096).decode()
    os.write(master, b"geheim\n")
    octets = b""
    with suppress(OSError):  # Linux tells the end of a terminal so
        while piece := os.read(master, 4096):
            octets += piece
    os.close(master)
    assert process.wait(PATIENCE) == 0
    assert "✓ Reading" in octets.decode()
    assert "geheim" not in octets.decode()


def test_help_needs_neither_gevent_nor_urllib3(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom smgwproxy.cli import main\n"
        "try:\n    main(['doctor', '--help'])\nexcept SystemExit:\n    pass\n"
        "print(sorted({'gevent', 'urllib3', 'cryptography'} & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"
    assert "--user NAME" in done.stdout


def test_nobody_who_reads_ends_it_quietly(simulated: StartSimulated, doctor: Doctor, free_port: str) -> None:
    gateway = simulated("emh")
    command = [*MODULE, "doctor", *doctor.options(gateway.authority), "--port", free_port]
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as nobody:
        done = subprocess.run(
            command, cwd=doctor.directory, stdout=nobody, stderr=subprocess.PIPE, timeout=PATIENCE, check=False
        )
    assert (done.returncode, done.stderr) == (141, b"")
