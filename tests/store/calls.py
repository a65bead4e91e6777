"""Judged calls and feedback to keep."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from sqlalchemy import select

from cds_service.content.load import load
from cds_service.fhir.judge import Judge
from cds_service.fhir.record import read_bundle
from cds_service.journal import Card, Feedback, Judged
from tests.records import NOW, condition, fever, record

if TYPE_CHECKING:
    from sqlalchemy import Table

    from cds_service.clinical.decision import Decision
    from cds_service.store.store import Store

KEY = "0123456789abcdef0123456789abcdef"
PATIENT_VIEW = "back-pain-patient-view"


@cache
def decision(degrees: float = 39.4) -> Decision:
    judge = Judge(load())
    bundle = record(condition(), fever(degrees))
    return judge.decide(read_bundle(bundle, NOW), "documents")


def card(topic: str = "imaging") -> Card:
    return Card(str(uuid4()), topic, "warning", (str(uuid4()),))


def judged(*cards: Card, **more: Any) -> Judged:  # noqa: ANN401  any field of a judged call
    given: dict[str, Any] = {
        "at": NOW,
        "service": PATIENT_VIEW,
        "client": None,
        "patient": "p1",
        "encounter": "e1",
        "decision": decision(),
        "cards": cards or (card(), card("redflagcheck")),
        "seconds": 0.0125,
    }
    return Judged(**given | more)


def feedback(card_uuid: str, outcome: str = "overridden", minutes: int = 0) -> Feedback:
    return Feedback(card_uuid, outcome, NOW + timedelta(minutes=minutes), PATIENT_VIEW)


def rows(store: Store, table: Table) -> list[dict[str, Any]]:
    with store.line.engine.connect() as connection:
        return [dict(row) for row in connection.execute(select(table)).mappings()]
