"""A real PostgreSQL server, with a password, in a directory of its own."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import time
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest

PASSWORD = "correct-horse"  # noqa: S105  # the test server's
PATIENCE = 60  # seconds until the server that does not start or stop fails the tests

# Ends the server when its standard input does: with the tests, also when they are killed.
TIED = '"$@" & read -r _; kill -INT $!; wait $!'


class Server:
    """A PostgreSQL server that listens on a socket in ``directory``."""

    def __init__(self, programs: Path, directory: Path) -> None:
        self._programs = programs
        self._data = directory / "data"
        self._log = directory / "log"
        self._numbers = count()
        self._process: subprocess.Popen[str] | None = None
        self.directory = directory
        self._how: dict[str, Any] = {"cwd": directory, "env": os.environ | {"LC_ALL": "C"}}
        self.passfile = directory / "passfile"
        self.passfile.touch(mode=0o600)
        self.passfile.write_text(f"*:*:*:*:{PASSWORD}\n")
        password = directory / "password"
        password.write_text(PASSWORD)
        if os.geteuid() == 0:  # as whom PostgreSQL refuses to run
            user = pwd.getpwnam("nobody")
            self._how |= {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
            for path in (directory, password):
                os.chown(path, user.pw_uid, user.pw_gid)
        made = subprocess.run(  # noqa: S603  # the server's own program
            [programs / "initdb", "-D", self._data, "-U", "box", f"--pwfile={password}", "--auth=scram-sha-256"],
            **self._how,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        if made.returncode:
            pytest.fail(f"initdb failed: {made.stdout}{made.stderr}")

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        command: list[str | Path] = [self._programs / "postgres", "-D", self._data, "-k", self.directory]
        for option in ("listen_addresses=", "max_connections=200", "fsync=off"):  # its own crash is not tried here
            command += ["-c", option]
        with self._log.open("ab") as log:
            process = subprocess.Popen(  # noqa: S603  # as above
                ["/bin/sh", "-c", TIED, "sh", *command],
                **self._how,
                text=True,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the tests, and these end the server
            )
        self._process = process
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                self.connect().close()
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    self.stop()
                    pytest.fail(f"postgres did not start: {self._log.read_text()}")
                time.sleep(0.05)
            else:
                return

    def stop(self) -> None:
        """Stop it; whoever is connected loses the connection."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            self._process.wait(PATIENCE)

    def connect(self, database: str = "postgres") -> psycopg.Connection:
        """Log in as who may do everything."""
        return psycopg.connect(
            host=str(self.directory), user="box", dbname=database, password=PASSWORD, autocommit=True
        )

    def new_database(self, encoding: str = "UTF8") -> str:
        """Make an empty database and return its name."""
        name = f"trust_{next(self._numbers)}"
        with self.connect() as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING {encoding}")
        return name

    def disconnect_all(self, database: str) -> None:
        """Break off all connections to ``database``."""
        with self.connect() as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = %s", [database]
            )

    def spec(self, database: str) -> str:
        """Return what smgwproxy opens a store in ``database`` by; the password is in a file."""
        return f"postgresql://box@/{database}?host={self.directory}&passfile={self.passfile}"


def programs() -> Path | None:
    """Return the directory of the server's programs, None when there is no server on this machine."""
    on_path = shutil.which("initdb")
    if on_path is not None:
        return Path(on_path).resolve().parent
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[4]))
    return debian[-1].parent if debian else None
