"""Who may call: the file that CDS_CLIENTS names, read so that nothing in it is overlooked."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from cds_service.security.allowed import Base, read_base
from cds_service.security.keys import KEY_OF, KeySet, KeySetError, read_key_set
from cds_service.settings import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


RECOMMENDED = ("ES384", "RS384")
# Their private key stands in a public repository, so their tokens prove nothing.
SIGNED_BY_ANYONE = frozenset({"https://sandbox.cds-hooks.org"})

_SHORTEST, _LONGEST = 60, 86_400
_MOST_LEEWAY = 300


@dataclass(frozen=True, slots=True)
class Client:
    """One who may call: whose tokens are taken, checked by which keys, and what they must say.

    ``jku`` is the address of its JWK Set, ``base`` the same as what may be called: there is none
    where the file holds the ``keys``. Lifetime and leeway are in seconds.
    """

    iss: str
    jku: str | None = None
    base: Base | None = None
    keys: KeySet | None = None
    audiences: tuple[str, ...] = ()
    algorithms: tuple[str, ...] = RECOMMENDED
    max_lifetime: int = 3600
    leeway: int = 60
    tenant: str | None = None


def read_clients(path: Path, public_url: str | None) -> Mapping[str, Client]:
    """Return the clients of a file by their issuer.

    ``public_url`` is what callers know the service by; without it each client needs audiences.
    Raises SettingsError that names the file, the place in it, and what to write there.
    """
    try:
        document = json.loads(path.read_bytes(), object_pairs_hook=_each_key_once)
        return _clients(document, path, public_url)
    except _Refused as refused:
        msg = f"CDS_CLIENTS {path}: {refused}."
    except OSError as error:
        msg = f"CDS_CLIENTS {path} cannot be read: {error.strerror}."
    except (ValueError, RecursionError) as error:
        msg = f"CDS_CLIENTS {path} is not JSON: {error}."
    raise SettingsError(msg)


class _Refused(Exception):  # noqa: N818  becomes a SettingsError that names the file too
    """Says where in the file, and what to do."""


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read: dict[str, Any] = {}
    for key, value in pairs:
        if key in read:
            msg = f"the key {key!r} is given twice in one object; take one out"
            raise _Refused(msg)
        read[key] = value
    return read


def _clients(document: object, path: Path, public_url: str | None) -> Mapping[str, Client]:
    if not isinstance(document, dict) or set(document) != {"clients"}:
        msg = 'write an object with the one key "clients"'
        raise _Refused(msg)
    listed = document["clients"]
    if not isinstance(listed, list) or not listed:
        msg = "clients: list at least one client; take CDS_CLIENTS out where nobody is to be asked"
        raise _Refused(msg)
    found: dict[str, Client] = {}
    for number, each in enumerate(listed):
        at = f"clients[{number}]"
        client = _client(each, at, path.parent)
        if not client.audiences and public_url is None:
            msg = (
                f"{at}: nothing says for whom its tokens must be; set CDS_PUBLIC_URL to the "
                'address that callers use, or list "audiences"'
            )
            raise _Refused(msg)
        if client.iss in found:
            msg = f"{at}.iss: {client.iss} is listed above already; write one entry for each issuer"
            raise _Refused(msg)
        found[client.iss] = client
    return found


def _client(written: object, at: str, folder: Path) -> Client:
    if not isinstance(written, dict):
        msg = f"{at}: write an object"
        raise _Refused(msg)
    values: dict[str, Any] = {}
    for key, value in written.items():
        if key not in _FIELDS:
            msg = f"{at}.{key} is not known here; use {', '.join(_FIELDS)}"
            raise _Refused(msg)
        field, read = _FIELDS[key]
        try:
            values[field] = read(value)
        except ValueError as error:
            msg = f"{at}.{key}: {error}"
            raise _Refused(msg) from None
    if "iss" not in values:
        msg = f"{at}: iss is missing; write the issuer that its tokens name"
        raise _Refused(msg)
    keys = _where_keys_are(values, at, folder)
    return Client(**values, **keys)


def _where_keys_are(values: dict[str, Any], at: str, folder: Path) -> dict[str, Any]:
    """Take out of the values where keys are; return the keys, or the address to call for them."""
    jku: Any = values.get("jku")
    address = values.pop("jkuAddress", None)
    given = {key: values.pop(key) for key in ("jwks", "jwksFile") if key in values}
    if len(given) > 1 or not (given or jku):
        msg = f"{at}: write where its keys are: one of jku, jwks and jwksFile"
        raise _Refused(msg)
    if address and (given or not jku):
        msg = f"{at}.jkuAddress: there is no jku that would be called; take it out"
        raise _Refused(msg)
    if not given:
        return {"base": _base(f"{jku} at {address}" if address else jku, at)}
    ((key, document),) = given.items()
    try:
        return {"keys": _key_set(document, values.get("algorithms", RECOMMENDED), folder)}
    except (KeySetError, OSError, RecursionError) as error:
        msg = f"{at}.{key}: {error}"
        raise _Refused(msg) from None


def _base(entry: str, at: str) -> Base:
    try:
        return read_base(entry)
    except ValueError as error:
        msg = f"{at}.jku: {error}"
        raise _Refused(msg) from None


def _key_set(document: object, algorithms: tuple[str, ...], folder: Path) -> KeySet:
    if isinstance(document, Path):
        file = folder / document
        try:
            document = json.loads(file.read_bytes())
        except ValueError as error:
            msg = f"{file} is not JSON: {error}"
            raise KeySetError(msg) from None
    return read_key_set(document, algorithms)


# --- what each key of a client may say ---


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        msg = "write a text"
        raise ValueError(msg)
    return value


def _https(value: object) -> str:
    url = urlsplit(_text(value))
    if url.scheme != "https" or not url.hostname or url.username is not None or url.fragment:
        msg = "write the whole address, beginning with https://"
        raise ValueError(msg)
    return url.geturl()


def _document(value: object) -> object:
    if not isinstance(value, dict):
        msg = 'write a JWK Set, {"keys": […]}, or name its file under jwksFile'
        raise ValueError(msg)  # noqa: TRY004  one error for all that stands there
    return value


def _file(value: object) -> Path:
    return Path(_text(value))


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        msg = "write a list of texts"
        raise ValueError(msg)
    return tuple(_text(each) for each in value)


def _algorithms(value: object) -> tuple[str, ...]:
    listed = _texts(value)
    for each in listed:
        if each not in KEY_OF:
            msg = f"{each} is not taken; use {', '.join(KEY_OF)}"
            raise ValueError(msg)
    return listed


def _seconds(least: int, most: int) -> Callable[[object], int]:
    def read(value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            msg = f"write a number of seconds from {least} to {most}"
            raise ValueError(msg)
        return value

    return read


_FIELDS: Mapping[str, tuple[str, Callable[[object], object]]] = {
    "iss": ("iss", _text),
    "jku": ("jku", _https),
    "jkuAddress": ("jkuAddress", _text),
    "jwks": ("jwks", _document),
    "jwksFile": ("jwksFile", _file),
    "audiences": ("audiences", _texts),
    "algorithms": ("algorithms", _algorithms),
    "maxLifetime": ("max_lifetime", _seconds(_SHORTEST, _LONGEST)),
    "leeway": ("leeway", _seconds(0, _MOST_LEEWAY)),
    "tenant": ("tenant", _text),
}
