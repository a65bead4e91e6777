"""What the settings come to at the start; refused where they contradict each other, or content."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cds_service.content.recommendations import TOPICS
from cds_service.hooks.prefetch import BY_NAME
from cds_service.hooks.services import SERVICES
from cds_service.render.links import FormLink
from cds_service.security.edge import is_loopback
from cds_service.settings import SettingsError
from cds_service.smart.client import Registration

if TYPE_CHECKING:
    from cds_service.content.load import Content
    from cds_service.settings import Settings

# In CDS_TOPICS_OFF: every service, and the one topic that is always on.
_EVERY = "*"
_ALWAYS = "emergency"
_SWITCHED = frozenset(TOPICS) - {_ALWAYS}


def check_profile(settings: Settings, content: Content) -> None:
    """Refuse a profile that the content does not have. Raises SettingsError."""
    if settings.profile not in content.protocols:
        msg = (
            f"CDS_PROFILE {settings.profile!r} is not in the content; "
            f"use one of: {', '.join(content.protocols)}."
        )
        raise SettingsError(msg)


def check_aliases(settings: Settings) -> None:
    """Refuse an alias of a key that there is not: it would have no effect.

    Raises SettingsError.
    """
    for theirs, ours in settings.prefetch_aliases.items():
        if ours not in BY_NAME:
            msg = (
                f"CDS_PREFETCH_ALIASES: {theirs}={ours}: there is no prefetch key {ours!r}; "
                f"use one of: {', '.join(BY_NAME)}."
            )
            raise SettingsError(msg)


def topics_off(settings: Settings) -> dict[str, frozenset[str]]:
    """Return the topics that are off for each service. Raises SettingsError for a name unknown."""
    for service, topics in settings.topics_off.items():
        if service != _EVERY and service not in SERVICES:
            msg = (
                f"CDS_TOPICS_OFF: {service}: there is no such service; use * for every service, or "
                f"one of: {', '.join(SERVICES)}."
            )
            raise SettingsError(msg)
        for topic in sorted(topics - _SWITCHED):
            why = (
                "an emergency card is never switched off"
                if topic == _ALWAYS
                else "there is no such topic"
            )
            msg = f"CDS_TOPICS_OFF: {topic}: {why}; use one of: {', '.join(sorted(_SWITCHED))}."
            raise SettingsError(msg)
    everywhere = settings.topics_off.get(_EVERY, frozenset())
    return {name: everywhere | settings.topics_off.get(name, frozenset()) for name in SERVICES}


def registration_of(settings: Settings) -> Registration | None:
    """Return what EHRs know us by, where any may launch the form. Raises SettingsError."""
    if settings.smart_client_id is None and not settings.smart_issuers:
        if settings.smart_client_secret is None:
            return None
    elif settings.smart_client_id and settings.smart_issuers and settings.public_url:
        place = urlsplit(settings.public_url)
        if place.scheme != "https" and not is_loopback(place.hostname or ""):
            msg = (
                f"CDS_PUBLIC_URL {settings.public_url}: a SMART launch brings access to records, "
                "so browsers must reach this service over https; only localhost may do without."
            )
            raise SettingsError(msg)
        return Registration(
            settings.smart_client_id,
            settings.smart_client_secret,
            settings.smart_scopes,
            settings.public_url,
        )
    msg = (
        "A SMART launch takes CDS_SMART_CLIENT_ID, CDS_SMART_ISSUERS and CDS_PUBLIC_URL: set all "
        "three, or none of CDS_SMART_…."
    )
    raise SettingsError(msg)


def form_link(settings: Settings, registration: Registration | None) -> FormLink | None:
    """Return where cards send people with questions; a form that asks for a token is no place."""
    if registration is not None:
        return FormLink(f"{registration.public_url}/smart/launch", smart=True)
    if settings.public_url is None or settings.clients is not None:
        return None
    return FormLink(f"{settings.public_url}/form", smart=False)
