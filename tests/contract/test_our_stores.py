"""The contract of `smgwproxy.testing` on the stores that come with smgwproxy."""

from __future__ import annotations

from pathlib import Path

import pytest

from smgwproxy.certificate import Fingerprint
from smgwproxy.testing import EditableTrustStoreContract, TrustStoreContract
from tests.contract import settled_stores


class TestFile(EditableTrustStoreContract):
    @pytest.fixture
    def spec(self, tmp_path: Path) -> str:
        return f"file:{tmp_path}/certs"


class TestSqlite(EditableTrustStoreContract):
    @pytest.fixture
    def spec(self, tmp_path: Path) -> str:
        return f"sqlite:{tmp_path}/trust.db"


class TestFileThatHasSettled(EditableTrustStoreContract):
    rounds = 2

    @pytest.fixture
    def spec(self, tmp_path: Path) -> str:
        return f"{settled_stores.__name__}:settled_file:{tmp_path}/certs"


class TestSqliteThatHasSettled(EditableTrustStoreContract):
    rounds = 2

    @pytest.fixture
    def spec(self, tmp_path: Path) -> str:
        return f"{settled_stores.__name__}:settled_database:{tmp_path}/trust.db"


class TestPinned(TrustStoreContract):
    takes_first_use = False

    @pytest.fixture
    def spec(self) -> str:
        return f"pinned:{Fingerprint.of(b'current')},{Fingerprint.of(b'backup')}"
