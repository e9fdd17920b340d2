"""The file store: on real files, between real threads and processes, killed anywhere, on a disk that is full."""

from __future__ import annotations

import base64
import errno
import fcntl
import json
import os
import shutil
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NoReturn

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smgwproxy.certificate import Certificate, Fingerprint
from smgwproxy.errors import CertificateRevoked, ConfigError, PinRefused, TrustStoreError
from smgwproxy.origin import Origin
from smgwproxy.renewal import Renewal
from smgwproxy.truststores import rules
from smgwproxy.truststores.base import EditableTrustStore, Pin, Record, TrustStore
from smgwproxy.truststores.file import FileTrustStore, open_store
from smgwproxy.truststores.record import Event, Happening, Pending, Revocation
from tests.support import PATIENCE, Identity

ORIGIN = Origin("10.11.120.2")
NOW = datetime(2026, 3, 1, 12, 30, 15, tzinfo=UTC)
RECORD = "10.11.120.2.json"
TEMPORARY = ".10.11.120.2.json.tmp"
AS_ROOT = os.geteuid() == 0
NOBODY = 65534


@pytest.fixture
def certs(store: FileTrustStore, tmp_path: Path) -> Path:
    """The directory of ``store``."""
    return tmp_path / "certs"


@pytest.fixture
def full(store: FileTrustStore, certs: Path) -> bytes:
    """A record of everything, as it is written."""
    store.change(ORIGIN, lambda _: everything())
    return (certs / RECORD).read_bytes()


def everything() -> Record:
    return Record(
        ORIGIN,
        (Pin.of(Certificate(b"current"), NOW), Pin.of(Certificate(b"backup"), NOW)),
        (Pending(Certificate(b"pending"), NOW, NOW, 3),),
        (Revocation(Fingerprint.of(b"revoked"), NOW, Certificate(b"revoked")),),
        (Event(NOW, Happening.PINNED, Fingerprint.of(b"current"), "CN=SMGW"),),
    )


def seen_again(record: Record) -> Record:
    """Count the pending certificate once more: an edit that is lost when two make it on the same record."""
    return rules.presented(record, Certificate(b"pending"), NOW, Renewal.ASK)


def fingerprints(pins: object) -> list[str]:
    assert isinstance(pins, tuple)
    return [str(pin.fingerprint) for pin in pins]


def files(directory: Path) -> list[str]:
    """Return the names of what is in ``directory``, but for the lock, which stays."""
    return sorted(path.name for path in directory.iterdir() if path.name != ".lock")


def original(identity: Identity, **changes: Any) -> bytes:
    """Return a record as the original proxy writes it."""
    record = {
        "fingerprint": str(identity.certificate.fingerprint),
        "subject": "CN=SMGW",
        "issuer": "CN=SMGW",
        "not_before": "2025-01-01 00:00:00 +0000 UTC",
        "not_after": "2035-01-01 00:00:00 +0000 UTC",
        "dns_names": None,
    }
    return json.dumps(record | changes, indent=2).encode()


def run(program: str, directory: Path, *arguments: str, before: tuple[str, ...] = ()) -> str:
    """Run a Python program in ``directory`` and return what it prints; ``before`` is the command that runs it."""
    done = subprocess.run(
        [*before, sys.executable, "-W", "error", "-c", PRELUDE + program, *arguments],
        cwd=directory,
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE * 4,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


PRELUDE = """
import errno, fcntl, os, resource, signal, sys, traceback
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from smgwproxy.certificate import Certificate
from smgwproxy.errors import ConfigError, TrustStoreError
from smgwproxy.origin import Origin
from smgwproxy.renewal import Renewal
from smgwproxy.truststores import rules
from smgwproxy.truststores.file import FileTrustStore, open_store
from smgwproxy.truststores.record import Pin, Record

ORIGIN, NOW, RECORD = Origin("10.11.120.2"), datetime(2026, 3, 1, tzinfo=UTC), Path("certs/10.11.120.2.json")
store = FileTrustStore(Path("certs"))
seen_again = partial(rules.presented, certificate=Certificate(b"pending"), now=NOW, renewal=Renewal.ASK)
Certificate(b"").description  # imports what is needed for it

def at_once(number, work):
    # Let so many processes run work(which) at the same time, and wait for them.
    reader, writer = os.pipe()
    children = []
    for which in range(number):
        child = os.fork()
        if not child:
            status = 1
            try:
                os.close(writer)
                os.read(reader, 1)  # until the last one has started
                work(which)
                status = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(status)
        children.append(child)
    os.close(writer)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * number

def is_free():
    # Tell whether nobody holds the lock.
    handle = os.open("certs/.lock", os.O_RDWR)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(handle)
    return True
"""


# --- first use ------------------------------------------------------------------------------------------


def test_it_is_a_trust_store_that_people_can_edit(store: FileTrustStore) -> None:
    assert isinstance(store, TrustStore)
    assert isinstance(store, EditableTrustStore)


def test_no_record_is_first_use(store: FileTrustStore) -> None:
    assert store.lookup(ORIGIN) == ()
    assert store.record(ORIGIN) == Record(ORIGIN)
    assert store.origins() == []


def test_first_use_pins(
    store: FileTrustStore, certs: Path, identity: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("smgwproxy.truststores.base.utc_now", lambda: NOW)
    told = identity.certificate.description
    assert told.not_after is not None
    pin = Pin(
        identity.certificate.fingerprint,
        identity.certificate,
        NOW,
        subject="CN=SMGW",
        not_after=told.not_after.strftime("%Y-%m-%d %H:%M:%S +0000 UTC"),
        record=str(certs / RECORD),
    )
    assert store.pin(ORIGIN, identity.certificate) == (pin,)
    assert store.lookup(ORIGIN) == (pin,)
    assert store.origins() == [ORIGIN]
    event = Event(NOW, Happening.PINNED, pin.fingerprint, "CN=SMGW")
    assert FileTrustStore(certs).record(ORIGIN) == Record(ORIGIN, (pin,), history=(event,))
    assert files(certs) == [RECORD]


def test_the_time_of_pinning_is_now(store: FileTrustStore, identity: Identity) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    (pin,) = store.pin(ORIGIN, identity.certificate)
    assert pin.pinned_at is not None
    assert before <= pin.pinned_at <= datetime.now(UTC)


def test_what_is_pinned_stays_pinned(store: FileTrustStore, identity: Identity, impostor: Identity) -> None:
    first = store.pin(ORIGIN, identity.certificate)
    assert store.pin(ORIGIN, impostor.certificate) == first
    assert store.lookup(ORIGIN) == first


def test_what_is_revoked_is_not_pinned_again(store: FileTrustStore, certs: Path) -> None:
    store.pin(ORIGIN, Certificate(b"x"))
    store.change(ORIGIN, partial(rules.revoke, fingerprint=Fingerprint.of(b"x"), now=NOW))
    octets = (certs / RECORD).read_bytes()
    assert store.lookup(ORIGIN) == ()
    with pytest.raises(CertificateRevoked):
        store.pin(ORIGIN, Certificate(b"x"))
    with pytest.raises(PinRefused):
        store.pin(ORIGIN, Certificate(b"another"))
    assert (certs / RECORD).read_bytes() == octets


@pytest.mark.parametrize(
    "target", ["10.11.120.2", "10.11.120.2:8443", "smgw.local", "::1", "[fe80::1%eth0]:8443", "[fe80::1%..]"]
)
def test_each_origin_has_a_record_of_its_own(store: FileTrustStore, certs: Path, target: str) -> None:
    others = [Origin(host, port) for host in ("10.11.120.20", "fe80::1", "smgw") for port in (443, 8443, 444)]
    for number, other in enumerate(others):
        store.pin(other, Certificate(b"other %d" % number))
    origin = Origin.parse(target)
    assert store.lookup(origin) == ()
    (pin,) = store.pin(origin, Certificate(b"this one"))
    assert pin.record == str(certs / f"{origin}.json")
    assert pin.fingerprint == Fingerprint.of(b"this one")
    assert set(store.origins()) == {*others, origin}
    assert len(store.origins()) == len(files(certs)) == len(others) + 1
    for number, other in enumerate(others):
        assert fingerprints(store.lookup(other)) == [str(Fingerprint.of(b"other %d" % number))]


@pytest.mark.parametrize(
    "der", [b"", b"\x30\x03\x02\x01\x00", b"\xff" * 3000], ids=["empty", "no-certificate", "long"]
)
def test_a_certificate_that_cannot_be_parsed_is_pinned_all_the_same(
    store: FileTrustStore, certs: Path, der: bytes
) -> None:
    (pin,) = store.pin(ORIGIN, Certificate(der))
    assert store.lookup(ORIGIN) == (pin,)
    assert pin.certificate == Certificate(der)
    assert (pin.subject, pin.not_after) == ("", "")
    record = json.loads((certs / RECORD).read_bytes())
    assert record["dns_names"] == []
    assert {record[key] for key in ("subject", "issuer", "not_before", "not_after")} == {""}


def test_a_record_holds_the_certificate_as_pem(store: FileTrustStore, certs: Path, identity: Identity) -> None:
    store.pin(ORIGIN, identity.certificate)
    pem = json.loads((certs / RECORD).read_bytes())["certificate"]
    assert base64.b64decode("".join(pem.splitlines()[1:-1])) == identity.certificate.der


# --- the operator's hand --------------------------------------------------------------------------------


def test_a_removed_record_counts_at_once(
    store: FileTrustStore, certs: Path, identity: Identity, impostor: Identity
) -> None:
    store.pin(ORIGIN, identity.certificate)
    (certs / RECORD).unlink()
    assert store.lookup(ORIGIN) == ()
    assert fingerprints(store.pin(ORIGIN, impostor.certificate)) == [str(impostor.certificate.fingerprint)]


def test_an_exchanged_record_counts_at_once(
    store: FileTrustStore, certs: Path, identity: Identity, impostor: Identity
) -> None:
    store.pin(ORIGIN, identity.certificate)
    (certs / RECORD).write_bytes(original(impostor))
    assert fingerprints(store.lookup(ORIGIN)) == [str(impostor.certificate.fingerprint)]


@pytest.mark.parametrize("relative", [False, True], ids=["absolute", "relative"])
def test_a_record_may_be_a_link_and_stays_one(
    store: FileTrustStore, certs: Path, identity: Identity, relative: bool
) -> None:
    kept = certs.parent / "kept" / "record"
    kept.parent.mkdir()
    kept.write_bytes(original(identity))
    link = certs / RECORD
    link.symlink_to(Path("../kept/record") if relative else kept)
    goal = link.readlink()
    assert fingerprints(store.lookup(ORIGIN)) == [str(identity.certificate.fingerprint)]
    changed = store.change(ORIGIN, seen_again)
    assert [one.times for one in changed.pending] == [1]
    assert {pin.record for pin in changed.pins} == {str(link)}
    assert link.readlink() == goal
    assert json.loads(kept.read_bytes())["pending"][0]["times"] == 1
    assert (files(certs), files(kept.parent)) == ([RECORD], ["record"])


def test_files_that_are_no_records_are_left_alone(store: FileTrustStore, certs: Path, identity: Identity) -> None:
    others = [".10.11.120.9.json.tmp", "10.11.120.2.json~", "10.11.120.2.json.bak", "10.11.120.2", "README"]
    for name in others:
        (certs / name).write_bytes(b"not a record")
    assert store.lookup(ORIGIN) == ()
    assert store.origins() == []
    store.pin(ORIGIN, identity.certificate)
    assert store.origins() == [ORIGIN]
    assert files(certs) == sorted([*others, RECORD])


def test_the_origins_are_those_that_files_are_named_after(store: FileTrustStore, certs: Path) -> None:
    names = ["b.json", "A.json", "a:443.json", "[::1]:8443.json", "10.11.120.2.json", "no address.json", ".json"]
    names += ["-.json", "a:0.json", "[::1.json", "10.11.120.json", "\udcff.json", "1.json.tmp", ".a.json"]
    for name in names:
        (certs / name).write_bytes(b"whatever is in them")
    found = store.origins()
    assert found == [Origin("10.11.120.2"), Origin("::1", 8443), Origin("a"), Origin("b")]


# --- the original proxy's records ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("10.11.120.2.json", "10.11.120.2"),
        ("10.11.120.2:443.json", "10.11.120.2"),
        ("10.11.120.2:8443.json", "10.11.120.2:8443"),
        ("SMGW.Local.json", "smgw.local"),
        ("smgw.LOCAL:443.json", "SMGW.local"),
        ("[FE80:0::1].json", "[fe80::1]"),
        ("[fe80::1]:443.json", "fe80::1"),
        ("[fe80::1]:8443.json", "[fe80::1]:8443"),
    ],
)
@pytest.mark.parametrize("names", [None, [], ["smgw.local"]], ids=["null", "none", "one"])
def test_the_originals_record_is_honoured(
    store: FileTrustStore, certs: Path, identity: Identity, name: str, target: str, names: list[str] | None
) -> None:
    (certs / name).write_bytes(original(identity, dns_names=names))
    (certs / "10.11.120.20.json").write_bytes(original(identity, fingerprint="a" * 64))
    expected = Pin(
        identity.certificate.fingerprint,
        subject="CN=SMGW",
        not_after="2035-01-01 00:00:00 +0000 UTC",
        record=str(certs / name),
    )
    origin = Origin.parse(target)
    assert store.lookup(origin) == (expected,)
    assert store.pin(origin, Certificate(b"another")) == (expected,)
    assert files(certs) == sorted([name, "10.11.120.20.json"])
    assert origin in store.origins()


def test_a_record_of_another_spelling_is_changed_where_it_is(
    store: FileTrustStore, certs: Path, identity: Identity
) -> None:
    """A second one beside it would count instead of it, until somebody removes that: then the old one would."""
    (certs / "10.11.120.2:443.json").write_bytes(original(identity))
    changed = store.change(ORIGIN, partial(rules.completed, certificate=identity.certificate))
    assert [pin.certificate for pin in changed.pins] == [identity.certificate]
    assert store.record(ORIGIN) == changed
    assert files(certs) == ["10.11.120.2:443.json"]


def test_the_originals_record_of_another_port_is_not_taken(
    store: FileTrustStore, certs: Path, identity: Identity
) -> None:
    (certs / "10.11.120.2:8443.json").write_bytes(original(identity))
    assert store.lookup(ORIGIN) == ()


def test_our_own_record_comes_before_the_originals(
    store: FileTrustStore, certs: Path, identity: Identity, impostor: Identity
) -> None:
    store.pin(ORIGIN, identity.certificate)
    (certs / "10.11.120.2:443.json").write_bytes(original(impostor))
    assert fingerprints(store.lookup(ORIGIN)) == [str(identity.certificate.fingerprint)]
    store.change(ORIGIN, seen_again)
    assert (certs / "10.11.120.2:443.json").read_bytes() == original(impostor)
    assert store.origins() == [ORIGIN]


def test_the_original_can_read_our_records(store: FileTrustStore, certs: Path, identity: Identity) -> None:
    """It decodes them into five strings and a list of strings, and passes over what it does not know."""
    store.pin(ORIGIN, identity.certificate)
    store.change(ORIGIN, seen_again)
    record = json.loads((certs / RECORD).read_text("utf-8"))
    known = {key: record[key] for key in list(record)[:6]}
    assert list(known) == ["fingerprint", "subject", "issuer", "not_before", "not_after", "dns_names"]
    assert {key for key, value in known.items() if not isinstance(value, str)} == {"dns_names"}
    assert isinstance(record["dns_names"], list)
    assert record["fingerprint"] == str(identity.certificate.fingerprint)
    assert record["subject"] == record["issuer"] == "CN=SMGW"
    assert record["dns_names"] == ["smgw.local"]
    for key in ("not_before", "not_after"):
        moment = datetime.strptime(record[key], "%Y-%m-%d %H:%M:%S %z UTC")
        assert moment == getattr(identity.certificate.description, key)


# --- what cannot be read is never first use -------------------------------------------------------------------

GOOD = {"fingerprint": str(Fingerprint.of(b"x")), "certificate": Certificate(b"x").pem}

# What is wrong inside of a record is the codec's: tests/test_record_codec.py.
UNREADABLE = [
    pytest.param(b"", id="empty"),
    pytest.param(b"\n", id="blank"),
    pytest.param(b"\0" * 2000, id="zeros-as-a-crash-leaves-them"),
    pytest.param(json.dumps(GOOD).encode()[:100], id="half"),
    pytest.param(json.dumps(GOOD).encode() * 2, id="twice"),
    pytest.param(b"\xff\xfe\xff", id="binary"),
    pytest.param(b"null", id="null"),
    pytest.param(b"[]", id="list"),
    pytest.param(b'"fingerprint"', id="string"),
    pytest.param(b"{}", id="no-fingerprint"),
    pytest.param(b'{"fingerprint": ""}', id="empty-fingerprint"),
    pytest.param(b"[" * 200_000, id="nested-without-end"),
    pytest.param(b'{"fingerprint": ' + b"1" * 5000 + b"}", id="more-digits-than-int-takes"),
    pytest.param(json.dumps(GOOD).encode() + b" " * 4 * 1024 * 1024, id="too-large"),
    pytest.param(json.dumps({**GOOD, "certificate": Certificate(b"y").pem}).encode(), id="certificate-of-another"),
]


def refused(store: FileTrustStore, path: Path, origin: Origin = ORIGIN) -> str:
    """Assert that the record at ``path`` is an error whatever is asked, and return what is told."""
    before = files(path.parent)
    called: list[Record] = []

    def edit(record: Record) -> Record:
        called.append(record)
        return record

    told = set()
    for ask in (
        lambda: store.lookup(origin),
        lambda: store.record(origin),
        lambda: store.pin(origin, Certificate(b"another")),
        lambda: store.change(origin, edit),
    ):
        with pytest.raises(TrustStoreError) as caught:
            ask()
        assert str(path) in caught.value.message
        assert "Nothing was sent" in caught.value.message
        assert len(str(caught.value).splitlines()) == 1
        told.add(caught.value.message)
    assert called == []
    assert files(path.parent) == before
    assert len(told) == 1
    return told.pop()


@pytest.mark.parametrize("name", [RECORD, "10.11.120.2:443.json"])
@pytest.mark.parametrize("octets", UNREADABLE)
def test_an_unreadable_record_is_an_error_and_never_first_use(
    store: FileTrustStore, certs: Path, octets: bytes, name: str
) -> None:
    path = certs / name
    path.write_bytes(octets)
    assert "cannot be read" in refused(store, path)
    assert path.read_bytes() == octets
    assert store.origins() == [ORIGIN]


def test_the_good_record_of_the_table_is_good(store: FileTrustStore, certs: Path) -> None:
    (certs / RECORD).write_text(json.dumps(GOOD | {"pinned_at": "2025-01-01T00:00:00Z"}))
    (pin,) = store.lookup(ORIGIN)
    assert pin.certificate == Certificate(b"x")


def in_its_place(kind: str, path: Path) -> None:
    """Make something else than a file at ``path``."""
    if kind == "directory":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
    else:
        goals = {"device": Path("/dev/zero"), "nothing": path.with_name("gone"), "itself": path}
        path.symlink_to(goals[kind])


@pytest.mark.parametrize("kind", ["directory", "pipe", "socket", "device", "nothing", "itself"])
def test_what_is_no_file_is_an_error_and_nobody_waits_for_it(
    store: FileTrustStore, certs: Path, kind: str
) -> None:
    in_its_place(kind, certs / RECORD)
    told = refused(store, certs / RECORD)
    assert ("not a regular file" in told) is (kind in {"directory", "pipe", "device"})
    assert store.origins() == [ORIGIN]


@pytest.mark.parametrize("kind", ["directory", "pipe", "device"])
def test_what_cannot_be_read_leaves_no_handle_open(store: FileTrustStore, certs: Path, kind: str) -> None:
    """A proxy looks every few seconds, and would run out of them."""
    in_its_place(kind, certs / RECORD)
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208  # no directory that stays the same for a Path
    for _ in range(50):
        with pytest.raises(TrustStoreError):
            store.lookup(ORIGIN)
    assert len(os.listdir("/proc/self/fd")) - before < 25  # noqa: PTH208  # as above; other threads open some, too


@pytest.mark.parametrize("put", [False, True], ids=["gone", "a-file-now"])
def test_a_directory_that_is_gone_is_an_error(store: FileTrustStore, certs: Path, put: bool) -> None:
    shutil.rmtree(certs)
    if put:
        certs.write_text("")
    for ask in (
        lambda: store.lookup(ORIGIN),
        lambda: store.pin(ORIGIN, Certificate(b"x")),
        store.origins,
        store.warnings,
    ):
        with pytest.raises(TrustStoreError, match="Nothing was sent") as caught:
            ask()
        assert str(certs) in caught.value.message
    assert certs.exists() is put


def test_what_is_wrong_with_one_gateways_record_does_not_matter_to_another(
    store: FileTrustStore, certs: Path, identity: Identity
) -> None:
    foreign = {"10.11.120.3": certs / "10.11.120.3.json", "package": certs / "package.json"}
    for path in (*foreign.values(), certs / "no address.json"):
        path.write_bytes(b"{}")
    store.pin(ORIGIN, identity.certificate)
    assert fingerprints(store.lookup(ORIGIN)) == [str(identity.certificate.fingerprint)]
    assert store.change(ORIGIN, seen_again).pending
    assert store.origins() == [ORIGIN, Origin("10.11.120.3"), Origin("package")]
    for host, path in foreign.items():
        refused(store, path, Origin(host))


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_damage_to_a_record_makes_another_pin_of_it(
    store: FileTrustStore, certs: Path, full: bytes, data: st.DataObject
) -> None:
    octets = bytearray(full)
    place = data.draw(st.integers(0, len(octets) - 1))
    if data.draw(st.booleans()):
        del octets[place:]
    else:
        octets[place] = data.draw(st.integers(0, 255))
    (certs / RECORD).write_bytes(octets)
    good = [str(pin.fingerprint) for pin in everything().pins]
    try:
        pins = store.pin(ORIGIN, Certificate(b"another"))
    except TrustStoreError:
        return
    assert pins
    assert fingerprints(pins) == good[: len(pins)]


# --- changes --------------------------------------------------------------------------------------------


def test_a_change_returns_what_is_in_the_store_then(store: FileTrustStore, certs: Path) -> None:
    changed = store.change(ORIGIN, lambda _: everything())
    kept = tuple(replace(pin, record=str(certs / RECORD)) for pin in everything().pins)
    assert changed == replace(everything(), pins=kept)
    assert FileTrustStore(certs).record(ORIGIN) == changed
    assert store.change(ORIGIN, seen_again) == store.record(ORIGIN) != changed


class Interrupted(BaseException):
    """What is no `Exception`, such as GreenletExit."""


@pytest.mark.parametrize("error", [ValueError("no"), Interrupted()], ids=["error", "interrupt"])
def test_an_edit_that_fails_changes_nothing(
    store: FileTrustStore, certs: Path, full: bytes, error: BaseException
) -> None:
    def edit(_: Record) -> NoReturn:
        raise error

    before = (certs / RECORD).stat()
    with pytest.raises(type(error)) as caught:
        store.change(ORIGIN, edit)
    assert caught.value is error
    assert (certs / RECORD).read_bytes() == full
    assert ((certs / RECORD).stat().st_ino, files(certs)) == (before.st_ino, [RECORD])
    assert [one.times for one in store.change(ORIGIN, seen_again).pending] == [4]  # nobody holds the lock


def test_an_edit_that_changes_nothing_writes_nothing(store: FileTrustStore, certs: Path, full: bytes) -> None:
    before = (certs / RECORD).stat()
    for edit in (lambda record: record, lambda record: replace(record, pins=tuple(record.pins))):
        assert store.change(ORIGIN, edit) == store.record(ORIGIN)
    after = (certs / RECORD).stat()
    assert (after.st_ino, after.st_mtime_ns, after.st_ctime_ns) == (
        before.st_ino,
        before.st_mtime_ns,
        before.st_ctime_ns,
    )
    assert (certs / RECORD).read_bytes() == full


def test_nothing_of_a_gateway_that_nothing_is_known_of_leaves_no_record(
    store: FileTrustStore, certs: Path
) -> None:
    assert store.change(ORIGIN, lambda record: record) == Record(ORIGIN)
    assert files(certs) == []


def test_what_could_not_be_read_again_is_not_written(store: FileTrustStore, certs: Path, full: bytes) -> None:
    naive = Pin.of(Certificate(b"x"), datetime(2026, 3, 1))
    with pytest.raises(ValueError, match="time zone"):
        store.change(ORIGIN, lambda record: replace(record, pins=(naive,)))
    assert (certs / RECORD).read_bytes() == full


def event(number: int, subject: str = "") -> Event:
    return Event(NOW, Happening.REFUSED, Fingerprint.of(b"%d" % number), subject)


def happened(record: Record, event: Event) -> Record:
    return replace(record, history=(*record.history, event))


def test_the_oldest_events_are_forgotten(store: FileTrustStore) -> None:
    events = tuple(event(number) for number in range(1010))
    store.change(ORIGIN, lambda record: replace(record, history=events))
    assert store.record(ORIGIN).history == events[-1000:]
    last = event(2000)
    store.change(ORIGIN, partial(happened, event=last))
    assert store.record(ORIGIN).history == (*events[-999:], last)


def test_strangers_with_long_names_cannot_make_the_record_too_large_to_be_read(
    store: FileTrustStore, certs: Path, full: bytes
) -> None:
    """Whoever answers at the gateway's address chooses the subjects in the history; TLS takes 100 kB of them."""
    events = tuple(event(number, "\u00e4" * 100_000) for number in range(20))
    changed = store.change(ORIGIN, lambda record: replace(record, history=events))
    assert changed.history
    assert changed.history == events[-len(changed.history) :]
    assert store.record(ORIGIN) == changed
    assert fingerprints(store.lookup(ORIGIN)) == [str(pin.fingerprint) for pin in everything().pins]
    one = event(99, "\u00e4" * 1_000_000)
    assert store.change(ORIGIN, lambda record: replace(record, history=(*events, one))).history == ()
    assert store.record(ORIGIN).pins == changed.pins


def test_a_record_too_large_to_be_read_is_not_written(store: FileTrustStore, certs: Path, full: bytes) -> None:
    huge = Pending(Certificate(b"x" * 4 * 1024 * 1024), NOW, NOW)
    with pytest.raises(TrustStoreError, match=r"cannot be written: it would have more than 4194304 bytes"):
        store.change(ORIGIN, lambda record: replace(record, pending=(huge,)))
    assert (certs / RECORD).read_bytes() == full
    assert files(certs) == [RECORD]


# --- several at once ------------------------------------------------------------------------------------


def test_threads_that_come_first_together_agree_on_one_pin(certs: Path) -> None:
    stores = [FileTrustStore(certs) for _ in range(4)]
    for number in range(20):
        origin = Origin("10.11.120.2", 1000 + number)
        barrier = threading.Barrier(20)

        def first_use(each: int, origin: Origin = origin, barrier: threading.Barrier = barrier) -> list[str]:
            barrier.wait(PATIENCE)
            return fingerprints(stores[each % 4].pin(origin, Certificate(b"%d" % each)))

        with ThreadPoolExecutor(20) as pool:
            results = list(pool.map(first_use, range(20)))
        assert len(results[0]) == 1
        assert results == [fingerprints(stores[0].lookup(origin))] * 20
    assert len(files(certs)) == 20


PIN_AT_ONCE = """
def pin(which):
    certificate = Certificate(b"%d" % which)
    pins = [store.pin(Origin("10.11.120.2", 1000 + number), certificate) for number in range(5)]
    os.write(1, (" ".join(str(pin.fingerprint) for (pin,) in pins) + "\\n").encode())

at_once(40, pin)
"""


def test_forty_processes_that_come_first_together_agree_on_one_pin(store: FileTrustStore, certs: Path) -> None:
    told = run(PIN_AT_ONCE, certs.parent).splitlines()
    agreed = [fingerprints(store.lookup(Origin("10.11.120.2", 1000 + number))) for number in range(5)]
    assert [len(pins) for pins in agreed] == [1] * 5
    assert told == [" ".join(pin for (pin,) in agreed)] * 40
    assert len(files(certs)) == 5


def test_who_is_overtaken_before_it_writes_takes_the_winners_pin(
    certs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    winner = FileTrustStore(certs)

    def meanwhile() -> datetime:
        winner.change(ORIGIN, partial(rules.first_use, certificate=Certificate(b"winner"), now=NOW))
        return NOW

    monkeypatch.setattr("smgwproxy.truststores.base.utc_now", meanwhile)
    pins = FileTrustStore(certs).pin(ORIGIN, Certificate(b"loser"))
    assert fingerprints(pins) == [str(Fingerprint.of(b"winner"))]
    assert files(certs) == [RECORD]


def test_no_change_of_a_thread_is_lost(certs: Path) -> None:
    barrier = threading.Barrier(8)

    def work(number: int) -> None:
        store = FileTrustStore(certs)
        barrier.wait(PATIENCE)
        for turn in range(15):
            store.change(ORIGIN, seen_again)
            store.change(ORIGIN, partial(happened, event=event(1000 * number + turn)))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    record = FileTrustStore(certs).record(ORIGIN)
    assert [one.times for one in record.pending] == [8 * 15]
    added = {one.fingerprint for one in record.history} - {Fingerprint.of(b"pending")}
    assert added == {event(1000 * number + turn).fingerprint for number in range(8) for turn in range(15)}


CHANGE_AT_ONCE = """
def change(which):
    for turn in range(15):
        store.change(ORIGIN, seen_again)
        added = Pin.of(Certificate(b"%d %d" % (which, turn)), NOW)
        store.change(ORIGIN, lambda record: rules.add(record, added, NOW))

at_once(8, change)
"""


def test_no_change_of_a_process_is_lost(store: FileTrustStore, certs: Path) -> None:
    run(CHANGE_AT_ONCE, certs.parent)
    record = store.record(ORIGIN)
    assert [one.times for one in record.pending] == [8 * 15]
    added = {str(Fingerprint.of(b"%d %d" % (which, turn))) for which in range(8) for turn in range(15)}
    assert set(fingerprints(record.pins)) == added
    assert len(record.history) == 8 * 15 + 1
    assert files(certs) == [RECORD]


def test_records_that_come_and_go_while_they_are_looked_at_do_no_harm(store: FileTrustStore, certs: Path) -> None:
    enough = threading.Event()

    def come_and_go() -> None:
        while not enough.is_set():
            store.pin(ORIGIN, Certificate(b"x"))
            (certs / RECORD).unlink()

    with ThreadPoolExecutor(1) as pool:
        coming_and_going = pool.submit(come_and_go)
        try:
            seen = [(len(store.origins()), len(store.lookup(ORIGIN)), store.warnings()) for _ in range(500)]
        finally:
            enough.set()
        coming_and_going.result()
    assert {(origins, pins) for origins, pins, _ in seen} <= {(0, 0), (0, 1), (1, 0), (1, 1)}
    assert all(path != str(certs / RECORD) for _, _, told in seen for path in told)


def test_a_look_up_waits_for_nobody(store: FileTrustStore, certs: Path, full: bytes) -> None:
    with (certs / ".lock").open("rb+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert len(store.lookup(ORIGIN)) == 2
        assert store.origins() == [ORIGIN]


FORK_WHILE_LOCKED = """
reader, writer = os.pipe()
children = []

def edit(record):
    children.append(os.fork())
    if not children[0]:
        os.read(reader, 1)
        os._exit(0)
    return rules.first_use(record, Certificate(b"x"), NOW)

store.change(ORIGIN, edit)
print(is_free())
os.write(writer, b".")
print(os.waitpid(children[0], 0)[1])
"""


def test_a_child_that_is_forked_meanwhile_does_not_keep_the_lock(certs: Path) -> None:
    """It has the lock's handle as well, for as long as it lives."""
    assert run(FORK_WHILE_LOCKED, certs.parent).split() == ["True", "0"]


# --- disks, crashes, permissions ------------------------------------------------------------------------------

ON_A_FULL_DISK = """
def edit(record):
    return replace(record, pins=(Pin.of(Certificate(b"x" * 10_000), NOW),))

if len(sys.argv) > 2:
    store.change(ORIGIN, lambda record: rules.first_use(record, Certificate(b"old"), NOW))
    before = RECORD.read_bytes()
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
try:
    store.change(ORIGIN, edit)
except TrustStoreError as error:
    print(error.message)
    print(*sorted(path.name for path in Path("certs").iterdir()))
    print(is_free())
    print(RECORD.read_bytes() == before if len(sys.argv) > 2 else store.lookup(ORIGIN))
"""


@pytest.mark.parametrize("size", ["0", "1", "10000"])
def test_a_full_disk_is_an_error_and_leaves_nothing(certs: Path, size: str) -> None:
    message, left, free, pins = run(ON_A_FULL_DISK, certs.parent, size).splitlines()
    assert "certs/10.11.120.2.json cannot be written: File too large. Nothing was sent." in message
    assert (left, free, pins) == (".lock", "True", "()")


@pytest.mark.parametrize("size", ["0", "1", "10000"])
def test_a_full_disk_is_an_error_and_leaves_the_old_record(certs: Path, size: str) -> None:
    message, left, free, same = run(ON_A_FULL_DISK, certs.parent, size, "old").splitlines()
    assert "certs/10.11.120.2.json cannot be written: File too large. Nothing was sent." in message
    assert (left, free, same) == (".lock 10.11.120.2.json", "True", "True")


@pytest.mark.parametrize("failing", ["fsync", "rename"])
def test_a_disk_that_fails_is_an_error_and_leaves_the_old_record(
    store: FileTrustStore, certs: Path, full: bytes, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    def fail(*_: object) -> NoReturn:
        raise OSError(errno.EIO, "Input/output error")

    if failing == "fsync":
        monkeypatch.setattr(os, "fsync", fail)
    else:
        monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(TrustStoreError, match="cannot be written: Input/output error"):
        store.change(ORIGIN, seen_again)
    assert (certs / RECORD).read_bytes() == full
    assert files(certs) == [RECORD]


def test_record_and_directory_are_synced_in_this_order_around_the_rename(
    store: FileTrustStore, certs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a crash of the machine could leave an empty record, or the old one after the caller went on."""
    done: list[str] = []
    rename, fsync = Path.rename, os.fsync

    def renamed(path: Path, target: Path) -> Path:
        done.append(f"rename {path.name} {target.name}")
        return rename(path, target)

    def synced(handle: int) -> None:
        done.append(f"fsync {Path(f'/proc/self/fd/{handle}').readlink().name}")
        fsync(handle)

    monkeypatch.setattr(Path, "rename", renamed)
    monkeypatch.setattr(os, "fsync", synced)
    store.pin(ORIGIN, Certificate(b"x"))
    assert done == [f"fsync {TEMPORARY}", f"rename {TEMPORARY} {RECORD}", "fsync certs"]


# Each child is killed one step later than the one before it, until one comes to the end. A step is before or after
# a call of the system: between two of them nothing changes on the disk.
KILLED_AT_EACH_STEP = """
import io

old = sys.argv[1] == "old"
steps, survived, lefts = 0, False, set()
before = rules.first_use(Record(ORIGIN), Certificate(b"old"), NOW) if old else Record(ORIGIN)
bare = lambda record: replace(record, pins=tuple(replace(pin, record="") for pin in record.pins))
edit = lambda record: replace(record, pins=(Pin.of(Certificate(b"new"), NOW),))
after = edit(before)

def killed_after(steps):
    def step(frame, event, argument):
        nonlocal steps
        system = getattr(argument, "__module__", None) in ("posix", "fcntl", "io", "_io")
        if event.startswith("c_") and (system or isinstance(getattr(argument, "__self__", None), io.IOBase)):
            steps -= 1
            if not steps:
                os.kill(os.getpid(), signal.SIGKILL)
    return step

while not survived:
    steps += 1
    RECORD.unlink(missing_ok=True)
    if old:
        store.change(ORIGIN, lambda record: before)
    child = os.fork()
    if not child:
        sys.setprofile(killed_after(steps))
        store.change(ORIGIN, edit)
        os._exit(0)
    survived = os.waitpid(child, 0)[1] == 0
    left = sorted(path.name for path in Path("certs").iterdir() if path.name != ".lock")
    lefts.add((*left, bare(store.record(ORIGIN)) == after))
    assert bare(store.record(ORIGIN)) in (before, after), (steps, store.record(ORIGIN))
    assert not Path("certs/.lock").exists() or is_free(), steps
    if ".10.11.120.2.json.tmp" in left:
        assert bare(store.record(ORIGIN)) == before
        assert store.change(ORIGIN, seen_again).pending
        assert not Path("certs/.10.11.120.2.json.tmp").exists(), steps
print(steps)
for left in sorted(lefts, key=str):
    print(*left)
"""


@pytest.mark.parametrize("before", ["none", "old"])
def test_a_process_killed_at_any_step_leaves_the_old_record_or_the_new_one(certs: Path, before: str) -> None:
    steps, *lefts = run(KILLED_AT_EACH_STEP, certs.parent, before).splitlines()
    assert int(steps) > 50
    old = "" if before == "none" else f" {RECORD}"
    assert {left.strip() for left in lefts} == {
        line.strip() for line in (f"{old} False", f"{TEMPORARY}{old} False", f"{RECORD} True")
    }


KILLED_WHILE_IT_WRITES = """
store.change(ORIGIN, lambda record: rules.first_use(record, Certificate(b"old"), NOW))
before = RECORD.read_bytes()
child = os.fork()
if not child:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, resource.RLIM_INFINITY))
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # which kills in the middle of a write
    store.change(ORIGIN, lambda record: replace(record, pins=(Pin.of(Certificate(b"x" * 10_000), NOW),)))
print(os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGXFSZ)
print(Path("certs/.10.11.120.2.json.tmp").stat().st_size)
print(RECORD.read_bytes() == before, is_free())
store.change(ORIGIN, seen_again)
print(sorted(path.name for path in Path("certs").iterdir()))
"""


def test_a_half_written_file_is_no_record_and_is_removed_by_the_next_change(certs: Path) -> None:
    killed, size, left, last = run(KILLED_WHILE_IT_WRITES, certs.parent).splitlines()
    assert (killed, size, left) == ("True", "5000", "True True")
    assert last == str([".lock", RECORD])


KILL_WHO_HOLDS_THE_LOCK = """
reader, writer = os.pipe()
child = os.fork()
if not child:
    def edit(record):
        os.write(writer, b".")
        signal.pause()
    store.change(ORIGIN, edit)
os.read(reader, 1)
print(is_free())
os.kill(child, signal.SIGKILL)
os.waitpid(child, 0)
print(is_free())
"""


def test_the_lock_ends_with_the_process_that_holds_it(certs: Path) -> None:
    assert run(KILL_WHO_HOLDS_THE_LOCK, certs.parent).split() == ["False", "True"]


WITHOUT_HARD_LINKS = """
def deny(event, arguments):
    if event == "os.link":
        raise PermissionError(errno.EPERM, "Operation not permitted")

Path("file").touch()
if not sys.argv[1:]:
    sys.addaudithook(deny)
try:
    os.link("file", "link")  # else this program would show nothing
except OSError as error:
    print(error.strerror)
store = open_store("certs")
store.pin(ORIGIN, Certificate(b"x"))
store.change(ORIGIN, seen_again)
print(len(store.lookup(ORIGIN)), store.record(ORIGIN).pending[0].times)
"""


def test_a_file_system_without_hard_links_will_do(certs: Path) -> None:
    assert run(WITHOUT_HARD_LINKS, certs.parent).splitlines() == ["Operation not permitted", "1 1"]


@pytest.fixture
def strace(tmp_path: Path) -> tuple[str, ...]:
    """The command that makes the kernel itself refuse hard links; it writes to the file ``links``."""
    calls = "?link,linkat"  # some machines have only one of them
    command = ["strace", "-f", "-qq", "-e", "signal=none", "-o", str(tmp_path / "links")]
    command += ["-e", f"trace={calls}", "-e", f"inject={calls}:error=EPERM"]
    try:
        subprocess.run([*command, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"strace does not work here: {error}")
    return tuple(command)


def test_no_hard_link_is_ever_made(certs: Path, tmp_path: Path, strace: tuple[str, ...]) -> None:
    told = run(WITHOUT_HARD_LINKS, certs.parent, "by strace", before=strace).splitlines()
    assert told == ["Operation not permitted", "1 1"]
    (asked,) = (tmp_path / "links").read_text().splitlines()  # by the program itself
    assert '"file"' in asked
    assert "INJECTED" in asked


def test_a_record_that_cannot_be_written_is_an_error(store: FileTrustStore, certs: Path) -> None:
    def edit(record: Record) -> Record:
        shutil.rmtree(certs)
        return rules.first_use(record, Certificate(b"x"), NOW)

    with pytest.raises(TrustStoreError, match=r"certs cannot be read: No such file.*Nothing was sent"):
        store.change(ORIGIN, edit)
    assert not certs.exists()


def test_a_lock_that_cannot_be_had_is_an_error(
    store: FileTrustStore, certs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> NoReturn:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(TrustStoreError, match=r"\.lock cannot be written: No locks available"):
        store.pin(ORIGIN, Certificate(b"x"))
    monkeypatch.undo()
    (certs / ".lock").unlink()
    (certs / ".lock").mkdir()
    with pytest.raises(TrustStoreError, match=r"\.lock cannot be written: Is a directory"):
        store.pin(ORIGIN, Certificate(b"x"))
    assert store.lookup(ORIGIN) == ()


@pytest.fixture
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


@pytest.mark.parametrize("umask", [0, 0o022, 0o077], indirect=True)
def test_directory_and_records_are_the_owners_alone(tmp_path: Path, umask: None) -> None:
    store = open_store(str(tmp_path / "a" / "certs"))
    store.pin(ORIGIN, Certificate(b"x"))
    (tmp_path / "a" / "certs" / RECORD).chmod(0o644)
    store.change(ORIGIN, seen_again)
    assert stat.S_IMODE((tmp_path / "a" / "certs").stat().st_mode) == 0o700
    for name in (RECORD, ".lock"):
        assert stat.S_IMODE((tmp_path / "a" / "certs" / name).stat().st_mode) == 0o600
    assert store.warnings() == []


@pytest.mark.skipif(not AS_ROOT, reason="only root can give files to others")
def test_what_root_changes_stays_readable_for_the_user_of_the_proxy(store: FileTrustStore, certs: Path) -> None:
    """``sudo smgwproxy trust approve`` must not lock the proxy out of its own store."""
    os.chown(certs, NOBODY, NOBODY)
    elsewhere = certs.parent / "elsewhere"
    (certs / "10.11.120.3.json").symlink_to(elsewhere)
    elsewhere.write_text(json.dumps(GOOD))
    store.pin(ORIGIN, Certificate(b"x"))
    store.change(Origin("10.11.120.3"), seen_again)
    for path in (certs / ".lock", certs / RECORD, elsewhere):
        assert (path.stat().st_uid, path.stat().st_gid) == (NOBODY, NOBODY)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("root", [False, True], ids=["as-another", "as-root"])
def test_files_that_cannot_be_given_away_are_used_all_the_same(
    store: FileTrustStore, certs: Path, monkeypatch: pytest.MonkeyPatch, root: bool
) -> None:
    asked: list[int] = []

    def refuse(_: int, uid: int, __: int) -> NoReturn:
        asked.append(uid)
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "geteuid", lambda: 0 if root else 1000)
    monkeypatch.setattr(os, "fchown", refuse)
    assert len(store.pin(ORIGIN, Certificate(b"x"))) == 1
    assert asked == [certs.stat().st_uid] * 2 * root  # the lock and the record


WITHOUT_PERMISSION = """
directory = Path("certs")
certificate = Certificate(b"x")
certificate.description
store.pin(ORIGIN, certificate)
if os.getuid() == 0:  # whom no mode bits would stop
    for path in (Path(), directory, RECORD, directory / ".lock"):
        os.chown(path, 65534, 65534)
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)

def tell(what):
    try:
        print(what())
    except (ConfigError, TrustStoreError) as error:
        print(type(error).__name__, "Permission denied" in str(error))

lookup = lambda: len(store.lookup(ORIGIN))
origins = lambda: len(store.origins())
change = lambda: store.change(ORIGIN, seen_again) and 1
tell(lookup)
RECORD.chmod(0)
tell(lookup)
tell(origins)
tell(change)
RECORD.chmod(0o600)
for mode in (0o000, 0o300, 0o600):
    directory.chmod(mode)
    tell(lookup)
    tell(origins)
directory.chmod(0o500)
before = RECORD.read_bytes()
tell(lookup)
tell(lambda: store.pin(Origin("10.11.120.3"), certificate))
tell(change)
(directory / ".lock").chmod(0)
tell(change)
tell(lambda: open_store("certs"))
print(RECORD.read_bytes() == before)
directory.chmod(0o700)
"""


def test_missing_permission_is_an_error_and_never_first_use() -> None:
    denied = "TrustStoreError True"
    with TemporaryDirectory() as place:  # not below pytest's own, which others than root cannot reach
        certs = Path(place) / "certs"
        certs.mkdir()
        told = run(WITHOUT_PERMISSION, Path(place)).splitlines()
        assert files(certs) == [RECORD]
    unreadable_record = [denied, "1", denied]
    # only the gateway's own record can be found in a directory that cannot be listed, and only names in one that
    # cannot be searched
    changed_modes = [denied, denied, "1", denied, denied, "1"]
    read_only_directory = ["1", denied, denied, denied, "ConfigError True", "True"]
    assert told == ["1", *unreadable_record, *changed_modes, *read_only_directory]


# --- what a person should know --------------------------------------------------------------------------


def test_others_that_may_write_to_directory_or_record_are_told(
    store: FileTrustStore, certs: Path, full: bytes
) -> None:
    certs.chmod(0o700)
    assert store.warnings() == []
    certs.chmod(0o770)
    (certs / RECORD).chmod(0o602)
    (certs / "README").write_text("")
    (certs / "README").chmod(0o666)
    for path, told in zip((certs, certs / RECORD), store.warnings(), strict=True):
        assert told.startswith(f"{path} may be written by other users")


# --- opening --------------------------------------------------------------------------------------------


def test_opening_makes_the_directory_and_keeps_what_is_there(tmp_path: Path) -> None:
    first = open_store(str(tmp_path / "new" / "certs"))
    pins = first.pin(ORIGIN, Certificate(b"x"))
    assert open_store(str(tmp_path / "new" / "certs")).lookup(ORIGIN) == pins
    assert files(tmp_path / "new" / "certs") == [RECORD]


def test_a_relative_directory_is_told_in_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (pin,) = open_store("certs").pin(ORIGIN, Certificate(b"x"))
    assert pin.record == str(tmp_path / "certs" / RECORD)


def test_opening_nothing_is_told() -> None:
    with pytest.raises(ConfigError, match=r"file:\./certs"):
        open_store("")


def test_opening_what_is_no_directory_is_told(tmp_path: Path) -> None:
    (tmp_path / "certs").write_text("")
    for path in (tmp_path / "certs", tmp_path / "certs" / "below"):
        with pytest.raises(ConfigError) as caught:
            open_store(str(path))
        assert str(path) in str(caught.value)
        assert len(str(caught.value).splitlines()) == 1
