"""What people type at the box, in the words that they are told."""

from __future__ import annotations

import re

from tests.household.home import Home
from tests.household.installed import SMGWPROXY
from tests.household.machines import BOX_AT_HAN, HAN_LEG
from tests.namespaces.han import GATEWAY

CONFIGURATION = "/etc/smgwproxy/smgwproxy.toml"
UNIT = "/etc/systemd/system/smgwproxy.service"
DOCTOR = ("doctor", "--config", CONFIGURATION)

_PROFILE = "smgw"


def commands(said: str) -> list[str]:
    """Return the lines that a person is told to copy."""
    return re.findall(r"^ +(sudo .+)$", said, re.MULTILINE)


def give_address(home: Home) -> None:
    """Make the profile that discover tells of."""
    home.box.type(
        f"sudo nmcli connection add type ethernet con-name {_PROFILE} ifname {HAN_LEG} ipv4.method manual "
        f"ipv4.addresses {BOX_AT_HAN}/24 ipv4.never-default yes && sudo nmcli connection up {_PROFILE}"
    )


def change_profile(home: Home, settings: str) -> None:
    home.box.type(f"sudo nmcli connection modify {_PROFILE} {settings} && sudo nmcli connection up {_PROFILE}")


def install(home: Home) -> None:
    home.box.type(f"sudo {SMGWPROXY} install --target {GATEWAY}")
