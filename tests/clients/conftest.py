"""Fixtures for tests with real clients."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import NoReturn

import pytest

from smgwproxy.demo import VENDORS
from smgwproxy.truststores.file import FileTrustStore
from tests.clients.household import Household, running_household
from tests.clients.libraries import LIBRARIES, Library, Login
from tests.clients.secure import OwnCertificate, first_start

REQUIRED = "REQUIRE_REAL_CLIENTS"
"""The environment variable that, set to 1, forbids to skip a test because a program is not installed."""


def missing(what: str) -> NoReturn:
    """Skip the test because something is not here, or fail it where everything must be."""
    if os.environ.get(REQUIRED) == "1":
        pytest.fail(f"{what}, but {REQUIRED}=1 wants it here")
    pytest.skip(what)


def find_program(*names: str) -> str:
    """Return the path of the first of the programs that is installed; without any the test is skipped."""
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        missing(f"{' or '.join(names)} is not installed")
    return found


@pytest.fixture(params=VENDORS)
def vendor(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(params=LIBRARIES)
def library(request: pytest.FixtureRequest) -> Library:
    if request.param == "curl":
        find_program("curl")
    return LIBRARIES[request.param]


@pytest.fixture(autouse=True)
def no_other_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the clients use no other proxy that this machine may have."""
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "*")


@pytest.fixture
def household(vendor: str, store: FileTrustStore) -> Iterator[Household]:
    """Run a gateway of ``vendor`` and a proxy before it."""
    with running_household(vendor, store) as home:
        yield home


@pytest.fixture(scope="session")
def own_certificate(tmp_path_factory: pytest.TempPathFactory) -> OwnCertificate:
    """The certificate that the proxy makes at its first start."""
    return first_start(tmp_path_factory.mktemp("first-start"))


@pytest.fixture
def login(household: Household) -> Login:
    return Login(household.gateway.user, household.gateway.password)
