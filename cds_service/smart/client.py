"""The OAuth 2 side of a launch: what an EHR says of itself, where the browser goes, the token."""

from __future__ import annotations

import secrets
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cds_service.fhir.access import as_text
from cds_service.problems import Problem
from cds_service.security.allowed import read_place
from cds_service.security.oauth import S256, Client, CodeFlow, DeniedError, UnwellError
from cds_service.security.outbound import Outbound
from cds_service.smart.grant import Grant, read_grant

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from cds_service.security.allowance import Allowance
    from cds_service.security.allowed import Base
    from cds_service.security.outbound import Server

_METADATA = "/.well-known/smart-configuration"


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
        client = Client(
            registration.client_id, registration.client_secret, registration.redirect_uri
        )
        self._flow = CodeFlow(Outbound(bases), client, seconds=seconds)

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
        return self._flow.reach(iss)

    def begin(self, iss: str, launch: str | None) -> tuple[str, Pending]:
        """Return where the browser goes, and what is to be remembered until it comes back.

        ``launch`` is the EHR's word for its context; without it the EHR lets a patient be chosen.
        Raises Problem (502).
        """
        with _as_problems():
            said = self._metadata(iss)
            authorize = self._flow.endpoint(iss, said, "authorization_endpoint")
            token_endpoint = self._flow.endpoint(iss, said, "token_endpoint")
        context = "launch" if launch else "launch/patient"
        pending = Pending(
            iss=iss,
            state=secrets.token_urlsafe(32),
            verifier=secrets.token_urlsafe(48),
            issuer=as_text(said.get("issuer")),
            always_named=said.get("authorization_response_iss_parameter_supported") is True,
            token_endpoint=token_endpoint,
            scopes=f"{context} {self.registration.scopes}",
        )
        asked = {"launch": launch} if launch else {}
        url = self._flow.begin(
            authorize,
            pending.scopes,
            state=pending.state,
            verifier=pending.verifier,
            aud=iss,
            **asked,
        )
        return url, pending

    def redeem(self, pending: Pending, code: str) -> Grant:
        """Exchange a code for access to one patient's record. Raises Problem (403, 502)."""
        with _as_problems():
            said = self._flow.redeem(
                pending.iss,
                pending.token_endpoint,
                pending.scopes,
                code=code,
                verifier=pending.verifier,
            )
        return read_grant(pending.iss, said, pending.scopes)

    def _metadata(self, iss: str) -> Mapping[str, Any]:
        said = self._flow.described(iss, _METADATA)
        methods = said.get("code_challenge_methods_supported")
        if not isinstance(methods, list) or S256 not in methods:
            msg = f"{_METADATA} does not offer PKCE with {S256}, which SMART 2 asks for"
            raise UnwellError(msg)
        return said


@contextmanager
def _as_problems() -> Iterator[None]:
    """Say what is wrong with an EHR to whoever opened the form. Raises Problem (403, 502)."""
    try:
        yield
    except UnwellError as error:
        msg = f"the EHR could not be asked for access: {error}"
        raise Problem(502, "transient", msg) from None
    except DeniedError as error:
        msg = f"the EHR did not grant access ({error}); open the form from it again"
        raise Problem(403, "forbidden", msg) from None
