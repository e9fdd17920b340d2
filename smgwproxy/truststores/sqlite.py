"""The store ``sqlite:PATH``: the records of all gateways, and their history, in one SQLite database."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from smgwproxy.certificate import Certificate, Fingerprint
from smgwproxy.contents import Description
from smgwproxy.durable import create, locked, sync_directory
from smgwproxy.errors import ConfigError, TrustStoreError, in_one_line
from smgwproxy.origin import Origin
from smgwproxy.phrases import phrase, sequence
from smgwproxy.system import reason
from smgwproxy.truststores.base import EditableTrustStore, StandingPins
from smgwproxy.truststores.permissions import writable_by_others
from smgwproxy.truststores.record import Event, Happening, Known, Pending, Pin, Record, Revocation, go_time
from smgwproxy.truststores.sighting import Sighting, sighted

_APPLICATION = 0x534D4757  # application_id: "SMGW"
_VERSION = 1  # user_version; who raises it brings older databases up to date in open_store
_PATIENCE = 8.0  # seconds to wait for another's change; less than the proxy waits for a store
_NEWEST = 1000  # events of a gateway's history that are read; older ones stay in the table for whoever looks there

# SQLite has no check sums for the database file: a flipped bit can lose a row without an error, and a lost row
# would be a first use. So a gateway's row has the SHA-256 of its rows in the other tables, and the seal that of
# the rows of all gateways: what is there is what was written, and what is not there never was.
_SCHEMA = """
    BEGIN;
    CREATE TABLE gateways (
        origin TEXT NOT NULL PRIMARY KEY,
        first_use INTEGER NOT NULL,  -- whether an unknown certificate may be pinned when there is no pin
        certificates TEXT NOT NULL,  -- SHA-256 of its rows in certificates
        history TEXT NOT NULL        -- SHA-256 of its newest rows in history
    ) WITHOUT ROWID;
    CREATE TABLE certificates (
        origin TEXT NOT NULL,
        place INTEGER NOT NULL,      -- their order
        state TEXT NOT NULL,         -- current, backup, pending, revoked
        fingerprint TEXT NOT NULL,   -- SHA-256 of der
        der BLOB,                    -- NULL where only the fingerprint is known
        subject TEXT NOT NULL,
        not_after TEXT NOT NULL,
        since TEXT,                  -- when it was pinned (NULL: not known), first seen, or revoked
        last_seen TEXT,              -- only when pending
        times INTEGER,               -- only when pending
        PRIMARY KEY (origin, place)
    ) WITHOUT ROWID;
    CREATE TABLE history (
        number INTEGER PRIMARY KEY,  -- their order
        origin TEXT NOT NULL,
        at TEXT NOT NULL,
        happening TEXT NOT NULL,
        fingerprint TEXT NOT NULL,
        subject TEXT NOT NULL
    );
    CREATE INDEX history_of_origin ON history (origin);
    CREATE TABLE seal (sha256 TEXT NOT NULL);
"""
_GATEWAYS = "SELECT origin, first_use, certificates, history FROM gateways ORDER BY origin"
_CERTIFICATES = """
    SELECT state, fingerprint, der, subject, not_after, since, last_seen, times
    FROM certificates WHERE origin = :origin ORDER BY place
"""
_HISTORY = """
    SELECT at, happening, fingerprint, subject
    FROM (SELECT * FROM history WHERE origin = :origin ORDER BY number DESC LIMIT :newest) ORDER BY number
"""

_CHECK = phrase(
    "Check the permissions of the file, of those beside it whose names begin with its name, and of the directory; "
    "the free space; and that no other program holds it."
)

# What SQLite says of its errors, as far as people often read it.
_KNOWN = (
    phrase("attempt to write a readonly database"),
    phrase("database disk image is malformed"),
    phrase("database is locked"),
    phrase("database or disk is full"),
    phrase("disk I/O error"),
    phrase("file is not a database"),
    phrase("unable to open database file"),
)

_Row = tuple[Any, ...]
_FAULTS = (sqlite3.Error, OSError, ValueError, TypeError, OverflowError)
"""What SQLite, the file system, and values that are none raise."""


def open_store(argument: str) -> SqliteTrustStore:
    """Open ``sqlite:PATH``, making the database (mode 0600) and its directory (0700) when there is none.

    Raises `ConfigError` when ``argument`` is empty, when the database cannot be made or written, and when what is
    there is none of this version, or damaged.
    """
    if not argument:
        raise ConfigError(phrase("sqlite: needs a file, for example sqlite:./trust.db"))
    path = Path(argument).absolute()  # errors tell paths to people who do not know where this runs
    try:
        if _is_missing(path):
            _make(path)
        with _opened(path) as database:
            _recognise(database)
            database.execute("BEGIN IMMEDIATE")
            _gateways(database)
            # A database that takes no record would let every start be a first use. This is not committed.
            database.execute("UPDATE seal SET sha256 = ''")
    except _FAULTS as error:
        raise ConfigError(
            phrase(
                "{path} cannot be used as a trust store ({reason}): make it writable for this user, make room, "
                "restore it from a copy, or name another file",
                path=path,
                reason=_reason(error),
            )
        ) from error
    return SqliteTrustStore(path)


class SqliteTrustStore(EditableTrustStore):
    """Records as rows of the SQLite database ``path``, which must be there.

    Each operation has a connection of its own, so an edit by others, or damage, counts at once, and nothing is
    shared between threads or kept over a fork. A change is one transaction with a write-ahead log (``PATH-wal``
    and ``PATH-shm`` beside it, which a look-up needs as well: 32 KiB in a directory that can be written), synced
    before it returns; it waits up to 8 seconds for another's. Safe between threads and processes of one machine,
    but not on network file systems (https://sqlite.org/wal.html). An edit with other programs breaks the check
    sums, and the database is refused. Make copies with ``sqlite3 PATH '.backup COPY'``: it takes the log as well.

    Pins stand for as long as the database's file is the same (see `smgwproxy.truststores.sighting`) and its log is
    empty or gone: what is written goes to the log first, and is in the database before that is gone. ``now`` is
    the clock of the file system, in nanoseconds.
    """

    def __init__(self, path: Path, now: Callable[[], int] = time.time_ns) -> None:
        self._path = path
        self._log = path.with_name(f"{path.name}-wal")
        self._now = now

    def record(self, origin: Origin) -> Record:
        """Return the record of ``origin``, its history's newest 1000 events; see `EditableTrustStore.record`."""
        with self._connected() as database, self._reading():
            database.execute("BEGIN")
            return self._record(database, origin)

    def lookup(self, origin: Origin) -> Sequence[Pin]:
        """Return the pins in force, without reading the history; see `TrustStore.lookup`."""
        sighting = self._sighted()  # before it is read
        with self._connected() as database, self._reading():
            database.execute("BEGIN")
            pins = self._record(database, origin, with_history=False).pins
        # Who derives from this class may ask for more than this file.
        if sighting is None or type(self) is not SqliteTrustStore:
            return pins
        return StandingPins(pins, partial(_is_unchanged, self._log, sighting), [self._path, self._log])

    def change(self, origin: Origin, edit: Callable[[Record], Record]) -> Record:
        """Replace the record of ``origin``; see `EditableTrustStore.change`."""
        with ExitStack() as stack:
            with self._writing():
                # SQLite lets who finds it locked sleep and try again: many at once would wait for seconds.
                stack.enter_context(locked(_lock_of(self._path)))
            database = stack.enter_context(self._connected())  # closed without a commit, nothing has changed
            with self._writing():
                database.execute("BEGIN IMMEDIATE")
            with self._reading():
                before = self._record(database, origin)
            after = edit(before)
            if after == before:
                return before
            with self._writing():
                _write(database, before, after)
                stored = self._record(database, origin)  # what could not be read again is not kept
                database.execute("COMMIT")
            return stored

    def origins(self) -> Sequence[Origin]:
        """Return the gateways; see `EditableTrustStore.origins`."""
        with self._connected() as database, self._reading():
            database.execute("BEGIN")
            return [Origin.parse(name) for name in _gateways(database)]

    def warnings(self) -> Sequence[str]:
        """Tell what others may write to."""
        kept = Path(os.path.realpath(self._path))  # a link's target has the log beside it
        files = [kept, *(kept.with_name(f"{kept.name}{end}") for end in ("-wal", "-shm"))]
        return writable_by_others(dict.fromkeys((self._path.parent, kept.parent, *files)))

    def _sighted(self) -> Sighting | None:
        """Look at the database; None where looks cannot tell what becomes of it."""
        try:
            is_link = self._path.is_symlink()  # then the log lies where that leads to
        except OSError:
            return None
        return sighted(self._path, self._now) if not is_link and _is_empty(self._log) else None

    def _record(self, database: sqlite3.Connection, origin: Origin, *, with_history: bool = True) -> Record:
        """Read what is there of ``origin``, in a transaction; raises any of `_FAULTS`."""
        gateway = _gateways(database).get(str(origin))
        if gateway is None:
            return Record(origin)
        first_use, certificates_seal, history_seal = gateway
        place = f"{self._path} ({origin})"
        known = [_known(row, place) for row in _sealed(database, _CERTIFICATES, str(origin), certificates_seal)]
        history = _sealed(database, _HISTORY, str(origin), history_seal) if with_history else []
        return Record(
            origin,
            tuple(one for one in known if isinstance(one, Pin)),
            tuple(one for one in known if isinstance(one, Pending)),
            tuple(one for one in known if isinstance(one, Revocation)),
            tuple(_event(row) for row in history),
            bool(first_use),
        )

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        with ExitStack() as stack:
            with self._reading():
                database = stack.enter_context(_opened(self._path))
                _recognise(database)
            yield database

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except _FAULTS as error:
            told = phrase(
                "The trust store {path} cannot be read: {reason}. Nothing was sent.",
                path=self._path,
                reason=_reason(error),
            )
            restore = phrase(
                "If it is damaged, restore it from a copy; delete it only if the certificates may be pinned anew."
            )
            raise TrustStoreError(told, sequence((_CHECK, restore))) from error

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except _FAULTS as error:
            told = phrase(
                "The trust store {path} cannot be written: {reason}. Nothing was sent.",
                path=self._path,
                reason=_reason(error),
            )
            raise TrustStoreError(told, _CHECK) from error


def _is_unchanged(log: Path, sighting: Sighting) -> bool:
    # The log first: what left it before this look is in the database at the next one.
    return _is_empty(log) and sighting.unchanged()


def _is_empty(log: Path) -> bool:
    """Tell whether there is nothing in the write-ahead log; each look-up makes one, and leaves it empty."""
    try:
        return log.stat().st_size == 0
    except FileNotFoundError:
        return True
    except OSError:
        return False


def _reason(error: Exception) -> str:
    """Tell an error in one line; a damaged file's may hold anything."""
    if isinstance(error, OSError):
        return reason(error)
    text = in_one_line(error)
    return next((told for told in _KNOWN if told == text), text)


# --- the file; these raise any of _FAULTS ---------------------------------------------------------------


def _is_missing(path: Path) -> bool:
    try:
        path.lstat()  # a link that leads nowhere is there: the database is kept elsewhere, and out of reach now
    except FileNotFoundError:
        return True
    return False


def _make(path: Path) -> None:
    """Make an empty store, whole and durably, unless another makes one at the same time.

    Who makes one holds an exclusive lock (``flock`` on the file ``PATH.lock``, which stays), and renames it into
    place: so it needs no hard links, and nobody's pins are renamed over.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with locked(_lock_of(path)):
        if _is_missing(path):
            _make_alone(path)


def _lock_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.lock")


def _make_alone(path: Path) -> None:
    log = path.with_name(f"{path.name}-wal")
    if not _is_missing(log):  # SQLite would take it for the new one's
        raise ValueError(
            phrase("it is gone, and its log {log} was left: restore it, or delete the log as well", log=log)
        )
    temporary = path.with_name(f".{path.name}.tmp")  # of its own name, so that crashes leave one at most
    temporary.unlink(missing_ok=True)
    os.close(create(temporary, path.parent))  # SQLite gives the log the database's mode and owner
    try:
        with _opened(temporary) as database:  # what it commits is synced
            database.executescript(_SCHEMA)
            database.execute("INSERT INTO seal VALUES (?)", (_seal([]),))
            database.execute(f"PRAGMA application_id = {_APPLICATION}")
            database.execute(f"PRAGMA user_version = {_VERSION}")
            database.execute("COMMIT")
            database.execute("PRAGMA journal_mode = WAL")
        temporary.rename(path)
    finally:
        temporary.unlink(missing_ok=True)
    sync_directory(path.parent)


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the database, which must be there, and close it; what was not committed is undone."""
    if not stat.S_ISREG(path.stat().st_mode):  # a pipe in its place must not make anybody wait
        raise ValueError(phrase("it is not a regular file"))
    # Only as a URI can it be told that nothing must be made; as_uri() escapes what has a meaning there.
    uri = f"{path.as_uri()}?mode=rw"
    with closing(sqlite3.connect(uri, uri=True, timeout=_PATIENCE, isolation_level=None)) as database:
        # FULL for a write-ahead log; as durable where somebody switched that off.
        database.execute("PRAGMA synchronous = EXTRA")
        yield database


def _recognise(database: sqlite3.Connection) -> None:
    ((application,),) = database.execute("PRAGMA application_id")
    ((version,),) = database.execute("PRAGMA user_version")
    if application != _APPLICATION:
        raise ValueError(phrase("it is no trust store of smgwproxy"))
    if version != _VERSION:
        raise ValueError(
            phrase(
                "it has version {version} and this smgwproxy knows {known}: install the newer one",
                version=version,
                known=_VERSION,
            )
        )


# --- the rows; these need a transaction, and raise any of _FAULTS -----------------------------------------


def _gateways(database: sqlite3.Connection) -> dict[str, _Row]:
    """Return the rows of all gateways by origin."""
    rows = database.execute(_GATEWAYS).fetchall()
    _check(rows, database.execute("SELECT sha256 FROM seal").fetchall())
    return {row[0]: row[1:] for row in rows}


def _sealed(database: sqlite3.Connection, query: str, origin: str, seal: str) -> list[_Row]:
    rows = _select(database, query, origin)
    _check(rows, [(seal,)])
    return rows


def _select(database: sqlite3.Connection, query: str, origin: str) -> list[_Row]:
    return database.execute(query, {"origin": origin, "newest": _NEWEST}).fetchall()


def _check(rows: list[_Row], seals: list[_Row]) -> None:
    if seals != [(_seal(rows),)]:
        raise ValueError(phrase("it holds something else than was written: it is damaged, or was edited by hand"))


def _seal(rows: list[_Row]) -> str:
    return hashlib.sha256(ascii(rows).encode()).hexdigest()  # of text, bytes, whole numbers, and None


def _write(database: sqlite3.Connection, before: Record, after: Record) -> None:
    """Put ``after`` in the place of ``before``."""
    origin = str(before.origin)
    database.execute("DELETE FROM certificates WHERE origin = ?", (origin,))
    known: tuple[Known, ...] = (*after.pins, *after.pending, *after.revoked)
    database.executemany(
        "INSERT INTO certificates VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        ((origin, place, *_row(one, place)) for place, one in enumerate(known)),
    )
    old = len(before.history)
    if after.history[:old] != before.history:
        database.execute(
            "DELETE FROM history WHERE number IN "
            "(SELECT number FROM history WHERE origin = ? ORDER BY number DESC LIMIT ?)",
            (origin, _NEWEST),
        )
        old = 0
    database.executemany(
        "INSERT INTO history (origin, at, happening, fingerprint, subject) VALUES (?, ?, ?, ?, ?)",
        (
            (origin, event.at.isoformat(), str(event.happening), str(event.fingerprint), event.subject)
            for event in after.history[old:]
        ),
    )
    seals = [_seal(_select(database, query, origin)) for query in (_CERTIFICATES, _HISTORY)]
    database.execute("INSERT OR REPLACE INTO gateways VALUES (?, ?, ?, ?)", (origin, after.first_use, *seals))
    database.execute("UPDATE seal SET sha256 = ?", (_seal(database.execute(_GATEWAYS).fetchall()),))


def _row(one: Known, place: int) -> _Row:
    fingerprint = str(one.fingerprint)
    der = one.certificate.der if one.certificate is not None else None
    if isinstance(one, Pin):
        pinned_at = one.pinned_at.isoformat() if one.pinned_at is not None else None
        state = "backup" if place else "current"
        return state, fingerprint, der, one.subject, one.not_after, pinned_at, None, None
    told = one.certificate.description if one.certificate is not None else Description()
    described = (fingerprint, der, told.subject, go_time(told.not_after))
    if isinstance(one, Pending):
        return "pending", *described, one.first_seen.isoformat(), one.last_seen.isoformat(), one.times
    return "revoked", *described, one.revoked_at.isoformat(), None, None


def _known(row: _Row, place: str) -> Known:
    state, digits, der, subject, not_after, since, last_seen, times = row
    fingerprint = Fingerprint(digits)
    certificate = Certificate(der) if der is not None else None
    if certificate is not None and certificate.fingerprint != fingerprint:
        raise ValueError(phrase("a certificate is not the one of its fingerprint"))
    if state in {"current", "backup"}:
        pinned_at = _moment(since) if since is not None else None
        return Pin(fingerprint, certificate, pinned_at, subject, not_after, place)
    if state == "pending" and certificate is not None:
        return Pending(certificate, _moment(since), _moment(last_seen), times)
    if state == "revoked":
        return Revocation(fingerprint, _moment(since), certificate)
    raise ValueError(phrase("a certificate has the state {state!r}", state=state))


def _event(row: _Row) -> Event:
    at, happening, digits, subject = row
    return Event(_moment(at), Happening(happening), Fingerprint(digits), subject)


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(phrase("{text!r} has no time zone", text=text))
    return moment
