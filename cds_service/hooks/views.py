"""The CDS Hooks routes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from flask import Blueprint, Response, g

from cds_service.clinical.occasion import may_stay_away, without
from cds_service.fhir.judge import why_not_judged
from cds_service.hooks.calls import read_call
from cds_service.hooks.counting import (
    Came,
    count_calls,
    count_cards,
    since_arrival,
    tally_of_prefetch,
)
from cds_service.hooks.envelope import read_envelope
from cds_service.hooks.feedback import add_feedback
from cds_service.hooks.prefetch import wanted
from cds_service.hooks.services import SERVICES, Service, discovery
from cds_service.journal import Judged, answered_cards
from cds_service.metrics import count_verdicts
from cds_service.problems import Problem
from cds_service.render.suggestions import Filing
from cds_service.security.access_log import note_instance
from cds_service.security.callers import caller
from cds_service.security.limits import read_json

if TYPE_CHECKING:
    from cds_service.clinical.decision import Decision
    from cds_service.clinical.occasion import Occasion
    from cds_service.desk import Desk
    from cds_service.hooks.envelope import Envelope
    from cds_service.hooks.fhir_server import FhirServers


def hooks(desk: Desk, fhir_servers: FhirServers) -> Blueprint:
    """Return the routes of CDS Hooks; the FHIR servers have what a prefetch lacks."""
    routes = Blueprint("hooks", __name__, url_prefix="/cds-services")
    content = desk.judge.content
    listed = orjson.dumps(discovery(content, shadow=desk.shadow))
    keys = wanted(content)
    without_encounter = tuple(key for key in keys if key.name != "encounter")
    prefetches = tally_of_prefetch(desk.aliases)
    part = desk.tracing.part
    complete = part("fetch", fhir_servers.complete)
    read = part("prefetch", read_call)
    decide = part("judge", desk.judge.decide)
    write = part("render", desk.writer.write)
    remember = part("store", _remember)

    @routes.get("")
    def discover() -> Response:
        return Response(listed, mimetype="application/json")

    @routes.url_value_preprocessor
    def only_these_services(_endpoint: str | None, values: dict[str, Any] | None) -> None:
        """Answer 404 before anything else is looked at, the caller's token too."""
        if values and values["service_id"] not in SERVICES:
            msg = f"there is no such service; GET /cds-services lists {', '.join(SERVICES)}"
            raise Problem(404, "not-found", msg)

    @routes.post("/<service_id>")
    def call(service_id: str) -> Response:
        service = SERVICES[service_id]
        g.service = service.id
        envelope = read_envelope(read_json(desk.max_body), service)
        note_instance(envelope.hook_instance)
        expected = without_encounter if envelope.encounter_id is None else keys
        completed = complete(envelope, expected, desk.aliases)
        prefetched, occasion = read(envelope, service, completed, expected, desk)
        prefetches.add(Came.of(envelope.prefetch, completed, prefetched.missing))
        decision = decide(prefetched.record, desk.profile, occasion=occasion)
        if decision.judged:
            decision = _unless_dismissed(decision, occasion, envelope, desk)
        filing = Filing.of(envelope.patient_id, envelope.encounter_id)
        cards = write(decision, filing) if decision.judged else []
        remember(desk, service.id, envelope, decision, cards)
        if not decision.judged:
            raise Problem(
                412,
                "required",
                f"{why_not_judged(decision)} They are the prefetch key `conditions`.",
                diagnostics=prefetched.why_incomplete(),
                expression="prefetch.conditions",
            )
        if not cards:
            _refuse_unread(envelope, service)
        shown = [] if desk.shadow else cards
        return Response(orjson.dumps({"cards": shown}), mimetype="application/json")

    add_feedback(routes, desk)
    count_calls(routes)
    return routes


def _refuse_unread(envelope: Envelope, service: Service) -> None:
    """Refuse what would get no card, where nothing in the context could be read.

    An empty list would say that there is nothing to be said of it.
    """
    given = envelope.given
    if given.problems and not given.resources:
        field = f"context.{service.carries}"
        msg = f"{field} {given.problems[0]}: nothing in it could be judged"
        raise Problem(400, "invalid", msg, expression=field)


def _unless_dismissed(
    decision: Decision, occasion: Occasion, envelope: Envelope, desk: Desk
) -> Decision:
    """Leave out the red-flag check where it was set aside in this encounter on the same facts.

    It comes back where it must stand (``may_stay_away``). No other card is ever held back so:
    each of them says what is known.
    """
    topic = desk.check_topic
    if (
        desk.journal is not None
        and envelope.encounter_id is not None
        and any(card.topic == topic for card in decision.recommendations)
        and may_stay_away(decision, occasion)
        and desk.journal.dismissed(envelope.patient_id, envelope.encounter_id, topic, decision)
    ):
        return without(decision, topic)
    return decision


def _remember(
    desk: Desk, service: str, envelope: Envelope, decision: Decision, cards: list[dict[str, Any]]
) -> None:
    """Keep a judged call, also one that could not be judged, and count its cards."""
    answered = answered_cards(cards)
    count_cards(service, answered, shadow=desk.shadow)
    count_verdicts(decision)
    if desk.journal is not None:
        desk.journal.judged(
            Judged(
                at=desk.now(),
                service=service,
                client=caller(),
                patient=envelope.patient_id,
                encounter=envelope.encounter_id,
                decision=decision,
                cards=answered,
                seconds=since_arrival(),
                shadow=desk.shadow,
            )
        )
