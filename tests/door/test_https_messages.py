"""Over HTTPS the gateway is asked as over HTTP, header lines fit the scheme, and no cut looks like an end."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

import pytest

from smgwproxy.truststores.file import FileTrustStore
from tests.door.secure import LAST, OLD, ROOM, StartGateway, cut, noise, received, secure
from tests.support import (
    OK,
    PATIENCE,
    Identity,
    Peer,
    answering,
    head_lines,
    raw_exchange,
    receive_until,
    running_proxy,
)

# --- header lines ---------------------------------------------------------------------------------------


def lines_of_answer(
    raw_gateway: StartGateway, store: FileTrustStore, listener: Identity | None, *lines: str
) -> Sequence[bytes]:
    """Return the head that a client gets when the gateway's answer has ``lines``; {gateway} is its origin."""

    def script(peer: Peer) -> None:
        peer.read_request()
        told = "".join(f"{line}\r\n" for line in lines).replace("{gateway}", str(gateway.origin))
        peer.send(f"HTTP/1.1 200 OK\r\n{told}Content-Length: 0\r\n\r\n".encode())

    gateway = raw_gateway(script)
    with running_proxy(gateway.origin, store, tls=listener) as proxy:
        head = head_lines(raw_exchange(proxy.port, LAST, tls=listener is not None))
    return [line for line in head[1:] if line not in {b"Content-Length: 0", b"Connection: close"}]


def test_cookies_keep_what_only_https_takes(
    raw_gateway: StartGateway, store: FileTrustStore, identity: Identity, tls: bool
) -> None:
    got = lines_of_answer(
        raw_gateway,
        store,
        identity if tls else None,
        "Set-Cookie: session=1;secure",
        "set-cookie: a=2; Path=/; Secure; HttpOnly; SameSite=None; Partitioned",
        "Set-Cookie: __Host-b=secure; SECURE; Path=/; SameSite=Strict",
        "Set-Cookie: c=3; Secure; Domain=127.0.0.1",
    )
    assert got == (
        [
            b"Set-Cookie: session=1;secure",
            b"set-cookie: a=2; Path=/; Secure; HttpOnly; SameSite=None; Partitioned",
            b"Set-Cookie: __Host-b=secure; SECURE; Path=/; SameSite=Strict",
            b"Set-Cookie: c=3; Secure",
        ]
        if tls
        else [
            b"Set-Cookie: session=1",
            b"set-cookie: a=2; Path=/; HttpOnly",
            b"Set-Cookie: __Host-b=secure; Path=/; SameSite=Strict",
            b"Set-Cookie: c=3",
        ]
    )


def test_references_to_the_gateway_come_back_with_the_scheme_that_the_client_used(
    raw_gateway: StartGateway, store: FileTrustStore, identity: Identity, tls: bool
) -> None:
    base = b"https://pi:8443" if tls else b"http://pi:8443"
    got = lines_of_answer(
        raw_gateway,
        store,
        identity if tls else None,
        "Location: https://{gateway}/x?y#z",
        "Content-Location: https://127.0.0.1/c",
        "Refresh: 5; url=https://{gateway}/r",
        "Refresh: 5; url='//{gateway}/q'",
        "Location: /smgw/m2m/user/json",
        "Location: https://example.org/",
    )
    assert got == [
        b"Location: " + base + b"/x?y#z",
        b"Content-Location: " + base + b"/c",
        b"Refresh: 5; url=" + base + b"/r",
        b"Refresh: 5; url='" + base + b"/q'",
        b"Location: /smgw/m2m/user/json",
        b"Location: https://example.org/",
    ]


def test_promises_of_the_gateways_own_origin_reach_nobody(
    raw_gateway: StartGateway, store: FileTrustStore, identity: Identity, tls: bool
) -> None:
    got = lines_of_answer(
        raw_gateway,
        store,
        identity if tls else None,
        "Strict-Transport-Security: max-age=31536000; includeSubDomains",
        "strict-transport-security: max-age=1",
        'Alt-Svc: h3=":443"; ma=2592000',
        "X-Kept: 1",
    )
    assert got == [b"X-Kept: 1"]


def test_origin_and_referer_name_the_gateway_when_they_name_the_site_that_the_client_used(
    raw_gateway: StartGateway, store: FileTrustStore, identity: Identity, tls: bool
) -> None:
    used, other = ("https", "http") if tls else ("http", "https")
    gateway = raw_gateway(OK)
    with running_proxy(gateway.origin, store, tls=identity if tls else None) as proxy:
        for scheme in (used, other):
            told = f"Origin: {scheme}://pi:8443\r\nReferer: {scheme}://pi:8443/a?b\r\n".encode()
            raw_exchange(proxy.port, LAST.replace(b"Connection", told + b"Connection"), tls=tls)
    assert [line for line in gateway.received.split(b"\r\n") if line.startswith((b"Origin", b"Referer"))] == [
        f"Origin: https://{gateway.origin}".encode(),
        f"Referer: https://{gateway.origin}/a?b".encode(),
        f"Origin: {other}://pi:8443".encode(),
        f"Referer: {other}://pi:8443/a?b".encode(),
    ]


def test_gateway_is_told_nothing_of_the_clients_tls(
    raw_gateway: StartGateway, store: FileTrustStore, identity: Identity, tls: bool
) -> None:
    gateway = raw_gateway(OK)
    with running_proxy(gateway.origin, store, tls=identity if tls else None) as proxy:
        raw_exchange(
            proxy.port, b"GET /%7e?u=https://pi/ HTTP/1.1\r\nhOST: pi\r\nX_a: \xfc\r\n\r\n" + LAST, tls=tls
        )
    host = str(gateway.origin).encode()
    assert gateway.received == (
        b"GET /%7e?u=https://pi/ HTTP/1.1\r\nhOST: " + host + b"\r\nX_a: \xfc\r\n\r\n"
        b"GET / HTTP/1.1\r\nHost: " + host + b"\r\n\r\n"
    )


# --- the end of an answer -------------------------------------------------------------------------------


WHOLE = {
    "length": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwhole",
    "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nwhole\r\n0\r\n\r\n",
    "connection": b"HTTP/1.1 200 OK\r\n\r\nwhole",
}
HALVES = {
    "length": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
    "within a chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nhalf",
    "between chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    "connection": b"HTTP/1.1 200 OK\r\n\r\nhalf",
}

every_client = pytest.mark.parametrize("request_bytes", [OLD, LAST], ids=["HTTP/1.0", "HTTP/1.1"])


def hang_up_after(answer: bytes) -> Callable[[Peer], None]:
    """Answer, and close the TCP connection without TLS's farewell."""

    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(answer)
        peer.connection.close()

    return script


@every_client
@pytest.mark.parametrize("answer", WHOLE.values(), ids=WHOLE)
def test_whole_answer_ends_with_a_farewell(
    raw_gateway: StartGateway, store: FileTrustStore, identity: Identity, answer: bytes, request_bytes: bytes
) -> None:
    gateway = raw_gateway(answering(answer))
    with running_proxy(gateway.origin, store, tls=identity) as proxy, secure(proxy.port) as client:
        client.sendall(request_bytes)
        said, farewell = received(client)
    assert b"whole" in said
    assert farewell


@every_client
@pytest.mark.parametrize("answer", HALVES.values(), ids=HALVES)
def test_answer_that_broke_off_ends_without_a_farewell(
    raw_gateway: StartGateway, store: FileTrustStore, identity: Identity, answer: bytes, request_bytes: bytes
) -> None:
    gateway = raw_gateway(hang_up_after(answer))
    with running_proxy(gateway.origin, store, tls=identity) as proxy, secure(proxy.port) as client:
        client.sendall(request_bytes)
        said, farewell = received(client)
    assert not farewell
    assert not said.endswith(b"0\r\n\r\n")


@pytest.mark.parametrize("size", [ROOM, 10 * ROOM])
def test_client_of_http_1_0_that_reads_late_gets_all_and_the_farewell(
    raw_gateway: StartGateway, store: FileTrustStore, identity: Identity, size: int
) -> None:
    sent = threading.Event()

    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(b"HTTP/1.1 200 OK\r\n\r\n" + noise(ROOM))
        sent.set()
        peer.send(noise(size)[ROOM:])

    gateway = raw_gateway(script)
    with running_proxy(gateway.origin, store, tls=identity) as proxy, secure(proxy.port, receive=4096) as client:
        client.sendall(OLD)
        assert sent.wait(PATIENCE)
        said, farewell = received(client)
    assert said.partition(b"\r\n\r\n")[2] == noise(size)
    assert farewell


# --- requests -------------------------------------------------------------------------------------------


def test_head_in_records_of_one_byte_is_read(
    raw_gateway: StartGateway, store: FileTrustStore, identity: Identity
) -> None:
    gateway = raw_gateway(OK)
    with running_proxy(gateway.origin, store, tls=identity) as proxy, secure(proxy.port) as client:
        for place in range(len(LAST)):
            client.sendall(LAST[place : place + 1])
        assert received(client)[0].endswith(b"ok")


def test_request_that_ends_in_its_middle_reaches_nobody(
    raw_gateway: StartGateway, store: FileTrustStore, identity: Identity
) -> None:
    gateway = raw_gateway(OK)
    post = b"POST / HTTP/1.1\r\nHost: pi\r\nContent-Length: 100\r\n\r\nhalf"
    with running_proxy(gateway.origin, store, tls=identity) as proxy:
        for part in (LAST[:20], LAST[:-2], post):
            for farewell in (True, False):
                with secure(proxy.port) as client:
                    client.sendall(part)
                    if farewell:
                        client.settimeout(0)
                        with suppress(ssl.SSLError):  # the proxy's farewell is not waited for
                            client.unwrap()
        assert raw_exchange(proxy.port, LAST, tls=True).endswith(b"ok")
    assert gateway.received == f"GET / HTTP/1.1\r\nHost: {gateway.origin}\r\n\r\n".encode()


@pytest.mark.parametrize("step", [7, 10_000], ids=["in small records", "in one record"])
def test_pipelined_requests_are_answered_in_order(
    raw_gateway: StartGateway, store: FileTrustStore, identity: Identity, step: int
) -> None:
    def script(peer: Peer) -> None:
        while head := peer.read_request():
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n" + head[4:6])

    gateway = raw_gateway(script)
    requests = b"".join(
        b"POST /%d HTTP/1.1\r\nHost: pi\r\nContent-Length: 3\r\n\r\nabc" % number
        if number % 2
        else b"GET /%d HTTP/1.1\r\nHost: pi\r\n\r\n" % number
        for number in range(8)
    )
    with running_proxy(gateway.origin, store, tls=identity) as proxy, secure(proxy.port) as client:
        for place in range(0, len(requests), step):
            client.sendall(requests[place : place + step])
        client.sendall(LAST)
        said, farewell = received(client)
    bodies = [part.split(b"\r\n\r\n")[1][:2] for part in said.split(b"HTTP/1.1 200 OK")[1:]]
    assert bodies == [b"/0", b" /", b"/2", b" /", b"/4", b" /", b"/6", b" /", b"/ "]
    assert farewell


def test_chunked_upload_is_gathered(raw_gateway: StartGateway, store: FileTrustStore, identity: Identity) -> None:
    body = noise(1_000_000)
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in cut(body, 30_000))
    gateway = raw_gateway(OK)
    with running_proxy(gateway.origin, store, tls=identity) as proxy:
        head = b"POST / HTTP/1.1\r\nHost: pi\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        assert raw_exchange(proxy.port, head + chunks + b"0\r\n\r\n", tls=True).endswith(b"ok")
    assert b"\r\nContent-Length: 1000000\r\n" in gateway.received
    assert gateway.received.endswith(b"\r\n\r\n" + body)


def test_client_that_expects_100_continue_is_told_so_when_the_gateway_is_there(
    raw_gateway: StartGateway, store: FileTrustStore, identity: Identity
) -> None:
    gateway = raw_gateway(OK)
    head = b"POST / HTTP/1.1\r\nHost: pi\r\nExpect: 100-continue\r\nContent-Length: 4\r\nConnection: close\r\n\r\n"
    with running_proxy(gateway.origin, store, tls=identity) as proxy:
        with secure(proxy.port) as client:
            client.sendall(head)
            assert receive_until(client, b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            assert gateway.received == b""
            client.sendall(b"body")
            assert received(client)[0].endswith(b"ok")
        gateway.stop()
        assert raw_exchange(proxy.port, head, tls=True).startswith(b"HTTP/1.1 502 ")
    assert gateway.received.endswith(b"\r\n\r\nbody")
