"""The same patient in the shapes of R4, R5, STU3 and DSTU2: read where the meaning is plain."""

from __future__ import annotations

import pytest

from cds_service.fhir.record import read_bundle
from tests.fhir.builders import (
    AS_OF,
    MET,
    SUBJECT,
    Json,
    ago,
    bundle,
    concept,
    condition,
    judged,
    read,
    read_record,
    resource,
    status,
    valued,
)

PAIN = concept("M54.50")
STATIN = concept(text="Simvastatin 20 mg")


def condition_of(**more: object) -> Json:
    return {"resourceType": "Condition", "id": "pain", "code": PAIN} | dict(more)


R4: Json = condition_of(
    subject=SUBJECT,
    clinicalStatus=status("active"),
    verificationStatus=status("confirmed"),
    category=[status("problem-list-item")],
    onsetDateTime=ago(9),
)
R5: Json = condition_of(
    subject=SUBJECT,
    clinicalStatus=status("active"),
    verificationStatus=status("provisional"),
    bodySite=[concept(text="Back")],
    recordedDate=ago(9),
    participant=[{"actor": {"reference": "Practitioner/4"}}],
)
STU3: Json = condition_of(
    subject=SUBJECT,
    clinicalStatus="active",
    verificationStatus="confirmed",
    assertedDate=ago(9),
)
DSTU2: Json = condition_of(
    patient=SUBJECT,
    clinicalStatus="active",
    verificationStatus="confirmed",
    category={"coding": [{"code": "complaint"}]},
    dateRecorded=ago(9),
)


@pytest.mark.parametrize("entry", [R4, R5, STU3, DSTU2], ids=["R4", "R5", "STU3", "DSTU2"])
def test_conditions(entry: Json) -> None:
    result = read(entry)
    assert result.gate == "open"
    assert result["S01"] == MET
    assert read(entry | {"clinicalStatus": _over(entry)}).gate == "shut"


def _over(entry: Json) -> object:
    return "resolved" if isinstance(entry["clinicalStatus"], str) else status("resolved")


ENCOUNTERS: dict[str, Json] = {
    "R4": resource(
        "Encounter",
        status="in-progress",
        **{"class": {"code": "AMB"}},
        period={"start": ago(9)},
        reasonCode=[PAIN],
        diagnosis=[{"condition": {"reference": "Condition/9"}}],
    ),
    "R5": resource(
        "Encounter",
        status="in-progress",
        **{"class": [concept(text="ambulatory")]},
        actualPeriod={"start": ago(9)},
        reason=[{"use": [concept(text="Chief complaint")], "value": [{"concept": PAIN}]}],
    ),
    "R5 diagnosis": resource(
        "Encounter",
        status="completed",
        actualPeriod={"start": ago(9), "end": ago(9)},
        diagnosis=[{"condition": [{"concept": PAIN}]}],
    ),
    "STU3": resource("Encounter", status="arrived", period={"start": ago(9)}, reason=[PAIN]),
    "DSTU2": resource(
        "Encounter",
        subject=None,
        patient=SUBJECT,
        status="arrived",
        **{"class": "ambulatory"},
        period={"start": ago(9)},
        reason=[PAIN],
    ),
}


@pytest.mark.parametrize("entry", ENCOUNTERS.values(), ids=ENCOUNTERS)
def test_encounters(entry: Json) -> None:
    assert read(entry)["S01"] == MET


OBSERVATIONS: dict[str, Json] = {
    "R4": {"effectiveDateTime": ago(1), "interpretation": [status("POS")]},
    "R5": {"effectiveInstant": f"{ago(1)}T08:00:00Z", "valueBoolean": True},
    "a period": {"effectivePeriod": {"start": ago(1)}, "valueBoolean": True},
    "issued": {"effectiveDateTime": "?", "issued": f"{ago(1)}T08:00:00Z", "valueBoolean": True},
    "STU3": {"effectiveDateTime": ago(1), "interpretation": status("POS")},
    "DSTU2": {"effectiveDateTime": ago(1), "valueCodeableConcept": concept("373066001")},
}


@pytest.mark.parametrize("more", OBSERVATIONS.values(), ids=OBSERVATIONS)
def test_observations(more: Json) -> None:
    entry = resource("Observation", status="final", code=concept("449813001"), **more)
    result = judged(entry)
    assert result["E02"] == MET
    evidence = result.occurrences("saddle-numbness")[0].evidence
    assert evidence.when is not None
    assert evidence.when.startswith(ago(1))


MEDICINES: dict[str, Json] = {
    "R4": {"medicationCodeableConcept": STATIN},
    "R5": {"medication": {"concept": STATIN}},
    "R5 reference": {"medication": {"reference": {"reference": "#m"}}},
    "STU3": {"medicationReference": {"reference": "#m"}},
}


@pytest.mark.parametrize("kind", ["MedicationRequest", "MedicationStatement", "MedicationOrder"])
@pytest.mark.parametrize("medicine", MEDICINES.values(), ids=MEDICINES)
def test_medicines(kind: str, medicine: Json) -> None:
    contained = [{"resourceType": "Medication", "id": "m", "code": STATIN}]
    assert judged(resource(kind, status="active", contained=contained, **medicine))["F03"] == MET


PROCEDURES: dict[str, Json] = {
    "R4": {"status": "completed", "performedDateTime": "2015"},
    "R4 period": {"status": "completed", "performedPeriod": {"start": "2015"}},
    "R5": {"status": "completed", "occurrenceDateTime": "2015"},
    "R5 period": {"status": "completed", "occurrencePeriod": {"start": "2015"}},
}
NOT_DONE: dict[str, Json] = {
    "R4": {"status": "not-done"},
    "planned": {"status": "preparation"},
    "STU3": {"status": "completed", "notDone": True},
    "DSTU2": {"status": "completed", "notPerformed": True},
    "aborted": {"status": "aborted"},
}


@pytest.mark.parametrize("more", PROCEDURES.values(), ids=PROCEDURES)
def test_procedures(more: Json) -> None:
    result = judged(resource("Procedure", code=concept("50172003"), **more))
    assert result["S07"] == MET
    assert result.occurrences("past-spine-surgery")[0].evidence.when == "2015"


@pytest.mark.parametrize("more", NOT_DONE.values(), ids=NOT_DONE)
def test_procedures_that_were_not_done(more: Json) -> None:
    result = judged(resource("Procedure", code=concept("50172003"), **more))
    assert result.state("past-spine-surgery") == "unknown"


ORDERS: dict[str, Json] = {
    "R4": resource(
        "ServiceRequest", status="draft", intent="order", code=concept("24968-0"), authoredOn=ago()
    ),
    "R5": resource("ServiceRequest", status="draft", code={"concept": concept("24968-0")}),
    "STU3": resource("ProcedureRequest", status="draft", code=concept("24968-0")),
    "R4 reason": resource("ServiceRequest", status="active", reasonCode=[PAIN], authoredOn=ago(3)),
    "R5 reason": resource("ServiceRequest", status="active", reason=[{"concept": PAIN}]),
    "DSTU2 reason": resource(
        "ProcedureRequest", status="accepted", reason=[PAIN], orderedOn=ago(3)
    ),
    "R4 appointment": {
        "resourceType": "Appointment",
        "id": "a",
        "status": "booked",
        "start": f"{ago(-3)}T08:00:00Z",
        "created": ago(60),
        "reasonCode": [PAIN],
        "participant": [{"actor": SUBJECT, "status": "accepted"}],
    },
    "R5 appointment": resource("Appointment", status="booked", reason=[{"concept": PAIN}]),
}


@pytest.mark.parametrize("entry", ORDERS.values(), ids=ORDERS)
def test_orders_and_appointments(entry: Json) -> None:
    assert read(entry).gate == "open"


@pytest.mark.parametrize("said", ["revoked", "entered-in-error", "cancelled", "noshow"])
@pytest.mark.parametrize("entry", ORDERS.values(), ids=ORDERS)
def test_orders_and_appointments_that_were_called_off(entry: Json, said: str) -> None:
    assert read(entry | {"status": said}).gate == "shut"


def test_an_old_order_says_nothing_of_now() -> None:
    old = resource("ServiceRequest", status="active", reasonCode=[PAIN], authoredOn=ago(31))
    assert read(old).gate == "shut"


def test_an_appointment_of_another_patient_is_left_out() -> None:
    other = ORDERS["R4 appointment"] | {
        "participant": [{"actor": {"reference": "Location/1"}}, {"actor": SUBJECT}]
    }
    assert read(other).gate == "open"


DSTU2_FORM: Json = resource(
    "QuestionnaireResponse",
    status="completed",
    authored=ago(),
    group={
        "group": [
            {
                "question": [
                    {"linkId": "saddle-numbness", "answer": [{"valueBoolean": True}]},
                    {"linkId": "fever", "answer": [valued((38.5, "Cel"))]},
                ]
            }
        ]
    },
)


def test_a_dstu2_form() -> None:
    assert {"E02", "R04"} <= set(judged(DSTU2_FORM).met)


@pytest.mark.parametrize("kind", ["searchset", "collection", "transaction", "message", "document"])
def test_bundles_of_any_type(kind: str) -> None:
    record = read_bundle(bundle(condition("M54.50", 9), type=kind), AS_OF)
    assert read_record(record)["S01"] == MET


def test_what_is_not_read_is_passed_by() -> None:
    others = [
        {"resourceType": kind, "id": "x", "subject": SUBJECT, "code": concept("G83.4")}
        for kind in ("DiagnosticReport", "Composition", "ClinicalImpression", "Basic", "Goal")
    ]
    assert judged(*others).met == []
