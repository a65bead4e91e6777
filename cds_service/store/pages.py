"""Rows inserted by the page: a statement takes as many as stand on one.

SQLite's driver lets another thread go first at each step of a statement, and takes three for each
row that it is given by itself. A worker that answers has threads enough that would go first, so
calls and what brings them in held each other up.
"""

from __future__ import annotations

from functools import cache
from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING

from sqlalchemy.dialects import sqlite

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, Insert

    from cds_service.store.rows import Row

# There is a statement for each number of rows, and a connection keeps the last 128 prepared: with
# a whole batch in one they came to 10 MB for each connection.
PAGE = 20


def insert_by_page(connection: Connection, insert: Insert, rows: Sequence[Row]) -> None:
    """Insert rows that have a value for each column of the table, as the driver takes them.

    ``insert`` says what happens where a row is there already, and is the same object each time:
    to put a statement together takes longer than to run it.
    """
    columns = itemgetter(*insert.table.columns.keys())
    for start in range(0, len(rows), PAGE):
        page = rows[start : start + PAGE]
        values = tuple(chain.from_iterable(map(columns, page)))
        connection.exec_driver_sql(_statement(insert, len(page)), values)


@cache
def _statement(insert: Insert, rows: int) -> str:
    """Return an INSERT of so many rows, with a place for each column of each."""
    names = insert.table.columns.keys()
    places = [dict.fromkeys(names)] * rows
    return str(insert.values(places).compile(dialect=sqlite.dialect()))
