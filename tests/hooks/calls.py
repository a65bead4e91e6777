"""Calls of every hook, with as little in them as each needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cds_service.hooks.services import SERVICES
from tests.records import PATIENT_ID, Json, condition, hook_request, whole_prefetch

if TYPE_CHECKING:
    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

HOOKS = tuple(each.hook for each in SERVICES.values())
SUBJECT = {"reference": f"Patient/{PATIENT_ID}"}


def order(text: str, number: int = 1, **more: object) -> Json:
    return {
        "resourceType": "ServiceRequest",
        "id": f"order-{number}",
        "status": "draft",
        "intent": "order",
        "code": {"text": text},
        "subject": SUBJECT,
        **more,
    }


def appointment(text: str, **more: object) -> Json:
    return {
        "resourceType": "Appointment",
        "id": "appointment-1",
        "status": "proposed",
        "description": text,
        "participant": [{"actor": SUBJECT, "status": "needs-action"}],
        **more,
    }


def bundle(*resources: object) -> Json:
    return {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": each} for each in resources],
    }


NEEDED: dict[str, Json] = {
    "patient-view": {},
    "encounter-start": {"encounterId": "e1"},
    "encounter-discharge": {"encounterId": "e1"},
    "problem-list-item-create": {"conditions": bundle(condition())},
    "appointment-book": {"appointments": bundle(appointment("Check-up"))},
    "order-select": {
        "draftOrders": bundle(order("Full blood count")),
        "selections": ["ServiceRequest/order-1"],
    },
    "order-sign": {"draftOrders": bundle(order("Full blood count"))},
}


def request_of(hook: str, prefetch: Json | None = None, **context: object) -> Json:
    """Return a request with what the hook needs; ``context`` goes before it."""
    return {**hook_request(prefetch, **{**NEEDED[hook], **context}), "hook": hook}


def post(client: FlaskClient, body: Json) -> TestResponse:
    return client.post(f"/cds-services/back-pain-{body['hook']}", json=body)


def call(client: FlaskClient, hook: str, *record: Json, **context: object) -> Json:
    """Call a hook with a whole record; return the answer, which must be one."""
    response = post(client, request_of(hook, whole_prefetch(*record), **context))
    assert response.status_code == 200, response.get_json()
    body: Json = response.get_json()
    return body
