"""The program as a user runs it: a process of its own, its flags, its files, its signals."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import ec

from smgwproxy import __version__
from smgwproxy.demo import VENDORS
from smgwproxy.truststores.file import FileTrustStore
from tests.support import (
    OK,
    PATIENCE,
    Identity,
    Peer,
    RawGateway,
    make_identity,
    make_theben_identity,
    raw_exchange,
)

StartGateway = Callable[..., RawGateway]
GET = b"GET /x HTTP/1.1\r\nHost: pi:8080\r\nConnection: close\r\n\r\n"
MODULE = (sys.executable, "-m", "smgwproxy")


@dataclass
class Program:
    """A running ``smgwproxy``; its lines on stderr and stdout are read as they come."""

    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Read lines until one matches, and return the match."""
        assert self.process.stdout is not None
        for line in self.lines:
            if match := re.search(pattern, line):
                return match
        for line in self.process.stdout:
            self.lines.append(line)
            if match := re.search(pattern, line):
                return match
        code = self.process.wait(PATIENCE)
        raise AssertionError(f"no line matches {pattern!r}, exit code {code}: {''.join(self.lines)}")

    @property
    def port(self) -> int:
        return int(self.wait_for(r"reachable at http://127\.0\.0\.1:(\d+)/")[1])

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send the signal, and return the exit code; what was said until then is in ``lines``."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        assert self.process.stdout is not None
        self.lines += self.process.stdout.readlines()
        return self.process.wait(PATIENCE)


@contextmanager
def program(
    *arguments: str,
    cwd: Path,
    command: tuple[str, ...] = MODULE,
    environ: Mapping[str, str] | None = None,
    prepare: Callable[[], None] | None = None,
) -> Iterator[Program]:
    process = subprocess.Popen(
        [*command, *arguments],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, **(environ or {})},
        preexec_fn=prepare,  # noqa: PLW1509  # the limit must hold for this one process only
    )
    try:
        yield Program(process)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def run(*arguments: str, cwd: Path, environ: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*MODULE, *arguments],
        cwd=cwd,
        env={**os.environ, **(environ or {})},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def log_text(directory: Path) -> str:
    return (directory / "logs" / "proxy.log").read_text()


# --- the whole way --------------------------------------------------------------------------------------


def test_flags_of_the_original_run_the_proxy_and_fill_its_directories(
    raw_gateway: StartGateway, tmp_path: Path
) -> None:
    gateway = raw_gateway(OK)
    arguments = [
        "-target",
        str(gateway.origin),
        "-port=0",
        "-certdir",
        "./zert",
        "-logdir",
        "l",
        "-logfile",
        "x.log",
    ]
    with program(*arguments, cwd=tmp_path) as proxy:
        assert raw_exchange(proxy.port, GET).endswith(b"ok")
        assert proxy.end() == 0
    assert (tmp_path / "zert" / f"{gateway.origin}.json").is_file()
    (dated,) = (tmp_path / "l").glob("*_x.log")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d_x\.log", dated.name)
    assert (tmp_path / "l" / "x.log").readlink() == Path(dated.name)
    assert '"GET /x HTTP/1.1" 200 2 bytes' in dated.read_text()


def test_console_script_is_the_same_program(tmp_path: Path) -> None:
    script = Path(sys.executable).with_name("smgwproxy")
    told = subprocess.run([script, "--version"], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert told.stdout == f"smgwproxy {__version__}\n"


def test_gateway_is_pinned_at_start_without_a_request(
    raw_gateway: StartGateway, tmp_path: Path, identity: Identity
) -> None:
    gateway = raw_gateway(OK)
    with program("--target", str(gateway.origin), "--port", "0", cwd=tmp_path) as proxy:
        told = proxy.wait_for(r"is pinned: SHA-256 (\w+), (.*), ends (.*)")
        proxy.end()
    assert told[1] == str(identity.certificate.fingerprint)
    assert told[2] == "CN=SMGW"
    assert gateway.received == b""


def test_stored_certificates_are_listed_at_start(tmp_path: Path) -> None:
    (tmp_path / "certs").mkdir()
    for name, digit in (("10.11.120.2", "a"), ("10.0.0.1", "b")):
        record = {"fingerprint": digit * 64, "subject": f"CN={name}"}
        (tmp_path / "certs" / f"{name}.json").write_text(json.dumps(record))
    with program("--target", "127.0.0.1:1", "--port", "0", cwd=tmp_path) as proxy:
        proxy.wait_for(r"refuses the connection")
        proxy.end()
    told = "".join(proxy.lines)
    assert f"stored certificate of 10.11.120.2: SHA-256 {'a' * 64}, CN=10.11.120.2" in told
    assert f"stored certificate of 10.0.0.1: SHA-256 {'b' * 64}, CN=10.0.0.1" in told


def test_foreign_record_does_not_keep_the_gateway_from_being_pinned_at_start(
    raw_gateway: StartGateway, tmp_path: Path
) -> None:
    gateway = raw_gateway(OK)
    (tmp_path / "certs").mkdir()
    (tmp_path / "certs" / "notes.json").write_text("not a record")
    with program("--target", str(gateway.origin), "--port", "0", cwd=tmp_path) as proxy:
        proxy.wait_for(r"ERROR The trust record .*notes\.json cannot be read")
        proxy.wait_for("is pinned")


def test_options_come_from_flag_environment_and_file_in_that_order(
    raw_gateway: StartGateway, tmp_path: Path
) -> None:
    gateway = raw_gateway(OK)
    (tmp_path / "proxy.toml").write_text(
        f'target = "{gateway.origin}"\nport = 1\nlogfile = "file.log"\nlog-level = "error"\n'
    )
    environ = {"SMGWPROXY_PORT": "2", "SMGWPROXY_LOG_LEVEL": "info", "SMGWPROXY_CONFIG": "proxy.toml"}
    with program("--port", "0", cwd=tmp_path, environ=environ) as proxy:
        assert raw_exchange(proxy.port, GET).endswith(b"ok")
        proxy.end()
    assert (tmp_path / "logs" / "file.log").is_symlink()


def test_ipv6_client_is_served_by_default(raw_gateway: StartGateway, tmp_path: Path) -> None:
    gateway = raw_gateway(OK)
    with program("--target", str(gateway.origin), "--port", "0", cwd=tmp_path) as proxy:
        assert raw_exchange(proxy.port, GET, host="::1").endswith(b"ok")


def test_gateway_with_an_ipv6_address_is_reached(raw_gateway: StartGateway, tmp_path: Path) -> None:
    gateway = raw_gateway(OK, host="::1")
    with program("--target", f"[::1]:{gateway.port}", "--port", "0", cwd=tmp_path) as proxy:
        assert raw_exchange(proxy.port, GET).endswith(b"ok")
    assert f"Host: [::1]:{gateway.port}\r\n".encode() in gateway.received


def test_host_header_is_what_the_gateway_is_sent(raw_gateway: StartGateway, tmp_path: Path) -> None:
    gateway = raw_gateway(OK)
    arguments = ("--target", str(gateway.origin), "--port", "0", "--host-header", "SMGW.local")
    with program(*arguments, cwd=tmp_path) as proxy:
        assert raw_exchange(proxy.port, GET).endswith(b"ok")
    assert b"\r\nHost: SMGW.local\r\n" in gateway.received


@pytest.mark.parametrize(("keepalive", "second"), [("0.000001", "new"), ("86400", "reused")])
def test_connection_that_was_idle_for_too_long_is_not_used_again(
    raw_gateway: StartGateway, tmp_path: Path, keepalive: str, second: str
) -> None:
    gateway = raw_gateway(OK)
    arguments = ("--target", str(gateway.origin), "--port", "0", "--keepalive", keepalive)
    with program(*arguments, cwd=tmp_path) as proxy:
        proxy.wait_for("is pinned")
        for _ in range(2):
            assert raw_exchange(proxy.port, GET).endswith(b"ok")
        proxy.end()
    told = re.findall(r'"GET /x HTTP/1\.1" 200 2 bytes [\d.]+ s connection=(\w+)', log_text(tmp_path))
    assert told == ["new", second]


def test_listen_takes_connections_at_that_address_only(raw_gateway: StartGateway, tmp_path: Path) -> None:
    gateway = raw_gateway(OK)
    arguments = ("--target", str(gateway.origin), "--port", "0", "--listen", "127.0.0.1")
    with program(*arguments, cwd=tmp_path) as proxy:
        port = proxy.port
        assert raw_exchange(port, GET).endswith(b"ok")
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.2", port), PATIENCE)


# --- what is wrong is told in one line ------------------------------------------------------------------


def blocked(path: Path) -> str:
    """Put a file where a directory is wanted, which bars even root."""
    path.write_text("")
    return str(path / "sub")


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        (["--target", "10.11.120"], "--target"),
        (["--target", "no such host"], "--target"),
        (["--port", "70000"], "--port"),
        (["--prot", "1"], "--prot"),
        (["--listen", "192.0.2.1"], "--listen"),
        (["--truststore", "vault:x"], "--truststore"),
        (["--truststore", "file:"], "--truststore"),
        (["--max-connections", "0"], "--max-connections"),
        (["--read-timeout", "soon"], "--read-timeout"),
        (["--keepalive", "0"], "--keepalive"),
        (["--host-header", "https://smgw.local"], "--host-header"),
        (["--client-cert", "missing.p12"], "--client-cert"),
        (["--client-key", "key.pem"], "--client-key"),
        (["--config", "missing.toml"], "--config"),
        (["--log-level", "loud"], "--log-level"),
        (["serve"], "serve"),
        (["demo", "--vendor", "x"], "--vendor"),
        (["demo", "--target", "x"], "--target"),
    ],
)
def test_wrong_option_is_told_in_one_line_with_exit_code_2(
    tmp_path: Path, arguments: list[str], option: str
) -> None:
    ended = run(*arguments, cwd=tmp_path)
    assert ended.returncode == 2
    assert ended.stdout == ""
    (line,) = ended.stderr.splitlines()
    assert line.startswith("smgwproxy: error: ")
    assert option in line


@pytest.mark.parametrize("option", ["--certdir", "--logdir"])
def test_unwritable_directory_is_told_in_one_line(tmp_path: Path, option: str) -> None:
    directory = blocked(tmp_path / "file")
    ended = run(option, directory, "--port", "0", cwd=tmp_path)
    assert ended.returncode == 2
    (line,) = ended.stderr.splitlines()
    assert line.startswith(f"smgwproxy: error: {option}: ")
    assert directory in line


def test_unwritable_directory_from_the_environment_is_told_by_its_name(tmp_path: Path) -> None:
    ended = run("--port", "0", cwd=tmp_path, environ={"SMGWPROXY_CERTDIR": blocked(tmp_path / "file")})
    assert ended.returncode == 2
    assert ended.stderr.startswith("smgwproxy: error: SMGWPROXY_CERTDIR: ")


def test_port_in_use_is_told_in_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = run("--port", port, "--listen", "127.0.0.1", cwd=tmp_path)
    assert ended.returncode == 2
    assert ended.stderr.splitlines() == [
        f"smgwproxy: error: --port: {port} is in use: stop the program that has it, or choose another port"
    ]


def test_proxy_loads_nothing_that_only_some_options_need(tmp_path: Path) -> None:
    """Memory is dear on a small board: an idle proxy shall have less than 35 MiB."""
    code = (
        "import sys, smgwproxy.cli, smgwproxy.commands.serve, smgwproxy.truststores.file\n"
        "spared = {'cryptography', 'sqlite3', 'prometheus_client', 'tomllib', 'difflib', 'html', 'unicodedata'}\n"
        "ours = {'client_certificate', 'own_certificate', 'status.site', 'status.page', 'doctor', 'discovery'}\n"
        "there = (spared | {f'smgwproxy.{name}' for name in ours}) & set(sys.modules)\n"
        "assert not there, there\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)


TELLS_WHAT_IT_LOADED = (
    "import atexit, sys\nfrom smgwproxy.cli import main\n"
    "atexit.register(lambda: print('loaded:', *sys.modules))\nmain()\n"
)


def loaded_by(*arguments: str, cwd: Path) -> set[str]:
    """Let a proxy pass on one request, and return the modules that it has loaded until it ends."""
    command = (sys.executable, "-c", TELLS_WHAT_IT_LOADED)
    with program(*arguments, "--port", "0", "--listen", "127.0.0.1", cwd=cwd, command=command) as proxy:
        assert raw_exchange(proxy.port, GET).endswith(b"ok")
        assert proxy.end() == 0
    (told,) = (line for line in proxy.lines if line.startswith("loaded: "))
    return set(told.split()[1:])


@pytest.mark.parametrize("make", [make_identity, make_theben_identity])
@pytest.mark.parametrize("store", ["file:certs", "sqlite:trust.db"])
def test_first_use_needs_no_cryptography(
    make: Callable[[Path], Identity], store: str, raw_gateway: StartGateway, tmp_path: Path
) -> None:
    """It would be a quarter of the memory of an idle proxy."""
    target = str(raw_gateway(OK, make(tmp_path)).origin)
    loaded = loaded_by("--target", target, "--truststore", store, cwd=tmp_path)
    assert "smgwproxy.contents.ordinary" in loaded
    assert "cryptography" not in loaded
    # nor does the next start, before a gateway that is pinned
    assert "cryptography" not in loaded_by("--target", target, "--truststore", store, cwd=tmp_path)


def test_renewal_with_the_same_key_needs_no_cryptography(
    raw_gateway: StartGateway, tmp_path: Path, store: FileTrustStore
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    old, new = make_identity(tmp_path, "old", key), make_identity(tmp_path, "new", key)
    gateway = raw_gateway(OK, new)
    store.pin(gateway.origin, old.certificate)
    loaded = loaded_by("--target", str(gateway.origin), "--renewal", "same-key", cwd=tmp_path)
    assert [pin.certificate for pin in store.lookup(gateway.origin)] == [new.certificate]
    assert "cryptography" not in loaded


def test_certificate_of_an_odd_form_is_pinned_by_cryptography(raw_gateway: StartGateway, tmp_path: Path) -> None:
    odd = make_identity(tmp_path, name=" SMGW")
    assert "cryptography" in loaded_by("--target", str(raw_gateway(OK, odd).origin), cwd=tmp_path)


def test_help_names_every_option_and_needs_neither_gevent_nor_urllib3(tmp_path: Path) -> None:
    code = (
        "import sys, smgwproxy.cli\n"
        "try:\n    smgwproxy.cli.main(['--help'])\n"
        "finally:\n    assert not {'gevent', 'urllib3', 'cryptography', 'ssl'} & set(sys.modules)\n"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    names = "target port certdir logdir logfile listen truststore max-connections queue-timeout connect-timeout"
    names += (
        " read-timeout keepalive host-header client-cert client-key client-password-file config log-level version"
    )
    for name in names.split():
        assert f"--{name}" in told.stdout
    assert "smgwproxy demo [options]" in told.stdout


@pytest.mark.parametrize("option", ["--help", "--wrong"])
@pytest.mark.parametrize(
    "command",
    [
        *("certificate", "certificate show", "demo", "discover", "doctor", "install", "trust", "trust scan"),
        "uninstall",
    ],
)
def test_help_and_wrong_options_of_every_command_need_neither_gevent_nor_urllib3(
    command: str, option: str, tmp_path: Path
) -> None:
    code = (
        "import sys\nfrom smgwproxy.cli import main\n"
        "try:\n    ended = main(sys.argv[1:])\n"
        "finally:\n    assert not {'gevent', 'urllib3', 'cryptography'} & set(sys.modules)\n"
        "sys.exit(ended)\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", code, *command.split(), option],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert told.returncode == (0 if option == "--help" else 2), told.stderr


def test_demo_offers_every_vendor_that_can_be_simulated(tmp_path: Path) -> None:
    assert f"--vendor {{{','.join(VENDORS)}}}" in run("demo", "--help", cwd=tmp_path).stdout


def test_help_of_the_demo_tells_where_it_listens(tmp_path: Path) -> None:
    told = run("demo", "--help", cwd=tmp_path)
    assert "default: 127.0.0.1; SMGWPROXY_LISTEN" in " ".join(told.stdout.split())


# --- logs -----------------------------------------------------------------------------------------------


def test_secrets_appear_in_no_log_at_any_level(raw_gateway: StartGateway, tmp_path: Path) -> None:
    gateway = raw_gateway(
        b"HTTP/1.1 200 OK\r\nSet-Cookie: session=s3cret;secure\r\nContent-Type: text/html\r\n"
        b"Content-Length: 7\r\n\r\nreading"
    )
    request = (
        b"POST /x HTTP/1.1\r\nHost: pi\r\nAuthorization: Digest s3cret\r\ncookie: session=s3cret\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 32\r\nConnection: close\r\n\r\n"
        b"action=meterform&password=s3cret"
    )
    with program("--target", str(gateway.origin), "--port", "0", "--log-level", "debug", cwd=tmp_path) as proxy:
        raw_exchange(proxy.port, request)
        proxy.wait_for("reading")
        proxy.end()
    for text in (log_text(tmp_path), "".join(proxy.lines)):
        assert "s3cret" not in text
        assert "Authorization: …" in text
        assert "action=meterform" in text
        assert "reading" in text


def test_bodies_and_header_lines_are_not_logged_unless_asked_for(
    raw_gateway: StartGateway, tmp_path: Path
) -> None:
    gateway = raw_gateway(OK)
    with program("--target", str(gateway.origin), "--port", "0", cwd=tmp_path) as proxy:
        raw_exchange(proxy.port, GET[:-2] + b"X-Mine: header\r\n\r\n")
        proxy.wait_for('"GET /x HTTP/1.1"')
        proxy.end()
    assert "header" not in log_text(tmp_path)


def test_request_line_tells_new_and_reused_connections(raw_gateway: StartGateway, tmp_path: Path) -> None:
    gateway = raw_gateway(OK)
    with program("--target", str(gateway.origin), "--port", "0", cwd=tmp_path) as proxy:
        for _ in range(2):
            raw_exchange(proxy.port, GET)
        proxy.wait_for("connection=reused")
        proxy.end()
    told = re.findall(
        r'INFO 127\.0\.0\.1 "GET /x HTTP/1\.1" 200 2 bytes [\d.]+ s connection=(\w+)', log_text(tmp_path)
    )
    assert told == ["new", "reused"]


def test_request_cannot_forge_a_log_line(raw_gateway: StartGateway, tmp_path: Path) -> None:
    gateway = raw_gateway(OK)
    with program("--target", str(gateway.origin), "--port", "0", "--log-level", "debug", cwd=tmp_path) as proxy:
        forged = b"2026-01-01T00:00:00.000+00:00 INFO forged"
        raw_exchange(
            proxy.port,
            b'GET /"%0a' + forged.replace(b" ", b"%20") + b" HTTP/1.1\r\nHost: x\r\n\r\n",
            half_close=True,
        )
        raw_exchange(proxy.port, b"GET / HTTP/1.1\r\nHost: x\r\nA: \x1b[2J\xc2\x85" + forged + b"\r\n\r\n")
        raw_exchange(
            proxy.port, b"GET / HTTP/1.1\r\nHost: x\r\nA: \xc2\x85" + forged + b"\r\nConnection: close\r\n\r\n"
        )
        proxy.end()
    for line in log_text(tmp_path).splitlines():
        assert re.match(r"    \| |20\d\d-\d\d-\d\dT\S+ (DEBUG|INFO|WARNING|ERROR) ", line), line
        assert not line.startswith(forged.decode())
        assert line.isprintable()


def test_full_disk_stops_the_log_and_not_the_proxy(raw_gateway: StartGateway, tmp_path: Path) -> None:
    gateway = raw_gateway(OK)

    def small_files_only() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))

    with program("--target", str(gateway.origin), "--port", "0", cwd=tmp_path, prepare=small_files_only) as proxy:
        proxy.wait_for("is pinned")
        drain = threading.Thread(target=lambda: proxy.lines.extend(proxy.process.stdout or ()))
        port = proxy.port
        drain.start()
        for _ in range(100):
            assert raw_exchange(port, GET).endswith(b"ok")
        proxy.process.send_signal(signal.SIGTERM)
        drain.join(PATIENCE)
        assert proxy.process.wait(PATIENCE) == 0
    assert sum("logs" in line and "large" in line for line in proxy.lines) >= 1
    assert (tmp_path / "logs" / "proxy.log").stat().st_size <= 4096


def test_changed_certificate_is_logged_with_both_fingerprints(
    raw_gateway: StartGateway, tmp_path: Path, identity: Identity, impostor: Identity
) -> None:
    gateway = raw_gateway(OK)
    with program("--target", str(gateway.origin), "--port", "0", cwd=tmp_path) as proxy:
        proxy.wait_for("is pinned")
        gateway.stop()
        raw_gateway(OK, impostor, port=gateway.port)
        raw_exchange(proxy.port, GET)
        proxy.wait_for("is not the pinned one")
        proxy.end()
    text = log_text(tmp_path)
    assert f"Pinned SHA-256: {identity.certificate.fingerprint}" in text
    assert f"Presented SHA-256: {impostor.certificate.fingerprint}" in text


# --- the end --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_the_program_with_exit_code_0(
    raw_gateway: StartGateway, tmp_path: Path, number: signal.Signals
) -> None:
    gateway = raw_gateway(OK)
    with (
        program("--target", str(gateway.origin), "--port", "0", cwd=tmp_path) as proxy,
        socket.create_connection(("127.0.0.1", proxy.port), PATIENCE) as idle,
    ):
        assert proxy.end(number) == 0, proxy.lines
        assert idle.recv(1) == b""
    assert "Traceback" not in "".join(proxy.lines)
    assert proxy.lines[-1].endswith("INFO stopped\n")


def test_running_request_finishes_after_the_signal(raw_gateway: StartGateway, tmp_path: Path) -> None:
    arrived, release = threading.Event(), threading.Event()

    def script(peer: Peer) -> None:
        peer.read_request()
        arrived.set()
        assert release.wait(PATIENCE)
        peer.send(OK)

    gateway = raw_gateway(script)
    answers: list[bytes] = []
    with program("--target", str(gateway.origin), "--port", "0", cwd=tmp_path) as proxy:
        port = proxy.port
        client = threading.Thread(target=lambda: answers.append(raw_exchange(port, GET)))
        client.start()
        assert arrived.wait(PATIENCE)
        proxy.process.send_signal(signal.SIGTERM)
        proxy.wait_for("SIGTERM: no new connections, running requests have 30 s to finish")
        release.set()
        client.join(PATIENCE)
        assert proxy.wait() == 0
    assert answers[0].endswith(b"ok")


def test_second_signal_breaks_running_requests_off(raw_gateway: StartGateway, tmp_path: Path) -> None:
    arrived = threading.Event()

    def script(peer: Peer) -> None:
        peer.read_request()
        arrived.set()
        peer.read_head()

    gateway = raw_gateway(script)
    with (
        program("--target", str(gateway.origin), "--port", "0", cwd=tmp_path) as proxy,
        socket.create_connection(("127.0.0.1", proxy.port), PATIENCE) as client,
    ):
        client.sendall(GET)
        assert arrived.wait(PATIENCE)
        proxy.process.send_signal(signal.SIGINT)
        proxy.wait_for("SIGINT: no new connections")
        assert proxy.end(signal.SIGINT) == 0
        assert client.recv(1) == b""


# --- demo -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("vendor", ["theben", "ppc", "emh"])
def test_demo_prints_a_curl_line_that_reads_the_meter(tmp_path: Path, vendor: str) -> None:
    with program("demo", "--vendor", vendor, "--port", "0", cwd=tmp_path) as demo:
        page = demo.wait_for(r"Open +(http://127\.0\.0\.1:\d+/\S*)")[1]
        user = demo.wait_for(r"User +(\S+)")[1]
        password = demo.wait_for(r"Password +(\S+)")[1]
        curl = demo.wait_for(r"^ +(curl .*)$")[1]
        demo.wait_for("is pinned")
        reading = subprocess.run(curl, shell=True, capture_output=True, text=True, timeout=PATIENCE, check=True)  # noqa: S602  # the line is meant for a shell
        assert re.search(r"\d{5}", reading.stdout), reading.stdout
        opened = requests.get(page, auth=requests.auth.HTTPDigestAuth(user, password), timeout=PATIENCE)
        assert opened.status_code == 200
        assert "<html" in opened.text
        assert demo.end(signal.SIGINT) == 0
    assert not list(tmp_path.iterdir())


def test_demo_takes_nothing_that_is_meant_for_a_real_gateway(tmp_path: Path) -> None:
    meant = {"SMGWPROXY_CLIENT_CERT": "none.p12", "SMGWPROXY_HOST_HEADER": "strange.example"}
    with program("demo", "--vendor", "emh", "--port", "0", cwd=tmp_path, environ=meant) as demo:
        page = demo.wait_for(r"Open +(http://127\.0\.0\.1:\d+/\S*)")[1]
        assert requests.get(page, timeout=PATIENCE).status_code == 401
        assert demo.end() == 0


def test_demo_answers_slowly_on_request(tmp_path: Path) -> None:
    with program("demo", "--slow", "--read-timeout", "0.2", "--port", "0", cwd=tmp_path) as demo:
        page = demo.wait_for(r"Open +(http://127\.0\.0\.1:\d+/\S*)")[1]
        demo.wait_for("is pinned")
        assert requests.get(page, timeout=PATIENCE).status_code == 504
        assert demo.end() == 0


def test_proxy_runs_before_a_gateway_like_the_one_in_the_demo_with_default_directories(
    raw_gateway: StartGateway, tmp_path: Path
) -> None:
    gateway = raw_gateway(OK)
    with program("-target", str(gateway.origin), "-port", "0", cwd=tmp_path) as proxy:
        proxy.wait_for("is pinned")
        proxy.end()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["certs", "logs"]


# --- a trust store beside one's own program ---------------------------------------------------------------

OWN_STORE = """
import time
from smgwproxy import Pin, Fingerprint

class Own:
    def __init__(self, argument):
        self.argument = argument

    def lookup(self, origin):
        if self.argument == "hang":
            time.sleep(600)
        return [Pin(Fingerprint(self.argument))]

    def pin(self, origin, certificate):
        return self.lookup(origin)
"""


@pytest.mark.parametrize(
    "command", [MODULE, (str(Path(sys.executable).with_name("smgwproxy")),)], ids=["-m", "script"]
)
def test_trust_store_in_a_file_of_ones_own_is_used(
    raw_gateway: StartGateway, tmp_path: Path, identity: Identity, command: tuple[str, ...]
) -> None:
    gateway = raw_gateway(OK)
    (tmp_path / "own_store.py").write_text(OWN_STORE)
    spec = f"own_store:Own:{identity.certificate.fingerprint}"
    arguments = ["--target", str(gateway.origin), "--port=0", "--truststore", spec]
    with program(*arguments, cwd=tmp_path, command=command) as proxy:
        assert raw_exchange(proxy.port, GET).endswith(b"ok")
        assert proxy.end() == 0


def test_trust_store_of_ones_own_has_its_last_word_when_the_program_ends(
    raw_gateway: StartGateway, tmp_path: Path, identity: Identity
) -> None:
    gateway = raw_gateway(OK)
    (tmp_path / "own_store.py").write_text(f"import atexit\n{OWN_STORE}\natexit.register(print, 'farewell')\n")
    spec = f"own_store:Own:{identity.certificate.fingerprint}"
    with program("--target", str(gateway.origin), "--port=0", "--truststore", spec, cwd=tmp_path) as proxy:
        assert raw_exchange(proxy.port, GET).endswith(b"ok")
        assert proxy.end() == 0
    assert proxy.lines[-1] == "farewell\n"


def test_hanging_trust_store_is_told_by_name_and_does_not_hold_up_the_stop(
    raw_gateway: StartGateway, tmp_path: Path
) -> None:
    gateway = raw_gateway(OK)
    (tmp_path / "own_store.py").write_text(OWN_STORE)
    arguments = ["--target", str(gateway.origin), "--port=0", "--truststore", "own_store:Own:hang"]
    arguments += ["--store-timeout", "0.3"]
    with program(*arguments, cwd=tmp_path) as proxy:
        assert proxy.wait_for(r"ERROR The trust store own_store\.Own did not answer within 0.3 s")
        assert raw_exchange(proxy.port, GET).startswith(b"HTTP/1.1 500 ")
        assert proxy.end() == 0
    assert gateway.connections == 0
