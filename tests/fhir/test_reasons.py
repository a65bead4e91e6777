"""Reasons, instructions, conclusions and displays: every place where a record names a danger."""

from __future__ import annotations

import pytest

from cds_service.fhir.record import read_bundle
from tests.fhir.builders import (
    AS_OF,
    BACK_PAIN,
    CANNOT_TELL,
    MET,
    NOT_MET,
    SNOMED,
    Json,
    Read,
    ago,
    answers,
    bundle,
    concept,
    condition,
    denied,
    judged,
    medication,
    patient,
    read,
    read_record,
    red_flags,
    resource,
    status,
)

CANCER = "254837009"
UNLISTED = "735938006"
REFERRED = {"reference": "#c"}
CANNOT_VOID = "cannot pass urine since yesterday"


def procedure(days: float = 0, **more: object) -> Json:
    said = {"status": "completed", "code": concept("172043006"), "performedDateTime": ago(days)}
    return resource("Procedure", **said | more)


def encounter(**more: object) -> Json:
    return resource("Encounter", status="in-progress", period={"start": ago(0)}, **more)


def contained(code: Json, **more: object) -> Json:
    return {"contained": [{"resourceType": "Condition", "id": "c", "code": code} | more]}


def statement(**more: object) -> Json:
    said = {"status": "active", "medicationCodeableConcept": concept(text="Tamoxifen")}
    return resource("MedicationStatement", **said | more)


# --- what hints ---


@pytest.mark.parametrize(
    "place",
    [
        medication("Tamoxifen", reasonCode=[concept(CANCER)]),
        medication("Tamoxifen", reasonCode=[concept(text="breast cancer")]),
        medication("Tamoxifen", reasonCode=[concept(CANCER)], authoredOn=ago(2000)),
        medication("Tamoxifen", reasonReference=[{"display": "Breast cancer"}]),
        medication("Tamoxifen", reasonReference=[REFERRED], **contained(concept(CANCER))),
        medication("Tamoxifen", reason=[{"concept": concept(CANCER)}]),
        medication("Tamoxifen", dosageInstruction=[{"text": "20 mg daily for breast cancer"}]),
        medication("Morphine", dosageInstruction=[
            {"asNeededCodeableConcept": concept(text="pain of bone metastases")}
        ]),
        statement(reasonCode=[concept(CANCER)]),
        statement(reasonForUseCodeableConcept=concept(CANCER)),
        statement(dosage=[{"text": "for breast cancer"}]),
        procedure(900, reasonCode=[concept(CANCER)]),
        procedure(900, reasonReference=[{"display": "Breast cancer"}]),
        procedure(900, code=concept("172043006", "x", display="Mastectomy for breast cancer")),
    ],
)  # fmt: skip
def test_cancer_that_is_named_only_beside_is_asked_about(place: Json) -> None:
    calm = answers({name: False for name in red_flags() if name != "cancer"}, 1)
    assert read(condition(BACK_PAIN, 3), calm)["H01"] == MET
    result = read(condition(BACK_PAIN, 3), calm, place)
    assert (result["E10"], result["H01"]) == (CANNOT_TELL, CANNOT_TELL)


@pytest.mark.parametrize(
    "place",
    [
        medication("Tamoxifen", reasonCode=[concept(CANCER)], status="entered-in-error"),
        medication("Tamoxifen", reasonCode=[concept("275937001")]),
        medication("Tamoxifen", reasonReference=[REFERRED],
                   **contained(concept(CANCER), verificationStatus=status("refuted"))),
        medication("Tamoxifen", reasonReference=[{"reference": "#x"}],
                   **contained(concept(CANCER))),
        procedure(900, reasonCode=[concept(CANCER)], status="not-done"),
    ],
)  # fmt: skip
def test_a_reason_that_is_none_says_nothing(place: Json) -> None:
    assert judged(place)["E10"] == NOT_MET


def test_a_reason_in_the_record_is_read_with_its_status() -> None:
    refuted = condition(CANCER, 10, verificationStatus=status("refuted")) | {"id": "k"}
    given = {"reference": "Condition/k", "display": "Breast cancer"}
    assert judged(refuted, medication("Tamoxifen", reasonReference=[given]))["E10"] == NOT_MET


def test_what_a_medicine_is_for_does_not_alarm_and_grows_old() -> None:
    leaking = [concept("R32")]
    lately = judged(medication("Oxybutynin", reasonCode=leaking, authoredOn=ago(3)))
    assert lately["E01"] == CANNOT_TELL
    assert "reason of a medicine" in lately.says("bladder-control-lost")
    before = judged(medication("Oxybutynin", reasonCode=leaking, authoredOn=ago(300)))
    assert not before.says("bladder-control-lost")


def test_a_temperature_in_instructions_is_asked_about() -> None:
    result = judged(medication("Paracetamol", dosageInstruction=[{"text": "fever 39.4, 1 g"}]))
    assert result["E05"] == CANNOT_TELL
    assert "reason of a medicine" in result.says("fever-unmeasured")


def test_a_text_beside_a_procedures_code_counts_for_what_was_ever_had() -> None:
    mastectomy = concept("172043006", "Mastectomy for breast cancer", display="Mastectomy")
    assert judged(procedure(900, code=mastectomy))["E10"] == MET


# --- what counts ---


@pytest.mark.parametrize("key", ["conclusionCode", "codedDiagnosis"])
def test_a_coded_conclusion_counts(key: str) -> None:
    report = resource("DiagnosticReport", status="final", effectiveDateTime=ago(5))
    assert judged(report | {key: [concept("94222008")]})["E10"] == MET
    early = judged(report | {key: [concept("94222008")], "status": "preliminary"})
    assert "preliminary" in early.says("cancer")
    assert judged(report | {key: [concept("94222008")], "status": "cancelled"})["E10"] == NOT_MET


@pytest.mark.parametrize("evidence", [{"code": [concept("267064002")]}, concept("267064002")])
def test_the_symptoms_of_a_condition_count(evidence: Json) -> None:
    assert read(condition(BACK_PAIN, 3, evidence=[evidence]))["E01"] == MET
    assert judged(condition("I10", 3, evidence=[evidence]))["E01"] == MET
    over = condition("I10", 3, evidence=[evidence], clinicalStatus=status("resolved"))
    assert judged(over)["E01"] == CANNOT_TELL


# --- the gate ---


@pytest.mark.parametrize(
    "place",
    [
        encounter(diagnosis=[{"condition": {"reference": "Condition/x", "display": "Back pain"}}]),
        encounter(diagnosis=[{"condition": {"display": "Back pain"}}]),
        encounter(diagnosis=[{"condition": [{"reference": {"display": "Back pain"}}]}]),
        encounter(reasonReference=[{"display": "Low back pain"}]),
        encounter(reasonReference=[{"reference": "#c"}], **contained(concept(BACK_PAIN))),
        encounter(reason=[{"value": [{"reference": {"display": "Back pain"}}]}]),
        encounter(reason=[{"value": [{"concept": concept(BACK_PAIN)}]}]),
        encounter(indication=[{"display": "Back pain"}]),
        condition(concept(UNLISTED, "Acute low back pain", display="Acute low back pain"), 3),
        condition(concept(UNLISTED, display="Acute low back pain"), 3),
        condition(concept(UNLISTED, "Acute low back pain"), 3),
    ],
)
def test_pain_by_its_name_opens_the_gate(place: Json) -> None:
    assert read(place).gate == "open"


@pytest.mark.parametrize(
    "place",
    [
        encounter(diagnosis=[{"condition": {"display": "Ankle sprain"}}]),
        encounter(diagnosis=[{"condition": {}}]),
        condition(concept(UNLISTED, display="Family history of back pain"), 3),
        condition(concept(UNLISTED, display="Low back pain"), 3, clinicalStatus=status("resolved")),
    ],
)
def test_what_names_no_pain_of_now_leaves_it_shut(place: Json) -> None:
    assert read(place).gate == "shut"


def test_the_display_of_an_unlisted_code_hints_behind_a_text_that_says_nothing() -> None:
    listed = concept(UNLISTED, "see letter", display="Secondary cancer of bone, breast cancer")
    assert judged(condition(listed, 3))["E10"] == CANNOT_TELL


def test_an_unlisted_code_alarms_nobody_by_its_display() -> None:
    listed = concept(UNLISTED, display="Cauda equina syndrome")
    assert judged(condition(listed, 3))["E01"] == CANNOT_TELL


# --- what is written during the call ---


def written(*drafts: Json, record: tuple[Json, ...] = ()) -> Read:
    came = read_bundle(bundle(patient(), *record), AS_OF)
    came.drafts += [(f"{each['resourceType']}/x", each) for each in drafts]
    return read_record(came)


def order(**more: object) -> Json:
    said = {"status": "draft", "intent": "order", "code": concept("24968-0")}
    return resource("ServiceRequest", **said | more)


@pytest.mark.parametrize(
    "draft",
    [
        order(note=[{"text": CANNOT_VOID}]),
        order(note=[{"text": CANNOT_VOID, "time": ago(60)}]),
        order(code=concept(text=f"MRI lumbar spine; {CANNOT_VOID}")),
        order(code=concept("24968-0", f"MRI lumbar spine. {CANNOT_VOID}")),
        order(reasonReference=[{"display": CANNOT_VOID}]),
        resource("Appointment", status="proposed", comment=CANNOT_VOID),
        resource("Appointment", status="proposed", description=CANNOT_VOID),
    ],
)
def test_the_words_of_a_draft_alarm(draft: Json) -> None:
    assert written(draft, record=(condition(BACK_PAIN, 3), denied(1)))["E01"] == MET


def test_the_words_of_a_draft_open_the_gate() -> None:
    draft = resource("Appointment", status="proposed", description="low back pain")
    assert written(draft).gate == "open"


def test_the_name_of_an_order_says_nothing_of_the_patient() -> None:
    draft = order(code=concept(text="Chest pain order set"))
    assert written(draft, record=(condition(BACK_PAIN, 3),))["E06"] == CANNOT_TELL
    assert not written(draft).says("chest-pain")


def test_a_coding_of_a_reason_that_is_bare_counts() -> None:
    bare = {"system": SNOMED, "code": CANCER, "display": "Breast cancer"}
    assert judged(medication("Tamoxifen", reasonCode=[bare]))["E10"] == CANNOT_TELL
