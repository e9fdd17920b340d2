"""What this machine knows of itself: on the real one, in a network of its own, and with host names of any kind."""

from __future__ import annotations

import fcntl
import shutil
import socket
import struct
import subprocess
import sys
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import NoReturn

import pytest

from smgwproxy import machine
from tests.support import PATIENCE

LOOPBACK = (IPv4Address("127.0.0.1"), IPv6Address("::1"))


# --- names ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "names"),
    [
        ("pi", "pi pi.local localhost"),
        ("pi.fritz.box", "pi.fritz.box pi pi.local localhost"),
        ("pi.local", "pi.local pi localhost"),
        ("pi.", "pi pi.local localhost"),
        ("my_pi", "my_pi my_pi.local localhost"),
        ("localhost", "localhost"),
        ("localhost.localdomain", "localhost"),
        ("", "localhost"),
    ],
)
def test_names_are_the_host_name_its_name_in_multicast_dns_and_localhost(
    monkeypatch: pytest.MonkeyPatch, host: str, names: str
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: host)
    assert machine.names() == tuple(names.split())


WITHOUT_A_NAME_SERVER = """
import sys

def deny(event, arguments):
    if event in {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "socket.getnameinfo",
                 "socket.connect", "socket.sendto", "socket.sendmsg", "subprocess.Popen"}:
        raise RuntimeError(event)

sys.addaudithook(deny)
from smgwproxy import machine
print(len(machine.names()) > 0, len(machine.addresses()) > 0)
"""


def test_nobody_is_asked_over_the_network() -> None:
    told = subprocess.run(
        [sys.executable, "-c", WITHOUT_A_NAME_SERVER], capture_output=True, text=True, timeout=PATIENCE, check=True
    )
    assert told.stdout == "True True\n"


# --- addresses ------------------------------------------------------------------------------------------


def first_addresses() -> list[IPv4Address]:
    """Return the first address of each interface that has one, in their order, as the system tells it by name."""
    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for _, name in socket.if_nameindex():
            try:
                answer = fcntl.ioctl(probe, 0x8915, struct.pack("256s", name.encode()))
            except OSError:
                continue
            found.append(IPv4Address(answer[20:24]))
    return found


def test_each_interface_with_an_address_is_there_in_their_order() -> None:
    there = machine.ipv4_addresses()
    assert LOOPBACK[0] in there
    assert [one for one in there if one in first_addresses()] == first_addresses()


def test_the_addresses_are_those_that_one_can_listen_at() -> None:
    for address in machine.addresses():
        if address.is_link_local:  # would need the zone that the address does not have
            continue
        family = socket.AF_INET if address.version == 4 else socket.AF_INET6
        with socket.socket(family) as listener:
            listener.bind((str(address), 0))


def test_no_address_is_lost_however_little_room_there_was_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    there = machine.ipv4_addresses()
    monkeypatch.setattr(machine, "_FIRST_ROOM", 1)
    assert machine.ipv4_addresses() == there


IN_A_NETWORK_OF_ITS_OWN = """
ip link set lo up
ip link add two type veth peer name one || exit 77  # which makes the peer first
ip addr add 192.0.2.20/24 dev two
ip addr add 192.0.2.10/24 dev one
ip addr add 192.0.2.11/24 dev one
ip addr add 198.51.100.1/32 dev one label one:3
for number in $(seq 1 150); do echo "addr add 203.0.113.$number/32 dev two"; done | ip -batch -
ip link set one up
ip link set two up
ip -6 addr add 2001:db8::10/64 dev one nodad
exec "$@"
"""


@pytest.fixture(scope="module")
def alone() -> list[str]:
    """The addresses that are told in a network namespace with three interfaces."""
    tools = ("unshare", "ip")
    if not all(map(shutil.which, tools)):
        pytest.skip(f"one of {tools} is not here")
    program = "from smgwproxy.machine import addresses; print(*addresses())"
    inner = ["sh", "-c", IN_A_NETWORK_OF_ITS_OWN, "sh", sys.executable, "-c", program]
    ran = subprocess.run(["unshare", "-rn", *inner], capture_output=True, text=True, timeout=PATIENCE, check=False)
    if ran.returncode:
        pytest.skip(f"no network of its own can be had here: {ran.stderr.strip()}")
    return ran.stdout.split()


def test_all_addresses_of_an_interface_are_told_however_many_in_the_order_of_the_interfaces(
    alone: list[str],
) -> None:
    one = ["192.0.2.10", "198.51.100.1", "192.0.2.11"]
    two = ["192.0.2.20", *(f"203.0.113.{number}" for number in range(1, 151))]
    of_version_4 = [each for each in alone if ip_address(each).version == 4]
    assert of_version_4[0] == "127.0.0.1"
    assert sorted(of_version_4[1:4]) == sorted(one)
    assert sorted(of_version_4[4:]) == sorted(two)


def test_addresses_of_version_6_follow_loopback_and_link_local_ones_among_them(alone: list[str]) -> None:
    of_version_6 = [each for each in alone if ip_address(each).version == 6]
    assert alone[-len(of_version_6) :] == of_version_6
    assert of_version_6[0] == "::1"
    assert "2001:db8::10" in of_version_6
    assert any(each.startswith("fe80::") for each in of_version_6)
    assert not any("%" in each for each in of_version_6)


IF_INET6 = """\
20010db8000000000000000000000003 03 40 00 81     eth1
fe800000000000000000000000000002 02 40 20 80     eth0
20010db8000000000000000000000002 02 40 00 00     eth0
20010db8000000000000000000000bad 02 40 00 88     eth0
fe800000000000000000000000000002 03 40 20 80     eth1
20010db8000000000000000000000004 03 40 00 e0     eth1
00000000000000000000000000000001 01 80 10 80       lo
"""


def test_temporary_and_foreign_addresses_of_version_6_are_left_out_and_none_is_told_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = tmp_path / "if_inet6"
    table.write_text(IF_INET6)
    monkeypatch.setattr(machine, "_IPV6", table)
    assert [str(one) for one in machine.ipv6_addresses()] == ["::1", "fe80::2", "2001:db8::2", "2001:db8::4"]


def test_a_machine_without_one_of_the_protocols_has_the_addresses_of_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert set(LOOPBACK) <= set(machine.addresses())
    monkeypatch.setattr(machine, "_IPV6", tmp_path / "none")
    assert machine.addresses() == machine.ipv4_addresses() != ()

    def refuse(*_: object) -> NoReturn:
        raise OSError("Address family not supported by protocol")

    monkeypatch.setattr(socket, "socket", refuse)
    assert machine.ipv4_addresses() == machine.addresses() == ()
