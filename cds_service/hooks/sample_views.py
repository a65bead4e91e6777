"""The sample patients over HTTP: as Bundles, or as the hook request for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Blueprint, request

from cds_service.hooks.sample_requests import request_for
from cds_service.hooks.services import SERVICES
from cds_service.problems import Problem
from cds_service.samples import as_of_today, samples

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime


def sample_views(now: Callable[[], datetime]) -> Blueprint:
    """Return the routes of the samples; their dates are moved so that their day is today."""
    routes = Blueprint("samples", __name__, url_prefix="/samples")

    @routes.get("")
    def list_samples() -> dict[str, Any]:
        listed = [{"name": each.name, "story": each.story} for each in samples().values()]
        return {"samples": listed}

    @routes.get("/<name>")
    def show_sample(name: str) -> dict[str, Any]:
        sample = samples().get(name)
        if sample is None:
            msg = "there is no such sample; GET /samples lists them"
            raise Problem(404, "not-found", msg)
        bundle = as_of_today(sample, now())
        hook = request.args.get("hook")
        if hook is None:
            return bundle
        service = SERVICES.get(hook)
        if service is None:
            msg = f"hook: unknown service; use one of {', '.join(SERVICES)}"
            raise Problem(400, "value", msg, expression="hook")
        return request_for(bundle, service)

    return routes
