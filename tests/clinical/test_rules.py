"""The words that combine findings, and the reasons they give."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from cds_service.clinical.facts import Evidence, Facts, Finding, Occurrence
from cds_service.clinical.rules import All, Any, AtLeast, Has, Meets, Not, Rule
from cds_service.clinical.truth import Truth
from cds_service.clinical.windows import Since, Span, Unit

NOW = datetime(2026, 3, 17, 12, tzinfo=UTC)
WEEK = Span(7, Unit.DAYS)
TERMS = {
    "yes": Has("yes"),
    "no": Has("no"),
    "unasked": Has("unasked"),
    "old": Has("old", within=WEEK),
}


def finding(name: str, *occurrences: tuple[int | None, float | None]) -> Finding:
    """Return a finding that is present, by days ago and number."""
    return Finding(
        name,
        Truth.PRESENT,
        tuple(
            Occurrence(_days_ago(days), number, Evidence(f"{name}/{place}", "recorded"))
            for place, (days, number) in enumerate(occurrences)
        ),
    )


def _days_ago(days: int | None) -> Since | None:
    moment = None if days is None else NOW - timedelta(days=days)
    return Since(moment, moment) if moment else None


def facts(*findings: Finding, silent: frozenset[str] = frozenset()) -> Facts:
    return Facts(NOW, {each.name: each for each in findings}, silent=silent)


FACTS = facts(
    finding("yes", (None, None)),
    Finding("no", Truth.ABSENT, (Occurrence(None, None, Evidence("no/0", "denied")),)),
    finding("old", (400, None)),
)
YES, NO, UNASKED, OLD = TERMS.values()


def spoken(rule: Rule) -> str:
    match rule:
        case Has(name):
            return name
        case Not(term) | Meets(_, term):
            return f"{type(rule).__name__}({spoken(term)})"
        case Any(terms) | All(terms) | AtLeast(_, terms):
            return f"{type(rule).__name__}({' '.join(map(spoken, terms))})"
        case _:
            raise TypeError(rule)


@pytest.mark.parametrize(
    ("rule", "truth", "because", "missing"),
    [
        (YES, "PRESENT", ["yes/0"], []),
        (NO, "ABSENT", ["no/0"], []),
        (UNASKED, "UNKNOWN", [], ["unasked"]),
        (OLD, "ABSENT", ["old/0"], []),
        (Not(YES), "ABSENT", ["yes/0"], []),
        (Not(UNASKED), "UNKNOWN", [], ["unasked"]),
        (All((YES, NO)), "ABSENT", ["no/0"], []),
        (All((YES, UNASKED)), "UNKNOWN", ["yes/0"], ["unasked"]),
        (All((NO, UNASKED)), "ABSENT", ["no/0"], []),
        (Any((YES, UNASKED)), "PRESENT", ["yes/0"], []),
        (Any((NO, UNASKED)), "UNKNOWN", [], ["unasked"]),
        (Any((NO, OLD)), "ABSENT", ["no/0", "old/0"], []),
        (Any((YES, Not(NO))), "PRESENT", ["yes/0", "no/0"], []),
        (Any((YES, All((YES, Not(NO))))), "PRESENT", ["yes/0", "no/0"], []),
        (AtLeast(2, (YES, NO, Not(OLD))), "PRESENT", ["yes/0", "old/0"], []),
        (AtLeast(2, (YES, NO, UNASKED)), "UNKNOWN", ["yes/0"], ["unasked"]),
        (AtLeast(2, (NO, OLD, UNASKED)), "ABSENT", ["no/0", "old/0"], []),
        (Meets("S01", YES), "PRESENT", ["yes/0"], []),
    ],
    ids=lambda value: spoken(value) if isinstance(value, Rule) else "",
)
def test_a_rule_says_what_decided_it_and_what_it_waits_for(
    rule: Rule, truth: str, because: list[str], missing: list[str]
) -> None:
    weighed = rule.weigh(FACTS)
    assert weighed.truth is Truth[truth]
    assert rule.judge(FACTS) is weighed.truth
    assert [each.reference for each in weighed.because] == because
    assert list(weighed.missing) == missing


def test_silence_counts_as_absent_only_where_it_was_declared() -> None:
    said_nothing = facts(silent=frozenset({"cancer"}))
    for rule, truth in ((Has("cancer"), Truth.ABSENT), (Has("fever"), Truth.UNKNOWN)):
        assert rule.judge(said_nothing) is truth
        assert rule.weigh(said_nothing).truth is truth
    assert said_nothing.get("cancer").state is Truth.ABSENT
    assert said_nothing.get("fever").state is Truth.UNKNOWN


def test_what_was_recorded_wins_over_silence() -> None:
    recorded = facts(finding("cancer", (9, None)), silent=frozenset({"cancer"}))
    assert Has("cancer").judge(recorded) is Truth.PRESENT


@pytest.mark.parametrize(
    ("readings", "truth"),
    [
        ([(0, 39.0)], "PRESENT"),
        ([(0, 38.9)], "ABSENT"),
        ([(4, 39.4), (0, 38.5)], "ABSENT"),  # no single reading is both high and recent
        ([(4, 39.4), (1, 39.1)], "PRESENT"),
        ([(0, None)], "UNKNOWN"),
        ([(4, None)], "ABSENT"),
        ([(0, None), (0, 38.0)], "UNKNOWN"),
        ([(None, 39.2)], "PRESENT"),
    ],
    ids=str,
)
def test_one_occurrence_has_to_meet_every_limit(
    readings: list[tuple[int | None, float | None]], truth: str
) -> None:
    rule = Has("fever", within=Span(72, Unit.HOURS), at_least=39.0)
    given = facts(finding("fever", *readings))
    assert rule.judge(given) is Truth[truth]
    assert rule.weigh(given).truth is Truth[truth]


@pytest.mark.parametrize(
    ("number", "truth"), [(37.9, "ABSENT"), (38.0, "PRESENT"), (38.9, "PRESENT"), (39.0, "ABSENT")]
)
def test_from_and_below(number: float, truth: str) -> None:
    rule = Has("fever", at_least=38.0, below=39.0)
    assert rule.judge(facts(finding("fever", (0, number)))) is Truth[truth]


@pytest.mark.parametrize(
    ("days", "truth"),
    [(2, "ABSENT"), (8, "PRESENT"), (30, "PRESENT"), (31, "ABSENT"), (None, "UNKNOWN")],
)
def test_between_two_ages(days: int | None, truth: str) -> None:
    rule = Has("pain", older_than=WEEK, within=Span(30, Unit.DAYS))
    assert rule.judge(facts(finding("pain", (days, None)))) is Truth[truth]


def test_evidence_comes_from_the_occurrence_that_decides() -> None:
    rule = Has("leak", within=WEEK)
    weighed = rule.weigh(facts(finding("leak", (2000, None), (1, None))))
    assert [each.reference for each in weighed.because] == ["leak/1"]


@pytest.mark.parametrize(
    ("rule", "needs"),
    [
        (YES, ("yes",)),
        (Not(YES), ("yes",)),
        (Any((YES, NO, Not(YES))), ("yes", "no")),
        (All((NO, Any((YES, OLD)))), ("no", "yes", "old")),
        (AtLeast(2, (OLD, YES, NO)), ("old", "yes", "no")),
        (Meets("S01", NO), ("no",)),
    ],
    ids=lambda value: spoken(value) if isinstance(value, Rule) else "",
)
def test_a_rule_names_each_finding_once_in_its_order(rule: Rule, needs: tuple[str, ...]) -> None:
    assert rule.needs() == needs


def test_nothing_is_present_without_evidence() -> None:
    with pytest.raises(ValueError, match="'fever' is present without an occurrence"):
        Finding("fever", Truth.PRESENT)


def test_a_moment_needs_a_zone() -> None:
    with pytest.raises(ValueError, match="has no time zone: add one"):
        Facts(NOW.replace(tzinfo=None), {})
