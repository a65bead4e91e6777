"""The Flask application: the only module that knows all the others."""

from __future__ import annotations

import logging
import traceback
from datetime import datetime
from typing import TYPE_CHECKING

import orjson
from flask import Flask, Response
from werkzeug.exceptions import HTTPException

from cds_service.api.views import api
from cds_service.content.load import load
from cds_service.fhir.judge import Judge
from cds_service.hooks.sample_views import sample_views
from cds_service.hooks.views import hooks
from cds_service.problems import Problem
from cds_service.render.cards import CardWriter
from cds_service.render.outcome import operation_outcome
from cds_service.security.edge import guard
from cds_service.settings import Settings, SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger("cds_service")

_CODES = {404: "not-found", 405: "not-supported", 408: "timeout", 413: "too-long"}


def create_app(
    settings: Settings | None = None, *, now: Callable[[], datetime] | None = None
) -> Flask:
    """Build the application. Raises ContentError or SettingsError where it must not start.

    ``now`` is the clock, for tests; it gives moments in the zone of the settings.
    """
    settings = settings or Settings()
    clock = now or (lambda: datetime.now(settings.timezone))
    content = load(settings.cards)
    if settings.profile not in content.protocols:
        msg = (
            f"CDS_PROFILE {settings.profile!r} is not in the content; "
            f"use one of: {', '.join(content.protocols)}."
        )
        raise SettingsError(msg)
    judge, writer = Judge(content), CardWriter(content)
    app = Flask("cds_service", static_folder=None)
    guard(app, settings)
    app.register_blueprint(
        hooks(
            judge,
            writer,
            profile=settings.profile,
            now=clock,
            aliases=settings.prefetch_aliases,
            max_body=settings.max_body,
        )
    )
    app.register_blueprint(
        api(judge, writer, profile=settings.profile, now=clock, max_body=settings.max_body)
    )
    app.register_blueprint(sample_views(clock))
    app.register_error_handler(Problem, _answer_problem)
    app.register_error_handler(HTTPException, _answer_http_error)
    app.register_error_handler(Exception, _answer_fault)
    return app


def _answer_problem(problem: Problem) -> Response:
    outcome = operation_outcome(
        problem.code, problem.text, diagnostics=problem.diagnostics, expression=problem.expression
    )
    return _json(outcome, problem.status)


def _answer_http_error(error: HTTPException) -> Response:
    status = error.code or 500
    text = error.description or error.name
    response = _json(operation_outcome(_CODES.get(status, "processing"), text), status)
    for name, value in error.get_headers():
        if name == "Allow":
            response.headers[name] = value
    return response


def _answer_fault(error: Exception) -> Response:
    """Answer 500. The log says where, never what: an error's text may hold patient data."""
    where = "".join(traceback.format_tb(error.__traceback__))
    log.error("unexpected %s at\n%s", type(error).__name__, where)
    text = "the service failed; nothing was judged. The log says where; please report it"
    return _json(operation_outcome("exception", text), 500)


def _json(value: object, status: int) -> Response:
    return Response(orjson.dumps(value), status=status, mimetype="application/json")
