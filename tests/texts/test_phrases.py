"""Phrases: English as they are, and made anew in another language."""

from __future__ import annotations

import json
import pickle

import pytest

from smgwproxy.errors import SmgwProxyError
from smgwproxy.phrases import Phrase, Translate, clause, cleaned, phrase, plural, sequence

GERMAN = {
    "{count} pin of {origin}": "{count} Pin von {origin}",
    "{count} pins of {origin}": "{count} Pins von {origin}",
    "the gateway {origin} is {state}": "{state}: das Gateway {origin}",
    "locked": "gesperrt",
    "after {seconds:g} s": "nach {seconds:g} s",
    "{name!r} is wrong": "{name!r} ist falsch",
}


def german(template: str, many: str | None, count: int) -> str:
    chosen = template if many is None or count == 1 else many
    return GERMAN.get(chosen, chosen)


def test_phrase_is_its_english_text() -> None:
    told = phrase("the gateway {origin} is {state}", origin="10.1.2.3", state=phrase("locked"))
    assert told == "the gateway 10.1.2.3 is locked"
    assert json.dumps(told) == '"the gateway 10.1.2.3 is locked"'
    assert f"{told}." == "the gateway 10.1.2.3 is locked."


def test_phrases_within_a_phrase_are_translated_too() -> None:
    told = phrase("the gateway {origin} is {state}", origin="10.1.2.3", state=phrase("locked"))
    assert told.said(german) == "gesperrt: das Gateway 10.1.2.3"


@pytest.mark.parametrize(
    ("told", "english", "translated"),
    [
        (phrase("after {seconds:g} s", seconds=2.0), "after 2 s", "nach 2 s"),
        (phrase("{name!r} is wrong", name="a\nb"), r"'a\nb' is wrong", r"'a\nb' ist falsch"),
        (
            plural("{count} pin of {origin}", "{count} pins of {origin}", 1, origin="x"),
            "1 pin of x",
            "1 Pin von x",
        ),
        (
            plural("{count} pin of {origin}", "{count} pins of {origin}", 0, origin="x"),
            "0 pins of x",
            "0 Pins von x",
        ),
        (sequence(["{a}", phrase("locked")], " {}; "), "{a} {}; locked", "{a} {}; gesperrt"),
        (sequence([]), "", ""),
        (phrase("nobody has translated this"), "nobody has translated this", "nobody has translated this"),
    ],
)
def test_phrase_and_its_translation(told: Phrase, english: str, translated: str) -> None:
    assert (told, told.said(german)) == (english, translated)


def test_values_are_never_taken_for_templates() -> None:
    told = phrase("the gateway {origin} is {state}", origin="{state}", state="{origin.__class__}")
    assert told.said(german) == "{origin.__class__}: das Gateway {state}"


def test_phrase_survives_being_pickled() -> None:
    octets = pickle.dumps(phrase("the gateway {origin} is {state}", origin="x", state=phrase("locked")))
    told = pickle.loads(octets)  # noqa: S301  # they are ours
    assert told.said(german) == "gesperrt: das Gateway x"


def test_error_keeps_its_phrase() -> None:
    error = SmgwProxyError(phrase("locked"))
    translate: Translate = german
    assert isinstance(error.told, Phrase)
    assert error.told.said(translate) == "gesperrt"
    assert str(error) == "locked"


def test_clause_has_no_full_stop_in_any_language() -> None:
    told = clause(phrase("the gateway {origin} is {state}", origin="10.1.2.3", state="locked."))
    assert told == "the gateway 10.1.2.3 is locked"
    assert told.said(lambda *_: "gesperrt.") == "gesperrt"
    assert phrase("({reason}).", reason=told) == "(the gateway 10.1.2.3 is locked)."


def test_what_strangers_wrote_can_be_cleaned_within_a_phrase() -> None:
    told = phrase("the gateway {origin} is {state}", origin="\x1b", state=phrase("after {seconds:g} s", seconds=2))
    clean = cleaned(told, lambda text: text.replace("\x1b", "?"))
    assert clean == "the gateway ? is after 2 s"
    assert clean.said(german) == "nach 2 s: das Gateway ?"
    assert cleaned("\x1b", lambda _: "?") == "?"
