"""Who may see the page: everybody on this machine, nobody, or who signs in with the password."""

from __future__ import annotations

import logging
import re
from datetime import timedelta
from html import unescape
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
from werkzeug.security import generate_password_hash

from cds_service.insight import door, password
from cds_service.insight.password import STRETCH, TRIES, Attempts
from cds_service.problems import Problem
from cds_service.security.allowed import read_base
from cds_service.settings import SettingsError
from tests.insight.counting import DAY, app_with, count, store_of
from tests.records import NOW
from tests.signing import PUBLIC_URL, write_clients
from tests.store.test_away import Away

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from flask import Flask
    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

    Make = Callable[..., Flask]

SECRET = "correct horse battery"
WRONG = "correct horse batterz"
SHUT = "set CDS_ADMIN_PASSWORD, or CDS_OIDC_ISSUER"


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Return what makes a service with counts; its store is closed after the test."""
    made: list[Flask] = []

    def build(**settings: Any) -> Flask:  # noqa: ANN401  as in Settings
        made.append(app_with(tmp_path, **settings))
        count(store_of(made[-1]), *DAY)
        return made[-1]

    yield build
    for each in made:
        store_of(each).close()


def fields(browser: FlaskClient, then: str = "") -> dict[str, str]:
    """Open the page, and return the hidden fields of its form."""
    page = browser.get("/insight/sign-in", query_string={"then": then})
    assert page.status_code == 200
    found = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page.text)
    return {name: unescape(value) for name, value in found}


def sign_in(browser: FlaskClient, typed: str = SECRET, then: str = "") -> TestResponse:
    return browser.post("/insight/sign-in", data={**fields(browser, then), "password": typed})


# --- who has to sign in ---


def test_on_this_machine_nobody_has_to(make: Make) -> None:
    browser = make().test_client()
    assert "Cards sent" in browser.get("/insight").text
    assert browser.get("/insight/cards.csv").status_code == 200
    assert browser.get("/insight/sign-in").status_code == 404
    assert browser.get("/insight", headers={"Forwarded": "for=x"}).status_code == 403


REACHED: dict[str, dict[str, Any]] = {
    "bound elsewhere": {"bind": "0.0.0.0:8000"},
    "open": {"open": True},
}


@pytest.mark.parametrize("settings", REACHED.values(), ids=REACHED)
def test_where_others_come_nobody_sees_it_without_a_sign_in(
    make: Make, settings: dict[str, Any]
) -> None:
    browser = make(**settings).test_client()
    for path in ("/insight", "/insight/cards.csv"):
        answer = browser.get(path)
        assert answer.status_code == 403
        assert SHUT in answer.text
        assert "Emergency" not in answer.text
    assert 'href="/insight"' not in browser.get("/").text


def test_where_callers_are_asked_it_is_shut_as_well(make: Make, tmp_path: Path) -> None:
    app = make(clients=write_clients(tmp_path), public_url=PUBLIC_URL)
    answer = app.test_client().get("/insight", headers={"Forwarded": "for=x"})
    assert answer.status_code == 403
    assert SHUT in answer.text


@pytest.mark.parametrize("settings", [{}, *REACHED.values()], ids=["here", *REACHED])
def test_a_sign_in_that_is_set_up_is_asked_for(make: Make, settings: dict[str, Any]) -> None:
    browser = make(admin_password=SECRET, **settings).test_client()
    for path in ("/insight", "/insight?days=7", "/insight/cards.csv?from=2026-11-01&service="):
        answer = browser.get(path)
        assert answer.status_code == 303
        place = urlsplit(answer.location)
        assert place.path == "/insight/sign-in"
        assert parse_qs(place.query) == {"then": [path]}
    assert 'href="/insight"' in browser.get("/").text


def test_where_callers_are_asked_people_sign_in(make: Make, tmp_path: Path) -> None:
    app = make(
        clients=write_clients(tmp_path), public_url="http://localhost", admin_password=SECRET
    )
    browser = app.test_client()
    assert sign_in(browser).status_code == 303
    assert "Cards sent" in browser.get("/insight").text
    assert browser.get("/cds-services").status_code == 401, "a session opens nothing else"


def test_without_a_store_there_is_nothing_to_hide(tmp_path: Path) -> None:
    app = app_with(tmp_path, database=None, admin_password=SECRET, open=True)
    assert "Nothing is kept here" in app.test_client().get("/insight").text


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "both": ({"admin_password": SECRET, "oidc_client_id": "x"}, "either CDS_ADMIN_PASSWORD, or"),
    "half of one": ({"oidc_issuer": read_base("https://id.example.org")}, "and all of it"),
    "a secret alone": ({"oidc_client_secret": "x"}, "and all of it"),
    "without TLS": (
        {"admin_password": SECRET, "public_url": "http://cds.example.org"},
        "must reach this service over https",
    ),
}


@pytest.mark.parametrize(("settings", "words"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_work_refuses_to_start(
    tmp_path: Path, settings: dict[str, Any], words: str
) -> None:
    with pytest.raises(SettingsError, match=words):
        app_with(tmp_path, **settings)


# --- signing in and out ---


@pytest.mark.parametrize("setting", [SECRET, generate_password_hash(SECRET, "scrypt:1024:8:1")])
def test_the_password_opens_the_page(make: Make, setting: str) -> None:
    browser = make(admin_password=setting).test_client()
    answer = sign_in(browser, then="/insight?days=7&service=")
    assert answer.status_code == 303
    assert answer.location == "/insight?days=7&service="
    page = browser.get("/insight")
    assert "Cards sent" in page.text
    assert browser.get("/insight/cards.csv").status_code == 200


def test_the_key_is_out_of_reach(make: Make) -> None:
    here = make(admin_password=SECRET).test_client()
    (cookie,) = [each for each in sign_in(here).headers.getlist("Set-Cookie") if "insight=" in each]
    assert cookie.startswith("cds-insight=")
    assert {"HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))
    assert "Secure" not in cookie


def test_over_tls_the_key_stays_there(make: Make) -> None:
    browser = make(admin_password=SECRET, open=True).test_client()
    page = browser.get("/insight/sign-in", base_url="https://cds.example.org")
    (cookie,) = page.headers.getlist("Set-Cookie")
    assert cookie.startswith("__Host-cds-sign-in=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))


def test_a_wrong_password_is_said(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    browser = make(admin_password=SECRET).test_client()
    with caplog.at_level(logging.WARNING, "cds_service"):
        answer = sign_in(browser, WRONG)
    assert answer.status_code == 401
    assert "This is not the password." in answer.text
    assert WRONG not in answer.text + caplog.text
    assert "a wrong password" in caplog.text
    assert browser.get("/insight").status_code == 303
    assert sign_in(browser).status_code == 303


def test_nothing_typed_is_a_wrong_password(make: Make) -> None:
    browser = make(admin_password=SECRET).test_client()
    assert browser.post("/insight/sign-in", data=fields(browser)).status_code == 401


def test_who_signs_out_is_out(make: Make) -> None:
    browser = make(admin_password=SECRET).test_client()
    sign_in(browser)
    before = browser.get_cookie("cds-insight")
    assert before is not None
    page = browser.get("/insight").text
    (token,) = re.findall(r'action="/insight/sign-out">\s*<[^>]+value="([^"]+)"', page)
    answer = browser.post("/insight/sign-out", data={"token": token})
    assert answer.location == "/insight/sign-in"
    assert browser.get_cookie("cds-insight") is None
    browser.set_cookie("cds-insight", before.value)
    assert browser.get("/insight").status_code == 303, "the session itself has ended"
    assert browser.post("/insight/sign-out", data={}).status_code == 303, "nobody is there"


def test_a_session_ends_after_a_working_day(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = make(admin_password=SECRET).test_client()
    monkeypatch.setattr(door, "SESSION", -1)
    sign_in(browser)
    assert browser.get("/insight").status_code == 303


# --- what others try ---


@pytest.mark.parametrize(
    "then",
    [
        "https://evil.example",
        "//evil.example/insight",
        "/insight/../try",
        "/insight?x=https://evil.example",
        "/try",
        "/insight\\@evil",
        "/insight\n",
    ],
)
def test_nobody_is_led_away(make: Make, then: str) -> None:
    browser = make(admin_password=SECRET).test_client()
    given = {**fields(browser), "then": then, "password": SECRET}
    assert browser.post("/insight/sign-in", data=given).location == "/insight"


FORGED: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "no token": ({"token": ""}, {}),
    "another token": ({"token": "x"}, {}),
    "a token beyond ASCII": ({"token": "é"}, {}),
    "from another site": ({}, {"Sec-Fetch-Site": "cross-site"}),
    "from a site beside": ({}, {"Sec-Fetch-Site": "same-site"}),
}


@pytest.mark.parametrize(("changed", "headers"), FORGED.values(), ids=FORGED)
def test_another_site_signs_nobody_in_or_out(
    make: Make, changed: dict[str, str], headers: dict[str, str]
) -> None:
    browser = make(admin_password=SECRET).test_client()
    given = {**fields(browser), "password": SECRET, **changed}
    assert browser.post("/insight/sign-in", data=given, headers=headers).status_code == 403
    sign_in(browser)
    answer = browser.post("/insight/sign-out", data={"token": "x", **changed}, headers=headers)
    assert answer.status_code == 403
    assert browser.get("/insight").status_code == 200


def test_a_form_without_its_cookie_is_refused(make: Make) -> None:
    app = make(admin_password=SECRET)
    given = {**fields(app.test_client()), "password": SECRET}
    assert app.test_client().post("/insight/sign-in", data=given).status_code == 403


def test_no_other_site_may_read_it(make: Make) -> None:
    headers = {"Origin": "https://evil.example"}
    answer = make().test_client().get("/insight", headers=headers)
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_tries_are_few_in_all_workers_together(make: Make) -> None:
    app = make(admin_password=SECRET)
    attempts = Attempts(store_of(app), lambda: NOW)
    for _ in range(TRIES):
        attempts.take()
    with pytest.raises(Problem) as caught:
        Attempts(store_of(app), lambda: NOW + timedelta(seconds=1)).take()
    assert caught.value.status == 429
    assert caught.value.retry_after == STRETCH - 1
    Attempts(store_of(app), lambda: NOW + timedelta(seconds=STRETCH)).take()


def test_too_many_tries_are_said(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(password, "TRIES", 1)
    browser = make(admin_password=SECRET).test_client()
    assert sign_in(browser, WRONG).status_code == 401
    answer = sign_in(browser)
    assert answer.status_code == 429, "the right one as well: who guesses learns nothing"
    assert int(answer.headers["Retry-After"]) <= STRETCH
    assert "wait for five minutes" in answer.text


def test_a_store_that_is_away_lets_nobody_in(make: Make) -> None:
    app = make(admin_password=SECRET)
    browser = app.test_client()
    sign_in(browser)
    given = {**fields(browser), "password": SECRET}
    with Away(store_of(app)):
        assert browser.get("/insight").status_code == 503
        assert browser.post("/insight/sign-in", data=given).status_code == 503
