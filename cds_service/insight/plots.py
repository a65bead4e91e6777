"""The shapes of the plots, as numbers that a template puts into SVG.

Only shapes are drawn: words stand beside them as text, which keeps its size on a narrow screen,
and colours are those of the style sheet, light or dark. Why no library draws them:
docs/decisions/0020-insight.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

# The height of a plot in its own units; a share of it is a percentage.
HEIGHT = 100


@dataclass(frozen=True, slots=True)
class Bar:
    """A part of a bar: ``fill`` names its look, ``at`` and ``width`` are percentages."""

    fill: str
    at: float
    width: float


@dataclass(frozen=True, slots=True)
class Columns:
    """Counts over time as one area of columns, each one unit wide, from zero up to ``top``."""

    width: int
    path: str
    top: int


@dataclass(frozen=True, slots=True)
class Curve:
    """Values over time as lines that break where there is no value; ``look`` is solid or dashed."""

    label: str
    look: str
    strokes: Sequence[str]


@dataclass(frozen=True, slots=True)
class Curves:
    """Curves over the same time and the same scale, from zero up to ``top``."""

    width: int
    curves: Sequence[Curve]
    top: float


def bars(parts: Sequence[tuple[str, int]], whole: int) -> tuple[Bar, ...]:
    """Return the parts of a bar side by side; ``whole`` is what would fill it."""
    found, at = [], 0.0
    for fill, count in parts:
        width = round(100 * count / whole, 2) if whole else 0.0
        if width:
            found.append(Bar(fill, round(at, 2), width))
        at += width
    return tuple(found)


def columns(values: Sequence[int]) -> Columns:
    """Return counts as columns without gaps."""
    top = max(values)
    steps = (
        f"V{_y(value, top)}H{number + 1}" for number, value in enumerate(values)
    )  # fmt: skip
    return Columns(len(values), f"M0,{HEIGHT}{''.join(steps)}V{HEIGHT}Z", top)


def curves(named: Sequence[tuple[str, str, Sequence[float | None]]]) -> Curves:
    """Return curves over one scale, by label, look and values."""
    top = _round_up(max((value or 0 for *_, values in named for value in values), default=0))
    drawn = [Curve(label, look, _strokes(values, top)) for label, look, values in named]
    return Curves(len(named[0][2]), drawn, top)


def _strokes(values: Sequence[float | None], top: float) -> Sequence[str]:
    """Return the runs of values as points: each value stands in the middle of its unit."""
    numbered = enumerate(values)
    strokes = []
    for there, run in groupby(numbered, key=lambda each: each[1] is not None):
        points = [(at + 0.5, _y(value, top)) for at, value in run if value is not None]
        if there and len(points) == 1:
            # A single day is a short line: a point would not be seen.
            ((at, y),) = points
            points = [(at - 0.4, y), (at + 0.4, y)]
        if there:
            strokes.append(" ".join(f"{round(at, 1)},{y}" for at, y in points))
    return strokes


def _y(value: float, top: float) -> float:
    return round(HEIGHT * (1 - value / top), 2) if top else HEIGHT


def _round_up(value: float) -> float:
    """Return the next number that is one, two or five times a power of ten."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= value)
