"""What happened day by day, in numbers, and the port through which a report reads them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence


# The upper edges of latency's buckets in seconds: those of the metric, and on to the longest that
# a worker may take. What took longer still is counted at "+Inf". They stand here and not in
# metrics.py, which nobody may load before the folder of its counts is named.
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
EDGES = (*BUCKETS, 10.0, 30.0)


class Kind(StrEnum):
    """What is counted; the table of the store says what each kind has as topic and name."""

    CALL = "call"
    CARD = "card"
    SHADOWED = "shadowed"
    CRITERION = "criterion"
    UNANSWERED = "unanswered"
    LATENCY = "latency"
    OUTCOME = "outcome"
    REASON = "reason"


@dataclass(frozen=True, slots=True)
class Count:
    """How often something happened on a day, which is a day in UTC."""

    day: date
    topic: str
    name: str
    count: int


class Counts(Protocol):
    """Where the numbers are. Each method may raise UnreachableError."""

    def span(self) -> tuple[date, date] | None:
        """Return the first and the last day on which anything was counted."""
        ...

    def read(self, kind: Kind, days: Sequence[date], service: str | None) -> Sequence[Count]:
        """Return what was counted on some days, for one service or for all together."""
        ...
