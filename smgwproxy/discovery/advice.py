"""The commands that a person runs after the search, ready to be copied."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address

from smgwproxy.discovery.confirming import origin_of
from smgwproxy.discovery.place import Place
from smgwproxy.network import Address
from smgwproxy.phrases import phrase

_PROFILE = "smgw-han"
_FLEETING = phrase(
    "The first of them holds until the next start only: put the same address into this machine's own network "
    "configuration, without a router and without DNS."
)


@dataclass(frozen=True, slots=True)
class Advice:
    """Commands, in the order in which they are to be run, and what is to be known of them."""

    commands: Sequence[str] = ()
    note: str = ""


def next_commands(
    gateway: Address, place: Place, taken: frozenset[Address], program: str, *, nmcli: bool
) -> Advice:
    """Return the two commands that lead from a found gateway to an installed proxy.

    The first gives this machine an address of the gateway's subnet, where it has none, with NetworkManager if
    there is ``nmcli`` and the interface is a plain one; an address that is ``taken`` by somebody else is not
    chosen. ``program`` is how to call this one.
    """
    target = shlex.quote(str(origin_of(gateway, place)))
    install = f"sudo {program} install --target {target}"
    if place.near(gateway) or not isinstance(gateway, IPv4Address):
        return Advice([f"{program} doctor --target {target}", install])
    own, name = f"{next(place.beside(gateway, taken))}/24", shlex.quote(place.interface.name)
    if not (nmcli and place.plain):
        return Advice([f"sudo ip address add {own} dev {name}", install], _FLEETING)
    # No router and no DNS: a Theben gateway shuts its port where its cable leads on to the internet.
    # The profile of an earlier run goes first: of two that are called alike nobody knows which is in force.
    profile = (
        f"sudo nmcli connection delete {_PROFILE} 2>/dev/null; "
        f"sudo nmcli connection add type ethernet con-name {_PROFILE} ifname {name} ipv4.method manual "
        f"ipv4.addresses {own} ipv4.never-default yes ipv4.ignore-auto-dns yes ipv6.method link-local"
    )
    commands = [f"{profile} && sudo nmcli connection up {_PROFILE}", install]
    if not any(one.version == 4 for one in place.interface.addresses):
        return Advice(commands)
    replaces = phrase(
        "The first of them takes away the addresses that {interface} has now, and ends what goes over them: do "
        "not run it by SSH to one of them.",
        interface=place.interface.name,
    )
    return Advice(commands, replaces)
