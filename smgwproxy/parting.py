"""Connections that have ended on this side and maybe not yet on the gateway's, which must not have two at once."""

from __future__ import annotations

import os
import socket
import struct
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from smgwproxy.dialling import Address

PATIENCE = 1.0
"""Seconds that the gateway has to end its side as well, counted from our farewell."""

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER with no time: close() sends RST


class Parting:
    """The connections that are being left.

    ``readable(sock, seconds)`` waits until ``sock`` has something to read, that long at most. Safe between threads
    and greenlets; nothing but `finish` waits. ``begins`` is called when there is one to `tidy` later.
    """

    def __init__(
        self, readable: Callable[[socket.socket, float], object], begins: Callable[[], None] = lambda: None
    ) -> None:
        self._readable = readable
        self._begins = begins
        self._left: deque[tuple[socket.socket, float]] = deque()  # each with its deadline
        self._unheard: deque[Address] = deque(maxlen=16)

    @property
    def over(self) -> bool:
        """Tell whether none is being left."""
        return not self._left

    def may_not_know(self, local: Address) -> None:
        """Take note of where a connection was made from that has ended without a word of the gateway.

        Our own last word may be lost, too, and is not repeated.
        """
        self._unheard.append(local)

    def unheard(self) -> Address | None:
        """Return the address of a connection of which the gateway may not know that it has ended, each once."""
        with suppress(IndexError):
            return self._unheard.popleft()
        return None

    def leave(self, connection: socket.socket) -> None:
        """End our side of ``connection``, with TLS's farewell if it has TLS; the caller closes it after that."""
        self.tidy()
        with suppress(OSError, ValueError):  # it has been cut already
            connection.settimeout(0.0)
            if hasattr(connection, "unwrap"):
                with suppress(OSError):  # the gateway's own farewell is not there yet
                    connection.unwrap()
            ours = socket.socket(fileno=os.dup(connection.fileno()))
            self._left.append((ours, time.monotonic() + PATIENCE))
            self._begins()
            ours.shutdown(socket.SHUT_WR)

    def finish(self) -> None:
        """Wait until the gateway has ended its side of each; where that takes too long it is reset."""
        while self._left:
            with suppress(IndexError):  # another one took it
                connection, deadline = self._left.popleft()
                try:
                    while not (ended := _has_ended(connection)) and (seconds := deadline - time.monotonic()) > 0:
                        self._readable(connection, seconds)
                except BaseException:  # the client has left, and with it who waits here
                    self._left.appendleft((connection, deadline))
                    raise
                _let_go(connection, reset=not ended)

    def tidy(self) -> bool:
        """Let go of those that have ended, or had their time; tells whether there are any left."""
        for connection, deadline in list(self._left):  # what stays is there all the time, for who dials meanwhile
            if (ended := _has_ended(connection)) or deadline <= time.monotonic():
                with suppress(ValueError):  # another one took it
                    self._left.remove((connection, deadline))
                    _let_go(connection, reset=not ended)
        return bool(self._left)

    def close(self) -> None:
        """Let go of all: nobody dials any more."""
        with suppress(IndexError):  # that was the last
            while True:
                self._left.popleft()[0].close()


def reset_on_close(connection: socket.socket) -> None:
    """Let ``connection`` be reset when it is closed, so that the gateway hears of it at once."""
    with suppress(OSError):  # it has ended already
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)


def _has_ended(connection: socket.socket) -> bool:
    """Tell whether the gateway has ended its side; what it still sends is of no use any more."""
    try:
        return not connection.recv(64 * 1024, socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except OSError:
        return True


def _let_go(connection: socket.socket, *, reset: bool) -> None:
    if reset:
        reset_on_close(connection)
    connection.close()
