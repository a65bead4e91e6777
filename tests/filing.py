"""What is asked of every suggestion of a card, and of the draft that accepting it would file."""

from __future__ import annotations

import re
import uuid
from typing import Any

from fhir.resources.R4B.servicerequest import ServiceRequest

Json = dict[str, Any]

URGENCY = {"critical": "stat", "warning": "urgent", "info": "routine"}
PRIORITIES = ("stat", "urgent", "asap", "routine")
SNOMED = "http://snomed.info/sct"
# Plain X-ray and CT of the spine, as the content that ships codes them.
RADIATION = {"1290640000", "241577003"}
REFERENCE = re.compile(r"[A-Z][A-Za-z]+/[A-Za-z0-9.-]{1,255}")
REASONS = {"Condition", "Observation", "DiagnosticReport", "DocumentReference"}


def check_suggestions(card: Json) -> None:
    """Check what a card suggests; ``selectionBehavior`` is there if and only if it does."""
    assert ("suggestions" in card) == ("selectionBehavior" in card)
    suggestions = card.get("suggestions", [])
    assert card.get("selectionBehavior", "any") in {"any", "at-most-one"}
    uuids = [each["uuid"] for each in suggestions]
    assert len({card["uuid"], *uuids}) == 1 + len(uuids)
    assert sum(each.get("isRecommended", False) for each in suggestions) <= 1
    for each in suggestions:
        assert {"label", "uuid", "actions"} <= set(each) <= {
            "label", "uuid", "actions", "isRecommended",
        }  # fmt: skip
        assert each["uuid"] == str(uuid.UUID(each["uuid"], version=4)), "a lower-case UUIDv4"
        assert each["label"].isprintable()
        assert each.get("isRecommended", True) is True, "left out where it is not"
        (action,) = each["actions"]
        check_action(action, card)


def check_action(action: Json, card: Json) -> None:
    assert action["description"].isprintable()
    if action["type"] == "delete":
        assert set(action) == {"type", "description", "resourceId"}
        assert REFERENCE.fullmatch(action["resourceId"])
        return
    assert action["type"] == "create"
    assert set(action) == {"type", "description", "resource"}
    check_request(action["resource"], card)


def check_request(request: Json, card: Json) -> None:
    """Check a draft: valid FHIR R4 that says for whom, what, how soon and why, and no more."""
    ServiceRequest.model_validate(request)
    assert {"category", "code", "subject", "authoredOn", "reasonCode"} <= set(request)
    assert "id" not in request, "the EHR names it"
    assert request["resourceType"] == "ServiceRequest"
    assert request["status"] == "draft"
    assert request["intent"] in {"proposal", "plan", "order"}
    check_reference(request["subject"], {"Patient"})
    if "encounter" in request:
        check_reference(request["encounter"], {"Encounter"})
    references = request.get("reasonReference", [])
    for each in references:
        check_reference(each, REASONS)
    assert len({each["reference"] for each in references}) == len(references)
    assert all(set(reason) == {"text"} for reason in request["reasonCode"])
    # A draft is at most as urgent as its card: a routine X-ray may stand beside an urgent MRI.
    urgency = PRIORITIES.index(request["priority"])
    assert urgency >= PRIORITIES.index(URGENCY[card["indicator"]])
    if "Pregnancy is recorded" in card["detail"]:
        codes = {each["code"] for each in request["code"]["coding"]}
        assert not codes & RADIATION, "no X-ray or CT in a recorded pregnancy"


def check_reference(reference: Json, kinds: set[str]) -> None:
    assert set(reference) == {"reference"}
    assert REFERENCE.fullmatch(reference["reference"])
    assert reference["reference"].split("/")[0] in kinds


def filed(card: Json) -> list[tuple[str, ...]]:
    """Return what a card suggests, shortly: the code and the priority, or the order to delete."""
    actions = [action for each in card.get("suggestions", []) for action in each["actions"]]
    return [
        (action["resource"]["code"]["coding"][0]["code"], action["resource"]["priority"])
        if "resource" in action
        else ("delete", action["resourceId"])
        for action in actions
    ]
