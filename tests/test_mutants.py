"""Every small wrong version of every rule is noticed by a row of its case table."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from cds_service.clinical.rules import All, Any, AtLeast, Has, Meets, Not, Rule
from cds_service.clinical.truth import Truth
from cds_service.clinical.windows import Span, Unit
from cds_service.content.load import load
from cds_service.content.mutants import Mutant, mutants, survivors
from cds_service.content.written import Written, next_to

if TYPE_CHECKING:
    from cds_service.content.criteria import CriterionDefinition

_CONTENT = load()
CRITERIA = [_CONTENT.gate, *_CONTENT.criteria.values()]
MUTANTS = [(criterion, mutant) for criterion in CRITERIA for mutant in mutants(criterion.rule)]
by_id = pytest.mark.parametrize("criterion", CRITERIA, ids=lambda criterion: criterion.id)


def name(criterion: CriterionDefinition, mutant: Mutant, seen: dict[str, int]) -> str:
    """Name a mutant; a finding may stand in a rule more than once."""
    text = f"{criterion.id} {mutant.says}"
    seen[text] = seen.get(text, 0) + 1
    return text if seen[text] == 1 else f"{text} ({seen[text]})"


_SEEN: dict[str, int] = {}


@pytest.mark.parametrize(
    ("criterion", "mutant"),
    MUTANTS,
    ids=[name(criterion, mutant, _SEEN) for criterion, mutant in MUTANTS],
)
def test_a_wrong_version_is_noticed(criterion: CriterionDefinition, mutant: Mutant) -> None:
    noticed = [case for case in criterion.cases if mutant.rule.judge(case.facts) is not case.expect]
    assert noticed, f"{criterion.id}: add a row that is wrong when {mutant.says}"


@by_id
def test_no_wrong_version_survives(criterion: CriterionDefinition) -> None:
    assert survivors(criterion.rule, criterion.cases) == []


# --- the check checks: where a row is taken out, a wrong version comes through ------------------


@by_id
def test_a_table_that_tells_nothing_notices_nothing(criterion: CriterionDefinition) -> None:
    rest = [case for case in criterion.cases if case.expect is Truth.UNKNOWN][-1:]
    assert "the whole turned round" in [each.says for each in survivors(criterion.rule, rest)]


WEAKENED = [
    ("E04", "began a week ago", "severe-abdominal-pain: within 6 days"),
    ("E04", "began eight days ago", "severe-abdominal-pain: within 8 days"),
    ("E05", "39.0 exactly", "fever: at least 39.1"),
    ("E05", "38.9", "fever: at least 38.9"),
    ("E10", "cancer, pain on day 42", "back-pain: within 41 days"),
    ("S02", "third episode this year", "back-pain-episodes: at least 4.0"),
    ("S02", "second episode this year", "back-pain-episodes: at least 2.0"),
    ("I01", "leg pain, day 42", "back-pain: older than 41 days"),
]


@pytest.mark.parametrize(
    ("criterion", "row", "wrong"), WEAKENED, ids=[f"{each[0]} {each[1]}" for each in WEAKENED]
)
def test_without_the_row_the_wrong_version_survives(criterion: str, row: str, wrong: str) -> None:
    whole = _CONTENT.criteria[criterion]
    rest = [case for case in whole.cases if case.name != row]
    assert len(rest) == len(whole.cases) - 1
    assert wrong in [mutant.says for mutant in survivors(whole.rule, rest)]


def test_a_weakened_rule_disagrees_with_its_table() -> None:
    whole = _CONTENT.criteria["E01"]
    assert isinstance(whole.rule, Any)
    weakened = replace(whole.rule, terms=whole.rule.terms[:-1])
    wrong = [case.name for case in whole.cases if weakened.judge(case.facts) is not case.expect]
    assert "syndrome since last winter" in wrong


# --- what the wrong versions of a rule are ------------------------------------------------------

WEEK = Span(7, Unit.DAYS)
A, B, C = Has("a"), Has("b"), Has("c")


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (A, ["the whole turned round"]),
        (Meets("S01", Has("a", within=WEEK)), ["the whole turned round"]),
        (
            Any((A, B)),
            [
                "the whole turned round",
                "`any` read as `all`",
                *("a dropped", "a turned round", "b dropped", "b turned round"),
            ],
        ),
        (
            All((A, Not(B))),
            [
                "the whole turned round",
                "`all` read as `any`",
                *("a dropped", "a turned round"),
                *("the term of b dropped", "the term of b turned round", "a `not` forgotten"),
            ],
        ),
        (
            AtLeast(2, (A, B, Meets("S01", C))),
            [
                "the whole turned round",
                *("at least 1", "at least 3"),
                *("a dropped", "a turned round", "b dropped", "b turned round"),
                *("criterion S01 dropped", "criterion S01 turned round"),
            ],
        ),
        (
            Has("a", older_than=Span(1, Unit.HOURS), within=WEEK),
            [
                "the whole turned round",
                *("a: within 7 days forgotten", "a: within 6 days", "a: within 8 days"),
                *("a: older than 1 hour forgotten", "a: older than 0 hours"),
                "a: older than 2 hours",
            ],
        ),
        (
            Has("a", at_least=Written("38.0"), below=Written("39")),
            [
                "the whole turned round",
                *("a: at least 38.0 forgotten", "a: at least 37.9", "a: at least 38.1"),
                *("a: below 39.0 forgotten", "a: below 38.0", "a: below 40.0"),
            ],
        ),
        (
            Not(Has("a", within=WEEK)),
            [
                "the whole turned round",
                "a `not` forgotten",
                *("a: within 7 days forgotten", "a: within 6 days", "a: within 8 days"),
            ],
        ),
    ],
    ids=[
        "a bare finding",
        "another criterion",
        "any",
        "all, with a not",
        "at least",
        "windows",
        "numbers",
        "not of a window",
    ],
)
def test_the_wrong_versions(rule: Rule, expected: list[str]) -> None:
    assert [mutant.says for mutant in mutants(rule)] == expected


def test_each_wrong_version_differs_from_the_rule() -> None:
    for criterion, mutant in MUTANTS:
        assert mutant.rule != criterion.rule, mutant.says


@pytest.mark.parametrize(
    ("number", "below", "above"),
    [
        (Written("39.0"), 38.9, 39.1),
        (Written("39"), 38.0, 40.0),
        (Written("3"), 2.0, 4.0),
        (Written("0.70"), 0.69, 0.71),
        (7.5, 7.4, 7.6),
    ],
)
def test_a_number_moves_by_what_was_written_last(number: float, below: float, above: float) -> None:
    assert next_to(number) == (below, above)


def test_the_cards_write_their_numbers_as_finely_as_they_are_measured() -> None:
    steps = {
        match[1]: match[2]
        for _, mutant in MUTANTS
        if (match := re.fullmatch(r"(\S+): at least ([\d.]+)", mutant.says))
    }
    assert steps == {"fever": "38.1", "back-pain-episodes": "4.0"}
