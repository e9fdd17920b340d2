"""What goes wrong on the gateway's side: each fault its own error, status, Proxy-Status and page."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from smgwproxy.errors import (
    BadRequest,
    CertificateChanged,
    CertificateRevoked,
    ClientGone,
    ClientNotAllowed,
    CrossSite,
    ExchangeError,
    GatewayAnswerIncomplete,
    GatewayAnswerInvalid,
    GatewayBusy,
    GatewayClosed,
    GatewayConnectTimeout,
    GatewayHandshakeCut,
    GatewayNameUnknown,
    GatewayNotTLS,
    GatewayReadTimeout,
    GatewayRefused,
    GatewayTlsBroken,
    GatewayUnreachable,
    PinRefused,
    PinWithdrawn,
    TrustStoreError,
    UnknownHost,
)
from smgwproxy.gateway import Gateway
from smgwproxy.limits import Limits
from smgwproxy.origin import Origin
from smgwproxy.truststores.file import FileTrustStore
from tests.support import (
    OK,
    PATIENCE,
    Identity,
    Peer,
    RawGateway,
    RunningProxy,
    answering,
    head_lines,
    raw_exchange,
    running_proxy,
)

StartGateway = Callable[..., RawGateway]
GET = b"GET / HTTP/1.1\r\nHost: pi:8080\r\nConnection: close\r\n\r\n"
# Each as short as what must still succeed allows, on a busy machine too.
SHORT_CONNECT = Limits(connect_timeout=0.2)
SHORT_READ = Limits(read_timeout=1)


def post(body: bytes = b"x") -> bytes:
    head = f"POST / HTTP/1.1\r\nHost: pi:8080\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode() + body


def answer(status: int, kind: str, said: bytes) -> dict[str, object]:
    """Check what a program is told, and return the document of RFC 9457."""
    lines = head_lines(said)
    assert lines[0].split()[1] == str(status).encode()
    assert any(line.startswith(b"Proxy-Status: smgwproxy; error=" + kind.encode()) for line in lines)
    assert b"Content-Type: application/problem+json" in lines
    document = json.loads(said.partition(b"\r\n\r\n")[2])
    assert document["status"] == status
    assert document["detail"]
    assert document["advice"]
    assert isinstance(document, dict)
    return document


@contextmanager
def silent_listener(accept: bool = False) -> Iterator[Origin]:  # two kinds of silence
    """A port where nothing is ever said: connections are queued, or not even taken."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        origin = Origin(*listener.getsockname())
        if accept:
            yield origin
            return
        fillers = [socket.socket() for _ in range(3)]
        for filler in fillers:  # fills the queue, so that the kernel drops further SYNs
            filler.setblocking(False)
            filler.connect_ex((origin.host, origin.port))
        try:
            yield origin
        finally:
            for filler in fillers:
                filler.close()


# --- no connection --------------------------------------------------------------------------------------


def test_refused_connection_is_told(raw_gateway: StartGateway, store: FileTrustStore) -> None:
    gateway = raw_gateway(OK)
    gateway.stop()
    with running_proxy(gateway.origin, store) as proxy:
        answer(502, "connection_refused", raw_exchange(proxy.port, GET))
        assert type(proxy.next_exchange().error) is GatewayRefused


def test_unreachable_gateway_is_told(store: FileTrustStore) -> None:
    with running_proxy(Origin("255.255.255.255"), store) as proxy:
        answer(502, "destination_ip_unroutable", raw_exchange(proxy.port, GET))
        assert type(proxy.next_exchange().error) is GatewayUnreachable


def test_interface_that_is_not_there_is_told(store: FileTrustStore) -> None:
    with running_proxy(Origin("fe80::1%nosuchif0"), store) as proxy:
        document = answer(502, "destination_ip_unroutable", raw_exchange(proxy.port, GET))
        assert type(proxy.next_exchange().error) is GatewayUnreachable
    assert "nosuchif0" in str(document["detail"])


def test_connection_that_is_not_taken_times_out(store: FileTrustStore) -> None:
    with silent_listener() as origin, running_proxy(origin, store, SHORT_CONNECT) as proxy:
        answer(504, "connection_timeout", raw_exchange(proxy.port, GET))
        assert type(proxy.next_exchange().error) is GatewayConnectTimeout


def test_silent_handshake_times_out(store: FileTrustStore) -> None:
    with silent_listener(accept=True) as origin, running_proxy(origin, store, SHORT_CONNECT) as proxy:
        answer(504, "connection_timeout", raw_exchange(proxy.port, GET))
        assert type(proxy.next_exchange().error) is GatewayConnectTimeout


def test_silent_handshake_with_a_pinned_gateway_times_out(store: FileTrustStore, identity: Identity) -> None:
    with silent_listener(accept=True) as origin:
        store.pin(origin, identity.certificate)
        with running_proxy(origin, store, Limits(connect_timeout=0.2)) as proxy:
            answer(504, "connection_timeout", raw_exchange(proxy.port, GET))


def test_peer_that_speaks_no_tls_is_told(raw_gateway: StartGateway, store: FileTrustStore) -> None:
    gateway = raw_gateway(lambda peer: peer.send(OK), None)
    with running_proxy(gateway.origin, store) as proxy:
        document = answer(502, "tls_protocol_error", raw_exchange(proxy.port, GET))
        assert type(proxy.next_exchange().error) is GatewayNotTLS
    assert str(gateway.origin) in str(document["detail"])


def test_gateway_with_old_tls_only_is_told(store: FileTrustStore, identity: Identity) -> None:
    old = RawGateway(identity)
    assert old._context is not None
    old._context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old._context.maximum_version = ssl.TLSVersion.TLSv1_1
    with running_proxy(old.origin, store) as proxy:
        answer(502, "tls_protocol_error", raw_exchange(proxy.port, GET))
    old.stop()


# --- no answer ------------------------------------------------------------------------------------------


def test_silent_gateway_times_out(raw_gateway: StartGateway, store: FileTrustStore) -> None:
    gateway = raw_gateway(lambda peer: (peer.read_request(), peer.read_head())[0] and None)
    with running_proxy(gateway.origin, store, SHORT_READ) as proxy:
        answer(504, "connection_read_timeout", raw_exchange(proxy.port, GET))
        assert type(proxy.next_exchange().error) is GatewayReadTimeout


def test_gateway_that_does_not_take_the_body_times_out(raw_gateway: StartGateway, store: FileTrustStore) -> None:
    done = threading.Event()
    gateway = raw_gateway(lambda peer: (peer.read_head(), done.wait(PATIENCE))[0] and None)
    with running_proxy(gateway.origin, store, SHORT_READ) as proxy:
        with suppress(BrokenPipeError, ConnectionResetError):  # so much unread lets the proxy close with a reset
            raw_exchange(proxy.port, post(bytes(16 * 1024 * 1024)))
        assert isinstance(proxy.next_exchange().error, GatewayReadTimeout)
    done.set()


def test_sending_a_body_may_take_longer_than_connecting(raw_gateway: StartGateway, store: FileTrustStore) -> None:
    size = 16 * 1024 * 1024
    stuck = threading.Event()

    def script(peer: Peer) -> None:
        peer.read_head()
        stuck.wait(1.5)  # longer than the connection may take: nothing is read, so sending must wait
        peer.discard_body(size)
        peer.send(OK)

    gateway = raw_gateway(script)
    with running_proxy(gateway.origin, store, Limits(connect_timeout=1)) as proxy:
        assert raw_exchange(proxy.port, post(bytes(size))).endswith(b"ok")


def test_connection_closed_without_an_answer_is_told_with_the_likely_cause(
    raw_gateway: StartGateway, store: FileTrustStore
) -> None:
    gateway = raw_gateway(answering())
    with running_proxy(gateway.origin, store) as proxy:
        document = answer(502, "connection_terminated", raw_exchange(proxy.port, GET))
        assert type(proxy.next_exchange().error) is GatewayClosed
    assert "password" in str(document["advice"])


def test_reset_is_told(raw_gateway: StartGateway, store: FileTrustStore) -> None:
    def script(peer: Peer) -> None:
        peer.read_request()
        peer.reset()

    gateway = raw_gateway(script)
    with running_proxy(gateway.origin, store) as proxy:
        answer(502, "connection_terminated", raw_exchange(proxy.port, GET))
        assert type(proxy.next_exchange().error) is GatewayClosed


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01 what\r\n\r\n",
        b"SSH-2.0-OpenSSH_9\r\n\r\n",
        b"HTTP/2 200 OK\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\nX: y\n\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nBad Name: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: y\r\n folded\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" * 20,
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 40000 + b"\r\n\r\n",
    ],
    ids=lambda garbage: repr(garbage[:30]),
)
def test_garbage_is_told_and_its_connection_is_dropped(
    raw_gateway: StartGateway, store: FileTrustStore, garbage: bytes
) -> None:
    gateway = raw_gateway(garbage)
    with running_proxy(gateway.origin, store) as proxy:
        answer(502, "http_protocol_error", raw_exchange(proxy.port, GET))
        assert type(proxy.next_exchange().error) is GatewayAnswerInvalid
        gateway.script = answering(OK)
        assert raw_exchange(proxy.port, GET).endswith(b"\r\n\r\nok")
    assert gateway.connections == 3  # first use, the garbage, a new one


def test_head_that_breaks_off_is_told(raw_gateway: StartGateway, store: FileTrustStore) -> None:
    gateway = raw_gateway(answering(b"HTTP/1.1 200 OK\r\nContent-Le"))
    with running_proxy(gateway.origin, store) as proxy:
        answer(502, "http_response_incomplete", raw_exchange(proxy.port, GET))


# --- half an answer -------------------------------------------------------------------------------------


def test_garbage_in_the_first_chunk_is_told_when_it_comes_with_the_head(
    raw_gateway: StartGateway, store: FileTrustStore
) -> None:
    gateway = raw_gateway(answering(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"))
    with running_proxy(gateway.origin, store) as proxy:
        answer(502, "http_protocol_error", raw_exchange(proxy.port, GET))
        assert proxy.next_exchange().status == 502


def test_head_cut_without_farewell_is_told_as_a_broken_answer(
    raw_gateway: StartGateway, store: FileTrustStore
) -> None:
    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Le")
        peer.connection.close()

    gateway = raw_gateway(script)
    with running_proxy(gateway.origin, store) as proxy:
        answer(502, "http_response_incomplete", raw_exchange(proxy.port, GET))


def test_dripping_handshake_times_out(store: FileTrustStore) -> None:
    done = threading.Event()

    def drip(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection, suppress(OSError):
            for octet in b"\x16\x03\x03\x3f\xff" + bytes(1000):  # a record that never ends
                connection.sendall(bytes([octet]))
                if done.wait(0.05):
                    return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        dripping = threading.Thread(target=drip, args=(listener,))
        dripping.start()
        with running_proxy(Origin(*listener.getsockname()), store, Limits(connect_timeout=0.3)) as proxy:
            answer(504, "connection_timeout", raw_exchange(proxy.port, GET))
        done.set()
        dripping.join(PATIENCE)


def is_whole(said: bytes) -> bool:
    """Tell whether a client could take ``said``, all that came until the end, for a whole answer."""
    head, _, body = said.partition(b"\r\n\r\n")
    if b"Transfer-Encoding: chunked" in head:
        return body.endswith(b"0\r\n\r\n")
    lengths = [line for line in head.split(b"\r\n") if line.startswith(b"Content-Length: ")]
    return not lengths or len(body) == int(lengths[0].split()[1])


HALVES = {
    "length": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
    "chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nhalf",
    "between chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    "chunk garbage": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nzz\r\n",
}


@pytest.mark.parametrize("half", HALVES.values(), ids=HALVES.keys())
def test_answer_that_breaks_off_is_visibly_broken_for_the_client(
    raw_gateway: StartGateway, store: FileTrustStore, half: bytes
) -> None:
    gateway = raw_gateway(answering(half))
    with running_proxy(gateway.origin, store) as proxy:
        said = raw_exchange(proxy.port, GET)
        error = proxy.next_exchange().error
    assert b"half" in said
    assert not is_whole(said)
    assert isinstance(error, GatewayAnswerIncomplete | GatewayAnswerInvalid)


def cut(peer: Peer) -> None:
    """Send an answer that only the connection's end ends, and end it without TLS's farewell."""
    peer.read_request()
    peer.send(b"HTTP/1.1 200 OK\r\n\r\nhalf")
    peer.connection.close()


def test_answer_until_close_that_is_cut_is_visibly_broken(
    raw_gateway: StartGateway, store: FileTrustStore
) -> None:
    gateway = raw_gateway(cut)
    with running_proxy(gateway.origin, store) as proxy:
        assert not is_whole(raw_exchange(proxy.port, GET))
        assert isinstance(proxy.next_exchange().error, GatewayAnswerIncomplete)


def test_client_of_http_1_0_sees_a_reset_when_the_answer_is_cut(
    raw_gateway: StartGateway, store: FileTrustStore
) -> None:
    gateway = raw_gateway(cut)
    with (
        running_proxy(gateway.origin, store) as proxy,
        socket.create_connection(("127.0.0.1", proxy.port), PATIENCE) as client,
    ):
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            all(iter(lambda: client.recv(1000), b""))


def test_gateway_that_falls_silent_within_a_body_breaks_the_answer_off(
    raw_gateway: StartGateway, store: FileTrustStore
) -> None:
    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(HALVES["length"])
        peer.read_head()

    gateway = raw_gateway(script)
    with running_proxy(gateway.origin, store, SHORT_READ) as proxy:
        assert not is_whole(raw_exchange(proxy.port, GET))
        assert isinstance(proxy.next_exchange().error, GatewayReadTimeout)


# --- what a person sees ---------------------------------------------------------------------------------


def test_browser_gets_a_page(raw_gateway: StartGateway, store: FileTrustStore) -> None:
    gateway = raw_gateway(OK)
    gateway.stop()
    with running_proxy(gateway.origin, store) as proxy:
        said = raw_exchange(proxy.port, GET[:-2] + b"Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\n\r\n")
    assert b"Content-Type: text/html; charset=utf-8" in head_lines(said)
    assert f"The gateway {gateway.origin} refuses the connection.".encode() in said


def test_head_request_gets_an_errors_lines_without_its_page(
    raw_gateway: StartGateway, store: FileTrustStore
) -> None:
    gateway = raw_gateway(OK)
    gateway.stop()
    with running_proxy(gateway.origin, store) as proxy:
        said = raw_exchange(proxy.port, GET.replace(b"GET", b"HEAD"))
    assert said.startswith(b"HTTP/1.1 502 ")
    assert said.endswith(b"\r\n\r\n")


def test_every_error_has_its_own_class_status_and_type(tmp_path: Path) -> None:
    origin = Origin("10.11.120.2")
    errors: list[ExchangeError] = [
        GatewayRefused(origin),
        GatewayUnreachable(origin, "no route"),
        GatewayNameUnknown(origin, "unknown"),
        GatewayConnectTimeout(origin, 10),
        GatewayReadTimeout(origin, 180),
        GatewayClosed(origin),
        GatewayHandshakeCut(origin),
        GatewayTlsBroken(origin, "bad record"),
        GatewayNotTLS(origin, "wrong version number", "TLS 1.2"),
        GatewayAnswerInvalid(origin, "the status line is malformed"),
        GatewayAnswerIncomplete(origin, "it ended"),
        GatewayBusy(origin, 60),
        CertificateChanged(origin, ("0" * 64,), "1" * 64, record="certs/10.11.120.2.json"),
        CertificateRevoked(origin, "0" * 64),
        PinWithdrawn(origin),
        PinRefused(origin, "0" * 64),
        TrustStoreError("It cannot be read.", "Mend it."),
        ClientNotAllowed("203.0.113.7", "203.0.113.0/24"),
        UnknownHost("smgw.example.org", "smgw.example.org"),
        CrossSite("https://evil.example"),
    ]
    told = [(error.status, error.proxy_error) for error in errors]
    assert told == [
        (502, "connection_refused"),
        (502, "destination_ip_unroutable"),
        (502, "dns_error"),
        (504, "connection_timeout"),
        (504, "connection_read_timeout"),
        (502, "connection_terminated"),
        (502, "connection_terminated"),
        (502, "tls_protocol_error"),
        (502, "tls_protocol_error"),
        (502, "http_protocol_error"),
        (502, "http_response_incomplete"),
        (503, "connection_limit_reached"),
        (502, "tls_certificate_error"),
        (502, "tls_certificate_error"),
        (502, "tls_certificate_error"),
        (502, "tls_certificate_error"),
        (500, "proxy_internal_error"),
        (403, "http_request_denied"),
        (421, "http_request_denied"),
        (403, "http_request_denied"),
    ]
    for error in errors[:14]:
        assert str(origin) in error.message
        assert error.advice


# --- afterwards -----------------------------------------------------------------------------------------


def test_proxy_recovers_by_itself_when_the_gateway_is_back(
    raw_gateway: StartGateway, store: FileTrustStore, identity: Identity
) -> None:
    gateway = raw_gateway(OK)
    with running_proxy(gateway.origin, store) as proxy:
        assert raw_exchange(proxy.port, GET).startswith(b"HTTP/1.1 200 ")
        gateway.stop()
        assert raw_exchange(proxy.port, GET).startswith(b"HTTP/1.1 502 ")
        raw_gateway(OK, identity, port=gateway.port)
        assert raw_exchange(proxy.port, GET).startswith(b"HTTP/1.1 200 ")


def test_kept_connection_that_died_costs_a_harmless_request_nothing(
    raw_gateway: StartGateway, store: FileTrustStore
) -> None:
    gateway = raw_gateway(close_at_second_request)
    with running_proxy(gateway.origin, store) as proxy:
        assert raw_exchange(proxy.port, GET).endswith(b"ok")
        assert raw_exchange(proxy.port, GET).endswith(b"ok")
    assert gateway.received.count(b"GET / ") == 3


def close_at_second_request(peer: Peer) -> None:
    peer.read_request()
    peer.send(OK)
    peer.read_request()


@pytest.mark.parametrize(
    "request_bytes",
    [
        post(b""),
        GET[:-2] + b"Content-Length: 1\r\n\r\nx",
        post(),
        GET[:-2] + b"Authorization: Digest x\r\n\r\n",
        GET[:-2] + b"Cookie: session=1\r\n\r\n",
    ],
    ids=["method", "body", "both", "credentials", "cookie"],
)
def test_request_that_may_count_twice_is_never_repeated(
    raw_gateway: StartGateway, store: FileTrustStore, request_bytes: bytes
) -> None:
    gateway = raw_gateway(close_at_second_request)
    with running_proxy(gateway.origin, store) as proxy:
        assert raw_exchange(proxy.port, GET).endswith(b"ok")
        answer(502, "connection_terminated", raw_exchange(proxy.port, request_bytes))
    assert sum(peer.received.count(b" / HTTP/1.1\r\n") for peer in gateway.peers) == 2


def test_harmless_request_is_repeated_once_only(raw_gateway: StartGateway, store: FileTrustStore) -> None:
    gateway = raw_gateway(close_at_second_request)
    with running_proxy(gateway.origin, store) as proxy:
        assert raw_exchange(proxy.port, GET).endswith(b"ok")
        gateway.script = answering()
        answer(502, "connection_terminated", raw_exchange(proxy.port, GET))
    assert gateway.received.count(b"GET / ") == 3


def test_fresh_connection_that_dies_is_not_tried_again(raw_gateway: StartGateway, store: FileTrustStore) -> None:
    gateway = raw_gateway(answering())
    with running_proxy(gateway.origin, store) as proxy:
        answer(502, "connection_terminated", raw_exchange(proxy.port, GET))
    assert gateway.received.count(b"GET / ") == 1


# --- the queue ------------------------------------------------------------------------------------------


def holding(peer: Peer, arrived: threading.Event, release: threading.Event) -> None:
    while peer.read_request():
        arrived.set()
        assert release.wait(PATIENCE)
        peer.send(OK)


@contextmanager
def busy(
    raw_gateway: StartGateway, store: FileTrustStore, limits: Limits
) -> Iterator[tuple[RunningProxy, RawGateway, threading.Event]]:
    """A proxy whose only connection is taken by a request, until the event is set."""
    arrived, release = threading.Event(), threading.Event()
    gateway = raw_gateway(lambda peer: holding(peer, arrived, release))
    with running_proxy(gateway.origin, store, limits) as proxy:
        first = threading.Thread(target=lambda: raw_exchange(proxy.port, GET))
        first.start()
        assert arrived.wait(PATIENCE)
        try:
            yield proxy, gateway, release
        finally:
            release.set()
            first.join(PATIENCE)


def test_request_that_waits_too_long_is_told_when_to_come_back(
    raw_gateway: StartGateway, store: FileTrustStore
) -> None:
    with busy(raw_gateway, store, Limits(queue_timeout=0.1)) as (proxy, _, _):
        said = raw_exchange(proxy.port, GET)
        answer(503, "connection_limit_reached", said)
        assert b"Retry-After: 30" in head_lines(said)
        assert type(proxy.next_exchange().error) is GatewayBusy


def test_further_requests_wait_their_turn_on_one_connection(
    raw_gateway: StartGateway, store: FileTrustStore
) -> None:
    answers: list[bytes] = []
    with busy(raw_gateway, store, Limits()) as (proxy, gateway, release):
        clients = [
            threading.Thread(target=lambda: answers.append(raw_exchange(proxy.port, GET))) for _ in range(8)
        ]
        for client in clients:
            client.start()
        release.set()
        for client in clients:
            client.join(PATIENCE)
    assert [one[-2:] for one in answers] == [b"ok"] * 8
    assert gateway.most_open == 1


def test_first_use_waits_its_turn_too(raw_gateway: StartGateway, store: FileTrustStore) -> None:
    arrived, release = threading.Event(), threading.Event()
    gateway = raw_gateway(lambda peer: holding(peer, arrived, release))
    with Gateway(gateway.origin, store, Limits(queue_timeout=0.1)) as client:
        first = threading.Thread(target=lambda: client.send("GET", "/", [("Host", "x")]).close())
        first.start()
        assert arrived.wait(PATIENCE)
        with pytest.raises(GatewayBusy):
            client.ensure_pinned()
        release.set()
        first.join(PATIENCE)


def test_client_that_breaks_off_its_upload_does_not_hold_the_turn(
    raw_gateway: StartGateway, store: FileTrustStore
) -> None:
    gateway = raw_gateway(OK)
    with running_proxy(gateway.origin, store) as proxy:
        with socket.create_connection(("127.0.0.1", proxy.port), PATIENCE) as client:
            client.sendall(b"POST / HTTP/1.1\r\nHost: pi\r\nContent-Length: 100\r\n\r\nhalf")
        assert isinstance(proxy.next_exchange().error, ClientGone)
        assert raw_exchange(proxy.port, GET).endswith(b"ok")


def test_malformed_chunk_of_an_upload_is_400_and_the_gateway_hears_nothing(
    raw_gateway: StartGateway, store: FileTrustStore
) -> None:
    gateway = raw_gateway(OK)
    with running_proxy(gateway.origin, store) as proxy:
        said = raw_exchange(
            proxy.port, b"POST / HTTP/1.1\r\nHost: pi\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n"
        )
        answer(400, "http_request_error", said)
        assert isinstance(proxy.next_exchange().error, BadRequest)
    assert gateway.received == b""
