"""Places, candidates and advice as values."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from ipaddress import IPv4Address, ip_address, ip_interface
from pathlib import Path

import pytest

from smgwproxy.commands.own_program import own_program
from smgwproxy.discovery import place as places
from smgwproxy.discovery.advice import next_commands
from smgwproxy.discovery.candidates import Candidates, How, Sighting
from smgwproxy.discovery.place import NoPlace, Place
from smgwproxy.errors import ConfigError
from smgwproxy.network import Interface, Route

OWN = "02:00:00:00:00:01"
GATEWAY = ip_address("10.11.120.2")
NOBODY: frozenset[IPv4Address] = frozenset()


def interface(
    name: str, *addresses: str, up: bool = True, carrier: bool = True, hardware: str | None = OWN
) -> Interface:
    return Interface(name, 2, False, hardware, up, carrier, tuple(map(ip_interface, addresses)))


def seen(place: Place, *sightings: Sighting) -> list[str]:
    candidates = Candidates(place)
    for sighting in sightings:
        candidates.add(sighting)
    return [str(one.address) for one in candidates.best_first()]


def by_arp(address: str, hardware: str = "02:00:00:00:00:07") -> Sighting:
    return Sighting(ip_address(address), How.ARP, hardware)


# --- the interface --------------------------------------------------------------------------------------

LOOPBACK = Interface("lo", 1, True, None, True, True)
WLAN = interface("wlan0", "192.168.0.11/24")
INTERNET = Route("wlan0", ip_address("192.168.0.1"))


@pytest.mark.parametrize("name", ["eth0", "end0", "enp3s0", "enx0123456789ab"])
def test_the_one_cable_is_chosen(name: str) -> None:
    others = [LOOPBACK, WLAN, interface("docker0"), interface("veth12ab"), interface("br-0"), interface("wg0")]
    unplugged = interface("eth7", carrier=False)
    place = places.choose([interface(name), *others, unplugged], [INTERNET])
    assert place.interface.name == name
    assert [one.name for one in place.others] == [one.name for one in (*others, unplugged)]


def test_several_cables_or_none_must_be_named_and_all_that_there_are_are_told() -> None:
    with pytest.raises(
        ConfigError, match=r"none of the interfaces .* eth0 \(no cable\), wlan0 \(the home network\)$"
    ):
        places.choose([LOOPBACK, interface("eth0", carrier=False), WLAN], [INTERNET])
    with pytest.raises(
        ConfigError, match=r"several .* eth0 \(a cable\), eth1 \(a cable\), eth2 \(switched off\)$"
    ):
        places.choose([interface("eth0"), interface("eth1"), interface("eth2", up=False)], [])
    with pytest.raises(ConfigError, match=r"eth0 \(the home network\)$"):
        places.choose([interface("eth0")], [Route("eth0", ip_address("192.168.0.1"))])


def test_interface_without_ethernet_is_none_where_a_gateway_is() -> None:
    with pytest.raises(NoPlace, match="tun0 is no Ethernet interface"):
        places.find("tun0", [interface("tun0", hardware=None)], [])


# --- candidates -----------------------------------------------------------------------------------------


def test_own_addresses_and_routers_elsewhere_are_no_candidates() -> None:
    place = Place(interface("eth0", "10.0.0.1/24"), (WLAN,), (INTERNET,))
    own = (by_arp("10.0.0.1"), by_arp("192.168.0.11"), by_arp("10.0.0.9", OWN), by_arp("192.168.0.1"))
    assert seen(place, *own, by_arp("10.0.0.2")) == ["10.0.0.2"]


def test_candidates_are_asked_in_the_order_of_what_speaks_for_them() -> None:
    place = Place(interface("eth0", "10.0.0.1/24"))
    sightings = [
        by_arp("10.99.0.1"),
        by_arp("10.0.0.9"),
        by_arp("192.168.1.200"),
        Sighting(ip_address("10.0.0.7"), How.MDNS, name="printer.local"),
        Sighting(ip_address("10.99.0.2"), How.MDNS, name="smgw.local"),
        Sighting(ip_address("10.0.0.8"), How.MDNS, name="conexa.local"),
    ]
    assert seen(place, *sightings) == [
        "10.0.0.8",
        "10.99.0.2",
        "10.0.0.7",
        "192.168.1.200",
        "10.0.0.9",
        "10.99.0.1",
    ]


def test_machines_of_the_home_network_are_none_of_our_business() -> None:
    place = Place(interface("eth0", "192.168.1.5/24"), (), (Route("eth0", ip_address("192.168.1.1")),))
    named = Sighting(ip_address("192.168.1.77"), How.MDNS, name="smgw.local")
    printer = Sighting(ip_address("192.168.1.9"), How.MDNS, name="printer.local")
    assert seen(place, by_arp("192.168.1.1"), by_arp("192.168.1.3"), printer, by_arp("192.168.1.200"), named) == [
        "192.168.1.77",
        "192.168.1.200",
    ]


def test_what_is_seen_later_is_added_to_a_candidate() -> None:
    candidates = Candidates(Place(interface("eth0")))
    candidates.add(Sighting(GATEWAY, How.MDNS, name="smgw.local"))
    candidates.add(by_arp(str(GATEWAY)))
    (one,) = candidates.best_first()
    assert (one.how, one.hardware, one.name) == (How.MDNS, "02:00:00:00:00:07", "smgw.local")


def test_who_has_thousands_of_addresses_takes_no_memory() -> None:
    candidates = Candidates(Place(interface("eth0")))
    for number in range(5000):
        candidates.add(by_arp(str(IPv4Address("10.0.0.1") + number)))
    assert len(candidates.best_first()) == len(candidates.seen) == 64


# --- commands -------------------------------------------------------------------------------------------


def commands(gateway: str, *own: str, taken: frozenset[IPv4Address] = NOBODY, nmcli: bool = True) -> list[str]:
    place = Place(interface("eth0", *own))
    return list(next_commands(ip_address(gateway), place, taken, "smgwproxy", nmcli=nmcli).commands)


@pytest.mark.parametrize(
    ("gateway", "taken", "own"),
    [
        ("10.11.120.2", (), "10.11.120.1/24"),
        ("172.20.0.1", (), "172.20.0.3/24"),
        ("10.11.120.2", ("10.11.120.1", "10.11.120.3"), "10.11.120.4/24"),
    ],
)
def test_first_command_gives_an_address_that_nobody_has(gateway: str, taken: tuple[str, ...], own: str) -> None:
    first, second = commands(gateway, taken=frozenset(map(IPv4Address, taken)))
    assert f"ipv4.addresses {own} " in first
    assert second == f"sudo smgwproxy install --target {gateway}"
    assert commands(gateway, taken=frozenset(map(IPv4Address, taken)), nmcli=False) == [
        f"sudo ip address add {own} dev eth0",
        second,
    ]


def test_network_manager_takes_the_first_command_and_leads_nowhere_else() -> None:
    nmcli = shutil.which("nmcli")
    if nmcli is None:
        pytest.skip("nmcli is not installed")
    add, _, up = commands("10.11.120.2")[0].partition(" && ")
    sudo, _, *words = shlex.split(add)
    told = subprocess.run([nmcli, "--offline", *words], capture_output=True, text=True, check=True).stdout
    assert sudo == "sudo"
    assert {"id=smgw-han", "interface-name=eth0", "never-default=true", "address1=10.11.120.1/24"} <= set(
        told.splitlines()
    )
    assert "gateway=" not in told
    assert "dns=" not in told.replace("ignore-auto-dns=", "")
    assert up == "sudo nmcli connection up smgw-han"


def test_gateway_that_can_be_reached_is_checked_first() -> None:
    assert commands("10.11.120.2", "10.11.120.1/24") == [
        "smgwproxy doctor --target 10.11.120.2",
        "sudo smgwproxy install --target 10.11.120.2",
    ]
    assert commands("fe80::1", "fe80::a/64")[1] == "sudo smgwproxy install --target '[fe80::1%eth0]'"


def test_program_is_called_so_that_sudo_finds_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [str(tmp_path / "my venv" / "smgwproxy")])
    assert own_program() == f"'{tmp_path}/my venv/smgwproxy'"
    monkeypatch.setattr(sys, "argv", ["/x/smgwproxy/__main__.py"])
    assert own_program() == f"{sys.executable} -m smgwproxy"
