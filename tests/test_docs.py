"""The documentation tells what the program does."""

from __future__ import annotations

import re
from pathlib import Path

from smgwproxy import errors
from smgwproxy.commands.trust.usage import ACTIONS
from smgwproxy.config import OPTIONS
from smgwproxy.errors import ExchangeError

ROOT = Path(__file__).parent.parent
DOCS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def rows(text: str, heading: str) -> list[list[str]]:
    """Return the cells of the table that begins with ``heading``, backticks left out."""
    table = text[text.index(heading) :].partition("\n\n")[0]
    return [
        [cell.strip().replace("`", "") for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]
    ]


def test_option_table_is_that_of_the_program() -> None:
    told = {
        flag.split()[0].removeprefix("--"): (variable, default)
        for flag, variable, default, _ in rows((ROOT / "docs/usage.md").read_text(), "| flag |")
    }
    for option in OPTIONS:
        assert told.pop(option.name) == (option.variable, option.shown or option.default)
    assert set(told) == {"config", "version,"}


def test_error_table_names_every_error_type() -> None:
    told = {kind for _, kind, _ in rows((ROOT / "docs/usage.md").read_text(), "| status |")}
    kinds = {
        one.proxy_error
        for one in vars(errors).values()
        if isinstance(one, type) and issubclass(one, ExchangeError)
    }
    assert told == kinds


def test_links_between_the_pages_lead_somewhere() -> None:
    for page in DOCS:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_architecture_names_every_room() -> None:
    told = (ROOT / "docs/architecture.md").read_text()
    for module in (ROOT / "smgwproxy").iterdir():
        name = module.stem
        if not name.startswith("__") and name != "py":
            assert f"`{name}`" in told, name


def test_python_snippets_of_the_library_page_are_python() -> None:
    for snippet in re.findall(r"```python\n(.*?)```", (ROOT / "docs/library.md").read_text(), re.DOTALL):
        compile(snippet, "docs/library.md", "exec")


def test_trust_page_names_every_action_and_store() -> None:
    page = (ROOT / "docs/trust.md").read_text()
    told = {row[0].removeprefix("smgwproxy trust ") for row in rows(page, "| command |")}
    assert told == {action.name for action in ACTIONS}
    stores = {row[0].partition(":")[0] for row in rows(page, "| store |")}
    assert stores - {"MODULE", "others by name"} == {"file", "sqlite", "pinned"}
