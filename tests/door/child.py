"""The real program as a process of its own: what it says, what it takes of its machine, how it ends."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support import PATIENCE

_PAGE = os.sysconf("SC_PAGE_SIZE")
_LISTENS = "0A"  # the state in /proc/net/tcp


@dataclass(frozen=True, slots=True)
class Usage:
    """What the process takes: bytes of memory that are resident, open descriptors, threads, client connections."""

    resident: int
    descriptors: int
    threads: int
    connections: int


class Child:
    """A running proxy with an HTTP and an HTTPS door on 127.0.0.1; its lines are read as they come."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[str] = []
        self._said = threading.Condition()
        self._silent = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def ports(self) -> dict[str, int]:
        """The ports by their schemes."""
        return {
            scheme: int(self.wait_for(rf"reachable at {scheme}://127\.0\.0\.1:(\d+)/")[1])
            for scheme in ("http", "https")
        }

    def wait_for(self, pattern: str, seconds: float = PATIENCE) -> re.Match[str]:
        """Wait for a line that matches, if none has come yet, and return the match."""
        deadline = time.monotonic() + seconds
        looked_at = 0
        with self._said:
            while True:
                for line in self.lines[looked_at:]:
                    if match := re.search(pattern, line):
                        return match
                looked_at = len(self.lines)
                assert not self._silent, f"no line matches {pattern!r}: {''.join(self.lines[-20:])}"
                assert self._said.wait(deadline - time.monotonic()), f"no line matches {pattern!r} in time"

    def usage(self) -> Usage:
        """Measure the process as it is now."""
        proc = Path("/proc", str(self.process.pid))
        found = re.search(r"^Threads:\s+(\d+)$", (proc / "status").read_text(), re.MULTILINE)
        assert found is not None
        return Usage(
            resident=int((proc / "statm").read_text().split()[1]) * _PAGE,
            descriptors=len(list((proc / "fd").iterdir())),
            threads=int(found[1]),
            connections=self._connections(proc),
        )

    def faults(self) -> list[str]:
        """Return the lines so far that tell of a fault of the program's own."""
        return [line for line in self.lines if re.search(r"^\S+ (ERROR|CRITICAL) |Traceback", line)]

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send the signal, wait for the end, and return the exit code."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self, seconds: float = PATIENCE) -> int:
        """Wait for the end, and return the exit code; all that was said is in ``lines`` then."""
        code = self.process.wait(seconds)
        self._reader.join(PATIENCE)
        return code

    def _connections(self, proc: Path) -> int:
        """Count the sockets at the doors that the process itself still has; what the kernel winds up is none."""
        doors = {f"{port:04X}" for port in self.ports.values()}
        own = set()
        for descriptor in (proc / "fd").iterdir():
            try:
                own.add(str(descriptor.readlink()))
            except FileNotFoundError:  # it was closed in this moment
                continue
        count = 0
        for row in (proc / "net" / "tcp").read_text().splitlines()[1:]:
            _, local, _, state, _, _, _, _, _, inode, *_ = row.split()
            if local.rpartition(":")[2] in doors and state != _LISTENS and f"socket:[{inode}]" in own:
                count += 1
        return count

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._said:
                self.lines.append(line)
                self._said.notify_all()
        with self._said:
            self._silent = True
            self._said.notify_all()


@contextmanager
def running(*arguments: str, cwd: Path, module: str = "smgwproxy") -> Iterator[Child]:
    """Run ``module`` as the program, with all that it keeps in ``cwd``; it is killed at the end if need be."""
    process = subprocess.Popen(
        [sys.executable, "-m", module, "--listen=127.0.0.1", "--port=0", "--tls-port=0", *arguments],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # For a module of the tests, which are no installed package.
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    child = Child(process)
    try:
        yield child
    finally:
        if process.poll() is None:
            process.kill()
        child.wait()
        assert process.stdout is not None
        process.stdout.close()
