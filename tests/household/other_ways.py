"""The ways between LAN and gateway that must not be there, tried all at once."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from tests.household.home import Home
from tests.household.machines import BOX, LAN_LEG, LAPTOP
from tests.household.tap import Sender, Tap
from tests.namespaces.han import GATEWAY, Namespace, ip
from tests.support import PATIENCE

_SUBNET, _NEIGHBOUR = "10.11.120.0/24", "10.11.120.7/24"


@dataclass
class Heard:
    """What came of it: the ways that led to a connection, and who was heard at the laptop."""

    open_ways: list[str] = field(default_factory=list)
    at_laptop: set[Sender] = field(default_factory=set)


@contextmanager
def other_ways_tried(home: Home) -> Iterator[Heard]:
    """Let laptop and gateway dial each other; what came of it is known when the context has ended.

    Nothing tells when a packet is lost. So within the context the meter must be read by the right way: what was
    sent before, and has not come in by then, never will.
    """
    laptop, gateway = home.machines.laptop, home.machines.gateway
    heard = Heard()
    with ExitStack() as ending:
        with laptop.entered():
            tap = ending.enter_context(Tap(LAN_LEG))
            there = ending.enter_context(socket.create_server((LAPTOP, 0))).getsockname()
        dialled = {
            "to the LAN": _dial(gateway, there),
            "through the router": _dial(laptop, (GATEWAY, 443)),
            "through the box": _dial(laptop, (GATEWAY, 443), f"route add {_SUBNET} via {BOX}"),
            "as a neighbour": _dial(
                laptop, (GATEWAY, 443), f"route del {_SUBNET}", f"addr add {_NEIGHBOUR} dev {LAN_LEG}"
            ),
        }
        for each in dialled.values():
            ending.callback(each.close)
        tunnels = _tunnels(laptop)
        yield heard
        heard.open_ways += [way for way, each in dialled.items() if _stands(each)]
        heard.open_ways += ["by a tunnel through the proxy"] * tunnels
    heard.at_laptop |= tap.senders


def _dial(machine: Namespace, address: tuple[str, int], *changes: str) -> socket.socket:
    """Let ``machine`` dial ``address`` after the ``changes`` that ``ip`` makes there."""
    with machine.entered():
        ip(*changes)
        dialled = socket.socket()
    dialled.setblocking(False)
    dialled.connect_ex(address)
    return dialled


def _stands(connection: socket.socket) -> bool:
    try:
        connection.getpeername()
    except OSError:
        return False
    return True


def _tunnels(machine: Namespace) -> bool:
    asking = ("curl", "--silent", "--insecure", "--max-time", f"{PATIENCE}", "--write-out", "%{http_connect}")
    by = ("--noproxy", "", "--proxytunnel", "--proxy", f"http://{BOX}:8080", f"https://{GATEWAY}/")
    with machine.entered():
        done = subprocess.run((*asking, *by), capture_output=True, text=True, check=False)
    assert done.stdout != "000", "the proxy was not asked"
    return done.returncode == 0
