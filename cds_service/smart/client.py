"""The OAuth 2 side of a launch: what an EHR says of itself, where the browser goes, the token."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import orjson
from authlib.common.errors import AuthlibBaseError  # type: ignore[import-untyped]  # it ships none
from authlib.oauth2.client import OAuth2Client  # type: ignore[import-untyped]  # the same

from cds_service.fhir.access import as_text
from cds_service.problems import Problem
from cds_service.security.allowed import read_place
from cds_service.security.outbound import Allowance, Outbound, OutboundError
from cds_service.smart.grant import Grant, read_grant

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cds_service.security.allowed import Base
    from cds_service.security.outbound import Answer, Server

_METADATA = "/.well-known/smart-configuration"
_OK = 200
_FAILED = 500
_MAX_BYTES = 256 * 1024
_S256 = "S256"
_WORD = re.compile(r"[a-z_]{1,40}")


@dataclass(frozen=True, slots=True)
class Registration:
    """What the EHRs know this app by. ``scopes`` are separated by spaces."""

    client_id: str
    client_secret: str | None = field(repr=False)
    scopes: str
    public_url: str

    @property
    def redirect_uri(self) -> str:
        """Return the address that an EHR sends the browser back to."""
        return f"{self.public_url}/smart/callback"


@dataclass(frozen=True, slots=True)
class Pending:
    """A launch between its two halves: what the second must match, and where it goes on."""

    iss: str
    state: str
    verifier: str = field(repr=False)
    issuer: str | None
    always_named: bool
    token_endpoint: str
    scopes: str


class SmartClient:
    """Launches at the EHRs of an allow list, as one registered client."""

    def __init__(
        self, registration: Registration, bases: Sequence[Base], *, seconds: float
    ) -> None:
        """Take the list; ``seconds`` is how long an EHR may take in each half of a launch."""
        self.registration = registration
        self.issuers = tuple(dict.fromkeys(str(base) for base in bases))
        self._places = {base.place for base in bases}
        self._seconds = seconds
        self._outbound = Outbound(bases)

    def knows(self, iss: str) -> bool:
        """Tell whether an EHR is on the list, whatever way its address is written."""
        try:
            return read_place(iss) in self._places
        except ValueError:
            return False

    def reach(self, iss: str) -> tuple[Server, Allowance]:
        """Return the FHIR server of an EHR, and what a call of it may spend.

        Raises OutboundError.
        """
        allowance = Allowance(self._seconds, _MAX_BYTES)
        return self._outbound.reach(iss, allowance), allowance

    def begin(self, iss: str, launch: str | None) -> tuple[str, Pending]:
        """Return where the browser goes, and what is to be remembered until it comes back.

        ``launch`` is the EHR's word for its context; without it the EHR lets a patient be chosen.
        Raises Problem (502).
        """
        said = self._metadata(iss)
        authorize = self._endpoint(iss, said, "authorization_endpoint")
        context = "launch" if launch else "launch/patient"
        pending = Pending(
            iss=iss,
            state=secrets.token_urlsafe(32),
            verifier=secrets.token_urlsafe(48),
            issuer=as_text(said.get("issuer")),
            always_named=said.get("authorization_response_iss_parameter_supported") is True,
            token_endpoint=self._endpoint(iss, said, "token_endpoint"),
            scopes=f"{context} {self.registration.scopes}",
        )
        asked = {"launch": launch} if launch else {}
        url, _ = self._oauth(None, pending.scopes).create_authorization_url(
            authorize, state=pending.state, code_verifier=pending.verifier, aud=iss, **asked
        )
        return url, pending

    def redeem(self, pending: Pending, code: str) -> Grant:
        """Exchange a code for access to one patient's record. Raises Problem (403, 502)."""
        try:
            allowance = Allowance(self._seconds, _MAX_BYTES)
            server = self._outbound.reach_named(pending.iss, pending.token_endpoint, allowance)
            said = self._oauth(_Post(server, allowance), pending.scopes).fetch_token(
                pending.token_endpoint,
                grant_type="authorization_code",
                code=code,
                code_verifier=pending.verifier,
            )
        except OutboundError as error:
            raise _unwell(f"its token endpoint: {error}") from None
        except AuthlibBaseError as error:
            msg = f"the EHR did not grant access ({word(error.error)}); open the form from it again"
            raise Problem(403, "forbidden", msg) from None
        except (ValueError, TypeError, OverflowError):
            raise _unwell("its token endpoint answered with something else") from None
        return read_grant(pending.iss, said, pending.scopes)

    def _metadata(self, iss: str) -> Mapping[str, Any]:
        try:
            server, allowance = self.reach(iss)
            answer = server.get(f"{server.base}{_METADATA}", allowance)
        except OutboundError as error:
            raise _unwell(str(error)) from None
        if answer.status != _OK:
            raise _unwell(f"{_METADATA} answered {answer.status}")
        try:
            said = orjson.loads(answer.body)
        except orjson.JSONDecodeError:
            said = None
        if not isinstance(said, dict):
            raise _unwell(f"{_METADATA} is no JSON object")
        methods = said.get("code_challenge_methods_supported")
        if not isinstance(methods, list) or _S256 not in methods:
            raise _unwell(f"{_METADATA} does not offer PKCE with {_S256}, which SMART 2 asks for")
        return said

    def _endpoint(self, iss: str, said: Mapping[str, Any], name: str) -> str:
        """Return an endpoint that an EHR names; a browser is sent there, or a secret."""
        url = as_text(said.get(name)) or ""
        try:
            place = read_place(url)
        except ValueError:
            raise _unwell(f"its {name} is missing, or is no address") from None
        if read_place(iss).scheme == "https" and place.scheme != "https":
            raise _unwell(f"its {name} is not reached over https")
        return url

    def _oauth(self, session: _Post | None, scopes: str) -> Any:  # noqa: ANN401  Authlib has no types
        ours = self.registration
        return OAuth2Client(
            session,
            ours.client_id,
            ours.client_secret,
            scope=scopes,
            redirect_uri=ours.redirect_uri,
            code_challenge_method=_S256,
        )


def word(code: object) -> str:
    """Return an error code of OAuth 2, if it is one: an answer may say anything."""
    return code if isinstance(code, str) and _WORD.fullmatch(code) else "no reason given"


def _unwell(why: str) -> Problem:
    return Problem(502, "transient", f"the EHR could not be asked for access: {why}")


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
