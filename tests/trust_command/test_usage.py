"""``smgwproxy trust``: how it is called, and what it says of itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from smgwproxy.cli import main
from smgwproxy.commands.trust.usage import ACTIONS
from tests.support import Identity
from tests.trust_command.support import ORIGIN, OTHER, Ended, Trust, open_editable


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"], ["-help"]])
def test_alone_it_lists_the_actions_with_a_line_each(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trust", *words]) == 0
    lines = capsys.readouterr().out.splitlines()
    names = [action.name for action in ACTIONS]
    assert [line.split()[0] for line in lines if line.startswith("  ")] == names
    assert all(len(line) <= 80 for line in lines)


@pytest.mark.parametrize("action", [action.name for action in ACTIONS])
def test_each_action_tells_its_options(action: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["trust", action, "-help"])
    assert ended.value.code == 0
    told = capsys.readouterr().out
    for option in ("target", "certdir", "truststore", "config", "json"):
        assert f"--{option}" in told
    for absent in ("port", "renewal", "log-level"):
        assert f"--{absent} " not in told
    assert ("--connect-timeout" in told) is (action == "scan")


def test_help_of_actions_needs_neither_gevent_nor_urllib3(tmp_path: Path) -> None:
    code = (
        "import sys, smgwproxy.cli\n"
        "try:\n    smgwproxy.cli.main(['trust', 'approve', '--help'])\n"
        "finally:\n    assert not {'gevent', 'urllib3', 'cryptography'} & set(sys.modules)\n"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert "smgwproxy trust approve [options]" in told.stdout


def test_the_help_of_the_program_names_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "smgwproxy trust ACTION [options]" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["lst"], "there is no action 'lst'; did you mean list?"),
        (["xyzzy"], "give one of list, show, scan"),
        (["--target", "x", "list"], "'--target' comes before the action"),
        (["list", "--tarket", "x"], "--tarket: there is no such option; did you mean --target?"),
        (["list", "--target", "no host"], "--target: 'no host' is no address"),
        (["list", "extra"], "'extra' is not expected here"),
        (["list", "--json=yes"], "--json"),
        (["show", "--port", "1"], "--port: there is no such option"),
        (["approve"], "--fingerprint: give the SHA-256 of the certificate to approve"),
        (["approve", "--fingerprint", "AB:CD"], "--fingerprint: 'AB:CD' is no SHA-256 fingerprint"),
        (["approve", "--fingerprint"], "--fingerprint: a value is missing"),
        (["add"], "--fingerprint: give either this or the FILE"),
        (["add", "x.pem", "--fingerprint", "a" * 64], "--fingerprint: give either this or the FILE"),
        (["remove"], "--yes: is needed to remove all pins"),
        (["revoke"], "--yes: is needed to revoke the pinned certificate"),
        (["import"], "import: give the file or the directory"),
        (["list", "--truststore", "vault:x"], "--truststore: there is no store 'vault'"),
        (["list", "--config", "missing.toml"], "--config: cannot read 'missing.toml'"),
    ],
)
def test_wrong_usage_is_told_in_one_line_with_exit_code_2(
    words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["trust", *words]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert told in Ended(2, "", captured.err).fault


def test_options_come_from_flag_environment_and_file_as_those_of_the_proxy(
    file_trust: Trust, identity: Identity, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file_trust.store.pin(OTHER, identity.certificate)
    (tmp_path / "proxy.toml").write_text(f'target = "{OTHER}"\nport = 8081\n')
    monkeypatch.setenv("SMGWPROXY_CONFIG", "proxy.toml")
    assert f"Gateway {OTHER}" in file_trust("show").out
    monkeypatch.setenv("SMGWPROXY_TARGET", "10.0.0.9")
    assert "Gateway 10.0.0.9\n" in file_trust("show").out
    assert f"Gateway {OTHER}" in file_trust("show", "-target", str(OTHER)).out


def test_certdir_is_the_default_store(
    identity: Identity, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    open_editable(f"file:{tmp_path}/zert").pin(ORIGIN, identity.certificate)
    assert main(["trust", "list", "-certdir=zert"]) == 0
    assert str(identity.certificate.fingerprint) in capsys.readouterr().out
