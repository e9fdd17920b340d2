"""Fixtures of the tests in namespaces: such a test says ``usefixtures("in_namespaces")``, and asks for `han`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.namespaces.han import Han
from tests.namespaces.inside import HOSTS
from tests.namespaces.outside import Namespaces, namespaces


@pytest.fixture(scope="module")
def elsewhere(request: pytest.FixtureRequest) -> Iterator[Namespaces | None]:
    """The program that runs the tests; none when this is it."""
    if HOSTS in os.environ:
        yield None
        return
    with namespaces(request.config.rootpath) as started:
        yield started


@pytest.fixture
def in_namespaces(request: pytest.FixtureRequest, elsewhere: Namespaces | None) -> None:
    """Let the test run there: what is called as the test here asks for it."""
    if elsewhere is not None:
        request.node.obj = lambda **_: elsewhere.run(request.node.nodeid)


@pytest.fixture
def han(elsewhere: Namespaces | None) -> Iterator[Han | None]:
    """The HAN, with a cable from here to the gateway's machine; none outside, where no test comes to use it."""
    if elsewhere is not None:
        yield None
        return
    made = Han(Path(os.environ[HOSTS]))
    yield made
    made.close()
