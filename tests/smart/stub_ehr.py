"""An EHR that launches the form, and says in each answer what a test tells it to."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import unescape
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import orjson

from cds_service.app import create_app
from cds_service.security.allowed import read_base
from cds_service.settings import SCOPES, Settings
from tests.records import NOW, condition, patient, searchset
from tests.stub_server import Stub, said_json, serving
from tests.waiting import WAIT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask import Flask
    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

    from tests.stub_server import Request

    Json = dict[str, Any]

PUBLIC_URL = "http://localhost:8000"
TOKEN = "a-token-that-no-browser-may-see"
SECRET = "a-secret-of-the-client"
CODE = "a-code-of-the-ehr"
PATIENT = "p1"


def granted(**changed: object) -> Json:
    """Return a token response; what is changed to None is left out."""
    said: Json = {
        "access_token": TOKEN,
        "token_type": "Bearer",
        "expires_in": 300,
        "scope": f"launch {SCOPES}",
        "patient": PATIENT,
    }
    return {name: each for name, each in (said | changed).items() if each is not None}


@dataclass
class Ehr:
    """The EHR's answers, whole and as bytes; a test puts others in their place."""

    stub: Stub | None = None
    metadata: bytes | None = None
    token: bytes = field(default_factory=lambda: said_json(granted()))
    created: bytes = field(default_factory=lambda: said_json({}, 201))
    changed: Json = field(default_factory=dict)

    @property
    def iss(self) -> str:
        assert self.stub is not None
        return f"{self.stub.url}/fhir"

    def reply(self, request: Request) -> list[bytes]:
        path = urlsplit(request.target).path.removeprefix("/fhir")
        if path == "/.well-known/smart-configuration":
            return [self.metadata or said_json(self.configuration())]
        if path == "/token":
            return [self.token]
        return [self.fhir(request, path)]

    def fhir(self, request: Request, path: str) -> bytes:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return said_json({}, 401)
        if request.method == "POST":
            return self.created
        if path == f"/Patient/{PATIENT}":
            name = {"given": ["Ada", "B."], "family": "Sample"}
            return said_json(patient(id=PATIENT, name=[name]))
        if path.startswith("/Patient/"):
            return said_json({}, 404)
        if path == "/Condition":
            own = condition() | {"subject": {"reference": f"Patient/{PATIENT}"}}
            return said_json(searchset(own))
        return said_json(searchset())

    def configuration(self) -> Json:
        assert self.stub is not None
        said: Json = {
            "issuer": self.stub.url,
            "authorization_endpoint": f"{self.stub.url}/authorize",
            "token_endpoint": f"{self.stub.url}/token",
            "code_challenge_methods_supported": ["S256"],
        }
        return {name: each for name, each in (said | self.changed).items() if each is not None}

    def posted(self, path: str) -> list[Request]:
        assert self.stub is not None
        return [each for each in self.stub.asked if each.method == "POST" and each.target == path]


@contextmanager
def launching() -> Iterator[Ehr]:
    ehr = Ehr()
    with serving(ehr.reply) as stub:
        ehr.stub = stub
        yield ehr


def app_for(ehr: Ehr, **changed: Any) -> Flask:  # noqa: ANN401  as in Settings
    settings: Json = {
        "smart_client_id": "red-flag-form",
        "smart_client_secret": SECRET,
        "smart_issuers": (read_base(ehr.iss),),
        "public_url": PUBLIC_URL,
        "fhir_deadline": WAIT,
    }
    return create_app(Settings(**(settings | changed)), now=lambda: NOW)


def arguments_of(response: TestResponse) -> dict[str, str]:
    """Return the arguments of the address that a response sends the browser to."""
    return dict(parse_qsl(urlsplit(response.headers["Location"]).query))


def launch(browser: FlaskClient, ehr: Ehr, context: str | None = "xyz") -> dict[str, str]:
    """Launch, and return what the EHR is asked."""
    query = {"iss": ehr.iss} | ({"launch": context} if context else {})
    response = browser.get("/smart/launch", query_string=query)
    assert response.status_code == 303, response.text
    return arguments_of(response)


def come_back(browser: FlaskClient, state: str, **more: str) -> TestResponse:
    return browser.get("/smart/callback", query_string={"state": state, "code": CODE} | more)


def opened(browser: FlaskClient, ehr: Ehr) -> str:
    """Go the whole way, and return the page of the form."""
    response = come_back(browser, launch(browser, ehr)["state"])
    assert response.status_code == 303, response.text
    assert response.headers["Location"] == f"{PUBLIC_URL}/smart/form"
    page = browser.get("/smart/form")
    assert page.status_code == 200, page.text
    return page.text


def hidden(page: str) -> dict[str, str]:
    """Return what a page carries along, as a browser would send it."""
    found = re.findall(r'type="hidden" name="(record|token)" value="([^"]*)"', page)
    return {name: unescape(value) for name, value in found}


def submit(browser: FlaskClient, page: str, path: str = "/smart/form", **said: str) -> TestResponse:
    named = {name.replace("_", "-"): value for name, value in said.items()}
    fields = {"do": "judge"} | hidden(page) | named
    return browser.post(path, data=fields, content_type="multipart/form-data")


def written(ehr: Ehr) -> list[Json]:
    return [orjson.loads(each.body) for each in ehr.posted("/fhir/QuestionnaireResponse")]
