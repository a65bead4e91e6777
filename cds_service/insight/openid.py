"""Signing in at the site's own OpenID provider.

Source: OpenID Connect Core 1.0, https://openid.net/specs/openid-connect-core-1_0.html .
"""

from __future__ import annotations

import hmac
import logging
import secrets
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jwt
from flask import redirect, render_template, request

from cds_service.fhir.access import as_text
from cds_service.insight.door import here
from cds_service.problems import Problem
from cds_service.security.oauth import CodeFlow, DeniedError, UnwellError, word

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from flask import Blueprint
    from flask.typing import ResponseReturnValue

    from cds_service.insight.door import Hall

    Json = Mapping[str, Any]

log = logging.getLogger("cds_service")

_METADATA = "/.well-known/openid-configuration"
# The browser is away at the provider for so long at most, in seconds.
_AWAY = 600
_COOKIE = "openid"
_CLOCKS = 60  # seconds that two clocks may differ
_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]
_GROUP = "group:"


@dataclass(frozen=True, slots=True)
class Provider:
    """The OpenID provider, and who of its users may come in.

    ``allowed`` are e-mail addresses, and groups written as ``group:NAME``.
    """

    issuer: str
    client_id: str
    allowed: frozenset[str]

    def lets_in(self, claims: Json) -> bool:
        """Tell whether somebody may come in. An e-mail that nobody verified says nothing."""
        email = as_text(claims.get("email"))
        verified = claims.get("email_verified") is True
        if email and verified and email.casefold() in self.allowed:
            return True
        groups = claims.get("groups")
        named = groups if isinstance(groups, list) else [groups]
        return any(f"{_GROUP}{each}" in self.allowed for each in named if isinstance(each, str))


class OpenId:
    """Sends browsers to the provider, and believes what it signs of those who come back."""

    def __init__(self, provider: Provider, flow: CodeFlow) -> None:
        """Keep whom to ask; nobody is asked yet."""
        self._provider, self._flow = provider, flow

    def page(self, _hall: Hall, then: str) -> ResponseReturnValue:
        """Show the way: a link, since a form may not lead to another site."""
        return render_template("sign_in.html", token=None, then=then)

    def add(self, routes: Blueprint, hall: Hall) -> None:
        """Add the way to the provider, and the way back."""

        @routes.get("/begin")
        def begin() -> ResponseReturnValue:
            with _as_problems():
                said = self._described()
                url, pending = self._begin(said, here(request.args.get("then", "")))
            answer = redirect(url, 303)
            hall.cookies.set(answer, _COOKIE, hall.sessions.open(pending, _AWAY), _AWAY)
            return answer

        @routes.get("/callback")
        def callback() -> ResponseReturnValue:
            pending = _pending(hall)
            if "error" in request.args:
                raise _denied(f"it said {word(request.args['error'])}")
            with _as_problems():
                claims = self._claims(pending, request.args.get("code", ""))
            if not self._provider.lets_in(claims):
                log.warning("insight: somebody signed in who is not in CDS_OIDC_ALLOWED")
                raise _denied("you are not among those who may see this page")
            name = as_text(claims.get("email")) or as_text(claims.get("name")) or "Signed in"
            answer = hall.let_in(name, pending["then"])
            hall.cookies.forget(answer, _COOKIE)
            return answer

    def _described(self) -> Json:
        """Return what the provider says of itself. Raises UnwellError."""
        said = self._flow.described(self._provider.issuer, _METADATA)
        # Written with or without a slash at its end, it is the same; its tokens say it as it does.
        if (as_text(said.get("issuer")) or "").rstrip("/") != self._provider.issuer:
            msg = f"{_METADATA} names another issuer"
            raise UnwellError(msg)
        return said

    def _begin(self, said: Json, then: str) -> tuple[str, dict[str, str]]:
        """Return where the browser goes, and what must match when it is back."""
        pending = {
            "state": secrets.token_urlsafe(32),
            "nonce": secrets.token_urlsafe(32),
            "verifier": secrets.token_urlsafe(48),
            "then": then,
        }
        endpoint = self._flow.endpoint(self._provider.issuer, said, "authorization_endpoint")
        url = self._flow.begin(
            endpoint,
            _scopes(said),
            state=pending["state"],
            verifier=pending["verifier"],
            nonce=pending["nonce"],
        )
        return url, pending

    def _claims(self, pending: Json, code: str) -> Json:
        """Return what the provider says of who comes back. Raises UnwellError, DeniedError."""
        issuer, said = self._provider.issuer, self._described()
        granted = self._flow.redeem(
            issuer,
            self._flow.endpoint(issuer, said, "token_endpoint"),
            _scopes(said),
            code=code,
            verifier=pending["verifier"],
        )
        claims = self._signed(said, granted, pending["nonce"])
        token = as_text(granted.get("access_token"))
        if token is None or "userinfo_endpoint" not in said:
            return claims
        url = self._flow.endpoint(issuer, said, "userinfo_endpoint")
        more = self._flow.read(issuer, url, "userinfo endpoint", token)
        if more.get("sub") != claims["sub"]:
            msg = "its userinfo endpoint speaks of somebody else"
            raise UnwellError(msg)
        return {**more, **claims}

    def _signed(self, said: Json, granted: Json, nonce: str) -> Json:
        """Return the claims of an ID token, if all is right with it. Raises UnwellError."""
        url = self._flow.endpoint(self._provider.issuer, said, "jwks_uri")
        keys = self._flow.read(self._provider.issuer, url, "key set")
        token = as_text(granted.get("id_token")) or ""
        try:
            claims: Json = jwt.decode(
                token,
                _key(token, keys),
                algorithms=_ALGORITHMS,
                audience=self._provider.client_id,
                issuer=said["issuer"],
                leeway=_CLOCKS,
                options={"require": ["aud", "exp", "iat", "iss", "sub"]},
            )
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            msg = f"its ID token cannot be believed ({type(error).__name__})"
            raise UnwellError(msg) from None
        meant = claims.get("azp", self._provider.client_id) == self._provider.client_id
        told = as_text(claims.get("nonce")) or ""
        if not (meant and hmac.compare_digest(told.encode(), nonce.encode())):
            msg = "its ID token is about another sign-in"
            raise UnwellError(msg)
        return claims


def _scopes(said: Json) -> str:
    """Return what is asked for. Groups only of a provider that says it has them: others refuse."""
    offered = said.get("scopes_supported")
    groups = isinstance(offered, list) and "groups" in offered
    return "openid email groups" if groups else "openid email"


def _key(token: str, keys: Json) -> jwt.PyJWK:
    """Return the key that a token names, or the only one. Raises PyJWTError."""
    usable: Sequence[jwt.PyJWK] = jwt.PyJWKSet.from_dict(dict(keys)).keys
    kid = jwt.get_unverified_header(token).get("kid")
    found = [each for each in usable if kid is None or each.key_id == kid]
    if len(found) != 1:
        msg = "no key"
        raise jwt.InvalidKeyError(msg)
    return found[0]


def _pending(hall: Hall) -> Json:
    """Return the sign-in that a browser comes back from, once. Raises Problem (403)."""
    begun = hall.sessions.take(hall.cookies.read(_COOKIE))
    said = request.args.get("state", "")
    if begun is None or not hmac.compare_digest(begun["state"].encode(), said.encode()):
        msg = "this sign-in did not begin in this browser, or took too long; begin again"
        raise Problem(403, "forbidden", msg)
    return begun


def _denied(why: str) -> Problem:
    return Problem(403, "forbidden", f"the sign-in did not let you in: {why}")


@contextmanager
def _as_problems() -> Iterator[None]:
    """Say what is wrong with the provider to who signs in. Raises Problem (403, 502)."""
    try:
        yield
    except UnwellError as error:
        log.warning("insight: the OpenID provider: %s", error)
        msg = f"the sign-in server could not be asked: {error}"
        raise Problem(502, "transient", msg) from None
    except DeniedError as error:
        raise _denied(f"it said {error}") from None
