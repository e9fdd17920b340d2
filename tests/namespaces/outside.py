"""Tests in namespaces of their own: the way from a test to the program that runs it there.

A test is collected and chosen as any other. But it does not run here: `Namespaces` asks a program in a user, a
network and a mount namespace to run that very test. So what a test does and what it claims stand in one place, and
who starts it need not be root.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.clients.conftest import missing
from tests.namespaces.inside import ANSWER, READY

_PROGRAM = (
    "unshare",
    "--user",
    "--map-root-user",
    "--net",
    "--mount",
    sys.executable,
    "-m",
    "tests.namespaces.inside",
)


@dataclass(frozen=True)
class Namespaces:
    """The program within the namespaces."""

    process: subprocess.Popen[str]

    def run(self, test: str) -> None:
        """Run the test with this node id there; when it fails there it fails here, in the same words."""
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):  # that it has ended is told below
            self.process.stdin.write(f"{test}\n")
            self.process.stdin.flush()
        answer, said = self.read_until(ANSWER)
        if not answer:
            pytest.fail(f"the program in the namespaces has ended:\n{said}", pytrace=False)
        told = json.loads(answer.removeprefix(ANSWER))
        if not told["passed"]:
            pytest.fail(f"in namespaces of its own:\n{told['said']}{said}", pytrace=False)

    def read_until(self, start: str) -> tuple[str, str]:
        """Return the next line with this start, empty when the program has ended, and all that came before it."""
        assert self.process.stdout is not None
        said = ""
        for line in self.process.stdout:
            if line.startswith(start):
                return line, said
            said += line
        return "", said


@contextmanager
def namespaces(root: Path) -> Iterator[Namespaces]:
    """Start the program in the directory ``root``; the test is skipped where there can be no namespaces."""
    # What this run of pytest was told is not meant for those within.
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    try:
        process = subprocess.Popen(
            _PROGRAM,
            cwd=root,
            env=environ,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
    except FileNotFoundError:
        missing("unshare (util-linux) is not installed")
    with suppress(BrokenPipeError), process:  # it has ended already
        made = Namespaces(process)
        ready, said = made.read_until(READY)
        if not ready:
            missing(f"network namespaces cannot be made here: {' '.join(said.split())}")
        yield made
