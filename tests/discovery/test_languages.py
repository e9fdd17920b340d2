"""The search in other languages: all that people read is translated, and nothing of what programs read."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from ipaddress import ip_address, ip_interface
from pathlib import Path

import pytest

from smgwproxy.certificate import Certificate
from smgwproxy.commands import discover as command
from smgwproxy.commands.discover import discover
from smgwproxy.discovery import place as places
from smgwproxy.discovery.advice import Advice, next_commands
from smgwproxy.discovery.candidates import Candidate, How
from smgwproxy.discovery.confirming import NotConfirmed
from smgwproxy.discovery.place import NoPlace, Place
from smgwproxy.discovery.search import Finding, Found, Times
from smgwproxy.errors import ConfigError, GatewayRefused
from smgwproxy.language import Language
from smgwproxy.network import Interface, Route
from smgwproxy.origin import Origin
from smgwproxy.phrases import clause, phrase
from tests.discovery.scene import BARE, gateway_at
from tests.namespaces.han import GATEWAY, PORT, Han, ip
from tests.test_cli import run
from tests.texts.data import words_left
from tests.texts.pseudo import pseudo

ETH0 = Interface("eth0", 2, False, "02:00:00:00:00:01", True, True, (ip_interface("10.11.120.1/24"),))
GERMAN = {"LANG": "de_DE.UTF-8", "LC_ALL": "", "LC_MESSAGES": "", "LANGUAGE": ""}
ENGLISH = {**GERMAN, "LANG": "C.UTF-8"}
NAMES = ("smgw.local", "conexa.local", "_http._tcp.local.", "zeroconf")
SOON = Times(names=0.1, listening=0.1, rounds=2, pause=0.2, handshake=5.0)
RIGHTS = ("CAP_NET_RAW", "CAP_NET_ADMIN")


@pytest.fixture
def untranslated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the language that shows what is translated be that of the locale."""
    monkeypatch.setattr(Language, "of", lambda _: pseudo())


# --- no word is left of a run ---------------------------------------------------------------------------


@pytest.mark.usefixtures("in_namespaces", "untranslated")
@pytest.mark.parametrize("found", [True, False])
def test_of_a_run_all_is_translated(han: Han, capsys: pytest.CaptureFixture[str], found: bool) -> None:
    ip(f"{BARE} {PORT}")
    with gateway_at(han.gateway, "theben", host=GATEWAY if found else "127.0.0.1") as gateway:
        code = discover(["--interface", PORT], {}, SOON)
    said = capsys.readouterr()
    assert code == (0 if found else 1)
    assert ("smgwproxy doctor" in said.out or "smgwproxy install" in said.out) == found
    subject = Certificate(gateway.certificate.der).description.subject
    data = (*NAMES, *RIGHTS, "veth", subject)
    assert words_left(said.err + said.out, *data, sys.executable) == set()


# --- nor of what is seldom told -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "interfaces"),
    [
        ("nope", [ETH0]),
        ("nope", []),
        ("eth0", [replace(ETH0, hardware=None)]),
        ("eth0", [replace(ETH0, up=False)]),
        ("eth0", [replace(ETH0, carrier=False)]),
        ("eth0", [replace(ETH0, master="br0")]),
    ],
)
def test_of_an_interface_that_will_not_do_all_is_translated(name: str, interfaces: Sequence[Interface]) -> None:
    with pytest.raises(NoPlace) as raised:
        places.find(name, interfaces, ())
    assert words_left(pseudo()(raised.value.told), "eth0", "br0", "nope") == set()


@pytest.mark.parametrize("cables", [0, 1])
def test_of_interfaces_to_choose_from_all_is_translated(cables: int) -> None:
    others = [
        replace(ETH0, name="eth1", up=False),
        replace(ETH0, name="eth2", carrier=False),
        replace(ETH0, name="eth3", master="br0"),
        replace(ETH0, name="wlan0"),
        replace(ETH0, name="eth4"),
    ]
    more = [ETH0, replace(ETH0, name="eth5")] if cables else []
    with pytest.raises(ConfigError) as raised:
        places.choose([*others, *more], [Route("eth4")])
    assert words_left(pseudo()(raised.value.told), "eth", "br0", "wlan0") == set()


def test_of_an_outcome_all_is_translated() -> None:
    language, place = pseudo(), Place(ETH0)
    refused = GatewayRefused(Origin(GATEWAY))
    findings = [
        Finding(Candidate(ip_address(GATEWAY), how), reason=reason)
        for how in How
        for reason in (clause(refused.message), NotConfirmed("").told)
    ]
    told = [
        *command._told(place, Found(findings, frozenset(), ()), Advice(), 80, language),
        *command._told(place, Found((), frozenset(), RIGHTS), Advice(["sudo x"]), 80, language),
    ]
    assert words_left("\n".join(map(language, told)), *RIGHTS, "eth0") == set()


@pytest.mark.parametrize("nmcli", [True, False])
def test_of_notes_on_commands_all_is_translated(nmcli: bool) -> None:
    note = next_commands(ip_address("10.99.0.2"), Place(ETH0), frozenset(), "smgwproxy", nmcli=nmcli).note
    assert note
    assert words_left(pseudo()(note), "eth0") == set()


# --- German, and JSON -----------------------------------------------------------------------------------


def test_labels_stand_in_a_column_that_the_longest_has_room_in() -> None:
    found = Found([Finding(Candidate(ip_address(GATEWAY), How.ARP))], frozenset(), ())
    lines = list(command._told(Place(ETH0), found, Advice(), 80, Language.named("de")))
    assert f"  Adresse        {GATEWAY}" in lines
    assert "  Gesehen durch  ARP" in lines


def test_sentence_within_a_sentence_ends_once_in_german() -> None:
    reason = clause(GatewayRefused(Origin(GATEWAY)).message)
    assert reason == f"The gateway {GATEWAY} refuses the connection"
    assert Language.named("de")(
        phrase("{address} is not confirmed: {reason}.", address=GATEWAY, reason=reason)
    ) == (f"{GATEWAY} ist nicht bestätigt: Das Gateway {GATEWAY} lehnt die Verbindung ab.")


def test_program_speaks_german_by_the_locale(tmp_path: Path) -> None:
    unknown = run("discover", "--interface", "nope", cwd=tmp_path, environ=GERMAN)
    assert unknown.returncode == 1
    assert "smgwproxy: Fehler: es gibt keine Netzwerkschnittstelle 'nope'" in unknown.stderr
    told = run("discover", "--help", cwd=tmp_path, environ=GERMAN).stdout
    assert "Findet das Gateway an einer Netzwerkschnittstelle" in told
    assert "ausgeben, was gefunden wurde, als JSON" in told


@pytest.mark.usefixtures("in_namespaces")
def test_document_is_the_same_in_both_languages(han: Han, capsys: pytest.CaptureFixture[str]) -> None:
    documents = []
    with gateway_at(han.gateway, "theben"):
        for environ in (ENGLISH, GERMAN):
            ip(f"neighbour flush dev {PORT}")  # whom the first run met is not known to the second
            assert discover(["--interface", PORT, "--json"], environ, SOON) == 0
            said = capsys.readouterr()
            documents.append(said.out)
            assert ("Das Gateway wird" in said.err) == (environ is GERMAN)
    assert documents[0] == documents[1]
