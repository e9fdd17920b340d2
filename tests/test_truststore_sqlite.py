"""The SQLite store: on real files, between real threads and processes, on damaged files and a full disk."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smgwproxy.certificate import Certificate, Fingerprint
from smgwproxy.errors import ConfigError, PinRefused, TrustStoreError
from smgwproxy.origin import Origin
from smgwproxy.renewal import Renewal
from smgwproxy.truststores import EditableTrustStore, TrustStore, open_truststore, rules
from smgwproxy.truststores import sqlite as module
from smgwproxy.truststores.record import Event, Happening, Pending, Pin, Record, Revocation
from smgwproxy.truststores.sqlite import SqliteTrustStore, open_store
from tests.support import PATIENCE, Identity

ORIGIN = Origin("10.11.120.2")
OTHER = Origin("10.11.120.3", 8443)
NOW = datetime(2026, 3, 1, 12, 30, 15, tzinfo=UTC)
ODD = datetime(2026, 3, 1, 12, 30, 15, 123456, tzinfo=timezone(timedelta(hours=-3, minutes=-30)))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "trust.db"


@pytest.fixture
def store(path: Path) -> SqliteTrustStore:
    return open_store(str(path))


@pytest.fixture
def umask() -> Iterator[Callable[[int], int]]:
    before = os.umask(0o022)
    yield os.umask
    os.umask(before)


def fingerprints(pins: Sequence[Pin]) -> list[str]:
    return [str(pin.fingerprint) for pin in pins]


def files(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def event(number: int, happening: Happening = Happening.REFUSED) -> Event:
    return Event(NOW + timedelta(seconds=number), happening, Fingerprint.of(b"%d" % number), f"CN={number}")


def full(origin: Origin, place: str = "") -> Record:
    """Return a record with all that can be in one; ``place`` is in its pins."""
    return Record(
        origin,
        (
            replace(
                Pin.of(Certificate(b"current"), ODD, place), subject="CN=\u00e4\U0001f512\0", not_after="2035"
            ),
            Pin(Fingerprint.of(b"backup"), record=place),
            Pin(Fingerprint.of(b"original"), None, None, "CN=SMGW", "2035-01-01 00:00:00 +0000 UTC", place),
        ),
        (Pending(Certificate(b"pending"), NOW, ODD), Pending(Certificate(b"again"), NOW, NOW, 2**40)),
        (Revocation(Fingerprint.of(b"r1"), ODD), Revocation(Fingerprint.of(b"r2"), NOW, Certificate(b"r2"))),
        (event(1), event(2), event(2), event(1), *(event(3, happening) for happening in Happening)),
        first_use=False,
    )


def put(store: SqliteTrustStore, record: Record) -> Record:
    return store.change(record.origin, lambda _: record)


def by_hand(path: Path, *statements: str, seal: bool = True) -> None:
    """Edit the database, and mend its check sums if told so."""
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        for statement in statements:
            database.execute(statement)
        if seal:
            for (origin,) in database.execute("SELECT origin FROM gateways").fetchall():
                seals = [
                    module._seal(module._select(database, query, origin))
                    for query in (module._CERTIFICATES, module._HISTORY)
                ]
                database.execute(
                    "UPDATE gateways SET certificates = ?, history = ? WHERE origin = ?", (*seals, origin)
                )
            rows = database.execute(module._GATEWAYS).fetchall()
            database.execute("UPDATE seal SET sha256 = ?", (module._seal(rows),))


def run(program: str, directory: Path, *arguments: str) -> str:
    """Run a Python program in ``directory`` and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program, *arguments],
        cwd=directory,
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE * 5,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def refused(store: SqliteTrustStore, path: Path) -> list[str]:
    """Assert that no answer comes from what is at ``path`` now, nor a new database, and return what is told."""
    before = files(path.parent)
    told = []
    for ask in (
        lambda: store.lookup(ORIGIN),
        lambda: store.record(ORIGIN),
        lambda: store.pin(ORIGIN, Certificate(b"another")),
        lambda: store.change(ORIGIN, lambda record: record),
        store.origins,
    ):
        with pytest.raises(TrustStoreError) as caught:
            ask()
        assert str(path) in caught.value.message
        assert "Nothing was sent" in caught.value.message
        assert len(str(caught.value).splitlines()) == 1
        told.append(caught.value.message)
    assert files(path.parent) == before
    return told


def not_opened(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        open_store(str(path))
    text = str(caught.value)
    assert text.startswith(f"{path} cannot be used as a trust store (")
    assert text.endswith("restore it from a copy, or name another file")
    assert len(text.splitlines()) == 1
    return text


# --- first use ------------------------------------------------------------------------------------------


def test_it_is_installed_by_its_name_and_can_be_edited(path: Path) -> None:
    store = open_truststore(f"sqlite:{path}")
    assert isinstance(store, SqliteTrustStore)
    assert isinstance(store, TrustStore)
    assert isinstance(store, EditableTrustStore)


def test_no_record_is_first_use(store: SqliteTrustStore) -> None:
    assert store.lookup(ORIGIN) == ()
    assert store.record(ORIGIN) == Record(ORIGIN)
    assert store.origins() == []


def test_first_use_pins(store: SqliteTrustStore, path: Path, identity: Identity) -> None:
    (pin,) = store.pin(ORIGIN, identity.certificate)
    assert pin == Pin.of(identity.certificate, pin.pinned_at, f"{path} (10.11.120.2)")
    assert store.lookup(ORIGIN) == (pin,)
    assert store.origins() == [ORIGIN]
    assert [one.happening for one in store.record(ORIGIN).history] == [Happening.PINNED]


def test_what_is_pinned_stays_pinned(store: SqliteTrustStore, identity: Identity, impostor: Identity) -> None:
    first = store.pin(ORIGIN, identity.certificate)
    assert store.pin(ORIGIN, impostor.certificate) == first
    assert store.lookup(ORIGIN) == first


def test_a_revoked_last_pin_is_no_first_use(store: SqliteTrustStore, identity: Identity) -> None:
    store.pin(ORIGIN, identity.certificate)
    store.change(ORIGIN, lambda record: rules.revoke(record, identity.certificate.fingerprint, NOW))
    assert store.lookup(ORIGIN) == ()
    with pytest.raises(PinRefused):
        store.pin(ORIGIN, Certificate(b"another"))


@pytest.mark.parametrize("target", ["10.11.120.2", "10.11.120.2:8443", "smgw.local", "::1", "[fe80::1%..]:8443"])
def test_each_origin_has_a_record_of_its_own(store: SqliteTrustStore, target: str) -> None:
    others = [Origin(host, port) for host in ("10.11.120.20", "fe80::1", "smgw") for port in (443, 8443, 444)]
    for number, other in enumerate(others):
        store.pin(other, Certificate(b"other %d" % number))
    origin = Origin.parse(target)
    assert store.lookup(origin) == ()
    store.pin(origin, Certificate(b"this one"))
    assert fingerprints(store.lookup(origin)) == [str(Fingerprint.of(b"this one"))]
    assert store.origins() == sorted([*others, origin], key=str)
    for number, other in enumerate(others):
        assert fingerprints(store.lookup(other)) == [str(Fingerprint.of(b"other %d" % number))]


# --- records --------------------------------------------------------------------------------------------

RECORDS = {
    "empty": Record(ORIGIN),
    "full": full(ORIGIN),
    "pin": Record(ORIGIN, (Pin.of(Certificate(b"x"), NOW),)),
    "no-first-use": Record(ORIGIN, first_use=False),
    "pending-only": Record(ORIGIN, pending=(Pending(Certificate(b""), NOW, NOW, 3),)),
    "revoked-only": Record(ORIGIN, revoked=(Revocation(Fingerprint.of(b"x"), NOW),)),
    "history-only": Record(ORIGIN, history=(event(1), event(1))),
}


@pytest.mark.parametrize("before", RECORDS.values(), ids=RECORDS)
@pytest.mark.parametrize("after", RECORDS.values(), ids=RECORDS)
def test_a_record_is_read_as_it_was_written(
    store: SqliteTrustStore, path: Path, before: Record, after: Record
) -> None:
    put(store, full(OTHER))
    put(store, before)
    placed = replace(after, pins=tuple(replace(pin, record=f"{path} (10.11.120.2)") for pin in after.pins))
    assert put(store, after) == placed
    reopened = open_store(str(path))
    assert reopened.record(ORIGIN) == placed
    assert reopened.lookup(ORIGIN) == placed.pins
    assert reopened.record(OTHER) == full(OTHER, f"{path} (10.11.120.3:8443)")


def test_a_real_certificate_is_told_to_people(store: SqliteTrustStore, path: Path, identity: Identity) -> None:
    put(store, Record(ORIGIN, pending=(Pending(identity.certificate, NOW, NOW),)))
    with closing(sqlite3.connect(path)) as database:
        told = database.execute("SELECT state, fingerprint, der, subject, not_after FROM certificates").fetchall()
    certificate = identity.certificate
    not_after = Pin.of(certificate).not_after
    assert told == [("pending", str(certificate.fingerprint), certificate.der, "CN=SMGW", not_after)]


def test_the_history_has_all_that_was_pinned_replaced_removed_and_revoked(
    store: SqliteTrustStore, path: Path, identity: Identity, impostor: Identity
) -> None:
    old, new = identity.certificate, impostor.certificate
    store.pin(ORIGIN, old)
    store.change(ORIGIN, lambda record: rules.presented(record, new, NOW, Renewal.ASK))
    store.change(ORIGIN, lambda record: rules.presented(record, new, NOW, Renewal.ASK))
    store.change(ORIGIN, lambda record: rules.approve(record, new.fingerprint, NOW))
    store.change(ORIGIN, lambda record: rules.add(record, Pin.of(old), NOW))
    store.change(ORIGIN, lambda record: rules.remove(record, old.fingerprint, NOW))
    store.change(ORIGIN, lambda record: rules.revoke(record, new.fingerprint, NOW))
    store.change(ORIGIN, lambda record: rules.forget(record, NOW))
    record = open_store(str(path)).record(ORIGIN)
    assert [(str(one.happening), one.fingerprint) for one in record.history] == [
        ("pinned", old.fingerprint),
        ("refused", new.fingerprint),
        ("replaced", old.fingerprint),
        ("approved", new.fingerprint),
        ("added", old.fingerprint),
        ("removed", old.fingerprint),
        ("revoked", new.fingerprint),
    ]
    assert [one.certificate for one in record.revoked] == [new]
    assert (record.pins, record.pending) == ((), ())


def numbers(path: Path) -> list[int]:
    with closing(sqlite3.connect(path)) as database:
        return [number for (number,) in database.execute("SELECT number FROM history ORDER BY number")]


def test_history_is_only_appended_to(store: SqliteTrustStore, path: Path) -> None:
    put(store, Record(ORIGIN, history=(event(1), event(1))))
    assert numbers(path) == [1, 2]
    by_hand(path, "UPDATE history SET number = number + 10")
    put(store, Record(ORIGIN, history=(event(1), event(1), event(1))))
    assert numbers(path) == [11, 12, 13]


def test_history_that_begins_otherwise_is_written_anew(store: SqliteTrustStore, path: Path) -> None:
    put(store, Record(ORIGIN, history=(event(1), event(3))))
    put(store, Record(OTHER, history=(event(7),)))
    put(store, Record(ORIGIN, history=(event(1), event(2), event(3))))
    assert store.record(ORIGIN).history == (event(1), event(2), event(3))
    assert store.record(OTHER).history == (event(7),)
    assert len(numbers(path)) == 4


@pytest.mark.parametrize("anew", [False, True], ids=["appended", "written-anew"])
def test_the_newest_thousand_events_are_read_and_older_ones_kept(
    store: SqliteTrustStore, path: Path, anew: bool
) -> None:
    events = tuple(event(number) for number in range(1500))
    stored = put(store, Record(ORIGIN, history=events))
    assert stored.history == store.record(ORIGIN).history == events[-1000:]
    more = (event(2000), *stored.history) if anew else (*stored.history, event(2000))
    assert put(store, replace(stored, history=more)).history == more[-1000:]
    assert store.record(ORIGIN).history == more[-1000:]
    assert len(numbers(path)) == 1501


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.integers(0, 2), max_size=5), max_size=6))
def test_whatever_becomes_of_a_history_it_is_read_as_written(
    store: SqliteTrustStore, histories: list[list[int]]
) -> None:
    for history in histories:
        events = tuple(event(number) for number in history)
        assert put(store, Record(ORIGIN, history=events)).history == events
        assert store.record(ORIGIN).history == events


def test_a_lookup_does_not_read_the_history(store: SqliteTrustStore, path: Path) -> None:
    put(store, full(ORIGIN))
    by_hand(path, "DROP TABLE history", seal=False)
    assert len(store.lookup(ORIGIN)) == 3
    with pytest.raises(TrustStoreError):
        store.record(ORIGIN)


# --- changes --------------------------------------------------------------------------------------------


def test_an_equal_record_writes_nothing(store: SqliteTrustStore, path: Path) -> None:
    before = put(store, full(ORIGIN))
    octets = path.read_bytes()
    assert store.change(ORIGIN, lambda record: record) == before
    assert store.change(ORIGIN, replace) == before
    assert put(store, replace(before)) == before
    assert path.read_bytes() == octets


def test_what_edit_raises_passes_through_and_nothing_has_changed(store: SqliteTrustStore, path: Path) -> None:
    before = put(store, full(ORIGIN))
    for error in (ValueError("mine"), OSError("mine"), sqlite3.OperationalError("mine"), KeyboardInterrupt()):

        def edit(record: Record, error: BaseException = error) -> Record:
            raise error

        with pytest.raises(type(error)) as caught:
            store.change(ORIGIN, edit)
        assert caught.value is error
    assert store.record(ORIGIN) == before
    assert files(path.parent) == ["trust.db", "trust.db.lock"]


UNWRITABLE = {
    "time-without-zone": Record(ORIGIN, (Pin.of(Certificate(b"y"), NOW.replace(tzinfo=None)),)),
    "half-a-character": Record(ORIGIN, (Pin(Fingerprint.of(b"y"), subject="\ud800"),)),
    "more-times-than-fit": Record(ORIGIN, pending=(Pending(Certificate(b"y"), NOW, NOW, 2**63),)),
}


@pytest.mark.parametrize("record", UNWRITABLE.values(), ids=UNWRITABLE)
def test_what_could_not_be_read_again_is_not_written(store: SqliteTrustStore, record: Record) -> None:
    before = put(store, full(ORIGIN))
    with pytest.raises(TrustStoreError, match=r"trust\.db cannot be written: .*Nothing was sent"):
        put(store, record)
    assert store.record(ORIGIN) == before


def test_a_change_by_another_counts_at_once(store: SqliteTrustStore, path: Path) -> None:
    put(open_store(str(path)), full(ORIGIN))
    assert len(store.lookup(ORIGIN)) == 3
    open_store(str(path)).change(ORIGIN, lambda record: rules.forget(record, NOW))
    assert store.lookup(ORIGIN) == ()


def test_nothing_stays_beside_the_database_but_the_lock(store: SqliteTrustStore, path: Path) -> None:
    put(store, full(ORIGIN))
    store.record(ORIGIN)
    assert files(path.parent) == ["trust.db", "trust.db.lock"]


# --- what is there and is no store of ours is never an empty one ----------------------------------------------


def foreign(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.executescript("CREATE TABLE gateways (origin); CREATE TABLE certificates (origin)")


def ours(*statements: str) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        put(open_store(str(path)), full(ORIGIN))
        by_hand(path, *statements, seal=False)

    return make


def half(path: Path) -> None:
    put(open_store(str(path)), full(ORIGIN))
    os.truncate(path, path.stat().st_size // 2)


WRONG: dict[str, tuple[str, Callable[[Path], object]]] = {
    "empty": ("no trust store", lambda path: path.write_bytes(b"")),
    "blank": ("no trust store", lambda path: path.write_bytes(b"\n")),
    "zeros": ("not a database", lambda path: path.write_bytes(b"\0" * 20_000)),
    "garbage": ("not a database", lambda path: path.write_bytes(b"\xff\xfe" * 10_000)),
    "text": ("not a database", lambda path: path.write_text("{}")),
    "half": ("malformed", half),
    "foreign": ("no trust store", foreign),
    "newer": ("it has version 2 and this smgwproxy knows 1: install the newer", ours("PRAGMA user_version = 2")),
    "no-version": ("it has version 0", ours("PRAGMA user_version = 0")),
    "no-gateways": ("no such table", ours("DROP TABLE gateways")),
    "no-seal": ("no such table", ours("DROP TABLE seal")),
    "seal-empty": ("something else than was written", ours("DELETE FROM seal")),
    "seal-twice": ("something else than was written", ours("INSERT INTO seal SELECT * FROM seal")),
    "gateway-lost": ("something else than was written", ours("DELETE FROM gateways")),
    "directory": ("not a regular file", Path.mkdir),
    "pipe": ("not a regular file", os.mkfifo),
    "link-to-nothing": ("No such file", lambda path: path.symlink_to(path.with_name("gone"))),
    "link-to-itself": ("symbolic links", lambda path: path.symlink_to(path)),
}


def octets(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


@pytest.mark.parametrize(("reason", "make"), WRONG.values(), ids=WRONG)
def test_a_wrong_file_is_not_opened(path: Path, reason: str, make: Callable[[Path], object]) -> None:
    make(path)
    before = octets(path), files(path.parent)
    assert reason in not_opened(path)
    assert (octets(path), files(path.parent)) == before


@pytest.mark.parametrize(("reason", "make"), WRONG.values(), ids=WRONG)
def test_a_file_that_goes_wrong_while_it_is_in_use_is_an_error(
    store: SqliteTrustStore, path: Path, reason: str, make: Callable[[Path], object]
) -> None:
    store.pin(ORIGIN, Certificate(b"x"))
    path.unlink()
    make(path)
    before = octets(path)
    for text in refused(store, path):
        assert "cannot be read" in text
        assert reason in text
    assert octets(path) == before


def test_a_database_that_disappears_is_an_error_and_no_new_one(store: SqliteTrustStore, path: Path) -> None:
    store.pin(ORIGIN, Certificate(b"x"))
    path.unlink()
    refused(store, path)
    shutil.rmtree(path.parent)
    with pytest.raises(TrustStoreError, match="No such file"):
        store.lookup(ORIGIN)
    with pytest.raises(TrustStoreError, match="No such file"):
        store.pin(ORIGIN, Certificate(b"x"))
    assert not path.parent.exists()


def test_a_database_that_is_gone_without_its_log_is_not_made_anew(path: Path) -> None:
    """SQLite would take what is in the log for the new one's."""
    log = path.with_name("trust.db-wal")
    log.write_bytes(b"x")
    assert f"its log {log} was left" in not_opened(path)
    assert not path.exists()


SQL = {
    "fingerprint-short": "UPDATE certificates SET fingerprint = 'abcd' WHERE place = 1",
    "fingerprint-empty": "UPDATE certificates SET fingerprint = '' WHERE place = 1",
    "fingerprint-in-capitals": "UPDATE certificates SET fingerprint = upper(fingerprint)",
    "fingerprint-number": "UPDATE certificates SET fingerprint = 5",
    "fingerprint-of-another": "UPDATE certificates SET fingerprint = printf('%064d', 5) WHERE place = 0",
    "fingerprint-twice": "UPDATE certificates SET fingerprint = (SELECT fingerprint FROM certificates)",
    "certificate-of-another": "UPDATE certificates SET der = x'00' WHERE place = 0",
    "certificate-text": "UPDATE certificates SET der = 'text' WHERE place = 0",
    "certificate-missing": "UPDATE certificates SET der = NULL WHERE state = 'pending'",
    "state-unknown": "UPDATE certificates SET state = 'trusted'",
    "time-unknown": "UPDATE certificates SET since = 'yesterday' WHERE place = 0",
    "time-number": "UPDATE certificates SET since = 5 WHERE place = 0",
    "time-without-zone": "UPDATE certificates SET since = '2026-03-01T12:30:15' WHERE place = 0",
    "time-missing": "UPDATE certificates SET since = NULL WHERE state = 'revoked'",
    "last-seen-missing": "UPDATE certificates SET last_seen = NULL WHERE state = 'pending'",
    "event-unknown": "UPDATE history SET happening = 'forgotten'",
    "event-time": "UPDATE history SET at = 'yesterday'",
    "event-fingerprint": "UPDATE history SET fingerprint = ''",
    "subject-not-utf-8": "UPDATE certificates SET subject = CAST(x'ff' AS TEXT)",
}


@pytest.mark.parametrize("statement", SQL.values(), ids=SQL)
def test_values_that_are_none_are_an_error_even_with_the_right_check_sums(
    store: SqliteTrustStore, path: Path, statement: str
) -> None:
    put(store, full(ORIGIN))
    try:
        by_hand(path, statement)
    except sqlite3.OperationalError:  # of what cannot be read, no check sum can be made
        assert "CAST" in statement
    with pytest.raises(TrustStoreError, match="cannot be read"):
        store.record(ORIGIN)
    with pytest.raises(TrustStoreError, match="cannot be read"):
        store.pin(ORIGIN, Certificate(b"another"))
    if "history" not in statement:
        with pytest.raises(TrustStoreError, match="cannot be read"):
            store.lookup(ORIGIN)


def test_a_gateway_that_is_none_is_an_error(store: SqliteTrustStore, path: Path) -> None:
    put(store, full(ORIGIN))
    by_hand(path, "UPDATE gateways SET origin = 'no address'")
    with pytest.raises(TrustStoreError, match="'no address' is no address"):
        store.origins()


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM certificates WHERE place = 0",
        "DELETE FROM certificates",
        "DELETE FROM history WHERE number = 1",
        "UPDATE certificates SET state = 'current' WHERE state = 'revoked'",
        "UPDATE certificates SET place = place + 1 - 2 * (place % 2) + 100",
        "UPDATE gateways SET first_use = 1",
        "UPDATE gateways SET origin = '10.11.120.4'",
        "INSERT INTO gateways SELECT '10.11.120.4', first_use, certificates, history FROM gateways",
    ],
)
def test_a_row_that_was_not_written_by_us_is_an_error(store: SqliteTrustStore, path: Path, statement: str) -> None:
    put(store, full(ORIGIN))
    by_hand(path, statement, seal=False)
    with pytest.raises(TrustStoreError, match="damaged, or was edited by hand"):
        store.record(ORIGIN)


# --- damage ---------------------------------------------------------------------------------------------


class Damaged:
    """A database with several records, and whether a damaged one is answered rightly or refused."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.store = open_store(str(path))
        self.old = self._with(Pin.of(Certificate(b"old"), NOW))
        self.good = self._with(Pin.of(Certificate(b"new" * 300), NOW))
        self.records = {origin: self.store.record(origin) for origin in self.store.origins()}

    def _with(self, pin: Pin) -> bytes:
        for number in range(2):
            origin = Origin("10.11.120.2", 442 + number)
            put(self.store, replace(full(origin), pins=(pin, *full(origin).pins)))
        return self.path.read_bytes()

    def refuses(self, octets: bytes) -> bool:
        """Tell whether ``octets`` in the database's place are refused; asserts that no answer is wrong."""
        self.path.write_bytes(octets)
        refusals = 0
        for origin, record in self.records.items():
            refusals += self._refuses(partial(self.store.record, origin), record)
            refusals += self._refuses(partial(self.store.lookup, origin), record.pins)
        refusals += self._refuses(self.store.origins, list(self.records))
        with suppress(ConfigError):
            open_store(str(self.path))
        for log in ("-wal", "-shm", "-journal"):
            self.path.with_name(self.path.name + log).unlink(missing_ok=True)
        return refusals > 0

    def _refuses(self, ask: Callable[[], object], right: object) -> bool:
        try:
            assert ask() == right
        except TrustStoreError:
            return True
        return False


@pytest.fixture
def damaged(path: Path) -> Damaged:
    return Damaged(path)


def test_the_undamaged_database_is_good(damaged: Damaged) -> None:
    assert len(damaged.records) == 2
    assert not damaged.refuses(damaged.good)
    assert len(damaged.good) % 4096 == 0


def test_no_changed_byte_makes_another_record_or_none(damaged: Damaged) -> None:
    refusals = 0
    places = [*range(100), *range(100, len(damaged.good), 83)]
    for turn, place in enumerate(places):
        octets = bytearray(damaged.good)
        octets[place] ^= (0xFF, 0x01, 0x80, octets[place] or 0x20)[turn % 4]
        refusals += damaged.refuses(bytes(octets))
    assert refusals > 50


def test_no_shorter_database_is_another_record_or_none(damaged: Damaged) -> None:
    for length in (*range(0, 1100, 100), *range(1111, len(damaged.good) - 4096, 1111)):
        assert damaged.refuses(damaged.good[:length])
    for length in range(len(damaged.good) - 4095, len(damaged.good), 409):
        damaged.refuses(damaged.good[:length])  # what is cut off may be empty
    for length in range(0, len(damaged.good), 4096):
        assert damaged.refuses(damaged.good[:length])


def test_no_lost_or_stale_page_makes_another_record_or_none(damaged: Damaged) -> None:
    refusals = 0
    for start in range(0, len(damaged.good), 4096):
        for page in (b"\0" * 4096, damaged.old[start : start + 4096], damaged.good[4096 : 2 * 4096]):
            octets = damaged.good[:start] + page + damaged.good[start + 4096 :]
            refusals += damaged.refuses(octets)
    assert refusals > 5


def test_longer_databases_are_read_or_refused(damaged: Damaged) -> None:
    for more in (b"\0", b"\0" * 4096, damaged.good):
        damaged.refuses(damaged.good + more)


# --- several at once ------------------------------------------------------------------------------------


def test_threads_that_come_first_together_agree_on_one_pin(path: Path) -> None:
    barrier = threading.Barrier(20)

    def first_use(each: int) -> list[list[str]]:
        barrier.wait(PATIENCE)
        store = open_store(str(path))
        certificate = Certificate(b"%d" % each)
        return [fingerprints(store.pin(Origin("10.11.120.2", 1 + number), certificate)) for number in range(5)]

    with ThreadPoolExecutor(20) as pool:
        results = list(pool.map(first_use, range(20)))
    store = open_store(str(path))
    agreed = [fingerprints(store.lookup(Origin("10.11.120.2", 1 + number))) for number in range(5)]
    assert [len(pins) for pins in agreed] == [1] * 5
    assert results == [agreed] * 20


def test_no_change_is_lost_between_threads(store: SqliteTrustStore, path: Path) -> None:
    put(store, Record(ORIGIN, pending=(Pending(Certificate(b"x"), NOW, NOW, 1),)))

    def seen(_: int) -> None:
        store.change(ORIGIN, lambda record: rules.presented(record, Certificate(b"x"), NOW, Renewal.ASK))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(seen, range(160)))
    assert [one.times for one in store.record(ORIGIN).pending] == [161]


def test_a_lookup_waits_for_no_change(store: SqliteTrustStore) -> None:
    store.pin(ORIGIN, Certificate(b"x"))
    with ThreadPoolExecutor(1) as pool:

        def edit(record: Record) -> Record:
            assert pool.submit(store.lookup, ORIGIN).result(PATIENCE) == record.pins
            return rules.forget(record, NOW)

        store.change(ORIGIN, edit)
    assert store.lookup(ORIGIN) == ()


def test_a_change_waits_for_another(store: SqliteTrustStore) -> None:
    inside = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        started = threading.Event()

        def other() -> Record:
            started.set()
            return store.change(ORIGIN, lambda record: rules.add(record, Pin(Fingerprint.of(b"b")), NOW))

        def edit(record: Record) -> Record:
            waiting = pool.submit(other)
            started.wait(PATIENCE)
            assert not inside.wait(0.2)
            assert not waiting.done()
            return rules.add(record, Pin(Fingerprint.of(b"a")), NOW)

        store.change(ORIGIN, edit)
    assert fingerprints(store.lookup(ORIGIN)) == [str(Fingerprint.of(name)) for name in (b"a", b"b")]


def test_who_waits_too_long_for_another_is_told(
    store: SqliteTrustStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.pin(ORIGIN, Certificate(b"x"))
    monkeypatch.setattr(module, "_PATIENCE", 0.05)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(TrustStoreError, match=r"trust\.db cannot be written: database is locked"):
            store.pin(ORIGIN, Certificate(b"x"))
        assert len(store.lookup(ORIGIN)) == 1
        assert "database is locked" in not_opened(path)


FORTY = """
import os
from smgwproxy.certificate import Certificate
from smgwproxy.origin import Origin
from smgwproxy.truststores.sqlite import open_store

Certificate(b"").description  # imports what it needs
gate, opener = os.pipe()
readers, children = [], []
for number in range(40):
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.close(opener)
            os.read(gate, 1)
            store = open_store("new/trust.db")
            (pin,) = store.pin(Origin("10.11.120.2"), Certificate(b"%d" % number))
            for turn in range(3):
                store.pin(Origin("10.11.120.3", 1 + 3 * number + turn), Certificate(b"%d" % number))
            os.write(writer, str(pin.fingerprint).encode())
            os._exit(0)
        finally:
            os._exit(1)
    os.close(writer)
    readers.append(reader)
    children.append(child)
os.close(opener)
print(*[os.read(reader, 64).decode() for reader in readers])
print(*[os.waitpid(child, 0)[1] for child in children])
"""


def test_forty_processes_that_open_together_agree_on_one_database_and_lose_no_pin(tmp_path: Path) -> None:
    told, statuses = run(FORTY, tmp_path).splitlines()
    assert statuses.split() == ["0"] * 40
    store = open_store(str(tmp_path / "new" / "trust.db"))
    assert told.split() == fingerprints(store.lookup(ORIGIN)) * 40
    for number in range(120):
        pins = store.lookup(Origin("10.11.120.3", 1 + number))
        assert fingerprints(pins) == [str(Fingerprint.of(b"%d" % (number // 3)))]
    assert len(store.origins()) == 121
    assert files(tmp_path / "new") == ["trust.db", "trust.db.lock"]


# --- crashes, disks, permissions ----------------------------------------------------------------------------

CHANGE_UNTIL_KILLED = """
import os, signal, time
from dataclasses import replace
from datetime import UTC, datetime
from smgwproxy.certificate import Certificate
from smgwproxy.origin import Origin
from smgwproxy.truststores.record import Event, Happening, Pin
from smgwproxy.truststores.sqlite import open_store

origin = Origin("10.11.120.2")
now = datetime.now(UTC)

def step(record):
    number = len(record.history)
    pin = Pin.of(Certificate(b"%d" % number * 2000), now)
    return replace(record, pins=(pin,), history=(*record.history, Event(now, Happening.ADDED, pin.fingerprint)))

open_store("trust.db").change(origin, step)
for turn in range(30):
    before = len(open_store("trust.db").record(origin).history)
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        store = open_store("trust.db")
        while True:
            store.change(origin, step)
            os.write(writer, b".")
    os.close(writer)
    os.read(reader, 1)
    time.sleep(turn % 10 * 0.0007)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    returned = 1
    while octets := os.read(reader, 1000):
        returned += len(octets)
    os.close(reader)
    store = open_store("trust.db")
    record = store.record(origin)
    assert len(record.history) - before in (returned, returned + 1), (before, returned, len(record.history))
    assert [pin.fingerprint for pin in record.pins] == [record.history[-1].fingerprint]
    assert store.lookup(origin) == record.pins
    started = time.monotonic()
    store.change(origin, step)
    assert time.monotonic() - started < 5
"""


def test_a_process_killed_while_it_changes_leaves_the_old_record_or_the_new_and_no_lock(tmp_path: Path) -> None:
    run(CHANGE_UNTIL_KILLED, tmp_path)
    with closing(sqlite3.connect(tmp_path / "trust.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


OPEN_UNTIL_KILLED = """
import os, signal, time
from smgwproxy.certificate import Certificate
from smgwproxy.origin import Origin
from smgwproxy.truststores.sqlite import open_store

for turn in range(30):
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.write(writer, b".")
        open_store(f"{turn}/trust.db")
        os._exit(0)
    os.read(reader, 1)
    time.sleep(turn * 0.0007)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    store = open_store(f"{turn}/trust.db")
    assert store.origins() == []
    store.pin(Origin("10.11.120.2"), Certificate(b"x"))
    assert len(store.lookup(Origin("10.11.120.2"))) == 1
"""


def test_a_process_killed_while_it_makes_the_database_keeps_nobody_from_making_it(tmp_path: Path) -> None:
    run(OPEN_UNTIL_KILLED, tmp_path)
    for turn in range(30):
        assert {"trust.db", "trust.db.lock"} <= set(files(tmp_path / str(turn)))
        assert ".trust.db.tmp" not in files(tmp_path / str(turn))


CHANGE_ON_A_FULL_DISK = """
import resource, sys
from smgwproxy.certificate import Certificate, Fingerprint
from smgwproxy.errors import ConfigError, TrustStoreError
from smgwproxy.origin import Origin
from smgwproxy.truststores.record import Pin
from smgwproxy.truststores.rules import add
from smgwproxy.truststores.sqlite import open_store
from datetime import UTC, datetime

origin = Origin("10.11.120.2")
store = open_store("trust.db")
store.pin(origin, Certificate(b"x"))
before = store.record(origin)
large = Pin(Fingerprint.of(b"y" * 50_000), Certificate(b"y" * 50_000))
told = {"written": 0, "refused": 0}
for size in range(0, 120_000, 3_000):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    try:
        assert len(store.change(origin, lambda record: add(record, large, datetime.now(UTC))).pins) == 2
        told["written"] += 1
    except TrustStoreError as error:
        assert "trust.db cannot be" in error.message and "free space" in error.advice, error
        told["refused"] += 1
    try:
        open_store(f"{size}.db")
    except ConfigError as error:
        assert f"{size}.db cannot be used" in str(error) and "make room" in str(error), error
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    record = store.record(origin)
    assert record == before or len(record.pins) == 2, record
    if record != before:
        store.change(origin, lambda _: before)
        before = store.record(origin)
    assert open_store(f"{size}.db").origins() == []
assert told["written"] > 5 and told["refused"] > 5, told
"""


def test_a_full_disk_is_an_error_and_leaves_the_old_record(tmp_path: Path) -> None:
    run(CHANGE_ON_A_FULL_DISK, tmp_path)
    assert [name for name in files(tmp_path) if not name.endswith((".db", ".db.lock"))] == []


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o177])
def test_database_and_log_are_the_owners_alone(tmp_path: Path, umask: Callable[[int], int], mask: int) -> None:
    (tmp_path / "there").mkdir()
    umask(mask)
    path = tmp_path / "there" / "trust.db"
    store = open_store(str(path))
    store.pin(ORIGIN, Certificate(b"x"))
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM seal").fetchall()
        store.change(ORIGIN, lambda record: rules.forget(record, NOW))
        assert files(path.parent) == ["trust.db", "trust.db-shm", "trust.db-wal", "trust.db.lock"]
        assert {stat.S_IMODE(one.stat().st_mode) & ~mask for one in path.parent.glob("*.lock")} == {0o600 & ~mask}
        for name in ("trust.db", "trust.db-shm", "trust.db-wal"):
            assert stat.S_IMODE((path.parent / name).stat().st_mode) == 0o600


def test_a_missing_directory_is_made_for_the_owner_alone(tmp_path: Path, umask: Callable[[int], int]) -> None:
    umask(0)
    open_store(str(tmp_path / "a" / "b" / "trust.db"))
    assert stat.S_IMODE((tmp_path / "a" / "b").stat().st_mode) == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_root_makes_belongs_to_the_owner_of_the_directory(tmp_path: Path) -> None:
    """Who edits with sudo does not lock the proxy out."""
    path = tmp_path / "service" / "trust.db"
    path.parent.mkdir()
    os.chown(path.parent, 65534, 65533)
    store = open_store(str(path))
    with closing(sqlite3.connect(path)) as reader:
        reader.execute("SELECT * FROM seal").fetchall()
        store.pin(ORIGIN, Certificate(b"x"))
        owners = {name: (path.parent / name).stat() for name in files(path.parent)}
    assert list(owners) == ["trust.db", "trust.db-shm", "trust.db-wal", "trust.db.lock"]
    assert {(owner.st_uid, owner.st_gid) for owner in owners.values()} == {(65534, 65533)}


def test_another_user_keeps_what_it_makes(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fchown(*_: int) -> None:
        pytest.fail("nobody but root gives files away")

    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(os, "fchown", fchown)
    assert open_store(str(path)).origins() == []


WITHOUT_HARD_LINKS = """
import errno, os, sys
from smgwproxy import Certificate, Origin, open_truststore

def deny(event, arguments):
    if event == "os.link":
        raise PermissionError(errno.EPERM, "Operation not permitted")

sys.addaudithook(deny)
try:
    os.link(sys.executable, "link")  # else this would show nothing
except OSError as error:
    print(error.strerror)
store = open_truststore("sqlite:trust.db")
print(len(store.pin(Origin("10.11.120.2"), Certificate(b"x"))))
"""


def test_a_file_system_without_hard_links_will_do(tmp_path: Path) -> None:
    program = [sys.executable, "-W", "error", "-c", WITHOUT_HARD_LINKS]
    told = subprocess.run(program, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=PATIENCE)
    assert told.stdout.splitlines() == ["Operation not permitted", "1"]


def test_a_file_system_without_modes_is_no_obstacle(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fchmod(_: int, __: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "fchmod", fchmod)
    assert open_store(str(path)).origins() == []


def test_what_others_may_write_to_is_warned_of(store: SqliteTrustStore, path: Path, tmp_path: Path) -> None:
    assert list(store.warnings()) == []
    path.chmod(0o620)
    tmp_path.chmod(0o777)
    link = tmp_path / "elsewhere" / "link.db"
    link.parent.mkdir(mode=0o755)
    link.symlink_to(path)
    for warned in (store, SqliteTrustStore(link)):
        directory, database = warned.warnings()
        assert f"chmod go-w {tmp_path}" in directory
        assert f"chmod go-w {path}" in database


def test_a_database_may_be_a_link_to_where_it_is_kept(tmp_path: Path) -> None:
    kept = tmp_path / "kept.db"
    pins = open_store(str(kept)).pin(ORIGIN, Certificate(b"x"))
    (tmp_path / "trust.db").symlink_to(kept)
    store = open_store(str(tmp_path / "trust.db"))
    assert fingerprints(store.lookup(ORIGIN)) == fingerprints(pins)
    assert (tmp_path / "trust.db").is_symlink()


WITHOUT_PERMISSION = """
import os
from pathlib import Path
from smgwproxy.certificate import Certificate
from smgwproxy.errors import ConfigError, TrustStoreError
from smgwproxy.origin import Origin
from smgwproxy.truststores.sqlite import open_store

directory, database = Path("trust"), Path("trust/trust.db")
certificate = Certificate(b"x")
certificate.description
store = open_store("trust/trust.db")
store.pin(Origin("10.11.120.2"), certificate)
if os.getuid() == 0:  # whom no mode bits would stop
    for path in (Path(), directory, database, Path("trust/trust.db.lock")):
        os.chown(path, 65534, 65534)
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)

def tell(what):
    try:
        return what()
    except (ConfigError, TrustStoreError) as error:
        assert "/trust/" in str(error), error
        return type(error).__name__

def tell_all(file, where):
    for path in directory.iterdir():
        path.chmod(file)
        if path.suffix in {".db-wal", ".db-shm"}:  # left by who could not write
            path.unlink()
    directory.chmod(where)
    print(
        tell(lambda: len(store.lookup(Origin("10.11.120.2")))),
        tell(lambda: len(store.pin(Origin("10.11.120.3"), certificate))),
        tell(lambda: len(store.origins())),
        tell(lambda: len(store.warnings())),
        tell(lambda: len(open_store("trust/trust.db").origins())),
        tell(lambda: len(open_store("trust/new.db").origins())) if where != 0o700 else "",
    )
    directory.chmod(0o700)

tell_all(0o000, 0o700)
tell_all(0o400, 0o700)
tell_all(0o600, 0o000)
tell_all(0o600, 0o500)
tell_all(0o600, 0o600)
tell_all(0o600, 0o700)
"""


def test_missing_permission_is_an_error_and_never_first_use() -> None:
    with tempfile.TemporaryDirectory() as place:  # pytest's own are root's alone
        Path(place).chmod(0o755)
        told = [line.split() for line in run(WITHOUT_PERMISSION, Path(place)).splitlines()]
        left = files(Path(place, "trust"))
    no, no_use = "TrustStoreError", "ConfigError"
    assert told == [
        [no, no, no, "0", no_use],
        ["1", no, "1", "0", no_use],
        *[[no, no, no, "0", no_use, no_use]] * 3,
        ["1", "1", "2", "0", "2"],
    ]
    assert left == ["trust.db", "trust.db.lock"]


# --- opening --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["trust.db", "a b?mode=memory&x#y%41.db", "\u00e4\u20ac.db", ":memory:", "-", os.fsdecode(b"\xff.db")]
)
def test_any_name_is_that_of_a_file(tmp_path: Path, name: str) -> None:
    path = tmp_path / "new" / name
    pins = open_store(str(path)).pin(ORIGIN, Certificate(b"x"))
    assert files(path.parent) == sorted([name, f"{name}.lock"])
    assert open_store(str(path)).lookup(ORIGIN) == pins


def test_opening_what_is_there_makes_nothing_beside_it(store: SqliteTrustStore, path: Path) -> None:
    put(store, full(ORIGIN))
    before = path.read_bytes()
    path.with_name("trust.db.lock").unlink()
    assert len(open_store(str(path)).lookup(ORIGIN)) == 3
    assert files(path.parent) == ["trust.db"]
    assert path.read_bytes() == before


def test_a_relative_path_is_told_in_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = open_store("trust.db")
    monkeypatch.chdir("/")
    (pin,) = store.pin(ORIGIN, Certificate(b"x"))
    assert pin.record == f"{tmp_path}/trust.db (10.11.120.2)"


def test_opening_nothing_is_told() -> None:
    with pytest.raises(ConfigError, match=r"sqlite:\./trust\.db"):
        open_store("")


def test_opening_below_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "Not a directory" in not_opened(tmp_path / "file" / "trust.db")


def test_the_database_has_a_write_ahead_log_and_says_whose_it_is(store: SqliteTrustStore, path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        told = [
            database.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "application_id", "user_version", "integrity_check")
        ]
    assert told == ["wal", 0x534D4757, 1, "ok"]
