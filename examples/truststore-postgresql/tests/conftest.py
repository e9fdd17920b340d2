"""Fixtures: a real PostgreSQL server, and an empty database for each test."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from postgresql_server import Server, programs


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """Start a server, and stop it and remove its files at the end."""
    found = programs()
    if found is None:
        reason = "there is no PostgreSQL server: no initdb on the PATH or in /usr/lib/postgresql/*/bin"
        if os.environ.get("REQUIRE_REAL_DATABASE") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    # pytest's own directories are closed to the user of the server, and too long for the name of a socket.
    directory = Path(tempfile.mkdtemp(prefix="smgwproxy-pg-"))
    try:
        server = Server(found, directory)
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(directory)


@pytest.fixture
def database(server: Server) -> str:
    """Make an empty database and return its name."""
    return server.new_database()


@pytest.fixture
def spec(server: Server, database: str) -> str:
    """Return what smgwproxy opens a store in the empty database by."""
    return server.spec(database)
