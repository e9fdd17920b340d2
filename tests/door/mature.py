"""HAProxy and nginx as child processes before an upstream of ours, and what they make of raw requests."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.clients.conftest import missing
from tests.door.vectors import NEXT
from tests.support import PATIENCE, Peer, RawGateway

_WHERE = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])
_EMPTY = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
_PROBE = NEXT.replace(b"/next", b"/probe")
_STATUS = re.compile(rb"HTTP/1\.[01] ([2-9][0-9]{2}) ")
_SENSIBLE = 10**9  # octets of a body; nobody waits for more

# Limits are those of smgwproxy where there is a setting; all else is as it is by default. Who waits for a client
# that has said all it will say gives up soon.
_HAPROXY = """
global
  nbthread 1
  tune.bufsize 40960
  tune.http.maxhdr 101
defaults
  mode http
  timeout connect 20s
  timeout server 20s
  timeout client 500ms
  timeout http-request 500ms
  timeout http-keep-alive 500ms
  option http-server-close
  http-reuse never
frontend door
  bind 127.0.0.1:{port}
  default_backend gateway
backend gateway
  server gateway 127.0.0.1:{upstream}
"""
_NGINX = """
daemon off;
master_process off;
pid {directory}/pid;
error_log {directory}/log;
events {{ worker_connections 64; }}
http {{
  access_log off;
  large_client_header_buffers 4 32k;
  client_max_body_size 0;
  client_header_timeout 500ms;
  client_body_timeout 500ms;
  keepalive_timeout 500ms;
  client_body_temp_path {directory}/body;
  proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi;
  scgi_temp_path {directory}/scgi;
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://127.0.0.1:{upstream};
      proxy_http_version 1.1;
    }}
  }}
}}
"""


@dataclass(frozen=True, slots=True)
class Program:
    """A proxy that is installed: how it is started, and how it tells its version."""

    name: str
    config: str
    arguments: tuple[str, ...]
    version_argument: str

    def path(self) -> str:
        """Return where the program is; without it the test is skipped."""
        return shutil.which(self.name, path=_WHERE) or missing(f"{self.name} is not installed")

    def version(self) -> str:
        """Return the version as the program tells it, with what its packager has added."""
        told = subprocess.run([self.path(), self.version_argument], capture_output=True, text=True, check=True)
        found = re.search(r"(?:version |/)([0-9][^\s]*)", told.stdout + told.stderr)
        assert found, told
        return found[1]


HAPROXY = Program("haproxy", _HAPROXY, ("-db", "-f", "{directory}/config"), "-v")
NGINX = Program("nginx", _NGINX, ("-p", "{directory}", "-e", "{directory}/log", "-c", "{directory}/config"), "-v")


@dataclass
class Recorded:
    """A request as the upstream got it; ``complete`` once its body has come to its end."""

    head: bytes
    body: bytes = b""
    complete: bool = False


@dataclass
class Upstream:
    """A plain server that takes every request it can find the end of, and keeps it."""

    requests: list[Recorded] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._ended = 0
        self._changed = threading.Condition()
        self.server = RawGateway(None, self._script)

    def settled(self) -> list[Recorded]:
        """Wait until all connections have ended; return the requests since the last call."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._ended == self.server.connections, PATIENCE)
        requests, self.requests = self.requests, []
        return requests

    def _script(self, peer: Peer) -> None:
        try:
            while (head := peer.read_head()) and self._take(peer, Recorded(head)):
                peer.send(_EMPTY)
        finally:
            with self._changed:
                self._ended += 1
                self._changed.notify_all()

    def _take(self, peer: Peer, request: Recorded) -> bool:
        self.requests.append(request)
        if _values(request.head, b"transfer-encoding"):
            request.complete = _read_chunks(peer, request)
        else:
            length = int((_values(request.head, b"content-length") or [b"0"])[0])
            request.body = peer.read_body(length) if length < _SENSIBLE else b""
            request.complete = len(request.body) == length
        return request.complete


def _values(head: bytes, name: bytes) -> list[bytes]:
    lines = [line.partition(b":") for line in head.split(b"\r\n")[1:]]
    return [value.strip() for key, _, value in lines if key.strip().lower() == name]


def _read_chunks(peer: Peer, request: Recorded) -> bool:
    while (line := _read_line(peer)).endswith(b"\r\n"):
        size = int(line.partition(b";")[0], 16)
        if not size:
            while (line := _read_line(peer)) not in {b"\r\n", b""}:
                pass
            return bool(line)
        data = peer.read_body(min(size, _SENSIBLE))
        request.body += data
        if len(data) < size or peer.read_body(2) != b"\r\n":
            return False
    return False


def _read_line(peer: Peer) -> bytes:
    line = b""
    while not line.endswith(b"\r\n") and (octet := peer.read_body(1)):
        line += octet
    return line


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a row and the request behind it.

    ``bodies`` are those of the requests that reached the upstream whole, ``statuses`` the refusals; ``said`` is
    whether the client got any octet.
    """

    bodies: tuple[bytes, ...]
    statuses: tuple[int, ...]
    said: bool


@dataclass(frozen=True)
class Running:
    """A running proxy, and the upstream behind it."""

    port: int
    upstream: Upstream

    def take(self, octets: bytes, patience: float = PATIENCE) -> Taken:
        """Send ``octets``, tell what becomes of them; the client leaves after ``patience`` seconds of silence."""
        said = self._exchange(octets, patience)
        # What came before is in the upstream's queue of connections before this one.
        assert _STATUS.findall(self._exchange(_PROBE, PATIENCE)) == [b"200"]
        *before, probe = [request for request in self.upstream.settled() if request.complete]
        assert probe.head.startswith(b"GET /probe ")
        statuses = [int(status) for status in _STATUS.findall(said) if status != b"200"]
        return Taken(tuple(request.body for request in before), tuple(statuses), bool(said))

    def _exchange(self, octets: bytes, patience: float) -> bytes:
        said = b""
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as client:
            with suppress(ConnectionResetError, BrokenPipeError):
                client.sendall(octets)
            client.settimeout(patience)
            with suppress(ConnectionResetError, TimeoutError):
                while received := client.recv(65536):
                    said += received
        return said


@contextmanager
def running(program: Program, directory: Path) -> Iterator[Running]:
    """Run ``program`` with a config in ``directory``; it is ended at the end."""
    path = program.path()
    upstream = Upstream()
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port: int = unused.getsockname()[1]

    def fill(text: str) -> str:
        return text.format(directory=directory, port=port, upstream=upstream.server.port)

    (directory / "config").write_text(fill(program.config))
    with (directory / "output").open("wb") as output:
        process = subprocess.Popen([path, *map(fill, program.arguments)], stdout=output, stderr=output)
    try:
        _wait_until_open(process, port, directory / "output")
        yield Running(port, upstream)
    finally:
        process.terminate()
        process.wait(PATIENCE)
        upstream.server.stop()


def _wait_until_open(process: subprocess.Popen[bytes], port: int, output: Path) -> None:
    for _ in range(int(PATIENCE / 0.02)):
        with suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port), PATIENCE):
            return
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.02)
            break
    raise AssertionError(f"it does not listen: {output.read_text()}")
