"""One process before many gateways, with many clients that have nothing to ask: memory and processor time."""

from __future__ import annotations

import resource
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from tests.benchmarks.effort import Effort
from tests.benchmarks.programs import Running, nginx, running
from tests.benchmarks.table import Table
from tests.support import free_port, make_identity

_GATEWAYS = 64
_CLIENTS = 2000
_KIB, _MIB = 1024, 1024 * 1024
_PATIENCE = 60.0
_REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
_BODY = b"x" * 1500

_UPSTREAM = """
daemon off; worker_processes 1; pid {directory}/upstream.pid; error_log {directory}/upstream.log;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 1000000000; keepalive_timeout 3600s; ssl_session_cache shared:all:1m;
  client_body_temp_path {directory}; proxy_temp_path {directory}; fastcgi_temp_path {directory};
  uwsgi_temp_path {directory}; scgi_temp_path {directory};
  server {{
    {listen}
    ssl_certificate {pem}; ssl_certificate_key {pem};
    location / {{ return 200 {body}; }}
  }}
}}
"""


def measure(effort: Effort) -> Table:
    """Start it before one gateway and before all, then let the clients come and do nothing."""
    seconds = effort.seconds * effort.rounds
    with ExitStack() as stack:
        _allow_many_handles()
        targets = stack.enter_context(_upstream(effort.directory))
        with _proxy(effort.directory / "one", targets[:1]) as (program, doors):
            _ask_each(doors)
            alone = program.resident
        program, doors = stack.enter_context(_proxy(effort.directory / "all", targets))
        _ask_each(doors)
        before = program.resident
        without_clients = _processor_time(program, seconds)
        clients = [stack.enter_context(_connected(doors[0])) for _ in range(_CLIENTS)]
        began = program.processor_seconds
        for client in clients:
            _ask(client)
        asking = program.processor_seconds - began
        after = program.resident
        with_clients = _processor_time(program, seconds)
        newcomer = stack.enter_context(_connected(doors[-1]))
        waits = sorted(_ask(one) for one in [newcomer] * 100)
        for client in clients:  # all of them are still there
            _ask(client)
    return Table(
        f"Scale of one box: {_GATEWAYS} gateways in one process, {_CLIENTS} idle clients",
        ("what", "figure"),
        (
            ("memory before one gateway", f"{alone / _MIB:.1f} MiB"),
            (f"memory before {_GATEWAYS} gateways, each of which has answered", f"{before / _MIB:.1f} MiB"),
            ("each gateway more", f"{(before - alone) / (_GATEWAYS - 1) / _KIB:.0f} KiB"),
            (f"memory with {_CLIENTS} idle clients as well", f"{after / _MIB:.1f} MiB"),
            ("each idle client", f"{(after - before) / _CLIENTS / _KIB:.1f} KiB"),
            ("processor time for each client that comes and asks once", f"{asking / _CLIENTS * 1000:.2f} ms"),
            ("processor time a second, no client", f"{without_clients * 1000:.1f} ms"),
            (f"processor time a second, {_CLIENTS} idle clients", f"{with_clients * 1000:.1f} ms"),
            ("a request in between, median", f"{waits[len(waits) // 2] * 1000:.2f} ms"),
        ),
        (
            "All clients are at the first gateway's door, have asked once, and ask again at the end.",
            (
                f"Processor time is that of {seconds:.0f} s in which nobody asks anything, on a clock of 10 ms; "
                "each gateway's trust store is looked at every five seconds while there is a connection to it."
            ),
        ),
    )


def _allow_many_handles() -> None:
    """Let this program have as many sockets as there are clients; those that it starts see to it themselves."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = 2 * _CLIENTS
    if soft != resource.RLIM_INFINITY and soft < needed:
        with suppress(ValueError):  # then there are too few, and the connections will tell
            resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


def _processor_time(program: Running, seconds: float) -> float:
    """Return the processor seconds that ``program`` uses a second while nothing happens."""
    began, processor = time.monotonic(), program.processor_seconds
    time.sleep(seconds)
    return (program.processor_seconds - processor) / (time.monotonic() - began)


def _ask_each(doors: Sequence[int]) -> None:
    for door in doors:
        with _connected(door) as client:
            _ask(client)


def _ask(client: socket.socket) -> float:
    """Ask once; return how many seconds it took."""
    began = time.monotonic()
    client.sendall(_REQUEST)
    said = b""
    while not said.endswith(b"\r\n\r\n" + _BODY):
        piece = client.recv(65536)
        if not piece or not (said + piece).startswith(b"HTTP/1.1 200 "):
            raise ChildProcessError(f"a wrong answer: {said + piece!r}")
        said += piece
    return time.monotonic() - began


@contextmanager
def _connected(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), _PATIENCE) as client:
        yield client


def _ports(number: int) -> Sequence[int]:
    ports: set[int] = set()
    while len(ports) < number:
        ports.add(free_port())
    return sorted(ports)


@contextmanager
def _upstream(directory: Path) -> Iterator[Sequence[int]]:
    """Run a server that stands for all gateways; yields their ports."""
    ports = _ports(_GATEWAYS)
    configuration = directory / "upstream.conf"
    configuration.write_text(
        _UPSTREAM.format(
            directory=directory,
            listen=" ".join(f"listen 127.0.0.1:{port} ssl;" for port in ports),
            pem=make_identity(directory).pem_file,
            body=_BODY.decode(),
        )
    )
    with running([nginx(), "-c", configuration, "-p", directory], ports[0], directory / "upstream.out"):
        yield ports


@contextmanager
def _proxy(directory: Path, targets: Sequence[int]) -> Iterator[tuple[Running, Sequence[int]]]:
    """Run this proxy before all ``targets``; yields it and the ports of its doors."""
    doors = _ports(len(targets))
    directory.mkdir()
    lines = [
        f'certdir = "{directory}/certs"',
        f'logdir = "{directory}/logs"',
        'listen = "127.0.0.1"',
        f"max-clients = {2 * _CLIENTS}",
        f"max-clients-per-address = {2 * _CLIENTS}",
    ]
    for number, (target, door) in enumerate(zip(targets, doors, strict=True), 1):
        lines += ["[[gateway]]", f'name = "flat-{number}"', f'target = "127.0.0.1:{target}"', f"port = {door}"]
    configuration = directory / "smgwproxy.toml"
    configuration.write_text("\n".join(lines))
    command = [sys.executable, "-m", "smgwproxy", "--config"]
    with running([*command, configuration], doors[-1], directory / "proxy.out") as program:
        yield program, doors
