"""The REST routes for clinical tools, the samples and the health of the service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from flask import Blueprint, Response, request

from cds_service.api import catalogue
from cds_service.api.openapi import document
from cds_service.api.requests import read_question
from cds_service.fhir.judge import why_not_judged
from cds_service.fhir.validate import validate
from cds_service.problems import Problem
from cds_service.render.assessment import assessment
from cds_service.security.limits import read_json

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from cds_service.fhir.judge import Judge
    from cds_service.render.cards import CardWriter


def api(
    judge: Judge,
    writer: CardWriter,
    *,
    profile: str,
    now: Callable[[], datetime],
    max_body: int,
) -> Blueprint:
    """Return the REST routes over one content and profile."""
    routes = Blueprint("api", __name__)
    content = judge.content
    criteria = {
        each.id: catalogue.criterion(each, content, profile)
        for each in (content.gate, *content.criteria.values())
    }
    findings = {each.id: catalogue.finding(each, content) for each in content.findings.values()}

    @routes.post("/api/v1/assessments")
    def assess() -> Response:
        question = read_question(read_json(max_body), request.args, content, profile, now)
        if question.validate:
            question.record.notes.extend(validate(question.record.resources))
        decision = judge.decide(question.record, question.profile, question.given)
        if not decision.judged:
            raise Problem(
                412,
                "required",
                why_not_judged(decision),
                diagnostics="; ".join(decision.notes) or None,
                expression="Bundle.entry.resource.ofType(Condition)",
            )
        return _json(assessment(decision, content, writer))

    @routes.get("/api/v1/criteria")
    def list_criteria() -> Response:
        return _json({"profile": profile, "contentDigest": content.digest,
                      "criteria": list(criteria.values())})

    @routes.get("/api/v1/criteria/<criterion_id>")
    def show_criterion(criterion_id: str) -> Response:
        found = criteria.get(criterion_id.upper())
        if found is None:
            msg = "there is no such criterion; GET /api/v1/criteria lists them"
            raise Problem(404, "not-found", msg)
        return _json(found)

    @routes.get("/api/v1/findings")
    def list_findings() -> Response:
        return _json({"contentDigest": content.digest, "findings": list(findings.values())})

    @routes.get("/openapi.json")
    def openapi() -> Response:
        return _json(document())

    @routes.get("/healthz")
    def alive() -> Response:
        return _json({"status": "ok"})

    @routes.get("/readyz")
    def ready() -> Response:
        return _json({"status": "ok", "profile": profile, "contentDigest": content.digest,
                      "criteria": len(content.criteria)})

    return routes


def _json(value: Any) -> Response:
    return Response(orjson.dumps(value), mimetype="application/json")
