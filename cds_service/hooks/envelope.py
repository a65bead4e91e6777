"""The envelope of a CDS Hooks request: what must be there before anything is judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from marshmallow import INCLUDE, Schema, ValidationError, fields, validate, validates_schema

from cds_service.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cds_service.hooks.services import Service

_TEXT = validate.Length(min=1, max=2048)


class EnvelopeSchema(Schema):
    """A CDS Hooks request (RULES §2 C). Unknown fields are let through: clients add their own."""

    class Meta:
        """Later versions and vendors add fields."""

        unknown = INCLUDE

    hook = fields.String(required=True, validate=_TEXT, metadata={"description": "the hook"})
    hookInstance = fields.String(
        required=True, validate=_TEXT, metadata={"description": "an id of this call, a UUID"}
    )
    fhirServer = fields.String(
        allow_none=True, metadata={"description": "base URL of the FHIR server"}
    )
    fhirAuthorization = fields.Dict(
        keys=fields.String(), allow_none=True, metadata={"description": "access to fhirServer"}
    )
    context = fields.Dict(
        keys=fields.String(), required=True, metadata={"description": "the hook's context"}
    )
    prefetch = fields.Dict(
        keys=fields.String(),
        allow_none=True,
        metadata={"description": "FHIR resources by prefetch key, null where there are none"},
    )
    extension = fields.Raw(allow_none=True, metadata={"description": "vendor extensions"})

    @validates_schema
    def authorization_needs_a_server(self, data: Mapping[str, Any], **_: object) -> None:
        """Refuse a token without the server it is for (RULES, C4)."""
        if data.get("fhirAuthorization") and not data.get("fhirServer"):
            msg = "is required where fhirAuthorization is given"
            raise ValidationError(msg, "fhirServer")


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a request asks: the hook's context, and the data that came with it."""

    patient_id: str
    encounter_id: str | None
    context: Mapping[str, Any]
    prefetch: Mapping[str, Any]


_SCHEMA = EnvelopeSchema()


def read_envelope(body: Any, service: Service) -> Envelope:
    """Check a request body for a service. Raises Problem (400) with the JSON path."""
    try:
        envelope = _SCHEMA.load(body)
    except ValidationError as error:
        path, what = first_error(error.messages)
        msg = f"{path or 'the body'}: {what}"
        raise Problem(400, "invalid", msg, expression=path) from None
    if envelope["hook"] != service.hook:
        msg = f"hook: this service answers {service.hook}; call the service of your hook instead"
        raise Problem(400, "invalid", msg, expression="hook")
    context = envelope["context"]
    for name in service.required:
        value = context.get(name)
        if not isinstance(value, str) or not value.strip():
            msg = f"context.{name}: this hook needs it, as a text that is not empty"
            raise Problem(400, "required", msg, expression=f"context.{name}")
    encounter = context.get("encounterId")
    return Envelope(
        patient_id=context["patientId"].strip().rsplit("/", 1)[-1],
        encounter_id=encounter if isinstance(encounter, str) and encounter else None,
        context=context,
        prefetch=envelope.get("prefetch") or {},
    )


def first_error(messages: Any, path: str = "") -> tuple[str, str]:
    """Return the path and the text of the first of marshmallow's messages."""
    if isinstance(messages, dict):
        key, inner = next(iter(messages.items()))
        if key == "_schema":
            return first_error(inner, path)
        return first_error(inner, f"{path}.{key}" if path else str(key))
    if isinstance(messages, list):
        return first_error(messages[0], path) if messages else (path, "is not valid")
    return path, str(messages)
