"""Windows at their edges: days are days of the calendar, hours lie between instants."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.clinical.truth import Truth
from cds_service.clinical.windows import Since, Span, Unit, is_future, older_than, within

BERLIN = ZoneInfo("Europe/Berlin")  # clocks: 29 March 2026 forward, 25 October 2026 back
AUCKLAND = ZoneInfo("Pacific/Auckland")
DAYS_30 = Span(30, Unit.DAYS)
HOURS_72 = Span(72, Unit.HOURS)
YEAR = Span(12, Unit.MONTHS)
NOON = datetime(2026, 3, 17, 12, tzinfo=UTC)


def at(text: str) -> Since:
    moment = datetime.fromisoformat(text)
    return Since(moment, moment)


def day(text: str, last: str | None = None, zone: ZoneInfo | timezone = UTC) -> Since:
    """Return a day, or the days from one to another, as a partial date is read."""
    first = datetime.fromisoformat(text).replace(tzinfo=zone)
    end = datetime.fromisoformat(last or text).replace(tzinfo=zone)
    return Since(first, end.replace(hour=23, minute=59, second=59))


# when it began, within the span, older than the span
EDGES: dict[str, tuple[Since | None, Span, str, str]] = {
    "day 30 as a date": (day("2026-02-15"), DAYS_30, "P", "A"),
    "first minute of day 30": (at("2026-02-15T00:00+00:00"), DAYS_30, "P", "A"),
    "last minute of day 31": (at("2026-02-14T23:59+00:00"), DAYS_30, "A", "P"),
    "day 31 as a date": (day("2026-02-14"), DAYS_30, "A", "P"),
    "later today": (at("2026-03-17T18:00+00:00"), DAYS_30, "P", "A"),
    "72 hours to the second": (at("2026-03-14T12:00:00+00:00"), HOURS_72, "P", "P"),
    "a second more": (at("2026-03-14T11:59:59+00:00"), HOURS_72, "A", "P"),
    "a day that holds the limit": (day("2026-03-14"), HOURS_72, "P", "?"),
    "the same day a year ago": (day("2025-03-17"), YEAR, "P", "A"),
    "the day before that": (day("2025-03-16"), YEAR, "A", "P"),
    "month that lies across the limit": (day("2026-02-01", "2026-02-28"), DAYS_30, "P", "?"),
    "month before the limit": (day("2026-01-01", "2026-01-31"), DAYS_30, "A", "P"),
    "month after the limit": (day("2026-03-01", "2026-03-31"), DAYS_30, "P", "A"),
    "open beginning, long over": (
        Since(None, datetime(2026, 2, 1, tzinfo=UTC)),
        DAYS_30,
        "A",
        "P",
    ),
    "open beginning, until now": (Since(None, NOON), DAYS_30, "P", "?"),
    "no date counts as now, not as old": (None, DAYS_30, "P", "?"),
    "tomorrow is neither recent nor old": (day("2026-03-18"), DAYS_30, "?", "?"),
    "next year is neither": (day("2027-01-01", "2027-12-31"), HOURS_72, "?", "?"),
    "this year, which goes on": (day("2026-01-01", "2026-12-31"), DAYS_30, "P", "?"),
}
LETTERS = {"A": Truth.ABSENT, "?": Truth.UNKNOWN, "P": Truth.PRESENT}


@pytest.mark.parametrize("name", EDGES)
def test_edges(name: str) -> None:
    since, span, recent, old = EDGES[name]
    assert within(since, span, NOON) is LETTERS[recent]
    assert older_than(since, span, NOON) is LETTERS[old]


def test_days_are_those_of_the_zone_of_judging() -> None:
    began = at("2026-03-10T23:30:00+00:00")  # in Berlin this is the 11th already
    seven = Span(7, Unit.DAYS)
    judged = datetime(2026, 3, 18, 10, tzinfo=UTC)
    assert older_than(began, seven, judged) is Truth.PRESENT
    assert older_than(began, seven, judged.astimezone(BERLIN)) is Truth.ABSENT


def test_one_moment_may_lie_on_two_days() -> None:
    began = at("2026-03-16T20:00:00+00:00")
    evening = datetime(2026, 3, 16, 10, tzinfo=UTC)
    assert is_future(began, evening) is False
    assert is_future(began, evening.astimezone(AUCKLAND)) is True  # there it is the 17th


@pytest.mark.parametrize("zone", [UTC, BERLIN, AUCKLAND], ids=str)
def test_hours_are_the_same_in_every_zone(zone: ZoneInfo) -> None:
    judged = NOON.astimezone(zone)
    for began, expected in (("2026-03-14T12:00:00Z", "P"), ("2026-03-14T11:59:00Z", "A")):
        assert within(at(began), HOURS_72, judged) is LETTERS[expected]


@pytest.mark.parametrize(
    ("judged", "hours_ago", "expected"),
    [
        (datetime(2026, 3, 30, 8, tzinfo=BERLIN), 72, "P"),  # an hour was left out on the 29th
        (datetime(2026, 3, 30, 8, tzinfo=BERLIN), 73, "A"),
        (datetime(2026, 10, 26, 8, tzinfo=BERLIN), 72, "P"),  # an hour came twice on the 25th
        (datetime(2026, 10, 26, 8, tzinfo=BERLIN), 73, "A"),
    ],
    ids=["spring 72 h", "spring 73 h", "autumn 72 h", "autumn 73 h"],
)
def test_hours_do_not_follow_the_clock_that_is_turned(
    judged: datetime, hours_ago: int, expected: str
) -> None:
    began = (judged.astimezone(UTC) - timedelta(hours=hours_ago)).astimezone(BERLIN)
    assert within(Since(began, began), HOURS_72, judged) is LETTERS[expected]


@pytest.mark.parametrize("month", [3, 10])
def test_days_do_not_mind_the_clock_that_is_turned(month: int) -> None:
    judged = datetime(2026, month, 31, 0, 30, tzinfo=BERLIN)
    seven = Span(7, Unit.DAYS)
    first, before = (datetime(2026, month, each, tzinfo=BERLIN) for each in (24, 23))
    assert within(Since(first, first), seven, judged) is Truth.PRESENT
    assert within(Since(before, before), seven, judged) is Truth.ABSENT


@pytest.mark.parametrize(
    ("judged", "months", "limit"),
    [
        ("2026-03-31", 1, "2026-02-28"),
        ("2024-03-31", 1, "2024-02-29"),
        ("2024-02-29", 12, "2023-02-28"),
        ("2026-01-15", 1, "2025-12-15"),
        ("2026-12-31", 12, "2025-12-31"),
    ],
)
def test_months_end_on_the_last_day_there_is(judged: str, months: int, limit: str) -> None:
    moment = datetime.fromisoformat(judged).replace(hour=9, tzinfo=UTC)
    span = Span(months, Unit.MONTHS)
    last = datetime.fromisoformat(limit).replace(tzinfo=UTC)
    assert within(Since(last, last), span, moment) is Truth.PRESENT
    eve = last - timedelta(seconds=1)
    assert within(Since(eve, eve), span, moment) is Truth.ABSENT


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (Span(1, Unit.HOURS), "1 hour"),
        (DAYS_30, "30 days"),
        (YEAR, "12 months"),
        (Span(1, Unit.MONTHS), "1 month"),
    ],
    ids=str,
)
def test_spans_read_as_a_clinician_writes_them(span: Span, words: str) -> None:
    assert str(span) == words


@given(
    judged=st.datetimes(datetime(1990, 1, 3), datetime(2100, 1, 1), timezones=st.timezones()),  # noqa: DTZ001  the zone is drawn
    hours=st.integers(-72, 72),
    zone=st.integers(-14 * 60, 14 * 60),
    days=st.integers(0, 2),
)
def test_near_a_day_the_zone_of_judging_decides_which_day_it_is(
    judged: datetime, hours: int, zone: int, days: int
) -> None:
    elsewhere = timezone(timedelta(minutes=zone))
    moment = (judged.astimezone(UTC) - timedelta(hours=hours)).astimezone(elsewhere)
    before = judged.toordinal() - moment.astimezone(judged.tzinfo).toordinal()
    assert Span(days, Unit.DAYS).reaches(moment, judged) is (before <= days)
    assert is_future(Since(moment, moment), judged) is (before < 0)
