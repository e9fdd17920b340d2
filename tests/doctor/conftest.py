"""Fixtures of the doctor's tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from smgwproxy.demo import Gateway, run_in_thread, start_gateway
from tests import support
from tests.doctor.support import Doctor


@pytest.fixture
def doctor(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Doctor:
    return Doctor(tmp_path, capsys)


@pytest.fixture
def simulated() -> Iterator[Callable[..., Gateway]]:
    """Start gateways of a vendor, with the real clock unless told; each is stopped after the test."""
    with ExitStack() as running:

        def start(vendor: str, **options: object) -> Gateway:
            make = partial(start_gateway, vendor, **options)  # type: ignore[arg-type]  # by tests
            return running.enter_context(run_in_thread(make))

        yield start


@pytest.fixture
def free_port() -> str:
    """A port that nobody has, and that the system gives to nobody who asks for any: ip(7), ip_local_port_range."""
    return str(support.free_port())
