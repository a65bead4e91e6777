"""The access to a FHIR server that a request grants, for as long as it is answered."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cds_service.fhir.access import as_number, as_text

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Access:
    """The base URL of a FHIR server, and the bearer token for it, or why there is none to use.

    The token is a secret of the client: it is neither kept nor written down, not even in a
    representation for people.
    """

    server: str
    token: str | None = field(repr=False)
    unusable: str | None = None


def read_access(server: str | None, authorization: Mapping[str, Any] | None) -> Access | None:
    """Read `fhirServer` and `fhirAuthorization`. None where the client grants no access.

    Scopes are not read: clients write them in several ways, and the server checks them.
    """
    base = as_text(server)
    if base is None or not authorization:
        return None
    token = as_text(authorization.get("access_token"))
    kind = as_text(authorization.get("token_type"))
    seconds = as_number(authorization.get("expires_in"))
    unusable = None
    if token is None:
        unusable = "fhirAuthorization has no access_token"
    elif kind is not None and kind.lower() != "bearer":
        unusable = "the access token is no bearer token"
    elif seconds is not None and seconds <= 0:
        unusable = "the access token has expired"
    return Access(base, None if unusable else token, unusable)
