"""What systemd hears of the running program over its socket (sd_notify(3)), and what it does not hear."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from smgwproxy import supervision
from smgwproxy.commands.serving.heartbeat import Heartbeat
from smgwproxy.demo.thread import HubThread
from smgwproxy.supervision import Supervisor
from tests.support import OK, PATIENCE, Peer, RawGateway, connected, free_port, raw_exchange
from tests.test_cli import GET, program

StartGateway = Callable[..., RawGateway]
MICROSECONDS = 300_000
INTERVAL = MICROSECONDS / 1_000_000


class Systemd:
    """The socket that a service manager waits at."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(name.replace("@", "\0", 1))
        self.socket.settimeout(PATIENCE)

    @property
    def environ(self) -> dict[str, str]:
        return {"NOTIFY_SOCKET": self.name}

    def message(self) -> dict[str, str]:
        """Wait for a message, and return its assignments."""
        return dict(line.split("=", 1) for line in self.socket.recv(65536).decode().split("\n"))

    def wait_for(self, name: str, text: str = "") -> str:
        """Wait for a message that assigns ``name`` a value with ``text`` in it, and return the value."""
        while text not in (value := self.message().get(name, "")) or not value:
            pass
        return value

    def forget(self) -> None:
        """Forget what has come."""
        self.socket.settimeout(0.0)
        with suppress(BlockingIOError):
            while self.socket.recv(65536):
                pass
        self.socket.settimeout(PATIENCE)

    def hears_nothing_for(self, seconds: float) -> bool:
        self.socket.settimeout(seconds)
        try:
            self.socket.recv(65536)
        except TimeoutError:
            return True
        finally:
            self.socket.settimeout(PATIENCE)
        return False


@pytest.fixture(params=["path", "abstract"])
def systemd(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Systemd]:
    made = Systemd(str(tmp_path / "notify") if request.param == "path" else f"@smgwproxy-test-{os.getpid()}")
    yield made
    made.socket.close()


@pytest.fixture
def at_path(tmp_path: Path) -> Iterator[Systemd]:
    made = Systemd(str(tmp_path / "notify"))
    yield made
    made.socket.close()


# --- the program --------------------------------------------------------------------------------------------


def test_start_reload_and_stop_are_told_in_their_order(
    raw_gateway: StartGateway, tmp_path: Path, systemd: Systemd
) -> None:
    gateway = raw_gateway(OK)
    port = free_port()
    arguments = ("--target", str(gateway.origin), "--port", str(port))
    with program(*arguments, cwd=tmp_path, environ=systemd.environ) as proxy:
        told = systemd.message()
        assert told["READY"] == "1"
        assert f"forwards to https://{gateway.origin}/" in told["STATUS"]
        assert raw_exchange(port, GET).endswith(b"ok")
        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        proxy.process.send_signal(signal.SIGHUP)
        while "RELOADING" not in (told := systemd.message()):
            pass
        assert before <= int(told["MONOTONIC_USEC"]) <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        assert "READY" not in told
        systemd.wait_for("READY", "1")
        proxy.process.send_signal(signal.SIGTERM)
        systemd.wait_for("STOPPING", "1")
        assert proxy.wait() == 0


def test_status_tells_requests_clients_and_trouble_and_nothing_of_a_request(
    raw_gateway: StartGateway, tmp_path: Path, at_path: Systemd
) -> None:
    def script(peer: Peer) -> None:
        while request := peer.read_request():
            peer.send(b"HTTP/1.1 200 s3cret\r\ns3cret\r\n\r\n" if b"wrong" in request else OK)

    gateway = raw_gateway(script)
    secret = b"GET /%b?tkn=s3cret HTTP/1.1\r\nHost: pi\r\nAuthorization: s3cret\r\nConnection: close\r\n\r\n"
    environ = at_path.environ | {"WATCHDOG_USEC": str(MICROSECONDS)}
    heard: list[str] = []
    with program("--target", str(gateway.origin), "--port", "0", cwd=tmp_path, environ=environ) as proxy:
        heard.append(at_path.wait_for("STATUS", "0 requests answered; 0 clients connected"))
        raw_exchange(proxy.port, secret % b"right")
        heard.append(at_path.wait_for("STATUS", "1 request answered; 0 clients connected"))
        with connected(proxy.port):
            heard.append(at_path.wait_for("STATUS", "1 request answered; 1 client connected"))
        raw_exchange(proxy.port, secret % b"wrong")
        heard.append(at_path.wait_for("STATUS", "2 requests answered; 0 clients connected; last trouble 20"))
        assert heard[-1].endswith("(http_protocol_error)")
    assert not any("s3cret" in text or "\n" in text for text in heard)


def test_status_tells_of_a_configuration_that_is_not_taken_over_until_one_is(
    tmp_path: Path, at_path: Systemd
) -> None:
    file = tmp_path / "smgwproxy.toml"
    right = 'target = "127.0.0.1:1"\nport = 0\n'
    file.write_text(right)
    with program("--config", file.name, cwd=tmp_path, environ=at_path.environ) as proxy:
        at_path.wait_for("READY")
        file.write_text('read-timeout = "soon"')
        proxy.process.send_signal(signal.SIGHUP)
        at_path.wait_for("STATUS", "not taken over: read-timeout in smgwproxy.toml: 'soon' is no time")
        file.write_text(right)
        proxy.process.send_signal(signal.SIGHUP)
        assert "taken over" not in at_path.wait_for("STATUS")


def fill(process: int) -> None:
    """Fill the pipe that is the stderr of ``process``, so that who writes there waits for who reads."""
    pipe = os.open(f"/proc/{process}/fd/2", os.O_WRONLY | os.O_NONBLOCK)
    with suppress(BlockingIOError):
        while os.write(pipe, b"\n" * 4096):
            pass
    os.close(pipe)


def test_watchdog_hears_of_a_hub_that_turns_and_not_of_one_that_is_frozen(
    tmp_path: Path, at_path: Systemd
) -> None:
    environ = at_path.environ | {"WATCHDOG_USEC": str(MICROSECONDS)}
    with program("--target", "127.0.0.1:1", "--port", "0", cwd=tmp_path, environ=environ) as proxy:
        proxy.wait_for("reachable")
        for _ in range(3):
            at_path.wait_for("WATCHDOG", "1")
        fill(proxy.process.pid)
        proxy.process.send_signal(signal.SIGHUP)  # its line in the log waits until somebody reads
        at_path.wait_for("RELOADING")
        assert any(at_path.hears_nothing_for(2 * INTERVAL) for _ in range(3)), "what it said before it froze"
        proxy.wait_for("taken over")
        at_path.wait_for("WATCHDOG", "1")
        assert proxy.end() == 0


def test_supervisor_that_has_gone_does_not_stop_the_proxy(
    raw_gateway: StartGateway, tmp_path: Path, at_path: Systemd
) -> None:
    gateway = raw_gateway(OK)
    environ = at_path.environ | {"WATCHDOG_USEC": str(MICROSECONDS)}
    with program("--target", str(gateway.origin), "--port", "0", cwd=tmp_path, environ=environ) as proxy:
        at_path.wait_for("WATCHDOG")
        at_path.socket.close()
        Path(at_path.name).unlink()
        proxy.process.send_signal(signal.SIGHUP)
        proxy.wait_for("the configuration is taken over")
        assert raw_exchange(proxy.port, GET).endswith(b"ok")
        assert proxy.end() == 0


# --- the protocol -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, Supervisor()),
        ({"NOTIFY_SOCKET": "/run/notify"}, Supervisor(b"/run/notify")),
        ({"NOTIFY_SOCKET": "@name"}, Supervisor(b"\0name")),
        ({"NOTIFY_SOCKET": "vsock:2:1"}, Supervisor()),
        ({"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "30000000"}, Supervisor(b"/x", 30.0)),
        ({"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "9", "WATCHDOG_PID": str(os.getpid())}, Supervisor(b"/x", 9e-6)),
        ({"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "9", "WATCHDOG_PID": "1"}, Supervisor(b"/x")),
        ({"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "0"}, Supervisor(b"/x")),
        ({"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "-1"}, Supervisor(b"/x")),
        ({"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "²"}, Supervisor(b"/x")),
        ({"WATCHDOG_USEC": "9"}, Supervisor()),
    ],
)
def test_environment_tells_who_is_told_what(environ: dict[str, str], expected: Supervisor) -> None:
    assert Supervisor.of(environ) == expected


def test_status_is_one_line_whatever_it_holds(at_path: Systemd) -> None:
    assert Supervisor.of(at_path.environ).tell(supervision.status("a\nREADY=1\x1b" + "x" * 1000))
    (line,) = at_path.socket.recv(65536).decode().split("\n")
    assert line.startswith("STATUS=a READY=1 xxx")
    assert len(line) < 600


@pytest.mark.parametrize("address", [b"/nowhere/notify", b"\0nobody", b"/" + b"x" * 200])
def test_nobody_at_the_address_is_no_error(address: bytes) -> None:
    assert not Supervisor(address).tell(supervision.READY)


def test_state_that_did_not_get_through_is_told_at_the_next_beat(at_path: Systemd) -> None:
    full = Supervisor.of(at_path.environ)
    while full.tell("X=1"):
        pass
    with HubThread() as hub:
        heart = Heartbeat(Supervisor.of({**at_path.environ, "WATCHDOG_USEC": "30000"}), lambda: "well")
        hub.call(heart.__enter__)
        hub.call(heart.ready)
        told: dict[str, str] = {}
        while "READY" not in told:
            told = at_path.message()
        assert told == {"READY": "1", "WATCHDOG": "1", "STATUS": "well"}
        hub.call(heart.__exit__)


@pytest.mark.parametrize("watchdog", [0.001, 2.0, 30.0, 3600.0])
def test_beats_come_at_less_than_half_the_watchdog_s_time_and_often_enough_for_people(watchdog: float) -> None:
    assert Heartbeat(Supervisor(b"/x", watchdog), lambda: "well").interval < min(watchdog / 2, 6)


def test_without_a_supervisor_telling_is_no_failure() -> None:
    assert Supervisor().tell(supervision.READY)
