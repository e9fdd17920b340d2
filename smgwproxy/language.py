"""The languages in which people are told things, and which of them a person wants."""

from __future__ import annotations

import gettext
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property, partial
from io import BytesIO
from pathlib import Path

from smgwproxy.phrases import Phrase

TRANSLATED = ("de",)
"""Those beside English, each with a catalogue in ``smgwproxy/locale``."""

_DOMAIN = "smgwproxy"


class Language:
    """One language: called with a phrase it returns the text in that language; any other text stays as it is.

    ``code`` is as HTML's ``lang`` has it. ``catalogue`` makes that of its translations when they are first used,
    for they need much memory; English needs none. Safe between threads.
    """

    def __init__(self, code: str = "en", catalogue: Callable[[], gettext.NullTranslations] | None = None) -> None:
        self.code = code
        self._made = catalogue

    def __call__(self, told: str) -> str:
        """Say ``told``."""
        return told.said(self._translated) if isinstance(told, Phrase) else told

    def __repr__(self) -> str:
        return f"<Language {self.code}>"

    @classmethod
    def named(cls, code: str) -> Language:
        """Return the language ``code``, English where there is no catalogue; reads a file."""
        if code not in TRANSLATED:
            return cls()
        place = Path(__file__).with_name("locale") / code / "LC_MESSAGES" / f"{_DOMAIN}.mo"
        return cls(code, partial(_taken_apart, place.read_bytes()))

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Language:
        """Return the language of the locale, as gettext finds it: by LANGUAGE, LC_ALL, LC_MESSAGES, LANG."""
        return cls.named(next((code for code in _wanted(environ) if code in (*TRANSLATED, "en")), "en"))

    @classmethod
    def accepted(cls, accept: str) -> Language:
        """Return what a client prefers by its Accept-Language field (RFC 9110 section 12.5.4), else English."""
        return cls.named(preferred(accept))

    @cached_property
    def _catalogue(self) -> gettext.NullTranslations | None:
        return None if self._made is None else self._made()

    def _translated(self, template: str, plural: str | None, count: int) -> str:
        if self._catalogue is None:
            return template if plural is None or count == 1 else plural
        if plural is None:
            return self._catalogue.gettext(template) if template else ""
        return self._catalogue.ngettext(template, plural, count)


def _taken_apart(octets: bytes) -> gettext.NullTranslations:
    return gettext.GNUTranslations(BytesIO(octets))


class Languages:
    """All languages, each read once, and at once: what answers clients must not depend on the disk later."""

    def __init__(self) -> None:
        self._known = {code: Language.named(code) for code in ("en", *TRANSLATED)}

    def accepted(self, accept: str) -> Language:
        """Return what a client prefers by its Accept-Language field, as `Language.accepted` does."""
        return self._known[preferred(accept)]


def preferred(accept: str) -> str:
    """Return the code of the language that weighs most in ``accept``, the first of several; English if none."""
    weights = dict(_weights(accept))
    rest = weights.get("*", 0.0)
    known = {code: weights.get(code, rest) for code in ("en", *TRANSLATED)}
    order = [*weights, *known]  # of the same weight, what is named first
    best = max(known, key=lambda code: (known[code], -order.index(code)))
    return best if known[best] > 0 else "en"


def _weights(accept: str) -> Iterator[tuple[str, float]]:
    """Yield each language, without its region, and its weight; of several regions the heaviest."""
    found: dict[str, float] = {}
    for part in accept.lower().split(","):
        named, *parameters = (piece.strip() for piece in part.split(";"))
        code = named.partition("-")[0]
        if code:
            found[code] = max(found.get(code, 0.0), _weight(parameters))
    yield from found.items()


def _weight(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                weight = float(value)
            except ValueError:
                return 0.0
            return weight if 0 <= weight <= 1 else 0.0
    return 1.0


def _wanted(environ: Mapping[str, str]) -> list[str]:
    locale = next((environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environ.get(name)), "C")
    if _code(locale) in {"c", "posix"}:  # then LANGUAGE is not looked at (GNU gettext manual, 2.3.3)
        return ["en"]
    return [_code(one) for one in (*environ.get("LANGUAGE", "").split(":"), locale)]


def _code(locale: str) -> str:
    return locale.replace(".", "_").replace("@", "_").partition("_")[0].lower()
