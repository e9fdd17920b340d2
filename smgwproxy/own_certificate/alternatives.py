"""Whom a certificate is valid for: names and addresses as certificates have them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address

Address = IPv4Address | IPv6Address

_LONGEST = 253
# No underscores: Java takes no name of a certificate in which one name has them.
_NAME = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))*")


def alternatives(names: Iterable[str], addresses: Iterable[Address]) -> Sequence[str | Address]:
    """Return what a certificate for ``names`` and ``addresses`` is valid for, each once, names first.

    Names are in lower case and without the last dot; what is no name in the domain name system is left out, and
    what is an address is one. Addresses have no zone, which means something on one machine only.
    """
    told = [_understood(name) for name in names]
    dns_names = [one for one in told if isinstance(one, str)]
    given = [one for one in told if isinstance(one, Address)]
    return tuple(dict.fromkeys((*dns_names, *map(_without_zone, (*addresses, *given)))))


def _understood(name: str) -> str | Address | None:
    try:
        return ip_address(name)
    except ValueError:
        bare = name.lower().removesuffix(".")
        return bare if len(bare) <= _LONGEST and _NAME.fullmatch(bare) else None


def _without_zone(address: Address) -> Address:
    return IPv6Address(address.packed) if isinstance(address, IPv6Address) else address
