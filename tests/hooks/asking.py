"""A service and the FHIR server that it may ask, which answers as each test wants."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from cds_service.app import create_app
from cds_service.content.load import load
from cds_service.security.allowed import read_base
from cds_service.settings import Settings
from tests.protocol import CheckedClient
from tests.records import NOW, SERVICE, hook_request, notes, outcome, patient, searchset
from tests.stub_server import said_json, serving
from tests.waiting import WAIT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

    from cds_service.content.load import Content
    from tests.records import Json
    from tests.stub_server import Reply, Request, Stub

TOKEN = "a-token-that-nobody-else-may-see"
EVERY_SEARCH = {
    "Condition", "Observation", "MedicationRequest", "MedicationStatement", "Procedure",
    "QuestionnaireResponse",
}  # fmt: skip


def record_of(*resources: Json) -> Reply:
    """Answer as a FHIR server that has these resources of one patient."""

    def reply(request: Request) -> Iterable[bytes]:
        parts = urlsplit(request.target)
        _, kind, *wanted_id = parts.path.removeprefix("/fhir").split("/")
        found = [each for each in (patient(), *resources) if each["resourceType"] == kind]
        if wanted_id:
            single = [each for each in found if each["id"] == wanted_id[0]]
            return [said_json(single[0]) if single else said_json(outcome("error"), 404)]
        return [said_json(searchset(*found))]

    return reply


def but(reply: Reply, **kinds: Reply) -> Reply:
    """Answer as another server does, except for some resource types."""

    def chosen(request: Request) -> Iterable[bytes]:
        kind = urlsplit(request.target).path.split("/")[2]
        return kinds.get(kind, reply)(request)

    return chosen


@contextmanager
def service(reply: Reply, **more: Any) -> Iterator[tuple[FlaskClient, Stub]]:  # noqa: ANN401  fields of Settings
    """Return a client of the service, and the FHIR server that it may ask."""
    with serving(reply) as stub, pytest.MonkeyPatch.context() as patch:
        patch.setattr("cds_service.app.load", _load_once)
        listed = Settings(fhir_servers=(read_base(f"{stub.url}/fhir"),), fhir_deadline=WAIT)
        app = create_app(replace(listed, **more), now=lambda: NOW)
        app.test_client_class = CheckedClient
        yield app.test_client(), stub


@cache
def _load_once(_folder: None) -> Content:
    return load()


def call(
    client: FlaskClient,
    stub: Stub,
    prefetch: Json | None = None,
    *,
    server: str | None = None,
    authorization: object = None,
    **context: object,
) -> TestResponse:
    body = hook_request(prefetch, **context) | {
        "fhirServer": server or f"{stub.url}/fhir",
        "fhirAuthorization": authorization
        or {
            "access_token": TOKEN,
            "token_type": "Bearer",
            "expires_in": 300,
            "scope": "patient/*.read",
            "subject": "cds-service",
        },
    }
    return client.post(SERVICE, json=body)


def without(prefetch: Json, *keys: str) -> Json:
    return {name: value for name, value in prefetch.items() if name not in keys}


def asked_for(stub: Stub) -> set[str]:
    return {asked.target.removeprefix("/fhir/").partition("?")[0] for asked in stub.asked}


def the_note(response: TestResponse) -> str:
    (note,) = [each for each in notes(response.get_json()) if each.startswith("Not obtained")]
    return note


def page(*resources: Json, following: str | None = None, **more: object) -> Json:
    links = [{"relation": "self", "url": "https://x.example"}]
    if following is not None:
        links.append({"relation": "next", "url": following})
    return searchset(*resources, link=links, **more)
