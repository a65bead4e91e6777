"""The Flask application: the only module that knows all the others."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import orjson
from flask import Flask, Response
from flask.json.provider import JSONProvider

from cds_service import __version__
from cds_service.api.definitions import definitions
from cds_service.api.views import api
from cds_service.content.load import load
from cds_service.content.recommendations import reason_codes
from cds_service.content.site_codes import SiteCodes, load_site_codes
from cds_service.desk import Desk
from cds_service.entrance import door_of
from cds_service.failures import ANSWERS
from cds_service.fhir.judge import Judge
from cds_service.hooks.fhir_server import FhirServers
from cds_service.hooks.prefetch import templates
from cds_service.hooks.sample_views import sample_views
from cds_service.hooks.services import SERVICES
from cds_service.hooks.views import hooks
from cds_service.insight.door import Door, ShutDoor
from cds_service.insight.views import Desk as InsightDesk
from cds_service.insight.views import insight
from cds_service.insight.words import Words
from cds_service.journal import ASSESSMENT
from cds_service.metrics import show_content
from cds_service.render.cards import CardWriter
from cds_service.render.questionnaire import questionnaire
from cds_service.render.suggestions import SuggestionWriter
from cds_service.security.access_log import write_access_log
from cds_service.security.callers import OPEN_TO_BROWSERS, OPEN_TO_PEOPLE, ask_callers, tokens_for
from cds_service.security.cookies import Cookies
from cds_service.security.edge import guard
from cds_service.security.sessions import Memory, Sessions
from cds_service.settings import Settings, SettingsError
from cds_service.smart.chart import Charts
from cds_service.smart.client import SmartClient
from cds_service.smart.views import App as SmartApp
from cds_service.smart.views import launches
from cds_service.startup import (
    check_aliases,
    check_profile,
    form_link,
    registration_of,
    topics_off,
)
from cds_service.store.errors import StoreError
from cds_service.store.opening import open_store
from cds_service.tracing import UNTRACED
from cds_service.web.interface import interface
from cds_service.web.menu import FOR_CALLERS, menu
from cds_service.web.sheet import Desk as FormDesk
from cds_service.web.site import site_pages
from cds_service.web.views import pages

if TYPE_CHECKING:
    from collections.abc import Callable

    from cds_service.content.load import Content
    from cds_service.journal import Journal
    from cds_service.store.store import Store
    from cds_service.tracing import Tracing


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
    tracing: Tracing = UNTRACED,
) -> Flask:
    """Build the application. Raises ContentError or SettingsError where it must not start.

    ``tracing`` follows calls. For tests: ``now`` is the clock, in the zone of the settings;
    ``fetch`` gets a client's keys.
    """
    settings = settings or Settings()
    check_aliases(settings)
    off = topics_off(settings)
    clock = now or (lambda: datetime.now(settings.timezone))
    content = load(settings.cards)
    check_profile(settings, content)
    site = load_site_codes(settings.codes, content) if settings.codes else SiteCodes()
    suggestions = SuggestionWriter(content, site, settings.selection_behavior)
    registration = registration_of(settings)
    judge = Judge(content, site.orders)
    writer = CardWriter(content, suggestions, form_link(settings, registration))
    # The files belong to the pages, which serve them; Bootstrap takes its path from the app's.
    app = Flask("cds_service", static_folder=None, static_url_path="/static")
    app.json = Orjson(app)
    write_access_log(app)
    guard(app, settings)
    app.wsgi_app = tracing.follow(app.wsgi_app)  # type: ignore[assignment, method-assign]  # as Flask documents it
    store = _open_store(settings, reason_codes(content.recommendations))
    journal: Journal | None = store
    app.extensions["journal"] = journal
    tokens = tokens_for(settings, fetch, journal)
    if tokens is not None:
        launched_pages = OPEN_TO_BROWSERS if registration else frozenset()
        ask_callers(app, tokens, settings.max_body, OPEN_TO_PEOPLE | launched_pages)
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
        tracing=tracing,
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
            Cookies(secure=registration.public_url.startswith("https://")),
        )
    app.register_blueprint(launches(form_desk, launched))
    app.register_blueprint(site_pages(desk))
    app.register_blueprint(interface())
    show_content(__version__, settings.profile, content.digest)
    door = door_of(settings, store, None if store is None else store.sessions)
    app.register_blueprint(insight(_insight_desk(content, store, door, clock)))
    app.jinja_env.globals["menu"] = menu(_closed(settings, door))
    for error, answer in ANSWERS.items():
        app.register_error_handler(error, answer)
    return app


def _closed(settings: Settings, door: Door) -> frozenset[str]:
    """Return the pages that no visitor can open: they are for callers, or behind a shut door."""
    closed = FOR_CALLERS if settings.clients else frozenset[str]()
    return closed | {"insight.show"} if isinstance(door, ShutDoor) else closed


def _insight_desk(
    content: Content, store: Store | None, door: Door, now: Callable[[], datetime]
) -> InsightDesk:
    """Return what the page of insight needs; REST counts as a service there."""
    services = {each.id: each.hook for each in SERVICES.values()} | {ASSESSMENT: "REST assessments"}
    counts = None if store is None else store.counts
    return InsightDesk(counts, Words(content), services, door, now)


def _open_store(settings: Settings, reasons: frozenset[str]) -> Store | None:
    """Open the store, where there is to be one."""
    if settings.database is None:
        return None
    try:
        return open_store(
            settings.database,
            key=settings.hash_key,
            spool=settings.spool,
            durable=settings.durability == "full",
            reasons=reasons,
        )
    except StoreError as error:
        raise SettingsError(str(error)) from None
