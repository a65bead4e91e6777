"""Whole calls of every hook: each file beside this one is a story, its request and its answer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from fhir.resources.R4B import get_fhir_model_class

from cds_service.hooks.services import SERVICES

if TYPE_CHECKING:
    from flask.testing import FlaskClient

JOURNEYS = {
    path.stem: orjson.loads(path.read_bytes())
    for path in sorted(Path(__file__).parent.glob("*.json"))
}
JOURNEY = pytest.mark.parametrize("journey", JOURNEYS.values(), ids=JOURNEYS)


@JOURNEY
def test_the_answer_is_the_one_in_the_story(client: FlaskClient, journey: dict[str, Any]) -> None:
    request = journey["request"]
    response = client.post(f"/cds-services/back-pain-{request['hook']}", json=request)
    assert response.status_code == journey["status"]
    if response.status_code == 200:
        cards, context = response.get_json()["cards"], journey["request"]["context"]
        check_cards(cards, journey["cards"], context)
    else:
        (issue,) = response.get_json()["issue"]
        assert issue["code"] == journey["outcome"]["code"]
        assert issue["expression"] == journey["outcome"]["expression"]
        assert journey["outcome"]["diagnostics"] in issue["diagnostics"]


def check_cards(
    cards: list[dict[str, Any]], expected: list[dict[str, Any]], context: dict[str, str]
) -> None:
    shown = [
        {
            "topic": card["source"]["topic"]["code"],
            "indicator": card["indicator"],
            "summary": card["summary"],
            "criteria": {
                each["id"]: [evidence["reference"] for evidence in each.get("evidence", [])]
                for each in card["extension"]["org.backpain-cds.trace"]["criteria"]
            },
            **files(card, context),
        }
        for card in cards
    ]
    assert shown == [
        {key: value for key, value in card.items() if key != "says"} for card in expected
    ]
    for card, wanted in zip(cards, expected, strict=True):
        for words in wanted.get("says", []):
            assert words in card["detail"]


def files(card: dict[str, Any], context: dict[str, str]) -> dict[str, Any]:
    """Return what the card offers to file for the patient of the call, as a story tells it."""
    told = [filed(each["actions"][0], context) for each in card.get("suggestions", [])]
    return {"files": told} if told else {}


def filed(action: dict[str, Any], context: dict[str, str]) -> dict[str, Any]:
    """Return an action as a story tells it: what is taken back, or what is asked for, and why."""
    if action["type"] == "delete":
        return {"takes_back": action["resourceId"]}
    draft = action["resource"]
    assert draft["subject"] == {"reference": f"Patient/{context['patientId']}"}
    if "encounterId" in context:
        assert draft["encounter"] == {"reference": f"Encounter/{context['encounterId']}"}
    return {
        "code": draft["code"]["coding"][0]["code"],
        "priority": draft["priority"],
        "because_of": [each["reference"] for each in draft.get("reasonReference", [])],
    }


@JOURNEY
def test_the_patients_are_valid_fhir(journey: dict[str, Any]) -> None:
    """Beside the rule on `prefetch`, where an OperationOutcome may stand for a Bundle."""
    request = journey["request"]
    written = [value for value in request["context"].values() if isinstance(value, dict)]
    for value in (*request["prefetch"].values(), *written):
        get_fhir_model_class(value["resourceType"]).model_validate(value)


def test_there_is_a_story_for_each_way_it_may_end() -> None:
    assert {journey["status"] for journey in JOURNEYS.values()} == {200, 412}
    topics = {card["topic"] for each in JOURNEYS.values() for card in each.get("cards", [])}
    assert topics >= {
        "emergency",
        "imaging",
        "imagingnotindicated",
        "review",
        "physiotherapy",
        "selfcare",
        "redflagcheck",
    }


def test_there_is_a_story_for_every_hook() -> None:
    called = {journey["request"]["hook"] for journey in JOURNEYS.values()}
    assert called == {service.hook for service in SERVICES.values()}
