"""Reads a client's request: its head, checked before anything else is read, and its body as it comes."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from smgwproxy.errors import BadRequest, ClientGone, ClientTooSlow
from smgwproxy.http1 import (
    BodyReader,
    Incomplete,
    MessageError,
    RequestHead,
    expectations,
    parse_request_head,
)
from smgwproxy.phrases import phrase
from smgwproxy.target import origin_form


def parse_head(octets: bytes, scheme: str) -> RequestHead:
    """Parse the head of a request over a connection of ``scheme``; its target is in origin-form or ``*``.

    Raises `MessageError` with the status to answer.
    """
    head = origin_form(parse_request_head(octets), scheme)
    if any(expectation != "100-continue" for expectation in expectations(head.minor, head.lines)):
        raise MessageError(phrase("it expects more than 100-continue"), 417)
    return head


class RequestBody(io.RawIOBase):
    """``wsgi.input``: a request's body, read as it comes; errors become `ExchangeError`.

    ``begin`` is called once, before the first byte is waited for. To close it has no effect: an empty one may be
    that of the next request as well.
    """

    def __init__(self, reader: BodyReader, begin: Callable[[], None] | None = None) -> None:
        super().__init__()
        self._reader = reader
        self._begin = begin

    @property
    def complete(self) -> bool:
        """Tell whether the body has been read to its end."""
        return self._reader.complete

    def close(self) -> None:
        """Do nothing."""

    def readable(self) -> bool:
        """Return True."""
        return True

    def read(self, size: int | None = -1) -> bytes:
        """Return ``size`` bytes, fewer at the end; all that is left when ``size`` is negative or None.

        Raises `BadRequest` for malformed chunks, `ClientTooSlow`, and `ClientGone` when the connection ends or
        fails.
        """
        left = -1 if size is None else size
        pieces = []
        while left and (piece := self._piece(left if left > 0 else 65536)):
            pieces.append(piece)
            left -= len(piece) if left > 0 else 0
        return b"".join(pieces)

    def read1(self, size: int = 65536) -> bytes:
        """Return 1 to ``size`` bytes as soon as any are there; empty at the end. Raises as `read` does."""
        return self._piece(size)

    def readinto(self, buffer: Any) -> int:
        """Fill ``buffer`` as `read` does; for the line methods of the base class."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def _piece(self, size: int) -> bytes:
        try:
            if self._begin is not None and not self.complete:
                begin, self._begin = self._begin, None
                begin()
            return self._reader.read(size)
        except MessageError as error:
            raise BadRequest(
                phrase("The request body was refused: {error}.", error=error.told), error.status
            ) from error
        except TimeoutError as error:
            raise ClientTooSlow from error
        except (Incomplete, OSError) as error:
            raise ClientGone from error
