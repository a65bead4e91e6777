"""The REST routes for clinical tools, and the health of the service."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, g, request

from cds_service import metrics
from cds_service.api import catalogue
from cds_service.api.openapi import document
from cds_service.api.requests import read_question
from cds_service.fhir.judge import why_not_judged
from cds_service.fhir.validate import validate
from cds_service.journal import ASSESSMENT, Judged, answered_cards
from cds_service.problems import Problem
from cds_service.render.assessment import assessment
from cds_service.security.callers import caller
from cds_service.security.limits import read_json

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from cds_service.clinical.decision import Decision
    from cds_service.content.load import Content
    from cds_service.desk import Desk
    from cds_service.fhir.record import Record
    from cds_service.journal import Card, Health


def api(desk: Desk) -> Blueprint:
    """Return the REST routes over one content and profile."""
    routes = Blueprint("api", __name__)
    content = desk.judge.content

    part = desk.tracing.part
    decide = part("judge", desk.judge.decide)
    write = part("render", assessment)
    keep = None if desk.journal is None else part("store", desk.journal.judged)

    @routes.post("/api/v1/assessments")
    def assess() -> dict[str, Any]:
        arrived = time.perf_counter()
        question = read_question(
            read_json(desk.max_body), request.args, content, desk.profile, desk.now
        )
        if question.validate:
            question.record.notes.extend(validate(question.record.resources))
        decision = decide(question.record, question.profile, question.given)
        metrics.count_verdicts(decision)
        patient = question.record.patient_id
        answer = write(decision, content, desk.writer, patient) if decision.judged else None
        if keep is not None:
            cards = answered_cards(answer["cards"]) if answer else ()
            keep(_judged(desk.now(), decision, cards, time.perf_counter() - arrived))
        if answer is None:
            raise Problem(
                412,
                "required",
                why_not_judged(decision),
                diagnostics=_why_incomplete(question.record),
                expression="Bundle.entry.resource.ofType(Condition)",
            )
        return answer

    @routes.after_request
    def count(response: Response) -> Response:
        if request.endpoint == "api.assess":
            status = str(response.status_code)
            metrics.labelled(metrics.CALLS, ASSESSMENT, status).inc()
            metrics.labelled(metrics.SECONDS, ASSESSMENT).observe(time.perf_counter() - g.began)
        return response

    _add_catalogue(routes, content, desk.profile)
    _add_health(routes, desk)
    return routes


def _judged(at: datetime, decision: Decision, cards: Sequence[Card], seconds: float) -> Judged:
    """Return what is remembered of an assessment: not the patient, whose ids may be made up."""
    return Judged(at, ASSESSMENT, caller(), None, None, decision, cards, seconds)


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


def _add_health(routes: Blueprint, desk: Desk) -> None:
    content = desk.judge.content

    @routes.get("/openapi.json")
    def openapi() -> dict[str, Any]:
        return document()

    @routes.get("/healthz")
    def alive() -> dict[str, Any]:
        return {"status": "ok"}

    @routes.get("/readyz")
    def ready() -> dict[str, Any]:
        health = desk.journal.health() if desk.journal is not None else None
        if health is not None and not health.keeping:
            msg = (
                f"neither the store nor its spool takes judged calls; {health.lost} are lost. "
                "Bring the database back, or make room on the disk"
            )
            raise Problem(503, "no-store", msg)
        return {
            "status": "ok",
            "profile": desk.profile,
            "contentDigest": content.digest,
            "criteria": len(content.criteria),
            "shadow": desk.shadow,
            **({} if health is None else {"store": _told(health)}),
        }

    @routes.get("/metrics")
    def count() -> Response:
        if desk.journal is not None:
            health = desk.journal.health()
            metrics.WAITING.set(health.spooled)
            metrics.REACHABLE.set(health.reachable)
        body, kind = metrics.exposition()
        return Response(body, content_type=kind)


def _told(health: Health) -> dict[str, Any]:
    return {"reachable": health.reachable, "spooled": health.spooled, "lost": health.lost}
