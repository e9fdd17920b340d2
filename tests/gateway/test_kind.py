"""Promise 3, kind to the gateway: no more connections than it may have, none twice, none too old, all in turn."""

from __future__ import annotations

import random
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import gevent
import pytest

from smgwproxy.backend import Backend, threaded
from smgwproxy.cooperative import cooperative
from smgwproxy.errors import GatewayClosed
from smgwproxy.gateway import Gateway
from smgwproxy.limits import Limits
from smgwproxy.parting import Parting
from smgwproxy.truststores.file import FileTrustStore
from tests.support import (
    OK,
    PATIENCE,
    Identity,
    Peer,
    RawGateway,
    RunningProxy,
    answering,
    connected,
    raw_exchange,
    receive_until,
    running_proxy,
    settles,
)

StartGateway = Callable[..., RawGateway]
GET = b"GET / HTTP/1.1\r\nHost: pi\r\nConnection: close\r\n\r\n"
LOGIN = (
    b"POST / HTTP/1.1\r\nHost: pi\r\nAuthorization: Digest x\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi"
)
CLOSING = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"


def ask(client: Gateway, method: str = "GET") -> bytes:
    with client.send(method, "/", [("Host", "x")]) as answer:
        return answer.read()


# --- how long a connection is kept ------------------------------------------------------------------------


@pytest.mark.parametrize("backend", [threaded, cooperative])
def test_connection_that_was_idle_for_too_long_is_not_used(
    raw_gateway: StartGateway, store: FileTrustStore, backend: Callable[[], Backend]
) -> None:
    gateway = raw_gateway(OK)
    with Gateway(gateway.origin, store, Limits(keepalive=1e-9), backend()) as client:
        assert [ask(client), ask(client)] == [b"ok", b"ok"]
    assert gateway.connections == 3, "the first use, and one for each request"
    assert gateway.most_open == 1


def test_connection_is_kept_for_two_minutes_unless_told_otherwise() -> None:
    assert Limits().keepalive == 120


def test_connection_that_is_idle_for_too_long_is_closed_without_a_request(
    raw_gateway: StartGateway, store: FileTrustStore
) -> None:
    gateway = raw_gateway(OK)
    with Gateway(gateway.origin, store, Limits(keepalive=1e-9)) as client:
        assert ask(client) == b"ok"
        client.follow()
        assert gateway.peers[-1].ended.wait(PATIENCE)


def test_connection_that_may_still_be_used_is_not_closed(raw_gateway: StartGateway, store: FileTrustStore) -> None:
    gateway = raw_gateway(OK)
    with Gateway(gateway.origin, store) as client:
        assert ask(client) == b"ok"
        client.follow()
        assert ask(client) == b"ok"
    assert gateway.connections == 2


@pytest.mark.parametrize("backend", [threaded, cooperative])
def test_farewell_right_behind_a_full_record_ends_the_connection_before_the_next_request(
    raw_gateway: StartGateway, store: FileTrustStore, backend: Callable[[], Backend]
) -> None:
    """Its farewell said, a gateway may wait for ours, and answers nothing more."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\nX: "
    record = 16 * 1024
    whole = head + b"x" * (record - len(head) - 4 - 10000) + b"\r\n\r\n" + bytes(10000)

    def script(peer: Peer) -> None:
        assert isinstance(peer.connection, ssl.SSLSocket)
        peer.read_request()
        # Both come at once.
        peer.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
        peer.send(whole)
        peer.connection.settimeout(0.0)
        with suppress(ssl.SSLWantReadError):
            peer.connection.unwrap()
        peer.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)
        peer.connection.settimeout(PATIENCE)
        peer.begun()

    gateway = raw_gateway(script)
    with Gateway(gateway.origin, store, None, backend()) as client:
        for _ in range(3):
            assert ask(client, "POST") == bytes(10000)
    assert gateway.received.count(b"POST") == 3


def test_system_asks_a_silent_connection_whether_it_is_still_there(
    raw_gateway: StartGateway, store: FileTrustStore
) -> None:
    gateway = raw_gateway(OK)
    with (
        Gateway(gateway.origin, store, Limits(probe=7)) as client,
        client.send("GET", "/", [("Host", "x")]) as answer,
    ):
        sock = answer._answer._exact.sock
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 7
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL) == 7
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT) == 3


def test_what_the_gateway_sends_is_acknowledged_at_once(raw_gateway: StartGateway, store: FileTrustStore) -> None:
    gateway = raw_gateway(OK)
    with Gateway(gateway.origin, store) as client:
        for _ in range(3):  # a system that has seen nothing but questions and answers delays what it acknowledges
            with client.send("GET", "/", [("Host", "x")]) as answer:
                sock = answer._answer._exact.sock
                assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK), "a body may be waiting for that"
                assert answer.read() == b"ok"


# --- one after the other ----------------------------------------------------------------------------------


@dataclass
class Crossing:
    """A gateway that takes its time to end a connection, and sees how many there are when another one comes."""

    gateway: RawGateway
    answer: bytes = OK
    seconds: float = 0.05
    most: int = 0

    def __post_init__(self) -> None:
        self.gateway.script = self.script

    def script(self, peer: Peer) -> None:
        self.look()
        while peer.read_request():
            peer.send(self.answer)
            if b"Connection: close" in self.answer:
                peer.begun()  # the proxy's farewell
        time.sleep(self.seconds)  # it is slow at this, too

    def look(self) -> None:
        """Count the connections of which the kernel knows: also those that only the proxy has ended."""
        self.most = max(self.most, sum(map(is_open, list(self.gateway.peers))))


def is_open(peer: Peer) -> bool:
    established, ended_by_the_proxy = 1, 8  # the first byte of struct tcp_info
    try:
        state = peer.connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
    except OSError:
        return False
    return state in {established, ended_by_the_proxy}


@pytest.mark.parametrize("backend", [threaded, cooperative])
@pytest.mark.parametrize("reason", ["told-to-close", "too-old", "head", "pins-changed", "looked-at"])
def test_next_connection_opens_after_the_gateway_has_closed_the_former(
    raw_gateway: StartGateway,
    store: FileTrustStore,
    tmp_path: Path,
    identity: Identity,
    backend: Callable[[], Backend],
    reason: str,
) -> None:
    gateway = raw_gateway(OK)
    crossing = Crossing(gateway)
    limits = Limits(keepalive=1e-9 if reason == "too-old" else 120)
    if reason == "told-to-close":
        crossing.answer = CLOSING
    with Gateway(gateway.origin, store, limits, backend()) as client:
        for _ in range(3):
            if reason == "head":
                client.send("HEAD", "/", [("Host", "x")]).close()
            else:
                assert ask(client) == b"ok"
            if reason == "pins-changed":
                (record,) = (tmp_path / "certs").glob("*.json")
                record.unlink()
                assert not client.follow()
            if reason == "looked-at":
                assert client.presented_certificate() == identity.certificate
    assert gateway.connections >= 4
    assert crossing.most == 1
    assert gateway.most_open == 1


def test_gateway_that_does_not_close_is_reset_and_does_not_stop_the_next_request(
    raw_gateway: StartGateway, store: FileTrustStore
) -> None:
    reset = threading.Event()

    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(CLOSING)
        with suppress(ssl.SSLError):
            peer.begun()
        plain = socket.socket(fileno=peer.connection.detach())
        plain.settimeout(PATIENCE)
        with plain:
            try:
                while plain.recv(1000):
                    pass
                plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
                while True:  # its side stays open until the reset comes
                    plain.send(b"x")
                    time.sleep(0.01)
            except ConnectionError:
                reset.set()

    gateway = raw_gateway(script)
    with Gateway(gateway.origin, store) as client:
        assert ask(client) == b"ok"
        gateway.script = answering(OK)
        assert ask(client) == b"ok"
    assert reset.wait(PATIENCE)


def test_connection_that_ends_within_an_answer_is_ended_at_once(
    raw_gateway: StartGateway, store: FileTrustStore
) -> None:
    """Else a gateway that sends for ever would go on doing so."""
    ended: list[type[Exception]] = []

    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        try:
            while True:
                peer.send(b"data: x\n\n" * 1000)
        except OSError as error:
            ended.append(type(error))
            raise

    gateway = raw_gateway(script)
    with Gateway(gateway.origin, store) as client:
        with client.send("GET", "/", [("Host", "x")]) as answer:
            assert answer.read()
        gateway.stop()  # which waits for the script
    assert ended, "without a further request"


def test_farewell_of_tls_is_said(raw_gateway: StartGateway, store: FileTrustStore) -> None:
    ends: list[bytes | type[Exception]] = []

    def script(peer: Peer) -> None:
        vars(peer.connection)["suppress_ragged_eofs"] = False  # a cut is no end
        peer.read_request()
        peer.send(OK)
        try:
            ends.append(peer.connection.recv(10))
        except OSError as error:
            ends.append(type(error))

    gateway = raw_gateway(script)
    with Gateway(gateway.origin, store) as client:
        assert ask(client) == b"ok"
    gateway.stop()
    assert ends == [b""]


def test_parting_keeps_nothing_that_has_ended(raw_gateway: StartGateway, store: FileTrustStore) -> None:
    gateway = raw_gateway(answering(CLOSING))
    with Gateway(gateway.origin, store) as client:
        for _ in range(5):
            assert ask(client) == b"ok"
        assert len(client._pools._parting._left) <= 1
        gateway.stop()

        def nothing_is_left() -> bool:
            client.follow()
            return not client._pools._parting._left

        assert settles(nothing_is_left)


def test_answer_that_outlives_its_gateway_leaves_no_socket_behind(
    raw_gateway: StartGateway, store: FileTrustStore
) -> None:
    gateway = raw_gateway(OK)
    with Gateway(gateway.origin, store) as client:
        answer = client.send("GET", "/", [("Host", "x")])
    assert answer.read() == b"ok"
    answer.close()
    assert len(client._pools._parting._left) == 0
    assert ask(client) == b"ok", "it may be used again all the same"
    client.close()


def test_client_that_leaves_within_the_handshake_leaves_no_connection_behind(
    raw_gateway: StartGateway, store: FileTrustStore, identity: Identity
) -> None:
    greeted = threading.Event()

    def script(peer: Peer) -> None:
        peer.begun()
        greeted.set()
        peer.begun()

    gateway = raw_gateway(script, None)  # which never answers TLS's greeting
    store.pin(gateway.origin, identity.certificate)
    with running_proxy(gateway.origin, store) as proxy:
        with connected(proxy.port) as client:
            client.sendall(GET)
            assert greeted.wait(PATIENCE)
        assert gateway.peers[0].ended.wait(PATIENCE)


def test_who_is_interrupted_while_waiting_loses_no_connection() -> None:
    class Interrupted(BaseException):
        pass

    def interrupt(*_: object) -> None:
        raise Interrupted

    here, there = socket.socketpair()
    parting = Parting(interrupt)
    with here, there:
        parting._left.append((here.dup(), time.monotonic() + PATIENCE))
        with pytest.raises(Interrupted):
            parting.finish()
        assert len(parting._left) == 1
        there.close()
        parting.finish()
        assert len(parting._left) == 0


def test_parting_lets_go_of_what_had_its_time() -> None:
    here, there = socket.socketpair()
    parting = Parting(lambda *_: pytest.fail("nobody waits for it"))
    with here, there:
        parting._left.append((here.dup(), time.monotonic() - 1))
        parting.tidy()
        assert len(parting._left) == 0


# --- under any load ---------------------------------------------------------------------------------------


@dataclass
class Moody:
    """A gateway that answers well or badly, as the dice fall, until it is ``calm``."""

    crossing: Crossing
    dice: random.Random
    calm: bool = False

    def script(self, peer: Peer) -> None:
        self.crossing.look()
        while peer.read_request() and self.answers(peer):
            pass
        time.sleep(0.005)

    def answers(self, peer: Peer) -> bool:
        """Answer once; False when the connection is to end."""
        said = OK if self.calm else self.dice.choice([*BAD_ANSWERS, CLOSING, OK, OK])
        if said is None:
            peer.reset()
        elif said == LATE:
            time.sleep(0.4)  # longer than the proxy waits
        else:
            peer.send(said)
        return said in {OK, CLOSING, NONSENSE}


LATE = b""
NONSENSE = b"nonsense\r\n\r\n"
BAD_ANSWERS = [None, LATE, NONSENSE, b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nbroken"]


def visit(port: int, dice: random.Random) -> None:
    """Ask a dozen times; leave now and then before the answer is there."""
    for _ in range(12):
        with suppress(OSError), connected(port) as client:
            client.sendall(dice.choice((GET, LOGIN)))
            while dice.random() < 0.7 and client.recv(1000):
                pass


@pytest.mark.parametrize("connections", [1, 2, 3])
def test_connections_are_never_more_than_allowed_whatever_happens(
    raw_gateway: StartGateway, store: FileTrustStore, connections: int
) -> None:
    """Clients that leave, answers that are cut, garbled or late, and no connection too many, no place lost."""
    gateway = raw_gateway(OK)
    crossing = Crossing(gateway)
    moody = Moody(crossing, random.Random(connections))  # noqa: S311  # no secret
    gateway.script = moody.script
    limits = Limits(connections=connections, read_timeout=0.3, queue_timeout=PATIENCE)
    with running_proxy(gateway.origin, store, limits) as proxy:
        visitors = [
            threading.Thread(target=visit, args=(proxy.port, random.Random(number)))  # noqa: S311  # no secret
            for number in range(8)
        ]
        for visitor in visitors:
            visitor.start()
        for visitor in visitors:
            visitor.join(PATIENCE * 2)
            assert not visitor.is_alive()
        moody.calm = True
        until = time.monotonic() + PATIENCE
        while proxy.gateway._approach._turns._free < connections and time.monotonic() < until:
            time.sleep(0.01)  # until the proxy has seen that the last ones left
        assert proxy.gateway._approach._turns._free == connections
        assert [raw_exchange(proxy.port, LOGIN)[-2:] for _ in range(2 * connections)] == [b"ok"] * 2 * connections
    assert len(gateway.peers) > 20
    assert crossing.most == connections


def test_time_outs_count_from_the_turn(raw_gateway: StartGateway, store: FileTrustStore) -> None:
    waits = 0.3

    def script(peer: Peer) -> None:
        while peer.read_request():
            time.sleep(waits)
            peer.send(OK)

    gateway = raw_gateway(script)
    limits = Limits(read_timeout=3 * waits, connect_timeout=3 * waits)
    said: list[bytes] = []
    with running_proxy(gateway.origin, store, limits) as proxy:
        visitors = [
            threading.Thread(target=lambda: said.append(raw_exchange(proxy.port, GET))) for _ in range(7)
        ]  # the last waits for six others: twice its time-outs
        for visitor in visitors:
            visitor.start()
        for visitor in visitors:
            visitor.join(PATIENCE)
    assert [one[-2:] for one in said] == [b"ok"] * 7


def wait_for_a_queue_of(proxy: RunningProxy, number: int) -> None:
    """Wait until somebody has the turn, and as many wait for it."""

    def wait() -> None:
        turns = proxy.gateway._approach._turns
        with gevent.Timeout(PATIENCE):
            while turns.unused or len(turns._waiting) < number:
                gevent.sleep(0.001)

    proxy.hub.call(wait)


def test_fifty_clients_that_ask_again_at_once_are_served_in_turn_round_after_round(
    raw_gateway: StartGateway, store: FileTrustStore
) -> None:
    clients, rounds = 50, 3
    may_answer = threading.Semaphore(0)
    order: list[int] = []

    def script(peer: Peer) -> None:
        while request := peer.read_request():
            order.append(int(request.split()[1].removeprefix(b"/")))
            assert may_answer.acquire(timeout=PATIENCE)
            peer.send(OK)

    gateway = raw_gateway(script)
    with running_proxy(gateway.origin, store) as proxy, ExitStack() as opened:
        visitors = [opened.enter_context(connected(proxy.port)) for _ in range(clients)]
        for number, visitor in enumerate(visitors):
            visitor.sendall(b"GET /%d HTTP/1.1\r\nHost: pi\r\n\r\n" % number)
            wait_for_a_queue_of(proxy, number)
        for number in [*range(clients)] * rounds:
            may_answer.release()
            assert receive_until(visitors[number], b"\r\n\r\nok")
            visitors[number].sendall(b"GET /%d HTTP/1.1\r\nHost: pi\r\n\r\n" % number)
            wait_for_a_queue_of(proxy, clients - 1)
        for _ in visitors:
            may_answer.release()
    assert order[: clients * rounds] == [*range(clients)] * rounds


# --- when the gateway reboots -----------------------------------------------------------------------------


def within_an_upload(peer: Peer) -> None:
    peer.read_head()
    peer.reset()


def before_its_answer(peer: Peer) -> None:
    peer.read_request()
    peer.reset()


def within_the_head_of_its_answer(peer: Peer) -> None:
    peer.read_request()
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Le")
    peer.reset()


def within_the_body_of_its_answer(peer: Peer) -> None:
    peer.read_request()
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of it")
    peer.reset()


def between_two_requests(peer: Peer) -> None:
    peer.read_request()
    peer.send(OK)
    peer.reset()


def after_its_farewell(peer: Peer) -> None:
    peer.read_request()
    peer.send(CLOSING)


MOMENTS = [
    within_an_upload,
    before_its_answer,
    within_the_head_of_its_answer,
    within_the_body_of_its_answer,
    between_two_requests,
    after_its_farewell,
]


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("request_", [GET, LOGIN], ids=["GET", "login"])
def test_next_request_works_as_soon_as_the_gateway_is_back(
    raw_gateway: StartGateway, store: FileTrustStore, moment: Callable[[Peer], None], request_: bytes
) -> None:
    gateway = raw_gateway(moment)
    with running_proxy(gateway.origin, store, Limits(read_timeout=5)) as proxy:
        raw_exchange(proxy.port, LOGIN)
        gateway.stop()
        assert b"HTTP/1.1 502 " in raw_exchange(proxy.port, request_)
        raw_gateway(OK, port=gateway.port)
        assert raw_exchange(proxy.port, request_).endswith(b"\r\n\r\nok")


@pytest.mark.parametrize("first_use", [True, False])
def test_gateway_that_reboots_within_the_handshake_is_reached_when_it_is_back(
    raw_gateway: StartGateway, store: FileTrustStore, identity: Identity, first_use: bool
) -> None:
    gateway = raw_gateway(lambda peer: peer.reset(), None)  # which waits for no TLS
    if not first_use:
        store.pin(gateway.origin, identity.certificate)
    with running_proxy(gateway.origin, store) as proxy:
        said = raw_exchange(proxy.port, LOGIN)
        assert b"HTTP/1.1 502 " in said
        assert b"wrong" not in said, "nobody has seen the login"
        gateway.stop()
        raw_gateway(OK, port=gateway.port)
        assert raw_exchange(proxy.port, LOGIN).endswith(b"\r\n\r\nok")


@pytest.mark.parametrize("reused", [False, True])
def test_wrong_login_is_one_attempt_whose_end_is_told(
    raw_gateway: StartGateway, store: FileTrustStore, reused: bool
) -> None:
    """So does a Theben gateway: it hangs up, and a second attempt would count."""
    gateway = raw_gateway(answering(*([OK] if reused else [])))
    wrong: list[bytes] = []

    def script(peer: Peer) -> None:
        if reused:
            peer.read_request()
            peer.send(OK)
        wrong.append(peer.read_request())

    gateway.script = script
    with Gateway(gateway.origin, store) as client:
        if reused:
            assert ask(client) == b"ok"
        with pytest.raises(GatewayClosed, match="user name or password is wrong"):
            client.send(
                "POST", "/smgw/m2m", [("Host", "x"), ("Authorization", "Digest x"), ("Content-Length", "0")]
            )
    gateway.stop()
    assert len([one for one in wrong if one]) == 1
