"""One line for each request: what was called, how it ended, how long it took."""

from __future__ import annotations

import logging
import re
from time import perf_counter
from typing import TYPE_CHECKING

from flask import Flask, Response, g, request

from cds_service.identity import new_request_id
from cds_service.logs import hook_instance, request_id
from cds_service.security.callers import caller

if TYPE_CHECKING:
    from collections.abc import Mapping

log = logging.getLogger("cds_service.access")

# What may be an id of a request or of a hook call, and cannot be a name or a birthday.
_ID = re.compile(r"[0-9A-Fa-f-]{16,64}")
# Asked every few seconds by those who watch: their answers are in the metrics.
_WATCHED = frozenset({"/healthz", "/readyz", "/metrics"})


def write_access_log(app: Flask) -> None:
    """Log every request to an app, and send its id back as `X-Request-ID`.

    The route is logged and not the path, and neither query nor headers: an id in a path may be a
    patient's. Views say more by setting `g.service` and by `note_instance`.
    """

    # The first that Flask calls, before anything can refuse the request.
    @app.url_value_preprocessor
    def begin(_endpoint: str | None, _values: object) -> None:
        given = request.environ.get("HTTP_X_REQUEST_ID")
        request_id.set(given if given and _ID.fullmatch(given) else new_request_id())
        g.began = perf_counter()

    @app.after_request
    def end(response: Response) -> Response:
        response.headers["X-Request-ID"] = request_id.get() or ""
        rule = request.url_rule.rule if request.url_rule else None
        noted = rule not in _WATCHED or response.status_code >= 500  # noqa: PLR2004  server errors
        if noted and log.isEnabledFor(logging.INFO):
            log.info("answered", extra=_said(response, rule))
        return response

    @app.teardown_request
    def forget(_error: BaseException | None) -> None:
        request_id.set(None)
        hook_instance.set(None)


def note_instance(instance: str | None) -> None:
    """Have every further line of the current call say which instance of a hook it is."""
    hook_instance.set(instance if instance and _ID.fullmatch(instance) else None)


def _said(response: Response, rule: str | None) -> Mapping[str, object]:
    return {
        "method": request.method,
        "route": rule,
        "status": response.status_code,
        "milliseconds": round((perf_counter() - g.began) * 1000, 2),
        "service": g.get("service"),
        "client": caller(),
    }
