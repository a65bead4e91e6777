"""A judged call as a FHIR R4 AuditEvent: who asked, what was decided on, and what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhir.resources.R4B.auditevent import AuditEvent

from cds_service import __version__
from cds_service.render.code_systems import CANONICAL

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Json = dict[str, Any]

_HL7 = "http://terminology.hl7.org/CodeSystem"
_DICOM = "http://dicom.nema.org/resources/ontology/DCM"
_UUIDS = "urn:ietf:rfc:3986"
# Hashes are ids of this service alone, and of those who hold its key.
_PATIENTS, _ENCOUNTERS = f"{CANONICAL}/patient-hash", f"{CANONICAL}/encounter-hash"
_SUCCESS, _MINOR_FAILURE = "0", "4"


def audit_event(decision: Mapping[str, Any]) -> Json:
    """Return a decision as it is exported, as an AuditEvent."""
    judged = decision["judged"]
    built: Json = {
        "id": decision["uuid"],
        "type": _coding("audit-event-type", "rest", "RESTful Operation"),
        "subtype": [
            {
                "system": f"{CANONICAL}/CodeSystem/audit-event-subtype",
                "code": "cds",
                "display": "Clinical decision support",
            }
        ],
        "action": "E",
        "recorded": decision["at"],
        "outcome": _SUCCESS if judged else _MINOR_FAILURE,
        "purposeOfEvent": [{"coding": [_coding("v3-ActReason", "TREAT", "treatment")]}],
        "agent": [_agent(decision["client"])],
        "source": {
            "site": decision["service"],
            "observer": {"display": f"Back Pain CDS {__version__}"},
            "type": [_coding("security-source-type", "4", "Application Server")],
        },
        "entity": list(_entities(decision)),
    }
    if not judged:
        built["outcomeDesc"] = "The record did not suffice to judge; no card was answered."
    event = AuditEvent.model_validate(built)
    return {"resourceType": "AuditEvent", **event.model_dump(mode="json")}


def _agent(client: str | None) -> Json:
    """Return who asked: the issuer of the caller's token, where callers are asked."""
    who = {"display": "not asked"} if client is None else {"identifier": {"value": client}}
    application = {"system": _DICOM, "code": "110150", "display": "Application"}
    return {"type": {"coding": [application]}, "who": who, "requestor": True}


def _entities(decision: Mapping[str, Any]) -> Iterator[Json]:
    """Yield whom it was about, as hashes, the decision itself, and its cards."""
    if decision["patient"] is not None:
        yield {
            "what": {"identifier": {"system": _PATIENTS, "value": decision["patient"]}},
            "type": _coding("audit-entity-type", "1", "Person"),
            "role": _coding("object-role", "1", "Patient"),
        }
    if decision["encounter"] is not None:
        yield {
            "what": {"identifier": {"system": _ENCOUNTERS, "value": decision["encounter"]}},
            "type": {
                "system": "http://hl7.org/fhir/resource-types",
                "code": "Encounter",
                "display": "Encounter",
            },
        }
    yield {
        "what": {"identifier": _uuid(decision["uuid"])},
        "type": _coding("audit-entity-type", "2", "System Object"),
        "role": _coding("object-role", "20", "Job"),
        "name": "decision",
        "detail": [
            {"type": name, "valueString": value} for name, value in _details(decision) if value
        ],
    }
    for card in decision["cards"]:
        yield {
            "what": {"identifier": _uuid(card["uuid"])},
            "type": _coding("audit-entity-type", "2", "System Object"),
            "role": _coding("object-role", "3", "Report"),
            "name": "card",
            "description": f"{card['topic']}, {card['indicator']}",
        }


def _details(decision: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    criteria = decision["criteria"]
    yield "gate", decision["gate"]
    yield "criteria met", " ".join(criteria["met"])
    yield "criteria not told", " ".join(criteria["unknown"])
    yield "unanswered", " ".join(decision["unanswered"])
    yield "profile", decision["profile"]
    yield "content", decision["digest"]
    yield "seconds", f"{decision['seconds']:.4f}"
    yield "shadow", "yes: no card was sent" if decision["shadow"] else ""


def _uuid(text: str) -> Json:
    return {"system": _UUIDS, "value": f"urn:uuid:{text}"}


def _coding(system: str, code: str, display: str) -> Json:
    return {"system": f"{_HL7}/{system}", "code": code, "display": display}
