"""Opens the sockets that clients connect to."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

_BACKLOG = 256  # more than there are places: who has none is told so
_NO_IPV6 = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)
# Connections inherit what is set here, on Linux.
_OPTIONS = (
    # A port may be had again at once; one that is listened at may not.
    (socket.SOL_SOCKET, socket.SO_REUSEADDR, 1),
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
    with ExitStack() as opened, bound(address, port) as listener:
        opened.callback(listener.close)
        listen(listener)
        opened.pop_all()
    return listener


@contextmanager
def bound(address: str | None, port: int, beside: Sequence[socket.socket] = ()) -> Iterator[socket.socket]:
    """Have a socket for what `open_listener` listens on; who has it may `listen` within, and closes it.

    ``beside`` are listeners of this program at the same port, and at the same address or others, such as all of
    them, that it is about to leave. Raises `OSError`.
    """
    with _sharing(beside) as shared:
        listener = _bind_everywhere(port, shared) if address is None else _bind_at(address, port, shared)
        yield listener
        _share(listener, shared=False)


def listen(listener: socket.socket) -> None:
    """Let clients come to ``listener``; raises `OSError`."""
    listener.listen(_BACKLOG)


@contextmanager
def _sharing(listeners: Sequence[socket.socket]) -> Iterator[bool]:
    """Let another listener have the port of ``listeners``, while it is opened; tell whether there are any."""
    for listener in listeners:
        _share(listener, shared=True)
    try:
        yield bool(listeners)
    finally:
        for listener in listeners:
            _share(listener, shared=False)


def _share(listener: socket.socket, *, shared: bool) -> None:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, shared)


def _bind_at(address: str, port: int, shared: bool) -> socket.socket:
    return _bind(socket.AF_INET6 if ":" in address else socket.AF_INET, address, port, shared)


def _bind_everywhere(port: int, shared: bool) -> socket.socket:
    if socket.has_dualstack_ipv6():
        try:
            return _bind(socket.AF_INET6, "::", port, shared, both=True)
        except OSError as error:
            if error.errno not in _NO_IPV6:
                raise
    return _bind_at("0.0.0.0", port, shared)  # noqa: S104  # all interfaces is the default


def _bind(
    family: socket.AddressFamily, address: str, port: int, shared: bool, *, both: bool = False
) -> socket.socket:
    """Do what `socket.create_server` does before it listens; ``both`` is IPv4, too."""
    with ExitStack() as opened:
        listener = socket.socket(family)
        opened.callback(listener.close)
        listener.setblocking(False)
        for level, option, value in _OPTIONS:
            listener.setsockopt(level, option, value)
        _share(listener, shared=shared)
        if family is socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, not both)
        listener.bind((address, port))
        opened.pop_all()
    return listener
