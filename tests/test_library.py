"""Used as a library: under a threaded WSGI server, without gevent, and without a trace left in the host."""

from __future__ import annotations

import io
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from wsgiref.validate import validator

import pytest
import requests
from pytest_httpserver import HTTPServer
from requests.auth import HTTPDigestAuth
from werkzeug import Request, Response

from smgwproxy.errors import BadRequest
from smgwproxy.gateway import Gateway
from smgwproxy.limits import Limits
from smgwproxy.origin import Origin
from smgwproxy.proxy import ReverseProxy
from smgwproxy.truststores.file import FileTrustStore
from tests.support import Identity


class _Threaded(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Silent(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # wsgiref's name
        pass


@pytest.fixture
def upstream(identity: Identity) -> Iterator[HTTPServer]:
    with HTTPServer("127.0.0.1", ssl_context=identity.server_context()) as server:
        yield server


@contextmanager
def threaded_proxy(upstream: HTTPServer, store: FileTrustStore) -> Iterator[str]:
    """The WSGI callable under the standard library's server, one thread a request, checked against PEP 3333."""
    with Gateway(Origin("127.0.0.1", upstream.port), store) as gateway:
        application = validator(ReverseProxy(gateway))
        server = make_server("127.0.0.1", 0, application, server_class=_Threaded, handler_class=_Silent)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


def test_callable_runs_under_a_threaded_server(upstream: HTTPServer, store: FileTrustStore) -> None:
    upstream.expect_request("/a", query_string="b=c").respond_with_json({"reading": 1})
    with threaded_proxy(upstream, store) as url:
        answers = [requests.get(f"{url}/a?b=c", timeout=20).json() for _ in range(3)]
    assert answers == [{"reading": 1}] * 3


def test_post_reaches_the_gateway_under_a_threaded_server(upstream: HTTPServer, store: FileTrustStore) -> None:
    seen: list[Request] = []

    def handler(request: Request) -> Response:
        seen.append(request)
        request.get_data()
        return Response("ok", 201)

    upstream.expect_request("/form", method="POST").respond_with_handler(handler)
    with threaded_proxy(upstream, store) as url:
        answer = requests.post(f"{url}/form", data={"action": "meterform"}, timeout=20)
    assert (answer.status_code, answer.text) == (201, "ok")
    assert seen[0].host == f"127.0.0.1:{upstream.port}"
    assert seen[0].get_data() == b"action=meterform"
    assert seen[0].content_type == "application/x-www-form-urlencoded"


def test_dead_gateway_is_told_under_a_threaded_server(upstream: HTTPServer, store: FileTrustStore) -> None:
    with threaded_proxy(upstream, store) as url:
        upstream.stop()
        answer = requests.get(url, timeout=20)
    assert answer.status_code == 502
    assert answer.headers["Proxy-Status"].startswith("smgwproxy; error=connection_refused")


def test_digest_login_passes_under_a_threaded_server(upstream: HTTPServer, store: FileTrustStore) -> None:
    def handler(request: Request) -> Response:
        if request.authorization is None:
            return Response(
                "", 401, {"WWW-Authenticate": 'Digest realm="g", nonce="n", qop="auth", algorithm=MD5'}
            )
        return Response(str(request.authorization.get("uri")))

    upstream.expect_request("/x").respond_with_handler(handler)
    with threaded_proxy(upstream, store) as url:
        answer = requests.get(f"{url}/x?y=%2F", auth=HTTPDigestAuth("u", "p"), timeout=20)
    assert (answer.status_code, answer.text) == (200, "/x?y=%2F")


@pytest.mark.parametrize(
    ("method", "target", "lines"),
    [
        ("GET", "/ HTTP/1.1\r\nX: y\r\n\r\nGET /b", []),
        ("GET", "/ x", []),
        ("GET /x", "/", []),
        ("GET", "/", [("A", "b\r\n Content-Length: 5")]),
        ("GET", "/", [("A\n", "b")]),
    ],
)
def test_library_sends_one_request_or_none(
    upstream: HTTPServer, store: FileTrustStore, method: str, target: str, lines: list[tuple[str, str]]
) -> None:
    with Gateway(Origin("127.0.0.1", upstream.port), store) as gateway, pytest.raises(BadRequest):
        gateway.send(method, target, lines)
    assert upstream.log == []


@pytest.mark.parametrize(
    ("name", "value", "status"), [("CONTENT_LENGTH", "+1", "400"), ("HTTP_TRANSFER_ENCODING", "chunked", "411")]
)
def test_request_that_another_server_lets_through_is_refused(
    upstream: HTTPServer, store: FileTrustStore, name: str, value: str, status: str
) -> None:
    told: list[str] = []
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/",
        "wsgi.input": io.BytesIO(b"5\r\nhello\r\n0\r\n\r\n"),
        name: value,
    }
    with Gateway(Origin("127.0.0.1", upstream.port), store) as gateway:
        (page,) = ReverseProxy(gateway)(environ, lambda line, _: told.append(line))
    assert told[0].startswith(status)
    assert b"http_request_error" in page
    assert upstream.log == []


def test_server_that_refuses_an_answer_does_not_keep_the_gateway(
    upstream: HTTPServer, store: FileTrustStore
) -> None:
    upstream.expect_request("/").respond_with_data("ok")

    def refusing(status: str, lines: object) -> None:
        raise ValueError(status)

    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "HTTP_HOST": "pi", "wsgi.input": io.BytesIO()}
    with Gateway(Origin("127.0.0.1", upstream.port), store, Limits(queue_timeout=0.1)) as gateway:
        proxy = ReverseProxy(gateway)
        for _ in range(2):
            with pytest.raises(ValueError, match="200 OK"):
                proxy(environ, refusing)


@pytest.mark.parametrize(
    "module", ["smgwproxy", "smgwproxy.gateway", "smgwproxy.proxy", "smgwproxy.truststores", "smgwproxy.headers"]
)
def test_library_without_the_server_does_not_import_gevent(module: str) -> None:
    subprocess.run(
        [sys.executable, "-c", f"import sys, {module}; assert not [m for m in sys.modules if 'gevent' in m]"],
        check=True,
    )


def test_nothing_is_monkey_patched() -> None:
    program = (
        "import socket, ssl, threading, time, queue\n"
        "before = [socket.socket, ssl.SSLContext, threading.Thread, threading.Lock, time.sleep, queue.Queue]\n"
        "import smgwproxy.cli, smgwproxy.commands.serve, smgwproxy.commands.demo, smgwproxy.cooperative\n"
        "import gevent.monkey\n"
        "after = [socket.socket, ssl.SSLContext, threading.Thread, threading.Lock, time.sleep, queue.Queue]\n"
        "assert before == after and not gevent.monkey.saved\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
