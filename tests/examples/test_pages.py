"""The pages of examples/ lead where they say, and what they tell people to type is there."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.examples.files import EXAMPLES, ROOT
from tests.support import PATIENCE

PAGES = sorted(path for path in EXAMPLES.rglob("*.md") if "truststore-postgresql" not in path.parts)
COMMANDS = ("discover", "doctor", "install", "trust", "uninstall")


def commands() -> dict[str, set[str]]:
    """Return the commands of smgwproxy in the pages' code blocks, each with all flags that it is given there."""
    found: dict[str, set[str]] = {}
    for page in PAGES:
        for block in re.findall(r"```sh\n(.*?)```", page.read_text(), re.DOTALL):
            for name, rest in re.findall(
                r"\bsmgwproxy ([a-z]+)\b(?!/)(.*)", block.replace("smgwproxy smgw", "smgw")
            ):
                found.setdefault(name, set()).update(word for word in shlex.split(rest) if word.startswith("-"))
    return found


def test_pages_tell_the_commands_that_lead_to_the_first_reading() -> None:
    assert set(commands()) == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_commands_on_the_pages_have_the_flags_that_they_are_given(name: str) -> None:
    told = subprocess.run(
        [sys.executable, "-m", "smgwproxy", name, "--help"],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    ).stdout
    assert {flag for flag in commands()[name] if flag not in told} == set()


def test_what_is_installed_with_the_program_is_one_of_its_extras() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    named = re.findall(r"'\.\[(\w+)\]'", (EXAMPLES / "raspberry-pi/README.md").read_text())
    assert named
    assert set(named) <= set(extras)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(EXAMPLES)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_index_names_every_directory() -> None:
    index = (EXAMPLES / "README.md").read_text()
    for path in EXAMPLES.iterdir():
        if path.is_dir():
            assert f"[{path.name}](" in index
