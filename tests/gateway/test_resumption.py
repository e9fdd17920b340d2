"""TLS sessions: resumed where a connection cannot be kept, under the same pin alone, and never needed."""

from __future__ import annotations

import gc
import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from urllib3.exceptions import SSLError

from smgwproxy.backend import Backend, threaded
from smgwproxy.cooperative import cooperative
from smgwproxy.errors import (
    CertificateChanged,
    GatewayClosed,
    GatewayConnectTimeout,
    GatewayError,
    GatewayReadTimeout,
    GatewayRefused,
)
from smgwproxy.gateway import Gateway
from smgwproxy.limits import Limits
from smgwproxy.resumption import _A_LOOK_LEAKS, LONGEST, PAUSE, ResumingContext
from smgwproxy.truststores.file import FileTrustStore
from smgwproxy.truststores.pinned import PinnedTrustStore
from smgwproxy.truststores.record import Pin
from tests.gateway.test_tls import brainpool
from tests.support import (
    OK,
    PATIENCE,
    Identity,
    Peer,
    RawGateway,
    Wiretap,
    answering,
    connected,
    raw_exchange,
    running_proxy,
    settles,
    stolen,
)
from tests.test_trust import as_client

StartGateway = Callable[..., RawGateway]
LINES = [("Host", "x")]
GET = b"GET / HTTP/1.1\r\nHost: pi\r\nAuthorization: Digest secret\r\nConnection: close\r\n\r\n"
CLOSING = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"
EACH_DIALS = Limits(keepalive=1e-9)
OLD, NEW = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3

KINDS = [
    pytest.param({"newest": OLD}, id="tls-1.2-ticket"),
    pytest.param({"newest": OLD, "tickets": False}, id="tls-1.2-id"),
    pytest.param({"newest": NEW}, id="tls-1.3-ticket"),
    pytest.param({"newest": NEW, "tickets": False}, id="tls-1.3-single-use-ticket"),
]
BACKENDS = [threaded, cooperative]


@dataclass
class Clock:
    """Seconds that pass when a test says so."""

    now: float = 1000.0

    def backend(self) -> Backend:
        """Make a backend in threads whose TLS sessions grow old by this clock."""

        class Pool(threaded().pool_class):  # type: ignore[misc]  # mypy takes no base that is computed
            clock = staticmethod(lambda: self.now)

        return replace(threaded(), pool_class=Pool)


def ask(client: Gateway, method: str = "GET") -> bytes:
    with client.send(method, "/", LINES) as answer:
        return answer.read()


def resumed(gateway: RawGateway) -> list[bool]:
    """Tell of each handshake that came to its end whether it was a resumed one."""
    return [peer.resumed for peer in gateway.peers]


def pinned(store: FileTrustStore, gateway: RawGateway) -> FileTrustStore:
    """Return ``store`` with the certificate of ``gateway``, so that no handshake is needed for a first use."""
    assert gateway.identity is not None
    store.pin(gateway.origin, gateway.identity.certificate)
    return store


def forget(tmp_path: Path) -> None:
    """Remove all pins from the fixture's store."""
    for record in (tmp_path / "certs").iterdir():
        record.unlink()


# --- where a connection cannot be kept ---------------------------------------------------------------------


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("kind", KINDS)
def test_gateway_that_closes_each_connection_shakes_hands_in_full_once(
    raw_gateway: StartGateway, store: FileTrustStore, kind: dict[str, Any], backend: Callable[[], Backend]
) -> None:
    gateway = raw_gateway(answering(CLOSING), **kind)
    with Gateway(gateway.origin, pinned(store, gateway), None, backend()) as client:
        assert [ask(client) for _ in range(4)] == [b"ok"] * 4
    assert resumed(gateway) == [False, True, True, True]
    assert gateway.connections == 4
    assert gateway.most_open == 1


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("kind", KINDS)
def test_request_after_the_gateways_idle_close_resumes(
    raw_gateway: StartGateway, store: FileTrustStore, kind: dict[str, Any], backend: Callable[[], Backend]
) -> None:
    idle_for_too_long = threading.Event()

    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(OK)
        assert idle_for_too_long.wait(PATIENCE)

    gateway = raw_gateway(script, **kind)
    with Gateway(gateway.origin, pinned(store, gateway), None, backend()) as client:
        assert ask(client) == b"ok"
        idle_for_too_long.set()

        def has_parted() -> bool:
            client.follow()
            return gateway.open_now == 0

        assert settles(has_parted)
        assert ask(client) == b"ok"
    assert resumed(gateway) == [False, True]


@pytest.mark.parametrize("kind", KINDS)
def test_request_after_our_own_idle_close_resumes(
    raw_gateway: StartGateway, store: FileTrustStore, kind: dict[str, Any]
) -> None:
    gateway = raw_gateway(OK, **kind)
    with Gateway(gateway.origin, pinned(store, gateway), EACH_DIALS) as client:
        assert [ask(client), ask(client)] == [b"ok", b"ok"]
    assert resumed(gateway) == [False, True]


@pytest.mark.parametrize("kind", KINDS)
def test_session_without_the_whole_certificate_resumes_as_well(
    raw_gateway: StartGateway, identity: Identity, kind: dict[str, Any]
) -> None:
    gateway = raw_gateway(answering(CLOSING), **kind)
    with Gateway(gateway.origin, PinnedTrustStore([identity.certificate.fingerprint])) as client:
        assert [ask(client), ask(client)] == [b"ok", b"ok"]
    assert resumed(gateway) == [False, True]


def test_session_in_a_group_that_was_found_by_trying_resumes(
    raw_gateway: StartGateway, store: FileTrustStore, tmp_path: Path
) -> None:
    group = "brainpoolP256r1"
    gateway = raw_gateway(answering(CLOSING), brainpool(tmp_path, group), newest=OLD, group=group)
    with Gateway(gateway.origin, pinned(store, gateway)) as client:
        assert [ask(client) for _ in range(3)] == [b"ok"] * 3
    assert resumed(gateway) == [False, True, True]
    assert gateway.connections == 4, "the first one had no group in common"


@pytest.mark.parametrize("newest", [OLD, NEW])
def test_session_of_a_connection_that_carried_no_request_resumes(
    raw_gateway: StartGateway, store: FileTrustStore, newest: ssl.TLSVersion
) -> None:
    gateway = raw_gateway(OK, newest=newest)
    with Gateway(gateway.origin, pinned(store, gateway)) as client:
        client.connect()
        assert settles(lambda: bool(gateway.peers))
        socket.socket.shutdown(gateway.peers[0].connection, socket.SHUT_WR)

        def has_parted() -> bool:
            client.follow()
            return gateway.open_now == 0

        assert settles(has_parted)
        assert ask(client) == b"ok"
    assert resumed(gateway) == [False, True]


def test_connection_that_is_kept_needs_one_handshake(raw_gateway: StartGateway, store: FileTrustStore) -> None:
    gateway = raw_gateway(OK)
    with Gateway(gateway.origin, pinned(store, gateway)) as client:
        assert [ask(client) for _ in range(50)] == [b"ok"] * 50
    assert resumed(gateway) == [False]


@pytest.mark.parametrize("kind", KINDS)
def test_gateway_remembers_the_client_certificate_and_is_not_shown_it_again(
    raw_gateway: StartGateway,
    store: FileTrustStore,
    identity: Identity,
    impostor: Identity,
    kind: dict[str, Any],
) -> None:
    mine = impostor
    gateway = raw_gateway(answering(CLOSING), clients=mine, **kind)
    tap = Wiretap(gateway.port)
    store.pin(tap.origin, identity.certificate)
    with Gateway(tap.origin, store, client_certificate=as_client(mine)) as client:
        assert ask(client) == b"ok"
        in_full = len(tap.sent)
        assert ask(client) == b"ok"
    tap.stop()
    assert resumed(gateway) == [False, True]
    assert [peer.client_certificate for peer in gateway.peers] == [mine.certificate.der] * 2
    assert mine.certificate.der not in tap.sent[in_full:]
    assert (mine.certificate.der in tap.sent) == (kind["newest"] is OLD), "TLS 1.3 encrypts it"


# --- whom a session is offered, and for how long -------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_session_is_resumed_for_48_hours_after_its_full_handshake(
    raw_gateway: StartGateway, store: FileTrustStore, kind: dict[str, Any]
) -> None:
    gateway, clock = raw_gateway(answering(CLOSING), **kind), Clock()
    with Gateway(gateway.origin, pinned(store, gateway), None, clock.backend()) as client:
        for hours in (0, 24, 24, 1, 24, 24):  # what is resumed in between makes nothing younger
            clock.now += hours * 3600
            assert ask(client) == b"ok"
    assert resumed(gateway) == [False, True, True, False, True, True]


def test_session_is_48_hours_old_at_most() -> None:
    assert LONGEST == 48 * 60 * 60


@pytest.mark.parametrize("kind", KINDS)
def test_session_ends_with_its_pin_though_the_gateway_would_resume_it(
    raw_gateway: StartGateway, tmp_path: Path, store: FileTrustStore, kind: dict[str, Any]
) -> None:
    gateway = raw_gateway(answering(CLOSING), **kind)
    with Gateway(gateway.origin, pinned(store, gateway)) as client:
        assert [ask(client), ask(client)] == [b"ok", b"ok"]
        forget(tmp_path)
        assert ask(client) == b"ok", "it is the first use again"
    assert resumed(gateway) == [False, True, False, False]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("kind", KINDS)
def test_gateway_gets_no_byte_under_another_pin_though_it_would_resume(
    raw_gateway: StartGateway,
    tmp_path: Path,
    store: FileTrustStore,
    impostor: Identity,
    kind: dict[str, Any],
    backend: Callable[[], Backend],
) -> None:
    gateway = raw_gateway(answering(CLOSING), **kind)
    with Gateway(gateway.origin, pinned(store, gateway), None, backend()) as client:
        assert [ask(client), ask(client)] == [b"ok", b"ok"]
        sent = gateway.received
        forget(tmp_path)
        store.pin(gateway.origin, impostor.certificate)
        with pytest.raises(CertificateChanged):
            ask(client)
    gateway.stop()
    assert resumed(gateway)[:2] == [False, True]
    assert not any(resumed(gateway)[2:])
    assert gateway.received == sent


def test_certificate_of_a_resumed_session_is_compared_with_the_pin(
    raw_gateway: StartGateway, identity: Identity, impostor: Identity
) -> None:
    gateway = raw_gateway(answering(CLOSING), newest=OLD)
    right, wrong = Pin(identity.certificate.fingerprint), Pin(impostor.certificate.fingerprint)
    with Gateway(gateway.origin, PinnedTrustStore([right.fingerprint])) as client:
        assert ask(client) == b"ok"
        pools = client._pools
        sessions = pools._pool(right, None)._sessions
        kept = sessions._newest
        pools.allow([wrong], pools.ticket())
        other = pools._pool(wrong, None)  # of the same TLS context: neither has an anchor
        assert kept is not None
        other._sessions.keep(kept)  # as no code of ours does
        with pytest.raises(SSLError, match="Fingerprints did not match"):
            other.connect_one()
        assert other._sessions._newest is None, "what did not match is forgotten"
    gateway.stop()
    assert resumed(gateway) == [False, True]
    assert gateway.peers[1].received == b""


def test_session_is_offered_in_its_own_context_alone(raw_gateway: StartGateway, identity: Identity) -> None:
    gateway = raw_gateway(answering(CLOSING), newest=OLD)
    with Gateway(gateway.origin, PinnedTrustStore([identity.certificate.fingerprint])) as client:
        assert ask(client) == b"ok"
        current = client._pools._current
        assert current is not None
        assert current._sessions.of(client._pools._context(None)) is not None
        assert current._sessions.of(client._pools._context("brainpoolP256r1")) is None


def test_another_object_for_the_same_gateway_begins_anew(raw_gateway: StartGateway, store: FileTrustStore) -> None:
    gateway = raw_gateway(answering(CLOSING))
    pinned(store, gateway)
    for _ in range(2):
        with Gateway(gateway.origin, store) as client:
            assert [ask(client), ask(client)] == [b"ok", b"ok"]
    assert resumed(gateway) == [False, True, False, True]


def test_gateway_whose_pin_goes_while_it_fails_over_a_session_is_not_asked_again(
    raw_gateway: StartGateway, store: FileTrustStore
) -> None:
    gateway = raw_gateway(answering(CLOSING))
    with Gateway(gateway.origin, pinned(store, gateway)) as client:
        assert [ask(client), ask(client)] == [b"ok", b"ok"]

        def revoked(connection: ssl.SSLSocket) -> int:
            client._pools.allow([], client._pools.ticket())
            return fail(connection)

        gateway.on_resumption = revoked
        with pytest.raises(GatewayError):
            ask(client)
    assert gateway.connections == 3


# --- strangers -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_impostor_with_the_certificate_but_without_key_and_session_gets_no_byte(
    raw_gateway: StartGateway,
    store: FileTrustStore,
    tmp_path: Path,
    identity: Identity,
    kind: dict[str, Any],
) -> None:
    gateway = raw_gateway(answering(CLOSING), **kind)
    pinned(store, gateway)
    with running_proxy(gateway.origin, store) as proxy:
        for _ in range(2):
            assert raw_exchange(proxy.port, GET).startswith(b"HTTP/1.1 200 ")
        assert resumed(gateway) == [False, True]
        gateway.stop()
        thief = raw_gateway(OK, stolen(tmp_path, identity), port=gateway.port, **kind)
        assert raw_exchange(proxy.port, GET).startswith(b"HTTP/1.1 502 ")
    thief.stop()
    assert len(thief.failed_handshakes) == thief.connections == 2, "with the session, and without"
    assert thief.received == b""


def claiming_to_resume(peer: Peer) -> None:
    """Resume whatever session is offered in TLS 1.2, without knowing its secret."""
    hello = b""
    while len(hello) < 5 or len(hello) < 5 + int.from_bytes(hello[3:5]):
        piece = peer.connection.recv(4096)
        if not piece:
            return
        hello += piece
        peer.received += piece
    session = hello[44 : 44 + hello[43]]
    extensions = bytes.fromhex(
        "ff010001000017 0000".replace(" ", "")
    )  # renegotiation_info, extended_master_secret
    body = b"\x03\x03" + bytes(32) + bytes([len(session)]) + session + b"\xc0\x2b\x00"
    body += len(extensions).to_bytes(2) + extensions
    message = b"\x02" + len(body).to_bytes(3) + body
    finished = b"\x16\x03\x03\x00\x28" + bytes(40)
    peer.send(b"\x16\x03\x03" + len(message).to_bytes(2) + message + b"\x14\x03\x03\x00\x01\x01" + finished)
    with suppress(ConnectionError):
        while peer.begun():
            pass


def records(octets: bytes) -> Sequence[int]:
    """Return the types of the TLS records in ``octets``."""
    types = []
    while octets:
        types.append(octets[0])
        octets = octets[5 + int.from_bytes(octets[3:5]) :]
    return types


@pytest.mark.parametrize("backend", BACKENDS)
def test_impostor_who_claims_to_resume_gets_no_byte(
    raw_gateway: StartGateway, store: FileTrustStore, backend: Callable[[], Backend]
) -> None:
    gateway = raw_gateway(answering(CLOSING), newest=OLD, suites="ECDHE-ECDSA-AES128-GCM-SHA256")
    with Gateway(gateway.origin, pinned(store, gateway), None, backend()) as client:
        assert ask(client) == b"ok"
        gateway.stop()
        liar = raw_gateway(claiming_to_resume, None, port=gateway.port)
        with pytest.raises(GatewayError):
            ask(client)
    liar.stop()
    handshake, alert, change_cipher_spec = 22, 21, 20
    first, second = liar.peers
    assert records(first.received) == [handshake, alert], "it took the session, and could not finish"
    assert set(records(second.received)) <= {handshake, alert, change_cipher_spec}


# --- when it goes wrong --------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("kind", KINDS)
def test_gateway_that_forgot_the_session_gets_a_full_handshake_over_the_same_connection(
    raw_gateway: StartGateway, store: FileTrustStore, kind: dict[str, Any], backend: Callable[[], Backend]
) -> None:
    gateway = raw_gateway(answering(CLOSING), **kind)
    with Gateway(gateway.origin, pinned(store, gateway), None, backend()) as client:
        assert [ask(client), ask(client)] == [b"ok", b"ok"]
        gateway.reboot()
        assert [ask(client), ask(client)] == [b"ok", b"ok"]
    assert resumed(gateway) == [False, True, False, True]
    assert gateway.connections == 4


def cut(connection: ssl.SSLSocket) -> None:
    socket.socket.shutdown(connection, socket.SHUT_RDWR)


def refuse(_: ssl.SSLSocket) -> int:
    return ssl.AlertDescription.ALERT_DESCRIPTION_HANDSHAKE_FAILURE


def fail(_: ssl.SSLSocket) -> int:
    return ssl.AlertDescription.ALERT_DESCRIPTION_INTERNAL_ERROR


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("failing", [cut, refuse, fail])
@pytest.mark.parametrize("kind", KINDS)
def test_gateway_that_fails_over_a_session_is_asked_once_more_in_full_and_then_not_for_an_hour(
    raw_gateway: StartGateway,
    store: FileTrustStore,
    kind: dict[str, Any],
    failing: Callable[[ssl.SSLSocket], int | None],
    backend: Callable[[], Backend],
) -> None:
    gateway = raw_gateway(answering(CLOSING), on_resumption=failing, **kind)
    with Gateway(gateway.origin, pinned(store, gateway), None, backend()) as client:
        assert [ask(client, "POST") for _ in range(4)] == [b"ok"] * 4
    assert gateway.connections == 5
    assert resumed(gateway) == [False] * 4
    assert gateway.received.count(b"POST") == 4


class Slow(list[str]):
    """Takes its time to remember, and so does the gateway that has failed, before it closes the connection."""

    def append(self, failure: str) -> None:
        super().append(failure)
        time.sleep(0.05)


@pytest.mark.parametrize("backend", BACKENDS)
def test_full_handshake_begins_after_the_gateway_has_closed_the_connection_that_failed(
    raw_gateway: StartGateway, store: FileTrustStore, backend: Callable[[], Backend]
) -> None:
    gateway = raw_gateway(answering(CLOSING), on_resumption=fail, failed_handshakes=Slow())
    with Gateway(gateway.origin, pinned(store, gateway), None, backend()) as client:
        assert [ask(client), ask(client)] == [b"ok", b"ok"]
    assert gateway.connections == 3
    assert gateway.most_open == 1


@pytest.mark.skipif(not _A_LOOK_LEAKS, reason="Python has mended it")
@pytest.mark.parametrize("kind", KINDS)
def test_session_is_looked_at_once_a_full_handshake_since_each_look_leaks(
    raw_gateway: StartGateway, store: FileTrustStore, kind: dict[str, Any]
) -> None:
    looks: list[ssl.SSLSocket] = []

    class Watched(ssl.SSLSocket):
        def __getattribute__(self, name: str) -> Any:
            if name == "session":
                looks.append(self)
            return super().__getattribute__(name)

    class Context(ResumingContext):
        sslsocket_class = Watched

    gateway = raw_gateway(answering(CLOSING), **kind)
    with Gateway(
        gateway.origin, pinned(store, gateway), None, replace(threaded(), context_class=Context)
    ) as client:
        assert [ask(client) for _ in range(5)] == [b"ok"] * 5
        assert resumed(gateway) == [False, True, True, True, True]
        gateway.on_resumption = fail
        assert [ask(client) for _ in range(5)] == [b"ok"] * 5
    assert len(looks) == 1


@pytest.mark.parametrize("backend", BACKENDS)
def test_look_at_another_certificate_begins_after_the_handshake_that_it_failed_has_been_closed(
    raw_gateway: StartGateway,
    store: FileTrustStore,
    identity: Identity,
    impostor: Identity,
    backend: Callable[[], Backend],
) -> None:
    gateway = raw_gateway(OK, impostor, failed_handshakes=Slow())
    store.pin(gateway.origin, identity.certificate)
    with Gateway(gateway.origin, store, None, backend()) as client, pytest.raises(CertificateChanged):
        ask(client)
    assert gateway.connections == 2
    assert gateway.most_open == 1


def test_session_is_offered_again_after_an_hour(raw_gateway: StartGateway, store: FileTrustStore) -> None:
    gateway, clock = raw_gateway(answering(CLOSING), on_resumption=fail), Clock()
    with Gateway(gateway.origin, pinned(store, gateway), None, clock.backend()) as client:
        assert [ask(client), ask(client)] == [b"ok", b"ok"]
        gateway.on_resumption = lambda _: None
        clock.now += PAUSE - 1
        assert ask(client) == b"ok"
        clock.now += 1
        assert [ask(client), ask(client)] == [b"ok", b"ok"]
    assert resumed(gateway)[:3] == [False] * 3
    assert resumed(gateway)[-1]


def test_gateway_that_is_silent_over_a_session_is_not_offered_it_again(
    raw_gateway: StartGateway, store: FileTrustStore
) -> None:
    over = threading.Event()

    def hang(_: ssl.SSLSocket) -> None:
        over.wait(PATIENCE)

    gateway = raw_gateway(answering(CLOSING), on_resumption=hang)
    with Gateway(gateway.origin, pinned(store, gateway), Limits(connect_timeout=1)) as client:
        assert ask(client) == b"ok"
        with pytest.raises(GatewayConnectTimeout):
            ask(client)
        assert gateway.connections == 2, "it has had its time"
        over.set()
        assert ask(client) == b"ok"
    gateway.stop()
    assert gateway.peers[-1].resumed is False


def test_gateway_that_is_not_there_is_no_reason_to_forget_the_session(
    raw_gateway: StartGateway, store: FileTrustStore
) -> None:
    gateway = raw_gateway(answering(CLOSING))
    with Gateway(gateway.origin, pinned(store, gateway)) as client:
        assert [ask(client), ask(client)] == [b"ok", b"ok"]
        gateway.stop()
        with pytest.raises(GatewayRefused):
            ask(client)
        back = raw_gateway(answering(CLOSING), port=gateway.port)
        back._context = gateway._context
        assert ask(client) == b"ok"
    assert resumed(back) == [True]


@pytest.mark.parametrize("kind", KINDS)
def test_gateway_that_answers_nothing_over_a_resumed_session_gets_a_full_handshake_the_next_time(
    raw_gateway: StartGateway, store: FileTrustStore, kind: dict[str, Any]
) -> None:
    def script(peer: Peer) -> None:
        peer.read_request()
        if not peer.resumed:
            peer.send(CLOSING)

    gateway = raw_gateway(script, **kind)
    with Gateway(gateway.origin, pinned(store, gateway)) as client:
        assert ask(client, "POST") == b"ok"
        with pytest.raises(GatewayClosed):
            ask(client, "POST")
        assert [ask(client, "POST") for _ in range(3)] == [b"ok"] * 3
    assert resumed(gateway) == [False, True, False, False, False]


@pytest.mark.parametrize("kind", KINDS)
def test_gateway_that_is_silent_over_the_first_request_of_a_resumed_session_gets_a_full_handshake_the_next_time(
    raw_gateway: StartGateway, store: FileTrustStore, kind: dict[str, Any]
) -> None:
    def script(peer: Peer) -> None:
        peer.read_request()
        if peer.resumed:
            peer.begun()  # waits until the proxy has had enough
        else:
            peer.send(CLOSING)

    gateway = raw_gateway(script, **kind)
    with Gateway(gateway.origin, pinned(store, gateway), Limits(read_timeout=1)) as client:
        assert ask(client, "POST") == b"ok"
        with pytest.raises(GatewayReadTimeout):
            ask(client, "POST")
        assert [ask(client, "POST") for _ in range(3)] == [b"ok"] * 3
    assert resumed(gateway) == [False, True, False, False, False]


def test_client_that_leaves_within_a_resumed_handshake_leaves_no_connection_behind(
    raw_gateway: StartGateway, store: FileTrustStore
) -> None:
    greeted: queue.Queue[ssl.SSLSocket] = queue.Queue()
    over = threading.Event()

    def hang(connection: ssl.SSLSocket) -> None:
        greeted.put(connection)
        over.wait(PATIENCE)

    gateway = raw_gateway(answering(CLOSING), on_resumption=hang)
    with running_proxy(gateway.origin, pinned(store, gateway)) as proxy:
        assert raw_exchange(proxy.port, GET).startswith(b"HTTP/1.1 200 ")
        with connected(proxy.port) as client:
            client.sendall(GET)
            half_way = greeted.get(timeout=PATIENCE)
        has_been_reset = 7  # the first byte of struct tcp_info
        try:
            assert settles(
                lambda: half_way.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == has_been_reset
            )
        finally:
            over.set()
        assert raw_exchange(proxy.port, GET).startswith(b"HTTP/1.1 200 ")
    assert resumed(gateway) == [False, True], "it was not the session's fault"


def test_changed_certificate_after_a_session_is_told_as_ever(
    raw_gateway: StartGateway, store: FileTrustStore, impostor: Identity
) -> None:
    gateway = raw_gateway(answering(CLOSING))
    with Gateway(gateway.origin, pinned(store, gateway)) as client:
        assert [ask(client), ask(client)] == [b"ok", b"ok"]
        gateway.stop()
        stranger = raw_gateway(OK, impostor, port=gateway.port)
        with pytest.raises(CertificateChanged):
            ask(client)
    stranger.stop()
    assert stranger.connections == 2, "the one that failed, and a look at the certificate"
    assert stranger.received == b""


def test_contexts_keep_no_session_of_connections_that_are_gone(
    raw_gateway: StartGateway, store: FileTrustStore
) -> None:
    gateway = raw_gateway(answering(CLOSING))
    with Gateway(gateway.origin, pinned(store, gateway)) as client:
        assert [ask(client) for _ in range(3)] == [b"ok"] * 3
        gc.collect()
        ((_, context),) = client._pools._anchors.values()
        assert len(context._offers) == 0  # type: ignore[attr-defined]  # it is a ResumingContext
