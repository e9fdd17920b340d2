"""The catalogues: complete, in step with the source, and with the same fields in each translation."""

from __future__ import annotations

import ast
import string
from collections.abc import Iterator

import pytest
from babel.messages.catalog import Message

from smgwproxy.language import TRANSLATED
from tests.texts.catalogue import SOURCE, compiled, messages, place, read, untranslated, updated, written

EACH = pytest.mark.parametrize("code", TRANSLATED)


@EACH
def test_no_phrase_is_without_translation(code: str) -> None:
    assert not untranslated(updated(code))


@EACH
def test_catalogue_is_in_step_with_the_source(code: str) -> None:
    catalogue = updated(code)
    remedy = "run: python -m tests.texts.catalogue"
    assert place(code).read_bytes() == written(catalogue), remedy
    assert place(code).with_suffix(".mo").read_bytes() == compiled(catalogue), remedy


@EACH
def test_translation_has_the_fields_of_its_phrase(code: str) -> None:
    for message in messages(read(code)):
        for told, translated in pairs(message):
            assert fields(translated) == fields(told), told


@EACH
def test_translation_begins_and_ends_as_its_phrase_does(code: str) -> None:
    for message in messages(read(code)):
        for told, translated in pairs(message):
            assert blanks(translated) == blanks(told), told


def test_phrases_stand_in_the_call_itself() -> None:
    """What is put together elsewhere is found by nobody who translates."""
    wrong = []
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
                continue
            texts = {"phrase": 1, "plural": 2}.get(node.func.id, 0)
            given = node.args[:texts]
            if not all(isinstance(one, ast.Constant) and isinstance(one.value, str) for one in given):
                wrong.append(f"{path.name}:{node.lineno}")
    assert not wrong


def pairs(message: Message) -> Iterator[tuple[str, str]]:
    if isinstance(message.string, tuple | list):
        one, many = message.id[0], message.id[1]
        yield one, message.string[0]
        yield from ((many, translated) for translated in message.string[1:])
    else:
        assert isinstance(message.id, str)
        yield message.id, message.string or ""


def fields(template: str) -> list[str]:
    """Return each field with its conversion and format, which must stay as well, but for the order of a date."""
    return sorted(
        f"{name}!{conversion}:{'%' if spec and spec.startswith('%') else spec}"
        for _, name, spec, conversion in string.Formatter().parse(template)
        if name
    )


def blanks(template: str) -> tuple[str, str]:
    body = template.strip()
    start = template.index(body) if body else 0
    return template[:start], template[start + len(body) :]
