"""Orders and appointments: recognised by code, by word and by the codes of a site."""

from __future__ import annotations

from typing import Any

import pytest

from cds_service.clinical.decision import Gate
from cds_service.content.load import Content, load
from cds_service.fhir.judge import Judge
from cds_service.fhir.order_index import OrderIndex
from cds_service.fhir.orders import orders_in
from cds_service.fhir.record import Record
from tests.records import NOW, SNOMED, Json, concept

CPT = "http://www.ama-assn.org/go/cpt"
SITE = {"spine-mri": [(CPT, "72148")], "physiotherapy": [("urn:oid:1.2.3", "PT1")]}
LOINC = "http://loinc.org"


def request(code: object = None, **more: object) -> Json:
    return {"resourceType": "ServiceRequest", "id": "1", "code": code, **more}


@pytest.fixture(scope="module")
def index(content: Content) -> OrderIndex:
    return OrderIndex(content.orders, SITE)


RECOGNISED: dict[str, tuple[Json, set[str]]] = {
    "LOINC": (request(concept((LOINC, "24968-0"))), {"spine-mri"}),
    "SNOMED CT": (request(concept((SNOMED, "79760008"))), {"spine-xray"}),
    "a code of the site": (request(concept((CPT, "72148"))), {"spine-mri"}),
    "another site code": (request(concept(("urn:oid:1.2.3", "PT1"))), {"physiotherapy"}),
    "a code of the site in another system": (request(concept(("urn:x", "72148"))), set()),
    "a code without its system": (request({"coding": [{"code": "24968-0"}]}), set()),
    "text": (request({"text": "CT c-spine w/o contrast"}), {"spine-ct"}),
    "the display of an unknown code": (
        request({"coding": [{"system": "urn:x", "code": "9", "display": "MRI L-spine"}]}),
        {"spine-mri"},
    ),
    "the display of a LOINC code that is not listed": (
        request({"coding": [{"system": LOINC, "code": "1-8", "display": "MR Spine W contrast"}]}),
        {"spine-mri"},
    ),
    "a code before its words": (
        request(concept((LOINC, "24968-0"), text="CT lumbar spine")),
        {"spine-mri"},
    ),
    "the site of the body": (
        request({"text": "MRI"}, bodySite=[{"text": "Lumbar spine"}]),
        {"spine-mri"},
    ),
    "another site of the body": (request({"text": "MRI"}, bodySite=[{"text": "Knee"}]), set()),
    "R5: code is a CodeableReference": (
        request({"concept": {"text": "MRI lumbar spine"}}),
        {"spine-mri"},
    ),
    "STU3": (
        {"resourceType": "ProcedureRequest", "code": {"text": "Physical therapy"}},
        {"physiotherapy"},
    ),
    "DSTU2": (
        {"resourceType": "DiagnosticOrder", "item": [{"code": {"text": "XR lumbar spine"}}]},
        {"spine-xray"},
    ),
    "STU3 referral": (
        {"resourceType": "ReferralRequest", "serviceRequested": [{"text": "Physiotherapy"}]},
        {"physiotherapy"},
    ),
    "a device": (
        {"resourceType": "DeviceRequest", "codeCodeableConcept": {"text": "inversion table"}},
        {"traction"},
    ),
    "an appointment by its service": (
        {"resourceType": "Appointment", "serviceType": [{"text": "Physiotherapy"}]},
        {"physiotherapy"},
    ),
    "an appointment by its description": (
        {"resourceType": "Appointment", "description": "MRI lumbar spine at 9"},
        {"spine-mri"},
    ),
    "a medicine": (
        {
            "resourceType": "MedicationRequest",
            "medicationCodeableConcept": {"text": "MRI lumbar spine"},
        },
        set(),
    ),
    "two kinds": (
        request({"text": "Physiotherapy with mechanical traction"}),
        {"physiotherapy", "traction"},
    ),
    "another order": (request({"text": "Full blood count"}), set()),
    "half made": (request({"coding": [{}]}), set()),
    "no code": (request(None), set()),
    "a code that is text": (request("MRI lumbar spine"), set()),
    "numbers where texts belong": (request({"text": 7, "coding": [{"code": 9}]}), set()),
    "an empty item": ({"resourceType": "DiagnosticOrder", "item": [None, {}]}, set()),
}


@pytest.mark.parametrize(("resource", "kinds"), RECOGNISED.values(), ids=RECOGNISED)
def test_what_an_order_asks_for(index: OrderIndex, resource: Json, kinds: set[str]) -> None:
    assert set(index.recognised(resource)) == kinds


def test_an_order_says_what_it_was_recognised_by(index: OrderIndex) -> None:
    said = [
        index.recognised(request(concept((LOINC, "24968-0")))),
        index.recognised(request(concept((CPT, "72148"), text="MRI L spine"))),
        index.recognised(request(concept((CPT, "72148")))),
        index.recognised(request({"text": "MRI lumbar spine"})),
    ]
    assert [each["spine-mri"] for each in said] == [
        "MR Lumbar spine (LOINC 24968-0)",
        "MRI L spine (site code 72148)",
        "order (site code 72148)",
        "“MRI lumbar spine” (from text)",
    ]


def test_site_codes_of_an_order_that_is_unknown_are_refused(content: Content) -> None:
    with pytest.raises(ValueError, match="no order 'mri'; use one of: spine-mri, spine-ct"):
        OrderIndex(content.orders, {"mri": [(CPT, "72148")]})


def test_orders_carry_their_reference_and_reasons(index: OrderIndex) -> None:
    image = request(
        {"text": "MRI lumbar spine"},
        reasonCode=[{"text": "low back pain"}, {"coding": [{"code": "M54.5"}]}, {}],
    )
    (order,) = orders_in([("ServiceRequest/1", image)], index)
    assert order.reference == "ServiceRequest/1"
    assert (order.kind, order.modality, order.says) == ("spine-mri", "MRI", "MRI of the spine")
    assert order.reasons == ("low back pain", "M54.5")


@pytest.mark.parametrize(
    "stopped", [{"status": "revoked"}, {"status": "entered-in-error"}, {"doNotPerform": True}]
)
def test_an_order_that_is_stopped_is_none(index: OrderIndex, stopped: Json) -> None:
    assert orders_in([("x", request({"text": "MRI spine"}, **stopped))], index) == ()


# --- what drafts say of the patient -------------------------------------------------------------

JUDGE = Judge(load(), SITE)
PAIN = {"text": "low back pain"}


def gate(*drafts: dict[str, Any]) -> Gate:
    record = Record(NOW)
    record.searched = {"Condition"}
    record.drafts += [(f"{each['resourceType']}/x", each) for each in drafts]
    return JUDGE.decide(record, "documents").gate


OPENS: dict[str, dict[str, Any]] = {
    "an image of the spine": request({"text": "MRI lumbar spine"}),
    "by a site code": request(concept((CPT, "72148"))),
    "signed again, no longer a draft": request({"text": "MRI lumbar spine"}, status="active"),
    "written long ago": request({"text": "MRI lumbar spine"}, authoredOn="2020-01-01"),
    "a reason": request({"text": "Blood count"}, reasonCode=[PAIN]),
    "a reason, DSTU2": {"resourceType": "ProcedureRequest", "reasonCodeableConcept": PAIN},
    "a reason, R5": request(reason=[{"concept": PAIN}]),
    "a contained reason": request(
        reasonReference=[{"reference": "#c"}],
        contained=[{"resourceType": "Condition", "id": "c", "code": PAIN}],
    ),
    "a contained reason, R5": request(
        reason=[{"reference": {"reference": "#c"}}],
        contained=[{"resourceType": "Condition", "id": "c", "code": PAIN}],
    ),
    "the reason of a medicine": {"resourceType": "MedicationRequest", "reasonCode": [PAIN]},
    "the reason of an appointment": {"resourceType": "Appointment", "reasonCode": [PAIN]},
}


@pytest.mark.parametrize("draft", OPENS.values(), ids=OPENS)
def test_a_draft_opens_the_gate(draft: dict[str, Any]) -> None:
    assert gate(draft) is Gate.OPEN


SHUT: dict[str, dict[str, Any]] = {
    "another order": request({"text": "Blood count"}),
    "a treatment says nothing of what hurts": request({"text": "Physiotherapy"}),
    "a reason that is stopped": request(reasonCode=[PAIN], status="cancelled"),
    "a contained condition that is not its reason": request(
        contained=[{"resourceType": "Condition", "id": "c", "code": PAIN}]
    ),
    "no reason": request(reasonCode=[]),
}


@pytest.mark.parametrize("draft", SHUT.values(), ids=SHUT)
def test_a_draft_does_not_open_the_gate(draft: dict[str, Any]) -> None:
    assert gate(draft) is Gate.SHUT


def test_a_draft_is_no_evidence_of_what_the_patient_takes() -> None:
    record = Record(NOW)
    record.searched = {"Condition", "MedicationRequest", "MedicationStatement"}
    statin = {"text": "Simvastatin 20 mg"}
    record.drafts.append(
        (
            "MedicationRequest/x",
            {
                "resourceType": "MedicationRequest",
                "status": "active",
                "medicationCodeableConcept": statin,
                "reasonCode": [PAIN],
            },
        )
    )
    decision = JUDGE.decide(record, "documents")
    assert decision.gate is Gate.OPEN
    assert "F03" not in decision.met
