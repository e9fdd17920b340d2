"""Promise 1: each side sees what it would see without a proxy. Real TLS on loopback, bytes compared."""

from __future__ import annotations

import gzip
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from smgwproxy.proxy import _read_ahead
from smgwproxy.truststores.file import FileTrustStore
from tests.support import (
    AHEAD,
    OK,
    PATIENCE,
    Identity,
    Peer,
    RawGateway,
    RunningProxy,
    Script,
    always,
    connected,
    head_lines,
    raw_exchange,
    running_proxy,
)

StartGateway = Callable[..., RawGateway]


@contextmanager
def before(gateway: RawGateway, store: FileTrustStore, **options: int) -> Iterator[RunningProxy]:
    with running_proxy(gateway.origin, store, **options) as proxy:  # type: ignore[arg-type]  # body_limit only
        yield proxy


def get(*lines: str, target: str = "/", method: str = "GET") -> bytes:
    text = "".join(f"{line}\r\n" for line in lines)
    return f"{method} {target} HTTP/1.1\r\nHost: pi:8080\r\n{text}Connection: close\r\n\r\n".encode("latin-1")


def answer(*lines: str, body: str = "ok") -> bytes:
    text = "".join(f"{line}\r\n" for line in lines)
    return f"HTTP/1.1 200 OK\r\n{text}Content-Length: {len(body)}\r\n\r\n{body}".encode("latin-1")


# --- requests -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "target",
    [
        "/a%2Fb/../c//d?x=1;y=%41",
        "/?",
        "/a?b?c",
        "/%7e~%7E",
        "//double",
        "/a/./b/..",
        "/smgw/m2m/user.sm/json",
        "/q?u=http://10.11.120.2/&v=[1]|{2}^`",
    ],
)
def test_target_reaches_the_gateway_byte_for_byte(
    raw_gateway: StartGateway, store: FileTrustStore, target: str
) -> None:
    gateway = raw_gateway(OK)
    with before(gateway, store) as proxy:
        raw_exchange(proxy.port, get(target=target))
    assert head_lines(gateway.received)[0] == f"GET {target} HTTP/1.1".encode()


def test_header_lines_keep_order_case_number_and_bytes(raw_gateway: StartGateway, store: FileTrustStore) -> None:
    gateway = raw_gateway(OK)
    with before(gateway, store) as proxy:
        raw_exchange(
            proxy.port,
            b"GET / HTTP/1.1\r\nX-b: 1\r\nhOST: pi:8080\r\nx-B:2\r\nX_Under: u\r\nAccept: \r\nX-B: caf\xe9\r\n"
            b"Connection: close\r\n\r\n",
        )
    assert gateway.received == (
        b"GET / HTTP/1.1\r\nX-b: 1\r\nhOST: " + str(gateway.origin).encode() + b"\r\nx-B: 2\r\nX_Under: u\r\n"
        b"Accept: \r\nX-B: caf\xe9\r\n\r\n"
    )


def test_nothing_is_added_to_a_request(raw_gateway: StartGateway, store: FileTrustStore) -> None:
    gateway = raw_gateway(OK)
    with before(gateway, store) as proxy:
        raw_exchange(proxy.port, get())
    assert gateway.received == f"GET / HTTP/1.1\r\nHost: {gateway.origin}\r\n\r\n".encode()


def test_origin_and_referer_name_the_gateway(raw_gateway: StartGateway, store: FileTrustStore) -> None:
    gateway = raw_gateway(OK)
    with before(gateway, store) as proxy:
        raw_exchange(proxy.port, get("Origin: http://pi:8080", "Referer: http://pi:8080/a?b"))
    assert f"Origin: https://{gateway.origin}".encode() in head_lines(gateway.received)
    assert f"Referer: https://{gateway.origin}/a?b".encode() in head_lines(gateway.received)


def test_hop_by_hop_lines_stay_on_the_proxys_side(raw_gateway: StartGateway, store: FileTrustStore) -> None:
    gateway = raw_gateway(OK)
    with before(gateway, store) as proxy:
        raw_exchange(
            proxy.port,
            b"GET / HTTP/1.1\r\nHost: pi\r\nConnection: close, X-Mine\r\nX-Mine: 1\r\nTE: trailers\r\n"
            b"Keep-Alive: 5\r\nUpgrade: h2c\r\nProxy-Connection: x\r\nX-Theirs: 2\r\n\r\n",
        )
    assert gateway.received == f"GET / HTTP/1.1\r\nHost: {gateway.origin}\r\nX-Theirs: 2\r\n\r\n".encode()


def test_post_without_body_gets_a_content_length(raw_gateway: StartGateway, store: FileTrustStore) -> None:
    gateway = raw_gateway(OK)
    with before(gateway, store) as proxy:
        raw_exchange(proxy.port, get(method="POST"))
    assert b"Content-Length: 0" in head_lines(gateway.received)


def test_chunked_upload_is_gathered_and_gets_a_content_length(
    raw_gateway: StartGateway, store: FileTrustStore
) -> None:
    gateway = raw_gateway(OK)
    with before(gateway, store) as proxy:
        raw_exchange(
            proxy.port,
            get("Transfer-Encoding: chunked", method="POST") + b"4;x=y\r\nab\r\n\r\n3\r\ncde\r\n0\r\nT: 1\r\n\r\n",
        )
    assert gateway.received == (
        f"POST / HTTP/1.1\r\nHost: {gateway.origin}\r\nContent-Length: 7\r\n\r\nab\r\ncde".encode()
    )


def test_large_chunked_upload_arrives_whole(raw_gateway: StartGateway, store: FileTrustStore) -> None:
    body = bytes(range(256)) * 4096  # 1 MiB: more than is gathered in memory
    gateway = raw_gateway(OK)
    with before(gateway, store) as proxy:
        chunks = b"".join(b"10000\r\n" + body[i : i + 65536] + b"\r\n" for i in range(0, len(body), 65536))
        raw_exchange(proxy.port, get("Transfer-Encoding: chunked", method="POST") + chunks + b"0\r\n\r\n")
    assert gateway.received.endswith(b"\r\n\r\n" + body)


def test_chunked_upload_above_the_limit_is_413_and_the_gateway_hears_nothing(
    raw_gateway: StartGateway, store: FileTrustStore
) -> None:
    gateway = raw_gateway(OK)
    with before(gateway, store, body_limit=100) as proxy:
        request = get("Transfer-Encoding: chunked", method="POST") + b"65\r\n" + b"x" * 101 + b"\r\n0\r\n\r\n"
        said = raw_exchange(proxy.port, request)
    assert said.startswith(b"HTTP/1.1 413 ")
    assert gateway.received == b""


def test_chunked_upload_at_the_limit_passes(raw_gateway: StartGateway, store: FileTrustStore) -> None:
    gateway = raw_gateway(OK)
    with before(gateway, store, body_limit=100) as proxy:
        request = get("Transfer-Encoding: chunked", method="POST") + b"64\r\n" + b"x" * 100 + b"\r\n0\r\n\r\n"
        said = raw_exchange(proxy.port, request)
    assert head_lines(said)[0] == b"HTTP/1.1 200 OK"


def test_upload_with_a_length_streams(raw_gateway: StartGateway, store: FileTrustStore) -> None:
    first_half_arrived = threading.Event()

    def script(peer: Peer) -> None:
        peer.read_head()
        peer.discard_body(AHEAD)
        first_half_arrived.set()
        assert peer.read_body(6) == b"second"
        peer.send(OK)

    gateway = raw_gateway(script)
    with (
        before(gateway, store) as proxy,
        socket.create_connection(("127.0.0.1", proxy.port), PATIENCE) as client,
    ):
        client.sendall(get(f"Content-Length: {AHEAD + 6}", method="POST") + b"x" * AHEAD)
        assert first_half_arrived.wait(PATIENCE)
        client.sendall(b"second")
        assert client.recv(100).startswith(b"HTTP/1.1 200 OK")


LENGTH, CHUNKED = ("Content-Length: 2", b"hi"), ("Transfer-Encoding: chunked", b"2\r\nhi\r\n0\r\n\r\n")


@pytest.mark.parametrize(("framing", "body"), [LENGTH, CHUNKED], ids=["length", "chunked"])
def test_100_continue_is_sent_once_the_gateways_connection_stands(
    raw_gateway: StartGateway, store: FileTrustStore, framing: str, body: bytes
) -> None:
    gateway = raw_gateway(OK)
    with before(gateway, store) as proxy, connected(proxy.port) as client:
        client.sendall(get("Expect: 100-continue", framing, method="POST"))
        assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert gateway.open_now == 1
        connections = gateway.connections
        client.sendall(body)
        assert client.recv(100).startswith(b"HTTP/1.1 200 OK")
        assert gateway.connections == connections, "the request goes over the connection that stands"
    assert b"Expect" not in gateway.received
    assert gateway.received.endswith(b"\r\n\r\nhi")


@pytest.mark.parametrize(("framing", "body"), [LENGTH, CHUNKED], ids=["length", "chunked"])
def test_100_continue_is_not_sent_when_the_gateway_is_away(
    raw_gateway: StartGateway, store: FileTrustStore, framing: str, body: bytes
) -> None:
    gateway = raw_gateway(OK)
    gateway.stop()
    with before(gateway, store) as proxy:
        said = raw_exchange(proxy.port, get("Expect: 100-continue", framing, method="POST"))
    assert said.startswith(b"HTTP/1.1 502 ")


@pytest.mark.parametrize(("framing", "body"), [LENGTH, CHUNKED], ids=["length", "chunked"])
def test_100_continue_is_not_sent_when_a_stranger_answers(
    raw_gateway: StartGateway,
    store: FileTrustStore,
    identity: Identity,
    impostor: Identity,
    framing: str,
    body: bytes,
) -> None:
    gateway = raw_gateway(OK, who=impostor)
    store.pin(gateway.origin, identity.certificate)
    with before(gateway, store) as proxy:
        said = raw_exchange(proxy.port, get("Expect: 100-continue", framing, method="POST"))
    assert said.startswith(b"HTTP/1.1 502 ")
    assert gateway.received == b""


def test_body_that_comes_without_waiting_needs_no_100(raw_gateway: StartGateway, store: FileTrustStore) -> None:
    gateway = raw_gateway(OK)
    with before(gateway, store) as proxy:
        request = get("Expect: 100-continue", "Content-Length: 2", "Connection: close", method="POST")
        said = raw_exchange(proxy.port, request + b"hi")
    assert said.startswith(b"HTTP/1.1 200 OK")  # RFC 9110 section 10.1.1


# --- answers --------------------------------------------------------------------------------------------


def test_answer_lines_keep_order_case_number_and_bytes(raw_gateway: StartGateway, store: FileTrustStore) -> None:
    gateway = raw_gateway(
        b"HTTP/1.1 299 Sehr gut\xfc\r\nx-A: 1\r\nServer: S\r\nX-a: 2\r\nVary: caf\xe9\r\nX-A: 3\r\n"
        b"Content-Length: 2\r\n\r\nok"
    )
    with before(gateway, store) as proxy:
        said = raw_exchange(proxy.port, get())
    assert said == (
        b"HTTP/1.1 299 Sehr gut\xfc\r\nx-A: 1\r\nServer: S\r\nX-a: 2\r\nVary: caf\xe9\r\nX-A: 3\r\n"
        b"Content-Length: 2\r\nConnection: close\r\n\r\nok"
    )


def test_401_passes_with_all_its_challenges(raw_gateway: StartGateway, store: FileTrustStore) -> None:
    challenges = [
        b'WWW-Authenticate: Digest realm="x", nonce="a,b", qop="auth", algorithm=SHA-256',
        b'WWW-Authenticate: Digest realm="x", nonce="a,b", qop="auth", algorithm=MD5',
        b"www-authenticate: Basic",
    ]
    gateway = raw_gateway(
        b"HTTP/1.1 401 Unauthorized\r\n" + b"\r\n".join(challenges) + b"\r\nContent-Length: 0\r\n\r\n"
    )
    with before(gateway, store) as proxy:
        said = raw_exchange(proxy.port, get())
    assert head_lines(said)[:4] == [b"HTTP/1.1 401 Unauthorized", *challenges]


def test_every_set_cookie_is_usable_over_plain_http(raw_gateway: StartGateway, store: FileTrustStore) -> None:
    gateway = raw_gateway(
        answer(
            "Set-Cookie: session=1;secure",
            "set-cookie: a=2; Path=/; Secure; HttpOnly",
            "Set-Cookie: b=secure; SECURE; Domain=127.0.0.1",
        )
    )
    with before(gateway, store) as proxy:
        lines = head_lines(raw_exchange(proxy.port, get()))
    assert lines[1:4] == [b"Set-Cookie: session=1", b"set-cookie: a=2; Path=/; HttpOnly", b"Set-Cookie: b=secure"]


def test_redirect_that_names_the_gateway_comes_back_to_the_proxy(
    raw_gateway: StartGateway, store: FileTrustStore
) -> None:
    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(answer(f"Location: https://{gateway.origin}/x?y#z", "Content-Location: https://127.0.0.1/c"))

    gateway = raw_gateway(script)
    with before(gateway, store) as proxy:
        lines = head_lines(raw_exchange(proxy.port, get()))
    assert b"Location: http://pi:8080/x?y#z" in lines
    assert b"Content-Location: http://pi:8080/c" in lines


@pytest.mark.parametrize("location", ["/smgw/m2m/user/json", "json", "?a", "../x", "https://example.org/"])
def test_other_redirects_are_left_alone(raw_gateway: StartGateway, store: FileTrustStore, location: str) -> None:
    gateway = raw_gateway(answer(f"Location: {location}"))
    with before(gateway, store) as proxy:
        lines = head_lines(raw_exchange(proxy.port, get()))
    assert f"Location: {location}".encode() in lines


def test_compressed_body_is_left_alone(raw_gateway: StartGateway, store: FileTrustStore) -> None:
    body = gzip.compress(b"reading" * 100)
    gateway = raw_gateway(
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    )
    with before(gateway, store) as proxy:
        said = raw_exchange(proxy.port, get())
    assert said.endswith(b"\r\n\r\n" + body)


@pytest.mark.parametrize(
    ("status", "lines"),
    [("204 No Content", []), ("304 Not Modified", []), ("304 Not Modified", ["Content-Length: 99"])],
)
def test_answer_without_content_passes_with_its_lines_and_keeps_the_connection(
    raw_gateway: StartGateway, store: FileTrustStore, status: str, lines: list[str]
) -> None:
    head = "".join(f"{line}\r\n" for line in [f"HTTP/1.1 {status}", *lines])
    gateway = raw_gateway(f"{head}\r\n".encode())
    with before(gateway, store) as proxy:
        first = raw_exchange(proxy.port, get())
        second = raw_exchange(proxy.port, get())
    assert first == second == f"{head}Connection: close\r\n\r\n".encode()
    # one connection for the first use's handshake, one for both requests
    assert gateway.connections == 2


def test_head_request_gets_the_lines_and_no_body(raw_gateway: StartGateway, store: FileTrustStore) -> None:
    gateway = raw_gateway(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n")
    with before(gateway, store) as proxy:
        said = raw_exchange(proxy.port, get(method="HEAD"))
    assert said == b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\nConnection: close\r\n\r\n"


def test_interim_answers_are_read_past_and_do_not_poison_the_connection(
    raw_gateway: StartGateway, store: FileTrustStore
) -> None:
    gateway = raw_gateway(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + OK)
    with before(gateway, store) as proxy:
        said = [raw_exchange(proxy.port, get()) for _ in range(3)]
    assert all(one.endswith(b"\r\n\r\nok") for one in said)
    assert gateway.connections == 2


SURPLUS = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nPOISON"


def in_one_record(peer: Peer) -> None:
    while peer.read_request():
        peer.send(OK + SURPLUS)


def in_two_records(peer: Peer) -> None:
    while peer.read_request():
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
        peer.send(b"ok" + SURPLUS)


@pytest.mark.parametrize("script", [in_one_record, in_two_records])
def test_bytes_behind_an_answer_never_reach_the_next_client(
    raw_gateway: StartGateway, store: FileTrustStore, script: Script
) -> None:
    gateway = raw_gateway(script)
    with before(gateway, store) as proxy:
        said = [raw_exchange(proxy.port, get()) for _ in range(3)]
    assert [one[-6:] for one in said] == [b"\r\n\r\nok"] * 3
    assert gateway.connections == 4  # the first use's handshake, and one for each request


def test_body_that_a_client_left_in_the_middle_never_reaches_the_next_client(
    raw_gateway: StartGateway, store: FileTrustStore
) -> None:
    left = threading.Event()

    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nhalf")
        assert left.wait(PATIENCE)
        for _ in range(100):
            peer.send(b"x" * 1000)

    gateway = raw_gateway(script)
    with before(gateway, store) as proxy:
        with socket.create_connection(("127.0.0.1", proxy.port), PATIENCE) as client:
            client.sendall(get())
            client.recv(10)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        left.set()
        gateway.script = always(OK)
        assert raw_exchange(proxy.port, get()).endswith(b"\r\n\r\nok")


def test_connection_that_the_gateway_will_close_is_not_kept(
    raw_gateway: StartGateway, store: FileTrustStore
) -> None:
    gateway = raw_gateway(b"HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 2\r\n\r\nok")
    with before(gateway, store) as proxy:
        for _ in range(2):
            assert b"Close" not in raw_exchange(proxy.port, get())
    assert gateway.connections == 3


def test_head_goes_out_before_the_first_byte_of_the_body(raw_gateway: StartGateway, store: FileTrustStore) -> None:
    head_seen = threading.Event()

    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n")
        assert head_seen.wait(PATIENCE)
        peer.send(b"body")

    gateway = raw_gateway(script)
    with (
        before(gateway, store) as proxy,
        socket.create_connection(("127.0.0.1", proxy.port), PATIENCE) as client,
    ):
        client.sendall(get())
        assert client.recv(1000).endswith(b"\r\n\r\n")
        head_seen.set()
        assert client.recv(1000) == b"body"


def test_each_piece_of_a_chunked_answer_passes_at_once(raw_gateway: StartGateway, store: FileTrustStore) -> None:
    seen = threading.Semaphore(0)

    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(3):
            peer.send(b"6\r\nevent\n\r\n")
            assert seen.acquire(timeout=PATIENCE)
        peer.send(b"0\r\n\r\n")

    gateway = raw_gateway(script)
    with (
        before(gateway, store) as proxy,
        socket.create_connection(("127.0.0.1", proxy.port), PATIENCE) as client,
    ):
        client.sendall(get())
        said = b""
        for number in (1, 2, 3):
            while said.count(b"event\n") < number:
                said += client.recv(1000)
            seen.release()
        while piece := client.recv(1000):
            said += piece
    assert said.endswith(b"0\r\n\r\n")


def test_body_until_close_reaches_a_client_of_http_1_1_chunked(
    raw_gateway: StartGateway, store: FileTrustStore
) -> None:
    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(b"HTTP/1.0 200 OK\r\n\r\nall of it")

    gateway = raw_gateway(script)
    with before(gateway, store) as proxy:
        said = raw_exchange(proxy.port, get())
    assert said.endswith(b"\r\n\r\n9\r\nall of it\r\n0\r\n\r\n")


def test_body_until_close_reaches_a_client_of_http_1_0_until_close(
    raw_gateway: StartGateway, store: FileTrustStore
) -> None:
    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nall of it\r\n0\r\n\r\n")

    gateway = raw_gateway(script)
    with before(gateway, store) as proxy:
        said = raw_exchange(proxy.port, b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    assert said == b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall of it"


def test_bodies_pass_in_bounded_memory(raw_gateway: StartGateway, store: FileTrustStore) -> None:
    import tracemalloc  # noqa: PLC0415  # slows everything down as soon as it is started

    size, piece = 48 * 1024 * 1024, bytes(64 * 1024)

    def script(peer: Peer) -> None:
        peer.read_head()
        peer.discard_body(size)
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        for _ in range(size // len(piece)):
            peer.send(piece)

    gateway = raw_gateway(script)
    with (
        before(gateway, store) as proxy,
        socket.create_connection(("127.0.0.1", proxy.port), PATIENCE) as client,
    ):
        raw_exchange(proxy.port, b"GET / HTTP/9.9\r\n\r\n")  # whatever is made once is made now
        tracemalloc.start()
        try:
            client.sendall(get(f"Content-Length: {size}", method="POST"))
            for _ in range(size // len(piece)):
                client.sendall(piece)
            received = 0
            while got := client.recv(65536):
                received += len(got)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert received > size
    assert peak < 8 * 1024 * 1024


def test_bytes_that_are_read_ahead_take_no_more_memory_than_they_are() -> None:
    (piece,) = _read_ahead(iter([b"x"] * 1000))
    assert piece == b"x" * 1000
    first, *rest = _read_ahead(iter([b"ab"] * (AHEAD // 2) + [b"later"] * 2))
    assert (len(first), rest) == (AHEAD, [b"later", b"later"])
