"""The way to the gateway, judged by what a machine's network is like."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_interface

import pytest

from smgwproxy.doctor.finding import Check, Finding, Verdict
from smgwproxy.doctor.way import Network, Way, judge
from smgwproxy.network import Interface, Route

GATEWAY = ip_address("10.11.120.2")
LO = Interface(
    "lo", 1, loopback=True, hardware=None, up=True, carrier=True, addresses=(ip_interface("127.0.0.1/8"),)
)
ETH0 = Interface("eth0", 2, loopback=False, hardware="02:00:00:00:00:01", up=True, carrier=True)
HAN = replace(ETH0, addresses=(ip_interface("10.11.120.1/24"),))
LAN_ADDRESS = ip_interface("192.168.0.9/24")
WLAN0 = replace(ETH0, name="wlan0", index=3, hardware="02:00:00:00:00:02", addresses=(LAN_ADDRESS,))
DOCKER = replace(ETH0, name="docker0", index=4, addresses=(ip_interface("172.17.0.1/16"),))
ROUTER = Route("wlan0", ip_address("192.168.0.1"))
RIGHT = Network((LO, HAN, WLAN0), Route("eth0", None, ip_address("10.11.120.1")), (ROUTER,), ())


def finding(way: Way, check: Check) -> Finding:
    (found,) = [one for one in way.findings if one.name is check]
    return found


def verdicts(way: Way) -> list[str]:
    return [str(one.verdict) for one in way.findings]


def test_right_way_is_right() -> None:
    way = judge(GATEWAY, RIGHT)
    assert verdicts(way) == ["ok"] * 4
    assert (way.han, way.trouble) == ("eth0", "")
    assert finding(way, Check.ADDRESS).seen == "10.11.120.1/24 on eth0, in the gateway's subnet"


@pytest.mark.parametrize(
    ("interfaces", "route", "told"),
    [
        ((LO, ETH0, WLAN0), ROUTER, "packets to it leave by wlan0 to 192.168.0.1"),
        ((LO, ETH0, WLAN0), None, "no way there"),
        ((LO, ETH0, WLAN0), Route("eth0", None, LAN_ADDRESS.ip), "eth0 has none there"),
        ((LO, replace(HAN, addresses=(ip_interface("10.11.121.1/24"),)), WLAN0), ROUTER, "leave by wlan0"),
    ],
)
def test_wrong_subnet_is_told_with_the_port_to_give_an_address(
    interfaces: tuple[Interface, ...], route: Route | None, told: str
) -> None:
    way = judge(GATEWAY, replace(RIGHT, interfaces=interfaces, route=route))
    assert verdicts(way) == ["ok", "wrong", "skipped", "skipped"]
    address = finding(way, Check.ADDRESS)
    assert told in address.seen
    assert "Give eth0 an address" in address.advice
    profile, _ = address.commands
    known = any(one.addresses for one in interfaces if one.name == "eth0")  # then it has a profile
    assert ("device show eth0" if known else "con-name smgw-han ifname eth0") in profile
    assert "10.11.120.1/24 ipv4.never-default yes" in profile
    assert way.trouble


def test_neither_docker_nor_wlan_is_offered_as_the_gateways_port() -> None:
    spare = replace(ETH0, name="wlan1")
    way = judge(GATEWAY, replace(RIGHT, interfaces=(LO, DOCKER, spare, WLAN0), route=ROUTER))
    assert verdicts(way)[:2] == ["skipped", "wrong"]
    assert "USB network adapter" in finding(way, Check.ADDRESS).advice


def test_gateway_at_the_first_address_leaves_this_machine_the_second() -> None:
    way = judge(ip_address("10.9.8.1"), replace(RIGHT, interfaces=(LO, ETH0, WLAN0), route=ROUTER))
    assert "10.9.8.2/24" in finding(way, Check.ADDRESS).commands[0]


def test_gateways_address_on_this_machine_is_told() -> None:
    twin = replace(HAN, addresses=(ip_interface("10.11.120.2/24"),))
    way = judge(GATEWAY, replace(RIGHT, interfaces=(LO, twin, WLAN0), route=Route("lo", None, GATEWAY)))
    found = finding(way, Check.ADDRESS)
    assert "an address of this machine itself" in found.seen
    assert found.advice.startswith("The target must be the gateway's address (--target)")
    assert way.trouble == "the target is this machine itself"
    assert "10.11.120" not in found.advice  # which may be the gateway's


@pytest.mark.parametrize(
    ("han", "route", "told"),
    [
        (replace(HAN, carrier=False), RIGHT.route, "eth0 has no cable"),
        (replace(HAN, carrier=False), ROUTER, "eth0 has no cable"),
        (replace(HAN, up=False, carrier=False), None, "eth0 is switched off"),
        (replace(ETH0, carrier=False), ROUTER, "eth0 has no cable"),
    ],
)
def test_cable_that_is_out_is_told_whatever_became_of_address_and_route(
    han: Interface, route: Route | None, told: str
) -> None:
    way = judge(GATEWAY, replace(RIGHT, interfaces=(LO, han, WLAN0), route=route))
    cable = finding(way, Check.CABLE)
    assert (cable.verdict, way.trouble != "") == (Verdict.WRONG, True)
    assert told in cable.seen


def test_port_that_lost_its_address_with_the_cable_gets_no_second_profile() -> None:
    out = replace(ETH0, carrier=False)
    way = judge(GATEWAY, replace(RIGHT, interfaces=(LO, out, WLAN0), route=ROUTER))
    assert verdicts(way) == ["wrong", "skipped", "skipped", "skipped"]
    assert not finding(way, Check.ADDRESS).commands


def test_default_route_over_the_han_is_told_for_each_version() -> None:
    routes = (ROUTER, Route("eth0", ip_address("10.11.120.254")), Route("eth0", ip_address("fe80::1")))
    found = finding(judge(GATEWAY, replace(RIGHT, default_routes=routes)), Check.DEFAULT_ROUTE)
    assert found.verdict is Verdict.WRONG
    assert "10.11.120.254, fe80::1" in found.seen
    assert 'ipv4.gateway "" ipv4.never-default yes ipv6.never-default yes' in found.commands[0]


@pytest.mark.parametrize(
    "forwarding", [((4, "eth0"), (4, "wlan0")), ((4, "wlan0"),), ((6, "wlan0"),), ((4, "eth0"), (6, "eth0"))]
)
def test_forwarding_of_either_version_is_told_with_the_settings_that_end_both(
    forwarding: tuple[tuple[int, str], ...],
) -> None:
    found = finding(judge(GATEWAY, replace(RIGHT, forwarding=forwarding)), Check.FORWARDING)
    assert found.verdict is Verdict.WRONG
    assert r"'net.ipv4.ip_forward=0\nnet.ipv6.conf.all.forwarding=0\n'" in found.commands[0]


def test_forwarding_that_docker_needs_is_a_warning_as_long_as_it_is_off_for_the_han() -> None:
    with_docker = replace(RIGHT, interfaces=(*RIGHT.interfaces, DOCKER))
    only = replace(with_docker, forwarding=((4, "docker0"),))
    assert finding(judge(GATEWAY, only), Check.FORWARDING).verdict is Verdict.OK
    others = replace(with_docker, forwarding=((4, "docker0"), (4, "wlan0")))
    found = finding(judge(GATEWAY, others), Check.FORWARDING)
    assert found.verdict is Verdict.WARNING
    assert "DOCKER-USER -o eth0 -j DROP" in found.commands[0]
    all_of_them = replace(with_docker, forwarding=((4, "docker0"), (4, "wlan0"), (4, "eth0")))
    found = finding(judge(GATEWAY, all_of_them), Check.FORWARDING)
    assert found.verdict is Verdict.WRONG
    assert r"net.ipv4.conf.eth0.forwarding=0\nnet.ipv6.conf.eth0.forwarding=0\n" in found.commands[0]
    assert "ip_forward" not in found.commands[0]


def test_gateway_on_loopback_has_no_way_to_judge() -> None:
    assert verdicts(judge(ip_address("127.0.0.1"), RIGHT)) == ["skipped"] * 4
