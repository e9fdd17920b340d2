"""A TCP relay before the gateway that does one fault to one connection, at one of its bytes."""

from __future__ import annotations

import select
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

from smgwproxy.origin import Origin
from tests.support import PATIENCE

DELAYED = 97
"""Of a connection with a delay each such byte comes late, from the one on that the fault is at."""

_DELAY = 0.003  # seconds
_RESET_ON_CLOSE = b"\x01\0\0\0\0\0\0\0"  # SO_LINGER with no time: close() sends RST


class Direction(StrEnum):
    """Which way the bytes go."""

    TO_GATEWAY = "to the gateway"
    TO_PROXY = "to the proxy"


class Kind(StrEnum):
    """What becomes of the byte that a fault is at."""

    CUT = "cut"
    """It and all that would follow is lost, and both sides see an orderly end."""
    RESET = "reset"
    """As `CUT`, with a TCP reset to both sides; to the gateway only once it has said something."""
    STALL = "stall"
    """It and all that would follow this way is lost; both sides believe that the connection stands."""
    DELAY = "delay"
    """It comes later than what was before it, and so does each of `DELAYED` behind it."""
    TRICKLE = "trickle"
    """It comes alone, and so do all behind it."""
    GARBLE = "garble"
    """One of its bits is another."""
    DUPLICATE = "duplicate"
    """It comes twice."""
    DROP = "drop"
    """It alone is lost."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of ``kind`` at the byte ``position``, the first being 0, of all that go in ``direction``.

    It takes place when that byte comes: what is before it has been passed on then.
    """

    kind: Kind
    direction: Direction
    position: int

    def __str__(self) -> str:
        return f"{self.kind} at byte {self.position} {self.direction}"


class Line:
    """One connection over the relay, with a thread of its own until it is over.

    ``octets`` are those that have come since it began, or since `begin`.
    """

    def __init__(self, proxy: socket.socket, gateway: socket.socket, fault: Fault | None) -> None:
        self.octets = {direction: bytearray() for direction in Direction}
        self._took_place = False
        self.over = threading.Event()
        self._fault = fault
        self._ends = {Direction.TO_GATEWAY: (proxy, gateway), Direction.TO_PROXY: (gateway, proxy)}
        self._ended: set[Direction] = set()
        self._stalled: Direction | None = None
        self._gateway_spoke = False
        self._slow: Fault | None = None
        self._until_slow = 0  # bytes
        self._cut = False
        self._is_over = False
        self._effects: dict[Kind, Callable[[Fault, bytes], None]] = {
            Kind.CUT: lambda _fault, _octets: self.cut(),
            Kind.RESET: lambda _fault, _octets: self._reset(),
            Kind.STALL: self._stall,
            Kind.DELAY: self._slow_down,
            Kind.TRICKLE: self._slow_down,
            Kind.GARBLE: self._garble,
            Kind.DUPLICATE: lambda fault, octets: self._send(fault.direction, octets[:1] + octets),
            Kind.DROP: lambda fault, octets: self._send(fault.direction, octets[1:]),
        }
        for end in (proxy, gateway):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin to relay."""
        self._thread.start()

    def begin(self, fault: Fault | None) -> None:
        """Count from here, and do ``fault``; nothing may be on its way in this moment."""
        for octets in self.octets.values():
            octets.clear()
        self._took_place, self._until_slow = False, 0
        self._fault = fault

    def spare(self) -> bool:
        """Do no fault any more; tell whether it took place. Nothing may be on its way in this moment."""
        self._fault = self._slow = None
        return self._took_place

    def cut(self) -> None:
        """End the connection for both sides, and lose what they still send."""
        self._cut = True
        for _, sink in self._ends.values():
            with suppress(OSError):  # it has been reset already
                sink.shutdown(socket.SHUT_WR)

    def stop(self) -> None:
        """End it for good."""
        for source, _ in self._ends.values():
            with suppress(OSError):
                source.shutdown(socket.SHUT_RDWR)
        self._thread.join(PATIENCE)

    def _run(self) -> None:
        poll = select.poll()
        directions = {source.fileno(): direction for direction, (source, _) in self._ends.items()}
        for descriptor in directions:
            poll.register(descriptor, select.POLLIN)
        try:
            while not self._is_over and len(self._ended) < len(directions):
                for descriptor, _ in poll.poll():
                    if not self._is_over and not self._step(directions[descriptor]):
                        poll.unregister(descriptor)
        except OSError:
            self._reset()
        finally:
            for source, _ in self._ends.values():
                source.close()
            self.over.set()

    def _step(self, direction: Direction) -> bool:
        """Pass on what has come; False when that was the end."""
        octets = self._received(direction)
        if not octets:
            self._ended.add(direction)
            self._end(direction)
            return False
        self._gateway_spoke = self._gateway_spoke or direction is Direction.TO_PROXY
        begun, fault = self.octets[direction], self._fault
        before = len(begun)
        begun += octets
        if fault is None or fault.direction is not direction or not before <= fault.position < len(begun):
            self._send(direction, octets)
            return True
        self._fault = None
        self._send(direction, octets[: fault.position - before])
        self._took_place = True
        self._effects[fault.kind](fault, octets[fault.position - before :])
        return True

    def _received(self, direction: Direction) -> bytes:
        try:
            return self._ends[direction][0].recv(65536)
        except ConnectionError:
            if self._cut or self._stalled:
                return b""
            raise  # the other side shall see a reset, too

    def _send(self, direction: Direction, octets: bytes) -> None:
        if self._cut or self._stalled is direction:
            return
        sink = self._ends[direction][1]
        try:
            for piece in self._pieces(direction, octets):
                sink.sendall(piece)
        except ConnectionError:
            if not self._stalled:
                raise

    def _pieces(self, direction: Direction, octets: bytes) -> Iterator[bytes]:
        """Hand out ``octets`` as they are to be sent, each piece in its time."""
        slow = self._slow
        if slow is None or slow.direction is not direction:
            yield octets
            return
        while octets:
            if not self._until_slow:
                if slow.kind is Kind.DELAY:
                    time.sleep(_DELAY)  # the fault itself
                self._until_slow = DELAYED if slow.kind is Kind.DELAY else 1
            piece, octets = octets[: self._until_slow], octets[self._until_slow :]
            self._until_slow -= len(piece)
            yield piece

    def _end(self, direction: Direction) -> None:
        if self._stalled and direction is Direction.TO_GATEWAY:
            self._is_over = True  # the proxy has given up
        elif not self._cut and self._stalled is not direction:
            with suppress(OSError):  # it has been reset already
                self._ends[direction][1].shutdown(socket.SHUT_WR)

    # --- the faults --------------------------------------------------------------------------------------

    def _reset(self) -> None:
        self._is_over = True
        proxy, gateway = self._ends[Direction.TO_GATEWAY]
        # A gateway that has said nothing may not have come so far as to shake hands, and the ssl module never
        # closes a socket that is reset before it wraps it.
        for end in (proxy, gateway) if self._gateway_spoke else (proxy,):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)

    def _stall(self, fault: Fault, octets: bytes) -> None:
        self._stalled = fault.direction

    def _slow_down(self, fault: Fault, octets: bytes) -> None:
        self._slow = fault
        self._send(fault.direction, octets)

    def _garble(self, fault: Fault, octets: bytes) -> None:
        garbled = octets[0] ^ 1 << fault.position % 8
        self._send(fault.direction, bytes([garbled]) + octets[1:])


class FaultProxy:
    """Relays connections to ``port``, one by one or side by side; `arm` says to which of them what is done."""

    def __init__(self, port: int) -> None:
        self.tested: Line | None = None
        self._to = port
        self._lines: list[Line] = []
        self._lock = threading.Lock()
        self._armed = False
        self._fault: Fault | None = None
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    @property
    def origin(self) -> Origin:
        return Origin("127.0.0.1", self.port)

    @property
    def standing(self) -> Sequence[Line]:
        """The connections that are not over."""
        with self._lock:
            self._lines = [line for line in self._lines if not line.over.is_set()]
            return list(self._lines)

    def arm(self, fault: Fault | None, line: Line | None = None) -> None:
        """Do ``fault`` to ``line``, or to the next new connection; either of them is ``tested`` from now on."""
        self.tested, self._fault, self._armed = line, fault, line is None
        if line is not None:
            line.begin(fault)

    def disarm(self) -> bool:
        """Let all be well from now on, but for what has broken already; tell whether the fault took place."""
        self._armed = False
        return self.tested is not None and self.tested.spare()

    def stop(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(PATIENCE)
        for line in self.standing:
            line.stop()

    def _accept(self) -> None:
        while True:
            try:
                proxy, _ = self._listener.accept()
            except OSError:
                return
            gateway = socket.create_connection(("127.0.0.1", self._to), PATIENCE)
            gateway.settimeout(None)
            armed, self._armed = self._armed, False
            line = Line(proxy, gateway, self._fault if armed else None)
            with self._lock:
                self._lines.append(line)
            if armed:
                self.tested = line
            line.start()
