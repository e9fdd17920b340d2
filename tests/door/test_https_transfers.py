"""Over HTTPS every byte arrives, in order and once, however fast or slowly each side reads."""

from __future__ import annotations

import hashlib
import random
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from smgwproxy.limits import DoorLimits, Limits
from smgwproxy.truststores.file import FileTrustStore
from tests.door.secure import (
    LAST,
    RECORD,
    ROOM,
    VERSIONS,
    Door,
    StartGateway,
    answered,
    context,
    cut,
    every_version,
    noise,
    open_door,
    received,
    secure,
)
from tests.support import (
    AHEAD,
    OK,
    PATIENCE,
    Identity,
    Peer,
    RawGateway,
    always,
    connected,
    raw_exchange,
    running_proxy,
)

pytestmark = pytest.mark.long

BIG = 50 << 20


def oblige(peer: Peer) -> None:
    """Answer with as many bytes of noise as the target says, framed as it says; what comes is only summed up."""
    while head := peer.read_head():
        method, target, _ = head.split(b" ", 2)
        if method == b"POST":
            summed = hashlib.sha256()
            for _ in range(int(target[1:]) // RECORD):
                summed.update(peer.read_body(RECORD))
                peer.received = b""  # or reading would take ever longer
            summed.update(peer.read_body(int(target[1:]) % RECORD))
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 64\r\n\r\n" + summed.hexdigest().encode())
            continue
        framing, size = target[1:].split(b"/")
        pieces = cut(noise(int(size)), 60_000)
        if framing == b"length":
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %b\r\n\r\n" % size)
            for piece in pieces:
                peer.send(piece)
        else:
            peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for piece in pieces:
                peer.send(b"%x\r\n%b\r\n" % (len(piece), piece))
            peer.send(b"0\r\n\r\n")


@pytest.fixture(scope="module")
def door(identity: Identity, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """One program for all tests with much data, before a gateway that obliges."""
    gateway = RawGateway(identity, oblige)
    with open_door(gateway, tmp_path_factory.mktemp("door"), "--max-connections", "4") as running:
        yield running
    gateway.stop()


class Reader:
    """Reads answers, with a rest now and then when it is given ``chance``, in pieces of sizes that this picks."""

    def __init__(self, client: ssl.SSLSocket, chance: random.Random | None = None) -> None:
        self._client = client
        self._chance = chance
        self._unread = b""

    def answer(self) -> bytes:
        """Return the body of the next answer."""
        head = self._line(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK\r\n"), head
        if b"Transfer-Encoding: chunked" in head:
            pieces = []
            while size := int(self._line(b"\r\n"), 16):
                pieces.append(self._take(size + 2)[:-2])
            assert self._take(2) == b"\r\n"
            return b"".join(pieces)
        return self._take(int(head.partition(b"Content-Length: ")[2].split()[0]))

    def _line(self, end: bytes) -> bytes:
        while end not in self._unread:
            self._more()
        line, _, self._unread = self._unread.partition(end)
        return line

    def _take(self, size: int) -> bytes:
        pieces = [self._unread]
        missing = size - len(self._unread)
        while missing > 0:
            self._unread = b""
            self._more()
            pieces.append(self._unread)
            missing -= len(self._unread)
        taken = b"".join(pieces)
        self._unread = taken[size:]
        return taken[:size]

    def _more(self) -> None:
        size = 65536
        if self._chance is not None:
            size = self._chance.choice((1, 100, 4096, RECORD - 1, RECORD, RECORD + 1, 65536))
            if self._chance.random() < 0.02:
                time.sleep(self._chance.random() / 100)  # slowness is what is tried here
        piece = self._client.recv(size)
        assert piece, "the answer ended before it was whole"
        self._unread += piece


def get(framing: str, size: int) -> bytes:
    return f"GET /{framing}/{size} HTTP/1.1\r\nHost: pi\r\n\r\n".encode()


def digest(octets: bytes) -> bytes:
    return hashlib.sha256(octets).hexdigest().encode()


every_framing = pytest.mark.parametrize("framing", ["length", "chunked"])


@every_version
def test_fifty_megabytes_arrive_in_both_directions(door: Door, version: ssl.TLSVersion) -> None:
    body = noise(BIG)
    with secure(door.https, context(version)) as client:
        reader = Reader(client)
        client.sendall(b"POST /%d HTTP/1.1\r\nHost: pi\r\nContent-Length: %d\r\n\r\n" % (BIG, BIG))
        for piece in cut(body, 1 << 20):
            client.sendall(piece)
        assert reader.answer() == digest(body)
        client.sendall(get("length", BIG))
        assert digest(reader.answer()) == digest(body)


@every_framing
def test_fifty_megabytes_arrive_at_a_client_with_a_small_window(door: Door, framing: str) -> None:
    with secure(door.https, receive=4096) as client:
        client.sendall(get(framing, BIG))
        assert digest(Reader(client).answer()) == digest(noise(BIG))


def test_uploads_and_downloads_of_several_clients_do_not_mix(door: Door) -> None:
    size = 5_000_000
    faults: list[str] = []

    def transfer(number: int) -> None:
        octets = noise(size + number)[number:]
        with secure(door.https) as client:
            reader = Reader(client)
            for _ in range(3):
                client.sendall(b"POST /%d HTTP/1.1\r\nHost: pi\r\nContent-Length: %d\r\n\r\n" % (size, size))
                client.sendall(octets)
                if reader.answer() != digest(octets):
                    faults.append(f"upload {number}")
                client.sendall(get("chunked", size + number))
                if reader.answer()[number:] != octets:
                    faults.append(f"download {number}")

    clients = [threading.Thread(target=transfer, args=(number,)) for number in range(4)]
    for client in clients:
        client.start()
    for client in clients:
        client.join(PATIENCE)
        assert not client.is_alive()
    assert faults == []


BORDERS = [
    *range(RECORD - 60, RECORD + 2),  # with the head before it, in one record and in two
    *(border + more for border in (2 * RECORD, 65536, 2 * 65536, ROOM - RECORD) for more in (-1, 0, 1)),
    *(border + more for border in (ROOM, ROOM + RECORD, ROOM + 128 * 1024, 2 * ROOM) for more in (-40, -1, 0, 1)),
]


@every_version
@every_framing
def test_bodies_of_all_sizes_around_borders_arrive_whole_over_one_connection(
    door: Door, framing: str, version: ssl.TLSVersion
) -> None:
    with secure(door.https, context(version), receive=4096) as client:
        reader = Reader(client)
        for size in BORDERS:
            client.sendall(get(framing, size))
            assert reader.answer() == noise(size), size


@pytest.mark.parametrize("seed", range(4))
def test_answers_arrive_whole_however_the_client_reads(door: Door, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311  # no secret
    for version in VERSIONS:
        window = chance.choice((2048, 4096, 16384, 65536))
        with secure(door.https, context(version), receive=window) as client:
            reader = Reader(client, chance)
            for _ in range(4):
                # Several at once: those behind wait until the first is taken.
                asked = [
                    (
                        chance.choice(("length", "chunked")),
                        max(0, chance.choice(BORDERS) + chance.randint(-50, 50)),
                    )
                    for _ in range(chance.randint(1, 3))
                ]
                client.sendall(b"".join(get(*one) for one in asked))
                for _, size in asked:
                    assert reader.answer() == noise(size), size


@every_version
def test_client_that_reads_nothing_until_all_is_there_gets_all(
    raw_gateway: StartGateway, store: FileTrustStore, identity: Identity, version: ssl.TLSVersion
) -> None:
    gateway = raw_gateway(oblige)
    with running_proxy(gateway.origin, store, tls=identity) as proxy:
        for size in (RECORD, ROOM - 1, ROOM, ROOM + 1, ROOM + RECORD):
            with secure(proxy.port, context(version), receive=4096) as client:
                client.sendall(get("length", size))
                with secure(proxy.port) as other:  # whose turn comes when the gateway has sent all of it
                    other.sendall(get("length", 2))
                    assert Reader(other).answer() == noise(2)
                assert Reader(client).answer() == noise(size), size


def test_client_that_does_not_take_its_answer_is_cut_off_without_a_farewell(
    raw_gateway: StartGateway, store: FileTrustStore, identity: Identity
) -> None:
    gateway = raw_gateway(oblige)
    with (
        running_proxy(gateway.origin, store, door=DoorLimits(body_timeout=0.3), tls=identity) as proxy,
        secure(proxy.port, receive=4096) as client,
    ):
        client.sendall(get("length", 20_000_000))
        proxy.next_exchange()
        said, farewell = received(client)
    assert len(said) < 20_000_000
    assert not farewell


def test_upload_waits_for_a_slow_gateway_and_costs_no_more_than_what_is_read_ahead(
    raw_gateway: StartGateway, store: FileTrustStore, identity: Identity
) -> None:
    arrived, release = threading.Event(), threading.Event()

    def script(peer: Peer) -> None:
        peer.read_head()
        arrived.set()
        assert release.wait(PATIENCE)
        summed = hashlib.sha256(peer.read_body(5_000_000)).hexdigest()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 64\r\n\r\n" + summed.encode())

    body = noise(5_000_000)
    gateway = raw_gateway(script)
    with (
        running_proxy(gateway.origin, store, Limits(), tls=identity) as proxy,
        secure(proxy.port) as client,
        ExitStack() as stack,
    ):
        client.sendall(b"POST / HTTP/1.1\r\nHost: pi\r\nContent-Length: 5000000\r\n\r\n" + body[:AHEAD])
        sender = threading.Thread(target=client.sendall, args=(body[AHEAD:],))
        sender.start()
        stack.callback(sender.join, PATIENCE)
        assert arrived.wait(PATIENCE)
        release.set()
        assert Reader(client).answer() == digest(body)


def test_gateway_that_answers_an_upload_early_is_heard(
    raw_gateway: StartGateway, store: FileTrustStore, identity: Identity
) -> None:
    release = threading.Event()

    def script(peer: Peer) -> None:
        peer.read_head()
        peer.discard_body(3 * AHEAD)
        peer.send(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno")
        release.wait(PATIENCE)

    gateway = raw_gateway(script)
    with running_proxy(gateway.origin, store, tls=identity) as proxy, secure(proxy.port) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: pi\r\nContent-Length: 200000000\r\n\r\n")
        with suppress(ConnectionError, ssl.SSLEOFError):
            for _ in range(3000):
                client.sendall(bytes(65536))
        exchange = proxy.next_exchange()
        release.set()
    assert (exchange.status, exchange.error) == (401, None)


def test_connections_leave_nothing_open(raw_gateway: StartGateway, tmp_path: Path) -> None:
    gateway = raw_gateway(always(OK))
    with open_door(gateway, tmp_path) as door, secure(door.https) as first:
        assert answered(first)
        handles = Path(f"/proc/{door.program.process.pid}/fd")
        before = len(list(handles.iterdir()))  # with this connection, and the one to the gateway
        for _ in range(30):
            with secure(door.https) as client:
                assert answered(client)
            with connected(door.https) as silent:
                silent.sendall(b"\x16\x03\x01")
            assert raw_exchange(door.https, LAST, tls=True).endswith(b"ok")
        deadline = time.monotonic() + PATIENCE
        while len(list(handles.iterdir())) > before and time.monotonic() < deadline:
            assert answered(first)
        assert len(list(handles.iterdir())) <= before
