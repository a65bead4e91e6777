"""The days that are asked about, and what is said of those that cannot be."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from cds_service.insight.period import LONGEST, Period, read_period
from cds_service.problems import Problem

TODAY = date(2026, 11, 20)
SERVICES = {"one", "two"}

READ = {
    "nothing": ({}, date(2026, 10, 22), TODAY),
    "a week": ({"days": "7"}, date(2026, 11, 14), TODAY),
    "a year": ({"days": "365"}, date(2025, 11, 21), TODAY),
    "a length that is not offered": ({"days": "8"}, date(2026, 10, 22), TODAY),
    "from": ({"from": "2026-11-01"}, date(2026, 11, 1), TODAY),
    "to": ({"to": "2026-01-31"}, date(2026, 1, 2), date(2026, 1, 31)),
    "both": ({"from": " 2026-01-01", "to": "2026-01-01 "}, date(2026, 1, 1), date(2026, 1, 1)),
    "empty fields": ({"from": "", "to": "", "service": ""}, date(2026, 10, 22), TODAY),
    "dates before days": ({"from": "2026-11-19", "days": "7"}, date(2026, 11, 19), TODAY),
    "the future": ({"to": "2026-12-01", "days": "7"}, date(2026, 11, 25), date(2026, 12, 1)),
}


@pytest.mark.parametrize(("asked", "first", "last"), READ.values(), ids=READ)
def test_read(asked: dict[str, str], first: date, last: date) -> None:
    assert read_period(asked, TODAY, SERVICES) == Period(first, last)


def test_a_service_is_read() -> None:
    assert read_period({"service": "two"}, TODAY, SERVICES).service == "two"


REFUSED = {
    "no day": ({"from": "yesterday"}, "from: write a day as in 2026-01-31"),
    "no such day": ({"to": "2026-02-30"}, "to: write a day"),
    "long ago": ({"from": "0002-01-01"}, "from: write a day"),
    "too late": ({"to": "9999-12-31"}, "to: write a day"),
    "reversed": ({"from": "2026-11-21"}, "from: the first day comes after the last"),
    "too long": ({"from": "2020-01-01"}, f"from: more than {LONGEST} days"),
    "another service": ({"service": "three"}, "service: there is no such service"),
}


@pytest.mark.parametrize(("asked", "words"), REFUSED.values(), ids=REFUSED)
def test_refused(asked: dict[str, str], words: str) -> None:
    with pytest.raises(Problem) as caught:
        read_period(asked, TODAY, SERVICES)
    assert caught.value.status == 400
    assert caught.value.text.startswith(words)


def test_the_longest_is_taken() -> None:
    first = TODAY - timedelta(days=LONGEST - 1)
    assert len(read_period({"from": str(first)}, TODAY, SERVICES).days) == LONGEST


@pytest.mark.parametrize("length", [1, 2, 92])
def test_up_to_a_quarter_each_day_is_a_step(length: int) -> None:
    period = Period(TODAY - timedelta(days=length - 1), TODAY)
    assert period.step == "day"
    assert period.steps == period.days
    assert [period.step_of(day) for day in period.days] == list(range(length))


@pytest.mark.parametrize("length", [93, 98, 365])
def test_beyond_it_each_week_is_and_the_last_is_whole(length: int) -> None:
    period = Period(TODAY - timedelta(days=length - 1), TODAY)
    assert period.step == "week"
    steps = [period.step_of(day) for day in period.days]
    spare = length % 7
    assert steps[:spare] == [None] * spare
    assert steps[spare:] == [number // 7 for number in range(length - spare)]
    assert period.steps[-1] == TODAY - timedelta(days=6)
    assert len(period.steps) == length // 7
