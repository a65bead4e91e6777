"""Reads the counts by day, a month at a time."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from cds_service.counts import Count
from cds_service.store.tables import DAILY_COUNTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sqlalchemy import Connection, Row, Select

    from cds_service.counts import Kind
    from cds_service.store.line import Line

# A query is short, whatever is asked for: one that took long would be cut off, and the line of the
# calls would be taken for dead with it.
_AT_ONCE = 31
_DAY = DAILY_COUNTS.c.day


class DailyCounts:
    """The counts of all services that share a database."""

    def __init__(self, line: Line, attend: Callable[[], None]) -> None:
        """Keep the line; ``attend`` sees to the upkeep of the store."""
        self._line, self._attend = line, attend

    def span(self) -> tuple[date, date] | None:
        """Return the first and the last day with a count. Raises UnreachableError."""
        self._attend()
        # One by one: each is then a look at an end of the index.
        ends = [select(func.min(_DAY)), select(func.max(_DAY))]
        first, last = self._line.run(lambda c: [c.scalar(each) for each in ends])
        return None if first is None else (date.fromisoformat(first), date.fromisoformat(last))

    def read(self, kind: Kind, days: Sequence[date], service: str | None) -> Sequence[Count]:
        """Return what was counted on some days, in their order. Raises UnreachableError."""
        self._attend()
        found: list[Count] = []
        for start in range(0, len(days), _AT_ONCE):
            asked = _query(kind, days[start : start + _AT_ONCE], service)
            found += map(_count, self._rows(asked))
        return found

    def _rows(self, asked: Select[str, str, str, int]) -> Iterable[Row[str, str, str, int]]:
        def work(connection: Connection) -> Sequence[Row[str, str, str, int]]:
            return connection.execute(asked).all()

        return self._line.run(work)


def _query(kind: Kind, days: Sequence[date], service: str | None) -> Select[str, str, str, int]:
    columns = (_DAY, DAILY_COUNTS.c.topic, DAILY_COUNTS.c.name)
    # Days one by one, not from and to: the key begins with day and kind, so nothing else is read.
    found = (
        select(*columns, func.sum(DAILY_COUNTS.c.count))
        .where(_DAY.in_([each.isoformat() for each in days]), DAILY_COUNTS.c.kind == kind.value)
        .group_by(*columns)
        .order_by(*columns)
    )
    return found if service is None else found.where(DAILY_COUNTS.c.service == service)


def _count(row: Row[str, str, str, int]) -> Count:
    day, topic, name, count = row
    return Count(date.fromisoformat(day), topic, name, int(count))
