"""When something began, and whether that lies inside a window of time."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from cds_service.clinical.truth import Truth
from cds_service.clinical.value import Value

if TYPE_CHECKING:
    from datetime import tzinfo

# One moment has dates that are at most so many days apart, wherever on earth: a zone is less than a
# day away from UTC. What lies further away needs no zone to be told.
_DAYS_BETWEEN_ZONES = 2
_SHORTEST_MONTH = 28
_HOURS_A_DAY = 24


class Unit(StrEnum):
    """The units a window may be written in."""

    HOURS = "hours"
    DAYS = "days"
    MONTHS = "months"


@dataclass(frozen=True, slots=True)
class Span:
    """A length of time. Hours are counted between instants, days and months on the calendar."""

    amount: int
    unit: Unit

    def reaches(self, moment: datetime, as_of: datetime) -> bool:
        """Tell whether ``moment`` lies at most this long before ``as_of``."""
        if self.unit is Unit.DAYS:
            return _is_from(as_of.toordinal() - self.amount, moment, as_of)
        if self.unit is Unit.HOURS:
            days_apart = as_of.toordinal() - moment.toordinal()
            if days_apart > self.amount // _HOURS_A_DAY + _DAYS_BETWEEN_ZONES:
                return False
            # In one zone Python counts by the clock on the wall, which is turned twice a year.
            return as_of.astimezone(UTC) - moment.astimezone(UTC) <= timedelta(hours=self.amount)
        return _is_from(_months_before(as_of, self.amount).toordinal(), moment, as_of)

    def is_over(self, moment: datetime, as_of: datetime) -> bool:
        """Tell whether ``moment`` lies longer ago than this; an hour that is just over is over."""
        if self.unit is Unit.HOURS:
            return as_of.astimezone(UTC) - moment.astimezone(UTC) >= timedelta(hours=self.amount)
        return not self.reaches(moment, as_of)

    def __str__(self) -> str:
        """Return the span as a clinician writes it: "30 days", "1 hour"."""
        return f"{self.amount} {self.unit if self.amount != 1 else self.unit.removesuffix('s')}"


class Since(Value):
    """A beginning that lies somewhere between two instants; a partial date is such an interval.

    ``earliest`` is None where the beginning is open ("chronic"). Both carry a time zone.
    """

    __slots__ = ("earliest", "latest")

    def __init__(self, earliest: datetime | None, latest: datetime) -> None:
        """Keep the two instants."""
        self.earliest: Final = earliest
        self.latest: Final = latest

    def parts(self) -> tuple[object, ...]:
        """Return the two instants."""
        return (self.earliest, self.latest)


def zone_of(moment: datetime) -> tzinfo:
    """Return the zone of a moment of judging. Raises ValueError: without one a day has no edges."""
    if moment.tzinfo is None:
        msg = f"the moment {moment.isoformat()} has no time zone: add one, e.g. +00:00"
        raise ValueError(msg)
    return moment.tzinfo


def within(since: Since | None, span: Span, as_of: datetime) -> Truth:
    """Tell whether a beginning may lie within ``span`` before ``as_of``.

    Without a date a live finding counts as now. A beginning after the day of judging is a
    mistake in the record: neither recent nor old, so unknown.
    Source: docs/reading.md, "Within and older than", "Without a date".
    """
    if since is None:
        return Truth.PRESENT
    if is_future(since, as_of):
        return Truth.UNKNOWN
    return Truth.PRESENT if span.reaches(since.latest, as_of) else Truth.ABSENT


def older_than(since: Since | None, span: Span, as_of: datetime) -> Truth:
    """Tell whether all of a beginning lies more than ``span`` before ``as_of``.

    Unknown without a date, or where only part of a partial date is that old.
    Source: docs/reading.md, "Within and older than", "Without a date".
    """
    if since is None or is_future(since, as_of):
        return Truth.UNKNOWN
    if span.is_over(since.latest, as_of):
        return Truth.PRESENT
    if since.earliest is not None and not span.is_over(since.earliest, as_of):
        return Truth.ABSENT
    return Truth.UNKNOWN


def is_future(since: Since, as_of: datetime) -> bool:
    """Tell whether a beginning lies wholly after the day of judging."""
    earliest = since.earliest
    return earliest is not None and _is_from(as_of.toordinal() + 1, earliest, as_of)


def _is_from(day: int, moment: datetime, as_of: datetime) -> bool:
    """Tell whether a moment lies on a calendar day or later, in the zone of judging."""
    later = moment.toordinal() - day
    if abs(later) > _DAYS_BETWEEN_ZONES or moment.tzinfo is as_of.tzinfo:
        return later >= 0
    return moment.astimezone(as_of.tzinfo).toordinal() >= day


def _months_before(moment: datetime, months: int) -> date:
    """Return the same day some months before; the last of the month where there is none."""
    year, month = divmod(moment.year * 12 + moment.month - 1 - months, 12)
    if moment.day > _SHORTEST_MONTH:
        return date(year, month + 1, min(moment.day, calendar.monthrange(year, month + 1)[1]))
    return date(year, month + 1, moment.day)
