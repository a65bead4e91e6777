"""The sample patients, moved so that the day they were written for is today."""

from __future__ import annotations

import calendar
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import orjson

# The day every sample is written as of; "yesterday" in a sample is the day before it. What happens
# on the day itself has a date and no time, so that it is not in the future at half past midnight.
WRITTEN_FOR = date(2026, 1, 15)
TAGS = "https://backpain-cds.org/CodeSystem/sample"

_DATE = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2})(T.*)?)?)?")
_DATE_KEYS = frozenset({"start", "end", "authored", "authoredOn", "date", "issued", "lastUpdated"})
_DATE_ENDINGS = ("Date", "DateTime", "Instant")
# A birth date is a fact about the patient, not about today.
_FIXED = "birthDate"


@dataclass(frozen=True, slots=True)
class Sample:
    """One invented patient: a name to ask for, a line about the story, and the Bundle."""

    name: str
    story: str
    bundle: Mapping[str, Any]


def folder() -> Path:
    """Return where the samples lie: inside the package, or beside it in a checkout."""
    packaged = Path(str(files("cds_service") / "sample_patients"))
    return packaged if packaged.is_dir() else packaged.parent.parent / "samples"


@cache
def samples() -> Mapping[str, Sample]:
    """Return all samples by name, as they were written."""
    found = {}
    for path in sorted(folder().glob("*.json")):
        bundle = orjson.loads(path.read_bytes())
        story = next(tag["display"] for tag in bundle["meta"]["tag"] if tag["system"] == TAGS)
        found[path.stem] = Sample(path.stem, story, bundle)
    return found


def as_of_today(sample: Sample, now: datetime) -> dict[str, Any]:
    """Return the Bundle with every date moved by the days from its own day to today."""
    days = now.date() - WRITTEN_FOR
    return {key: _moved(key, value, days) for key, value in sample.bundle.items()}


def written_moment() -> datetime:
    """Return the moment for judging a sample as it was written: noon of its day."""
    return datetime(WRITTEN_FOR.year, WRITTEN_FOR.month, WRITTEN_FOR.day, 12, tzinfo=UTC)


def is_date(key: str) -> bool:
    """Tell whether a FHIR element of this name holds a date that moves with the day."""
    return key != _FIXED and (key in _DATE_KEYS or key.endswith(_DATE_ENDINGS))


def _moved(key: str, value: object, days: timedelta) -> object:
    if isinstance(value, dict):
        return {name: _moved(name, each, days) for name, each in value.items()}
    if isinstance(value, list):
        return [_moved(key, each, days) for each in value]
    if isinstance(value, str) and is_date(key):
        return _moved_date(value, days)
    return value


def _moved_date(text: str, days: timedelta) -> str:
    """Move a date; a month or a year is moved by its middle and stays a month or a year."""
    match = _DATE.fullmatch(text)
    if match is None:
        return text
    year, month, day, time = match.groups()
    if day:
        return f"{date(int(year), int(month), int(day)) + days}{time or ''}"
    if month:
        middle = date(int(year), int(month), calendar.monthrange(int(year), int(month))[1] // 2)
        return f"{middle + days:%Y-%m}"
    return f"{(date(int(year), 7, 1) + days).year:04}"
