"""SIGHUP: the running program reads its configuration again, and nobody notices more than they must."""

from __future__ import annotations

import logging
import os
import re
import select
import signal
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path

import pytest

from smgwproxy.certificate import Certificate
from smgwproxy.commands.serving.running import Running
from smgwproxy.config import Config, load
from smgwproxy.errors import ConfigError
from smgwproxy.logs import configure_logging
from smgwproxy.proxy import report_nothing
from tests.support import (
    OK,
    PATIENCE,
    Identity,
    Peer,
    RawGateway,
    connected,
    free_port,
    raw_exchange,
    receive_all,
    receive_until,
)
from tests.test_cli import GET, Program, program

StartGateway = Callable[..., RawGateway]
KEPT = b"GET /kept HTTP/1.1\r\nHost: pi\r\n\r\n"
STRANGE = b"GET / HTTP/1.1\r\nHost: strange.example\r\nConnection: close\r\n\r\n"
TAKEN_OVER = r"INFO the configuration is taken over: (.*)"
REFUSED = r"ERROR the configuration is not taken over: (.*)"


@dataclass
class Served:
    """A running program and its configuration file."""

    program: Program
    file: Path

    @property
    def port(self) -> int:
        return self.program.port

    def reload(self, **options: object) -> str:
        """Write ``options`` to the file, let it be read, and return what the log says has changed."""
        return self._told(TAKEN_OVER, options)

    def refuses(self, **options: object) -> str:
        """Do that, and return what the log says is wrong."""
        return self._told(REFUSED, options)

    def _told(self, pattern: str, options: Mapping[str, object]) -> str:
        write(self.file, **options)
        self.program.lines.clear()
        self.program.process.send_signal(signal.SIGHUP)
        return self.program.wait_for(pattern)[1]


def write(file: Path, **options: object) -> None:
    lines = (f"{name.replace('_', '-')} = {toml(value)}\n" for name, value in options.items())
    new = file.with_suffix(".new")
    new.write_text("".join(lines))
    new.replace(file)


def toml(value: object) -> str:
    return str(value).lower() if isinstance(value, bool | int | float) else f'"{value}"'


@pytest.fixture
def serving(tmp_path: Path) -> Callable[..., AbstractContextManager[Served]]:
    @contextmanager
    def start(**options: object) -> Iterator[Served]:
        file = tmp_path / "smgwproxy.toml"
        write(file, **options)
        with program("--config", file.name, cwd=tmp_path) as running:
            yield Served(running, file)

    return start


Serving = Callable[..., AbstractContextManager[Served]]


class Export:
    """A gateway's script: the first request waits for its answer until it is let go, the others get theirs."""

    def __init__(self) -> None:
        self.arrived, self.release = threading.Event(), threading.Event()

    def __call__(self, peer: Peer) -> None:
        while request := peer.read_request():
            if b" /export " not in request:
                peer.send(OK)
                continue
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst")
            self.arrived.set()
            assert self.release.wait(PATIENCE)
            peer.send(b" last")


class Slow(Export):
    """It ends its side of a connection only when it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.let_go = threading.Event()

    def __call__(self, peer: Peer) -> None:
        super().__call__(peer)
        assert self.let_go.wait(PATIENCE)


class Asking:
    """A client that asks in a thread of its own."""

    def __init__(self, port: int, target: str) -> None:
        request = f"GET {target} HTTP/1.1\r\nHost: pi\r\nConnection: close\r\n\r\n".encode()
        self._answer = b""
        self._thread = threading.Thread(target=self._ask, args=(port, request), daemon=True)
        self._thread.start()

    @property
    def answer(self) -> bytes:
        self._thread.join(PATIENCE)
        return self._answer

    @property
    def waits(self) -> bool:
        """Tell whether it has no answer yet."""
        return self._thread.is_alive()

    def _ask(self, port: int, request: bytes) -> None:
        self._answer = raw_exchange(port, request)


def queued(port: int) -> Asking:
    """Ask for what the gateway has no time for now; return when that request stands in the queue."""
    client = Asking(port, "/queued")
    served(port)
    return client


def served(port: int) -> None:
    """Return when all that has come before, and need not wait, is done."""
    for _ in range(3):  # who comes later, and is refused at the door
        assert b" 421 " in raw_exchange(port, STRANGE)


# --- what runs, and what waits --------------------------------------------------------------------------------


def test_request_that_runs_gets_its_whole_answer_and_the_next_one_waits_for_the_gateway_to_be_free(
    raw_gateway: StartGateway, serving: Serving
) -> None:
    export = Export()
    gateway = raw_gateway(export)
    common = {"target": gateway.origin, "port": 0, "listen": "127.0.0.1"}
    with serving(**common) as proxy:
        running = Asking(proxy.port, "/export")
        assert export.arrived.wait(PATIENCE)
        waiting = queued(proxy.port)
        port = proxy.port
        changed = proxy.reload(
            **common, read_timeout=99, keepalive=77, host_header="smgw.local", renewal="same-key"
        )
        assert changed == "renewal, host-header, read-timeout, keepalive"
        later = queued(port)
        assert gateway.open_now == 1
        export.release.set()
        assert running.answer.endswith(b"first last")
        assert waiting.answer.endswith(b"ok")
        assert later.answer.endswith(b"ok")
        assert raw_exchange(port, GET).endswith(b"ok")
        assert proxy.program.end() == 0
    assert gateway.most_open == 1
    assert b"Host: smgw.local\r\n" in gateway.received


def test_gateway_that_is_named_again_while_its_request_runs_is_the_same_one(
    raw_gateway: StartGateway, serving: Serving
) -> None:
    export = Export()
    gateway, other = raw_gateway(export), raw_gateway(OK)
    common = {"port": 0, "listen": "127.0.0.1"}
    with serving(**common, target=gateway.origin) as proxy:
        port = proxy.port
        running = Asking(port, "/export")
        assert export.arrived.wait(PATIENCE)
        assert proxy.reload(**common, target=other.origin) == "target"
        assert raw_exchange(port, GET).endswith(b"ok")
        assert b"GET /x " in other.received
        assert proxy.reload(**common, target=gateway.origin) == "target"
        waiting = queued(port)
        assert gateway.open_now == 1
        export.release.set()
        assert running.answer.endswith(b"first last")
        assert waiting.answer.endswith(b"ok")
        assert proxy.program.end() == 0
    assert gateway.most_open == other.most_open == 1


@pytest.mark.parametrize("back", [False, True])
def test_who_waits_for_a_gateway_that_is_named_no_more_dials_when_it_has_ended_its_side(
    raw_gateway: StartGateway, serving: Serving, back: bool
) -> None:
    slow = Slow()
    gateway, other = raw_gateway(slow), raw_gateway(OK)
    common = {"port": 0, "listen": "127.0.0.1"}
    with serving(**common, target=gateway.origin) as proxy:
        port = proxy.port
        running = Asking(port, "/export")
        assert slow.arrived.wait(PATIENCE)
        waiting = [queued(port)]
        assert proxy.reload(**common, target=other.origin) == "target"
        if back:
            assert proxy.reload(**common, target=gateway.origin) == "target"
            waiting.append(queued(port))
        slow.release.set()
        assert running.answer.endswith(b"first last")
        served(port)
        assert gateway.open_now == 1
        slow.let_go.set()
        assert all(client.answer.endswith(b"ok") for client in waiting)
        assert proxy.program.end() == 0
    assert gateway.most_open == 1


def test_gateway_that_is_named_again_is_dialled_when_it_has_ended_the_idle_connection(
    raw_gateway: StartGateway, serving: Serving
) -> None:
    slow = Slow()
    gateway, other = raw_gateway(slow), raw_gateway(OK)
    common = {"port": 0, "listen": "127.0.0.1"}
    with serving(**common, target=gateway.origin) as proxy:
        port = proxy.port
        assert raw_exchange(port, GET).endswith(b"ok")
        for target in (other.origin, gateway.origin):
            assert proxy.reload(**common, target=target) == "target"
        waiting = queued(port)
        assert gateway.open_now == 1
        slow.let_go.set()
        assert waiting.answer.endswith(b"ok")
        assert proxy.program.end() == 0
    assert gateway.most_open == 1


def test_gateway_that_is_named_no_more_and_does_not_end_its_side_is_reset(
    raw_gateway: StartGateway, serving: Serving
) -> None:
    reset = threading.Event()

    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(OK)
        peer.begun()
        poller = select.poll()
        poller.register(peer.connection, 0)  # errors are told all the same
        if poller.poll(PATIENCE * 1000):
            reset.set()

    gateway, other = raw_gateway(script), raw_gateway(OK)
    common = {"port": 0, "listen": "127.0.0.1"}
    with serving(**common, target=gateway.origin) as proxy:
        assert raw_exchange(proxy.port, GET).endswith(b"ok")
        assert proxy.reload(**common, target=other.origin) == "target"
        assert reset.wait(PATIENCE)
        assert proxy.program.end() == 0


def test_more_turns_serve_who_waits_at_once(raw_gateway: StartGateway, serving: Serving) -> None:
    export = Export()
    gateway = raw_gateway(export)
    common = {"target": gateway.origin, "port": 0, "listen": "127.0.0.1"}
    with serving(**common) as proxy:
        port = proxy.port
        running = Asking(port, "/export")
        assert export.arrived.wait(PATIENCE)
        waiting = queued(port)
        assert proxy.reload(**common, max_connections=2) == "max-connections"
        assert waiting.answer.endswith(b"ok")
        assert gateway.most_open == 2
        export.release.set()
        assert running.answer.endswith(b"first last")


def test_steady_stream_of_requests_over_a_dozen_reloads_sees_no_error(
    raw_gateway: StartGateway, serving: Serving
) -> None:
    gateway = raw_gateway(OK)
    common = {"target": gateway.origin, "port": 0, "listen": "127.0.0.1", "server_name": "pi.example"}
    changes: list[dict[str, object]] = [
        {"keepalive": 30},
        {"log_level": "debug"},
        {"certdir": "others"},
        {"max_clients": 20},
        {"logdir": "elsewhere"},
        {"host_header": "smgw.local"},
    ]
    failures: list[bytes] = []
    answers = 0
    done = threading.Event()

    def ask(port: int) -> None:
        nonlocal answers
        while not done.is_set():
            with connected(port) as client:
                for _ in range(3):
                    client.sendall(KEPT)
                    answer = receive_until(client, b"ok")
                    answers += 1
                client.sendall(GET)
                answer = receive_all(client)
                if not (answer.startswith(b"HTTP/1.1 200 ") and answer.endswith(b"ok")):
                    failures.append(answer)

    with serving(**common) as proxy:
        port = proxy.port
        drained: list[str] = []
        clients = [threading.Thread(target=ask, args=(port,), daemon=True) for _ in range(4)]
        for client in clients:
            client.start()
        for change in changes * 2:
            seen = answers
            drained.append(proxy.reload(**common, **change))
            while answers < seen + 4 and any(client.is_alive() for client in clients):
                proxy.program.wait_for("/kept")
                proxy.program.lines.clear()
        done.set()
        for client in clients:
            client.join(PATIENCE)
        assert proxy.program.end() == 0
    assert not failures
    assert answers >= 4 * len(drained), "a client has ended with an error"
    assert gateway.most_open == 1
    assert "no option has changed" not in drained


# --- what stays -------------------------------------------------------------------------------------------------


def test_connections_of_clients_and_to_the_gateway_stay_when_nothing_about_them_changes(
    raw_gateway: StartGateway, serving: Serving
) -> None:
    gateway = raw_gateway(OK)
    common = {"target": gateway.origin, "port": 0, "listen": "127.0.0.1"}
    with serving(**common) as proxy, connected(proxy.port) as client:
        client.sendall(KEPT)
        receive_until(client, b"ok")
        before = gateway.connections
        assert proxy.reload(**common, log_level="debug") == "log-level"
        client.sendall(KEPT)
        receive_until(client, b"ok")
        proxy.program.wait_for("DEBUG request and answer of the line above")
        assert gateway.connections == before


def test_wrong_file_changes_nothing_and_is_told_in_one_line(raw_gateway: StartGateway, serving: Serving) -> None:
    gateway = raw_gateway(OK)
    common = {"target": gateway.origin, "port": 0, "listen": "127.0.0.1"}
    with serving(**common) as proxy, socket.create_server(("127.0.0.1", 0)) as taken:
        port = proxy.port
        assert raw_exchange(port, GET).endswith(b"ok")
        before = gateway.connections
        for told, wrong in {
            "read-timeout in smgwproxy.toml: 'soon' is no time": {"read_timeout": "soon"},
            "tls-port in smgwproxy.toml: .* is in use": {"keepalive": 1, "tls_port": taken.getsockname()[1]},
            "port in smgwproxy.toml: .* is in use": {"keepalive": 1, "port": taken.getsockname()[1]},
            "client-cert in smgwproxy.toml: ": {"allow": "10.0.0.1", "client_cert": "missing.pem"},
            "tls-cert in smgwproxy.toml: ": {"allow": "10.0.0.1", "tls_port": 0, "tls_cert": "missing.pem"},
            "logdir in smgwproxy.toml: ": {"allow": "10.0.0.1", "tls_port": 0, "logdir": "smgwproxy.toml/x"},
        }.items():
            assert re.match(told, proxy.refuses(**{**common, **wrong}))
            assert raw_exchange(port, GET).endswith(b"ok")
        assert gateway.connections == before
        assert proxy.reload(**common) == "no option has changed"
        assert proxy.program.end() == 0


def test_configuration_on_a_disk_that_hangs_keeps_nobody_from_being_served(
    raw_gateway: StartGateway, serving: Serving
) -> None:
    gateway = raw_gateway(OK)
    with serving(target=gateway.origin, port=0, listen="127.0.0.1", store_timeout=0.5) as proxy:
        port = proxy.port
        proxy.file.unlink()
        os.mkfifo(proxy.file)  # which nobody writes to
        proxy.program.process.send_signal(signal.SIGHUP)
        assert raw_exchange(port, GET).endswith(b"ok")
        assert proxy.program.wait_for(REFUSED)[1].startswith("it was not read within 0.5 s")
        assert proxy.program.end() == 0


@pytest.mark.parametrize("fault", ["logdir", "tls-port"])
def test_nobody_can_come_to_a_listener_of_what_is_refused(tmp_path: Path, fault: str) -> None:
    port = free_port()
    told: list[str] = []

    class Watching(Config):
        def source(self, name: str) -> str:
            """Be asked what is wrong, while the rest is still there."""
            with pytest.raises(ConnectionRefusedError):
                connected(port).__enter__()
            told.append(name)
            return super().source(name)

    (tmp_path / "file").touch()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        wrong = {"logdir": tmp_path / "file" / "x", "tls-port": taken.getsockname()[1]}
        places = {name: tmp_path / name for name in ("certdir", "logdir", "statedir")}
        options = {"target": "127.0.0.1:1", "listen": "127.0.0.1", "port": port, **places, fault: wrong[fault]}
        asked = load([word for name, value in options.items() for word in (f"--{name}", str(value))], {})
        watching = Watching(**{field.name: getattr(asked.only, field.name) for field in fields(Config)})
        with (
            configure_logging(logdir=None) as logs,
            Running(lambda _: report_nothing, logs, logging.getLogger("smgwproxy")) as running,
            pytest.raises(ConfigError, match=f"--{fault}: "),
        ):
            running.use(replace(asked, gateways=(watching,)))
    assert fault in told


def test_proxy_without_a_configuration_file_says_that_nothing_has_changed(tmp_path: Path) -> None:
    with program("--target", "127.0.0.1:1", "--port", "0", cwd=tmp_path) as proxy:
        proxy.wait_for("reachable at")
        proxy.process.send_signal(signal.SIGHUP)
        assert proxy.wait_for(TAKEN_OVER)[1] == "no option has changed"
        assert proxy.end() == 0


# --- what changes -----------------------------------------------------------------------------------------------


def test_another_port_is_open_before_the_old_one_is_closed_after_its_requests(
    raw_gateway: StartGateway, serving: Serving
) -> None:
    export = Export()
    gateway = raw_gateway(export)
    common = {"target": gateway.origin, "listen": "127.0.0.1"}
    old, new = free_port(), free_port()
    with serving(**common, port=old) as proxy, connected(proxy.port) as idle, connected(proxy.port) as busy:
        busy.sendall(b"GET /export HTTP/1.1\r\nHost: pi\r\n\r\n")
        assert export.arrived.wait(PATIENCE)
        assert proxy.reload(**common, port=new) == "port"
        assert idle.recv(1) == b""
        with pytest.raises(ConnectionRefusedError):
            connected(old).__enter__()
        waiting = queued(new)
        export.release.set()
        assert receive_all(busy).endswith(b"first last")
        assert waiting.answer.endswith(b"ok")
        assert proxy.program.end() == 0


def test_other_address_is_listened_at_on_the_same_port(raw_gateway: StartGateway, serving: Serving) -> None:
    gateway = raw_gateway(OK)
    common = {"target": gateway.origin, "port": free_port()}
    with serving(**common, listen="127.0.0.1") as proxy:
        port = proxy.port
        for listen in ("all", "127.0.0.2", "127.0.0.1"):
            assert proxy.reload(**common, listen=listen) == "listen"
            assert raw_exchange(port, GET, host=listen.replace("all", "::1")).endswith(b"ok")
        with pytest.raises(ConnectionRefusedError):
            connected(port, host="127.0.0.2").__enter__()
        with pytest.raises(OSError, match="in use"):  # another program would be told so, as before
            socket.create_server(("127.0.0.1", port))


def shown(port: int) -> Certificate:
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as plain:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with context.wrap_socket(plain) as client:
            return Certificate(client.getpeercert(binary_form=True) or b"")


def test_https_comes_changes_its_certificate_and_its_port_and_goes(
    raw_gateway: StartGateway, serving: Serving, identity: Identity, impostor: Identity
) -> None:
    gateway = raw_gateway(OK)
    http, https = free_port(), free_port()
    common = {"target": gateway.origin, "listen": "127.0.0.1"}
    with serving(**common, port=http) as proxy:
        proxy.program.wait_for("reachable")
        first = {"tls_port": https, "tls_cert": identity.pem_file}
        assert proxy.reload(**common, port=http, **first) == "tls-port, tls-cert"
        assert shown(https) == identity.certificate
        with connected(https, tls=True) as client:
            client.sendall(KEPT)
            receive_until(client, b"ok")
            second = {"tls_port": https, "tls_cert": impostor.pem_file}
            assert proxy.reload(**common, port=http, **second) == "tls-cert"
            assert shown(https) == impostor.certificate
            client.sendall(KEPT)
            receive_until(client, b"ok")
        swapped = {"tls_port": http, "tls_cert": impostor.pem_file}
        assert proxy.reload(**common, port=https, **swapped) == "port, tls-port"
        assert raw_exchange(https, GET).endswith(b"ok")
        assert raw_exchange(http, GET, tls=True).endswith(b"ok")
        assert proxy.reload(**common, port=https) == "tls-port, tls-cert"
        with pytest.raises(ConnectionRefusedError):
            connected(http).__enter__()
        assert proxy.program.end() == 0


def test_who_may_come_in_changes_for_clients_that_are_connected_too(
    raw_gateway: StartGateway, serving: Serving
) -> None:
    gateway = raw_gateway(OK)
    common = {"target": gateway.origin, "port": 0, "listen": "127.0.0.1"}
    with serving(**common) as proxy, connected(proxy.port) as client:
        assert b" 421 " in raw_exchange(proxy.port, STRANGE)
        assert proxy.reload(**common, server_name="strange.example") == "server-name"
        client.sendall(STRANGE.replace(b"close", b"keep-alive"))
        receive_until(client, b"ok")
        assert proxy.reload(**common, allow="10.0.0.1") == "allow, server-name"
        client.sendall(KEPT)
        assert b" 403 " in receive_all(client)


def test_pins_of_another_store_and_log_files_of_another_name_count_at_once(
    raw_gateway: StartGateway, serving: Serving, tmp_path: Path
) -> None:
    gateway = raw_gateway(OK)
    common = {"target": gateway.origin, "port": 0, "listen": "127.0.0.1"}
    with serving(**common) as proxy:
        port = proxy.port
        assert raw_exchange(port, GET).endswith(b"ok")
        assert proxy.reload(**common, certdir="others", logdir="l", logfile="x.log") == (
            "certdir, logdir, logfile, truststore"
        )
        assert raw_exchange(port, GET).endswith(b"ok")
        assert (tmp_path / "others" / f"{gateway.origin}.json").is_file()
        assert proxy.program.end() == 0
    assert gateway.most_open == 1
    assert (tmp_path / "logs" / "proxy.log").read_text().count('"GET /x HTTP/1.1"') == 1
    assert (tmp_path / "l" / "x.log").read_text().count('"GET /x HTTP/1.1"') == 1


# --- signals at any time ----------------------------------------------------------------------------------------


def test_signal_before_the_program_serves_is_heard_when_it_does(tmp_path: Path) -> None:
    file = tmp_path / "smgwproxy.toml"
    os.mkfifo(file)
    with program("--config", file.name, cwd=tmp_path) as proxy:
        with file.open("w") as told:  # the program has it open, too
            proxy.process.send_signal(signal.SIGHUP)
            write(file, target="127.0.0.1:2", port=0)  # another file of that name
            told.write('target = "127.0.0.1:1"\nport = 0\n')
        assert proxy.wait_for(TAKEN_OVER)[1] == "target"
        assert proxy.end() == 0


def test_many_signals_harm_nobody_nor_does_one_while_the_program_ends(
    raw_gateway: StartGateway, serving: Serving
) -> None:
    export = Export()
    gateway = raw_gateway(export)
    with serving(target=gateway.origin, port=0, listen="127.0.0.1") as proxy:
        running = Asking(proxy.port, "/export")
        assert export.arrived.wait(PATIENCE)
        for _ in range(20):
            proxy.program.process.send_signal(signal.SIGHUP)
        proxy.program.wait_for(TAKEN_OVER)
        proxy.program.process.send_signal(signal.SIGTERM)
        proxy.program.wait_for("SIGTERM")
        proxy.program.process.send_signal(signal.SIGHUP)
        proxy.program.wait_for("SIGHUP: nothing is read again, since the program ends")
        export.release.set()
        assert running.answer.endswith(b"first last")
        assert proxy.program.wait() == 0


def test_terminal_that_is_closed_ends_the_demo(tmp_path: Path) -> None:
    with program("demo", "--port", "0", cwd=tmp_path) as demo:
        demo.wait_for("is pinned")
        assert demo.end(signal.SIGHUP) == 0
    assert demo.lines[-1].endswith("INFO stopped\n")
