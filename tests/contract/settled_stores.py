"""Our stores at a time when all that was written has settled: their pins stand from the first look-up on."""

from __future__ import annotations

import time
from pathlib import Path

from smgwproxy.truststores import sqlite
from smgwproxy.truststores.file import FileTrustStore
from smgwproxy.truststores.sqlite import SqliteTrustStore


def later() -> int:
    """Be the clock in a minute."""
    return time.time_ns() + 60 * 10**9


def settled_file(argument: str) -> FileTrustStore:
    directory = Path(argument)
    directory.mkdir(exist_ok=True)
    return FileTrustStore(directory, later)


def settled_database(argument: str) -> SqliteTrustStore:
    sqlite.open_store(argument)
    return SqliteTrustStore(Path(argument), later)
