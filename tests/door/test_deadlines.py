"""Nobody holds a place for long by being slow: with a head, a body, a handshake, an answer, or with nothing."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

import gevent
import gevent.socket
import pytest

from smgwproxy.demo import HubThread
from smgwproxy.errors import ClientGone, ClientTooSlow
from smgwproxy.limits import DoorLimits, Limits
from smgwproxy.server.channel import give_way
from smgwproxy.storage import Storage
from smgwproxy.truststores.file import FileTrustStore
from tests.door.key_updates import MOST, flood
from tests.door.secure import client_from, context, sealing
from tests.support import (
    AHEAD,
    OK,
    PATIENCE,
    Identity,
    Peer,
    RawGateway,
    RunningProxy,
    connected,
    raw_exchange,
    receive_all,
    receive_until,
    running_proxy,
    settles,
)

StartGateway = Callable[..., RawGateway]
GET = b"GET / HTTP/1.1\r\nHost: pi\r\n\r\n"
BIG = b"HTTP/1.1 200 OK\r\nContent-Length: 20000000\r\n\r\n" + b"x" * 20_000_000
SOON = 0.3  # seconds; the tests wait for what happens then, and never for the time


def drip(client: socket.socket, octets: bytes) -> bytes:
    """Send byte after byte until the other side closes the connection; return what it said."""
    said = b""
    client.settimeout(SOON / 10)
    for number in range(len(octets)):
        with suppress(BrokenPipeError, ConnectionResetError):
            client.sendall(octets[number : number + 1])
        try:
            piece = client.recv(65536)
        except TimeoutError:
            continue
        except ConnectionResetError:
            return said
        if not piece:
            return said
        said += piece
    raise AssertionError("the proxy took it all")


# --- requests -------------------------------------------------------------------------------------------


def test_half_a_head_is_answered_with_408(
    raw_gateway: StartGateway, store: FileTrustStore, identity: Identity, tls: bool
) -> None:
    gateway = raw_gateway(OK)
    door = DoorLimits(head_timeout=SOON)
    with running_proxy(gateway.origin, store, door=door, tls=identity if tls else None) as proxy:
        said = raw_exchange(proxy.port, b"GET / HTTP/1.1\r\nHo", tls=tls)
    assert said.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert b"\r\nConnection: close\r\n" in said
    assert gateway.connections == 0


def test_head_that_drips_is_cut_off(
    raw_gateway: StartGateway, store: FileTrustStore, identity: Identity, tls: bool
) -> None:
    gateway = raw_gateway(OK)
    door = DoorLimits(head_timeout=SOON)
    with (
        running_proxy(gateway.origin, store, door=door, tls=identity if tls else None) as proxy,
        connected(proxy.port, tls=tls) as client,
    ):
        assert drip(client, b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 90).startswith(b"HTTP/1.1 408 ")
    assert gateway.connections == 0


def test_deadline_of_a_head_begins_with_its_first_byte(raw_gateway: StartGateway, store: FileTrustStore) -> None:
    gateway = raw_gateway(OK)
    with (
        running_proxy(gateway.origin, store, door=DoorLimits(head_timeout=SOON)) as proxy,
        connected(proxy.port) as client,
    ):
        client.settimeout(2 * SOON)
        with pytest.raises(TimeoutError):
            client.recv(1)
        client.settimeout(PATIENCE)
        client.sendall(GET)
        receive_until(client, b"ok")


@pytest.mark.parametrize("start", [b"", GET], ids=["before a request", "after one"])
def test_idle_connection_is_closed_without_a_word(
    raw_gateway: StartGateway, store: FileTrustStore, identity: Identity, tls: bool, start: bytes
) -> None:
    gateway = raw_gateway(OK)
    door = DoorLimits(idle_timeout=SOON)
    with (
        running_proxy(gateway.origin, store, door=door, tls=identity if tls else None) as proxy,
        connected(proxy.port, tls=tls) as client,
    ):
        client.sendall(start)
        if start:
            receive_until(client, b"ok")
        assert receive_all(client) == b""


@pytest.mark.parametrize("head", [b"Content-Length: 100", b"Transfer-Encoding: chunked"])
def test_body_that_does_not_come_is_answered_with_408_and_the_gateway_hears_nothing(
    raw_gateway: StartGateway, store: FileTrustStore, identity: Identity, tls: bool, head: bytes
) -> None:
    gateway = raw_gateway(OK)
    door = DoorLimits(body_timeout=SOON)
    with running_proxy(gateway.origin, store, door=door, tls=identity if tls else None) as proxy:
        said = raw_exchange(proxy.port, b"POST / HTTP/1.1\r\nHost: pi\r\n" + head + b"\r\n\r\n", tls=tls)
        assert isinstance(proxy.next_exchange().error, ClientTooSlow)
    assert said.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert gateway.connections == 0


def test_body_that_drips_is_cut_off_and_the_gateway_hears_nothing(
    raw_gateway: StartGateway, store: FileTrustStore, identity: Identity, tls: bool
) -> None:
    gateway = raw_gateway(OK)
    door = DoorLimits(body_timeout=SOON, min_speed=10_000)
    with (
        running_proxy(gateway.origin, store, door=door, tls=identity if tls else None) as proxy,
        connected(proxy.port, tls=tls) as client,
    ):
        client.sendall(b"POST / HTTP/1.1\r\nHost: pi\r\nContent-Length: 1000\r\n\r\n")
        assert drip(client, b"x" * 1000).startswith(b"HTTP/1.1 408 ")
    assert gateway.connections == 0


def test_slow_but_steady_body_is_waited_for(raw_gateway: StartGateway, store: FileTrustStore) -> None:
    gateway = raw_gateway(OK)
    door = DoorLimits(body_timeout=SOON, min_speed=0)
    with running_proxy(gateway.origin, store, door=door) as proxy, connected(proxy.port) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: pi\r\nContent-Length: 30\r\nConnection: close\r\n\r\n")
        assert drip(client, b"x" * 1000).endswith(b"ok")
    assert gateway.received.endswith(b"x" * 30)


def test_large_upload_that_falls_silent_gives_its_turn_back(
    raw_gateway: StartGateway, store: FileTrustStore
) -> None:
    def script(peer: Peer) -> None:
        if b"GET" in peer.read_head():
            peer.send(OK)
        else:
            peer.discard_body(AHEAD)
            arrived.set()
            peer.begun()

    arrived = threading.Event()
    gateway = raw_gateway(script)
    with (
        running_proxy(gateway.origin, store, door=DoorLimits(body_timeout=SOON)) as proxy,
        connected(proxy.port) as client,
    ):
        client.sendall(b"POST / HTTP/1.1\r\nHost: pi\r\nContent-Length: 9000000\r\n\r\n" + b"x" * AHEAD)
        assert arrived.wait(PATIENCE)
        assert raw_exchange(proxy.port, GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")).endswith(b"ok")


# --- TLS ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("start", [b"", b"\x16", b"\x16\x03\x01\x02\x00"])
def test_client_that_does_not_finish_its_handshake_is_cut_off(
    raw_gateway: StartGateway, store: FileTrustStore, identity: Identity, start: bytes
) -> None:
    gateway = raw_gateway(OK)
    door = DoorLimits(handshake_timeout=SOON)
    with (
        running_proxy(gateway.origin, store, door=door, tls=identity) as proxy,
        connected(proxy.port) as client,
    ):
        client.sendall(start)
        assert receive_all(client) == b""


def test_handshake_that_drips_is_cut_off(
    raw_gateway: StartGateway, store: FileTrustStore, identity: Identity
) -> None:
    gateway = raw_gateway(OK)
    door = DoorLimits(handshake_timeout=SOON)
    with (
        running_proxy(gateway.origin, store, door=door, tls=identity) as proxy,
        connected(proxy.port) as client,
    ):
        assert drip(client, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc" + b"\x03" * 400) == b""


@pytest.mark.parametrize(
    ("sent", "dripping"),
    [
        pytest.param(b"", GET + b"x" * 1000, id="a head"),
        pytest.param(GET, GET + b"x" * 1000, id="a second head"),
        pytest.param(b"PUT / HTTP/1.1\r\nHost: pi\r\nContent-Length: 400\r\n\r\n", b"x" * 400, id="a body"),
    ],
)
def test_tls_record_that_drips_is_cut_off(
    raw_gateway: StartGateway, store: FileTrustStore, identity: Identity, sent: bytes, dripping: bytes
) -> None:
    gateway = raw_gateway(OK)
    limits = DoorLimits(head_timeout=SOON, body_timeout=SOON, idle_timeout=SOON, min_speed=10_000)
    with (
        running_proxy(gateway.origin, store, door=limits, tls=identity) as proxy,
        sealing(proxy.port) as (client, seal),
    ):
        if sent:
            client.sendall(seal(sent))
        drip(client, seal(dripping))
    assert gateway.received.count(b" / HTTP/1.1") == (sent == GET)


def test_tls_without_data_is_cut_off(raw_gateway: StartGateway, store: FileTrustStore, identity: Identity) -> None:
    gateway = raw_gateway(OK)
    limits = DoorLimits(idle_timeout=3600, head_timeout=3600)
    with running_proxy(gateway.origin, store, door=limits, tls=identity) as proxy:
        assert flood(proxy.port) < MOST


def test_handshake_without_end_is_cut_off(
    raw_gateway: StartGateway, store: FileTrustStore, identity: Identity
) -> None:
    gateway = raw_gateway(OK)
    limits = DoorLimits(handshake_timeout=3600)
    with (
        running_proxy(gateway.origin, store, door=limits, tls=identity) as proxy,
        connected(proxy.port) as client,
    ):
        with suppress(ConnectionError):
            client.sendall(b"\x16\x03\x01\x40\0\x01\x01\xf0\0" + bytes(0x4000 - 4))
            for _ in range(6):
                client.sendall(b"\x16\x03\x01\x40\0" + bytes(0x4000))
        receive_all(client)


def test_silent_handshakes_do_not_hold_up_others(
    raw_gateway: StartGateway, store: FileTrustStore, identity: Identity
) -> None:
    gateway = raw_gateway(OK)
    with running_proxy(gateway.origin, store, tls=identity) as proxy, ExitStack() as open_ones:
        for _ in range(20):
            open_ones.enter_context(connected(proxy.port)).sendall(b"\x16\x03\x01")
        with connected(proxy.port, tls=True) as client:
            client.sendall(GET)
            receive_until(client, b"ok")


def test_who_gives_way_lets_those_go_on_to_whom_something_has_come() -> None:
    """After ``gevent.sleep(0)`` they would not: the hub asks the kernel only now and then."""

    def script() -> None:
        here, there = gevent.socket.socketpair()
        with here, there:
            reader = gevent.spawn(there.recv, 1)
            gevent.sleep(0)  # it waits
            here.send(b"x")
            for _ in range(2):  # one may come first
                give_way()
            assert reader.ready()
            assert reader.value == b"x"

    with HubThread() as hub:
        hub.call(script)


def test_body_of_tiny_chunks_does_not_hold_up_others(
    raw_gateway: StartGateway, store: FileTrustStore, tls: bool, identity: Identity
) -> None:
    gateway = raw_gateway(OK)
    chunks = b"1\r\nx\r\n" * 20_000
    over = threading.Event()

    def send_without_a_pause(client: socket.socket) -> None:
        with suppress(OSError):
            while not over.is_set():
                client.sendall(chunks)

    with (
        running_proxy(gateway.origin, store, tls=identity if tls else None) as proxy,
        connected(proxy.port, tls=tls) as client,
    ):
        client.sendall(b"POST / HTTP/1.1\r\nHost: pi\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks)
        sender = threading.Thread(target=send_without_a_pause, args=(client,))
        sender.start()
        try:
            for _ in range(3):
                assert answered(proxy, tls=tls)
        finally:
            over.set()
            with suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)
            sender.join(PATIENCE)


# --- answers --------------------------------------------------------------------------------------------


@contextmanager
def client_that_does_not_read(port: int, request: bytes = GET, *, tls: bool = False) -> Iterator[socket.socket]:
    """Ask for something, and take as little as the kernel allows."""
    with ExitStack() as opened:
        client = opened.enter_context(socket.socket())
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(PATIENCE)
        client.connect(("127.0.0.1", port))
        if tls:
            client = opened.enter_context(context().wrap_socket(client, suppress_ragged_eofs=False))
        client.sendall(request)
        yield client


def receive_exactly(client: socket.socket, size: int) -> None:
    """Read to the end of an answer whose body is ``size`` times an x."""
    said = b""
    while not said.endswith(b"\r\n\r\n"):
        said += client.recv(1)
    left = size
    while left:
        piece = client.recv(min(left, 1 << 20))
        assert piece == b"x" * len(piece) != b""
        left -= len(piece)


def answered(proxy: RunningProxy, *, tls: bool = False) -> bool:
    """Ask as another client does."""
    with connected(proxy.port, tls=tls) as client:
        client.sendall(GET)
        return client.recv(15).startswith(b"HTTP/1.1 200 OK")


def test_client_that_does_not_take_its_answer_is_cut_off_and_frees_the_gateway(
    raw_gateway: StartGateway, store: FileTrustStore
) -> None:
    gateway = raw_gateway(BIG)
    with (
        running_proxy(gateway.origin, store, door=DoorLimits(body_timeout=SOON), storage=Storage(0)) as proxy,
        client_that_does_not_read(proxy.port) as client,
    ):
        assert client.recv(15).startswith(b"HTTP/1.1 200 OK")
        assert answered(proxy)
        assert len(receive_all(client)) < len(BIG)


@pytest.mark.parametrize("size", [DoorLimits().buffer, 20_000_000], ids=["in memory", "on disk"])
def test_client_that_does_not_take_its_answer_does_not_hold_the_gateway(
    raw_gateway: StartGateway, store: FileTrustStore, identity: Identity, tls: bool, size: int
) -> None:
    gateway = raw_gateway(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size)
    with (
        running_proxy(gateway.origin, store, tls=identity if tls else None) as proxy,
        client_that_does_not_read(proxy.port, tls=tls) as client,
    ):
        assert client.recv(15).startswith(b"HTTP/1.1 200 OK")
        assert answered(proxy, tls=tls)
        receive_exactly(client, size)


def test_reader_that_is_slow_but_steady_gets_all(raw_gateway: StartGateway, store: FileTrustStore) -> None:
    gateway = raw_gateway(b"HTTP/1.1 200 OK\r\nContent-Length: 400000\r\n\r\n" + b"x" * 400_000)
    limits = DoorLimits(body_timeout=2 * SOON, min_speed=2000)
    with (
        running_proxy(gateway.origin, store, door=limits) as proxy,
        client_that_does_not_read(proxy.port) as client,
    ):
        # Several times the patience, and so little that the kernel takes nothing more of the proxy's meanwhile.
        said = b""
        for _ in range(60):
            said += client.recv(1000)
            threading.Event().wait(SOON / 6)
        while not said.endswith(b"x" * 400_000):
            piece = client.recv(65536)
            assert piece
            said += piece


def test_client_that_does_not_read_goes_when_others_need_its_place(
    raw_gateway: StartGateway, store: FileTrustStore, identity: Identity, tls: bool
) -> None:
    size = 400_000  # more than the kernel takes, less than the proxy keeps
    gateway = raw_gateway(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size)
    limits = DoorLimits(clients_per_address=1)
    with (
        running_proxy(gateway.origin, store, door=limits, tls=identity if tls else None) as proxy,
        client_that_does_not_read(proxy.port, tls=tls) as client,
    ):
        assert client.recv(15).startswith(b"HTTP/1.1 200 OK")
        with client_from("127.0.0.2", proxy.port, tls=tls) as other:
            other.sendall(GET)
            assert other.recv(15)  # so the gateway has sent the first answer, which waits
        assert answered(proxy, tls=tls)
        assert settles(lambda: not proxy.server.handlers)  # though it has still not read
        assert not is_whole(client, size)


def is_whole(client: socket.socket, size: int) -> bool:
    """Read to the end, and tell whether that was one, of a body of ``size`` times an x."""
    said = b""
    with suppress(ConnectionResetError, ssl.SSLEOFError):
        while piece := client.recv(65536):
            said += piece
        return True
    return said.endswith(b"x" * size)


def test_client_that_does_not_read_costs_no_more_than_its_buffer(
    raw_gateway: StartGateway, store: FileTrustStore
) -> None:
    sent = threading.Event()

    def script(peer: Peer) -> None:
        peer.read_request()
        peer.connection.settimeout(SOON)
        size = 0
        with suppress(TimeoutError, OSError):
            peer.send(b"HTTP/1.1 200 OK\r\n\r\n")
            while size < 200_000_000:
                size += peer.connection.send(b"x" * 65536)
        sizes.append(size)
        sent.set()

    sizes: list[int] = []
    gateway = raw_gateway(script)
    with (
        running_proxy(gateway.origin, store, storage=Storage(5_000_000)) as proxy,
        client_that_does_not_read(proxy.port),
    ):
        assert sent.wait(PATIENCE)
    # the rest is in the kernel's buffers of the gateway's connection, some megabytes at most
    assert sizes[0] < 20_000_000


# --- what is not read -----------------------------------------------------------------------------------


def upload_until_refused(client: socket.socket, piece: bytes) -> int:
    """Send as long as the proxy takes it; return how many bytes it took."""
    sent = 0
    with suppress(ConnectionError):
        while sent < 200_000_000:
            client.sendall(piece)
            sent += len(piece)
    return sent


def test_early_answer_of_the_proxy_does_not_drain_the_upload(
    raw_gateway: StartGateway, store: FileTrustStore
) -> None:
    gateway = raw_gateway(OK)
    with running_proxy(gateway.origin, store, body_limit=1000) as proxy, connected(proxy.port) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: pi\r\nTransfer-Encoding: chunked\r\n\r\n")
        assert upload_until_refused(client, b"10000\r\n" + b"x" * 65536 + b"\r\n") < 20_000_000
        assert proxy.next_exchange().status == 413
    assert gateway.connections == 0


def test_early_answer_of_the_gateway_ends_the_upload_and_reaches_the_client(
    raw_gateway: StartGateway, store: FileTrustStore
) -> None:
    def script(peer: Peer) -> None:
        peer.read_head()
        peer.send(b"HTTP/1.1 100 Continue\r\n\r\n")  # no final answer
        peer.discard_body(3 * AHEAD)
        peer.send(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno")
        release.wait(PATIENCE)

    release = threading.Event()
    gateway = raw_gateway(script)
    with running_proxy(gateway.origin, store) as proxy, connected(proxy.port) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: pi\r\nContent-Length: 200000000\r\n\r\n")
        reader = threading.Thread(target=lambda: said.append(receive_all(client)))
        said: list[bytes] = []
        reader.start()
        assert upload_until_refused(client, b"x" * 65536) < 50_000_000
        reader.join(PATIENCE)
        exchange = proxy.next_exchange()
        release.set()
    assert exchange.status == 401
    assert exchange.error is None
    assert said[0].startswith(b"HTTP/1.1 401 Unauthorized\r\n")
    assert said[0].endswith(b"\r\nConnection: close\r\n\r\nno")


def test_connection_with_half_a_request_is_not_used_again(
    raw_gateway: StartGateway, store: FileTrustStore
) -> None:
    def script(peer: Peer) -> None:
        if b"POST" in peer.read_head():
            peer.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
            peer.discard_body(10**9)
        else:
            peer.send(OK)

    gateway = raw_gateway(script)
    with running_proxy(gateway.origin, store) as proxy:
        with connected(proxy.port) as client:
            client.sendall(b"POST / HTTP/1.1\r\nHost: pi\r\nContent-Length: 200000000\r\n\r\n")
            upload_until_refused(client, b"x" * 65536)
        assert proxy.next_exchange().status == 413
        assert answered(proxy)


# --- clients that leave ---------------------------------------------------------------------------------


def leave(client: socket.socket, how: str) -> None:
    """Go away: with a farewell, or without."""
    if how == "reset":
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    client.close()


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("behind", [b"", GET], ids=["", "with another request behind"])
def test_client_that_leaves_while_the_gateway_thinks_frees_its_place(
    raw_gateway: StartGateway, store: FileTrustStore, identity: Identity, tls: bool, how: str, behind: bytes
) -> None:
    asked = threading.Event()

    def script(peer: Peer) -> None:
        if b"slow" in peer.read_head():
            asked.set()
            peer.begun()  # until the proxy hangs up
        else:
            peer.send(OK)

    gateway = raw_gateway(script)
    with running_proxy(gateway.origin, store, tls=identity if tls else None) as proxy:
        with connected(proxy.port, tls=tls) as client:
            client.sendall(b"GET /slow HTTP/1.1\r\nHost: pi\r\n\r\n" + behind)
            assert asked.wait(PATIENCE)
            leave(client, how)
        exchange = proxy.next_exchange()
        assert isinstance(exchange.error, ClientGone)
        assert exchange.request.target == "/slow"
        assert next(peer for peer in gateway.peers if b"slow" in peer.received).ended.wait(PATIENCE)
        with connected(proxy.port, tls=tls) as other:
            other.sendall(GET)
            receive_until(other, b"ok")


def test_what_a_client_that_left_had_sent_behind_reaches_nobody(
    raw_gateway: StartGateway, store: FileTrustStore, identity: Identity, tls: bool
) -> None:
    asked = threading.Event()

    def script(peer: Peer) -> None:
        while request := peer.read_head():
            if b"/slow" in request:
                asked.set()
                peer.begun()  # until the proxy hangs up
                return
            peer.send(OK)

    gateway = raw_gateway(script)
    with running_proxy(gateway.origin, store, tls=identity if tls else None) as proxy:
        with connected(proxy.port, tls=tls) as client:
            client.sendall(b"GET /slow HTTP/1.1\r\nHost: pi\r\n\r\n" * 2)
            assert asked.wait(PATIENCE)
        assert isinstance(proxy.next_exchange().error, ClientGone)
        # One of these could be ahead of a second slow one.
        assert answered(proxy, tls=tls)
        assert answered(proxy, tls=tls)
    assert gateway.received.count(b"/slow") == 1


def test_client_that_leaves_in_the_queue_is_never_forwarded(
    raw_gateway: StartGateway, store: FileTrustStore
) -> None:
    asked, release = threading.Event(), threading.Event()

    def script(peer: Peer) -> None:
        while head := peer.read_head():
            if b"slow" in head:
                asked.set()
                release.wait(PATIENCE)
            peer.send(OK)

    gateway = raw_gateway(script)
    with running_proxy(gateway.origin, store) as proxy, connected(proxy.port) as first:
        first.sendall(b"GET /slow HTTP/1.1\r\nHost: pi\r\n\r\n")
        assert asked.wait(PATIENCE)
        with connected(proxy.port) as second:
            second.sendall(b"GET /left HTTP/1.1\r\nHost: pi\r\n\r\n")
        assert isinstance(proxy.next_exchange().error, ClientGone)
        release.set()
        receive_until(first, b"ok")
        assert answered(proxy)
    assert b"/left" not in gateway.received


def test_client_that_leaves_with_its_answer_unread_frees_its_place(
    raw_gateway: StartGateway, store: FileTrustStore, identity: Identity, tls: bool
) -> None:
    def script(peer: Peer) -> None:
        while request := peer.read_head():
            if b"/slow" in request:
                peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                peer.send(b"493e0\r\n" + b"x" * 300_000 + b"\r\n")
                peer.begun()  # thinks on, until the proxy hangs up
                return
            peer.send(OK)

    gateway = raw_gateway(script)
    with (
        running_proxy(gateway.origin, store, tls=identity if tls else None) as proxy,
        client_that_does_not_read(proxy.port, b"GET /slow HTTP/1.1\r\nHost: pi\r\n\r\n", tls=tls) as client,
    ):
        assert client.recv(15).startswith(b"HTTP/1.1 200 OK")
        socket.socket.shutdown(client, socket.SHUT_WR)
        assert answered(proxy, tls=tls)


def test_client_that_leaves_within_its_answer_frees_its_place(
    raw_gateway: StartGateway, store: FileTrustStore
) -> None:
    def script(peer: Peer) -> None:
        if b"slow" in peer.read_head():
            peer.send(b"HTTP/1.1 200 OK\r\n\r\nsome")
            peer.begun()
        else:
            peer.send(OK)

    gateway = raw_gateway(script)
    with running_proxy(gateway.origin, store) as proxy:
        with connected(proxy.port) as client:
            client.sendall(b"GET /slow HTTP/1.1\r\nHost: pi\r\n\r\n")
            receive_until(client, b"some\r\n")
        assert isinstance(proxy.next_exchange().error, ClientGone)
        assert answered(proxy)


# --- places ---------------------------------------------------------------------------------------------


def start_of(kind: str) -> bytes:
    return {
        "idle": b"",
        "dripping heads": b"GET / HTTP/1.1\r\nHost",
        "dripping bodies": b"POST / HTTP/1.1\r\nHost: pi\r\nContent-Length: 4096\r\n\r\nx",
        "dripping chunks": b"POST / HTTP/1.1\r\nHost: pi\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx",
    }[kind]


@pytest.mark.parametrize("kind", ["idle", "dripping heads", "dripping bodies", "dripping chunks"])
@pytest.mark.parametrize("addresses", [1, 4, 200])
def test_two_hundred_lazy_connections_keep_no_good_client_out(
    raw_gateway: StartGateway, store: FileTrustStore, kind: str, addresses: int
) -> None:
    gateway = raw_gateway(OK)
    with running_proxy(gateway.origin, store) as proxy, ExitStack() as open_ones:
        for number in range(200):
            client = socket.create_connection(
                ("127.0.0.1", proxy.port), PATIENCE, (f"127.0.0.{1 + number % addresses}", 0)
            )
            open_ones.enter_context(client)
            client.sendall(start_of(kind))
        for _ in range(3):
            assert answered(proxy)
        assert proxy.server.places.taken <= 200


def test_clients_above_the_number_are_told_so(raw_gateway: StartGateway, store: FileTrustStore) -> None:
    asked, release = threading.Event(), threading.Event()

    def script(peer: Peer) -> None:
        peer.read_head()
        asked.set()
        release.wait(PATIENCE)
        peer.send(OK)

    gateway = raw_gateway(script)
    door = DoorLimits(clients=2, clients_per_address=1)
    with (
        running_proxy(gateway.origin, store, Limits(connections=2), door=door) as proxy,
        connected(proxy.port) as first,
    ):
        first.sendall(GET)
        assert asked.wait(PATIENCE)
        said = raw_exchange(proxy.port, GET)
        release.set()
        receive_until(first, b"ok")
    assert said.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
    assert b"\r\nRetry-After: 10\r\n" in said
    assert b"Proxy-Status: smgwproxy; error=connection_limit_reached;" in said
    assert gateway.connections <= 2  # the first use's handshake, and the one request


def test_listeners_may_share_their_places(raw_gateway: StartGateway, store: FileTrustStore) -> None:
    gateway = raw_gateway(OK)
    door = DoorLimits(clients=1)
    with (
        running_proxy(gateway.origin, store, door=door) as one,
        running_proxy(gateway.origin, store, door=door) as other,
    ):
        other.hub.call(lambda: setattr(other.server, "places", one.server.places))
        with connected(one.port) as client:
            client.sendall(GET)
            receive_until(client, b"ok")
            (handler,) = one.server.handlers
            while handler.waiting_since is None:
                pass  # it has sent the answer, and is about to wait for the next request
            assert answered(other)
            assert receive_all(client) == b"", "its place was given away"
