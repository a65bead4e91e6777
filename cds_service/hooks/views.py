"""The CDS Hooks routes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from flask import Blueprint, Response

from cds_service.fhir.judge import why_not_judged
from cds_service.hooks.envelope import read_envelope
from cds_service.hooks.prefetch import read_prefetch, wanted
from cds_service.hooks.services import SERVICES, discovery
from cds_service.problems import Problem
from cds_service.render.suggestions import Filing
from cds_service.security.limits import read_json

if TYPE_CHECKING:
    from cds_service.hooks.desk import Desk


def hooks(desk: Desk) -> Blueprint:
    """Return the routes of CDS Hooks over one content and profile."""
    routes = Blueprint("hooks", __name__, url_prefix="/cds-services")
    content = desk.judge.content
    listed = orjson.dumps(discovery(content))
    keys = wanted(content)
    without_encounter = tuple(key for key in keys if key.name != "encounter")

    @routes.get("")
    def discover() -> Response:
        return Response(listed, mimetype="application/json")

    @routes.url_value_preprocessor
    def only_these_services(_endpoint: str | None, values: dict[str, Any] | None) -> None:
        """Answer 404 before anything else is looked at, the caller's token too."""
        if values and values["service_id"] not in SERVICES:
            msg = f"there is no such service; GET /cds-services lists {', '.join(SERVICES)}"
            raise Problem(404, "not-found", msg)

    @routes.post("/<service_id>")
    def call(service_id: str) -> Response:
        service = SERVICES[service_id]
        envelope = read_envelope(read_json(desk.max_body), service)
        expected = without_encounter if envelope.encounter_id is None else keys
        completed = desk.fhir_servers.complete(envelope, expected, desk.aliases)
        prefetched = read_prefetch(
            completed, envelope.patient_id, desk.now(), desk.aliases, expected
        )
        decision = desk.judge.decide(prefetched.record, desk.profile)
        if not decision.judged:
            raise Problem(
                412,
                "required",
                f"{why_not_judged(decision)} They are the prefetch key `conditions`.",
                diagnostics=prefetched.why_incomplete(),
                expression="prefetch.conditions",
            )
        filing = Filing.of(envelope.patient_id, envelope.encounter_id)
        body = orjson.dumps({"cards": desk.writer.write(decision, filing)})
        return Response(body, mimetype="application/json")

    return routes
