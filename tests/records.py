"""Small invented resources, and the requests that carry them. All are as of `NOW`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
PATIENT_ID = "p1"
SERVICE = "/cds-services/back-pain-patient-view"
ASSESS = "/api/v1/assessments"

ICD = "http://hl7.org/fhir/sid/icd-10-cm"
LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"

BACK_PAIN = (ICD, "M54.50")
CAUDA_EQUINA = (ICD, "G83.4")
PARKINSON = (ICD, "G20")
TEMPERATURE = (LOINC, "8310-5")

Json = dict[str, Any]


def days_ago(days: int) -> str:
    return (NOW - timedelta(days=days)).date().isoformat()


def patient(**more: object) -> Json:
    return {"resourceType": "Patient", "id": PATIENT_ID, "birthDate": "1980-04-02", **more}


def concept(code: tuple[str, str], **more: object) -> Json:
    return {"coding": [{"system": code[0], "code": code[1]}], **more}


def condition(code: tuple[str, str] = BACK_PAIN, *, since: int | None = 3, **more: object) -> Json:
    onset = {} if since is None else {"onsetDateTime": days_ago(since)}
    return {
        "resourceType": "Condition",
        "id": f"c-{code[1].replace('.', '-')}",
        "clinicalStatus": concept(
            ("http://terminology.hl7.org/CodeSystem/condition-clinical", "active")
        ),
        "subject": {"reference": f"Patient/{PATIENT_ID}"},
        "code": concept(code),
        **onset,
        **more,
    }


def observation(code: tuple[str, str], *, since: int = 1, **more: object) -> Json:
    return {
        "resourceType": "Observation",
        "id": f"o-{code[1]}",
        "status": "final",
        "subject": {"reference": f"Patient/{PATIENT_ID}"},
        "code": concept(code),
        "effectiveDateTime": days_ago(since),
        **more,
    }


def fever(degrees: float) -> Json:
    unit = {"value": degrees, "unit": "Cel", "system": "http://unitsofmeasure.org", "code": "Cel"}
    return observation(TEMPERATURE, valueQuantity=unit)


def answers(said: dict[str, bool]) -> Json:
    """Return a form of today, its items named by finding."""
    return {
        "resourceType": "QuestionnaireResponse",
        "id": "form",
        "status": "completed",
        "subject": {"reference": f"Patient/{PATIENT_ID}"},
        "authored": days_ago(0),
        "item": [
            {"linkId": name, "answer": [{"valueBoolean": value}]} for name, value in said.items()
        ],
    }


def searchset(*resources: Json, **more: object) -> Json:
    bundle: Json = {"resourceType": "Bundle", "type": "searchset", "total": len(resources), **more}
    if resources:
        bundle["entry"] = [{"resource": each, "search": {"mode": "match"}} for each in resources]
    return bundle


def record(*resources: Json, **more: object) -> Json:
    """Return a Bundle that is the whole record of the patient."""
    entries = [{"resource": each} for each in (patient(), *resources)]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries, **more}


def outcome(severity: str, code: str = "processing") -> Json:
    return {"resourceType": "OperationOutcome", "issue": [{"severity": severity, "code": code}]}


def whole_prefetch(*resources: Json) -> Json:
    """Every search answered in full, from the resources of a record."""
    keys = {
        "conditions": "Condition",
        "observations": "Observation",
        "medications": "MedicationRequest",
        "statements": "MedicationStatement",
        "procedures": "Procedure",
        "answers": "QuestionnaireResponse",
    }
    return {"patient": patient()} | {
        key: searchset(*(each for each in resources if each["resourceType"] == kind))
        for key, kind in keys.items()
    }


def hook_request(prefetch: Json | None = None, **context: object) -> Json:
    return {
        "hook": "patient-view",
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "context": {"userId": "Practitioner/42", "patientId": PATIENT_ID, **context},
        **({} if prefetch is None else {"prefetch": prefetch}),
    }


def topics(body: Json) -> list[str]:
    return [card["source"]["topic"]["code"] for card in body["cards"]]


def notes(body: Json) -> list[str]:
    """Return the notes of the first card."""
    noted: list[str] = body["cards"][0]["extension"]["org.backpain-cds.trace"].get("notes", [])
    return noted
