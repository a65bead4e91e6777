"""Takes judged calls into the database with their counts: each once, some in one transaction."""

from __future__ import annotations

from collections import Counter
from itertools import chain, islice
from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypeAlias

from sqlalchemy.exc import DataError, IntegrityError

from cds_service.store.counts import add, counts_of
from cds_service.store.tables import DECISIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sqlalchemy import Connection

    from cds_service.store.counts import Count
    from cds_service.store.databases import Database
    from cds_service.store.line import Line
    from cds_service.store.rows import Row
    from cds_service.store.spool import Spool

Counted: TypeAlias = "tuple[Row, list[Count]]"

_BATCH = 200
_COLUMNS = set(DECISIONS.columns.keys())


def counted(calls: Iterable[Row]) -> list[Counted]:
    """Return judged calls with what each adds to the counts. Raises what ``counts_of`` does."""
    # In one order, so that two who insert the same calls do not wait for each other for ever.
    return [(each, counts_of(each)) for each in sorted(calls, key=itemgetter("uuid"))]


def insert(connection: Connection, database: Database, calls: Sequence[Counted]) -> None:
    """Insert judged calls and add to the counts, as the last of a ``writing`` transaction.

    A call that is there already is left alone, and not counted again.
    """
    counts = {row["uuid"]: each for row, each in calls}
    new = database.insert_new(connection, DECISIONS.c.uuid, [row for row, _ in calls])
    add(connection, database, Counter(chain.from_iterable(counts[uuid] for uuid in new)))


def take_in(
    lines: Iterable[dict[str, Any] | None],
    line: Line,
    spool: Spool,
    lose: Callable[[int, str], None],
) -> int:
    """Take the lines of a spool in, and return how many were right; others may be there already.

    ``lose`` hears of lines that can never come in. Raises UnreachableError; whoever begins again
    then may begin with the first line.
    """
    taken = 0
    waiting = iter(lines)
    while batch := list(islice(waiting, _BATCH)):
        whole = [each for each in batch if each is not None]
        with spool.turn():
            fit = len(whole) if _take(whole, line) else sum(_take([each], line) for each in whole)
        if fit < len(whole):
            lose(len(whole) - fit, "lines of the spool do not fit the tables")
        if len(whole) < len(batch):
            lose(len(batch) - len(whole), "a line of the spool broke off")
        taken += fit
    return taken


def _take(calls: Sequence[Row], line: Line) -> bool:
    """Insert judged calls in a transaction; return False if one of them does not fit."""
    if not calls:
        return True
    if any(each.keys() != _COLUMNS for each in calls):
        return False
    try:
        rows = counted(calls)
    except (KeyError, TypeError, ValueError):
        return False

    def work(connection: Connection) -> None:
        with line.database.writing(connection):
            insert(connection, line.database, rows)

    try:
        line.run(work)
    except (DataError, IntegrityError):
        return False
    return True
