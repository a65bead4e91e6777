"""Brings what waits in the spool into the database, each judged call once."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import DataError, IntegrityError

from cds_service.journal import UnreachableError
from cds_service.store.spool import lines
from cds_service.store.tables import DECISIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from sqlalchemy import Connection

    from cds_service.store.line import Line
    from cds_service.store.spool import Spool

_BATCH = 200
_COLUMNS = set(DECISIONS.columns.keys())


def replay(spool: Spool, line: Line, lose: Callable[[int, str], None]) -> int:
    """Return how many judged calls came into the database.

    A file that did not come through whole stays; what of it is there already is left alone by its
    uuid. ``lose`` hears of lines that can never come in.
    """
    brought = 0
    with spool.taken() as files:
        for file in files:
            try:
                brought += _file(file, line, lose)
            except UnreachableError:
                break
            file.unlink()
    return brought


def _file(file: Path, line: Line, lose: Callable[[int, str], None]) -> int:
    brought = 0
    waiting = lines(file)
    while batch := list(islice(waiting, _BATCH)):
        whole = [each for each in batch if each is not None]
        if _insert(whole, line):
            brought += len(whole)
        else:
            fit = sum(_insert([each], line) for each in whole)
            brought += fit
            lose(len(whole) - fit, "lines of the spool do not fit the tables")
        if len(whole) < len(batch):
            lose(len(batch) - len(whole), "a line of the spool broke off")
    return brought


def _insert(batch: Sequence[dict[str, Any]], line: Line) -> bool:
    """Insert some judged calls; return False if one of them does not fit."""
    if not batch:
        return True
    if any(each.keys() != _COLUMNS for each in batch):
        return False

    def work(connection: Connection) -> None:
        with connection.begin():
            connection.execute(line.database.insert_once(DECISIONS), batch)

    try:
        line.run(work)
    except (DataError, IntegrityError):
        return False
    return True
