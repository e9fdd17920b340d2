"""The LAN door reads HTTP exactly: every row of the table against a real proxy, however its octets arrive."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import h11
import pytest

from smgwproxy.limits import DoorLimits
from smgwproxy.server import channel
from smgwproxy.truststores.file import FileTrustStore
from tests.door.vectors import BODY_LIMIT, GATEWAY, NEXT, SEEN_NEXT, VECTORS, Vector
from tests.support import PATIENCE, Identity, Peer, RawGateway, connected, receive_until, running_proxy

DOORS = {"http": 2, "https": 1}  # and how often a row is cut at random
SHORT = 120  # octets that are sent one by one
WHILE_ALL_ROWS = DoorLimits(idle_timeout=3600.0)  # one door's other client waits for the rows of the other door
PROBE = b"GET /probe HTTP/1.1\r\nHost: pi\r\n\r\n"
SEEN_PROBE = b"GET /probe HTTP/1.1\r\nHost: <gateway>\r\n\r\n"
EMPTY = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


# --- the table itself -----------------------------------------------------------------------------------


def test_every_row_claims_something_else() -> None:
    claims = [(vector.claim, vector.only) for vector in VECTORS]
    assert len(set(claims)) == len(claims)
    assert len({(vector.sent, vector.only) for vector in VECTORS}) >= 180


def test_what_the_gateway_sees_a_second_reader_takes_for_exactly_one_request() -> None:
    for vector in VECTORS:
        for octets in vector.seen:
            reader = h11.Connection(h11.SERVER, max_incomplete_event_size=64 * 1024)
            reader.receive_data(octets)
            events = [reader.next_event()]
            while type(events[-1]) in {h11.Request, h11.Data}:
                events.append(reader.next_event())
            assert isinstance(events[-1], h11.EndOfMessage), vector.claim
            assert reader.trailing_data == (b"", False), vector.claim
            body = b"".join(bytes(event.data) for event in events if isinstance(event, h11.Data))
            assert octets.endswith(b"\r\n\r\n" + body), vector.claim


# --- the door -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer as the client got it."""

    status: int
    lines: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One way for a row's octets to arrive: in writes of their own, as ``pieces`` has them.

    The next request is behind them if they are ``followed``. If it ``waits``, an answer is read before each piece
    but the first.
    """

    name: str
    pieces: list[bytes]
    followed: bool = True
    waits: bool = False


@dataclass
class Upstream:
    """What the gateway behind the door has seen, request by request."""

    requests: list[bytes] = field(default_factory=list)

    def script(self, peer: Peer) -> None:
        while request := peer.read_request():
            self.requests.append(request)
            peer.send(EMPTY)

    def taken(self) -> list[bytes]:
        """Return the requests since the last call."""
        requests, self.requests = self.requests, []
        return requests


@dataclass(frozen=True)
class Door:
    """One door of a running proxy, the gateway behind it, and a client of whom no row may be seen."""

    scheme: str
    port: int
    gateway: RawGateway
    upstream: Upstream
    other: socket.socket

    def exchange(self, delivery: Delivery) -> list[Answer]:
        """Send a row, and return all answers up to the end of the connection."""
        with connected(self.port, tls=self.scheme == "https") as client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            said = b""
            for number, piece in enumerate(delivery.pieces):
                if number and delivery.waits:
                    said += receive_until(client, b"\r\n\r\n")
                client.sendall(piece)
            while received := client.recv(65536):
                said += received
        return answers(said)

    def seen(self) -> list[bytes]:
        """Return what the gateway has seen since the last call, by a request that overtakes nothing.

        The proxy's one connection to the gateway carries one request after the other; so what came before is
        there when the answer to this one is.
        """
        self.other.sendall(PROBE)
        assert receive_until(self.other, b"\r\n\r\n") == EMPTY
        *before, last = self.upstream.taken()
        assert last == self.told(SEEN_PROBE)
        return before

    def told(self, octets: bytes) -> bytes:
        return octets.replace(GATEWAY, str(self.gateway.origin).encode())


def answers(said: bytes) -> list[Answer]:
    """Read all answers of a connection to the last octet; 100 (Continue) is one of them."""
    read = []
    while said:
        head, end, said = said.partition(b"\r\n\r\n")
        assert end, f"a head was cut off: {head!r}"
        first, *lines = head.split(b"\r\n")
        version, status, _ = first.split(b" ", 2)
        assert version == b"HTTP/1.1"
        read.append(Answer(int(status), tuple(lines)))
        length = int(next((line[16:] for line in lines if line.startswith(b"Content-Length: ")), b"0"))
        assert len(said) >= length, "a body was cut off"
        said = said[length:]
    return read


@contextmanager
def opened(scheme: str, identity: Identity, store: FileTrustStore) -> Iterator[Door]:
    """Run one proxy with one door, and one gateway behind it."""
    upstream = Upstream()
    gateway = RawGateway(identity, upstream.script)
    tls = identity if scheme == "https" else None
    with (
        running_proxy(gateway.origin, store, body_limit=BODY_LIMIT, door=WHILE_ALL_ROWS, tls=tls) as proxy,
        connected(proxy.port, tls=tls is not None) as other,
    ):
        yield Door(scheme, proxy.port, gateway, upstream, other)
    gateway.stop()


@pytest.fixture(scope="module")
def doors(identity: Identity, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Door]]:
    """Open each door once for all rows; it hears out who sends octet by octet on a busy machine."""
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        patch.setattr(channel, "_LINGER_SECONDS", PATIENCE)
        yield {
            scheme: stack.enter_context(opened(scheme, identity, FileTrustStore(tmp_path_factory.mktemp(scheme))))
            for scheme in DOORS
        }


def deliveries(vector: Vector, seeds: int) -> Iterator[Delivery]:
    """Return the ways in which a row is sent; ``seeds`` is how often it is cut at random."""
    sent = vector.sent
    octets = [sent[place : place + 1] for place in range(len(sent))] if len(sent) <= SHORT else [sent]
    yield Delivery("in one write", [sent + NEXT])
    if vector.interim:
        head, end, body = sent.partition(b"\r\n\r\n")
        yield Delivery("with its body once it was asked for", [head + end, body + NEXT], waits=True)
    if vector.refused:
        yield Delivery("octet by octet, with nothing behind it", octets, followed=False)
    elif len(octets) > 1:
        yield Delivery("octet by octet", [*octets[:-1], octets[-1] + NEXT])
    for seed in range(seeds):
        # Who has asked for the end of the connection sends nothing behind that in a write of its own.
        *pieces, last = in_pieces(sent if vector.ends else sent + NEXT, seed)
        yield Delivery(f"cut as seed {seed} has it", [*pieces, last + (NEXT if vector.ends else b"")])


def in_pieces(octets: bytes, seed: int) -> list[bytes]:
    """Cut ``octets`` at a few places that ``seed`` tells."""
    chance = random.Random(f"{seed} {len(octets)}")  # noqa: S311  # no secret
    cuts = sorted(chance.randrange(len(octets)) for _ in range(chance.randint(1, 8)))
    return [octets[start:end] for start, end in zip([0, *cuts], [*cuts, len(octets)], strict=True)]


def check_answers(got: list[Answer], vector: Vector, passed: int) -> int:
    """Check that ``passed`` requests have their answers, and a refusal tells who refuses; count answers 100."""
    statuses = [answer.status for answer in got]
    assert [status for status in statuses if status != 100] == [
        *[200] * passed,
        *([vector.refused] if vector.refused else []),
    ]
    assert b"Connection: close" in got[-1].lines
    told = [line for line in got[-1].lines if line.startswith(b"Proxy-Status: ")]
    assert len(told) == (1 if vector.refused else 0)
    assert all(line.startswith(b"Proxy-Status: smgwproxy; error=http_request_error") for line in told)
    return statuses.count(100)


ROWS = [
    pytest.param(scheme, vector, id=f"{scheme} {vector.rule} {vector.claim}")
    for scheme in DOORS
    for vector in VECTORS
    if vector.only in {None, scheme}
]


@pytest.mark.parametrize(("scheme", "vector"), ROWS)
def test_row_has_its_outcome_however_its_octets_arrive(
    doors: dict[str, Door], scheme: str, vector: Vector
) -> None:
    door = doors[scheme]
    expected: list[bytes] = []
    try:
        for delivery in deliveries(vector, DOORS[scheme]):
            passed = [*vector.seen, *([SEEN_NEXT] if delivery.followed and vector.lives_on else [])]
            expected += [door.told(request) for request in passed]
            try:
                interim = check_answers(door.exchange(delivery), vector, len(passed))
                assert interim == vector.interim if delivery.waits else interim <= vector.interim
            except Exception as error:
                error.add_note(f"the row was sent {delivery.name}")
                raise
    finally:
        seen = door.seen()  # whatever failed, the next row begins afresh
    assert seen == expected
