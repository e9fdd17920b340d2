"""A language without words: of each phrase it leaves the fields, so that all words in an output are data.

What nobody has made a phrase, and what became English before it was translated, is seen by its words.
"""

from __future__ import annotations

import gettext
import re
import string

from smgwproxy.language import Language

_WORD = re.compile(r"[^\W\d_]{2,}")
_DATA = re.compile(
    r"https?://\S+|(?<![\w.])/[\w./-]+|--[a-z-]+|\b(?:TLS_|ECDHE-)[A-Z0-9_-]+"
    r"|\b[0-9a-f]{64}\b|(?:\b[0-9a-f]{4}\b ?){16}|\b[0-9a-f]{1,4}(?::[0-9a-f]{0,4}){2,7}\b"
)
_COMMANDS = ("sudo ", "df ", "smgwproxy ")


def wordless() -> Language:
    """Return that language."""
    return Language("xx", _Wordless())


def words_left(shown: str, *data: str) -> set[str]:
    """Return the words in ``shown`` that are none of ``data``.

    Those of a URL, a path, an option, a suite, a fingerprint, an address of IPv6 or of hardware, and those on a
    line that is a command, are data in any case.
    """
    lines = (line for line in shown.splitlines() if not line.strip().startswith(_COMMANDS))
    text = " ".join(" ".join(lines).split())  # what was broken into lines is whole again
    for one in sorted(data, key=len, reverse=True):
        text = text.replace(one, "")
    return set(_WORD.findall(_DATA.sub("", text)))


class _Wordless(gettext.NullTranslations):
    def gettext(self, message: str) -> str:
        return "".join(map(_piece, *zip(*string.Formatter().parse(message), strict=True)))

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return self.gettext(msgid1 if n == 1 else msgid2)


def _piece(literal: str, name: str | None, spec: str | None, conversion: str | None) -> str:
    kept = "⟦⟧" if any(map(str.isalpha, literal)) else literal
    field = f"{{{name}{f'!{conversion}' if conversion else ''}{f':{spec}' if spec else ''}}}"
    return kept if name is None else kept + field
