"""The household's machines and cables: the gateway, the box with two legs, and the home LAN, as namespaces."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from tests.namespaces.han import GATEWAY, Cable, Namespace, ip

HAN_LEG, LAN_LEG = "eth0", "wlan0"
"""The interfaces of the box, as a Raspberry Pi calls them."""

ROUTER, BOX, LAPTOP, ASSISTANT = "192.168.0.1", "192.168.0.10", "192.168.0.11", "192.168.0.12"
BOX_AT_HAN = "10.11.120.1"

_LINK_LOCAL = "fe80::a/64"  # all the addresses that a new machine gives itself where nobody hands out any
_SWITCH = "lan"


class Machines:
    """All of them, until `close`.

    The box has no address in the gateway's subnet yet. The gateway answers whoever reaches it, since it takes the
    box for its router, so that nothing but the box keeps it apart from the LAN.
    """

    def __init__(self) -> None:
        self._ended = ExitStack()
        self.gateway, self.box, self.router, self.laptop, self.assistant = (self._namespace() for _ in range(5))
        self.han = Cable(self.box, self.gateway, HAN_LEG, ((_LINK_LOCAL,), (f"{GATEWAY}/24",)))
        with self.gateway.entered():
            ip(f"route add default via {BOX_AT_HAN} dev {HAN_LEG} onlink")
        self._lan({BOX: self.box, LAPTOP: self.laptop, ASSISTANT: self.assistant})

    def close(self) -> None:
        self._ended.close()

    def _namespace(self) -> Namespace:
        made = Namespace()
        self._ended.callback(made.close)
        return made

    def _lan(self, machines: Mapping[str, Namespace]) -> None:
        with self.router.entered():
            ip(
                f"link add {_SWITCH} type bridge",
                f"link set {_SWITCH} addrgenmode none",
                f"link set {_SWITCH} up",
                f"addr add {ROUTER}/24 dev {_SWITCH}",
            )
            Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
        for address, machine in machines.items():
            port = f"port{address.rpartition('.')[2]}"
            Cable(machine, self.router, LAN_LEG, ((f"{address}/24",), ()), far_name=port)
            with self.router.entered():
                ip(f"link set {port} master {_SWITCH}")
            with machine.entered():
                ip(f"route add default via {ROUTER} dev {LAN_LEG}")
