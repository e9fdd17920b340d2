"""What the proxy needs when it is small: memory and wake-ups when idle, time to begin, the cost of a look-up.

Beside it an interpreter with the libraries that it cannot do without, which is as little as it could need.
"""

from __future__ import annotations

import os
import resource
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from smgwproxy import supervision
from smgwproxy.beat import INTERVAL
from smgwproxy.certificate import Certificate
from smgwproxy.cooperative import cooperative
from smgwproxy.origin import Origin
from smgwproxy.trust import Trust
from smgwproxy.truststores import StandingPins, TrustStore, open_truststore
from smgwproxy.truststores.guard import Guard
from tests.benchmarks.effort import Effort
from tests.benchmarks.programs import Running, upstream
from tests.benchmarks.table import Table
from tests.support import free_port, settles

_PATIENCE = 60.0  # seconds
_TIMES = 7  # how often a program is started in a round, for a figure of a tenth of a second
_REQUESTS = 100
_LOOKUPS = 2000
_SETTLED = 4.0  # seconds until what was written is believed (see `smgwproxy.truststores.sighting`)
_KEEPALIVE = 2.0  # seconds of an idle connection to the gateway, instead of two minutes
_RESTS = _KEEPALIVE + 3 * INTERVAL  # seconds: it ends at a beat, the next one sees that
_MIB = 1024 * 1024

_NOTHING = "pass"
_LIBRARIES = "import gevent.pywsgi, gevent.ssl, gevent.threadpool, urllib3"
_IDLE = f"{_LIBRARIES}; input()"

_REMARKS = (
    (
        "The libraries alone are an interpreter that imports gevent, urllib3 and TLS and does nothing, in "
        "brackets one that imports nothing. Resident memory counts pages that others share; the proportional "
        "one (PSS) divides them among those."
    ),
    (
        "Wake-ups are voluntary context switches of all threads, once no connection to the gateway is left. "
        "Until then the pins are looked at every five seconds, since connections under one that is withdrawn must "
        "end. Under systemd there is a heartbeat as often."
    ),
    (
        "A first start pins the gateway, and so has a TLS handshake behind it; where the gateway is pinned "
        "already, there is none before the first request."
    ),
)

_ROW = tuple[str, str, str, str]


def measure(effort: Effort) -> Table:
    """Measure all of it, one after the other."""
    effort.directory.chmod(0o755)  # the worker of the gateway's stand-in may be another user
    environment = _environment(effort)
    with upstream(effort.directory, {"reading": 1500}) as gateway:
        bench = _Bench(effort, gateway.port, environment)
        rows = [*_help(effort, environment), *bench.begin(), *bench.rest(), *_lookups(effort)]
    return Table(
        "Footprint",
        ("figure", "smgwproxy", "the libraries alone", "aim"),
        tuple(rows),
        _REMARKS,
    )


def _environment(effort: Effort) -> Mapping[str, str]:
    """Return one in which modules are compiled once, as those of an installed program are."""
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**inherited, "PYTHONPYCACHEPREFIX": str(effort.directory / "compiled")}


# --- --help ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Spent:
    wall: float
    processor: float


def _spent(environment: Mapping[str, str], *words: str) -> _Spent:
    """Run Python until it ends, and return what that took in milliseconds."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, *words], check=True, stdout=subprocess.DEVNULL, env=environment)
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return _Spent(wall * 1000, used * 1000)


def _help(effort: Effort, environment: Mapping[str, str]) -> Iterator[_ROW]:
    commands = (("-m", "smgwproxy", "--help"), ("-c", _LIBRARIES), ("-c", _NOTHING))
    for command in commands:
        _spent(environment, *command)  # what is compiled and read from the disk at first
    # In turns, so that what else runs here hits all alike.
    spent = [[_spent(environment, *command) for command in commands] for _ in range(_TIMES * effort.rounds)]
    columns = list(zip(*spent, strict=True))
    walls = [median(one.wall for one in column) for column in columns]
    yield "`--help`, wall time", *_beside(*walls), "150 ms"
    yield (
        "`--help`, processor time",
        *_beside(*(median(one.processor for one in column) for column in columns)),
        "",
    )


def _beside(ours: float, libraries: float, nothing: float) -> tuple[str, str]:
    return f"{ours:.0f} ms", f"{libraries:.0f} ms ({nothing:.0f} ms)"


# --- a running proxy ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Begun:
    """A proxy that has just begun: after how many milliseconds what had happened, and what it had computed."""

    program: Running
    told: float
    answered: float
    processor: float


class _Bench:
    def __init__(self, effort: Effort, gateway: int, environment: Mapping[str, str]) -> None:
        self._effort = effort
        self._gateway = gateway
        self._environment = environment

    def begin(self) -> Iterator[_ROW]:
        """Start it again and again before a gateway that is pinned."""
        with self._proxy():  # compiles what is not compiled yet
            pass
        shutil.rmtree(self._effort.directory / "proxy" / "certs")
        with self._proxy(ask=False) as first:
            time.sleep(1)
            self._must_have_pinned()
            yield "memory when idle after a first start, resident (PSS)", _memory(first.program), "", "35 MiB"
        begun = []
        for _ in range(_TIMES * self._effort.rounds):
            with self._proxy() as one:
                begun.append(one)
        alone = [_spent(self._environment, "-c", _LIBRARIES) for _ in range(_TIMES)]
        told, libraries = median(one.told for one in begun), median(one.wall for one in alone)
        yield "start until READY=1 to systemd", f"{told:.0f} ms", f"{libraries:.0f} ms", "400 ms"
        yield "start until a request is answered", f"{median(one.answered for one in begun):.0f} ms", "", "400 ms"
        used, libraries = median(one.processor for one in begun), median(one.processor for one in alone)
        yield "start until then, processor time", f"{used:.0f} ms", f"{libraries:.0f} ms", ""

    def rest(self) -> Iterator[_ROW]:
        """Let it be idle, with and without a client."""
        with self._proxy(ask=False) as one, _at_rest(self._environment) as other:
            program = one.program
            time.sleep(1)
            yield "memory when idle, resident (PSS)", _memory(program), _memory(other), "35 MiB"
            for _ in range(_REQUESTS):
                _ask(program.port).close()
            time.sleep(1)
            yield f"memory after {_REQUESTS} requests, resident (PSS)", _memory(program), "", "35 MiB"
            time.sleep(_RESTS)
            yield "wake-ups a second under systemd", self._wakes(program), "", ""
        with self._proxy(supervised=False) as one, _at_rest(self._environment) as other:
            time.sleep(_SETTLED + _RESTS)
            yield "wake-ups a second without a client", self._wakes(one.program), self._wakes(other), "0"
            with _ask(one.program.port, "keep-alive"):
                time.sleep(_RESTS)
                yield "wake-ups a second with an idle client", self._wakes(one.program), "", "0"

    def _must_have_pinned(self) -> None:
        if not any((self._effort.directory / "proxy" / "certs").glob("*.json")):
            raise ChildProcessError("it has not pinned the gateway at its start")

    def _wakes(self, program: Running) -> str:
        seconds = max(10.0, self._effort.seconds * 2)
        before = _switches(program)
        time.sleep(seconds)
        return f"{(_switches(program) - before) / seconds:.1f}"

    @contextmanager
    def _proxy(self, *, ask: bool = True, supervised: bool = True) -> Iterator[_Begun]:
        """Run a proxy, and tell how soon it told its supervisor, and answered a request.

        Without one, which wakes it from time to time, it tells nobody.
        """
        directory, port = self._effort.directory / "proxy", free_port()
        directory.mkdir(exist_ok=True)
        address, log = directory / "notify", directory / "proxy.out"
        address.unlink(missing_ok=True)
        command = [sys.executable, "-m", "smgwproxy", "--target", f"127.0.0.1:{self._gateway}"]
        command += ["--listen", "127.0.0.1", "--port", str(port), "--certdir", f"{directory}/certs"]
        command += ["--logdir", f"{directory}/logs", "--keepalive", str(_KEEPALIVE)]
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified, log.open("ab") as output:
            notified.bind(str(address))
            notified.settimeout(_PATIENCE)
            environment = {**self._environment, **({"NOTIFY_SOCKET": str(address)} if supervised else {})}
            began = time.perf_counter()
            process = subprocess.Popen(command, stdout=output, stderr=output, env=environment)
            try:
                if not supervised:
                    _must_listen(port)
                elif supervision.READY.encode() not in notified.recv(4096):
                    raise ChildProcessError(f"it tells something else first\n{log.read_text()}")
                told = (time.perf_counter() - began) * 1000
                program = Running(process, port)
                if ask:
                    _ask(port).close()
                answered = (time.perf_counter() - began) * 1000
                yield _Begun(program, told, answered, program.processor_seconds * 1000)
            finally:
                process.terminate()
                process.wait(_PATIENCE)


@contextmanager
def _at_rest(environment: Mapping[str, str]) -> Iterator[Running]:
    """Run an interpreter with the libraries alone."""
    command = [sys.executable, "-c", _IDLE]
    with subprocess.Popen(command, stdin=subprocess.PIPE, env=environment) as process:
        time.sleep(2)
        yield Running(process, 0)
        process.communicate(b"\n")


def _ask(port: int, connection: str = "close") -> socket.socket:
    """Send a request, and return the connection when the answer has begun as it must, or has come to its end."""
    asking = socket.create_connection(("127.0.0.1", port), _PATIENCE)
    head = f"GET /reading HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: {connection}\r\n\r\n"
    asking.sendall(head.encode())
    answer = b""
    while len(answer) < 1500 and (piece := asking.recv(65536)):
        answer += piece
    if not answer.startswith(b"HTTP/1.1 200 "):
        raise ChildProcessError(f"it answers {answer[:500]!r}")
    return asking


def _must_listen(port: int) -> None:
    """Wait until somebody does."""

    def listens() -> bool:
        with socket.socket() as asking:
            return not asking.connect_ex(("127.0.0.1", port))

    if not settles(listens, _PATIENCE):
        raise ChildProcessError(f"nobody listens at {port}")


def _memory(program: Running) -> str:
    table = Path(f"/proc/{program.process.pid}/smaps_rollup").read_text().splitlines()[1:]
    pages = {line.partition(":")[0]: int(line.split()[1]) * 1024 for line in table}
    return f"{pages['Rss'] / _MIB:.1f} MiB ({pages['Pss'] / _MIB:.1f} MiB)"


def _switches(program: Running) -> int:
    statuses = (path.read_text() for path in Path(f"/proc/{program.process.pid}/task").glob("*/status"))
    lines = (line for status in statuses for line in status.splitlines())
    return sum(int(line.split()[1]) for line in lines if line.startswith("voluntary_ctxt_switches:"))


# --- trust ----------------------------------------------------------------------------------------------


def _lookups(effort: Effort) -> Iterator[_ROW]:
    """Look up pins as each request does, and as it would if they did not tell that they stand."""
    origin, certificate = Origin("127.0.0.1"), Certificate(b"a certificate")
    fingerprint = certificate.fingerprint
    specs = (f"file:{effort.directory}/certs", f"sqlite:{effort.directory}/trust.db", f"pinned:{fingerprint}")
    stores = {spec.partition(":")[0]: open_truststore(spec) for spec in specs}
    for store in stores.values():
        store.pin(origin, certificate)
    time.sleep(_SETTLED)
    for name, store in stores.items():
        trust = Trust(origin, Guard(store, cooperative().call, _PATIENCE))
        _must_stand(trust.looked_up(), store)
        each, asked = (_microseconds(question, effort) for question in (trust.pins, trust.looked_up))
        yield (
            f"look-up of the pins for a request, {name}",
            each,
            f"{asked} with the store asked in a thread",
            "20 µs",
        )


def _must_stand(pins: Sequence[object], store: TrustStore) -> None:
    if not (isinstance(pins, StandingPins) and pins.stand):
        raise ChildProcessError(f"the pins of {store!r} do not stand: its files must be on this machine")


def _microseconds(function: Callable[[], object], effort: Effort) -> str:
    times = []
    for _ in range(effort.rounds):
        began = time.perf_counter()
        for _ in range(_LOOKUPS):
            function()
        times.append((time.perf_counter() - began) / _LOOKUPS)
    return f"{median(times) * 1e6:.1f} µs"
