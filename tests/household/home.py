"""The whole household: its machines, its gateway, its box, and what its people do there."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from smgwproxy import demo
from smgwproxy.demo.times import quarter_index, quarter_start, utc_now
from tests.clients.household import Readings, readings_of
from tests.clients.libraries import LIBRARIES, Login
from tests.household.box import Box, fresh_box
from tests.household.machines import BOX_AT_HAN, HAN_LEG, Machines
from tests.namespaces.han import GATEWAY, Namespace, ip

_TIME = 123  # the port of NTP (RFC 5905)


class Clock:
    """The gateway's clock. It waits before the next reading is due, so that the last one stays so for a test."""

    def __init__(self) -> None:
        self._due = quarter_start(quarter_index(utc_now()) + 1)
        self._wrong = timedelta()

    def __call__(self) -> datetime:
        return min(utc_now(), self._due - timedelta(seconds=1)) + self._wrong

    def go_wrong(self, by: timedelta) -> None:
        self._wrong += by


@dataclass(frozen=True)
class Home:
    """Machines, the simulated gateway, and the box."""

    machines: Machines
    gateway: demo.Gateway
    clock: Clock
    box: Box

    def gateway_speaks(self) -> None:
        """Let the gateway look for a time server at the box's address, until somebody has that one."""
        with self.machines.gateway.entered(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            ip(f"ntable change name arp_cache dev {HAN_LEG} mcast_probes 1000 retrans 200")
            asking.sendto(b"\x1b" + bytes(47), (BOX_AT_HAN, _TIME))

    def reading(self) -> Readings:
        """Return what the gateway tells who asks it without anybody between."""
        return self.reading_at(self.machines.gateway, f"https://{GATEWAY}", "curl")

    def reading_at(self, machine: Namespace, base: str, library: str, trusted: Path | None = None) -> Readings:
        """Read the meter below ``base`` from ``machine``, with one of `LIBRARIES`; see there for ``trusted``."""
        requests = self.gateway.reading_requests
        with machine.entered():
            answers = LIBRARIES[library](base, Login(self.gateway.user, self.gateway.password), requests, trusted)
        return readings_of(self.gateway.vendor.name, answers[min(1, len(requests) - 1)].text)


@contextmanager
def running_home(vendor: str, root: Path) -> Iterator[Home]:
    """Set the machines up, with the gateway of ``vendor``; the box's root directory is ``root``."""
    with ExitStack() as running:
        machines = Machines()
        running.callback(machines.close)
        clock = Clock()
        with machines.gateway.entered():
            make = partial(demo.start_gateway, vendor, host=GATEWAY, port=443, clock=clock)
            gateway = running.enter_context(demo.run_in_thread(make))
        yield Home(machines, gateway, clock, running.enter_context(fresh_box(machines.box, root)))
