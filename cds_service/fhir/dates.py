"""FHIR dates as intervals: a month is a month, and a time zone is kept."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta, tzinfo
from typing import TYPE_CHECKING

from cds_service.clinical.windows import Since
from cds_service.fhir.access import as_dict, as_number, as_text

if TYPE_CHECKING:
    from collections.abc import Iterable

_PARTIAL = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?")
_DAY_LONG = len("2026-11-20")
_YEARS = range(1800, 2300)
_JUDGED_YEARS = range(1900, 2200)
_YEAR_UNITS = {"a", "year", "years", "yr", "y"}
_OLDEST = 150
_TICK = timedelta(microseconds=1)


def read_date(value: object, zone: tzinfo) -> Since | None:
    """Read a FHIR date, dateTime or instant; None where it is none.

    A date without a time is the whole day, month or year in ``zone``; a time without a zone
    is taken to be in ``zone``. Years before 1800 and after 2299 are mistakes.
    """
    if not isinstance(value, str):
        return None
    text = value.strip()
    try:
        match = _PARTIAL.fullmatch(text) if len(text) <= _DAY_LONG else None
        if match:
            return _interval(match, zone) if int(match[1]) in _YEARS else None
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        return None
    if moment.year not in _YEARS:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    return Since(moment, moment)


def read_moment(text: str, zone: tzinfo) -> datetime | None:
    """Read a moment to judge at: an instant, or a day, which means its end; None otherwise."""
    since = read_date(text, zone)
    if since is None or since.earliest is None or since.latest.year not in _JUDGED_YEARS:
        return None
    return since.latest if since.latest - since.earliest < timedelta(days=1) else None


def first_date(raws: Iterable[object], zone: tzinfo) -> tuple[Since | None, str | None]:
    """Return the first of several dates that can be read, and as it was written."""
    for raw in raws:
        since = read_date(raw, zone)
        if since is not None:
            return since, as_text(raw)
    return None, None


def start_of(period: object) -> object:
    """Return the start of a Period as recorded."""
    return as_dict(period).get("start")


def end_of(period: object) -> object:
    """Return the end of a Period as recorded."""
    return as_dict(period).get("end")


def read_age(value: object, birth: object, zone: tzinfo) -> Since | None:
    """Return when an Age in years was reached, which needs the birth date: a year's interval."""
    quantity, born = as_dict(value), read_date(birth, zone)
    years = as_number(quantity.get("value"))
    unit = as_text(quantity.get("code")) or as_text(quantity.get("unit")) or "a"
    if born is None or born.earliest is None or unit not in _YEAR_UNITS:
        return None
    if years is None or not 0 <= years <= _OLDEST:
        return None
    start = _years_after(born.earliest, int(years))
    return Since(start, _years_after(born.latest, int(years) + 1))


def _years_after(moment: datetime, years: int) -> datetime:
    try:
        return moment.replace(year=moment.year + years)
    except ValueError:
        return moment.replace(year=moment.year + years, day=28)


def _interval(match: re.Match[str], zone: tzinfo) -> Since:
    year, month, day = (int(part) if part else None for part in match.groups())
    first = date(year or 0, month or 1, day or 1)
    if day:
        after = first + timedelta(days=1)
    elif month:
        after = (first.replace(day=28) + timedelta(days=4)).replace(day=1)
    else:
        after = date(first.year + 1, 1, 1)
    midnight = time(tzinfo=zone)
    return Since(datetime.combine(first, midnight), datetime.combine(after, midnight) - _TICK)
