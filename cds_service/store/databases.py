"""The two databases: how each is reached, how long it may keep us waiting, what a commit means."""

from __future__ import annotations

import os
import socket
import sqlite3
from abc import ABC, abstractmethod
from contextlib import contextmanager, suppress
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import orjson
from sqlalchemy import create_engine, event, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import NullPool

from cds_service.store import statements
from cds_service.store.errors import StoreError
from cds_service.store.pages import PAGE, insert_by_page

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager

    from sqlalchemy import Column, Connection, Engine, Table
    from sqlalchemy.engine import URL
    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.sql.dml import ReturningInsert

    from cds_service.store.rows import Row
    from cds_service.store.statements import Insert

# A driver's own connection: each has a type of its own, and they have no other in common.
Raw: TypeAlias = Any

# How long a card may wait for the database, in seconds, each time that it fails.
CONNECT, STATEMENT, BUSY = 2, 1, 1
_POOL = {
    # As many as gunicorn's threads, and one to look whether the database is back.
    "pool_size": 5,
    "max_overflow": 5,
    "pool_timeout": 1.0,
    "hide_parameters": True,
    "insertmanyvalues_page_size": PAGE,
}
_OLDEST = (3, 38)  # RETURNING, and JSON for the view of cards
_WAY_OUT = "Use PostgreSQL: CDS_DATABASE_URL=postgresql://…"


class Alone(Enum):
    """What only one may do at a time, by the number of PostgreSQL's advisory lock for it."""

    MIGRATE = 7_205_759_403_792
    FEEDBACK = 7_205_759_403_793


class Database(ABC):
    """A database and the manners of its kind. An engine opens no connection before it is used."""

    url: URL

    def engine(self) -> Engine:
        """Return an engine that never waits long."""
        return self._engine(patient=False)

    @abstractmethod
    def _engine(self, *, patient: bool) -> Engine:
        """Return an engine; a patient one waits for as long as a migration takes."""

    def patient_engine(self) -> Engine:
        """Return an engine that waits for as long as a migration takes."""
        return self._engine(patient=True)

    @staticmethod
    @abstractmethod
    def insert(table: Table) -> Insert:
        """Return an INSERT that can say what happens where a row of the key is already there."""

    def insert_once(self, *columns: Column[Any]) -> ReturningInsert[Any]:
        """Return an INSERT that leaves a row alone that is already there.

        It returns some columns of the rows that it inserts.
        """
        return statements.insert_once(self.insert, columns)

    def insert_new(
        self, connection: Connection, key: Column[str], rows: Sequence[Row]
    ) -> Sequence[str]:
        """Insert the rows that are not there yet, and return their keys.

        It comes in a transaction of ``writing``, and each row has all columns.
        """
        return connection.scalars(self.insert_once(key), rows).all()

    def add_up(self, connection: Connection, column: Column[Any], rows: Sequence[Row]) -> None:
        """Insert rows, or add to a column where a row of the same key is already there."""
        connection.execute(statements.add_up(self.insert, column), rows)

    def writing(self, connection: Connection) -> AbstractContextManager[object]:
        """Return a transaction that writes, whatever it reads before."""
        return connection.begin()

    @abstractmethod
    def for_good(self, connection: Connection) -> AbstractContextManager[None]:
        """Return a transaction that survives a power failure, whatever was set."""

    @abstractmethod
    def alone(self, connection: Connection, what: Alone) -> None:
        """Keep all others from doing the same until the transaction ends."""

    @abstractmethod
    def cut(self, raw: Raw) -> None:
        """End a call that hangs, from another thread."""


class SQLite(Database):
    """A SQLite file with a write-ahead log."""

    def __init__(self, url: URL, *, durable: bool) -> None:
        """Keep the address. Raises StoreError for one that names no file, or an old library."""
        if sqlite3.sqlite_version_info < _OLDEST:
            msg = (
                f"This Python has SQLite {sqlite3.sqlite_version}, which is too old to keep "
                f"decisions in: it takes 3.38. {_WAY_OUT}"
            )
            raise StoreError(msg)
        if not url.database or url.database == ":memory:" or url.query:
            msg = "CDS_DATABASE_URL: name a file, as in sqlite:///cds-service.db"
            raise StoreError(msg)
        self.file = Path(url.database).absolute()
        self.url = url.set(database=str(self.file))
        self._synchronous = "FULL" if durable else "NORMAL"

    def make(self) -> None:
        """Make the file, for this user only. Raises StoreError where that cannot be."""
        try:
            os.close(os.open(self.file, os.O_RDWR | os.O_CREAT, 0o600))
        except OSError as error:
            msg = (
                f"CDS_DATABASE_URL: {self.file} cannot be written ({error.strerror}). Name a "
                "file that this user may write to."
            )
            raise StoreError(msg) from None

    def _engine(self, *, patient: bool) -> Engine:
        arguments = {"timeout": 60 if patient else BUSY, "check_same_thread": False}
        if patient:
            engine = create_engine(
                self.url, connect_args=arguments, poolclass=NullPool, hide_parameters=True
            )
        else:
            engine = create_engine(self.url, connect_args=arguments, **_POOL)
        event.listen(engine, "connect", self._prepare)
        event.listen(engine, "begin", _begin)
        return engine

    def _prepare(self, connection: DBAPIConnection, _: object) -> None:
        # The driver begins no transaction by itself: it would do so only before some statements.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute(f"PRAGMA synchronous = {self._synchronous}")
        cursor.close()

    @staticmethod
    def insert(table: Table) -> Insert:
        """Return an INSERT of SQLite."""
        return sqlite.insert(table)

    def insert_new(
        self, connection: Connection, key: Column[str], rows: Sequence[Row]
    ) -> Sequence[str]:
        """Insert the rows that are not there yet, and return their keys."""
        keys = orjson.dumps([row[key.name] for row in rows]).decode()
        there = set(connection.scalars(statements.those_there(key), {"keys": keys}))
        new: dict[str, Row] = {}
        for row in rows:
            if row[key.name] not in there:
                new.setdefault(row[key.name], row)
        once = statements.left_alone(self.insert, key.table)
        insert_by_page(connection, once, list(new.values()))
        return list(new)

    def add_up(self, connection: Connection, column: Column[Any], rows: Sequence[Row]) -> None:
        """Insert rows, or add to a column where a row of the same key is already there."""
        insert_by_page(connection, statements.add_up(self.insert, column), rows)

    def writing(self, connection: Connection) -> AbstractContextManager[object]:
        """Return a transaction that nobody else writes beside, from its beginning."""
        return connection.execution_options(begin="BEGIN IMMEDIATE").begin()

    @contextmanager
    def for_good(self, connection: Connection) -> Iterator[None]:
        """Wait for the disk once; SQLite takes this only between transactions."""
        driver: Any = connection.connection.driver_connection
        driver.execute("PRAGMA synchronous = FULL")
        with connection.begin():
            yield
        driver.execute(f"PRAGMA synchronous = {self._synchronous}")

    def alone(self, connection: Connection, what: Alone) -> None:
        """Do nothing: the claim on the file keeps services out, and the first write others."""

    def cut(self, raw: Raw) -> None:
        """Interrupt the call."""
        raw.interrupt()


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))


class PostgreSQL(Database):
    """A PostgreSQL server, through psycopg."""

    def __init__(self, url: URL, *, durable: bool) -> None:
        """Keep the address. Raises StoreError where psycopg is not installed."""
        try:
            import psycopg  # noqa: F401, PLC0415  an extra: whoever uses SQLite needs none of it
        except ImportError:
            msg = (
                "CDS_DATABASE_URL names a PostgreSQL server, but psycopg is not installed: "
                "pip install 'cds-service[postgres]'"
            )
            raise StoreError(msg) from None
        self.url = url.set(drivername="postgresql+psycopg")
        # Either survives a crash and a power failure; a durable one waits for replicas as well.
        self._commit = "on" if durable else "local"

    def _engine(self, *, patient: bool) -> Engine:
        limits = {
            "synchronous_commit": self._commit,
            "statement_timeout": 0 if patient else STATEMENT * 1000,
            "lock_timeout": 0 if patient else STATEMENT * 1000,
            "idle_in_transaction_session_timeout": 0 if patient else 10_000,
        }
        arguments = {
            "connect_timeout": CONNECT,
            "tcp_user_timeout": CONNECT * 1000,
            "application_name": "cds-service",
            "options": " ".join(f"-c {name}={value}" for name, value in limits.items()),
        }
        arguments |= {name: each for name, each in self.url.query.items() if name in arguments}
        if patient:
            return create_engine(
                self.url, connect_args=arguments, poolclass=NullPool, hide_parameters=True
            )
        return create_engine(self.url, connect_args=arguments, **_POOL)

    @staticmethod
    def insert(table: Table) -> Insert:
        """Return an INSERT of PostgreSQL."""
        return postgresql.insert(table)

    @contextmanager
    def for_good(self, connection: Connection) -> Iterator[None]:
        """Wait for the disk in this transaction."""
        with connection.begin():
            connection.execute(text("SET LOCAL synchronous_commit = on"))
            yield

    def alone(self, connection: Connection, what: Alone) -> None:
        """Wait for whoever does the same on the same database."""
        connection.execute(text(f"SELECT pg_advisory_xact_lock({what.value})"))

    def cut(self, raw: Raw) -> None:
        """Shut the socket under the call: a server that stands still heeds nothing else."""
        with suppress(OSError):
            duplicate = socket.socket(fileno=os.dup(raw.fileno()))
            with duplicate:
                duplicate.shutdown(socket.SHUT_RDWR)


_KINDS: dict[str, type[SQLite | PostgreSQL]] = {
    "sqlite": SQLite,
    "postgresql": PostgreSQL,
    "postgresql+psycopg": PostgreSQL,
    "postgres": PostgreSQL,
}


def database(address: str, *, durable: bool) -> SQLite | PostgreSQL:
    """Return the database at an address. Raises StoreError for one that cannot be used.

    ``durable``: a commit waits until it would survive a power failure.
    """
    try:
        url = make_url(address)
        kind = _KINDS[url.drivername]
    except (ArgumentError, KeyError, ValueError):
        # The address may hold a password, so it is not repeated.
        msg = "CDS_DATABASE_URL: write sqlite:///FILE, postgresql://USER:PASSWORD@HOST/NAME or none"
        raise StoreError(msg) from None
    return kind(url, durable=durable)
