"""Starts other reverse proxies as this one is started: one process each, a line in a log for each request."""

from __future__ import annotations

import grp
import http.client
import os
import pwd
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.benchmarks.programs import Running, haproxy, nginx, running, smgwproxy
from tests.benchmarks.wrk import Load
from tests.support import free_port

OURS = "smgwproxy"
GO = "Go"
"""Whom the others are compared with: it is what the original proxy was made of."""

_KEPT = 64  # connections to the upstream, where a number can be told
_CLIENTS = "256"  # that may come from the one address that all the load comes from
_GO_SOURCE = Path(__file__).with_name("go_proxy") / "main.go"

_REMARK = (
    "All stand before the same gateway, one process each, and log a line a request, mitmproxy two. nginx has one "
    f"worker, HAProxy one thread. {GO} is twenty lines around `httputil.ReverseProxy`, with threads for all "
    "processors."
)
_CONNECTIONS_REMARK = (
    f"`{OURS}` runs with `--max-connections {_KEPT}`, as the others open as many as they want. What it does by "
    f"default, to spare a gateway, is `{OURS}, 1 connection`: parallel requests wait their turn. Both have "
    f"`--max-clients-per-address {_CLIENTS}`, since all the load comes from one address. {GO} keeps two idle "
    f"connections to the gateway, which is its default and was the original proxy's; `{GO}, {_KEPT} kept` "
    "differs in that number only. nginx and HAProxy keep theirs."
)


@dataclass(frozen=True, slots=True)
class Proxy:
    """A program to be measured; ``run`` takes a directory of its own and the port of the upstream."""

    name: str
    run: Callable[[Path, int], AbstractContextManager[Running]]
    variant: bool = False
    """Whether it differs from the one before it by its connections to the gateway only."""


@dataclass(frozen=True, slots=True)
class Installed:
    """The proxies that this machine has, and what must be known of them."""

    proxies: tuple[Proxy, ...]
    remarks: tuple[str, ...]


def installed(programs: Path, *, variants: bool = True) -> Installed:
    """Look for the proxies, for those from PyPI in the environment ``python`` under ``programs``."""
    programs = programs.absolute()
    scripts = programs / "python" / "bin"
    proxies = [
        Proxy(OURS, partial(_smgwproxy, ("--max-connections", str(_KEPT)))),
        Proxy(f"{OURS}, 1 connection", partial(_smgwproxy, ()), variant=True),
    ]
    missing = []
    if go := shutil.which("go", path=scripts):
        built = _built_go_proxy(go, programs)
        proxies.append(Proxy(GO, partial(_go_proxy, built, 0)))
        proxies.append(Proxy(f"{GO}, {_KEPT} kept", partial(_go_proxy, built, _KEPT), variant=True))
    else:
        missing.append("Go")
    if mitmdump := shutil.which("mitmdump", path=scripts):
        proxies.append(Proxy("mitmproxy", partial(_mitmproxy, mitmdump)))
    else:
        missing.append("mitmproxy")
    if found := shutil.which(haproxy()):
        proxies.append(Proxy("HAProxy", partial(_haproxy, found)))
    else:
        missing.append("HAProxy")
    proxies.append(Proxy("nginx", _nginx))
    remarks = [_REMARK]
    if variants:
        remarks.append(_CONNECTIONS_REMARK)
    if missing:
        remarks.append(f"Not measured, since `.ci/benchmarks` has not installed it: {', '.join(missing)}.")
    return Installed(tuple(proxy for proxy in proxies if variants or not proxy.variant), tuple(remarks))


@contextmanager
def started(
    proxies: Sequence[Proxy], directory: Path, target: int, answers: Mapping[str, bytes]
) -> Iterator[dict[Proxy, Running]]:
    """Run all of them before the server at port ``target``, each of whose ``answers`` they pass whole."""
    with ExitStack() as stack:
        programs: dict[Proxy, Running] = {}
        for number, proxy in enumerate(proxies):
            program = stack.enter_context(proxy.run(directory / f"proxy-{number}", target))
            for path, body in answers.items():
                _check(proxy.name, program.port, path, body)
            programs[proxy] = program
        yield programs


def faults(name: str, loads: Iterable[Load]) -> list[str]:
    """Return as remarks what wrk complained of; raises them where nobody but this project is to blame."""
    complaints = sorted({complaint for load in loads for complaint in load.complaints})
    if complaints and name.startswith(OURS):
        raise ChildProcessError(f"{name}: {'; '.join(complaints)}")
    return [f"{name}: {complaint}." for complaint in complaints]


def _check(name: str, port: int, path: str, body: bytes) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        connection.request("GET", path)
        answer = connection.getresponse()
        if answer.status != 200 or answer.read() != body:
            raise ChildProcessError(f"{name} does not pass {path}: {answer.status} {answer.reason}")


def _smgwproxy(options: tuple[str, ...], directory: Path, target: int) -> AbstractContextManager[Running]:
    return smgwproxy(directory, target, "--max-clients-per-address", _CLIENTS, *options)


def _built_go_proxy(go: str, programs: Path) -> Path:
    built = programs / "go_proxy"
    environment = {
        "CGO_ENABLED": "0",
        # Nothing is fetched.
        "GOPROXY": "off",
        "GOTOOLCHAIN": "local",
        # Nothing is written elsewhere.
        "GOCACHE": str(programs / "go"),
        "GOPATH": str(programs / "go"),
        "XDG_CONFIG_HOME": str(programs / "go"),
    }
    subprocess.run([go, "build", "-o", built, _GO_SOURCE], check=True, env={**os.environ, **environment})
    return built


@contextmanager
def _go_proxy(program: Path, kept: int, directory: Path, target: int) -> Iterator[Running]:
    port = free_port()
    directory.mkdir()
    command = [str(program), f"127.0.0.1:{port}", f"https://127.0.0.1:{target}", str(kept)]
    with running(command, port, directory / "log") as proxy:
        yield proxy


@contextmanager
def _mitmproxy(program: str, directory: Path, target: int) -> Iterator[Running]:
    port = free_port()
    directory.mkdir()
    settings = [
        f"mode=reverse:https://127.0.0.1:{target}",
        "listen_host=127.0.0.1",
        f"listen_port={port}",
        f"confdir={directory}",
        "ssl_insecure=true",
        "flow_detail=1",  # a line a request
    ]
    with running([program, *(f"--set={setting}" for setting in settings)], port, directory / "log") as proxy:
        yield proxy


_HAPROXY = """
global
  nbthread 1
  maxconn 4096
  log stdout format raw daemon
defaults
  mode http
  log global
  option httplog
  http-reuse always
  timeout connect 60s
  timeout client 3600s
  timeout server 3600s
listen proxy
  bind 127.0.0.1:{port}
  server gateway 127.0.0.1:{target} ssl verify none
"""


@contextmanager
def _haproxy(program: str, directory: Path, target: int) -> Iterator[Running]:
    port = free_port()
    directory.mkdir()
    configuration = directory / "haproxy.cfg"
    configuration.write_text(_HAPROXY.format(port=port, target=target))
    with running([program, "-db", "-f", str(configuration)], port, directory / "log") as proxy:
        yield proxy


_NGINX = """
{user}
daemon off; worker_processes 1; pid {directory}/nginx.pid; error_log {directory}/error.log;
events {{ worker_connections 4096; }}
http {{
  access_log {directory}/access.log; client_max_body_size 0;
  keepalive_requests 1000000000; keepalive_timeout 3600s;
  client_body_temp_path {directory}; proxy_temp_path {directory}; fastcgi_temp_path {directory};
  uwsgi_temp_path {directory}; scgi_temp_path {directory};
  upstream gateway {{ server 127.0.0.1:{target}; keepalive {kept}; keepalive_requests 1000000000; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{ proxy_pass https://gateway; proxy_http_version 1.1; proxy_set_header Connection ""; }}
  }}
}}
"""


@contextmanager
def _nginx(directory: Path, target: int) -> Iterator[Running]:
    port = free_port()
    directory.mkdir()
    # A worker started by root would be nobody, who may not come to this directory.
    user = f"user {pwd.getpwuid(0).pw_name} {grp.getgrgid(0).gr_name};" if os.geteuid() == 0 else ""
    configuration = directory / "nginx.conf"
    configuration.write_text(_NGINX.format(directory=directory, port=port, target=target, kept=_KEPT, user=user))
    with running([nginx(), "-c", configuration, "-p", directory], port, directory / "log") as proxy:
        yield proxy
