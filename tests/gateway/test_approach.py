"""Several who talk to one gateway: it never has more connections than it may, whoever made them."""

from __future__ import annotations

import gc
from collections.abc import Callable

import pytest

from smgwproxy.approach import Approach, Approaches
from smgwproxy.backend import Backend, threaded
from smgwproxy.cooperative import cooperative
from smgwproxy.errors import GatewayBusy
from smgwproxy.gateway import Gateway
from smgwproxy.limits import Limits
from smgwproxy.origin import Origin
from smgwproxy.truststores.file import FileTrustStore
from tests.support import OK, PATIENCE, RawGateway

StartGateway = Callable[..., RawGateway]
LINES = [("Host", "x")]
BOTH = pytest.mark.parametrize("backend", [threaded, cooperative])


def ask(client: Gateway) -> bytes:
    with client.send("GET", "/", LINES) as answer:
        return answer.read()


@BOTH
def test_idle_connection_of_one_has_ended_before_the_other_dials(
    raw_gateway: StartGateway, store: FileTrustStore, backend: Callable[[], Backend]
) -> None:
    gateway = raw_gateway(OK)
    waiting = backend()
    approach = Approach(waiting)
    with (
        Gateway(gateway.origin, store, Limits(), waiting, approach=approach) as one,
        Gateway(gateway.origin, store, Limits(), waiting, approach=approach) as other,
    ):
        for client in (one, other, other, one, other):
            assert ask(client) == b"ok"
    assert gateway.connections == 5, "the first use, and one each time that it is another one"
    assert gateway.most_open == 1


@BOTH
def test_who_comes_late_to_a_closed_gateway_leaves_no_connection_behind(
    raw_gateway: StartGateway, store: FileTrustStore, backend: Callable[[], Backend]
) -> None:
    gateway = raw_gateway(OK)
    waiting = backend()
    approach = Approach(waiting)
    former = Gateway(gateway.origin, store, Limits(), waiting, approach=approach)
    with Gateway(gateway.origin, store, Limits(), waiting, approach=approach) as successor:
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
    approach = Approach(threaded())
    limits = Limits(connections=2, queue_timeout=1e-3)
    with Gateway(gateway.origin, store, limits, approach=approach) as former:
        first, second = former.send("GET", "/", LINES), former.send("GET", "/", LINES)
        with Gateway(gateway.origin, store, Limits(queue_timeout=1e-3), approach=approach) as successor:
            first.close()
            with pytest.raises(GatewayBusy):  # the second one still has the only turn there is
                successor.send("GET", "/", LINES)
            second.close()
            successor.send("GET", "/", LINES).close()


def test_approach_to_an_origin_is_the_same_one_for_as_long_as_anybody_has_it() -> None:
    approaches = Approaches(threaded())
    here, there = Origin("10.0.0.1", 443), Origin("10.0.0.2", 443)
    first = approaches.to(here)
    assert approaches.to(here) is first
    assert approaches.to(there) is not first
    del first
    gc.collect()
    assert not approaches._known
