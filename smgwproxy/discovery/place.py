"""Where the gateway is looked for: one interface, and what else this machine is connected to; pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address

from smgwproxy.errors import ConfigError, SmgwProxyError
from smgwproxy.network import Address, Interface, Route
from smgwproxy.phrases import phrase, sequence

_WIRED = ("en", "eth")  # as Linux and systemd call adapters for a cable, and nothing else
_CABLE = phrase("a cable")
_NONE = phrase("none")


class NoPlace(SmgwProxyError):
    """Nobody can be found at the interface as it is; the text tells the remedy."""


@dataclass(frozen=True, slots=True)
class Place:
    """One Ethernet ``interface``, the ``others`` of this machine, and its default routes, the ``defaults``."""

    interface: Interface
    others: tuple[Interface, ...] = ()
    defaults: tuple[Route, ...] = ()

    @property
    def home(self) -> bool:
        """Tell whether the way to the internet leads through the interface: then it is not the gateway's cable."""
        return self.interface.name in _home((self.interface, *self.others), self.defaults)

    @property
    def plain(self) -> bool:
        """Tell whether the interface is an adapter for a cable, and neither a radio nor made of others."""
        return _wired(self.interface) and self.interface.lower is None

    def near(self, address: Address) -> bool:
        """Tell whether ``address`` can be reached from the interface's own addresses."""
        return any(address in one.network for one in self.interface.addresses)

    def may_be_gateway(self, address: Address, hardware: str | None) -> bool:
        """Tell whether ``address`` is of one machine, neither this one nor its router elsewhere."""
        if not _of_one_machine(address) or (hardware is not None and hardware == self.interface.hardware):
            return False
        if any(address == one.ip for one in self.interface.addresses):
            return False
        if address.is_link_local:  # elsewhere it is another one's
            return True
        own = (one.ip for other in self.others for one in other.addresses)
        routers = (route.via for route in self.defaults if route.interface != self.interface.name)
        return address not in {*own, *routers}

    def clash(self, address: IPv4Address) -> Interface | None:
        """Return the other interface that has addresses of the same /24 network, if one has."""
        network = subnet(address)
        return next(
            (other for other in self.others if any(one.network.overlaps(network) for one in _ipv4(other))), None
        )

    def beside(self, address: IPv4Address, taken: frozenset[Address]) -> Iterator[IPv4Address]:
        """Return the addresses that this machine may have in the same /24 network, the usual one first."""
        first, second, *rest = subnet(address).hosts()
        own = {one.ip for one in self.interface.addresses}
        return (one for one in (first, *rest, second) if one != address and one not in taken | own)


def subnet(address: IPv4Address) -> IPv4Network:
    """Return the /24 network of ``address``: how large an operator's subnet is nobody tells."""
    return IPv4Network((address, 24), strict=False)


def find(name: str, interfaces: Sequence[Interface], defaults: Sequence[Route]) -> Place:
    """Return the place at the interface ``name``; raises `NoPlace` when there is none, or no cable."""
    chosen = next((one for one in interfaces if one.name == name), None)
    if chosen is None:
        known = ", ".join(one.name for one in interfaces if not one.loopback)
        raise NoPlace(
            phrase("there is no interface {name!r}; there are: {known}", name=name, known=known or _NONE)
        )
    if chosen.hardware is None:
        raise NoPlace(
            phrase(
                "{interface} is no Ethernet interface: give the one with the cable to the gateway", interface=name
            )
        )
    if not chosen.up:
        raise NoPlace(
            phrase(
                "{interface} is switched off: switch it on with: sudo ip link set {quoted} up",
                interface=name,
                quoted=shlex.quote(name),
            )
        )
    if not chosen.carrier:
        raise NoPlace(
            phrase(
                "{interface} has no cable, or the other end is off: check that the cable is plugged in at both "
                "ends (at the gateway in the port called HAN), and that the gateway has power",
                interface=name,
            )
        )
    if chosen.master is not None:
        raise NoPlace(
            phrase(
                "{interface} is a part of {master}: give that one, or the cable to the gateway",
                interface=name,
                master=chosen.master,
            )
        )
    return Place(chosen, tuple(one for one in interfaces if one != chosen), tuple(defaults))


def choose(interfaces: Sequence[Interface], defaults: Sequence[Route]) -> Place:
    """Return the place at the one interface that can be the gateway's; raises `ConfigError` unless it is one."""
    home = _home(interfaces, defaults)
    fit = [one for one in interfaces if _state(one, home) == _CABLE]
    if len(fit) != 1:
        told = [
            phrase("{interface} ({state})", interface=one.name, state=_state(one, home))
            for one in interfaces
            if not one.loopback
        ]
        known = sequence(told, ", ") if told else _NONE
        raise ConfigError(
            phrase(
                "--interface: is needed, since several interfaces can be the one with the cable to the gateway; "
                "there are: {known}",
                known=known,
            )
            if fit
            else phrase(
                "--interface: is needed, since none of the interfaces can be the one with the cable to the "
                "gateway; there are: {known}",
                known=known,
            )
        )
    return find(fit[0].name, interfaces, defaults)


def _home(interfaces: Sequence[Interface], defaults: Sequence[Route]) -> set[str]:
    """Return the interfaces through which the way to the internet leads."""
    routed = {route.interface for route in defaults}
    return routed | {one.lower for one in interfaces if one.lower is not None and one.name in routed}


def _wired(interface: Interface) -> bool:
    return interface.hardware is not None and interface.name.startswith(_WIRED)


def _of_one_machine(address: Address) -> bool:
    if isinstance(address, IPv6Address):  # what is mapped is reached as IPv4, past all routes of IPv6
        return not (address.is_multicast or address.is_loopback or address.is_unspecified or address.ipv4_mapped)
    return not (address.is_multicast or address.is_loopback or address.is_reserved or address.packed[0] == 0)


def _state(interface: Interface, home: set[str]) -> str:
    if interface.name in home:
        return phrase("the home network")
    if interface.master is not None:
        return phrase("a part of {interface}", interface=interface.master)
    if not interface.up:
        return phrase("switched off")
    if not _wired(interface):
        return phrase("not called like one for a cable")
    return _CABLE if interface.carrier else phrase("no cable")


def _ipv4(interface: Interface) -> Iterator[IPv4Interface]:
    return (one for one in interface.addresses if isinstance(one, IPv4Interface))
