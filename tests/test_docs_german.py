"""Each page of the documentation has a German one beside it, which tells the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).parent.parent
PLACES = ("README*.md", "CHANGELOG*.md", "CONTRIBUTING*.md", "SECURITY*.md", "docs/*.md", "examples/**/README*.md")
PAGES = [
    page
    for place in PLACES
    for page in sorted(ROOT.glob(place))
    if not any(part.startswith(".") for part in page.relative_to(ROOT).parts)
]
ENGLISH = [page for page in PAGES if not page.name.endswith(".de.md")]
GENERATED = {
    "docs/go-reverse-proxy.md",
    "docs/lan-door.md",
}  # by their last tables, which the German pages link to
FENCED = re.compile(r"^ *```(?P<language>.*)\n(?P<lines>(?s:.*?))^ *```$", re.MULTILINE)
COMMENT = re.compile(r"(^|\s+)#\s.*$", re.MULTILINE)
LINK = re.compile(r"\]\((?!https?:)([^)\s]*)\)")
FACT = re.compile(r"`[^`]+`|(?<![\w.])\d+(?:\.\d+)*")
HEADING = re.compile(r"^(#+) (.*)$", re.MULTILINE)


def german(page: Path) -> Path:
    return page.with_suffix(".de.md")


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def blocks(page: Path) -> list[tuple[str, str]]:
    """Return the language and the lines of each code block, comments left out."""
    return [(found["language"], COMMENT.sub("", found["lines"])) for found in FENCED.finditer(page.read_text())]


def prose(page: Path) -> str:
    """Return the page without its code blocks and without what its links lead to."""
    return LINK.sub("]", FENCED.sub("", page.read_text()))


def facts(text: str) -> set[str]:
    """Return what no language changes: code, and numbers as they are written in English."""
    return set(FACT.findall(text))


def in_english(text: str) -> str:
    """Return the text with points for decimal commas, and thousands without their points."""
    whole = re.sub(r"(?<![\d.])\d{1,3}(?:\.\d{3})+(?![\d.])", lambda found: found[0].replace(".", ""), text)
    return re.sub(r"(?<=\d),(?=\d)", ".", whole)


def told_lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line]


def without_tables(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if not line.startswith("|"))


def texts(page: Path) -> tuple[str, str]:
    """Return the prose of both pages, numbers as in English."""
    return re.sub(r"(?<=\d),(?=\d{3}\b)", "", prose(page)), in_english(prose(german(page)))


def anchors(page: Path) -> set[str]:
    headings = (found[2] for found in HEADING.finditer(FENCED.sub("", page.read_text())))
    return {re.sub(r"[^\w\s-]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def links(page: Path) -> Iterator[tuple[Path, str]]:
    """Yield the file, and the anchor or nothing, that each link of the page leads to."""
    for target in LINK.findall(FENCED.sub("", page.read_text())):
        file, _, anchor = target.partition("#")
        yield (page.parent / file).resolve() if file else page, unquote(anchor)


TRANSLATED = [page for page in ENGLISH if german(page).is_file()]
each_page = pytest.mark.parametrize("page", TRANSLATED, ids=name_of)


@pytest.mark.parametrize("page", ENGLISH, ids=name_of)
def test_page_has_a_german_one(page: Path) -> None:
    assert german(page).is_file()


def test_german_page_stands_for_an_english_one() -> None:
    assert set(PAGES) - set(ENGLISH) <= set(map(german, ENGLISH))


@each_page
def test_headings_have_the_same_levels(page: Path) -> None:
    english, translated = (
        [found[1] for found in HEADING.finditer(FENCED.sub("", one.read_text()))] for one in (page, german(page))
    )
    assert translated == english


@each_page
def test_code_blocks_differ_in_comments_only(page: Path) -> None:
    assert blocks(german(page)) == blocks(page)


@pytest.mark.parametrize("page", [page for page in TRANSLATED if name_of(page) not in GENERATED], ids=name_of)
def test_each_line_has_the_same_code_and_numbers(page: Path) -> None:
    english, translated = texts(page)
    for told, said in zip_longest(told_lines(english), told_lines(translated), fillvalue="no line"):
        assert facts(said) == facts(told), f"{told}\n{said}"
    assert len(told_lines(translated)) == len(told_lines(english))


@pytest.mark.parametrize("page", [page for page in TRANSLATED if name_of(page) in GENERATED], ids=name_of)
def test_page_without_the_generated_tables_has_no_other_code_and_numbers(page: Path) -> None:
    english, translated = texts(page)
    assert facts(translated) - facts(english) == set()
    assert facts(without_tables(english)) - facts(translated) == set()


@each_page
def test_links_of_a_german_page_lead_to_german_pages(page: Path) -> None:
    for file, _ in links(german(page)):
        if file != page:  # the page itself in English is linked to where that is meant
            assert not file.with_suffix(f".de{file.suffix}").is_file(), name_of(file)


@each_page
def test_both_pages_link_to_the_same(page: Path) -> None:
    english, translated = (
        [file.with_name(file.name.replace(".de.", ".")) for file, _ in links(one)] for one in (page, german(page))
    )
    assert {file for file in translated if file != page} == {file for file in english if file != page}


@pytest.mark.parametrize("page", [*ENGLISH, *map(german, TRANSLATED)], ids=name_of)
def test_links_lead_to_pages_and_to_headings_there(page: Path) -> None:
    for file, anchor in links(page):
        assert file.exists(), file
        if anchor:
            assert anchor in anchors(file), f"{name_of(file)}#{anchor}"
            assert anchor.isascii(), "forges and the site write other letters differently into anchors"


@each_page
def test_german_quotation_marks_are_typographic(page: Path) -> None:
    text = re.sub(r"`[^`]+`|<[^>]+>|„[^„“]*“", "", prose(german(page)))
    assert re.findall(r'.*["„“”].*', text) == []


def test_readmes_link_to_each_other() -> None:
    readme = ROOT / "README.md"
    assert german(readme) in {file for file, _ in links(readme)}
    assert readme in {file for file, _ in links(german(readme))}


@pytest.mark.parametrize("drawing", sorted(ROOT.glob("docs/*.de.svg")), ids=name_of)
def test_german_drawing_differs_in_its_words_only(drawing: Path) -> None:
    english, translated = (
        re.sub(r">[^<>]+</(text|title)>", ">", one.read_text())
        for one in (drawing.with_name(drawing.name.replace(".de.", ".")), drawing)
    )
    assert translated == english
