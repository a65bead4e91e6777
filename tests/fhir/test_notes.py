"""Notes, comments, answers in words and reports: what they add, and what they never decide."""

from __future__ import annotations

import base64

import pytest

from cds_service.hooks.prefetch import Completed, read_prefetch
from tests.fhir.builders import (
    AS_OF,
    BACK_PAIN,
    CANNOT_TELL,
    MET,
    NOT_MET,
    Json,
    ago,
    answers,
    bundle,
    concept,
    condition,
    denied,
    judged,
    local,
    observation,
    read,
    read_record,
    resource,
    status,
)

PAIN = condition(BACK_PAIN, 3)
CALM = denied(1)
ALARM = "No saddle numbness, but cannot pass urine since yesterday"


def document(text: str | bytes, days: float | None = 0, **more: object) -> Json:
    raw = text if isinstance(text, bytes) else text.encode()
    attachment = {"contentType": "text/plain", "data": base64.b64encode(raw).decode()}
    return resource(
        "DocumentReference",
        **{
            "status": "current",
            "date": None if days is None else ago(days),
            "content": [{"attachment": attachment}],
        }
        | more,
    )


def report(days: float = 0, **more: object) -> Json:
    said = {"status": "final", "effectiveDateTime": ago(days)} | more
    return resource("DiagnosticReport", **said)


def noted(*texts: str, **more: object) -> Json:
    annotations = [{"text": text} for text in texts]
    return {"note": annotations} | more


PLACES: dict[str, Json] = {
    "code.text": condition(concept(text=ALARM), 0),
    "text beside a listed code": condition(concept("M54.50", ALARM, display="Low back pain"), 0),
    "text beside an unlisted code": condition(concept("M79.7", ALARM, display="Fibromyalgia"), 0),
    "note of a condition": condition("I10", 400, recordedDate=ago(0), **noted(ALARM)),
    "dated note of an old condition": condition(
        "I10", 400, note=[{"text": ALARM, "time": ago(0)}]
    ),
    "note of an observation": observation("8867-4", (72, "/min"), **noted(ALARM)),
    "comment of an observation": observation("8867-4", (72, "/min"), comment=ALARM),
    "value of an observation": observation("10154-3", ALARM),
    "reasonCode.text": resource(
        "Encounter", status="in-progress", period={"start": ago(0)}, reasonCode=[{"text": ALARM}]
    ),
    "description of an appointment": resource(
        "Appointment", status="booked", created=ago(0), start=ago(0), description=ALARM
    ),
    "comment of an appointment": resource(
        "Appointment", status="booked", created=ago(0), comment=ALARM
    ),
    "note of an order": resource(
        "ServiceRequest", status="active", intent="order", authoredOn=ago(0), **noted(ALARM)
    ),
    "clinical note": document(ALARM),
    "clinical note with a mark of its encoding": document(ALARM.encode("utf-8-sig")),
    "clinical note without a date": document(ALARM, None),
    "clinical note dated by its period": document(
        ALARM, None, context={"period": {"start": ago(0)}}
    ),
    "conclusion of a report": report(conclusion=ALARM),
    "text of a report": report(presentedForm=document(ALARM)["content"][0]["attachment"]),
    "answer to a question of another form": answers({"q1": {"valueString": ALARM}}),
    "answer in words to a question of ours": answers({"night-pain": {"valueString": ALARM}}),
}  # fmt: skip


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_text_alarms_and_is_marked_wherever_it_stands(place: Json) -> None:
    result = judged(PAIN, CALM, place)
    assert result["E01"] == MET
    assert "(from text)" in result.says("bladder-control-lost")
    assert result["E02"] == NOT_MET  # denied by the form, not by the text


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_text_denies_nothing_and_the_notes_say_what_it_denies(place: Json) -> None:
    result = judged(PAIN, place)
    assert result["E02"] == CANNOT_TELL
    assert any("denies “saddle-numbness”" in note for note in result.notes)


@pytest.mark.parametrize("key", ["conditions", "documents", "anything"])
def test_notes_are_read_under_any_prefetch_key(key: str) -> None:
    came = {"conditions": bundle(PAIN), key: bundle(PAIN, document(ALARM))}
    prefetched = read_prefetch(Completed(came), "1", AS_OF, {}, ())
    assert read_record(prefetched.record)["E01"] == MET


HTML = {"contentType": "text/html", "data": "eA=="}
NUMBER = {"contentType": "text/plain", "data": 7}
VOID: dict[str, Json] = {
    "superseded": document(ALARM, status="superseded"),
    "entered in error": document(ALARM, docStatus="entered-in-error"),
    "report in error": report(conclusion=ALARM, status="entered-in-error"),
    "report cancelled": report(
        status="cancelled", presentedForm=document(ALARM)["content"][0]["attachment"]
    ),
    "refuted": condition("I10", 0, verificationStatus=status("refuted"), **noted(ALARM)),
    "over": condition("I10", 0, clinicalStatus=status("resolved"), **noted(ALARM)),
    "of the family": resource("FamilyMemberHistory", patient=PAIN["subject"], **noted(ALARM)),
    "31 days old": document("Urinary retention", 31),
    "not plain": document(ALARM, content=[{"attachment": HTML}]),
    "no base64": document(ALARM, content=[{"attachment": NUMBER}]),
    "elsewhere": document(ALARM, content=[{"attachment": {"url": "Binary/1"}}]),
    "empty": document(""),
    "nothing": document(ALARM, content=[{}]),
    "a question about the family": answers(
        {}, item=[{"linkId": "q", "text": "Family history?", "answer": [{"valueString": ALARM}]}]
    ),
}  # fmt: skip


@pytest.mark.parametrize("place", VOID.values(), ids=VOID)
def test_what_does_not_count_as_a_text_of_now(place: Json) -> None:
    assert judged(PAIN, place)["E01"] == CANNOT_TELL


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("not plain", "it is not plain text"),
        ("no base64", "it is not base64"),
        ("elsewhere", "only its address was sent"),
    ],
)
def test_a_note_that_was_not_read_is_said(name: str, says: str) -> None:
    assert any(says in note for note in judged(PAIN, VOID[name]).notes)


def test_a_note_in_an_old_encoding_is_read() -> None:
    assert judged(PAIN, document("Temp 39.4 \xb0C".encode("latin-1")))["E05"] == MET


def test_a_note_too_long_is_read_in_part_and_said() -> None:
    result = judged(PAIN, document(f"{ALARM}. {'x ' * 30_000}"))
    assert result["E01"] == MET
    assert any("only the first 40000 characters" in note for note in result.notes)


# --- time ---


@pytest.mark.parametrize(
    ("text", "e01", "s11"),
    [
        ("Urinary retention since yesterday", MET, NOT_MET),
        ("Urinary retention", MET, NOT_MET),
        ("Urinary retention for 3 years", NOT_MET, MET),
        ("Urinary retention since 2019", NOT_MET, MET),
        ("Urinary retention in 2019", NOT_MET, NOT_MET),
        ("Urinary retention 5 years ago", NOT_MET, NOT_MET),
    ],
)
def test_a_time_in_the_text_dates_the_finding(text: str, e01: str, s11: str) -> None:
    result = judged(PAIN, CALM, document(text))
    assert (result["E01"], result["S11"]) == (e01, s11)


def test_old_stones_do_not_make_flank_pain_a_stone() -> None:
    result = judged(PAIN, CALM, document("Kidney stones 2005. Back pain for 3 weeks."))
    assert result["E08"] == NOT_MET


def test_a_note_says_that_pain_is_there_not_that_it_began_then() -> None:
    result = read(condition(BACK_PAIN, 60), condition("C50.9", 900), document("Low back pain"))
    assert (result["E10"], result["R06"]) == (NOT_MET, MET)


def test_a_coded_onset_stands_against_the_text() -> None:
    text = concept(text="Low back pain since yesterday")
    result = read(condition(text, 60), condition("C50.9", 900))
    assert (result["E10"], result["R06"]) == (NOT_MET, MET)
    recorded = condition(text, recordedDate=ago(60))
    assert read(recorded, condition("C50.9", 900))["R06"] == MET


def test_numbness_that_a_note_only_mentions_is_not_newly_there() -> None:
    weak = condition("M21.372", 20)
    assert judged(PAIN, weak, document("Numb left foot"))["R02"] != MET
    assert judged(PAIN, weak, document("Numb left foot since yesterday"))["R02"] == MET


# --- codes go first ---


def test_a_coded_no_as_new_as_the_text_leaves_it_to_be_asked() -> None:
    result = judged(PAIN, answers({"saddle-numbness": False}, 0), document("Saddle numbness", 0))
    assert result.state("saddle-numbness") == "unknown"
    assert any("it stays unanswered" in note for note in result.notes)


def test_a_text_newer_than_a_coded_no_counts() -> None:
    result = judged(PAIN, answers({"saddle-numbness": False}, 5), document("Saddle numbness", 1))
    assert result["E02"] == MET


def test_a_coded_no_newer_than_the_text_ends_it() -> None:
    result = judged(PAIN, document("Saddle numbness", 5), answers({"saddle-numbness": False}, 1))
    assert result["E02"] == NOT_MET


def test_a_code_stands_before_a_text_in_the_evidence() -> None:
    result = judged(PAIN, document("Saddle numbness"), condition("449813001", 2))
    first, second = result.occurrences("saddle-numbness")
    assert "(from text)" not in first.evidence.says
    assert "(from text)" in second.evidence.says


def test_a_text_beside_a_code_adds_nothing_to_what_the_code_says() -> None:
    stress = concept("N39.3", "Urinary incontinence", display="Stress incontinence")
    assert judged(PAIN, condition(stress, 0))["E01"] == CANNOT_TELL


# --- harmless reasons ---


@pytest.mark.parametrize(
    "loss",
    [
        condition(concept("R63.4", "Weight loss, intended"), 10),
        condition(concept("R63.4", "weight loss on Ozempic"), 10),
        document("Weight loss on Ozempic"),
    ],
)
def test_a_wanted_loss_of_weight_is_asked_about_and_does_not_alarm(loss: Json) -> None:
    result = judged(PAIN, loss)
    assert result["R05"] == CANNOT_TELL
    assert result.says("weight-loss")


def test_a_coded_loss_of_weight_in_other_words_counts() -> None:
    assert judged(PAIN, condition(concept("R63.4", "Weight loss"), 10))["R05"] == MET


def test_a_diet_in_a_note_leaves_a_coded_loss_to_be_asked() -> None:
    result = judged(PAIN, condition("R63.4", 10), document("Attends a slimming club"))
    assert result["R05"] == CANNOT_TELL


@pytest.mark.parametrize(
    "cause", ["due to BPH", "secondary to oxybutynin", "with a urinary tract infection"]
)
def test_retention_with_a_harmless_cause_is_asked_about(cause: str) -> None:
    result = judged(PAIN, document(f"Urinary retention {cause}"))
    assert result["E01"] == CANNOT_TELL
    assert "explained" in result.says("bladder-control-lost")


# --- numbers ---


@pytest.mark.parametrize(
    ("said", "criterion"),
    [
        (document("Temperature 39.2 this morning"), "E05"),
        (document("T: 101.3 F"), "R04"),
        (document("temp 2 days ago 39,4"), "E05"),
        (observation(concept(text="temperature"), (39.2, "Cel")), "E05"),
        (observation(local("Temp"), (38.4, "C")), "R04"),
    ],
)
def test_a_temperature_in_words_is_read(said: Json, criterion: str) -> None:
    assert judged(PAIN, said)[criterion] == MET


@pytest.mark.parametrize("text", ["Temp 36.8", "temp 12", "T 38.5 last year", "return if temp 39"])
def test_a_temperature_that_is_none_of_now_says_nothing(text: str) -> None:
    result = judged(PAIN, document(text))
    assert (result["E05"], result["R04"]) == (CANNOT_TELL, CANNOT_TELL)


def test_a_suspicion_in_a_note_is_said_to_be_one() -> None:
    result = judged(PAIN, document("?CES"))
    assert result["E01"] == MET
    assert "suspected" in result.says("cauda-equina-syndrome")


def test_what_a_note_leaves_open_is_shown_with_its_question() -> None:
    result = judged(PAIN, document("r/o cauda equina syndrome"))
    assert result["E01"] == CANNOT_TELL
    assert "questioned" in result.says("cauda-equina-syndrome")


def test_both_sides_are_told_by_the_words() -> None:
    result = judged(PAIN, document("Weak left leg. Weak right leg."))
    assert "left" in result.says("leg-weakness")


# --- a note without a date ---

RETENTION = "cannot pass urine since yesterday"


def test_a_note_is_not_as_old_as_the_condition_it_stands_on() -> None:
    result = read(condition(BACK_PAIN, 3, **noted(RETENTION)), answers_an_hour_ago())
    assert result["E01"] == MET
    assert result["H01"] != MET


@pytest.mark.parametrize(
    "old",
    [
        condition("I10", 3000, **noted(RETENTION)),
        condition("I10", 3000, recordedDate=ago(2000), **noted(RETENTION)),
        condition("I10", None, onsetPeriod={"start": ago(3000)}, **noted(RETENTION)),
        condition("I10", 3000, notes=RETENTION),
    ],
)
def test_an_undated_note_on_an_old_condition_is_asked_about(old: Json) -> None:
    result = read(PAIN, old, answers_an_hour_ago())
    assert result["E01"] == CANNOT_TELL
    assert "in an old entry" in result.says("bladder-control-lost")
    assert result["H01"] != MET


def test_an_undated_note_says_that_its_date_is_not_recorded() -> None:
    result = judged(condition("I10", 1, **noted("numb in the saddle area")))
    assert "date not recorded" in result.says("saddle-numbness")


def test_an_undated_note_is_not_newer_than_its_condition() -> None:
    old = condition("I10", 3000, meta={"lastUpdated": ago(40)}, **noted(RETENTION))
    assert read(PAIN, old, answers_an_hour_ago())["E01"] == NOT_MET


def test_a_note_on_an_undated_condition_counts_as_now() -> None:
    result = read(PAIN, condition("I10", **noted(RETENTION)), answers_an_hour_ago())
    assert result["E01"] == MET


def test_an_undated_note_tells_of_cancer_whatever_its_age() -> None:
    assert judged(condition("I10", 3000, **noted("breast cancer")))["E10"] == MET


@pytest.mark.parametrize(("days", "expected"), [(1, MET), (4, MET), (29, MET), (32, CANNOT_TELL)])
def test_a_temperature_in_an_undated_note_may_be_of_now(days: float, expected: str) -> None:
    assert judged(condition("I10", days, **noted("temp 39.4")))["E05"] == expected


def test_how_long_is_told_from_all_the_time_in_which_the_note_may_have_been_written() -> None:
    pain = condition("I10", 20, **noted("Low back pain for 3 weeks"))
    (occurrence,) = read(pain).occurrences("back-pain")
    since = occurrence.since
    assert since is not None
    assert since.earliest is not None
    assert (AS_OF - since.earliest).days in range(40, 50)
    assert (AS_OF - since.latest).days in range(20, 30)


def answers_an_hour_ago() -> Json:
    return denied(0) | {"authored": ago(hours=1)}
