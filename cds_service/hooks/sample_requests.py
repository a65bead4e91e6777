"""A sample patient as the hook request that an EHR would send for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

from cds_service.hooks.prefetch import KEYS
from cds_service.hooks.services import Carries

if TYPE_CHECKING:
    from cds_service.hooks.services import Service

# What the clinician writes in these examples: an image and a pain reliever, or a first appointment.
_IMAGE, _MEDICINE = "MRI lumbar spine without contrast", "Ibuprofen 400 mg"
_APPOINTMENT = "Physiotherapy, first appointment"


def request_for(bundle: dict[str, Any], service: Service) -> dict[str, Any]:
    """Fulfil the prefetch of a service from a Bundle that is the whole record of a patient.

    The searches for some Observations are left out: the search for all of them answers them too.
    What the hook is about is invented beside the record: an order, an appointment, a visit where
    there is none. A new problem is the last condition of the record, as it was before it was
    saved.
    """
    resources = [entry["resource"] for entry in bundle.get("entry", ())]
    patient = next(each for each in resources if each["resourceType"] == "Patient")
    encounter = next((each for each in resources if each["resourceType"] == "Encounter"), None)
    if encounter is None and "encounterId" in service.required:
        encounter = _visit(patient["id"])
    context: dict[str, Any] = {"userId": "Practitioner/example", "patientId": patient["id"]}
    if encounter is not None:
        context["encounterId"] = encounter["id"]
    if service.carries is Carries.CONDITIONS:
        new = [each for each in resources if each["resourceType"] == "Condition"][-1:]
        resources = [each for each in resources if each not in new]
        context["conditions"] = _collection(new)
    elif service.carries is Carries.APPOINTMENTS:
        context["appointments"] = _collection([_appointment(patient["id"])])
    elif service.carries is Carries.ORDERS:
        orders = [_image(patient["id"]), _medicine(patient["id"])]
        context["draftOrders"] = _collection(orders)
        if service.selects:
            context["selections"] = [f"ServiceRequest/{orders[0]['id']}"]
    return {
        "hook": service.hook,
        "hookInstance": str(uuid4()),
        "context": context,
        "prefetch": {
            key.name: _searchset(
                [each for each in resources if each["resourceType"] == key.resource_type]
            )
            for key in KEYS
            if key.completes
        }
        | {"patient": patient}
        | ({"encounter": encounter} if encounter is not None else {}),
    }


def _visit(patient_id: str) -> dict[str, Any]:
    return {
        "resourceType": "Encounter",
        "id": f"{patient_id}-visit",
        "status": "in-progress",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
        "subject": {"reference": f"Patient/{patient_id}"},
    }


def _image(patient_id: str) -> dict[str, Any]:
    return {
        "resourceType": "ServiceRequest",
        "id": "draft-image",
        "status": "draft",
        "intent": "order",
        "code": {"text": _IMAGE},
        "subject": {"reference": f"Patient/{patient_id}"},
    }


def _medicine(patient_id: str) -> dict[str, Any]:
    return {
        "resourceType": "MedicationRequest",
        "id": "draft-medicine",
        "status": "draft",
        "intent": "order",
        "medicationCodeableConcept": {"text": _MEDICINE},
        "subject": {"reference": f"Patient/{patient_id}"},
    }


def _appointment(patient_id: str) -> dict[str, Any]:
    return {
        "resourceType": "Appointment",
        "id": "new-appointment",
        "status": "proposed",
        "description": _APPOINTMENT,
        "participant": [
            {"actor": {"reference": f"Patient/{patient_id}"}, "status": "needs-action"}
        ],
    }


def _collection(resources: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a Bundle of what is in a context; without resources it has no entries."""
    entries = {"entry": [{"resource": each} for each in resources]} if resources else {}
    return {"resourceType": "Bundle", "type": "collection", **entries}


def _searchset(resources: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a searchset; without a match it has no entries, and no empty list of them."""
    found: dict[str, Any] = {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": len(resources),
    }
    if resources:
        found["entry"] = [
            {"fullUrl": f"urn:example:{each['resourceType']}/{each['id']}", "resource": each}
            for each in resources
        ]
    return found
