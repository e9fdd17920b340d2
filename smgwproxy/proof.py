"""The certificate of a peer that proves to have its key, and to which nothing is shown; no I/O of its own.

A gateway that demands a client certificate ends the handshake of who has none to show, and with it OpenSSL tells
nothing of the peer. But in TLS 1.2 it has signed its key exchange by then (RFC 5246 section 7.4.3), and in 1.3 the
whole handshake (RFC 8446 section 4.4.3): once OpenSSL goes on after that, the proof is there.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

_MOST = 256 * 1024  # bytes of a peer's part of the handshake
_HANDSHAKE, _CERTIFICATE = 22, 11  # the types of a record and of a message (RFC 5246, section 6.2.1 and 7.4)


@dataclass(frozen=True, slots=True)
class Proof:
    """The DER of a certificate whose key the peer has; ``whole`` tells that the handshake came to its end.

    Only that end shows that nothing was changed on the way (RFC 5246 section 7.4.9): not the key, which is proved,
    but all else in the certificate.
    """

    der: bytes
    whole: bool


def proved_certificate(
    context: ssl.SSLContext, name: str | None, send: Callable[[bytes], object], receive: Callable[[], bytes]
) -> Proof:
    """Shake hands, to the end if the peer lets us, and return the certificate that it proved to have.

    ``name`` is what is asked for (SNI), None for an address. ``receive`` returns empty bytes at the end. Raises
    `ssl.SSLError` when the handshake fails before the proof, and what ``send`` and ``receive`` raise before it.
    """
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname=name)
    received = proved = b""
    try:
        while not _shake_hands(tls):
            ours = outgoing.read()
            if ours and received:  # OpenSSL goes on, so what it has read is right, the signature too
                proved = _first_certificate(received)
            if ours:
                send(ours)
            octets = receive()
            received += octets
            if not octets or len(received) > _MOST:
                raise ssl.SSLEOFError(ssl.SSL_ERROR_EOF, "the handshake came to no end")
            incoming.write(octets)
        send(outgoing.read())
    except OSError:
        if proved:
            return Proof(proved, whole=False)
        raise
    # There is one: no suite that is offered goes without.
    return Proof(cast(bytes, tls.getpeercert(binary_form=True)), whole=True)


def _shake_hands(tls: ssl.SSLObject) -> bool:
    """Go on; False when more of the peer is needed."""
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        return False
    return True


def _first_certificate(records: bytes) -> bytes:
    """Return the server's own certificate from its part of a handshake, which OpenSSL has found right.

    Empty in TLS 1.3, where it is encrypted.
    """
    messages = b""
    while records[:1] == bytes([_HANDSHAKE]):
        end = 5 + int.from_bytes(records[3:5])
        messages, records = messages + records[5:end], records[end:]
    while messages and messages[0] != _CERTIFICATE:
        messages = messages[4 + int.from_bytes(messages[1:4]) :]
    return messages[10 : 10 + int.from_bytes(messages[7:10])]
