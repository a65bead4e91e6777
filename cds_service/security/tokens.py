"""Whether a token lets its bearer in: signed by a client we know, for us, now, and once."""

from __future__ import annotations

import base64
import binascii
import re
import time
from typing import TYPE_CHECKING, Any, TypeGuard

import orjson
from jwt import PyJWS
from jwt.exceptions import PyJWTError

from cds_service.security.keys import NoKeysError, UnknownKeyError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cds_service.security.clients import Client
    from cds_service.security.keys import Keys
    from cds_service.security.replay import Replay

_MAX_HEADER = 8190
_MAX_ID = 256
_BEARER = re.compile(
    r"bearer +(?P<token>(?P<header>[\w-]+)\.(?P<claims>[\w-]+)\.[\w-]+)", re.ASCII | re.IGNORECASE
)
_FEEDBACK = "/feedback"
_SIGNATURES = PyJWS()

# Why a token is refused: for the log and the metrics, never for the answer.
REASONS = {
    "missing": "there is no Authorization header",
    "malformed": "there is no bearer token in the header that can be read",
    "issuer": "its iss is not in CDS_CLIENTS",
    "jku": "its jku is not the address in CDS_CLIENTS",
    "algorithm": "its alg is not among those of the client",
    "audience": "its aud is neither an audience of the client nor the address called",
    "claims": "exp, iat or jti is missing or malformed",
    "early": "its iat or nbf is yet to come",
    "expired": "its exp is over",
    "lifetime": "it lives longer than the client's tokens may",
    "tenant": "its tenant is not that of the client",
    "kid": "no key of the client has its kid and goes with its alg",
    "keys": "the client's keys could not be obtained",
    "signature": "its signature is not by that key",
    "replayed": "it was used before",
}


class RefusedError(Exception):
    """A call that is not let in: a word of ``REASONS``, and whose token it says it was.

    ``iss``, ``jti`` and ``kid`` are as the token has them, where they are texts: nobody has vouched
    for them.
    """

    def __init__(
        self, reason: str, *, iss: object = None, jti: object = None, kid: object = None
    ) -> None:
        """Keep what the log may say. The token itself is not kept."""
        super().__init__(REASONS[reason])
        self.reason = reason
        self.iss, self.jti, self.kid = (
            each if isinstance(each, str) else None for each in (iss, jti, kid)
        )


class Tokens:
    """The check of tokens: clients by issuer, their keys, and what was used before.

    ``public_url`` is what callers know the service by, without a slash at its end; ``now`` gives
    seconds since 1970.
    """

    def __init__(
        self,
        clients: Mapping[str, Client],
        keys: Mapping[str, Keys],
        replay: Replay,
        *,
        public_url: str | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Take what a check needs; nothing is fetched yet."""
        self._clients, self._keys, self._replay = clients, keys, replay
        self._public_url, self._now = public_url, now

    def verify(self, authorization: str | None, path: str) -> Client:
        """Return the client whose token an Authorization header bears, for a call of a path.

        What costs little is looked at first, the signature before the last, and a token counts as
        used only when all else is right. Raises RefusedError.
        """
        if authorization is None:
            raise RefusedError("missing")
        token, header, claims = _read(authorization)
        issuer = claims.get("iss")
        client = self._clients.get(issuer) if isinstance(issuer, str) else None
        if client is None:
            reason = "issuer"
        else:
            reason = (
                _refuse_header(header, client)
                or self._refuse_audience(claims.get("aud"), client, path)
                or _refuse_claims(claims, client, self._now())
                or self._refuse_signature(token, header, client)
                or self._refuse_replay(claims, client)
            )
        if client is None or reason:
            raise RefusedError(reason, iss=issuer, jti=claims.get("jti"), kid=header.get("kid"))
        return client

    def _refuse_audience(self, said: object, client: Client, path: str) -> str:
        taken = {_endpoint(each) for each in client.audiences}
        if self._public_url is not None:
            taken.add(_endpoint(self._public_url + path))
        listed = said if isinstance(said, list) else [said]
        meant = {_endpoint(each) for each in listed if isinstance(each, str)}
        return "" if meant & taken else "audience"

    def _refuse_signature(self, token: str, header: Mapping[str, Any], client: Client) -> str:
        try:
            key = self._keys[client.iss].find(header["kid"], header["alg"])
            _SIGNATURES.decode(token, key, algorithms=list(client.algorithms))
        except NoKeysError:
            return "keys"
        except UnknownKeyError:
            return "kid"
        except PyJWTError:
            return "signature"
        return ""

    def _refuse_replay(self, claims: Mapping[str, Any], client: Client) -> str:
        until = claims["exp"] + client.leeway
        first = self._replay.first_use(client.iss, claims["jti"], until)
        return "" if first else "replayed"


def _read(authorization: str) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """Return the token of a header, its header and its claims, which nobody has checked yet."""
    match = _BEARER.fullmatch(authorization.strip(" \t"))
    if match is None or len(authorization) > _MAX_HEADER:
        raise RefusedError("malformed")
    return match["token"], _object(match["header"]), _object(match["claims"])


def _object(segment: str) -> dict[str, Any]:
    try:
        read = orjson.loads(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
    except (binascii.Error, orjson.JSONDecodeError):
        raise RefusedError("malformed") from None
    if not isinstance(read, dict):
        raise RefusedError("malformed")
    return read


def _refuse_header(header: Mapping[str, Any], client: Client) -> str:
    if header.get("alg") not in client.algorithms:
        return "algorithm"
    if header.get("jku", client.jku) != client.jku:
        return "jku"
    if not isinstance(header.get("kid"), str):
        return "kid"
    kind = header.get("typ", "JWT")
    # Another kind of token that the same keys sign was not made for this.
    return "" if isinstance(kind, str) and kind.upper() == "JWT" else "malformed"


def _refuse_claims(claims: Mapping[str, Any], client: Client, now: float) -> str:
    if not _is_token_id(claims.get("jti")):
        return "claims"
    if client.tenant is not None and claims.get("tenant") != client.tenant:
        return "tenant"
    return _refuse_times(claims, client, now)


def _refuse_times(claims: Mapping[str, Any], client: Client, now: float) -> str:
    expires, issued = claims.get("exp"), claims.get("iat")
    begins = claims.get("nbf", issued)
    if not (_is_number(expires) and _is_number(issued) and _is_number(begins)):
        return "claims"
    if max(issued, begins) > now + client.leeway:
        return "early"
    if expires <= now - client.leeway:
        return "expired"
    return "" if 0 < expires - issued <= client.max_lifetime else "lifetime"


def _is_token_id(value: object) -> bool:
    """Tell whether a jti can be kept and logged: short, and on one line."""
    return isinstance(value, str) and 0 < len(value) <= _MAX_ID and value.isprintable()


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _endpoint(url: str) -> str:
    """Return an audience as it is compared: a service and its feedback are one."""
    return url.rstrip("/").removesuffix(_FEEDBACK).rstrip("/")
