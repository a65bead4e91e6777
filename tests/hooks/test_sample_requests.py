"""A record as the hook request that an EHR would send for it."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest
from fhir.resources.R4B import get_fhir_model_class

from cds_service.hooks.sample_requests import request_for
from cds_service.hooks.services import SERVICES, Service
from tests.records import PARKINSON, condition, fever, record, topics

if TYPE_CHECKING:
    from flask.testing import FlaskClient

each_service = pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)

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


@each_service
def test_the_request_is_one_that_the_service_answers(client: FlaskClient, service: Service) -> None:
    request = request_for(record(condition(PARKINSON), condition()), service)
    response = client.post(f"/cds-services/{service.id}", json=request)
    assert response.status_code == 200
    assert topics(response.get_json())


@each_service
def test_what_is_in_the_context_is_valid_fhir(service: Service) -> None:
    context = request_for(record(condition()), service)["context"]
    for value in context.values():
        if isinstance(value, dict):
            get_fhir_model_class("Bundle").model_validate(value)


def test_a_new_problem_is_not_on_the_list_yet() -> None:
    service = SERVICES["back-pain-problem-list-item-create"]
    request = request_for(record(condition(PARKINSON), condition()), service)
    (new,) = [each["resource"]["id"] for each in request["context"]["conditions"]["entry"]]
    assert new == "c-M54-50"
    (saved,) = [each["resource"]["id"] for each in request["prefetch"]["conditions"]["entry"]]
    assert saved == "c-G20"


def test_a_record_without_problems_adds_none() -> None:
    service = SERVICES["back-pain-problem-list-item-create"]
    added = request_for(record(), service)["context"]["conditions"]
    assert added == {"resourceType": "Bundle", "type": "collection"}


def test_a_visit_is_invented_where_the_hook_needs_one() -> None:
    request = request_for(record(condition()), SERVICES["back-pain-encounter-start"])
    assert request["context"]["encounterId"] == "p1-visit"
    get_fhir_model_class("Encounter").model_validate(request["prefetch"]["encounter"])


def test_only_the_image_is_selected() -> None:
    context = request_for(record(), SERVICES["back-pain-order-select"])["context"]
    assert context["selections"] == ["ServiceRequest/draft-image"]
    drafted = [each["resource"]["resourceType"] for each in context["draftOrders"]["entry"]]
    assert drafted == ["ServiceRequest", "MedicationRequest"]
    assert "selections" not in request_for(record(), SERVICES["back-pain-order-sign"])["context"]
