"""Large bodies, down and up: throughput, memory and processor time, beside nginx."""

from __future__ import annotations

import socket
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.effort import Effort
from tests.benchmarks.programs import Running, nginx, running, smgwproxy, upstream
from tests.benchmarks.table import Table
from tests.support import free_port

_MIB = 1024 * 1024
_DOWN, _DOWN_IN_A_HURRY = 1024 * _MIB, 256 * _MIB
_IN_A_HURRY = 5.0  # seconds a figure, below which the smaller file is taken
_UP = 16 * _MIB
_UPLOADS = 16
_PATIENCE = 120.0

_NGINX = """
daemon off; master_process off; pid {directory}/nginx.pid; error_log {directory}/nginx.log;
events {{ worker_connections 4096; }}
http {{
  access_log off; client_max_body_size 0; keepalive_timeout 3600s;
  client_body_temp_path {directory}; proxy_temp_path {directory}; fastcgi_temp_path {directory};
  uwsgi_temp_path {directory}; scgi_temp_path {directory};
  proxy_http_version 1.1; proxy_set_header Connection "";
  proxy_request_buffering off; proxy_max_temp_file_size 0;
  upstream gateway {{ server 127.0.0.1:{target}; keepalive 16; }}
  server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass https://gateway; }} }}
}}
"""


@dataclass(frozen=True, slots=True)
class _Figures:
    """Of one transfer, or some: MiB a second, processor seconds a GiB, and bytes by which the program grew."""

    speed: float
    processor: float
    growth: int


_Transfer = Callable[[int], int]
"""Is given a port, and returns how many bytes of body have passed."""


def measure(effort: Effort) -> Table:
    """Send large bodies through both programs in turns, and show the median of the rounds."""
    down = _DOWN if effort.seconds >= _IN_A_HURRY else _DOWN_IN_A_HURRY
    transfers: dict[str, _Transfer] = {
        f"{down // _MIB} MiB down": _download,
        f"{_UPLOADS} times {_UP // _MIB} MiB up": _uploads,
    }
    figures: dict[tuple[str, str], list[_Figures]] = {}
    with ExitStack() as stack:
        behind = stack.enter_context(upstream(effort.directory, {"large": down, "small": 1500})).port
        programs = {
            "nginx": stack.enter_context(_nginx(effort.directory, behind)),
            "smgwproxy": stack.enter_context(smgwproxy(effort.directory / "proxy", behind)),
        }
        for program in programs.values():
            _warm_up(program.port)
        before = {name: program.resident for name, program in programs.items()}
        for _ in range(effort.rounds):
            for what, transfer in transfers.items():
                for name, program in programs.items():
                    figures.setdefault((what, name), []).append(_figures(program, before[name], transfer))
    return Table(
        "Bulk",
        ("transfer", "program", "MiB/s", "of nginx's", "processor seconds a GiB", "memory grew, at most"),
        tuple(_row(what, name, figures) for what in transfers for name in programs),
        (
            "One client, and one connection to the upstream server, which reads uploads to their end.",
            "Memory: the peak of all rounds, less what there was after small requests each way.",
        ),
    )


def _row(what: str, name: str, figures: Mapping[tuple[str, str], list[_Figures]]) -> tuple[str, ...]:
    mine, other = figures[what, name], figures[what, "nginx"]
    speed = statistics.median(one.speed for one in mine)
    return (
        what,
        name,
        f"{speed:.0f}",
        f"{speed / statistics.median(one.speed for one in other):.2f}",
        f"{statistics.median(one.processor for one in mine):.2f}",
        f"{max(one.growth for one in mine) / _MIB:.1f} MiB",
    )


def _figures(program: Running, resident: int, transfer: _Transfer) -> _Figures:
    program.forget_peak()
    processor, began = program.processor_seconds, time.monotonic()
    octets = transfer(program.port)
    seconds = time.monotonic() - began
    processor = program.processor_seconds - processor
    return _Figures(octets / _MIB / seconds, processor / (octets / 1024**3), program.peak - resident)


def _warm_up(port: int) -> None:
    with _connected(port) as client:
        for _ in range(3):
            client.sendall(b"GET /small HTTP/1.1\r\nHost: x\r\n\r\n")
            _throw_away(client, _length(client))
            client.sendall(b"POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx")
            _length(client)


def _download(port: int) -> int:
    with _connected(port) as client:
        client.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        length = _length(client)
        _throw_away(client, length)
    return length


def _uploads(port: int) -> int:
    piece = bytes(_MIB)
    with _connected(port) as client:
        for _ in range(_UPLOADS):
            client.sendall(b"POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % _UP)
            for _ in range(_UP // _MIB):
                client.sendall(piece)
            _length(client)
    return _UPLOADS * _UP


@contextmanager
def _connected(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), _PATIENCE) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield client


def _length(client: socket.socket) -> int:
    """Read the head of an answer, byte by byte so that no body is taken along; return its Content-Length."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        if not (octet := client.recv(1)):
            raise ChildProcessError(f"the connection ended after {head!r}")
        head += octet
    status, *lines = head.split(b"\r\n")
    if status.split()[1] not in {b"200", b"204"}:
        raise ChildProcessError(f"a wrong answer: {head!r}")
    lengths = [int(line[15:]) for line in lines if line.lower().startswith(b"content-length:")]
    return lengths[0] if lengths else 0


def _throw_away(client: socket.socket, octets: int) -> None:
    buffer = bytearray(_MIB)  # which stays as it is: the kernel copies nothing
    while octets:
        received = client.recv_into(buffer, min(octets, _MIB), socket.MSG_TRUNC)
        if not received:
            raise ChildProcessError(f"{octets} bytes are missing")
        octets -= received


@contextmanager
def _nginx(directory: Path, target: int) -> Iterator[Running]:
    port = free_port()
    configuration = directory / "nginx.conf"
    configuration.write_text(_NGINX.format(directory=directory, port=port, target=target))
    with running([nginx(), "-c", configuration, "-p", directory], port, directory / "nginx.out") as program:
        yield program
