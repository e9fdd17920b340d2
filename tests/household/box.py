"""The box between gateway and LAN: a machine with a file system of its own, and its programs."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.household import installed, standins
from tests.household.files import HOME, file_system
from tests.namespaces.han import Namespace
from tests.support import PATIENCE
from tests.test_cli import Program, program

_BIN = f"{HOME}/bin"  # where a user's own programs are
_PATH = f"{_BIN}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_WITH_US = ("setpriv", "--pdeathsig", "KILL")  # whoever is ended from here is one that only entered the box


@dataclass(frozen=True)
class Box:
    """``root`` is its root directory, seen from here; ``enter`` is what a command begins with that runs there."""

    machine: Namespace
    root: Path
    enter: Sequence[str]

    def file(self, path: str) -> Path:
        """Return the way from here to what is called ``path`` there."""
        return self.root / path.lstrip("/")

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command there until its end, in the user's own directory."""
        with self.machine.entered():
            return subprocess.run(
                self.whole(command, {}), capture_output=True, text=True, timeout=PATIENCE, check=False
            )

    def type(self, line: str) -> str:
        """Run a line that a person was told to type, which must go well, and return what it prints."""
        done = self.run("sh", "-c", line)
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        return done.stdout

    def smgwproxy(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run ``smgwproxy`` there with ``words`` until its end."""
        return self.run(installed.SMGWPROXY, *words)

    @contextmanager
    def started(self, *command: str, environ: Mapping[str, str]) -> Iterator[Program]:
        """Start a command there; at the latest it ends with the context."""
        with ExitStack() as running:
            with self.machine.entered():
                whole = tuple(self.whole(command, environ))
                process = running.enter_context(program(command=whole, cwd=self.root))
            yield process

    def whole(self, command: Sequence[str], environ: Mapping[str, str]) -> Sequence[str]:
        """Return the command that runs ``command`` there, when it is started in its machine."""
        told = {"PATH": _PATH, "HOME": HOME, "LANG": "C.UTF-8", **environ}
        return (
            *self.enter,
            *_WITH_US,
            "env",
            "-i",
            *(f"{name}={value}" for name, value in told.items()),
            *command,
        )


@contextmanager
def fresh_box(machine: Namespace, root: Path) -> Iterator[Box]:
    """Let ``machine`` have the file system of a fresh machine at ``root``, an empty directory."""
    with file_system(root) as enter:
        box = Box(machine, root, enter)
        standins.put_into(box.file(_BIN))
        installed.install(root)
        yield box
