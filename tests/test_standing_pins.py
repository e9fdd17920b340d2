"""Pins that are used again without a look-up: only for as long as a look-up would return the same."""

from __future__ import annotations

import copy
import json
import os
import pickle
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from smgwproxy.backend import threaded
from smgwproxy.certificate import Certificate
from smgwproxy.errors import PinRefused, TrustStoreError
from smgwproxy.origin import Origin
from smgwproxy.testing.samples import next_number, number_of_pins
from smgwproxy.testing.watching import watched
from smgwproxy.trust import Trust
from smgwproxy.truststores import EditableTrustStore, Pin, Record, StandingPins, rules
from smgwproxy.truststores import file as file_store
from smgwproxy.truststores import sqlite as sqlite_store
from smgwproxy.truststores.base import utc_now
from smgwproxy.truststores.file import FileTrustStore
from smgwproxy.truststores.guard import Guard
from smgwproxy.truststores.pinned import PinnedTrustStore
from smgwproxy.truststores.sighting import is_of_this_machine, sighted
from smgwproxy.truststores.sqlite import SqliteTrustStore
from tests.contract.settled_stores import later
from tests.support import OK, PATIENCE, Identity, RawGateway, raw_exchange, running_proxy

ORIGIN = Origin("10.11.120.2")
CERTIFICATE, OTHER = Certificate(b"the first"), Certificate(b"the second")
REQUEST = b"GET / HTTP/1.1\r\nHost: pi\r\nAuthorization: mine\r\nConnection: close\r\n\r\n"
StartGateway = Callable[..., RawGateway]


@pytest.fixture
def certs(tmp_path: Path) -> Path:
    directory = tmp_path / "in" / "certs"
    directory.mkdir(parents=True)
    if sighted(directory, later) is None:
        pytest.skip("the tests' files are not on a file system of this machine")
    return directory


@pytest.fixture
def settled(certs: Path) -> FileTrustStore:
    return FileTrustStore(certs, later)


@pytest.fixture
def record(certs: Path) -> Path:
    return certs / f"{ORIGIN}.json"


@pytest.fixture
def database(certs: Path) -> Path:
    sqlite_store.open_store(str(certs / "trust.db"))
    return certs / "trust.db"


def with_another(record: Record) -> Record:
    return replace(record, pins=(*record.pins, Pin.of(OTHER, utc_now())))


def standing(store: FileTrustStore | SqliteTrustStore) -> StandingPins:
    pins = store.lookup(ORIGIN)
    assert isinstance(pins, StandingPins)
    assert pins.stand
    return pins


def trust(store: object) -> Trust:
    return Trust(ORIGIN, Guard(store, threaded().call, PATIENCE))  # type: ignore[arg-type]  # also what is none


# --- who asks -------------------------------------------------------------------------------------------


class Counting:
    """A store whose pins stand for as long as ``unchanged`` says."""

    def __init__(self, unchanged: Callable[[], bool]) -> None:
        self.unchanged = unchanged
        self.asked = 0

    def lookup(self, origin: Origin) -> Sequence[Pin]:
        self.asked += 1
        return StandingPins([Pin.of(CERTIFICATE, utc_now())], self.unchanged)

    def pin(self, origin: Origin, certificate: Certificate) -> Sequence[Pin]:
        raise PinRefused(origin, str(certificate.fingerprint))


def test_store_is_not_asked_while_its_pins_stand() -> None:
    store = Counting(lambda: True)
    asking = trust(store)
    assert asking.pins() is asking.pins()
    assert store.asked == 1
    asking.looked_up()
    assert store.asked == 2


def fails() -> bool:
    raise OSError("gone")


@pytest.mark.parametrize("unchanged", [lambda: False, lambda: 1, lambda: None, fails])
def test_store_is_asked_whenever_its_pins_do_not_say_that_they_stand(unchanged: Callable[[], bool]) -> None:
    store = Counting(unchanged)
    asking = trust(store)
    for _ in range(3):
        asking.pins()
    assert store.asked == 3


def test_mere_sequences_are_asked_for_each_time() -> None:
    class Mere(Counting):
        def lookup(self, origin: Origin) -> Sequence[Pin]:
            return list(super().lookup(origin))

    store = Mere(lambda: True)
    asking = trust(store)
    assert asking.pins() == asking.pins()
    assert store.asked == 2


def test_store_that_fails_once_has_no_pins_that_stand() -> None:
    class Failing(Counting):
        def lookup(self, origin: Origin) -> Sequence[Pin]:
            if self.asked:
                raise TrustStoreError("gone", "mend it")
            return super().lookup(origin)

    changed = threading.Event()
    asking = trust(Failing(lambda: not changed.is_set()))
    asking.pins()
    changed.set()
    for _ in range(2):
        with pytest.raises(TrustStoreError, match="gone"):
            asking.pins()


def test_what_stands_must_be_pins() -> None:
    class Unsound(Counting):
        def lookup(self, origin: Origin) -> Sequence[Pin]:
            return StandingPins(["a pin"], lambda: True)  # type: ignore[list-item]  # what a plug-in may do

    asking = trust(Unsound(lambda: True))
    for _ in range(2):
        with pytest.raises(TrustStoreError, match="something else than pins"):
            asking.pins()


def test_store_is_asked_after_half_a_minute_whatever_its_pins_say() -> None:
    now = 100.0
    store = Counting(lambda: True)
    asking = Trust(ORIGIN, Guard(store, threaded().call, PATIENCE), clock=lambda: now)
    for asked in range(1, 4):
        asking.pins()
        now += 29
        asking.pins()
        assert store.asked == asked
        now += 1


def test_copies_are_mere_tuples() -> None:
    pins = StandingPins([Pin.of(CERTIFICATE, utc_now())], lambda: True)
    for copied in (copy.copy(pins), copy.deepcopy(pins), pickle.loads(pickle.dumps(pins))):  # noqa: S301  # our own
        assert type(copied) is tuple
        assert copied == pins


# --- on the way of a request ----------------------------------------------------------------------------


def withdraw(path: Path, _: EditableTrustStore) -> None:
    path.unlink()
    path.with_suffix(".json.new").write_text("{}")
    path.with_suffix(".json.new").rename(path)


def edit(path: Path, _: EditableTrustStore) -> None:
    path.write_text(path.read_text()[:-3])


def replace_the_directory(path: Path, _: EditableTrustStore) -> None:
    path.parent.rename(path.parent.with_name("before"))
    shutil.copytree(path.parent.with_name("before"), path.parent)
    path.write_text("{}")


def forbid(path: Path, store: EditableTrustStore) -> None:
    (origin,) = store.origins()
    (pin,) = store.lookup(origin)
    # Another opening, as of `smgwproxy trust revoke` in another process.
    file_store.open_store(str(path.parent)).change(
        origin, partial(rules.revoke, fingerprint=pin.fingerprint, now=utc_now())
    )


@pytest.mark.parametrize("change", [withdraw, edit, replace_the_directory, forbid])
def test_what_happens_to_a_pin_counts_from_the_very_next_request_on(
    raw_gateway: StartGateway,
    settled: FileTrustStore,
    certs: Path,
    change: Callable[[Path, EditableTrustStore], None],
) -> None:
    gateway = raw_gateway(OK)
    with running_proxy(gateway.origin, settled) as proxy:
        for _ in range(3):
            assert raw_exchange(proxy.port, REQUEST).startswith(b"HTTP/1.1 200 ")
        heard = len(gateway.received)
        change(certs / f"{gateway.origin}.json", settled)
        answer = raw_exchange(proxy.port, REQUEST)
        assert answer.startswith((b"HTTP/1.1 500 ", b"HTTP/1.1 502 ")), answer
    assert len(gateway.received) == heard


def test_pin_that_is_exchanged_ends_the_connection_before_the_next_request(
    raw_gateway: StartGateway, settled: FileTrustStore, certs: Path, impostor: Identity
) -> None:
    gateway = raw_gateway(OK)
    with running_proxy(gateway.origin, settled) as proxy:
        raw_exchange(proxy.port, REQUEST)
        raw_exchange(proxy.port, REQUEST)
        assert len(gateway.peers) == 2, "one for first use, one for both requests"
        heard = len(gateway.received)
        path = certs / f"{gateway.origin}.json"
        written = json.loads(path.read_text())
        del written["certificate"]
        written["fingerprint"] = str(impostor.certificate.fingerprint)
        path.write_text(json.dumps(written))
        assert raw_exchange(proxy.port, REQUEST).startswith(b"HTTP/1.1 502 ")
        assert gateway.peers[1].ended.wait(PATIENCE)
    assert len(gateway.received) == heard


# --- files ----------------------------------------------------------------------------------------------


def again_in_place(path: Path) -> None:
    octets = path.read_bytes()
    path.write_bytes(octets + b" ")


def again_by_another_file(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(path.read_bytes())
    shutil.copystat(path, other)
    other.rename(path)


def back_in_time(path: Path) -> None:
    found = path.stat()
    octets = bytearray(path.read_bytes())
    octets[-1] = ord(" ")
    path.write_bytes(octets)
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))


def forbidden(path: Path) -> None:
    path.chmod(0)


def behind_a_link(path: Path) -> None:
    elsewhere = path.parent.with_name("elsewhere")
    elsewhere.mkdir()
    path.rename(elsewhere / path.name)
    path.symlink_to(elsewhere / path.name)


def another_directory(path: Path) -> None:
    path.parent.rename(path.parent.with_name("before"))
    shutil.copytree(path.parent.with_name("before"), path.parent)


def hidden(path: Path) -> None:
    path.parent.parent.rename(path.parent.parent.with_name("hidden"))


@pytest.mark.parametrize(
    "change",
    [
        Path.unlink,
        again_in_place,
        again_by_another_file,
        back_in_time,
        forbidden,
        behind_a_link,
        another_directory,
        hidden,
    ],
)
def test_pins_stand_no_longer_once_anything_happened_to_their_file(
    settled: FileTrustStore, record: Path, change: Callable[[Path], None]
) -> None:
    settled.pin(ORIGIN, CERTIFICATE)
    pins = standing(settled)
    assert pins.stand, "looking does not change it"
    with watched(pins) as something_happened:
        assert not something_happened()
        change(record)
        assert something_happened(), "who sleeps is woken"
    assert not pins.stand


def test_link_that_leads_elsewhere_is_seen(settled: FileTrustStore, record: Path) -> None:
    settled.pin(ORIGIN, CERTIFICATE)
    one, other = record.with_name("one"), record.with_name("other")
    shutil.copy(record, other)
    record.rename(one)
    record.symlink_to(one)
    pins = standing(settled)
    with watched(pins) as something_happened:
        record.unlink()
        record.symlink_to(other)
        assert something_happened()
    assert not pins.stand


def test_what_was_just_written_is_read_at_each_look_up(certs: Path) -> None:
    store = FileTrustStore(certs)
    store.pin(ORIGIN, CERTIFICATE)
    assert not isinstance(store.lookup(ORIGIN), StandingPins)


def test_time_that_lies_ahead_is_not_believed(certs: Path, record: Path) -> None:
    """A Raspberry Pi starts with a clock that is late."""
    store = FileTrustStore(certs, lambda: time.time_ns() - 86400 * 10**9)
    store.pin(ORIGIN, CERTIFICATE)
    assert not isinstance(store.lookup(ORIGIN), StandingPins)


def test_change_before_the_read_is_seen(
    settled: FileTrustStore, record: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What changes between the look and the read is read, and looked at again."""
    settled.pin(ORIGIN, CERTIFICATE)

    def disturbed(path: Path, now: Callable[[], int]) -> object:
        sighting = sighted(path, now)
        again_in_place(record)
        return sighting

    monkeypatch.setattr(file_store, "sighted", disturbed)
    pins = settled.lookup(ORIGIN)
    assert isinstance(pins, StandingPins)
    assert not pins.stand


def test_record_that_is_not_there_is_looked_for_each_time(settled: FileTrustStore) -> None:
    assert type(settled.lookup(ORIGIN)) is tuple


def test_record_under_another_name_is_looked_for_each_time(settled: FileTrustStore, record: Path) -> None:
    settled.pin(ORIGIN, CERTIFICATE)
    record.rename(record.with_name(f"{ORIGIN}:443.json"))
    pins = settled.lookup(ORIGIN)
    assert [pin.fingerprint for pin in pins] == [CERTIFICATE.fingerprint]
    assert not isinstance(pins, StandingPins)


def test_derived_stores_are_asked_each_time(certs: Path, database: Path) -> None:
    """They may look elsewhere as well, and know nothing of pins that stand."""

    class Stricter(FileTrustStore):
        strict = False

        def record(self, origin: Origin) -> Record:
            return Record(origin) if self.strict else super().record(origin)

    class Other(SqliteTrustStore):
        pass

    for store in (Stricter(certs, later), Other(database, later)):
        store.pin(ORIGIN, CERTIFICATE)
        assert not isinstance(store.lookup(ORIGIN), StandingPins)


# --- the database ---------------------------------------------------------------------------------------


def test_pins_of_a_database_stand_while_others_only_read_it(database: Path) -> None:
    store = SqliteTrustStore(database, later)
    store.pin(ORIGIN, CERTIFICATE)
    pins = standing(store)
    with closing(sqlite3.connect(database)) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM certificates").fetchall() == [(1,)]
        assert SqliteTrustStore(database).lookup(ORIGIN) == pins
        assert pins.stand
    assert pins.stand


@pytest.mark.parametrize("held", [False, True])
def test_pins_of_a_database_stand_no_longer_once_another_has_written(database: Path, held: bool) -> None:
    store = SqliteTrustStore(database, later)
    store.pin(ORIGIN, CERTIFICATE)
    pins = standing(store)
    with closing(sqlite3.connect(database)) as holding:
        if held:  # then the log stays when the writer has closed it
            holding.execute("SELECT count(*) FROM certificates").fetchall()
        with watched(pins) as something_happened:
            SqliteTrustStore(database).change(ORIGIN, with_another)
            assert something_happened(), "who sleeps is woken"
        assert not pins.stand
        assert isinstance(store.lookup(ORIGIN), StandingPins) is not held
        assert len(store.lookup(ORIGIN)) == 2
    assert not pins.stand, "what was in the log is in the database now"
    assert len(standing(store)) == 2


def test_pins_of_a_database_stand_no_longer_once_another_is_in_its_place(database: Path) -> None:
    store = SqliteTrustStore(database, later)
    store.pin(ORIGIN, CERTIFICATE)
    pins = standing(store)
    copied = database.with_name("copy")
    shutil.copy2(database, copied)
    copied.rename(database)
    assert not pins.stand


def test_pins_of_a_database_behind_a_link_are_looked_up_each_time(database: Path) -> None:
    """Its log lies beside the file that the link leads to."""
    link = database.with_name("link.db")
    link.symlink_to(database)
    store = SqliteTrustStore(link, later)
    store.pin(ORIGIN, CERTIFICATE)
    assert not isinstance(store.lookup(ORIGIN), StandingPins)


def test_pins_of_a_database_that_was_just_written_are_looked_up(database: Path) -> None:
    store = SqliteTrustStore(database)
    store.pin(ORIGIN, CERTIFICATE)
    assert not isinstance(store.lookup(ORIGIN), StandingPins)


# --- constants ------------------------------------------------------------------------------------------


def test_constants_stand() -> None:
    pins = PinnedTrustStore([CERTIFICATE.fingerprint]).lookup(ORIGIN)
    assert isinstance(pins, StandingPins)
    assert pins.stand


# --- whatever happens -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["file", "sqlite"])
def test_change_that_was_complete_before_is_never_missed(certs: Path, database: Path, kind: str) -> None:
    """While another writes again and again, by an opening of its own."""

    def opened() -> EditableTrustStore:
        return FileTrustStore(certs, later) if kind == "file" else SqliteTrustStore(database, later)

    complete = 0
    ended = threading.Event()

    def write() -> None:
        nonlocal complete
        store = opened()
        for number in range(1, 41):
            store.change(ORIGIN, next_number)
            complete = number
            time.sleep(0.005)  # or the reader would never see any that stand
        ended.set()

    asking = trust(opened())
    writer = threading.Thread(target=write)
    writer.start()
    while not ended.is_set():
        before = complete
        assert number_of_pins(ORIGIN, asking.pins()) >= before
    writer.join()
    assert number_of_pins(ORIGIN, asking.pins()) == complete


# --- where files lie ------------------------------------------------------------------------------------

ROOT = "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard"


@pytest.mark.parametrize(
    ("mounts", "expected"),
    [
        ([ROOT], True),
        ([ROOT, "40 27 0:40 / /home rw - nfs4 server:/home rw"], False),
        ([ROOT, "40 27 0:40 / /home/pi/certs rw shared:5 master:1 - nfs server:/x rw"], False),
        ([ROOT, "40 27 0:40 / /home/pi/other rw - nfs server:/x rw"], True),
        ([ROOT, "40 27 0:40 / /home/pi/cert rw - cifs //server/x rw"], True),
        ([ROOT, "40 27 0:40 / /home rw - autofs systemd-1 rw", "41 40 8:1 / /home rw - ext4 /dev/sda1 rw"], False),
        ([ROOT, "40 27 8:1 / /home rw - fuseblk /dev/sda1 rw"], False),
        ([ROOT, "40 27 8:1 / /home/pi rw - vfat /dev/sda1 rw"], False),
        ([ROOT, "40 27 0:50 /@home /home rw,relatime shared:1 - btrfs /dev/sda2 rw"], True),
        ([ROOT, "40 27 0:40 / /proc rw - proc proc rw"], True),
        (["27 1 0:20 / / rw - overlay overlay rw"], True),
        (["27 1 0:20 / / rw - nfs server:/root rw", "28 27 0:21 / /home rw - tmpfs tmpfs rw"], False),
        ([], False),
    ],
)
def test_only_file_systems_of_this_machine_are_looked_at_by_the_way(mounts: list[str], expected: bool) -> None:
    assert is_of_this_machine("/home/pi/certs/10.11.120.2.json", "\n".join(mounts)) is expected


def test_blanks_in_the_name_of_a_mount_are_read() -> None:
    mounts = [ROOT, r"40 27 0:40 / /my\040certs rw - nfs server:/x rw"]
    assert not is_of_this_machine("/my certs/x.json", "\n".join(mounts))


def test_root_of_all_files_is_on_every_way() -> None:
    assert is_of_this_machine("/x.json", ROOT)
