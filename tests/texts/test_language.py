"""Which language a person is spoken to in: by the locale at a terminal, by Accept-Language in a browser."""

from __future__ import annotations

import pytest

from smgwproxy.language import Language, preferred


@pytest.mark.parametrize(
    ("environ", "code"),
    [
        ({}, "en"),
        ({"LANG": "de_DE.UTF-8"}, "de"),
        ({"LANG": "de"}, "de"),
        ({"LANG": "de_AT@euro"}, "de"),
        ({"LANG": "fr_FR.UTF-8"}, "en"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "de_DE.UTF-8", "LC_ALL": "en_GB.UTF-8"}, "en"),
        ({"LANG": "en_GB.UTF-8", "LC_MESSAGES": "de_DE.UTF-8"}, "de"),
        ({"LANG": "de_DE.UTF-8", "LC_ALL": ""}, "de"),
        ({"LANG": "fr_FR.UTF-8", "LANGUAGE": "fr:de:en"}, "de"),
        ({"LANG": "de_DE.UTF-8", "LANGUAGE": "en:de"}, "en"),
        ({"LANG": "C", "LANGUAGE": "de"}, "en"),
        ({"LANG": "POSIX", "LANGUAGE": "de"}, "en"),
    ],
)
def test_language_of_the_locale_is_found_as_gettext_does(environ: dict[str, str], code: str) -> None:
    assert Language.of(environ).code == code


@pytest.mark.parametrize(
    ("accept", "code"),
    [
        ("", "en"),
        ("de", "de"),
        ("de-DE,de;q=0.9,en-US;q=0.8,en;q=0.7", "de"),
        ("en-GB,en;q=0.9,de;q=0.8", "en"),
        ("fr,de;q=0.5", "de"),
        ("fr", "en"),
        ("*", "en"),
        ("fr, *;q=0.5", "en"),
        ("en;q=0, *", "de"),
        ("de;q=0", "en"),
        ("en;q=0", "en"),
        ("de;q=0.5,en;q=0.5", "de"),
        ("en;q=0.5,de;q=0.5", "en"),
        ("de;q=nonsense,en;q=0.1", "en"),
        ("de;q=7,en;q=0.1", "en"),
        ("DE", "de"),
        (" de-ch ;level=1;q=0.3, en ; q=0.2", "de"),
        (",,;", "en"),
    ],
)
def test_language_that_weighs_most_is_taken(accept: str, code: str) -> None:
    assert preferred(accept) == code
    assert Language.accepted(accept).code == code


def test_what_is_no_phrase_stays_as_it_is() -> None:
    assert Language.named("de")("10.11.120.2") == "10.11.120.2"
