"""When the service itself fails: 500, and no patient data in the answer or in the log."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from cds_service.app import create_app
from cds_service.settings import Settings
from tests.protocol import CheckedClient
from tests.records import (
    ASSESS,
    NOW,
    SERVICE,
    condition,
    hook_request,
    outcome,
    record,
    searchset,
    whole_prefetch,
)

if TYPE_CHECKING:
    from flask.testing import FlaskClient

    from tests.records import Json

SECRET = "Amelia-Example"
CALLS = pytest.mark.parametrize(
    ("path", "body"),
    [(SERVICE, hook_request(whole_prefetch(condition()))), (ASSESS, record(condition()))],
    ids=["hook", "rest"],
)


def own() -> FlaskClient:
    app = create_app(Settings(), now=lambda: NOW)
    app.test_client_class = CheckedClient
    return app.test_client()


@CALLS
def test_500_answers_an_outcome_and_logs_only_where(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    path: str,
    body: Json,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ValueError(SECRET)

    monkeypatch.setattr("cds_service.fhir.judge.Judge.decide", fail)
    with caplog.at_level(logging.DEBUG):
        response = own().post(path, json=body)
    assert response.status_code == 500
    assert response.get_json()["issue"][0]["code"] == "exception"
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert "unexpected ValueError" in caplog.text
    assert "views.py" in caplog.text
    assert SECRET not in caplog.text + response.text


# Where a secret stands in a request that is refused, and the status.
REFUSED: dict[str, tuple[str, Json, int]] = {
    "a hook of another service": (SERVICE, {**hook_request(), "hook": SECRET}, 400),
    "the context": (SERVICE, {**hook_request(), "context": {"userId": SECRET}}, 400),
    "the prefetch as text": (SERVICE, {**hook_request(), "prefetch": SECRET}, 400),
    "patientId, nothing else": (SERVICE, hook_request(patientId=SECRET), 412),
    "conditions as text": (SERVICE, hook_request({"conditions": SECRET}), 412),
    "an error's code and text": (
        SERVICE,
        hook_request(
            {"conditions": outcome("error", SECRET) | {"text": {"div": SECRET}, "id": SECRET}}
        ),
        412,
    ),
    "a condition without a code": (
        SERVICE,
        hook_request({"conditions": searchset({"resourceType": "Condition", "id": SECRET})}),
        412,
    ),
    "another patient": (
        SERVICE,
        hook_request(
            {"conditions": searchset(condition(id=SECRET, subject={"reference": SECRET}))}
        ),
        412,
    ),
    "a key of another name": (SERVICE, hook_request({"x": SECRET, SECRET: {"y": SECRET}}), 412),
    "a resource type": (ASSESS, {"resourceType": SECRET, "id": SECRET}, 412),
    "two patients": (
        ASSESS,
        record({"resourceType": "Patient", "id": SECRET, "name": [{"family": SECRET}]}),
        400,
    ),
    "texts of a record that is not whole": (
        ASSESS,
        record({**condition(), "code": {"text": f"no fever {SECRET}"}}, complete=False),
        412,
    ),
    "texts of a record that is not whole, checked": (
        ASSESS,
        {
            "bundle": record({"resourceType": SECRET, "onset": SECRET}, complete=False),
            "complete": False,
            "validate": True,
        },
        412,
    ),
    "asOf": (ASSESS, {"bundle": record(), "asOf": SECRET}, 400),
    "profile": (ASSESS, {"bundle": record(), "profile": SECRET}, 400),
    "a finding's state": (ASSESS, {"findings": {"fever": SECRET}}, 400),
    "a finding's value": (
        ASSESS,
        {"findings": {"fever": {"state": "present", "value": SECRET}}},
        400,
    ),
    "a finding's date": (
        ASSESS,
        {"findings": {"fever": {"state": "present", "since": SECRET}}},
        400,
    ),
}


@pytest.mark.parametrize(("path", "body", "status"), REFUSED.values(), ids=REFUSED)
def test_a_refusal_repeats_nothing_of_the_patients(
    client: FlaskClient,
    caplog: pytest.LogCaptureFixture,
    path: str,
    body: Json,
    status: int,
) -> None:
    with caplog.at_level(logging.DEBUG):
        response = client.post(path, json=body)
    assert response.status_code == status
    assert SECRET.lower() not in (response.text + caplog.text).lower()


@pytest.mark.parametrize("body", [b'{"hook": "Amelia-Example" "x"}', b'{"Amelia-Example": nope}'])
@pytest.mark.parametrize("path", [SERVICE, ASSESS])
def test_neither_does_the_answer_to_broken_json(
    client: FlaskClient, path: str, body: bytes
) -> None:
    response = client.post(path, data=body, content_type="application/json")
    assert response.status_code == 400
    assert SECRET not in response.text


def test_a_judged_call_logs_nothing_of_the_patient(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        client.post(SERVICE, json=hook_request(whole_prefetch(condition())))
    assert "p1" not in caplog.text
