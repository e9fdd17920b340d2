"""Judges this machine's way to the gateway: cable, address, default route, forwarding. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Interface, ip_address
from shlex import quote

from smgwproxy.doctor.finding import Check, Finding, Verdict, ok, skipped, warning, wrong
from smgwproxy.network import Address, Interface, Route
from smgwproxy.phrases import phrase, sequence

_DOCKER = "docker0"
_PROFILE = "smgw-han"  # of NetworkManager
# What containers and virtual machines make for themselves.
_VIRTUAL = re.compile(r"docker|br-|virbr|veth[0-9a-f]{7}|tun|tap|wg|tailscale|zt")
_RADIO = re.compile(r"wl")  # systemd's and the kernel's names of WLAN


@dataclass(frozen=True, slots=True)
class Network:
    """What this machine's network is like.

    ``route`` is the one to the gateway; ``forwarding`` holds the version of IP and the interface whose packets are
    passed on.
    """

    interfaces: Sequence[Interface]
    route: Route | None
    default_routes: Sequence[Route]
    forwarding: Sequence[tuple[int, str]]

    def interface(self, name: str) -> Interface | None:
        """Return the interface ``name``."""
        return next((one for one in self.interfaces if one.name == name), None)


@dataclass(frozen=True, slots=True)
class Way:
    """The way to the gateway: ``findings``, and the interface its port hangs at, where that is known.

    ``trouble`` is why nothing can be sent to it; empty when it can.
    """

    findings: tuple[Finding, ...]
    han: str | None = None
    trouble: str = ""


def judge(gateway: Address, network: Network) -> Way:
    """Judge the way to ``gateway``, an address without a zone."""
    if gateway.is_loopback:
        reason = phrase("the gateway is on this machine itself (loopback)")
        checks = (Check.CABLE, Check.ADDRESS, Check.DEFAULT_ROUTE, Check.FORWARDING)
        return Way(tuple(skipped(check, reason) for check in checks))
    han = _han(gateway, network)
    if han is None:
        return _no_way(gateway, network)
    cable = _cable(han)
    findings = (
        cable
        or ok(
            Check.CABLE,
            phrase("{interface} has a cable, with somebody at its other end", interface=han.name),
            interface=han.name,
        ),
        _address(gateway, han),
        _default_route(han.name, network),
        _forwarding(han.name, network),
    )
    return Way(findings, han.name, phrase("the cable to the gateway is out") if cable is not None else "")


# --- the right interface --------------------------------------------------------------------------------


def _han(gateway: Address, network: Network) -> Interface | None:
    """Return the interface with an address in the gateway's subnet, if packets to it go there, or would."""
    candidates = [
        one
        for one in network.interfaces
        if not one.loopback and any(_reaches(own, gateway) for own in one.addresses)
    ]
    route = network.route
    if route is not None and route.via is None:
        straight = next((one for one in candidates if one.name == route.interface), None)
        if straight is not None:
            return straight
    return next((one for one in candidates if not (one.up and one.carrier)), None)  # then its route may be gone


def _reaches(own: IPv4Interface | IPv6Interface, gateway: Address) -> bool:
    return own.ip != gateway and gateway in own.network


def _cable(han: Interface) -> Finding | None:
    if not han.up:
        return wrong(
            Check.CABLE,
            phrase("{interface} is switched off", interface=han.name),
            phrase("Switch it on:"),
            f"sudo ip link set {quote(han.name)} up",
            interface=han.name,
        )
    if not han.carrier:
        return wrong(
            Check.CABLE,
            phrase("{interfaces} has no cable, or nobody is at its other end", interfaces=han.name),
            phrase(
                "Plug the cable into {interface} and into the gateway's HAN port (not into its WAN or LMN port), "
                "and see whether a light goes on beside the plug. If not, try another cable, and see whether the "
                "gateway has power.",
                interface=han.name,
            ),
            interface=han.name,
        )
    return None


def _address(gateway: Address, han: Interface) -> Finding:
    own = next(one for one in han.addresses if _reaches(one, gateway))
    return ok(
        Check.ADDRESS,
        phrase("{own} on {interface}, in the gateway's subnet", own=str(own), interface=han.name),
        interface=han.name,
        address=str(own),
        gateway=str(gateway),
    )


def _no_way(gateway: Address, network: Network) -> Way:
    trouble = phrase("this machine has no address in the gateway's subnet")
    if any(one.ip == gateway for interface in network.interfaces for one in interface.addresses):
        trouble = phrase("the target is this machine itself")
        address = wrong(
            Check.ADDRESS,
            phrase("{gateway} is an address of this machine itself", gateway=str(gateway)),
            phrase(
                "The target must be the gateway's address (--target); smgwproxy discover finds it. If this is the "
                "gateway's, give this machine another one of the same subnet."
            ),
            gateway=str(gateway),
        )
    else:
        address = _wrong_subnet(gateway, network)
    cable = _cable_of_others(network)
    if cable.verdict is Verdict.WRONG and address.commands:
        # NetworkManager takes addresses away with the cable: a second profile would be made of one that is there
        reason = phrase("{trouble}, as is usual without a cable: first plug it in", trouble=trouble)
        address = skipped(Check.ADDRESS, reason)
    rest = (Check.DEFAULT_ROUTE, Check.FORWARDING)
    findings = (cable, address, *(skipped(check, trouble) for check in rest))
    return Way(findings, None, trouble)


def _wrong_subnet(gateway: Address, network: Network) -> Finding:
    route = network.route
    if route is None:
        seen = phrase("no address in the subnet of {gateway}, and no way there", gateway=str(gateway))
    elif route.via is not None:
        seen = phrase(
            "no address in the subnet of {gateway}: packets to it leave by {interface} to {router}",
            gateway=str(gateway),
            interface=route.interface,
            router=str(route.via),
        )
    else:
        seen = phrase(
            "no address in the subnet of {gateway}: {interface} has none there",
            gateway=str(gateway),
            interface=route.interface,
        )
    ports = _ports(network)
    cabled = [one for one in ports if one.carrier]
    names = [one.name for one in cabled or ports]
    facts = {"gateway": str(gateway), "candidates": names}
    if not names:
        return wrong(
            Check.ADDRESS,
            seen,
            phrase(
                "The gateway answers its own subnet only. This machine has no port to spare: add one, such as a "
                "USB network adapter, plug the gateway into it, and give it the address {free}. If {gateway} is "
                "not the gateway's address, smgwproxy discover finds that.",
                free=_free(gateway),
                gateway=str(gateway),
            ),
            **facts,
        )
    port = (
        phrase("{interface} (or {others})", interface=names[0], others=", ".join(names[1:]))
        if names[1:]
        else names[0]
    )
    return wrong(
        Check.ADDRESS,
        seen,
        phrase(
            "The gateway answers its own subnet only. Give {interface} an address there, and nothing else: no "
            "router, no name server. The address is {free} if the operator named no other. If {gateway} is not "
            "the gateway's address, smgwproxy discover finds that.",
            interface=port,
            free=_free(gateway),
            gateway=str(gateway),
        ),
        *_address_commands((cabled or ports)[0], gateway),
        **facts,
    )


def _ports(network: Network) -> list[Interface]:
    """Return where a gateway may hang: ports without a default route."""
    lan = {route.interface for route in network.default_routes}
    return [
        one
        for one in network.interfaces
        if not one.loopback
        and one.hardware is not None
        and one.name not in lan
        and not _VIRTUAL.match(one.name)
        and not _RADIO.match(one.name)
    ]


def _cable_of_others(network: Network) -> Finding:
    ports = _ports(network)
    if not ports:
        return skipped(Check.CABLE, phrase("this machine has no port beside the one to the home network"))
    cabled = [one for one in ports if one.carrier]
    if cabled:
        return ok(Check.CABLE, phrase("{interfaces} has a cable", interfaces=_names(cabled)))
    return wrong(
        Check.CABLE,
        phrase("{interfaces} has no cable, or nobody is at its other end", interfaces=_names(ports)),
        phrase(
            "Plug the cable into {interface} and into the gateway's HAN port; without it the port may have no "
            "address either.",
            interface=ports[0].name,
        ),
    )


def _names(ports: Sequence[Interface]) -> str:
    return ", ".join(one.name for one in ports)


def _free(gateway: Address) -> str:
    """Return an address that is likely to be free in a subnet of the usual size, with its prefix length."""
    if not isinstance(gateway, IPv4Address):
        return phrase("one of the same /64") if not gateway.is_link_local else phrase("a link-local one")
    subnet = IPv4Network(f"{gateway}/24", strict=False)
    own = next(one for one in subnet.hosts() if one != gateway)
    return f"{own}/24"


def _address_commands(port: Interface, gateway: Address) -> tuple[str, ...]:
    name = quote(port.name)
    if not isinstance(gateway, IPv4Address):
        how = "ipv4.method disabled ipv6.method link-local"
    else:
        how = f"ipv4.method manual ipv4.addresses {_free(gateway)} ipv4.never-default yes ipv6.method link-local"
    if any(one.version == 4 and not one.ip.is_link_local for one in port.addresses):  # so it has a profile
        return (
            f'sudo nmcli connection modify {_profile(name)} {how} ipv4.gateway "" ipv6.never-default yes',
            f"sudo nmcli device reapply {name}",
        )
    return (
        f"sudo nmcli connection add type ethernet con-name {_PROFILE} ifname {name} {how} ipv6.never-default yes",
        f"sudo nmcli connection up {_PROFILE}",
    )


def _profile(interface: str) -> str:
    """Return what a shell makes the name of NetworkManager's profile of an interface from."""
    return f'"$(nmcli -g GENERAL.CONNECTION device show {interface})"'


# --- where it must not lead -----------------------------------------------------------------------------


def _default_route(han: str, network: Network) -> Finding:
    over = [route for route in network.default_routes if route.interface == han]
    if not over:
        return ok(Check.DEFAULT_ROUTE, phrase("none over {interface}", interface=han), interface=han)
    vias = ", ".join(str(route.via) for route in over if route.via is not None) or phrase("no router")
    return wrong(
        Check.DEFAULT_ROUTE,
        phrase("one leads over {interface}, by {routers}", interface=han, routers=vias),
        phrase(
            "The gateway is no way to the internet: a Theben gateway that sees such packets shuts its HAN port, "
            "and a technician must come. Take it away. If the gateway hangs on the home network's own switch, "
            "give it a port of its own, such as a USB adapter."
        ),
        f'sudo nmcli connection modify {_profile(quote(han))} ipv4.gateway "" ipv4.never-default yes '
        "ipv6.never-default yes",
        f"sudo nmcli device reapply {quote(han)}",
        interface=han,
        routers=[None if route.via is None else str(route.via) for route in over],
    )


def _forwarding(han: str, network: Network) -> Finding:
    real = [(version, name) for version, name in network.forwarding if not _is_inner(name, network)]
    told = ", ".join(f"{name} (IPv{version})" for version, name in real)
    facts = {"interface": han, "forwarding": [{"interface": name, "ip": version} for version, name in real]}
    if not real:
        return ok(Check.FORWARDING, phrase("off"), **facts)
    docker = network.interface(_DOCKER) is not None
    if docker and all(name != han for _, name in real):
        return warning(
            Check.FORWARDING,
            phrase("on for {interfaces}, since Docker needs it", interfaces=told),
            phrase(
                "Packets of others could reach the gateway through this machine. Let none pass to {interface}:",
                interface=han,
            ),
            f"sudo iptables -I DOCKER-USER -o {quote(han)} -j DROP",
            f"sudo ip6tables -I FORWARD -o {quote(han)} -j DROP",
            **facts,
        )
    off = phrase(
        "This machine passes packets of others on, to the gateway too, and a Theben gateway that sees them shuts "
        "its HAN port. The proxy needs no forwarding: switch it off, now and at each start."
    )
    keep = phrase("Docker needs it for its own interfaces, so it is switched off for this one alone.")
    return wrong(
        Check.FORWARDING,
        phrase("on for {interfaces}", interfaces=told),
        sequence([off, keep]) if docker else off,
        f"printf '{_settings(han if docker else None)}' | sudo tee /etc/sysctl.d/99-smgwproxy.conf",
        "sudo sysctl --system",
        **facts,
    )


def _settings(only: str | None) -> str:
    """Return the whole file, for both versions: the next run's takes its place."""
    where = {4: "net.ipv4.ip_forward", 6: "net.ipv6.conf.all.forwarding"}
    # a dot in an interface's name is a slash to sysctl(8)
    names = [
        where[version] if only is None else f"net.ipv{version}.conf.{only.replace('.', '/')}.forwarding"
        for version in where
    ]
    return "".join(f"{name}=0\\n" for name in names)


def _is_inner(name: str, network: Network) -> bool:
    """Tell whether an interface leads nowhere out of this machine."""
    found = network.interface(name)
    return found is None or found.loopback or _VIRTUAL.match(name) is not None


def split_zone(host: str) -> tuple[Address, str | None]:
    """Read an address as an origin's host has it, and its zone; raises `ValueError` when it is a name."""
    text, _, zone = host.partition("%")
    return ip_address(text), zone or None
