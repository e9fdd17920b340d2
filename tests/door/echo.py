"""A gateway whose answers depend on the requests, so that none can be another's; and faults on demand."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

from tests.support import PATIENCE, Peer, RawGateway, make_identity

EMPTY = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
FRAMINGS = ("length", "chunked", "close")
_PIECE = 16_000
_THINKING = 0.02  # seconds


def mark(method: str, target: str, body: bytes) -> str:
    """Return what tells the request from all others."""
    return hashlib.sha256(f"{method} {target}\n".encode() + body).hexdigest()


def content(method: str, target: str, body: bytes) -> bytes:
    """Return the body of the answer to this request; its size is the last part of ``target``."""
    size = int(target.rpartition("/")[2])
    told = mark(method, target, body).encode()
    return (told * (size // len(told) + 1))[:size]


def start(directory: Path) -> RawGateway:
    """Start the gateway; its certificate is kept in ``directory``.

    The first part of a target says how it answers: with one of `FRAMINGS`, or as one of these. ``hold`` does not
    until the proxy hangs up, ``endless`` never comes to an end, ``hangup`` and ``broken`` end the connection
    instead of an answer and within one, ``think`` takes a moment. All other targets get an empty answer.
    """
    return RawGateway(make_identity(directory), _converse)


def _converse(peer: Peer) -> None:
    while request := peer.read_request():
        peer.received = b""  # nobody asks for it, and it would grow for ever
        head, _, body = request.partition(b"\r\n\r\n")
        method, target, _ = head.decode("latin-1").split("\r\n")[0].split(" ", 2)
        how = target.split("/")[1] if target.startswith("/") else ""
        if not _answer(peer, how, method, target, body):
            return


def _answer(peer: Peer, how: str, method: str, target: str, body: bytes) -> bool:
    """Answer one request; False when the connection ends with that."""
    if how in {*FRAMINGS, "think"}:
        if how == "think":
            time.sleep(_THINKING)
        _send(peer, how, method, target, body)
        return how != "close" or method == "HEAD"
    if how == "hold":
        peer.connection.settimeout(PATIENCE)
        peer.begun()
        return False
    if how == "endless":
        peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            peer.send(b"1000\r\n" + b"x" * 0x1000 + b"\r\n")
    if how == "broken":
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf")
    if how in {"broken", "hangup"}:
        peer.reset()
        return False
    peer.send(EMPTY)
    return True


def _send(peer: Peer, how: str, method: str, target: str, body: bytes) -> None:
    told = content(method, target, body)
    framing = {"chunked": b"Transfer-Encoding: chunked\r\n", "close": b""}.get(
        how, b"Content-Length: %d\r\n" % len(told)
    )
    head = b"HTTP/1.1 200 OK\r\nX-Mark: " + mark(method, target, body).encode() + b"\r\n" + framing + b"\r\n"
    if method == "HEAD":
        told = b""
    elif how == "chunked":
        pieces = [told[place : place + _PIECE] for place in range(0, len(told), _PIECE)]
        told = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    peer.send(head + told)
