"""The catalogues of translations, kept with Babel: ``python -m tests.texts.catalogue`` brings them up to date.

Each phrase of the source is in each catalogue then, those that are gone are not, and the compiled catalogues are
made of them. What is not translated yet is told, and the exit code is 1.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from smgwproxy.language import TRANSLATED

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "smgwproxy"
_KEYWORDS = {"phrase": None, "plural": (1, 2)}
_WIDTH = 110


def place(code: str) -> Path:
    """Return where the catalogue of a language is."""
    return SOURCE / "locale" / code / "LC_MESSAGES" / "smgwproxy.po"


def extracted() -> Catalog:
    """Return the phrases of the source, without translations."""
    found = Catalog(domain="smgwproxy", fuzzy=False)
    taken = extract_from_dir(SOURCE, [("**.py", "python")], keywords=_KEYWORDS, strip_comment_tags=True)
    for name, _, told, comments, context in sorted(taken, key=lambda one: one[:2]):
        found.add(told, None, [(f"smgwproxy/{name}", 0)], auto_comments=comments, context=context)
    return found


def read(code: str) -> Catalog:
    """Return the catalogue of a language as it is."""
    with place(code).open("rb") as file:
        return read_po(file, locale=code, domain="smgwproxy")


def updated(code: str) -> Catalog:
    """Return the catalogue of a language as it must be; what is new in it has no translation."""
    former, new = read(code), extracted()
    catalogue = _Steady(locale=code, domain="smgwproxy", header_comment="", fuzzy=False)
    for message in messages(new):
        known = former.get(message.id)
        # Of a phrase whose kind has changed nothing can be kept.
        kept = known.string if known is not None and known.pluralizable == message.pluralizable else None
        catalogue.add(message.id, kept, message.locations, auto_comments=message.auto_comments)
    return catalogue


def messages(catalogue: Catalog) -> Iterator[Message]:
    """Yield all but the header."""
    return (message for message in catalogue if message.id)


def untranslated(catalogue: Catalog) -> list[str]:
    """Return the phrases without a translation."""
    missing = []
    for message in messages(catalogue):
        strings = message.string if isinstance(message.string, tuple | list) else (message.string,)
        if not all(strings):
            missing.append(message.id if isinstance(message.id, str) else message.id[0])
    return missing


def written(catalogue: Catalog) -> bytes:
    """Return the text of the catalogue, which depends on nothing but its messages."""
    buffer = io.BytesIO()
    write_po(buffer, catalogue, width=_WIDTH, include_lineno=False)
    return buffer.getvalue().strip() + b"\n"


def compiled(catalogue: Catalog) -> bytes:
    """Return the compiled catalogue, which depends on nothing but its messages."""
    buffer = io.BytesIO()
    write_mo(buffer, catalogue)
    return buffer.getvalue()


class _Steady(Catalog):
    """A catalogue whose header tells neither when it was written nor by which Babel."""

    @property
    def mime_headers(self) -> list[tuple[str, str]]:
        return [
            ("Language", str(self.locale)),
            ("MIME-Version", "1.0"),
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Transfer-Encoding", "8bit"),
            ("Plural-Forms", self.plural_forms),
        ]


def main() -> int:
    """Bring all up to date, and return the exit code."""
    missing = []
    for code in TRANSLATED:
        catalogue = updated(code)
        place(code).write_bytes(written(catalogue))
        place(code).with_suffix(".mo").write_bytes(compiled(catalogue))
        missing += [f"{code}: {text}\n" for text in untranslated(catalogue)]
    sys.stdout.write("".join([*missing, f"not translated: {len(missing)}\n"]))
    return 1 if missing else 0


if __name__ == "__main__":
    raise SystemExit(main())
