"""The REST routes for clinical tools, and the health of the service."""

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
from cds_service.render.code_systems import code_systems
from cds_service.security.limits import read_json

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from cds_service.content.load import Content
    from cds_service.fhir.judge import Judge
    from cds_service.fhir.record import Record
    from cds_service.render.cards import CardWriter


def api(
    judge: Judge,
    writer: CardWriter,
    *,
    profile: str,
    now: Callable[[], datetime],
    max_body: int,
    shadow: bool = False,
) -> Blueprint:
    """Return the REST routes over one content and profile; ``shadow`` is only told by /readyz."""
    routes = Blueprint("api", __name__)
    content = judge.content

    @routes.post("/api/v1/assessments")
    def assess() -> dict[str, Any]:
        question = read_question(read_json(max_body), request.args, content, profile, now)
        if question.validate:
            question.record.notes.extend(validate(question.record.resources))
        decision = judge.decide(question.record, question.profile, question.given)
        if not decision.judged:
            raise Problem(
                412,
                "required",
                why_not_judged(decision),
                diagnostics=_why_incomplete(question.record),
                expression="Bundle.entry.resource.ofType(Condition)",
            )
        return assessment(decision, content, writer, question.record.patient_id)

    _add_catalogue(routes, content, profile)
    _add_code_systems(routes, content)
    _add_health(routes, content, profile, shadow=shadow)
    return routes


def _why_incomplete(record: Record) -> str:
    """Say what kept a record from being whole. There is no patient data in it."""
    if "Condition" in record.doubtful:
        return "A Condition or an entry could not be read."
    if "Condition" in record.incomplete:
        return (
            "The Bundle is not the whole record: it says `complete: false`, has a further page, "
            "holds fewer matches than its total, or holds an error."
        )
    return "Neither a record nor a finding was sent that speaks of a patient."


def _add_catalogue(routes: Blueprint, content: Content, profile: str) -> None:
    criteria = {
        each.id: catalogue.criterion(each, content, profile)
        for each in (content.gate, *content.criteria.values())
    }
    findings = [catalogue.finding(each, content) for each in content.findings.values()]

    @routes.get("/api/v1/criteria")
    def list_criteria() -> dict[str, Any]:
        return {
            "profile": profile,
            "contentDigest": content.digest,
            "criteria": list(criteria.values()),
        }

    @routes.get("/api/v1/criteria/<criterion_id>")
    def show_criterion(criterion_id: str) -> dict[str, Any]:
        found = criteria.get(criterion_id.upper())
        if found is None:
            msg = "there is no such criterion; GET /api/v1/criteria lists them"
            raise Problem(404, "not-found", msg)
        return found

    @routes.get("/api/v1/findings")
    def list_findings() -> dict[str, Any]:
        return {"contentDigest": content.digest, "findings": findings}


def _add_code_systems(routes: Blueprint, content: Content) -> None:
    systems = {name: orjson.dumps(each) for name, each in code_systems(content).items()}

    @routes.get("/fhir/CodeSystem/<code_system>")
    def show_code_system(code_system: str) -> Response:
        found = systems.get(code_system)
        if found is None:
            msg = f"there is no such code system; there are {' and '.join(systems)}"
            raise Problem(404, "not-found", msg)
        return Response(found, mimetype="application/fhir+json")


def _add_health(routes: Blueprint, content: Content, profile: str, *, shadow: bool) -> None:
    @routes.get("/openapi.json")
    def openapi() -> dict[str, Any]:
        return document()

    @routes.get("/healthz")
    def alive() -> dict[str, Any]:
        return {"status": "ok"}

    @routes.get("/readyz")
    def ready() -> dict[str, Any]:
        return {
            "status": "ok",
            "profile": profile,
            "contentDigest": content.digest,
            "criteria": len(content.criteria),
            "shadow": shadow,
        }
