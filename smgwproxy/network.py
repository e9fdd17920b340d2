"""Interfaces, routes and neighbours of this machine, as ``ip`` (iproute2) and ``/proc/sys/net`` tell them."""

from __future__ import annotations

import ipaddress
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface
from pathlib import Path
from typing import Any, Literal

from smgwproxy.errors import SmgwProxyError
from smgwproxy.phrases import phrase
from smgwproxy.system import reason

Address = IPv4Address | IPv6Address

NO_IP = phrase("the program ip is not installed: install iproute2 (sudo apt install iproute2)")
"""What is said where ``ip`` is missing."""

_WHERE = ("/usr/sbin", "/sbin", "/usr/bin", "/bin")  # not all of them are on the PATH of one who is not root
_PATIENCE = 10.0  # seconds
_NOT_FOUND = 2  # what ip says of an interface, or a route, that there is not
_SETTINGS = Path("/proc/sys/net")
_OF_ALL = frozenset({"all", "default"})  # not interfaces
_UPON_ANOTHER = frozenset({"vlan", "macvlan", "macvtap", "ipvlan", "ipvtap"})
_FOR_ALL = frozenset({"default", "0.0.0.0/1", "128.0.0.0/1"})  # halves, as VPNs have them for all that they carry


class NetworkUnknown(SmgwProxyError):
    """The system does not tell what its network is like; the text says why, and the remedy."""


@dataclass(frozen=True, slots=True)
class Interface:
    """One interface. ``up``: it is switched on; ``carrier``: it has a cable, or a radio link, with somebody there.

    ``hardware`` is its own address there in lower-case hex with colons, None where it has none. ``master`` is the
    bridge or bond that it is a part of, which gets all its packets; ``lower`` is the one of which it is a VLAN or
    a macvlan.
    """

    name: str
    index: int
    loopback: bool
    hardware: str | None
    up: bool
    carrier: bool
    addresses: tuple[IPv4Interface | IPv6Interface, ...] = ()
    master: str | None = None
    lower: str | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """Where the packets to an address go: to ``via``, or straight to it where None, with ``source`` as sender."""

    interface: str
    via: Address | None = None
    source: Address | None = None


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Who was seen at an interface: ``address`` and its hardware address in lower-case hex with colons."""

    address: Address
    hardware: str


def interfaces() -> Sequence[Interface]:
    """Return all interfaces of this machine, in its own order; raises `NetworkUnknown`."""
    return [_interface(told) for told in _ask("-details", "address", "show")]


def interface(name: str) -> Interface | None:
    """Return the interface ``name``, None where there is none; raises `NetworkUnknown`."""
    return next((one for one in interfaces() if one.name == name), None)


def route_to(address: Address, interface: str | None = None) -> Route | None:
    """Return the route to ``address`` (at ``interface``), None where there is none; raises `NetworkUnknown`."""
    found = _ask(f"-{address.version}", "route", "get", str(address), *(["oif", interface] if interface else []))
    return next(map(_route, found), None)


def route_elsewhere(address: IPv4Address, interface: str) -> str | None:
    """Return another interface than ``interface`` with a route for ``address`` that is not for all; None without.

    Raises `NetworkUnknown`.
    """
    return next(
        (
            hop["dev"]
            for route in _ask("-4", "route", "get", "fibmatch", str(address))
            for hop in route.get("nexthops", [route])
            if route["dst"] not in _FOR_ALL and hop.get("dev", interface) != interface
        ),
        None,
    )


def default_routes() -> Sequence[Route]:
    """Return the default routes of IPv4 and IPv6 in all tables; raises `NetworkUnknown`."""
    told = [
        route
        for family in ("-4", "-6")
        for route in _ask(family, "route", "show", "default", "table", "all")
        if route.get("type", "unicast") == "unicast"
    ]
    return [
        _route(hop | {"prefsrc": route.get("prefsrc")}) for route in told for hop in route.get("nexthops", [route])
    ]


def neighbours(interface: str) -> Sequence[Neighbour]:
    """Return those who were seen at ``interface``, as far as the system remembers; raises `NetworkUnknown`."""
    return [
        Neighbour(ipaddress.ip_address(told["dst"]), told["lladdr"].lower())
        for told in _ask("neighbour", "show", "dev", interface)
        if "lladdr" in told
    ]


def forwarding() -> Sequence[tuple[Literal[4, 6], str]]:
    """Return the interfaces whose packets this machine passes on to others, with the version of IP."""
    return [*_forwarding(4), *_forwarding(6)]


def _forwarding(version: Literal[4, 6]) -> Iterator[tuple[Literal[4, 6], str]]:
    for setting in sorted((_SETTINGS / f"ipv{version}" / "conf").glob("*/forwarding")):
        if setting.parent.name not in _OF_ALL and setting.read_text("ascii").strip() != "0":
            yield version, setting.parent.name


# --- what ip says ---------------------------------------------------------------------------------------


def _ask(*words: str) -> list[dict[str, Any]]:
    program = shutil.which("ip", path=os.pathsep.join((os.environ.get("PATH", ""), *_WHERE)))
    if program is None:
        raise NetworkUnknown(NO_IP)
    try:
        said = subprocess.run(  # noqa: S603  # the words are ours, and no shell reads them
            [program, "-json", *words],
            capture_output=True,
            encoding="utf-8",
            errors="replace",  # an interface may be called anything
            timeout=_PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        why = reason(error) if isinstance(error, OSError) else str(error)
        asked = " ".join(words)
        raise NetworkUnknown(
            phrase("ip {words} does not answer ({reason}): try it by hand", words=asked, reason=why)
        ) from error
    if said.returncode == _NOT_FOUND:
        return []
    if said.returncode:
        why = " ".join(said.stderr.split())
        raise NetworkUnknown(
            phrase("ip {words} failed ({reason}): try it by hand", words=" ".join(words), reason=why)
        )
    found: list[dict[str, Any]] = json.loads(said.stdout or "[]", strict=False)  # as above
    return [one for one in found if one]  # it prints {} for what a filter leaves out


def _interface(told: dict[str, Any]) -> Interface:
    flags, link = told["flags"], told.get("linkinfo", {})
    in_vrf = link.get("info_slave_kind") == "vrf"  # whose is the route of a packet, not the packet
    return Interface(
        name=told["ifname"],
        index=told["ifindex"],
        loopback="LOOPBACK" in flags,
        hardware=told["address"].lower() if told.get("link_type") == "ether" else None,
        up="UP" in flags,
        carrier="LOWER_UP" in flags,
        addresses=tuple(
            ipaddress.ip_interface(f"{one['local']}/{one['prefixlen']}")
            for one in told.get("addr_info", [])
            if "local" in one
        ),
        master=None if in_vrf else told.get("master"),
        lower=told.get("link") if link.get("info_kind") in _UPON_ANOTHER else None,
    )


def _route(told: dict[str, Any]) -> Route:
    via = told.get("gateway") or told.get("via", {}).get("host")
    source = told.get("prefsrc")
    return Route(told.get("dev", ""), _address(via), _address(source))


def _address(text: str | None) -> Address | None:
    return None if text is None else ipaddress.ip_address(text)
