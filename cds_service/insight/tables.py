"""Numbers as a table: read on the page beside each plot, and taken along as a CSV file."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

Cell = str | int | float
# A program for tables would take text that begins so for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under headers. The first ``texts`` columns are words, the others numbers."""

    caption: str
    headers: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    texts: int = 1


def as_csv(table: Table) -> str:
    """Return a table as CSV (RFC 4180); no text in it can act as a formula."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(table.headers)
    writer.writerows([_harmless(cell) for cell in row] for row in table.rows)
    return file.getvalue()


def _harmless(cell: Cell) -> Cell:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
