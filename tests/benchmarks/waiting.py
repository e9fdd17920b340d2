"""The waiting room: how evenly 50 clients are served by a gateway that takes one request at a time."""

from __future__ import annotations

import asyncio
import ssl
import statistics
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.benchmarks.effort import Effort
from tests.benchmarks.programs import Running, haproxy, running, smgwproxy
from tests.benchmarks.table import Table
from tests.support import free_port, make_identity

_CLIENTS = 50
_GATEWAY_SECONDS = 0.02  # a request
_PATIENCE = 60.0
_REQUEST = b"GET / HTTP/1.1\r\nHost: smgw\r\n\r\n"
_BODY = b"x" * 1500
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(_BODY), _BODY)

_HAPROXY = """
global
  nbthread 1
defaults
  mode http
  timeout connect 10s
  timeout client 60s
  timeout server 180s
  timeout queue 60s
  http-reuse always
listen gateway
  bind 127.0.0.1:{port}
  server gateway 127.0.0.1:{target} ssl verify none maxconn 1
"""

_Start = Callable[[Path, int], AbstractContextManager[Running]]


def measure(effort: Effort) -> Table:
    """Let all clients ask as fast as they are answered, once for as long as all rounds would take."""
    programs: dict[str, _Start] = {
        "smgwproxy, `--max-connections 1`": lambda directory, target: smgwproxy(
            directory, target, "--max-connections", "1"
        ),
        "HAProxy, `maxconn 1`": _haproxy,
    }
    rows = []
    for number, (name, start) in enumerate(programs.items()):
        directory = effort.directory / str(number)
        directory.mkdir()
        rows.append((name, *asyncio.run(_visits(directory, start, effort.seconds * effort.rounds)).cells()))
    return Table(
        f"Waiting room: {_CLIENTS} clients, one request at a time at the gateway, which takes "
        f"{_GATEWAY_SECONDS * 1000:.0f} ms for each",
        (
            "program",
            "answers",
            "a client, fewest / most",
            "most / fewest",
            "wait, shortest / median / 95 % / longest",
            "open at the gateway, at most",
        ),
        tuple(rows),
        (
            (
                "A wait is the time from a request to the end of its answer. A client asks again as soon as it is "
                "answered, so in a just room all waits are alike: as long as the gateway takes for all the "
                "others. Each one's first request does not count, since all come at once with it."
            ),
            "nginx has no row: it has no such queue (`max_conns=1` answers the others with 502).",
        ),
    )


@contextmanager
def _haproxy(directory: Path, target: int) -> Iterator[Running]:
    port = free_port()
    configuration = directory / "haproxy.cfg"
    configuration.write_text(_HAPROXY.format(port=port, target=target))
    with running([haproxy(), "-db", "-f", configuration], port, directory / "haproxy.out") as program:
        yield program


@dataclass
class _Visits:
    """How long each client waited, answer by answer, and how many connections the gateway had."""

    waits: Sequence[list[float]]
    most_open: int

    def cells(self) -> tuple[str, ...]:
        """Return them as a row of the table, without its name."""
        numbers = [len(one) for one in self.waits]
        every = [wait for one in self.waits for wait in one]
        spread = (min(every), statistics.median(every), statistics.quantiles(every, n=20)[-1], max(every))
        return (
            str(sum(numbers)),
            f"{min(numbers)} / {max(numbers)}",
            f"{max(numbers) / min(numbers):.2f}" if min(numbers) else "some had none",
            " / ".join(f"{wait:.3f}" for wait in spread) + " s",
            str(self.most_open),
        )


async def _visits(directory: Path, start: _Start, seconds: float) -> _Visits:
    gateway = _Gateway()
    async with gateway.serving(make_identity(directory).server_context()) as target:
        # It starts in a thread, since the gateway must answer meanwhile.
        program = start(directory, target)
        served = await asyncio.to_thread(program.__enter__)
        try:
            async with asyncio.timeout(seconds + 2 * _PATIENCE):
                waits = await _all_clients(served.port, seconds)
        finally:
            await asyncio.to_thread(program.__exit__, None, None, None)
    return _Visits(waits, gateway.most_open)


async def _all_clients(port: int, seconds: float) -> Sequence[list[float]]:
    await _client(port, time.monotonic())  # warm-up, and the certificate's first use
    until = time.monotonic() + seconds
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_client(port, until)) for _ in range(_CLIENTS)]
    return [task.result()[1:] for task in tasks]


async def _client(port: int, until: float) -> list[float]:
    """Ask over one connection until the time has come; return how long each answer took."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    waits: list[float] = []
    while not waits or time.monotonic() < until:
        began = time.monotonic()
        writer.write(_REQUEST)
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200 ") or await reader.readexactly(len(_BODY)) != _BODY:
            raise ChildProcessError(f"a wrong answer: {head!r}")
        waits.append(time.monotonic() - began)
    writer.close()
    return waits


@dataclass
class _Gateway:
    """A TLS server that takes its time for each request, and counts its connections."""

    most_open: int = 0
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    @asynccontextmanager
    async def serving(self, context: ssl.SSLContext) -> AsyncIterator[int]:
        """Serve within; yields the port."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=context)
        async with server:
            yield server.sockets[0].getsockname()[1]
            for writer in self._open:
                writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        self.most_open = max(self.most_open, len(self._open))
        try:
            while True:
                await reader.readuntil(b"\r\n\r\n")
                await asyncio.sleep(_GATEWAY_SECONDS)
                writer.write(_ANSWER)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the program has left
        finally:
            self._open.discard(writer)
            writer.close()
