"""Texts for people: English by themselves, and able to be said in another language by `smgwproxy.language`.

A `Phrase` is the English text, wherever a text is wanted, and remembers what it was made of. Logs, JSON and all
that programs read take it as it is. What people read goes through a `Language` first, before it is broken into
lines or put between other texts: an f-string, ``join`` or a slice of a phrase is English for good, `sequence` is
not.

The templates are those of `str.format` with named fields, and stand in the call itself, where Babel finds them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Self

Translate = Callable[[str, str | None, int], str]
"""From a template, its plural (None where it has none) and the number to the template in another language."""


class Phrase(str):
    """The English text of ``template`` filled with ``values``; equal to any other text that reads the same."""

    __slots__ = ("_count", "_plural", "_template", "_values")

    _template: str
    _plural: str | None
    _count: int
    _values: Mapping[str, Any]

    @classmethod
    def of(cls, template: str, plural: str | None, count: int, values: Mapping[str, Any]) -> Self:
        """Make a phrase; with a ``plural``, which is taken unless ``count`` is 1."""
        made = cls((template if plural is None or count == 1 else plural).format_map(values))
        made._template, made._plural, made._count, made._values = template, plural, count, values
        return made

    def said(self, translate: Translate) -> str:
        """Return the text whose template is what ``translate`` returns, and so are those of phrases within."""
        values = {name: said(value, translate) for name, value in self._values.items()}
        return translate(self._template, self._plural, self._count).format_map(values)

    def cleaned(self, clean: Callable[[str], str]) -> Self:
        """Return the phrase with the texts in its fields as ``clean`` returns them, and so in phrases within."""
        values = {name: cleaned(value, clean) for name, value in self._values.items()}
        return self.of(self._template, self._plural, self._count, values)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self).of, (self._template, self._plural, self._count, dict(self._values))


def phrase(template: str, /, **values: Any) -> Phrase:
    """Make the phrase of ``template`` with ``values`` in its fields, which may be phrases."""
    return Phrase.of(template, None, 1, values)


def plural(one: str, many: str, count: int, /, **values: Any) -> Phrase:
    """Make the phrase of the template ``one`` or ``many``, whose field ``count`` is the number."""
    return Phrase.of(one, many, count, {"count": count, **values})


def sequence(parts: Iterable[str], between: str = " ") -> Phrase:
    """Join texts and phrases; this one has no words of its own."""
    told = tuple(parts)
    template = between.replace("{", "{{").replace("}", "}}").join(f"{{part{place}}}" for place in range(len(told)))
    return Phrase.of(template, None, 1, {f"part{place}": part for place, part in enumerate(told)})


def clause(sentence: str) -> Phrase:
    """Return ``sentence`` without the full stop at its end, in each language, to be a part of another."""
    return _Clause.of("{sentence}", None, 1, {"sentence": sentence})


def cleaned(value: Any, clean: Callable[[str], str]) -> Any:
    """Return a phrase as `Phrase.cleaned` has it, another text as ``clean`` returns it, and all else as it is."""
    if isinstance(value, Phrase):
        return value.cleaned(clean)
    return clean(value) if isinstance(value, str) else value


def said(value: Any, translate: Translate) -> Any:
    """Return a phrase as `Phrase.said` has it, and all else as it is."""
    return value.said(translate) if isinstance(value, Phrase) else value


class _Clause(Phrase):
    """Ends without a full stop, whatever its template has."""

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        return super().__new__(cls, text.removesuffix("."))

    def said(self, translate: Translate) -> str:
        return super().said(translate).removesuffix(".")
