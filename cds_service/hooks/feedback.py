"""Feedback: what became of the cards, as specified and as Epic sends it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson
from flask import Blueprint, Response
from marshmallow import INCLUDE, Schema, ValidationError, fields, validate

from cds_service.hooks.services import SERVICES
from cds_service.journal import Feedback, UnreachableError
from cds_service.problems import Problem, first_message
from cds_service.security.callers import caller
from cds_service.security.limits import read_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cds_service.desk import Desk

_RETRY_AFTER = 2  # seconds: as often as the store looks whether its database is back
_MOST = 1000
_ID = validate.Length(min=1, max=255)
_EPIC = "com.epic.cdshooks.feedback.overrideReason."
_MOMENT = r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)"
_KEPT = orjson.dumps({})


class Moment(fields.String):
    """An RFC 3339 moment in any zone, read as one in UTC."""

    default_error_messages = {  # noqa: RUF012  as marshmallow's own fields have it
        "moment": "write a moment with its zone, such as 2026-11-20T09:00:00Z"
    }

    def __init__(self, **more: Any) -> None:  # noqa: ANN401  handed on as they are
        """Describe the format to those who read the OpenAPI document."""
        super().__init__(validate=[], metadata={"format": "date-time"}, **more)

    def _deserialize(self, value: object, attr: str | None, data: Any, **more: Any) -> Any:  # noqa: ANN401  as in marshmallow
        text = super()._deserialize(value, attr, data, **more)
        # Python reads more than RFC 3339 allows: weeks, and moments without a zone.
        if not re.fullmatch(_MOMENT, text, flags=re.ASCII):
            raise self.make_error("moment")
        # A leap second belongs to the minute that it ends.
        text = re.sub(r":60(?=[.Zz+-])", ":59", text.upper().replace(" ", "T"))
        try:
            return datetime.fromisoformat(text).astimezone(UTC)
        except (ValueError, OverflowError):
            raise self.make_error("moment") from None


class _Lenient(Schema):
    """Unknown fields are let through: vendors and later versions add some."""

    class Meta:
        """Nothing unknown is refused."""

        unknown = INCLUDE


class AcceptedSchema(_Lenient):
    """A suggestion that was accepted."""

    id = fields.String(required=True, validate=_ID)


class OverrideCodingSchema(_Lenient):
    """Why a card was set aside; some clients leave the system or the display out."""

    code = fields.String(allow_none=True)
    system = fields.String(allow_none=True)
    display = fields.String(allow_none=True)


class OverrideSchema(_Lenient):
    """Why a card was set aside, and in whose words."""

    reason = fields.Nested(OverrideCodingSchema, allow_none=True)
    userComment = fields.String(allow_none=True)
    extension = fields.Dict(keys=fields.String(), allow_none=True)


class EntrySchema(_Lenient):
    """What became of one card."""

    card = fields.String(required=True, validate=_ID, metadata={"description": "the card's uuid"})
    outcome = fields.String(required=True, validate=validate.OneOf(("accepted", "overridden")))
    outcomeTimestamp = Moment(required=True)
    acceptedSuggestions = fields.List(fields.Nested(AcceptedSchema), allow_none=True)
    overrideReason = fields.Nested(OverrideSchema, allow_none=True)
    # Epic's name for the same.
    overrideReasons = fields.Nested(OverrideSchema, allow_none=True)


class FeedbackSchema(_Lenient):
    """Feedback on some cards, of one call or of several."""

    feedback = fields.List(
        fields.Nested(EntrySchema), required=True, validate=validate.Length(max=_MOST)
    )


_SCHEMA = FeedbackSchema()


def add_feedback(routes: Blueprint, desk: Desk) -> None:
    """Add the route that takes feedback. It answers 200 only for what is kept."""

    @routes.post("/<service_id>/feedback")
    def take(service_id: str) -> Response:
        service = SERVICES[service_id]
        entries = read_feedback(read_json(desk.max_body), service.id, caller())
        if desk.journal is None:
            msg = "this service keeps nothing: it was started with CDS_DATABASE_URL=none"
            raise Problem(503, "not-supported", msg)
        try:
            desk.journal.feedback(entries)
        except UnreachableError:
            msg = "the feedback could not be kept: the store is away; send it again"
            raise Problem(503, "transient", msg, retry_after=_RETRY_AFTER) from None
        return Response(_KEPT, mimetype="application/json")


def read_feedback(
    body: Mapping[str, Any], service: str, client: str | None = None
) -> list[Feedback]:
    """Read a body. Raises Problem (400) that names the JSON path; then nothing of it is taken."""
    try:
        loaded = _SCHEMA.load(body)
    except ValidationError as error:
        path, what = first_message(error.messages)
        raise Problem(400, "invalid", f"{path}: {what}", expression=path) from None
    return [_entry(each, service, client) for each in loaded["feedback"]]


def _entry(given: Mapping[str, Any], service: str, client: str | None) -> Feedback:
    override = given.get("overrideReason") or given.get("overrideReasons") or {}
    system, code, display = _reason(override)
    return Feedback(
        card=_plain(given["card"]),
        outcome=given["outcome"],
        at=given["outcomeTimestamp"],
        service=service,
        client=client,
        suggestions=tuple(each["id"] for each in given.get("acceptedSuggestions") or ()),
        reason_system=system,
        reason_code=code,
        reason_display=display,
        comment=override.get("userComment"),
    )


def _reason(override: Mapping[str, Any]) -> tuple[str | None, str | None, str | None]:
    """Return system, code and display of a reason; Epic's own reasons are an extension."""
    reason = override.get("reason")
    if reason:
        return reason.get("system"), reason.get("code"), reason.get("display")
    told = {
        name.removeprefix(_EPIC): str(value)
        for name, value in (override.get("extension") or {}).items()
        if name.startswith(_EPIC) and isinstance(value, str | int)
    }
    if not told:
        return None, None, None
    display = told.get("reasonDisplay") or told.get("reasonTitle")
    return f"{_EPIC}reasonCategory", told.get("reasonCategory"), display


def _plain(text: str) -> str:
    """Return a card's uuid as we wrote it: some clients send it in capitals."""
    return text.replace("\0", "").lower()
