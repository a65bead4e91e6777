"""Hostile text at every place of a record from which a card may quote."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
import pytest

from tests.records import (
    ASSESS,
    BACK_PAIN,
    ICD,
    LOINC,
    NOW,
    SERVICE,
    TEMPERATURE,
    concept,
    condition,
    days_ago,
    hook_request,
    observation,
    record,
    searchset,
    whole_prefetch,
)

if TYPE_CHECKING:
    from flask.testing import FlaskClient

    from tests.records import Json

EVIL = (
    '<script>alert("x")</script>[a](javascript:alert(1)) https://evil.example '
    "![i](x) `c` **b**\n# h"
)
LONG = "x" * 20_000

# Where the text stands; each is quoted or could be.
PLACES: dict[str, tuple[Json, ...]] = {
    "text of a condition": (
        {**condition(), "code": {"text": f"low back pain {EVIL}"}},
    ),
    "text beside a code": ({**condition(), "code": concept(BACK_PAIN, text=EVIL)},),
    "display of a code": (
        {**condition(), "code": {"coding": [{"system": ICD, "code": "M54.50", "display": EVIL}]}},
    ),
    "negated text": (
        condition(),
        {**condition(), "id": "c2", "code": {"text": f"no fever {EVIL}"}},
    ),
    "id": (condition(id=EVIL),),
    "onset": (condition(onsetDateTime=EVIL),),
    "unit of a temperature": (
        condition(),
        observation(TEMPERATURE, valueQuantity={"value": 39.4, "unit": f"Cel {EVIL}"}),
    ),
    "unit of a salt": (
        condition(),
        observation(
            (LOINC, "2823-3"),
            valueQuantity={"value": 2.9, "unit": EVIL},
            referenceRange=[{"low": {"value": 3.5, "unit": EVIL}}],
        ),
    ),
    "interpretation": (
        condition(),
        observation(
            (LOINC, "2823-3"),
            valueQuantity={"value": 2.9, "unit": EVIL},
            interpretation=[concept(("x", "L")), concept(("x", EVIL))],
        ),
    ),
    "name of a measurement": (
        condition(),
        {**observation(TEMPERATURE), "code": {"text": f"body temperature {EVIL}"},
         "valueQuantity": {"value": 39.4, "unit": "Cel"}},
    ),
    "value that is text": (condition(), observation(TEMPERATURE, valueString=EVIL)),
    "date of an observation": (
        condition(),
        observation(TEMPERATURE, effectiveDateTime=EVIL,
                    valueQuantity={"value": 39.4, "unit": "Cel"}),
    ),
    "status": (condition(), observation(TEMPERATURE, status=EVIL,
                                        valueQuantity={"value": 39.4, "unit": "Cel"})),
    "answer": (
        condition(),
        {
            "resourceType": "QuestionnaireResponse",
            "id": EVIL,
            "status": "completed",
            "authored": days_ago(0),
            "item": [
                {"linkId": "fever", "text": EVIL, "answer": [{"valueString": EVIL}]},
                {"linkId": EVIL, "text": f"fever {EVIL}", "answer": [{"valueBoolean": True}]},
            ],
        },
    ),
    "drug": (
        condition(),
        {
            "resourceType": "MedicationRequest",
            "id": "m",
            "status": "active",
            "intent": "order",
            "authoredOn": days_ago(3),
            "medicationCodeableConcept": {"text": f"simvastatin {EVIL}"},
        },
    ),
    "resource type": (condition(), {"resourceType": EVIL, "id": EVIL}),
    "another patient's id": (
        condition(),
        condition(id=EVIL, subject={"reference": f"Patient/{EVIL}"}),
    ),
    "very long text": (
        condition(id=LONG),
        observation((LOINC, "2823-3"), valueQuantity={"value": 2.9, "unit": LONG},
                    referenceRange=[{"low": {"value": 3.5, "unit": LONG}}]),
    ),
}  # fmt: skip


@pytest.mark.parametrize("resources", PLACES.values(), ids=PLACES)
def test_nothing_reaches_a_card_unescaped(client: FlaskClient, resources: tuple[Json, ...]) -> None:
    """The client checks every card: no HTML, no link, one line of summary, nothing empty."""
    own = tuple(each for each in resources if "Patient/<" not in str(each))
    for path, body in (
        (SERVICE, hook_request(whole_prefetch(*resources))),
        (SERVICE, hook_request({"conditions": searchset(*resources), EVIL: EVIL})),
        (ASSESS, record(*own)),
        (ASSESS, {"bundle": record(*own), "validate": True}),
    ):
        response = client.post(path, json=body)
        assert response.status_code in {200, 412}
        assert "<script" not in response.text
        for card in response.get_json().get("cards", []):
            assert len(card["detail"]) < 8_000


def test_the_texts_above_do_reach_cards(client: FlaskClient) -> None:
    """Otherwise the test above would show nothing."""
    quoted = 0
    for resources in PLACES.values():
        response = client.post(SERVICE, json=hook_request(whole_prefetch(*resources)))
        assert response.status_code in {200, 412}
        quoted += "&lt;script&gt;" in response.text
    assert quoted >= 6


def test_many_notes_do_not_fill_the_card(client: FlaskClient) -> None:
    theirs = [
        condition(id=f"x{number}", subject={"reference": "Patient/p2"}) for number in range(300)
    ]
    prefetch = whole_prefetch(condition(), *theirs)
    (card,) = client.post(SERVICE, json=hook_request(prefetch)).get_json()["cards"]
    assert len(card["extension"]["org.backpain-cds.trace"]["notes"]) == 300
    assert card["detail"].endswith("288 more; the trace of this card lists them.")


def test_control_characters_of_json_strings(client: FlaskClient) -> None:
    text = "".join(chr(number) for number in range(0x20)) + "\x7f\u2028\u202e\ufeff"
    body = hook_request(whole_prefetch(condition(id=f"a{text}b")))
    response = client.post(SERVICE, data=orjson.dumps(body), content_type="application/json")
    assert response.status_code == 200
    assert NOW.date().isoformat() in response.text
