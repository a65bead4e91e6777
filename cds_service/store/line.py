"""The line to the database: it is left alone after a failure, and no call on it hangs."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError

from cds_service.journal import UnreachableError
from cds_service.store.databases import STATEMENT
from cds_service.store.errors import StoreError
from cds_service.store.migrate import migrate

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from cds_service.store.databases import Database

log = logging.getLogger("cds_service.store")

T = TypeVar("T")
# A database keeps its own limits; one that stands still does not, and is cut off after these.
HANGS = 2.0 * STATEMENT
_AT_ONCE = 0.5  # seconds


class Line:
    """Runs work on connections of a pool.

    A failure takes the line down: from then on every call is refused at once, until ``probe``
    finds that the database is back.
    """

    def __init__(self, database: Database) -> None:
        """Keep the database; nothing is opened yet."""
        self.database = database
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
            migrate(self.database)
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
        """See whether the database is back, and take the line up again if so."""
        if self.up:
            return
        try:
            self._once(lambda connection: connection.exec_driver_sql("SELECT 1").close())
            if not self._migrated:
                self.migrate()
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
