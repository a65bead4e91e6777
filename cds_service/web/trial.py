"""A patient to try: a sample or a pasted record, judged as a call of an EHR would be.

Nothing is kept: no journal is asked or told, and no FHIR server is called. What was pasted
travels in the page. Source: docs/decisions/0018-pages-for-people.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import orjson

from cds_service.clinical.decision import Decision
from cds_service.clinical.facts import Facts
from cds_service.clinical.triage import decide
from cds_service.clinical.truth import Truth
from cds_service.fhir.find import find
from cds_service.fhir.judge import why_not_judged
from cds_service.fhir.record import TwoPatientsError, read_bundle
from cds_service.fhir.supposed import supposed
from cds_service.hooks.calls import read_call
from cds_service.hooks.envelope import read_envelope
from cds_service.hooks.prefetch import Completed, wanted
from cds_service.hooks.sample_requests import request_for
from cds_service.hooks.services import SERVICES, Service
from cds_service.problems import Problem
from cds_service.render.assessment import assessment
from cds_service.render.outcome import operation_outcome
from cds_service.render.suggestions import Filing
from cds_service.samples import as_of_today, samples

if TYPE_CHECKING:
    from cds_service.desk import Desk
    from cds_service.fhir.record import Record

    Json = dict[str, Any]

_BY_HOOK = {service.hook: service for service in SERVICES.values()}
_RECORD = "record"


@dataclass(frozen=True, slots=True)
class Trial:
    """What is to be judged: a record or a hook request, for which service, on which day.

    Without a service the record is judged by itself, as `/api/v1/assessments` does. ``states``
    are the findings that are supposed to be otherwise than recorded.
    """

    body: Json
    service: Service | None
    as_of: datetime
    states: Mapping[str, Truth]


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of it: the call and its answer, the decision, and the facts as recorded."""

    path: str
    request: Json
    status: int
    answer: Json
    decision: Decision
    facts: Facts
    cards: list[Json]


def body_of(sample: str, text: str, now: datetime) -> Json | None:
    """Return the sample, or what was pasted; None where there is neither. Raises Problem."""
    if sample:
        if sample not in samples():
            msg = "there is no such sample; GET /samples lists them"
            raise Problem(404, "not-found", msg)
        return as_of_today(samples()[sample], now)
    if not text.strip():
        return None
    try:
        body = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        msg = f"this is not JSON: {error}; paste the whole Bundle, from its first {{ to its last }}"
        raise Problem(400, "structure", msg, expression=_RECORD) from None
    if not isinstance(body, dict):
        msg = "this is JSON, but not an object; paste a FHIR Bundle or a CDS Hooks request"
        raise Problem(400, "structure", msg, expression=_RECORD)
    return body


def service_of(body: Json, chosen: str) -> Service | None:
    """Return the service that a request calls, or the one that was chosen. Raises Problem."""
    if "hook" in body:
        hook = body["hook"]
        if not isinstance(hook, str) or hook not in _BY_HOOK:
            msg = f"hook: no service here answers it; use one of {', '.join(_BY_HOOK)}"
            raise Problem(400, "value", msg, expression="hook")
        return _BY_HOOK[hook]
    if chosen and chosen not in SERVICES:
        msg = f"there is no such service; use one of {', '.join(SERVICES)}"
        raise Problem(400, "value", msg, expression="service")
    return SERVICES[chosen] if chosen else None


def moment(day: str, now: datetime) -> datetime:
    """Return the time of day of now on a day. Raises Problem."""
    if not day:
        return now
    try:
        return datetime.combine(date.fromisoformat(day), now.timetz())
    except ValueError:
        msg = "the day cannot be read; write it as 2026-01-31, or leave it out for today"
        raise Problem(400, "value", msg, expression="day") from None


def attempt(trial: Trial, desk: Desk) -> Tried:
    """Judge a trial. Raises Problem for what cannot be read."""
    if trial.service is None:
        return _by_itself(trial, desk)
    return _as_call(trial, trial.service, replace(desk, now=lambda: trial.as_of))


def _by_itself(trial: Trial, desk: Desk) -> Tried:
    record = _read(trial.body, trial.as_of)
    facts = find(record, desk.judge.index)
    content = desk.judge.content
    changed = supposed(facts, trial.states, content.findings)
    decision = decide(changed, content.protocols[desk.profile])
    status, answer, cards = 412, _refusal(decision), []
    if decision.judged:
        answer = assessment(decision, content, desk.writer, record.patient_id)
        status, cards = 200, answer["cards"]
    return Tried("/api/v1/assessments", trial.body, status, answer, decision, facts, cards)


def _as_call(trial: Trial, service: Service, desk: Desk) -> Tried:
    request = trial.body if "hook" in trial.body else _request(trial, service)
    envelope = read_envelope(request, service)
    content = desk.judge.content
    expected = [
        key
        for key in wanted(content)
        if key.name != "encounter" or envelope.encounter_id is not None
    ]
    completed = Completed(envelope.prefetch)
    prefetched, occasion = read_call(envelope, service, completed, expected, desk)
    facts = find(prefetched.record, desk.judge.index)
    changed = supposed(facts, trial.states, content.findings)
    decision = decide(changed, content.protocols[desk.profile], occasion)
    path = f"/cds-services/{service.id}"
    if not decision.judged:
        return Tried(path, request, 412, _refusal(decision), decision, facts, [])
    cards = desk.writer.write(decision, Filing.of(envelope.patient_id, envelope.encounter_id))
    return Tried(path, request, 200, {"cards": cards}, decision, facts, cards)


def _request(trial: Trial, service: Service) -> Json:
    """Return the request that an EHR would send with this record, which must be whole."""
    record = _read(trial.body, trial.as_of)
    if not isinstance(record.patient.get("id"), str):
        msg = (
            "a hook request needs the Patient with an id, and the record has none; add the "
            "Patient, or judge the record by itself"
        )
        raise Problem(400, "required", msg, expression=_RECORD)
    if record.incomplete or record.doubtful:
        msg = (
            "the record is not whole, or cannot all be read, and a hook request made from it would "
            "say that it is; judge the record by itself, or paste the hook request"
        )
        raise Problem(400, "incomplete", msg, expression=_RECORD)
    resources = [record.patient, *(each for _, each in record.resources)]
    entries = [
        {"resource": {"id": f"entry-{number}", **each}} for number, each in enumerate(resources)
    ]
    return request_for({"entry": entries}, service)


def _read(bundle: Json, as_of: datetime) -> Record:
    try:
        return read_bundle(bundle, as_of)
    except TwoPatientsError as error:
        raise Problem(400, "multiple-matches", str(error), expression=_RECORD) from None
    except ValueError as error:
        raise Problem(400, "structure", str(error), expression=_RECORD) from None


def _refusal(decision: Decision) -> Json:
    return operation_outcome("required", why_not_judged(decision))
