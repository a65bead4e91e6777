"""The OpenAPI document: in step with the code, whole, and true of every answer."""

from __future__ import annotations

import atexit
import json
import re
import shutil
import tempfile
from typing import TYPE_CHECKING, Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from jsonschema import Draft202012Validator
from schemathesis.specs.openapi.checks import positive_data_acceptance

from cds_service import openapi
from cds_service.api.openapi import FILE, document
from cds_service.app import create_app
from cds_service.hooks.services import SERVICES
from cds_service.journal import UnreachableError
from cds_service.settings import Settings
from cds_service.store.line import Line
from cds_service.store.spool import Spool
from tests.hooks.calls import request_of
from tests.protocol import CheckedClient
from tests.records import ASSESS, NOW, condition, record, whole_prefetch

if TYPE_CHECKING:
    from pathlib import Path

    from flask import Flask
    from flask.testing import FlaskClient

    from tests.records import Json

DOCUMENT = document()
# For people: what these answer is no interface.
PAGES = {"bootstrap", "insight", "interface", "site", "smart", "web"}
OPERATIONS = [
    (method, path, operation)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
]


FOLDER = tempfile.mkdtemp()
atexit.register(shutil.rmtree, FOLDER)
APP = create_app(
    Settings(max_body=1_000_000, database=f"sqlite:///{FOLDER}/store.db"), now=lambda: NOW
)
APP.test_client_class = CheckedClient


@pytest.fixture
def app() -> Flask:
    return APP


# --- the document itself ---


def test_the_document_is_that_of_the_schemas() -> None:
    written = json.loads(FILE.read_text(encoding="utf-8"))
    assert written == openapi.build(), "run `make openapi`"


def test_make_openapi_writes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(openapi, "FILE", tmp_path / "openapi.json")
    openapi.main()
    assert (tmp_path / "openapi.json").read_bytes() == FILE.read_bytes()
    assert capsys.readouterr().out == "written openapi.json\n"


def test_it_is_served(client: FlaskClient) -> None:
    assert client.get("/openapi.json").get_json() == DOCUMENT


def test_every_route_is_in_it_and_nothing_else(app: Flask) -> None:
    routes = {
        (method.lower(), re.sub(r"<(.+?)>", r"{\1}", rule.rule))
        for rule in app.url_map.iter_rules()
        if rule.endpoint.partition(".")[0] not in PAGES
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    any_one = {route for route in routes if "{service_id}" in route[1]}
    each = {
        (method, path.replace("{service_id}", service))
        for method, path in any_one
        for service in SERVICES
    }
    documented = {(method, path) for method, path, _ in OPERATIONS}
    assert documented == routes - any_one | each


def test_it_is_openapi_3_1() -> None:
    assert DOCUMENT["openapi"].startswith("3.1.")
    assert {"title", "version", "description", "license"} <= set(DOCUMENT["info"])
    names = [operation["operationId"] for _, _, operation in OPERATIONS]
    assert len(set(names)) == len(names)
    for schema in DOCUMENT["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    assert "nullable" not in FILE.read_text(encoding="utf-8"), "3.1 has the type null"


def test_every_reference_leads_somewhere() -> None:
    components = DOCUMENT["components"]["schemas"]
    named = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(DOCUMENT)))
    assert named == set(components)


def test_parameters_are_named_and_explained() -> None:
    for method, path, operation in OPERATIONS:
        in_path = set(re.findall(r"\{(\w+)\}", path))
        parameters = operation.get("parameters", [])
        assert {each["name"] for each in parameters if each["in"] == "path"} == in_path
        assert all(each["description"] for each in parameters), (method, path)
    (assess,) = [each for _, path, each in OPERATIONS if path == ASSESS]
    assert [each["name"] for each in assess["parameters"]] == ["asOf", "profile", "validate"]


# --- every documented status can happen ---

CALLS: dict[str, Json] = {
    "400": {"json": {}},
    "403": {"headers": {"Forwarded": "for=10.0.0.1"}},
    "411": {"content_type": "application/json"},
    "413": {"data": b" " * 1_000_001, "content_type": "application/json"},
    "415": {"data": b"x"},
}
REST: dict[str, Json] = CALLS | {
    "200": {"json": record(condition())},
    "412": {"json": {"findings": {}}},
}
FEEDBACKS = [f"/cds-services/{name}/feedback" for name in SERVICES]
SENT: dict[str, Json] = {name: each for name, each in CALLS.items() if name != "412"} | {
    "200": {"json": {"feedback": []}},
    "503": {
        "json": {
            "feedback": [
                {"card": "c", "outcome": "accepted", "outcomeTimestamp": "2026-11-20T12:00:00Z"}
            ]
        }
    },
}
PLACES = {"criterion_id": "E01", "name": "fever", "code_system": "card-topic"}
HOOKS: dict[str, dict[str, Json]] = {
    f"/cds-services/{service.id}": CALLS
    | {
        "200": {"json": request_of(service.hook, whole_prefetch(condition()))},
        "412": {"json": request_of(service.hook, {})},
    }
    for service in SERVICES.values()
}
POSTS = [(path, status) for path in (*HOOKS, ASSESS) for status in (*REST, "500")]
POSTS += [(path, status) for path in FEEDBACKS for status in (*SENT, "500")]
GETS = [
    (path, status)
    for method, path, operation in OPERATIONS
    if method == "get"
    for status in operation["responses"]
]


def test_these_are_all_documented_statuses() -> None:
    documented = {
        (path, status) for _, path, operation in OPERATIONS for status in operation["responses"]
    }
    assert documented == set(POSTS) | set(GETS)


def broken(*_: object, **__: object) -> None:
    msg = "Amelia Example has a fever"
    raise RuntimeError(msg)


def away(*_: object) -> None:
    raise UnreachableError


@pytest.mark.parametrize(("path", "status"), POSTS)
def test_status_of_a_post(
    app: Flask,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    path: str,
    status: str,
) -> None:
    calls = ({ASSESS: REST} | HOOKS | dict.fromkeys(FEEDBACKS, SENT))[path]
    if status == "503":
        monkeypatch.setattr(Line, "run", away)
    if status == "500":
        monkeypatch.setattr("cds_service.hooks.feedback.read_feedback", broken)
        monkeypatch.setattr("cds_service.fhir.judge.Judge.decide", broken)
        # The routes of an app take hold of what they call when they are made.
        app = create_app(Settings(database=f"sqlite:///{tmp_path}/store.db"), now=lambda: NOW)
        request.addfinalizer(app.extensions["journal"].close)
    response = app.test_client().post(path, **calls.get(status, calls["200"]))
    assert str(response.status_code) == status


@pytest.mark.parametrize(("path", "status"), GETS)
def test_status_of_a_get(
    app: Flask, monkeypatch: pytest.MonkeyPatch, path: str, status: str
) -> None:
    places = dict.fromkeys(PLACES, "nobody") if status == "404" else PLACES
    called: Json = {"headers": CALLS["403"]["headers"]} if status == "403" else {}
    if status == "503":
        monkeypatch.setattr(Line, "run", away)
        monkeypatch.setattr(Spool, "has_room", lambda _: False)
    if status == "400":
        called = {"query_string": {"hook": "nobody"}}
    if status == "500":
        endpoint, _ = app.url_map.bind("").match(path.format(**places))
        monkeypatch.setitem(app.view_functions, endpoint, broken)
    response = app.test_client().get(path.format(**places), **called)
    assert str(response.status_code) == status


# --- schemathesis: every answer is as the document says ---


@schemathesis.openapi.from_wsgi("/openapi.json", APP).parametrize()
@settings(
    max_examples=40,
    suppress_health_check=list(HealthCheck),
)
def test_answers_are_as_described(case: schemathesis.Case[Any]) -> None:
    # A schema cannot say which Bundles suffice, so good data may be refused with 400 or 412.
    case.call_and_validate(excluded_checks=[positive_data_acceptance])
