"""Writes the OpenAPI 3.1 document from the schemas that check the requests.

`make openapi` runs this. It knows hooks and api, so it stands above both, beside the app; what it
writes is what the api serves. apispec is a dependency of development only.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin

from cds_service import __version__
from cds_service.api import schemas
from cds_service.api.openapi import FILE
from cds_service.hooks.envelope import EnvelopeSchema
from cds_service.hooks.feedback import FeedbackSchema
from cds_service.hooks.services import SERVICES, Service
from cds_service.render.questionnaire import ID as FORM

_STRING = {"type": "string"}
_JSON = "application/json"
_FHIR = "application/fhir+json"
_OUTCOMES = {
    400: "malformed, or not what this route takes",
    403: "this service is open to its own machine only",
    404: "no such thing",
    411: "no body was sent",
    412: "the record does not suffice to judge",
    413: "the body is too large",
    415: "the body is not JSON, or is compressed",
    500: "the service failed",
    503: "what was sent, or is judged, can be kept nowhere for now",
}
_COMPONENTS = {
    "OperationOutcome": schemas.OperationOutcomeSchema,
    "Given": schemas.GivenSchema,
    "AssessmentRequest": schemas.AssessmentRequestSchema,
    "Card": schemas.CardSchema,
    "Assessment": schemas.AssessmentSchema,
    "Criterion": schemas.CriterionSchema,
    "Finding": schemas.FindingSchema,
    "Envelope": EnvelopeSchema,
    "Feedback": FeedbackSchema,
}


def main() -> None:
    """Write the document anew; a test holds it in step."""
    FILE.write_text(json.dumps(build(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    sys.stdout.write(f"written {FILE.name}\n")


def build() -> dict[str, Any]:
    """Return the document."""
    spec = APISpec(
        title="Back Pain CDS",
        version=__version__,
        openapi_version="3.1.0",
        info={
            "description": "Red-flag and referral decision support for back pain, over CDS Hooks "
            "2.0.1 and REST. A path answers 405 to a method that is not listed for it.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        plugins=[MarshmallowPlugin()],
    )
    for name, schema in _COMPONENTS.items():
        spec.components.schema(name, schema=schema)
    _hooks(spec)
    _rest(spec)
    _definitions(spec)
    _samples(spec)
    _service(spec)
    built: dict[str, Any] = spec.to_dict()
    return built


def _hooks(spec: APISpec) -> None:
    service = _object(
        hook=_STRING, title=_STRING, description=_STRING, id=_STRING, usageRequirements=_STRING
    )
    service["properties"]["prefetch"] = {"type": "object", "additionalProperties": _STRING}
    service["properties"]["extension"] = {"type": "object"}
    services = _object(services={"type": "array", "items": service})
    spec.path(
        "/cds-services",
        operations={"get": _get("discover", "Discovery of the CDS services", services)},
    )
    cards = _object(cards={"type": "array", "items": _ref("Card")})
    for each in SERVICES.values():
        body = {
            "allOf": [_ref("Envelope"), _object(hook={"const": each.hook}, context=_context(each))]
        }
        call = _post(each.id, each.title, body, cards)
        spec.path(f"/cds-services/{each.id}", operations={"post": call})
        told = _post(f"{each.id}-feedback", f"Feedback: {each.title}", _ref("Feedback"), _object())
        del told["responses"]["412"]
        told["responses"] |= _outcomes(503)
        spec.path(f"/cds-services/{each.id}/feedback", operations={"post": told})


def _context(service: Service) -> dict[str, Any]:
    """Return the context that a service cannot do without."""
    resources = {"type": ["object", "array"], "description": "a Bundle, or an array of resources"}
    needed: dict[str, dict[str, Any]] = dict.fromkeys(service.required, _STRING)
    if service.carries:
        needed[service.carries.value] = resources
    if service.selects:
        needed["selections"] = {"type": "array", "items": _STRING}
    return _object(**needed)


def _rest(spec: APISpec) -> None:
    bundle = _object(resourceType=_STRING)
    body = {"anyOf": [bundle, _ref("AssessmentRequest")]}
    assess = _post("assess", "Assess one patient", body, _ref("Assessment"))
    assess["parameters"] = [
        _query("asOf", "the moment to judge at; what the body says goes first", _STRING),
        _query("profile", "the profile of the content; what the body says goes first", _STRING),
        _query(
            "validate",
            "true: check every resource against FHIR R4; what the body says goes first",
            {"type": "string", "enum": ["true", "false"]},
        ),
    ]
    spec.path("/api/v1/assessments", operations={"post": assess})
    criteria = {"type": "array", "items": _ref("Criterion")}
    listed = _object(profile=_STRING, contentDigest=_STRING, criteria=criteria)
    spec.path("/api/v1/criteria", operations={"get": _get("listCriteria", "All criteria", listed)})
    one = _get("showCriterion", "One criterion", _ref("Criterion"), 404)
    one["parameters"] = [_in_path("criterion_id", "the id, such as E01")]
    spec.path("/api/v1/criteria/{criterion_id}", operations={"get": one})
    findings = _object(contentDigest=_STRING, findings={"type": "array", "items": _ref("Finding")})
    spec.path(
        "/api/v1/findings", operations={"get": _get("listFindings", "All findings", findings)}
    )


def _definitions(spec: APISpec) -> None:
    system = _object(resourceType=_STRING, url=_STRING)
    shown = _get("showCodeSystem", "A code system of cards, as FHIR R4", system, 404)
    shown["responses"]["200"]["content"] = {_FHIR: {"schema": system}}
    shown["parameters"] = [_in_path("code_system", "card-topic or override-reason")]
    spec.path("/fhir/CodeSystem/{code_system}", operations={"get": shown})
    form = _object(resourceType=_STRING, url=_STRING, version=_STRING, item={"type": "array"})
    asked = _get("showQuestionnaire", "The red-flag form, as FHIR R4", form)
    asked["responses"]["200"]["content"] = {_FHIR: {"schema": form}}
    spec.path(f"/fhir/Questionnaire/{FORM}", operations={"get": asked})


def _samples(spec: APISpec) -> None:
    sample = _object(name=_STRING, story=_STRING)
    listed = _object(samples={"type": "array", "items": sample})
    spec.path("/samples", operations={"get": _get("listSamples", "The sample patients", listed)})
    shown = _get(
        "showSample", "A sample as a Bundle, or as a hook request", {"type": "object"}, 400, 404
    )
    shown["parameters"] = [
        _in_path("name", "the sample's name"),
        _query("hook", "a service id: answer the hook request for it", _STRING),
    ]
    spec.path("/samples/{name}", operations={"get": shown})


def _service(spec: APISpec) -> None:
    alive = _object(status=_STRING)
    spec.path("/healthz", operations={"get": _get("alive", "Alive", alive)})
    ready = _object(
        status=_STRING,
        profile=_STRING,
        contentDigest=_STRING,
        criteria={"type": "integer"},
        shadow={"type": "boolean"},
    )
    counts = {"type": "integer"}
    ready["properties"]["store"] = _object(
        reachable={"type": "boolean"}, spooled=counts, lost=counts
    )
    spec.path(
        "/readyz", operations={"get": _get("ready", "Content loaded, calls kept", ready, 503)}
    )
    metrics = _get("metrics", "What is counted, in Prometheus' text format", _STRING)
    metrics["responses"]["200"]["content"] = {"text/plain": {"schema": _STRING}}
    spec.path("/metrics", operations={"get": metrics})
    document = _object(openapi=_STRING, info={"type": "object"}, paths={"type": "object"})
    spec.path("/openapi.json", operations={"get": _get("openapi", "This document", document)})


def _object(**properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "required": list(properties), "properties": properties}


def _get(name: str, summary: str, schema: dict[str, Any], *statuses: int) -> dict[str, Any]:
    return {
        "operationId": name,
        "summary": summary,
        "responses": {"200": _answer("OK", schema), **_outcomes(403, 500, *statuses)},
    }


def _post(name: str, summary: str, body: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    return {
        "operationId": name,
        "summary": summary,
        "requestBody": {
            "required": True,
            "content": {_JSON: {"schema": body}, _FHIR: {"schema": body}},
        },
        "responses": {
            "200": _answer("OK", answer),
            **_outcomes(400, 403, 411, 412, 413, 415, 500),
        },
    }


def _answer(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {_JSON: {"schema": schema}}}


def _outcomes(*statuses: int) -> dict[str, Any]:
    outcome = _ref("OperationOutcome")
    return {str(status): _answer(_OUTCOMES[status], outcome) for status in sorted(set(statuses))}


def _query(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "in": "query",
        "required": False,
        "description": description,
        "schema": schema,
    }


def _in_path(name: str, description: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": description,
        "schema": _STRING,
    }


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


if __name__ == "__main__":
    main()
