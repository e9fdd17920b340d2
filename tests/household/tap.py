"""Who is heard at an interface: the senders of all frames that come in there."""

from __future__ import annotations

import socket
import threading
from ipaddress import IPv4Address, IPv6Address, ip_address
from selectors import EVENT_READ, DefaultSelector
from types import TracebackType
from typing import Self

Sender = IPv4Address | IPv6Address

_ALL = 3  # ETH_P_ALL
_SENDER = {0x0800: (26, 30), 0x0806: (28, 32), 0x86DD: (22, 38)}
"""Where the sender's address stands in a frame of IPv4 (RFC 791), ARP (RFC 826) and IPv6 (RFC 8200)."""
_LONGEST = 65536


class Tap:
    """Listens at ``interface`` of the network namespace that this thread is in, as a context manager.

    Its ``senders`` are complete once it has ended: what had come in by then is among them.
    """

    def __init__(self, interface: str) -> None:
        self.senders: set[Sender] = set()
        self._frames = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL))
        self._frames.bind((interface, _ALL))
        self._frames.setblocking(False)
        self._end, self._ended = socket.socketpair()
        self._thread = threading.Thread(target=self._listen, name=f"tap at {interface}")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._end.close()
        self._thread.join()
        self._frames.close()
        self._ended.close()

    def _listen(self) -> None:
        with DefaultSelector() as selector:
            selector.register(self._frames, EVENT_READ)
            selector.register(self._ended, EVENT_READ)
            while self._ended not in {key.fileobj for key, _ in selector.select()}:
                self._read()
        self._read()

    def _read(self) -> None:
        while True:
            try:
                frame, (_, kind, direction, *_) = self._frames.recvfrom(_LONGEST)
            except BlockingIOError:
                return
            if direction != socket.PACKET_OUTGOING and kind in _SENDER:
                self.senders.add(ip_address(frame[slice(*_SENDER[kind])]))
