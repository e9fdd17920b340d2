"""What is left of an output in the language of `tests.texts.pseudo`, beside what no language has words for."""

from __future__ import annotations

import re
import sys

_SAID = re.compile(r"⟦[^⟧]*⟧")
_WORD = re.compile(r"[^\W\d_]{2,}")
_DATA = re.compile(
    r"https?://\S+|(?<![\w.])/[\w./-]+|--[a-z-]+|\b(?:TLS_|ECDHE-)[A-Z0-9_-]+"
    r"|\b[0-9a-f]{64}\b|(?:\b[0-9a-f]{4}\b ?){16}|\b[0-9a-f]{1,4}(?::[0-9a-f]{0,4}){2,7}\b"
)
_COMMANDS = ("sudo ", "df ", "smgwproxy ", sys.executable)


def words_left(shown: str, *data: str) -> set[str]:
    """Return the words in ``shown`` that nobody translated and that are none of ``data``.

    Those of a URL, a path, an option, a suite, a fingerprint, an address of IPv6 or of hardware, and those on a
    line that is a command, are data in any case.
    """
    lines = (line for line in _SAID.sub(" ⟦⟧ ", shown).splitlines() if not line.strip().startswith(_COMMANDS))
    text = " ".join(" ".join(lines).split())  # what was broken into lines is whole again
    for one in sorted(data, key=len, reverse=True):
        text = text.replace(one, "")
    return set(_WORD.findall(_DATA.sub("", text)))
