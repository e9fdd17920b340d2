"""``smgwproxy discover`` apart from the network: what it needs, and what it shows of strangers' texts."""

from __future__ import annotations

import logging
import subprocess
import sys
from ipaddress import ip_address
from pathlib import Path

import pytest

from smgwproxy.commands import discover as command
from smgwproxy.commands.console import Console
from smgwproxy.discovery.advice import Advice
from smgwproxy.discovery.candidates import Candidate, How
from smgwproxy.discovery.place import Place
from smgwproxy.discovery.search import Finding, Found
from smgwproxy.network import Interface
from tests.test_cli import run


def test_help_needs_neither_gevent_nor_urllib3_nor_zeroconf(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom smgwproxy.cli import main\ntry:\n    main(['discover', '--help'])\n"
        "except SystemExit:\n    pass\nassert not {'gevent', 'urllib3', 'zeroconf'} & set(sys.modules)\n"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert "--interface NAME" in told.stdout
    assert "--json" in told.stdout


@pytest.mark.parametrize("words", [("--nope",), ("--interface",), ("eth0",)])
def test_wrong_option_is_told_in_one_line(tmp_path: Path, words: tuple[str, ...]) -> None:
    done = run("discover", *words, cwd=tmp_path)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1


def test_what_is_told_meanwhile_cannot_move_the_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    command._tell(Console.standard(), "\x1b[2Jsmgw.local")
    assert capsys.readouterr() == ("", "\\x1b[2Jsmgw.local\n")


def test_what_zeroconf_warns_of_is_told_as_all_else(capsys: pytest.CaptureFixture[str]) -> None:
    told: list[str] = []
    with command._zeroconf_tells(told.append):
        logging.getLogger("zeroconf").warning("no %s", "socket")
    assert told == ["mDNS: no socket"]
    assert capsys.readouterr() == ("", "")


def test_name_from_the_network_cannot_move_the_cursor() -> None:
    stranger = Candidate(ip_address("10.11.120.2"), How.MDNS, name="\x1b[2J\u202esmgw.local")
    found = Found([Finding(stranger, reason="\x1b[31mno")], frozenset(), ())
    place = Place(Interface("eth0", 2, False, "02:00:00:00:00:01", True, True))
    lines = list(command._told(place, found, Advice(), 80))
    assert all(line.isprintable() for line in lines)
    assert any("\\x1b[2J\\u202esmgw.local" in line for line in lines)
