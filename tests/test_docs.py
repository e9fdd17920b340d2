"""The documentation tells what the program does."""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from smgwproxy import __version__, errors
from smgwproxy.commands.trust.usage import ACTIONS
from smgwproxy.config import OPTIONS
from smgwproxy.errors import ExchangeError

ROOT = Path(__file__).parent.parent
CONTRIBUTING = ROOT / "CONTRIBUTING.md"
DOCS = [
    path
    for pattern in ("README*.md", "CONTRIBUTING*.md", "SECURITY*.md", "docs/*.md")
    for path in sorted(ROOT.glob(pattern))
]


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


def contributors_commands() -> list[str]:
    """Return the lines of the code blocks of CONTRIBUTING.md, one after the other."""
    blocks = re.findall(r"^ *```sh\n(.*?)^ *```", CONTRIBUTING.read_text(), re.DOTALL | re.MULTILINE)
    return [line.strip() for block in blocks for line in block.splitlines()]


@pytest.mark.parametrize("command", contributors_commands())
def test_contributors_command_is_one_of_ci_or_works(command: str, tmp_path: Path) -> None:
    words = shlex.split(command, comments=True)
    readme = (ROOT / "README.md").read_text()
    run_in_ci = (ROOT / ".ci/run").read_text() + readme[readme.index("**Run the tests**") :].partition("```\n")[0]
    script = next((word for word in words[:2] if word.startswith(".ci/")), None)
    if script is not None:
        assert os.access(ROOT / script, os.X_OK) or words[0] == "bash"
        assert f"bash {script}" in run_in_ci
    elif shlex.join(words) not in run_in_ci:
        assert words[:3] == [".venv/bin/python", "-m", "pytest"], "neither run by CI nor tried here"
        subprocess.run(
            [sys.executable, *words[1:], "--collect-only", "--quiet", "-p", "no:cacheprovider"],
            cwd=ROOT,
            env={**os.environ, "COVERAGE_FILE": str(tmp_path / "coverage")},
            stdout=subprocess.DEVNULL,
            check=True,
        )


@pytest.mark.parametrize(
    ("changelog", "unreleased"), [("CHANGELOG.md", "Unreleased"), ("CHANGELOG.de.md", "Unveröffentlicht")]
)
def test_changelog_begins_with_what_is_unreleased_or_with_this_version(changelog: str, unreleased: str) -> None:
    newest = re.search(r"^## (\S+)", (ROOT / changelog).read_text(), re.MULTILINE)
    assert newest is not None
    assert newest[1] in {unreleased, __version__}


def test_licence_is_all_of_apache_2_0() -> None:
    # https://www.apache.org/licenses/LICENSE-2.0.txt
    digest = hashlib.sha256((ROOT / "LICENSE").read_bytes()).hexdigest()
    assert digest == "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30"
