"""What an observer of a gateway is told: waits for turns, handshakes, answers."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from smgwproxy.errors import GatewayBusy
from smgwproxy.gateway import Gateway
from smgwproxy.limits import Limits
from smgwproxy.truststores.file import FileTrustStore
from tests.support import OK, Peer, RawGateway

StartGateway = Callable[..., RawGateway]
HOST = [("Host", "gateway")]
PATIENCE = 10.0


@dataclass
class Noted:
    """An `smgwproxy.observing.Observer` that remembers."""

    waits: list[float] = field(default_factory=list)
    handshakes: list[bool] = field(default_factory=list)
    requests: int = 0
    answers: list[float] = field(default_factory=list)

    def waited(self, seconds: float, /) -> None:
        self.waits.append(seconds)

    def shook_hands(self, *, resumed: bool) -> None:
        self.handshakes.append(resumed)

    def asked(self) -> None:
        assert len(self.answers) == self.requests, "it comes before the answer"
        self.requests += 1

    def answered(self, seconds: float, /) -> None:
        self.answers.append(seconds)


def get(gateway: Gateway) -> None:
    with gateway.send("GET", "/", HOST) as answer:
        while answer.read():
            pass


def test_first_use_and_the_connection_are_a_handshake_each_and_a_kept_one_is_none(
    raw_gateway: StartGateway, store: FileTrustStore
) -> None:
    noted = Noted()
    with Gateway(raw_gateway(OK).origin, store, observer=noted) as gateway:
        for _ in range(2):
            get(gateway)
    assert noted.handshakes == [False, False]
    assert len(noted.waits) == noted.requests == len(noted.answers) == 2
    assert all(seconds >= 0 for seconds in noted.waits + noted.answers)


def test_request_has_gone_out_and_its_answer_is_awaited_when_that_is_told(
    raw_gateway: StartGateway, store: FileTrustStore
) -> None:
    came, told = threading.Event(), threading.Event()

    def script(peer: Peer) -> None:
        peer.read_request()
        came.set()
        assert told.wait(PATIENCE)
        peer.send(OK)

    class Busy(Noted):
        def asked(self) -> None:
            assert came.wait(PATIENCE)
            told.set()

    with Gateway(raw_gateway(script).origin, store, observer=Busy()) as gateway:
        get(gateway)
    assert told.is_set()


def test_resumed_handshake_is_told_from_a_full_one(raw_gateway: StartGateway, store: FileTrustStore) -> None:
    noted = Noted()
    limits = Limits(keepalive=1e-9)  # each request dials
    with Gateway(raw_gateway(OK).origin, store, limits, observer=noted) as gateway:
        for _ in range(2):
            get(gateway)
    assert noted.handshakes == [False, False, True]


def test_wait_without_a_turn_is_a_wait_and_no_answer(raw_gateway: StartGateway, store: FileTrustStore) -> None:
    noted = Noted()
    impatient = Limits(queue_timeout=0.05)
    gateway = Gateway(raw_gateway(OK).origin, store, impatient, observer=noted)
    with gateway, gateway._turn(), pytest.raises(GatewayBusy):
        gateway.send("GET", "/", HOST)
    assert noted.waits[-1] >= 0.05
    assert not noted.answers
