"""The search with real packets, in network namespaces: who is found, how, and what reaches the other end."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from smgwproxy import network
from smgwproxy.commands.discover import discover
from smgwproxy.discovery.borrowing import NotGivenBack, borrowed
from smgwproxy.discovery.search import Times
from smgwproxy.errors import ConfigError
from tests.discovery.scene import (
    BARE,
    ROOT,
    TIMES,
    Tap,
    addresses_here,
    gateway_at,
    responder_at,
    searched,
    searching,
    wait_until,
)
from tests.discovery.test_packets import icmp, packet
from tests.namespaces.han import GATEWAY, GATEWAY_LINK, MOVED, PORT, Cable, Han, Namespace, ip, ip_says
from tests.support import PATIENCE, Peer, RawGateway

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("in_namespaces")]

AT = ("--interface", PORT)
SOON = {"listening": 0.2}
ELSEWHERE = "10.99.7.5"
"""An address that nobody would guess."""
OF_THE_SYSTEM = {"groups", "neighbour discovery"}
"""What the system says by itself where there is IPv6: the multicast groups it is in, and whom it looks for."""
ETH_P_ARP, ETH_P_IPV6 = 0x0806, 0x86DD


@pytest.fixture
def bare(han: Han) -> Han:
    """The HAN, with no address at this machine's interface."""
    if han is not None:
        ip(f"{BARE} {PORT}")
    return han


@pytest.fixture
def nmcli(tmp_path: Path) -> str:
    """A PATH with a program ``nmcli``, whatever this machine has."""
    program = tmp_path / "nmcli"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    return f"{tmp_path}{os.pathsep}{os.defpath}"


@contextmanager
def silent(machine: Namespace, over: threading.Event) -> Iterator[threading.Event]:
    """Run a peer at port 443 that says nothing until it is ``over``; what is returned tells that somebody came."""
    came = threading.Event()

    def wait(_: Peer) -> None:
        came.set()
        over.wait(PATIENCE)

    with machine.entered():
        gateway = RawGateway(None, wait, port=443, host="0.0.0.0")  # noqa: S104  # of a namespace
    try:
        yield came
    finally:
        over.set()
        gateway.stop()


def say(machine: Namespace, *packets: bytes, protocol: int = ETH_P_ARP) -> None:
    """Send ``packets`` to all at the cable."""
    with machine.entered(), socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM) as speaking:
        for packet in packets:
            speaking.sendto(packet, (PORT, protocol, 0, 0, b"\xff" * 6))


def announcement(address: str, hardware: str = "02:00:00:00:00:07") -> bytes:
    """Return what somebody says who has taken ``address`` (RFC 5227, section 2.3)."""
    own = socket.inet_aton(address)
    return bytes.fromhex("0001080006040001" + hardware.replace(":", "")) + own + bytes(6) + own


# --- who is found ---------------------------------------------------------------------------------------


def test_silent_gateway_is_found_by_probes_from_an_interface_without_an_address(bare: Han, nmcli: str) -> None:
    ip(f"link set {PORT} down", f"link set {PORT} name eth0", "link set eth0 up")
    with gateway_at(bare.gateway, "ppc") as gateway, Tap(bare.gateway) as tap:
        code, said = searched("--interface", "eth0", times=SOON, path=nmcli)
        assert (code, gateway.received) == (0, [])
        kinds = tap.kinds()
    assert f"  Address      {GATEWAY}\n" in said
    assert "  Confirmed    yes, by a TLS handshake\n" in said
    assert gateway.certificate.fingerprint in said.replace(" ", "").replace("\n", "")
    assert kinds.pop("SYN to 443") == 1
    assert kinds.keys() <= {"ARP probe", "ARP", "TCP to 443"} | OF_THE_SYSTEM
    assert "10.11.120.1 was given back" in said
    assert "inet 10" not in ip_says("address", "show")
    assert "ifname eth0 ipv4.method manual ipv4.addresses 10.11.120.1/24 ipv4.never-default yes" in said
    assert f"install --target {GATEWAY}\n" in said


def test_link_local_gateway_is_found_by_its_service_and_needs_no_address_of_ours(bare: Han) -> None:
    ip(f"addr add fe80::a/64 dev {PORT} nodad")
    service = responder_at(bare.gateway, "eemh0012345678.local", GATEWAY_LINK)
    with gateway_at(bare.gateway, "emh", "::") as gateway, service, Tap(bare.gateway) as tap:
        code, said = searched(*AT)
        assert (code, gateway.received) == (0, [])
        kinds = tap.kinds()
    assert re.search(rf"  Address      {GATEWAY_LINK}\n  Hardware     [0-9a-f:]{{17}}\n", said)
    assert "  Name         eemh0012345678.local\n" in said
    assert f"smgwproxy doctor --target '[{GATEWAY_LINK}%{PORT}]'\n" in said
    assert f"smgwproxy install --target '[{GATEWAY_LINK}%{PORT}]'\n" in said
    assert kinds.pop("SYN to 443") == 1
    assert kinds.pop("mDNS")
    assert kinds.keys() <= {"TCP to 443"} | OF_THE_SYSTEM


def test_garbage_by_mdns_is_no_error_and_a_service_at_another_port_is_nobodys(bare: Han) -> None:
    ip(f"addr add fe80::a/64 dev {PORT} nodad")
    pointer = bytes.fromhex("0000840000000001 00000000 055f68747470045f746370056c6f63616c00 000c0001 00000078")
    elsewhere = pointer + b"\0\x06\x04evil\0"  # a service that is none of the type that was asked for
    named = bytes.fromhex("0000840000000001 00000000 04736d6777056c6f63616c00 001c8001 00000078 0010")
    after = named + socket.inet_pton(socket.AF_INET6, GATEWAY_LINK)
    with bare.gateway.entered():
        speaking = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        speaking.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        speaking.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        speaking.bind((GATEWAY_LINK, 5353, 0, socket.if_nametoindex(PORT)))
    printer = responder_at(bare.gateway, "printer.local", "fe80::9", port=80)
    times = {"names": 2.0, "listening": 0.1}
    with speaking, printer, Tap(bare.gateway) as tap, searching(*AT, times=times) as running:
        running.wait_for("Asking by mDNS")
        wait_until(lambda: tap.kinds()["mDNS"] > 0)
        for packet in (b"", bytes(600), b"\0\0\x84\0" + b"\xff" * 500, elsewhere, after):
            speaking.sendto(packet, ("ff02::fb", 5353))
        assert running.wait() == 1
    said = "".join(running.lines)
    assert "Traceback" not in said
    assert "mDNS:" not in said, "nothing that zeroconf warns of"
    assert f"{GATEWAY_LINK} is there: seen by mDNS" in said, "what came after the garbage"
    assert "fe80::9" not in said
    assert f"{GATEWAY} is not confirmed: The gateway {GATEWAY} refuses" in " ".join(said.split())


def test_gateways_own_name_is_found_whatever_port_its_service_has(han: Han) -> None:
    with gateway_at(han.gateway, "theben"), responder_at(han.gateway, "smgw.local", GATEWAY, port=80):
        code, said = searched(*AT, "--json", times={"names": 8.0})
    document = json.loads(said[said.index("{\n") :])
    assert code == 0
    assert document["interface"] == PORT
    (found,) = document["gateways"]
    assert (found["address"], found["name"], found["how"], found["confirmed"]) == (
        GATEWAY,
        "smgw.local",
        "mdns",
        True,
    )
    assert [command.split()[-3:] for command in document["next"]] == [
        ["doctor", "--target", GATEWAY],
        ["install", "--target", GATEWAY],
    ]


def test_gateway_that_only_announces_its_address_is_found_amid_garbage_at_the_only_cable(bare: Han) -> None:
    ip(f"link set {PORT} down", f"link set {PORT} name eth0", "link set eth0 up")
    with bare.gateway.entered():
        ip(f"{BARE} {PORT}", f"addr add {ELSEWHERE}/24 dev {PORT}")
    garbage = [*map(bytes, (0, 1, 27, 28, 60)), announcement("224.0.0.1"), announcement("127.0.0.1")]
    with gateway_at(bare.gateway, "ppc"), searching(path="/nowhere", times={"listening": 20.0}) as running:
        running.wait_for("Looking for the gateway at eth0")
        running.wait_for("Listening to ARP and IPv6 neighbour discovery at eth0, 20 s")
        say(bare.gateway, *garbage)
        say(bare.gateway, bytes(40), b"\x60" + bytes(60), bytes(9), protocol=ETH_P_IPV6)
        ours = network.interface("eth0")
        assert ours is not None
        say(bare.gateway, announcement("10.99.7.1", str(ours.hardware)))  # an echo of our own
        say(bare.gateway, announcement("10.98.7.5"), announcement(ELSEWHERE))
        assert running.wait() == 0
    said = "".join(running.lines)
    assert "10.98.7.5 is not confirmed: nobody at eth0 answers for this address" in said
    assert f"  Address      {ELSEWHERE}\n  Hardware     02:00:00:00:00:07\n" in said
    assert "ARP probes" not in said
    assert "sudo ip address add 10.99.7.1/24 dev eth0\n" in said
    assert "until the next start only" in " ".join(said.split())


def test_gateway_that_starts_is_heard_by_neighbour_discovery(bare: Han) -> None:
    ip(f"addr add fe80::a/64 dev {PORT} nodad")
    with (
        gateway_at(bare.gateway, "ppc", "::") as gateway,
        searching(*AT, times={"names": 0.1, "listening": 20.0}) as running,
    ):
        running.wait_for("Listening")
        assert "allmulti 1 " in ip_says("-details", "link", "show", "dev", PORT), "or the adapter would drop it"
        with bare.gateway.entered():
            ip(f"{BARE} {PORT}", f"addr add fe80::77/64 dev {PORT}")  # asks first whether anybody has it
        assert running.wait() == 0
    assert "fe80::77 is there: seen by IPv6 neighbour discovery." in "".join(running.lines)
    assert gateway.received == []


def test_second_candidate_is_tried_when_the_first_refuses_and_no_address_is_kept(bare: Han) -> None:
    with bare.gateway.entered():
        ip(f"addr add 192.168.1.200/24 dev {PORT}")
    with gateway_at(bare.gateway, "theben", "192.168.1.200"), Tap(bare.gateway) as tap:
        code, said = searched(*AT, times=SOON)
        kinds = tap.kinds()
    assert code == 0
    refused = f"{GATEWAY} is not confirmed: The gateway {GATEWAY} refuses"
    assert refused in " ".join(said.split())
    assert re.findall(r"\S+ was given back", said) == ["10.11.120.1 was given back", "192.168.1.1 was given back"]
    assert said.index(f"{GATEWAY} is not confirmed") < said.index("  Address      192.168.1.200\n")
    assert said.index("  Address      192.168.1.200\n") < said.index(f"  Address      {GATEWAY}\n")
    assert "install --target 192.168.1.200\n" in said
    assert kinds["SYN to 443"] == 2
    assert "inet" not in addresses_here()


def test_nobody_is_told_with_what_to_check(bare: Han) -> None:
    with bare.gateway.entered():
        ip(f"{BARE} {PORT}")
    with Tap(bare.gateway) as tap:
        code, said = searched(*AT, times=SOON)
        kinds = tap.kinds()
    assert code == 1
    assert f"No gateway was found at {PORT}." in said
    assert "operator's letter" in " ".join(said.split())
    assert "doctor --target" in said
    assert kinds.pop("ARP probe") == 14, "two rounds for seven addresses"
    assert kinds.keys() <= OF_THE_SYSTEM


def test_eight_others_do_not_hide_a_gateway_at_a_usual_address(bare: Han) -> None:
    others = [f"10.98.7.{number}" for number in range(11, 20)]
    ip(f"addr add 10.98.7.1/24 dev {PORT}")
    with bare.gateway.entered():
        ip(*(f"addr add {other}/24 dev {PORT}" for other in others))
    times = {"names": 0.1, "listening": 2.0}
    with gateway_at(bare.gateway, "ppc", GATEWAY), searching(*AT, times=times) as running:
        running.wait_for("Listening")
        say(bare.gateway, *map(announcement, others))
        assert running.wait() == 0
    said = " ".join("".join(running.lines).split())
    assert said.count(" is not confirmed: The gateway 10.98.7.") == 8
    assert f"Address {GATEWAY} " in said


def test_whoever_takes_too_long_is_the_last_but_for_usual_addresses(bare: Han) -> None:
    with searching(*AT, times={"listening": 1.0, "confirming": 0.0}) as running:
        running.wait_for("Listening")
        say(bare.gateway, announcement(ELSEWHERE))
        assert running.wait() == 1
    said = " ".join("".join(running.lines).split())
    assert f"Address {ELSEWHERE} " in said
    assert "no: nobody else was tried after 0 s" in said
    assert f"{GATEWAY} is not confirmed: The gateway {GATEWAY} refuses" in said


def test_own_service_is_not_found_by_an_ipv4_mapped_address(bare: Han) -> None:
    ip(f"addr add fe80::a/64 dev {PORT} nodad", f"route add ::ffff:0:0/96 dev {PORT}")
    mapped, honest = (
        packet(icmp(136, bytes(4) + socket.inet_pton(socket.AF_INET6, address)))
        for address in ("::ffff:127.0.0.1", GATEWAY_LINK)
    )
    times = {"names": 0.1, "listening": 2.0}
    with gateway_at(bare.here, "ppc", "127.0.0.1"), searching(*AT, times=times) as running:
        running.wait_for("Listening")
        say(bare.gateway, mapped, honest, protocol=ETH_P_IPV6)
        assert running.wait() == 1
    said = "".join(running.lines)
    assert f"{GATEWAY_LINK} is there: seen by IPv6 neighbour discovery." in said
    assert "127.0.0.1" not in said


def test_end_of_the_one_who_reads_is_told_as_a_shell_does(bare: Han) -> None:
    command = [sys.executable, "-m", "tests.discovery.quick", json.dumps({**TIMES, "listening": 20.0}), *AT]
    with subprocess.Popen(
        command, cwd=ROOT, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as search:
        assert search.stderr is not None
        while not search.stderr.readline().startswith("Listening"):
            assert search.poll() is None
        search.stderr.close()
        say(bare.gateway, announcement(ELSEWHERE))
        assert search.wait(PATIENCE) == 141


# --- the address for one handshake ----------------------------------------------------------------------


def test_address_for_the_handshake_is_one_that_nobody_has(bare: Han) -> None:
    with bare.gateway.entered():
        ip(f"addr add 10.11.120.1/24 dev {PORT}")
    with gateway_at(bare.gateway, "ppc"):
        code, said = searched(*AT, times=SOON)
    assert code == 0
    assert re.findall(r"\S+ was given back", said) == ["10.11.120.3 was given back"]
    assert f"install --target {GATEWAY}\n" in said
    assert "address add 10.11.120.3/24" in said


def test_no_address_is_taken_where_those_beside_the_gateway_are_others(bare: Han) -> None:
    with bare.gateway.entered():
        ip(*(f"addr add 10.11.120.{number}/24 dev {PORT}" for number in (1, 3, 4)))
    with gateway_at(bare.gateway, "ppc", GATEWAY):
        code, said = searched(*AT, times=SOON)
    assert code == 1
    assert f"{GATEWAY} is not confirmed: the addresses beside it are taken, too" in " ".join(said.split())


def test_address_for_the_handshake_is_given_back_on_ctrl_c_and_has_its_end_in_any_case(bare: Han) -> None:
    over = threading.Event()
    with silent(bare.gateway, over) as came, searching(*AT, times=SOON) as running:
        running.wait_for("Shaking hands")
        assert came.wait(PATIENCE)
        assert "inet 10.11.120.1 peer 10.11.120.2/32" in addresses_here()
        lifetime = re.search(r"valid_lft (\d+)sec", addresses_here())
        assert lifetime is not None
        assert 8 * TIMES["handshake"] < int(lifetime[1]) <= 60, "longer than all the connections of one handshake"
        assert running.end(signal.SIGINT) == 130
    assert "inet" not in addresses_here()
    assert "Traceback" not in "".join(running.lines)


def test_no_address_is_taken_that_another_interface_has_the_subnet_of(bare: Han) -> None:
    home = Namespace()
    Cable(bare.here, home, "wlan0", (("10.11.120.77/24",), ()))
    with gateway_at(bare.gateway, "ppc") as gateway:
        code, said = searched(*AT, times=SOON)
    home.close()
    assert (code, gateway.received) == (1, [])
    assert "this machine has addresses of 10.11.120.0/24 at wlan0 as well" in " ".join(said.split())
    assert "for the handshake" not in said


@pytest.mark.parametrize(
    ("stranger", "reason"),
    [
        ("10.0.0.53", "this machine reaches this address by wg0, and a handshake here would cut that off"),
        ("8.8.8.8", "this machine has no address in its subnet, and takes none of the internet's"),
    ],
)
def test_stranger_cannot_draw_others_addresses_to_itself(bare: Han, stranger: str, reason: str) -> None:
    office = Namespace()
    Cable(bare.here, office, "wg0", (("10.200.0.2/32",), ()))
    ip("route add 10.0.0.0/8 dev wg0")
    with bare.gateway.entered():
        ip(f"{BARE} {PORT}", f"addr add {stranger}/32 dev {PORT}")
    with searching(*AT, times={"names": 0.1, "listening": 2.0}) as running:
        running.wait_for("Listening")
        say(bare.gateway, announcement(stranger))
        assert running.wait() == 1
    office.close()
    said = " ".join("".join(running.lines).split())
    assert f"{stranger} is not confirmed: {reason}." in said
    assert "it takes" not in said


def test_address_for_the_handshake_is_none_that_a_route_leads_to(bare: Han) -> None:
    office = Namespace()
    Cable(bare.here, office, "wg0", (("10.200.0.2/32",), ()))
    ip("route add 10.11.120.1/32 dev wg0")
    with gateway_at(bare.gateway, "ppc"):
        code, said = searched(*AT, times=SOON)
    office.close()
    assert code == 0
    assert re.findall(r"\S+ was given back", said) == ["10.11.120.3 was given back"]


def test_address_that_cannot_be_given_back_is_told_with_its_end_and_the_command(
    bare: Han, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stubborn = tmp_path / "ip"
    refusal = 'case "$*" in "address del"*) echo "no, thank you" >&2; exit 2 ;; esac'
    stubborn.write_text(f'#!/bin/sh\n{refusal}\nexec {shutil.which("ip")} "$@"\n')
    stubborn.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    own, peer = IPv4Address("10.11.120.1"), IPv4Address(GATEWAY)
    remedy = rf"\(no, thank you\): it is gone in 33 s, or .*: sudo ip address del {own} peer {peer}/32 dev {PORT}$"
    with pytest.raises(NotGivenBack, match=remedy), borrowed(own, peer, PORT, 33, lambda: None):
        assert re.search(r"valid_lft 3\dsec", addresses_here())


def test_packets_that_would_leave_by_another_interface_all_the_same_are_not_sent(bare: Han) -> None:
    office = Namespace()
    Cable(bare.here, office, "wg0", (("10.200.0.2/32",), ()))
    ip("route add default dev wg0 table 7", f"rule add to {GATEWAY} pref 1 table 7")
    with gateway_at(bare.gateway, "ppc") as gateway:
        code, said = searched(*AT, times=SOON)
    office.close()
    assert (code, gateway.received) == (1, [])
    assert f"{GATEWAY} is not confirmed: packets to it leave by another interface" in " ".join(said.split())
    assert "10.11.120.1 was given back" in said


def test_home_network_is_only_listened_to(bare: Han) -> None:
    ip(f"addr add 192.168.0.11/24 dev {PORT}", f"route add default via 192.168.0.1 dev {PORT}")
    with gateway_at(bare.gateway, "ppc"), Tap(bare.gateway) as tap:
        with searching(*AT, times={"names": 0.1}) as running:
            running.wait_for("Listening")
            say(bare.gateway, announcement("192.168.0.99"), announcement(GATEWAY))
            assert running.wait() == 1
        kinds = tap.kinds()
    said = " ".join("".join(running.lines).split())
    assert f"The way to the internet leads over {PORT}, so it looks like the home network" in said
    assert "192.168.0.99" not in said
    assert f"{GATEWAY} is not confirmed: this machine has no address in its subnet" in said
    assert kinds.keys() <= {"mDNS"} | OF_THE_SYSTEM


# --- without a privilege --------------------------------------------------------------------------------


def test_without_privileges_a_usual_address_of_ones_own_subnet_is_tried(han: Han) -> None:
    with gateway_at(han.gateway, "ppc") as gateway, Tap(han.gateway) as tap:
        code, said = searched(*AT, times={"names": 0.1}, without=("net_raw", "net_admin"))
        kinds = tap.kinds()
    assert (code, gateway.received) == (0, [])
    assert "need the privilege CAP_NET_RAW" in said
    assert f"  Address      {GATEWAY}\n" in said
    assert kinds["SYN to 443"] == 1
    assert "ARP probe" not in kinds


def test_without_privileges_whom_the_system_knows_is_tried(han: Han) -> None:
    with han.gateway.entered():
        ip(f"addr del {GATEWAY}/24 dev {PORT}", f"addr replace {MOVED}/24 dev {PORT}")
    with gateway_at(han.gateway, "ppc", MOVED):
        with socket.create_connection((MOVED, 443), PATIENCE):
            pass
        code, said = searched(*AT, times={"names": 0.1}, without=("net_raw", "net_admin"))
    assert code == 0
    assert f"{MOVED} is there: seen by neighbour table." in said


@pytest.mark.parametrize("privilege", ["net_raw", "net_admin"])
def test_missing_privilege_is_told_with_the_command_that_has_it(bare: Han, privilege: str) -> None:
    with gateway_at(bare.gateway, "ppc") as gateway:
        code, said = searched(*AT, times=SOON, without=(privilege,))
    assert (code, gateway.received) == (1, [])
    assert f"More can be done with the privilege CAP_{privilege.upper()}:\n" in said
    assert "cable" not in said
    assert said.rstrip().endswith(f"-m smgwproxy discover --interface {PORT}")
    assert "inet" not in addresses_here()
    if privilege == "net_admin":
        assert f"  Address      {GATEWAY}\n" in said


def test_without_zeroconf_the_other_steps_go_on(
    han: Han, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "zeroconf", None)
    monkeypatch.delitem(sys.modules, "smgwproxy.discovery.mdns", raising=False)
    monkeypatch.delattr("smgwproxy.discovery.mdns", raising=False)
    with gateway_at(han.gateway, "ppc"):
        code = discover([*AT], {}, Times(listening=0.1))
    said = capsys.readouterr()
    assert code == 0
    assert f"{sys.executable} -m pip install 'smgwproxy[discover]'" in said.err
    assert f"  Address      {GATEWAY}\n" in said.out


# --- where nothing can be found -------------------------------------------------------------------------


def unknown(han: Han) -> Sequence[str]:
    return ("eth7", f"there is no interface 'eth7'; there are: {PORT}")


def unplugged(han: Han) -> Sequence[str]:
    han.cable.pull()
    return (PORT, f"{PORT} has no cable")


def switched_off(han: Han) -> Sequence[str]:
    han.cable.take_down()
    return (PORT, f"sudo ip link set {PORT} up")


@pytest.mark.parametrize("trouble", [unknown, unplugged, switched_off])
def test_interface_where_nobody_can_be_found_is_told_at_once(
    han: Han, trouble: object, capsys: pytest.CaptureFixture[str]
) -> None:
    interface, remedy = trouble(han)  # type: ignore[operator]  # one of the functions above
    assert discover(["--interface", interface], {}) == 1
    said = capsys.readouterr()
    assert remedy in said.err
    assert said.out == ""


def test_interface_that_nobody_named_must_be_the_only_cable(han: Han) -> None:
    with pytest.raises(
        ConfigError, match=rf"^--interface: is needed.*{PORT} \(not called like one for a cable\)$"
    ):
        discover([], {})


def test_cable_that_is_pulled_while_listening_is_told(bare: Han) -> None:
    with searching(*AT, times={"listening": 20.0}) as running:
        running.wait_for("Listening")
        bare.cable.take_down()
        assert running.wait() == 1
    assert f"{PORT} cannot be used any more" in running.lines[-1]
