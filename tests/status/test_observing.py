"""What an observer of a gateway is told: waits for turns, handshakes, answers."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from smgwproxy.backend import threaded
from smgwproxy.errors import GatewayBusy
from smgwproxy.gateway import Gateway
from smgwproxy.limits import Limits
from smgwproxy.truststores.file import FileTrustStore
from tests.support import OK, RawGateway

StartGateway = Callable[..., RawGateway]
HOST = [("Host", "gateway")]


@dataclass
class Noted:
    """An `smgwproxy.observing.Observer` that remembers."""

    waits: list[float] = field(default_factory=list)
    handshakes: list[bool] = field(default_factory=list)
    answers: list[float] = field(default_factory=list)

    def waited(self, seconds: float, /) -> None:
        self.waits.append(seconds)

    def shook_hands(self, *, resumed: bool) -> None:
        self.handshakes.append(resumed)

    def answered(self, seconds: float, /) -> None:
        self.answers.append(seconds)


def get(gateway: Gateway) -> None:
    with gateway.send("GET", "/", HOST) as answer:
        while answer.read():
            pass


class Resuming(ssl.SSLContext):
    """A client's context that offers the last session again."""

    session: ssl.SSLSession | None = None

    def wrap_socket(self, *args: Any, **kwargs: Any) -> ssl.SSLSocket:
        kwargs["session"] = self.session
        made = super().wrap_socket(*args, **kwargs)
        self.session = made.session
        return made


def test_first_use_and_the_connection_are_a_handshake_each_and_a_kept_one_is_none(
    raw_gateway: StartGateway, store: FileTrustStore
) -> None:
    noted = Noted()
    with Gateway(raw_gateway(OK).origin, store, observer=noted) as gateway:
        for _ in range(2):
            get(gateway)
    assert noted.handshakes == [False, False]
    assert len(noted.waits) == len(noted.answers) == 2
    assert all(seconds >= 0 for seconds in noted.waits + noted.answers)


def test_resumed_handshake_is_told_from_a_full_one(raw_gateway: StartGateway, store: FileTrustStore) -> None:
    noted = Noted()
    server = raw_gateway(
        OK, newest=ssl.TLSVersion.TLSv1_2
    )  # its session is there as soon as the handshake is over
    limits = Limits(keepalive=1e-9)  # each request dials
    with Gateway(
        server.origin, store, limits, replace(threaded(), context_class=Resuming), observer=noted
    ) as gateway:
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
