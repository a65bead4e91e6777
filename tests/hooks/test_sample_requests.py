"""A record as the hook request that an EHR would send for it."""

from __future__ import annotations

import uuid

from cds_service.hooks.sample_requests import request_for
from cds_service.hooks.services import SERVICES
from tests.records import condition, fever, record

SERVICE = SERVICES["back-pain-patient-view"]
ENCOUNTER = {"resourceType": "Encounter", "id": "e1", "status": "in-progress"}


def test_every_search_is_answered_from_the_record() -> None:
    request = request_for(record(condition(), fever(39), ENCOUNTER), SERVICE)
    assert request["hook"] == "patient-view"
    assert uuid.UUID(request["hookInstance"]).version == 4
    assert request["context"] == {
        "userId": "Practitioner/example",
        "patientId": "p1",
        "encounterId": "e1",
    }
    prefetch = request["prefetch"]
    assert prefetch["encounter"] == ENCOUNTER
    assert prefetch["patient"]["id"] == "p1"
    totals = {key: value["total"] for key, value in prefetch.items() if "total" in value}
    assert totals == {
        "conditions": 1,
        "observations": 1,
        "medications": 0,
        "statements": 0,
        "procedures": 0,
        "answers": 0,
    }


def test_a_search_without_a_match_has_no_entries_at_all() -> None:
    found = request_for(record(), SERVICE)["prefetch"]["conditions"]
    assert found == {"resourceType": "Bundle", "type": "searchset", "total": 0}


def test_without_an_encounter_there_is_none_in_the_context() -> None:
    request = request_for(record(condition()), SERVICE)
    assert "encounterId" not in request["context"]
    assert "encounter" not in request["prefetch"]
