"""The days and the service that somebody asks about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from cds_service.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence

PRESETS = (7, 30, 90, 365)
USUAL = 30
LONGEST = 1100
# Up to a quarter day by day; beyond that a day is a hair, and a week is seen.
_BY_DAY = 92
_WEEK = 7
_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)  # without slots, so that what follows from it is worked out once
class Period:
    """Days from the first to the last, both included, and one service or all."""

    first: date
    last: date
    service: str | None = None

    @cached_property
    def days(self) -> Sequence[date]:
        """Return every day, in order."""
        count = (self.last - self.first).days + 1
        return [self.first + timedelta(days=number) for number in range(count)]

    @property
    def by_week(self) -> bool:
        """Tell whether a plot shows weeks, because there are too many days for it."""
        return len(self.days) > _BY_DAY

    @cached_property
    def steps(self) -> Sequence[date]:
        """Return the first day of each step of a plot: a day or a week, the last week whole."""
        if not self.by_week:
            return self.days
        days = self.days
        # Counted from the end, so that the newest week is a whole one and no fall that is none.
        return days[len(days) % _WEEK :: _WEEK]

    def step_of(self, day: date) -> int | None:
        """Return the number of a day's step; None in the days before the first whole week."""
        behind = (day - self.steps[0]).days
        return None if behind < 0 else behind // (_WEEK if self.by_week else 1)

    @property
    def step(self) -> str:
        """Return what a step is called."""
        return "week" if self.by_week else "day"


def read_period(asked: Mapping[str, str], today: date, services: Container[str]) -> Period:
    """Read the fields of the page. Raises Problem (400) with what is wrong.

    ``days`` counts back from today; ``from`` and ``to`` are dates, each with a sensible other end.
    """
    service = asked.get("service") or None
    if service is not None and service not in services:
        msg = "service: there is no such service; choose one of the list"
        raise Problem(400, "value", msg, expression="service")
    last = _date(asked, "to") or today
    first = _date(asked, "from") or last - (_length(asked) - 1) * _ONE_DAY
    if first > last:
        msg = "from: the first day comes after the last; choose an earlier one"
        raise Problem(400, "value", msg, expression="from")
    if (last - first).days >= LONGEST:
        msg = f"from: more than {LONGEST} days; choose fewer"
        raise Problem(400, "value", msg, expression="from")
    return Period(first, last, service)


def _date(asked: Mapping[str, str], name: str) -> date | None:
    said = asked.get(name, "").strip()
    if not said:
        return None
    try:
        day = date.fromisoformat(said)
    except ValueError:
        day = date.min
    # Days are compared as text in the store, and counted back from here.
    if day.year < 1900 or day.year > 9000:  # noqa: PLR2004  no service ran before or runs after
        msg = f"{name}: write a day as in 2026-01-31"
        raise Problem(400, "value", msg, expression=name)
    return day


def _length(asked: Mapping[str, str]) -> int:
    said = asked.get("days", "")
    return int(said) if said in map(str, PRESETS) else USUAL
