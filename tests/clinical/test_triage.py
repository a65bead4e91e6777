"""From facts to a decision, with a protocol small enough to see through."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from cds_service.clinical.decision import Decision, Gate
from cds_service.clinical.facts import Evidence, Facts, Finding, Occurrence
from cds_service.clinical.protocol import Course, Criterion, Place, Protocol, Remark
from cds_service.clinical.rules import All, Has, Not
from cds_service.clinical.triage import decide
from cds_service.clinical.truth import Truth

if TYPE_CHECKING:
    from collections.abc import Mapping

NOW = datetime(2026, 3, 17, 12, tzinfo=UTC)
COURSES = [
    Course("ambulance", "emergency", "critical", danger=True, alone=True),
    Course("scan-today", "imaging", "warning", danger=True),
    Course("scan-later", "imaging", "info"),
    Course("visit", "review", "info"),
    Course(
        "exercise",
        "physiotherapy",
        "info",
        while_danger=Place.LEFT_OUT,
        while_unanswered=Place.CONDITIONAL,
    ),
    Course(
        "advice",
        "selfcare",
        "info",
        while_danger=Place.LEFT_OUT,
        while_unanswered=Place.LEFT_OUT,
    ),
    Course("ask", "redflagcheck", "info"),
]
PROTOCOL = Protocol(
    profile="documents",
    digest="sha256:0",
    gate=Criterion("T00", "gate", Has("pain")),
    shut_by="deceased",
    criteria=(
        Criterion("E01", "ambulance", Has("numb")),
        Criterion("E02", "ambulance", Has("leak")),
        Criterion("R01", "scan-today", Has("fever")),
        Criterion("R02", "scan-today", All((Has("cancer"), Has("pain")))),
        Criterion("I01", "scan-later", Has("leg-pain")),
        Criterion("S01", "visit", Has("long")),
        Criterion("P01", "exercise", Has("long")),
        Criterion("H01", "advice", All((Has("pain"), Not(Has("long"))))),
    ),
    courses={course.id: course for course in COURSES},
    check="ask",
    ask_first=("E02",),
    remarks=(
        Remark("young", Has("young"), on=None),
        Remark("no-scan", Has("pain"), on=("physiotherapy", "review"), unless_danger=True),
    ),
)
DENIED = {"numb": "no", "leak": "no", "fever": "no", "cancer": "no"}


def facts(
    said: Mapping[str, str],
    *,
    searched: frozenset[str] = frozenset({"Condition"}),
    incomplete: frozenset[str] = frozenset(),
    silent: frozenset[str] = frozenset(),
) -> Facts:
    """Return facts from words: yes, no, or a hint that does not decide."""
    states = {"yes": Truth.PRESENT, "no": Truth.ABSENT, "hint": Truth.UNKNOWN}
    findings = {}
    for name, answer in said.items():
        occurrence = Occurrence(None, None, Evidence(f"{name}/1", answer))
        findings[name] = Finding(name, states[answer], (occurrence,))
    return Facts(NOW, findings, silent=silent, searched=searched, incomplete=incomplete)


def topics(decision: Decision) -> list[str]:
    return [card.topic for card in decision.recommendations]


@pytest.mark.parametrize(
    ("said", "searched", "gate"),
    [
        ({"pain": "yes"}, {"Condition"}, Gate.OPEN),
        ({"pain": "yes"}, set(), Gate.OPEN),
        ({"pain": "no"}, set(), Gate.SHUT),
        ({}, {"Condition"}, Gate.SHUT),
        ({}, {"Observation"}, Gate.UNKNOWN),
        ({"pain": "hint"}, {"Condition"}, Gate.SHUT),
        ({"pain": "hint"}, set(), Gate.UNKNOWN),
        ({"pain": "yes", "deceased": "yes"}, {"Condition"}, Gate.SHUT),
        ({"deceased": "yes"}, set(), Gate.SHUT),
        ({"pain": "yes", "deceased": "no"}, {"Condition"}, Gate.OPEN),
    ],
    ids=str,
)
def test_the_gate(said: dict[str, str], searched: set[str], gate: Gate) -> None:
    decision = decide(facts(said, searched=frozenset(searched)), PROTOCOL)
    assert decision.gate is gate
    assert decision.judged is (gate is not Gate.UNKNOWN)
    assert bool(decision.recommendations) is (gate is Gate.OPEN)


def test_the_gate_says_what_opened_or_shut_it() -> None:
    opened = decide(facts({"pain": "yes"}), PROTOCOL)
    assert [each.reference for each in opened.gate_evidence] == ["pain/1"]
    shut = decide(facts({"pain": "yes", "deceased": "yes"}), PROTOCOL)
    assert [each.reference for each in shut.gate_evidence] == ["deceased/1"]


@pytest.mark.parametrize(
    ("said", "judged"),
    [
        ({"numb": "yes"}, True),
        ({"fever": "yes"}, True),
        ({"long": "yes"}, False),
        (DENIED, False),
        ({}, False),
    ],
    ids=str,
)
def test_without_all_conditions_only_a_danger_is_worth_a_card(
    said: dict[str, str], *, judged: bool
) -> None:
    decision = decide(
        facts({"pain": "yes", **said}, searched=frozenset(), incomplete=frozenset({"Condition"})),
        PROTOCOL,
    )
    assert decision.judged is judged
    assert bool(decision.recommendations) is judged


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({**DENIED, "long": "no"}, ["selfcare"]),
        ({**DENIED, "long": "yes"}, ["review", "physiotherapy"]),
        ({"long": "no"}, ["redflagcheck"]),
        ({"long": "yes"}, ["review", "physiotherapy", "redflagcheck"]),
        ({"numb": "yes", "long": "yes", "fever": "yes"}, ["emergency"]),
        ({"fever": "yes", "long": "yes"}, ["imaging", "review", "redflagcheck"]),
        ({**DENIED, "fever": "yes", "long": "yes"}, ["imaging", "review"]),
        ({**DENIED, "fever": "yes", "long": "no"}, ["imaging"]),
        ({**DENIED, "leg-pain": "yes", "long": "no"}, ["imaging", "selfcare"]),
    ],
    ids=str,
)
def test_the_cards_the_most_urgent_first(said: dict[str, str], expected: list[str]) -> None:
    assert topics(decide(facts({"pain": "yes", **said}), PROTOCOL)) == expected


def test_two_courses_on_one_topic_make_one_card_with_the_more_urgent_words() -> None:
    decision = decide(facts({"pain": "yes", "fever": "yes", "leg-pain": "yes"}), PROTOCOL)
    card = decision.recommendations[0]
    assert (card.course, card.indicator) == ("scan-today", "warning")
    assert [each.criterion for each in card.verdicts] == ["R01", "I01"]


def test_physiotherapy_is_conditional_only_while_a_danger_is_unanswered() -> None:
    for said, conditional in (({}, True), (DENIED, False)):
        decision = decide(facts({"pain": "yes", "long": "yes", **said}), PROTOCOL)
        card = next(each for each in decision.recommendations if each.topic == "physiotherapy")
        assert card.conditional is conditional


def test_what_is_unanswered_is_asked_first_things_first_then_hinted() -> None:
    decision = decide(facts({"pain": "yes", "cancer": "hint"}), PROTOCOL)
    listed = [(each.finding, each.criteria) for each in decision.unanswered]
    assert listed == [
        ("leak", ("E02",)),
        ("cancer", ("R02",)),
        ("numb", ("E01",)),
        ("fever", ("R01",)),
    ]
    assert [each.reference for each in decision.unanswered[1].hints] == ["cancer/1"]


def test_silence_that_was_searched_is_not_asked_about() -> None:
    decision = decide(facts({"pain": "yes"}, silent=frozenset({"cancer"})), PROTOCOL)
    assert "cancer" not in [each.finding for each in decision.unanswered]


@pytest.mark.parametrize(
    ("said", "truth", "because", "missing"),
    [
        ({**DENIED, "long": "no"}, "PRESENT", ["pain", "long"], []),
        ({**DENIED, "long": "no", "fever": "hint"}, "UNKNOWN", ["pain", "long"], ["fever"]),
        ({**DENIED, "fever": "hint"}, "UNKNOWN", ["pain"], ["long", "fever"]),
        (DENIED, "UNKNOWN", ["pain"], ["long"]),
        ({**DENIED, "long": "no", "leak": "yes"}, "ABSENT", ["leak"], []),
        ({**DENIED, "long": "yes", "leak": "yes"}, "ABSENT", ["long"], []),
    ],
    ids=[
        "safe",
        "a danger is not answered",
        "nothing is answered",
        "its own rule is not answered",
        "a danger is met",
        "its own rule is not met",
    ],
)
def test_self_care_waits_for_every_danger_and_says_so(
    said: dict[str, str], truth: str, because: list[str], missing: list[str]
) -> None:
    decision = decide(facts({"pain": "yes", **said}), PROTOCOL)
    verdict = next(each for each in decision.verdicts if each.criterion == "H01")
    assert verdict.truth is Truth[truth]
    assert [each.reference for each in verdict.because] == [f"{name}/1" for name in because]
    assert list(verdict.missing) == missing


def test_a_remark_stands_on_every_card_or_on_the_first_it_may() -> None:
    decision = decide(facts({"pain": "yes", "young": "yes", "long": "yes"}), PROTOCOL)
    assert {card.topic: card.remarks for card in decision.recommendations} == {
        "review": ("young", "no-scan"),
        "physiotherapy": ("young",),
        "redflagcheck": ("young",),
    }


def test_a_remark_may_be_left_out_beside_a_danger() -> None:
    decision = decide(facts({"pain": "yes", "long": "yes", "fever": "yes"}), PROTOCOL)
    assert all(not card.remarks for card in decision.recommendations)


def test_a_decision_carries_what_it_rests_on() -> None:
    said = facts({"pain": "yes", "numb": "yes"})
    decision = decide(said, PROTOCOL)
    assert (decision.profile, decision.digest) == ("documents", "sha256:0")
    assert decision.as_of == NOW
    assert decision.met == ("E01",)
    assert decision.danger is True
    assert [each.criterion for each in decision.verdicts] == list(decision.truths)
    assert [each.truth for each in decision.verdicts] == list(decision.truths.values())


def test_the_same_facts_give_the_same_decision() -> None:
    said = facts({"pain": "yes", "fever": "yes", "numb": "hint"})
    assert decide(said, PROTOCOL) == decide(said, PROTOCOL)
