"""Which tokens let their bearer in, and the word for why the others do not."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cds_service.security.clients import Client
from cds_service.security.keys import FetchedKeys, GivenKeys, read_key_set
from cds_service.security.replay import Replay, UsedHere
from cds_service.security.tokens import REASONS, RefusedError, Tokens
from tests.signing import (
    CALLED,
    ISS,
    JKU,
    KID,
    PUBLIC_URL,
    Signer,
    claims,
    encoded,
    signer,
    unsigned,
)

if TYPE_CHECKING:
    from cds_service.security.keys import Keys
    from tests.records import Json

NOW = 1_795_000_000.5
PATH = "/cds-services/back-pain-patient-view"
OTHER_ALGORITHMS = ("ES384", "RS384", "ES256", "RS256")


def tokens(
    client: Client | None = None,
    keys: Keys | None = None,
    public_url: str | None = PUBLIC_URL,
    *known: Signer,
) -> Tokens:
    """Return a check that knows one client at a fixed moment."""
    client = client or Client(ISS, jku=JKU)
    listed = {"keys": [each.jwk() for each in known or (signer(),)]}
    keys = keys or GivenKeys(read_key_set(listed, client.algorithms))
    replay = Replay(None, UsedHere(lambda: NOW))
    return Tokens({ISS: client}, {ISS: keys}, replay, public_url=public_url, now=lambda: NOW)


def refusal(check: Tokens, token: str, path: str = PATH, scheme: str = "Bearer ") -> RefusedError:
    with pytest.raises(RefusedError) as refused:
        check.verify(scheme + token, path)
    assert refused.value.reason in REASONS
    assert token not in str(vars(refused.value))
    return refused.value


def test_a_good_token_lets_in_and_says_who_calls() -> None:
    token = signer().sign(claims(NOW))
    assert tokens().verify(f"Bearer {token}", PATH).iss == ISS


@pytest.mark.parametrize("algorithm", OTHER_ALGORITHMS)
def test_every_algorithm_that_can_be_listed(algorithm: str) -> None:
    key = signer(algorithm)
    client = Client(ISS, algorithms=(algorithm,))
    token = key.sign(claims(NOW))
    assert tokens(client, None, PUBLIC_URL, key).verify(f"Bearer {token}", PATH) is client


@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
def test_algorithms_that_must_be_listed(algorithm: str) -> None:
    assert refusal(tokens(), signer(algorithm).sign(claims(NOW))).reason == "algorithm"


TAKEN: dict[str, tuple[Json, Json]] = {
    "a jku that is the client's": ({}, {"jku": JKU}),
    "no typ": ({}, {"typ": None}),
    "typ in lower case": ({}, {"typ": "jwt"}),
    "as Epic sends it": (
        {"exp": int(NOW) + 900, "nbf": int(NOW) - 300, "sub": "cds", "tenant": "t"},
        {"jku": JKU},
    ),
    "seconds with fractions": ({"iat": NOW, "exp": NOW + 300.5}, {}),
    "a clock that is a minute ahead": ({"iat": int(NOW) + 59, "exp": int(NOW) + 300}, {}),
    "a clock that is a minute behind": ({"iat": int(NOW) - 359, "exp": int(NOW) - 59}, {}),
    "the longest life": ({"exp": int(NOW) + 3600}, {}),
    "the longest jti": ({"jti": "x" * 256}, {}),
    "several audiences": ({"aud": ["https://other.example.org", CALLED]}, {}),
    "the audience of feedback": ({"aud": f"{CALLED}/feedback"}, {}),
    "an audience with a slash": ({"aud": f"{CALLED}/"}, {}),
}


@pytest.mark.parametrize(("said", "header"), TAKEN.values(), ids=TAKEN)
def test_taken(said: Json, header: Json) -> None:
    token = signer().sign(claims(NOW, **said), **header)
    assert tokens().verify(f"Bearer {token}", PATH).iss == ISS


@pytest.mark.parametrize("scheme", ["bearer ", "BEARER ", "Bearer   ", " Bearer "])
def test_the_scheme_is_read_in_any_case(scheme: str) -> None:
    assert tokens().verify(scheme + signer().sign(claims(NOW)), PATH).iss == ISS


FAR = 10 * 365 * 86_400
REFUSED: dict[str, tuple[str, Json, Json]] = {
    "no iss": ("issuer", {"iss": None}, {}),
    "an iss that is not listed": ("issuer", {"iss": "https://evil.example"}, {}),
    "an iss that is nearly ours": ("issuer", {"iss": f"{ISS}/"}, {}),
    "no aud": ("audience", {"aud": None}, {}),
    "an empty aud": ("audience", {"aud": ""}, {}),
    "no audiences": ("audience", {"aud": []}, {}),
    "the aud of another service here": ("audience", {"aud": f"{PUBLIC_URL}/cds-services/x"}, {}),
    "the aud of discovery": ("audience", {"aud": f"{PUBLIC_URL}/cds-services"}, {}),
    "the aud of another host": ("audience", {"aud": CALLED.replace("cds.", "evil.")}, {}),
    "an aud that only begins like ours": ("audience", {"aud": f"{CALLED}.evil.example"}, {}),
    "audiences that are no texts": ("audience", {"aud": [7, {}, None]}, {}),
    "no exp": ("claims", {"exp": None}, {}),
    "an exp as text": ("claims", {"exp": str(int(NOW) + 300)}, {}),
    "an exp that is true": ("claims", {"exp": True}, {}),
    "no iat": ("claims", {"iat": None}, {}),
    "an iat as text": ("claims", {"iat": str(int(NOW))}, {}),
    "an nbf as text": ("claims", {"nbf": str(int(NOW))}, {}),
    "expired": ("expired", {"iat": int(NOW) - 360, "exp": int(NOW) - 60}, {}),
    "iat in the future": ("early", {"iat": int(NOW) + 62, "exp": int(NOW) + 300}, {}),
    "nbf in the future": ("early", {"nbf": int(NOW) + 62}, {}),
    "a life too long": ("lifetime", {"exp": int(NOW) + 3601}, {}),
    "a life of ten years": ("lifetime", {"exp": int(NOW) + FAR}, {}),
    "a life without end": ("lifetime", {"exp": 1e308}, {}),
    "a life of ten years, nearly over": ("lifetime", {"iat": int(NOW) + 300 - FAR}, {}),
    "an end before its beginning": ("lifetime", {"iat": int(NOW), "exp": int(NOW) - 1}, {}),
    "no jti": ("claims", {"jti": None}, {}),
    "an empty jti": ("claims", {"jti": ""}, {}),
    "a jti that is a number": ("claims", {"jti": 7}, {}),
    "a huge jti": ("claims", {"jti": "x" * 257}, {}),
    "a jti that breaks the line": ("claims", {"jti": "a\nb"}, {}),
    "a jti with a zero": ("claims", {"jti": "a\0b"}, {}),
    "a jku elsewhere": ("jku", {}, {"jku": "https://evil.example/jwks.json"}),
    "a jku that only begins like ours": ("jku", {}, {"jku": f"{JKU}?x"}),
    "a jku that is no text": ("jku", {}, {"jku": [JKU]}),
    "no kid": ("kid", {}, {"kid": None}),
    "an unknown kid": ("kid", {}, {"kid": "other"}),
    "another kind of token": ("malformed", {}, {"typ": "at+jwt"}),
    "a critical extension": ("signature", {}, {"crit": ["exp"], "exp": 1}),
    "an empty crit": ("signature", {}, {"crit": []}),
}


@pytest.mark.parametrize(("reason", "said", "header"), REFUSED.values(), ids=REFUSED)
def test_refused(reason: str, said: Json, header: Json) -> None:
    token = signer().sign(claims(NOW, **said), **header)
    assert refusal(tokens(), token).reason == reason


def test_a_refusal_names_what_the_token_says_of_itself() -> None:
    refused = refusal(tokens(), signer().sign(claims(NOW, aud="x", jti="j-1")))
    assert (refused.iss, refused.jti, refused.kid) == (ISS, "j-1", KID)


# --- signatures ---


def test_another_key_under_the_same_kid() -> None:
    assert refusal(tokens(), Signer().sign(claims(NOW))).reason == "signature"


def test_claims_that_were_changed_after_signing() -> None:
    header, _, signature = signer().sign(claims(NOW, jti="a")).split(".")
    _, changed, _ = signer().sign(claims(NOW, jti="b")).split(".")
    assert refusal(tokens(), f"{header}.{changed}.{signature}").reason == "signature"


@pytest.mark.parametrize("name", ["none", "None", "NONE", "nOnE"])
def test_no_signature(name: str) -> None:
    token = unsigned({"alg": name, "kid": KID}, claims(NOW))
    assert refusal(tokens(), f"{token}").reason == "malformed"
    assert refusal(tokens(), f"{token}AA").reason == "algorithm"


@pytest.mark.parametrize("name", ["HS256", "HS384", "HS512"])
def test_the_public_key_as_a_shared_secret(name: str) -> None:
    public = signer("RS384").private.public_key()
    secret = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    header = {"alg": name, "kid": KID, "typ": "JWT"}
    signed = unsigned(header, claims(NOW)).rstrip(".")
    digest = hmac.digest(secret, signed.encode(), getattr(hashlib, f"sha{name[2:]}"))
    token = unsigned(header, claims(NOW), digest)
    check = tokens(None, None, PUBLIC_URL, signer("RS384"))
    assert refusal(check, token).reason == "algorithm"


def test_a_key_of_another_curve_under_the_same_kid() -> None:
    client = Client(ISS, algorithms=("ES384", "ES256"))
    check = tokens(client, None, PUBLIC_URL, signer("ES256"))
    assert refusal(check, signer("ES384").sign(claims(NOW))).reason == "kid"


def test_two_keys_with_one_kid_are_told_apart_by_their_algorithm() -> None:
    client = Client(ISS)
    check = tokens(client, None, PUBLIC_URL, signer("ES384"), signer("RS384"))
    for number, algorithm in enumerate(("ES384", "RS384")):
        token = signer(algorithm).sign(claims(NOW, jti=str(number)))
        assert check.verify(f"Bearer {token}", PATH) is client


def test_the_key_of_one_client_does_not_sign_for_another() -> None:
    theirs = Signer(kid="theirs")
    other = "https://other.example.org"
    clients = {ISS: Client(ISS), other: Client(other)}
    keys = {
        ISS: GivenKeys(read_key_set({"keys": [signer().jwk()]}, ("ES384",))),
        other: GivenKeys(read_key_set({"keys": [theirs.jwk()]}, ("ES384",))),
    }
    check = Tokens(clients, keys, Replay(None), public_url=PUBLIC_URL, now=lambda: NOW)
    assert check.verify(f"Bearer {theirs.sign(claims(NOW, iss=other))}", PATH).iss == other
    assert refusal(check, theirs.sign(claims(NOW))).reason == "kid"


def test_keys_that_were_never_obtained() -> None:
    def away(_url: str) -> bytes:
        raise OSError

    nowhere = FetchedKeys(JKU, ("ES384",), away)
    assert refusal(tokens(None, nowhere), signer().sign(claims(NOW))).reason == "keys"


# --- for whom a token is ---


@pytest.mark.parametrize(
    ("path", "aud", "taken"),
    [
        ("/cds-services", "/cds-services", True),
        ("/cds-services/", "/cds-services", True),
        ("/cds-services", "/cds-services/back-pain-patient-view", False),
        (PATH, PATH, True),
        (f"{PATH}/feedback", PATH, True),
        (f"{PATH}/feedback", f"{PATH}/feedback", True),
        (PATH, f"{PATH}/feedback", True),
        (PATH, "", False),
        ("/api/v1/assessments", "/api/v1/assessments", True),
        ("/api/v1/assessments", "/cds-services", False),
    ],
)
@pytest.mark.parametrize("public_url", [PUBLIC_URL, "https://example.org/cds"])
def test_the_address_called_is_an_audience(
    path: str, aud: str, taken: bool, public_url: str
) -> None:
    check = tokens(None, None, public_url)
    token = signer().sign(claims(NOW, aud=public_url + aud))
    if taken:
        assert check.verify(f"Bearer {token}", path).iss == ISS
    else:
        assert refusal(check, token, path).reason == "audience"


@pytest.mark.parametrize("public_url", [None, PUBLIC_URL])
def test_listed_audiences_are_taken_everywhere(public_url: str | None) -> None:
    client = Client(ISS, audiences=("urn:back-pain", "https://intern.example/cds-services/x"))
    check = tokens(client, None, public_url)
    listed = ("urn:back-pain", "https://intern.example/cds-services/x/feedback")
    for number, audience in enumerate(listed):
        token = signer().sign(claims(NOW, aud=audience, jti=str(number)))
        assert check.verify(f"Bearer {token}", PATH) is client
    assert refusal(check, signer().sign(claims(NOW, aud="urn:back"))).reason == "audience"


def test_without_a_public_address_only_listed_audiences() -> None:
    check = tokens(Client(ISS, audiences=("urn:back-pain",)), None, None)
    assert refusal(check, signer().sign(claims(NOW))).reason == "audience"


@pytest.mark.parametrize(("tenant", "reason"), [("b", "tenant"), (None, "tenant"), ("a", None)])
def test_the_tenant_where_one_is_set(tenant: str | None, reason: str | None) -> None:
    check = tokens(Client(ISS, tenant="a"))
    token = signer().sign(claims(NOW, tenant=tenant))
    if reason is None:
        assert check.verify(f"Bearer {token}", PATH).tenant == "a"
    else:
        assert refusal(check, token).reason == reason


def test_lifetime_and_leeway_of_the_client() -> None:
    check = tokens(Client(ISS, max_lifetime=120, leeway=0))
    lives = {"iat": int(NOW), "exp": int(NOW) + 120}
    assert check.verify(f"Bearer {signer().sign(claims(NOW, **lives))}", PATH).leeway == 0
    ahead = claims(NOW, iat=int(NOW) + 1, exp=int(NOW) + 100)
    assert refusal(check, signer().sign(ahead)).reason == "early"
    assert refusal(check, signer().sign(claims(NOW, exp=int(NOW) + 121))).reason == "lifetime"


# --- once ---


def test_a_token_is_taken_once() -> None:
    check, token = tokens(), signer().sign(claims(NOW))
    check.verify(f"Bearer {token}", PATH)
    refused = refusal(check, token)
    assert refused.reason == "replayed"
    again = signer().sign(claims(NOW, exp=int(NOW) + 200))
    assert refusal(check, again).reason == "replayed", "the same jti in another token"


def test_a_token_that_was_refused_is_not_used_up() -> None:
    check = tokens()
    assert refusal(check, Signer().sign(claims(NOW))).reason == "signature"
    assert check.verify(f"Bearer {signer().sign(claims(NOW))}", PATH).iss == ISS


# --- headers that hold no token ---

GOOD = signer().sign(claims(NOW))
MALFORMED = [
    "", " ", "Bearer", "Bearer ", GOOD, f"Basic {GOOD}", f"Token {GOOD}", f"Bearer{GOOD}",
    f"Bearer {GOOD}, Bearer {GOOD}", f"Bearer {GOOD},Bearer x", f"Bearer {GOOD} {GOOD}",
    f"Bearer {GOOD}=", f"Bearer {GOOD}.", f"Bearer {GOOD}.x", f"Bearer .{GOOD}", f"Bearer\t{GOOD}",
    f"Bearer {GOOD}\n", "Bearer a.b.c", "Bearer e30.e30.", "Bearer ..", "Bearer W10.W10.AA",
    "Bearer ImEi.e30.AA", "Bearer \u017f", f"Bearer {GOOD}\u212a", "Bearer " + "a" * 9000,
    "Bearer " + "a" * 4000 + "." + "a" * 4000 + "." + "a" * 4000,
]  # fmt: skip


@pytest.mark.parametrize("authorization", MALFORMED, ids=range(len(MALFORMED)))
def test_malformed(authorization: str) -> None:
    with pytest.raises(RefusedError) as refused:
        tokens().verify(authorization, PATH)
    assert refused.value.reason == "malformed"


@pytest.mark.parametrize("depth", [900, 1_010, 2_000])
def test_nesting_without_end(depth: int) -> None:
    deep = b'{"iss":' + b"[" * depth + b"]" * depth + b"}"
    assert refusal(tokens(), encoded(deep, b"{}", b"x")).reason in {"malformed", "issuer"}
    assert refusal(tokens(), encoded(b"{}", deep, b"x")).reason in {"malformed", "issuer"}
    header = json.dumps({"alg": "ES384", "kid": KID}).encode()[:-1] + b',"x":' + deep + b"}"
    good = json.dumps(claims(NOW)).encode()
    assert refusal(tokens(), encoded(header, good, b"x")).reason in {"malformed", "signature"}


def test_nothing_at_all() -> None:
    with pytest.raises(RefusedError) as refused:
        tokens().verify(None, PATH)
    assert refused.value.reason == "missing"


# --- whatever comes, it is refused by a word that we know ---

SHARED = tokens()
# The first example of any text makes Hypothesis read its tables of characters.
MANY = settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


def never_in(authorization: str) -> None:
    with pytest.raises(RefusedError) as refused:
        SHARED.verify(authorization, PATH)
    assert refused.value.reason in REASONS


@MANY
@given(st.text())
def test_garbage(text: str) -> None:
    never_in(text)
    never_in(f"Bearer {text}")


@MANY
@given(st.integers(0, len(GOOD) - 1), st.characters(min_codepoint=33, max_codepoint=255))
def test_a_token_with_one_sign_changed(place: int, sign: str) -> None:
    mangled = GOOD[:place] + sign + GOOD[place + 1 :]
    if mangled != GOOD:
        never_in(f"Bearer {mangled}")


@MANY
@given(st.integers(0, len(GOOD) - 1), st.integers(1, 50))
def test_a_token_with_a_piece_missing(place: int, length: int) -> None:
    never_in(f"Bearer {GOOD[:place]}{GOOD[place + length :]}")


@MANY
@given(
    st.dictionaries(
        st.sampled_from(["alg", "kid", "jku", "typ", "crit", "b64", "jwk", "x5u", "x"]), json_values
    ),
    st.dictionaries(
        st.sampled_from(["iss", "aud", "exp", "iat", "nbf", "jti", "tenant", "x"]), json_values
    ),
    st.binary(max_size=200),
)
@example({"alg": "ES384", "kid": KID}, claims(NOW), b"")
@example({"alg": "ES384", "kid": KID}, claims(NOW), b"\0" * 96)
@example({"alg": "ES384", "kid": KID}, claims(NOW), b"\xff" * 96)
@example({"alg": "ES384", "kid": KID, "b64": False, "crit": ["b64"]}, claims(NOW), b"x")
def test_a_token_of_any_header_and_claims(header: Json, said: Json, signature: bytes) -> None:
    # Also filled in with what is right, so that more of the checks are reached.
    for each in (header, {"alg": "ES384", "kid": KID, **header}):
        for body in (said, {**claims(NOW), **said}):
            never_in(f"Bearer {unsigned(each, body, signature)}")
