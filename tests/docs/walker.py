"""Who types a page at the box, line by line, and says what is asked for."""

from __future__ import annotations

import os
import pty
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

from smgwproxy.certificate import Certificate
from smgwproxy.demo import LOGIN, self_signed
from smgwproxy.origin import Origin
from smgwproxy.truststores.file import FileTrustStore
from tests.docs import standins
from tests.docs.accounts import Stage, Walk
from tests.docs.blocks import ROOT, block
from tests.docs.files import write_files
from tests.household import service
from tests.household.files import HOME
from tests.household.home import Home
from tests.household.installed import SMGWPROXY
from tests.household.steps import UNIT, commands, give_address
from tests.namespaces.han import GATEWAY, ip
from tests.support import PATIENCE
from tests.test_cli import Program

_BOX_AT_HOME = "192.168.178.30"
_PROXY = f"http://{_BOX_AT_HOME}:8080"
_VENDORS = {f"{_PROXY}/json/metering/": "emh", f"{_PROXY}/smgw/m2m": "theben"}
"""Whose gateway a line asks, by what it has in it."""

_BIN, _WORK, _PID = "/pi/bin", "/pi/work", "/pi/pid"
_SERVING = re.compile(r"(?:/opt/smgwproxy/bin/)?smgwproxy (?:--|demo\b)")
_ASKING = re.compile(r"--user\b|\btrust approve\b|\bcertificate replace\b")
_ANSWERS = {"assword": f"{LOGIN}\n", "[y/N] ": "y\n"}


class Walker:
    """A person at the box of ``home``, with ``page``, which begins as ``walk`` tells."""

    def __init__(self, home: Home, page: str, walk: Walk) -> None:
        self._home, self._box = home, home.box
        self._installed = walk.stage is Stage.INSTALLED
        self._renewed = False
        self._typed_before: set[str] = set()
        self._directory = _WORK
        self._prepare()
        if walk.in_the_tree:
            self._directory = f"{_WORK}/smgwproxy"
            self._box.type(f"cd {_WORK} && git clone https://example.org/")
        write_files(self._box.file(self._directory))
        for name, line in walk.files.items():
            self._box.file(f"{self._directory}/{name}").write_text(block(page, line).text)
        following = self._box.file(f"{self._directory}/next.pem")
        self._names = {
            "REPOSITORY": "https://example.org/",
            "NAME": LOGIN,
            "USER": LOGIN,
            "SHA256": str(Certificate.from_pem(following.read_text()).fingerprint),
        }
        if walk.stage is not Stage.CABLE:
            give_address(home)
        if self._installed:
            self._box.type(f"sudo {SMGWPROXY} install --target {GATEWAY} --tls-port 8443")
            with self._running():
                pass

    def type(self, line: str) -> None:
        """Type a line of the page; what it runs must end well. What was typed before is not typed again."""
        if line in self._typed_before:
            return
        self._typed_before.add(line)
        line = re.sub("|".join(rf"\b{name}\b" for name in self._names), lambda it: self._names[it[0]], line)
        vendor = next((name for part, name in _VENDORS.items() if part in line), self._home.gateway.vendor.name)
        if vendor != self._home.gateway.vendor.name:
            return  # the page is typed with a gateway of that vendor as well
        if "trust show" in line or "trust approve" in line:
            self._renew()
        with self._running() if _PROXY in line else nullcontext():
            said = self._typed(line)
        if _PROXY in line and "--head" not in line:
            assert re.search(r"[\[{]", said), f"no readings: {said}"
        if " discover " in line:
            self._box.type(commands(said)[0])  # which the page says to run next
        if found := re.search(r"&& cd (\w+)$", line):
            self._directory += f"/{found[1]}"
        assert self._home.gateway.vendor.guard.wrong_logins == 0

    def _prepare(self) -> None:
        """Let the program be where the pages have it, and what is not the box's own be replaced."""
        for name in ("/opt", "/home"):
            self._empty(name)
        pins = self._box.file("/pi/pins")
        pins.mkdir()
        FileTrustStore(pins).pin(Origin(GATEWAY, 443), Certificate(self._home.gateway.certificate.der))
        self._box.type(f"mkdir -p {_WORK} /home/pi/smgw-proxy && cp -r /pi/pins /home/pi/smgw-proxy/certs")
        self._box.type(f"ln -s {SMGWPROXY} {_BIN}/smgwproxy")
        standins.put_into(self._box.file(_BIN), ROOT)
        self._box.type("python3 -m venv /opt/smgwproxy")
        with self._home.machines.box.entered():
            ip(f"addr add {_BOX_AT_HOME}/32 dev lo")
        self._home.gateway_speaks()

    def _empty(self, name: str) -> None:
        """Let a directory be the box's own, with nothing in it but what the program itself is run from."""
        before = f"{HOME}/before{name}"
        self._box.type(f"mkdir -p {before} && mount --rbind {name} {before} && mount -t tmpfs tmpfs {name}")
        for place in (ROOT, Path(sys.prefix)):
            if place.is_relative_to(name):
                there = shlex.quote(f"{before}/{place.relative_to(name)}")
                self._box.type(
                    f"mkdir -p {shlex.quote(str(place))} && mount --rbind {there} {shlex.quote(str(place))}"
                )

    def _typed(self, line: str) -> str:
        here = f"cd {self._directory} && {line}"
        if _SERVING.match(line):
            with self._serving(line):
                return ""
        if _ASKING.search(line):
            return self._sit(here)
        return self._box.type(here)

    @contextmanager
    def _running(self) -> Iterator[None]:
        """Let the proxy run: the service, or in the directory of the page."""
        if not self._installed:
            with self._serving("smgwproxy"):
                yield
            return
        with service.running(self._box, UNIT) as running:
            running.wait_for("READY=1")
            yield
            assert running.stop() == 0

    @contextmanager
    def _serving(self, line: str) -> Iterator[Program]:
        """Start what serves until Ctrl-C, which is typed at the end."""
        script = f"cd {self._directory} && echo $$ >{_PID} && exec {line}"
        with self._box.started("sh", "-c", script, environ={}) as program:
            program.wait_for("reachable at")
            program.wait_for("is pinned")
            yield program
            self._box.type(f"kill -INT $(cat {_PID})")
            assert program.wait() == 0

    def _renew(self) -> None:
        """Let the gateway have another certificate, and a client find that out."""
        if self._renewed:
            return
        self._renewed = True
        with self._running():
            self._home.gateway.restart(self_signed("another"))
            told = self._box.type(
                "curl --silent --output /dev/null --write-out '%{http_code}' http://127.0.0.1:8080/"
            )
            assert told == "502"

    def _sit(self, line: str) -> str:
        """Type a line at a terminal, and what it asks for."""
        master, slave = pty.openpty()
        whole = self._box.whole(("setsid", "--wait", "--ctty", "sh", "-c", line), {})
        with self._box.machine.entered():
            process = subprocess.Popen(whole, stdin=slave, stdout=slave, stderr=slave)
        os.close(slave)
        try:
            shown = _answered(master, dict(_ANSWERS))
            assert process.wait(PATIENCE) == 0, f"{line}\n{shown}"
        finally:
            process.kill()
            process.wait()
            os.close(master)
        return shown


def _answered(terminal: int, answers: Mapping[str, str]) -> str:
    """Return all that is shown until the end; each question is answered once."""
    shown, unread = "", ""
    with suppress(OSError):  # Linux tells the end of a terminal so
        while piece := os.read(terminal, 4096).decode(errors="replace"):
            shown, unread = shown + piece, unread + piece
            for question, answer in answers.items():
                if question in unread and (unread.rstrip().endswith(":") or question == "[y/N] "):
                    os.write(terminal, answer.encode())
                    unread = ""
    return shown
