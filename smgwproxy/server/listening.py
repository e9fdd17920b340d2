"""Opens the sockets that clients connect to."""

from __future__ import annotations

import errno
import socket

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


def open_listener(address: str | None, port: int) -> socket.socket:
    """Listen on ``address``, or on all interfaces with IPv4 and IPv6 when it is None; port 0 is any free one.

    Raises `OSError`.
    """
    listener = _listen_everywhere(port) if address is None else _listen_at(address, port)
    listener.setblocking(False)
    for level, option, value in _OPTIONS:
        listener.setsockopt(level, option, value)
    return listener


def _listen_at(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return socket.create_server((address, port), family=family, backlog=_BACKLOG)


def _listen_everywhere(port: int) -> socket.socket:
    if socket.has_dualstack_ipv6():
        try:
            return socket.create_server(
                ("::", port), family=socket.AF_INET6, backlog=_BACKLOG, dualstack_ipv6=True
            )
        except OSError as error:
            if error.errno not in _NO_IPV6:
                raise
    return _listen_at("0.0.0.0", port)  # noqa: S104  # all interfaces is the default
