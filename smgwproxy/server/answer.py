"""Writes one answer to a client, with the framing that its connection needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from smgwproxy.http1 import Lines, RequestHead, encoded_head, values


class AnswerWriter:
    """Writes one answer: its head as given, with the framing that the client's connection needs.

    That connection ends with it if ``must_close`` says so when the head is written.
    """

    def __init__(
        self, send: Callable[[bytes], None], request: RequestHead, must_close: Callable[[], bool]
    ) -> None:
        self.begun = False
        self.closes = False
        self.ends_with_connection = False
        self._send = send
        self._request = request
        self._must_close = must_close
        self._status = ""
        self._lines: Lines = []
        self._has_content = True
        self._chunked = False
        self._trailers: Lines = []

    def start(self, status: str, lines: Lines, exc_info: Any = None) -> Callable[[bytes], None]:
        """Take status and header lines: ``start_response`` of PEP 3333."""
        if exc_info and self.begun:
            raise exc_info[1].with_traceback(exc_info[2])
        self._status, self._lines = status, lines
        self._chunked = self.ends_with_connection = False  # of a head that could not be written
        self._has_content = self._request.method != "HEAD" and status[:3] not in {"204", "304"}
        return self.write

    def take_trailers(self, lines: Lines) -> None:
        """Take what stands behind a chunked body; nobody gets them where there is none."""
        self._trailers = lines

    def write(self, data: bytes) -> None:
        """Write the head, if it is still to be written, and ``data``, in one piece."""
        head = b"" if self.begun else self._head()
        self.begun = True
        if not self._has_content:
            data = b""
        elif data and self._chunked:
            data = b"%x\r\n%b\r\n" % (len(data), data)
        if head or data:
            self._send(head + data)

    def finish(self) -> None:
        """Write what ends the answer."""
        if not self.begun:
            self.write(b"")
        if self._chunked:
            self._send(encoded_head("0", self._trailers))

    def _head(self) -> bytes:
        """Build the head: the lines as they are, and what RFC 9112 sections 6 and 9 want of this connection."""
        lines = list(self._lines)
        self.closes = self.closes or self._must_close()
        if self._has_content and not values(lines, "content-length"):
            self._chunked = self._request.minor == 1
            self.ends_with_connection = not self._chunked
            if self._chunked:
                lines.append(("Transfer-Encoding", "chunked"))
        if self.closes or self.ends_with_connection:
            self.closes = True
            lines.append(("Connection", "close"))
        elif self._request.minor == 0:
            lines.append(("Connection", "keep-alive"))
        return encoded_head(f"HTTP/1.1 {self._status}", lines)
