"""When something began, and whether that lies inside a window of time."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from cds_service.clinical.truth import Truth


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

    def before(self, moment: datetime) -> date | datetime:
        """Return the instant (hours) or the calendar day (days, months) this long before."""
        if self.unit is Unit.HOURS:
            return moment - timedelta(hours=self.amount)
        if self.unit is Unit.DAYS:
            return moment.date() - timedelta(days=self.amount)
        return _months_before(moment.date(), self.amount)

    def __str__(self) -> str:
        """Return the span as a clinician writes it: "30 days", "1 hour"."""
        return f"{self.amount} {self.unit if self.amount != 1 else self.unit.removesuffix('s')}"


@dataclass(frozen=True, slots=True)
class Since:
    """A beginning that lies somewhere between two instants; a partial date is such an interval.

    ``earliest`` is None where the beginning is open ("chronic"). Both carry a time zone.
    """

    earliest: datetime | None
    latest: datetime


def within(since: Since | None, span: Span, as_of: datetime) -> Truth:
    """Tell whether a beginning may lie within ``span`` before ``as_of``.

    Without a date a live finding counts as now. A beginning after the day of judging is a
    mistake in the record: neither recent nor old, so unknown.
    Source: CRITERIA, "Words": within n days; without a date, but live.
    """
    if since is None:
        return Truth.PRESENT
    if is_future(since, as_of):
        return Truth.UNKNOWN
    limit = span.before(as_of)
    return Truth.PRESENT if _reading(since.latest, limit, as_of) >= limit else Truth.ABSENT


def older_than(since: Since | None, span: Span, as_of: datetime) -> Truth:
    """Tell whether all of a beginning lies more than ``span`` before ``as_of``.

    Unknown without a date, or where only part of a partial date is that old.
    Source: CRITERIA, "Words": older than; without a date, but live.
    """
    if since is None or is_future(since, as_of):
        return Truth.UNKNOWN
    limit = span.before(as_of)
    if _reading(since.latest, limit, as_of) < limit:
        return Truth.PRESENT
    if since.earliest is not None and _reading(since.earliest, limit, as_of) >= limit:
        return Truth.ABSENT
    return Truth.UNKNOWN


def is_future(since: Since, as_of: datetime) -> bool:
    """Tell whether a beginning lies wholly after the day of judging."""
    return (
        since.earliest is not None
        and since.earliest.astimezone(as_of.tzinfo).date() > as_of.date()
    )


def _reading(moment: datetime, limit: date | datetime, as_of: datetime) -> date | datetime:
    """Read a moment as the limit is: an instant, or the day in the zone of judging."""
    return moment if isinstance(limit, datetime) else moment.astimezone(as_of.tzinfo).date()


def _months_before(day: date, months: int) -> date:
    index = day.year * 12 + day.month - 1 - months
    year, month = divmod(index, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))
