"""A program that nobody asks anything sleeps, and hears of what people do to its pins all the same."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from smgwproxy.beat import INTERVAL
from smgwproxy.truststores import rules
from smgwproxy.truststores.base import EditableTrustStore, utc_now
from smgwproxy.truststores.opening import open_truststore
from tests.support import OK, PATIENCE, RawGateway, raw_exchange, settles
from tests.test_cli import Program, program

pytestmark = [
    # What was written is believed after three seconds, and beats are five seconds apart.
    pytest.mark.long,
    pytest.mark.timeout(15 * PATIENCE),
    pytest.mark.parametrize("spec", ["file:certs", "sqlite:trust.db"]),
]

StartGateway = Callable[..., RawGateway]
GET = b"GET / HTTP/1.1\r\nHost: pi\r\nConnection: close\r\n\r\n"


def sleeps(running: Program) -> bool:
    """Tell whether no thread wakes up within two beats; perhaps it only begins to sleep."""
    before = _switches(running)
    time.sleep(2 * INTERVAL)
    return _switches(running) == before


def _switches(running: Program) -> list[str]:
    tasks = sorted(Path(f"/proc/{running.process.pid}/task").glob("*/status"))
    return [line for task in tasks for line in task.read_text().splitlines() if line.startswith("voluntary_ctxt")]


def _descriptors(running: Program) -> int:
    return len(list(Path(f"/proc/{running.process.pid}/fd").iterdir()))


def _opened(spec: str, directory: Path) -> EditableTrustStore:
    kind, _, argument = spec.partition(":")
    store = open_truststore(f"{kind}:{directory / argument}")
    assert isinstance(store, EditableTrustStore)
    return store


def test_idle_program_sleeps_and_tells_of_a_pin_that_is_removed(
    raw_gateway: StartGateway, tmp_path: Path, spec: str
) -> None:
    """Before any request, and after one; what is told at the status port is as new."""
    gateway = raw_gateway(OK)
    options = ("--truststore", spec, "--keepalive=1", "--port=0", "--status-port=0")
    with program("--target", str(gateway.origin), *options, cwd=tmp_path) as running:
        port = running.port
        status = int(running.wait_for(r"status at http://\S+:(\d+)/")[1])
        assert settles(lambda: sleeps(running), 3 * PATIENCE)
        assert raw_exchange(port, GET).startswith(b"HTTP/1.1 200 ")
        assert settles(lambda: sleeps(running), 3 * PATIENCE)
        assert gateway.peers[-1].ended.is_set()
        held = _descriptors(running)
        _opened(spec, tmp_path).change(gateway.origin, partial(rules.forget, now=utc_now()))
        running.wait_for("is not pinned any more")
        first_use = re.compile(rb'^smgwproxy_trust_state\{[^}]*state="first_use"\} 1\.0', re.MULTILINE)
        assert settles(
            lambda: first_use.search(raw_exchange(status, GET.replace(b"/ ", b"/metrics ", 1))) is not None
        )
        assert raw_exchange(port, GET).startswith(b"HTTP/1.1 200 "), "it is pinned anew"
        assert settles(lambda: sleeps(running), 3 * PATIENCE)
        assert _descriptors(running) == held
        assert running.end() == 0


def test_program_sleeps_after_its_configuration_has_changed(
    raw_gateway: StartGateway, tmp_path: Path, spec: str
) -> None:
    """Nobody looks after the gateway of before any more."""
    config = f'target = "{raw_gateway(OK).origin}"\nport = 0\ntruststore = "{spec}"\nkeepalive = '
    (tmp_path / "x.toml").write_text(f"{config}1\n")
    with program("--config", "x.toml", cwd=tmp_path) as running:
        port = running.port
        assert raw_exchange(port, GET).startswith(b"HTTP/1.1 200 ")
        (tmp_path / "x.toml").write_text(f"{config}2\n")
        running.process.send_signal(signal.SIGHUP)
        running.wait_for("the configuration is taken over: keepalive")
        assert raw_exchange(port, GET).startswith(b"HTTP/1.1 200 ")
        assert settles(lambda: sleeps(running), 3 * PATIENCE)
        assert running.end() == 0
