"""What is this store's own: a server that goes and comes, passwords, rights, and what is in the table."""

# ruff: noqa: S101  # pytest explains assertions

from __future__ import annotations

import subprocess
import sys
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
import smgwproxy_postgresql
from postgresql_server import PASSWORD, PATIENCE, Server
from smgwproxy_postgresql import PostgresqlTrustStore, open_store

from smgwproxy.certificate import Certificate
from smgwproxy.errors import ConfigError, SmgwProxyError, TrustStoreError
from smgwproxy.origin import Origin
from smgwproxy.truststores import Pin, Record, open_truststore

ORIGIN = Origin("10.11.120.2")
CERTIFICATE = Certificate(b"a certificate")


@pytest.fixture
def store(spec: str) -> PostgresqlTrustStore:
    """Open the store."""
    return open_store(spec.removeprefix("postgresql:"))


def fault(kind: type[SmgwProxyError], ask: Callable[[], object]) -> str:
    """Return the text of the error that ``ask`` raises: one line, and nothing about it tells the password."""
    with pytest.raises(kind) as caught:
        ask()
    assert PASSWORD not in "".join(traceback.format_exception(caught.value))
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


# --- opening --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "argument", ["", "db.example", "//db.example:port/trust", "//db.example/trust?site=a&site=b"]
)
def test_what_is_no_address_is_told(argument: str) -> None:
    """With an example of one."""
    assert "postgresql://smgwproxy@db/trust" in fault(ConfigError, lambda: open_store(argument))


def test_a_database_that_is_not_there_is_told(server: Server) -> None:
    """With its name, and what the server says."""
    assert '"gone" does not exist' in fault(ConfigError, lambda: open_truststore(server.spec("gone")))


def test_many_can_open_an_empty_database_at_once(spec: str) -> None:
    """Only one of them makes the table."""
    with ThreadPoolExecutor(8) as pool:
        stores = list(pool.map(open_truststore, [spec] * 8))
    (pin,) = stores[0].pin(ORIGIN, CERTIFICATE)
    assert [list(store.lookup(ORIGIN)) for store in stores] == [[pin]] * 8


def test_who_may_not_make_tables_can_use_the_one_that_is_there(server: Server, database: str, spec: str) -> None:
    """And is told so where there is none."""
    with server.connect(database) as connection:
        connection.execute(f"CREATE ROLE clerk LOGIN PASSWORD '{PASSWORD}'")
        clerks = spec.replace("box@", "clerk@")
        assert "permission denied" in fault(ConfigError, lambda: open_truststore(clerks))
        open_truststore(spec)
        connection.execute("GRANT SELECT, INSERT, UPDATE ON smgwproxy_trust TO clerk")
    pins = open_truststore(clerks).pin(ORIGIN, CERTIFICATE)
    assert [pin.certificate for pin in pins] == [CERTIFICATE]


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_the_encoding_of_the_database_does_not_matter(server: Server, encoding: str) -> None:
    """Names of people's gateways may have any letters."""
    store = open_truststore(server.spec(server.new_database(encoding)))
    assert isinstance(store, PostgresqlTrustStore)
    pin = Pin(CERTIFICATE.fingerprint, subject="CN=Z\u00e4hler \N{ELECTRIC LIGHT BULB}")
    store.change(ORIGIN, lambda record: Record(record.origin, (pin,)))
    assert [kept.subject for kept in store.lookup(ORIGIN)] == [pin.subject]


# --- passwords ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["//box:{}@/{}?host={}", "//box@/{1}?host={2}&password={0}"])
def test_the_password_is_told_nowhere(server: Server, database: str, form: str) -> None:
    """Neither when it is right nor when it is wrong, wherever it was given."""
    store = open_store(form.format(PASSWORD, database, server.directory))
    (pin,) = store.pin(ORIGIN, CERTIFICATE)
    assert pin.record == f"postgresql:///{database} ({ORIGIN})"
    assert PASSWORD not in f"{store!r} {store.warnings()}"
    with server.connect(database) as connection:
        connection.execute("DROP TABLE smgwproxy_trust")
    assert '"smgwproxy_trust" does not exist' in fault(TrustStoreError, lambda: store.lookup(ORIGIN))
    wrong = form.format(f"{PASSWORD}-not", database, server.directory)
    assert "password authentication failed" in fault(ConfigError, lambda: open_store(wrong))


# --- the server goes and comes --------------------------------------------------------------------------


def test_a_server_that_stops_is_an_error_until_it_is_back(
    server: Server, store: PostgresqlTrustStore, spec: str
) -> None:
    """Nothing is trusted meanwhile, and nothing is lost."""
    pins = store.pin(ORIGIN, CERTIFICATE)
    server.stop()
    try:
        for ask in (lambda: store.lookup(ORIGIN), lambda: store.pin(ORIGIN, CERTIFICATE)):
            text = fault(TrustStoreError, ask)
            assert str(ORIGIN) in text
            assert "Nothing was sent." in text
        assert "see that it runs" in fault(ConfigError, lambda: open_truststore(spec))
    finally:
        server.start()
    assert store.lookup(ORIGIN) == open_truststore(spec).lookup(ORIGIN) == pins


def test_a_connection_that_is_lost_in_between_is_replaced(
    server: Server, database: str, store: PostgresqlTrustStore
) -> None:
    """The next call does not notice."""
    pins = store.pin(ORIGIN, CERTIFICATE)
    server.disconnect_all(database)
    assert store.lookup(ORIGIN) == pins


def test_a_connection_that_is_lost_during_a_change_changes_nothing(
    server: Server, database: str, store: PostgresqlTrustStore
) -> None:
    """It is an error, and the next change works."""

    def edit(record: Record) -> Record:
        server.disconnect_all(database)
        return Record(record.origin, (Pin.of(CERTIFICATE),))

    fault(TrustStoreError, lambda: store.change(ORIGIN, edit))
    assert not store.record(ORIGIN)
    assert store.pin(ORIGIN, CERTIFICATE)


def test_who_waits_too_long_for_anothers_change_is_told(spec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """And has changed nothing."""
    slow = open_truststore(spec)
    assert isinstance(slow, PostgresqlTrustStore)
    monkeypatch.setitem(smgwproxy_postgresql.CONNECTION, "options", "-c lock_timeout=100ms")
    hasty = open_truststore(spec)

    def edit(record: Record) -> Record:
        assert "lock timeout" in fault(TrustStoreError, lambda: hasty.pin(ORIGIN, CERTIFICATE))
        return record

    assert not slow.change(ORIGIN, edit)
    assert not hasty.lookup(ORIGIN)


# --- boxes and people -----------------------------------------------------------------------------------

BOX = """
import sys
from smgwproxy import Certificate, Origin, open_truststore

store = open_truststore(sys.argv[1])
print(*(pin.fingerprint for pin in store.pin(Origin("10.11.120.2"), Certificate(sys.argv[2].encode()))))
"""


def test_boxes_share_their_pins(spec: str, store: PostgresqlTrustStore) -> None:
    """What one pins on first use holds for all."""

    def box(certificate: str) -> str:
        program = [sys.executable, "-W", "error", "-c", BOX, spec, certificate]
        done = subprocess.run(program, capture_output=True, check=False, text=True, timeout=PATIENCE)  # noqa: S603
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    first = Certificate(b"first").fingerprint
    assert [box("first"), box("second")] == [f"{first}\n"] * 2
    assert [pin.fingerprint for pin in store.lookup(ORIGIN)] == [first]


def test_sites_with_gateways_of_the_same_address_are_kept_apart(spec: str, store: PostgresqlTrustStore) -> None:
    """As each vendor's gateways often have it."""
    here, there = open_truststore(f"{spec}&site=house-7"), open_truststore(f"{spec}&site=house-8")
    here.pin(ORIGIN, CERTIFICATE)
    assert not there.lookup(ORIGIN)
    assert not store.lookup(ORIGIN)
    other = Certificate(b"another certificate")
    assert [pin.certificate for pin in there.pin(ORIGIN, other)] == [other]
    (pin,) = here.lookup(ORIGIN)
    assert pin.certificate == CERTIFICATE
    assert pin.record.endswith(f"?site=house-7 ({ORIGIN})")
    assert list(store.origins()) == []


@pytest.mark.parametrize("document", [None, 5, [], {}, {"fingerprint": ""}, {"fingerprint": "a" * 63}])
def test_what_is_no_record_is_an_error_and_never_first_use(
    server: Server, database: str, store: PostgresqlTrustStore, document: Any
) -> None:
    """For its gateway; others are not concerned."""
    store.pin(ORIGIN, CERTIFICATE)
    with server.connect(database) as connection:
        connection.execute("UPDATE smgwproxy_trust SET record = %s", [psycopg.types.json.Json(document)])
    for ask in (lambda: store.lookup(ORIGIN), lambda: store.pin(ORIGIN, CERTIFICATE)):
        text = fault(TrustStoreError, ask)
        assert f"postgresql:///{database}" in text
        assert str(ORIGIN) in text
    assert list(store.origins()) == [ORIGIN]
    assert store.pin(Origin("10.11.120.3"), CERTIFICATE)
