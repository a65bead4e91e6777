"""The content, the samples and the health of the service over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from cds_service.app import create_app
from cds_service.hooks.services import SERVICES
from cds_service.samples import samples
from tests.protocol import CheckedClient
from tests.records import NOW, topics

if TYPE_CHECKING:
    from flask.testing import FlaskClient

    from cds_service.content.load import Content


def test_all_criteria_with_the_gate_first(client: FlaskClient, content: Content) -> None:
    body = client.get("/api/v1/criteria").get_json()
    assert [each["id"] for each in body["criteria"]] == ["T00", *content.criteria]
    assert body["contentDigest"] == content.digest
    assert body["profile"] == "documents"


@pytest.mark.parametrize("path", ["/api/v1/criteria/E01", "/api/v1/criteria/e01"])
def test_one_criterion_with_its_reading_and_documents(client: FlaskClient, path: str) -> None:
    body = client.get(path).get_json()
    assert body["id"] == "E01"
    assert (body["recommendation"], body["topic"]) == ("emergency", "emergency")
    assert "30 days" in body["reading"]
    assert body["documents"][0]["source"] == "cramps-and-spasms"
    assert set(body["findings"]) >= {"bladder-control-lost", "bowel-control-lost"}
    assert {case["expect"] for case in body["cases"]} == {"met", "notmet", "unknown"}
    assert body["image"]


def test_the_gate_is_a_criterion_without_a_card(client: FlaskClient) -> None:
    body = client.get("/api/v1/criteria/T00").get_json()
    assert (body["recommendation"], body["topic"]) == ("gate", "gate")
    assert "image" not in body


@pytest.mark.parametrize("name", ["E99", "x", "E01%20", "<b>"])
def test_404_for_no_criterion(client: FlaskClient, name: str) -> None:
    response = client.get(f"/api/v1/criteria/{name}")
    assert response.status_code == 404
    assert "GET /api/v1/criteria" in response.get_json()["issue"][0]["details"]["text"]


def test_all_findings_with_what_asks_for_them(client: FlaskClient, content: Content) -> None:
    body = client.get("/api/v1/findings").get_json()
    found = {each["id"]: each for each in body["findings"]}
    assert list(found) == list(content.findings)
    assert found["saddle-numbness"]["criteria"] == ["E02"]
    assert found["cancer"]["silence"] == "absent after Condition"
    assert found["saddle-numbness"]["silence"] == "unknown"
    assert all(each["question"].endswith("?") for each in found.values())
    codes = found["fever"]["codes"]
    assert {"system": "http://loinc.org", "code": "8310-5", "display": "Body temperature"} in codes


def test_health(client: FlaskClient, content: Content) -> None:
    assert client.get("/healthz").get_json() == {"status": "ok"}
    ready = client.get("/readyz").get_json()
    assert ready["status"] == "ok"
    assert ready["contentDigest"] == content.digest
    assert ready["criteria"] == len(content.criteria)


def test_samples_are_listed_with_their_stories(client: FlaskClient) -> None:
    listed = client.get("/samples").get_json()["samples"]
    assert [each["name"] for each in listed] == list(samples())
    assert all(each["story"] for each in listed)


def test_a_sample_is_served_as_of_today(client: FlaskClient) -> None:
    bundle = client.get("/samples/fever").get_json()
    assert bundle["resourceType"] == "Bundle"
    assert NOW.date().isoformat() in str(bundle)


@pytest.mark.parametrize("name", samples())
def test_a_sample_as_a_hook_request_is_answered_like_the_bundle(
    client: FlaskClient, name: str
) -> None:
    service = next(iter(SERVICES))
    request = client.get(f"/samples/{name}", query_string={"hook": service}).get_json()
    by_hook = client.post(f"/cds-services/{service}", json=request)
    assert by_hook.status_code == 200
    by_rest = client.post("/api/v1/assessments", json=client.get(f"/samples/{name}").get_json())
    assert topics(by_hook.get_json()) == topics(by_rest.get_json())


def test_404_and_400_for_samples(client: FlaskClient) -> None:
    assert client.get("/samples/nobody").status_code == 404
    response = client.get("/samples/fever?hook=order-sign")
    assert response.status_code == 400
    assert response.get_json()["issue"][0]["expression"] == ["hook"]


def test_the_clock_of_the_service_is_that_of_its_time_zone() -> None:
    app = create_app()
    app.test_client_class = CheckedClient
    before = datetime.now(UTC)
    body = {"findings": {"fever": "absent"}}
    as_of = datetime.fromisoformat(
        app.test_client().post("/api/v1/assessments", json=body).get_json()["asOf"]
    )
    assert before <= as_of <= datetime.now(UTC)
