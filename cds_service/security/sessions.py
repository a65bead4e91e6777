"""Short sessions of a browser, sealed by a key that only its cookie holds."""

from __future__ import annotations

import base64
import hashlib
import secrets
import threading
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

import orjson
from cryptography.fernet import Fernet, InvalidToken

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_BYTES = 32
_AT_MOST = 10_000


class Shelf(Protocol):
    """Where sealed sessions are kept by name. Each method may raise UnreachableError."""

    def put(self, name: str, content: str, until: datetime) -> None:
        """Keep a session in the place of one of the same name."""
        ...

    def get(self, name: str, now: datetime) -> str | None:
        """Return a session that has not ended."""
        ...

    def take(self, name: str, now: datetime) -> str | None:
        """Return a session that has not ended, to one caller only, and forget it."""
        ...


class Memory:
    """The sessions of one process, for a service that has no database and one worker."""

    def __init__(self) -> None:
        """Keep nothing yet."""
        self._kept: dict[str, tuple[str, datetime]] = {}
        self._lock = threading.Lock()

    def put(self, name: str, content: str, until: datetime) -> None:
        """Keep a session in the place of one of the same name; of too many, the latest."""
        with self._lock:
            self._kept.pop(name, None)
            while len(self._kept) >= _AT_MOST:
                del self._kept[next(iter(self._kept))]
            self._kept[name] = content, until

    def get(self, name: str, now: datetime) -> str | None:
        """Return a session that has not ended."""
        with self._lock:
            self._forget(now)
            return self._kept.get(name, (None,))[0]

    def take(self, name: str, now: datetime) -> str | None:
        """Return a session that has not ended, to one caller only, and forget it."""
        with self._lock:
            self._forget(now)
            return self._kept.pop(name, (None,))[0]

    def _forget(self, now: datetime) -> None:
        self._kept = {name: each for name, each in self._kept.items() if each[1] > now}


class Sessions:
    """Sessions by the key that a browser brings. The shelf sees neither the key nor the content."""

    def __init__(self, shelf: Shelf, now: Callable[[], datetime]) -> None:
        """Keep the shelf and the clock."""
        self._shelf, self._now = shelf, now

    def open(self, content: Mapping[str, Any], seconds: int) -> str:
        """Begin a session, and return its key. Raises UnreachableError."""
        key = secrets.token_urlsafe(_BYTES)
        self._keep(key, content, self._now() + timedelta(seconds=seconds))
        return key

    def write(self, key: str, content: Mapping[str, Any]) -> None:
        """Give a session another content; it ends when it would have. Raises UnreachableError."""
        kept = _unseal(key, self._shelf.get(_name(key), self._now()))
        if kept is not None:
            self._keep(key, content, datetime.fromisoformat(kept["ends"]))

    def read(self, key: str) -> dict[str, Any] | None:
        """Return what is in a session, None where it has ended. Raises UnreachableError."""
        return _content(_unseal(key, self._shelf.get(_name(key), self._now())))

    def take(self, key: str) -> dict[str, Any] | None:
        """End a session, and return what was in it, once. Raises UnreachableError."""
        return _content(_unseal(key, self._shelf.take(_name(key), self._now())))

    def _keep(self, key: str, content: Mapping[str, Any], ends: datetime) -> None:
        whole = {"ends": ends.isoformat(), "content": content}
        self._shelf.put(_name(key), _cipher(key).encrypt(orjson.dumps(whole)).decode(), ends)


def _name(key: str) -> str:
    return hashlib.sha256(f"name of {key}".encode()).hexdigest()


def _cipher(key: str) -> Fernet:
    digest = hashlib.sha256(f"seal of {key}".encode()).digest()
    return Fernet(base64.urlsafe_b64encode(digest))


def _content(kept: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if kept is None else kept["content"]


def _unseal(key: str, sealed: str | None) -> dict[str, Any] | None:
    if sealed is None:
        return None
    try:
        opened: dict[str, Any] = orjson.loads(_cipher(key).decrypt(sealed))
    except InvalidToken:
        return None  # somebody wrote into the database
    return opened
