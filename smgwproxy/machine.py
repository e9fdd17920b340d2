"""The names and addresses of this machine, as the machine itself knows them: no name server is ever asked."""

from __future__ import annotations

import array
import fcntl
import socket
import struct
from collections.abc import Sequence
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

_IPV6 = Path("/proc/net/if_inet6")
_OF_NO_USE = 0x01 | 0x08  # IFA_F_TEMPORARY: only for a day; IFA_F_DADFAILED: somebody else has it

_SIOCGIFCONF = 0x8912
# struct ifreq: the interface's name, then a union of struct sockaddr and the larger struct ifmap
_NAME = 16
_ENTRY = _NAME + max(16, 2 * struct.calcsize("L") + 8)
_FIRST_ROOM = 64  # entries
_ADDRESS = slice(_NAME + 4, _NAME + 8)  # behind family and port


def names() -> Sequence[str]:
    """Return the host name, in full and without a domain, its name in multicast DNS, and ``localhost``.

    They need not be valid: a host name is whatever somebody set.
    """
    full = socket.gethostname().rstrip(".")
    host = full.partition(".")[0]
    own = (full, host, f"{host}.local") if host not in {"", "localhost"} else ()
    return tuple(dict.fromkeys((*own, "localhost")))


def addresses() -> Sequence[IPv4Address | IPv6Address]:
    """Return `ipv4_addresses` and `ipv6_addresses`."""
    return (*ipv4_addresses(), *ipv6_addresses())


def ipv4_addresses() -> Sequence[IPv4Address]:
    """Return those of all interfaces, in the order of the interfaces, loopback among them; several of one, too."""
    found: tuple[IPv4Address, ...] = ()
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:  # there may be no IPv4
        entries = _ipv4_entries(probe)
        found = tuple(
            IPv4Address(entries[start : start + _ENTRY][_ADDRESS]) for start in range(0, len(entries), _ENTRY)
        )
    return tuple(dict.fromkeys(found))


def ipv6_addresses() -> Sequence[IPv6Address]:
    """Return those of all interfaces, in the order of the interfaces, loopback and link-local ones among them.

    Temporary ones (RFC 8981) are left out: nobody types them, and they are others tomorrow.
    """
    found: list[tuple[int, IPv6Address]] = []
    with suppress(OSError):  # there may be no IPv6
        for line in _IPV6.read_text("ascii", "replace").splitlines():
            address, interface, _, _, flags, _ = line.split(maxsplit=5)
            if not int(flags, 16) & _OF_NO_USE:
                found.append((int(interface, 16), IPv6Address(bytes.fromhex(address))))
    found.sort(key=lambda one: one[0])
    return tuple(dict.fromkeys(address for _, address in found))


def _ipv4_entries(probe: socket.socket) -> bytes:
    """Return the ``struct ifreq`` of each address, see netdevice(7); raises `OSError`."""
    size = _FIRST_ROOM * _ENTRY
    while True:
        buffer = array.array("B", bytes(size))
        ifconf = fcntl.ioctl(probe, _SIOCGIFCONF, struct.pack("iP", size, buffer.buffer_info()[0]))
        used: int = struct.unpack_from("i", ifconf)[0]
        if used < size:
            return buffer[:used].tobytes()
        size *= 2  # the system tells as many as fit, and not that there are more
