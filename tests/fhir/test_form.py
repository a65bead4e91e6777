"""Answers to our form: details beside a yes, who wrote them down, and what the newest one ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cds_service.clinical.truth import Truth
from cds_service.content.load import load
from cds_service.fhir.find import find
from cds_service.fhir.index import Index
from cds_service.fhir.record import read_bundle
from tests.forms import NO, YES, day, degrees, filled
from tests.records import NOW, condition, observation, record

if TYPE_CHECKING:
    from cds_service.clinical.facts import Facts

    Json = dict[str, Any]

INDEX = Index(load())
SADDLE = ("http://snomed.info/sct", "449813001")
FLANK = ("http://snomed.info/sct", "247355005")
MILD: Json = {"valueString": "mild"}
NOT_ASKED = {
    "valueCoding": {
        "system": "http://terminology.hl7.org/CodeSystem/data-absent-reason",
        "code": "not-asked",
    }
}


def facts(*resources: Json, alone: bool = False) -> Facts:
    if alone:
        return find(read_bundle(resources[0], NOW), INDEX)
    return find(read_bundle(record(*resources), NOW), INDEX)


def told(found: Facts, name: str) -> str:
    """Return the words of the first occurrence of a finding."""
    return found.get(name).occurrences[0].evidence.says


# --- details ---


def test_a_yes_with_an_onset_began_then() -> None:
    found = facts(filled({"chest-pain": YES, "chest-pain.onset": day(9)}))
    (occurrence,) = found.get("chest-pain").occurrences
    assert occurrence.since is not None
    assert (NOW - occurrence.since.latest).days == 8, "the end of the day nine days ago"


def test_a_value_says_more_than_the_yes_beside_it() -> None:
    found = facts(filled({"fever-unmeasured": YES, "fever": YES, "fever.value": degrees(39.4)}))
    (occurrence,) = found.get("fever").occurrences
    assert occurrence.value == 39.4
    assert found.get("fever-unmeasured").state is Truth.PRESENT


def test_a_value_below_the_limit_does_not_take_the_yes_back() -> None:
    found = facts(filled({"severe-pain": YES, "severe-pain.value": {"valueInteger": 3}}))
    assert found.get("severe-pain").state is Truth.PRESENT
    assert any("denies “severe-pain”, but" in note for note in found.notes)


def test_a_value_without_a_yes_speaks_for_itself() -> None:
    lone = {"linkId": "fever.value", "answer": [degrees(38.4)]}
    found = facts(filled({}, item=[lone]))
    assert found.get("fever").occurrences[0].value == 38.4


def test_a_value_beside_what_is_not_measured_changes_nothing() -> None:
    said = [
        {"linkId": "chest-pain", "answer": [YES]},
        {"linkId": "chest-pain.value", "answer": [{"valueInteger": 2}]},
    ]
    assert facts(filled({}, item=said)).get("chest-pain").state is Truth.PRESENT


@pytest.mark.parametrize(
    ("severity", "state"),
    [("255604002", Truth.UNKNOWN), ("6736007", Truth.UNKNOWN), ("24484000", Truth.PRESENT)],
)
def test_the_severity_of_night_pain_decides(severity: str, state: Truth) -> None:
    coding = {"system": "http://snomed.info/sct", "code": severity}
    found = facts(filled({"night-pain": YES, "night-pain.severity": {"valueCoding": coding}}))
    assert found.get("night-pain").state is state


def test_a_severity_may_be_said_in_words() -> None:
    said = {"night-pain": YES, "night-pain.severity": MILD}
    assert facts(filled(said)).get("night-pain").state is Truth.UNKNOWN


# --- not asked ---


def test_left_out_is_not_asked() -> None:
    assert facts(filled({"cancer": NO})).get("saddle-numbness").state is Truth.UNKNOWN


def test_not_asked_is_neither_a_no_nor_a_hint() -> None:
    found = facts(filled({"saddle-numbness": NOT_ASKED}))
    assert found.get("saddle-numbness").state is Truth.UNKNOWN
    assert not found.get("saddle-numbness").occurrences


def test_a_no_to_a_number_leaves_a_yes_to_the_rest() -> None:
    found = facts(filled({"fever-unmeasured": YES, "fever": NO}))
    assert found.get("fever").state is Truth.ABSENT
    assert found.get("fever-unmeasured").state is Truth.PRESENT
    assert not found.notes


def test_a_no_to_the_wider_beside_a_yes_to_the_narrower_is_noted() -> None:
    said = [
        {"linkId": "leg-weakness", "answer": [NO]},
        {"linkId": "legs-paralysed", "answer": [YES]},
    ]
    found = facts(filled({}, item=said))
    assert found.get("legs-paralysed").state is Truth.PRESENT
    assert any("denies “legs-paralysed”, but" in note for note in found.notes)


# --- date and author ---


def test_evidence_says_when_and_by_whom() -> None:
    by = {"reference": "Practitioner/7", "display": "Dr Grey"}
    found = facts(filled({"saddle-numbness": YES}, 2, author=by))
    evidence = found.get("saddle-numbness").occurrences[0].evidence
    assert evidence.says.endswith("” (recorded by Dr Grey): yes")
    assert evidence.when == "2026-11-18T12:00:00+00:00"


@pytest.mark.parametrize(
    ("author", "words"),
    [
        ({"reference": "Practitioner/7"}, "(recorded by Practitioner/7)"),
        ({"display": "x" * 500}, f"(recorded by {'x' * 80})"),
        ({}, "legs?”: no"),
        ("Dr Grey", "legs?”: no"),
    ],
)
def test_an_author_is_named_as_far_as_known(author: object, words: str) -> None:
    assert words in told(facts(filled({"saddle-numbness": NO}, author=author)), "saddle-numbness")


# --- the newest answer wins ---


def test_a_newer_no_ends_an_older_yes_and_says_so() -> None:
    older = filled({"saddle-numbness": YES}, 2, id="older")
    found = facts(older, filled({"saddle-numbness": NO}, 1, id="newer"))
    assert found.get("saddle-numbness").state is Truth.ABSENT
    assert any(note.startswith("QuestionnaireResponse/older recorded") for note in found.notes)


def test_a_newer_yes_ends_an_older_no() -> None:
    older = filled({"saddle-numbness": NO}, 2)
    found = facts(older, filled({"saddle-numbness": YES}, 1))
    assert found.get("saddle-numbness").state is Truth.PRESENT


def test_a_newer_answer_with_a_date_takes_the_place_of_an_older_one() -> None:
    older = filled({"chest-pain": YES, "chest-pain.onset": day(3)}, 2)
    newer = filled({"chest-pain": YES, "chest-pain.onset": day(300)}, 1)
    for order in ((older, newer), (newer, older)):
        (occurrence,) = facts(*order).get("chest-pain").occurrences
        assert occurrence.since is not None
        assert (NOW - occurrence.since.latest).days == 299


def test_a_newer_answer_without_a_date_leaves_the_onset_as_it_was_told() -> None:
    older = filled({"chest-pain": YES, "chest-pain.onset": day(300)}, 2)
    found = facts(older, filled({"chest-pain": YES}, 1))
    assert len(found.get("chest-pain").occurrences) == 2


def test_a_corrected_onset_leaves_the_rest_of_the_record_alone() -> None:
    newer = filled({"back-pain": YES, "back-pain.onset": day(300)}, 1)
    assert len(facts(condition(since=3), newer).get("back-pain").occurrences) == 2


# --- a "no" against what is coded on the same day ---


@pytest.mark.parametrize(
    ("coded", "state", "words"),
    [
        (condition(SADDLE, since=0), Truth.PRESENT, "but Condition/c-449813001 records it"),
        (
            observation(SADDLE, since=0, valueBoolean=True),
            Truth.PRESENT,
            "but Observation/o-449813001 records it",
        ),
        (
            observation(SADDLE, effectiveDateTime="2026-11-20T08:00:00Z", valueBoolean=True),
            Truth.ABSENT,
            "Observation/o-449813001 recorded “saddle-numbness”; a newer entry denies it",
        ),
    ],
    ids=["condition", "observation of the day", "observation of the morning"],
)
def test_a_no_on_the_same_day_is_never_silent(coded: Json, state: Truth, words: str) -> None:
    found = facts(coded, filled({"saddle-numbness": NO}))
    assert found.get("saddle-numbness").state is state
    assert any(words in note for note in found.notes), found.notes


# --- the gate ---


def gate(*resources: Json, alone: bool = False) -> Truth:
    return facts(*resources, alone=alone).get("back-pain").state


@pytest.mark.parametrize("alone", [True, False])
def test_a_filled_form_means_back_pain(alone: bool) -> None:
    found = facts(filled({"saddle-numbness": NO}), alone=alone)
    assert found.get("back-pain").state is Truth.PRESENT
    assert told(found, "back-pain") == "the form on back pain was filled in, date not recorded"
    assert gate(filled({}), alone=alone) is Truth.UNKNOWN, "nothing was answered"


def test_what_the_form_or_the_record_says_of_pain_goes_first() -> None:
    assert gate(filled({"saddle-numbness": YES, "back-pain": NO})) is Truth.ABSENT
    assert gate(condition(FLANK), filled({"saddle-numbness": YES})) is Truth.UNKNOWN
    (occurrence,) = (
        facts(condition(since=100), filled({"cancer": YES})).get("back-pain").occurrences
    )
    assert occurrence.evidence.reference.startswith("Condition/"), "so that it is not new pain"


def test_an_older_no_to_pain_does_not_answer_a_newer_form() -> None:
    older = filled({"back-pain": NO}, 3, id="older")
    assert gate(older, filled({"saddle-numbness": YES}, 1)) is Truth.PRESENT
    newer = filled({"back-pain": NO}, 1, id="newer")
    assert gate(newer, filled({"saddle-numbness": YES}, 3)) is Truth.ABSENT


def test_a_form_of_months_ago_says_nothing_of_now() -> None:
    assert gate(filled({"saddle-numbness": YES}, 60)) is Truth.UNKNOWN


@pytest.mark.parametrize(
    ("questionnaire", "state"),
    [
        ("https://backpain-cds.org/Questionnaire/back-pain-red-flags", Truth.PRESENT),
        ("https://ehr.example.org/fhir/Questionnaire/back-pain-red-flags|2", Truth.PRESENT),
        ({"reference": "Questionnaire/back-pain-red-flags"}, Truth.PRESENT),
        ("https://ehr.example.org/Questionnaire/headache", Truth.UNKNOWN),
        (None, Truth.UNKNOWN),
        (7, Truth.UNKNOWN),
    ],
)
def test_another_form_does_not_mean_back_pain(questionnaire: object, state: Truth) -> None:
    assert gate(filled({"saddle-numbness": YES}, questionnaire=questionnaire)) is state


def test_alone_any_response_to_our_questions_means_back_pain() -> None:
    assert gate(filled({"saddle-numbness": YES}, questionnaire=None), alone=True) is Truth.PRESENT


def test_a_form_alone_that_denies_pain_leaves_nothing_to_open_the_gate() -> None:
    found = facts(filled({"back-pain": NO, "saddle-numbness": YES}), alone=True)
    assert all(found.get(name).state is Truth.ABSENT for name in INDEX.openers)
    found = facts(filled({"back-pain": NO, "sciatica": YES}), alone=True)
    assert found.get("sciatica").state is Truth.PRESENT


def test_the_newest_of_several_forms_is_cited() -> None:
    forms = [
        filled({"cancer": NO}, days, id=f"day-{days}", authored=authored)
        for days, authored in ((9, None), (3, "2026-11-17"), (5, "2026-11-15"), (7, None))
    ]
    found = facts(*forms)
    (occurrence,) = found.get("back-pain").occurrences
    assert occurrence.evidence.reference == "QuestionnaireResponse/day-3"
