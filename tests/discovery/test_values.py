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
    name: str,
    *addresses: str,
    up: bool = True,
    carrier: bool = True,
    hardware: str | None = OWN,
    master: str | None = None,
    lower: str | None = None,
) -> Interface:
    own = tuple(map(ip_interface, addresses))
    return Interface(name, 2, False, hardware, up, carrier, own, master, lower)


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


def test_part_of_a_bridge_is_no_cable_and_the_bridge_is_told() -> None:
    part = interface("eth0", master="br0")
    with pytest.raises(NoPlace, match=r"^eth0 is a part of br0: give that one, or the cable to the gateway$"):
        places.find("eth0", [part, interface("br0")], [])
    with pytest.raises(ConfigError, match=r"none of the interfaces .* eth0 \(a part of br0\)"):
        places.choose([part, interface("br0")], [])
    assert places.choose([part, interface("eth1")], []).interface.name == "eth1"


def test_interface_whose_vlan_leads_to_the_internet_is_the_home_network() -> None:
    interfaces = [interface("eth0"), interface("eth0.7", lower="eth0"), interface("eth1")]
    defaults = [Route("eth0.7", ip_address("192.168.0.1"))]
    assert places.find("eth0", interfaces, defaults).home
    assert not places.find("eth1", interfaces, defaults).home
    assert places.choose(interfaces, defaults).interface.name == "eth1"


def test_interface_is_quoted_in_the_command_that_switches_it_on() -> None:
    with pytest.raises(NoPlace, match=r"sudo ip link set 'a\$\(id\)b;' up$"):
        places.find("a$(id)b;", [interface("a$(id)b;", up=False)], [])


# --- candidates -----------------------------------------------------------------------------------------


def test_own_addresses_and_routers_elsewhere_are_no_candidates() -> None:
    place = Place(interface("eth0", "10.0.0.1/24"), (WLAN,), (INTERNET,))
    own = (by_arp("10.0.0.1"), by_arp("192.168.0.11"), by_arp("10.0.0.9", OWN), by_arp("192.168.0.1"))
    assert seen(place, *own, by_arp("10.0.0.2")) == ["10.0.0.2"]


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",  # noqa: S104
        "0.1.2.3",
        "127.0.0.1",
        "224.0.0.5",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.2",
    ],
)
@pytest.mark.parametrize("how", [How.MDNS, How.NEIGHBOURS, How.ARP, How.NEIGHBOUR_DISCOVERY])
def test_what_is_no_address_of_one_machine_is_no_candidate(address: str, how: How) -> None:
    assert seen(Place(interface("eth0")), Sighting(ip_address(address), how, name="smgw.local")) == []


def test_link_local_address_elsewhere_is_another_ones() -> None:
    router = Route("wlan0", ip_address("fe80::1"))
    place = Place(interface("eth0", "fe80::a/64"), (interface("wlan0", "fe80::b/64"),), (router,))
    assert seen(place, *map(by_arp, ("fe80::1", "fe80::a", "fe80::b"))) == ["fe80::1", "fe80::b"]


def test_name_that_is_heard_at_another_interface_is_nobodys() -> None:
    mdns = pytest.importorskip("smgwproxy.discovery.mdns")
    place = interface("eth0", "fe80::a/64")
    for index, heard in ((place.index, ["fe80::7"]), (place.index + 1, [])):
        info = mdns.ServiceInfo(
            mdns.SERVICE,
            f"Gateway.{mdns.SERVICE}",
            port=443,
            server="smgw.local.",
            parsed_addresses=["fe80::7"],
            interface_index=index,
        )
        assert [str(one.address) for one in mdns._sightings(info, place)] == heard


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
    candidates.add(by_arp("172.20.0.1"))
    assert str(candidates.best_first()[0].address) == "172.20.0.1", "a usual address is none too many"


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
    _, _, line = commands("10.11.120.2")[0].partition("; ")
    add, _, up = line.partition(" && ")
    sudo, _, *words = shlex.split(add)
    told = subprocess.run([nmcli, "--offline", *words], capture_output=True, text=True, check=True).stdout
    assert sudo == "sudo"
    assert {"id=smgw-han", "interface-name=eth0", "never-default=true", "address1=10.11.120.1/24"} <= set(
        told.splitlines()
    )
    assert "gateway=" not in told
    assert "dns=" not in told.replace("ignore-auto-dns=", "")
    assert up == "sudo nmcli connection up smgw-han"


@pytest.mark.parametrize(
    "at", [interface("wlan0"), interface("br0"), interface("eth0.7", lower="eth0")], ids=lambda one: one.name
)
def test_interface_that_is_no_plain_ethernet_gets_no_profile_of_network_manager(at: Interface) -> None:
    advice = next_commands(GATEWAY, Place(at), NOBODY, "smgwproxy", nmcli=True)
    assert advice.commands[0] == f"sudo ip address add 10.11.120.1/24 dev {at.name}"
    assert "until the next start only" in advice.note


NMCLI = """#!/bin/sh
case "$*" in
  "connection delete smgw-han") [ -s {0} ] && : >{0} || {{ echo "unknown connection" >&2; exit 10; }} ;;
  "connection add "*) echo "$*" >>{0} ;;
  "connection up smgw-han") [ -s {0} ] ;;
  *) exit 2 ;;
esac
"""


def test_first_command_makes_one_profile_however_often_it_is_run(tmp_path: Path) -> None:
    profiles = tmp_path / "profiles"
    for name, text in (("sudo", '#!/bin/sh\nexec "$@"\n'), ("nmcli", NMCLI.format(profiles))):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    for own in ("10.11.120.1", "10.11.120.3"):
        command = commands(
            "10.11.120.2", taken=NOBODY if own.endswith(".1") else frozenset({IPv4Address("10.11.120.1")})
        )
        done = subprocess.run(
            ["/bin/sh", "-c", command[0]], env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=True
        )
        assert (done.stdout, done.stderr) == ("", "")
        (profile,) = profiles.read_text().splitlines()
        assert f"ipv4.addresses {own}/24" in profile


def test_that_the_profile_replaces_addresses_is_told() -> None:
    with_address, without = Place(interface("eth0", "192.168.9.9/24")), Place(interface("eth0", "fe80::a/64"))
    assert "the addresses that eth0 has now" in next_commands(GATEWAY, with_address, NOBODY, "x", nmcli=True).note
    assert next_commands(GATEWAY, without, NOBODY, "x", nmcli=True).note == ""


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
