"""What an installation is made of: things to do, and things to tell. Pure."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import ClassVar, Literal

from smgwproxy.commands.text import printable
from smgwproxy.installation import layout

Owner = Literal["root", "proxy"]

_LONGEST = 4000  # characters of a path


@dataclass(frozen=True, slots=True)
class Step:
    """Something done or told; ``verb`` and `what` make its line."""

    verb: ClassVar[str] = ""

    @property
    def what(self) -> str:
        """What is done."""
        raise NotImplementedError

    @property
    def line(self) -> str:
        """The step in one line for people."""
        return f"{self.verb:8}{printable(self.what, _LONGEST)}"


@dataclass(frozen=True, slots=True)
class MakeDirectory(Step):
    """Make a directory that belongs to ``owner``, or make one that is there as it should be."""

    path: str
    mode: int
    owner: Owner
    verb: ClassVar[str] = "make"

    @property
    def what(self) -> str:
        """The directory and whose it is."""
        return f"{self.path}/ for {_whose(self.owner)}"


@dataclass(frozen=True, slots=True)
class WriteFile(Step):
    """Put ``octets`` in the place of a file, or make it."""

    path: str
    octets: bytes
    mode: int
    owner: Owner
    why: str
    verb: ClassVar[str] = "write"

    @property
    def what(self) -> str:
        """The file and what is in it."""
        return f"{self.path}: {self.why}"


@dataclass(frozen=True, slots=True)
class RemoveFile(Step):
    """Remove a file, or a link."""

    path: str
    verb: ClassVar[str] = "remove"

    @property
    def what(self) -> str:
        """The file."""
        return self.path


@dataclass(frozen=True, slots=True)
class RemoveDirectory(Step):
    """Remove an empty directory."""

    path: str
    verb: ClassVar[str] = "remove"

    @property
    def what(self) -> str:
        """The directory."""
        return f"{self.path}/"


@dataclass(frozen=True, slots=True)
class Run(Step):
    """Run a program; ``remedy`` is what to do when it fails."""

    words: tuple[str, ...]
    remedy: str = ""
    verb: ClassVar[str] = "run"

    @property
    def what(self) -> str:
        """The command line."""
        return shlex.join(self.words)


@dataclass(frozen=True, slots=True)
class LeftToDo(Step):
    """A command that somebody has to run, on the machine itself."""

    words: tuple[str, ...]
    verb: ClassVar[str] = "left"

    @property
    def what(self) -> str:
        """The command line."""
        return f"sudo {shlex.join(self.words)}"


@dataclass(frozen=True, slots=True)
class Keep(Step):
    """Something stays as it is."""

    told: str
    verb: ClassVar[str] = "keep"

    @property
    def what(self) -> str:
        """What stays, and why."""
        return self.told


@dataclass(frozen=True, slots=True)
class Note(Step):
    """Something that the person has to know."""

    told: str
    verb: ClassVar[str] = "note"

    @property
    def what(self) -> str:
        """What there is to know."""
        return self.told


def _whose(owner: Owner) -> str:
    return f"the user {layout.USER}" if owner == "proxy" else "root"
