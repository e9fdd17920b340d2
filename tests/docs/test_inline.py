"""Commands within the sentences and tables of the pages: what smgwproxy is told there, it knows."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from functools import cache

import pytest

from smgwproxy.commands.trust.usage import ACTIONS
from tests.docs.blocks import ROOT, pages, sentences
from tests.support import PATIENCE

_COMMAND = re.compile(r"`(?:sudo )?(?:/opt/smgwproxy/bin/)?smgwproxy ([^`]+)`")
_MODULE = re.compile(r"`python -m (tests[\w.]+)[^`]*`")
_SCRIPT = re.compile(r"`(?:bash )?(\.ci/[\w-]+)[^`]*`")
_COMMANDS = {"certificate", "demo", "discover", "doctor", "install", "trust", "uninstall"}
_CERTIFICATE = {"replace", "show"}


@cache
def help_of(*words: str) -> str:
    return subprocess.run(
        [sys.executable, "-m", "smgwproxy", *words, "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    ).stdout


def named(words: list[str]) -> tuple[str, ...]:
    """Return the command, and the action of it, that ``words`` begin with."""
    if not words or words[0].startswith("-"):
        return ()
    assert words[0] in _COMMANDS
    actions = {"trust": {one.name for one in ACTIONS}, "certificate": _CERTIFICATE}.get(words[0], set())
    if len(words) == 1 or words[1].startswith("-") or not actions:
        return (words[0],)
    assert words[1] in actions
    return (words[0], words[1])


@pytest.mark.parametrize("page", [page for page in pages() if _COMMAND.search(sentences(page))])
def test_commands_within_sentences_have_the_flags_that_they_are_given(page: str) -> None:
    for told in _COMMAND.findall(sentences(page)):
        words = shlex.split(told)
        flags = {word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)}
        assert {flag for flag in flags if flag not in help_of(*named(words))} == set(), told


@pytest.mark.parametrize("page", [page for page in pages() if not page.startswith("CHANGELOG")])
def test_programs_of_this_repository_that_are_named_are_there(page: str) -> None:
    text = sentences(page)
    for module in _MODULE.findall(text):
        way = ROOT / module.replace(".", "/")
        assert way.with_suffix(".py").is_file() or (way / "__main__.py").is_file(), module
    for script in _SCRIPT.findall(text):
        assert (ROOT / script).is_file(), script
