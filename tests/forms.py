"""Responses to the form that ships, as a page or an EHR would send them."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from cds_service.content.load import load
from cds_service.render.questionnaire import questionnaire
from cds_service.render.response import response
from tests.records import NOW, PATIENT_ID

if TYPE_CHECKING:
    from collections.abc import Mapping

    Json = dict[str, Any]

YES = {"valueCoding": {"system": "http://snomed.info/sct", "code": "373066001", "display": "Yes"}}
NO = {"valueCoding": {"system": "http://snomed.info/sct", "code": "373067005", "display": "No"}}
DEGREES = {"system": "http://unitsofmeasure.org", "code": "Cel", "unit": "°C"}


@cache
def the_form() -> Json:
    return questionnaire(load())


def items(node: Json) -> dict[str, Json]:
    """Return all items below a Questionnaire, a response or an item, by linkId, in their order."""
    found = {}
    for each in node.get("item", ()):
        found[each["linkId"]] = each
        found |= items(each)
        for answer in each.get("answer", ()):
            found |= items(answer)
    return found


def day(days_ago: int) -> Json:
    return {"valueDate": (NOW - timedelta(days=days_ago)).date().isoformat()}


def degrees(value: float) -> Json:
    return {"valueQuantity": {"value": value} | DEGREES}


def filled(said: Mapping[str, Json], days_ago: float = 0, **more: object) -> Json:
    """Return a response of some days ago about the patient of `tests.records`."""
    authored = NOW - timedelta(days=days_ago)
    return response(the_form(), said, authored, subject=f"Patient/{PATIENT_ID}") | more
