"""What a Containerfile says, and a sandbox (bubblewrap) in which its commands run as they would in a container.

No image can be had here, so the machine's own /usr and /etc stand in for those of the image, and cannot be written
to; so do this Python and its packages.
"""

from __future__ import annotations

import shlex
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from tests.clients.conftest import find_program

_NOT_THE_IMAGES = {"/dev", "/proc", "/sys", "/tmp", "/opt", "/src", "/var"}  # noqa: S108  # names only

PACKAGES = "/image/packages"
"""Where the packages of this Python are in the sandbox: what they have need not be fetched."""


class Instruction(NamedTuple):
    word: str
    rest: str


def stages(containerfile: Path) -> list[list[Instruction]]:
    """Return the instructions of each stage, with its FROM; comments are left out and lines put together."""
    lines = [line for line in containerfile.read_text().splitlines() if not line.lstrip().startswith("#")]
    told = [
        Instruction(*line.split(maxsplit=1))
        for line in "\n".join(lines).replace("\\\n", " ").splitlines()
        if line.strip()
    ]
    starts = [index for index, one in enumerate(told) if one.word == "FROM"]
    return [told[start:end] for start, end in zip(starts, [*starts[1:], len(told)], strict=True)]


def environment(stage: Sequence[Instruction]) -> dict[str, str]:
    """Return what the stage's ENV says."""
    pairs = [pair for one in stage if one.word == "ENV" for pair in shlex.split(one.rest)]
    return dict(pair.split("=", 1) for pair in pairs)


@dataclass
class Sandbox:
    """Options of bubblewrap: its own user and processes, this machine's network, nothing to write to."""

    options: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.options += ["--unshare-user", "--unshare-pid", "--as-pid-1", "--die-with-parent", "--cap-drop", "ALL"]
        for path in sorted(Path("/").iterdir()):
            if path.is_symlink():
                self.options += ["--symlink", str(path.readlink()), str(path)]
            elif str(path) not in _NOT_THE_IMAGES:
                self.options += ["--ro-bind", str(path), str(path)]
        self.options += ["--dev", "/dev", "--proc", "/proc"]
        python = Path(sys.base_prefix)
        self.options += ["--ro-bind", str(python), str(python)]
        name = f"python{sys.version_info.major}.{sys.version_info.minor}"
        self.options += ["--symlink", str(python / "bin" / name), "/image/bin/python"]
        self.options += ["--ro-bind", sysconfig.get_path("purelib"), PACKAGES]

    def user(self, user: str, group: str) -> None:
        self.options += ["--uid", user, "--gid", group]

    def directory(self, own: Path, there: str, *, read_only: bool = False) -> None:
        """Let ``own`` be what is at ``there``."""
        self.options += ["--ro-bind" if read_only else "--bind", str(own), there]

    def memory(self, there: str) -> None:
        """Let there be a file system in memory at ``there``."""
        self.options += ["--tmpfs", there]

    def command(self, *words: str, environ: Mapping[str, str], cwd: str) -> tuple[str, ...]:
        """Return the command that runs ``words`` in it."""
        settings = [word for name, value in environ.items() for word in ("--setenv", name, value)]
        return (find_program("bwrap"), *self.options, *settings, "--chdir", cwd, "--remount-ro", "/", *words)
