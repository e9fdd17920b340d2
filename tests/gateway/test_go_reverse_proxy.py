"""The behaviours that the tests of Go's ReverseProxy assert, as far as no other test of ours shows them."""

from __future__ import annotations

import ast
import logging
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from smgwproxy.errors import ClientGone
from smgwproxy.proxy import Exchange
from smgwproxy.report import LogReport
from smgwproxy.truststores.file import FileTrustStore
from tests.gateway.go_reverse_proxy import GO_TESTS, ROWS, Row, section
from tests.support import (
    OK,
    PATIENCE,
    Peer,
    RawGateway,
    always,
    connected,
    head_lines,
    raw_exchange,
    receive_until,
    running_proxy,
)

StartGateway = Callable[..., RawGateway]

ROOT = Path(__file__).parent.parent.parent
GET = b"GET / HTTP/1.1\r\nHost: pi\r\nConnection: close\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"


def get(*lines: str, target: str = "/", method: str = "GET") -> bytes:
    """Write a request whose only Connection line besides those of ``lines`` is the last one."""
    text = "".join(f"{line}\r\n" for line in lines)
    return f"{method} {target} HTTP/1.1\r\nHost: pi\r\n{text}Connection: close\r\n\r\n".encode()


def answer(*lines: str) -> bytes:
    text = "".join(f"{line}\r\n" for line in lines)
    return f"HTTP/1.1 200 OK\r\n{text}Content-Length: 2\r\n\r\nok".encode()


def seen(gateway: RawGateway, *lines: str, target: str = "/") -> bytes:
    """Write the GET request that the gateway should have seen."""
    text = "".join(f"{line}\r\n" for line in lines)
    return f"GET {target} HTTP/1.1\r\nHost: {gateway.origin}\r\n{text}\r\n".encode()


# --- the table ------------------------------------------------------------------------------------------


def test_every_test_of_gos_has_its_row_in_their_order() -> None:
    told = list(dict.fromkeys(row.go_test for row in ROWS))
    assert told == list(GO_TESTS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.go_test}: {row.asserts[:40]}")
def test_what_a_row_claims_is_shown_by_a_test_that_is_there(row: Row) -> None:
    if not row.shown_by:
        assert row.verdict == "declined"
        return
    file, _, name = row.shown_by.partition("::")
    tree = ast.parse((ROOT / file).read_text())
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_page_has_the_table_as_it_is_printed() -> None:
    page = (ROOT / "docs/go-reverse-proxy.md").read_text()
    _, heading, below = page.partition("## The tests of Go ")
    assert heading + below == section(), "print it with: python -m tests.gateway.go_reverse_proxy"


# --- header lines ---------------------------------------------------------------------------------------


def test_hop_by_hop_lines_of_an_answer_stay_on_the_gateways_side(
    raw_gateway: StartGateway, store: FileTrustStore
) -> None:
    gateway = raw_gateway(
        answer(
            "Trailers: not a special header field name",
            "Upgrade: foo",
            "Keep-Alive: timeout=5",
            "Proxy-Connection: keep-alive",
            "Proxy-Authenticate: Basic",
            "Connection: X-Hop",
            "X-Hop: foo",
            "X-Foo: bar",
        )
    )
    with running_proxy(gateway.origin, store) as proxy:
        said = raw_exchange(proxy.port, GET)
    assert said == answer("Trailers: not a special header field name", "X-Foo: bar").replace(
        b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"
    )


def test_what_several_connection_lines_name_stays_on_its_side_both_ways(
    raw_gateway: StartGateway, store: FileTrustStore
) -> None:
    hopping = ("Connection: Upgrade, X-Fake", "X-Some: 1", "Connection: X-Some", "X-Fake: 2", "X-Stays: 3")
    gateway = raw_gateway(answer(*hopping))
    with running_proxy(gateway.origin, store) as proxy:
        said = raw_exchange(proxy.port, get(*hopping))
    assert gateway.received == seen(gateway, "X-Stays: 3")
    assert head_lines(said) == [b"HTTP/1.1 200 OK", b"X-Stays: 3", b"Content-Length: 2", b"Connection: close"]


def test_empty_connection_line_goes_and_hides_no_other_one(
    raw_gateway: StartGateway, store: FileTrustStore
) -> None:
    hopping = ("Connection:", "X-Some: 1", "Connection: X-Some")
    gateway = raw_gateway(answer(*hopping))
    with running_proxy(gateway.origin, store) as proxy:
        said = raw_exchange(proxy.port, get(*hopping))
    assert gateway.received == seen(gateway)
    assert head_lines(said) == [b"HTTP/1.1 200 OK", b"Content-Length: 2", b"Connection: close"]


def test_request_is_reported_as_the_client_sent_it(raw_gateway: StartGateway, store: FileTrustStore) -> None:
    gateway = raw_gateway(OK)
    with running_proxy(gateway.origin, store) as proxy:
        raw_exchange(proxy.port, get("X-Hop: 1", "Connection: X-Hop", "Referer: http://pi/", target="/a/../b?c"))
        request = proxy.next_exchange().request
    assert request.target == "/a/../b?c"
    assert request.lines == [
        ("Host", "pi"),
        ("X-Hop", "1"),
        ("Connection", "X-Hop"),
        ("Referer", "http://pi/"),
        ("Connection", "close"),
    ]


def test_forwarding_lines_of_the_client_pass_as_they_are(raw_gateway: StartGateway, store: FileTrustStore) -> None:
    lines = ("Forwarded: for=x", "X-Forwarded-For: client ip", "X-Forwarded-Host: x", "X-Forwarded-Proto: x")
    gateway = raw_gateway(OK)
    with running_proxy(gateway.origin, store) as proxy:
        raw_exchange(proxy.port, get(*lines))
    assert gateway.received == seen(gateway, *lines)


@pytest.mark.parametrize("lines", [("User-Agent: explicit UA",), ("User-Agent: ",), ()])
def test_user_agent_passes_and_none_is_made_up(
    raw_gateway: StartGateway, store: FileTrustStore, lines: tuple[str, ...]
) -> None:
    gateway = raw_gateway(OK)
    with running_proxy(gateway.origin, store) as proxy:
        raw_exchange(proxy.port, get(*lines))
    assert gateway.received == seen(gateway, *lines)


def test_request_without_any_header_line_reaches_the_gateway(
    raw_gateway: StartGateway, store: FileTrustStore
) -> None:
    gateway = raw_gateway(OK)
    with running_proxy(gateway.origin, store) as proxy:
        said = raw_exchange(proxy.port, b"GET / HTTP/1.0\r\n\r\n")
    assert gateway.received == seen(gateway)
    assert said == OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")


# --- targets --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("query", ["a=1&a=2;b=3", "a=1;b=2", "us=er", "", "&&=&a", "a=%26&a=+&a=%2B"])
def test_query_passes_byte_for_byte(raw_gateway: StartGateway, store: FileTrustStore, query: str) -> None:
    gateway = raw_gateway(OK)
    with running_proxy(gateway.origin, store) as proxy:
        raw_exchange(proxy.port, get(target=f"/?{query}"))
    assert gateway.received == seen(gateway, target=f"/?{query}")


@pytest.mark.parametrize("query", ["a=%zz", "a=1&a=%zz&b=3"])
def test_query_with_a_percent_sign_that_encodes_nothing_is_refused(
    raw_gateway: StartGateway, store: FileTrustStore, query: str
) -> None:
    gateway = raw_gateway(OK)
    with running_proxy(gateway.origin, store) as proxy:
        assert raw_exchange(proxy.port, get(target=f"/?{query}")).startswith(b"HTTP/1.1 400 ")
    assert gateway.connections == 0


def test_query_that_is_too_long_is_refused_and_one_of_many_parameters_is_not(
    raw_gateway: StartGateway, store: FileTrustStore
) -> None:
    gateway = raw_gateway(OK)
    with running_proxy(gateway.origin, store) as proxy:
        said = raw_exchange(proxy.port, get(target="/?" + "a=1&" * 10_000 + "a=1"))
        assert said.startswith(b"HTTP/1.1 414 ")
        assert gateway.connections == 0
        raw_exchange(proxy.port, get(target="/?" + "&" * 16_000))
    assert gateway.received == seen(gateway, target="/?" + "&" * 16_000)


def test_connect_is_refused_and_the_gateway_hears_nothing(
    raw_gateway: StartGateway, store: FileTrustStore
) -> None:
    gateway = raw_gateway(OK)
    with running_proxy(gateway.origin, store) as proxy:
        request = get("Content-Length: 4", target="pi:443", method="CONNECT") + b"body"
        assert raw_exchange(proxy.port, request).startswith(b"HTTP/1.1 501 ")
    assert gateway.connections == 0


# --- bodies ---------------------------------------------------------------------------------------------


def test_upload_of_a_mebibyte_arrives_whole(raw_gateway: StartGateway, store: FileTrustStore) -> None:
    body = bytes(range(256)) * 4096
    gateway = raw_gateway(OK)
    with running_proxy(gateway.origin, store) as proxy:
        said = raw_exchange(proxy.port, get(f"Content-Length: {len(body)}", method="POST") + body)
    assert said.endswith(b"\r\n\r\nok")
    assert gateway.received.partition(b"\r\n\r\n")[2] == body


@pytest.mark.parametrize("announced", [b"", b"Trailer: X-Trailer\r\n"], ids=["unannounced", "announced"])
@pytest.mark.parametrize("body", [b"", b"10\r\nI am the backend\r\n"], ids=["empty", "body"])
def test_trailers_reach_the_client_announced_or_not(
    raw_gateway: StartGateway, store: FileTrustStore, announced: bytes, body: bytes
) -> None:
    end = b"0\r\nX-Trailer: trailer_value\r\nx-Trailer: another\r\n\r\n"
    gateway = raw_gateway(CHUNKED + announced + b"\r\n" + body + end)
    with running_proxy(gateway.origin, store) as proxy:
        said = raw_exchange(proxy.port, GET)
    assert said == (
        b"HTTP/1.1 200 OK\r\n"
        + announced
        + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        + body
        + end
    )


@pytest.mark.parametrize("kind", [b"text/plain", b"text/event-stream;charset=utf-8"])
@pytest.mark.parametrize("framing", [b"Content-Length: 9\r\n", b"Transfer-Encoding: chunked\r\n", b""])
def test_pieces_of_any_answer_pass_at_once(
    raw_gateway: StartGateway, store: FileTrustStore, kind: bytes, framing: bytes
) -> None:
    arrived = threading.Semaphore(0)

    def script(peer: Peer) -> None:
        peer.read_head()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Type: " + kind + b"\r\n" + framing + b"\r\n")
        for piece in (b"one", b"two", b"six"):
            assert arrived.acquire(timeout=PATIENCE)
            peer.send(b"3\r\n" + piece + b"\r\n" if b"chunked" in framing else piece)
        assert arrived.acquire(timeout=PATIENCE)
        peer.send(b"0\r\n\r\n" if b"chunked" in framing else b"")

    gateway = raw_gateway(script)
    with running_proxy(gateway.origin, store) as proxy, connected(proxy.port) as client:
        client.sendall(GET)
        receive_until(client, b"\r\n\r\n")
        for piece in (b"one", b"two", b"six"):
            arrived.release()
            receive_until(client, piece if framing.startswith(b"Content") else piece + b"\r\n")
        arrived.release()


# --- answers that break off -----------------------------------------------------------------------------


def test_answer_that_breaks_off_is_told_in_the_log(
    raw_gateway: StartGateway, store: FileTrustStore, caplog: pytest.LogCaptureFixture
) -> None:
    logger = logging.getLogger("smgwproxy.test")
    logged = threading.Event()

    def report(exchange: Exchange) -> None:
        LogReport(logger)(exchange)
        logged.set()

    def script(peer: Peer) -> None:
        peer.read_head()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 84\r\n\r\nthis call was relayed by the reverse proxy")

    gateway = raw_gateway(script)
    with caplog.at_level(logging.INFO, logger.name), running_proxy(gateway.origin, store, report=report) as proxy:
        raw_exchange(proxy.port, GET)
        assert logged.wait(PATIENCE)
    line, reason = [record for record in caplog.records if record.name == logger.name]
    assert "GET /" in line.getMessage()
    assert reason.levelno == logging.WARNING
    assert "42 bytes are missing" in reason.getMessage()


def test_uploads_whose_answers_break_off_harm_nobody(
    raw_gateway: StartGateway, store: FileTrustStore, caplog: pytest.LogCaptureFixture
) -> None:
    """Three clients at a time, each with an upload that is far larger than what is read ahead."""

    def script(peer: Peer) -> None:
        peer.read_head()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 84\r\n\r\nthis call was relayed by the reverse proxy")

    upload = get(f"Content-Length: {6 * 2**20}", method="POST") + b"x" * (6 * 2**20)
    said: list[bytes] = []
    gateway = raw_gateway(script)
    with running_proxy(gateway.origin, store) as proxy:
        clients = [
            threading.Thread(target=lambda: said.extend(raw_exchange(proxy.port, upload) for _ in range(3)))
            for _ in range(3)
        ]
        for client in clients:
            client.start()
        for client in clients:
            client.join(PATIENCE)
        gateway.script = always(OK)
        assert raw_exchange(proxy.port, GET).endswith(b"\r\n\r\nok")
    assert len(said) == 9
    for one in said:
        head, _, body = one.partition(b"\r\n\r\n")
        assert b"HTTP/1.1 502 " in head or len(body) < 84, "no broken answer looks whole"
    assert not [record for record in caplog.records if record.exc_info], "nobody saw a fault of the proxy's own"


# --- upgrades and interim answers ------------------------------------------------------------------------

UPGRADE = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13")
SWITCHING = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: WebSocket\r\n\r\n"


def test_upgrade_is_not_passed_on_and_the_answer_to_the_rest_is(
    raw_gateway: StartGateway, store: FileTrustStore
) -> None:
    gateway = raw_gateway(answer("Upgrade: websocket", "Connection: Upgrade"))
    with running_proxy(gateway.origin, store) as proxy:
        said = raw_exchange(proxy.port, get(*UPGRADE))
    assert gateway.received == seen(gateway, "Sec-WebSocket-Version: 13")
    assert said == OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")


def test_gateway_that_upgrades_all_the_same_is_not_listened_to(
    raw_gateway: StartGateway, store: FileTrustStore
) -> None:
    gateway = raw_gateway(SWITCHING + b"backend got Hello")
    with running_proxy(gateway.origin, store) as proxy:
        said = raw_exchange(proxy.port, get(*UPGRADE))
        gateway.script = always(OK)
        assert raw_exchange(proxy.port, GET).endswith(b"\r\n\r\nok")
    assert said.startswith(b"HTTP/1.1 502 ")
    assert b"backend" not in said


HINTS = (
    b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n"
    b"HTTP/1.1 102 Processing\r\nLink: </script.js>\r\n\r\n"
)


def test_interim_answers_are_read_past_and_the_final_one_has_its_own_lines_only(
    raw_gateway: StartGateway, store: FileTrustStore
) -> None:
    gateway = raw_gateway(HINTS + answer("Link: </foo.js>"))
    with running_proxy(gateway.origin, store) as proxy:
        said = raw_exchange(proxy.port, GET)
    assert said == answer("Link: </foo.js>").replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")


def test_client_that_leaves_behind_interim_answers_harms_nobody(
    raw_gateway: StartGateway, store: FileTrustStore
) -> None:
    hinted = threading.Event()

    def script(peer: Peer) -> None:
        while request := peer.read_head():
            if b"GET /slow " not in request:
                peer.send(OK)
                continue
            peer.send(HINTS * 2)
            hinted.set()
            peer.begun()  # until the proxy hangs up
            return

    gateway = raw_gateway(script)
    with running_proxy(gateway.origin, store) as proxy:
        with connected(proxy.port) as client:
            client.sendall(get(target="/slow"))
            assert hinted.wait(PATIENCE)
        assert isinstance(proxy.next_exchange().error, ClientGone)
        assert raw_exchange(proxy.port, GET) == OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
