"""The edge around all routes: CORS, slashes, headers, and who may call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cds_service.app import create_app
from cds_service.security.edge import is_loopback
from cds_service.settings import Settings
from tests.protocol import CheckedClient
from tests.records import ASSESS, NOW, SERVICE, condition, hook_request, record, whole_prefetch

if TYPE_CHECKING:
    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

    from tests.records import Json

ORIGIN = "https://ehr.example.org"
PREFLIGHT = {
    "Origin": ORIGIN,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type",
}


def client_of(settings: Settings) -> FlaskClient:
    app = create_app(settings, now=lambda: NOW)
    app.test_client_class = CheckedClient
    return app.test_client()


@pytest.fixture(scope="module")
def closed() -> FlaskClient:
    """Return a client of a service that browsers may call from one origin only."""
    return client_of(Settings(cors_origins=(ORIGIN,)))


def at(client: FlaskClient, path: str, method: str, json: Json | None = None) -> TestResponse:
    """Call a path as it is: the test client would take a leading `//` for a host."""
    return client.open("/", method=method, environ_overrides={"PATH_INFO": path}, json=json)


# --- CORS ---


@pytest.mark.parametrize("path", ["/cds-services", SERVICE, ASSESS])
def test_preflight(client: FlaskClient, path: str) -> None:
    response = client.options(path, headers=PREFLIGHT)
    assert response.status_code == 200
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert response.headers["Access-Control-Allow-Methods"] == "GET, POST, OPTIONS"
    assert response.headers["Access-Control-Allow-Headers"] == "Authorization, Content-Type, Accept"
    assert "Location" not in response.headers


FAILING = {
    "400": ("POST", SERVICE, {"json": {}}),
    "403": ("GET", "/cds-services", {"headers": {"Forwarded": "for=10.0.0.1"}}),
    "404": ("GET", "/nope", {}),
    "405": ("GET", SERVICE, {}),
    "412": ("POST", SERVICE, {"json": hook_request()}),
    "415": ("POST", SERVICE, {"data": "x"}),
}


@pytest.mark.parametrize(("method", "path", "call"), FAILING.values(), ids=FAILING)
def test_errors_can_be_read_by_browsers_too(
    client: FlaskClient, method: str, path: str, call: dict[str, Any]
) -> None:
    response = client.open(path, method=method, **call)
    assert response.status_code >= 400
    assert response.headers["Access-Control-Allow-Origin"] == "*"


def test_a_listed_origin_is_let_in(closed: FlaskClient) -> None:
    for response in (
        closed.options(SERVICE, headers=PREFLIGHT),
        closed.get("/cds-services", headers={"Origin": ORIGIN}),
        closed.get("/nope", headers={"Origin": ORIGIN}),
    ):
        assert response.headers["Access-Control-Allow-Origin"] == ORIGIN
        assert response.headers["Vary"] == "Origin"


@pytest.mark.parametrize("origin", ["https://evil.example", "null", f"{ORIGIN}.evil.example"])
def test_another_origin_is_not(closed: FlaskClient, origin: str) -> None:
    response = closed.options(SERVICE, headers={**PREFLIGHT, "Origin": origin})
    assert "Access-Control-Allow-Origin" not in response.headers
    assert response.headers["Vary"] == "Origin"


def test_a_call_without_an_origin_is_no_browsers(closed: FlaskClient) -> None:
    response = closed.get("/cds-services")
    assert response.status_code == 200
    assert "Access-Control-Allow-Origin" not in response.headers


# --- slashes ---


@pytest.mark.parametrize("method", ["GET", "OPTIONS", "HEAD"])
@pytest.mark.parametrize(
    "path", ["/cds-services/", "//cds-services", "/cds-services//", "///cds-services///"]
)
def test_discovery_with_slashes_too_many(client: FlaskClient, path: str, method: str) -> None:
    response = at(client, path, method)
    assert response.status_code == 200
    assert "Location" not in response.headers


@pytest.mark.parametrize("method", ["POST", "OPTIONS"])
@pytest.mark.parametrize("path", [f"{SERVICE}/", f"/{SERVICE}", SERVICE.replace("s/", "s//"),
                                  f"{SERVICE}//"])  # fmt: skip
def test_a_service_with_slashes_too_many(client: FlaskClient, path: str, method: str) -> None:
    body = hook_request(whole_prefetch(condition()))
    response = at(client, path, method, json=body)
    assert response.status_code == 200


@pytest.mark.parametrize("path", [f"{ASSESS}/", "/api//v1/assessments", "/api/v1//assessments//"])
def test_rest_with_slashes_too_many(client: FlaskClient, path: str) -> None:
    assert at(client, path, "POST", json=record(condition())).status_code == 200


# --- methods and paths ---


@pytest.mark.parametrize(
    ("path", "method", "allowed"),
    [
        ("/cds-services", "POST", {"GET", "HEAD", "OPTIONS"}),
        (SERVICE, "GET", {"POST", "OPTIONS"}),
        (SERVICE, "PUT", {"POST", "OPTIONS"}),
        (SERVICE, "DELETE", {"POST", "OPTIONS"}),
        (ASSESS, "GET", {"POST", "OPTIONS"}),
        ("/api/v1/criteria/E01", "PATCH", {"GET", "HEAD", "OPTIONS"}),
        ("/healthz", "POST", {"GET", "HEAD", "OPTIONS"}),
    ],
)
def test_405_says_what_is_allowed(
    client: FlaskClient, path: str, method: str, allowed: set[str]
) -> None:
    response = client.open(path, method=method)
    assert response.status_code == 405
    assert set(response.headers["Allow"].split(", ")) == allowed


@pytest.mark.parametrize(
    "path",
    ["/nope", "/cds-services/back-pain-patient-view/nope", "/api", "/api/v2/criteria", "/%00",
     "/cds-services/..%2f..%2fetc", "/files/x"],
)  # fmt: skip
def test_404_does_not_repeat_the_path(client: FlaskClient, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 404
    assert "nope" not in response.text


def test_404_names_the_services(client: FlaskClient) -> None:
    response = client.post("/cds-services/low-back-pain", json={})
    assert response.status_code == 404
    assert "back-pain-patient-view" in response.get_json()["issue"][0]["details"]["text"]


# --- who may call ---

FORWARDED = ["Forwarded", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host",
             "X-Forwarded-Prefix"]  # fmt: skip


@pytest.mark.parametrize("header", FORWARDED)
@pytest.mark.parametrize("path", ["/cds-services", "/healthz", "/nope"])
def test_403_for_what_came_through_a_proxy(client: FlaskClient, header: str, path: str) -> None:
    response = client.get(path, headers={header: "127.0.0.1"})
    assert response.status_code == 403
    assert "CDS_OPEN" in response.get_json()["issue"][0]["details"]["text"]


@pytest.mark.parametrize("header", FORWARDED)
def test_open_to_a_proxy_where_the_site_says_so(header: str) -> None:
    response = client_of(Settings(open=True)).get("/cds-services", headers={header: "10.0.0.1"})
    assert response.status_code == 200


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "localhost"])
def test_addresses_of_this_machine(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    ["0.0.0.0", "::", "10.0.0.1", "127.example.org", "ehr.example.org", "128.0.0.1", ""],  # noqa: S104
)
def test_addresses_that_others_reach(host: str) -> None:
    assert not is_loopback(host)


# --- headers ---


def test_headers_that_keep_answers_where_they_belong(client: FlaskClient) -> None:
    headers = client.post(SERVICE, json=hook_request(whole_prefetch(condition()))).headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "Set-Cookie" not in headers
