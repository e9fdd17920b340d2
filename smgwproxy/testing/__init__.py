"""The contract of trust stores as pytest classes, for whoever writes one: what every store must keep, shown on it.

In a test module of the plug-in (needs pytest; nothing else of smgwproxy imports this package)::

    class TestMyStore(EditableTrustStoreContract):  # or TrustStoreContract, for a store with lookup and pin only
        @pytest.fixture
        def spec(self, tmp_path: Path) -> str:
            return f"mystore:{tmp_path}/trust"  # a fresh, empty store for each test

The names below are imported when they are first used, so that the processes of `smgwproxy.testing.processes`
need not wait for pytest.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from smgwproxy.testing.contract import TrustStoreContract
    from smgwproxy.testing.editable import EditableTrustStoreContract

__all__ = ["EditableTrustStoreContract", "TrustStoreContract"]

_HOMES = {
    "EditableTrustStoreContract": f"{__name__}.editable",
    "TrustStoreContract": f"{__name__}.contract",
}

if "pytest" in sys.modules:
    import pytest

    pytest.register_assert_rewrite(*_HOMES.values())  # before they are imported: failures are explained


def __getattr__(name: str) -> object:
    """Import a class of the contract (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
