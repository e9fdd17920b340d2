"""What passes, octet for octet: every row of the table against a raw TLS server, however its answer arrives."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cache

import h11
import pytest

from tests.gateway.exchanges import ROWS, Row
from tests.gateway.exchanges.client import Client, Ending, Got, clients, is_one_answer, receive, send
from tests.gateway.exchanges.row import KEPT, LEAKED, OK, Broken, Refused, Whole
from tests.gateway.exchanges.stage import Heard, Performance, Stage, opened
from tests.support import Identity, connected

SHORT = 150  # octets that are sent one by one


# --- the table itself -----------------------------------------------------------------------------------


def test_every_row_claims_something_else() -> None:
    assert len(ROWS) >= 140
    assert len({row.claim for row in ROWS}) == len(ROWS)


def test_what_the_gateway_receives_a_second_reader_takes_for_exactly_one_request() -> None:
    for row in ROWS:
        for octets in row.receives:
            reader = h11.Connection(h11.SERVER, max_incomplete_event_size=64 * 1024)
            reader.receive_data(octets.replace(b"<gateway>", b"gateway:1"))
            events = [reader.next_event()]
            while type(events[-1]) in {h11.Request, h11.Data}:
                events.append(reader.next_event())
            assert isinstance(events[-1], h11.EndOfMessage), row.claim
            assert reader.trailing_data == (b"", False), row.claim
            body = b"".join(bytes(event.data) for event in events if isinstance(event, h11.Data))
            assert octets.endswith(b"\r\n\r\n" + body), row.claim


def test_what_is_refused_could_be_found_in_what_the_client_gets() -> None:
    for row in ROWS:
        if isinstance(row.gets, Refused):
            said = b"".join(row.plays[-1].records) if row.plays else b""
            assert LEAKED in said or len(said) < len(LEAKED), row.claim


# --- the ways in which a row is sent --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Delivery:
    """One way for a row's octets to arrive; those of the gateway's last answer are cut, or those of the request.

    If it ``waits``, the gateway sends what is behind its head only once the client has that.
    """

    name: str
    client: Client
    cut_request: Callable[[bytes], list[bytes]]
    cut_answer: Callable[[bytes], list[bytes]] | None = None
    waits: bool = False

    def performances(self, row: Row, stage: Stage) -> list[Performance]:
        told = [[stage.told(record) for record in play.records] for play in row.plays]
        if self.cut_answer is not None:
            told[-1] = self.cut_answer(b"".join(told[-1]))
        return [Performance(play, records, self.waits) for play, records in zip(row.plays, told, strict=True)]


def deliveries(row: Row) -> Iterator[Delivery]:
    """Return the ways in which ``row`` is sent."""
    first, *others = clients(row)
    yield Delivery("in one write", first, whole)
    if row.plays and row.plays[-1].records not in {(OK,), ()}:
        yield Delivery("with its answer octet by octet", first, whole, one_by_one)
        for client in others or [first]:
            yield Delivery(f"to a client {client.name} with its answer cut", client, whole, cut)
        if isinstance(row.gets, Broken):
            for client in dict.fromkeys((first, *others[-1:])):
                yield Delivery(
                    f"to a client {client.name}, its head first", client, whole, behind_head, waits=True
                )
    else:
        yield Delivery("octet by octet", first, one_by_one)
        for client in others or [first]:
            yield Delivery(f"by a client {client.name}, cut", client, cut)


def whole(octets: bytes) -> list[bytes]:
    return [octets]


def one_by_one(octets: bytes) -> list[bytes]:
    """Cut ``octets`` into single ones; in the middle of those that are many only here and there."""
    if len(octets) <= SHORT:
        return [octets[place : place + 1] for place in range(len(octets))]
    return [*one_by_one(octets[: SHORT // 2]), *cut(octets[SHORT // 2 : -8]), *one_by_one(octets[-8:])]


def cut(octets: bytes) -> list[bytes]:
    """Cut ``octets`` at a few places, the same ones each time."""
    chance = random.Random(b"%b %d" % (octets[:30], len(octets)))  # noqa: S311  # no secret
    cuts = sorted({chance.randrange(1, len(octets)) for _ in range(chance.randint(1, 8))}) if octets[1:] else []
    return [octets[start:end] for start, end in zip([0, *cuts], [*cuts, len(octets)], strict=True)]


def behind_head(octets: bytes) -> list[bytes]:
    head, end, rest = octets.partition(b"\r\n\r\n")
    return [head + end, rest]


# --- what must come of it -------------------------------------------------------------------------------


def check_got(got: Got, row: Row, delivery: Delivery, stage: Stage) -> None:
    """Check what the client got, and what became of its connection."""
    method = row.sends.partition(b" ")[0]
    refusal = row.gets
    if isinstance(refusal, Broken):
        if got.status != 502 or refusal.content or delivery.waits:
            check_broken(got, refusal, delivery, stage, method)
            return
        refusal = Refused(502, refusal.error)
    assert got.whole
    assert got.behind == b"", "something came behind the answer"
    assert is_one_answer(got, method)
    ends = delivery.client is not Client.AS_IT_IS or (row.ends and not isinstance(row.gets, Broken))
    assert got.ending is (Ending.CLOSED if ends else Ending.OPEN)
    if isinstance(refusal, Refused):
        check_refused(got, refusal, method, ends=ends)
    else:
        check_whole(got, refusal, delivery.client, stage)


def check_whole(got: Got, gets: Whole, client: Client, stage: Stage) -> None:
    assert got.head == client.head(stage.told(gets.head))
    assert got.content == stage.told(gets.content)
    assert got.trailers == (b"" if client is Client.OLD else stage.told(gets.trailers))


def check_broken(got: Got, gets: Broken, delivery: Delivery, stage: Stage, method: bytes) -> None:
    assert got.head == delivery.client.head(stage.told(gets.head))
    assert got.content == gets.content
    assert got.trailers == b""
    assert not got.whole
    assert got.ending is not Ending.OPEN
    assert not is_one_answer(got, method), "a second reader takes it for a whole answer"


def check_refused(got: Got, gets: Refused, method: bytes, *, ends: bool) -> None:
    """Check that the proxy tells what the matter is, and nothing of what the gateway said."""
    assert got.status == gets.status
    names = [line.partition(b":")[0] for line in got.head[:-4].split(b"\r\n")[1:]]
    own = [b"Content-Type", b"Vary", b"Content-Length", b"Cache-Control", b"Proxy-Status"]
    assert names == [*own, *([b"Connection"] if ends else [])]
    assert b"\r\nProxy-Status: smgwproxy; error=%b; details=" % gets.error.encode() in got.head
    assert LEAKED not in got.octets
    if method == b"HEAD":
        assert got.content == b""
        return
    problem = json.loads(got.content)
    assert (problem["status"], problem["error"]) == (gets.status, gets.error)
    assert gets.says in problem["advice"]


def expected_heard(row: Row, stage: Stage, behind: list[bytes]) -> list[Heard]:
    """Return what must have come over each connection, the requests ``behind`` the row included."""
    heard = [Heard(row.before is KEPT, b"")]
    alive = True
    last = len(row.receives) - 1
    for number, request in enumerate([*map(stage.told, row.receives), *behind]):
        if not alive:
            heard.append(Heard(False, b""))
        heard[-1] = replace(heard[-1], octets=heard[-1].octets + request)
        alive = number > last or (number == last and row.kept)
    return heard


def as_far_as_read(heard: list[Heard], row: Row, expected: list[Heard]) -> list[Heard]:
    """Put the whole request in the place of one that the gateway need not have read to its end."""
    if not (row.plays and row.plays[-1].early and not row.kept and heard):
        return heard
    assert b"\r\n\r\n" in heard[0].octets
    assert expected[0].octets.startswith(heard[0].octets)
    return [expected[0], *heard[1:]]


# --- every row ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stage(identity: Identity) -> Iterator[Callable[[str], Stage]]:
    """Open each door when the first row comes to it, and once for all."""
    with ExitStack() as stack:
        yield cache(lambda door: stack.enter_context(opened(door, identity)))


def play(row: Row, delivery: Delivery, stage: Stage) -> None:
    """Send ``row`` as ``delivery`` has it, then a request of another client, then one of the same."""
    stage.prepare(row.before)
    performances = delivery.performances(row, stage)
    stage.upstream.put_up(performances)
    with connected(stage.port, tls=stage.tls) as client:
        send(client, delivery.cut_request(delivery.client.request(stage.told(row.sends))))
        got = receive(
            client,
            row.sends.partition(b" ")[0],
            may_be_interim=b"expect:" in row.sends.lower(),
            begun=stage.upstream.client_has_head.set,
        )
        stage.upstream.wait_for(len(performances))
        check_got(got, row, delivery, stage)
        behind = [stage.follow_up()]
        if got.ending is Ending.OPEN:
            behind.append(stage.another(client))
    expected = expected_heard(row, stage, behind)
    assert as_far_as_read(stage.upstream.heard(), row, expected) == expected


@pytest.mark.parametrize("row", [pytest.param(row, id=f"{row.door} {row.rule} {row.claim}") for row in ROWS])
def test_row_has_its_outcome_however_its_octets_arrive(stage: Callable[[str], Stage], row: Row) -> None:
    for delivery in deliveries(row):
        try:
            play(row, delivery, stage(row.door))
        except Exception as error:
            error.add_note(f"the row was sent {delivery.name}")
            stage(row.door).clear()  # the next row begins afresh
            raise
