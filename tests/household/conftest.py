"""Fixtures of the household."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.conftest import find_program, no_other_proxy
from tests.household.home import Home, running_home
from tests.namespaces.outside import Namespaces

__all__ = ["no_other_proxy"]


@pytest.fixture
def home(request: pytest.FixtureRequest, elsewhere: Namespaces | None, tmp_path: Path) -> Iterator[Home | None]:
    """A household with a fresh box and the gateway of the vendor that the test names; none outside."""
    if elsewhere is not None:
        yield None
        return
    find_program("curl")
    with running_home(getattr(request, "param", "theben"), tmp_path / "box") as made:
        yield made
