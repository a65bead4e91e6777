"""The envelope of a CDS Hooks request: what must be there before anything is judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from marshmallow import INCLUDE, Schema, ValidationError, fields, validate, validates_schema

from cds_service.fhir.bundles import Unpacked
from cds_service.hooks.access import Access, read_access
from cds_service.hooks.context import unpack_given
from cds_service.problems import Problem, first_message

if TYPE_CHECKING:
    from cds_service.hooks.services import Carries, Service

_LONGEST = 2048
_TEXT = validate.Length(min=1, max=_LONGEST)


class EnvelopeSchema(Schema):
    """A CDS Hooks request. Unknown fields are let through: clients and later versions add some."""

    class Meta:
        """Nothing unknown is refused."""

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
        """Refuse a token without the server that it is for."""
        if data.get("fhirAuthorization") and not data.get("fhirServer"):
            msg = "is required where fhirAuthorization is given"
            raise ValidationError(msg, "fhirServer")


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a request asks: whose record, in which encounter, the data that came, and the access.

    ``given`` are the resources of the context, ``selections`` the references of those that the
    call is about; None where the hook has no such field.
    """

    patient_id: str
    encounter_id: str | None
    prefetch: Mapping[str, Any]
    access: Access | None = None
    given: Unpacked = field(default_factory=Unpacked)
    selections: tuple[str, ...] | None = None
    hook_instance: str | None = None


_SCHEMA = EnvelopeSchema()


def read_envelope(body: Mapping[str, Any], service: Service) -> Envelope:
    """Check a request body for a service. Raises Problem (400) with the JSON path."""
    hook = body.get("hook")
    if isinstance(hook, str) and hook != service.hook:
        msg = f"hook: this service answers {service.hook}; call the service of your hook instead"
        raise Problem(400, "invalid", msg, expression="hook")
    try:
        envelope = body if _is_sound(body) else _SCHEMA.load(body)
    except ValidationError as error:
        path, what = first_message(error.messages)
        raise Problem(400, "invalid", f"{path}: {what}", expression=path) from None
    context = envelope["context"]
    for name in service.required:
        if not _filled(context.get(name)):
            msg = f"context.{name}: this hook needs it, as a text that is not empty"
            raise Problem(400, "required", msg, expression=f"context.{name}")
    return Envelope(
        patient_id=_bare_id(context, "patientId"),
        encounter_id=(
            _bare_id(context, "encounterId") if _filled(context.get("encounterId")) else None
        ),
        prefetch=envelope.get("prefetch") or {},
        access=read_access(envelope.get("fhirServer"), envelope.get("fhirAuthorization")),
        given=_given(context, service.carries) if service.carries else Unpacked(),
        selections=_selections(context) if service.selects else None,
        hook_instance=envelope["hookInstance"],
    )


def _given(context: Mapping[str, Any], name: Carries) -> Unpacked:
    value = context.get(name)
    if not isinstance(value, dict | list):
        msg = f"context.{name}: this hook needs it, as a Bundle or an array of resources"
        raise Problem(400, "required", msg, expression=f"context.{name}")
    return unpack_given(value)


def _selections(context: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the references of what was selected; what is no text names nothing."""
    value = context.get("selections")
    if not isinstance(value, list):
        msg = "context.selections: this hook needs it, as an array of references such as Type/id"
        raise Problem(400, "required", msg, expression="context.selections")
    return tuple(each for each in value if isinstance(each, str))


def _is_sound(body: Mapping[str, Any]) -> bool:
    """Tell whether the schema would find nothing; it needs far longer to say so, or to say what."""
    server, authorization = body.get("fhirServer"), body.get("fhirAuthorization")
    texts = (body.get("hook"), body.get("hookInstance"))
    return (
        all(isinstance(text, str) and 0 < len(text) <= _LONGEST for text in texts)
        and isinstance(body.get("context"), dict)
        and isinstance(body.get("prefetch"), dict | None)
        and isinstance(server, str | None)
        and isinstance(authorization, dict | None)
        and (bool(server) or not authorization)
    )


def _filled(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _bare_id(context: Mapping[str, Any], name: str) -> str:
    """Return the id alone: some clients send the resource type before it."""
    bare: str = context[name].strip().rsplit("/", 1)[-1]
    if not bare:
        msg = f"context.{name}: there is no id after the last `/`"
        raise Problem(400, "value", msg, expression=f"context.{name}")
    return bare
