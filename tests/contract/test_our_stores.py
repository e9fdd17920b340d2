"""The contract of `smgwproxy.testing` on the stores that come with smgwproxy."""

from __future__ import annotations

from pathlib import Path

import pytest

from smgwproxy.certificate import Fingerprint
from smgwproxy.testing import EditableTrustStoreContract, TrustStoreContract


class TestFile(EditableTrustStoreContract):
    @pytest.fixture
    def spec(self, tmp_path: Path) -> str:
        return f"file:{tmp_path}/certs"


class TestSqlite(EditableTrustStoreContract):
    @pytest.fixture
    def spec(self, tmp_path: Path) -> str:
        return f"sqlite:{tmp_path}/trust.db"


class TestPinned(TrustStoreContract):
    takes_first_use = False

    @pytest.fixture
    def spec(self) -> str:
        return f"pinned:{Fingerprint.of(b'current')},{Fingerprint.of(b'backup')}"
