"""Whether there is anything to look after at the gateway, and who is told when there will be."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from smgwproxy.backend import threaded
from smgwproxy.errors import GatewayError
from smgwproxy.gateway import Gateway
from smgwproxy.limits import Limits
from smgwproxy.origin import Origin
from smgwproxy.truststores.file import FileTrustStore
from smgwproxy.truststores.record import Pin
from tests.support import OK, PATIENCE, Identity, Peer, RawGateway, settles

StartGateway = Callable[..., RawGateway]
HOST = [("Host", "x")]


@pytest.fixture
def client(store: FileTrustStore) -> Iterator[Callable[..., Gateway]]:
    opened: list[Gateway] = []

    def connect(origin: Origin, limits: Limits | None = None) -> Gateway:
        opened.append(Gateway(origin, store, limits))
        return opened[-1]

    yield connect
    for gateway in opened:
        gateway.close()


def rests(gateway: Gateway) -> bool:
    """Look anew: to mypy a property stays what it was."""
    return gateway.at_rest


def stirs(gateway: Gateway) -> bool:
    """Tell whether a connection was made since the last time."""
    stirred = gateway.stirred.wait(0)
    gateway.stirred.clear()
    return stirred


def test_gateway_is_at_rest_until_it_is_asked_and_once_its_connection_has_ended(
    raw_gateway: StartGateway, client: Callable[..., Gateway]
) -> None:
    gateway = client(raw_gateway(OK).origin, Limits(keepalive=1e-9))
    assert rests(gateway)
    assert not stirs(gateway)
    with gateway.send("GET", "/", HOST) as answer:
        answer.read()
    assert not rests(gateway), "there is an idle connection"
    assert stirs(gateway)
    gateway.follow()
    assert settles(lambda: bool(gateway.follow()) and gateway.at_rest), "the peer has to end its side first"
    assert not stirs(gateway)


def test_gateway_is_not_at_rest_within_an_exchange(
    raw_gateway: StartGateway, client: Callable[..., Gateway]
) -> None:
    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\nConnection: close\r\n\r\nfirst")
        peer.begun()

    gateway = client(raw_gateway(script).origin)
    with gateway.send("GET", "/", HOST) as answer:
        assert answer.read() == b"first"
        gateway.follow()
        assert not gateway.at_rest
    assert settles(lambda: bool(gateway.follow()) and gateway.at_rest)


def test_gateway_is_not_at_rest_while_a_connection_is_being_made(
    raw_gateway: StartGateway, store: FileTrustStore
) -> None:
    """It stirs before, whatever becomes of it."""
    seen: list[tuple[bool, bool]] = []

    class Connection(threaded().pool_class.ConnectionCls):  # type: ignore[misc]  # as below
        def _new_conn(self) -> object:
            seen.append((gateway.at_rest, gateway.stirred.wait(0)))
            try:
                return super()._new_conn()
            finally:
                seen.append((gateway.at_rest, gateway.stirred.wait(0)))

    class Pool(threaded().pool_class):  # type: ignore[misc]  # mypy takes no base that is computed
        ConnectionCls = Connection

    peer = raw_gateway(OK)
    peer.stop()
    with Gateway(peer.origin, store, backend=replace(threaded(), pool_class=Pool)) as gateway:
        with pytest.raises(GatewayError):
            gateway.ensure_pinned()
        assert seen == [(False, False), (False, True)]
        assert gateway.at_rest
        assert stirs(gateway)


def test_request_over_a_connection_that_stands_stirs_nobody(
    raw_gateway: StartGateway, client: Callable[..., Gateway]
) -> None:
    gateway = client(raw_gateway(OK).origin)
    for first in (True, False):
        with gateway.send("GET", "/", HOST) as answer:
            answer.read()
        assert stirs(gateway) is first
        assert not gateway.at_rest


def test_gateway_is_not_at_rest_until_the_peer_has_ended_its_side(
    raw_gateway: StartGateway, client: Callable[..., Gateway]
) -> None:
    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(OK)
        over.wait(PATIENCE)

    over = threading.Event()
    gateway = client(raw_gateway(script).origin, Limits(keepalive=1e-9))
    with gateway.send("GET", "/", HOST) as answer:
        answer.read()
    gateway.follow()
    assert gateway._pools.at_rest
    assert not rests(gateway)
    over.set()
    assert settles(lambda: bool(gateway.follow()) and rests(gateway))


def test_gateway_is_not_at_rest_before_the_certificate_that_was_seen_is_recorded(
    raw_gateway: StartGateway, client: Callable[..., Gateway], store: FileTrustStore, identity: Identity
) -> None:
    """Of a pin from a record of the original proxy only the fingerprint is known."""
    peer = raw_gateway(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    store.change(peer.origin, lambda record: replace(record, pins=(Pin(identity.certificate.fingerprint),)))
    gateway = client(peer.origin)
    gateway.send("GET", "/", HOST).close()
    assert settles(lambda: not gateway._approach.parting.tidy())
    assert gateway._pools.at_rest
    assert not rests(gateway)
    gateway.follow()
    assert rests(gateway)
    (pin,) = store.lookup(peer.origin)
    assert pin.certificate == identity.certificate
