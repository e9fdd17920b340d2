"""The file store: on real files, between real threads and processes, on a disk that is full."""

from __future__ import annotations

import base64
import json
import os
import shutil
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smgwproxy.certificate import Certificate, Fingerprint
from smgwproxy.errors import ConfigError, TrustStoreError
from smgwproxy.origin import Origin
from smgwproxy.truststores.base import ListableTrustStore, Pin, TrustStore
from smgwproxy.truststores.file import FileTrustStore, open_store
from tests.support import PATIENCE, Identity

ORIGIN = Origin("10.11.120.2")
NOW = datetime(2026, 3, 1, 12, 30, 15, 123456, tzinfo=timezone(timedelta(hours=1)))


@pytest.fixture
def certs(tmp_path: Path) -> Path:
    directory = tmp_path / "certs"
    directory.mkdir()
    return directory


@pytest.fixture
def store(certs: Path) -> FileTrustStore:
    return FileTrustStore(certs, lambda: NOW)


@pytest.fixture
def no_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def fingerprints(pins: object) -> list[str]:
    assert isinstance(pins, tuple)
    return [str(pin.fingerprint) for pin in pins]


def files(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


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


def run(program: str, directory: Path, *arguments: str) -> str:
    """Run a Python program in ``directory`` and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program, *arguments],
        cwd=directory,
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE * 2,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


# --- first use ------------------------------------------------------------------------------------------


def test_it_is_a_trust_store_that_can_list(store: FileTrustStore) -> None:
    assert isinstance(store, TrustStore)
    assert isinstance(store, ListableTrustStore)


def test_no_record_is_first_use(store: FileTrustStore) -> None:
    assert store.lookup(ORIGIN) == ()
    assert store.entries() == []


def test_first_use_pins(store: FileTrustStore, certs: Path, identity: Identity) -> None:
    told = identity.certificate.description
    assert told.not_after is not None
    pin = Pin(
        identity.certificate.fingerprint,
        identity.certificate,
        NOW.replace(microsecond=0),
        subject="CN=SMGW",
        not_after=told.not_after.strftime("%Y-%m-%d %H:%M:%S +0000 UTC"),
        record=str(certs / "10.11.120.2.json"),
    )
    assert store.pin(ORIGIN, identity.certificate) == (pin,)
    assert store.lookup(ORIGIN) == (pin,)
    assert store.entries() == [("10.11.120.2", (pin,))]
    assert FileTrustStore(certs).lookup(ORIGIN) == (pin,)
    assert files(certs) == ["10.11.120.2.json"]


def test_the_time_of_pinning_is_now_with_its_zone(certs: Path, identity: Identity) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    (pin,) = FileTrustStore(certs).pin(ORIGIN, identity.certificate)
    assert pin.pinned_at is not None
    assert before <= pin.pinned_at <= datetime.now(UTC)


def test_what_is_pinned_stays_pinned(store: FileTrustStore, identity: Identity, impostor: Identity) -> None:
    first = store.pin(ORIGIN, identity.certificate)
    assert store.pin(ORIGIN, impostor.certificate) == first
    assert store.lookup(ORIGIN) == first


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
    assert len(store.entries()) == len(files(certs)) == len(others) + 1
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
    record = json.loads((certs / "10.11.120.2.json").read_bytes())
    assert record["dns_names"] == []
    assert {record[key] for key in ("subject", "issuer", "not_before", "not_after")} == {""}


# --- the operator's hand --------------------------------------------------------------------------------


def test_a_removed_record_counts_at_once(
    store: FileTrustStore, certs: Path, identity: Identity, impostor: Identity
) -> None:
    store.pin(ORIGIN, identity.certificate)
    (certs / "10.11.120.2.json").unlink()
    assert store.lookup(ORIGIN) == ()
    assert fingerprints(store.pin(ORIGIN, impostor.certificate)) == [str(impostor.certificate.fingerprint)]


def test_an_exchanged_record_counts_at_once(
    store: FileTrustStore, certs: Path, identity: Identity, impostor: Identity
) -> None:
    store.pin(ORIGIN, identity.certificate)
    (certs / "10.11.120.2.json").write_bytes(original(impostor))
    assert fingerprints(store.lookup(ORIGIN)) == [str(impostor.certificate.fingerprint)]


def test_a_record_may_be_a_link_to_where_it_is_kept(
    store: FileTrustStore, certs: Path, tmp_path: Path, identity: Identity
) -> None:
    (tmp_path / "kept.json").write_bytes(original(identity))
    (certs / "10.11.120.2.json").symlink_to(tmp_path / "kept.json")
    assert fingerprints(store.lookup(ORIGIN)) == [str(identity.certificate.fingerprint)]


def test_files_that_are_no_records_are_left_alone(store: FileTrustStore, certs: Path, identity: Identity) -> None:
    for name in (".10.11.120.2.json.tmp", "10.11.120.2.json~", "10.11.120.2.json.bak", "10.11.120.2", "README"):
        (certs / name).write_bytes(b"not a record")
    assert store.lookup(ORIGIN) == ()
    assert store.entries() == []
    store.pin(ORIGIN, identity.certificate)
    assert len(store.entries()) == 1


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
    assert (name.removesuffix(".json"), (expected,)) in store.entries()


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


def test_the_original_can_read_our_records(store: FileTrustStore, certs: Path, identity: Identity) -> None:
    """It decodes them into five strings and a list of strings."""
    store.pin(ORIGIN, identity.certificate)
    record = json.loads((certs / "10.11.120.2.json").read_text("utf-8"))
    assert list(record)[:6] == ["fingerprint", "subject", "issuer", "not_before", "not_after", "dns_names"]
    assert {key for key, value in record.items() if not isinstance(value, str)} == {"dns_names"}
    assert isinstance(record["dns_names"], list)
    assert record["fingerprint"] == str(identity.certificate.fingerprint)
    assert record["subject"] == record["issuer"] == "CN=SMGW"
    assert record["dns_names"] == ["smgw.local"]
    for key in ("not_before", "not_after"):
        moment = datetime.strptime(record[key], "%Y-%m-%d %H:%M:%S %z UTC")
        assert moment == getattr(identity.certificate.description, key)


# --- what cannot be read is never first use -------------------------------------------------------------------

GOOD = {"fingerprint": str(Fingerprint.of(b"x")), "certificate": Certificate(b"x").pem}

CHANGES: dict[str, dict[str, object]] = {
    "fingerprint-null": {"fingerprint": None},
    "fingerprint-number": {"fingerprint": 5},
    "fingerprint-list": {"fingerprint": ["a" * 64]},
    "fingerprint-empty": {"fingerprint": ""},
    "fingerprint-of-md5": {"fingerprint": "a" * 32},
    "fingerprint-in-capitals": {"fingerprint": "A" * 64},
    "fingerprint-of-another-certificate": {"fingerprint": "a" * 64},
    "certificate-null": {"certificate": None},
    "certificate-number": {"certificate": 5},
    "certificate-empty": {"certificate": ""},
    "certificate-half": {"certificate": Certificate(b"x").pem[:40]},
    "certificate-not-ascii": {"certificate": Certificate(b"x").pem.replace("e", "\u00e4")},
    "certificate-of-another-fingerprint": {"certificate": Certificate(b"y").pem},
    "pinned-at-null": {"pinned_at": None},
    "pinned-at-number": {"pinned_at": 5},
    "pinned-at-no-time": {"pinned_at": "yesterday"},
    "pinned-at-without-zone": {"pinned_at": "2025-01-01T00:00:00"},
}

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
    pytest.param(b"[" * 200_000, id="nested-without-end"),
    pytest.param(b'{"fingerprint": ' + b"1" * 5000 + b"}", id="more-digits-than-int-takes"),
    pytest.param(json.dumps(GOOD | {"x": "y" * 1024 * 1024}).encode(), id="too-large"),
    *(pytest.param(json.dumps({**GOOD, **change}).encode(), id=name) for name, change in CHANGES.items()),
]


def refused(store: FileTrustStore, path: Path) -> None:
    before = files(path.parent)
    for ask in (
        lambda: store.lookup(ORIGIN),
        lambda: store.pin(ORIGIN, Certificate(b"another")),
        store.entries,
    ):
        with pytest.raises(TrustStoreError) as caught:
            ask()
        assert str(path) in caught.value.message
        assert "Nothing was sent" in caught.value.message
        assert len(str(caught.value).splitlines()) == 1
    assert files(path.parent) == before


@pytest.mark.parametrize("name", ["10.11.120.2.json", "10.11.120.2:443.json"])
@pytest.mark.parametrize("octets", UNREADABLE)
def test_an_unreadable_record_is_an_error_and_never_first_use(
    store: FileTrustStore, certs: Path, octets: bytes, name: str
) -> None:
    path = certs / name
    path.write_bytes(octets)
    refused(store, path)
    assert path.read_bytes() == octets


def test_the_good_record_of_the_table_is_good(store: FileTrustStore, certs: Path) -> None:
    (certs / "10.11.120.2.json").write_text(json.dumps(GOOD | {"pinned_at": "2025-01-01T00:00:00Z"}))
    (pin,) = store.lookup(ORIGIN)
    assert pin.certificate == Certificate(b"x")


def test_a_directory_in_place_of_the_record_is_an_error(store: FileTrustStore, certs: Path) -> None:
    (certs / "10.11.120.2.json").mkdir()
    refused(store, certs / "10.11.120.2.json")


@pytest.mark.parametrize("to", ["gone.json", "10.11.120.2.json"], ids=["to-nothing", "to-itself"])
def test_a_link_that_leads_nowhere_is_an_error(store: FileTrustStore, certs: Path, to: str) -> None:
    (certs / "10.11.120.2.json").symlink_to(certs.parent / "certs" / to)
    refused(store, certs / "10.11.120.2.json")


@pytest.mark.parametrize("replace", [False, True], ids=["gone", "a-file-now"])
def test_a_directory_that_is_gone_is_an_error(store: FileTrustStore, certs: Path, replace: bool) -> None:
    shutil.rmtree(certs)
    if replace:
        certs.write_text("")
    refused(store, certs)


def test_what_is_wrong_with_one_gateways_record_does_not_matter_to_another(
    store: FileTrustStore, certs: Path, identity: Identity
) -> None:
    (certs / "10.11.120.3.json").write_bytes(b"")
    (certs / "package.json").write_bytes(b"{}")
    (certs / "no address.json").write_bytes(b"{}")
    store.pin(ORIGIN, identity.certificate)
    assert fingerprints(store.lookup(ORIGIN)) == [str(identity.certificate.fingerprint)]
    with pytest.raises(TrustStoreError, match=r"10\.11\.120\.3\.json"):
        store.entries()


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_damage_to_a_record_makes_another_pin_of_it(
    store: FileTrustStore, certs: Path, identity: Identity, data: st.DataObject
) -> None:
    path = certs / "10.11.120.2.json"
    path.unlink(missing_ok=True)
    good = fingerprints(store.pin(ORIGIN, identity.certificate))
    octets = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(octets) - 1))
    if data.draw(st.booleans()):
        del octets[place:]
    else:
        octets[place] = data.draw(st.integers(0, 255))
    path.write_bytes(octets)
    try:
        pins = store.lookup(ORIGIN)
    except TrustStoreError:
        return
    assert fingerprints(pins) == good


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


def test_who_is_overtaken_while_it_writes_takes_the_winners_pin(certs: Path) -> None:
    winner = FileTrustStore(certs)

    def meanwhile() -> datetime:
        winner.pin(ORIGIN, Certificate(b"winner"))
        return NOW

    pins = FileTrustStore(certs, meanwhile).pin(ORIGIN, Certificate(b"loser"))
    assert fingerprints(pins) == [str(Fingerprint.of(b"winner"))]
    assert files(certs) == ["10.11.120.2.json"]


def test_a_record_that_cannot_be_written_is_an_error(certs: Path) -> None:
    def meanwhile() -> datetime:
        certs.rmdir()
        return NOW

    store = FileTrustStore(certs, meanwhile)
    with pytest.raises(TrustStoreError, match=r"10\.11\.120\.2\.json cannot be written: No such file"):
        store.pin(ORIGIN, Certificate(b"x"))
    assert not certs.exists()


def test_records_that_come_and_go_while_they_are_listed_do_no_harm(store: FileTrustStore, certs: Path) -> None:
    enough = threading.Event()

    def come_and_go() -> None:
        while not enough.is_set():
            store.pin(ORIGIN, Certificate(b"x"))
            (certs / "10.11.120.2.json").unlink()

    with ThreadPoolExecutor(1) as pool:
        coming_and_going = pool.submit(come_and_go)
        try:
            seen = [store.entries() for _ in range(1000)]
        finally:
            enough.set()
        coming_and_going.result()
    assert {len(entries) for entries in seen} <= {0, 1}


PIN_WHEN_TOLD = """
import sys
from pathlib import Path
from smgwproxy.certificate import Certificate
from smgwproxy.origin import Origin
from smgwproxy.truststores.file import FileTrustStore

certificate = Certificate(sys.argv[1].encode())
certificate.description
store = FileTrustStore(Path("certs"))
print("ready", flush=True)
sys.stdin.readline()
for number in range(10):
    print(*(pin.fingerprint for pin in store.pin(Origin("10.11.120.2", 1000 + number), certificate)))
"""


def test_processes_that_come_first_together_agree_on_one_pin(certs: Path) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", PIN_WHEN_TOLD, str(number)],
            cwd=certs.parent,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(12)
    ]
    try:
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        outputs = [process.communicate(timeout=PATIENCE)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.communicate()
    store = FileTrustStore(certs)
    agreed = [fingerprints(store.lookup(Origin("10.11.120.2", 1000 + number))) for number in range(10)]
    assert [len(pins) for pins in agreed] == [1] * 10
    assert outputs == ["".join(f"{pins[0]}\n" for pins in agreed)] * 12
    assert [process.returncode for process in processes] == [0] * 12
    assert len(files(certs)) == 10


# --- disks, crashes, permissions ------------------------------------------------------------------------------

PIN_ON_A_FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from smgwproxy.certificate import Certificate
from smgwproxy.errors import TrustStoreError
from smgwproxy.origin import Origin
from smgwproxy.truststores.file import FileTrustStore

certificate = Certificate(b"x" * 10_000)
certificate.description
store = FileTrustStore(Path("certs"))
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
try:
    store.pin(Origin("10.11.120.2"), certificate)
except TrustStoreError as error:
    print(error.message)
    print([path.name for path in Path("certs").iterdir()])
    print(store.lookup(Origin("10.11.120.2")))
"""


@pytest.mark.parametrize("size", ["0", "1", "10000"])
def test_a_full_disk_is_an_error_and_leaves_nothing(certs: Path, size: str) -> None:
    message, left, pins = run(PIN_ON_A_FULL_DISK, certs.parent, size).splitlines()
    assert "certs/10.11.120.2.json cannot be written: File too large. Nothing was sent." in message
    assert (left, pins) == ("[]", "()")
    assert files(certs) == []


PIN_UNTIL_KILLED = """
import os, signal, sys
from pathlib import Path
from smgwproxy.certificate import Certificate
from smgwproxy.origin import Origin
from smgwproxy.truststores.file import FileTrustStore

Certificate(b"").description
for turn in range(20):
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        store = FileTrustStore(Path("certs"))
        for number in range(60_000):
            store.pin(Origin(f"10.11.{turn}.2", 1 + number), Certificate(b"%d %d" % (turn, number)))
            os.write(writer, b".")
    for _ in range(1 + turn % 4):
        os.read(reader, 1)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
"""


def test_a_process_killed_while_it_writes_leaves_whole_records_or_none(certs: Path) -> None:
    run(PIN_UNTIL_KILLED, certs.parent)
    store = FileTrustStore(certs)
    entries = store.entries()
    assert len(entries) >= 20
    for name, pins in entries:
        origin = Origin.parse(name)
        turn = origin.host.split(".")[2]
        assert fingerprints(pins) == [str(Fingerprint.of(f"{turn} {origin.port - 1}".encode()))]
    for name in files(certs):
        assert name.endswith(".json") or (name.startswith(".") and name.endswith(".tmp"))


def test_directory_and_records_are_the_owners_alone(tmp_path: Path, no_umask: None) -> None:
    store = open_store(str(tmp_path / "a" / "certs"))
    store.pin(ORIGIN, Certificate(b"x"))
    assert stat.S_IMODE((tmp_path / "a" / "certs").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "a" / "certs" / "10.11.120.2.json").stat().st_mode) == 0o600


WITHOUT_PERMISSION = """
import os
from pathlib import Path
from smgwproxy.certificate import Certificate
from smgwproxy.errors import ConfigError, TrustStoreError
from smgwproxy.origin import Origin
from smgwproxy.truststores.file import FileTrustStore, open_store

directory, record = Path("certs"), Path("certs/10.11.120.2.json")
certificate = Certificate(b"x")
certificate.description
store = FileTrustStore(directory)
store.pin(Origin("10.11.120.2"), certificate)
if os.getuid() == 0:  # whom no mode bits would stop
    for path in (Path(), directory, record):
        os.chown(path, 65534, 65534)
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)

def tell(what):
    try:
        print(what())
    except (ConfigError, TrustStoreError) as error:
        print(type(error).__name__, "Permission denied" in str(error))

lookup = lambda: len(store.lookup(Origin("10.11.120.2")))
tell(lookup)
record.chmod(0)
tell(lookup)
tell(store.entries)
record.chmod(0o600)
for mode in (0o000, 0o300, 0o600):
    directory.chmod(mode)
    tell(lookup)
    tell(store.entries)
directory.chmod(0o500)
tell(lookup)
tell(lambda: store.pin(Origin("10.11.120.3"), certificate))
tell(lambda: open_store("certs"))
directory.chmod(0o700)
"""


def test_missing_permission_is_an_error_and_never_first_use(certs: Path) -> None:
    denied = "TrustStoreError True"
    told = run(WITHOUT_PERMISSION, certs.parent).splitlines()
    # only the gateway's own record can be found in a directory that cannot be listed
    changed_modes = [denied, denied, "1", denied, denied, denied]
    assert told == ["1", *[denied] * 2, *changed_modes, "1", denied, "ConfigError True"]
    assert files(certs) == ["10.11.120.2.json"]


# --- opening --------------------------------------------------------------------------------------------


def test_opening_makes_the_directory_and_keeps_what_is_there(tmp_path: Path) -> None:
    first = open_store(str(tmp_path / "new" / "certs"))
    pins = first.pin(ORIGIN, Certificate(b"x"))
    assert open_store(str(tmp_path / "new" / "certs")).lookup(ORIGIN) == pins
    assert files(tmp_path / "new" / "certs") == ["10.11.120.2.json"]


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


def test_a_record_holds_the_certificate_as_pem(store: FileTrustStore, certs: Path, identity: Identity) -> None:
    store.pin(ORIGIN, identity.certificate)
    pem = json.loads((certs / "10.11.120.2.json").read_bytes())["certificate"]
    assert base64.b64decode("".join(pem.splitlines()[1:-1])) == identity.certificate.der
