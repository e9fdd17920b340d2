"""The command in-process and as a process, and stores for it."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from smgwproxy.certificate import Certificate, Fingerprint
from smgwproxy.cli import main
from smgwproxy.origin import Origin
from smgwproxy.renewal import Renewal
from smgwproxy.truststores import EditableTrustStore, open_truststore, rules
from smgwproxy.truststores.base import utc_now
from smgwproxy.truststores.file import FileTrustStore
from smgwproxy.truststores.record import Happening, Record
from tests.support import PATIENCE, RawGateway

StartGateway = Callable[..., RawGateway]
ORIGIN = Origin("10.11.120.2")  # the default target
OTHER = Origin("10.0.0.7", 8443)
GIVEN = Fingerprint("a" * 64)
NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
STORES = ("file", "sqlite")
MODULE = (sys.executable, "-m", "smgwproxy", "trust")
SCRIPT = (str(Path(sys.executable).with_name("smgwproxy")), "trust")


@dataclass(frozen=True)
class Ended:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.out)
        return document

    @property
    def fault(self) -> str:
        """The one line on stderr."""
        (line,) = self.err.splitlines()
        assert line.startswith("smgwproxy: error: ")
        return line.removeprefix("smgwproxy: error: ")


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@dataclass(frozen=True)
class Trust:
    """The command, in-process, with the store of the test."""

    spec: str
    store: EditableTrustStore
    capture: pytest.CaptureFixture[str]

    def __call__(self, *words: str) -> Ended:
        try:
            code = main(["trust", *words, "--truststore", self.spec])
        finally:
            told = self.capture.readouterr()
        return Ended(code, told.out, told.err)

    def refused(self, certificate: Certificate, origin: Origin = ORIGIN) -> None:
        """Do what a proxy does that meets another certificate than the pinned one."""
        edit = partial(rules.presented, certificate=certificate, now=utc_now(), renewal=Renewal.ASK)
        self.store.change(origin, edit)

    def pins(self, origin: Origin = ORIGIN) -> list[Fingerprint]:
        return [pin.fingerprint for pin in self.store.lookup(origin)]

    def happened(self, origin: Origin = ORIGIN) -> list[Happening]:
        return [event.happening for event in self.store.record(origin).history]


def open_editable(spec: str) -> EditableTrustStore:
    store = open_truststore(spec)
    assert isinstance(store, EditableTrustStore)
    return store


def given_on_stdin(monkeypatch: pytest.MonkeyPatch, octets: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(octets)))


def run(
    *words: str, cwd: Path, command: tuple[str, ...] = MODULE, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run the command as a process of its own."""
    return subprocess.run(
        [*command, *words], cwd=cwd, capture_output=True, text=True, timeout=PATIENCE, check=False, **options
    )


def prepared(directory: Path, pinned: Certificate, pending: Certificate) -> FileTrustStore:
    """A store in the default place with a certificate that waits."""
    (directory / "certs").mkdir()
    store = FileTrustStore(directory / "certs")
    store.pin(ORIGIN, pinned)
    edit = partial(rules.presented, certificate=pending, now=utc_now(), renewal=Renewal.ASK)
    store.change(ORIGIN, edit)
    return store


def pinned(certificate: Certificate) -> Record:
    """Return the record after first use."""
    return rules.first_use(Record(ORIGIN), certificate, NOW)


def refused(record: Record, certificate: Certificate) -> Record:
    """Return the record after another certificate was presented."""
    return rules.presented(record, certificate, NOW, Renewal.ASK)
