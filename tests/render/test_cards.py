"""Cards from decisions: what they say first, on whose authority, and how much of it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest

from cds_service.clinical.decision import Recommendation, Verdict
from cds_service.clinical.truth import Truth
from cds_service.fhir.judge import Judge
from cds_service.fhir.record import read_bundle
from cds_service.render import cards as cards_module
from cds_service.render.cards import CardWriter
from cds_service.render.outcome import operation_outcome
from tests.protocol import check_cards, check_outcome
from tests.records import (
    CAUDA_EQUINA,
    ICD,
    LOINC,
    NOW,
    PARKINSON,
    condition,
    fever,
    observation,
    patient,
    record,
)

if TYPE_CHECKING:
    from cds_service.clinical.decision import Decision
    from cds_service.content.load import Content
    from tests.records import Json


@pytest.fixture(scope="module")
def judge(content: Content) -> Judge:
    return Judge(content)


def decide(judge: Judge, *resources: Json) -> Decision:
    return judge.decide(read_bundle(record(*resources), NOW), "documents")


def write(judge: Judge, *resources: Json, content: Content | None = None) -> list[Json]:
    cards = CardWriter(content or judge.content).write(decide(judge, *resources))
    check_cards({"cards": cards})
    return cards


def test_a_card_says_what_to_do_and_why(judge: Judge) -> None:
    (card,) = write(judge, condition(), condition(CAUDA_EQUINA, since=0))
    assert card["summary"].startswith(
        "Send to emergency care now: loss of bladder or bowel control"
    )
    assert "**Imaging:** MRI of the spine." in card["detail"]
    assert "2026-11-20 (Condition/c-G83-4)" in card["detail"]
    assert card["detail"].endswith("Source: Back cramps and spasms.")
    assert card["source"]["label"] == "Back cramps and spasms"


def test_what_else_is_recorded_is_not_lost_under_the_card_that_stands_alone(judge: Judge) -> None:
    (card,) = write(judge, condition(since=10), condition(CAUDA_EQUINA), condition(PARKINSON))
    assert "**Also recorded:** pain or spasm for more than a week" in card["detail"]
    (alone,) = write(judge, condition(), fever(39.5))
    assert "Also recorded" not in alone["detail"]


def test_the_most_urgent_card_comes_first_and_carries_the_notes(judge: Judge) -> None:
    unreadable = {"resourceType": "Condition", "id": "c"}
    cards = write(judge, condition(), fever(38.5), condition(PARKINSON), unreadable)
    assert [card["indicator"] for card in cards] == ["warning", "info", "info"]
    assert ["Note: " in card["detail"] for card in cards] == [True, False, False]
    notes = [card["extension"]["org.backpain-cds.trace"]["notes"] for card in cards]
    assert notes[0] == notes[1] == notes[2]


def test_no_card_where_the_gate_is_not_open(judge: Judge) -> None:
    assert write(judge, condition(PARKINSON)) == []
    dead = {"resource": patient(deceasedBoolean=True)}
    bundle = {"resourceType": "Bundle", "entry": [dead, {"resource": condition(CAUDA_EQUINA)}]}
    decision = judge.decide(read_bundle(bundle, NOW), "documents")
    assert CardWriter(judge.content).write(decision) == []


def test_more_evidence_than_a_reader_wants_is_counted(judge: Judge) -> None:
    readings = [{**fever(39.0 + number / 10), "id": f"t{number}"} for number in range(7)]
    (card,) = write(judge, condition(), *readings)
    (line,) = [each for each in card["detail"].splitlines() if "(E05)" in each]
    assert "; and 3 more." in line
    assert line.count("Observation/t") == 4
    (criterion,) = card["extension"]["org.backpain-cds.trace"]["criteria"]
    assert len(criterion["evidence"]) == 7


def test_weak_evidence_is_shown_with_its_question(judge: Judge) -> None:
    (card,) = write(judge, condition(), condition((ICD, "R39.15")), condition((ICD, "W19.XXXA")))
    assert "The record hints at it:" in card["detail"]


def with_urls(content: Content, **urls: str | None) -> Content:
    sources = {
        key: dataclasses.replace(source, url=urls.get("url"))
        for key, source in content.sources.items()
    }
    return dataclasses.replace(content, sources=sources)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://guideline.example.org/back", {"url": "https://guideline.example.org/back"}),
        ("http://guideline.example.org/back", {}),
        (None, {}),
    ],
)
def test_the_address_of_a_source_where_it_has_a_safe_one(
    judge: Judge, url: str | None, shown: dict[str, str]
) -> None:
    (card,) = write(judge, condition(), fever(39.5), content=with_urls(judge.content, url=url))
    source = {key: value for key, value in card["source"].items() if key == "url"}
    assert source == shown


def test_a_summary_takes_as_many_reasons_as_fit() -> None:
    fitted = cards_module._fitted
    assert fitted("Act", ["one", "two"]) == "Act: one, two"
    long = "x" * 70
    assert fitted("Act", [long, long[:60]]) == f"Act: {long}, {long[:60]}"
    assert fitted("Act", [long, long, "three"]) == f"Act: {long} and 2 more"
    assert fitted("Act", ["x" * 139]) == "Act"
    assert fitted("Act", []) == "Act"


def test_every_pair_of_recommendation_and_criterion_fits(content: Content) -> None:
    """The longest first reason still fits beside the summary, so that no card is without one."""
    for criterion in content.criteria.values():
        for name in criterion.recommendation.values():
            course = content.recommendations.courses[name]
            for wording in filter(None, (course.wording, course.conditional)):
                line = cards_module._fitted(wording.summary, [criterion.says, "x" * 139])
                assert criterion.says in line, (name, criterion.id)
                assert len(line) <= cards_module.MAX_SUMMARY


def test_what_is_remembered_of_headings_stays_small(
    judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cards_module, "_MAX_HEADINGS", 1)
    writer = CardWriter(judge.content)
    decision = decide(judge, condition(), fever(38.5))
    assert len(writer.write(decision)) == 2
    assert len(writer._headings) == 1


def test_the_cards_of_one_decision_share_nothing_that_changes(judge: Judge) -> None:
    writer = CardWriter(judge.content)
    potassium = observation((LOINC, "2823-3"), valueQuantity={"value": 2.9, "unit": "mmol/L"})
    decision = decide(judge, condition(), potassium)
    first: Any = writer.write(decision)
    again: Any = writer.write(decision)
    for card in (*first, *again):
        card.pop("uuid")
    assert first == again


def test_an_outcome_with_everything_in_it() -> None:
    outcome = operation_outcome("value", "asOf: write a moment", diagnostics="d", expression="asOf")
    check_outcome(outcome, 400)
    assert outcome["issue"] == [
        {
            "severity": "error",
            "code": "value",
            "details": {"text": "asOf: write a moment"},
            "diagnostics": "d",
            "expression": ["asOf"],
        }
    ]


def test_only_red_flags_that_are_not_answered_are_counted(judge: Judge) -> None:
    writer = CardWriter(judge.content)
    verdicts = (Verdict("E01", Truth.ABSENT), Verdict("E02", Truth.UNKNOWN, missing=("numb",)))
    course = "imagingnotindicated"
    card = Recommendation(course, course, "info", verdicts)
    assert writer.summary(card).endswith(": 1 red flag unanswered")
    denied = Recommendation(course, course, "info", verdicts[:1])
    assert writer.summary(denied) == "Imaging of the spine is not indicated yet"
