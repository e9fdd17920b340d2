"""What systemd does with the unit of the service, as far as it matters to the program, where no systemd runs.

Directories, environment, capabilities and readiness are as systemd.exec(5) and systemd.service(5) have them; the
user is the only one that there is in the namespaces.
"""

from __future__ import annotations

import os
import shlex
import signal
import socket
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.household.box import Box
from tests.support import PATIENCE
from tests.test_cli import Program

_NOTIFY = "/run/notify"
_DIRECTORIES = {"StateDirectory": "/var/lib", "LogsDirectory": "/var/log"}
_LONGEST = 4096
_CREDENTIALS = struct.Struct("3i")  # process, user and group, as SCM_CREDENTIALS has them (unix(7))


@dataclass(frozen=True)
class Unit:
    """The lines of a unit's ``[Service]``, the values of those of one name in order."""

    lines: Mapping[str, Sequence[str]]

    @classmethod
    def read(cls, file: Path) -> Unit:
        lines: dict[str, list[str]] = {}
        section = ""
        for line in file.read_text().replace("\\\n", " ").splitlines():
            if line.startswith("["):
                section = line
            elif section == "[Service]" and "=" in line and not line.startswith(("#", ";")):
                name, _, value = line.partition("=")
                lines.setdefault(name.strip(), []).append(value.strip())
        return cls(lines)

    def words(self, name: str) -> Sequence[str]:
        """Return the words of all lines of that name."""
        return [word for value in self.lines.get(name, ()) for word in shlex.split(value)]


@dataclass
class Service:
    """A started unit: its program's lines, and what it tells systemd."""

    program: Program
    _told: socket.socket
    _pid: int = 0

    def wait_for(self, line: str) -> None:
        """Wait until the program tells systemd ``line``, such as ``READY=1``."""
        while line not in self._next():
            pass

    def stop(self) -> int:
        """End it as ``systemctl stop`` does, once it has told something, and return its exit code."""
        os.kill(self._pid, signal.SIGTERM)
        return self.program.wait()

    def _next(self) -> Sequence[str]:
        text, ancillary, _, _ = self._told.recvmsg(_LONGEST, socket.CMSG_SPACE(_CREDENTIALS.size))
        ((_, _, credentials),) = ancillary
        self._pid, _, _ = _CREDENTIALS.unpack(credentials)
        return text.decode().splitlines()


@contextmanager
def running(box: Box, file: str) -> Iterator[Service]:
    """Start the unit ``file`` in ``box``, and let it run until the end of the context."""
    unit = Unit.read(box.file(file))
    for name, parent in _DIRECTORIES.items():
        for directory in unit.words(name):
            box.file(f"{parent}/{directory}").mkdir(parents=True, exist_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        _bind(told, box.file(_NOTIFY))
        told.settimeout(PATIENCE)
        environ = dict(word.split("=", 1) for word in unit.words("Environment")) | {"NOTIFY_SOCKET": _NOTIFY}
        command = (*_placed(unit), *_privileged(unit), *unit.words("ExecStart"))
        with box.started(*command, environ=environ) as program:
            yield Service(program, told)


def _placed(unit: Unit) -> Sequence[str]:
    """Return the command that gives a program the working directory and the umask of the unit."""
    (directory,), (umask,) = unit.words("WorkingDirectory"), unit.words("UMask")
    return ("sh", "-c", 'umask "$0" && cd "$1" && shift && exec "$@"', umask, directory)


def _privileged(unit: Unit) -> Sequence[str]:
    """Return the command that leaves a program the privileges that the unit gives it, and no others."""
    given = [f"+{name.removeprefix('CAP_').lower()}" for name in unit.words("AmbientCapabilities")]
    return ("setpriv", "--bounding-set", ",".join(("-all", *given)), "--inh-caps", ",".join(("-all", *given)))


def _bind(listening: socket.socket, path: Path) -> None:
    """Bind at ``path``, however long it is: the name of a socket has at most 107 bytes (unix(7))."""
    path.unlink(missing_ok=True)
    directory = os.open(path.parent, os.O_PATH)
    try:
        listening.bind(f"/proc/self/fd/{directory}/{path.name}")
    finally:
        os.close(directory)
