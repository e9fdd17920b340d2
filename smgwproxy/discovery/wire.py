"""Packets at one interface: hearing ARP and IPv6 neighbour discovery, and asking with ARP probes."""

from __future__ import annotations

import errno
import selectors
import socket
import struct
import time
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address
from types import TracebackType
from typing import Self

from smgwproxy.discovery import arp, neighbour_discovery
from smgwproxy.discovery.candidates import How, Sighting
from smgwproxy.errors import SmgwProxyError
from smgwproxy.network import Interface
from smgwproxy.phrases import phrase
from smgwproxy.system import reason

_ARP, _IPV6 = 0x0806, 0x86DD
_PACKET_LEVEL, _ADD_MEMBERSHIP, _ALL_MULTICAST = 263, 1, 2  # <linux/if_packet.h>; not in Python's socket
_TO_ALL = b"\xff" * 6
_LONGEST = 1600  # bytes; what is longer is none of ours
_GONE = frozenset({errno.ENETDOWN, errno.ENODEV, errno.ENXIO})
_GAP = 0.05  # seconds between two probes


class WireLost(SmgwProxyError):
    """The interface has gone down, or away, while it was used."""


class Wire:
    """Two packet sockets at an Ethernet interface, which need CAP_NET_RAW; as a context manager it closes them.

    What comes from its making on is kept by the system until it is heard. While it is open the interface takes
    the packets of all multicast groups: those of neighbour discovery are among them. Raises `PermissionError`, and
    `WireLost`.
    """

    def __init__(self, interface: Interface) -> None:
        self._name, self._index, self._hardware = interface.name, interface.index, interface.hardware or ""
        self._selector = selectors.DefaultSelector()
        try:
            self._arp = self._socket(_ARP)
            group = struct.pack("@iHH8s", self._index, _ALL_MULTICAST, 0, b"")
            self._socket(_IPV6).setsockopt(_PACKET_LEVEL, _ADD_MEMBERSHIP, group)
        except BaseException as error:
            self.close()
            if isinstance(error, OSError) and not isinstance(error, PermissionError):
                raise self._lost(error) from error
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the sockets; nothing is heard any more."""
        for key in tuple(self._selector.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]  # they are our sockets, not numbers
        self._selector.close()

    def heard(self, seconds: float) -> Iterator[Sighting]:
        """Return who is heard within the time, and who was heard before it and not yet returned."""
        deadline = time.monotonic() + seconds
        while ready := self._selector.select(max(0.0, deadline - time.monotonic())):
            for key, _ in ready:
                sighting = self._next(key.fileobj)  # type: ignore[arg-type]  # as above
                if sighting is not None:
                    yield sighting
            if time.monotonic() > deadline:
                return

    def asked(self, addresses: Sequence[IPv4Address], rounds: int, pause: float) -> Iterator[Sighting]:
        """Ask who has the ``addresses``, so many times; return who is heard, answer or not.

        ``pause`` is how many seconds are waited for answers in each round (RFC 5227, section 1.1, has 1 to 2 s).
        """
        for _ in range(rounds):
            for address in addresses:
                self._send(arp.probe(self._hardware, address))
                yield from self.heard(_GAP)
            yield from self.heard(pause)

    def _socket(self, protocol: int) -> socket.socket:
        # Without a protocol at first, or it would hear all interfaces until it is bound to one.
        made = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK, 0)
        self._selector.register(made, selectors.EVENT_READ)
        made.bind((self._name, protocol))
        return made

    def _send(self, packet: bytes) -> None:
        try:
            self._arp.sendto(packet, (self._name, _ARP, 0, 0, _TO_ALL))
        except OSError as error:
            raise self._lost(error) from error

    def _next(self, ready: socket.socket) -> Sighting | None:
        try:
            packet, (_, protocol, _, _, hardware) = ready.recvfrom(_LONGEST)
        except BlockingIOError:
            return None
        except OSError as error:
            raise self._lost(error) from error
        sighting = self._arp_sighting(packet) if protocol == _ARP else _neighbour_sighting(packet, hardware)
        # Some radios and loops of cables send our own words back.
        return None if sighting is None or sighting.hardware == self._hardware else sighting

    def _arp_sighting(self, packet: bytes) -> Sighting | None:
        message = arp.parse(packet)
        if message is None:
            return None
        answer = message.reply and message.target_hardware == self._hardware
        return Sighting(message.speaker, How.PROBE if answer else How.ARP, message.sender_hardware)

    def _lost(self, error: OSError) -> WireLost:
        told = {"interface": self._name, "reason": reason(error)}
        if error.errno not in _GONE:
            return WireLost(phrase("{interface} cannot be used any more ({reason}): try again", **told))
        return WireLost(
            phrase(
                "{interface} cannot be used any more ({reason}): check that it is switched on and has its cable, "
                "and try again",
                **told,
            )
        )


def _neighbour_sighting(packet: bytes, hardware: bytes) -> Sighting | None:
    neighbour = neighbour_discovery.parse(packet)
    if neighbour is None:
        return None
    return Sighting(neighbour.address, How.NEIGHBOUR_DISCOVERY, neighbour.hardware or hardware.hex(":"))
