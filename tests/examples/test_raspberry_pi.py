"""The script that makes the HAN's network profile, checked by shellcheck and by NetworkManager's own nmcli."""

from __future__ import annotations

import configparser
import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.clients.conftest import find_program, missing
from tests.examples.files import EXAMPLES
from tests.namespaces.han import GATEWAY, GATEWAY_LINK, PORT, Han, ip
from tests.support import PATIENCE

SCRIPT = EXAMPLES / "raspberry-pi/han-network.sh"

WITH_NETWORK_MANAGER = Path(__file__).with_name("with-network-manager.sh")

# nmcli without its daemon: it checks a profile and writes it all the same, which is kept here.
OFFLINE = """#!/bin/sh
echo "$*" >>{directory}/asked
case "$*" in
  "connection show "*) test -e {directory}/profile ;;
  "connection add "*) {nmcli} --offline "$@" >{directory}/new && mv {directory}/new {directory}/profile ;;
  "connection modify "*) shift 3; {nmcli} --offline connection modify "$@" <{directory}/profile >{directory}/new &&
    mv {directory}/new {directory}/profile ;;
  "--wait "*) test -e {directory}/plugged-in ;;
  *) exit 9 ;;
esac
"""


def run(*command: str | Path, first: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        env={**os.environ, "PATH": f"{first}{os.environ['PATH']}:/usr/sbin:/sbin"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


class Box:
    """The machine that the script runs on, with nmcli but without its daemon."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._commands = directory / "bin"
        self._commands.mkdir()
        nmcli = self._commands / "nmcli"
        nmcli.write_text(OFFLINE.format(directory=directory, nmcli=find_program("nmcli")))
        nmcli.chmod(0o755)

    def plug_in(self) -> None:
        (self._directory / "plugged-in").touch()

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return run("sh", SCRIPT, *arguments, first=f"{self._commands}:")

    @property
    def profile(self) -> Mapping[str, Mapping[str, str]]:
        profile = configparser.ConfigParser()
        profile.read(self._directory / "profile")
        return profile

    @property
    def changed(self) -> bool:
        return (self._directory / "profile").exists()


@pytest.fixture
def box(tmp_path: Path, han: Han) -> Box:
    """The machine with one end of the cable, which is its interface `PORT`."""
    return Box(tmp_path)


in_namespaces = pytest.mark.usefixtures("in_namespaces")


@pytest.mark.parametrize("script", [SCRIPT, WITH_NETWORK_MANAGER], ids=lambda path: path.name)
def test_script_passes_shellcheck(script: Path) -> None:
    told = run(find_program("shellcheck"), script)
    assert (told.returncode, told.stdout) == (0, "")


def test_networkmanager_itself_gives_the_interface_an_address_and_no_way_out() -> None:
    for program in ("nmcli", "unshare", "dbus-daemon"):
        find_program(program)
    again = f"sh {SCRIPT} eth0 10.11.120.1/24 >/run/1 && sh {SCRIPT} eth0 192.168.100.10/24 >/run/2"
    told = run(
        "sh", WITH_NETWORK_MANAGER, f"{again}; nmcli -g GENERAL.CONNECTION device show eth0; ip -json route"
    )
    if "unshare:" in told.stderr or "mount:" in told.stderr:
        missing(f"namespaces cannot be made here: {told.stderr}")
    assert told.stderr == ""
    connection, routes = told.stdout.splitlines()
    assert connection == "smgw-han"
    assert [(one["dst"], one["prefsrc"]) for one in json.loads(routes)] == [("192.168.100.0/24", "192.168.100.10")]


@in_namespaces
def test_profile_has_an_address_and_no_way_out(box: Box) -> None:
    box.plug_in()
    told = box.run(PORT, "192.168.100.10/24")
    assert (told.returncode, told.stderr) == (0, "")
    profile = box.profile
    assert profile["connection"]["interface-name"] == PORT
    assert dict(profile["ipv4"]) == {
        "method": "manual",
        "address1": "192.168.100.10/24",  # a gateway would stand behind a comma
        "ignore-auto-dns": "true",
        "never-default": "true",
    }
    ipv6 = dict(profile["ipv6"])
    assert ipv6.pop("addr-gen-mode", "default") == "default"  # written by some versions of nmcli
    assert ipv6 == {"method": "link-local", "ignore-auto-dns": "true", "never-default": "true"}


@in_namespaces
def test_script_shows_each_command_that_changes_something(box: Box) -> None:
    box.plug_in()
    shown = [line for line in box.run(PORT).stdout.splitlines() if line.startswith("+ ")]
    assert [" ".join(line.split()[1:4]) for line in shown] == [
        "nmcli connection add",
        "nmcli --wait 20",
        "ip -brief address",
        "ip route show",
    ]


@in_namespaces
def test_script_can_be_run_again_with_another_address(box: Box) -> None:
    box.plug_in()
    box.run(PORT)
    first = dict(box.profile["connection"])
    told = box.run(PORT, "172.20.0.9/16")
    assert (told.returncode, told.stderr) == (0, "")
    assert box.profile["ipv4"]["address1"] == "172.20.0.9/16"
    assert "address2" not in box.profile["ipv4"]
    assert box.profile["connection"]["uuid"] == first["uuid"]


@in_namespaces
def test_defaults_are_those_of_the_page(box: Box) -> None:
    ip(f"link set {PORT} down", f"link set {PORT} name eth0", "link set eth0 up")
    box.plug_in()
    assert box.run().returncode == 0
    assert box.profile["connection"]["interface-name"] == "eth0"
    assert box.profile["ipv4"]["address1"] == "10.11.120.1/24"


@in_namespaces
def test_profile_is_kept_for_later_without_a_cable(box: Box) -> None:
    told = box.run(PORT)
    assert told.returncode == 0
    assert "once the cable is plugged" in told.stdout
    assert box.changed


@in_namespaces
@pytest.mark.parametrize("family", ["-4", "-6"])
def test_interface_with_the_default_route_is_refused(box: Box, family: str) -> None:
    router = {"-4": GATEWAY, "-6": GATEWAY_LINK}[family]
    ip(f"route add default via {router} dev {PORT}")
    told = box.run(PORT)
    assert told.returncode == 1
    assert "leads to the internet" in told.stderr
    assert not box.changed


@in_namespaces
@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [(("nowhere0",), "no interface nowhere0"), ((PORT, "10.11.120.1"), "give it as 10.11.120.1/24")],
)
def test_mistakes_are_told_and_change_nothing(box: Box, arguments: tuple[str, ...], complaint: str) -> None:
    told = box.run(*arguments)
    assert told.returncode == 1
    assert complaint in told.stderr
    assert not box.changed
