"""Fixtures for the tests of what stands in examples/."""

from __future__ import annotations

from tests.clients.conftest import no_other_proxy

__all__ = ["no_other_proxy"]  # pytest finds it here
