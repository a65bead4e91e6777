"""The line to the database: it is left alone after a failure, and no call on it hangs."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import uuid4

from sqlalchemy import delete, insert
from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError

from cds_service.journal import UnreachableError
from cds_service.store.databases import STATEMENT
from cds_service.store.errors import StoreError
from cds_service.store.migrate import migrate
from cds_service.store.tables import SESSIONS

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from cds_service.store.counts import Reasons
    from cds_service.store.databases import Database

log = logging.getLogger("cds_service.store")

T = TypeVar("T")
# A database keeps its own limits; one that stands still does not, and is cut off after these.
HANGS = 2.0 * STATEMENT
_AT_ONCE = 0.5  # seconds
_TRIAL = 256 * 1024  # bytes
_ENDED = "2000-01-01T00:00:00+00:00"  # so that it is purged if it could not be taken away


class Line:
    """Runs work on connections of a pool.

    A failure takes the line down: from then on every call is refused at once, until ``probe``
    finds that the database is back.
    """

    def __init__(self, database: Database, reasons: Reasons = frozenset()) -> None:
        """Keep the database, and what a migration may name counts by; nothing is opened yet."""
        self.database, self.reasons = database, reasons
        self.engine = database.engine()
        self._errors = (SQLAlchemyError, self.engine.dialect.loaded_dbapi.Error)
        self._refused = (
            DataError,
            IntegrityError,
            self.engine.dialect.loaded_dbapi.DataError,
            self.engine.dialect.loaded_dbapi.IntegrityError,
        )
        self._migrated = False
        self._told = ""
        self.up = True
        self.after_fork()

    def after_fork(self) -> None:
        """Forget the connections of the process that forked this one: they are still its own."""
        self.engine.dispose(close=False)
        self._calls: dict[int, tuple[float, Any]] = {}
        self._watch = threading.Lock()

    def migrate(self) -> None:
        """Bring the database to our tables. Raises StoreError or UnreachableError."""
        try:
            migrate(self.database, self.reasons)
        except self._errors as error:
            self._down(error)
            raise UnreachableError from None
        self._migrated = True

    def run(self, work: Callable[[Connection], T]) -> T:
        """Do work on a connection. Raises UnreachableError where the database is away.

        Work may be done twice: a connection that died since its last use is found out by using it.
        DataError and IntegrityError are the work's own.
        """
        if not self.up:
            raise UnreachableError
        began = time.monotonic()
        try:
            return self._once(work)
        except self._refused:
            raise
        except self._errors as error:
            if time.monotonic() - began > _AT_ONCE:
                self._down(error)
                raise UnreachableError from None
        self.engine.dispose()
        try:
            return self._once(work)
        except self._refused:
            raise
        except self._errors as error:
            self._down(error)
            raise UnreachableError from None

    def _once(self, work: Callable[[Connection], T]) -> T:
        with self.engine.connect() as connection:
            raw = connection.connection.driver_connection
            call = id(connection)
            self._calls[call] = (time.monotonic(), raw)
            try:
                return work(connection)
            except BaseException:
                # Whatever state it is in, nobody gets it again.
                connection.invalidate()
                raise
            finally:
                with self._watch:
                    del self._calls[call]

    def probe(self) -> None:
        """See whether the database is back, and take the line up again if so.

        It has to write: a full disk, or a server that only follows another, answers questions.
        """
        if self.up:
            return
        try:
            if not self._migrated:
                self.migrate()
            self._once(_write_something)
        except (*self._errors, StoreError, UnreachableError) as error:
            self._tell(error)
        else:
            self.up = True
            self._told = ""
            log.warning("the store is back")

    def cut_hanging(self) -> None:
        """End the calls that hang: the database does not even keep its own limits."""
        now = time.monotonic()
        with self._watch:
            for began, raw in list(self._calls.values()):
                if now - began > HANGS:
                    self.database.cut(raw)

    def _down(self, error: Exception) -> None:
        self.up = False
        self.engine.dispose()
        self._tell(error)

    def _tell(self, error: Exception) -> None:
        """Say once what is wrong. A database's own words may hold values, so only their kind."""
        what = str(error) if isinstance(error, StoreError) else type(error).__name__
        if what and self._told == "":
            log.error("the store is away (%s): judged calls go to the spool", what)
        self._told = what


def _write_something(connection: Connection) -> None:
    """Write as much as a batch of judged calls, and take it away again."""
    trial = {"name": uuid4().hex, "content": "-" * _TRIAL, "until": _ENDED}
    with connection.begin():
        connection.execute(insert(SESSIONS), trial)
    with connection.begin():
        connection.execute(delete(SESSIONS).where(SESSIONS.c.name == trial["name"]))
