"""The statements that come again and again: to put one together costs more than to run it.

``insert`` makes an INSERT that can say what happens where a row is already there; each kind of
database has its own.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

from sqlalchemy import bindparam, func, select

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Column, Select, Table
    from sqlalchemy.dialects.postgresql import Insert as PostgreSQLInsert
    from sqlalchemy.dialects.sqlite import Insert as SQLiteInsert
    from sqlalchemy.sql.dml import ReturningInsert

Insert: TypeAlias = "SQLiteInsert | PostgreSQLInsert"


@cache
def insert_once(
    insert: Callable[[Table], Insert], columns: tuple[Column[Any], ...]
) -> ReturningInsert[Any]:
    """Return an INSERT that leaves a row alone that is there, and returns columns of the others."""
    return left_alone(insert, columns[0].table).returning(*columns)


@cache
def left_alone(insert: Callable[[Table], Insert], table: Table) -> Insert:
    """Return an INSERT that leaves a row alone that is already there."""
    return insert(table).on_conflict_do_nothing()


@cache
def those_there(key: Column[str]) -> Select[str]:
    """Return what finds those of some keys, a JSON array, that are there already."""
    asked = func.json_each(bindparam("keys")).table_valued("value")
    return select(key).where(key.in_(select(asked.c.value)))


@cache
def add_up(insert: Callable[[Table], Insert], column: Column[Any]) -> Insert:
    """Return an INSERT that adds to a column where a row of the same key is already there."""
    statement = insert(column.table)
    return statement.on_conflict_do_update(
        index_elements=column.table.primary_key.columns,
        set_={column.name: column + statement.excluded[column.name]},
    )
