"""Lets threads that insert at the same moment share one transaction."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

from cds_service.journal import UnreachableError
from cds_service.store.intake import counted, insert

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from cds_service.store.line import Line
    from cds_service.store.rows import Row
    from cds_service.store.spool import Spool


class _Call:
    """A judged call that a thread waits for; ``kept`` once it is in the database."""

    def __init__(self, row: Row) -> None:
        self.row, self.tried, self.kept = row, False, False


class Together:
    """Inserts judged calls before they are answered.

    While one thread waits for the disk, the calls of the others gather; the next one takes all of
    them along. Without that each would wait for the disks of all before it, and for their locks on
    the counts of the day.
    """

    def __init__(self, line: Line, spool: Spool) -> None:
        """Keep the line; the spool's folder is where processes queue."""
        self._line, self._spool = line, spool
        self.after_fork()

    def after_fork(self) -> None:
        """Forget the threads of the process that forked this one."""
        self._turn = threading.Lock()
        self._gathered: deque[_Call] = deque()

    def insert(self, row: Row) -> bool:
        """Insert a judged call; return False where the database is away."""
        call = _Call(row)
        self._gathered.append(call)
        with self._turn:
            if not call.tried:
                self._insert([self._gathered.popleft() for _ in range(len(self._gathered))])
        return call.kept

    def _insert(self, calls: list[_Call]) -> None:
        for each in calls:
            each.tried = True
        rows = counted(each.row for each in calls)
        database = self._line.database

        def work(connection: Connection) -> None:
            with database.writing(connection):
                insert(connection, database, rows)

        try:
            with self._spool.turn():
                self._line.run(work)
        except UnreachableError:
            return
        for each in calls:
            each.kept = True
