"""Programs that change a whole system, or fetch from elsewhere: in the box these look at what they are told.

Run as a program, under the name of the program that it stands in for. What its arguments cannot be is refused with
exit code 2. ``python3 -m venv`` makes a copy of the environment that smgwproxy is installed in.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.household.installed import ENVIRONMENT

_ENVIRONMENT = re.compile(r"[\w/.-]+")
_REQUIREMENT = re.compile(r"(?P<name>smgwproxy|\.)(?:\[(?P<extra>\w+)\])?")
_UNITS = {"smgwproxy", "reverse_proxy"}
_VERBS = {"disable", "edit", "enable", "reload", "restart", "start", "status", "stop"}

Words = Sequence[str]


def put_into(directory: Path, tree: Path) -> None:
    """Write them into ``directory``; ``tree`` is where this program's source is."""
    for name in STANDINS:
        program = directory / name
        program.write_text(
            f'#!/bin/sh\nPYTHONPATH={tree} exec {ENVIRONMENT}/bin/python -m tests.docs.standins {name} "$@"\n'
        )
        program.chmod(0o755)


def apt(words: Words) -> None:
    """Take an update of the lists, and the installation of packages that the pages name."""
    match [word for word in words if word != "--yes"]:
        case ["update"]:
            pass
        case ["install", *packages] if packages and set(packages) <= {"git", "python3-venv"}:
            pass
        case _:
            refuse("apt", words)


def git(words: Words) -> None:
    """Take ``clone`` with an address, and let the source be there."""
    match words:
        case ["clone", _]:
            tree = Path("smgwproxy")
            tree.mkdir()
            for path in (Path(__file__).parents[2] / name for name in ("examples", "pyproject.toml", "smgwproxy")):
                (tree / path.name).symlink_to(path)
        case _:
            refuse("git", words)


def python3(words: Words) -> None:
    """Make an environment, in which pip is one of these, too."""
    match words:
        case ["-m", "venv", name] if _ENVIRONMENT.fullmatch(name):
            made = Path(name)
            subprocess.run(("cp", "-a", f"{ENVIRONMENT}/.", name), check=True)
            script = made / "bin/smgwproxy"
            script.write_text(script.read_text().replace(ENVIRONMENT, name))
            put_into(made / "bin", Path(__file__).parents[2])
        case _:
            refuse("python3", words)


def pip(words: Words) -> None:
    """Take an installation of this program, with extras that it has."""
    match [word for word in words if word not in {"--upgrade", "--quiet", "--editable"}]:
        case ["install", what] if found := _REQUIREMENT.fullmatch(what):
            project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
            if found["name"] == "." and not Path("pyproject.toml").exists():
                refuse("pip", words)
            if found["extra"] and found["extra"] not in project["optional-dependencies"]:
                refuse("pip", words)
        case _:
            refuse("pip", words)


def systemctl(words: Words) -> None:
    """Take what is told of one of the two units."""
    match [word for word in words if word != "--now"]:
        case [verb, unit] if verb in _VERBS and unit in _UNITS:
            pass
        case _:
            refuse("systemctl", words)


def journalctl(words: Words) -> None:
    """Take a unit, and since when."""
    match [word for word in words if word != "-f"]:
        case ["-u" | "--unit", unit] | ["-u" | "--unit", unit, "--since", "today"] if unit in _UNITS:
            pass
        case _:
            refuse("journalctl", words)


def refuse(name: str, words: Words) -> None:
    sys.exit(f"{name}: this one does not know: {' '.join(words)}")


STANDINS: dict[str, Callable[[Words], None]] = {
    one.__name__: one for one in (apt, git, python3, pip, systemctl, journalctl)
}


if __name__ == "__main__":
    STANDINS[sys.argv[1]](sys.argv[2:])
