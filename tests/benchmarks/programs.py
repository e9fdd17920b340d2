"""Starts the programs that are measured: the gateway's stand-in, this proxy, and others like it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.support import free_port, make_identity

_PATIENCE = 60.0  # seconds until a program that does not serve is given up
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Running:
    """A program that serves at ``port`` of 127.0.0.1."""

    process: subprocess.Popen[bytes]
    port: int

    @property
    def processor_seconds(self) -> float:
        """The processor time that it and its children have used, in user and in system mode."""
        return sum(map(_ticks, _family(self.process.pid))) / _TICKS

    @property
    def resident(self) -> int:
        """The bytes of memory that it has now, with what it shares with others."""
        return self._memory("VmRSS")

    @property
    def peak(self) -> int:
        """The most bytes of memory that it has had since its start, or since `forget_peak`."""
        return self._memory("VmHWM")

    def forget_peak(self) -> None:
        """Let `peak` be what it has now."""
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    def _memory(self, name: str) -> int:
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * 1024
        raise ProcessLookupError(self.process.pid)


def _family(pid: int) -> Iterator[int]:
    yield pid
    for thread in Path(f"/proc/{pid}/task").iterdir():
        for child in (thread / "children").read_text().split():
            yield from _family(int(child))


def _ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


@contextmanager
def running(
    command: Sequence[str | Path],
    port: int,
    log: Path,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Running]:
    """Run ``command`` until the end of the block, which begins as soon as it takes connections at ``port``."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            list(map(str, command)),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, **(environment or {})},
        )
    try:
        _wait_until_it_serves(process, port, log)
        yield Running(process, port)
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()
        process.wait()


def _wait_until_it_serves(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.005)
    raise ChildProcessError(f"it does not serve: {process.args!r}\n{log.read_text()}")


_UPSTREAM = """
daemon off; worker_processes 1; pid {directory}/upstream.pid; error_log {directory}/upstream.log;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 1000000000; keepalive_timeout 3600s; client_max_body_size 0;
  client_body_temp_path {directory}; proxy_temp_path {directory}; fastcgi_temp_path {directory};
  uwsgi_temp_path {directory}; scgi_temp_path {directory};
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {pem}; ssl_certificate_key {pem};
    root {directory}/files;
    # Has an upload whole before it passes it on to one that answers without looking at it.
    location = /upload {{ client_body_buffer_size 16m; proxy_pass http://unix:{directory}/uploads; }}
  }}
  server {{ listen unix:{directory}/uploads; location / {{ return 204; }} }}
}}
"""


def nginx() -> str:
    """Return where nginx is, which may be outside a user's PATH."""
    return shutil.which("nginx") or "/usr/sbin/nginx"


def haproxy() -> str:
    """Return where HAProxy is, which may be outside a user's PATH, too."""
    return shutil.which("haproxy") or "/usr/sbin/haproxy"


@contextmanager
def upstream(directory: Path, files: Mapping[str, int]) -> Iterator[Running]:
    """Run the TLS server that all proxies stand before, with files of so many bytes, and ``/upload``."""
    port = free_port()
    root = directory / "files"
    root.mkdir(parents=True)
    for name, octets in files.items():
        with (root / name).open("wb") as file:
            file.truncate(octets)
    identity = make_identity(directory)
    configuration = directory / "upstream.conf"
    configuration.write_text(_UPSTREAM.format(directory=directory, port=port, pem=identity.pem_file))
    with running([nginx(), "-c", configuration, "-p", directory], port, directory / "upstream.out") as program:
        yield program


@contextmanager
def smgwproxy(directory: Path, target: int, *options: str) -> Iterator[Running]:
    """Run this proxy before the server at port ``target``, with its usual logs."""
    port = free_port()
    directory.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "smgwproxy", "--target", f"127.0.0.1:{target}", "--port", str(port)]
    directories = ["--certdir", str(directory / "certs"), "--logdir", str(directory / "logs")]
    with running([*command, *directories, *options], port, directory / "proxy.out") as program:
        yield program
