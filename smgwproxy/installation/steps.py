"""What an installation is made of: things to do, and things to tell. Pure."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import ClassVar, Literal

from smgwproxy.commands.text import Say, columns, printable
from smgwproxy.installation import layout
from smgwproxy.phrases import phrase, sequence

Owner = Literal["root", "proxy"]

_LONGEST = 4000  # characters of a path
_VERB = 8  # columns of a verb, and the gap behind it


@dataclass(frozen=True, slots=True)
class Step:
    """Something done or told; ``verb`` and `what` make its line."""

    verb: ClassVar[str] = ""

    @property
    def what(self) -> str:
        """What is done."""
        raise NotImplementedError

    @property
    def sentence(self) -> str:
        """The step within a text."""
        return sequence((self.verb, self.what))

    def line(self, say: Say = str) -> str:
        """Return the step in one line for people, in the language of ``say``."""
        return f"{say(self.verb):{_columns(say)}}{printable(say(self.what), _LONGEST)}"


@dataclass(frozen=True, slots=True)
class MakeDirectory(Step):
    """Make a directory that belongs to ``owner``, or make one that is there as it should be."""

    path: str
    mode: int
    owner: Owner
    verb: ClassVar[str] = phrase("make")

    @property
    def what(self) -> str:
        """The directory and whose it is."""
        if self.owner == "proxy":
            return phrase("{path}/ for the user {user}", path=self.path, user=layout.USER)
        return phrase("{path}/ for root", path=self.path)


@dataclass(frozen=True, slots=True)
class WriteFile(Step):
    """Put ``octets`` in the place of a file, or make it."""

    path: str
    octets: bytes
    mode: int
    owner: Owner
    why: str
    verb: ClassVar[str] = phrase("write")

    @property
    def what(self) -> str:
        """The file and what is in it."""
        return sequence((self.path, self.why), ": ")


@dataclass(frozen=True, slots=True)
class RemoveFile(Step):
    """Remove a file, or a link."""

    path: str
    verb: ClassVar[str] = phrase("remove")

    @property
    def what(self) -> str:
        """The file."""
        return self.path


@dataclass(frozen=True, slots=True)
class RemoveDirectory(Step):
    """Remove an empty directory."""

    path: str
    verb: ClassVar[str] = phrase("remove")

    @property
    def what(self) -> str:
        """The directory."""
        return f"{self.path}/"


@dataclass(frozen=True, slots=True)
class Run(Step):
    """Run a program; ``remedy`` is what to do when it fails."""

    words: tuple[str, ...]
    remedy: str = ""
    verb: ClassVar[str] = phrase("run")

    @property
    def what(self) -> str:
        """The command line."""
        return shlex.join(self.words)


@dataclass(frozen=True, slots=True)
class LeftToDo(Step):
    """A command that somebody has to run, on the machine itself."""

    words: tuple[str, ...]
    verb: ClassVar[str] = phrase("left")

    @property
    def what(self) -> str:
        """The command line."""
        return f"sudo {shlex.join(self.words)}"


@dataclass(frozen=True, slots=True)
class Keep(Step):
    """Something stays as it is."""

    told: str
    verb: ClassVar[str] = phrase("keep")

    @property
    def what(self) -> str:
        """What stays, and why."""
        return self.told


@dataclass(frozen=True, slots=True)
class Note(Step):
    """Something that the person has to know."""

    told: str
    verb: ClassVar[str] = phrase("note")

    @property
    def what(self) -> str:
        """What there is to know."""
        return self.told


def _columns(say: Say) -> int:
    kinds = (MakeDirectory, WriteFile, RemoveFile, Run, LeftToDo, Keep, Note)
    return columns((say(kind.verb) for kind in kinds), _VERB)
