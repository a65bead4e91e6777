"""Who is let in at each route, and what the others are told, which is nothing."""

from __future__ import annotations

import logging
import re
import time
import uuid
from functools import partial
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from cryptography import x509
from flask.testing import FlaskClient

from cds_service import metrics
from cds_service.app import create_app
from cds_service.security.callers import OPEN_TO_ALL, OPEN_TO_PEOPLE, caller
from cds_service.security.tokens import REASONS
from cds_service.settings import Settings, SettingsError
from tests.protocol import CheckedClient
from tests.records import (
    ASSESS,
    NOW,
    SERVICE,
    condition,
    hook_request,
    record,
    whole_prefetch,
)
from tests.security.test_outbound import Pki
from tests.signing import (
    ISS,
    JKU,
    PUBLIC_URL,
    Signer,
    claims,
    key_set,
    signer,
    unsigned,
    write_clients,
)
from tests.stub_server import said_json, serving

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from flask import Flask
    from werkzeug.test import TestResponse

    from tests.records import Json

JSON = "application/json"
ORIGIN = "https://ehr.example.org"
GOOD_CALL = hook_request(whole_prefetch(condition()))


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """Return a service that one EHR may call, and browsers of one origin."""
    file = write_clients(tmp_path_factory.mktemp("clients"))
    settings = Settings(clients=file, public_url=PUBLIC_URL, cors_origins=(ORIGIN,))
    app = create_app(settings, now=lambda: NOW)
    app.test_client_class = CheckedClient
    return app


@pytest.fixture
def asking(app: Flask) -> FlaskClient:
    return app.test_client()


def bearer(path: str = SERVICE, **changed: object) -> dict[str, str]:
    """Return the header of a good token for a path, used by nobody before."""
    said = {"aud": PUBLIC_URL + path, "jti": str(uuid.uuid4()), **changed}
    return {"Authorization": f"Bearer {signer().sign(claims(time.time(), **said))}"}


def refused_so_far(reason: str) -> float:
    count: float = metrics.REFUSED.labels(reason)._value.get()
    return count


def check_turned_away(response: TestResponse) -> None:
    assert response.status_code == 401
    assert response.data == b""
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert response.headers["Content-Length"] == "0"
    assert "Content-Type" not in response.headers


# --- where a token is asked for ---

ASKED = [
    ("GET", "/cds-services"), ("HEAD", "/cds-services"), ("GET", "/cds-services/"),
    ("POST", SERVICE), ("POST", f"{SERVICE}/"), ("POST", ASSESS),
    ("GET", "/api/v1/criteria"), ("GET", "/api/v1/criteria/E01"), ("GET", "/api/v1/criteria/nope"),
    ("GET", "/api/v1/findings"), ("GET", "/samples"), ("GET", "/samples/cauda-equina"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path"), ASKED)
def test_asked(asking: FlaskClient, method: str, path: str) -> None:
    response = asking.open(path, method=method, json={} if method == "POST" else None)
    check_turned_away(response)
    with_token = asking.open(
        path, method=method, json={} if method == "POST" else None, headers=bearer(path)
    )
    assert with_token.status_code in {200, 400, 404}


def test_every_route_asks_but_those_that_are_listed(app: Flask) -> None:
    asking = FlaskClient(app, app.response_class)  # some of them are pages
    for rule in app.url_map.iter_rules():
        path = rule.rule.replace("<service_id>", "back-pain-patient-view")
        for method in (rule.methods or set()) - {"OPTIONS"}:
            asked = asking.open(path, method=method, json={} if method == "POST" else None)
            asks = rule.rule not in OPEN_TO_ALL | OPEN_TO_PEOPLE
            assert (asked.status_code == 401) == asks, (method, path)


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/openapi.json"])
def test_not_asked(asking: FlaskClient, path: str) -> None:
    assert asking.get(path).status_code == 200


@pytest.mark.parametrize("path", ["/cds-services", SERVICE, ASSESS, f"/{SERVICE}/"])
def test_a_preflight_is_not_asked(asking: FlaskClient, path: str) -> None:
    response = asking.open(
        "/", method="OPTIONS", environ_overrides={"PATH_INFO": path}, headers={"Origin": ORIGIN}
    )
    assert response.status_code == 200
    assert response.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "Authorization" in response.headers["Access-Control-Allow-Headers"]


# --- who is let in ---


def test_discovery_and_a_call(asking: FlaskClient) -> None:
    assert asking.get("/cds-services", headers=bearer("/cds-services")).status_code == 200
    response = asking.post(SERVICE, json=GOOD_CALL, headers=bearer())
    assert response.status_code == 200
    assert response.get_json()["cards"]


def test_a_clinical_tool(asking: FlaskClient) -> None:
    response = asking.post(ASSESS, json=record(condition()), headers=bearer(ASSESS))
    assert response.status_code == 200


def test_what_comes_through_a_proxy_shows_its_token(asking: FlaskClient) -> None:
    forwarded = {"X-Forwarded-For": "10.0.0.1"}
    assert asking.get("/cds-services", headers=forwarded).status_code == 401
    response = asking.get("/cds-services", headers=forwarded | bearer("/cds-services"))
    assert response.status_code == 200


def test_the_address_comes_from_the_settings_never_from_the_request(asking: FlaskClient) -> None:
    """A Host header is the caller's own word."""
    token = bearer(SERVICE, aud="https://evil.example" + SERVICE)
    response = asking.post(SERVICE, json=GOOD_CALL, headers=token, base_url="https://evil.example")
    check_turned_away(response)
    response = asking.post(
        SERVICE, json=GOOD_CALL, headers=bearer(), base_url="http://10.0.0.1:8000"
    )
    assert response.status_code == 200


def test_who_calls_is_known_to_the_routes(app: Flask) -> None:
    with app.test_request_context(SERVICE, method="POST", json={}, headers=bearer()):
        assert caller() is None
        assert app.preprocess_request() is None
        assert caller() == ISS


def test_a_token_lets_in_once(asking: FlaskClient) -> None:
    header = bearer()
    assert asking.post(SERVICE, json=GOOD_CALL, headers=header).status_code == 200
    check_turned_away(asking.post(SERVICE, json=GOOD_CALL, headers=header))


# --- what the others are told ---


def several() -> list[tuple[str, str]]:
    return [("Authorization", bearer()["Authorization"]) for _ in range(2)]


# Made when they are sent: a token that was made with its test case may be over by its turn.
Headers = dict[str, str] | list[tuple[str, str]]
TURNED_AWAY: dict[str, tuple[str, Callable[[], Headers]]] = {
    "nothing": ("missing", dict),
    "garbage": ("malformed", lambda: {"Authorization": "Bearer \xff\xfe.\x80.\x90"}),
    "a password": ("malformed", lambda: {"Authorization": "Basic dXNlcjpzZWNyZXQ="}),
    "several headers": ("malformed", several),
    "alg none": (
        "algorithm",
        lambda: {"Authorization": "Bearer " + unsigned({"alg": "none"}, claims(time.time()), b"x")},
    ),
    "another key": (
        "signature",
        lambda: {"Authorization": "Bearer " + Signer().sign(claims(time.time()))},
    ),
    "iss": ("issuer", partial(bearer, iss="https://evil.example")),
    "aud": ("audience", partial(bearer, aud="https://evil.example")),
    "exp as text": ("claims", partial(bearer, exp="4102444800")),
    "expired": ("expired", partial(bearer, iat=1_700_000_000, exp=1_700_000_300)),
    "future": ("early", partial(bearer, iat=4_102_444_800, exp=4_102_445_000)),
    "far exp": ("lifetime", partial(bearer, exp=4_102_444_800)),
    "huge jti": ("claims", partial(bearer, jti="x" * 5_000)),
    "a jti that writes lines": ("claims", partial(bearer, jti="x\n2026-11-20 all is well")),
    "a deep iss": (
        "issuer",
        lambda: {"Authorization": "Bearer " + unsigned({}, {"iss": [[[[[]]]]]}, b"x")},
    ),
}


@pytest.mark.parametrize(("reason", "make"), TURNED_AWAY.values(), ids=TURNED_AWAY)
def test_401_says_nothing_the_log_says_why_and_neither_holds_the_token(
    asking: FlaskClient,
    reason: str,
    make: Callable[[], Headers],
    caplog: pytest.LogCaptureFixture,
) -> None:
    headers = make()
    before = refused_so_far(reason)
    with caplog.at_level(logging.DEBUG):
        response = asking.post(SERVICE, json=GOOD_CALL, headers=headers)
    check_turned_away(response)
    assert refused_so_far(reason) == before + 1
    (said,) = [each.getMessage() for each in caplog.records if each.name == "cds_service"]
    assert f"({reason}): {REASONS[reason]}; iss " in said
    assert said.isprintable()
    assert len(said) < 500
    pairs = headers if isinstance(headers, list) else headers.items()
    for _, value in pairs:
        for part in re.split(r"[ .]", value)[1:]:
            assert len(part) < 2 or part not in caplog.text + str(response.headers), part


def test_401_can_be_read_by_the_browsers_that_may_call(asking: FlaskClient) -> None:
    response = asking.post(SERVICE, json={}, headers={"Origin": ORIGIN})
    check_turned_away(response)
    assert response.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert response.headers["Vary"] == "Origin"
    elsewhere = asking.post(SERVICE, json={}, headers={"Origin": "https://evil.example"})
    assert "Access-Control-Allow-Origin" not in elsewhere.headers


# --- the order of checks ---

ORDER: dict[str, tuple[int, str, str, dict[str, Any]]] = {
    "method": (405, "PUT", "/cds-services/nope", {"data": b"x"}),
    "path": (404, "POST", "/cds-services/nope", {"data": b"x"}),
    "content type": (415, "POST", SERVICE, {"data": b"x" * 10_485_761}),
    "size": (413, "POST", SERVICE, {"data": b"x" * 10_485_761, "content_type": JSON}),
    "token": (401, "POST", SERVICE, {"data": b"{", "content_type": JSON}),
    "body": (400, "POST", SERVICE, {"data": b"{", "content_type": JSON, "headers": bearer}),
    "envelope": (400, "POST", SERVICE, {"json": {}, "headers": bearer}),
    "data": (412, "POST", SERVICE, {"json": hook_request(), "headers": bearer}),
}


@pytest.mark.parametrize(("status", "method", "path", "call"), ORDER.values(), ids=ORDER)
def test_the_first_fault_is_told(
    asking: FlaskClient, status: int, method: str, path: str, call: dict[str, Any]
) -> None:
    if "headers" in call:
        call = call | {"headers": call["headers"]()}
    assert asking.open(path, method=method, **call).status_code == status


def test_the_service_that_is_not_there_uses_no_token_up(asking: FlaskClient) -> None:
    header = bearer()
    assert asking.post("/cds-services/nope", json={}, headers=header).status_code == 404
    assert asking.post(SERVICE, data="x", headers=header).status_code == 415
    assert asking.post(SERVICE, json=GOOD_CALL, headers=header).status_code == 200


# --- keys from an address ---


def test_keys_are_fetched_from_the_address_of_the_client_and_no_other(tmp_path: Path) -> None:
    asked = []

    def fetch(url: str) -> bytes:
        asked.append(url)
        return orjson.dumps(key_set(signer()))

    file = write_clients(tmp_path, {"iss": ISS, "jku": JKU})
    client = create_app(Settings(clients=file, public_url=PUBLIC_URL), fetch=fetch).test_client()
    assert asked == []
    elsewhere = signer().sign(
        claims(time.time(), aud=f"{PUBLIC_URL}/cds-services"), jku="https://evil.example/jwks"
    )
    headers = {"Authorization": f"Bearer {elsewhere}"}
    assert client.get("/cds-services", headers=headers).status_code == 401
    assert asked == []
    assert client.get("/cds-services", headers=bearer("/cds-services")).status_code == 200
    assert asked == [JKU]


def test_keys_come_over_tls_from_whom_the_system_trusts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A site's own authority is named as for any program: by SSL_CERT_FILE."""
    answer = said_json(key_set(signer()))
    pki = Pki(tmp_path)
    context = pki.serving_as(x509.DNSName("localhost"))
    with serving(lambda _: [answer], context=context) as stub:
        jku = f"https://localhost:{stub.port}/jwks.json"
        file = write_clients(tmp_path, {"iss": ISS, "jku": jku, "jkuAddress": "127.0.0.1"})
        settings = Settings(clients=file, public_url=PUBLIC_URL)
        stranger = create_app(settings).test_client()
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        client = create_app(settings).test_client()
        assert stranger.get("/cds-services", headers=bearer("/cds-services")).status_code == 401
        assert "the certificate of localhost was refused" in caplog.text
        assert stub.asked == []
        assert client.get("/cds-services", headers=bearer("/cds-services")).status_code == 200
        assert [each.target for each in stub.asked] == ["/jwks.json"]
        assert "authorization" not in stub.asked[0].headers, "their token is for us"


# --- what refuses to start ---

SANDBOX = "https://sandbox.cds-hooks.org"
SANDBOX_CLIENT: Json = {"iss": SANDBOX, "jku": f"{SANDBOX}/.well-known/jwks.json"}


def test_a_client_that_anybody_can_play_is_for_this_machine_only(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = write_clients(tmp_path, SANDBOX_CLIENT)
    public = Settings(clients=file, public_url=PUBLIC_URL, bind="0.0.0.0:8000")
    with pytest.raises(SettingsError, match=f"{SANDBOX}, whose private key is public"):
        create_app(public, fetch=lambda _: b"")
    for settings in (
        Settings(clients=file, public_url=PUBLIC_URL),
        Settings(clients=file, public_url=PUBLIC_URL, bind="0.0.0.0:8000", open=True),
    ):
        caplog.clear()
        create_app(settings, fetch=lambda _: b"")
        assert f"the private key of {SANDBOX} is public" in caplog.text


def test_nobody_is_asked_where_nobody_is_named() -> None:
    client = create_app(Settings(), now=lambda: NOW).test_client()
    response = client.get("/cds-services", headers={"Authorization": "Bearer x"})
    assert response.status_code == 200
