"""Who may see how cards are received, by the settings: everybody here, who signs in, or nobody."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cds_service.insight.door import Door, Hall, OpenDoor, ShutDoor, SignIn, Way
from cds_service.insight.openid import OpenId, Provider
from cds_service.insight.password import Attempts, Password
from cds_service.security.cookies import Cookies
from cds_service.security.edge import is_loopback
from cds_service.security.oauth import Client, CodeFlow
from cds_service.security.outbound import Outbound
from cds_service.security.sessions import Sessions, Shelf
from cds_service.settings import Settings, SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from cds_service.journal import Journal


# Seconds that the OpenID provider may take for each answer.
_PATIENCE = 5.0


def door_of(settings: Settings, journal: Journal | None, shelf: Shelf | None) -> Door:
    """Return the door of the page. Raises SettingsError.

    A sign-in that is set up is always asked for. Without one the page is open where nobody comes
    from beyond this machine; and where nothing is kept there is nothing to see.
    """
    way = _way(settings)
    from_here = is_loopback(settings.host) and settings.clients is None and not settings.open
    if journal is None or shelf is None or (way is None and from_here):
        return OpenDoor()
    if way is None:
        return ShutDoor()
    secure = _over_tls(settings.public_url or ("http://localhost" if from_here else "https://"))
    sessions = Sessions(shelf, lambda: datetime.now(UTC))
    return SignIn(Hall(sessions, Cookies(secure=secure)), way(journal))


def _over_tls(address: str) -> bool:
    """Tell whether browsers come over TLS. Raises SettingsError where they must and do not."""
    place = urlsplit(address)
    if place.scheme != "https" and not is_loopback(place.hostname or ""):
        msg = (
            f"CDS_PUBLIC_URL {address}: who signs in sends a secret, so browsers must reach this "
            "service over https; only localhost may do without."
        )
        raise SettingsError(msg)
    return place.scheme == "https"


def _way(settings: Settings) -> Callable[[Journal], Way] | None:
    """Return what makes the way to sign in, if there is one. Raises SettingsError."""
    issuer, client_id = settings.oidc_issuer, settings.oidc_client_id
    secret, allowed = settings.oidc_client_secret, settings.oidc_allowed
    password, address = settings.admin_password, settings.public_url
    if not (issuer or client_id or secret or allowed):
        return None if password is None else partial(_password, password)
    if password is None and issuer and client_id and allowed and address:
        flow = CodeFlow(
            Outbound([issuer]),
            Client(client_id, secret, f"{address}/insight/callback"),
            seconds=_PATIENCE,
        )
        return lambda _: OpenId(Provider(str(issuer), client_id, frozenset(allowed)), flow)
    msg = (
        "Signing in takes either CDS_ADMIN_PASSWORD, or CDS_OIDC_ISSUER, CDS_OIDC_CLIENT_ID, "
        "CDS_OIDC_ALLOWED and CDS_PUBLIC_URL, and CDS_OIDC_CLIENT_SECRET if the client has one: "
        "set the one or the other, and all of it."
    )
    raise SettingsError(msg)


def _password(password: str, journal: Journal) -> Way:
    return Password(password, Attempts(journal, lambda: datetime.now(UTC)))
