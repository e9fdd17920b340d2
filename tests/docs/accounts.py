"""Who runs which block of the English pages; the German ones have the same, see tests/test_docs_german.py.

What is typed on a page of `WALKS` is typed in a household's box, all of it and in its order; a page of `WHOLE`
has a test of its own for all that it has. What is left is in `ACCOUNTS`, by page and a line of it. So a new block
is run, or nobody has an account of it and a test fails.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from tests.docs.blocks import TYPED, Block


class Stage(Enum):
    """What the box has when a page is begun."""

    CABLE = "a cable to the gateway, and no address beside it"
    ADDRESS = "an address beside the gateway"
    INSTALLED = "the service as well"


@dataclass(frozen=True)
class Walk:
    """How a page is typed: from which stage on, with gateways of which vendors, in which directory."""

    stage: Stage
    vendors: Sequence[str] = ("theben",)
    in_the_tree: bool = False
    """Whether it is typed where this program's source is."""
    files: Mapping[str, str] = field(default_factory=dict)
    """Files that are written there beforehand, each with the block of the page that has this line."""


@dataclass(frozen=True)
class CheckedBy:
    """A test takes the block from the page, and runs it."""

    test: str


@dataclass(frozen=True)
class TakenBy:
    """A program of this repository takes the block from the page, finding it by ``words``."""

    program: str
    words: str


@dataclass(frozen=True)
class PartOf:
    """The block stands in a file of this repository, line by line, and a test runs that."""

    file: str
    test: str


@dataclass(frozen=True)
class SameAs:
    """The block of another page that has the same line is the same."""

    page: str


@dataclass(frozen=True)
class NotHere:
    """It cannot be run by these tests, for a reason; a test looks at its arguments."""

    reason: str
    test: str


Account = Walk | CheckedBy | TakenBy | PartOf | SameAs | NotHere

WALKS: Mapping[str, Walk] = {
    "README.md": Walk(Stage.CABLE, in_the_tree=True),
    "docs/discover.md": Walk(Stage.CABLE, in_the_tree=True),
    "docs/doctor.md": Walk(Stage.INSTALLED),
    "docs/https.md": Walk(Stage.ADDRESS),
    "docs/service.md": Walk(Stage.ADDRESS, in_the_tree=True),
    "docs/several-gateways.md": Walk(Stage.ADDRESS, files={"smgwproxy.toml": "[[gateway]]"}),
    "docs/status.md": Walk(Stage.ADDRESS, in_the_tree=True),
    "docs/troubleshooting.md": Walk(Stage.INSTALLED, in_the_tree=True),
    "docs/trust.md": Walk(Stage.ADDRESS),
    "docs/usage.md": Walk(Stage.ADDRESS),
    "examples/evcc/README.md": Walk(Stage.INSTALLED, vendors=("emh",)),
    "examples/home-assistant/README.md": Walk(Stage.INSTALLED, vendors=("theben", "emh")),
    "examples/raspberry-pi/README.md": Walk(Stage.CABLE),
}

WHOLE: Mapping[str, CheckedBy] = {
    "CONTRIBUTING.md": CheckedBy("tests/test_docs.py::test_contributors_command_is_one_of_ci_or_works"),
}

_SNIPPETS = "tests/docs/test_snippets.py::"
_TRY_IT = "python3 -m venv .venv && .venv/bin/pip install --quiet . && .venv/bin/python -m smgwproxy demo"
_RUN_TESTS = (
    "python3 -m venv .venv && .venv/bin/pip install --quiet --editable '.[test]' "
    "&& .venv/bin/python -m pytest -n auto --dist loadfile"
)
_DOCKER = "docker compose -f examples/docker/compose.yaml"

ACCOUNTS: Mapping[tuple[str, str], Account] = {
    ("README.md", _TRY_IT): TakenBy(".ci/run", "**Try it**"),
    ("README.md", _RUN_TESTS): TakenBy(".ci/run", "**Run the tests**"),
    ("README.md", "ExecStart=/home/pi/smgwproxy/.venv/bin/smgwproxy -logdir /var/log/smgw-proxy"): PartOf(
        "examples/raspberry-pi/reverse_proxy.service",
        "tests/test_examples.py::test_unit_changes_only_the_program_of_the_original",
    ),
    ("docs/index.md", _TRY_IT): SameAs("README.md"),
    ("docs/library.md", "from smgwproxy import Gateway, open_truststore"): CheckedBy(
        f"{_SNIPPETS}test_gateway_is_asked"
    ),
    ("docs/library.md", "import sys"): PartOf(
        "examples/library/read_meter.py",
        "tests/test_examples.py::test_meter_is_read_by_a_script_of_ten_lines_without_a_server",
    ),
    ("docs/library.md", "from smgwproxy import Gateway, load_client_certificate, open_truststore"): CheckedBy(
        f"{_SNIPPETS}test_client_certificate_is_loaded"
    ),
    ("docs/library.md", "from collections.abc import Callable, Sequence"): CheckedBy(
        f"{_SNIPPETS}test_store_of_ones_own_has_all_that_is_wanted"
    ),
    ("docs/library.md", '[project.entry-points."smgwproxy.truststores"]'): CheckedBy(
        f"{_SNIPPETS}test_store_that_is_registered_as_told_is_found_and_passes_the_suite_as_told"
    ),
    ("docs/library.md", "import pytest"): CheckedBy(
        f"{_SNIPPETS}test_store_that_is_registered_as_told_is_found_and_passes_the_suite_as_told"
    ),
    ("docs/several-gateways.md", "[[gateway]]"): CheckedBy(
        f"{_SNIPPETS}test_several_gateways_are_configured_as_told"
    ),
    ("docs/status.md", "scrape_configs:"): CheckedBy(f"{_SNIPPETS}test_prometheus_is_told_of_port_and_metrics"),
    ("docs/status.md", "groups:"): CheckedBy(f"{_SNIPPETS}test_prometheus_is_told_of_port_and_metrics"),
    ("docs/trust.md", "{"): CheckedBy(f"{_SNIPPETS}test_record_has_the_keys_that_are_shown"),
    ("docs/usage.md", "[Service]"): CheckedBy(f"{_SNIPPETS}test_unit_with_credentials_is_one_that_systemd_takes"),
    ("examples/docker/README.md", f"{_DOCKER} up --detach --build"): NotHere(
        "there is no Docker here, and no image to be had", f"{_SNIPPETS}test_compose_knows_what_it_is_told"
    ),
    ("examples/docker/README.md", f"{_DOCKER} exec smgwproxy smgwproxy trust"): NotHere(
        "there is no Docker here, and no image to be had", f"{_SNIPPETS}test_compose_knows_what_it_is_told"
    ),
    (
        "examples/docker/README.md",
        f"{_DOCKER} run --rm --user 0 --cap-add NET_RAW --cap-add NET_ADMIN smgwproxy discover --interface eth0",
    ): NotHere(
        "there is no Docker here, and no image to be had", f"{_SNIPPETS}test_compose_knows_what_it_is_told"
    ),
    ("examples/docker/README.md", '{"ip-forward": false}'): NotHere(
        "it is a setting of Docker's own", f"{_SNIPPETS}test_setting_of_docker_is_json"
    ),
    ("examples/home-assistant/README.md", "homeassistant:"): CheckedBy(
        f"{_SNIPPETS}test_package_of_home_assistant_includes_a_file_that_is_there"
    ),
    ("examples/truststore-postgresql/README.md", "pip install ./examples/truststore-postgresql"): NotHere(
        "there is no such database; CI installs the plug-in and tests it against a real server",
        f"{_SNIPPETS}test_plug_in_is_a_package_whose_name_and_extra_are_those_told",
    ),
    ("examples/truststore-postgresql/README.md", "pip install '.[test]' && python -m pytest"): NotHere(
        "CI does it, with the server that it needs",
        f"{_SNIPPETS}test_plug_in_is_a_package_whose_name_and_extra_are_those_told",
    ),
}


def account(block: Block) -> Account | None:
    """Return who runs a block of an English page, None when nobody does."""
    listed = [one for (page, line), one in ACCOUNTS.items() if page == block.page and line in block.lines]
    if listed or block.language not in TYPED:
        return next(iter(listed), None)
    return WALKS.get(block.page) or WHOLE.get(block.page)
