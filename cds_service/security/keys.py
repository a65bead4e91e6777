"""The public keys of a client: given in its file, or fetched from the one address it names."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any, Protocol

import orjson
from jwt import PyJWK
from jwt.exceptions import PyJWTError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

log = logging.getLogger("cds_service")

# Which keys an algorithm can be checked with: what RFC 7518 calls key type and curve.
KEY_OF = {
    "ES384": {"kty": "EC", "crv": "P-384"},
    "RS384": {"kty": "RSA"},
    "ES256": {"kty": "EC", "crv": "P-256"},
    "RS256": {"kty": "RSA"},
}
_RSA_BITS = 2048
# RFC 7518: members that only a private key, or a secret that both sides share, has.
_PRIVATE = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}

_FRESH = 3600.0
_KEPT = 24 * 3600.0
_COOLDOWN = 30.0

KeySet = dict[tuple[str, str], PyJWK]


class KeySetError(ValueError):
    """A JWK Set that cannot be used, and why."""


class UnknownKeyError(Exception):
    """No key of the client has this kid and goes with this algorithm."""


class NoKeysError(Exception):
    """The client's keys have not been obtained, or not for too long."""


class Keys(Protocol):
    """Where the keys of one client are looked up."""

    def find(self, kid: str, algorithm: str) -> PyJWK:
        """Return the key. Raises UnknownKeyError or NoKeysError."""
        ...


def read_key_set(document: object, algorithms: Sequence[str]) -> KeySet:
    """Return the keys of a JWK Set by kid and algorithm, of those algorithms only.

    Keys for other uses are passed over, as RFC 7517 asks. Raises KeySetError where there is a
    private key in it, which whoever reads the set could sign with, or nothing that can be used.
    """
    listed = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        msg = 'it is no JWK Set: there must be a list "keys"'
        raise KeySetError(msg)
    found: KeySet = {}
    for number, jwk in enumerate(listed):
        if not isinstance(jwk, dict):
            continue
        if not _PRIVATE.isdisjoint(jwk):
            msg = f"keys[{number}] is a private or shared key: replace it, and list its public half"
            raise KeySetError(msg)
        for algorithm in algorithms:
            if _fits(jwk, algorithm):
                key = _public_key(jwk, algorithm)
                if key is not None:
                    found[jwk["kid"], algorithm] = key
    if not found:
        msg = f"there is no key in it that has a kid and goes with {' or '.join(algorithms)}"
        raise KeySetError(msg)
    return found


def _fits(jwk: Mapping[str, Any], algorithm: str) -> bool:
    return (
        isinstance(jwk.get("kid"), str)
        and all(jwk.get(name) == value for name, value in KEY_OF[algorithm].items())
        and jwk.get("alg", algorithm) == algorithm
        and jwk.get("use", "sig") == "sig"
        and "verify" in jwk.get("key_ops", ["verify"])
    )


def _public_key(jwk: dict[str, Any], algorithm: str) -> PyJWK | None:
    """Return the key, or None where it is malformed or too weak to be trusted."""
    try:
        key = PyJWK(jwk, algorithm)
    except PyJWTError:
        return None
    return key if getattr(key.key, "key_size", 0) >= _RSA_BITS or jwk["kty"] == "EC" else None


class GivenKeys:
    """Keys that stand in the file of the clients; they change when the service is restarted."""

    def __init__(self, keys: KeySet) -> None:
        """Keep them."""
        self._keys = keys

    def find(self, kid: str, algorithm: str) -> PyJWK:
        """Return a key. Raises UnknownKeyError."""
        return _find(self._keys, kid, algorithm)


class FetchedKeys:
    """Keys from the address of the client's JWK Set, and from no other.

    They are fetched when first needed, and again when a kid is not among them, at most every 30
    seconds; after an hour they are renewed beside the calls, so that no call waits for it. While
    the address does not answer, the keys at hand are kept for a day.
    """

    def __init__(
        self,
        url: str,
        algorithms: Sequence[str],
        fetch: Callable[[str], bytes],
        *,
        clock: Callable[[], float] = time.monotonic,
        beside: Callable[[Callable[[], None]], None] | None = None,
    ) -> None:
        """Fetch nothing yet. ``clock`` is in seconds; ``beside`` runs what no call waits for."""
        self._url, self._algorithms, self._fetch = url, algorithms, fetch
        self._clock = clock
        self._beside = beside or _in_a_thread
        self._one_at_a_time = threading.Lock()
        self._keys: KeySet = {}
        self._fetched_at = self._next_try = float("-inf")

    def find(self, kid: str, algorithm: str) -> PyJWK:
        """Return a key, fetching the set where it must. Raises UnknownKeyError, NoKeysError."""
        age = self._clock() - self._fetched_at
        if age <= _KEPT and (kid, algorithm) in self._keys:
            if age > _FRESH and self._clock() >= self._next_try:
                self._beside(self._renew)
        else:
            self._renew()
        if self._clock() - self._fetched_at > _KEPT:
            raise NoKeysError
        return _find(self._keys, kid, algorithm)

    def _renew(self) -> None:
        with self._one_at_a_time:
            if self._clock() < self._next_try:
                return
            self._next_try = self._clock() + _COOLDOWN
            try:
                document = orjson.loads(self._fetch(self._url))
                self._keys = read_key_set(document, self._algorithms)
            except Exception as error:  # noqa: BLE001  whatever fails there must not fail here
                log.warning(
                    "the keys at %s were not obtained, those at hand are kept: %s: %s",
                    self._url,
                    type(error).__name__,
                    ascii(str(error)[:200]),
                )
            else:
                self._fetched_at = self._clock()


def _find(keys: KeySet, kid: str, algorithm: str) -> PyJWK:
    try:
        return keys[kid, algorithm]
    except KeyError:
        raise UnknownKeyError from None


def _in_a_thread(task: Callable[[], None]) -> None:
    threading.Thread(target=task, daemon=True).start()
