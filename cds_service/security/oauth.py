"""The client's side of OAuth 2: a code with PKCE and what it is worth, over our own calls."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import orjson
from authlib.common.errors import AuthlibBaseError  # type: ignore[import-untyped]  # it ships none
from authlib.oauth2.client import OAuth2Client  # type: ignore[import-untyped]  # the same

from cds_service.fhir.access import as_text
from cds_service.security.allowance import Allowance, OutboundError
from cds_service.security.allowed import read_place

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cds_service.security.allowance import Answer
    from cds_service.security.outbound import Outbound, Server

_OK = 200
_MAX_BYTES = 256 * 1024
S256 = "S256"
_WORD = re.compile(r"[a-z_]{1,40}")


class UnwellError(Exception):
    """A server could not be asked, or answers what no client can use: why, in words."""


class DeniedError(Exception):
    """A server grants nothing: its code for why, if it is one."""


@dataclass(frozen=True, slots=True)
class Client:
    """What a server knows this service by."""

    id: str
    secret: str | None = field(repr=False)
    redirect_uri: str


class CodeFlow:
    """Asks listed servers for access: first with a browser, then with what that brings back.

    A ``base`` is one of the list; what it names as its own endpoints is believed, as far as
    ``Outbound.reach_named`` goes.
    """

    def __init__(self, outbound: Outbound, client: Client, *, seconds: float) -> None:
        """Keep the list; ``seconds`` is how long a server may take for each answer."""
        self._outbound, self._client, self._seconds = outbound, client, seconds

    def reach(self, base: str) -> tuple[Server, Allowance]:
        """Return a listed server, and what a call of it may spend. Raises OutboundError."""
        allowance = Allowance(self._seconds, _MAX_BYTES)
        return self._outbound.reach(base, allowance), allowance

    def described(self, base: str, path: str) -> Mapping[str, Any]:
        """Return what a server says of itself. Raises UnwellError."""
        try:
            server, allowance = self.reach(base)
            answer = server.get(f"{server.base}{path}", allowance)
        except OutboundError as error:
            raise UnwellError(str(error)) from None
        return _object(answer, path)

    def endpoint(self, base: str, said: Mapping[str, Any], name: str) -> str:
        """Return an endpoint that a server names; a browser is sent there, or a secret.

        Raises UnwellError.
        """
        url = as_text(said.get(name)) or ""
        try:
            place = read_place(url)
        except ValueError:
            msg = f"its {name} is missing, or is no address"
            raise UnwellError(msg) from None
        if read_place(base).scheme == "https" and place.scheme != "https":
            msg = f"its {name} is not reached over https"
            raise UnwellError(msg)
        return url

    def begin(self, endpoint: str, scopes: str, *, state: str, verifier: str, **asked: str) -> str:
        """Return where the browser goes."""
        url, _ = self._oauth(None, scopes).create_authorization_url(
            endpoint, state=state, code_verifier=verifier, **asked
        )
        return str(url)

    def redeem(
        self, base: str, endpoint: str, scopes: str, *, code: str, verifier: str
    ) -> Mapping[str, Any]:
        """Exchange a code at a token endpoint. Raises UnwellError or DeniedError."""
        try:
            post = _Post(*self._reach_named(base, endpoint))
            said: Mapping[str, Any] = self._oauth(post, scopes).fetch_token(
                endpoint, grant_type="authorization_code", code=code, code_verifier=verifier
            )
        except OutboundError as error:
            msg = f"its token endpoint: {error}"
            raise UnwellError(msg) from None
        except AuthlibBaseError as error:
            raise DeniedError(word(error.error)) from None
        except (ValueError, TypeError, OverflowError):
            msg = "its token endpoint answered with something else"
            raise UnwellError(msg) from None
        return said

    def read(self, base: str, url: str, what: str, token: str | None = None) -> Mapping[str, Any]:
        """Return the JSON object at an address that a server names. Raises UnwellError."""
        try:
            server, allowance = self._reach_named(base, url)
            answer = server.get(url, allowance, token=token)
        except OutboundError as error:
            msg = f"its {what}: {error}"
            raise UnwellError(msg) from None
        return _object(answer, f"its {what}")

    def _reach_named(self, base: str, url: str) -> tuple[Server, Allowance]:
        allowance = Allowance(self._seconds, _MAX_BYTES)
        return self._outbound.reach_named(base, url, allowance), allowance

    def _oauth(self, session: _Post | None, scopes: str) -> Any:  # noqa: ANN401  Authlib has no types
        return OAuth2Client(
            session,
            self._client.id,
            self._client.secret,
            scope=scopes,
            redirect_uri=self._client.redirect_uri,
            code_challenge_method=S256,
        )


def word(code: object) -> str:
    """Return an error code of OAuth 2, if it is one: an answer may say anything."""
    return code if isinstance(code, str) and _WORD.fullmatch(code) else "no reason given"


def _object(answer: Answer, what: str) -> Mapping[str, Any]:
    if answer.status != _OK:
        msg = f"{what} answered {answer.status}"
        raise UnwellError(msg)
    try:
        said = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        said = None
    if not isinstance(said, dict):
        msg = f"{what} is no JSON object"
        raise UnwellError(msg)
    return said


class _Post:
    """The one call that Authlib's client makes, over a server whose address was checked."""

    def __init__(self, server: Server, allowance: Allowance) -> None:
        self._server, self._allowance = server, allowance

    def post(
        self,
        url: str,
        *,
        data: Mapping[str, str],
        headers: Mapping[str, str],
        auth: Any,  # noqa: ANN401  Authlib has no types
    ) -> _Said:
        url, said, body = auth.prepare("POST", url, dict(headers), urlencode(data))
        sent = body.encode()
        return _Said(self._server.send("POST", url, self._allowance, body=sent, headers=said))


class _Said:
    """An answer as Authlib's client reads it."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.status_code = answer.status

    def json(self) -> object:
        return orjson.loads(self._answer.body)

    def raise_for_status(self) -> None:
        if self.status_code != _OK:
            msg = f"answered {self.status_code}"
            raise ValueError(msg)
