"""Records to measure with: as many resources as asked for, in the mix and size of real ones.

About 1.4 kB a resource: identifiers, profile, coded status and the generated narrative that FHIR
recommends for every resource (dom-6) and that record systems send.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

from cds_service.hooks.sample_requests import request_for
from cds_service.hooks.services import SERVICES

AS_OF = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
PATIENT = "bench-1"
_VITALS = (
    ("85354-9", "Blood pressure panel", None),
    ("8867-4", "Heart rate", (72, "/min")),
    ("9279-1", "Respiratory rate", (14, "/min")),
    ("8310-5", "Body temperature", (36.8, "Cel")),
    ("29463-7", "Body weight", (81.5, "kg")),
    ("2823-3", "Potassium", (4.2, "mmol/L")),
    ("718-7", "Hemoglobin", (13.9, "g/dL")),
    ("2160-0", "Creatinine", (0.9, "mg/dL")),
    ("2345-7", "Glucose", (101, "mg/dL")),
    ("6690-2", "Leukocytes", (6.1, "10*3/uL")),
)
_CONDITIONS = (
    ("38341003", "Hypertensive disorder"),
    ("15777000", "Prediabetes"),
    ("444814009", "Viral sinusitis"),
    ("195662009", "Acute viral pharyngitis"),
    ("162864005", "Body mass index 30+ - obesity"),
)
_NARRATIVE = (
    '<div xmlns="http://www.w3.org/1999/xhtml"><p><b>{kind}</b></p><p><b>identifier</b>: '
    "{kind}-{number:08d} (use: usual)</p><p><b>status</b>: as recorded by the clinician who saw "
    "the patient</p><p><b>subject</b>: Invented Patient</p><p><b>recorded</b>: at the visit, and "
    "reviewed afterwards</p></div>"
)
# About three Observations to one Condition, as in the public records that were looked at.
_MIX = ("observation",) * 6 + ("condition",) * 2 + ("medication", "procedure")


def record(size: int, seed: int = 1) -> list[dict[str, Any]]:
    """Return a patient with back pain and ``size`` resources in all, the same for a seed."""
    chance = random.Random(seed)
    resources = [_patient(), *_story()]
    while len(resources) < size:
        kind = _MIX[len(resources) % len(_MIX)]
        resources.append(_BUILDERS[kind](len(resources), chance))
    return resources[:size]


def bundle(size: int) -> dict[str, Any]:
    """Return the record as a Bundle."""
    return {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [
            {
                "fullUrl": f"https://ehr.example/fhir/{each['resourceType']}/{each['id']}",
                "resource": each,
            }
            for each in record(size)
        ],
    }


def hook_request(size: int, service: str = "back-pain-patient-view") -> dict[str, Any]:
    """Return the record as the request of a service with every prefetch key filled."""
    return request_for(bundle(size), SERVICES[service])


def _story() -> list[dict[str, Any]]:
    """Return what the cards come from: pain of three weeks down the leg, a statin, a strain."""
    return [
        _condition(901, ("http://hl7.org/fhir/sid/icd-10-cm", "M54.50", "Low back pain"), 21),
        _condition(902, ("http://snomed.info/sct", "23056005", "Sciatica"), 20),
        _condition(903, ("http://snomed.info/sct", "77547008", "Degeneration of disc"), 900),
    ]


def _common(kind: str, number: int, profile: str) -> dict[str, Any]:
    return {
        "resourceType": kind,
        "id": f"{kind.lower()}-{number}",
        "meta": {
            "versionId": "1",
            "lastUpdated": "2026-01-14T08:15:30.123+00:00",
            "profile": [f"http://hl7.org/fhir/us/core/StructureDefinition/{profile}"],
        },
        "text": {"status": "generated", "div": _NARRATIVE.format(kind=kind, number=number)},
        "identifier": [
            {"system": "https://ehr.example/ids", "value": f"{kind}-{number:08d}", "use": "usual"}
        ],
    }


def _subject() -> dict[str, Any]:
    return {"reference": f"Patient/{PATIENT}", "display": "Invented Patient"}


def _patient() -> dict[str, Any]:
    return _common("Patient", 0, "us-core-patient") | {
        "id": PATIENT,
        "name": [{"use": "official", "family": "Invented", "given": ["Patient"]}],
        "gender": "female",
        "birthDate": "1971-05-09",
        "telecom": [{"system": "phone", "value": "555-0100", "use": "home"}],
        "address": [{"line": ["1 Example Road"], "city": "Exampleton", "postalCode": "00000"}],
    }


def _days_ago(days: int) -> str:
    return (AS_OF - timedelta(days=days)).isoformat()


def _condition(number: int, coding: tuple[str, str, str], days: int) -> dict[str, Any]:
    system, code, display = coding
    status = "http://terminology.hl7.org/CodeSystem"
    return _common("Condition", number, "us-core-condition-problems-health-concerns") | {
        "clinicalStatus": {
            "coding": [{"system": f"{status}/condition-clinical", "code": "active"}]
        },
        "verificationStatus": {
            "coding": [{"system": f"{status}/condition-ver-status", "code": "confirmed"}]
        },
        "category": [
            {
                "coding": [
                    {
                        "system": f"{status}/condition-category",
                        "code": "problem-list-item",
                        "display": "Problem List Item",
                    }
                ]
            }
        ],
        "code": {"coding": [{"system": system, "code": code, "display": display}], "text": display},
        "subject": _subject(),
        "encounter": {"reference": "Encounter/encounter-1"},
        "onsetDateTime": _days_ago(days),
        "recordedDate": _days_ago(days),
        "recorder": {"reference": "Practitioner/example", "display": "Dr Example"},
    }


def _random_condition(number: int, chance: random.Random) -> dict[str, Any]:
    code, display = chance.choice(_CONDITIONS)
    coding = ("http://snomed.info/sct", code, display)
    return _condition(number, coding, chance.randrange(30, 3000))


def _observation(number: int, chance: random.Random) -> dict[str, Any]:
    code, display, value = chance.choice(_VITALS)
    observation = _common("Observation", number, "us-core-vital-signs") | {
        "status": "final",
        "category": [
            {
                "coding": [
                    {
                        "system": "http://terminology.hl7.org/CodeSystem/observation-category",
                        "code": "vital-signs",
                        "display": "Vital Signs",
                    }
                ]
            }
        ],
        "code": {
            "coding": [{"system": "http://loinc.org", "code": code, "display": display}],
            "text": display,
        },
        "subject": _subject(),
        "encounter": {"reference": f"Encounter/encounter-{chance.randrange(9)}"},
        "effectiveDateTime": _days_ago(chance.randrange(0, 700)),
        "issued": _days_ago(chance.randrange(0, 700)),
        "performer": [{"reference": "Practitioner/example", "display": "Dr Example"}],
    }
    if value is None:
        observation["component"] = [
            _pressure("8480-6", "Systolic", 128),
            _pressure("8462-4", "Diastolic", 79),
        ]
    else:
        observation["valueQuantity"] = _quantity(*value)
    return observation


def _pressure(code: str, display: str, value: int) -> dict[str, Any]:
    return {
        "code": {
            "coding": [
                {"system": "http://loinc.org", "code": code, "display": f"{display} blood pressure"}
            ]
        },
        "valueQuantity": _quantity(value, "mm[Hg]"),
    }


def _quantity(value: float, unit: str) -> dict[str, Any]:
    return {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit}


def _medication(number: int, chance: random.Random) -> dict[str, Any]:
    code, display = chance.choice((("36567", "Simvastatin"), ("6809", "Metformin")))
    return _common("MedicationRequest", number, "us-core-medicationrequest") | {
        "status": "active",
        "intent": "order",
        "medicationCodeableConcept": {
            "coding": [
                {
                    "system": "http://www.nlm.nih.gov/research/umls/rxnorm",
                    "code": code,
                    "display": display,
                }
            ],
            "text": display,
        },
        "subject": _subject(),
        "authoredOn": _days_ago(chance.randrange(1, 300)),
        "requester": {"reference": "Practitioner/example", "display": "Dr Example"},
        "dosageInstruction": [{"text": "One tablet at night", "sequence": 1}],
    }


def _procedure(number: int, chance: random.Random) -> dict[str, Any]:
    return _common("Procedure", number, "us-core-procedure") | {
        "status": "completed",
        "code": {
            "coding": [
                {
                    "system": "http://snomed.info/sct",
                    "code": "430193006",
                    "display": "Medication reconciliation",
                }
            ],
            "text": "Medication reconciliation",
        },
        "subject": _subject(),
        "performedPeriod": {"start": _days_ago(chance.randrange(1, 700)), "end": _days_ago(0)},
        "performer": [{"actor": {"reference": "Practitioner/example", "display": "Dr Example"}}],
    }


_BUILDERS = {
    "observation": _observation,
    "condition": _random_condition,
    "medication": _medication,
    "procedure": _procedure,
}
