"""The code systems of cards, as FHIR resources."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from fhir.resources.R4B.codesystem import CodeSystem

from cds_service.content.override_reasons import HL7_REASONS
from cds_service.content.recommendations import TOPICS
from tests.protocol import HL7_OVERRIDE_SYSTEM, OVERRIDE_SYSTEM, TOPIC_SYSTEM
from tests.records import CAUDA_EQUINA, SERVICE, condition, hook_request, whole_prefetch

if TYPE_CHECKING:
    from flask.testing import FlaskClient

    from cds_service.content.load import Content
    from tests.records import Json


def concepts(client: FlaskClient, name: str) -> dict[str, str]:
    response = client.get(f"/fhir/CodeSystem/{name}")
    assert response.mimetype == "application/fhir+json"
    system = response.get_json()
    CodeSystem.model_validate(system)
    assert system["url"] == f"https://backpain-cds.org/CodeSystem/{name}"
    assert system["count"] == len(system["concept"])
    return {each["code"]: each["display"] for each in system["concept"]}


def test_card_topics(client: FlaskClient) -> None:
    assert list(concepts(client, "card-topic").items()) == list(TOPICS.items())


def test_override_reasons_are_ours_alone(client: FlaskClient, content: Content) -> None:
    reasons = [
        reason
        for course in content.recommendations.courses.values()
        for reason in course.override_reasons
    ]
    assert concepts(client, "override-reason") == {
        each.code: each.display for each in reasons if not each.hl7
    }
    assert {each.code for each in reasons if each.hl7} <= HL7_REASONS


@pytest.mark.parametrize("since", [0, 10])
def test_every_code_of_a_card_is_in_its_system(client: FlaskClient, since: int) -> None:
    prefetch = whole_prefetch(condition(since=10), condition(CAUDA_EQUINA, since=since * 10))
    cards: list[Json] = client.post(SERVICE, json=hook_request(prefetch)).get_json()["cards"]
    topics, reasons = concepts(client, "card-topic"), concepts(client, "override-reason")
    for card in cards:
        topic = card["source"]["topic"]
        assert (topic["system"], topics[topic["code"]]) == (TOPIC_SYSTEM, topic["display"])
        for reason in card["overrideReasons"]:
            if reason["system"] == OVERRIDE_SYSTEM:
                assert reasons[reason["code"]] == reason["display"]
            else:
                assert reason["system"] == HL7_OVERRIDE_SYSTEM


def test_a_code_system_that_is_not_there(client: FlaskClient) -> None:
    response = client.get("/fhir/CodeSystem/nobody")
    assert response.status_code == 404
    (issue,) = response.get_json()["issue"]
    assert "there are card-topic and override-reason" in issue["details"]["text"]
