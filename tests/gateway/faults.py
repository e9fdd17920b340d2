"""Faults at each byte of an exchange with the gateway, and what must hold whatever breaks.

The client gets the right answer or a clear error, the gateway gets no request twice, and no place is lost: the
next request is answered, and at the end there is one connection at most, and nobody waits or has a turn.

``python -m tests.gateway.faults [--every N] [--jobs N] [--only TEXT]`` tries the faults at each Nth byte and at
both ends of each TLS record, in so many processes, for the exchanges with TEXT in their names, and tells what they
came to. Exit code 1 when anything else came of one than what must hold.
"""

from __future__ import annotations

import argparse
import gc
import json
import logging
import multiprocessing
import os
import socket
import ssl
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial
from pathlib import Path

import gevent

from smgwproxy.certificate import Certificate
from smgwproxy.limits import Limits
from smgwproxy.origin import Origin
from smgwproxy.truststores import Pin
from tests.gateway.fault_proxy import DELAYED, Direction, Fault, FaultProxy, Kind, Line
from tests.support import (
    PATIENCE,
    Identity,
    Peer,
    RawGateway,
    RunningProxy,
    connected,
    make_identity,
    running_proxy,
    settles,
)

VERSIONS = {"TLS 1.2": ssl.TLSVersion.TLSv1_2, "TLS 1.3": ssl.TLSVersion.TLSv1_3}

_STEPS = {Kind.TRICKLE: 211, Kind.DUPLICATE: 7, Kind.DROP: 7}

HARMLESS = frozenset({Kind.DELAY, Kind.TRICKLE})
"""What a connection must bear."""

SILENT = frozenset({Kind.STALL, Kind.GARBLE, Kind.DUPLICATE, Kind.DROP})
"""What may leave both sides waiting for more, until a time-out ends it."""

_SILENCE = 1.0  # seconds that a proxy bears: enough for a busy machine, though many faults take them
_QUEUE = 2.0  # seconds until a turn that never comes is told
_TRIES = 3  # where nothing is wrong but that it took too long: that may be the machine's fault
_ENOUGH = 5  # troubles of one bench, behind which it need not go on
_RECENT = 16  # connections, among them all that may still stand
_SLACK = 8  # bytes by which handshakes differ in length

# --- what is exchanged ------------------------------------------------------------------------------------

_BODY = b'{"readings": [{"obis": "1-0:1.8.0", "value": "4711.0815"}]}'
_PIECES = _BODY[:7], _BODY[7:30], _BODY[30:]

_ANSWERS = {
    b"/length": (
        b"HTTP/1.1 200 OK\r\nConte",
        b"nt-Length: %d\r\n\r\n%b" % (len(_BODY), _PIECES[0]),
        _PIECES[1] + _PIECES[2],
    ),
    b"/chunked": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        *(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in _PIECES),
        b"0\r\n\r\n",
    ),
    b"/until-close": (b"HTTP/1.1 200 OK\r\n\r\n" + _PIECES[0], _PIECES[1], _PIECES[2]),
}
"""What the gateway says to each target; each piece is a TLS record of its own."""

_LOGIN = 'Authorization: Digest username="u", response="0123456789abcdef"'


def _request(first: str, *lines: str, body: str = "") -> bytes:
    """Write a request as the client sends it, the last one of its connection."""
    head = [first, "Host: pi", *lines, *([f"Content-Length: {len(body)}"] if body else []), "Connection: close"]
    return "\r\n".join([*head, "", body]).encode()


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request, and how it comes to the gateway: over a kept connection, a new one, or at the very first use.

    Of a first use it is the connection that only shakes hands which is tested. ``resumed`` tells that a new one
    resumes a TLS session, which none does otherwise. ``repeatable`` is what may be sent
    again when a kept connection died without an answer. ``ends`` tells that the connection does so anyway.
    ``directions`` are those of the faults: what differs from other exchanges in its answer alone needs no others.
    """

    name: str
    request: bytes
    kept: bool = True
    first_use: bool = False
    resumed: bool = False
    repeatable: bool = False
    ends: bool = False
    directions: tuple[Direction, ...] = tuple(Direction)

    def seen(self, gateway: Origin) -> bytes:
        """Return the request as the gateway must see it."""
        seen = self.request.replace(b" HTTP/1.0\r\n", b" HTTP/1.1\r\n").replace(b"Connection: close\r\n", b"")
        return seen.replace(b"Host: pi\r\n", f"Host: {gateway}\r\n".encode())


_ANSWER = (Direction.TO_PROXY,)
_POST = _request("POST /length HTTP/1.1", _LOGIN, body='{"method": "readings"}')

EXCHANGES = (
    Exchange("POST, new connection", _POST, kept=False),
    Exchange("POST, resumed session", _POST, kept=False, resumed=True),
    Exchange("POST", _POST),
    Exchange("GET without credentials", _request("GET /length HTTP/1.1"), repeatable=True),
    Exchange("chunked answer", _request("GET /chunked HTTP/1.1", _LOGIN), directions=_ANSWER),
    Exchange("answer until close", _request("GET /until-close HTTP/1.1", _LOGIN), ends=True, directions=_ANSWER),
    Exchange(
        "answer until close to HTTP/1.0",
        _request("GET /until-close HTTP/1.0", _LOGIN),
        ends=True,
        directions=_ANSWER,
    ),
    Exchange("first use", _POST, kept=False, first_use=True, ends=True),
)

_LATER = Exchange("later", _request("GET /length HTTP/1.1", _LOGIN, "X-Later: 1"))
"""What is asked once the fault is over; it may not be repeated either."""


def _answering(peer: Peer) -> None:
    peer.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # or each piece would wait 40 ms
    while request := peer.read_request():
        target = request.split(b" ", 2)[1]
        for piece in _ANSWERS[target]:
            peer.send(piece)
        if target == b"/until-close":
            return


# --- what the client got ----------------------------------------------------------------------------------


class End(StrEnum):
    """How the client's connection ended."""

    ORDERLY = "an orderly end"
    RESET = "a reset"
    SILENCE = "silence"


@dataclass(frozen=True, slots=True)
class Said:
    """All that the client got over its connection."""

    octets: bytes
    end: End

    def __str__(self) -> str:
        return f"{self.octets!r} and {self.end}"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as a client reads it, its body without any coding; ``whole`` unless it is seen to be broken."""

    head: bytes
    body: bytes
    whole: bool

    @property
    def status(self) -> int:
        """The status, 0 where there is none."""
        words = self.head.split(b" ", 2)
        return int(words[1]) if len(words) == 3 and words[1].isdigit() else 0

    def values(self, name: bytes) -> list[bytes]:
        """Return the values of all lines called ``name``."""
        lines = [line.partition(b": ") for line in self.head.split(b"\r\n")]
        return [value for key, _, value in lines if key.lower() == name.lower()]


def read_answer(said: Said) -> Answer:
    """Read what came as one answer of HTTP/1.1; what is more than that belongs to the body, and breaks it."""
    head, end, rest = said.octets.partition(b"\r\n\r\n")
    answer = Answer(head, rest, whole=bool(end))
    if not end:
        return answer
    if answer.values(b"Transfer-Encoding") == [b"chunked"]:
        body, whole = _dechunked(rest)
        return replace(answer, body=body, whole=whole)
    if lengths := answer.values(b"Content-Length"):
        return replace(answer, whole=len(rest) == int(lengths[0]))
    return replace(answer, whole=said.end is End.ORDERLY)


def _dechunked(coded: bytes) -> tuple[bytes, bool]:
    body = b""
    while True:
        size, end, coded = coded.partition(b"\r\n")
        if not end:
            return body, False
        octets = int(size, 16)
        if octets == 0:
            return body, coded == b"\r\n"
        body += coded[:octets]
        if coded[octets : octets + 2] != b"\r\n":
            return body, False
        coded = coded[octets + 2 :]


class Result(StrEnum):
    """What a client has of its request."""

    RIGHT = "the right answer"
    ERROR = "a clear error"
    BROKEN = "an answer that broke off"
    WRONG = "neither an answer nor a clear error"


_DAMAGES = {"tls_protocol_error", "connection_terminated", "connection_timeout", "connection_read_timeout"}
_TOLD = {
    Kind.CUT: {"connection_terminated", "http_response_incomplete"},
    Kind.RESET: {"connection_terminated", "http_response_incomplete"},
    Kind.STALL: {"connection_timeout", "connection_read_timeout"},
    Kind.GARBLE: _DAMAGES,
    Kind.DUPLICATE: _DAMAGES,
    Kind.DROP: _DAMAGES,
}
"""The error types of RFC 9209 that tell a fault as what it is, each with status 502 or 504."""

_NOTHING_SENT = "handshake", "nothing was sent"
"""What a client takes for leave to send its request once more."""


def result(said: Said, right: Answer) -> Result:
    """Tell what the client has, when ``right`` is what it gets without a fault."""
    answer = read_answer(said)
    if answer == right and said.end is End.ORDERLY:
        return Result.RIGHT
    if said.end is End.ORDERLY and problem(answer):
        return Result.ERROR
    if (
        not answer.whole
        and said.end is not End.SILENCE
        and answer.head == right.head
        and right.body.startswith(answer.body)
    ):
        return Result.BROKEN
    return Result.WRONG


def problem(answer: Answer) -> dict[str, str]:
    """Return what an answer tells of a fault at the gateway (RFC 9457); nothing where it is another answer.

    That is 502 or 504, and not 503, which would be a fault of the proxy's own: a turn that never came back.
    """
    if not answer.whole or answer.status not in {502, 504}:
        return {}
    document: dict[str, str] = json.loads(answer.body)
    told = f"smgwproxy; error={document['error']}; ".encode()
    return document if [value[: len(told)] for value in answer.values(b"Proxy-Status")] == [told] else {}


# --- what became of a fault -------------------------------------------------------------------------------


_NO_FAULT = "the byte never came"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was seen of one exchange: by the client, by the gateway, and in the trust store.

    ``taken`` holds what the gateway has read over each connection that carried any of the request. ``later`` and
    ``later_taken`` are of the request behind it, when all is well again.
    """

    fault: Fault | None
    took_place: bool
    said: Said
    taken: tuple[bytes, ...]
    pins: tuple[str, ...]
    later: Said
    later_taken: int


@dataclass(frozen=True, slots=True)
class Right:
    """What there is without a fault: the client's answers, what the gateway sees, its pin, and the traffic."""

    answer: Answer
    later: Answer
    seen: bytes
    pin: str
    trace: Trace


@dataclass(frozen=True, slots=True)
class Trouble:
    """What must not be; ``late`` where that may be the fault of a machine that is too busy for short time-outs."""

    text: str
    late: bool = False


def troubles(exchange: Exchange, outcome: Outcome, right: Right) -> list[Trouble]:
    """Tell what must not be; empty when all is as it should be."""
    fault = outcome.fault if outcome.took_place else None
    harmless = fault is None or fault.kind in HARMLESS
    has = result(outcome.said, right.answer)
    found = []
    if has is Result.WRONG:
        found.append(Trouble(f"the client got {outcome.said}, which is {has}"))
    elif has is not Result.RIGHT and harmless:
        found.append(Trouble(f"the client got {outcome.said}, though nothing broke", _waited(outcome.said)))
    elif has is Result.ERROR and _misleads(outcome):
        found.append(Trouble(f"the client is told what is not so: {outcome.said}"))
    if len(outcome.taken) > 1 + (exchange.repeatable and not harmless and not right.trace.answered(fault)):
        found.append(Trouble(f"the gateway got the request {len(outcome.taken)} times"))
    if not all(right.seen.startswith(octets) for octets in outcome.taken):
        found.append(Trouble(f"the gateway read {outcome.taken}, and not {right.seen!r}"))
    elif has in {Result.RIGHT, Result.BROKEN} and outcome.taken[-1:] != (right.seen,):
        found.append(Trouble(f"there is an answer, though the gateway read only {outcome.taken}"))
    if outcome.pins not in {(right.pin,), *([()] if exchange.first_use else [])}:
        found.append(Trouble(f"pinned is {outcome.pins}, and not {right.pin}"))
    if result(outcome.later, right.later) is not Result.RIGHT or outcome.later_taken != 1:
        came = f"the next request came {outcome.later_taken} times to the gateway"
        late = _waited(outcome.later) and outcome.later_taken <= 1
        found.append(Trouble(f"{came}, and got {outcome.later}", late))
    if outcome.fault is not None and not outcome.took_place and not right.trace.may_lack(outcome.fault, exchange):
        # The proxy may have waited before, and given up the connection.
        found.append(Trouble(_NO_FAULT, late=True))
    return found


def worth_another_try(fault: Fault, found: Sequence[Trouble]) -> bool:
    """Tell whether the machine may be at fault: because time-outs are short, or because no fault took place.

    A connection that is left has a second to end, however long other time-outs are.
    """
    may_be = fault.kind in SILENT or all(trouble.text == _NO_FAULT for trouble in found)
    return may_be and bool(found) and all(trouble.late for trouble in found)


def _waited(said: Said) -> bool:
    return read_answer(said).status == 504


def _misleads(outcome: Outcome) -> bool:
    told = problem(read_answer(outcome.said))
    assert outcome.fault is not None
    return told["error"] not in _TOLD[outcome.fault.kind] or (
        outcome.taken != () and any(words in told["detail"] for words in _NOTHING_SENT)
    )


@dataclass(frozen=True, slots=True)
class Trace:
    """What goes over the tested connection without a fault: how many bytes, and where TLS's records begin."""

    lengths: dict[Direction, int]
    records: dict[Direction, tuple[int, ...]]

    @classmethod
    def of(cls, line: Line) -> Trace:
        """Look at a connection that has carried one exchange."""
        octets = {direction: bytes(line.octets[direction]) for direction in Direction}
        return cls(
            {direction: len(octets[direction]) for direction in Direction},
            {direction: tuple(_records(octets[direction])) for direction in Direction},
        )

    def faults(self, kind: Kind, directions: Sequence[Direction], every: int) -> list[Fault]:
        """Return the faults at both ends of each record, and at each byte, or at those that ``every`` divides.

        A trickle reaches all bytes behind it, so a few are enough; what is lost or comes twice takes long.
        """
        return [
            Fault(kind, direction, position)
            for direction in directions
            for length in (self.lengths[direction],)
            for position in range(min(length, DELAYED) if kind is Kind.DELAY else length)
            if position % (every * _STEPS.get(kind, 1)) == 0
            or {position, position + 1} & {*self.records[direction], length}
        ]

    def answered(self, fault: Fault | None) -> bool:
        """Tell whether the proxy has any of the answer when ``fault`` comes, over a kept connection."""
        if fault is None:
            return True
        _, *following = (*self.records[fault.direction], self.lengths[fault.direction])
        return fault.direction is Direction.TO_PROXY and fault.position >= following[0]

    def ends_with(self, fault: Fault) -> bool:
        """Tell whether ``fault`` was at the last byte."""
        return fault.position == self.lengths[fault.direction] - 1

    def may_lack(self, fault: Fault, exchange: Exchange) -> bool:
        """Tell whether the byte need not come: handshakes differ in length by a few, as signatures do."""
        return not exchange.kept and fault.position >= self.lengths[fault.direction] - _SLACK

    def where(self, fault: Fault) -> str:
        """Tell where in the traffic ``fault`` is."""
        begins = self.records[fault.direction]
        number = sum(begin <= fault.position for begin in begins)
        return (
            f"{fault} ({self.lengths[fault.direction]} in all), in record {number} of {len(begins)}, "
            f"which begins at {begins[number - 1]}"
        )


def _records(octets: bytes) -> Iterator[int]:
    """Tell where records begin (RFC 8446 section 5.1)."""
    begin = 0
    while begin < len(octets):
        yield begin
        begin += 5 + int.from_bytes(octets[begin + 3 : begin + 5], "big")


# --- the experiment ---------------------------------------------------------------------------------------


class MemoryStore:
    """A trust store without files, which can forget."""

    def __init__(self) -> None:
        self.pins: tuple[Pin, ...] = ()
        self._lock = threading.Lock()

    def lookup(self, origin: Origin) -> Sequence[Pin]:
        return self.pins

    def pin(self, origin: Origin, certificate: Certificate) -> Sequence[Pin]:
        with self._lock:
            self.pins = self.pins or (Pin.of(certificate),)
            return self.pins

    def forget(self) -> None:
        self.pins = ()


def ask(port: int, request: bytes) -> Said:
    """Send ``request`` to the proxy, and read to the end of the connection."""
    octets = b""
    with connected(port) as client:
        client.sendall(request)
        try:
            while piece := client.recv(65536):
                octets += piece
        except ConnectionResetError:
            return Said(octets, End.RESET)
        except TimeoutError:
            return Said(octets, End.SILENCE)
    return Said(octets, End.ORDERLY)


class NotTested(Exception):
    """There is no connection to be tested, and no other trouble than that ``said`` tells of one."""

    def __init__(self, said: Said) -> None:
        super().__init__(f"there is no connection to be tested, and the client got {said}")
        self.said = said


class Bench:
    """A proxy, the relay behind it, and behind that the gateway, for one fault after the other; see `set_up`."""

    def __init__(self, proxy: RunningProxy, relay: FaultProxy, gateway: RawGateway, store: MemoryStore) -> None:
        self._proxy = proxy
        self._relay = relay
        self._gateway = gateway
        self._store = store
        self._later_seen = _LATER.seen(relay.origin)
        self._last: Line | None = None
        self._asked_later()  # whatever is made once is made now

    def measured(self, exchange: Exchange) -> Right:
        """Do the exchange without a fault."""
        outcome, trace = self._exchanged(exchange, None)
        answer, later = read_answer(outcome.said), read_answer(outcome.later)
        for one in (answer, later):
            assert one.whole, outcome
            assert one.body == _BODY, outcome
        assert self._gateway.identity is not None
        pin = str(self._gateway.identity.certificate.fingerprint)
        right = Right(answer, later, self.seen(exchange), pin, trace)
        assert troubles(exchange, outcome, right) == []
        return right

    def seen(self, exchange: Exchange) -> bytes:
        """Return the request as the gateway behind this relay must see it."""
        return exchange.seen(self._relay.origin)

    def endure(self, exchange: Exchange, fault: Fault) -> Outcome:
        """Do the exchange under ``fault``, and then ask for something else."""
        return self._exchanged(exchange, fault)[0]

    def held(self) -> list[str]:
        """Tell what is still held though nobody asks for anything."""
        turns = self._proxy.gateway._approach._turns
        measures: dict[str, Callable[[], int]] = {
            "turns taken": lambda: 1 - turns._free + len(turns._waiting),
            "clients served": lambda: len(self._proxy.server.handlers),
            "connections too many": lambda: max(self._gateway.open_now, len(self._relay.standing)) - 1,
        }
        return [f"{count()} {name}" for name, count in measures.items() if not _comes_to_nothing(count)]

    def _exchanged(self, exchange: Exchange, fault: Fault | None) -> tuple[Outcome, Trace]:
        if exchange.first_use:
            self._store.forget()
        if not exchange.kept:
            self._begin_anew(with_session=exchange.resumed)
        self._relay.arm(fault, self._kept() if exchange.kept else None)
        # The gateway keeps all that ever came to it, which is much after some ten thousand faults.
        for of_old in (self._gateway.peers, self._gateway._threads, self._gateway._sockets):
            del of_old[:-_RECENT]
        recent = [(peer, len(peer.received)) for peer in self._gateway.peers]
        said = ask(self._proxy.port, exchange.request)
        line = self._relay.tested
        if line is None:
            raise NotTested(said)
        if exchange.ends:
            assert line.over.wait(PATIENCE), f"the connection does not end, and the client got {said}"
        trace = Trace.of(line)
        took_place = self._relay.disarm()
        if fault is not None and fault.kind is Kind.DUPLICATE and trace.ends_with(fault):
            line.cut()  # what came twice would be the first byte of what follows
        pins = tuple(str(pin.fingerprint) for pin in self._store.pins)
        later = self._asked_later()
        recent += [(peer, 0) for peer in self._gateway.peers[len(recent) :]]
        read = [peer.received[before:] for peer, before in recent]
        taken = tuple(octets for octets in (one.removesuffix(self._later_seen) for one in read) if octets)
        later_taken = sum(one.endswith(self._later_seen) for one in read)
        return Outcome(fault, took_place, said, taken, pins, later, later_taken), trace

    def _asked_later(self) -> Said:
        """Ask for something else, and wait until no connection but that one stands, which is kept."""
        said = ask(self._proxy.port, _LATER.request)
        assert _soon(lambda: self._gateway.open_now <= 1 >= len(self._relay.standing)), "connections do not end"
        self._last = next(iter(self._relay.standing), None) if read_answer(said).status == 200 else None
        return said

    def _kept(self) -> Line:
        """Return the connection that carried the last request, or another one where that did not end well."""
        if self._last is None or self._last.over.is_set():
            self._end_all()
            said = self._asked_later()
            if self._last is None:
                raise NotTested(said)
        return self._last

    def _begin_anew(self, *, with_session: bool) -> None:
        """End all connections, and let the next one resume a TLS session, or have none to resume."""
        self._end_all()
        self._proxy.hub.call(self._proxy.gateway._pools.end_idle)  # sessions go with their pool
        if with_session:
            self._asked_later()
            self._end_all()

    def _end_all(self) -> None:
        """End all connections, so that the gateway has read what it ever will."""
        for line in self._relay.standing:
            line.cut()
        assert _soon(lambda: self._gateway.open_now == 0), "connections do not end"


def _comes_to_nothing(count: Callable[[], int]) -> bool:
    return _soon(lambda: count() <= 0)


def _soon(condition: Callable[[], bool]) -> bool:
    """Wait until ``condition`` holds, and look often: this is done after each fault."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.001)
    return True


@contextmanager
def set_up(version: str, identity: Identity, silence: float) -> Iterator[Bench]:
    """Run a proxy that bears ``silence`` seconds of it, one connection at a time, and what is behind it."""
    store = MemoryStore()
    gateway = RawGateway(identity, _answering, newest=VERSIONS[version])
    relay = FaultProxy(gateway.port)
    limits = Limits(connections=1, connect_timeout=silence, read_timeout=silence, queue_timeout=_QUEUE)
    try:
        with running_proxy(relay.origin, store, limits) as proxy:
            yield Bench(proxy, relay, gateway, store)
    finally:
        relay.stop()
        gateway.stop()


# --- many of them -----------------------------------------------------------------------------------------


def summed_up(outcome: Outcome, right: Right) -> str:
    """Tell in a few words what a fault came to."""
    if not outcome.took_place:
        return _NO_FAULT
    has = result(outcome.said, right.answer)
    if has is Result.ERROR:
        answer = read_answer(outcome.said)
        return f"{answer.status} {problem(answer)['error']}"
    return f"{has}, at the second attempt" if len(outcome.taken) > 1 else str(has)


@dataclass(slots=True)
class Tally:
    """How often a kind of fault in one direction came to what, and what must not have been.

    ``again`` is how often a fault was tried again, since the machine may have been what took too long.
    """

    counts: Counter[tuple[Kind, Direction, str]] = field(default_factory=Counter)
    troubles: list[str] = field(default_factory=list)
    again: int = 0

    def add(self, other: Tally) -> None:
        self.counts += other.counts
        self.troubles += other.troubles
        self.again += other.again

    @property
    def took_place(self) -> int:
        """How many faults did."""
        return sum(count for (_, _, what), count in self.counts.items() if what != _NO_FAULT)


class Laboratory:
    """Benches side by side, made by `laboratory`.

    The proxies of ``patient`` ones wait long; those of ``silent`` ones, for faults that need a time-out, do not.
    """

    def __init__(self, version: str, patient: Sequence[Bench], silent: Sequence[Bench], log: _Log) -> None:
        self._version = version
        self._patient = patient
        self._silent = silent
        self._log = log
        self._greenlets = _living_greenlets()
        self._right = {exchange: patient[0].measured(exchange) for exchange in EXCHANGES}

    def faults(self, exchange: Exchange, kind: Kind, every: int = 1) -> list[Fault]:
        """Return the faults that there are; see `Trace.faults`."""
        return self._right[exchange].trace.faults(kind, exchange.directions, every)

    def endure(self, exchange: Exchange, faults: Sequence[Fault]) -> Tally:
        """Try an exchange under each of these faults, which are of one kind."""
        tally = Tally()
        benches = self._silent if {fault.kind for fault in faults} & SILENT else self._patient
        with ThreadPoolExecutor(len(benches)) as pool:
            shares = [faults[number :: len(benches)] for number in range(len(benches))]
            for one in pool.map(partial(self._endure, exchange), benches, shares):
                tally.add(one)
        return tally

    def held(self) -> list[str]:
        """Tell what is still held, and what the program has told of faults of its own; nothing may be."""
        return [*self._log.told, *(held for bench in (*self._patient, *self._silent) for held in bench.held())]

    def more_greenlets(self) -> int:
        """Wait until there are no more greenlets than at the beginning; return how many there are all the same."""
        settles(lambda: _living_greenlets() <= self._greenlets)
        return max(0, _living_greenlets() - self._greenlets)

    def _endure(self, exchange: Exchange, bench: Bench, faults: Sequence[Fault]) -> Tally:
        tally = Tally()
        right = replace(self._right[exchange], seen=bench.seen(exchange))
        for fault in faults:
            what, found = self._tried(exchange, bench, fault, right)
            for _ in range(_TRIES - 1):
                if not worth_another_try(fault, found):
                    break
                tally.again += 1
                what, found = self._tried(exchange, bench, fault, right)
            tally.counts[fault.kind, fault.direction, what] += 1
            where = f"{self._version}, {exchange.name}: {right.trace.where(fault)}"
            tally.troubles += [f"{where}: {trouble.text}" for trouble in found]
            if len(tally.troubles) >= _ENOUGH:
                break
        return tally

    def _tried(self, exchange: Exchange, bench: Bench, fault: Fault, right: Right) -> tuple[str, list[Trouble]]:
        """Try one fault; return what it came to, and what must not have been."""
        try:
            outcome = bench.endure(exchange, fault)
            return summed_up(outcome, right), troubles(exchange, outcome, right)
        except NotTested as error:
            return _NO_FAULT, [Trouble(str(error), _waited(error.said))]
        except Exception as error:  # noqa: BLE001  # whatever it is, it is told, with where it was
            return "nothing that could be understood", [Trouble(f"{type(error).__name__}: {error}")]


def _living_greenlets() -> int:
    """Count those that have something to do, in all threads."""
    gc.collect()
    return sum(isinstance(one, gevent.Greenlet) and not one.dead for one in gc.get_objects())


class _Log(logging.Handler):
    """Keeps what the program tells of faults of its own."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.told: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.told.append(self.format(record))


@contextmanager
def laboratory(
    version: str, identity: Identity, patient: int = 1, silent: int = 24, silence: float = _SILENCE
) -> Iterator[Laboratory]:
    """Set up so many benches, with gateways that speak ``version``; see `Laboratory`."""
    log = _Log()
    logger = logging.getLogger("smgwproxy")
    logger.addHandler(log)
    try:
        with ExitStack() as stack:

            def made(count: int, patience: float) -> list[Bench]:
                return [stack.enter_context(set_up(version, identity, patience)) for _ in range(count)]

            yield Laboratory(version, made(patient, PATIENCE / 2), made(silent, silence), log)
    finally:
        logger.removeHandler(log)


# --- all of them ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Work:
    """What one of several processes does: its ``share`` of the faults, at each byte that ``every`` divides."""

    share: int
    shares: int
    every: int
    only: str

    def done(self) -> Tally:
        """Try them, with both versions of TLS."""
        # Threads of Python that have one processor between them wait less for one another.
        processors = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {processors[self.share % len(processors)]})
        tally = Tally()
        with tempfile.TemporaryDirectory() as directory:
            identity = make_identity(Path(directory))
            for version in VERSIONS:
                with laboratory(version, identity, patient=2) as lab, ThreadPoolExecutor() as pool:
                    for one in pool.map(partial(self._tried, lab), [SILENT, frozenset(Kind) - SILENT]):
                        tally.add(one)
                    tally.troubles += lab.held()
                    if more := lab.more_greenlets():
                        tally.troubles.append(f"{more} greenlets too many")
        return tally

    def _tried(self, lab: Laboratory, kinds: frozenset[Kind]) -> Tally:
        tally = Tally()
        for exchange in EXCHANGES:
            for kind in kinds if self.only in exchange.name else ():
                faults = lab.faults(exchange, kind, self.every)
                mine = [fault for fault in faults if fault.position % self.shares == self.share]
                tally.add(lab.endure(exchange, mine))
        return tally


def report(tally: Tally) -> str:
    """Tell what the faults came to: a line for each kind and direction."""
    rows = []
    for kind in Kind:
        for direction in Direction:
            counts = Counter(
                {key[2]: count for key, count in tally.counts.items() if key[:2] == (kind, direction)}
            )
            told = ", ".join(f"{count:,} {what}" for what, count in counts.most_common())
            rows.append(f"{kind:9}  {direction:14}  {counts.total():6,}: {told}\n")
    return "".join(rows)


def main() -> int:
    """Try all of them, tell of them on stdout, and return the exit code."""
    parser = argparse.ArgumentParser(description="Faults at each byte of an exchange with the gateway.")
    parser.add_argument(
        "--every", type=int, default=1, metavar="N", help="how many bytes there are to the next fault"
    )
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count(), metavar="N", help="how many processes there are"
    )
    parser.add_argument("--only", default="", metavar="TEXT", help="what an exchange's name must contain")
    options = parser.parse_args()
    began = time.monotonic()
    works = [Work(share, options.jobs, options.every, options.only) for share in range(options.jobs)]
    tally = Tally()
    with ProcessPoolExecutor(options.jobs, multiprocessing.get_context("spawn")) as pool:
        for one in pool.map(Work.done, works):
            tally.add(one)
    sys.stdout.write("\n".join([report(tally), *tally.troubles, ""]))
    seconds = time.monotonic() - began
    sys.stdout.write(
        f"{tally.took_place:,} faults in {seconds:.0f} s, {tally.again} tried again; "
        f"troubles: {len(tally.troubles)}\n"
    )
    return 1 if tally.troubles else 0


if __name__ == "__main__":
    raise SystemExit(main())
