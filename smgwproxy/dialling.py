"""Opens TCP connections to the gateway: its name resolved anew, each address in time, its silence probed."""

from __future__ import annotations

import socket
import time
from typing import Any

Address = tuple[Any, ...]
"""Of a socket, as ``getsockname`` tells it."""

PROBES = 3
"""Probes without an answer after which the system takes a connection for dead."""


def dial(
    sockets: Any, host: str, port: int, seconds: float, *, probe: int, local: Address | None = None
) -> socket.socket:
    """Return a connection to the first address of ``host`` that takes one.

    ``sockets`` is the module `socket`, or gevent's. All attempts together have ``seconds``, and each its share of
    what is left. A connection is probed after ``probe`` seconds of silence (TCP keep-alive), since one whose cable
    or power was cut says no farewell. ``local`` is the address of a former connection of which the gateway may not
    know that it has ended: a new one from there, which is tried first, ends it (RFC 9293 section 3.10.7.4). Raises
    `OSError`.
    """
    deadline = time.monotonic() + seconds
    # In octets, since Python loads a MiB for names in other letters, and then finds that there are none.
    found = sockets.getaddrinfo(host.encode("ascii"), port, type=socket.SOCK_STREAM)
    sources = (local, None) if local else (None,)
    attempts = [(family, address, source) for family, _, _, _, address in found for source in sources]
    failure: OSError = TimeoutError("no address took the connection in time")
    for tried, (family, address, source) in enumerate(attempts):
        share = (deadline - time.monotonic()) / (len(attempts) - tried)
        if share <= 0:
            break
        try:
            return _connected(sockets.socket(family, socket.SOCK_STREAM), address, share, probe, source)
        except OSError as error:
            if source is None:  # what fails from there only is of no interest: the same address is tried once more
                failure = error
    raise failure


def _connected(
    connection: socket.socket, address: Address, seconds: float, probe: int, source: Address | None
) -> socket.socket:
    try:
        if source:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            connection.bind(source)
        connection.settimeout(seconds)
        connection.connect(address)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, probe)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, probe)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, PROBES)
    except BaseException:
        connection.close()
        raise
    return connection
