"""Keys of clients: which are taken from a JWK Set, when it is fetched, and how long it is kept."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from cds_service.security.keys import (
    FetchedKeys,
    GivenKeys,
    KeySetError,
    NoKeysError,
    UnknownKeyError,
    read_key_set,
)
from tests.signing import JKU, KID, Signer, key_set, signer
from tests.waiting import WAIT

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.records import Json

BOTH = ("ES384", "RS384")
HOUR, DAY = 3600.0, 86_400.0


def jwk(**more: object) -> Json:
    return signer().jwk(**more)


# --- which keys ---


def test_keys_are_found_by_kid_and_algorithm() -> None:
    found = read_key_set(key_set(signer("ES384"), signer("RS384"), signer("ES256")), BOTH)
    assert set(found) == {(KID, "ES384"), (KID, "RS384")}
    assert GivenKeys(found).find(KID, "RS384").algorithm_name == "RS384"


def test_a_key_that_names_no_algorithm_goes_with_all_of_its_kind() -> None:
    bare = signer("RS384").jwk()
    del bare["alg"], bare["use"]
    assert set(read_key_set({"keys": [bare]}, ("RS256", "RS384"))) == {
        (KID, "RS256"),
        (KID, "RS384"),
    }


PASSED_OVER: dict[str, object] = {
    "no object": "key",
    "no kid": {**jwk(), "kid": None},
    "a kid that is a number": jwk(kid=7),
    "for encryption": jwk(use="enc"),
    "for signing only": jwk(key_ops=["sign"]),
    "for another algorithm": jwk(alg="ES512"),
    "another curve": signer("ES256").jwk(),
    "not on the curve": jwk(x=jwk()["y"]),
    "no x": {**jwk(), "x": None},
    "an unknown kind": jwk(kty="AKP"),
    "a weak RSA key": Signer("RS384", bits=1024).jwk(),
}


@pytest.mark.parametrize("other", PASSED_OVER.values(), ids=PASSED_OVER)
def test_keys_that_are_passed_over(other: object) -> None:
    good = Signer(kid="good")
    assert set(read_key_set({"keys": [other, good.jwk()]}, BOTH)) == {("good", "ES384")}
    with pytest.raises(KeySetError, match="no key in it that has a kid and goes with ES384 or"):
        read_key_set({"keys": [other]}, BOTH)


NO_SETS: list[tuple[object, str]] = [
    ([], 'a list "keys"'),
    ({}, 'a list "keys"'),
    ({"keys": {}}, 'a list "keys"'),
    (None, 'a list "keys"'),
    ({"keys": []}, "no key in it"),
    ({"keys": [jwk(d="AAAA")]}, r"keys\[0\] is a private or shared key"),
    ({"keys": [jwk(), {"kty": "oct", "k": "AAAA", "kid": "s"}]}, r"keys\[1\] is a private or"),
]


@pytest.mark.parametrize(("document", "words"), NO_SETS)
def test_what_is_no_set_of_public_keys(document: object, words: str) -> None:
    with pytest.raises(KeySetError, match=words):
        read_key_set(document, BOTH)


def test_an_unknown_kid() -> None:
    keys = GivenKeys(read_key_set(key_set(signer()), BOTH))
    for kid, algorithm in ((KID, "RS384"), ("", "ES384"), (KID.rstrip("="), "ES384")):
        with pytest.raises(UnknownKeyError):
            keys.find(kid, algorithm)


# --- when they are fetched ---


class Host:
    """A host of a JWK Set, which counts how often it is asked, and a clock beside it."""

    def __init__(self, *signers: Signer) -> None:
        self.answer: bytes | Exception = orjson.dumps(key_set(*signers))
        self.asked: list[str] = []
        self.now = 1000.0
        self.later: list[Callable[[], None]] = []

    def publish(self, *signers: Signer) -> None:
        self.answer = orjson.dumps(key_set(*signers))

    def fetch(self, url: str) -> bytes:
        self.asked.append(url)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def keys(self) -> FetchedKeys:
        return FetchedKeys(
            JKU, BOTH, self.fetch, clock=lambda: self.now, beside=self.later.append
        )  # fmt: skip


def knows(keys: FetchedKeys, kid: str) -> bool:
    try:
        return keys.find(kid, "ES384").algorithm_name == "ES384"
    except UnknownKeyError:
        return False


A, B = Signer(kid="a"), Signer(kid="b")


def test_nothing_is_fetched_before_it_is_needed_and_then_once() -> None:
    host = Host(A)
    keys = host.keys()
    assert host.asked == []
    for _ in range(3):
        assert knows(keys, "a")
    assert host.asked == [JKU]


def test_an_unknown_kid_fetches_again_but_not_at_once() -> None:
    host = Host(A)
    keys = host.keys()
    assert knows(keys, "a")
    host.publish(B)
    assert not knows(keys, "b")
    assert len(host.asked) == 1, "strangers who invent a kid do not make us call"
    host.now += 30
    assert knows(keys, "b")
    assert not knows(keys, "a"), "a key that was taken back"
    for _ in range(20):
        assert not knows(keys, "c")
    assert len(host.asked) == 2


def test_an_old_set_is_renewed_without_a_call_waiting_for_it() -> None:
    host = Host(A)
    keys = host.keys()
    assert knows(keys, "a")
    host.publish(B)
    host.now += HOUR + 1
    assert knows(keys, "a")
    assert len(host.asked) == 1
    (task,) = host.later
    task()
    assert not knows(keys, "a")
    assert knows(keys, "b")
    assert len(host.asked) == 2


BROKEN: dict[str, bytes | Exception] = {
    "no answer": TimeoutError("no answer in time"),
    "an error of the library": RuntimeError("x"),
    "no JSON": b"<html>",
    "no set": b"[]",
    "an empty set": b'{"keys":[]}',
    "a private key": orjson.dumps({"keys": [jwk(d="AAAA")]}),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_keys_are_kept_while_the_host_is_away(
    broken: bytes | Exception, caplog: pytest.LogCaptureFixture
) -> None:
    host = Host(A)
    keys = host.keys()
    assert knows(keys, "a")
    host.answer = broken
    host.now += DAY - 60
    assert knows(keys, "a")
    host.later.pop()()
    assert knows(keys, "a")
    assert host.later == [], "the host is left in peace for a while"
    assert f"the keys at {JKU} were not obtained" in caplog.text
    host.now += 120
    with pytest.raises(NoKeysError):
        keys.find("a", "ES384")
    host.publish(B)
    host.now += 30
    assert knows(keys, "b")


def test_a_host_that_is_away_from_the_start() -> None:
    host = Host(A)
    host.answer = OSError("away")
    keys = host.keys()
    for _ in range(5):
        with pytest.raises(NoKeysError):
            keys.find("a", "ES384")
    assert len(host.asked) == 1
    host.publish(A)
    host.now += 30
    assert knows(keys, "a")


def test_many_calls_at_once_fetch_once() -> None:
    host, started = Host(A), threading.Barrier(8)
    keys = host.keys()
    found: list[Any] = []

    def call() -> None:
        started.wait()
        found.append(keys.find("a", "ES384"))

    threads = [threading.Thread(target=call) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(found) == 8
    assert host.asked == [JKU]


def test_by_default_it_is_renewed_in_a_thread() -> None:
    host, done = Host(A), threading.Event()

    def fetch(url: str) -> bytes:
        answer = host.fetch(url)
        if len(host.asked) == 2:
            done.set()
        return answer

    keys = FetchedKeys(JKU, BOTH, fetch, clock=lambda: host.now)
    assert knows(keys, "a")
    host.now += HOUR + 1
    assert knows(keys, "a")
    assert done.wait(WAIT)
