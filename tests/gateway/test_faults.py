"""Whatever breaks between proxy and gateway: a right answer or a clear error, no request twice, no place lost."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from smgwproxy.limits import Limits
from smgwproxy.truststores import Pin
from tests.gateway.fault_proxy import Direction, Fault, FaultProxy, Kind
from tests.gateway.faults import (
    EXCHANGES,
    VERSIONS,
    End,
    Exchange,
    Laboratory,
    MemoryStore,
    Outcome,
    Result,
    Right,
    Said,
    Trace,
    ask,
    laboratory,
    problem,
    read_answer,
    result,
    set_up,
    troubles,
    worth_another_try,
)
from tests.support import PATIENCE, Identity, RawGateway, receive_all, receive_until, running_proxy, settles

pytestmark = pytest.mark.long

EVERY = 499  # bytes from one fault to the next; .ci/faults leaves out none
SILENCE = 0.8  # seconds: a busy machine is silent, too
NEW = EXCHANGES[0]
RESUMED = next(exchange for exchange in EXCHANGES if exchange.resumed)
POST = next(exchange for exchange in EXCHANGES if exchange.name == "POST")
GET = next(exchange for exchange in EXCHANGES if exchange.repeatable)
FIRST_USE = next(exchange for exchange in EXCHANGES if exchange.first_use)


# --- the experiment ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def labs(identity: Identity) -> Iterator[Callable[[str], Laboratory]]:
    """Set up a laboratory for each version of TLS that is asked for, once for all tests."""
    made: dict[str, Laboratory] = {}
    with ExitStack() as stack:

        def lab(version: str) -> Laboratory:
            if version not in made:
                made[version] = stack.enter_context(laboratory(version, identity, silence=SILENCE))
            return made[version]

        yield lab


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind not in {Kind.DUPLICATE, Kind.DROP}])
@pytest.mark.parametrize(
    ("exchange", "version"),
    # Below the handshake both versions are alike, and .ci/faults tries all with all, and all kinds.
    [
        pytest.param(exchange, version, id=f"{exchange.name}-{version}")
        for exchange in EXCHANGES
        for version in VERSIONS
        if version == "TLS 1.3" or not exchange.kept
    ],
)
def test_right_answer_or_clear_error_and_no_request_twice(
    labs: Callable[[str], Laboratory],
    exchange: Exchange,
    kind: Kind,
    version: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    lab = labs(version)
    faults = lab.faults(exchange, kind, EVERY)
    tally = lab.endure(exchange, faults)
    assert not tally.troubles, "\n".join(tally.troubles)
    assert tally.took_place >= 0.9 * len(faults)
    assert lab.held() == []
    assert capfd.readouterr().err == ""  # where gevent tells of greenlets that failed


@pytest.mark.parametrize("version", VERSIONS)
def test_connections_that_broke_leave_no_descriptor_and_no_greenlet(version: str, identity: Identity) -> None:
    with set_up(version, identity, PATIENCE):
        pass  # whatever is made once in a program is made now
    before = descriptors()
    with laboratory(version, identity, silent=3, silence=SILENCE) as lab:
        for exchange in EXCHANGES:
            for kind in (Kind.CUT, Kind.RESET, Kind.GARBLE, Kind.DELAY):
                tally = lab.endure(exchange, lab.faults(exchange, kind, 1000)[::7])
                assert not tally.troubles, "\n".join(tally.troubles)
        assert lab.held() == []
        assert lab.more_greenlets() == 0
    assert settles(lambda: descriptors() <= before)


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_damage_behind_the_handshake_is_not_told_as_one_of_the_handshake(identity: Identity) -> None:
    # Who reads that the handshake failed sends the request again, which the gateway has done already.
    with set_up("TLS 1.3", identity, PATIENCE) as bench:
        outcome = bench.endure(POST, Fault(Kind.GARBLE, Direction.TO_PROXY, 20))
    assert outcome.taken != ()
    told = problem(read_answer(outcome.said))
    assert told["error"] == "tls_protocol_error"
    assert "handshake" not in told["detail"]


@pytest.mark.parametrize("version", VERSIONS)
def test_handshake_that_is_cut_is_made_once_more_in_full_where_a_session_was_offered(
    version: str, identity: Identity
) -> None:
    with set_up(version, identity, PATIENCE) as bench:
        right = bench.measured(RESUMED)
        in_full = bench.measured(NEW).trace.lengths[Direction.TO_PROXY]
        assert right.trace.lengths[Direction.TO_PROXY] < in_full
        cut = Fault(Kind.CUT, Direction.TO_PROXY, 20)
        assert result(bench.endure(RESUMED, cut).said, right.answer) is Result.RIGHT
        assert result(bench.endure(NEW, cut).said, right.answer) is Result.ERROR


def test_first_use_that_is_cut_behind_the_proof_of_the_key_is_looked_at_once_more(identity: Identity) -> None:
    with set_up("TLS 1.2", identity, PATIENCE) as bench:
        right = bench.measured(FIRST_USE)
        _, flight, *_ = right.trace.records[Direction.TO_GATEWAY]  # what the proxy says once it has the proof
        outcome = bench.endure(FIRST_USE, Fault(Kind.CUT, Direction.TO_GATEWAY, flight))
    assert result(outcome.said, right.answer) is Result.RIGHT
    assert outcome.pins == (right.pin,)


@pytest.mark.parametrize("demands", [False, True], ids=["takes all clients", "demands a client certificate"])
@pytest.mark.parametrize("version", VERSIONS)
def test_damaged_certificate_is_never_pinned(
    version: str, demands: bool, identity: Identity, impostor: Identity
) -> None:
    # What is signed in the handshake of TLS 1.2 is the key exchange, and not the certificate.
    store = MemoryStore()
    own = Pin.of(identity.certificate)
    gateway = RawGateway(identity, clients=impostor, newest=VERSIONS[version])
    assert gateway._context is not None
    gateway._context.verify_mode = ssl.CERT_REQUIRED if demands else ssl.CERT_NONE
    with ExitStack() as stack:
        stack.callback(gateway.stop)
        relay = FaultProxy(gateway.port)
        stack.callback(relay.stop)
        limits = Limits(connect_timeout=1, read_timeout=1)
        proxy = stack.enter_context(running_proxy(relay.origin, store, limits))
        relay.arm(None)
        ask(proxy.port, POST.request)
        assert relay.tested is not None
        trace = Trace.of(relay.tested)
        assert store.pins == (own,)
        for fault in trace.faults(Kind.GARBLE, [Direction.TO_PROXY], EVERY // 2):
            store.forget()
            relay.arm(fault)
            ask(proxy.port, POST.request)
            relay.disarm()
            assert store.pins in {(), (own,)}, trace.where(fault)


# --- what must hold ---------------------------------------------------------------------------------------

BODY = b'{"a": 1}'
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\nConnection: close"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
UNTIL_CLOSE = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
ANSWER = Said(HEAD + b"\r\n\r\n" + BODY, End.ORDERLY)
REQUEST = b"POST / HTTP/1.1\r\n\r\n"
PIN = "0" * 64
AT_THE_ANSWER = Fault(Kind.CUT, Direction.TO_PROXY, 9)
BEHIND_ITS_FIRST_RECORD = Fault(Kind.CUT, Direction.TO_PROXY, 10)
AT_THE_END = Fault(Kind.CUT, Direction.TO_PROXY, 19)
TRACE = Trace(
    {Direction.TO_GATEWAY: 30, Direction.TO_PROXY: 20}, {Direction.TO_GATEWAY: (0,), Direction.TO_PROXY: (0, 10)}
)
RIGHT = Right(read_answer(ANSWER), read_answer(ANSWER), REQUEST, PIN, TRACE)
GOOD = Outcome(AT_THE_ANSWER, True, ANSWER, (REQUEST,), (PIN,), ANSWER, 1)


def page(status: int, error: str, detail: str = "") -> Said:
    body = b'{"error": "%b", "detail": "%b"}' % (error.encode(), detail.encode())
    lines = f"Proxy-Status: smgwproxy; error={error}; details=x\r\nContent-Length: {len(body)}\r\n\r\n"
    return Said(f"HTTP/1.1 {status} x\r\n{lines}".encode() + body, End.ORDERLY)


TOLD = page(502, "connection_terminated")


@pytest.mark.parametrize(
    ("exchange", "seen"),
    [
        (POST, {}),
        (POST, {"said": TOLD, "taken": ()}),
        (POST, {"said": TOLD}),
        (POST, {"said": Said(ANSWER.octets[:-1], End.ORDERLY)}),
        (POST, {"fault": Fault(Kind.STALL, Direction.TO_PROXY, 0), "said": page(504, "connection_timeout")}),
        (GET, {"taken": (REQUEST, REQUEST)}),
        (FIRST_USE, {"said": TOLD, "taken": (), "pins": ()}),
        (NEW, {"took_place": False, "fault": AT_THE_END}),
    ],
)
def test_what_may_come_of_a_fault_is_no_trouble(exchange: Exchange, seen: dict[str, Any]) -> None:
    assert troubles(exchange, replace(GOOD, **seen), RIGHT) == []


@pytest.mark.parametrize(
    ("exchange", "seen", "trouble"),
    [
        (POST, {"said": Said(b"", End.ORDERLY)}, "neither an answer nor a clear error"),
        (POST, {"said": Said(ANSWER.octets, End.SILENCE)}, "neither an answer nor a clear error"),
        (POST, {"said": Said(HEAD[:30], End.RESET)}, "neither an answer nor a clear error"),
        (POST, {"said": Said(HEAD + b"\r\n\r\n{#", End.RESET)}, "neither an answer nor a clear error"),
        (POST, {"said": Said(ANSWER.octets + b"x", End.ORDERLY)}, "neither an answer nor a clear error"),
        (POST, {"said": Said(TOLD.octets[:-1], End.ORDERLY)}, "neither an answer nor a clear error"),
        (POST, {"said": page(503, "connection_limit_reached")}, "neither an answer nor a clear error"),
        (POST, {"said": page(500, "proxy_internal_error")}, "neither an answer nor a clear error"),
        (POST, {"said": page(504, "connection_read_timeout")}, "told what is not so"),
        (POST, {"said": page(502, "connection_terminated", "nothing was sent")}, "told what is not so"),
        (NEW, {"said": TOLD, "took_place": False, "fault": AT_THE_END}, "though nothing broke"),
        (POST, {"said": TOLD, "fault": replace(AT_THE_ANSWER, kind=Kind.TRICKLE)}, "though nothing broke"),
        (POST, {"taken": (REQUEST, REQUEST)}, "the request 2 times"),
        (POST, {"said": TOLD, "taken": (REQUEST, REQUEST[:5])}, "the request 2 times"),
        (GET, {"taken": (REQUEST,) * 3}, "the request 3 times"),
        (GET, {"taken": (REQUEST,) * 2, "fault": BEHIND_ITS_FIRST_RECORD}, "the request 2 times"),
        (GET, {"taken": (REQUEST,) * 2, "fault": replace(AT_THE_ANSWER, kind=Kind.DELAY)}, "the request 2 times"),
        (POST, {"taken": (REQUEST + REQUEST,)}, "the gateway read"),
        (POST, {"taken": (b"x",)}, "the gateway read"),
        (POST, {"taken": ()}, "though the gateway read only ()"),
        (POST, {"taken": (REQUEST[:-1],)}, "though the gateway read only"),
        (POST, {"pins": ()}, "pinned is ()"),
        (FIRST_USE, {"pins": ("1" * 64,)}, "pinned is ('1111"),
        (FIRST_USE, {"pins": (PIN, "1" * 64)}, "pinned is ("),
        (POST, {"later": TOLD}, "the next request came 1 times"),
        (POST, {"later_taken": 2}, "the next request came 2 times"),
        (NEW, {"took_place": False}, "the byte never came"),
        (POST, {"took_place": False, "fault": AT_THE_END}, "the byte never came"),
    ],
)
def test_what_must_not_come_of_a_fault_is_told(exchange: Exchange, seen: dict[str, Any], trouble: str) -> None:
    (told,) = troubles(exchange, replace(GOOD, **seen), RIGHT)
    assert trouble in told.text


LATE = page(504, "connection_read_timeout")


@pytest.mark.parametrize(
    ("seen", "late"),
    [
        ({"later": LATE, "later_taken": 0}, True),
        ({"said": LATE, "took_place": False}, True),
        ({"later": TOLD}, False),
        ({"later": page(503, "connection_limit_reached")}, False),
        ({"later": LATE, "later_taken": 2}, False),
        ({"taken": (REQUEST, REQUEST)}, False),
    ],
)
def test_only_what_took_too_long_may_be_the_machines_fault(seen: dict[str, Any], late: bool) -> None:
    found = troubles(POST, replace(GOOD, **seen), RIGHT)
    assert {trouble.late for trouble in found} == {late}


CUT = AT_THE_ANSWER
STALLED = replace(AT_THE_ANSWER, kind=Kind.STALL)


@pytest.mark.parametrize(
    ("fault", "seen", "again"),
    [
        (AT_THE_ANSWER, {"took_place": False}, True),
        (AT_THE_ANSWER, {"took_place": False, "later": LATE, "later_taken": 0}, False),
        (AT_THE_ANSWER, {"later": LATE, "later_taken": 0}, False),
        (AT_THE_ANSWER, {"taken": (REQUEST, REQUEST)}, False),
        (STALLED, {"later": LATE, "later_taken": 0}, True),
        (STALLED, {"later": LATE, "later_taken": 2}, False),
        (STALLED, {}, False),
    ],
)
def test_fault_that_never_took_place_is_tried_again_and_what_took_too_long_only_where_time_is_short(
    fault: Fault, seen: dict[str, Any], again: bool
) -> None:
    outcome = replace(GOOD, fault=fault, **seen)
    assert worth_another_try(fault, troubles(POST, outcome, RIGHT)) is again


@pytest.mark.parametrize(
    ("octets", "end", "body", "whole"),
    [
        (ANSWER.octets, End.RESET, BODY, True),
        (ANSWER.octets[:-1], End.ORDERLY, BODY[:-1], False),
        (HEAD, End.ORDERLY, b"", False),
        (CHUNKED + b"5\r\n12345\r\n3\r\n678\r\n0\r\n\r\n", End.ORDERLY, b"12345678", True),
        (CHUNKED + b"5\r\n12345\r\n3\r\n678\r\n", End.ORDERLY, b"12345678", False),
        (CHUNKED + b"5\r\n12345\r\n3\r\n678", End.ORDERLY, b"12345678", False),
        (CHUNKED + b"5\r\n123", End.ORDERLY, b"123", False),
        (CHUNKED + b"1\r\n1\r\n0\r\n", End.ORDERLY, b"1", False),
        (CHUNKED + b"1\r\n1\r\n0\r\n\r\nx", End.ORDERLY, b"1", False),
        (UNTIL_CLOSE + BODY, End.ORDERLY, BODY, True),
        (UNTIL_CLOSE + BODY, End.RESET, BODY, False),
        (UNTIL_CLOSE + BODY, End.SILENCE, BODY, False),
    ],
)
def test_answer_is_whole_only_where_every_client_must_take_it_for_that(
    octets: bytes, end: End, body: bytes, whole: bool
) -> None:
    answer = read_answer(Said(octets, end))
    assert (answer.body, answer.whole) == (body, whole)


def test_faults_are_at_each_byte_or_at_some_and_at_both_ends_of_each_record() -> None:
    def positions(kind: Kind, every: int) -> list[int]:
        return [fault.position for fault in TRACE.faults(kind, [Direction.TO_PROXY], every)]

    assert positions(Kind.CUT, 1) == list(range(20))
    assert positions(Kind.CUT, 7) == [0, 7, 9, 10, 14, 19]
    assert positions(Kind.TRICKLE, 1) == [0, 9, 10, 19]


# --- the relay --------------------------------------------------------------------------------------------


@contextmanager
def relayed(fault: Fault | None) -> Iterator[tuple[FaultProxy, socket.socket, socket.socket]]:
    """Connect over the relay to ourselves, with ``fault``: on the proxy's side, and on the gateway's."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        relay = FaultProxy(listener.getsockname()[1])
        relay.arm(fault)
        try:
            with socket.create_connection(("127.0.0.1", relay.port), PATIENCE) as proxy:
                gateway, _ = listener.accept()
                gateway.settimeout(PATIENCE)
                with gateway:
                    yield relay, proxy, gateway
        finally:
            relay.stop()


@pytest.mark.parametrize(
    ("kind", "arrives"),
    [
        (Kind.CUT, b"0123"),
        (Kind.DELAY, b"0123456789"),
        (Kind.TRICKLE, b"0123456789"),
        (Kind.GARBLE, b"0123$56789"),  # bit 4 of "4"
        (Kind.DUPLICATE, b"01234456789"),
        (Kind.DROP, b"012356789"),
    ],
)
@pytest.mark.parametrize("direction", Direction)
def test_relay_does_its_fault_at_the_byte_that_was_named(direction: Direction, kind: Kind, arrives: bytes) -> None:
    with relayed(Fault(kind, direction, 4)) as (relay, proxy, gateway):
        source, sink = (proxy, gateway) if direction is Direction.TO_GATEWAY else (gateway, proxy)
        source.sendall(b"01")
        source.sendall(b"23456789")
        source.shutdown(socket.SHUT_WR)
        assert receive_all(sink) == arrives
        sink.close()
        assert relay.tested is not None
        assert relay.tested.over.wait(PATIENCE)
        assert relay.disarm()
        assert relay.standing == []


def test_relay_resets_both_sides() -> None:
    with relayed(Fault(Kind.RESET, Direction.TO_GATEWAY, 1)) as (relay, proxy, gateway):
        gateway.sendall(b"x")
        assert proxy.recv(1) == b"x"
        proxy.sendall(b"01")
        assert is_reset(proxy)
        assert is_reset(gateway)
        assert relay.disarm()


def is_reset(side: socket.socket) -> bool:
    try:
        while side.recv(1):
            pass
    except ConnectionResetError:
        return True
    return False


def test_relay_stalls_one_way_until_the_proxy_gives_up() -> None:
    with relayed(Fault(Kind.STALL, Direction.TO_PROXY, 1)) as (relay, proxy, gateway):
        gateway.sendall(b"01")
        gateway.shutdown(socket.SHUT_WR)  # which the proxy must not see either
        assert proxy.recv(10) == b"0"
        proxy.sendall(b"abc")
        assert receive_until(gateway, b"abc") == b"abc"
        proxy.setblocking(False)
        with pytest.raises(BlockingIOError):
            proxy.recv(1)
        assert len(relay.standing) == 1
        proxy.close()
        assert receive_all(gateway) == b""


def test_relay_spares_a_connection_whose_byte_never_came() -> None:
    with relayed(Fault(Kind.CUT, Direction.TO_GATEWAY, 4)) as (relay, proxy, gateway):
        proxy.sendall(b"0123")
        assert receive_until(gateway, b"0123") == b"0123"
        assert not relay.disarm()
        proxy.sendall(b"456")
        assert receive_until(gateway, b"456") == b"456"


def test_relay_counts_anew_on_a_kept_connection() -> None:
    with relayed(None) as (relay, proxy, gateway):
        proxy.sendall(b"0123")
        assert receive_until(gateway, b"0123") == b"0123"
        (line,) = relay.standing
        relay.arm(Fault(Kind.DROP, Direction.TO_GATEWAY, 1), line)
        proxy.sendall(b"456")
        assert receive_until(gateway, b"46") == b"46"
        assert relay.disarm()


def test_relay_does_its_fault_once() -> None:
    with relayed(Fault(Kind.DROP, Direction.TO_GATEWAY, 1)) as (relay, proxy, gateway):
        proxy.sendall(b"012")
        assert receive_until(gateway, b"02") == b"02"
        assert relay.disarm()
        proxy.sendall(b"012")
        assert receive_until(gateway, b"012") == b"012"
