"""The page on which a patient is tried: cards, request and answer, and why, finding by finding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from flask import render_template, request

from cds_service.clinical.decision import Gate
from cds_service.clinical.truth import Truth
from cds_service.fhir.judge import why_not_judged
from cds_service.hooks.services import SERVICES
from cds_service.problems import Problem
from cds_service.render.trace import STATES
from cds_service.samples import samples
from cds_service.security.limits import read_fields, read_json
from cds_service.web.cards import as_shown
from cds_service.web.trial import Trial, attempt, body_of, moment, service_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from flask import Blueprint

    from cds_service.clinical.decision import Verdict
    from cds_service.content.load import Content
    from cds_service.desk import Desk
    from cds_service.web.trial import Tried

    Json = dict[str, Any]

_FINDING = "is."
_STATES = {"present": Truth.PRESENT, "absent": Truth.ABSENT, "unknown": Truth.UNKNOWN}
_WORDS = {truth: word for word, truth in _STATES.items()}
_FIRST = "back-pain-patient-view"
# What an address may hold: a record never stands in one.
_LINKED = ("sample", "service", "day")
# What is met comes first, then what waits for an answer.
_ORDER = (Truth.PRESENT, Truth.UNKNOWN, Truth.ABSENT)
_HEADINGS = {Truth.PRESENT: "Met", Truth.UNKNOWN: "Not known", Truth.ABSENT: "Not met"}


def add_trying(routes: Blueprint, desk: Desk) -> None:
    """Add the routes of the page; nothing that is sent to them is kept."""

    @routes.get("/try")
    def open_trial() -> tuple[str, int]:
        linked = {name: request.args[name] for name in _LINKED if name in request.args}
        return _page(desk, {"service": _FIRST, **linked})

    @routes.post("/try")
    def try_patient() -> tuple[str, int]:
        if request.is_json:
            body = orjson.dumps(read_json(desk.max_body)).decode()
            return _page(desk, {"service": _FIRST, "record": body})
        return _page(desk, read_fields(desk.max_body).to_dict())


def _page(desk: Desk, asked: Mapping[str, str]) -> tuple[str, int]:
    """Show the page with what came of the trial, or with what is wrong with it."""
    outcome: Json = {}
    status = 200
    try:
        tried = _tried(desk, asked)
    except Problem as problem:
        outcome, status = {"fault": problem.text}, problem.status
    else:
        if tried is not None:
            outcome = _outcome(tried, desk, asked)
    page = render_template(
        "try.html",
        asked=asked,
        samples=samples().values(),
        services=SERVICES.values(),
        shadow=desk.shadow,
        outcome=outcome,
    )
    return page, status


def _tried(desk: Desk, asked: Mapping[str, str]) -> Tried | None:
    body = body_of(asked.get("sample", ""), asked.get("record", ""), desk.now())
    if body is None:
        return None
    service = service_of(body, asked.get("service", ""))
    as_of = moment(asked.get("day", ""), desk.now())
    return attempt(Trial(body, service, as_of, _states(asked, desk.judge.content)), desk)


def _states(asked: Mapping[str, str], content: Content) -> dict[str, Truth]:
    """Return the findings that are supposed to be otherwise than recorded. Raises Problem."""
    states = {}
    for field, value in asked.items():
        name = field.removeprefix(_FINDING)
        if name == field or not value:
            continue
        if name not in content.findings or value not in _STATES:
            msg = "a finding or its state is not known here; open the page again and choose anew"
            raise Problem(400, "value", msg, expression=_FINDING)
        states[name] = _STATES[value]
    return states


def _outcome(tried: Tried, desk: Desk, asked: Mapping[str, str]) -> Json:
    decision, content = tried.decision, desk.judge.content
    return {
        "cards": [as_shown(card) for card in tried.cards],
        "why_not": None if decision.judged else why_not_judged(decision),
        "shut": decision.gate is Gate.SHUT,
        "gate": decision.gate.value,
        "gate_evidence": decision.gate_evidence,
        "as_of": decision.as_of,
        "notes": decision.notes,
        "path": tried.path,
        "status": tried.status,
        "request": _as_text(tried.request),
        "answer": _as_text(tried.answer),
        "groups": _groups(decision.verdicts, content, desk.profile),
        "findings": _findings(tried, content, asked),
    }


def _groups(verdicts: Iterable[Verdict], content: Content, profile: str) -> list[Json]:
    """Return the verdicts with their reasons, by what they came to."""
    listed = tuple(verdicts)
    return [
        {
            "heading": _HEADINGS[truth],
            "state": STATES[truth],
            "verdicts": [
                _verdict(each, content, profile) for each in listed if each.truth is truth
            ],
        }
        for truth in _ORDER
    ]


def _verdict(verdict: Verdict, content: Content, profile: str) -> Json:
    criterion = content.criteria[verdict.criterion]
    course = content.recommendations.courses[criterion.recommendation[profile]]
    return {
        "id": criterion.id,
        "title": criterion.title,
        "label": course.label,
        "because": verdict.because,
        "missing": [(name, content.findings[name].question) for name in verdict.missing],
        "documents": [
            (content.sources[each.source].title, each.heading) for each in criterion.citations
        ],
    }


def _findings(tried: Tried, content: Content, asked: Mapping[str, str]) -> dict[str, list[Json]]:
    """Return every finding that a criterion asks for, by theme, as recorded and as supposed."""
    themes: dict[str, list[Json]] = {}
    needs = {
        name for each in (content.gate, *content.criteria.values()) for name in each.rule.needs()
    }
    for definition in content.findings.values():
        if definition.id in needs:
            field = f"{_FINDING}{definition.id}"
            each = {
                "field": field,
                "name": definition.id.replace("-", " "),
                "recorded": _WORDS[tried.facts.get(definition.id).state],
                "supposed": asked.get(field, ""),
            }
            themes.setdefault(definition.theme.replace("-", " "), []).append(each)
    return themes


def _as_text(body: Json) -> str:
    return orjson.dumps(body, option=orjson.OPT_INDENT_2).decode()
