"""What the pages say of tests and of the site is so."""

from __future__ import annotations

import re

import pytest

from tests.docs.blocks import ROOT

_NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
_CHOSEN = re.compile(r"`python -m pytest (tests/[\w/]+\.py) -k (\w+)`")
_BENCHMARK = re.compile(r"`python -m tests\.benchmarks (\w+)`")
_SCRIPT = re.compile(r"`bash (\.ci/[\w-]+)`")


@pytest.mark.parametrize("page", ["docs/security.md", "docs/go-reverse-proxy.md"])
def test_tests_that_a_page_names_are_there(page: str) -> None:
    named = _NAMED.findall((ROOT / page).read_text())
    assert named
    assert [f"{file}::{name}" for file, name in named if not is_there(file, name)] == []


def test_every_threat_has_a_test() -> None:
    _, _, table = (ROOT / "docs/security.md").read_text().partition("| threat |")
    rows = [row for row in table.splitlines()[2:] if row.startswith("|")]
    assert len(rows) > 20
    assert [row for row in rows if not _NAMED.search(row)] == []


@pytest.mark.parametrize(
    ("page", "remedy"), [("troubleshooting", "What to do."), ("troubleshooting.de", "Was zu tun ist.")]
)
def test_every_symptom_leads_to_what_to_do(page: str, remedy: str) -> None:
    text = (ROOT / f"docs/{page}.md").read_text()
    _, _, table = text.partition("\n|---|---|\n")
    symptoms = re.findall(r"^\| \S.* \| \[[^]]+\]\(#[^)]+\) \|$", table.partition("\n\n")[0], re.MULTILINE)
    sections = text.split("\n## ")[1:]
    assert len(symptoms) == len(sections) == 15  # what people ran into, as they told it in public
    assert [section.partition("\n")[0] for section in sections if f"**{remedy}**" not in section] == []


def test_every_measurement_has_a_command_that_is_there() -> None:
    text = (ROOT / "docs/performance.md").read_text()
    tables = re.findall(r"^\|.* again with \|\n\|[-|]+\n((?:\|.*\n)+)", text, re.MULTILINE)
    rows = [row for table in tables for row in table.splitlines()]
    assert len(rows) > 20
    for row in rows:
        chosen, script, benchmark = (way.search(row) for way in (_CHOSEN, _SCRIPT, _BENCHMARK))
        assert chosen or script or benchmark, row
        if chosen:
            assert re.search(rf"^def test_\w*{chosen[2]}", (ROOT / chosen[1]).read_text(), re.MULTILINE)
        if script:
            assert (ROOT / script[1]).is_file()
        if benchmark:
            assert (ROOT / f"tests/benchmarks/{benchmark[1]}.py").is_file()


@pytest.mark.parametrize("readme", ["README.md", "README.de.md"])
def test_first_screen_has_two_sentences_two_commands_and_a_picture(readme: str) -> None:
    first, _, _ = (ROOT / readme).read_text().partition("\n## ")
    _, sentences, *rest = first.split("\n\n")
    assert len(re.findall(r"\.(?=\s|$)", sentences)) == 2
    assert first.count("```sh") == 2
    assert len(re.findall(r"!\[[^]]+\]\((docs/[^)]+)\)", first)) == 1
    assert len(rest) == 5


@pytest.mark.parametrize("picture", ["household.svg", "way-of-a-request.svg", "through-the-proxy.png"])
def test_picture_is_small_and_shown(picture: str) -> None:
    assert (ROOT / "docs" / picture).stat().st_size < 150_000
    assert [page for page in ROOT.glob("docs/*.md") if f"]({picture})" in page.read_text()]


def test_drawings_fetch_nothing_and_are_for_light_and_dark() -> None:
    for drawing in ROOT.glob("docs/*.svg"):
        text = drawing.read_text()
        assert "prefers-color-scheme: dark" in text
        assert re.findall(r"https?://(?!www\.w3\.org/2000/svg|192\.168\.)", text) == []


def is_there(file: str, name: str) -> bool:
    path = ROOT / file
    return path.is_file() and re.search(rf"^def {name}\(", path.read_text(), re.MULTILINE) is not None
