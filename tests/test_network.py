"""What this machine tells of its network, in namespaces made for it."""

from __future__ import annotations

import subprocess
from ipaddress import IPv4Address, IPv4Interface, ip_address
from pathlib import Path

import pytest

from smgwproxy import network
from smgwproxy.network import NetworkUnknown, Route
from tests.namespaces.han import GATEWAY, GATEWAY_LINK, NOBODY, PORT, Han, ip

pytestmark = pytest.mark.usefixtures("in_namespaces")


def test_interface_is_told_with_its_addresses_and_cable(han: Han) -> None:
    cabled = network.interface(PORT)
    assert cabled is not None
    assert (cabled.up, cabled.carrier, cabled.loopback) == (True, True, False)
    assert IPv4Interface("10.11.120.1/24") in cabled.addresses
    assert [one.name for one in network.interfaces()] == ["lo", PORT]
    assert network.interfaces()[0].loopback
    han.cable.pull()
    pulled = network.interface(PORT)
    assert pulled is not None
    assert (pulled.up, pulled.carrier) == (True, False)
    han.cable.take_down()
    down = network.interface(PORT)
    assert down is not None
    assert not down.up
    assert network.interface("nope") is None


def test_route_tells_interface_and_router(han: Han) -> None:
    here = ip_address("10.11.120.1")
    assert network.route_to(ip_address(GATEWAY)) == Route(PORT, None, here)
    assert network.route_to(ip_address("192.0.2.1")) is None
    assert network.default_routes() == []
    ip(f"route add default via {NOBODY} dev {PORT}")
    assert network.route_to(ip_address("192.0.2.1")) == Route(PORT, ip_address(NOBODY), here)
    assert network.default_routes() == [Route(PORT, ip_address(NOBODY))]
    assert network.route_to(ip_address(GATEWAY_LINK), PORT) == Route(PORT, None, ip_address("fe80::a"))


def test_default_route_of_several_hops_and_of_ipv6_is_told(han: Han) -> None:
    ip(
        f"route add default nexthop via {NOBODY} dev {PORT} nexthop via {GATEWAY} dev {PORT}",
        f"route add ::/0 via {GATEWAY_LINK} dev {PORT} table 7",
    )
    vias = [str(route.via) for route in network.default_routes()]
    assert vias == [NOBODY, GATEWAY, GATEWAY_LINK]


def test_route_elsewhere_is_one_that_is_not_for_all(han: Han) -> None:
    somewhere = IPv4Address("10.98.0.7")
    ip(f"route add default via {NOBODY} dev {PORT}", "route add 0.0.0.0/1 dev lo")
    assert network.route_elsewhere(somewhere, "eth0") is None
    assert network.route_elsewhere(IPv4Address(GATEWAY), PORT) is None
    assert network.route_elsewhere(IPv4Address(GATEWAY), "eth0") == PORT
    ip(f"route add 10.98.0.0/16 nexthop via {NOBODY} dev {PORT} nexthop dev lo")
    assert network.route_elsewhere(somewhere, PORT) == "lo"
    assert network.route_elsewhere(somewhere, "lo") == PORT
    ip("route add unreachable 10.98.0.7")
    assert network.route_elsewhere(somewhere, PORT) is None


def test_part_of_a_bridge_and_what_lies_upon_another_interface_are_told(han: Han) -> None:
    ip("link add br0 type bridge", f"link set {PORT} master br0", "link add upon link br0 type macvlan")
    told = {one.name: (one.master, one.lower) for one in network.interfaces()}
    assert told == {"lo": (None, None), PORT: ("br0", None), "br0": (None, None), "upon": (None, "br0")}


def test_vrf_is_no_master_of_packets() -> None:  # not every kernel can make one
    told = {"ifname": "eth0", "ifindex": 2, "flags": [], "master": "vrf9", "linkinfo": {"info_slave_kind": "vrf"}}
    assert network._interface(told).master is None


@pytest.mark.parametrize("name", [b"a\x1b[1", b"a\xe9"])
def test_interface_may_be_called_anything(han: Han, name: bytes) -> None:
    han.cable.take_down()
    subprocess.run(["ip", "link", "set", PORT, "name", name], check=True)
    assert [one.name for one in network.interfaces()] == ["lo", name.decode(errors="replace")]


def test_forwarding_is_told_for_each_interface(han: Han) -> None:
    settings = Path("/proc/sys/net/ipv4/conf")
    if not (settings / PORT).is_dir():
        pytest.skip("/proc/sys/net is not there")
    assert (4, PORT) not in network.forwarding()
    (settings / PORT / "forwarding").write_text("1")
    assert (4, PORT) in network.forwarding()
    assert (4, "lo") not in network.forwarding()


def test_neighbours_are_those_that_were_seen(han: Han) -> None:
    assert network.neighbours(PORT) == []
    han.cable.swallow(NOBODY)
    (seen,) = network.neighbours(PORT)
    assert (seen.address, seen.hardware) == (ip_address(NOBODY), "02:00:00:00:00:99")


def test_interface_that_is_gone_is_an_error_with_its_remedy(han: Han) -> None:
    with pytest.raises(NetworkUnknown, match="Cannot find device"):
        network.neighbours("nope")


def test_missing_program_is_told(han: Han, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(network, "_WHERE", ())
    with pytest.raises(NetworkUnknown, match="install iproute2"):
        network.interfaces()
