"""The status port of a running program, over real sockets before a simulated gateway."""

from __future__ import annotations

import re
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

import pytest
from prometheus_client import parser
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics import parser as open_metrics
from prometheus_client.samples import Sample

from smgwproxy import errors
from smgwproxy.commands.serving.status import _access
from smgwproxy.config import load
from smgwproxy.errors import ClientNotAllowed, ExchangeError, UnknownHost
from smgwproxy.http1 import RequestHead
from smgwproxy.origin import Origin
from smgwproxy.status import labels
from smgwproxy.status.watched import TrustState
from smgwproxy.truststores.file import FileTrustStore
from tests.status.support import commands
from tests.support import (
    OK,
    PATIENCE,
    Identity,
    Peer,
    RawGateway,
    always,
    connected,
    free_port,
    raw_exchange,
    receive_all,
)
from tests.test_cli import Program, program, run
from tests.test_docs import ROOT, rows
from tests.test_reload import Serving, serving

__all__ = ["serving"]  # pytest finds it here

StartGateway = Callable[..., RawGateway]
Labels = Mapping[str, str]


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    text: str


def families(text: str) -> list[Metric]:
    return list(parser.text_string_to_metric_families(text))


def open_families(text: str) -> list[Metric]:
    return list(open_metrics.text_string_to_metric_families(text))  # type: ignore[no-untyped-call]  # it has no types


def ask(port: int, target: str, method: str = "GET", host: str = "127.0.0.1", **headers: str) -> Answer:
    connection = HTTPConnection(host, port, timeout=PATIENCE)
    connection.request(method, target, headers={name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return Answer(answer.status, dict(answer.getheaders()), text)


def status_port(running: Program) -> int:
    return int(running.wait_for(r"status at http://127\.0\.0\.1:(\d+)/")[1])


def samples(port: int) -> list[Sample]:
    return [sample for one in families(ask(port, "/metrics").text) for sample in one.samples]


def value(port: int, name: str, **wanted: str) -> float | None:
    """Return what the sample with these labels, among others, has; None without one."""
    found = (one for one in samples(port) if one.name == name and wanted.items() <= one.labels.items())
    return next((one.value for one in found), None)


def wait_until(holds: Callable[[], bool]) -> None:
    """Ask again and again: who looks at a trust store from time to time tells nobody."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@contextmanager
def served(origin: Origin, directory: Path, *options: str) -> Iterator[tuple[int, int]]:
    """Run the program with a status port; return the ports of the proxy and of the status, once it is ready."""
    with program("--target", str(origin), "--port=0", "--status-port=0", *options, cwd=directory) as running:
        ports = running.port, status_port(running)
        wait_until(lambda: ask(ports[1], "/readyz").status == 200)
        yield ports


@pytest.fixture(scope="module")
def lonely(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, int]]:
    """The ports of a program whose gateway cannot be reached, and which serves strangers alone."""
    nobody = Origin("127.0.0.1", free_port())
    with served(nobody, tmp_path_factory.mktemp("lonely"), "--allow=192.0.2.0/24") as ports:
        yield ports


@dataclass(frozen=True)
class Asked:
    """A gateway that was asked for two things, and the port of the status that tells of it."""

    gateway: RawGateway
    status: int


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory, identity: Identity) -> Iterator[Asked]:
    gateway = RawGateway(identity, always(OK))
    with served(gateway.origin, tmp_path_factory.mktemp("asked")) as (proxy, port):
        for _ in range(2):
            assert ask(proxy, "/reading?secret=1", Cookie="secret").status == 200
        assert ask(proxy, "/", Host="stranger.example").status == 421
        assert b" 400 " in raw_exchange(proxy, b"nonsense\r\n\r\n")
        wait_until(lambda: value(port, "smgwproxy_trust_state", state="pinned") == 1)
        yield Asked(gateway, port)
    gateway.stop()


# --- health ---------------------------------------------------------------------------------------------


def test_healthy_and_ready_without_any_gateway_to_be_reached(lonely: tuple[int, int]) -> None:
    _, port = lonely
    assert ask(port, "/healthz").text == "ok\n"
    assert re.fullmatch(r"127\.0\.0\.1:\d+: ok\n", ask(port, "/readyz").text)


def test_not_ready_while_the_trust_store_cannot_be_read(
    raw_gateway: StartGateway, store: FileTrustStore, tmp_path: Path, identity: Identity
) -> None:
    gateway = raw_gateway(OK)
    store.pin(gateway.origin, identity.certificate)
    (record,) = (tmp_path / "certs").glob("*.json")
    record.write_text("damaged")
    with program("--target", str(gateway.origin), "--port=0", "--status-port=0", cwd=tmp_path) as running:
        port = status_port(running)
        wait_until(lambda: "the trust store fails" in ask(port, "/readyz").text)
        assert ask(port, "/readyz").status == 503
        assert ask(port, "/healthz").status == 200
        assert value(port, "smgwproxy_trust_state", state="unreadable") == 1
        assert value(port, "smgwproxy_ready") == 0
        assert "The trust store fails" in ask(port, "/").text


# --- metrics --------------------------------------------------------------------------------------------


def test_metrics_tell_what_happened(asked: Asked) -> None:
    port, name = asked.status, str(asked.gateway.origin)
    assert value(port, "smgwproxy_requests_total", gateway=name, method="GET", status="200") == 2
    assert value(port, "smgwproxy_refusals_total", gateway=name, reason="unknown_host") == 1
    assert value(port, "smgwproxy_refusals_total", gateway=name, reason="bad_request") == 1
    assert value(port, "smgwproxy_gateway_handshakes_total", gateway=name, kind="full") == 2  # with first use
    assert value(port, "smgwproxy_gateway_handshakes_total", gateway=name, kind="resumed") == 0
    assert value(port, "smgwproxy_gateway_latency_seconds_count", gateway=name) == 2
    assert value(port, "smgwproxy_gateway_latency_seconds_bucket", gateway=name, le="+Inf") == 2
    assert (value(port, "smgwproxy_queue_seconds_count", gateway=name) or 0) >= 2
    assert value(port, "smgwproxy_gateway_up", gateway=name) == 1
    assert 360 < (value(port, "smgwproxy_certificate_days_left", gateway=name) or 0) < 366
    assert value(port, "smgwproxy_build_info", python=sys.version.split()[0]) == 1
    assert value(port, "smgwproxy_trust_state", gateway=name, state="changed") == 0


def test_metrics_come_as_openmetrics_where_it_is_wanted(asked: Asked) -> None:
    wish = "application/openmetrics-text; version=1.0.0,text/plain;q=0.5"
    answer = ask(asked.status, "/metrics", Accept=wish)
    assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")
    assert "smgwproxy_requests" in {one.name for one in open_families(answer.text)}
    assert ask(asked.status, "/metrics").headers["Content-Type"].startswith("text/plain")


@pytest.mark.parametrize(
    "parameters", ["version=abc", "version=1=2", "version=", "escaping=x", "q=0.5;version=9.9"]
)
@pytest.mark.parametrize("media_type", ["application/openmetrics-text", "text/plain"])
def test_odd_wishes_for_a_format_of_the_metrics_are_served(media_type: str, parameters: str, asked: Asked) -> None:
    answer = ask(asked.status, "/metrics", Accept=f"{media_type};{parameters}")
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith(media_type)
    assert "smgwproxy_build_info" in answer.text


def test_table_of_metrics_in_the_docs_is_that_of_the_program(asked: Asked) -> None:
    given = {}
    for one in families(ask(asked.status, "/metrics").text):
        name = f"{one.name}_total" if one.type == "counter" else one.name
        labels = {label for sample in one.samples for label in sample.labels} - {"le"}
        given[name] = (one.type if name != "smgwproxy_build_info" else "info", frozenset(labels))
    table = rows((ROOT / "docs/status.md").read_text(), "| metric |")
    assert {row[0]: (row[1], frozenset(row[2].split(", "))) for row in table} == given


def test_states_of_trust_in_the_docs_are_those_of_the_program() -> None:
    table = rows((ROOT / "docs/status.md").read_text(), "| state |")
    assert [row[0] for row in table] == list(TrustState)


def test_reasons_in_the_docs_are_those_of_the_program() -> None:
    (told,) = re.findall(r"^`reason` is what .*$", (ROOT / "docs/status.md").read_text(), re.MULTILINE)
    kinds = [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, ExchangeError)]
    reasons = {labels.reason(kind.__new__(kind)) for kind in kinds}
    assert set(re.findall(r"`([a-z_]+)`", told)) - {"reason"} <= reasons


def test_gateway_that_is_not_there_at_start_is_told_before_anybody_asks(tmp_path: Path) -> None:
    with served(Origin("127.0.0.1", free_port()), tmp_path) as (_, port):
        wait_until(lambda: value(port, "smgwproxy_gateway_up") == 0)
        told = ask(port, "/").text
        assert "The last attempt failed: The gateway cannot be reached." in told
        assert "all is well" not in told


def test_failed_requests_and_an_unreachable_gateway_are_told(
    store: FileTrustStore, identity: Identity, tmp_path: Path
) -> None:
    nobody = Origin("127.0.0.1", free_port())
    store.pin(nobody, identity.certificate)
    with served(nobody, tmp_path) as (proxy, port):
        assert value(port, "smgwproxy_gateway_up") is None  # nobody has asked for anything
        assert ask(proxy, "/").status == 502
        assert value(port, "smgwproxy_gateway_up") == 0
        assert value(port, "smgwproxy_refusals_total", reason="gateway_refused") == 1
        assert value(port, "smgwproxy_requests_total", status="502") == 1
        assert "The last attempt failed: The gateway cannot be reached." in ask(port, "/").text


def test_answer_that_a_client_did_not_wait_for_is_no_answered_request(identity: Identity, tmp_path: Path) -> None:
    def endless(peer: Peer) -> None:
        if peer.read_request():  # first use sends none
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % 2**40)
            while True:  # until nobody takes it any more
                peer.send(bytes(2**16))

    gateway = RawGateway(identity, endless)
    with served(gateway.origin, tmp_path) as (proxy, port):
        with socket.create_connection(("127.0.0.1", proxy), PATIENCE) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: pi\r\n\r\n")
            assert client.recv(1024).startswith(b"HTTP/1.1 200 ")
        wait_until(lambda: value(port, "smgwproxy_requests_total", status="200") == 1)
        assert value(port, "smgwproxy_refusals_total", reason="client_gone") == 1
        assert "of which without a whole answer: 1." in ask(port, "/").text
    gateway.stop()


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_client_for_whom_there_is_no_place_is_counted_whether_it_can_be_told_or_not(
    scheme: str, identity: Identity, tmp_path: Path
) -> None:
    arrived, release = threading.Event(), threading.Event()

    def held_up(peer: Peer) -> None:
        if peer.read_request():  # first use sends none
            arrived.set()
            release.wait(PATIENCE)

    gateway, tls_port = RawGateway(identity, held_up), free_port()
    options = ("--max-clients=1", f"--tls-port={tls_port}")
    with served(gateway.origin, tmp_path, *options) as (proxy, port), connected(proxy) as first:
        first.sendall(b"GET / HTTP/1.1\r\nHost: pi\r\n\r\n")
        assert arrived.wait(PATIENCE)
        with connected(tls_port if scheme == "https" else proxy) as second:
            second.sendall(b"GET / HTTP/1.1\r\nHost: pi\r\n\r\n")
            receive_all(second)
        assert value(port, "smgwproxy_refusals_total", reason="too_many_clients") == 1
        release.set()
    gateway.stop()


# --- the page -------------------------------------------------------------------------------------------


def test_changed_certificate_is_told_with_the_command_and_the_stranger_gets_no_byte(
    raw_gateway: StartGateway, store: FileTrustStore, identity: Identity, impostor: Identity, tmp_path: Path
) -> None:
    stranger = raw_gateway(OK, impostor)
    store.pin(stranger.origin, identity.certificate)
    with served(stranger.origin, tmp_path) as (proxy, port):
        assert ask(proxy, "/").status == 502
        wait_until(lambda: "trust approve" in ask(port, "/").text)
        german = ask(port, "/", Accept_Language="de-DE,de;q=0.9").text
        command = f"smgwproxy trust approve --target {stranger.origin}"
        assert '<html lang="de">' in german
        assert commands(german) == [command]
        assert value(port, "smgwproxy_trust_state", state="changed") == 1
        assert value(port, "smgwproxy_gateway_up") == 0

        presented = str(impostor.certificate.fingerprint)
        approved = run(*command.split()[1:], "--fingerprint", presented, cwd=tmp_path)
        assert approved.returncode == 0, approved.stderr
        wait_until(lambda: value(port, "smgwproxy_trust_state", state="pinned") == 1)
    assert stranger.received == b""


def test_looking_at_the_status_asks_nothing_of_the_gateway(asked: Asked) -> None:
    before = asked.gateway.connections, asked.gateway.received
    for target in ("/", "/metrics", "/readyz", "/healthz"):
        assert ask(asked.status, target).status == 200
    assert (asked.gateway.connections, asked.gateway.received) == before


def test_no_secret_of_a_request_is_told(asked: Asked) -> None:
    for target in ("/", "/metrics", "/readyz", "/healthz"):
        assert "secret" not in ask(asked.status, target).text
        assert "stranger.example" not in ask(asked.status, target).text


SECRETIVE = (
    b"HTTP/1.1 200 hush\r\nSet-Cookie: session=hush\r\nContent-Length: 4\r\n\r\nhush",
    b"hush, that is no HTTP\r\n\r\n",
)


def test_no_secret_of_request_or_answer_is_told_even_when_the_gateway_repeats_it(
    identity: Identity, tmp_path: Path
) -> None:
    answers = iter(SECRETIVE)

    def script(peer: Peer) -> None:
        while peer.read_request():
            peer.send(next(answers))

    gateway = RawGateway(identity, script)
    with served(gateway.origin, tmp_path) as (proxy, port):
        for status in (200, 502):
            connection = HTTPConnection("127.0.0.1", proxy, timeout=PATIENCE)
            headers = {"Authorization": 'Digest username="hush"', "Cookie": "hush", "User-Agent": "hush"}
            connection.request("HUSH", "/hush?hush=1", body=b"hush", headers=headers)
            assert connection.getresponse().status == status
            connection.close()
        assert value(port, "smgwproxy_gateway_up") == 0
        for target in ("/", "/metrics", "/readyz", "/healthz", "/hush"):
            for language in ("en", "de"):
                answer = ask(port, target, Accept_Language=language)
                assert "hush" not in f"{answer.text}{answer.headers}".lower()
    gateway.stop()


def test_page_needs_nothing_but_itself_and_is_kept_by_nobody(lonely: tuple[int, int]) -> None:
    _, port = lonely
    for target in ("/", "/metrics", "/healthz", "/nothing"):
        headers = ask(port, target).headers
        assert headers["Cache-Control"] == "no-store"
        assert headers["Content-Security-Policy"].startswith("default-src 'none';")
        assert headers["X-Content-Type-Options"] == "nosniff"
    assert ask(port, "/nothing").status == 404
    assert "Diese Seite gibt es nicht" in ask(port, "/nothing", Accept_Language="de").text


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_nothing_can_be_done_but_looking(method: str, lonely: tuple[int, int]) -> None:
    _, port = lonely
    for target in ("/", "/metrics", "/healthz", "/readyz"):
        answer = ask(port, target, method)
        assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")
        head = ask(port, target, "HEAD")
        assert (head.status, head.text) == (200, "")
        assert int(head.headers["Content-Length"]) > 0


# --- who may come, and where ----------------------------------------------------------------------------


def test_strangers_name_is_refused_and_this_machine_is_served_whoever_else_is_allowed(
    lonely: tuple[int, int],
) -> None:
    proxy, port = lonely
    assert ask(port, "/", Host="attacker.example").status == 421
    assert ask(proxy, "/").status == 403
    assert ask(port, "/healthz", Host="localhost").status == 200


def test_status_lets_in_this_machine_and_whom_any_of_the_gateways_lets_in(tmp_path: Path) -> None:
    file = tmp_path / "smgwproxy.toml"
    nobody = Origin("127.0.0.1", 1)
    lines = ('allow = ["192.0.2.0/24"]\nserver-name = "pi.example"', 'allow = ["198.51.100.0/24"]')
    file.write_text(tables(home=(nobody, 8080, lines[0]), flat=(Origin("127.0.0.1", 2), 8082, lines[1])))
    access = _access(load(["--config", str(file)], {}).gateways)
    for client in ("127.0.0.1", "::1", "192.0.2.7", "198.51.100.7"):
        access.check(client, RequestHead("GET", "/", 1, [("Host", "pi.example:8081")]))
    for client, host in (("192.168.1.7", "pi.example"), ("203.0.113.7", "pi"), ("192.0.2.7", "attacker.example")):
        with pytest.raises((ClientNotAllowed, UnknownHost)):
            access.check(client, RequestHead("GET", "/", 1, [("Host", host)]))


def test_status_is_at_loopback_alone_unless_told_otherwise(lonely: tuple[int, int], tmp_path: Path) -> None:
    _, port = lonely
    with pytest.raises(ConnectionRefusedError):
        ask(port, "/healthz", host="127.0.0.2")
    with program("--port=0", "--status-port=0", "--status-listen=127.0.0.2", cwd=tmp_path) as running:
        port = int(running.wait_for(r"status at http://127\.0\.0\.2:(\d+)/")[1])
        assert ask(port, "/healthz", host="127.0.0.2").status == 200


def test_port_in_use_is_told_in_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = run("--port=0", f"--status-port={port}", cwd=tmp_path)
    assert (said.returncode, said.stderr.count("\n")) == (2, 1)
    assert f"--status-port: {port} is in use" in said.stderr


def test_port_of_the_proxy_is_refused_for_the_status(tmp_path: Path) -> None:
    said = run("--port=8080", "--status-port=8080", cwd=tmp_path)
    assert (said.returncode, said.stderr.count("\n")) == (2, 1)
    assert "--status-port: 8080 is the port of 10.11.120.2" in said.stderr


def test_reload_opens_moves_and_closes_the_status(raw_gateway: StartGateway, serving: Serving) -> None:
    options = {"target": raw_gateway(OK).origin, "port": 0}
    first, second = free_port(), free_port()
    with serving(**options) as home, socket.create_server(("127.0.0.1", 0)) as taken:
        proxy = home.port
        assert ask(proxy, "/").status == 200
        assert home.reload(**options, status_port=first) == "status-port"
        assert value(first, "smgwproxy_requests_total", status="200") == 1  # what happened before is told, too
        assert home.reload(**options, status_port=second) == "status-port"
        assert ask(second, "/healthz").status == 200
        with pytest.raises(ConnectionRefusedError):
            ask(first, "/healthz")
        assert "is in use" in home.refuses(**options, status_port=taken.getsockname()[1])
        assert ask(second, "/healthz").status == 200
        assert home.reload(**options) == "status-port"
        with pytest.raises(ConnectionRefusedError):
            ask(second, "/healthz")
        assert ask(proxy, "/").status == 200


def tables(**gateways: tuple[Origin, int, str]) -> str:
    """Write the tables of gateways with a target, a port, and lines of their own."""
    return "".join(
        f'[[gateway]]\nname = "{name}"\ntarget = "{target}"\nport = {port}\n{lines}\n'
        for name, (target, port, lines) in gateways.items()
    )


def test_several_gateways_have_their_own_numbers_and_sections(raw_gateway: StartGateway, tmp_path: Path) -> None:
    proxy = free_port()
    file = tmp_path / "smgwproxy.toml"
    file.write_text(
        "status-port = 0\n"
        + tables(home=(raw_gateway(OK).origin, proxy, ""), flat=(raw_gateway(OK).origin, 0, ""))
    )
    with program("--config", file.name, cwd=tmp_path) as running:
        port = status_port(running)
        wait_until(lambda: ask(port, "/readyz").text == "home: ok\nflat: ok\n")
        ask(proxy, "/")
        assert value(port, "smgwproxy_requests_total", gateway="home") == 1
        assert value(port, "smgwproxy_requests_total", gateway="flat") is None
        assert re.findall(r"<h2[^>]*>([^<]*)<", ask(port, "/").text) == ["home", "flat"]


HANGING = """
import threading

class Store:
    def lookup(self, origin):
        threading.Event().wait()

    pin = lookup

def open_store(argument):
    return Store()
"""


def test_trust_store_that_hangs_delays_no_status_and_no_other_gateway(
    raw_gateway: StartGateway, tmp_path: Path
) -> None:
    (tmp_path / "hanging.py").write_text(HANGING)
    file = tmp_path / "smgwproxy.toml"
    stuck = (raw_gateway(OK).origin, 0, 'truststore = "hanging:open_store"\nstore-timeout = 3600')
    file.write_text("status-port = 0\n" + tables(stuck=stuck, home=(raw_gateway(OK).origin, 0, "")))
    with program("--config", file.name, cwd=tmp_path) as running:
        port = status_port(running)
        wait_until(lambda: "home: ok" in ask(port, "/readyz").text)
        assert ask(port, "/readyz").text.startswith("stuck: the trust store has not answered yet\n")
        assert ask(port, "/readyz").status == 503
        assert value(port, "smgwproxy_ready", gateway="home") == 1
        assert value(port, "smgwproxy_ready", gateway="stuck") == 0
        assert "The trust store has not answered yet." in ask(port, "/").text


# --- the extra ------------------------------------------------------------------------------------------


def test_prometheus_client_is_imported_for_the_status_alone_and_missed_in_one_line(tmp_path: Path) -> None:
    """Python finds a package of that name which says that it is not there."""
    package = tmp_path / "prometheus_client.py"
    package.write_text(
        "raise ModuleNotFoundError('No module named prometheus_client', name='prometheus_client')\n"
    )
    environ = {"PYTHONPATH": f"{tmp_path}:{ROOT}"}
    said = run("--port=0", "--status-port=0", cwd=tmp_path, environ=environ)
    assert (said.returncode, said.stderr.count("\n")) == (2, 1)
    assert "--status-port: the library prometheus_client is not installed" in said.stderr
    assert "-m pip install 'smgwproxy[status]'" in said.stderr
    with program("--port=0", cwd=tmp_path, environ=environ) as running:
        assert running.port


def test_wrong_address_names_the_right_option_for_the_port(tmp_path: Path) -> None:
    said = run("--status-listen=127.0.0.1:9000", cwd=tmp_path)
    assert said.returncode == 2
    assert said.stderr.endswith("--status-port sets the port\n")
