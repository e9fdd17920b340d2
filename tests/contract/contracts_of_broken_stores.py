"""The contract of each store in `broken_stores`, for the pytest that `test_broken_stores` runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from smgwproxy.testing import EditableTrustStoreContract
from tests.contract.broken_stores import BROKEN, SOUND, Sound


class OfOneStore(EditableTrustStoreContract):
    processes = 12

    @pytest.fixture
    def spec(self, tmp_path: Path) -> str:
        return f"{Sound.__module__}:{type(self).__name__.removeprefix('Test')}:{tmp_path}/x"


for store in (*SOUND, *BROKEN):
    name = f"Test{store.__name__}"
    globals()[name] = type(name, (OfOneStore,), {"takes_first_use": store.takes_first_use})
