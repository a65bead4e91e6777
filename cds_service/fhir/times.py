"""Times as a text says them: since yesterday, for 3 weeks, 2/7, in 2005, in March."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cds_service.clinical.windows import Since

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import tzinfo

_HOUR, _DAY, _WEEK, _MONTH, _YEAR = 1, 24, 24 * 7, 24 * 30, 24 * 365
_UNITS = {
    "hour": _HOUR, "hours": _HOUR, "hr": _HOUR, "hrs": _HOUR, "day": _DAY, "days": _DAY,
    "week": _WEEK, "weeks": _WEEK, "wk": _WEEK, "wks": _WEEK, "month": _MONTH, "months": _MONTH,
    "mth": _MONTH, "mths": _MONTH, "year": _YEAR, "years": _YEAR, "yr": _YEAR, "yrs": _YEAR,
}  # fmt: skip
_GLUED_UNITS = _UNITS | {"h": _HOUR, "d": _DAY, "w": _WEEK}
_SHORTHAND = {"7": _DAY, "52": _WEEK, "12": _MONTH}
# A vague number is an interval: "a few weeks" may be two and may be eight.
_NUMBERS = {
    "one": (1, 1), "two": (2, 2), "three": (3, 3), "four": (4, 4), "five": (5, 5), "six": (6, 6),
    "seven": (7, 7), "eight": (8, 8), "nine": (9, 9), "ten": (10, 10), "twelve": (12, 12),
    "couple": (2, 3), "few": (2, 8), "some": (2, 8), "several": (2, 10), "many": (3, 50),
}  # fmt: skip
_NAMED = {
    "today": (0, 0), "tonight": (0, 0), "yesterday": (1, 1), "overnight": (0, 1),
    "this morning": (0, 0), "this afternoon": (0, 0), "this evening": (0, 0), "last night": (1, 1),
    "this week": (0, 7), "last week": (1, 14), "this month": (0, 31), "last month": (1, 62),
    "this year": (0, 366),
}  # fmt: skip
_WEEKDAYS = {name.lower(): number for number, name in enumerate(calendar.day_name)}
_MONTHS = {name.lower(): number for number, name in enumerate(calendar.month_name) if name}
_MONTHS |= {name.lower(): number for number, name in enumerate(calendar.month_abbr) if name}
_STARTS = frozenset({each.split()[0] for each in (*_NAMED, *_NUMBERS, *_WEEKDAYS, *_MONTHS)})
_YEARS = re.compile(r"(?:19[3-9]|20[0-9])\d")
_GLUED = re.compile(r"x?(\d{1,3})(hrs?|h|days?|d|weeks?|wks?|w|months?|mths?|years?|yrs?)")
_SHORT = re.compile(r"(\d{1,3})/(7|52|12)")
_ISO = re.compile(r"(\d{4})-(\d{2})-(\d{2})")
_SLASHED = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")
_AMOUNT = re.compile(r"x?(\d{1,3})")
# What comes is no beginning, and what comes back often has none.
_AHEAD = frozenset({"in", "within", "after", "review", "next", "every", "each", "per", "if", "at"})
_DOSES = frozenset({"mg", "ml", "mcg", "g", "iu", "units", "steps", "kcal", "calories"})
_LASTING = frozenset({"since", "from"})
_YEAR_BEFORE = -1
_PAST = timedelta(days=90)
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Said:
    """A time in a text, at the tokens from ``start`` to ``stop``.

    Either so many hours back (``least`` to ``most``), or a date by its parts. ``lasting`` is a
    beginning of what still goes on ("since 2005"), in contrast to a moment ("in 2005").
    """

    start: int
    stop: int
    lasting: bool
    least: int = 0
    most: int = 0
    year: int | None = None
    month: int | None = None
    day: int | None = None
    weekday: int | None = None

    def since(self, written: Since, zone: tzinfo) -> Since | None:
        """Return the beginning, told from when the text was written; None where it is no date."""
        base = written.latest.astimezone(zone)
        if self.year is not None or self.month is not None:
            return self._dated(base)
        if self.weekday is not None:
            back = (base.weekday() - self.weekday) % 7
            return _days(base, back, back)
        if self.most < _DAY and self.most:
            moment = base.astimezone(UTC) - timedelta(hours=self.least)
            return Since(moment.astimezone(zone), moment.astimezone(zone))
        return _days(base, self.least // _DAY, self.most // _DAY)

    def is_past(self, written: Since, zone: tzinfo) -> bool:
        """Tell whether it is a moment that was long over when the text was written."""
        since = None if self.lasting else self.since(written, zone)
        return since is not None and since.latest < written.latest - _PAST

    def _dated(self, base: datetime) -> Since | None:
        year = base.year - 1 if self.year == _YEAR_BEFORE else self.year
        if year is None:
            year = base.year if (self.month or 0) <= base.month else base.year - 1
        try:
            first = datetime(year, self.month or 1, self.day or 1, tzinfo=base.tzinfo)
        except ValueError:
            return None
        if self.day:
            return Since(first, first + timedelta(days=1) - _TICK)
        month = self.month or 12
        last = calendar.monthrange(year, month)[1]
        return Since(first, first.replace(month=month, day=last) + timedelta(days=1) - _TICK)


def times(tokens: list[str]) -> Iterator[Said]:
    """Yield the times that the tokens of a sentence say, in their order."""
    done = 0
    for place, token in enumerate(tokens):
        if place >= done and (token[0] in "0123456789x" or token in _STARTS):
            said = _at(tokens, place)
            if said is not None:
                done = said.stop
                yield said


def _at(tokens: list[str], place: int) -> Said | None:
    token = tokens[place]
    if token[0].isdigit() or token in _NUMBERS or (token[0] == "x" and token[1:2].isdigit()):
        return _amount(tokens, place) or _date(tokens, place)
    pair = f"{token} {tokens[place + 1]}" if place + 1 < len(tokens) else token
    if pair == "last year":
        return Said(place, place + 2, lasting=False, year=_YEAR_BEFORE)
    for named in (pair, token):
        if named in _NAMED:
            least, most = _NAMED[named]
            stop = place + named.count(" ") + 1
            return Said(place, stop, lasting=True, least=least * _DAY, most=most * _DAY)
    if token in _WEEKDAYS:
        return Said(place, place + 1, lasting=True, weekday=_WEEKDAYS[token])
    return _month(tokens, place) if token in _MONTHS else None


def _amount(tokens: list[str], place: int) -> Said | None:
    """Read "3 weeks", "x3d", "2/7", "few days ago", "3 week history of"; no age, no future."""
    token, stop = tokens[place], place + 1
    glued, short = _GLUED.fullmatch(token), _SHORT.fullmatch(token)
    if glued:
        low = high = int(glued[1])
        unit = _GLUED_UNITS[glued[2]]
    elif short:
        low = high = int(short[1])
        unit = _SHORTHAND[short[2]]
    else:
        number = _number(token)
        if stop < len(tokens) and tokens[stop] == "of":
            stop += 1
        if number is None or stop >= len(tokens) or tokens[stop] not in _UNITS:
            return None
        low, high = number
        unit = _UNITS[tokens[stop]]
        stop += 1
    after = tokens[stop] if stop < len(tokens) else ""
    if after in {"old", "y/o", "yo"} or (place and tokens[place - 1] in _AHEAD):
        return None
    lasting = after != "ago"
    if not lasting:
        stop += 1
    elif after in {"history", "hx", "h/o"}:
        stop += 2 if tokens[stop + 1 : stop + 2] == ["of"] else 1
    # "For 3 weeks" is three weeks and not yet four; days and hours are counted as they are said.
    slack = unit if unit > _DAY else 0
    return Said(place, stop, lasting, low * unit, high * unit + slack)


def _number(token: str) -> tuple[int, int] | None:
    match = _AMOUNT.fullmatch(token)
    return (int(match[1]), int(match[1])) if match else _NUMBERS.get(token)


def _date(tokens: list[str], place: int) -> Said | None:
    token = tokens[place]
    lasting = bool(place) and tokens[place - 1] in _LASTING
    iso, slashed = _ISO.fullmatch(token), _SLASHED.fullmatch(token)
    if iso:
        return _day(place, lasting, int(iso[1]), int(iso[2]), int(iso[3]))
    if slashed:
        # 3/4/2024 is March here and April there: the year is all that is sure.
        one, two, year = (int(part) for part in slashed.groups())
        if one == two or max(one, two) > len(calendar.month_name) - 1:
            return _day(place, lasting, year, min(one, two), max(one, two))
        return Said(place, place + 1, lasting, year=year)
    after = tokens[place + 1] if place + 1 < len(tokens) else ""
    if _YEARS.fullmatch(token) and after not in _DOSES:
        return Said(place, place + 1, lasting, year=int(token))
    return None


def _day(place: int, lasting: bool, year: int, month: int, day: int) -> Said:  # noqa: FBT001  the parts of one date
    return Said(place, place + 1, lasting, year=year, month=month, day=day)


def _month(tokens: list[str], place: int) -> Said | None:
    """Read "since March" and "Mar 2024"; a month alone is a word like "may" or "march"."""
    before = tokens[place - 1] if place else ""
    lasting = before in _LASTING
    month = _MONTHS[tokens[place]]
    if place + 1 < len(tokens) and _YEARS.fullmatch(tokens[place + 1]):
        return Said(place, place + 2, lasting, year=int(tokens[place + 1]), month=month)
    if lasting or before == "in":
        return Said(place, place + 1, lasting, month=month)
    return None


def _days(base: datetime, least: int, most: int) -> Since:
    """Return whole days back from a moment, as an interval."""
    today = base.replace(hour=0, minute=0, second=0, microsecond=0)
    latest = min(today - timedelta(days=least) + timedelta(days=1) - _TICK, base)
    return Since(today - timedelta(days=most), latest)
