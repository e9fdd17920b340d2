"""The fenced blocks of the documentation."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

LOCALE = ".de"
"""What stands before ``.md`` in the name of a German page."""

TYPED = {"sh", "console"}
"""The languages of what a person types."""

WRITTEN = {"python", "toml", "yaml", "ini", "json"}
"""The languages of what a person writes into a file."""

SHOWN = {"", "text"}
"""The languages of what a program prints, or a picture of letters."""

_PAGES = ("README*.md", "CONTRIBUTING*.md", "SECURITY*.md", "CHANGELOG*.md", "docs/**/*.md", "examples/**/*.md")
_FENCED = re.compile(
    r"^(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True)
class Block:
    """A fenced block of ``page``, which is told by its way in the repository."""

    page: str
    language: str
    text: str

    @property
    def lines(self) -> Sequence[str]:
        """What stands in it."""
        return self.text.splitlines()

    @property
    def commands(self) -> Sequence[str]:
        """What is typed, line by line; a comment, and the ``$`` of a console, are left out."""
        lines = self.text.replace("\\\n", " ").splitlines()
        if self.language == "console":
            lines = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
        return [line for line in (re.sub(r"(^|\s+)#.*", "", line).strip() for line in lines) if line]


def pages() -> Sequence[str]:
    """Return all pages, by their ways in the repository."""
    found = {path.relative_to(ROOT) for pattern in _PAGES for path in ROOT.glob(pattern)}
    return sorted(path.as_posix() for path in found if not any(part.startswith(".") for part in path.parts))


def blocks(page: str) -> Sequence[Block]:
    """Return the blocks of a page, as they stand there without the indentation of a list."""
    text = (ROOT / page).read_text()
    return [
        Block(page, match["language"], re.sub(f"^{match['indent']}", "", match["text"], flags=re.MULTILINE))
        for match in _FENCED.finditer(text)
    ]


def block(page: str, line: str) -> Block:
    """Return the one block of ``page`` that has this line."""
    (found,) = [one for one in blocks(page) if line in one.lines]
    return found


def sentences(page: str) -> str:
    """Return what stands on a page outside its blocks."""
    return _FENCED.sub("", (ROOT / page).read_text())
