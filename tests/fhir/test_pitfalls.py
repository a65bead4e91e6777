"""The eighteen pitfalls of reading clinical records, each with and without the fall."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cds_service.fhir.record import TwoPatientsError, read_bundle
from tests.fhir.builders import (
    AS_OF,
    BACK_PAIN,
    CANNOT_TELL,
    ICD,
    LOCAL,
    MET,
    NOT_MET,
    RXNORM,
    SNOMED,
    SUBJECT,
    Json,
    ago,
    answers,
    bundle,
    concept,
    condition,
    denied,
    judged,
    local,
    medication,
    observation,
    pain_score,
    patient,
    read,
    read_record,
    resource,
    status,
    temperature,
    valued,
)

if TYPE_CHECKING:
    from collections.abc import Callable

RETENTION = "R33.9"
NUMB_SADDLE = "449813001"
PAIN = condition(BACK_PAIN, 1)


# --- 1. verificationStatus, clinicalStatus and abatement ---


@pytest.mark.parametrize("said", ["refuted", "entered-in-error"])
@pytest.mark.parametrize("shape", [status, str, lambda code: {"text": code.title()}])
def test_pitfall_01_a_diagnosis_taken_back_never_fires(
    said: str, shape: Callable[[str], object]
) -> None:
    result = judged(condition("G83.4", 1, verificationStatus=shape(said)))
    assert result.state("cauda-equina-syndrome") == "absent"


def test_pitfall_01_taken_back_in_any_of_its_codings() -> None:
    twofold = {"coding": [{"system": LOCAL, "code": "R"}, {"code": "refuted"}]}
    assert judged(condition("G83.4", 1, verificationStatus=twofold)).met == []


@pytest.mark.parametrize("said", ["unconfirmed", "provisional", "differential"])
def test_pitfall_01_a_suspicion_fires_and_is_said_to_be_one(said: str) -> None:
    result = judged(condition("G83.4", 1, verificationStatus=status(said)))
    assert result["E01"] == MET
    assert "suspected" in result.says("cauda-equina-syndrome")


@pytest.mark.parametrize("said", ["confirmed", None])
def test_pitfall_01_a_diagnosis_is_not_said_to_be_suspected(said: str | None) -> None:
    verification = status(said) if said else None
    result = judged(condition("G83.4", 1, verificationStatus=verification))
    assert result["E01"] == MET
    assert "suspected" not in result.says("cauda-equina-syndrome")


ABATED: dict[str, Json] = {
    "a day": {"abatementDateTime": ago(1)},
    "today": {"abatementDateTime": ago()},
    "a month": {"abatementDateTime": "2026-10"},
    "a flag": {"abatementBoolean": True},
    "a text": {"abatementString": "last summer"},
    "an age": {"abatementAge": {"value": 56, "unit": "a"}},
    "a period": {"abatementPeriod": {"start": ago(9), "end": ago(2)}},
    "a range": {"abatementRange": {"low": {"value": 55, "unit": "a"}}},
}
NOT_ABATED: dict[str, Json] = {
    "a flag that says no": {"abatementBoolean": False},
    "a day to come": {"abatementDateTime": "2026-12-24"},
    "perhaps to come": {"abatementDateTime": "2026"},
    "no date at all": {"abatementDateTime": "soon"},
}


@pytest.mark.parametrize("abatement", ABATED.values(), ids=ABATED)
def test_pitfall_01_what_has_abated_is_past(abatement: Json) -> None:
    assert judged(denied(), condition(RETENTION, 3, **abatement))["E01"] == NOT_MET


@pytest.mark.parametrize("abatement", NOT_ABATED.values(), ids=NOT_ABATED)
def test_pitfall_01_what_has_not_abated_is_live(abatement: Json) -> None:
    assert judged(denied(), condition(RETENTION, 3, **abatement))["E01"] == MET


# --- 2. clinicalStatus ---


@pytest.mark.parametrize("said", ["active", "recurrence", "relapse"])
@pytest.mark.parametrize("shape", [status, str])
def test_pitfall_02_live(said: str, shape: Callable[[str], object]) -> None:
    assert judged(condition(RETENTION, 3, clinicalStatus=shape(said)))["E01"] == MET


@pytest.mark.parametrize("absent", [None, {}, []])
def test_pitfall_02_without_a_status_it_is_live(absent: object) -> None:
    entry = condition(RETENTION, 3) | {"clinicalStatus": absent}
    assert judged(entry)["E01"] == MET


@pytest.mark.parametrize("said", ["inactive", "remission", "resolved"])
def test_pitfall_02_over_counts_for_cancer_spine_and_stroke_only(said: str) -> None:
    over = {"clinicalStatus": status(said)}
    result = judged(
        denied(cancer=True),
        condition("C50.919", 900, **over),
        condition("M51.26", 900, **over),
        condition("I63.9", 900, **over),
        condition(RETENTION, 3, **over),
        condition("G83.4", 3, **over),
        condition("A41.9", 3, **over),
        condition("S32.010A", 3, **over),
    )
    assert result.met == ["E10", "S07", "N01"]


def test_pitfall_02_a_status_nobody_knows_leaves_the_finding_open() -> None:
    result = judged(condition("G83.4", 3, clinicalStatus=status("unknown")))
    assert result.state("cauda-equina-syndrome") == "unknown"
    assert result["E01"] == CANNOT_TELL
    assert any("clinical status is not known" in note for note in result.notes)


def test_pitfall_02_pain_of_unknown_status_leaves_the_gate_open_to_question() -> None:
    assert read(condition(BACK_PAIN, 3, clinicalStatus=status("unknown"))).gate == "unknown"
    assert read(condition("I10", 3, clinicalStatus=status("unknown"))).gate == "shut"


# --- 3. dates ---


@pytest.mark.parametrize(
    ("dates", "expected"),
    [
        ({"onsetDateTime": ago(31), "recordedDate": ago(1)}, NOT_MET),
        ({"recordedDate": ago(31)}, NOT_MET),
        ({"recordedDate": ago(1)}, MET),
        ({"onsetPeriod": {"start": ago(31)}}, NOT_MET),
        ({"onsetPeriod": {"end": ago(1)}, "recordedDate": ago(31)}, NOT_MET),
        ({"onsetString": "2026-11"}, MET),
        ({"onsetString": "last week", "recordedDate": ago(40)}, NOT_MET),
        ({"onsetAge": {"value": 30, "code": "a"}}, NOT_MET),
        ({"onsetAge": {"value": 56, "unit": "years"}}, MET),
        ({"onsetRange": {"low": {"value": 30, "unit": "a"}}}, NOT_MET),
        ({"onsetAge": {"value": "?"}, "recordedDate": ago(40)}, NOT_MET),
        ({"onsetDateTime": "2026"}, MET),
        ({"onsetDateTime": "2025"}, NOT_MET),
        ({"onsetDateTime": "2026-10"}, MET),
        ({"onsetDateTime": "2026-09"}, NOT_MET),
        ({"onsetDateTime": "not a date"}, MET),
        ({"meta": {"lastUpdated": ago(200)}}, MET),
    ],
)
def test_pitfall_03_when_it_began(dates: Json, expected: str) -> None:
    assert judged(denied(), condition(RETENTION, **dates))["E01"] == expected


def test_pitfall_03_the_start_of_the_encounter_is_the_last_resort() -> None:
    met = resource("Encounter", id="e", status="finished", period={"start": ago(40)})
    entry = condition(RETENTION, encounter={"reference": "Encounter/e"})
    assert judged(denied(), met, entry)["E01"] == NOT_MET
    assert judged(denied(), entry)["E01"] == MET


def test_pitfall_03_a_danger_without_a_date_counts_as_now_and_says_so() -> None:
    result = judged(condition(RETENTION))
    assert result["E01"] == MET
    assert result.says("bladder-control-lost").endswith("date not recorded")


def test_pitfall_03_a_dated_finding_does_not_say_that_it_has_no_date() -> None:
    assert "not recorded" not in judged(condition(RETENTION, 1)).says("bladder-control-lost")


def test_pitfall_03_a_date_in_the_future_is_noted_and_not_recent() -> None:
    result = judged(denied(), condition(RETENTION, -2, id="late"))
    assert result["E01"] == CANNOT_TELL
    assert "Condition/late: its date lies in the future" in result.notes


def test_pitfall_03_a_future_denial_denies_nothing() -> None:
    result = judged(denied(-2))
    assert result.state("saddle-numbness") == "unknown"


def test_pitfall_03_the_zone_of_judging_decides_the_day() -> None:
    late = condition(RETENTION, onsetDateTime="2026-10-20T23:30:00-05:00")
    assert judged(denied(), late)["E01"] == MET  # 21 October in UTC
    assert judged(denied(), condition(RETENTION, onsetDateTime="2026-10-20"))["E01"] == NOT_MET


def test_pitfall_03_a_window_may_be_met_by_part_of_a_month_but_older_needs_all_of_it() -> None:
    october = condition("M54.5", onsetDateTime="2026-10")
    cancer = condition("C61")
    assert read(october, cancer)["E10"] == MET
    november = condition("M54.5", onsetDateTime="2026-11")
    assert read(november)["S01"] == CANNOT_TELL
    assert read(october)["S01"] == MET


# --- 4. family history ---


@pytest.mark.parametrize(
    "relative",
    [
        condition("Z80.3"),
        condition("275937001"),
        condition("414205003"),
        condition(concept("Z80.42", "Family history of prostate cancer")),
        resource(
            "FamilyMemberHistory",
            patient=SUBJECT,
            status="completed",
            condition=[{"code": concept("254837009")}],
        ),
        observation(local("Family history"), concept("254837009")),
        observation(local("Family history"), "breast cancer"),
    ],
)
def test_pitfall_04_cancer_in_the_family_is_not_the_patients(relative: Json) -> None:
    assert judged(relative)["E10"] != MET


def test_pitfall_04_a_history_of_cancer_is_the_patients() -> None:
    assert judged(condition("266987004"))["E10"] == MET
    assert judged(condition("Z85.46"))["E10"] == MET
    assert judged(condition(concept(text="History of breast cancer")))["E10"] == MET


def test_pitfall_04_a_relative_in_a_text_is_quoted_and_not_counted() -> None:
    result = judged(condition(concept(text="Mother had breast cancer")))
    assert result["E10"] == CANNOT_TELL
    assert any("Mother had breast cancer" in note for note in result.notes)


# --- 5. negation ---

DENIALS: dict[str, Json] = {
    "boolean": observation(NUMB_SADDLE, value=False),
    "No": observation(NUMB_SADDLE, concept("373067005")),
    "Absent": observation(NUMB_SADDLE, concept("2667000")),
    "Negative": observation(NUMB_SADDLE, concept("260385009")),
    "Known absent": observation(NUMB_SADDLE, concept("410516002")),
    "text": observation(NUMB_SADDLE, "No"),
    "text of a concept": observation(NUMB_SADDLE, concept(text="Denied")),
    "local code": observation(NUMB_SADDLE, local("Absent")),
    "interpretation": observation(NUMB_SADDLE, interpretation=[status("NEG")]),
    "not detected": observation(NUMB_SADDLE, interpretation=[status("ND")]),
    "component": observation(
        local("Neurology"), component=[{"code": concept(NUMB_SADDLE), "valueBoolean": False}]
    ),
    "answer": answers({"saddle-numbness": False}),
    "coded answer": answers({"saddle-numbness": {"valueCoding": {"code": "N", "display": "No"}}}),
    "worded answer": answers({"saddle-numbness": {"valueString": "none"}}),
    "words for the code": observation(concept(text="Saddle numbness"), value=False),
}
NO_DENIALS: dict[str, Json] = {
    "data absent": observation(NUMB_SADDLE, dataAbsentReason=concept(text="asked-declined")),
    "absent beside no": observation(NUMB_SADDLE, value=False, dataAbsentReason=status("unknown")),
    "no value": observation(NUMB_SADDLE),
    "zero": observation(NUMB_SADDLE, 0),
    "a boolean in words": observation(NUMB_SADDLE) | {"valueBoolean": "false"},
    "an unknown word": observation(NUMB_SADDLE, "possibly"),
    "two codes at odds": observation(
        NUMB_SADDLE, {"coding": [*concept("373067005")["coding"], *concept("373066001")["coding"]]}
    ),
    "value and interpretation at odds": observation(
        NUMB_SADDLE, value=True, interpretation=[status("NEG")]
    ),
    "without a date": observation(NUMB_SADDLE, value=False, days=None),
    "31 days old": observation(NUMB_SADDLE, value=False, days=31),
    "entered in error": observation(NUMB_SADDLE, value=False, status="entered-in-error"),
    "cancelled": observation(NUMB_SADDLE, value=False, status="cancelled"),
    "status unknown": observation(NUMB_SADDLE, value=False, status="unknown"),
    "only part of it": observation(concept(text="Severe saddle numbness"), value=False),
    "form not completed": answers({"saddle-numbness": False}, status="in-progress"),
    "form in error": answers({"saddle-numbness": False}, status="entered-in-error"),
    "form undated": answers({"saddle-numbness": False}, None),
    "answer unclear": answers({"saddle-numbness": {"valueString": "sometimes"}}),
    "item without an answer": resource(
        "QuestionnaireResponse",
        status="completed",
        authored=ago(),
        item=[{"linkId": "saddle-numbness"}],
    ),
}
AFFIRMATIONS: dict[str, Json] = {
    "boolean": observation(NUMB_SADDLE, value=True),
    "Yes": observation(NUMB_SADDLE, concept("373066001")),
    "Present": observation(NUMB_SADDLE, concept("52101004")),
    "text": observation(NUMB_SADDLE, "present"),
    "interpretation": observation(NUMB_SADDLE, interpretation=[status("POS")]),
    "DSTU2 interpretation": observation(NUMB_SADDLE, interpretation=status("POS")),
    "how bad": observation(NUMB_SADDLE, concept("24484000")),
    "how bad in words": observation(NUMB_SADDLE, "moderate"),
    "preliminary": observation(NUMB_SADDLE, value=True, status="preliminary"),
    "registered": observation(NUMB_SADDLE, value=True, status="registered"),
    "component": observation(
        local("Neurology"), component=[{"code": concept(NUMB_SADDLE), "valueBoolean": True}]
    ),
    "form in progress": answers({"saddle-numbness": True}, status="in-progress"),
}


@pytest.mark.parametrize("entry", DENIALS.values(), ids=DENIALS)
def test_pitfall_05_a_no_is_a_no(entry: Json) -> None:
    result = judged(entry)
    assert result.state("saddle-numbness") == "absent"
    assert result["E02"] == NOT_MET


@pytest.mark.parametrize("entry", NO_DENIALS.values(), ids=NO_DENIALS)
def test_pitfall_05_what_is_no_clear_no_stays_unknown(entry: Json) -> None:
    assert judged(entry)["E02"] == CANNOT_TELL


@pytest.mark.parametrize("entry", AFFIRMATIONS.values(), ids=AFFIRMATIONS)
def test_pitfall_05_a_yes_is_a_yes(entry: Json) -> None:
    assert judged(entry)["E02"] == MET


def test_pitfall_05_a_code_that_itself_says_no() -> None:
    no_pain = judged(denied(breathing_difficulty=False), observation("161971004", value=True))
    assert no_pain.state("chest-pain") == "absent"
    assert judged(condition("161971004", 1)).state("chest-pain") == "absent"
    assert judged(observation("161971004", value=False)).state("chest-pain") == "unknown"
    assert judged(observation("60001007", value=True)).state("pregnancy") == "absent"


@pytest.mark.parametrize("said", ["preliminary", "registered"])
def test_pitfall_05_what_is_not_final_says_so(said: str) -> None:
    result = judged(observation(NUMB_SADDLE, value=True, status=said))
    assert said in result.says("saddle-numbness")


def test_pitfall_05_a_newer_no_ends_an_older_yes_but_never_the_reverse() -> None:
    yes, no = (observation(NUMB_SADDLE, value=said, days=2) for said in (True, False))
    assert judged(yes, observation(NUMB_SADDLE, value=False))["E02"] == NOT_MET
    assert judged(no, observation(NUMB_SADDLE, value=True))["E02"] == MET


def test_pitfall_05_on_the_same_day_the_yes_stands_and_a_note_names_both() -> None:
    yes = observation(NUMB_SADDLE, value=True, id="yes")
    no = observation(NUMB_SADDLE, value=False, id="no")
    result = judged(yes, no)
    assert result["E02"] == MET
    assert any("Observation/no" in note and "Observation/yes" in note for note in result.notes)


def test_pitfall_05_an_older_no_is_not_told_as_a_contradiction() -> None:
    before = observation(NUMB_SADDLE, value=False, days=2)
    assert judged(before, observation(NUMB_SADDLE, value=True)).notes == ()
    assert judged(temperature(37.6, 2), temperature(39.4, 1)).notes == ()


def test_pitfall_05_a_no_never_ends_a_live_diagnosis() -> None:
    result = judged(condition("G83.4", 5, id="ces"), denied())
    assert result["E01"] == MET
    assert any("Condition/ces records it" in note for note in result.notes)


def test_pitfall_05_an_observation_is_live_for_30_days() -> None:
    assert judged(observation(NUMB_SADDLE, value=True, days=30))["E02"] == MET
    assert judged(observation(NUMB_SADDLE, value=True, days=31))["E02"] == CANNOT_TELL


# --- 6. a finding as code, or as value ---


def test_pitfall_06_the_finding_may_stand_in_the_value() -> None:
    assert judged(observation("75325-1", concept(NUMB_SADDLE)))["E02"] == MET
    assert judged(observation(local("Symptom"), concept(NUMB_SADDLE)))["E02"] == MET
    assert judged(observation(local("Symptom"), concept(text="saddle numbness")))["E02"] == MET
    assert judged(observation("10154-3", "saddle numbness"))["E02"] == MET


def test_pitfall_06_a_negative_interpretation_denies_the_value() -> None:
    found = observation("75325-1", concept(NUMB_SADDLE), interpretation=[status("NEG")])
    assert judged(found)["E02"] == NOT_MET


@pytest.mark.parametrize("question", ["Advised to watch for", "Risk of", "Denies"])
def test_pitfall_06_a_question_about_something_else_affirms_nothing(question: str) -> None:
    assert judged(observation(local(question), concept(NUMB_SADDLE)))["E02"] == CANNOT_TELL


def test_pitfall_06_a_history_affirms_what_may_be_past() -> None:
    asked = local("History of")
    assert judged(observation(asked, concept("254837009")))["E10"] == MET
    assert judged(observation(asked, concept(RETENTION)))["E01"] == CANNOT_TELL


# --- 7. free text ---


@pytest.mark.parametrize(
    ("text", "criterion"),
    [
        ("Saddle anaesthesia", "E02"),
        ("can\u2019t pass urine", "E01"),
        ("Urinary retention since last night", "E01"),
        ("progressive leg weakness", "E03"),
        ("Parkinson\u2019s disease", "N01"),
        ("Severe abdominal pain", "E04"),
    ],
)
def test_pitfall_07_words_alone_count(text: str, criterion: str) -> None:
    result = judged(condition(concept(text=text), 1))
    assert result[criterion] == MET
    assert any(
        "from text" in each.evidence.says
        for name in result.findings
        for each in result.occurrences(name)
    )


@pytest.mark.parametrize(
    "text",
    [
        "No saddle anaesthesia",
        "Denies saddle numbness",
        "Without saddle numbness",
        "Saddle anaesthesia ruled out",
        "Return if saddle numbness",
        "Warned about saddle numbness",
        "Father with saddle numbness",
        "History of saddle numbness",
    ],
)
def test_pitfall_07_a_doubtful_word_keeps_the_finding_unknown_and_is_quoted(text: str) -> None:
    result = judged(condition(concept(text=text), 1, id="typed"))
    assert result["E02"] == CANNOT_TELL
    assert any("Condition/typed" in note and text in note for note in result.notes)


def test_pitfall_07_words_are_whole_words() -> None:
    assert read(condition(concept(text="Nodular goitre with backache"))).gate == "open"
    assert read(condition(concept(text="Feedback painstaking"))).gate == "shut"


def test_pitfall_07_a_text_in_the_value_of_an_observation_is_read_the_same_way() -> None:
    result = judged(observation("10154-3", "No saddle numbness", id="story"))
    assert result["E02"] == CANNOT_TELL
    assert any("Observation/story" in note for note in result.notes)


# --- 8. units ---


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (38.0, "Cel", "R04"),
        (37.96, "Cel", "R04"),
        (37.94, "Cel", None),
        (38.96, "°C", "E05"),
        (39.0, "degrees C", "E05"),
        (100.4, "[degF]", "R04"),
        (100.3, "[degF]", None),
        (102.2, "F", "E05"),
        (102.1, "°F", "R04"),
        (38.5, None, "R04"),
        (100.4, None, "R04"),
        (102.2, None, "E05"),
    ],
)
def test_pitfall_08_temperatures(value: float, unit: str | None, expected: str | None) -> None:
    quantity = {"value": value} | ({"unit": unit} if unit else {})
    result = judged(denied(), observation("8310-5", quantity))
    assert [each for each in result.met if each in {"E05", "R04"}] == (
        [expected] if expected else []
    )


@pytest.mark.parametrize(
    ("value", "unit"), [(60, None), (100.4, "Cel"), (38.0, "[degF]"), (311, "K"), (None, "Cel")]
)
def test_pitfall_08_what_cannot_be_a_temperature_stays_unknown(
    value: float | None, unit: str | None
) -> None:
    quantity = {"value": value, "unit": unit}
    result = judged(observation("8310-5", quantity, id="odd"))
    assert result.state("fever") == "unknown"
    assert any("Observation/odd" in note for note in result.notes)


def test_pitfall_08_an_assumed_unit_is_said() -> None:
    assert "unit not recorded, taken as [degF]" in judged(
        observation("8310-5", {"value": 100.4})
    ).says("fever")
    assert "unit not recorded, taken as Cel" in judged(observation("8310-5", {"value": 38.4})).says(
        "fever"
    )


@pytest.mark.parametrize(
    ("value", "unit", "low"),
    [
        (8.4, "mg/dL", MET),  # 2.10 mmol/L
        (8.5, "mg/dL", CANNOT_TELL),  # 2.12 mmol/L
        (2.11, "mmol/L", MET),
        (2.12, "mmol/L", CANNOT_TELL),
        (4.0, "meq/L", MET),  # 2.0 mmol/L
        (4.5, "meq/L", CANNOT_TELL),
    ],
)
def test_pitfall_08_calcium(value: float, unit: str, low: str) -> None:
    result = judged(observation("17861-6", (value, unit)))
    assert result["F02"] == low
    assert result.state("low-calcium") == ("present" if low == MET else "absent")


# --- 9. weight loss ---


def weight(value: float, unit: str | None, days: float, code: str = "29463-7") -> Json:
    return observation(code, {"value": value} | ({"unit": unit} if unit else {}), days)


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ([weight(200, "lb", 90), weight(189, "[lb_av]", 1)], MET),
        ([weight(200, "lb", 90), weight(190, "lb", 1)], NOT_MET),  # exactly 5 %
        ([weight(80_000, "g", 90), weight(75, "kg", 1)], MET),
        ([weight(80, "kg", 90, "3141-9"), weight(75, "kg", 1, "3142-7")], MET),
        ([weight(80, None, 90), weight(75, None, 1)], MET),
        ([weight(80, "kg", 1)], CANNOT_TELL),
        ([weight(80, "stone", 90), weight(75, "kg", 1)], CANNOT_TELL),
        ([weight(800, "kg", 90), weight(75, "kg", 1)], CANNOT_TELL),
        ([weight(80, "kg", 90), weight(75, "kg", -3)], CANNOT_TELL),
        ([weight(80, "kg", 90), weight(75, "kg", 1), weight(79, "kg", 0)], NOT_MET),
    ],
)
def test_pitfall_09_weights(weights: list[Json], expected: str) -> None:
    assert judged(*weights)["R05"] == expected


def test_pitfall_09_the_evidence_says_what_was_compared() -> None:
    said = judged(weight(80, "kg", 90), weight(75, None, 1)).says("weight-loss")
    assert said == (
        f"weight 75.0 kg, unit not recorded, taken as kg after 80.0 kg ({ago(90)}): 6.2 % less"
    )


@pytest.mark.parametrize(
    "intended",
    [
        answers({"weight-loss-intended": True}),
        condition(concept(text="Slimming club"), 60),
        condition("275919002", 60),
        observation("275919002", value=True, days=60),
    ],
)
def test_pitfall_09_a_loss_that_was_meant_does_not_count(intended: Json) -> None:
    loss = (weight(80, "kg", 90), weight(70, "kg", 1))
    assert judged(*loss)["R05"] == MET
    assert judged(*loss, intended)["R05"] == NOT_MET


# --- 10. laboratory values ---

POTASSIUM = "2823-3"


def ranged(low: float, unit: str | None = None, **more: object) -> Json:
    return {"referenceRange": [{"low": {"value": low} | ({"unit": unit} if unit else {})} | more]}


@pytest.mark.parametrize(
    ("value", "more", "low"),
    [
        (3.4, {}, "present"),
        (3.5, {}, "absent"),
        (3.4, ranged(3.3), "absent"),
        (3.6, ranged(3.7), "present"),
        (3.6, ranged(3700, "umol/L"), "absent"),
        (3.6, ranged(3.7, type=concept(text="treatment")), "absent"),
        (3.6, ranged(3.7, type=status("normal")), "present"),
        (3.6, {"interpretation": [status("L")]}, "present"),
        (3.4, {"interpretation": [status("N")]}, "absent"),
        (3.4, {"interpretation": [status("A")]}, "present"),
        (3.6, {"interpretation": status("LL")}, "present"),
        (3.4, {"dataAbsentReason": status("error")}, "unknown"),
    ],
)
def test_pitfall_10_own_range_then_flag_then_default(value: float, more: Json, low: str) -> None:
    result = judged(observation(POTASSIUM, (value, "mmol/L"), **more))
    assert result.state("low-potassium") == low


@pytest.mark.parametrize(
    ("sign", "value", "low"),
    [("<", 3.5, "present"), ("<", 4.0, "unknown"), (">", 4.0, "absent"), (">", 3.0, "unknown")],
)
def test_pitfall_10_comparators(sign: str, value: float, low: str) -> None:
    quantity = {"value": value, "unit": "mmol/L", "comparator": sign}
    assert judged(observation(POTASSIUM, quantity)).state("low-potassium") == low


def test_pitfall_10_a_comparator_of_a_temperature() -> None:
    def fever(sign: str, value: float) -> str:
        quantity = {"value": value, "unit": "Cel", "comparator": sign}
        return judged(observation("8310-5", quantity)).state("fever")

    assert [fever("<", 37), fever("<", 38), fever("<", 40)] == ["absent", "absent", "unknown"]
    assert [fever(">", 37), fever(">", 38), fever(">=", 40)] == ["unknown", "present", "present"]


def test_pitfall_10_an_unreadable_unit_says_nothing() -> None:
    result = judged(observation(POTASSIUM, (3.4, "mg/L"), id="odd"))
    assert result.state("low-potassium") == "unknown"
    assert any("Observation/odd" in note for note in result.notes)


def test_pitfall_10_only_the_latest_value_decides() -> None:
    old, new = observation(POTASSIUM, (3.0, "mmol/L"), 20), observation(POTASSIUM, (4, "mmol/L"), 2)
    assert judged(old, new).state("low-potassium") == "absent"
    assert judged(new, old).state("low-potassium") == "absent"
    later = observation(POTASSIUM, (3.0, "mmol/L"), -2)
    assert judged(new, later).state("low-potassium") == "absent"


def test_pitfall_10_a_newer_value_that_cannot_be_read_leaves_the_older_denial_open() -> None:
    old = observation(POTASSIUM, (4.0, "mmol/L"), 20)
    assert judged(old, observation(POTASSIUM, "haemolysed", 2)).state("low-potassium") == "unknown"


def test_pitfall_10_a_panel_is_read_by_its_components() -> None:
    panel = observation(
        "24326-1", component=[{"code": concept(POTASSIUM)} | valued((3.1, "mmol/L"))]
    )
    assert judged(panel)["F02"] == MET


@pytest.mark.parametrize(
    ("value", "more", "blood"),
    [
        ("1+", {}, "present"),
        ("+++", {}, "present"),
        ("Positive", {}, "present"),
        ("negative", {}, "absent"),
        ("Trace", {}, "unknown"),
        (concept("10828004"), {}, "present"),
        (concept("260385009"), {}, "absent"),
        (concept(text="a little"), {}, "unknown"),
        ((25, "/uL"), {"referenceRange": [{"high": {"value": 5}}]}, "present"),
        ((3, "/uL"), {"referenceRange": [{"high": {"value": 5}}]}, "absent"),
        ({"value": 5, "comparator": "<"}, {"referenceRange": [{"high": {"value": 3}}]}, "unknown"),
        ({"value": 5, "comparator": ">"}, {"referenceRange": [{"high": {"value": 3}}]}, "present"),
        ({"value": 2, "comparator": "<"}, {"referenceRange": [{"high": {"value": 3}}]}, "absent"),
        ((25, "/uL"), {"interpretation": [status("H")]}, "present"),
        ((25, "/uL"), {"interpretation": [status("N")]}, "absent"),
        ((25, "/uL"), {"interpretation": [status("W")]}, "unknown"),
        ((25, "/uL"), {}, "unknown"),
    ],
)
def test_pitfall_10_blood_in_urine(value: object, more: Json, blood: str) -> None:
    assert judged(observation("5794-3", value, **more)).state("blood-in-urine") == blood


@pytest.mark.parametrize(
    "value", ["NaN", "Infinity", "1_0", "٣٨", {"value": "NaN"}, {"value": 1e400}]
)
def test_pitfall_10_no_number_is_no_denial(value: object) -> None:
    assert judged(observation("8310-5", value)).state("fever") == "unknown"


# --- 11. duplicates ---


def test_pitfall_11_two_entries_of_one_problem_are_both_named() -> None:
    result = judged(condition("G83.4", 2, id="list"), condition("192970008", 2, id="visit"))
    references = [each.evidence.reference for each in result.occurrences("cauda-equina-syndrome")]
    assert references == ["Condition/list", "Condition/visit"]
    assert result.met.count("E01") == 1


def test_pitfall_11_two_codings_of_one_entry_are_one_occurrence() -> None:
    both = {"coding": [*concept("G83.4")["coding"], *concept("192970008")["coding"]]}
    assert len(judged(condition(both, 2)).occurrences("cauda-equina-syndrome")) == 1


def test_pitfall_11_the_same_resource_sent_twice_is_one() -> None:
    twice = condition("G83.4", 2, id="same")
    assert len(judged(twice, dict(twice)).occurrences("cauda-equina-syndrome")) == 1


def test_pitfall_11_of_two_versions_the_newer_counts() -> None:
    def version(said: str, days: int) -> Json:
        meta = {"lastUpdated": f"{ago(days)}T08:00:00Z"}
        return condition("G83.4", 9, id="same", clinicalStatus=status(said), meta=meta)

    over, live = version("resolved", 1), version("active", 5)
    assert "E01" not in judged(over, live).met
    assert "E01" not in judged(live, over).met
    assert "E01" in judged(version("active", 1), version("resolved", 5)).met


def test_pitfall_11_two_that_cannot_be_told_apart_are_both_read() -> None:
    one, other = (condition(code, 2, id="same") for code in ("G83.4", "C61"))
    assert {"E01", "E10"} <= set(judged(one, other).met)


def test_pitfall_11_resources_without_an_id_are_all_read() -> None:
    entries = [condition(code, 2, id=None) for code in ("G83.4", "C61")]
    first, second = (read_bundle(bundle(entry), AS_OF) for entry in entries)
    first.resources += second.resources
    assert {"E01"} <= set(read_record(first).met)
    assert {"E01", "E10"} <= set(judged(*entries).met)


# --- 12. codes drift ---


@pytest.mark.parametrize(
    ("code", "criterion"),
    [
        ("M5450", "gate"),
        ("m54.5", "gate"),
        ("M54.59", "gate"),
        (" M54.5 ", "gate"),
        ("G834", "E01"),
        ("S32010A", "E07"),
        ("S32.010A", "E07"),
        ("G20", "N01"),
        ("G20.A1", "N01"),
        ("C50.9", "E10"),
    ],
)
def test_pitfall_12_icd_by_prefix_with_or_without_the_dot(code: str, criterion: str) -> None:
    entry = condition({"coding": [{"system": ICD, "code": code}]}, 1)
    result = read(entry, *([] if criterion == "gate" else [PAIN]))
    assert (result.gate == "open") if criterion == "gate" else (result[criterion] == MET)


@pytest.mark.parametrize("code", ["S32.010D", "S32.010G", "S32.010K", "S32010P", "S32.010S"])
def test_pitfall_12_after_care_is_past(code: str) -> None:
    result = judged(denied(), condition(code, 3))
    assert result["E07"] == NOT_MET
    assert result["S07"] == MET


def test_pitfall_12_a_snomed_code_matches_exactly() -> None:
    assert judged(condition({"coding": [{"system": SNOMED, "code": "4498130010"}]}, 1)).met == []
    assert judged(condition({"coding": [{"system": SNOMED, "code": 449813001}]}, 1))["E02"] == MET


def test_pitfall_12_a_display_is_no_evidence_against_its_code() -> None:
    wrong = condition(concept("271594007", display="Saddle anesthesia"), 1)  # it is Syncope
    result = judged(wrong)
    assert result["E02"] == CANNOT_TELL
    assert "not among those listed" in result.says("saddle-numbness")
    assert judged(denied(1), condition(concept("I10", display="Low back pain"), 1)).met == ["H01"]


def test_pitfall_12_a_cancer_under_a_code_that_is_not_listed_is_not_absent() -> None:
    rare = condition(concept("999000000", display="Prostate cancer, rare kind"))
    assert judged(rare).state("cancer") == "unknown"


def test_pitfall_12_local_codes_go_by_their_words() -> None:
    assert judged(condition(local("Cauda equina syndrome"), 1))["E01"] == MET
    coded = {"coding": [{"system": LOCAL, "code": "1", "display": "Urinary retention"}]}
    assert judged(condition(coded, 1))["E01"] == MET


@pytest.mark.parametrize(
    "code",
    [
        None,
        {},
        {"coding": []},
        {"coding": [{"system": LOCAL, "code": "77"}]},
        {"coding": [{"system": SNOMED}]},
        {"text": "  "},
        ["R33.9"],
    ],
)
def test_pitfall_12_a_condition_that_cannot_be_read_denies_nothing(code: object) -> None:
    entry = condition(BACK_PAIN, 1, id="odd") | {"code": code}
    result = read(entry)
    assert result.gate == "unknown"
    assert result.state("cancer") == "unknown"
    assert any("Condition/odd could not be read" in note for note in result.notes)


def test_pitfall_12_a_text_beside_a_local_code_that_names_nothing_is_read() -> None:
    assert read(condition(local("Ingrown toenail"))).gate == "shut"


# --- 13. laterality and calf cramps ---

BOTH_LEGS: dict[str, list[Json]] = {
    "left and right codes": [condition("M54.31", 5), condition("M54.32", 5)],
    "without dots": [condition("M5431", 5), condition("M5432", 5)],
    "a body site of both": [condition("23056005", 5, bodySite=[concept("51440002")])],
    "two body sites": [
        condition("23056005", 5, bodySite=[concept(text="Left leg"), concept(text="Right leg")])
    ],
    "words": [condition(concept(text="Bilateral sciatica"), 5)],
    "two entries in words": [
        condition(concept(text="Left sciatica"), 5),
        condition(concept(text="Right sciatica"), 5),
    ],
}
ONE_LEG: dict[str, list[Json]] = {
    "left twice": [condition("M54.32", 5), condition("M54.32", 9)],
    "no side": [condition("23056005", 5), condition("M54.30", 5)],
    "left, and right resolved": [
        condition("M54.32", 5),
        condition("M54.31", 90, clinicalStatus=status("resolved")),
    ],
    "a display at odds with its code": [condition(concept("M54.31", display="Left and right"), 5)],
}


@pytest.mark.parametrize("entries", BOTH_LEGS.values(), ids=BOTH_LEGS)
def test_pitfall_13_both_legs(entries: list[Json]) -> None:
    assert read(*entries).state("both-legs-pain") == "present"


@pytest.mark.parametrize("entries", ONE_LEG.values(), ids=ONE_LEG)
def test_pitfall_13_one_leg(entries: list[Json]) -> None:
    assert read(*entries).state("both-legs-pain") == "unknown"


def test_pitfall_13_a_denial_that_ends_one_side_ends_both() -> None:
    sides = [
        observation("6077001", value=True, days=9, bodySite=concept(text=f"{side} foot"))
        for side in ("Left", "Right")
    ]
    assert judged(*sides)["E03"] == MET
    later = answers({"leg-weakness": False})
    assert judged(*sides, later).state("legs-paralysed") == "absent"


@pytest.mark.parametrize(
    "cramp",
    [
        condition("R25.2", 1),
        condition("449918009", 1),
        condition("55300003", 1, bodySite=[concept(text="Calf")]),
        condition(concept(text="Night cramps of the calf"), 1),
    ],
)
def test_pitfall_13_a_calf_cramp_is_no_back_pain(cramp: Json) -> None:
    assert read(cramp).gate == "shut"


# --- 14. questionnaires ---


def form(items: list[Any], days: float = 0, **more: object) -> Json:
    return answers({}, days, item=items, **more)


YES, NO = {"answer": [{"valueBoolean": True}]}, {"answer": [{"valueBoolean": False}]}
NESTED: dict[str, Json] = {
    "under an item": form([{"linkId": "1", "item": [{"linkId": "saddle-numbness"} | YES]}]),
    "under an answer": form(
        [
            {
                "linkId": "back-pain",
                "answer": [{"valueBoolean": True, "item": [{"linkId": "saddle-numbness"} | YES]}],
            }
        ]
    ),
    "repeated groups": form(
        [
            {"linkId": "visit", "item": [{"linkId": "saddle-numbness"} | NO]},
            {"linkId": "visit", "item": [{"linkId": "saddle-numbness"} | YES]},
        ]
    ),
    "repeated answers": form(
        [{"linkId": "saddle-numbness", "answer": [*NO["answer"], *YES["answer"]]}]
    ),
    "DSTU2 groups": answers(
        {},
        item=None,
        group={"group": [{"question": [{"linkId": "saddle-numbness"} | YES]}]},
    ),
    "a date for an answer": form(
        [{"linkId": "saddle-numbness", "answer": [{"valueDate": ago(2)}]}]
    ),
    "an answer that is no list": form(
        [{"linkId": "saddle-numbness", "answer": {"valueBoolean": True}}]
    ),
}


@pytest.mark.parametrize("response", NESTED.values(), ids=NESTED)
def test_pitfall_14_answers_are_found_wherever_they_stand(response: Json) -> None:
    assert judged(response)["E02"] == MET


@pytest.mark.parametrize(
    "link_id", ["1", "saddle numbness", "SADDLE-NUMBNESS", "minor", "deceased"]
)
def test_pitfall_14_a_local_link_id_says_nothing(link_id: str) -> None:
    result = judged(form([{"linkId": link_id} | YES]))
    assert result["E02"] == CANNOT_TELL
    assert result.gate == "open"


def test_pitfall_14_the_newest_answer_wins() -> None:
    yes, no = (answers({"saddle-numbness": said}, 5) for said in (True, False))
    assert judged(yes, answers({"saddle-numbness": False}, 1))["E02"] == NOT_MET
    assert judged(no, answers({"saddle-numbness": True}, 1))["E02"] == MET
    assert judged(no, answers({"saddle-numbness": {"valueString": "?"}}, 1))["E02"] == CANNOT_TELL
    newer = answers({"saddle-numbness": True}, 1, status="in-progress")
    assert judged(no, newer)["E02"] == MET


def test_pitfall_14_a_form_may_say_since_when() -> None:
    items = [
        {"linkId": "bladder-control-lost"} | YES,
        {"linkId": "bladder-control-lost.onset", "answer": [{"valueDate": ago(40)}]},
    ]
    result = judged(form(items), answers({"bowel-control-lost": False}))
    assert result["E01"] == NOT_MET
    assert result["S11"] == MET


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"valueDecimal": 39.4}, "E05"),
        ({"valueQuantity": {"value": 101, "unit": "[degF]"}}, "R04"),
        ({"valueInteger": 37}, None),
        ({"valueString": "38,5"}, "R04"),
        ({"valueBoolean": True}, "R04"),
    ],
)
def test_pitfall_14_numbers_are_read_as_measurements(said: Json, expected: str | None) -> None:
    result = judged(answers({"fever": said}))
    assert [each for each in result.met if each in {"E05", "R04"}] == (
        [expected] if expected else []
    )


def test_pitfall_14_an_old_form_says_nothing_of_now() -> None:
    assert judged(answers({"saddle-numbness": True}, 31))["E02"] == CANNOT_TELL
    assert judged(answers({"cancer": True}, 900))["E10"] == MET


# --- 15. age, death, birth date ---


@pytest.mark.parametrize(
    ("birth", "minor"),
    [
        ("2008-11-21", True),
        ("2008-11-20", False),
        ("2008-12", True),
        ("2009", True),
        ("2008", False),
        ("2008-11-30", True),
        ("2020-02-29", True),
        ("1940", False),
        (None, False),
        ("soon", False),
        (7, False),
    ],
)
def test_pitfall_15_minors(birth: object, minor: bool) -> None:
    result = read(patient(birthDate=birth), PAIN)
    assert (result.state("minor") == "present") is minor
    assert result.gate == "open"


def test_pitfall_15_a_missing_patient_changes_nothing() -> None:
    alone = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": PAIN}]}
    assert read_record(read_bundle(alone, AS_OF)).gate == "open"


@pytest.mark.parametrize(
    "died",
    [
        {"deceasedBoolean": True},
        {"deceasedDateTime": "2026-01"},
        {"deceasedDateTime": "2026"},
        {"deceasedDateTime": ago()},
    ],
)
def test_pitfall_15_the_dead_get_no_card(died: Json) -> None:
    result = read(patient(**died), PAIN, condition("G83.4", 1))
    assert result.gate == "shut"
    assert result.decision.recommendations == ()


@pytest.mark.parametrize("alive", [{"deceasedBoolean": False}, {"deceasedBoolean": "yes"}])
def test_pitfall_15_the_living_do(alive: Json) -> None:
    assert read(patient(**alive), PAIN, condition("G83.4", 1))["E01"] == MET


@pytest.mark.parametrize("died", ["?", "unknown", "2027", ago(-1)])
def test_pitfall_15_a_date_of_death_that_is_none_silences_no_emergency(died: str) -> None:
    result = read(patient(deceasedDateTime=died), PAIN, condition("G83.4", 1))
    assert (result.gate, result["E01"]) == ("open", MET)
    assert any("date of death" in note for note in result.notes)


# --- 16. medicines ---

STATIN = {"coding": [{"system": RXNORM, "code": "83367"}]}
PRODUCT = {
    "coding": [{"system": RXNORM, "code": "259255", "display": "atorvastatin 40 MG Oral Tablet"}]
}
CONTAINED = {"contained": [{"resourceType": "Medication", "id": "m", "code": STATIN}]}


def referring(reference: Json, **more: object) -> Json:
    return medication({}, medicationCodeableConcept=None, medicationReference=reference, **more)


TAKEN: dict[str, list[Json]] = {
    "active": [medication(STATIN)],
    "on hold": [medication(STATIN, status="on-hold")],
    "product by its name": [medication(PRODUCT)],
    "text": [medication("Lipitor 20 mg at night")],
    "ATC": [medication({"coding": [{"system": "http://www.whocc.no/atc", "code": "C10AA05"}]})],
    "contained": [referring({"reference": "#m"}, **CONTAINED)],
    "a reference": [
        referring({"reference": "Medication/s"}),
        {"resourceType": "Medication", "id": "s", "code": STATIN},
    ],
    "a reference with a name": [referring({"reference": "Medication/x", "display": "Simvastatin"})],
    "a name without a reference": [referring({"display": "Simvastatin"})],
    "R5 concept": [medication({}, medicationCodeableConcept=None, medication={"concept": STATIN})],
    "R5 reference": [
        medication({}, medicationCodeableConcept=None, **CONTAINED)
        | {"medication": {"reference": {"reference": "#m"}}}
    ],
    "ended 90 days ago": [medication(STATIN, status="stopped", authoredOn=ago(90))],
    "completed, ended lately": [
        medication(
            STATIN,
            status="completed",
            authoredOn=ago(400),
            dosageInstruction=[{"timing": {"repeat": {"boundsPeriod": {"end": ago(30)}}}}],
        )
    ],
    "statement": [
        resource("MedicationStatement", status="active", medicationCodeableConcept=STATIN)
    ],
    "ending in the future": [
        resource(
            "MedicationStatement",
            status="active",
            medicationCodeableConcept=STATIN,
            effectivePeriod={"start": ago(400), "end": ago(-30)},
        )
    ],
}
NOT_TAKEN: dict[str, list[Json]] = {
    "draft": [medication(STATIN, status="draft")],
    "cancelled": [medication(STATIN, status="cancelled")],
    "in error": [medication(STATIN, status="entered-in-error")],
    "proposal": [medication(STATIN, intent="proposal")],
    "plan": [medication(STATIN, intent="plan")],
    "not to be given": [medication(STATIN, doNotPerform=True)],
    "not taken": [
        resource("MedicationStatement", status="not-taken", medicationCodeableConcept=STATIN)
    ],
    "not taken, STU3": [
        resource(
            "MedicationStatement", status="active", taken="n", medicationCodeableConcept=STATIN
        )
    ],
    "not taken, DSTU2": [
        resource(
            "MedicationStatement",
            status="active",
            wasNotTaken=True,
            medicationCodeableConcept=STATIN,
        )
    ],
    "not taken, R5": [
        resource(
            "MedicationStatement",
            status="recorded",
            medication={"concept": STATIN},
            adherence={"code": status("not-taking")},
        )
    ],
    "ended 91 days ago": [medication(STATIN, status="stopped", authoredOn=ago(91))],
    "active, but over": [
        medication(
            STATIN,
            dosageInstruction=[{"timing": {"repeat": {"boundsPeriod": {"end": ago(100)}}}}],
        )
    ],
    "another medicine": [medication("Metformin 500 mg")],
    "another code": [medication({"coding": [{"system": RXNORM, "code": "6809"}]})],
}
CANNOT_SAY: dict[str, list[Json]] = {
    "status unknown": [medication(STATIN, status="unknown")],
    "a status nobody knows": [medication(STATIN, status="?")],
    "a reference to nothing": [referring({"reference": "Medication/x"})],
    "no medicine at all": [medication({})],
    "a local code": [medication({"coding": [{"system": LOCAL, "code": "1"}]})],
}


@pytest.mark.parametrize("entries", TAKEN.values(), ids=TAKEN)
def test_pitfall_16_taken(entries: list[Json]) -> None:
    assert judged(*entries)["F03"] == MET


@pytest.mark.parametrize("entries", NOT_TAKEN.values(), ids=NOT_TAKEN)
def test_pitfall_16_not_taken(entries: list[Json]) -> None:
    assert judged(*entries)["F03"] == NOT_MET


@pytest.mark.parametrize("entries", CANNOT_SAY.values(), ids=CANNOT_SAY)
def test_pitfall_16_cannot_be_told(entries: list[Json]) -> None:
    assert judged(*entries)["F03"] == CANNOT_TELL


def test_pitfall_16_the_evidence_says_since_when() -> None:
    said = judged(medication(STATIN, authoredOn=ago(10))).occurrences("statin")[0].evidence
    assert (said.when, "date not recorded" in said.says) == (ago(10), False)


# --- 17. whose record, and how much of it ---


@pytest.mark.parametrize(
    "subject",
    [
        {"subject": {"reference": "Patient/2"}},
        {"subject": None, "patient": {"reference": "https://ehr.example/fhir/Patient/2"}},
        {"subject": {"reference": "urn:uuid:2"}},
    ],
)
def test_pitfall_17_a_bundle_of_two_patients_is_refused(subject: Json) -> None:
    with pytest.raises(TwoPatientsError, match="2 patients"):
        read(PAIN, condition("G83.4", 1, **subject))


def test_pitfall_17_two_patient_resources_are_refused() -> None:
    with pytest.raises(TwoPatientsError):
        read(patient(), patient(id="2"), PAIN)
    with pytest.raises(TwoPatientsError):
        read_bundle(
            {
                "resourceType": "Bundle",
                "entry": [
                    {"resource": PAIN},
                    {"resource": condition(BACK_PAIN, subject={"reference": "Patient/2"})},
                ],
            },
            AS_OF,
        )


@pytest.mark.parametrize(
    "reference",
    ["Patient/1", "https://ehr.example/fhir/Patient/1", "Patient/1/_history/3", "urn:uuid:a-b"],
)
def test_pitfall_17_the_patient_by_any_reference(reference: str) -> None:
    entries = [
        {"fullUrl": "urn:uuid:a-b", "resource": patient()},
        {"resource": condition("G83.4", 1, subject={"reference": reference})},
    ]
    record = read_bundle({"resourceType": "Bundle", "entry": entries}, AS_OF)
    assert read_record(record)["E01"] == MET


def test_pitfall_17_a_group_is_not_the_patient() -> None:
    result = judged(condition("G83.4", 1, id="g", subject={"reference": "Group/9"}))
    assert "E01" not in result.met
    assert "Condition/g is about another patient: left out" in result.notes


def test_pitfall_17_references_by_urn_are_followed() -> None:
    entries = [
        {"resource": patient()},
        {"resource": PAIN},
        {"resource": referring({"reference": "urn:uuid:m"})},
        {
            "fullUrl": "urn:uuid:m",
            "resource": {"resourceType": "Medication", "id": "7", "code": STATIN},
        },
    ]
    record = read_bundle({"resourceType": "Bundle", "entry": entries}, AS_OF)
    assert read_record(record)["F03"] == MET


PARTIAL: dict[str, Json] = {
    "a next page": {"link": [{"relation": "next", "url": "https://ehr.example/2"}]},
    "more matches than entries": {"total": 9},
}


@pytest.mark.parametrize("more", PARTIAL.values(), ids=PARTIAL)
def test_pitfall_17_a_page_is_not_the_record(more: Json) -> None:
    record = read_bundle(bundle(PAIN, **more), AS_OF)
    result = read_record(record)
    assert result.state("cancer") == "unknown"
    assert not result.decision.judged
    assert result.notes


def test_pitfall_17_what_is_dangerous_is_told_from_a_page_as_well() -> None:
    record = read_bundle(bundle(PAIN, condition("G83.4", 1), **PARTIAL["a next page"]), AS_OF)
    result = read_record(record)
    assert result["E01"] == MET
    assert result.decision.judged


def test_pitfall_17_a_whole_searchset_is_the_record() -> None:
    entries = [
        {"resource": PAIN, "search": {"mode": "match"}},
        {"resource": patient(), "search": {"mode": "include"}},
    ]
    whole = {"resourceType": "Bundle", "type": "searchset", "total": 1, "entry": entries}
    assert read_record(read_bundle(whole, AS_OF)).state("cancer") == "absent"


@pytest.mark.parametrize("severity", ["error", "fatal"])
def test_pitfall_17_a_failed_search_denies_nothing(severity: str) -> None:
    outcome = {
        "resourceType": "OperationOutcome",
        "issue": [{"severity": severity, "code": "timeout"}],
    }
    for value in (outcome, bundle(PAIN, outcome)):
        record = read_bundle(value, AS_OF)
        assert read_record(record).state("cancer") == "unknown"
        assert record.notes[0] == "The Bundle came as an error (OperationOutcome: timeout)"


FAILED_ENTRIES: dict[str, Json] = {
    "a status": {"status": "403 Forbidden"},
    "a status and an outcome": {
        "status": "500",
        "outcome": {
            "resourceType": "OperationOutcome",
            "issue": [{"severity": "error", "code": "exception"}],
        },
    },
    "an outcome alone": {
        "outcome": {"resourceType": "OperationOutcome", "issue": [{"severity": "fatal"}]}
    },
}


@pytest.mark.parametrize("response", FAILED_ENTRIES.values(), ids=list(FAILED_ENTRIES))
def test_pitfall_17_an_entry_of_a_batch_that_failed_denies_nothing(response: Json) -> None:
    value = bundle(PAIN)
    value["entry"].append({"response": response})
    record = read_bundle(value, AS_OF)
    assert read_record(record).state("cancer") == "unknown"
    assert len(record.notes) == 1


@pytest.mark.parametrize("status", ["200 OK", "201", "204 No Content", "4", "x", None, 5])
def test_pitfall_17_an_entry_of_a_batch_without_a_body_is_no_failure(status: object) -> None:
    value = bundle(PAIN)
    value["entry"].append({"response": {"status": status}})
    record = read_bundle(value, AS_OF)
    assert (read_record(record).state("cancer"), record.notes) == ("absent", [])


def test_pitfall_17_a_warning_beside_the_results_is_no_failure() -> None:
    outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": "information"}]}
    assert read_record(read_bundle(bundle(PAIN, outcome), AS_OF)).state("cancer") == "absent"


@pytest.mark.parametrize(
    "entry", [{}, {"resource": None}, {"resource": "x"}, {"resource": {}}, "x", None, 7]
)
def test_pitfall_17_an_entry_that_cannot_be_read_denies_nothing(entry: object) -> None:
    value = bundle(condition("I10"))
    value["entry"].append(entry)
    record = read_bundle(value, AS_OF)
    assert read_record(record).gate == "unknown"
    assert record.notes


def test_pitfall_17_nested_bundles_are_opened_up_to_a_depth() -> None:
    value = bundle(PAIN, condition("G83.4", 1))
    for _ in range(4):
        value = {"resourceType": "Bundle", "type": "batch-response", "entry": [{"resource": value}]}
    assert read_record(read_bundle(value, AS_OF))["E01"] == MET
    for _ in range(10):
        value = {"resourceType": "Bundle", "entry": [{"resource": value}]}
    assert read_record(read_bundle(value, AS_OF)).gate == "unknown"


def test_pitfall_17_a_deleted_entry_of_a_history_is_no_fault() -> None:
    value = bundle(PAIN)
    value["entry"].append({"request": {"method": "DELETE", "url": "Condition/9"}})
    assert read_bundle(value, AS_OF).notes == []


def test_pitfall_17_a_single_resource_is_a_record() -> None:
    assert read_record(read_bundle(PAIN, AS_OF)).gate == "open"
    assert read_record(read_bundle({"resource": PAIN}, AS_OF)).gate == "open"


@pytest.mark.parametrize("value", [None, [], "x", 7, {}, {"resourceType": 3}, {"entry": []}])
def test_pitfall_17_what_is_no_resource_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="no resourceType"):
        read_bundle(value, AS_OF)


def test_pitfall_17_an_empty_bundle_speaks_of_nobody() -> None:
    result = read_record(read_bundle({"resourceType": "Bundle"}, AS_OF))
    assert result.gate == "unknown"
    assert result.notes == ("The Bundle speaks of no patient",)


# --- 18. codes that are provisional or of long standing ---


@pytest.mark.parametrize(
    ("code", "days", "expected"),
    [
        ("R26.2", 3, CANNOT_TELL),
        ("R26.2", 2000, CANNOT_TELL),
        ("N31.9", 2000, NOT_MET),
        ("R32", 2000, NOT_MET),
        ("R33.9", 2000, NOT_MET),
    ],
)
def test_pitfall_18_long_standing_codes_are_no_emergency(
    code: str, days: int, expected: str
) -> None:
    criterion = "E03" if code == "R26.2" else "E01"
    others = denied(1) if criterion == "E01" else answers({"legs-paralysed": False})
    assert judged(others, condition(code, days))[criterion] == expected


def test_pitfall_18_they_are_an_appointment() -> None:
    assert judged(condition("N31.9", 2000))["S11"] == MET


# --- scores of pain ---


@pytest.mark.parametrize(
    ("entry", "severe"),
    [
        (pain_score(7), "present"),
        (pain_score(6.9), "absent"),
        (pain_score(70), "unknown"),
        (observation("38208-5", 70), "present"),
        (observation("38214-3", (65, "mm")), "absent"),
        (observation("38214-3", (8, "mm")), "absent"),
        (observation("72514-3", concept(text="8")), "present"),
        (observation("38208-5", concept(text="Severe")), "present"),
        (observation("38208-5", concept("6736007")), "absent"),
        (observation("38208-5", "bad"), "unknown"),
        (pain_score(-1), "unknown"),
        (pain_score(8, 4), "unknown"),
        (pain_score(3, 4), "unknown"),
        (pain_score(8, bodySite=concept("77568009")), "present"),
        (pain_score(8, bodySite=concept("61685007")), "unknown"),
        (pain_score(8, bodySite=concept(text="Tooth")), "unknown"),
        (pain_score(8, bodySite=concept("51440002")), "present"),
        (observation(concept("72514-3", "Pain score, knee"), 8), "unknown"),
        (observation(concept("72514-3", "Pain score, lower back"), 8), "present"),
        (observation(concept(text="Severe back pain"), 8), "present"),
        (observation(concept(text="Severe back pain"), 3), "absent"),
    ],
)
def test_severity_by_score(entry: Json, severe: str) -> None:
    assert judged(entry).state("severe-pain") == severe
