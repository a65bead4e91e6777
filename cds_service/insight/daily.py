"""The same numbers day by day, for the CSV files: nothing summed up that a program could sum up."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

from cds_service.counts import Kind
from cds_service.insight.asked import ACCEPTED, OVERRIDDEN, no_answer
from cds_service.insight.latency import percentile
from cds_service.insight.reports import HALF, MOST, milliseconds
from cds_service.insight.tables import Cell, Table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import date

    from cds_service.insight.asked import Asked


def _counts(
    asked: Asked,
    kind: Kind,
    headers: Sequence[str],
    cells: Callable[[str, str], Sequence[Cell]],
) -> Table:
    """Return a row for each count, with cells made of its topic and its name."""
    rows = [
        (each.day.isoformat(), *cells(each.topic, each.name), each.count)
        for each in asked.counted(kind)
    ]
    return Table(kind.value, ("day", *headers), rows)


def _calls(asked: Asked) -> Table:
    return _counts(asked, Kind.CALL, ("outcome", "calls"), lambda _, name: (name,))


def _cards(asked: Asked, kind: Kind = Kind.CARD) -> Table:
    headers = ("topic", "title", "indicator", "cards")
    words = asked.words
    return _counts(asked, kind, headers, lambda topic, name: (topic, words.topic(topic), name))


def _shadowed(asked: Asked) -> Table:
    return _cards(asked, Kind.SHADOWED)


def _answers(asked: Asked) -> Table:
    sent: Counter[tuple[date, str]] = Counter()
    for each in asked.counted(Kind.CARD):
        sent[each.day, each.topic] += each.count
    outcomes = asked.sums(Kind.OUTCOME, lambda each: (each.day, each.topic, each.name))
    rows = []
    for (day, topic), count in sent.items():
        taken, set_aside = outcomes[day, topic, ACCEPTED], outcomes[day, topic, OVERRIDDEN]
        silent = no_answer(count, taken, set_aside)
        title = asked.words.topic(topic)
        rows.append((day.isoformat(), topic, title, count, taken, set_aside, silent))
    headers = ("day", "topic", "title", "sent", "accepted", "overridden", "no answer")
    return Table("answers", headers, rows)


def _reasons(asked: Asked) -> Table:
    headers = ("topic", "title", "code", "reason", "cards")
    words = asked.words
    return _counts(
        asked,
        Kind.REASON,
        headers,
        lambda topic, code: (topic, words.topic(topic), code, words.reason(topic, code)),
    )


def _criteria(asked: Asked) -> Table:
    headers = ("id", "criterion", "calls")
    words = asked.words
    return _counts(asked, Kind.CRITERION, headers, lambda _, name: (name, words.criterion(name)))


def _unanswered(asked: Asked) -> Table:
    headers = ("finding", "question", "calls")
    words = asked.words
    return _counts(asked, Kind.UNANSWERED, headers, lambda _, name: (name, words.question(name)))


def _latency(asked: Asked) -> Table:
    rows = [
        (day, each.above, "" if math.isinf(each.upto) else each.upto, each.count)
        for day, found in asked.buckets_by_day.items()
        for each in found
        if each.count
    ]
    return Table("latency", ("day", "above seconds", "up to seconds", "calls"), rows)


def _percentiles(asked: Asked) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (day, *(milliseconds(percentile(each, found)) or 0.0 for each in (HALF, MOST)))
        for day, found in asked.buckets_by_day.items()
    ]
    return Table("percentiles", ("day", "p50 milliseconds", "p95 milliseconds"), rows)


FILES: Mapping[str, Callable[[Asked], Table]] = {
    "calls": _calls,
    "cards": _cards,
    "answers": _answers,
    "reasons": _reasons,
    "criteria": _criteria,
    "unanswered": _unanswered,
    "latency": _latency,
    "percentiles": _percentiles,
    "shadowed": _shadowed,
}
