"""What becomes of one gateway is no affair of the clients of another."""

from __future__ import annotations

import os
import select
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from smgwproxy import durable
from tests.several.conftest import Serving
from tests.support import (
    OK,
    PATIENCE,
    RawGateway,
    connected,
    make_identity,
    raw_exchange,
    receive_all,
    receive_until,
    settles,
)
from tests.test_cli import GET, MODULE
from tests.test_reload import Asking, Export

StartGateway = Callable[..., RawGateway]
THREADS = 10
"""As many as gevent's own pool has."""
STATUS = r"status at http://127\.0\.0\.1:(\d+)/"
READY = b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
STORE = """
import threading
import time
from pathlib import Path

from smgwproxy.truststores.file import FileTrustStore


class Hanging(FileTrustStore):
    def lookup(self, origin):
        print("asked\\n", end="", flush=True)  # in one piece, since many threads say it
        threading.Event().wait()


def open_hanging(argument):
    return Hanging(argument)


def hang(argument):
    print("opened", flush=True)
    threading.Event().wait()


def open_later(argument):
    while not Path("now").exists():
        time.sleep(0.05)
    return FileTrustStore(Path(argument))


def fail_later(argument):
    while not Path("now").exists():
        time.sleep(0.05)
    if not Path("again").exists():
        Path("again").touch()
        raise OSError("the disk is not there")
    return FileTrustStore(Path(argument))
"""


@pytest.fixture
def stores(tmp_path: Path) -> None:
    """Let there be trust stores that never answer."""
    (tmp_path / "stores.py").write_text(STORE)


def test_dead_gateway_delays_no_client_of_another(raw_gateway: StartGateway, serving: Serving) -> None:
    good = raw_gateway(OK)
    with socket.create_server(("127.0.0.1", 0)) as nobody:  # who takes connections, and says nothing
        tables = {
            "dead": {"target": f"127.0.0.1:{nobody.getsockname()[1]}", "port": 0, "connect_timeout": 60},
            "good": {"target": good.origin, "port": 0},
        }
        with serving(tables) as proxy:
            waiting = [Asking(proxy.port("dead"), f"/{number}") for number in range(3 * THREADS)]
            for _ in range(3):
                assert raw_exchange(proxy.port("good"), GET).endswith(b"ok")
            assert all(one.waits for one in waiting)


def test_slow_gateway_delays_no_client_of_another(raw_gateway: StartGateway, serving: Serving) -> None:
    export = Export()
    slow, good = raw_gateway(export), raw_gateway(OK)
    tables = {name: {"target": one.origin, "port": 0} for name, one in (("slow", slow), ("good", good))}
    with serving(tables) as proxy:
        running = Asking(proxy.port("slow"), "/export")
        assert export.arrived.wait(PATIENCE)
        for _ in range(3):
            assert raw_exchange(proxy.port("good"), GET).endswith(b"ok")
        assert running.waits
        export.release.set()
        assert running.answer.endswith(b"first last")
        assert proxy.program.end() == 0


@pytest.mark.usefixtures("stores")
def test_store_that_hangs_delays_no_client_of_another_however_many_calls_hang(
    raw_gateway: StartGateway, serving: Serving
) -> None:
    good, other = raw_gateway(OK), raw_gateway(OK)
    hanging = {
        "target": "127.0.0.1:1",
        "port": 0,
        "truststore": "stores:open_hanging:certs",
        "max_connections": 3 * THREADS,
        "store_timeout": 600,
    }
    with serving({"hanging": hanging, "good": {"target": good.origin, "port": 0}}) as proxy:
        port, stuck = proxy.port("good"), proxy.port("hanging")
        waiting = [Asking(stuck, f"/{number}") for number in range(3 * THREADS)]
        lines = proxy.program.lines
        while (
            sum(line.startswith("asked") for line in lines) < THREADS
        ):  # the first may be among those read already
            assert proxy.program.process.stdout is not None
            lines.append(proxy.program.process.stdout.readline())
        assert raw_exchange(port, GET).endswith(b"ok")
        changed = proxy.reload({"hanging": hanging, "good": {"target": other.origin, "port": port}})
        assert changed == "good: target, port"
        assert raw_exchange(port, GET).endswith(b"ok")
        assert all(one.waits for one in waiting)
        proxy.program.process.terminate()
        proxy.program.wait_for("SIGTERM")
        assert proxy.program.end() == 0, "threads that hang keep no program from its end"


@pytest.mark.usefixtures("stores")
def test_store_that_does_not_open_is_refused_and_meanwhile_others_are_served(
    raw_gateway: StartGateway, serving: Serving
) -> None:
    good = {"good": {"target": raw_gateway(OK).origin, "port": 0}}
    new = {"new": {"target": "127.0.0.1:1", "port": 0, "truststore": "stores:hang:", "store_timeout": 60}}
    with serving(good) as proxy:
        port = proxy.port("good")
        proxy.begin_reload({**good, **new})
        proxy.program.wait_for("opened")
        for _ in range(3):
            assert raw_exchange(port, GET).endswith(b"ok")
        new["new"]["store_timeout"] = 0.1
    with serving(good) as proxy:
        port = proxy.port("good")
        told = proxy.refuses({**good, **new})
        assert told.startswith('truststore in [[gateway]] "new" in smgwproxy.toml: the trust store was not open')
        assert raw_exchange(port, GET).endswith(b"ok")


@pytest.mark.usefixtures("stores")
@pytest.mark.parametrize("how", ["open_later", pytest.param("fail_later", marks=pytest.mark.long)])
def test_store_that_does_not_open_at_start_refuses_its_own_clients_until_it_does(
    raw_gateway: StartGateway, serving: Serving, tmp_path: Path, how: str
) -> None:
    late, good = raw_gateway(OK), raw_gateway(OK)
    tables = {
        "late": {"target": late.origin, "port": 0, "truststore": f"stores:{how}:certs", "store_timeout": 0.5},
        "good": {"target": good.origin, "port": 0},
    }
    with serving(tables, status_port=0) as proxy:
        port, other = proxy.port("late"), proxy.port("good")
        status = int(proxy.program.wait_for(STATUS)[1])
        assert raw_exchange(other, GET).endswith(b"ok")
        assert b" 500 " in (refused := raw_exchange(port, GET))[:20]
        assert b"is not open yet" in refused
        assert settles(lambda: b"late: the trust store fails" in raw_exchange(status, READY))
        assert not late.connections, "no byte to a gateway of which nobody knows whether it is a stranger"
        (tmp_path / "now").touch()
        proxy.program.wait_for(r"INFO \[late\] the trust store is open")
        assert settles(lambda: raw_exchange(port, GET).endswith(b"ok"))
        assert settles(lambda: b" 200 " in raw_exchange(status, READY)[:20])
        changed = proxy.reload({**tables, "late": {**tables["late"], "queue_timeout": 7}}, status_port=0)
        assert changed == "late: queue-timeout"
        assert raw_exchange(port, GET).endswith(b"ok")
    records = {file.name for file in (tmp_path / "certs").glob("*.json")}
    assert records == {f"{gateway.origin}.json" for gateway in (late, good)}


@pytest.mark.usefixtures("stores")
def test_gateway_whose_store_does_not_open_may_be_changed_and_removed(
    raw_gateway: StartGateway, serving: Serving
) -> None:
    hanging = {"target": "127.0.0.1:1", "port": 0, "truststore": "stores:hang:", "store_timeout": 0.1}
    good = {"target": raw_gateway(OK).origin, "port": 0}
    with serving({"late": hanging, "good": good}) as proxy:
        port, other = proxy.port("late"), proxy.port("good")
        assert proxy.reload({"late": hanging, "good": {**good, "queue_timeout": 7}}) == "good: queue-timeout"
        assert proxy.reload({"late": {**hanging, "queue_timeout": 8}, "good": good})
        assert b" 500 " in raw_exchange(port, GET)[:20]
        assert proxy.reload({"late": {**hanging, "truststore": "file:certs"}, "good": good})
        assert b" 502 " in raw_exchange(port, GET)[:20], "nobody is there"
        assert proxy.reload({"good": good})
        assert raw_exchange(other, GET).endswith(b"ok")


@pytest.mark.usefixtures("stores")
@pytest.mark.parametrize("when", ["start", "reload"])
def test_end_is_not_held_up_by_a_store_that_does_not_open(
    raw_gateway: StartGateway, serving: Serving, when: str
) -> None:
    good = {"good": {"target": raw_gateway(OK).origin, "port": 0}}
    new = {"new": {"target": "127.0.0.1:1", "port": 0, "truststore": "stores:hang:", "store_timeout": 86400}}
    with serving({**good, **new} if when == "start" else good) as proxy:
        if when == "reload":
            proxy.port("good")
            proxy.begin_reload({**good, **new})
        proxy.program.wait_for("opened")
        assert proxy.program.end() == 0
        assert not any("[new]" in line for line in proxy.program.lines), "nothing of it was taken over"


@pytest.mark.usefixtures("stores")
def test_store_that_hangs_in_all_its_threads_keeps_no_reload_from_another(
    raw_gateway: StartGateway, serving: Serving, tmp_path: Path
) -> None:
    client = make_identity(tmp_path)
    good, other = raw_gateway(OK), raw_gateway(OK)
    hanging = {
        "target": "127.0.0.1:1",
        "port": 0,
        "truststore": "stores:open_hanging:certs",
        "client_cert": client.pem_file,
        "max_connections": 3 * THREADS,
        "store_timeout": 5,
    }
    with serving({"hanging": hanging, "good": {"target": good.origin, "port": 0}}) as proxy:
        port, stuck = proxy.port("good"), proxy.port("hanging")
        waiting = [Asking(stuck, f"/{number}") for number in range(3 * THREADS)]
        lines = proxy.program.lines
        while sum(line.startswith("asked") for line in lines) < THREADS:
            assert proxy.program.process.stdout is not None
            lines.append(proxy.program.process.stdout.readline())
        proxy.begin_reload({"hanging": hanging, "good": {"target": other.origin, "port": port}})
        assert proxy.program.wait_for("the configuration is .*")[0] == (
            "the configuration is taken over: good: target, port"
        )
        assert len(waiting) == 3 * THREADS


def test_directory_that_another_program_keeps_locked_stops_no_client(
    raw_gateway: StartGateway, serving: Serving, tmp_path: Path
) -> None:
    good = {"good": {"target": raw_gateway(OK).origin, "port": 0}}
    new = {"new": {"target": "127.0.0.1:1", "port": 0, "tls_port": 0, "store_timeout": 0.5}}
    (tmp_path / "state").mkdir(mode=0o700)
    with serving(good) as proxy, durable.locked(tmp_path / "state" / ".https.pem.lock"):
        port = proxy.port("good")
        assert proxy.refuses({**good, **new}).startswith("--statedir: the certificate was not read within 0.5 s")
        assert raw_exchange(port, GET).endswith(b"ok")


@pytest.mark.usefixtures("in_namespaces")
def test_names_that_do_not_resolve_delay_no_client_of_another_however_many_hang(
    raw_gateway: StartGateway, serving: Serving, tmp_path: Path
) -> None:
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    os.mkfifo(tmp_path / "hosts")  # which nobody writes to: who looks a name up waits for ever
    command = ("unshare", "--mount", "sh", "-c", 'mount --bind hosts /etc/hosts && exec "$@"', "sh", *MODULE)
    tables = {
        f"lost-{number}": {"target": f"meter-{number}.example", "port": 0, "connect_timeout": 0.1}
        for number in range(3)
    }
    named = {"target": raw_gateway(OK).origin, "port": 0}
    with serving({**tables, "good": named}, command=command) as proxy:
        for name in tables:
            for _ in range(THREADS // 2):
                assert b" 504 " in raw_exchange(proxy.port(name), GET)[:20]
        assert raw_exchange(proxy.port("good"), GET).endswith(b"ok")
        assert proxy.program.end() == 0


@pytest.fixture
def lazy() -> Iterator[Callable[[int, int], None]]:
    """Connect as clients that say nothing, until the test ends."""
    with ExitStack() as there:

        def come(port: int, number: int) -> None:
            for _ in range(number):
                there.enter_context(connected(port)).sendall(b"GET / HT")

        yield come


def test_clients_that_take_all_places_take_none_of_another_gateway(
    raw_gateway: StartGateway, serving: Serving, lazy: Callable[[int, int], None]
) -> None:
    crowded = {"target": raw_gateway(OK).origin, "port": 0}
    good = {"target": raw_gateway(OK).origin, "port": 0, "max_clients": 1}
    with (
        serving({"crowded": crowded, "good": good}, max_clients=20) as proxy,
        connected(proxy.port("good")) as client,
    ):
        client.sendall(GET.replace(b"close", b"keep-alive"))
        receive_until(client, b"ok")
        lazy(proxy.port("crowded"), 25)
        client.sendall(GET)
        assert receive_until(client, b"ok")


def test_clients_of_one_gateway_leave_handles_to_those_of_another(
    raw_gateway: StartGateway, serving: Serving, lazy: Callable[[int, int], None]
) -> None:
    usual = ("sh", "-c", 'ulimit -S -n 256 && exec "$@"', "sh", *MODULE)
    crowded = {"target": raw_gateway(OK).origin, "port": 0, "max_clients": 400, "max_clients_per_address": 400}
    good = {"target": raw_gateway(OK).origin, "port": 0}
    with serving({"crowded": crowded, "good": good}, command=usual) as proxy:
        port = proxy.port("good")
        lazy(proxy.port("crowded"), 300)
        assert raw_exchange(port, GET).endswith(b"ok")
        assert proxy.program.end() == 0
    assert not any("Too many open files" in line for line in proxy.program.lines)


def test_storage_that_is_full_is_that_of_one_gateway(raw_gateway: StartGateway, serving: Serving) -> None:
    tables = {name: {"target": raw_gateway(OK).origin, "port": 0} for name in ("full", "good")}
    head = b"POST /x HTTP/1.1\r\nHost: pi\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    most = b"f00000\r\n%b\r\n" % bytes(0xF00000)  # of what is gathered for one request
    with serving(tables) as proxy, ExitStack() as there:
        clients = [there.enter_context(connected(proxy.port("full"))) for _ in range(5)]
        for client in clients:
            with suppress(BrokenPipeError, ConnectionResetError):  # what was answered already can still be read
                client.sendall(head + most)
        # There is room for four; whose bytes come too late is left to chance.
        refused, _, _ = select.select(clients, [], [], PATIENCE)
        assert b"no room" in receive_all(refused[0])
        some = b"500000\r\n%b\r\n0\r\n\r\n" % bytes(0x500000)  # more than is left there
        assert raw_exchange(proxy.port("good"), head + some).endswith(b"ok")
