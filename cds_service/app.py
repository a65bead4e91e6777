"""The Flask application: the only module that knows all the others."""

from __future__ import annotations

import logging
import traceback
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import orjson
from flask import Flask, Response
from flask.json.provider import JSONProvider
from werkzeug.exceptions import HTTPException

from cds_service.api.definitions import definitions
from cds_service.api.views import api
from cds_service.content.load import load
from cds_service.content.recommendations import TOPICS
from cds_service.content.site_codes import SiteCodes, load_site_codes
from cds_service.desk import Desk
from cds_service.fhir.judge import Judge
from cds_service.hooks.fhir_server import FhirServers
from cds_service.hooks.prefetch import BY_NAME, templates
from cds_service.hooks.sample_views import sample_views
from cds_service.hooks.services import SERVICES
from cds_service.hooks.views import hooks
from cds_service.problems import Problem
from cds_service.render.cards import CardWriter
from cds_service.render.links import FormLink
from cds_service.render.outcome import operation_outcome
from cds_service.render.questionnaire import questionnaire
from cds_service.render.suggestions import SuggestionWriter
from cds_service.security.access_log import write_access_log
from cds_service.security.callers import OPEN_TO_BROWSERS, ask_callers, tokens_for
from cds_service.security.edge import guard, is_loopback
from cds_service.settings import Settings, SettingsError
from cds_service.smart.chart import Charts
from cds_service.smart.client import Registration, SmartClient
from cds_service.smart.sessions import Memory, Sessions
from cds_service.smart.views import App as SmartApp
from cds_service.smart.views import launches
from cds_service.store.errors import StoreError
from cds_service.store.opening import open_store
from cds_service.web.interface import interface
from cds_service.web.sheet import Desk as FormDesk
from cds_service.web.site import site_pages
from cds_service.web.views import pages

if TYPE_CHECKING:
    from collections.abc import Callable

    from cds_service.journal import Journal
    from cds_service.store.store import Store

log = logging.getLogger("cds_service")

# In CDS_TOPICS_OFF: every service, and the one topic that is always on.
_EVERY = "*"
_ALWAYS = "emergency"
_SWITCHED = frozenset(TOPICS) - {_ALWAYS}

_CODES = {404: "not-found", 405: "not-supported"}
_TEXTS = {
    404: "there is nothing at this path; GET /openapi.json lists what there is",
    405: "this path does not take this method; the Allow header lists those that it takes",
}


class Orjson(JSONProvider):
    """JSON by orjson, for what the views return and what a test reads."""

    def dumps(self, obj: object, **_: object) -> str:
        """Write JSON."""
        return orjson.dumps(obj).decode()

    def loads(self, s: str | bytes, **_: object) -> object:
        """Read JSON."""
        return orjson.loads(s)

    def response(self, *args: object, **_: object) -> Response:
        """Return what a view returned as a JSON response."""
        return Response(orjson.dumps(args[0]), mimetype="application/json")


def create_app(
    settings: Settings | None = None,
    *,
    now: Callable[[], datetime] | None = None,
    fetch: Callable[[str], bytes] | None = None,
) -> Flask:
    """Build the application. Raises ContentError or SettingsError where it must not start.

    For tests: ``now`` is the clock, in the zone of the settings; ``fetch`` gets a client's keys.
    """
    settings = settings or Settings()
    _check_aliases(settings)
    off = _topics_off(settings)
    clock = now or (lambda: datetime.now(settings.timezone))
    content = load(settings.cards)
    if settings.profile not in content.protocols:
        msg = (
            f"CDS_PROFILE {settings.profile!r} is not in the content; "
            f"use one of: {', '.join(content.protocols)}."
        )
        raise SettingsError(msg)
    site = load_site_codes(settings.codes, content) if settings.codes else SiteCodes()
    suggestions = SuggestionWriter(content, site, settings.selection_behavior)
    registration = _registration(settings)
    judge = Judge(content, site.orders)
    writer = CardWriter(content, suggestions, _form_link(settings, registration))
    # The files belong to the pages, which serve them; Bootstrap takes its path from the app's.
    app = Flask("cds_service", static_folder=None, static_url_path="/static")
    app.json = Orjson(app)
    write_access_log(app)
    guard(app, settings)
    store = _open_store(settings)
    journal: Journal | None = store
    app.extensions["journal"] = journal
    tokens = tokens_for(settings, fetch, journal)
    if tokens is not None:
        ask_callers(
            app, tokens, settings.max_body, OPEN_TO_BROWSERS if registration else frozenset()
        )
    desk = Desk(
        judge,
        writer,
        profile=settings.profile,
        now=clock,
        aliases=settings.prefetch_aliases,
        max_body=settings.max_body,
        off=off,
        shadow=settings.shadow,
        journal=journal,
    )
    fhir_servers = FhirServers(
        settings.fhir_servers,
        templates(content),
        seconds=settings.fhir_deadline,
        max_bytes=settings.max_body,
    )
    app.register_blueprint(hooks(desk, fhir_servers))
    app.register_blueprint(api(desk))
    app.register_blueprint(sample_views(clock))
    form = questionnaire(content)
    app.register_blueprint(definitions(content, form))
    form_desk = FormDesk(judge, writer, form, settings.profile, clock, settings.max_body)
    app.register_blueprint(pages(form_desk))
    launched = None
    if registration is not None:
        records = FhirServers(
            settings.smart_issuers,
            templates(content),
            seconds=settings.fhir_deadline,
            max_bytes=settings.max_body,
        )
        launched = SmartApp(
            SmartClient(registration, settings.smart_issuers, seconds=settings.fhir_deadline),
            Sessions(Memory() if store is None else store.sessions, lambda: datetime.now(UTC)),
            Charts(records, content),
            secure=registration.public_url.startswith("https://"),
        )
    app.register_blueprint(launches(form_desk, launched))
    app.register_blueprint(site_pages(desk))
    app.register_blueprint(interface())
    app.register_error_handler(Problem, _answer_problem)
    app.register_error_handler(HTTPException, _answer_http_error)
    app.register_error_handler(Exception, _answer_fault)
    return app


def _check_aliases(settings: Settings) -> None:
    """Refuse an alias of a key that there is not: it would have no effect."""
    for theirs, ours in settings.prefetch_aliases.items():
        if ours not in BY_NAME:
            msg = (
                f"CDS_PREFETCH_ALIASES: {theirs}={ours}: there is no prefetch key {ours!r}; "
                f"use one of: {', '.join(BY_NAME)}."
            )
            raise SettingsError(msg)


def _topics_off(settings: Settings) -> dict[str, frozenset[str]]:
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


def _registration(settings: Settings) -> Registration | None:
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


def _form_link(settings: Settings, registration: Registration | None) -> FormLink | None:
    """Return where cards send people with questions; a form that asks for a token is no place."""
    if registration is not None:
        return FormLink(f"{registration.public_url}/smart/launch", smart=True)
    if settings.public_url is None or settings.clients is not None:
        return None
    return FormLink(f"{settings.public_url}/form", smart=False)


def _open_store(settings: Settings) -> Store | None:
    """Open the store, where there is to be one."""
    if settings.database is None:
        return None
    try:
        return open_store(
            settings.database,
            key=settings.hash_key,
            spool=settings.spool,
            durable=settings.durability == "full",
        )
    except StoreError as error:
        raise SettingsError(str(error)) from None


def _answer_problem(problem: Problem) -> tuple[dict[str, Any], int, dict[str, str]]:
    outcome = operation_outcome(
        problem.code, problem.text, diagnostics=problem.diagnostics, expression=problem.expression
    )
    after = problem.retry_after
    return outcome, problem.status, {} if after is None else {"Retry-After": str(after)}


def _answer_http_error(error: HTTPException) -> tuple[dict[str, Any], int, list[tuple[str, str]]]:
    status = error.code or 500
    outcome = operation_outcome(_CODES.get(status, "processing"), _TEXTS.get(status, error.name))
    return outcome, status, [pair for pair in error.get_headers() if pair[0] == "Allow"]


def _answer_fault(error: Exception) -> tuple[dict[str, Any], int]:
    """Answer 500. The log says where, never what: an error's text may hold patient data."""
    where = "".join(traceback.format_tb(error.__traceback__))
    log.error("unexpected %s at\n%s", type(error).__name__, where)
    text = "the service failed; nothing was judged. The log says where; please report it"
    return operation_outcome("exception", text), 500
