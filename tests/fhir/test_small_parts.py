"""The small parts of the reader: dates, numbers, references, the index, the record."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from cds_service.clinical.windows import Since
from cds_service.content.phrases import PhraseIndex
from cds_service.fhir import index as compiled
from cds_service.fhir.access import as_number, codings, last_path, said_codes
from cds_service.fhir.bundles import unpack
from cds_service.fhir.dates import read_age, read_date, read_moment
from cds_service.fhir.given import implied_gate
from cds_service.fhir.judge import why_not_judged
from cds_service.fhir.record import Record, keep_own, read_bundle
from cds_service.fhir.units import kilograms, score_of_ten
from cds_service.fhir.validate import validate
from tests.fhir.builders import (
    AS_OF,
    BACK_PAIN,
    CANNOT_TELL,
    ICD,
    MET,
    Json,
    ago,
    answers,
    bundle,
    concept,
    condition,
    judge,
    judged,
    local,
    observation,
    patient,
    read,
    read_record,
    resource,
    status,
)

EAST = timezone(timedelta(hours=9))


def day(year: int, month: int, date: int, hour: int = 0) -> datetime:
    return datetime(year, month, date, hour, tzinfo=EAST)


@pytest.mark.parametrize(
    ("text", "first", "after"),
    [
        ("2026", day(2026, 1, 1), day(2027, 1, 1)),
        ("2026-12", day(2026, 12, 1), day(2027, 1, 1)),
        ("2024-02", day(2024, 2, 1), day(2024, 3, 1)),
        (" 2026-11-20 ", day(2026, 11, 20), day(2026, 11, 21)),
    ],
)
def test_a_partial_date_is_an_interval_in_the_zone_of_judging(
    text: str, first: datetime, after: datetime
) -> None:
    since = read_date(text, EAST)
    assert since is not None
    assert since == Since(first, after - timedelta(microseconds=1))


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-20T08:00:00", day(2026, 11, 20, 8)),
        ("2026-11-20T08:00:00Z", datetime(2026, 11, 20, 8, tzinfo=UTC)),
        ("2026-11-20T08:00:00.123+09:00", day(2026, 11, 20, 8) + timedelta(milliseconds=123)),
    ],
)
def test_an_instant_keeps_its_zone_and_has_that_of_judging_if_it_has_none(
    text: str, moment: datetime
) -> None:
    assert read_date(text, EAST) == Since(moment, moment)


@pytest.mark.parametrize(
    "value",
    [None, 2026, "", "soon", "2026-13", "2026-02-30", "1026", "3026-01-01T00:00:00Z", "0001"],
)
def test_what_is_no_date(value: object) -> None:
    assert read_date(value, UTC) is None


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-20T08:00:00Z", datetime(2026, 11, 20, 8, tzinfo=UTC)),
        ("2026-11-20", datetime(2026, 11, 20, 23, 59, 59, 999999, tzinfo=UTC)),
        ("2026-11", None),
        ("1850-01-01", None),
        ("now", None),
    ],
)
def test_a_moment_to_judge_at_is_an_instant_or_the_end_of_a_day(
    text: str, moment: datetime | None
) -> None:
    assert read_moment(text, UTC) == moment


@pytest.mark.parametrize(
    ("age", "birth", "earliest"),
    [
        ({"value": 50, "unit": "a"}, "1970-03-04", "2020-03-04"),
        ({"value": 50}, "1970-03-04", "2020-03-04"),
        ({"value": 17, "code": "a"}, "2008-02-29", "2025-02-28"),
        ({"value": 50, "unit": "mo"}, "1970-03-04", None),
        ({"value": 500, "unit": "a"}, "1970-03-04", None),
        ({"value": 50, "unit": "a"}, None, None),
        (None, "1970", None),
    ],
)
def test_an_age_is_a_year_from_a_birthday(age: object, birth: object, earliest: str | None) -> None:
    since = read_age(age, birth, UTC)
    found = since and since.earliest and since.earliest.date().isoformat()
    assert found == earliest


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (3, 3.0),
        ("38,5", 38.5),
        (" -2.50 ", -2.5),
        (True, None),
        (None, None),
        ("1_0", None),
        ("inf", None),
        (float("nan"), None),
        (10**400, None),
        ([3], None),
    ],
)
def test_numbers(value: object, number: float | None) -> None:
    assert as_number(value) == number


def test_codes_of_a_status() -> None:
    assert said_codes(" Active ") == ["active"]
    assert said_codes(status("Active")) == ["active"]
    assert said_codes([status("L"), {"text": "Low"}, {}, 7]) == ["l", "low"]
    assert said_codes(None) == said_codes("") == []
    assert codings("text") == []


@pytest.mark.parametrize(
    ("reference", "path"),
    [
        ("Patient/1", "Patient/1"),
        ("https://ehr.example/fhir/Patient/1/", "Patient/1"),
        ("Patient/1/_history/2", "Patient/1"),
        ("urn:uuid:a", "urn:uuid:a"),
        ("", None),
        (7, None),
    ],
)
def test_references(reference: object, path: str | None) -> None:
    assert last_path(reference) == path


def test_weights_and_scores_that_cannot_be() -> None:
    assert kilograms({"value": 80, "unit": "stone"}) is None
    assert kilograms({"value": 5, "unit": "kg"}) is None
    assert score_of_ten({"value": 101}, short=False) is None
    assert score_of_ten({}, short=False) is None


def test_codes_by_prefix_are_remembered_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "_PREFIX_MEMORY", 3)
    codes = compiled.CodeIndex(judge().content.findings.values())
    looked_up = [
        codes.look_up({"system": ICD, "code": f"M54.{number}"}) for number in (5, 6, 8, 9, 5)
    ]
    assert all(looked_up)
    assert codes.look_up({"system": ICD, "code": "X"}) == ()
    assert codes.look_up({"system": ["x"], "code": "M54.5"}) is None
    assert codes.look_up({"system": ICD, "code": 5}) is None


def test_a_phrase_without_words_stands_in_no_text() -> None:
    phrases = PhraseIndex({"dash": ["—"], "pain": ["back pain"]})
    assert phrases.names("— back pain —") == ["pain"]
    assert phrases.whole("Back pain") == ["pain"]
    assert phrases.whole("—") == []


def test_what_speaks_of_nothing_is_passed_by() -> None:
    others = [
        observation("8867-4", (72, "/min")),
        observation("8310-5"),
        observation("2823-3", {"value": 4.0}),
        resource("Procedure", status="completed", code=concept("430193006")),
    ]
    assert judged(*others).met == []


# --- a record put together from several answers, as a hook does ---

OWN = {"Patient/1", "1"}


def taken(*values: object) -> Record:
    record = Record(AS_OF)
    for value in values:
        keep_own(record, unpack(value), OWN)
    return record


def test_resources_of_another_patient_are_left_out_and_noted() -> None:
    other = condition("G83.4", 1, id="x", subject={"reference": "Patient/2"})
    record = taken(bundle(condition(BACK_PAIN, 1), other), patient(id="2"))
    assert [reference for reference, _ in record.resources] != []
    assert record.patient["id"] == "1"
    assert record.notes == [
        "Condition/x is about another patient: left out",
        "Patient/2 is another patient: left out",
    ]


def test_a_note_is_kept_once() -> None:
    other = bundle(condition("G83.4", 1, id="x", subject={"reference": "Patient/2"}))
    assert len(taken(other, other).notes) == 1


def test_whether_anything_was_the_patients() -> None:
    record = Record(AS_OF)
    other = condition("G83.4", 1, subject={"reference": "Patient/2"})
    assert keep_own(record, unpack(other), OWN) is False
    assert keep_own(record, unpack(condition("G83.4", 1)), OWN) is True


def test_an_appointment_belongs_to_the_patient_who_takes_part() -> None:
    def appointment(*actors: str) -> Json:
        return {
            "resourceType": "Appointment",
            "id": "a",
            "status": "booked",
            "participant": [{"actor": {"reference": each}} for each in actors] or None,
        }

    assert taken(appointment("Location/3", "Patient/1")).resources
    assert taken(appointment("Location/3", "Patient/2")).resources == []
    assert taken(appointment("Location/3")).resources
    assert taken(appointment()).resources


def test_a_subject_without_a_reference_is_the_patient() -> None:
    assert taken(condition("G83.4", 1, subject={"display": "Somebody"})).resources


# --- what is left ---


def test_the_gate_that_findings_imply() -> None:
    assert implied_gate().name == "back-pain"


def test_why_a_record_was_not_judged() -> None:
    page = {"link": [{"relation": "next"}]}
    unknown = judge().decide(read_bundle(bundle(**page), AS_OF), "documents")
    assert "Cannot tell whether the patient has back pain" in why_not_judged(unknown)
    harmless = bundle(condition(BACK_PAIN, 1), **page)
    unjudged = judge().decide(read_bundle(harmless, AS_OF), "documents")
    assert "nothing that was sent calls for emergency" in why_not_judged(unjudged)


def test_an_onset_without_an_answer_leaves_the_day_of_the_form() -> None:
    items = [
        {"linkId": "bladder-control-lost", "answer": [{"valueBoolean": True}]},
        {"linkId": "bladder-control-lost.onset"},
    ]
    assert judged(answers({}, item=items))["E01"] == MET


def test_a_grade_without_a_number_is_not_compared() -> None:
    plain = answers({"leg-muscle-grade": True}, 3)
    graded = observation(concept(text="Leg power"), 3, 9)
    assert judged(plain, graded).state("neurology-worse") == "unknown"


def test_a_weak_code_denied_or_past_is_no_hint() -> None:
    assert judged(observation("102835006", value=False))["E01"] == CANNOT_TELL
    past = condition("102835006", 3, clinicalStatus=status("resolved"))
    for entry in (observation("102835006", value=False), past):
        assert judged(entry).occurrences("bladder-control-lost") == ()


def test_a_medicine_in_a_problem_list_and_a_problem_in_a_prescription_are_none() -> None:
    assert read(condition(local("Simvastatin"), 3))["F03"] == "not met"
    order = resource("ServiceRequest", status="draft", code=concept(text="MRI lumbar spine"))
    assert read(order).gate == "open"
    assert read(condition(local("MRI lumbar spine"), 3)).gate == "shut"


def test_old_hints_are_no_longer_told() -> None:
    assert (
        judged(observation("102835006", value=True, days=31)).occurrences("bladder-control-lost")
        == ()
    )
    unread = observation("8310-5", "hot", 31)
    assert judged(unread).notes == ()


def test_an_observation_in_error_is_void_whatever_it_says() -> None:
    for code in ("449813001", "8310-5"):
        entry = observation(code, value=True, status="entered-in-error")
        assert judged(entry).met == []


def test_validation_names_path_and_kind_and_never_a_value() -> None:
    sound = ("Patient/1", patient())
    faults = {
        "Condition/1": condition("I10", 1, recordedDate="yesterday", id="1", secret="Mrs Invented"),
        "Thing/1": {"resourceType": "Thing"},
        "Patient/2": patient(**{f"odd{number}": 1 for number in range(9)}),
        "None/1": {"resourceType": None},
    }
    notes = list(validate([sound, *faults.items()]))
    assert all(any(note.startswith(name) for note in notes) for name in faults)
    assert any("recordedDate" in note for note in notes)
    assert any("4 more faults" in note for note in notes)
    assert not any("Invented" in note or "yesterday" in note for note in notes)


def test_validation_survives_a_resource_that_cannot_be_checked() -> None:
    deep: Any = {"resourceType": "Patient"}
    for _ in range(3000):
        deep = {"resourceType": "Parameters", "parameter": [{"name": "x", "resource": deep}]}
    assert any("could not be checked" in note for note in validate([("Parameters/1", deep)]))


def test_a_record_of_an_unread_date_says_the_readable_one() -> None:
    entry = observation("449813001", value=True, days=None, effectiveDateTime="?", issued=ago(1))
    assert judged(entry).occurrences("saddle-numbness")[0].evidence.when == ago(1)


def test_two_answers_to_one_search_make_one_record() -> None:
    record = taken(bundle(condition(BACK_PAIN, 1)), bundle(condition("G83.4", 1)))
    assert read_record(record)["E01"] == MET
