"""Who may be the gateway: what was seen of each address, and the order in which they are asked; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from ipaddress import IPv4Address

from smgwproxy.discovery.place import Place
from smgwproxy.discovery.usual import USUAL_ADDRESSES
from smgwproxy.network import Address
from smgwproxy.phrases import Phrase, phrase

GATEWAY_NAMES = ("smgw.local", "conexa.local")
"""Names that gateways have in mDNS, whatever the operator chose."""

_MOST = 64  # addresses; more of them on a cable to a gateway were made up by somebody


class How(Enum):
    """What showed that somebody has an address."""

    MDNS = phrase("mDNS")
    NEIGHBOURS = phrase("neighbour table")
    ARP = phrase("ARP")
    NEIGHBOUR_DISCOVERY = phrase("IPv6 neighbour discovery")
    PROBE = phrase("ARP probe")
    USUAL = phrase("usual address")

    @property
    def told(self) -> Phrase:
        """What people call it."""
        return self.value


@dataclass(frozen=True, slots=True)
class Sighting:
    """Somebody with ``address``, of whose hardware address and DNS name something may be known.

    ``hardware`` is in lower-case hex with colons; ``name`` is whatever was written to the network.
    """

    address: Address
    how: How
    hardware: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """All that was seen of one address; ``how`` it was seen first."""

    address: Address
    how: How
    hardware: str | None = None
    name: str | None = None


class Candidates:
    """Those who may be the gateway at one place, among those who were seen there.

    In a home network that is only who has a gateway's name or a usual address: all its other machines are none of
    our business.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self._known: dict[Address, Candidate] = {}
        self._seen: set[Address] = set()

    @property
    def seen(self) -> frozenset[Address]:
        """All addresses that somebody has, candidates or not."""
        return frozenset(self._seen)

    def add(self, sighting: Sighting) -> None:
        """Remember it, if it can be of a gateway."""
        address = sighting.address
        if len(self._seen) < _MOST and sighting.how is not How.USUAL:
            self._seen.add(address)
        known = self._known.get(address)
        if known is not None:
            hardware, name = known.hardware or sighting.hardware, known.name or sighting.name
            self._known[address] = replace(known, hardware=hardware, name=name)
        elif (len(self._known) < _MOST or address in USUAL_ADDRESSES) and self._possible(sighting):
            self._known[address] = Candidate(address, sighting.how, sighting.hardware, sighting.name)

    def best_first(self) -> Sequence[Candidate]:
        """Return all: first who calls itself a gateway, then usual addresses, then who is reached as it is."""
        return sorted(self._known.values(), key=self._rank)

    def _possible(self, sighting: Sighting) -> bool:
        if not self._place.may_be_gateway(sighting.address, sighting.hardware):
            return False
        return not self._place.home or _speaks_for_itself(sighting.address, sighting.name)

    def _rank(self, candidate: Candidate) -> tuple[bool, bool, bool, bool]:
        return (
            candidate.name not in GATEWAY_NAMES,
            candidate.name is None,
            candidate.address not in USUAL_ADDRESSES,
            not self._place.near(candidate.address),
        )


def _speaks_for_itself(address: Address, name: str | None) -> bool:
    return name in GATEWAY_NAMES or (isinstance(address, IPv4Address) and address in USUAL_ADDRESSES)
