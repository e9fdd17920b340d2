"""TLS of one connection as a codec: what comes is fed, what goes is handed over; no I/O."""

from __future__ import annotations

import ssl
from contextlib import suppress


class Encryption:
    """The server's side of TLS, with the certificate of ``context``. All methods raise `ssl.SSLError`.

    A socket's own TLS reads from it for as long as bytes come, be they data or not, with a time-out for each
    piece. Here the one who feeds has the say.
    """

    def __init__(self, context: ssl.SSLContext) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)

    def feed(self, octets: bytes) -> None:
        """Take what the client sent; nothing, when it has ended its side."""
        if octets:
            self._incoming.write(octets)
        else:
            self._incoming.write_eof()

    def outgoing(self) -> bytes:
        """Return what must be sent to the client now, and forget it."""
        return self._outgoing.read()

    def shake_hands(self) -> bool:
        """Go on with the handshake; False when more must be fed."""
        with suppress(ssl.SSLWantReadError):
            self._tls.do_handshake()
            return True
        return False

    def read(self, size: int) -> bytes | None:
        """Return 1 to ``size`` bytes of data, empty at their end, None when more must be fed."""
        try:
            return self._tls.read(size)
        except ssl.SSLWantReadError:
            return None
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""

    def write(self, data: bytes) -> None:
        """Encrypt ``data``."""
        left = memoryview(data)
        while left:
            left = left[self._tls.write(left) :]

    def say_farewell(self) -> None:
        """Tell the client that nothing is missing; its own farewell is not waited for (RFC 8446 section 6.1)."""
        with suppress(ssl.SSLWantReadError):
            self._tls.unwrap()
