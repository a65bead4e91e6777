"""The link of a card: to the form, at one address for all, with what is unanswered beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from cds_service.app import create_app
from cds_service.security.allowed import read_base
from cds_service.settings import Settings
from cds_service.startup import form_link
from tests.protocol import CheckedClient
from tests.records import (
    CAUDA_EQUINA,
    NOW,
    SERVICE,
    condition,
    hook_request,
    whole_prefetch,
)
from tests.signing import write_clients

if TYPE_CHECKING:
    from pathlib import Path

PUBLIC_URL = "https://cds.example.org/cds"
SMART: dict[str, Any] = {
    "smart_client_id": "x",
    "smart_issuers": (read_base("https://ehr.example.org/fhir"),),
    "public_url": PUBLIC_URL,
}


def cards(*conditions: dict[str, Any], **settings: Any) -> dict[str, dict[str, Any]]:  # noqa: ANN401  as in Settings
    """Return the cards of a patient by topic."""
    app = create_app(Settings(**settings), now=lambda: NOW)
    app.test_client_class = CheckedClient
    response = app.test_client().post(SERVICE, json=hook_request(whole_prefetch(*conditions)))
    assert response.status_code == 200
    return {card["source"]["topic"]["code"]: card for card in response.get_json()["cards"]}


def test_the_ehr_launches_the_form_for_what_is_unanswered() -> None:
    (link,) = cards(condition(), **SMART)["redflagcheck"]["links"]
    assert link["type"] == "smart"
    assert link["url"] == f"{PUBLIC_URL}/smart/launch"
    assert "saddle-numbness" in orjson.loads(link["appContext"])["unanswered"]


def test_the_emergency_card_asks_for_the_rest() -> None:
    (link,) = cards(condition(CAUDA_EQUINA), **SMART)["emergency"]["links"]
    assert "cauda-equina-syndrome" not in orjson.loads(link["appContext"])["unanswered"]


def test_other_cards_have_none() -> None:
    for topic, card in cards(condition(), condition(since=320, id="c2"), **SMART).items():
        assert ("links" in card) == (topic in {"redflagcheck", "emergency", "imaging"})


def test_without_a_launch_the_link_leads_to_the_empty_form() -> None:
    (link,) = cards(condition(), public_url=PUBLIC_URL)["redflagcheck"]["links"]
    assert link == {
        "label": "Answer the red-flag questions",
        "url": f"{PUBLIC_URL}/form",
        "type": "absolute",
    }


def test_without_an_address_there_is_no_link() -> None:
    assert "links" not in cards(condition())["redflagcheck"]


def test_a_form_that_asks_for_a_token_is_no_place_to_go(tmp_path: Path) -> None:
    settings = Settings(public_url=PUBLIC_URL, clients=write_clients(tmp_path))
    assert form_link(settings, None) is None


def test_the_address_is_the_same_for_every_patient() -> None:
    one, other = (
        cards(condition(since=days), **SMART)["redflagcheck"]["links"][0]["url"] for days in (3, 90)
    )
    assert one == other
