"""What the checks and the search tell people is made as a phrase, where no other test comes to as well."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.texts.catalogue import SOURCE

TOLD = {
    "ok": (1,),
    "wrong": (1, 2),
    "warning": (1, 2),
    "skipped": (1, 2),
    "_unread": (0,),
    "_tell": (0,),
    "tell": (0,),
    "paragraph": (0,),
    "sequence": (0,),
    "Advice": (1,),
    "ConfigError": (0,),
    "Deaf": (0, 1),
    "NetworkUnknown": (0,),
    "NoPlace": (0,),
    "NotConfirmed": (0,),
    "NotGivenBack": (0,),
    "NothingHeard": (0, 1),
    "NotLent": (0,),
    "NotRead": (0, 1),
    "WireLost": (0,),
}
"""Which arguments of these calls a person reads."""
READ = frozenset({"advice", "description", "help", "note", "reason"})
"""The keywords that a person reads."""
PLACES = (
    "network.py",
    "commands/doctor.py",
    "commands/discover.py",
    *(path.relative_to(SOURCE).as_posix() for path in (SOURCE / "doctor").glob("*.py")),
    *(path.relative_to(SOURCE).as_posix() for path in (SOURCE / "discovery").glob("*.py")),
)


@pytest.mark.parametrize("place", PLACES)
def test_what_is_told_is_a_phrase(place: str) -> None:
    tree = ast.parse((SOURCE / place).read_text(encoding="utf-8"))
    assert [f"{Path(place).name}:{one.lineno}" for one in told(tree) if has_words(one)] == []


def test_text_that_is_no_phrase_is_found() -> None:
    tree = ast.parse('ok(Check.TCP, f"{host} is there")\nyield "Name", name\nNotRead(phrase("{a} b"), "c d")')
    assert len([one for one in told(tree) if has_words(one)]) == 3


def told(tree: ast.AST) -> Iterator[ast.expr]:
    """Yield what is given to be read: arguments, and what is yielded as a line or a row of it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            yield from (node.args[place] for place in TOLD.get(name, ()) if place < len(node.args))
            yield from (keyword.value for keyword in node.keywords if keyword.arg in READ)
        elif isinstance(node, ast.Yield) and node.value is not None:
            yield from node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]


def has_words(given: ast.expr) -> bool:
    if isinstance(given, ast.IfExp):
        return has_words(given.body) or has_words(given.orelse)
    if isinstance(given, ast.BoolOp):
        return any(map(has_words, given.values))
    if isinstance(given, ast.List | ast.Tuple):
        return any(map(has_words, given.elts))
    if isinstance(given, ast.JoinedStr):
        return any(map(has_words, given.values))
    return isinstance(given, ast.Constant) and isinstance(given.value, str) and any(map(str.isalpha, given.value))
