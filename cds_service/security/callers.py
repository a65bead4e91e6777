"""Asks whoever calls for a token, on every route but those that hold nothing of anyone."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

from flask import Flask, Response, g, request

from cds_service import metrics
from cds_service.security.clients import SIGNED_BY_ANYONE, read_clients
from cds_service.security.edge import is_loopback
from cds_service.security.keys import FetchedKeys, GivenKeys
from cds_service.security.limits import check_head
from cds_service.security.outbound import Outbound
from cds_service.security.replay import Replay
from cds_service.security.tokens import RefusedError, Tokens
from cds_service.settings import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from cds_service.journal import Journal
    from cds_service.security.clients import Client
    from cds_service.security.keys import Keys
    from cds_service.settings import Settings

log = logging.getLogger("cds_service")

# Pages behind a launch: each asks for a session that the EHR opened. Files hold nothing of anyone.
OPEN_TO_BROWSERS = frozenset(
    {
        "/smart/launch",
        "/smart/callback",
        "/smart/form",
        "/smart/form/live",
        "/smart/form/response",
    }
)
# What asks people to sign in instead, or stays shut: it is no part of what clients call.
OPEN_TO_PEOPLE = frozenset(
    {
        "/insight",
        "/insight/sign-in",
        "/insight/sign-out",
        "/insight/begin",
        "/insight/callback",
        "/insight/<report>.csv",
    }
)
# Health, counts, the description of the interface, and the pages that show the content and nobody's
# data, with the files of their look. What is not listed asks.
OPEN_TO_ALL = frozenset(
    {
        "/healthz",
        "/readyz",
        "/metrics",
        "/openapi.json",
        "/",
        "/criteria",
        "/criteria/<criterion_id>",
        "/docs",
        "/docs/static/<path:filename>",
        "/static/<path:filename>",
        "/bootstrap/static/<path:filename>",
    }
)
_SHOWN = 100
_WITHIN = 3.0


def tokens_for(
    settings: Settings,
    fetch: Callable[[str], bytes] | None = None,
    journal: Journal | None = None,
) -> Tokens | None:
    """Return the check of tokens for the clients of the settings, or None where there are none.

    ``fetch`` gets a JWK Set by its address, for tests; whatever it raises is taken for an outage
    of the other side. Raises SettingsError.
    """
    if settings.clients is None:
        return None
    clients = read_clients(settings.clients, settings.public_url)
    for client in clients.values():
        if client.iss in SIGNED_BY_ANYONE:
            _warn_of(client, settings)
    fetch = fetch or _fetching(clients.values())
    keys = {each.iss: _keys_of(each, fetch) for each in clients.values()}
    return Tokens(clients, keys, Replay(journal), public_url=settings.public_url)


def _fetching(clients: Iterable[Client]) -> Callable[[str], bytes]:
    """Return what calls the addresses of the clients' keys, and nothing else."""
    outbound = Outbound(each.base for each in clients if each.base is not None)
    return partial(outbound.fetch, seconds=_WITHIN)


def _keys_of(client: Client, fetch: Callable[[str], bytes]) -> Keys:
    if client.base is not None and client.jku is not None:
        return FetchedKeys(client.jku, client.algorithms, fetch)
    return GivenKeys(client.keys or {})


def _warn_of(client: Client, settings: Settings) -> None:
    """Let in whom everybody can play only where everybody cannot come."""
    if not (settings.open or is_loopback(settings.host)):
        msg = (
            f"CDS_CLIENTS lists {client.iss}, whose private key is public: anybody can sign as it, "
            f"and CDS_BIND {settings.bind} can be reached from beyond this machine. Take it out, "
            "bind to 127.0.0.1, or set CDS_OPEN=yes where something in front keeps strangers out."
        )
        raise SettingsError(msg)
    log.warning("the private key of %s is public: its tokens prove nothing", client.iss)


def ask_callers(app: Flask, tokens: Tokens, max_body: int, open_here: frozenset[str]) -> None:
    """Ask for a token before every call that is routed; what is not is 404 or 405 anyway.

    The head of a body is looked at first, as with a body that is read: 415 and 413 before 401.
    ``open_here`` are rules of routes that ask for something else, or hold nothing of anyone.
    """

    @app.before_request
    def ask() -> Response | None:
        rule = request.url_rule
        if rule is None or rule.rule in OPEN_TO_ALL | open_here or request.method == "OPTIONS":
            return None
        if request.method == "POST":
            check_head(max_body)
        try:
            client = tokens.verify(request.headers.get("Authorization"), request.path)
        except RefusedError as refused:
            return _turn_away(refused)
        g.client = client.iss
        return None


def caller() -> str | None:
    """Return the issuer of the current call's token, or None where nobody was asked."""
    client: str | None = g.get("client")
    return client


def _turn_away(refused: RefusedError) -> Response:
    """Answer 401 with nothing else; the log says why, for whoever runs the service."""
    metrics.REFUSED.labels(refused.reason).inc()
    log.warning(
        "refused a token (%s): %s; iss %s, jti %s, kid %s",
        refused.reason,
        refused,
        _shown(refused.iss),
        _shown(refused.jti),
        _shown(refused.kid),
    )
    answer = Response(status=401, headers={"WWW-Authenticate": "Bearer"})
    del answer.headers["Content-Type"]  # there is no content
    return answer


def _shown(value: str | None) -> str:
    """Return what a token says as one short line: it may say anything."""
    return "none" if value is None else ascii(value)[:_SHOWN]
