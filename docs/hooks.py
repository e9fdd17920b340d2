"""What the docs site shows from outside docs/: further pages, and the files that pages link to.

Pages name each other by their ways in the repository, so that the links work in a forge as well. On the site a
page of docs/ lies at the root, and all else lies where the repository has it. MkDocs calls `on_files` and
`on_page_markdown`: https://www.mkdocs.org/dev-guide/plugins/#events
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.plugins import CombinedEvent, event_priority
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

_PAGES = ("CHANGELOG*.md", "CONTRIBUTING*.md", "SECURITY*.md", "examples/README*.md", "examples/*/README*.md")
_CODE_OR_LINK = re.compile(
    r"^```.*?^```$|(?P<start>\]\()(?P<target>(?![a-z]+:|#)[^)#\s]+)", re.MULTILINE | re.DOTALL
)
_LOCALE = re.compile(r"\.de(?=\.md$)")
_WHOLE_LINK = re.compile(r"\[(?P<text>[^\]]+)\]\((?P<file>[^)#\s]+)(?P<anchor>#[^)\s]+)?\)")


@event_priority(0)
def _add(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the pages from elsewhere, and every file from elsewhere that a page links to."""
    root = _root(config)
    pages = [path for pattern in _PAGES for path in sorted(root.glob(pattern))]
    sources = [*pages, *(Path(str(file.abs_src_path)) for file in files.documentation_pages())]
    linked = [root / target for source in sources for target in _targets(source, root)]
    for path in dict.fromkeys([*pages, *linked]):
        name = path.relative_to(root).as_posix()
        if path.is_file() and not name.startswith("docs/") and files.get_file_from_path(name) is None:
            files.append(File(name, config.docs_dir, config.site_dir, config.use_directory_urls))
    return files


@event_priority(-200)
def _find(files: Files, *, config: MkDocsConfig) -> Files:
    """Tell where the files from elsewhere are: only now, as the i18n plugin looks at those of docs/ alone."""
    for file in files:
        if file.abs_src_path is not None and not Path(file.abs_src_path).exists():
            file.abs_src_path = str(_root(config) / file.src_uri)
    return files


on_files = CombinedEvent(_add, _find)


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001
    """Let links lead where their targets lie on the site, in the page's language where there is such a page.

    Only a German page's link to itself in English leads to English. It is written as HTML, since in Markdown the
    i18n plugin leads it to the German page.
    """
    source = Path(str(page.file.abs_src_path)).relative_to(_root(config)).as_posix()
    directory = posixpath.dirname(page.file.src_uri) or "."

    def on_the_site(match: re.Match[str]) -> str:
        if match["target"] is None:
            return match[0]
        target = _LOCALE.sub("", _resolved(match["target"], source))
        target = "index.md" if target == "README.md" else target.removeprefix("docs/")
        return match["start"] + posixpath.relpath(target, directory)

    def in_english(match: re.Match[str]) -> str:
        if not source.endswith(".de.md") or _resolved(match["file"], source) != _LOCALE.sub("", source):
            return match[0]
        page_in_english = posixpath.relpath(page.file.url.removeprefix("de/"), page.file.url)
        return f'<a href="{page_in_english}/{match["anchor"] or ""}" hreflang="en">{match["text"]}</a>'

    return _CODE_OR_LINK.sub(on_the_site, _WHOLE_LINK.sub(in_english, markdown))


def _root(config: MkDocsConfig) -> Path:
    return Path(config.docs_dir).parent


def _targets(source: Path, root: Path) -> Iterator[str]:
    """Yield what the page ``source`` links to, as ways from ``root``."""
    for match in _CODE_OR_LINK.finditer(source.read_text()):
        if match["target"] is not None:
            yield _resolved(match["target"], source.relative_to(root).as_posix())


def _resolved(target: str, source: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
