"""What a REST request asks to be judged: a record, findings given by name, a moment, a profile."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from marshmallow import ValidationError

from cds_service.api.schemas import STATES, AssessmentRequestSchema, GivenSchema
from cds_service.clinical.truth import Truth
from cds_service.clinical.windows import zone_of
from cds_service.fhir.dates import read_date, read_moment
from cds_service.fhir.given import Given, implied_gate
from cds_service.fhir.record import Record, TwoPatientsError, read_bundle
from cds_service.problems import Problem, first_message

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from cds_service.content.load import Content

_REQUEST = AssessmentRequestSchema()
_GIVEN = GivenSchema()
_TRUTHS = dict(zip(STATES, (Truth.PRESENT, Truth.ABSENT, Truth.UNKNOWN), strict=True))


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be judged."""

    record: Record
    given: tuple[Given, ...]
    profile: str
    validate: bool
    source: Any


def read_question(
    body: dict[str, Any],
    options: Mapping[str, str],
    content: Content,
    default_profile: str,
    now: Callable[[], datetime],
) -> Question:
    """Read a body and the query's options. Raises Problem (400) that names the JSON path."""
    asked = _asked(body, options)
    as_of = _moment(asked["asOf"], now()) if "asOf" in asked else now()
    profile = asked.get("profile", default_profile)
    if profile not in content.protocols:
        msg = f"profile: unknown; use one of {', '.join(content.protocols)}"
        raise Problem(400, "value", msg, expression="profile")
    bundle = asked.get("bundle")
    if bundle is None and "findings" not in asked:
        msg = 'send a FHIR Bundle, {"bundle": …} or {"findings": …}: the body has none of them'
        raise Problem(400, "required", msg)
    given = _given(asked.get("findings", {}), content, as_of)
    given += _gate(given, content, alone=bundle is None)
    record = _record(bundle, as_of, complete=asked.get("complete", True))
    return Question(record, given, profile, asked.get("checked", False), bundle)


def _asked(body: dict[str, Any], options: Mapping[str, str]) -> dict[str, Any]:
    """Return the request with the query's options, where the body does not say otherwise."""
    if "resourceType" in body:
        complete = {"complete": body["complete"]} if "complete" in body else {}
        body = {"bundle": body, **complete}
    for name in ("asOf", "profile"):
        if name in options:
            body = {name: options[name], **body}
    if "validate" in options:
        body = {"validate": _flag(options["validate"]), **body}
    try:
        asked: dict[str, Any] = _REQUEST.load(body)
    except ValidationError as error:
        path, what = first_message(error.messages)
        raise Problem(400, "invalid", f"{path}: {what}", expression=path) from None
    return asked


def _flag(text: str) -> bool:
    if text not in {"true", "false"}:
        msg = "validate: write true or false"
        raise Problem(400, "value", msg, expression="validate")
    return text == "true"


def _moment(text: str, now: datetime) -> datetime:
    moment = read_moment(text, zone_of(now))
    if moment is None:
        msg = "asOf: write a moment such as 2026-11-20T09:00:00Z"
        raise Problem(400, "value", msg, expression="asOf")
    return moment


def _record(bundle: dict[str, Any] | None, as_of: datetime, *, complete: bool) -> Record:
    if bundle is None:
        return Record(as_of)
    try:
        return read_bundle(bundle, as_of, complete=complete)
    except TwoPatientsError as error:
        raise Problem(400, "multiple-matches", str(error), expression="Bundle.entry") from None
    except ValueError as error:
        raise Problem(400, "structure", f"bundle: {error}", expression="bundle") from None


def _given(findings: Mapping[str, object], content: Content, as_of: datetime) -> tuple[Given, ...]:
    return tuple(_one(name, each, content, as_of) for name, each in findings.items())


def _gate(given: tuple[Given, ...], content: Content, *, alone: bool) -> tuple[Given, ...]:
    """Return what findings imply of the gate: back pain, unless they speak of it themselves.

    Where no record is beside them, "no back pain" is also a "no" to whatever else opens the gate,
    unless that is given too: there is nothing else to ask.
    """
    states = {each.name: each.state for each in given}
    if not states:
        return ()
    if "back-pain" not in states:
        return (implied_gate(),)
    openers = content.gate.rule.needs()
    denied = all(states.get(name, Truth.ABSENT) is Truth.ABSENT for name in openers)
    if alone and denied:
        return tuple(Given(name, Truth.ABSENT) for name in openers if name not in states)
    return ()


def _one(name: str, stated: object, content: Content, as_of: datetime) -> Given:
    path = f"findings.{name[:60]}"
    if name not in content.findings:
        near = difflib.get_close_matches(name[:60], content.findings, 1)
        hint = f"did you mean {near[0]}? " if near else ""
        msg = f"{path}: there is no such finding; {hint}GET /api/v1/findings lists them"
        raise Problem(400, "value", msg, expression=path)
    try:
        asked = _GIVEN.load(stated if isinstance(stated, dict) else {"state": stated})
    except ValidationError as error:
        where, what = first_message(error.messages, path)
        raise Problem(400, "value", f"{where}: {what}", expression=where) from None
    since, when = None, asked.get("since")
    if when is not None:
        since = read_date(when, zone_of(as_of))
        if since is None:
            msg = f"{path}.since: write a date or a date-time such as 2026-11-19"
            raise Problem(400, "value", msg, expression=f"{path}.since")
    return Given(name, _TRUTHS[asked["state"]], asked.get("value"), since, when)
