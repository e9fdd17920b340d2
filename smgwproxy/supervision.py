"""What a supervisor such as systemd is told: the protocol of sd_notify(3)."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

READY = "READY=1"
STOPPING = "STOPPING=1"
WATCHDOG = "WATCHDOG=1"

_LONGEST = 500  # characters of a status; what comes behind them nobody reads in a list


def reloading() -> str:
    """Return what begins a reload, which `READY` ends; systemd wants to know when it was (sd_notify(3))."""
    return f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}"


def status(text: str) -> str:
    """Return what shows ``text`` in ``systemctl status``, in one line."""
    line = "".join(c if c.isprintable() else " " for c in text)
    return f"STATUS={line if len(line) <= _LONGEST else f'{line[: _LONGEST - 3]}...'}"


@dataclass(frozen=True, slots=True)
class Supervisor:
    """Who started this program, and wants to know how it is; nobody unless told.

    ``address`` is that of a datagram socket (unix(7)), ``watchdog`` the seconds after which a program that has not
    said `WATCHDOG` is taken for dead, None where nobody waits for that.
    """

    address: bytes | None = None
    watchdog: float | None = None

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Supervisor:
        """Return the one that ``environ`` tells of: NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID.

        What another process was meant to get, or nobody can read, is as if it were not there: a program must not
        fail because of who started it.
        """
        where = environ.get("NOTIFY_SOCKET", "")
        if not where.startswith(("/", "@")):
            return cls()
        address = os.fsencode(where)
        if address.startswith(b"@"):  # a name that is in no file system
            address = b"\0" + address[1:]
        microseconds = environ.get("WATCHDOG_USEC", "")
        mine = environ.get("WATCHDOG_PID", "") in {"", str(os.getpid())}
        if mine and microseconds.isascii() and microseconds.isdigit() and int(microseconds):
            return cls(address, int(microseconds) / 1_000_000)
        return cls(address)

    def tell(self, *lines: str) -> bool:
        """Send ``lines`` as one message; False when it did not get through. Does not wait, raises nothing."""
        if self.address is None:
            return True
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sock:
            sock.sendto("\n".join(lines).encode("utf-8", "replace"), self.address)
            return True
        return False
