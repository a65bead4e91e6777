"""What was counted in a period, read as it is needed, and added up."""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from cds_service.content.recommendations import TOPICS
from cds_service.counts import Kind
from cds_service.insight.latency import Bucket, buckets

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping, Sequence

    from cds_service.counts import Count, Counts
    from cds_service.insight.period import Period
    from cds_service.insight.words import Words

Key = TypeVar("Key", bound="Hashable")
JUDGED, GATE = "judged", "gate"
ACCEPTED, OVERRIDDEN = "accepted", "overridden"


class Asked:
    """The numbers of one period. Each method may raise UnreachableError."""

    def __init__(self, counts: Counts, period: Period, words: Words) -> None:
        """Keep where to read; nothing is read yet."""
        self._counts, self.period, self.words = counts, period, words
        self._read: dict[Kind, Sequence[Count]] = {}

    def counted(self, kind: Kind) -> Sequence[Count]:
        """Return what was counted of a kind, by day."""
        if kind not in self._read:
            self._read[kind] = self._counts.read(kind, self.period.days, self.period.service)
        return self._read[kind]

    def sums(self, kind: Kind, by: Callable[[Count], Key]) -> Counter[Key]:
        """Return totals of a kind."""
        found: Counter[Key] = Counter()
        for each in self.counted(kind):
            found[by(each)] += each.count
        return found

    def total(self, kind: Kind) -> int:
        """Return how much of a kind there was."""
        return sum(each.count for each in self.counted(kind))

    def by_topic(self, kind: Kind) -> Mapping[str, int]:
        """Return totals by topic, the most urgent first."""
        found = self.sums(kind, topic_of)
        order = [*TOPICS, *sorted(found.keys() - TOPICS.keys())]
        return {topic: found[topic] for topic in order if topic in found}

    def by_name(self, kind: Kind) -> Mapping[str, int]:
        """Return totals by name, the largest first."""
        return ranked(self.sums(kind, name_of))

    def trends(self, kind: Kind, by: Callable[[Count], str]) -> Mapping[str, Sequence[int]]:
        """Return counts for each step of the period."""
        steps = {day: self.period.step_of(day) for day in self.period.days}
        found: dict[str, list[int]] = {}
        for each in self.counted(kind):
            row = found.setdefault(by(each), [0] * len(self.period.steps))
            step = steps[each.day]
            if step is not None:
                row[step] += each.count
        return found

    @cached_property
    def buckets_by_day(self) -> Mapping[str, Sequence[Bucket]]:
        """Return how many calls took how long, for each day that had calls."""
        days: dict[str, list[Count]] = {}
        for each in self.counted(Kind.LATENCY):
            days.setdefault(each.day.isoformat(), []).append(each)
        return {day: buckets(counts) for day, counts in days.items()}


def topic_of(each: Count) -> str:
    """Return the topic of a count."""
    return each.topic


def topic_and_name(each: Count) -> tuple[str, str]:
    """Return both."""
    return each.topic, each.name


def name_of(each: Count) -> str:
    """Return the name of a count."""
    return each.name


def ranked(found: Mapping[str, int]) -> dict[str, int]:
    """Return totals with the largest first, without what there was none of."""
    some = ((name, count) for name, count in found.items() if count)
    return dict(sorted(some, key=lambda each: (-each[1], each[0])))


def no_answer(sent: int, accepted: int, overridden: int) -> int:
    """Return how many cards nobody answered.

    None rather than less than none: feedback may be kept before its card comes from the spool.
    """
    return max(0, sent - accepted - overridden)
