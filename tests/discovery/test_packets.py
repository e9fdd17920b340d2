"""ARP and neighbour discovery as values: what is taken from a packet, and that nothing else is."""

from __future__ import annotations

import struct
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smgwproxy.discovery import arp, neighbour_discovery
from smgwproxy.discovery.arp import ArpMessage
from smgwproxy.discovery.neighbour_discovery import Neighbour

OWN = "02:00:00:00:00:01"
THEIRS = bytes.fromhex("020000000007")
ALL_NODES, SOLICITED = IPv6Address("ff02::1"), IPv6Address("ff02::1:ff00:7")
LINK, NOBODY = IPv6Address("fe80::7"), IPv6Address("::")
SOURCE_OPTION, TARGET_OPTION = b"\1\1" + THEIRS, b"\2\1" + THEIRS


# --- ARP ------------------------------------------------------------------------------------------------


def message(  # as RFC 826 has it
    operation: int, sender: str, target: str, hardware: bytes = THEIRS, head: str = "0001080006 04"
) -> bytes:
    own, other = IPv4Address(sender).packed, IPv4Address(target).packed
    return bytes.fromhex(head) + struct.pack("!H", operation) + hardware + own + bytes(6) + other


@given(st.binary(min_size=6, max_size=6), st.ip_addresses(v=4))
def test_probe_asks_for_an_address_and_tells_none(own: bytes, address: IPv4Address) -> None:
    own = bytes([own[0] & 0xFE | 2]) + own[1:]
    probe = arp.parse(arp.probe(own.hex(":"), address))
    assert probe == ArpMessage(False, own.hex(":"), IPv4Address(0), "00:00:00:00:00:00", address)


@pytest.mark.parametrize(
    ("operation", "sender", "target", "speaker"),
    [
        (1, "10.11.120.2", "10.11.120.1", "10.11.120.2"),
        (2, "10.11.120.2", "10.11.120.1", "10.11.120.2"),
        (1, "10.11.120.2", "10.11.120.2", "10.11.120.2"),  # an announcement
        (1, "0.0.0.0", "10.11.120.2", "10.11.120.2"),  # noqa: S104  # a probe: it is about to take it
    ],
)
def test_speaker_of_an_arp_message_is_who_has_or_takes_an_address(
    operation: int, sender: str, target: str, speaker: str
) -> None:
    read = arp.parse(message(operation, sender, target) + bytes(18))  # as Ethernet's shortest frame
    assert read is not None
    assert read.sender_hardware == "02:00:00:00:00:07"
    assert read.speaker == IPv4Address(speaker)


@pytest.mark.parametrize(
    "packet",
    [
        message(3, "10.0.0.2", "10.0.0.1"),
        message(1, "10.0.0.2", "10.0.0.1", hardware=bytes(6)),
        message(1, "10.0.0.2", "10.0.0.1", hardware=b"\xff" * 6),
        message(1, "10.0.0.2", "10.0.0.1", head="0006080006 04"),
        message(1, "10.0.0.2", "10.0.0.1", head="000186dd06 04"),
        message(1, "10.0.0.2", "10.0.0.1", head="0001080008 04"),
        message(1, "10.0.0.2", "10.0.0.1")[:-1],
    ],
)
def test_what_is_no_arp_for_ipv4_on_ethernet_is_nobodys(packet: bytes) -> None:
    assert arp.parse(packet) is None


# --- neighbour discovery --------------------------------------------------------------------------------


def packet(
    body: bytes,
    source: IPv6Address = LINK,
    destination: IPv6Address = ALL_NODES,
    hops: int = 255,
    right: bool = True,
) -> bytes:
    """Return an IPv6 packet of an ICMPv6 message whose checksum is ``right``, or not."""
    addresses = source.packed + destination.packed
    total = sum(struct.unpack(f"!{len(body) // 2}H", body)) if len(body) % 2 == 0 else 0
    total += sum(struct.unpack("!16H", addresses)) + len(body) + 58
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    checksum = struct.pack("!H", (~total & 0xFFFF) ^ (not right))
    return struct.pack("!IHBB", 6 << 28, len(body), 58, hops) + addresses + body[:2] + checksum + body[4:]


def icmp(kind: int, rest: bytes = b"", code: int = 0) -> bytes:
    return bytes([kind, code, 0, 0]) + rest


SOLICITS = icmp(135, bytes(4) + IPv6Address("fe80::1").packed + SOURCE_OPTION)
TAKES = icmp(135, bytes(4) + LINK.packed)
ADVERTISES = icmp(136, bytes(4) + LINK.packed + TARGET_OPTION)
ASKS_ROUTERS = icmp(133, bytes(4) + SOURCE_OPTION)
IS_ROUTER = icmp(134, bytes(12) + SOURCE_OPTION)
HARDWARE = THEIRS.hex(":")


@pytest.mark.parametrize(
    ("whole", "neighbour"),
    [
        (packet(SOLICITS), Neighbour(LINK, HARDWARE)),
        (packet(TAKES, NOBODY, SOLICITED), Neighbour(LINK, None)),
        (packet(ADVERTISES, IPv6Address("fe80::8")), Neighbour(LINK, HARDWARE)),
        (packet(ASKS_ROUTERS), Neighbour(LINK, HARDWARE)),
        (packet(IS_ROUTER), Neighbour(LINK, HARDWARE)),
        (packet(ADVERTISES) + b"trailer", Neighbour(LINK, HARDWARE)),
        (packet(icmp(136, bytes(4) + LINK.packed)), Neighbour(LINK, None)),
        (packet(icmp(136, bytes(4) + LINK.packed + b"\2\1" + bytes(6))), Neighbour(LINK, None)),
    ],
)
def test_message_tells_who_has_which_address(whole: bytes, neighbour: Neighbour) -> None:
    assert neighbour_discovery.parse(whole) == neighbour


@pytest.mark.parametrize(
    "whole",
    [
        packet(SOLICITS, hops=254),  # it came over a router
        packet(SOLICITS, right=False),
        packet(icmp(135, SOLICITS[4:], code=1)),
        packet(icmp(128, bytes(20))),
        packet(SOLICITS)[:-1],
        packet(SOLICITS[:22]),
        packet(icmp(135, bytes(4) + ALL_NODES.packed)),
        packet(SOLICITS, NOBODY),  # asks for itself, and says where it is
        packet(icmp(133, bytes(4)), NOBODY),
        packet(icmp(136, bytes(4) + IPv6Address("::1").packed)),
        packet(IS_ROUTER, IPv6Address("2001:db8::1")),
        packet(icmp(136, bytes(4) + LINK.packed + b"\2\0" + THEIRS)),
        packet(icmp(136, bytes(4) + LINK.packed + b"\2\2" + THEIRS)),
        b"\x40" + packet(SOLICITS)[1:],
    ],
)
def test_message_that_is_not_valid_is_nobodys(whole: bytes) -> None:
    assert neighbour_discovery.parse(whole) is None


# --- garbage --------------------------------------------------------------------------------------------


@given(st.binary(max_size=1600))
def test_no_packet_is_an_error(anything: bytes) -> None:
    arp.parse(anything)
    neighbour_discovery.parse(anything)


@given(
    st.sampled_from([133, 134, 135, 136]),
    st.integers(0, 1),
    st.binary(min_size=2, max_size=200).filter(lambda rest: len(rest) % 2 == 0),
    st.ip_addresses(v=6),
)
def test_message_with_a_right_checksum_is_no_error_whatever_is_in_it(
    kind: int, code: int, rest: bytes, source: IPv6Address
) -> None:
    neighbour = neighbour_discovery.parse(packet(icmp(kind, rest, code), source))
    assert neighbour is None or not (neighbour.address.is_multicast or neighbour.address == NOBODY)
