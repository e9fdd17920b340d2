"""A language that shows which words of a text went through a language: they stand in ⟦ and ⟧, all else is data.

What stands outside was forgotten if it is a word. Values of a phrase stand outside, too, unless they are phrases.
"""

from __future__ import annotations

import gettext
import re
import string

from smgwproxy.language import Language

_SAID = re.compile(r"⟦[^⟧]*⟧")
_WORD = re.compile(r"[A-Za-z]+(?:['-][A-Za-z]+)*")


class _Enclosing(gettext.NullTranslations):
    def gettext(self, message: str) -> str:
        return _enclosed(message)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return _enclosed(msgid1 if n == 1 else msgid2)


def pseudo() -> Language:
    """Return the language; it gives itself out as German, or nobody would speak it."""
    return Language("de", _Enclosing)


def forgotten(text: str) -> list[str]:
    """Return the words of ``text`` that are in none of ⟦ and ⟧."""
    return _WORD.findall(_SAID.sub(" ", text))


def _enclosed(template: str) -> str:
    parts = string.Formatter().parse(template)
    return "".join(f"{_literal(words)}{_field(name, spec, kind)}" for words, name, spec, kind in parts)


def _literal(words: str) -> str:
    escaped = words.replace("{", "{{").replace("}", "}}")
    return f"⟦{escaped}⟧" if _WORD.search(words) else escaped


def _field(name: str | None, spec: str | None, kind: str | None) -> str:
    if name is None:
        return ""
    return f"{{{name}{f'!{kind}' if kind else ''}{f':{spec}' if spec else ''}}}"
