"""The checks in other languages: all that people read is translated, and nothing of what programs read."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest

from smgwproxy.certificate import Certificate
from smgwproxy.demo import Gateway, self_signed
from smgwproxy.doctor import clock, directories
from smgwproxy.doctor.finding import Check, Finding
from smgwproxy.doctor.way import judge
from smgwproxy.language import Language
from smgwproxy.network import Address, Route
from tests.doctor.support import Doctor
from tests.doctor.test_program import running_proxy
from tests.doctor.test_way import DOCKER, ETH0, GATEWAY, HAN, LO, RIGHT, ROUTER, WLAN0
from tests.support import Identity, RawGateway, always
from tests.test_cli import run
from tests.texts.data import words_left
from tests.texts.pseudo import pseudo

StartSimulated = Callable[..., Gateway]
StartGateway = Callable[..., RawGateway]

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
GERMAN = {"LANG": "de_DE.UTF-8", "LC_ALL": "", "LC_MESSAGES": "", "LANGUAGE": ""}
ENGLISH = {**GERMAN, "LANG": "C.UTF-8"}
OF_TLS = ("TLS 1.2", "TLS 1.3", "secp256r1", "secp384r1")
OF_HTTP = ("SHA-256", "MD5")
TO_ENTER = (
    "Home Assistant (ha-ppc-smgw)",
    "Home Assistant (Theben)",
    "URL",
    "evcc (template emh-casa)",
    "evcc",
    "uri",
    "host",
)


@pytest.fixture
def untranslated(monkeypatch: pytest.MonkeyPatch, doctor: Doctor) -> Callable[..., set[str]]:
    """Return what runs the checks where all that is translated shows, and returns the words that are left."""
    language = pseudo()
    monkeypatch.setattr(Language, "of", lambda _: language)

    def left(target: str, *more: str, data: Sequence[str] = ()) -> set[str]:
        shown = doctor.shown(target, *more)
        assert "⟦" in shown
        return words_left(shown, str(doctor.directory), *OF_TLS, *OF_HTTP, *TO_ENTER, *data)

    return left


def names(gateway: Gateway) -> tuple[str, ...]:
    subject = Certificate(gateway.certificate.der).description.subject
    return (gateway.vendor.realm, gateway.vendor.identity, subject, "Theben Conexa", "PPC", "EMH CASA")


# --- no word is left of a run ---------------------------------------------------------------------------


@pytest.mark.parametrize("vendor", ["theben", "ppc", "emh"])
def test_of_a_run_without_a_fault_all_is_translated(
    simulated: StartSimulated, doctor: Doctor, untranslated: Callable[..., set[str]], free_port: str, vendor: str
) -> None:
    gateway = simulated(vendor)
    login = ("--user", "demo", "--password-file", doctor.password_file("demo"))
    meter = (
        "1dmo0000000001",
        "1dmo0000000002",
        "1emh0000000001",
        "kWh",
        datetime.now().astimezone().tzname() or "",
    )
    data = (*names(gateway), *meter)
    assert untranslated(doctor.pinned(gateway), "--port", free_port, *login, data=data) == set()
    gateway.vendor.guard.lock()
    assert untranslated(gateway.authority, "--port", free_port, *login, data=data) == set()


def test_of_faults_of_trust_all_is_translated(
    simulated: StartSimulated, doctor: Doctor, untranslated: Callable[..., set[str]], free_port: str
) -> None:
    gateway = simulated("emh")
    target = gateway.authority
    login = ("--port", free_port, "--user", "demo", "--password-file", doctor.password_file("wrong"))
    assert untranslated(target, *login, data=names(gateway)) == set()
    doctor.pin(target, gateway.certificate)
    assert untranslated(target, *login, data=names(gateway)) == set()
    gateway.restart(self_signed("EEMH0012345678"))
    assert untranslated(target, *login, data=names(gateway)) == set()


def test_of_faults_of_the_gateway_all_is_translated(
    raw_gateway: StartGateway, identity: Identity, untranslated: Callable[..., set[str]], free_port: str
) -> None:
    subject = (identity.certificate.description.subject,)
    assert untranslated(f"127.0.0.1:{free_port}", "--port", "0") == set()
    assert untranslated(str(raw_gateway(always(OK)).origin), "--port", free_port, data=subject) == set()
    closing = raw_gateway(lambda peer: peer.read_head())
    assert untranslated(str(closing.origin), "--port", free_port, data=subject) == set()


def test_of_faults_of_this_machine_all_is_translated(
    simulated: StartSimulated, doctor: Doctor, untranslated: Callable[..., set[str]], free_port: str
) -> None:
    gateway = simulated("ppc", clock=lambda: datetime.now(UTC) - timedelta(hours=5))
    target = doctor.pinned(gateway)
    (doctor.directory / "logs").write_text("")
    assert untranslated(target, "--port", "0", "--listen", "127.0.0.1", data=names(gateway)) == set()
    words = untranslated(target, "--port", free_port, "--listen", "192.0.2.77", data=names(gateway))
    assert words == set()


def test_of_a_run_through_a_proxy_all_but_its_own_words_is_translated(
    simulated: StartSimulated, doctor: Doctor, untranslated: Callable[..., set[str]], free_port: str
) -> None:
    gateway = simulated("ppc")
    target = doctor.pinned(gateway)
    with running_proxy(doctor, target, "--port", free_port):
        assert untranslated(target, "--port", free_port, data=(*names(gateway), "smgwproxy")) == set()
        assert untranslated(target, "--port", "0", data=(*names(gateway), "smgwproxy")) == set()


# --- nor of a finding -----------------------------------------------------------------------------------


NETWORKS = {
    "right": RIGHT,
    "no way": replace(RIGHT, interfaces=(LO, ETH0, WLAN0), route=None),
    "by the router": replace(RIGHT, interfaces=(LO, ETH0, replace(ETH0, name="eth1"), WLAN0), route=ROUTER),
    "none there": replace(RIGHT, interfaces=(LO, ETH0, WLAN0), route=Route("eth0", None)),
    "no port": replace(RIGHT, interfaces=(LO, DOCKER, WLAN0), route=ROUTER),
    "itself": replace(RIGHT, interfaces=(LO, HAN, WLAN0)),
    "no cable": replace(RIGHT, interfaces=(LO, replace(HAN, carrier=False), WLAN0)),
    "switched off": replace(RIGHT, interfaces=(LO, replace(HAN, up=False, carrier=False), WLAN0), route=None),
    "no address": replace(RIGHT, interfaces=(LO, replace(ETH0, carrier=False), WLAN0), route=ROUTER),
    "default routes": replace(RIGHT, default_routes=(ROUTER, Route("eth0"))),
    "forwarding": replace(RIGHT, forwarding=((4, "eth0"), (6, "wlan0"))),
    "docker": replace(RIGHT, interfaces=(*RIGHT.interfaces, DOCKER), forwarding=((4, "docker0"), (4, "wlan0"))),
    "docker and more": replace(
        RIGHT, interfaces=(*RIGHT.interfaces, DOCKER), forwarding=((4, "docker0"), (4, "eth0"))
    ),
}


def left_in(findings: Sequence[Finding], *data: str) -> set[str]:
    language = pseudo()
    shown = "\n".join(language(text) for one in findings for text in (one.seen, one.advice))
    return words_left(shown, *data)


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("gateway", [GATEWAY, ip_address("fd00::1"), ip_address("fe80::1"), ip_address("::1")])
def test_of_the_way_all_is_translated(network: str, gateway: Address) -> None:
    assert (
        left_in(judge(gateway, NETWORKS[network]).findings, "eth", "wlan", "docker", "IPv", "fd00::", "fe80::")
        == set()
    )


def test_of_the_clock_all_is_translated(identity: Identity) -> None:
    certificate = identity.certificate
    told = certificate.description
    assert told.not_before is not None
    assert told.not_after is not None
    moments = (told.not_before - timedelta(days=9), told.not_after + timedelta(days=9), told.not_before)
    assert left_in([clock.judge(now, None, certificate) for now in moments]) == set()
    now = told.not_before
    dates = [f"{now + apart:%a, %d %b %Y %H:%M:%S} GMT" for apart in (timedelta(days=3), timedelta(minutes=-5))]
    assert left_in([clock.judge(now, date, None) for date in dates]) == set()


def test_of_directories_all_is_translated(tmp_path: Path) -> None:
    user = directories.User("root", other=True)
    (tmp_path / "file").write_text("")
    places = (tmp_path, tmp_path / "new", tmp_path / "file", Path("/var/lib/smgwproxy/x"))
    found = [directories.check(Check.LOGS, place, "", user) for place in places]
    found.append(directories.check(Check.LOGS, tmp_path, "", directories.User("nobody", other=True)))
    assert left_in(found, "root", "nobody") == set()


# --- German, and JSON -----------------------------------------------------------------------------------


def test_program_speaks_german_by_the_locale(simulated: StartSimulated, doctor: Doctor, free_port: str) -> None:
    gateway = simulated("emh")
    target = doctor.pinned(gateway)
    gateway.restart(self_signed("EEMH0012345678"))
    done = run(
        "doctor",
        *doctor.options(target),
        "--port",
        free_port,
        cwd=doctor.directory,
        environ={**GERMAN, "COLUMNS": "120"},
    )
    lines = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (1, "")
    assert lines[0] == f"Der Proxy für das Gateway {target}:"
    assert "✓ TLS                 TLS 1.3, " in done.stdout
    assert "✗ Zertifikat          es hat sich geändert: " in done.stdout
    assert "✓ Vertrauensspeicher " in done.stdout
    assert "- HTTP                das Zertifikat ist nicht das gepinnte, daher wurde nichts gesendet" in lines
    assert lines[-1] == "1 Prüfung ist fehlgeschlagen: Lesen Sie, was dort steht."


def test_marks_of_a_terminal_without_ticks_are_german_and_in_line(
    simulated: StartSimulated, doctor: Doctor, free_port: str
) -> None:
    gateway = simulated("emh")
    target = doctor.pinned(gateway)
    gateway.restart(self_signed("EEMH0012345678"))
    environ = {**GERMAN, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = run("doctor", *doctor.options(target), "--port", free_port, cwd=doctor.directory, environ=environ)
    assert "\nok   TLS                 TLS 1.3, " in done.stdout
    assert "\nNEIN Zertifikat          es hat " in done.stdout


def test_wrong_option_is_told_in_german(doctor: Doctor) -> None:
    done = run("doctor", "--password-file", "x", cwd=doctor.directory, environ=GERMAN)
    assert done.returncode == 2
    assert (
        done.stderr
        == "smgwproxy: Fehler: --password-file: nützt ohne Benutzernamen nichts: Geben Sie auch --user an\n"
    )


def test_help_is_german(doctor: Doctor) -> None:
    done = run("doctor", "--help", cwd=doctor.directory, environ=GERMAN)
    assert "Prüft nacheinander alles zwischen Heimnetz und Zähler" in done.stdout
    assert "ein JSON-Dokument ausgeben" in done.stdout


def test_document_is_the_same_in_both_languages(
    simulated: StartSimulated, doctor: Doctor, free_port: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = simulated("emh")
    target = doctor.pinned(gateway)
    gateway.vendor.guard.lock()
    documents = []
    for environ in (ENGLISH, GERMAN):
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        found = doctor(target, "--port", free_port)
        assert found.wrong == {"http"}
        documents.append(re.sub(r"-?[0-9.]+", "0", json.dumps(found.document)))  # no run takes as long as another
    assert documents[0] == documents[1]
    assert "first answer" in documents[1]
