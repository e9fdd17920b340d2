"""A real PostgreSQL server, with a password, in a directory of its own."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from itertools import count
from pathlib import Path

import psycopg
import pytest

PASSWORD = "correct-horse"  # noqa: S105  # the test server's
PATIENCE = 60  # seconds until the server that does not start or stop fails the tests


class Server:
    """A PostgreSQL server that listens on a socket in ``directory``."""

    def __init__(self, programs: Path, directory: Path) -> None:
        self._programs = programs
        self._data = directory / "data"
        self._numbers = count()
        self.directory = directory
        # PostgreSQL refuses to run as root.
        self._user = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
        self.passfile = directory / "passfile"
        self.passfile.touch(mode=0o600)
        self.passfile.write_text(f"*:*:*:*:{PASSWORD}\n")
        password = directory / "password"
        password.write_text(PASSWORD)
        if self._user is not None:
            for path in (directory, password):
                os.chown(path, self._user.pw_uid, self._user.pw_gid)
        self._run("initdb", "--username=box", f"--pwfile={password}", "--auth=scram-sha-256", "--encoding=UTF8")

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        # Its own crash is not what is tried here, hence no fsync.
        options = f"-k {self.directory} -c listen_addresses= -c fsync=off -c max_connections=200"
        self._run("pg_ctl", "start", "--wait", f"--log={self.directory}/log", f"--options={options}")

    def stop(self) -> None:
        """Stop it; whoever is connected loses the connection."""
        self._run("pg_ctl", "stop", "--wait", "--mode=fast")

    def connect(self, database: str = "postgres") -> psycopg.Connection:
        """Log in as who may do everything."""
        return psycopg.connect(
            host=str(self.directory), user="box", dbname=database, password=PASSWORD, autocommit=True
        )

    def new_database(self) -> str:
        """Make an empty database and return its name."""
        name = f"trust_{next(self._numbers)}"
        with self.connect() as connection:
            connection.execute(f"CREATE DATABASE {name}")
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

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(  # noqa: S603  # programs of the server, with arguments from here
            [self._programs / program, f"--pgdata={self._data}", *arguments],
            user=self._user.pw_uid if self._user else None,
            group=self._user.pw_gid if self._user else None,
            extra_groups=[] if self._user else None,
            cwd=self.directory,
            env=os.environ | {"LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if program == "initdb" else subprocess.DEVNULL,  # else the server keeps it open
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        if done.returncode:
            log = self.directory / "log"
            pytest.fail(f"{program} failed: {done.stdout or ''}{log.read_text() if log.exists() else ''}")


def programs() -> Path | None:
    """Return the directory of the server's programs, None when there is no server on this machine."""
    on_path = shutil.which("initdb")
    if on_path is not None:
        return Path(on_path).resolve().parent
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[4]))
    return debian[-1].parent if debian else None
