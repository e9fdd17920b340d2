"""The server on the LAN side: strict reading, connections kept or closed as RFC 9112 says, graceful stop."""

from __future__ import annotations

import gc
import logging
import re
import socket
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from ipaddress import IPv4Network
from typing import Any

import gevent
import pytest

from smgwproxy.access import Access
from smgwproxy.demo import HubThread
from smgwproxy.server import Application, ProxyServer, open_listener
from smgwproxy.server.handler import Handler
from smgwproxy.truststores.file import FileTrustStore
from smgwproxy.wsgi import LINES, TARGET, TRAILERS, Environ
from tests.support import (
    AHEAD,
    OK,
    PATIENCE,
    Peer,
    RawGateway,
    connected,
    head_lines,
    raw_exchange,
    receive_all,
    receive_until,
    running_proxy,
    settles,
)

StartGateway = Callable[..., RawGateway]
GET = b"GET / HTTP/1.1\r\nHost: pi:8080\r\n\r\n"


@contextmanager
def serving(
    application: Application, address: str | None = "127.0.0.1"
) -> Iterator[tuple[int, ProxyServer, HubThread]]:
    """Run ``application`` in a server of its own."""

    def start() -> tuple[int, ProxyServer]:
        listener = open_listener(address, 0)
        server = ProxyServer(listener, application, logging.getLogger("smgwproxy"))
        server.start()
        return listener.getsockname()[1], server

    with HubThread() as hub:
        port, server = hub.call(start)
        yield port, server, hub
        hub.call(lambda: server.stop(5))


def hello(environ: Environ, start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Length", "2")])
    return [b"hi"]


# --- what is refused ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET /\r\n\r\n", 400),
        (b"GET  / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET / HTTP/1.9\r\nHost: x\r\n\r\n", 505),
        (b"GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505),
        (b"G\0T / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET /#x HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET x HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET ftp://x/ HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET http://u:pw@x/ HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET * HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n", 501),
        (b"TRACE / HTTP/1.1\r\nHost: x\r\n\r\n", 501),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\nHost: x\n\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: b\rC: d\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: b\0c\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1_0\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n", 501),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"b" * 40000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 101 + b"\r\n", 431),
    ],
    ids=lambda value: repr(value[:60]) if isinstance(value, bytes) else str(value),
)
def test_bad_request_is_refused_and_the_gateway_hears_nothing(
    raw_gateway: StartGateway, store: FileTrustStore, request_bytes: bytes, status: int
) -> None:
    gateway = raw_gateway(OK)
    with running_proxy(gateway.origin, store) as proxy:
        # what follows must not be taken for a second request
        said = raw_exchange(proxy.port, request_bytes + b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n")
    lines = head_lines(said)
    assert lines[0].split()[1] == str(status).encode()
    assert b"Connection: close" in lines
    assert b"Proxy-Status: smgwproxy; error=http_request_error" in said
    assert said.count(b"HTTP/1.1 ") == 1
    assert gateway.connections == 0


# --- connections ----------------------------------------------------------------------------------------


def test_connection_is_kept_for_the_next_request() -> None:
    with serving(hello) as (port, _, _), connected(port) as client:
        for _ in range(3):
            client.sendall(GET)
            assert receive_until(client, b"hi") == b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


def test_pipelined_requests_are_answered_in_order() -> None:
    def echo(environ: Environ, start_response: Any) -> list[bytes]:
        body = environ["PATH_INFO"].encode()
        start_response("200 OK", [("Content-Length", str(len(body)))])
        return [body]

    with serving(echo) as (port, _, _):
        said = raw_exchange(
            port,
            b"GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n"
            b"GET /3 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        )
    assert re.findall(rb"\r\n\r\n(/\d)", said) == [b"/1", b"/2", b"/3"]


def test_http_1_0_is_closed_unless_kept_alive() -> None:
    with serving(hello) as (port, _, _):
        assert raw_exchange(port, b"GET / HTTP/1.0\r\n\r\n").endswith(b"Connection: close\r\n\r\nhi")
        with connected(port) as client:
            for _ in range(2):
                client.sendall(b"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n")
                assert b"Connection: keep-alive\r\n" in receive_until(client, b"hi")


def test_connection_options_may_be_a_list_in_any_case() -> None:
    with serving(hello) as (port, _, _):
        said = raw_exchange(port, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: X-A, CLOSE\r\n\r\n")
    assert b"Connection: close\r\n" in said


def test_absolute_form_is_taken_and_its_authority_is_the_host() -> None:
    seen: list[Environ] = []

    def application(environ: Environ, start_response: Any) -> list[bytes]:
        seen.append(environ)
        return hello(environ, start_response)

    with serving(application) as (port, _, _):
        raw_exchange(port, b"GET http://pi:8080/a?b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        raw_exchange(port, b"GET http://pi HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        raw_exchange(port, b"GET HTTP://pi?q HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        raw_exchange(port, b"OPTIONS http://pi HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    told = [(one["smgwproxy.target"], one["HTTP_HOST"]) for one in seen]
    assert told == [("/a?b", "pi:8080"), ("/", "pi"), ("/?q", "pi"), ("*", "pi")]


def test_options_asterisk_reaches_the_gateway(raw_gateway: StartGateway, store: FileTrustStore) -> None:
    gateway = raw_gateway(OK)
    with running_proxy(gateway.origin, store) as proxy:
        raw_exchange(proxy.port, b"OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert head_lines(gateway.received)[0] == b"OPTIONS * HTTP/1.1"


def test_environ_is_that_of_pep_3333() -> None:
    seen: list[Environ] = []

    def application(environ: Environ, start_response: Any) -> list[bytes]:
        environ["body"] = [environ["wsgi.input"].readline(), environ["wsgi.input"].read()]
        seen.append(environ)
        return hello(environ, start_response)

    with serving(application) as (port, _, _):
        raw_exchange(
            port,
            b"POST /a%20b%C3%A9?q=%20 HTTP/1.1\r\nHost: pi\r\nCookie: a=1\r\nCookie: b=2\r\n"
            b"Accept: x\r\nAccept: y\r\n"
            b"X_Accept: z\r\nContent-Type: t\r\nContent-Length: 11\r\nConnection: close\r\n\r\nline 1\nrest",
        )
    (environ,) = seen
    expected = {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/a b\xc3\xa9",
        "QUERY_STRING": "q=%20",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_COOKIE": "a=1; b=2",
        "HTTP_ACCEPT": "x,y",
        "CONTENT_TYPE": "t",
        "CONTENT_LENGTH": "11",
        "wsgi.url_scheme": "http",
        "body": [b"line 1\n", b"rest"],
    }
    assert {key: environ[key] for key in expected} == expected
    assert "HTTP_X_ACCEPT" not in environ


def test_ipv4_client_of_the_dual_stack_listener_is_told_as_ipv4() -> None:
    seen: list[str] = []

    def application(environ: Environ, start_response: Any) -> list[bytes]:
        seen.append(environ["REMOTE_ADDR"])
        return hello(environ, start_response)

    with serving(application, None) as (port, _, _):
        raw_exchange(port, b"GET / HTTP/1.0\r\n\r\n")
        raw_exchange(port, b"GET / HTTP/1.0\r\n\r\n", host="::1")
    assert seen == ["127.0.0.1", "::1"]


def test_empty_line_before_a_request_is_skipped() -> None:
    with serving(hello) as (port, _, _):
        assert raw_exchange(port, b"\r\nGET / HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 200 OK")


def test_request_cut_within_its_head_is_not_answered() -> None:
    with serving(hello) as (port, _, _):
        assert raw_exchange(port, b"GET / HTTP/1.1\r\nHo", half_close=True) == b""


def test_unread_body_closes_the_connection_and_the_answer_arrives() -> None:
    with serving(hello) as (port, _, _):
        said = raw_exchange(port, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 500000\r\n\r\n" + b"x" * 100000)
    assert said == b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi"


def test_client_that_still_sends_sees_the_end_and_no_reset() -> None:
    with serving(hello) as (port, _, _), connected(port) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 500000\r\n\r\n" + b"x" * 100000)
        receive_until(client, b"hi")
        assert client.recv(1) == b""


# --- a head that comes again ----------------------------------------------------------------------------

AGAIN = b"POST /a%2fb?c HTTP/1.1\r\nHost: pi:8080\r\nX-A: 1\r\nx-a: 2\r\nContent-Length: 3\r\n\r\n"


def test_head_that_comes_again_makes_the_same_environ_whatever_was_done_to_the_last_one_and_has_its_own_body() -> (
    None
):
    seen: list[Environ] = []

    def application(environ: Environ, start_response: Any) -> list[bytes]:
        body = environ["wsgi.input"].read()
        seen.append({**environ, LINES: list(environ[LINES])})
        environ[LINES].append(("X-Evil", "1"))
        environ["HTTP_X_A"] = environ["smgwproxy.target"] = "changed"
        start_response("200 OK", [("Content-Length", "3")])
        return [body]

    with serving(application) as (port, *_), connected(port) as client:
        for body in (b"one", b"two", b"end"):
            client.sendall(AGAIN + body)
            assert receive_until(client, body).endswith(b"\r\n\r\n" + body)
    first, *others = ({key: one[key] for key in one if key not in {"wsgi.input", TRAILERS}} for one in seen)
    assert first["HTTP_X_A"] == "1,2"
    assert first[TARGET] == "/a%2fb?c"
    assert first[LINES] == [("Host", "pi:8080"), ("X-A", "1"), ("x-a", "2"), ("Content-Length", "3")]
    assert others == [first, first]


def test_head_that_comes_again_is_refused_once_other_rules_hold() -> None:
    with serving(hello) as (port, server, hub), connected(port) as client:
        client.sendall(GET)
        receive_until(client, b"hi")
        strict = Access(networks=(IPv4Network("10.0.0.0/8"),))
        hub.call(lambda: setattr(server, "terms", replace(server.terms, access=strict)))
        client.sendall(GET)
        assert receive_all(client).startswith(b"HTTP/1.1 403 ")


def test_application_that_closes_its_input_takes_nothing_from_the_next_request() -> None:
    def application(environ: Environ, start_response: Any) -> list[bytes]:
        stream = environ["wsgi.input"]
        read = stream.readline() + stream.read() + b"".join(stream)
        stream.close()
        return hello(environ, start_response) if read == b"" else [read]

    with serving(application) as (port, *_), connected(port) as client:
        for _ in range(3):
            client.sendall(GET)
            receive_until(client, b"hi")


def test_waiting_connection_keeps_no_long_head() -> None:
    with serving(hello) as (port, server, hub), connected(port) as client:
        kept = []
        for lines in (b"X: %b\r\n" % (b"x" * 100), b"X: %b\r\n" % (b"x" * 10_000), b"X: x\r\n" * 90):
            client.sendall(GET.removesuffix(b"\r\n") + lines + b"\r\n")
            receive_until(client, b"hi")
            kept.append(hub.call(lambda: [handler._asked is not None for handler in server.handlers]))
    assert kept == [[True], [False], [False]]


# --- applications that fail -----------------------------------------------------------------------------


def test_client_that_waits_with_its_body_until_its_head_is_acknowledged_need_not_wait_long() -> None:
    at_once: list[int] = []

    def look() -> None:
        (handler,) = server.handlers
        at_once.append(handler._channel._sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK))

    def upload(environ: Environ, start_response: Any) -> list[bytes]:
        if environ["REQUEST_METHOD"] == "POST":
            gevent.spawn(look)  # which it does once the body is waited for
            environ["wsgi.input"].read()
        return hello(environ, start_response)

    with serving(upload) as (port, server, _), connected(port) as client:
        for _ in range(10):  # a system that has seen nothing but questions and answers delays what it acknowledges
            client.sendall(GET)
            assert receive_until(client, b"hi").endswith(b"hi")
        client.sendall(b"POST / HTTP/1.1\r\nHost: pi\r\nContent-Length: 1\r\n\r\n")
        assert settles(lambda: bool(at_once))
        client.sendall(b"x")
        assert receive_until(client, b"hi").endswith(b"hi")
    assert at_once == [1]


def test_fault_before_the_answer_is_a_page_and_a_traceback_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    def broken(environ: Environ, start_response: Any) -> list[bytes]:
        raise RuntimeError("boom")

    with serving(broken) as (port, _, _):
        said = raw_exchange(port, b"GET / HTTP/1.1\r\nHost: x\r\nAccept: text/html\r\nConnection: close\r\n\r\n")
    assert said.startswith(b"HTTP/1.1 500 Internal Server Error\r\n")
    assert b"boom" not in said
    assert "boom" in caplog.text


def test_fault_within_the_answer_breaks_it_off() -> None:
    closed = threading.Event()

    class Body:
        def __iter__(self) -> Iterator[bytes]:
            yield b"half"
            raise RuntimeError("boom")

        def close(self) -> None:
            closed.set()

    def broken(environ: Environ, start_response: Any) -> Body:
        start_response("200 OK", [])
        return Body()

    with serving(broken) as (port, _, _):
        said = raw_exchange(port, GET)
    assert said.endswith(b"4\r\nhalf\r\n")
    assert closed.is_set()


def test_exc_info_replaces_an_answer_that_has_not_begun() -> None:
    def application(environ: Environ, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        error = RuntimeError("boom")
        start_response("503 Busy", [("Content-Length", "0")], (RuntimeError, error, None))
        return []

    with serving(application) as (port, _, _):
        assert raw_exchange(port, b"GET / HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 503 Busy\r\n")


def test_head_that_cannot_be_written_leaves_nothing_of_its_framing_to_the_page_in_its_place() -> None:
    def application(environ: Environ, start_response: Any) -> list[bytes]:
        if environ["PATH_INFO"] == "/well":
            return hello(environ, start_response)
        start_response("200 OK", [("X", "a\r\nb")])
        return [b"without a length"]

    with serving(application) as (port, *_), connected(port) as client:
        client.sendall(b"GET /fault HTTP/1.1\r\nHost: pi\r\n\r\nGET /well HTTP/1.1\r\nHost: pi\r\n\r\n")
        said = receive_until(client, b"\r\n\r\nhi")
    page, _, rest = said.partition(b"\r\n\r\n")
    assert page.startswith(b"HTTP/1.1 500 ")
    (length,) = re.findall(rb"Content-Length: (\d+)", page)
    assert rest[int(length) :].startswith(b"HTTP/1.1 200 OK\r\n")


def test_exc_info_within_an_answer_breaks_it_off() -> None:
    def application(environ: Environ, start_response: Any) -> list[bytes]:
        write = start_response("200 OK", [])
        write(b"half")
        start_response("503 Busy", [], (RuntimeError, RuntimeError("boom"), None))
        return []

    with serving(application) as (port, _, _):
        assert raw_exchange(port, GET).endswith(b"4\r\nhalf\r\n")


def test_client_that_leaves_frees_what_it_asked_for() -> None:
    closed = threading.Event()

    class Endless:
        def __iter__(self) -> Iterator[bytes]:
            while True:
                yield b"x" * 65536

        def close(self) -> None:
            closed.set()

    def application(environ: Environ, start_response: Any) -> Endless:
        start_response("200 OK", [])
        return Endless()

    with serving(application) as (port, _, _):
        with connected(port) as client:
            client.sendall(GET)
            client.recv(1)
        assert closed.wait(PATIENCE)


def test_nothing_is_kept_of_a_client_that_has_left() -> None:
    handlers: list[weakref.ref[Handler]] = []
    given_up = threading.Event()

    def application(environ: Environ, start_response: Any) -> list[bytes]:
        handlers.extend(weakref.ref(one) for one in server.handlers)
        try:
            gevent.sleep(PATIENCE)
        finally:
            given_up.set()
        return []

    with serving(application) as (port, server, hub):
        with connected(port) as client:
            client.sendall(GET)
            assert settles(lambda: bool(handlers))
        assert given_up.wait(PATIENCE)  # the server has looked after this client last

        def kept() -> object:
            gc.collect()
            return handlers[0]()

        assert settles(lambda: hub.call(kept) is None)


# --- the end --------------------------------------------------------------------------------------------


def test_stop_closes_idle_connections_and_takes_no_new_ones() -> None:
    with serving(hello) as (port, server, hub), connected(port) as kept, connected(port) as fresh:
        kept.sendall(GET)
        receive_until(kept, b"hi")
        hub.call(lambda: server.stop(PATIENCE))
        assert kept.recv(1) == b""
        assert fresh.recv(1) == b""
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), PATIENCE)


def test_stop_lets_a_running_upload_finish(raw_gateway: StartGateway, store: FileTrustStore) -> None:
    begun = threading.Event()

    def script(peer: Peer) -> None:
        peer.read_head()
        peer.discard_body(AHEAD)
        begun.set()
        assert peer.read_body(4) == b"rest"
        peer.send(OK)

    gateway = raw_gateway(script)
    with running_proxy(gateway.origin, store) as proxy, connected(proxy.port) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (AHEAD + 4))
        client.sendall(b"x" * AHEAD)
        assert begun.wait(PATIENCE)
        stopper = threading.Thread(target=lambda: proxy.hub.call(lambda: proxy.server.stop(PATIENCE)))
        stopper.start()
        while not proxy.server.stopping:
            pass
        client.sendall(b"rest")
        assert receive_until(client, b"ok").startswith(b"HTTP/1.1 200 OK")
        stopper.join(PATIENCE)


def test_request_that_came_before_its_connection_was_taken_is_answered_though_the_server_stops() -> None:
    with serving(hello) as (port, server, hub), ExitStack() as clients:

        def come_and_stop() -> socket.socket:
            client = clients.enter_context(connected(port))  # the hub takes no connection before this returns
            client.sendall(GET)
            server.begin_to_stop()
            return client

        assert receive_all(hub.call(come_and_stop)).endswith(b"hi")


def test_client_that_still_sends_when_it_has_its_answer_is_heard_out() -> None:
    with serving(hello) as (port, server, hub), connected(port) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n")
        assert receive_all(client).endswith(b"hi")
        for handler in hub.call(lambda: list(server.handlers)):
            hub.call(handler.look_after)
        client.sendall(b"body")
        assert hub.call(lambda: len(server.handlers)) == 1, "a reset would take the answer from a slower one"


def test_stop_does_not_wait_for_half_a_head() -> None:
    with serving(hello) as (port, server, hub), connected(port) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHo")
        with connected(port) as other:  # answered after the half head was read
            other.sendall(GET)
            receive_until(other, b"hi")
        hub.call(lambda: server.stop(PATIENCE))
        assert client.recv(1) == b""
        assert not server.handlers


def test_stop_lets_a_running_request_finish_and_closes_its_connection(
    raw_gateway: StartGateway, store: FileTrustStore
) -> None:
    arrived, release = threading.Event(), threading.Event()

    def script(peer: Peer) -> None:
        peer.read_request()
        arrived.set()
        assert release.wait(PATIENCE)
        peer.send(OK)

    gateway = raw_gateway(script)
    with running_proxy(gateway.origin, store) as proxy, connected(proxy.port) as client:
        client.sendall(GET)
        assert arrived.wait(PATIENCE)
        stopped = threading.Event()

        def stop() -> None:
            proxy.hub.call(lambda: proxy.server.stop(PATIENCE))
            stopped.set()

        stopper = threading.Thread(target=stop)
        stopper.start()
        while not proxy.server.stopping:
            pass
        assert not stopped.is_set()
        release.set()
        said = receive_until(client, b"ok")
        assert client.recv(1) == b""
        stopper.join(PATIENCE)
        assert stopped.is_set()
    assert b"Connection: close\r\n" in said


def test_stop_breaks_off_what_runs_past_its_time(raw_gateway: StartGateway, store: FileTrustStore) -> None:
    arrived = threading.Event()

    def script(peer: Peer) -> None:
        peer.read_request()
        arrived.set()
        peer.read_head()

    gateway = raw_gateway(script)
    with running_proxy(gateway.origin, store) as proxy, connected(proxy.port) as client:
        client.sendall(GET)
        assert arrived.wait(PATIENCE)
        proxy.hub.call(lambda: proxy.server.stop(0.1))
        assert client.recv(1) == b""
        assert not proxy.server.handlers


def test_breaking_off_ends_running_answers_visibly(raw_gateway: StartGateway, store: FileTrustStore) -> None:
    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n")
        peer.read_head()

    gateway = raw_gateway(script)
    with running_proxy(gateway.origin, store) as proxy, connected(proxy.port) as client:
        client.sendall(GET)
        said = receive_until(client, b"half\r\n")
        proxy.hub.call(proxy.server.break_off)
        assert client.recv(100) == b""
    assert not said.endswith(b"0\r\n\r\n")


def test_breaking_off_resets_an_answer_that_only_the_connection_ends(
    raw_gateway: StartGateway, store: FileTrustStore
) -> None:
    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(b"HTTP/1.1 200 OK\r\n\r\nhalf")
        peer.read_head()

    gateway = raw_gateway(script)
    with running_proxy(gateway.origin, store) as proxy, connected(proxy.port) as client:
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        receive_until(client, b"half")
        proxy.hub.call(proxy.server.break_off)
        with pytest.raises(ConnectionResetError):
            client.recv(1)


def test_port_in_use_and_foreign_address_are_errors() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        open_listener("127.0.0.1", taken.getsockname()[1])
    with pytest.raises(OSError, match="assign"):
        open_listener("192.0.2.1", 0)


def test_application_of_former_terms_is_kept_by_nobody() -> None:
    """With it goes its gateway, which somebody looks after until then."""
    with open_listener("127.0.0.1", 0) as listener:
        server = ProxyServer(listener, partial(hello), logging.getLogger("smgwproxy"))
        former = weakref.ref(server.terms.application)
        server.terms = replace(server.terms, application=hello)
        assert former() is None


def test_application_of_former_terms_is_not_kept_by_a_client_that_stays() -> None:
    with serving(hello) as (port, server, hub):

        def use(application: Application) -> None:
            server.terms = replace(server.terms, application=application)

        hub.call(lambda: use(partial(hello)))
        with connected(port) as client:
            client.sendall(GET)
            receive_until(client, b"hi")
            former = weakref.ref(server.terms.application)
            hub.call(lambda: use(hello))
            client.sendall(GET)
            receive_until(client, b"hi")
            assert settles(lambda: former() is None)
