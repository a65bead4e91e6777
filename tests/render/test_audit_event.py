"""Decisions as AuditEvents: valid FHIR, with the patient as a hash and nothing else of them."""

from __future__ import annotations

from typing import Any

import pytest
from fhir.resources.R4B.auditevent import AuditEvent

from cds_service.render.audit_event import audit_event

DECISION: dict[str, Any] = {
    "uuid": "01990123-4567-7abc-89ab-0123456789ab",
    "at": "2026-11-20T12:00:00.000000+00:00",
    "service": "back-pain-patient-view",
    "client": "https://ehr.example/fhir",
    "patient": "a" * 32,
    "encounter": "b" * 32,
    "gate": "open",
    "judged": True,
    "criteria": {"met": ["E01", "I02"], "unknown": ["E03"], "notmet": ["E02"]},
    "unanswered": ["fever"],
    "topics": ["emergency"],
    "cards": [{"uuid": "c-1", "topic": "emergency", "indicator": "critical", "suggestions": []}],
    "profile": "documents",
    "digest": "sha256:00",
    "seconds": 0.0125,
    "shadow": False,
}


def event(**more: object) -> dict[str, Any]:
    built = audit_event(DECISION | more)
    AuditEvent.model_validate(built)
    return built


def details(built: dict[str, Any]) -> dict[str, str]:
    (found,) = [each["detail"] for each in built["entity"] if each.get("name") == "decision"]
    return {each["type"]: each["valueString"] for each in found}


def test_an_event_says_who_asked_when_what_and_with_what_outcome() -> None:
    built = event()
    assert (built["resourceType"], built["id"]) == ("AuditEvent", DECISION["uuid"])
    assert built["recorded"].startswith("2026-11-20T12:00:00")
    assert (built["action"], built["outcome"]) == ("E", "0")
    assert [each["code"] for each in built["subtype"]] == ["cds"]
    (agent,) = built["agent"]
    assert agent["who"] == {"identifier": {"value": "https://ehr.example/fhir"}}
    assert agent["requestor"] is True
    assert built["source"]["site"] == "back-pain-patient-view"
    assert details(built) == {
        "gate": "open",
        "criteria met": "E01 I02",
        "criteria not told": "E03",
        "unanswered": "fever",
        "profile": "documents",
        "content": "sha256:00",
        "seconds": "0.0125",
    }


def test_patient_and_encounter_are_identifiers_by_hash() -> None:
    identifiers = [each["what"]["identifier"] for each in event()["entity"]]
    assert [each["value"] for each in identifiers] == [
        "a" * 32,
        "b" * 32,
        f"urn:uuid:{DECISION['uuid']}",
        "urn:uuid:c-1",
    ]
    assert len({each["system"] for each in identifiers}) == 3
    assert not any("reference" in each["what"] for each in event()["entity"])


@pytest.mark.parametrize("shadow", [True, False])
def test_cards_that_were_kept_back_are_told_apart(*, shadow: bool) -> None:
    assert ("shadow" in details(event(shadow=shadow))) is shadow


def test_an_assessment_that_could_not_be_judged() -> None:
    built = event(
        judged=False, patient=None, encounter=None, client=None, cards=[], service="assessment"
    )
    assert built["outcome"] == "4"
    assert "no card" in built["outcomeDesc"]
    assert built["agent"][0]["who"] == {"display": "not asked"}
    assert len(built["entity"]) == 1
