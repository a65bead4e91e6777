"""A record system that knows nothing of the service but what discovery says.

It holds one patient's Bundle, reads the prefetch templates as FHIR reads and searches, fills the
tokens from its own context, and calls. It imports nothing of the service.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from flask.testing import FlaskClient

if TYPE_CHECKING:
    from collections.abc import Iterator

    from werkzeug.test import TestResponse

Json = dict[str, Any]

# What each hook's definition asks of the context beside userId and patientId.
_WITH_ENCOUNTER = {"encounter-start", "encounter-discharge"}
# The element that a search parameter sorts by, type by type.
_SORTED_BY = {
    ("Observation", "date"): ("effectiveDateTime", "effectivePeriod", "issued"),
    ("Procedure", "date"): ("performedDateTime", "performedPeriod"),
    ("QuestionnaireResponse", "authored"): ("authored",),
}


class CannotAnswerError(Exception):
    """A template asks for what this record system does not understand."""


@dataclass(frozen=True)
class Ehr:
    """A record system in front of one client, with one patient's resources."""

    client: FlaskClient
    resources: list[Json]
    base: str = "/cds-services"

    @classmethod
    def holding(cls, client: FlaskClient, bundle: Json) -> Ehr:
        return cls(client, [entry["resource"] for entry in bundle["entry"]])

    def services(self) -> list[Json]:
        discovered: list[Json] = self.client.get(self.base).get_json()["services"]
        return discovered

    def of(self, kind: str) -> list[Json]:
        return [each for each in self.resources if each["resourceType"] == kind]

    def call(self, service: Json, **more: object) -> TestResponse:
        """Fire the hook of a service for the patient; ``more`` is added to the context."""
        return self.client.post(f"{self.base}/{service['id']}", json=self.request(service, **more))

    def request(self, service: Json, **more: object) -> Json:
        context = self.context(service["hook"]) | more
        return {
            "hook": service["hook"],
            "hookInstance": str(uuid.uuid4()),
            "fhirServer": "https://ehr.example.org/fhir",
            "context": context,
            "prefetch": {
                key: self.answer(filled)
                for key, template in service.get("prefetch", {}).items()
                if (filled := _filled(template, context)) is not None
            },
        }

    def context(self, hook: str) -> Json:
        (patient,) = self.of("Patient")
        context: Json = {"userId": "Practitioner/7", "patientId": patient["id"]}
        encounters = self.of("Encounter")
        if encounters:
            context["encounterId"] = encounters[0]["id"]
        elif hook in _WITH_ENCOUNTER:
            context["encounterId"] = "none-yet"
        return context

    def answer(self, query: str) -> Json | None:
        """Answer a FHIR read or search as a server would."""
        kind, searches, parameters = query.partition("?")
        if not searches:
            kind, _, name = kind.partition("/")
            return next((each for each in self.of(kind) if each["id"] == name), None)
        found = self.of(kind)
        for name, value in parse_qsl(parameters, strict_parsing=True):
            found = self._narrowed(kind, found, name, value)
        bundle: Json = {"resourceType": "Bundle", "type": "searchset", "total": len(found)}
        if found:
            bundle["entry"] = [
                {"fullUrl": f"https://ehr.example.org/fhir/{kind}/{each['id']}", "resource": each}
                for each in found
            ]
        return bundle

    def _narrowed(self, kind: str, found: list[Json], name: str, value: str) -> list[Json]:
        if name == "patient":
            return [each for each in found if _subject(each) == f"Patient/{value}"]
        if name == "code":
            return [each for each in found if set(value.split(",")) & set(_codes(each))]
        if name == "_sort" and value.startswith("-"):
            elements = _SORTED_BY[kind, value[1:]]
            return sorted(found, key=lambda each: _first(each, elements), reverse=True)
        if name == "_count":
            if len(found) > int(value):
                msg = f"{len(found)} found: this record system has no pages"
                raise CannotAnswerError(msg)
            return found
        raise CannotAnswerError(name)


def _filled(template: str, context: Json) -> str | None:
    """Put the context into a template; None where a token has no value, as clients do."""
    tokens = re.findall(r"\{\{context\.(\w+)\}\}", template)
    if not all(isinstance(context.get(token), str) for token in tokens):
        return None
    return re.sub(r"\{\{context\.(\w+)\}\}", lambda match: context[match[1]], template)


def _subject(resource: Json) -> str | None:
    reference: str | None = (resource.get("subject") or resource.get("patient") or {}).get(
        "reference"
    )
    return reference


def _codes(resource: Json) -> Iterator[str]:
    for coding in resource.get("code", {}).get("coding", []):
        yield coding["code"]


def _first(resource: Json, elements: tuple[str, ...]) -> str:
    for element in elements:
        value = resource.get(element)
        if value:
            return str(value if isinstance(value, str) else value.get("start", ""))
    return ""
