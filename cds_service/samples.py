"""The sample patients, moved so that the day they were written for is today."""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Mapping

# The day every sample is written as of; "yesterday" in a sample is the day before it.
WRITTEN_FOR = date(2026, 1, 15)
_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?=$|T)")
# A birth date is a fact about the patient, not about today.
_FIXED = {"birthDate"}


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
        story = next(
            (tag["display"] for tag in bundle.get("meta", {}).get("tag", ())), path.stem
        )
        found[path.stem] = Sample(path.stem, story, bundle)
    return found


def as_of_today(sample: Sample, now: datetime) -> dict[str, Any]:
    """Return the Bundle with every date moved by the days from its own day to today."""
    days = now.date() - WRITTEN_FOR
    moved: dict[str, Any] = _moved(copy.deepcopy(dict(sample.bundle)), days)
    return moved


def written_moment() -> datetime:
    """Return the moment for judging a sample as it was written."""
    return datetime(
        WRITTEN_FOR.year, WRITTEN_FOR.month, WRITTEN_FOR.day, 12, tzinfo=UTC
    )


def _moved(value: Any, days: timedelta) -> Any:
    if isinstance(value, dict):
        return {
            key: each if key in _FIXED else _moved(each, days) for key, each in value.items()
        }
    if isinstance(value, list):
        return [_moved(each, days) for each in value]
    if isinstance(value, str):
        match = _DATE.match(value)
        if match:
            day = date(int(match[1]), int(match[2]), int(match[3])) + days
            return f"{day.isoformat()}{value[match.end():]}"
    return value
