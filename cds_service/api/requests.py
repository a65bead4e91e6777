"""What a REST request asks to be judged: a record, findings given by name, a moment, a profile."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from marshmallow import ValidationError

from cds_service.api.schemas import STATES, AssessmentRequestSchema, GivenSchema
from cds_service.clinical.truth import Truth
from cds_service.fhir.dates import read_date, read_moment
from cds_service.fhir.given import Given, implied_gate
from cds_service.fhir.record import Record, TwoPatientsError, read_bundle
from cds_service.problems import Problem

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
        msg = "send a FHIR Bundle, {\"bundle\": …} or {\"findings\": …}: the body has none of them"
        raise Problem(400, "required", msg)
    given = _given(asked.get("findings", {}), content, as_of)
    if given and all(each.name != "back-pain" for each in given):
        given = (*given, implied_gate())
    record = _record(bundle, as_of, complete=asked.get("complete", True))
    return Question(record, given, profile, asked.get("validate", False), bundle)


def _asked(body: dict[str, Any], options: Mapping[str, str]) -> dict[str, Any]:
    if "resourceType" in body:
        wrapped: dict[str, Any] = {"bundle": body}
        if body.get("complete") is False:
            wrapped["complete"] = False
        body = wrapped
    for name in ("asOf", "profile"):
        if name in options:
            body = {name: options[name], **body}
    if options.get("validate") == "true":
        body = {"validate": True, **body}
    try:
        asked: dict[str, Any] = _REQUEST.load(body)
    except ValidationError as error:
        path, messages = next(iter(error.normalized_messages().items()))
        msg = f"{path}: {_first(messages)}"
        raise Problem(400, "invalid", msg, expression=str(path)) from None
    return asked


def _moment(text: str, now: datetime) -> datetime:
    assert now.tzinfo is not None  # noqa: S101  the clock gives a zone
    moment = read_moment(text, now.tzinfo)
    if moment is None:
        msg = "asOf: write a moment such as 2026-11-20T09:00:00Z"
        raise Problem(400, "value", msg, expression="asOf")
    return moment


def _record(bundle: Any, as_of: datetime, *, complete: bool) -> Record:
    if bundle is None:
        return Record(as_of)
    try:
        return read_bundle(bundle, as_of, complete=complete)
    except TwoPatientsError as error:
        raise Problem(400, "multiple-matches", str(error), expression="Bundle.entry") from None
    except ValueError as error:
        raise Problem(400, "structure", f"bundle: {error}", expression="bundle") from None


def _given(
    findings: Mapping[str, Any], content: Content, as_of: datetime
) -> tuple[Given, ...]:
    return tuple(_one(name, each, content, as_of) for name, each in findings.items())


def _one(name: str, stated: Any, content: Content, as_of: datetime) -> Given:
    path = f"findings.{name[:60]}"
    if name not in content.findings:
        near = difflib.get_close_matches(name[:60], content.findings, 1)
        hint = f"did you mean {near[0]}? " if near else ""
        msg = f"{path}: there is no such finding; {hint}GET /api/v1/findings lists them"
        raise Problem(400, "value", msg, expression=path)
    try:
        asked = _GIVEN.load({"state": stated} if isinstance(stated, str) else stated)
    except ValidationError as error:
        key, messages = next(iter(error.normalized_messages().items()))
        where = path if key == "_schema" else f"{path}.{key}"
        raise Problem(400, "value", f"{where}: {_first(messages)}", expression=where) from None
    since, when = None, asked.get("since")
    if when is not None:
        since = read_date(when, as_of.tzinfo)  # type: ignore[arg-type]
        if since is None:
            msg = f"{path}.since: write a date or a date-time such as 2026-11-19"
            raise Problem(400, "value", msg, expression=f"{path}.since")
    return Given(name, _TRUTHS[asked["state"]], asked.get("value"), since, when)


def _first(messages: Any) -> str:
    while isinstance(messages, dict | list) and messages:
        messages = next(iter(messages.values())) if isinstance(messages, dict) else messages[0]
    return str(messages)
