"""One client's connection: bytes in and out, each within its time, with a bounded buffer on the way out."""

from __future__ import annotations

import fcntl
import math
import socket
import ssl
import struct
import sys
import termios
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import gevent
from gevent.event import Event

from smgwproxy.server.backlog import Backlog
from smgwproxy.server.encryption import Encryption
from smgwproxy.server.pace import Pace

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER with no time: close() sends RST
# The first byte of struct tcp_info while the client has said no farewell: established, or our own side has ended.
_CLIENT_IS_THERE = frozenset({1, 4, 5})
_AT_ONCE = 256 * 1024
_RECEIVED = 16 * 1024  # at once, since the smallest messages of TLS make much work of them
_BARREN = 64 * 1024  # bytes of TLS without one of data, or of a handshake: no honest client needs as many
_SLICE = 0.01  # seconds that a client who sends without a pause may have to itself
_SWATH = 512 * 1024  # bytes that one who takes its answer, or sends a body, without a pause may have passed
_GLANCES = 30  # within the patience, at how much a slow client has taken
_LINGER_SECONDS = 1.0
_LINGER_BYTES = 1024 * 1024


class Channel:
    """The connection ``sock``, a socket of gevent's, encrypted or not.

    One greenlet reads and writes. What the client does not take at once waits in ``backlog``, so that who writes
    need not wait until that is full. A client that takes nothing for ``patience`` seconds, or takes it more slowly
    than ``speed`` bytes a second, has failed. All methods raise `OSError` when the connection ends or fails,
    `TimeoutError` when the client is too slow.
    """

    def __init__(self, sock: Any, backlog: Backlog, *, patience: float, speed: float) -> None:
        self._sock = sock
        self._backlog = backlog
        self._encryption: Encryption | None = None
        self._patience = patience
        self._speed = speed
        self._pace = Pace(math.inf)
        self._rest = False
        self._unbroken = 0  # bytes since the others had their turn
        self._expected_since = 0.0
        self._waiting_since: float | None = None
        self._writer: gevent.Greenlet[..., None] | None = None
        self._moved = Event()
        self._failure: OSError | None = None
        self._clean = True
        self._loop = gevent.get_hub().loop
        self._looked = self._loop.iteration  # how often it had looked for what came to others
        self._alone_since = time.monotonic()

    def bear(self, patience: float, speed: float) -> None:
        """Let these be the ``patience`` and the ``speed`` from the next answer on."""
        self._patience, self._speed = patience, speed

    @property
    def waiting_since(self) -> float | None:
        """Since when the client keeps us waiting, on the clock of `time.monotonic`; None when it does not."""
        return self._waiting_since

    def shake_hands(self, context: ssl.SSLContext, seconds: float) -> None:
        """Do TLS from now on."""
        encryption = Encryption(context)
        self.expect(seconds)
        fed = 0
        while True:
            try:
                done = encryption.shake_hands()
            finally:
                self._put(encryption.outgoing())  # an alert, too
            if done:
                self._encryption = encryption
                return
            octets = self._receive(_RECEIVED)
            fed += len(octets)
            if not octets or fed > _BARREN:
                raise OSError("no TLS handshake came about")
            encryption.feed(octets)

    # --- in ---------------------------------------------------------------------------------------------

    def expect(self, patience: float, speed: float = math.inf, *, rest: bool = False) -> None:
        """Give the client ``patience`` seconds for what it sends from now on; see `Pace`.

        Where that is the ``rest`` of a message, it may wait with it until the beginning is acknowledged (RFC 896).
        The system takes 40 ms over that when nothing but questions and answers went to and fro: so it is told to
        acknowledge at once.
        """
        self._pace.begin(patience, speed)
        self._rest = rest
        self._expected_since = time.monotonic()

    def receive(self, size: int) -> bytes:
        """Return 1 to ``size`` bytes as soon as any are there; empty when the client has ended its side."""
        if self._encryption is None:
            octets = self._receive(size)
            self._passed(len(octets))
            return octets
        barren = 0
        while True:
            try:
                data = self._encryption.read(size)
            finally:
                self._put(self._encryption.outgoing())  # an alert, or what TLS says by itself
            if data is not None:
                return data
            octets = self._receive(_RECEIVED)
            barren += len(octets)
            if barren > _BARREN:
                raise OSError("much of TLS, and no data in it")
            self._encryption.feed(octets)

    def _receive(self, size: int) -> bytes:
        if self._pace.left <= 0:
            raise TimeoutError("the client is too slow")
        began = time.monotonic()
        if self._looked != self._loop.iteration:
            self._looked, self._alone_since = self._loop.iteration, began
        elif began - self._alone_since > _SLICE:  # recv() gives no way to others while bytes are there
            give_way()
            self._looked = self._loop.iteration
            self._alone_since = began = time.monotonic()
        self._waiting_since = self._expected_since
        data: bytes = b""
        try:
            self._sock.settimeout(min(self._pace.left, 1e6))
            if self._rest:
                self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            data = self._sock.recv(size)
        finally:
            self._waiting_since = None
            now = time.monotonic()
            self._pace.waited(now - began, len(data))
        return data

    def peek(self) -> bytes:
        """Return the first byte that came, without taking it; before `shake_hands` only."""
        self._waiting_since = self._expected_since
        try:
            self._sock.settimeout(min(self._pace.left, 1e6))
            first: bytes = self._sock.recv(1, socket.MSG_PEEK)
            return first
        finally:
            self._waiting_since = None

    # --- out --------------------------------------------------------------------------------------------

    def send(self, data: bytes) -> None:
        """Hand over ``data``; returns before the client has it, and waits only while the buffer is full."""
        if self._encryption is not None:
            self._encryption.write(data)
            data = self._encryption.outgoing()
        self._put(data)
        if self._backlog.size:  # or who reads fast would get no chance to, and all would go to the disk and back
            give_way()
        if self._backlog.size or self._failure is not None:
            self._wait_while(lambda: self._backlog.is_full)
        self._passed(len(data))

    def _passed(self, octets: int) -> None:
        """Let the others have their turn now and then: nobody waits where there is always something to do."""
        self._unbroken += octets
        if self._unbroken >= _SWATH:
            self._unbroken = 0
            give_way()

    def _put(self, octets: bytes) -> None:
        """Send ``octets`` now or later; does not wait."""
        if octets and not self._backlog.size and self._failure is None:
            octets = self._send_at_once(octets)
        if octets:
            self._backlog.add(octets)
            if self._writer is None:
                self._writer = gevent.spawn(self._write)

    def flush(self) -> None:
        """Wait until the client's side has taken all."""
        if self._backlog.size or self._failure is not None:
            self._wait_while(lambda: self._backlog.size > 0)

    def _wait_while(self, condition: Callable[[], bool]) -> None:
        if self._failure is None and condition():
            self._waiting_since = time.monotonic()
            try:
                while self._failure is None and condition():
                    self._moved.clear()
                    self._moved.wait()
            finally:
                self._waiting_since = None
        if self._failure is not None:
            raise self._failure

    def _send_at_once(self, data: bytes) -> bytes:
        """Send what can be sent without waiting; return the rest."""
        sent = 0
        try:
            while sent < len(data):
                sent += self._sock.send(data[sent : sent + _AT_ONCE], 0, 0.0)
        except BlockingIOError:
            pass
        return data[sent:]

    def _write(self) -> None:
        pace = Pace(self._patience, self._speed)
        handed_over = 0
        try:
            taken = -self._in_kernel()
            while self._backlog.size:
                if pace.left <= 0:
                    raise TimeoutError("the client takes its answer too slowly")
                began = time.monotonic()
                self._sock.settimeout(min(pace.left, self._patience / _GLANCES))
                with suppress(TimeoutError):
                    sent = self._sock.send(self._backlog.first(_AT_ONCE))
                    self._backlog.drop(sent)
                    handed_over += sent
                    self._moved.set()
                before, taken = taken, handed_over - self._in_kernel()
                pace.waited(time.monotonic() - began, max(0, taken - before))
        except OSError as error:
            self._fail(error)
        finally:
            self._writer = None
            self._moved.set()

    def _in_kernel(self) -> int:
        """Return how many bytes the kernel still has to bring to the client.

        It takes none for a long time when its buffer is full, and then many: no measure of what a client takes.
        """
        return int.from_bytes(fcntl.ioctl(self._sock.fileno(), termios.TIOCOUTQ, bytes(4)), sys.byteorder)

    def _fail(self, error: OSError) -> None:
        self._failure = error
        self._moved.set()

    # --- the end ----------------------------------------------------------------------------------------

    def has_left(self) -> bool:
        """Tell whether the client has closed its side, or the connection has failed; does not wait.

        Bytes that came before the farewell do not hide it: the kernel is asked for the connection's state.
        """
        try:
            return self._sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] not in _CLIENT_IS_THERE
        except OSError:
            return True

    def hang_up(self) -> None:
        """Let the one who waits for the client read what is there already, and then the end; or stop writing."""
        if self._backlog.size:
            self._fail(ConnectionAbortedError("the client did not take its answer, and others came"))
        with suppress(OSError):  # the client has closed it first
            if self._backlog.size:  # an answer that must not end as if it were whole
                self.break_off(reset=True)
            self._sock.shutdown(socket.SHUT_RD)

    def linger(self) -> None:
        """End our side, and let the client read all before unread bytes of its own make TCP reset.

        RFC 9112 section 9.6. Takes a second and a megabyte at most: who sends a long body gets no more.
        """
        with suppress(OSError):  # too slow, or gone
            self._put(self._farewell())
            self.flush()
            self._sock.shutdown(socket.SHUT_WR)
            self.expect(_LINGER_SECONDS)
            left = _LINGER_BYTES
            while left > 0 and (octets := self._receive(65536)):
                left -= len(octets)

    def break_off(self, *, reset: bool) -> None:
        """Let the end be no clean one: without TLS's farewell, and with a TCP ``reset`` if need be."""
        self._clean = False
        if reset:
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)

    def close(self) -> None:
        """Close the connection; what is still in the buffer is lost."""
        if self._writer is not None:
            self._writer.kill(block=False)
        elif self._clean:
            with suppress(OSError):  # the connection has failed, or is full
                self._send_at_once(self._farewell())
        self._sock.close()
        self._backlog.close()

    def _farewell(self) -> bytes:
        if self._encryption is None:
            return b""
        with suppress(OSError):  # TLS has ended already
            self._encryption.say_farewell()
        return self._encryption.outgoing()


def give_way() -> None:
    """Let all others go on who can.

    After ``gevent.sleep(0)`` the hub looks for what has come to them only once it has come back here fifty times.
    """
    hub = gevent.get_hub()
    timer = hub.loop.timer(0)
    try:
        hub.wait(timer)
    finally:
        timer.close()
