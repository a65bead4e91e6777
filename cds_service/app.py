"""The Flask application: the only module that knows all the others."""

from __future__ import annotations

import logging
import traceback
from datetime import datetime
from typing import TYPE_CHECKING, Any

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
from cds_service.render.outcome import operation_outcome
from cds_service.render.questionnaire import questionnaire
from cds_service.render.suggestions import SuggestionWriter
from cds_service.security.access_log import write_access_log
from cds_service.security.callers import ask_callers, tokens_for
from cds_service.security.edge import guard
from cds_service.settings import Settings, SettingsError
from cds_service.store.errors import StoreError
from cds_service.store.opening import open_store
from cds_service.web.sheet import Desk as FormDesk
from cds_service.web.views import pages

if TYPE_CHECKING:
    from collections.abc import Callable

    from cds_service.journal import Journal

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
    judge, writer = Judge(content, site.orders), CardWriter(content, suggestions)
    # The files belong to the pages, which serve them; Bootstrap takes its path from the app's.
    app = Flask("cds_service", static_folder=None, static_url_path="/static")
    app.json = Orjson(app)
    write_access_log(app)
    guard(app, settings)
    journal = _open_journal(settings)
    app.extensions["journal"] = journal
    tokens = tokens_for(settings, fetch, journal)
    if tokens is not None:
        ask_callers(app, tokens, settings.max_body)
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
    app.register_blueprint(
        pages(FormDesk(judge, writer, form, settings.profile, clock, settings.max_body))
    )
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


def _open_journal(settings: Settings) -> Journal | None:
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
