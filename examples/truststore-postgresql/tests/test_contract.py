"""The contract of trust stores, on a real PostgreSQL server."""

from __future__ import annotations

import pytest

from smgwproxy.testing import EditableTrustStoreContract


class TestPostgresql(EditableTrustStoreContract):
    """With an empty database for each claim."""

    @pytest.fixture
    def spec(self, spec: str) -> str:
        """Return what smgwproxy opens the store by."""
        return spec
