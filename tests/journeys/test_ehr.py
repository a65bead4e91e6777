"""An EHR that reads discovery and nothing else gets the decision that REST gives on the record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cds_service.samples import as_of_today, samples
from tests.ehr import Ehr
from tests.records import ASSESS, NOW

if TYPE_CHECKING:
    from flask.testing import FlaskClient

SAMPLE = pytest.mark.parametrize("name", samples())
# The hooks on which every card is shown; the others speak of an order or an appointment.
ALL_CARDS = ("patient-view", "encounter-start", "problem-list-item-create")
TRACE = "org.backpain-cds.trace"


def told(cards: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what cards say and rest on, in an order that does not hang on the resources'."""
    return [
        {
            "summary": card["summary"],
            "indicator": card["indicator"],
            "topic": card["source"]["topic"]["code"],
            "criteria": [
                each | {"evidence": sorted(map(str, each.get("evidence", [])))}
                for each in card["extension"][TRACE]["criteria"]
            ],
        }
        for card in cards
    ]


@SAMPLE
def test_the_prefetch_alone_brings_the_decision_of_the_whole_record(
    client: FlaskClient, name: str
) -> None:
    bundle = as_of_today(samples()[name], NOW)
    ehr = Ehr.holding(client, bundle)
    whole = client.post(ASSESS, json={"bundle": bundle, "asOf": NOW.isoformat()}).get_json()
    for service in ehr.services():
        if service["hook"] not in ALL_CARDS:
            continue
        more = (
            {"conditions": ehr.answer(f"Condition?patient={ehr.of('Patient')[0]['id']}")}
            if service["hook"] == "problem-list-item-create"
            else {}
        )
        response = ehr.call(service, **more)
        assert response.status_code == 200, response.get_data(as_text=True)
        assert told(response.get_json()["cards"]) == told(whole["cards"]), service["id"]
