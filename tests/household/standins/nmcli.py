"""NetworkManager's part where none runs: ``nmcli`` as far as people are told to use it, by means of ip.

Run as a program. It knows the properties in `_PROPERTIES` (nm-settings-nmcli(5)), and refuses all others.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

_PROFILES = Path("/etc/NetworkManager.json")
_PROPERTIES = {
    "connection.autoconnect",
    "connection.autoconnect-priority",
    "connection.interface-name",
    "ipv4.addresses",
    "ipv4.dns",
    "ipv4.gateway",
    "ipv4.ignore-auto-dns",
    "ipv4.method",
    "ipv4.never-default",
    "ipv4.routes",
    "ipv6.addresses",
    "ipv6.dns",
    "ipv6.gateway",
    "ipv6.ignore-auto-dns",
    "ipv6.method",
    "ipv6.never-default",
}
_YES = {"yes", "true", "on", "1"}

Profile = dict[str, str]


def main(words: Sequence[str]) -> int:
    """Do what ``words`` say, and return the exit code."""
    profiles: dict[str, Profile] = json.loads(_PROFILES.read_text()) if _PROFILES.exists() else {}
    match words:
        case ["connection", "add", "type", "ethernet", *rest]:
            told = _pairs(rest)
            name, interface = told.pop("con-name"), told.pop("ifname", told.get("connection.interface-name", ""))
            if name in profiles:  # NetworkManager takes it, and which of the two is in force then nobody knows
                raise ValueError(f"there is a profile {name} already")
            profiles[name] = _checked(told) | {"ifname": interface}
        case ["connection", "modify", name, *rest]:
            profiles[name] |= _checked(_pairs(rest))
        case ["connection", "show", name]:
            return 0 if name in profiles else 10
        case ["connection", "up", name] | ["--wait", _, "connection", "up", name]:
            _apply(profiles[name])
        case ["connection", "delete", name]:
            _flush(profiles.pop(name)["ifname"])
        case ["device", "reapply", interface]:
            _apply(profiles[_at(interface, profiles)])
        case ["-g", "GENERAL.CONNECTION", "device", "show", interface]:
            sys.stdout.write(f"{_at(interface, profiles)}\n")
        case _:
            sys.stderr.write(f"nmcli: this one does not know: {words}\n")
            return 2
    _PROFILES.write_text(json.dumps(profiles))
    return 0


def _pairs(words: Sequence[str]) -> Profile:
    return dict(zip(words[::2], words[1::2], strict=True))


def _checked(told: Profile) -> Profile:
    whole = {("connection.autoconnect" if name == "autoconnect" else name): value for name, value in told.items()}
    if unknown := whole.keys() - _PROPERTIES:
        raise ValueError(f"no such properties: {sorted(unknown)}")
    return whole


def _at(interface: str, profiles: Mapping[str, Profile]) -> str:
    return next(name for name, profile in profiles.items() if profile["ifname"] == interface)


def _apply(profile: Profile) -> None:
    interface = profile["ifname"]
    _flush(interface)
    for address in filter(None, profile.get("ipv4.addresses", "").split(",")):
        _ip("address", "add", address.strip(), "dev", interface)
    if (router := profile.get("ipv4.gateway")) and profile.get("ipv4.never-default") not in _YES:
        _ip("route", "add", "default", "via", router, "dev", interface, "metric", "100")


def _flush(interface: str) -> None:
    _ip("-4", "address", "flush", "dev", interface)


def _ip(*words: str) -> None:
    subprocess.run(("ip", *words), check=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
