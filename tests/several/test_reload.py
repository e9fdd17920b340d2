"""SIGHUP adds, changes and removes gateways, and those that are not touched go on as if nothing had been."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.several.conftest import Serving
from tests.support import (
    OK,
    PATIENCE,
    RawGateway,
    connected,
    free_port,
    raw_exchange,
    receive_until,
)
from tests.test_cli import GET
from tests.test_reload import KEPT, Asking, Export

StartGateway = Callable[..., RawGateway]


def answering(text: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(text), text)


class Stream:
    """A client that asks again and again over one connection."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._done = threading.Event()
        self._more = threading.Semaphore(0)
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._ask, daemon=True)

    def goes_on(self) -> None:
        """Return when it has had another few answers."""
        for _ in range(3):
            assert self._more.acquire(timeout=PATIENCE), self._failure

    def end(self) -> None:
        self._done.set()
        self._thread.join(PATIENCE)
        assert self._failure is None

    def start(self) -> None:
        self._thread.start()
        self.goes_on()

    def _ask(self) -> None:
        try:
            with connected(self._port) as client:
                while not self._done.is_set():
                    client.sendall(KEPT)
                    said = receive_until(client, b"ok")
                    assert said.startswith(b"HTTP/1.1 200 "), said
                    self._more.release()
        except BaseException as error:  # noqa: BLE001  # the test tells it
            self._failure = error


@contextmanager
def streaming(port: int) -> Iterator[Stream]:
    stream = Stream(port)
    stream.start()
    yield stream
    stream.goes_on()
    stream.end()


def test_gateways_come_change_and_go_under_a_stream_at_one_that_is_not_touched(
    raw_gateway: StartGateway, serving: Serving
) -> None:
    still, other, third = raw_gateway(OK), raw_gateway(answering(b"gas")), raw_gateway(answering(b"wasser"))
    strom = {"strom": {"target": still.origin, "port": 0}}
    one, two = free_port(), free_port()
    gas = {"target": other.origin, "port": one}
    wasser = {"target": third.origin, "port": two}
    with serving(strom) as proxy, streaming(proxy.port("strom")) as stream:
        before = still.connections
        assert proxy.reload({**strom, "gas": gas}) == "gas is new"
        proxy.program.wait_for(r"INFO \[gas\] reachable at")
        stream.goes_on()
        assert raw_exchange(one, GET).endswith(b"gas")
        assert proxy.reload({"gas": {**gas, "keepalive": 7}, **strom}) == "gas: keepalive"
        stream.goes_on()
        assert proxy.reload({**strom, "gas": {**gas, "target": third.origin}}) == "gas: target, keepalive"
        assert raw_exchange(one, GET).endswith(b"wasser")
        assert proxy.reload({**strom, "wasser": wasser}) == "wasser is new; gas is gone"
        stream.goes_on()
        assert raw_exchange(two, GET).endswith(b"wasser")
        with pytest.raises(ConnectionRefusedError):
            connected(one).__enter__()
        assert proxy.reload(strom, log_level="debug") == "log-level; wasser is gone"
        stream.goes_on()
        assert still.connections == before, "the connection to the gateway is the same"
        assert not any(("[strom]" in line) and ("pinned" in line) for line in proxy.program.lines)
    assert {gateway.most_open for gateway in (still, other, third)} == {1}


def test_ports_of_two_gateways_are_swapped_under_a_stream_at_a_third(
    raw_gateway: StartGateway, serving: Serving
) -> None:
    gateways = {name: raw_gateway(answering(name.encode())) for name in ("gas", "wasser")}
    still = raw_gateway(OK)
    one, two = free_port(), free_port()
    strom = {"strom": {"target": still.origin, "port": 0}}

    def tables(**ports: int) -> dict[str, dict[str, object]]:
        return {**strom, **{name: {"target": gateways[name].origin, "port": port} for name, port in ports.items()}}

    with serving(tables(gas=one, wasser=two)) as proxy, streaming(proxy.port("strom")) as stream:
        assert raw_exchange(one, GET).endswith(b"gas")
        before = still.connections
        assert proxy.reload(tables(gas=two, wasser=one)) == "gas: port; wasser: port"
        assert raw_exchange(one, GET).endswith(b"wasser")
        assert raw_exchange(two, GET).endswith(b"gas")
        stream.goes_on()
        assert proxy.reload(tables(wasser=two)) == "wasser: port; gas is gone"
        assert raw_exchange(two, GET).endswith(b"wasser")
        assert proxy.reload(tables(wasser=one, gas=two)) == "wasser: port; gas is new"
        assert raw_exchange(one, GET).endswith(b"wasser")
        assert raw_exchange(two, GET).endswith(b"gas")
        stream.goes_on()
        assert still.connections == before


def test_one_table_that_is_wrong_changes_nothing_at_any(raw_gateway: StartGateway, serving: Serving) -> None:
    strom, gas = raw_gateway(OK), raw_gateway(answering(b"gas"))
    old = free_port()
    tables = {"strom": {"target": strom.origin, "port": 0}, "gas": {"target": gas.origin, "port": old}}
    with serving(tables) as proxy, socket.create_server(("127.0.0.1", 0)) as taken:
        port, new = proxy.port("strom"), free_port()
        assert raw_exchange(port, GET).endswith(b"ok")
        changed = {**tables["strom"], "port": new, "keepalive": 1, "max_connections": 5}
        for told, wrong in {
            'read-timeout in [[gateway]] "gas" in ': {**tables["gas"], "read_timeout": "soon"},
            'port in [[gateway]] "gas" in ': {**tables["gas"], "port": taken.getsockname()[1]},
            'client-cert in [[gateway]] "gas" in ': {**tables["gas"], "client_cert": "missing.pem"},
            'tls-cert in [[gateway]] "gas" in ': {**tables["gas"], "tls_port": 0, "tls_cert": "missing.pem"},
        }.items():
            assert proxy.refuses({"strom": changed, "gas": wrong}).startswith(told)
            assert raw_exchange(port, GET).endswith(b"ok")
            assert raw_exchange(old, GET).endswith(b"gas")
            with pytest.raises(ConnectionRefusedError):
                connected(new).__enter__()
        assert (strom.connections, strom.most_open) == (2, 1), "first use, and the requests"
        assert proxy.reload(tables) == "no option has changed"
        assert proxy.program.end() == 0


def test_running_request_of_a_gateway_that_is_removed_gets_its_whole_answer(
    raw_gateway: StartGateway, serving: Serving
) -> None:
    export = Export()
    leaving, staying = raw_gateway(export), raw_gateway(OK)
    stays = {"strom": {"target": staying.origin, "port": 0}}
    with serving({**stays, "gas": {"target": leaving.origin, "port": 0}}) as proxy:
        port = proxy.port("strom")
        running = Asking(proxy.port("gas"), "/export")
        assert export.arrived.wait(PATIENCE)
        assert proxy.reload(stays) == "gas is gone"
        assert raw_exchange(port, GET).endswith(b"ok")
        export.release.set()
        assert running.answer.endswith(b"first last")
        assert proxy.program.end() == 0


def test_running_request_of_a_gateway_that_was_removed_is_waited_for_at_the_end(
    raw_gateway: StartGateway, serving: Serving
) -> None:
    export = Export()
    stays = {"strom": {"target": raw_gateway(OK).origin, "port": 0}}
    with serving({**stays, "gas": {"target": raw_gateway(export).origin, "port": 0}}) as proxy:
        proxy.port("strom")
        running = Asking(proxy.port("gas"), "/export")
        assert export.arrived.wait(PATIENCE)
        assert proxy.reload(stays) == "gas is gone"
        proxy.program.process.terminate()
        proxy.program.wait_for("SIGTERM")
        export.release.set()
        assert running.answer.endswith(b"first last")
        assert proxy.program.wait() == 0


def test_gateway_that_gets_another_name_while_its_request_runs_never_has_two_connections(
    raw_gateway: StartGateway, serving: Serving
) -> None:
    export = Export()
    gateway = raw_gateway(export)
    port = free_port()
    options = {"target": gateway.origin, "port": port}
    with serving({"strom": options}) as proxy:
        proxy.port("strom")
        running = Asking(port, "/export")
        assert export.arrived.wait(PATIENCE)
        assert proxy.reload({"power": options}) == "power is new; strom is gone"
        waiting = Asking(port, "/later")
        export.release.set()
        assert running.answer.endswith(b"first last")
        assert waiting.answer.endswith(b"ok")
        assert proxy.program.end() == 0
    assert gateway.most_open == 1


def test_program_without_tables_gets_some_and_loses_them_again(
    raw_gateway: StartGateway, serving: Serving
) -> None:
    gateway = raw_gateway(OK)
    port = free_port()
    options = {"target": gateway.origin, "port": port}
    with serving({}, **options) as proxy:
        proxy.program.wait_for("INFO reachable")
        assert proxy.reload({"strom": options}) == f"strom is new; {gateway.origin} is gone"
        assert raw_exchange(port, GET).endswith(b"ok")
        assert proxy.reload({}, **options) == f"{gateway.origin} is new; strom is gone"
        assert raw_exchange(port, GET).endswith(b"ok")
        assert proxy.program.end() == 0
    assert gateway.most_open == 1
