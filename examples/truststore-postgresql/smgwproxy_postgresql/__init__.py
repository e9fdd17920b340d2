"""The trust store ``postgresql://USER@HOST/DATABASE``: the records of many boxes in one PostgreSQL database."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import sqlalchemy as sql
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError

from smgwproxy.errors import ConfigError, TrustStoreError
from smgwproxy.origin import Origin
from smgwproxy.truststores import EditableTrustStore, Record
from smgwproxy.truststores.codec import from_json, to_json

_RECORDS = sql.Table(
    "smgwproxy_trust",
    sql.MetaData(),
    sql.Column("site", sql.Text, primary_key=True),
    sql.Column("origin", sql.Text, primary_key=True),
    # Not JSONB, which takes no NUL in a text: whoever makes a certificate may write one into its names.
    sql.Column("record", sql.JSON, nullable=False),
    sql.Column("updated", sql.DateTime(timezone=True), nullable=False),
)

_MAX_HISTORY = 1000  # events; the oldest are forgotten

# Time-outs are shorter than the 10 s that smgwproxy waits for a store, so that its error tells the reason.
CONNECTION = {
    "client_encoding": "utf8",  # whatever the database's is
    "connect_timeout": 5,  # seconds
    "tcp_user_timeout": 8_000,  # milliseconds until a host that has vanished is given up
    "keepalives_idle": 5,  # seconds
    "options": "-c lock_timeout=6s -c statement_timeout=8s -c synchronous_commit=on",
}


def open_store(argument: str) -> PostgresqlTrustStore:
    """Open ``postgresql://USER@HOST/DATABASE[?site=NAME]``, making the table when there is none.

    ``argument`` is what comes behind the first colon. Gateways of different sites are kept apart though they have
    the same address, as each vendor's often have. Raises `ConfigError` when it is no address, and when the
    database cannot be reached or used now: a box that starts without its trust store would be of no use.
    """
    try:
        url = sql.make_url(f"postgresql+psycopg:{argument}")
        (site,) = url.normalized_query.get("site", ("",))
        url = url.difference_update_query(["site"])
        # without user, password and the other parts of the query, any of which may hold a secret
        told = {"site": site} if site else {}
        place = str(sql.URL.create("postgresql", host=url.host, port=url.port, database=url.database, query=told))
        engine = sql.create_engine(
            url,
            connect_args=CONNECTION,
            pool_pre_ping=True,  # a connection that was lost in between is replaced
            pool_timeout=8,
            isolation_level="READ COMMITTED",  # so that who waited for the lock reads what its holder wrote
            hide_parameters=True,
        )
    except (SQLAlchemyError, ValueError) as error:
        raise ConfigError("postgresql: needs a database, for example postgresql://smgwproxy@db/trust") from error
    try:
        with engine.begin() as database:
            _lock(database, "")  # CREATE TABLE IF NOT EXISTS fails when two do it at once
            _RECORDS.metadata.create_all(database)
    except SQLAlchemyError as error:
        engine.dispose()
        raise ConfigError(
            f"{place} cannot be used as a trust store ({_reason(error)}): "
            "see that it runs, and that this user may log in and make tables"
        ) from error
    return PostgresqlTrustStore(engine, place, site)


class PostgresqlTrustStore(EditableTrustStore):
    """Records as rows of the table ``smgwproxy_trust``; ``place`` tells people where, without user and password.

    Those of other sites than ``site`` are not seen. A change is one transaction that holds a lock of the
    gateway's. Safe between threads, processes and machines.
    """

    def __init__(self, engine: sql.Engine, place: str, site: str) -> None:
        self._engine = engine
        self._place = place
        self._site = site
        weakref.finalize(self, engine.dispose)

    def record(self, origin: Origin) -> Record:
        """Return the record of ``origin``; see `EditableTrustStore.record`."""
        with self._transaction(f"of {origin}") as database:
            return self._read(database, origin)

    def change(self, origin: Origin, edit: Callable[[Record], Record]) -> Record:
        """Replace the record of ``origin``; see `EditableTrustStore.change`."""
        with self._transaction(f"of {origin}") as database:
            _lock(database, f"{self._site} {origin}")  # a row that is not there yet cannot be locked
            before = self._read(database, origin)
            after = edit(before)
            if after == before:
                return before
            kept = replace(after, history=after.history[-_MAX_HISTORY:])
            row = {"record": to_json(kept), "updated": sql.func.now()}
            write = insert(_RECORDS).values(site=self._site, origin=str(origin), **row)
            database.execute(write.on_conflict_do_update(index_elements=["site", "origin"], set_=row))
            return self._read(database, origin)

    def origins(self) -> Sequence[Origin]:
        """Return the gateways; see `EditableTrustStore.origins`."""
        with self._transaction("of all gateways") as database:
            names = database.scalars(sql.select(_RECORDS.c.origin).where(_RECORDS.c.site == self._site)).all()
        return [Origin.parse(name) for name in sorted(names)]

    def _read(self, database: sql.Connection, origin: Origin) -> Record:
        query = sql.select(_RECORDS.c.record).where(
            _RECORDS.c.site == self._site, _RECORDS.c.origin == str(origin)
        )
        row = database.execute(query).one_or_none()
        if row is None:
            return Record(origin)
        try:
            return from_json(origin, row.record, f"{self._place} ({origin})")
        except (ValueError, KeyError, TypeError) as error:
            raise TrustStoreError(
                f"The trust record of {origin} in {self._place} cannot be read ({error}). Nothing was sent.",
                f"Mend it in the table {_RECORDS.name}; delete it only if the certificate may be pinned anew.",
            ) from error

    @contextmanager
    def _transaction(self, whose: str) -> Iterator[sql.Connection]:
        """Begin a transaction; it ends with the context, and is undone when there is an error."""
        try:
            with self._engine.begin() as database:
                yield database
        except SQLAlchemyError as error:
            raise TrustStoreError(
                f"The trust store {self._place} failed over the record {whose}: {_reason(error)}. "
                "Nothing was sent.",
                "Check that the database runs, can be reached, and has room; the next request tries it again.",
            ) from error


def _lock(database: sql.Connection, name: str) -> None:
    """Keep others from what has this ``name`` until the end of the transaction."""
    key = sql.func.hashtextextended(f"{_RECORDS.name} {name}", 0)
    database.execute(sql.select(sql.func.pg_advisory_xact_lock(key)))


def _reason(error: SQLAlchemyError) -> str:
    """Return what the database says, in one line; libpq tells no passwords."""
    return " ".join(str(getattr(error, "orig", None) or error).split()).rstrip(".")
