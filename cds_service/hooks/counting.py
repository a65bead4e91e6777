"""Counts the calls of each service: what came, what was answered, and how long that took."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

from flask import Blueprint, Response, g, request

from cds_service import metrics
from cds_service.hooks.prefetch import BY_NAME
from cds_service.hooks.services import SERVICES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from cds_service.hooks.prefetch import Completed
    from cds_service.journal import Card

_UNKNOWN, _OTHER = "unknown", "other"


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
                metrics.labelled(metrics.SECONDS, service).observe(since_arrival())
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


class Came(NamedTuple):
    """By which names the keys of a prefetch came, which of ours lack, and which we fetched."""

    names: tuple[str, ...]
    missing: tuple[str, ...]
    fetched: tuple[str, ...]

    @classmethod
    def of(cls, sent: Mapping[str, Any], completed: Completed, missing: Mapping[str, str]) -> Came:
        """Return how the keys came that were sent, and completed by a FHIR server."""
        values = completed.values
        fetched = (
            ()
            if values is sent
            else tuple(name for name in values if values[name] is not sent.get(name))
        )
        return cls(tuple(values), tuple(missing), fetched)


def tally_of_prefetch(aliases: Mapping[str, str]) -> metrics.Tally[Came]:
    """Return what counts the keys of each prefetch by the state in which they came."""

    def labels(came: Came) -> Iterator[tuple[str, str]]:
        lacking = set(came.missing)
        for name in came.names:
            key = aliases.get(name, name)
            if key not in BY_NAME:
                # What a caller made up is no label.
                yield _OTHER, "whole"
            elif key in came.missing:
                yield key, "incomplete"
                lacking.discard(key)
            else:
                yield key, "fetched" if name in came.fetched else "whole"
        for key in lacking:
            yield key, "absent"

    return metrics.Tally(metrics.PREFETCH, labels)
