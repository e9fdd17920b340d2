"""ARP messages for IPv4 on Ethernet (RFC 826), and the probes of RFC 5227; pure."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address

_LAYOUT = struct.Struct("!HHBBH6s4s6s4s")
_ETHERNET, _IPV4 = 1, 0x0800
_REQUEST, _REPLY = 1, 2
_NOBODY = IPv4Address(0)


@dataclass(frozen=True, slots=True)
class ArpMessage:
    """A request or a reply; hardware addresses are in lower-case hex with colons."""

    reply: bool
    sender_hardware: str
    sender: IPv4Address
    target_hardware: str
    target: IPv4Address

    @property
    def speaker(self) -> IPv4Address:
        """The address that the sender says to have, or is about to take (RFC 5227, section 2.1.1)."""
        return self.target if self.sender == _NOBODY and not self.reply else self.sender


def parse(packet: bytes) -> ArpMessage | None:
    """Read what an Ethernet frame of type ARP holds; None when it is no message for IPv4 on Ethernet."""
    if len(packet) < _LAYOUT.size:
        return None
    hardware, protocol, hardware_size, protocol_size, operation, *addresses = _LAYOUT.unpack_from(packet)
    if (hardware, protocol, hardware_size, protocol_size) != (_ETHERNET, _IPV4, 6, 4):
        return None
    sender_hardware, sender, target_hardware, target = addresses
    if operation not in {_REQUEST, _REPLY} or sender_hardware[0] & 1 or not any(sender_hardware):
        return None
    return ArpMessage(
        operation == _REPLY,
        sender_hardware.hex(":"),
        IPv4Address(sender),
        target_hardware.hex(":"),
        IPv4Address(target),
    )


def probe(hardware: str, address: IPv4Address) -> bytes:
    """Return the question who has ``address``, of somebody without an address (RFC 5227, section 2.1.1).

    ``hardware`` is the asker's, in hex with colons. Unlike other requests it changes nobody's table.
    """
    own = bytes.fromhex(hardware.replace(":", ""))
    return _LAYOUT.pack(_ETHERNET, _IPV4, 6, 4, _REQUEST, own, _NOBODY.packed, bytes(6), address.packed)
