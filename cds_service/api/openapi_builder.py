"""Writes the OpenAPI 3.1 document with apispec, a dependency of development only."""

from __future__ import annotations

from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin

from cds_service import __version__
from cds_service.api import schemas
from cds_service.hooks.envelope import EnvelopeSchema
from cds_service.hooks.services import SERVICES

_JSON = "application/json"
_FHIR = "application/fhir+json"
_OUTCOMES = {
    400: "malformed, or not what this route takes",
    403: "this service is open to its own machine only",
    404: "no such thing",
    405: "not this method",
    412: "the record does not suffice to judge",
    413: "the body is too large",
    415: "the body is not JSON, or is compressed",
    500: "the service failed",
}


def build() -> dict[str, Any]:
    """Return the document."""
    spec = APISpec(
        title="Back Pain CDS",
        version=__version__,
        openapi_version="3.1.0",
        info={
            "description": "Red-flag and referral decision support for back pain, over CDS Hooks "
            "2.0.1 and REST.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        plugins=[MarshmallowPlugin()],
    )
    spec.components.schema("OperationOutcome", schema=schemas.OperationOutcomeSchema)
    spec.components.schema("AssessmentRequest", schema=schemas.AssessmentRequestSchema)
    spec.components.schema("Assessment", schema=schemas.AssessmentSchema)
    spec.components.schema("Criterion", schema=schemas.CriterionSchema)
    spec.components.schema("Finding", schema=schemas.FindingSchema)
    spec.components.schema("Envelope", schema=EnvelopeSchema)
    _hooks(spec)
    _rest(spec)
    built: dict[str, Any] = spec.to_dict()
    return built


def _hooks(spec: APISpec) -> None:
    services = {"type": "object", "required": ["services"],
                "properties": {"services": {"type": "array", "items": {"type": "object"}}}}
    spec.path("/cds-services", operations={"get": _get("Discovery of the CDS services", services)})
    cards = {"type": "object", "required": ["cards"],
             "properties": {"cards": {"type": "array", "items": {"type": "object"}}}}
    for service in SERVICES.values():
        spec.path(
            f"/cds-services/{service.id}",
            operations={"post": _post(service.title, {"$ref": _ref("Envelope")}, cards)},
        )


def _rest(spec: APISpec) -> None:
    bundle = {"type": "object", "required": ["resourceType"],
              "properties": {"resourceType": {"type": "string"}}}
    body = {"anyOf": [bundle, {"$ref": _ref("AssessmentRequest")}]}
    operation = _post("Assess one patient", body, {"$ref": _ref("Assessment")})
    operation["parameters"] = [
        _query("asOf", "the moment to judge at"),
        _query("profile", "the profile of the content"),
        _query("validate", "true: check every resource against FHIR R4"),
    ]
    spec.path("/api/v1/assessments", operations={"post": operation})
    listed = {"type": "object", "required": ["contentDigest", "criteria"], "properties": {
        "profile": {"type": "string"}, "contentDigest": {"type": "string"},
        "criteria": {"type": "array", "items": {"$ref": _ref("Criterion")}}}}
    spec.path("/api/v1/criteria", operations={"get": _get("All criteria", listed)})
    one = _get("One criterion", {"$ref": _ref("Criterion")}, 404)
    one["parameters"] = [_in_path("criterion_id", "the id, such as E01")]
    spec.path("/api/v1/criteria/{criterion_id}", operations={"get": one})
    found = {"type": "object", "required": ["contentDigest", "findings"], "properties": {
        "contentDigest": {"type": "string"},
        "findings": {"type": "array", "items": {"$ref": _ref("Finding")}}}}
    spec.path("/api/v1/findings", operations={"get": _get("All findings", found)})
    anything = {"type": "object"}
    spec.path("/samples", operations={"get": _get("The sample patients", anything)})
    sample = _get("A sample as a Bundle, or as a hook request", anything, 400, 404)
    sample["parameters"] = [_in_path("name", "the sample's name"), _query("hook", "a service id")]
    spec.path("/samples/{name}", operations={"get": sample})
    spec.path("/healthz", operations={"get": _get("Alive", anything)})
    spec.path("/readyz", operations={"get": _get("Ready", anything)})
    spec.path("/openapi.json", operations={"get": _get("This document", anything)})


def _get(summary: str, schema: dict[str, Any], *statuses: int) -> dict[str, Any]:
    return {
        "summary": summary,
        "responses": {"200": _answer("OK", schema), **_outcomes(403, 405, 500, *statuses)},
    }


def _post(summary: str, body: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    return {
        "summary": summary,
        "requestBody": {
            "required": True,
            "content": {_JSON: {"schema": body}, _FHIR: {"schema": body}},
        },
        "responses": {"200": _answer("OK", answer), **_outcomes(400, 403, 405, 412, 413, 415, 500)},
    }


def _answer(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {_JSON: {"schema": schema}}}


def _outcomes(*statuses: int) -> dict[str, Any]:
    outcome = {"$ref": _ref("OperationOutcome")}
    return {str(status): _answer(_OUTCOMES[status], outcome) for status in sorted(set(statuses))}


def _query(name: str, description: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "description": description,
            "schema": {"type": "string"}}


def _in_path(name: str, description: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "description": description,
            "schema": {"type": "string"}}


def _ref(name: str) -> str:
    return f"#/components/schemas/{name}"
