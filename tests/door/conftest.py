"""What the tests of the LAN door share."""

from __future__ import annotations

import pytest


@pytest.fixture(params=["http", "https"])
def tls(request: pytest.FixtureRequest) -> bool:
    """Whether the clients of this test speak TLS."""
    return bool(request.param == "https")
