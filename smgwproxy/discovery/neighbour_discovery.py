"""Messages of IPv6 neighbour discovery (RFC 4861): who says of itself that it has an address; pure."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv6Address

_HEADER = struct.Struct("!IHBB16s16s")
_ICMPV6, _HOPS = 58, 255
_SOLICITATION_OF_ROUTERS, _ROUTER, _SOLICITATION, _ADVERTISEMENT = 133, 134, 135, 136
_SHORTEST = {_SOLICITATION_OF_ROUTERS: 8, _ROUTER: 16, _SOLICITATION: 24, _ADVERTISEMENT: 24}
"""Where the options of each message begin."""
_SOURCE_HARDWARE, _TARGET_HARDWARE = 1, 2
_NOBODY = IPv6Address(0)


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A machine on the link; ``hardware`` (lower-case hex with colons) None where the message does not tell it."""

    address: IPv6Address
    hardware: str | None


def parse(packet: bytes) -> Neighbour | None:
    """Read what an Ethernet frame of type IPv6 holds: the sender of a message, or the address that it is about.

    None for all that is no valid message (sections 6.1 and 7.1), and for one of a sender without an address,
    unless it is about to take one (RFC 4862, section 5.4.2).
    """
    if len(packet) < _HEADER.size:
        return None
    first, length, protocol, hops, source, destination = _HEADER.unpack_from(packet)
    message = packet[_HEADER.size : _HEADER.size + length]
    if first >> 28 != 6 or (protocol, hops) != (_ICMPV6, _HOPS) or len(message) != length or length < 8:
        return None
    kind, code = message[0], message[1]
    if kind not in _SHORTEST or code or length < _SHORTEST[kind] or _checksum(source + destination, message):
        return None
    try:
        options = dict(_options(message[_SHORTEST[kind] :]))
    except ValueError:
        return None
    return _neighbour(kind, message, IPv6Address(source), options)


def _neighbour(kind: int, message: bytes, source: IPv6Address, options: dict[int, bytes]) -> Neighbour | None:
    target = IPv6Address(message[8:24]) if kind in {_SOLICITATION, _ADVERTISEMENT} else _NOBODY
    if target.is_multicast or source.is_multicast or (kind == _ROUTER and not source.is_link_local):
        return None
    asks_for_itself = kind == _SOLICITATION and source == _NOBODY
    if asks_for_itself and _SOURCE_HARDWARE in options:
        return None
    address = target if asks_for_itself or kind == _ADVERTISEMENT else source
    if address == _NOBODY or address.is_loopback:
        return None
    return Neighbour(address, _hardware(options, _TARGET_HARDWARE if kind == _ADVERTISEMENT else _SOURCE_HARDWARE))


def _options(rest: bytes) -> Iterator[tuple[int, bytes]]:
    """Return kind and content of each option (section 4.6); raises `ValueError` when they are not whole."""
    while rest:
        size = 8 * rest[1] if len(rest) > 1 else 0
        if not 0 < size <= len(rest):
            raise ValueError("an option without a length, or longer than the message")
        yield rest[0], rest[2:size]
        rest = rest[size:]


def _hardware(options: dict[int, bytes], kind: int) -> str | None:
    told = options.get(kind, b"")
    return told.hex(":") if len(told) == 6 and not told[0] & 1 and any(told) else None


def _checksum(addresses: bytes, message: bytes) -> int:
    """Return 0 for a message with the right checksum (RFC 4443, section 2.3; RFC 1071)."""
    whole = addresses + struct.pack("!II", len(message), _ICMPV6) + message
    whole += b"\0" * (len(whole) % 2)
    total = sum(int.from_bytes(whole[place : place + 2]) for place in range(0, len(whole), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
