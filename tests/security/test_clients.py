"""The file of clients: what it may say, and that nothing in it is overlooked."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cds_service.security.clients import RECOMMENDED, read_clients
from cds_service.settings import SettingsError
from tests.signing import ISS, JKU, KID, PUBLIC_URL, Signer, key_set, signer, write_clients

if TYPE_CHECKING:
    from tests.records import Json

EXAMPLE = Path(__file__).parents[2] / "docs" / "clients.example.json"


def test_one_with_an_address_and_nothing_else(tmp_path: Path) -> None:
    clients = read_clients(write_clients(tmp_path, {"iss": ISS, "jku": JKU}), PUBLIC_URL)
    client = clients[ISS]
    assert (client.jku, client.keys, client.algorithms) == (JKU, None, RECOMMENDED)
    assert (client.audiences, client.max_lifetime, client.leeway, client.tenant) == (
        (),
        3600,
        60,
        None,
    )


def test_one_with_everything(tmp_path: Path) -> None:
    written = {
        "iss": ISS,
        "jku": JKU,
        "jwks": key_set(signer("ES256")),
        "audiences": ["urn:a", "https://b.example"],
        "algorithms": ["ES256", "RS256"],
        "maxLifetime": 900,
        "leeway": 0,
        "tenant": "t",
    }
    client = read_clients(write_clients(tmp_path, written), None)[ISS]
    assert client.keys is not None
    assert set(client.keys) == {(KID, "ES256")}
    assert client.audiences == ("urn:a", "https://b.example")
    assert client.algorithms == ("ES256", "RS256")
    assert (client.max_lifetime, client.leeway, client.tenant) == (900, 0, "t")


def test_an_address_within_the_site(tmp_path: Path) -> None:
    written = {"iss": ISS, "jku": JKU, "jkuAddress": "10.1.2.0/24"}
    base = read_clients(write_clients(tmp_path, written), PUBLIC_URL)[ISS].base
    assert base is not None
    assert base.may_stand_at("10.1.2.3")
    assert not base.may_stand_at("10.1.3.3")
    public = read_clients(write_clients(tmp_path, GOOD), PUBLIC_URL)[ISS].base
    assert public is not None
    assert not public.may_stand_at("10.1.2.3")


def test_keys_in_a_file_of_their_own_beside_it(tmp_path: Path) -> None:
    (tmp_path / "ehr.json").write_text(json.dumps(key_set(signer())), encoding="utf-8")
    file = write_clients(tmp_path, {"iss": ISS, "jwksFile": "ehr.json"})
    client = read_clients(file, PUBLIC_URL)[ISS]
    assert client.keys is not None
    assert set(client.keys) == {(KID, "ES384")}


def test_the_example_of_the_docs(tmp_path: Path) -> None:
    example = json.loads(EXAMPLE.read_text(encoding="utf-8"))
    (tmp_path / "jwks").mkdir()
    for each in example["clients"]:
        if "jwksFile" in each:
            (key,) = (signer(algorithm) for algorithm in each["algorithms"])
            (tmp_path / each["jwksFile"]).write_text(json.dumps(key_set(key)), encoding="utf-8")
    clients = read_clients(write_clients(tmp_path, *example["clients"]), PUBLIC_URL)
    assert len(clients) == len(example["clients"]) >= 2
    assert {bool(client.jku) for client in clients.values()} == {True, False}


GOOD = {"iss": ISS, "jku": JKU}
PRIVATE = {**signer().jwk(), "d": "AAAA"}
REFUSED: dict[str, tuple[Json, str]] = {
    "a key nobody knows": (
        {**GOOD, "audience": "x"},
        "clients[0].audience is not known here; use iss, jku,",
    ),
    "no iss": ({"jku": JKU}, "clients[0]: iss is missing"),
    "an empty iss": ({**GOOD, "iss": " "}, "clients[0].iss: write a text"),
    "an iss that breaks the line": ({**GOOD, "iss": "a\nb"}, "clients[0].iss: write a text"),
    "an iss that is no text": ({**GOOD, "iss": 7}, "clients[0].iss: write a text"),
    "nowhere to find keys": ({"iss": ISS}, "clients[0]: write where its keys are"),
    "two places for keys": (
        {**GOOD, "jwks": key_set(signer()), "jwksFile": "x"},
        "write where its keys are",
    ),
    "keys by plain http": (
        {**GOOD, "jku": "http://ehr.example.org/jwks"},
        "beginning with https://",
    ),
    "no host": ({**GOOD, "jku": "https:///jwks"}, "clients[0].jku: write the whole address"),
    "a query": ({**GOOD, "jku": f"{JKU}?v=1"}, "clients[0].jku: a base URL has no query"),
    "an address that is none": ({**GOOD, "jkuAddress": "ehr"}, "clients[0].jku: write an address"),
    "an address of no jku": (
        {"iss": ISS, "jwks": key_set(signer()), "jkuAddress": "10.1.2.3"},
        "clients[0].jkuAddress: there is no jku that would be called",
    ),
    "a password": (
        {**GOOD, "jku": "https://u:p@ehr.example.org/"},
        "clients[0].jku: write the whole",
    ),
    "jwks as text": ({"iss": ISS, "jwks": "ehr.json"}, "clients[0].jwks: write a JWK Set"),
    "jwks without keys": ({"iss": ISS, "jwks": {}}, "clients[0].jwks: it is no JWK Set"),
    "no key that fits": (
        {"iss": ISS, "jwks": key_set(signer("ES256"))},
        "clients[0].jwks: there is no key",
    ),
    "a private key": (
        {"iss": ISS, "jwks": {"keys": [PRIVATE]}},
        "keys[0] is a private or shared key",
    ),
    "a file that is not there": ({"iss": ISS, "jwksFile": "nope.json"}, "clients[0].jwksFile: "),
    "a file that is not JSON": ({"iss": ISS, "jwksFile": "text"}, "is not JSON"),
    "an audience as text": (
        {**GOOD, "audiences": "x"},
        "clients[0].audiences: write a list of texts",
    ),
    "no audiences": ({**GOOD, "audiences": []}, "clients[0].audiences: write a list of texts"),
    "an audience that is no text": (
        {**GOOD, "audiences": [7]},
        "clients[0].audiences: write a text",
    ),
    "alg none": (
        {**GOOD, "algorithms": ["none"]},
        "none is not taken; use ES384, RS384, ES256, RS256",
    ),
    "a shared secret": ({**GOOD, "algorithms": ["ES384", "HS256"]}, "HS256 is not taken"),
    "an algorithm nobody uses": ({**GOOD, "algorithms": ["EdDSA"]}, "EdDSA is not taken"),
    "no algorithms": ({**GOOD, "algorithms": []}, "clients[0].algorithms: write a list"),
    "a lifetime as text": (
        {**GOOD, "maxLifetime": "1h"},
        "clients[0].maxLifetime: write a number of seconds",
    ),
    "a lifetime that is true": ({**GOOD, "maxLifetime": True}, "from 60 to 86400"),
    "a lifetime of years": ({**GOOD, "maxLifetime": 10**8}, "from 60 to 86400"),
    "a leeway of an hour": (
        {**GOOD, "leeway": 3600},
        "clients[0].leeway: write a number of seconds from 0 to 300",
    ),
    "a leeway below nothing": ({**GOOD, "leeway": -1}, "from 0 to 300"),
    "a tenant that is no text": ({**GOOD, "tenant": None}, "clients[0].tenant: write a text"),
}


@pytest.mark.parametrize(("client", "words"), REFUSED.values(), ids=REFUSED)
def test_refused_with_the_place_and_what_to_do(client: Json, words: str, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("keys", encoding="utf-8")
    file = write_clients(tmp_path, client)
    with pytest.raises(SettingsError, match=re.escape(words)) as refused:
        read_clients(file, PUBLIC_URL)
    assert str(refused.value).startswith(f"CDS_CLIENTS {file}: ")
    assert "AAAA" not in str(refused.value)


DOCUMENTS = {
    "": "is not JSON",
    "clients: []": "is not JSON",
    "{'clients': []}": "is not JSON",
    "[" * 100_000: "is not JSON",
    "[]": 'write an object with the one key "clients"',
    "{}": 'write an object with the one key "clients"',
    '{"clients": [], "x": 1}': 'write an object with the one key "clients"',
    '{"clients": {}}': "list at least one client",
    '{"clients": []}': "list at least one client; take CDS_CLIENTS out",
    '{"clients": [7]}': "clients[0]: write an object",
    '{"clients": [{"iss": "a", "iss": "b"}]}': "the key 'iss' is given twice",
}


@pytest.mark.parametrize(("text", "words"), DOCUMENTS.items(), ids=range(len(DOCUMENTS)))
def test_a_file_that_is_no_list_of_clients(text: str, words: str, tmp_path: Path) -> None:
    file = tmp_path / "clients.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=re.escape(words)):
        read_clients(file, PUBLIC_URL)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=f"{tmp_path} cannot be read: Is a directory"):
        read_clients(tmp_path, PUBLIC_URL)


def test_an_issuer_twice(tmp_path: Path) -> None:
    file = write_clients(tmp_path, GOOD, {"iss": "https://other.example", "jku": JKU}, GOOD)
    with pytest.raises(SettingsError, match=r"clients\[2\].iss: .* is listed above already"):
        read_clients(file, PUBLIC_URL)


def test_without_a_public_address_each_client_lists_audiences(tmp_path: Path) -> None:
    with_audience = {**GOOD, "audiences": ["urn:a"]}
    assert read_clients(write_clients(tmp_path, with_audience), None)
    other = {"iss": "https://other.example", "jku": JKU}
    file = write_clients(tmp_path, with_audience, other)
    with pytest.raises(SettingsError, match=r"clients\[1\]: .* set CDS_PUBLIC_URL") as refused:
        read_clients(file, None)
    assert 'list "audiences"' in str(refused.value)


def test_a_key_file_is_looked_for_beside_the_clients_wherever_the_service_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "keys.json").write_text(json.dumps(key_set(Signer())), encoding="utf-8")
    file = write_clients(tmp_path, {"iss": ISS, "jwksFile": "keys.json"})
    monkeypatch.chdir(os.sep)
    assert read_clients(file, PUBLIC_URL)[ISS].keys
