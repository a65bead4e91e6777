"""The launch: who may start it, what is asked, what comes back, and what is refused."""

from __future__ import annotations

import base64
import hashlib
import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import pytest

from cds_service.app import create_app
from cds_service.security.allowed import read_base
from cds_service.settings import SCOPES, Settings, SettingsError
from tests.smart.stub_ehr import (
    CODE,
    PUBLIC_URL,
    SECRET,
    TOKEN,
    app_for,
    come_back,
    granted,
    launch,
    opened,
)
from tests.stub_server import said, said_json

if TYPE_CHECKING:
    from pathlib import Path

    from flask.testing import FlaskClient

    from tests.smart.stub_ehr import Ehr

Json = dict[str, Any]


# --- what is asked of the EHR ---


def test_an_ehr_launches(browser: FlaskClient, ehr: Ehr) -> None:
    asked = launch(browser, ehr)
    assert asked["response_type"] == "code"
    assert asked["client_id"] == "red-flag-form"
    assert asked["redirect_uri"] == f"{PUBLIC_URL}/smart/callback"
    assert asked["scope"] == f"launch {SCOPES}"
    assert asked["aud"] == ehr.iss
    assert asked["launch"] == "xyz"
    assert asked["code_challenge_method"] == "S256"
    assert len(asked["state"]) >= 43, "122 bits and more. Source: SMART App Launch 2.2"


def test_without_a_launch_a_patient_is_chosen_at_the_ehr(browser: FlaskClient, ehr: Ehr) -> None:
    asked = launch(browser, ehr, context=None)
    assert asked["scope"] == f"launch/patient {SCOPES}"
    assert "launch" not in asked


def test_the_only_ehr_needs_no_choice(browser: FlaskClient) -> None:
    assert browser.get("/smart/launch").status_code == 303


def test_of_several_ehrs_one_is_chosen(ehr: Ehr) -> None:
    other = read_base("https://other.example.org/fhir")
    browser = app_for(ehr, smart_issuers=(read_base(ehr.iss), other)).test_client()
    page = browser.get("/smart/launch")
    assert page.status_code == 200
    for iss in (ehr.iss, str(other)):
        assert f'href="/smart/launch?iss={iss}"' in page.text


def test_the_token_is_asked_for_with_the_verifier_of_the_challenge(
    browser: FlaskClient, ehr: Ehr
) -> None:
    asked = launch(browser, ehr)
    assert come_back(browser, asked["state"]).status_code == 303
    (request,) = ehr.posted("/token")
    sent = dict(parse_qsl(request.body.decode()))
    digest = hashlib.sha256(sent.pop("code_verifier").encode()).digest()
    assert base64.urlsafe_b64encode(digest).decode().rstrip("=") == asked["code_challenge"]
    assert sent == {
        "grant_type": "authorization_code",
        "code": CODE,
        "redirect_uri": f"{PUBLIC_URL}/smart/callback",
    }
    basic = base64.b64encode(f"red-flag-form:{SECRET}".encode()).decode()
    assert request.headers["authorization"] == f"Basic {basic}"


def test_a_client_without_a_secret_names_itself(ehr: Ehr) -> None:
    browser = app_for(ehr, smart_client_secret=None).test_client()
    come_back(browser, launch(browser, ehr)["state"])
    (request,) = ehr.posted("/token")
    assert dict(parse_qsl(request.body.decode()))["client_id"] == "red-flag-form"
    assert "authorization" not in request.headers


# --- who may launch ---


@pytest.mark.parametrize(
    "iss",
    [
        "https://evil.example.org/fhir",
        "{}.evil.example.org",
        "{}/../other",
        "{}@evil.example.org",
        "javascript:alert(1)",
        "//evil.example.org",
    ],
)
def test_an_ehr_that_is_not_listed(browser: FlaskClient, ehr: Ehr, iss: str) -> None:
    response = browser.get("/smart/launch", query_string={"iss": iss.format(ehr.iss)})
    assert response.status_code == 403
    assert "Location" not in response.headers
    assert ehr.stub is not None
    assert not ehr.stub.asked


def test_a_launch_of_nobody(browser: FlaskClient) -> None:
    assert browser.get("/smart/launch?launch=xyz").status_code == 400
    assert browser.get("/smart/launch?iss=a&iss=b").status_code == 400
    assert browser.get("/smart/launch", query_string={"iss": "x" * 2049}).status_code == 400


METADATA: dict[str, Json] = {
    "no authorization endpoint": {"authorization_endpoint": None},
    "an authorization endpoint that is no address": {"authorization_endpoint": "javascript:x()"},
    "a fragment in it": {"authorization_endpoint": "https://ehr.example.org/a#b"},
    "no token endpoint": {"token_endpoint": 7},
    "no PKCE": {"code_challenge_methods_supported": None},
    "plain PKCE": {"code_challenge_methods_supported": ["plain"]},
}


@pytest.mark.parametrize("changed", METADATA.values(), ids=METADATA)
def test_an_ehr_that_does_not_say_where(browser: FlaskClient, ehr: Ehr, changed: Json) -> None:
    ehr.changed = changed
    response = browser.get("/smart/launch", query_string={"iss": ehr.iss})
    assert response.status_code == 502
    assert "Location" not in response.headers


@pytest.mark.parametrize(
    "answer",
    [
        said(404),
        said(body=b"<html>"),
        said(body=b"[]"),
        said(302, b"", Location="https://evil.example.org/"),
        b"nonsense",
    ],
)
def test_an_ehr_without_smart(browser: FlaskClient, ehr: Ehr, answer: bytes) -> None:
    ehr.metadata = answer
    response = browser.get("/smart/launch", query_string={"iss": ehr.iss})
    assert response.status_code == 502
    assert "evil" not in response.text


# --- coming back ---


def refused(browser: FlaskClient, ehr: Ehr, state: str, status: int = 403, **more: str) -> str:
    """Come back to no avail: nothing is asked of the EHR, and no form is opened."""
    response = come_back(browser, state, **more)
    assert response.status_code == status
    assert not ehr.posted("/token")
    assert browser.get("/smart/form").status_code == 403
    return response.text


def test_another_state(browser: FlaskClient, ehr: Ehr) -> None:
    asked = launch(browser, ehr)
    assert "did not begin in this browser" in refused(browser, ehr, asked["state"] + "x")
    assert "did not begin in this browser" in refused(browser, ehr, "")


def test_the_state_of_another_browser(browser: FlaskClient, ehr: Ehr) -> None:
    victim = browser.application.test_client()
    launch(victim, ehr)
    refused(victim, ehr, launch(browser, ehr)["state"])


def test_no_launch_at_all(browser: FlaskClient, ehr: Ehr) -> None:
    refused(browser, ehr, "")


def test_a_launch_is_used_once(browser: FlaskClient, ehr: Ehr) -> None:
    state = launch(browser, ehr)["state"]
    key = browser.get_cookie("cds-launch")
    assert key is not None
    assert come_back(browser, state).status_code == 303
    browser.set_cookie("cds-launch", key.value)
    assert come_back(browser, state).status_code == 403
    assert len(ehr.posted("/token")) == 1


def test_another_server_answers(browser: FlaskClient, ehr: Ehr) -> None:
    state = launch(browser, ehr)["state"]
    told = refused(browser, ehr, state, iss="https://evil.example.org")
    assert "another server answers" in told


def test_a_server_that_always_names_itself_and_did_not(browser: FlaskClient, ehr: Ehr) -> None:
    ehr.changed = {"authorization_response_iss_parameter_supported": True}
    refused(browser, ehr, launch(browser, ehr)["state"])
    assert ehr.stub is not None
    named = come_back(browser, launch(browser, ehr)["state"], iss=ehr.stub.url)
    assert named.status_code == 303


def test_an_error_in_the_place_of_a_code(browser: FlaskClient, ehr: Ehr) -> None:
    told = refused(browser, ehr, launch(browser, ehr)["state"], error="access_denied")
    assert "access_denied" in told
    hostile = "<script>alert(1)</script>"
    told = refused(browser, ehr, launch(browser, ehr)["state"], error=hostile)
    assert "script>alert" not in told
    assert "no reason given" in told


def test_no_code(browser: FlaskClient, ehr: Ehr) -> None:
    refused(browser, ehr, launch(browser, ehr)["state"], status=400, code="")


TOKENS: dict[str, tuple[int, bytes]] = {
    "an error": (403, said_json({"error": "invalid_grant", "error_description": TOKEN}, 400)),
    "a fault": (502, said(500)),
    "not JSON": (502, said(body=b"<html>")),
    "a list": (502, said(body=b"[]")),
    "a redirect": (502, said(307, b"", Location="https://evil.example.org/")),
    "no HTTP": (502, b"nonsense"),
    "no token": (502, said_json(granted(access_token=None))),
    "a token that breaks the line": (502, said_json(granted(access_token="a\r\nX: y"))),
    "another kind of token": (502, said_json(granted(token_type="mac"))),
    "no patient": (502, said_json(granted(patient=None))),
    "two patients": (502, said_json(granted(patient=["p1", "p2"]))),
    "a patient that is a path": (502, said_json(granted(patient="../Patient?x"))),
    "a lifetime that is none": (502, said_json(granted(expires_in="soon"))),
}


@pytest.mark.parametrize(("status", "answer"), TOKENS.values(), ids=TOKENS)
def test_token_responses(browser: FlaskClient, ehr: Ehr, status: int, answer: bytes) -> None:
    ehr.token = answer
    response = come_back(browser, launch(browser, ehr)["state"])
    assert response.status_code == status
    assert TOKEN not in response.text
    assert "Location" not in response.headers
    assert browser.get("/smart/form").status_code == 403


def test_a_token_endpoint_at_an_address_that_nobody_listed(browser: FlaskClient, ehr: Ehr) -> None:
    ehr.changed = {"token_endpoint": "http://10.0.0.1/token"}
    response = come_back(browser, launch(browser, ehr)["state"])
    assert response.status_code == 502
    assert "neither public nor listed" in response.text


# --- what is kept where ---


def test_cookies(browser: FlaskClient, ehr: Ehr) -> None:
    response = browser.get("/smart/launch", query_string={"iss": ehr.iss})
    (cookie,) = response.headers.getlist("Set-Cookie")
    assert cookie.startswith("cds-launch=")
    assert cookie.endswith("; Max-Age=600; HttpOnly; Path=/; SameSite=Lax")
    secure = app_for(ehr, public_url="https://cds.example.org").test_client()
    (cookie,) = secure.get("/smart/launch").headers.getlist("Set-Cookie")
    assert cookie.startswith("__Host-cds-launch=")
    assert "; Secure; HttpOnly; Path=/; SameSite=Lax" in cookie
    assert "Domain" not in cookie


def test_the_token_is_nowhere_but_in_the_sealed_session(
    ehr: Ehr,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    app = app_for(ehr, database=f"sqlite:///{tmp_path}/store.db")
    browser = app.test_client()
    asked = launch(browser, ehr)
    back = come_back(browser, asked["state"])
    page = browser.get("/smart/form")
    told = [*asked.values(), page.text, *map(str, [*back.headers, *page.headers]), caplog.text]
    app.extensions["journal"].close()
    kept = b"".join(each.read_bytes() for each in tmp_path.glob("store.db*") if each.is_file())
    for secret in (TOKEN, SECRET):
        assert not any(secret in each for each in told)
        assert secret.encode() not in kept
    key = browser.get_cookie("cds-form")
    assert key is not None
    assert key.value.encode() not in kept
    assert ehr.stub is not None
    assert not any(TOKEN in each.target or SECRET in each.target for each in ehr.stub.asked)


def test_every_worker_knows_a_session_in_a_database(ehr: Ehr, tmp_path: Path) -> None:
    app = app_for(ehr, database=f"sqlite:///{tmp_path}/store.db")
    browser = app.test_client()
    opened(browser, ehr)
    assert browser.get("/smart/form").status_code == 200
    app.extensions["journal"].close()


# --- settings ---


def test_without_settings_there_is_nothing() -> None:
    browser = create_app(Settings()).test_client()
    for path in ("/smart/launch", "/smart/callback", "/smart/form"):
        response = browser.get(path)
        assert response.status_code == 404
        assert "SMART launch is not set up here" in response.text


LISTED = (read_base("https://ehr.example.org/fhir"),)


@pytest.mark.parametrize(
    "some",
    [
        {"smart_client_id": "x"},
        {"smart_issuers": LISTED},
        {"smart_client_secret": "x"},
        {"smart_client_id": "x", "smart_issuers": LISTED},
        {"smart_client_id": "x", "smart_issuers": LISTED, "public_url": "http://cds.example.org"},
    ],
)
def test_settings_that_do_not_suffice(some: Json) -> None:
    with pytest.raises(SettingsError, match="CDS_PUBLIC_URL"):
        create_app(Settings(**some))
