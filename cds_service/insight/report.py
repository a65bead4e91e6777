"""A report as the page shows it: one question, its lines with plots, and its table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from cds_service.insight.plots import Bar, Columns, Curves
from cds_service.insight.tables import Table


@dataclass(frozen=True, slots=True)
class Line:
    """One thing of a plot: what it is, its numbers in words, and its shapes."""

    label: str
    says: str
    bars: Sequence[Bar] = ()
    trend: Columns | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Lines under a heading of their own, or under none."""

    lines: Sequence[Line]
    heading: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """One question and its answer. ``name`` is that of its CSV file.

    ``key`` says what the fills of its bars mean; ``left`` how many lines only its table has.
    """

    name: str
    title: str
    lead: str
    table: Table
    groups: Sequence[Group] = field(default=(), kw_only=True)
    curves: Curves | None = field(default=None, kw_only=True)
    key: Sequence[tuple[str, str]] = field(default=(), kw_only=True)
    left: int = field(default=0, kw_only=True)
