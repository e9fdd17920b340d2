"""Reads heads, lines and bytes from a connection through one buffer."""

from __future__ import annotations

import re
from collections.abc import Callable

from smgwproxy.http1 import Incomplete, MessageError
from smgwproxy.phrases import phrase

# A head that ends in bare LFs is found too, so that it is refused at once instead of waited for.
_END_OF_HEAD = re.compile(rb"\n\r?\n")


class Wire:
    """A buffer in front of ``receive(size)``, which returns empty bytes once the connection has ended.

    It takes ``at_once`` bytes, in which there may be many small pieces; of what it only hands on, as many as it is
    asked for. For one reader at a time. Errors of ``receive`` pass through.
    """

    def __init__(self, receive: Callable[[int], bytes], at_once: int = 64 * 1024) -> None:
        self._receive = receive
        self._at_once = at_once
        self._buffer = b""
        self._taken = 0  # bytes at its beginning: to cut them off each time would copy the rest as often

    @property
    def pending(self) -> bool:
        """Tell whether bytes have been received that nobody has asked for yet."""
        return self._taken < len(self._buffer)

    def begun(self) -> bool:
        """Wait for the first byte of a message; False when the connection ended instead."""
        return self._taken < len(self._buffer) or self._more()

    def ahead(self, size: int) -> bytes:
        """Wait for ``size`` bytes and return them without taking them; fewer when the connection ended before."""
        while len(self._buffer) - self._taken < size and self._more():
            pass
        return self._buffer[self._taken : self._taken + size]

    def head(self, limit: int, check: Callable[[bytes], None] | None = None) -> bytes:
        """Return a message's head with its empty line.

        While there is less, ``check`` is given what has come, and may raise what is wrong with it already. Raises
        `Incomplete` when the connection ends first and `MessageError` (431) above ``limit`` bytes.
        """
        searched = 0
        while (match := _END_OF_HEAD.search(self._buffer, self._taken + searched)) is None:
            came = self._buffer[self._taken :]
            if check is not None:
                check(came)
            if len(came) > limit:
                raise MessageError(phrase("the head is longer than {limit} bytes", limit=limit), 431)
            searched = max(0, len(came) - 2)
            if not self._more():
                raise Incomplete(phrase("it ended within the head"))
        size = match.end() - self._taken
        if size > limit:
            if check is not None:
                check(self._buffer[self._taken :])
            raise MessageError(phrase("the head is longer than {limit} bytes", limit=limit), 431)
        return self._take(size)

    def line(self, limit: int) -> bytes:
        """Return the bytes up to the next LF, with it; fewer when ``limit`` or the end came before."""
        while (end := self._buffer.find(b"\n", self._taken, self._taken + limit)) < 0:
            if len(self._buffer) - self._taken >= limit or not self._more():
                return self._take(limit)
        return self._take(end + 1 - self._taken)

    def some(self, size: int) -> bytes:
        """Return 1 to ``size`` bytes as soon as any are there; empty when the connection has ended."""
        if self._taken < len(self._buffer):
            return self._take(size)
        return self._receive(size)

    def _more(self) -> bool:
        data = self._receive(self._at_once)
        self._buffer = self._buffer[self._taken :] + data
        self._taken = 0
        return bool(data)

    def _take(self, size: int) -> bytes:
        data = self._buffer[self._taken : self._taken + size]
        self._taken += len(data)
        if self._taken == len(self._buffer):
            self._buffer, self._taken = b"", 0
        return data
