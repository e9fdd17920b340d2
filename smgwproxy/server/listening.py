"""Opens the sockets that clients connect to."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

_BACKLOG = 256  # more than there are places: who has none is told so
_NO_IPV6 = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)
# Connections inherit what is set here, on Linux.
_OPTIONS = (
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    # What a client does not take waits here and in the channel's buffer; the kernel's own idea is megabytes.
    (socket.SOL_SOCKET, socket.SO_SNDBUF, 128 * 1024),
    # A machine that lost its power or its WLAN says no farewell: noticed after some 60 s.
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 30),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 10),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
)


def open_listener(address: str | None, port: int, beside: Sequence[socket.socket] = ()) -> socket.socket:
    """Listen on ``address``, or on all interfaces with IPv4 and IPv6 when it is None; port 0 is any free one.

    ``beside`` are listeners of this program at the same port and other addresses, such as all of them, that it is
    about to leave. Raises `OSError`.
    """
    with _sharing(beside) as shared:
        listener = _listen_everywhere(port, shared) if address is None else _listen_at(address, port, shared)
        _share(listener, shared=False)
    listener.setblocking(False)
    for level, option, value in _OPTIONS:
        listener.setsockopt(level, option, value)
    return listener


@contextmanager
def _sharing(listeners: Sequence[socket.socket]) -> Iterator[bool]:
    """Let another listener have the port of ``listeners``, for as long as it takes to open it."""
    for listener in listeners:
        _share(listener, shared=True)
    try:
        yield bool(listeners)
    finally:
        for listener in listeners:
            _share(listener, shared=False)


def _share(listener: socket.socket, *, shared: bool) -> None:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, shared)


def _listen_at(address: str, port: int, shared: bool) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return socket.create_server((address, port), family=family, backlog=_BACKLOG, reuse_port=shared)


def _listen_everywhere(port: int, shared: bool) -> socket.socket:
    if socket.has_dualstack_ipv6():
        try:
            return socket.create_server(
                ("::", port), family=socket.AF_INET6, backlog=_BACKLOG, reuse_port=shared, dualstack_ipv6=True
            )
        except OSError as error:
            if error.errno not in _NO_IPV6:
                raise
    return _listen_at("0.0.0.0", port, shared)  # noqa: S104  # all interfaces is the default
