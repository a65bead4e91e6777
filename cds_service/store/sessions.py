"""Sealed sessions as rows: what is in them, the database cannot read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select

from cds_service.store.rows import moment_of
from cds_service.store.tables import SESSIONS

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sqlalchemy import Connection

    from cds_service.store.line import Line


class SessionRows:
    """The sessions of all workers. ``attend`` sees to the upkeep of the store they are in."""

    def __init__(self, line: Line, attend: Callable[[], None]) -> None:
        """Keep the line; nothing is opened yet."""
        self._line, self._attend = line, attend

    def put(self, name: str, content: str, until: datetime) -> None:
        """Keep a sealed session in the place of one of the same name. Raises UnreachableError."""
        self._attend()
        row = {"name": name, "content": content, "until": moment_of(until)}

        def work(connection: Connection) -> None:
            with connection.begin():
                connection.execute(delete(SESSIONS).where(SESSIONS.c.name == name))
                connection.execute(insert(SESSIONS), row)

        self._line.run(work)

    def get(self, name: str, now: datetime) -> str | None:
        """Return a sealed session that has not ended. Raises UnreachableError."""
        self._attend()
        found = select(SESSIONS.c.content).where(
            SESSIONS.c.name == name, SESSIONS.c.until > moment_of(now)
        )
        return self._line.run(lambda connection: connection.scalar(found))

    def take(self, name: str, now: datetime) -> str | None:
        """Return a sealed session and forget it: whoever comes second has none.

        Raises UnreachableError.
        """
        self._attend()
        taken = (
            delete(SESSIONS)
            .where(SESSIONS.c.name == name, SESSIONS.c.until > moment_of(now))
            .returning(SESSIONS.c.content)
        )

        def work(connection: Connection) -> str | None:
            with connection.begin():
                content: str | None = connection.scalar(taken)
                return content

        return self._line.run(work)
