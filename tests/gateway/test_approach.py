"""Several who talk to one gateway: it never has more connections than it may, whoever made them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from queue import LifoQueue
from typing import Any

import pytest

from smgwproxy.approach import Approach, Approaches
from smgwproxy.backend import Backend, threaded
from smgwproxy.connection import ExactConnection, ExactPool
from smgwproxy.cooperative import cooperative
from smgwproxy.errors import GatewayBusy
from smgwproxy.gateway import Gateway
from smgwproxy.limits import Limits
from smgwproxy.origin import Origin
from smgwproxy.truststores.file import FileTrustStore
from tests.support import OK, PATIENCE, RawGateway

StartGateway = Callable[..., RawGateway]
LINES = [("Host", "x")]
ONE = Limits()
TWO = Limits(connections=2)
MOMENT = 0.2  # seconds in which who need not wait has done what it wants
BOTH = pytest.mark.parametrize("backend", [threaded, cooperative])


def ask(client: Gateway) -> bytes:
    with client.send("GET", "/", LINES) as answer:
        return answer.read()


@contextmanager
def closed(approach: Approach) -> Iterator[Approach]:
    """Close ``approach`` at the end, as who makes one must."""
    try:
        yield approach
    finally:
        approach.close()
        assert not approach.parting._left


@contextmanager
def two(
    origin: Origin, store: FileTrustStore, waiting: Backend, limits: Limits = ONE
) -> Iterator[tuple[Gateway, Gateway]]:
    """Yield two who talk to the gateway at ``origin``, and share what is shared."""
    with (
        closed(Approach(waiting)) as approach,
        Gateway(origin, store, limits, waiting, approach=approach) as one,
        Gateway(origin, store, limits, waiting, approach=approach) as other,
    ):
        yield one, other


@BOTH
def test_idle_connection_of_one_has_ended_before_the_other_dials(
    raw_gateway: StartGateway, store: FileTrustStore, backend: Callable[[], Backend]
) -> None:
    gateway = raw_gateway(OK)
    with two(gateway.origin, store, backend()) as (one, other):
        for client in (one, other, other, one, other):
            assert ask(client) == b"ok"
    assert gateway.connections == 5, "the first use, and one each time that it is another one"
    assert gateway.most_open == 1


@BOTH
def test_who_comes_late_to_a_closed_gateway_leaves_no_connection_behind(
    raw_gateway: StartGateway, store: FileTrustStore, backend: Callable[[], Backend]
) -> None:
    gateway = raw_gateway(OK)
    with two(gateway.origin, store, backend()) as (former, successor):
        former.close()
        for client in (successor, former):
            assert ask(client) == b"ok"
        assert gateway.peers[-1].ended.wait(PATIENCE)
        assert ask(successor) == b"ok"
    assert gateway.most_open == 1


def test_the_one_that_is_made_last_says_how_many_turns_there_are(
    raw_gateway: StartGateway, store: FileTrustStore
) -> None:
    gateway = raw_gateway(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok")
    limits = Limits(connections=2, queue_timeout=1e-3)
    with (
        closed(Approach(threaded())) as approach,
        Gateway(gateway.origin, store, limits, approach=approach) as former,
    ):
        first, second = former.send("GET", "/", LINES), former.send("GET", "/", LINES)
        with Gateway(gateway.origin, store, Limits(queue_timeout=1e-3), approach=approach) as successor:
            first.close()
            with pytest.raises(GatewayBusy):  # the second one still has the only turn there is
                successor.send("GET", "/", LINES)
            second.close()
            successor.send("GET", "/", LINES).close()


def test_who_is_interrupted_while_others_end_their_connections_gives_the_turn_back() -> None:
    class Interrupted:
        def end_idle(self) -> None:
            raise KeyboardInterrupt

    class Content:
        def end_idle(self) -> None:
            pass

    interrupted, content = Interrupted(), Content()
    approach = Approach(threaded())
    for caller in (interrupted, content):
        approach.join(caller, 1)
    with pytest.raises(KeyboardInterrupt):
        approach.enter(content, 0)
    assert approach.enter(interrupted, 0)


# --- between threads --------------------------------------------------------------------------------------------


class Seam:
    """A place at which the first thread that comes there, once it is ``armed``, waits until the test goes on."""

    def __init__(self) -> None:
        self.armed, self.reached, self.go_on = threading.Event(), threading.Event(), threading.Event()
        self._one = threading.Lock()

    def __call__(self) -> None:
        if self.armed.is_set() and self._one.acquire(blocking=False):
            self.reached.set()
            assert self.go_on.wait(PATIENCE)

    def between(self, first: Callable[[], object], second: Callable[[], object]) -> None:
        """Let ``first`` get there, and go on when ``second`` had time to end, which it must not yet."""
        self.armed.set()
        threads = [threading.Thread(target=one, daemon=True) for one in (first, second)]
        threads[0].start()
        assert self.reached.wait(PATIENCE)
        threads[1].start()
        threads[1].join(MOMENT)
        early = not threads[1].is_alive()
        self.go_on.set()
        for thread in threads:
            thread.join(PATIENCE)
        assert not early


def keep_two(client: Gateway) -> None:
    """Leave ``client`` with two idle connections."""
    for answer in [client.send("GET", "/", LINES) for _ in range(2)]:
        assert answer.read() == b"ok"


def test_idle_connections_have_ended_for_who_comes_second_too(
    raw_gateway: StartGateway, store: FileTrustStore
) -> None:
    seam = Seam()

    class Connection(ExactConnection):
        def close(self) -> None:
            if self.sock is not None:
                seam()
            super().close()

    class Pool(ExactPool):
        ConnectionCls = Connection

    gateway = raw_gateway(OK)
    backend = replace(threaded(), pool_class=Pool)
    with two(gateway.origin, store, backend, TWO) as (one, other):
        keep_two(one)
        seam.between(partial(ask, other), partial(ask, other))
    assert gateway.most_open == 2


def test_idle_connection_that_is_looked_at_is_there_for_who_needs_one(
    raw_gateway: StartGateway, store: FileTrustStore
) -> None:
    seam = Seam()

    class Connection(ExactConnection):
        @property
        def is_connected(self) -> bool:
            seam()
            return super().is_connected

    class Pool(ExactPool):
        ConnectionCls = Connection

    gateway = raw_gateway(OK)
    with Gateway(gateway.origin, store, TWO, replace(threaded(), pool_class=Pool)) as client:
        keep_two(client)
        before = gateway.connections
        seam.between(client.follow, partial(ask, client))
        assert gateway.connections == before
    assert gateway.most_open == 2


def test_connection_that_is_put_back_while_its_pool_is_closed_is_closed_with_it(
    raw_gateway: StartGateway, store: FileTrustStore
) -> None:
    seam = Seam()

    class Queue(LifoQueue[Any]):
        def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
            seam()
            super().put(item, block, timeout)

    class Pool(ExactPool):
        QueueCls = Queue

    gateway = raw_gateway(OK)
    with Gateway(gateway.origin, store, backend=replace(threaded(), pool_class=Pool)) as client:
        answer = client.send("GET", "/", LINES)
        pool = client._pools._current
        seam.between(answer.read, client.close)
        assert gateway.peers[-1].ended.wait(PATIENCE), f"{pool} would close it when nobody has it any more"


# --- in a program that runs on ----------------------------------------------------------------------------------


def test_approach_to_an_origin_is_always_the_same_one() -> None:
    approaches = Approaches(threaded())
    here, there = Origin("10.0.0.1", 443), Origin("10.0.0.2", 443)
    first = approaches.to(here)
    assert approaches.to(here) is first
    assert approaches.to(there) is not first


def test_who_quits_leaves_the_number_of_turns_to_who_joined_before() -> None:
    """As when a reload made a gateway, and something else in the configuration was wrong."""

    class Idle:
        def end_idle(self) -> None: ...

    first, refused = Idle(), Idle()
    with closed(Approach(threaded())) as approach:
        approach.join(first, 1)
        approach.join(refused, 2)
        approach.quit(refused)
        assert approach.enter(first, 0)
        assert not approach.enter(first, 0)
        approach.leave()
