"""Counts the calls of each service, whatever is answered, and how long they took."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from flask import Blueprint, Response, g, request

from cds_service import metrics
from cds_service.hooks.services import SERVICES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cds_service.journal import Card

_UNKNOWN = "unknown"


def count_calls(routes: Blueprint) -> None:
    """Count what is posted to the routes, by service and status."""

    @routes.before_request
    def begin() -> None:
        g.arrived = time.perf_counter()

    @routes.after_request
    def count(response: Response) -> Response:
        asked = (request.view_args or {}).get("service_id")
        if asked is not None and request.method == "POST":
            # What a caller made up is no label: there is no end to it.
            service = asked if asked in SERVICES else _UNKNOWN
            if (request.endpoint or "").endswith("take"):
                service = f"{service}/feedback"
            metrics.labelled(metrics.CALLS, service, str(response.status_code)).inc()
            if "arrived" in g:  # what was refused before it came here took no time here
                metrics.SECONDS.labels(service).observe(since_arrival())
        return response


def count_cards(service: str, cards: Sequence[Card], *, shadow: bool) -> None:
    """Count the cards of an answer, or those that shadow mode kept back."""
    counter = metrics.SHADOWED if shadow else metrics.CARDS
    for card in cards:
        metrics.labelled(counter, service, card.topic).inc()


def since_arrival() -> float:
    """Return the seconds since the current request came."""
    passed: float = time.perf_counter() - g.arrived
    return passed
