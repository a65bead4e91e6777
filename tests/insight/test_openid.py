"""Signing in at an OpenID provider: who comes in, and every lie that keeps one out."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import jwt
import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from cds_service.insight.openid import Provider
from cds_service.security.allowed import read_base
from tests.insight.counting import DAY, app_with, count, store_of
from tests.stub_server import Stub, said_json, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from flask import Flask
    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

    from tests.stub_server import Request

    Json = dict[str, Any]

PUBLIC_URL = "http://localhost"
NAME = "insight"
SECRET = "a-secret-of-the-client"
KEY, ANOTHER = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
EMAIL = {"email": "Safety@Clinic.example", "email_verified": True}


def public(key: ec.EllipticCurvePrivateKey, kid: str = "k1") -> Json:
    written: Json = jwt.algorithms.ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return written | {"kid": kid, "use": "sig", "alg": "ES256"}


@dataclass
class Idp:
    """A provider that says what a test tells it to."""

    stub: Stub | None = None
    described: Json = field(default_factory=dict)
    claims: Json = field(default_factory=lambda: dict(EMAIL))
    header: Json = field(default_factory=lambda: {"kid": "k1"})
    key: Any = KEY
    algorithm: str = "ES256"
    keys: list[Json] = field(default_factory=lambda: [public(KEY)])
    token: Json = field(default_factory=dict)
    userinfo: Json | None = None
    status: int = 200
    nonce: str = ""

    @property
    def url(self) -> str:
        assert self.stub is not None
        return f"{self.stub.url}/realm"

    def reply(self, request: Request) -> list[bytes]:
        answers: dict[str, Callable[[], Json]] = {
            "/.well-known/openid-configuration": self.configuration,
            "/keys": lambda: {"keys": self.keys},
            "/token": self.granted,
            "/userinfo": lambda: self.userinfo or {},
        }
        path = urlsplit(request.target).path.removeprefix("/realm")
        return [said_json(answers[path](), self.status if path == "/token" else 200)]

    def configuration(self) -> Json:
        said: Json = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
        }
        if self.userinfo is not None:
            said["userinfo_endpoint"] = f"{self.url}/userinfo"
        return {name: each for name, each in (said | self.described).items() if each is not None}

    def granted(self) -> Json:
        now = int(time.time())
        claims: Json = {
            "iss": self.url,
            "aud": NAME,
            "sub": "u1",
            "iat": now,
            "exp": now + 60,
            "nonce": self.nonce,
        } | self.claims
        claims = {name: each for name, each in claims.items() if each is not None}
        token = jwt.encode(claims, self.key, self.algorithm, self.header)
        said: Json = {"access_token": "at", "token_type": "Bearer", "id_token": token} | self.token
        return {name: each for name, each in said.items() if each is not None}


@pytest.fixture
def idp() -> Iterator[Idp]:
    idp = Idp()
    with serving(idp.reply) as stub:
        idp.stub = stub
        yield idp


@pytest.fixture
def app(idp: Idp, tmp_path: Path) -> Iterator[Flask]:
    app = app_with(
        tmp_path,
        public_url=PUBLIC_URL,
        oidc_issuer=read_base(idp.url),
        oidc_client_id=NAME,
        oidc_client_secret=SECRET,
        oidc_allowed=("safety@clinic.example", "group:cds-safety"),
    )
    count(store_of(app), *DAY)
    yield app
    store_of(app).close()


@pytest.fixture
def browser(app: Flask) -> FlaskClient:
    return app.test_client()


def begin(browser: FlaskClient, idp: Idp, then: str = "") -> dict[str, str]:
    """Begin at our page, and return what the provider is asked."""
    answer = browser.get("/insight/begin", query_string={"then": then})
    assert answer.status_code == 303
    assert answer.location.startswith(f"{idp.url}/authorize?")
    asked = dict(parse_qsl(urlsplit(answer.location).query))
    idp.nonce = asked["nonce"]
    return asked


def come_back(browser: FlaskClient, asked: dict[str, str], **changed: str) -> TestResponse:
    given = {"state": asked["state"], "code": "a-code"} | changed
    return browser.get("/insight/callback", query_string=given)


def sign_in(browser: FlaskClient, idp: Idp, then: str = "") -> TestResponse:
    return come_back(browser, begin(browser, idp, then))


# --- who comes in ---


def test_who_is_allowed_comes_in(browser: FlaskClient, idp: Idp) -> None:
    page = browser.get("/insight?days=7", follow_redirects=True).text
    (link,) = re.findall(r'href="(/insight/begin\?[^"]+)"', page)
    assert link == "/insight/begin?then=/insight?days%3D7"
    asked = begin(browser, idp, then="/insight?days=7")
    assert asked["client_id"] == NAME
    assert asked["response_type"] == "code"
    assert asked["redirect_uri"] == f"{PUBLIC_URL}/insight/callback"
    assert asked["scope"] == "openid email"
    assert asked["code_challenge_method"] == "S256"
    answer = come_back(browser, asked)
    assert answer.status_code == 303
    assert answer.location == "/insight?days=7"
    shown = browser.get("/insight").text
    assert "Cards sent" in shown
    assert "Safety@Clinic.example" in shown


def test_a_group_comes_in_where_the_provider_has_groups(browser: FlaskClient, idp: Idp) -> None:
    idp.described = {"scopes_supported": ["openid", "groups"]}
    idp.claims = {"groups": ["others", "cds-safety"], "name": "Ada"}
    asked = begin(browser, idp)
    assert asked["scope"] == "openid email groups"
    assert come_back(browser, asked).status_code == 303
    assert "Ada" in browser.get("/insight").text


def test_what_the_token_leaves_out_is_asked_for(browser: FlaskClient, idp: Idp) -> None:
    idp.claims, idp.userinfo = {}, {"sub": "u1", **EMAIL}
    assert sign_in(browser, idp).status_code == 303
    assert idp.stub is not None
    (asked,) = [each for each in idp.stub.asked if each.target.endswith("/userinfo")]
    assert asked.headers["authorization"] == "Bearer at"


def test_an_issuer_with_a_slash_is_the_same(browser: FlaskClient, idp: Idp) -> None:
    idp.described = {"issuer": f"{idp.url}/"}
    idp.claims |= {"iss": f"{idp.url}/"}
    assert sign_in(browser, idp).status_code == 303


def test_a_key_without_a_name_is_the_only_one(browser: FlaskClient, idp: Idp) -> None:
    idp.header, idp.keys = {}, [public(KEY)]
    assert sign_in(browser, idp).status_code == 303


ALLOWED: dict[str, tuple[dict[str, Any], bool]] = {
    "an address": ({"email": "a@b.c", "email_verified": True}, True),
    "an address that nobody verified": ({"email": "a@b.c"}, False),
    "verified in words": ({"email": "a@b.c", "email_verified": "true"}, False),
    "another address": ({"email": "b@b.c", "email_verified": True}, False),
    "a group": ({"groups": ["g"]}, True),
    "one group as a text": ({"groups": "g"}, True),
    "an address as a group": ({"groups": ["a@b.c"]}, False),
    "a group of something": ({"groups": [1, {"g": 1}]}, False),
    "no claims": ({}, False),
}


@pytest.mark.parametrize(("claims", "comes_in"), ALLOWED.values(), ids=ALLOWED)
def test_whom_the_list_lets_in(claims: Json, comes_in: bool) -> None:
    provider = Provider("https://id.example", NAME, frozenset({"a@b.c", "group:g"}))
    assert provider.lets_in(claims) == comes_in


# --- who does not ---


def test_who_is_not_on_the_list_stays_out(browser: FlaskClient, idp: Idp) -> None:
    idp.claims = {"email": "other@clinic.example", "email_verified": True}
    answer = sign_in(browser, idp)
    assert answer.status_code == 403
    assert "you are not among those" in answer.text
    assert browser.get("/insight").status_code == 303


DAY_AGO = int(time.time()) - 86_400
# What is changed, and what is said.
LIES: dict[str, tuple[dict[str, Any], str]] = {
    "another nonce": ({"claims": EMAIL | {"nonce": "x"}}, "about another sign-in"),
    "no nonce": ({"claims": EMAIL | {"nonce": None}}, "about another sign-in"),
    "for another client": ({"claims": EMAIL | {"aud": "x"}}, "InvalidAudienceError"),
    "asked for by another": (
        {"claims": EMAIL | {"aud": [NAME, "x"], "azp": "x"}},
        "about another sign-in",
    ),
    "by another issuer": ({"claims": EMAIL | {"iss": "https://x"}}, "InvalidIssuerError"),
    "of yesterday": ({"claims": EMAIL | {"exp": DAY_AGO}}, "ExpiredSignatureError"),
    "without an end": ({"claims": EMAIL | {"exp": None}}, "MissingRequiredClaimError"),
    "about nobody": ({"claims": EMAIL | {"sub": None}}, "MissingRequiredClaimError"),
    "signed by another": ({"key": ANOTHER}, "InvalidSignatureError"),
    "signed with the secret": (
        {"key": "x" * 64, "algorithm": "HS256"},
        "InvalidAlgorithmError",
    ),
    "unsigned": ({"key": None, "algorithm": "none"}, "InvalidAlgorithmError"),
    "an unknown key": ({"header": {"kid": "k2"}}, "InvalidKeyError"),
    "no key named and two there": (
        {"header": {}, "keys": [public(KEY), public(ANOTHER, "k2")]},
        "InvalidKeyError",
    ),
    "no keys": ({"keys": []}, "PyJWKSetError"),
    "no token": ({"token": {"id_token": None}}, "DecodeError"),
    "no text": ({"token": {"id_token": 7}}, "DecodeError"),
    "about somebody else": ({"userinfo": {"sub": "u2"}}, "speaks of somebody else"),
    "another server": ({"described": {"issuer": "https://x"}}, "names another issuer"),
    "no endpoint": ({"described": {"jwks_uri": None}}, "its jwks_uri is missing"),
}


@pytest.mark.parametrize(("changed", "words"), LIES.values(), ids=LIES)
def test_a_lie_lets_nobody_in(
    browser: FlaskClient, idp: Idp, changed: dict[str, Any], words: str
) -> None:
    asked = begin(browser, idp)
    for name, value in changed.items():
        setattr(idp, name, value)
    answer = come_back(browser, asked)
    assert answer.status_code == 502
    assert words in answer.text
    assert browser.get("/insight").status_code == 303


def test_a_provider_that_refuses_is_said(browser: FlaskClient, idp: Idp) -> None:
    asked = begin(browser, idp)
    idp.status, idp.token = 400, {"error": "invalid_grant"}
    answer = come_back(browser, asked)
    assert answer.status_code == 403
    assert "it said invalid_grant" in answer.text
    answer = come_back(browser, begin(browser, idp), error="access_denied")
    assert answer.status_code == 403
    assert "it said access_denied" in answer.text


def test_a_provider_that_is_away_is_said(browser: FlaskClient, idp: Idp) -> None:
    idp.described = {"authorization_endpoint": "nowhere"}
    answer = browser.get("/insight/begin")
    assert answer.status_code == 502
    assert "could not be asked: its authorization_endpoint is missing" in answer.text


def test_what_did_not_begin_here_ends_here(browser: FlaskClient, app: Flask, idp: Idp) -> None:
    asked = begin(browser, idp)
    assert come_back(app.test_client(), asked).status_code == 403, "another browser"
    assert come_back(browser, asked, state="x").status_code == 403, "another state"
    assert come_back(browser, asked).status_code == 403, "it is used up by then"
    asked = begin(browser, idp)
    assert come_back(browser, asked).status_code == 303
    assert come_back(browser, asked).status_code == 403, "once"


def test_no_secret_stands_in_an_address(browser: FlaskClient, idp: Idp) -> None:
    asked = begin(browser, idp)
    come_back(browser, asked)
    assert idp.stub is not None
    assert not any(SECRET in each.target for each in idp.stub.asked)
    (posted,) = [each for each in idp.stub.asked if each.method == "POST"]
    assert dict(parse_qsl(posted.body.decode()))["code"] == "a-code"
    assert orjson.dumps(asked).find(SECRET.encode()) == -1
