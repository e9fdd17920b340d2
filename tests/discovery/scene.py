"""What the search is tried on: gateways in the namespace at the cable's end, and all that reaches them."""

from __future__ import annotations

import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from types import MappingProxyType

from smgwproxy import demo
from tests.namespaces.han import PORT, Namespace, ip_says
from tests.support import PATIENCE
from tests.test_cli import Program, program

ROOT = Path(__file__).parent.parent.parent
TIMES = {"names": 4.0, "listening": 1.0, "rounds": 2, "pause": 0.2, "handshake": 5.0}
"""Less than a person's patience, and enough for who is at the other end of a virtual cable."""
NO_CHANGE: Mapping[str, float] = MappingProxyType({})
BARE = "addr flush dev"
ANYWHERE = "0.0.0.0"  # noqa: S104  # of a namespace that nobody else is in

_ETH_P_ALL, _OUTGOING = 3, 4
_MULTICAST_REPORT = 143


@contextmanager
def searching(
    *words: str, path: str = os.defpath, times: Mapping[str, float] = NO_CHANGE, without: Sequence[str] = ()
) -> Iterator[Program]:
    """Run ``smgwproxy discover`` here, ``without`` the privileges so called, and with the programs of ``path``."""
    setpriv = (
        (str(shutil.which("setpriv")), "--bounding-set", ",".join(f"-{one}" for one in without), "--")
        if without
        else ()
    )
    command = (*setpriv, sys.executable, "-m", "tests.discovery.quick", json.dumps({**TIMES, **times}))
    with program(*words, cwd=ROOT, command=command, environ={"PATH": path}) as running:
        yield running


def searched(
    *words: str, path: str = os.defpath, times: Mapping[str, float] = NO_CHANGE, without: Sequence[str] = ()
) -> tuple[int, str]:
    """Run it to its end; return the exit code, and all that it said."""
    with searching(*words, path=path, times=times, without=without) as running:
        code = running.wait()
        return code, "".join(running.lines)


@contextmanager
def gateway_at(machine: Namespace, vendor: str, host: str = ANYWHERE) -> Iterator[demo.Gateway]:
    """Run a simulated gateway at port 443."""
    with ExitStack() as running:
        with machine.entered():
            make = partial(demo.start_gateway, vendor, host=host, port=443)
            gateway = running.enter_context(demo.run_in_thread(make))
        yield gateway


@contextmanager
def responder_at(machine: Namespace, host: str, *addresses: str, port: int = 443) -> Iterator[None]:
    """Let ``host`` have a web service there, and the addresses."""
    command = [sys.executable, "-m", "tests.discovery.responder", PORT, host, str(port), *addresses]
    with machine.entered():
        process = subprocess.Popen(
            command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
    with process:
        assert process.stdout is not None
        assert process.stdin is not None
        said = process.stdout.readline()
        assert said == "ready\n", said + process.stdout.read()
        yield
        process.stdin.close()
        assert process.wait(PATIENCE) == 0, process.stdout.read()


class Tap:
    """All frames that come to a machine's end of the cable, as they are on it."""

    def __init__(self, machine: Namespace) -> None:
        with machine.entered():
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
            self._socket.bind((PORT, _ETH_P_ALL))
            self._socket.setblocking(False)

    def __enter__(self) -> Tap:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def kinds(self) -> Counter[str]:
        """Return how many frames of each kind have come."""
        return Counter(_kind(frame) for frame in self._frames())

    def _frames(self) -> Iterator[bytes]:
        while True:
            try:
                frame, (_, _, direction, *_) = self._socket.recvfrom(1 << 16)
            except BlockingIOError:
                return
            if direction != _OUTGOING:
                yield frame


def _kind(frame: bytes) -> str:
    protocol, packet = struct.unpack("!H", frame[12:14])[0], frame[14:]
    match protocol:
        case 0x0806:
            return "ARP probe" if packet[14:18] == bytes(4) else "ARP"
        case 0x0800:
            return _transport(packet[9], packet[(packet[0] & 15) * 4 :])
        case 0x86DD if packet[6] == 0:  # hop-by-hop options, as a multicast report has
            return _transport(packet[40], packet[48:])
        case 0x86DD:
            return _transport(packet[6], packet[40:])
    return f"type {protocol:#x}"


def _transport(protocol: int, packet: bytes) -> str:
    match protocol:
        case 2:
            return "groups"
        case 58 if packet[0] == _MULTICAST_REPORT:
            return "groups"
        case 58 if 133 <= packet[0] <= 136:
            return "neighbour discovery"
        case 17 if packet[2:4] == struct.pack("!H", 5353):
            return "mDNS"
        case 6 if packet[2:4] == struct.pack("!H", 443):
            flags = packet[13]
            return "SYN to 443" if flags & 0x12 == 0x02 else "TCP to 443"
    return f"protocol {protocol}: {packet[:8].hex()}"


def addresses_here() -> str:
    """Return what ``ip`` tells of the addresses of this machine at the cable."""
    return ip_says("address", "show", "dev", PORT)


def wait_until(holds: Callable[[], bool]) -> None:
    """Ask again and again: the tap tells nobody when a packet comes."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)
