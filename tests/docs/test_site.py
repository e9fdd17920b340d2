"""The docs site is built without a warning, in both languages, and fetches nothing from elsewhere."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import smgwproxy
from tests.clients.conftest import missing
from tests.docs.blocks import ROOT

pytestmark = pytest.mark.long

_FETCHED = re.compile(
    r"""<(?:script|img|iframe|source|audio|video|embed|object)\b[^>]*?\b(?:src|data)=["']?((?:https?:)?//[^"'\s>]+)"""
    r"""|<link\b(?=[^>]*\brel=["']?(?:stylesheet|preload|preconnect|icon|dns-prefetch))[^>]*?\bhref=["']?"""
    r"""((?:https?:)?//[^"'\s>]+)"""
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, as `.ci/docs` builds it."""
    if find_spec("mkdocs") is None:
        missing("mkdocs, of the extra docs, is not installed")
    directory = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        ["bash", ROOT / ".ci/docs", directory],
        env={"PATH": "/usr/bin:/bin", "VIRTUAL_ENV": sys.prefix, "HOME": str(directory)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (built.returncode, built.stdout, built.stderr) == (0, "", "")
    return directory


def test_link_that_leads_nowhere_fails_the_build(tmp_path: Path) -> None:
    if find_spec("mkdocs") is None:
        missing("mkdocs, of the extra docs, is not installed")
    for name in (".ci", "docs", "examples", "smgwproxy"):
        shutil.copytree(ROOT / name, tmp_path / name)
    for file in (*ROOT.glob("*.md"), ROOT / "mkdocs.yml"):
        shutil.copy(file, tmp_path)
    with (tmp_path / "docs/trust.md").open("a") as page:
        page.write("\n[nowhere](nowhere.md)\n")
    built = subprocess.run(
        ["bash", tmp_path / ".ci/docs"],
        env={"PATH": "/usr/bin:/bin", "VIRTUAL_ENV": sys.prefix, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 1
    assert "nowhere.md" in built.stderr


def test_every_page_is_there_in_both_languages(site: Path) -> None:
    english = {path.relative_to(site) for path in site.rglob("index.html") if not path.is_relative_to(site / "de")}
    assert len(english) > 20
    assert {path.relative_to(site / "de") for path in (site / "de").rglob("index.html")} == english
    assert 'lang="de"' in (site / "de/index.html").read_text()


def test_changelog_is_in_german_where_the_site_is(site: Path) -> None:
    for page, heading in (("CHANGELOG", "Changelog"), ("de/CHANGELOG", "Änderungen")):
        assert f">{heading}<a" in (site / page / "index.html").read_text()


def test_pages_of_examples_and_files_that_are_linked_are_there(site: Path) -> None:
    for name in (
        "examples/raspberry-pi/index.html",
        "examples/raspberry-pi/han-network.sh",
        "CHANGELOG/index.html",
    ):
        assert (site / name).is_file()
    assert 'href="../examples/raspberry-pi/"' in (site / "troubleshooting/index.html").read_text()


def test_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert [(page.name, match[0]) for page in pages for match in _FETCHED.finditer(page.read_text())] == []
    for sheet in site.rglob("*.css"):
        assert re.findall(r"url\(\s*[\"']?(?:https?:)?//|@import", sheet.read_text()) == []


def test_reference_has_every_public_name_with_its_docstring(site: Path) -> None:

    page = (site / "reference/index.html").read_text()
    for name in set(smgwproxy.__all__) - {"SmgwProxyError"}:
        assert f'id="smgwproxy.{name}"' in page, name
    assert 'id="smgwproxy.errors.SmgwProxyError"' in page
    assert "only through TLS with a pinned certificate" in page


@pytest.mark.parametrize("page", ["index.html", "architecture/index.html", "de/index.html"])
def test_pictures_are_shown(site: Path, page: str) -> None:
    where = site / page
    pictures = re.findall(r'<img[^>]*\bsrc="([^"]+\.(?:svg|png))"', where.read_text())
    assert pictures
    assert all((where.parent / picture).is_file() for picture in pictures)


@pytest.mark.parametrize("page", ["go-reverse-proxy", "lan-door"])
def test_german_page_leads_to_its_tables_on_the_english_one(site: Path, page: str) -> None:
    leading = re.findall(
        rf'<a href="\.\./\.\./{page}/#([^"]+)" hreflang="en">', (site / f"de/{page}/index.html").read_text()
    )
    assert leading
    english = (site / f"{page}/index.html").read_text()
    assert [anchor for anchor in leading if f'id="{anchor}"' not in english] == []
