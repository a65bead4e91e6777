"""The reports of the page: what was counted, as plots and as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cds_service.counts import Kind
from cds_service.insight.asked import (
    ACCEPTED,
    GATE,
    JUDGED,
    OVERRIDDEN,
    name_of,
    no_answer,
    ranked,
    topic_and_name,
    topic_of,
)
from cds_service.insight.latency import buckets, in_words, percentile
from cds_service.insight.plots import bars, columns, curves
from cds_service.insight.report import Group, Line, Report
from cds_service.insight.tables import Cell, Table
from cds_service.insight.words import NOT_GIVEN

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cds_service.insight.asked import Asked

HALF, MOST = 0.5, 0.95
# So many stand in a plot; the table has them all.
_SHOWN = 12
# A narrow space at which no line breaks.
_THIN = "\u202f"


def calls(asked: Asked) -> Report:
    """How many calls there were, and how many stayed without an answer at the gate."""
    trends = asked.trends(Kind.CALL, name_of)
    names = {JUDGED: "Judged", GATE: "Without an answer: the gate stayed unknown"}
    found = asked.by_name(Kind.CALL)
    whole = asked.total(Kind.CALL)
    lines = [
        Line(
            label,
            f"{number(found[name])} ({share(found[name], whole)})",
            trend=columns(trends[name]),
        )
        for name, label in names.items()
        if name in found
    ]
    lead = (
        "A call stays without an answer where the conditions did not come whole: nobody can tell "
        "whether the patient has back pain."
    )
    table = _by_step(asked, "Calls", {names[name]: trends[name] for name in names if name in found})
    return Report("calls", "Calls", lead, table, groups=[Group(lines)])


def cards(asked: Asked) -> Report:
    """Which cards were sent, over time."""
    lead = f"By topic, for each {asked.period.step}. Each topic has a scale of its own."
    return _cards(asked, Kind.CARD, "cards", "Cards sent", lead)


def shadowed(asked: Asked) -> Report:
    """Which cards shadow mode kept back, over time."""
    lead = "What would have been sent. Nobody saw these cards, so nobody can have answered them."
    return _cards(asked, Kind.SHADOWED, "shadowed", "Cards kept back by shadow mode", lead)


def _cards(asked: Asked, kind: Kind, name: str, title: str, lead: str) -> Report:
    found = asked.by_topic(kind)
    trends = asked.trends(kind, topic_of)
    lines = [
        Line(asked.words.topic(topic), _cards_in_words(count), trend=columns(trends[topic]))
        for topic, count in found.items()
    ]
    table = _by_step(asked, title, {asked.words.topic(topic): trends[topic] for topic in found})
    return Report(name, title, lead, table, groups=[Group(lines)])


def _cards_in_words(count: int) -> str:
    return "1 card" if count == 1 else f"{number(count)} cards"


def answers(asked: Asked) -> Report:
    """Which cards were accepted, overridden, or never answered."""
    outcomes = asked.sums(Kind.OUTCOME, topic_and_name)
    lines, rows = [], []
    for topic, sent in asked.by_topic(Kind.CARD).items():
        taken, set_aside = outcomes[topic, ACCEPTED], outcomes[topic, OVERRIDDEN]
        silent = no_answer(sent, taken, set_aside)
        whole = taken + set_aside + silent
        says = (
            f"{share(taken, whole)} accepted, {share(set_aside, whole)} overridden, "
            f"{share(silent, whole)} no answer, of {number(whole)}"
        )
        parts = bars([("solid", taken), ("hatched", set_aside), ("hollow", silent)], whole)
        lines.append(Line(asked.words.topic(topic), says, parts))
        rows.append((asked.words.topic(topic), sent, taken, set_aside, silent))
    headers = ("Topic", "Sent", "Accepted", "Overridden", "No answer")
    return Report(
        "answers",
        "What became of the cards",
        "The first feedback on each card sent on these days, whenever it came. No answer is not a "
        "dismissal: many record systems report nothing.",
        Table("Cards by topic and first feedback", headers, rows),
        groups=[Group(lines)],
        key=(("solid", "accepted"), ("hatched", "overridden"), ("hollow", "no answer")),
    )


def reasons(asked: Asked) -> Report:
    """Why cards were overridden."""
    overridden = {
        topic: count
        for (topic, name), count in asked.sums(Kind.OUTCOME, topic_and_name).items()
        if name == OVERRIDDEN
    }
    given = asked.sums(Kind.REASON, topic_and_name)
    groups, rows = [], []
    for topic in asked.by_topic(Kind.OUTCOME):
        found = {code: count for (of, code), count in given.items() if of == topic}
        whole = max(overridden.get(topic, 0), sum(found.values()))
        found[NOT_GIVEN] = whole - sum(found.values())
        heading, lines = asked.words.topic(topic), []
        for code, count in ranked(found).items():
            label = asked.words.reason(topic, code)
            says = f"{number(count)} ({share(count, whole)})"
            lines.append(Line(label, says, bars([("hatched", count)], whole)))
            rows.append((heading, label, count))
        if lines:
            groups.append(Group(lines, heading))
    table = Table("Override reasons by topic", ("Topic", "Reason", "Cards"), rows, texts=2)
    lead = "The reasons that came with the first feedback, of all overridden cards of the topic."
    return Report("reasons", "Why cards were overridden", lead, table, groups=groups)


def criteria(asked: Asked) -> Report:
    """Which criteria were met, and when."""
    trends = asked.trends(Kind.CRITERION, name_of)
    lines, table = _ranking(asked, Kind.CRITERION, "Criterion", asked.words.criterion, trends)
    return Report(
        "criteria",
        "Criteria met",
        f"In how many calls each criterion was met, and when, for each {asked.period.step}.",
        table,
        groups=[Group(lines)],
        left=len(table.rows) - len(lines),
    )


def unanswered(asked: Asked) -> Report:
    """Which questions stayed open most often."""
    lines, table = _ranking(asked, Kind.UNANSWERED, "Question", asked.words.question, {})
    return Report(
        "unanswered",
        "Questions left open",
        "What a criterion asked for and no record answered: worth a field in the chart.",
        table,
        groups=[Group(lines)],
        left=len(table.rows) - len(lines),
    )


def latency(asked: Asked) -> Report:
    """How long answers took."""
    counted = asked.counted(Kind.LATENCY)
    found = buckets(counted) if counted else []
    whole, most = sum(each.count for each in found), max((x.count for x in found), default=0)
    lines = [
        Line(
            each.label,
            f"{number(each.count)} ({share(each.count, whole)})",
            bars([("solid", each.count)], most),
        )
        for each in found
    ]
    half, nearly_all = percentile(HALF, found), percentile(MOST, found)
    lead = "From the arrival of a call to its decision."
    if half is not None and nearly_all is not None:
        beyond = found[-1].above
        words = [
            f"{'within' if each < beyond else 'in more than'} {in_words(each)}"
            for each in (half, nearly_all)
        ]
        lead += f" Half {words[0]}, 95 of 100 {words[1]}."
    rows = [(each.label, each.count) for each in found]
    table = Table("Calls by time to answer", ("Time", "Calls"), rows)
    return Report("latency", "Time to answer", lead, table, groups=[Group(lines)])


def percentiles(asked: Asked) -> Report:
    """How the time to answer went, day by day."""
    days = [day.isoformat() for day in asked.period.days]
    half, most = (
        [milliseconds(percentile(each, asked.buckets_by_day.get(day, ()))) for day in days]
        for each in (HALF, MOST)
    )
    both = zip(days, half, most, strict=True)
    rows = [(day, low, high) for day, low, high in both if low is not None and high is not None]
    names = ("half of the calls (p50)", "95 of 100 calls (p95)")
    drawn = curves([(names[0], "solid", half), (names[1], "dashed", most)])
    return Report(
        "percentiles",
        "Time to answer, day by day",
        "In milliseconds, estimated from how many calls took how long.",
        Table("Milliseconds to answer, by day", ("Day", *names), rows),
        curves=drawn,
    )


def milliseconds(seconds: float | None) -> float | None:
    """Return seconds as milliseconds, to a tenth."""
    return None if seconds is None else round(seconds * 1000, 1)


REPORTS: Mapping[str, Callable[[Asked], Report]] = {
    each.__name__: each
    for each in (
        calls,
        cards,
        answers,
        reasons,
        criteria,
        unanswered,
        latency,
        percentiles,
        shadowed,
    )
}


# --- what several of them share ---


def _by_step(asked: Asked, title: str, trends: Mapping[str, Sequence[int]]) -> Table:
    """Return counts over time as a table, one column for each thing that was counted."""
    period = asked.period
    first = "Week from" if period.by_week else "Day"
    days = [day.isoformat() for day in period.steps] if trends else []
    rows: list[tuple[Cell, ...]] = [
        (day, *(each[at] for each in trends.values())) for at, day in enumerate(days)
    ]
    return Table(f"{title} by {period.step}", (first, *trends), rows)


def _ranking(
    asked: Asked,
    kind: Kind,
    what: str,
    words: Callable[[str], str],
    trends: Mapping[str, Sequence[int]],
) -> tuple[Sequence[Line], Table]:
    """Return the first of a ranking as lines, and all of it as a table."""
    found = asked.by_name(kind)
    most = max(found.values(), default=0)
    lines = [
        Line(
            words(name),
            number(count),
            bars([("solid", count)], most),
            columns(trends[name]) if name in trends else None,
        )
        for name, count in list(found.items())[:_SHOWN]
    ]
    rows = [(words(name), count) for name, count in found.items()]
    return lines, Table(f"{what}, the most frequent first", (what, "Calls"), rows)


def share(part: int, whole: int) -> str:
    """Return a share in whole percent; what is there is never said to be none."""
    percent = 100 * part / whole if whole else 0.0
    return f"under 1{_THIN}%" if 0 < percent < 1 else f"{percent:.0f}{_THIN}%"


def number(count: int) -> str:
    """Return a count as it is read: in groups of three digits."""
    return f"{count:,}".replace(",", _THIN)
