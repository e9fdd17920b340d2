"""``smgwproxy certificate``: in this process and as one of its own, with and without somebody at a terminal."""

from __future__ import annotations

import io
import os
import ssl
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

import pytest

from smgwproxy import machine
from smgwproxy.certificate import Certificate
from smgwproxy.cli import main
from smgwproxy.commands.certificate import configured_files
from smgwproxy.commands.console import Console
from smgwproxy.config import load as load_config
from smgwproxy.errors import ConfigError
from smgwproxy.own_certificate import ensure, load
from smgwproxy.own_certificate.facts import valid_for
from tests.support import PATIENCE, Identity, make_identity

NAMES = ("pi", "pi.local", "localhost")
ADDRESSES = (IPv4Address("127.0.0.1"), IPv4Address("192.168.0.9"), IPv6Address("::1"))
MODULE = (sys.executable, "-m", "smgwproxy", "certificate")


@pytest.fixture(autouse=True)
def _surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run in an empty directory of a machine of known names, without a terminal, at 100 columns."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
    monkeypatch.setattr(machine, "names", lambda: NAMES)
    monkeypatch.setattr(machine, "addresses", lambda: ADDRESSES)


@dataclass(frozen=True)
class Ended:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def fault(self) -> str:
        """The one line on stderr."""
        assert self.out == ""
        (line,) = self.err.splitlines()
        assert line.startswith("smgwproxy: error: ")
        return line.removeprefix("smgwproxy: error: ")

    @property
    def rows(self) -> dict[str, str]:
        """What stands behind each label, in one line."""
        rows: dict[str, str] = {}
        label = ""
        for line in self.out.partition("\n\n")[0].splitlines():
            assert line.startswith("  ")
            label = line[2:15].strip() or label
            rows[label] = f"{rows.get(label, '')} {line[15:]}".strip()
        return rows

    @property
    def advice(self) -> str:
        """What follows the rows, in one line."""
        return " ".join(self.out.partition("\n\n")[2].split())


Command = Callable[..., Ended]


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    def run(*words: str) -> Ended:
        code = main(["certificate", *words])
        told = capsys.readouterr()
        return Ended(code, told.out, told.err)

    return run


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Let somebody sit at a terminal, with an answer on the lips."""

    def sit(answer: str) -> None:
        monkeypatch.setattr(sys, "stdin", io.StringIO(answer))
        monkeypatch.setattr(Console, "interactive", property(lambda _: True))

    return sit


@pytest.fixture
def pem(tmp_path: Path) -> Path:
    """The file of the proxy's own certificate."""
    return ensure(tmp_path / "state", NAMES, ADDRESSES).certificate


def certificate_in(pem: Path) -> Certificate:
    return load(ensure(pem.parent, (), ())).certificate


def day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}"


# --- how it is called -----------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"], ["-help"]])
def test_alone_it_lists_the_actions_with_a_line_each(command: Command, words: list[str]) -> None:
    ended = command(*words)
    assert (ended.code, ended.err) == (0, "")
    assert [line.split()[0] for line in ended.out.splitlines() if line.startswith("  ")] == ["show", "replace"]
    assert all(len(line) <= 80 for line in ended.out.splitlines())


@pytest.mark.parametrize(("action", "switch"), [("show", "pem"), ("replace", "yes")])
def test_each_action_tells_its_options(
    action: str, switch: str, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        command(action, "-help")
    assert ended.value.code == 0
    told = capsys.readouterr().out
    assert f"usage: smgwproxy certificate {action} [options]" in told
    assert "HTTPS. Give" in " ".join(told.split()) or action == "replace"
    for option in ("statedir", "tls-cert", "tls-key", "server-name", "config", switch):
        assert f"--{option} " in told
    for absent in ("--target", "--port", "--certdir", "--yes" if action == "show" else "--pem"):
        assert f"{absent} " not in told


def test_help_needs_neither_gevent_nor_urllib3() -> None:
    code = (
        "import sys, smgwproxy.cli\n"
        "try:\n    smgwproxy.cli.main(['certificate', 'show', '--help'])\n"
        "finally:\n    assert not {'gevent', 'urllib3', 'cryptography'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, timeout=PATIENCE)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["shw"], "certificate: there is no action 'shw'; give one of show, replace"),
        (["--statedir", "x", "show"], "certificate: '--statedir' comes before the action"),
        (["show", "--yes"], "--yes: there is no such option; "),
        (["show", "more"], "'more' is not expected here; options begin with a dash, --help lists them"),
        (["replace", "--server-name", "a b"], "--server-name: 'a b' is no name of a server"),
    ],
)
def test_a_wrong_word_is_told_in_one_line(command: Command, words: list[str], told: str) -> None:
    ended = command(*words)
    assert ended.code == 2
    assert ended.fault.startswith(told)


# --- show -----------------------------------------------------------------------------------------------


def test_show_tells_all_that_a_person_compares(command: Command, pem: Path) -> None:
    ended = command("show")
    assert (ended.code, ended.err) == (0, "")
    certificate = certificate_in(pem)
    yesterday = datetime.now(UTC) - timedelta(days=1)
    assert ended.rows == {
        "File": str(pem),
        "Subject": "CN=pi,O=smgwproxy",
        "Issuer": "CN=pi,O=smgwproxy",
        "Names": "pi, pi.local, localhost",
        "Addresses": "127.0.0.1, 192.168.0.9, ::1",
        "Valid from": day(yesterday),
        "Valid until": day(yesterday + timedelta(days=3652)),
        "Fingerprint": certificate.fingerprint.groups,
    }
    assert (
        "running proxy with these options shows it to its clients, and takes a renewed one by itself"
        in ended.advice
    )
    assert all(len(line) <= 100 for line in ended.out.splitlines() if str(pem) not in line)


def test_show_changes_nothing(command: Command, pem: Path, tmp_path: Path) -> None:
    before = (pem.read_bytes(), pem.stat().st_mtime_ns)
    command("show", "--server-name", "meter.example.org")
    command("show", "--pem")
    assert (pem.read_bytes(), pem.stat().st_mtime_ns) == before
    assert command("show", "--statedir", "other").code == 2
    assert [path.name for path in tmp_path.iterdir()] == ["state"]


def test_show_tells_what_the_machine_has_and_the_certificate_has_not(
    command: Command, pem: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "addresses", lambda: (*ADDRESSES, IPv4Address("192.168.0.10")))
    ended = command("show", "--server-name", "meter.example.org,pi.local")
    assert ended.rows["Not in it"] == "meter.example.org, 192.168.0.10"


def test_show_tells_that_it_has_ended(command: Command, tmp_path: Path) -> None:
    ended_before = make_identity(tmp_path, days=-2)
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "https.pem").write_bytes(ended_before.pem_file.read_bytes())
    rows = command("show").rows
    assert rows["Warning"] == f"It ended on {day(datetime.now(UTC) - timedelta(days=2))}."
    assert rows["Addresses"] == "none"
    assert rows["Not in it"] == "pi, pi.local, localhost, 127.0.0.1, 192.168.0.9, ::1"


def test_show_pem_is_the_certificate_without_its_key(command: Command, pem: Path) -> None:
    ended = command("show", "--pem")
    assert (ended.code, ended.err) == (0, "")
    assert Certificate.from_pem(ended.out) == certificate_in(pem)
    assert "PRIVATE" not in ended.out
    assert ended.out.encode() in pem.read_bytes()
    ssl.create_default_context(cadata=ended.out)


def test_show_of_none_tells_how_there_will_be_one(command: Command, tmp_path: Path) -> None:
    ended = command("show", "--statedir", "elsewhere")
    assert ended.code == 2
    assert ended.fault == (
        f"--statedir: there is no certificate in {tmp_path}/elsewhere yet: the proxy makes it when it first "
        "starts with --tls-port, and smgwproxy certificate replace makes it now"
    )


def test_a_file_that_cannot_be_used_is_told_with_the_remedy(
    command: Command, pem: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pem.write_bytes(b"")
    monkeypatch.setenv("SMGWPROXY_STATEDIR", "state")
    ended = command("show")
    assert ended.code == 2
    assert ended.fault.startswith(f"SMGWPROXY_STATEDIR: {pem} holds no whole certificate in PEM: restore it from")
    assert ended.fault.endswith(f"smgwproxy certificate replace --statedir {pem.parent}")


def test_show_of_ones_own_tells_both_files_and_where_they_come_from(
    command: Command, tmp_path: Path, identity: Identity
) -> None:
    octets = identity.pem_file.read_bytes()
    middle = octets.index(b"-----BEGIN CERT")
    (tmp_path / "fullchain.pem").write_bytes(octets[middle:])
    (tmp_path / "privkey.pem").write_bytes(octets[:middle])
    (tmp_path / "proxy.toml").write_text('tls-port = 8443\ntls-cert = "fullchain.pem"\ntls-key = "privkey.pem"\n')
    ended = command("show", "--config", "proxy.toml", "--server-name", "meter.example.org")
    assert (ended.code, ended.err) == (0, "")
    assert ended.rows["File"] == f"{tmp_path}/fullchain.pem"
    assert ended.rows["Key file"] == f"{tmp_path}/privkey.pem"
    assert ended.rows["Names"] == "smgw.local"
    assert ended.rows["Fingerprint"] == identity.certificate.fingerprint.groups
    assert "Not in it" not in ended.rows
    (tmp_path / "privkey.pem").write_bytes(b"")
    ended = command("show", "--config", "proxy.toml")
    assert ended.code == 2
    assert ended.fault.startswith(f"tls-key in proxy.toml: {tmp_path}/privkey.pem holds no private key in PEM: ")


def test_names_that_could_move_the_cursor_are_escaped(command: Command, tmp_path: Path) -> None:
    tricky = make_identity(tmp_path, "a\x1b[2Jb")
    ended = command("show", "--tls-port", "1", "--tls-cert", str(tricky.pem_file))
    assert "\\x1b[2J" in ended.rows["Subject"]
    assert "\x1b" not in ended.out


# --- replace --------------------------------------------------------------------------------------------


def test_replace_makes_the_first_one_without_asking(command: Command, tmp_path: Path) -> None:
    ended = command("replace", "--server-name", "Meter.example.org")
    assert (ended.code, ended.err) == (0, "")
    made = certificate_in(tmp_path / "state" / "https.pem")
    assert valid_for(made) == (*NAMES, "meter.example.org", *ADDRESSES)
    assert ended.rows["Fingerprint"] == made.fingerprint.groups
    assert ended.advice.startswith("This certificate was made, ")
    assert ended.advice.endswith("is written by: smgwproxy certificate show --pem")


def test_replace_puts_a_new_one_in_its_place_and_tells_what_clients_must_do(command: Command, pem: Path) -> None:
    before = certificate_in(pem)
    ended = command("replace", "--yes")
    assert (ended.code, ended.err) == (0, "")
    after = certificate_in(pem)
    assert after != before
    assert not after.has_key_of(before)
    assert ended.rows["Fingerprint"] == after.fingerprint.groups
    assert ended.advice.startswith("This certificate has taken the place of the old one; a running proxy shows it")
    assert "refuse it until they are told to trust this one" in ended.advice


def test_without_a_terminal_replace_needs_yes(command: Command, pem: Path) -> None:
    before = pem.read_bytes()
    ended = command("replace")
    assert ended.code == 2
    assert ended.fault == "--yes: is needed to replace the certificate, since there is no terminal to ask at"
    assert pem.read_bytes() == before


@pytest.mark.parametrize("answer", ["y\n", "YES\n"])
def test_at_a_terminal_yes_replaces_what_was_shown(
    command: Command, pem: Path, terminal: Callable[[str], None], answer: str
) -> None:
    before = certificate_in(pem)
    terminal(answer)
    ended = command("replace")
    assert ended.code == 0
    assert before.fingerprint.groups in " ".join(ended.err.split())
    assert "Put a new certificate in its place, which clients must then trust anew? [y/N]" in ended.err
    assert ended.rows["Fingerprint"] == certificate_in(pem).fingerprint.groups != before.fingerprint.groups


@pytest.mark.parametrize("answer", ["n\n", "\n", "", "yess\n"])
def test_at_a_terminal_anything_else_changes_nothing(
    command: Command, pem: Path, terminal: Callable[[str], None], answer: str
) -> None:
    before = pem.read_bytes()
    terminal(answer)
    ended = command("replace")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.endswith("Nothing was changed.\n")
    assert pem.read_bytes() == before


def test_one_that_cannot_be_used_is_told_before_it_is_replaced(
    command: Command, pem: Path, terminal: Callable[[str], None]
) -> None:
    pem.write_bytes(b"half")
    terminal("y\n")
    ended = command("replace")
    assert ended.code == 0
    assert "holds no whole certificate" in " ".join(ended.err.split())
    assert ended.rows["Fingerprint"] == certificate_in(pem).fingerprint.groups


@pytest.mark.parametrize("also", [[], ["--yes"]])
def test_one_that_was_given_is_not_replaced(
    command: Command, pem: Path, identity: Identity, monkeypatch: pytest.MonkeyPatch, also: list[str]
) -> None:
    files = (pem, identity.pem_file)
    before = [path.read_bytes() for path in files]
    monkeypatch.setenv("SMGWPROXY_TLS_CERT", str(identity.pem_file))
    ended = command("replace", "--tls-port", "8443", *also)
    assert ended.code == 2
    assert ended.fault == (
        f"SMGWPROXY_TLS_CERT: {identity.pem_file} is not the proxy's own to replace: renew it where it comes "
        "from, and a running proxy takes it by itself"
    )
    assert [path.read_bytes() for path in files] == before


def test_a_directory_that_cannot_be_written_is_told(command: Command, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ended = command("replace", "--statedir", "file/state")
    assert ended.code == 2
    assert ended.fault.startswith(f"--statedir: {tmp_path}/file/state cannot be looked into (Not a directory): ")


# --- as a process ---------------------------------------------------------------------------------------


def test_as_a_process_it_makes_shows_and_copies(tmp_path: Path) -> None:
    def run(*words: str) -> str:
        return subprocess.run(
            [*MODULE, *words], cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=True
        ).stdout

    run("replace")
    copy = Certificate.from_pem(run("show", "--pem"))
    assert copy.fingerprint.groups in " ".join(run("show").split())
    assert "localhost" in copy.description.dns_names


@pytest.mark.parametrize("words", [["show"], []])
def test_output_that_nobody_reads_is_no_trouble(pem: Path, words: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    ended = subprocess.run(
        [*MODULE, *words],
        cwd=pem.parent.parent,
        stdout=writer,
        stderr=subprocess.PIPE,
        timeout=PATIENCE,
        check=False,
    )
    os.close(writer)
    assert (ended.returncode, ended.stderr) == (141, b"")


def test_output_that_cannot_be_written_is_told(pem: Path) -> None:
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [*MODULE, "show"],
            cwd=pem.parent.parent,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    assert (ended.returncode, ended.stderr) == (
        1,
        "smgwproxy: error: The output cannot be written: No space left on device.\n",
    )


# --- what the proxy starts with -------------------------------------------------------------------------


def test_the_proxy_starts_with_its_own_certificate_made_then(tmp_path: Path) -> None:
    config = load_config(["--tls-port", "8443", "--server-name", "meter.example.org"], {}).only
    files = configured_files(config)
    assert files.certificate == tmp_path / "state" / "https.pem"
    assert valid_for(load(files).certificate) == (*NAMES, "meter.example.org", *ADDRESSES)
    assert configured_files(config) == files
    files.certificate.write_bytes(b"")
    with pytest.raises(ConfigError, match=r"^SMGWPROXY_STATEDIR: "):
        configured_files(load_config(["--tls-port", "8443"], {"SMGWPROXY_STATEDIR": "state"}).only)


def test_the_proxy_starts_with_the_files_that_were_given_and_makes_none(
    tmp_path: Path, identity: Identity
) -> None:
    words = ["--tls-port", "8443", "--tls-cert", str(identity.pem_file)]
    files = configured_files(load_config(words, {}).only)
    assert (files.certificate, files.key, files.source) == (identity.pem_file, identity.pem_file, "--tls-cert")
    files = configured_files(load_config([*words, "--tls-key", "key.pem"], {}).only)
    assert (files.key, files.key_source) == (tmp_path / "key.pem", "--tls-key")
    assert not (tmp_path / "state").exists()
