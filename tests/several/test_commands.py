"""The other commands, where the configuration file has several gateways."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from smgwproxy.cli import main
from smgwproxy.config import load
from smgwproxy.doctor.processes import proxies
from tests.doctor.test_processes import fake
from tests.installation.conftest import Card, new_card
from tests.several.conftest import write
from tests.test_cli import program

CONFIGURATION = "/etc/smgwproxy/smgwproxy.toml"
SNIPPET = Path(__file__).parent.parent.parent / "docs" / "several-gateways.md"


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a configuration file for two gateways that nobody has."""
    monkeypatch.chdir(tmp_path)
    tables = {
        "strom": {"target": "127.0.0.1:1", "port": 8081, "certdir": "strom"},
        "gas": {"target": "127.0.0.1:2", "port": 8082, "certdir": "gas"},
    }
    write(tmp_path / "x.toml", tables, listen="127.0.0.1", connect_timeout=1)
    for name in tables:
        (tmp_path / name).mkdir(mode=0o700)
    return tmp_path


Told = Callable[..., tuple[int, str, str]]


@pytest.fixture
def told(directory: Path, capsys: pytest.CaptureFixture[str]) -> Told:
    assert directory.is_dir()

    def run(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(words)
        return code, *capsys.readouterr()

    return run


def test_example_of_the_page_is_two_gateways(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text(SNIPPET.read_text().split("```toml\n")[1].partition("```")[0])
    gateways = load(["--config", str(tmp_path / "x.toml")], {}).gateways
    assert [(one.name, one.port, one.read_timeout) for one in gateways] == [
        ("strom", 8081, 120),
        ("gas", 8082, 120),
    ]


@pytest.mark.parametrize("words", [("trust", "show"), ("trust", "list"), ("certificate", "show")])
def test_command_that_needs_one_gateway_names_those_that_there_are(told: Told, words: tuple[str, ...]) -> None:
    code, _, error = told(*words, "--config", "x.toml")
    assert code == 2
    assert error == "smgwproxy: error: --gateway: there are several gateways: give one of strom, gas\n"
    code, _, error = told(*words, "--config", "x.toml", "--gateway", "water")
    assert code == 2
    assert error == "smgwproxy: error: --gateway: there is no gateway 'water': give one of strom, gas\n"


@pytest.mark.parametrize("words", [("--gateway", "gas"), ("--target", "127.0.0.1:2")])
def test_trust_is_about_the_gateway_that_is_named_or_has_the_target(told: Told, words: tuple[str, ...]) -> None:
    code, output, _ = told("trust", "show", "--config", "x.toml", *words)
    assert code == 0
    assert "127.0.0.1:2" in output
    assert "127.0.0.1:1" not in output


def test_target_that_no_gateway_has_is_told(told: Told) -> None:
    code, _, error = told("trust", "show", "--config", "x.toml", "--target", "10.0.0.1")
    assert code == 2
    assert "--target: no gateway of the configuration file has it: give --gateway and one of strom, gas" in error


def test_gateway_without_tables_is_named_by_its_target(told: Told) -> None:
    assert told("trust", "show", "--target", "127.0.0.1:3", "--gateway", "127.0.0.1:3")[0] == 0
    code, _, error = told("trust", "show", "--target", "127.0.0.1:3", "--gateway", "gas")
    assert (code, error) == (
        2,
        "smgwproxy: error: --gateway: there is no gateway 'gas': give one of 127.0.0.1:3\n",
    )


def test_certificate_is_that_of_the_gateway_that_is_named(told: Told) -> None:
    told("certificate", "replace", "--statedir", "made", "--yes", "--config", "x.toml", "--gateway", "gas")
    assert told("certificate", "show", "--statedir", "made", "--config", "x.toml", "--gateway", "strom")[0] == 0


def test_doctor_examines_each_gateway_and_tells_its_name(told: Told) -> None:
    code, output, _ = told("doctor", "--config", "x.toml")
    assert code == 1
    headings = [line for line in output.splitlines() if line.startswith("The proxy of")]
    assert headings == [
        "The proxy of x.toml for the gateway strom, 127.0.0.1:1:",
        "The proxy of x.toml for the gateway gas, 127.0.0.1:2:",
    ]
    code, output, _ = told("doctor", "--config", "x.toml", "--json")
    document = json.loads(output)
    assert (code, document["ok"]) == (1, False)
    assert [(one["gateway"], one["target"]) for one in document["gateways"]] == [
        ("strom", "127.0.0.1:1"),
        ("gas", "127.0.0.1:2"),
    ]
    one = json.loads(told("doctor", "--config", "x.toml", "--json", "--gateway", "gas")[1])
    assert {name: one[name] for name in ("gateway", "target", "config")} == {
        "gateway": "gas",
        "target": "127.0.0.1:2",
        "config": "x.toml",
    }


def test_password_goes_to_one_gateway_only(told: Told, directory: Path) -> None:
    (directory / "password").write_text("secret\n")
    words = ("doctor", "--config", "x.toml", "--user", "me", "--password-file", "password")
    code, _, error = told(*words)
    assert (code, error) == (
        2,
        "smgwproxy: error: --gateway: there are several gateways: give one of strom, gas\n",
    )


def test_running_program_with_several_gateways_is_known_to_be_the_proxy_of_each(tmp_path: Path) -> None:
    write(
        tmp_path / "x.toml", {"strom": {"target": "10.0.0.1", "port": 1}, "gas": {"target": "10.0.0.2", "port": 2}}
    )
    fake(tmp_path, 7, "smgwproxy", "--config", "x.toml")
    assert [(one.pid, one.config and str(one.config.target)) for one in proxies(tmp_path)] == [
        (7, "10.0.0.1"),
        (7, "10.0.0.2"),
    ]


def test_demo_takes_no_table_for_its_own(directory: Path) -> None:
    with program("demo", "--port", "0", cwd=directory, environ={"SMGWPROXY_CONFIG": "x.toml"}) as demo:
        demo.wait_for("INFO the gateway .* is pinned")
        assert demo.end() == 0
    assert not any("[strom]" in line for line in demo.lines)


# --- a service --------------------------------------------------------------------------------------------


@pytest.fixture
def card(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Card:
    for name in [name for name in os.environ if name.startswith("SMGWPROXY_")]:
        monkeypatch.delenv(name)
    return new_card(tmp_path / "card", capsys)


def test_service_is_installed_again_after_its_configuration_got_tables(card: Card) -> None:
    assert card.install("--target", "10.0.0.1").code == 0
    file = card.path(CONFIGURATION)
    places = [line for line in file.read_text().splitlines() if line.startswith(("certdir", "statedir", "logdir"))]
    tables = {
        "strom": {"target": "10.0.0.1", "port": 8081},
        "gas": {"target": "10.0.0.2", "port": 80, "client_cert": "/etc/gas.p12", "tls_cert": "/etc/tls.pem"},
    }
    write(file, tables, tls_port=0)
    file.write_text("\n".join([*places, file.read_text()]).replace('tls-cert = "/etc/tls.pem"\n', ""))
    ended = card.install()
    assert ended.code == 0, ended.err
    unit = card.path("/etc/systemd/system/smgwproxy.service").read_text()
    assert "CapabilityBoundingSet=CAP_NET_BIND_SERVICE" in unit, "for the port of one of them"
    assert "SMGWPROXY_CLIENT_CERT" not in unit, "which would show it to the other gateway, too"
    assert 'client-cert in [[gateway]] "gas" in ' in ended.out
    assert "the service reads /etc/gas.p12 by itself" in " ".join(ended.out.split())


def test_tables_of_another_file_are_not_taken_over_by_install(card: Card, told: Told) -> None:
    del told
    ended = card.install("--config", "x.toml")
    assert ended.code == 2
    assert "--config: its tables of gateways are not taken over" in ended.err
