"""What the tests of the doctor stand on: a run of it, and what it found, by the names of the checks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from smgwproxy.certificate import Certificate
from smgwproxy.cli import main
from smgwproxy.demo import Gateway, ServerCertificate
from smgwproxy.origin import Origin
from smgwproxy.truststores.file import FileTrustStore


@dataclass(frozen=True)
class Found:
    """The document of one run, and its exit code."""

    code: int
    document: Mapping[str, Any]

    def __getitem__(self, check: str) -> Mapping[str, Any]:
        (found,) = [one for one in self.document["checks"] if one["name"] == check]
        return dict(found)

    def verdict(self, check: str) -> str:
        return str(self[check]["verdict"])

    @property
    def wrong(self) -> set[str]:
        """The checks that failed."""
        return {one["name"] for one in self.document["checks"] if one["verdict"] == "wrong"}

    def advice(self, check: str) -> str:
        """What to do, with the commands."""
        return "\n".join((self[check]["advice"], *self[check]["commands"]))


class Doctor:
    """Runs the command in a directory of its own, with the proxy's files in it."""

    def __init__(self, directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.directory = directory
        self._capsys = capsys
        self.certs = directory / "certs"

    def options(self, target: str) -> list[str]:
        return ["--target", target, "--certdir", str(self.certs), "--logdir", str(self.directory / "logs")]

    def __call__(self, target: str, *more: str) -> Found:
        self._capsys.readouterr()
        code = main(["doctor", *self.options(target), "--json", *more])
        return Found(code, json.loads(self._capsys.readouterr().out))

    def shown(self, target: str, *more: str) -> str:
        """Return what a person is shown."""
        self._capsys.readouterr()
        main(["doctor", *self.options(target), *more])
        return self._capsys.readouterr().out

    def pin(self, target: str, certificate: ServerCertificate | Certificate) -> None:
        """Let the certificate be pinned, as by a first use."""
        self.certs.mkdir(exist_ok=True)
        FileTrustStore(self.certs).pin(Origin.parse(target), Certificate(certificate.der))

    def pinned(self, gateway: Gateway) -> str:
        """Let the gateway's certificate be pinned, and return the gateway's target."""
        self.pin(gateway.authority, gateway.certificate)
        return gateway.authority

    def password_file(self, password: str) -> str:
        file = self.directory / "password"
        file.write_text(f"{password}\n")
        return str(file)
