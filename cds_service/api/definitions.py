"""The FHIR definitions that the service publishes: the form, and the code systems of cards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from flask import Blueprint, Response

from cds_service.problems import Problem
from cds_service.render.code_systems import code_systems

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cds_service.content.load import Content


def definitions(content: Content, questionnaire: Mapping[str, Any]) -> Blueprint:
    """Return the routes; a definition is the same for every caller until the content changes."""
    routes = Blueprint("definitions", __name__, url_prefix="/fhir")
    form = orjson.dumps(questionnaire)
    systems = {name: orjson.dumps(each) for name, each in code_systems(content).items()}

    @routes.get(f"/Questionnaire/{questionnaire['id']}")
    def show_questionnaire() -> Response:
        return Response(form, mimetype="application/fhir+json")

    @routes.get("/CodeSystem/<code_system>")
    def show_code_system(code_system: str) -> Response:
        found = systems.get(code_system)
        if found is None:
            msg = f"there is no such code system; there are {' and '.join(systems)}"
            raise Problem(404, "not-found", msg)
        return Response(found, mimetype="application/fhir+json")

    return routes
