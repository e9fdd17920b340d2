"""No block of the documentation is without somebody who runs it."""

from __future__ import annotations

import ast
import re
from itertools import pairwise

import pytest

from tests.docs.accounts import ACCOUNTS, WALKS, WHOLE, CheckedBy, NotHere, PartOf, SameAs, TakenBy, account
from tests.docs.blocks import LOCALE, ROOT, SHOWN, TYPED, WRITTEN, block, blocks, pages, sentences

_OTHERWISE = re.compile(r"^ *~~~.*|(?<=\n\n)(?: {4}|\t)\s*(?![-*\s]|\d+\.).+", re.MULTILINE)
_TYPED = re.compile(
    r"(?:[$#] |sudo |smgwproxy |python3? |\S*/(?:smgwproxy|pip|python) |pip |git |cd |curl |docker )"
)

ENGLISH = [page for page in pages() if not page.endswith(f"{LOCALE}.md")]


def test_pages_of_every_place_are_looked_at() -> None:
    assert {"README.md", "docs/usage.md", "examples/docker/README.md"} <= set(ENGLISH)


@pytest.mark.parametrize("page", pages())
def test_every_block_is_found_and_has_a_known_language(page: str) -> None:
    found = blocks(page)
    assert {one.language for one in found} <= TYPED | WRITTEN | SHOWN
    assert (ROOT / page).read_text().count("```") == 2 * len(found)


@pytest.mark.parametrize("page", pages())
def test_nothing_that_is_typed_stands_where_nobody_looks_for_it(page: str) -> None:
    """A block of tildes or of indented lines is one for a reader, and so is one that is said to be an output."""
    assert _OTHERWISE.findall(sentences(page)) == []
    shown = [one.text for one in blocks(page) if one.language in SHOWN]
    assert [text for text in shown if _TYPED.match(text)] == []


@pytest.mark.parametrize("page", ENGLISH)
def test_every_block_is_run(page: str) -> None:
    nobodys = [one.text for one in blocks(page) if one.language not in SHOWN and account(one) is None]
    assert nobodys == [], "nobody runs these: see tests/docs/accounts.py"


@pytest.mark.parametrize(("page", "line"), ACCOUNTS)
def test_every_account_is_of_one_block(page: str, line: str) -> None:
    assert account(block(page, line)) is ACCOUNTS[page, line]


@pytest.mark.parametrize("page", WALKS)
def test_every_walk_has_something_to_type(page: str) -> None:
    assert [one for one in blocks(page) if account(one) is WALKS[page]]


def test_tests_that_are_named_take_their_block_from_its_page() -> None:
    for (page, line), told in ACCOUNTS.items():
        if isinstance(told, CheckedBy | NotHere):
            assert {page, line} <= texts(told.test), told.test
        elif isinstance(told, PartOf):
            assert [text for text in texts(told.test) if told.file.endswith(text) and "/" in text], told.test


def test_programs_take_from_a_page_what_they_are_said_to() -> None:
    for (page, line), told in ACCOUNTS.items():
        if isinstance(told, TakenBy):
            program = (ROOT / told.program).read_text()
            assert page in program
            assert told.words in program
            (before,) = [first for first, second in pairwise(paragraphs(page)) if f"```sh\n{line}\n```" == second]
            assert before.startswith(told.words)


def test_parts_of_files_stand_there() -> None:
    for (page, line), told in ACCOUNTS.items():
        if isinstance(told, PartOf):
            whole = (ROOT / told.file).read_text().splitlines()
            assert [one for one in block(page, line).lines if one not in whole] == []


def test_same_blocks_are_the_same() -> None:
    for (page, line), told in ACCOUNTS.items():
        if isinstance(told, SameAs):
            assert block(page, line).text == block(told.page, line).text


def test_pages_with_a_test_of_their_own_are_read_there() -> None:
    for page, told in WHOLE.items():
        file, _, name = told.test.partition("::")
        text = (ROOT / file).read_text()
        assert f'"{page}"' in text
        assert f"def {name}(" in text


def paragraphs(page: str) -> list[str]:
    return (ROOT / page).read_text().split("\n\n")


def texts(test: str) -> set[str]:
    """Return the texts in the code of a test, which is told as pytest has it, and of its decorators."""
    file, _, name = test.partition("::")
    (found,) = [
        one
        for one in ast.parse((ROOT / file).read_text()).body
        if isinstance(one, ast.FunctionDef) and one.name == name
    ]
    return {one.value for one in ast.walk(found) if isinstance(one, ast.Constant) and isinstance(one.value, str)}
