"""Judged calls and feedback as rows: what is kept of them, and what is not.

Rows hold nothing but what JSON holds, so that the same row goes to a database or to the spool.
"""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Any

import orjson

from cds_service.clinical.truth import Truth
from cds_service.identity import milliseconds_of, uuid_at

if TYPE_CHECKING:
    from datetime import datetime

    from cds_service.clinical.decision import Decision
    from cds_service.journal import Feedback, Judged
    from cds_service.store.key import Hasher

Row = dict[str, Any]
_STATES = {Truth.PRESENT: "met", Truth.UNKNOWN: "unknown", Truth.ABSENT: "notmet"}


def decision_row(call: Judged, hasher: Hasher) -> Row:
    """Return what is kept of a judged call."""
    decision = call.decision
    return {
        "uuid": _uuid(call),
        "at": moment_of(call.at),
        "service": call.service,
        "client": _clean(call.client),
        "patient": hasher.patient(call.patient),
        "encounter": hasher.encounter(call.encounter),
        "gate": decision.gate.value,
        "judged": decision.judged,
        "criteria": criteria_of(decision),
        "unanswered": _json([each.finding for each in decision.unanswered]),
        "topics": _json([each.topic for each in decision.recommendations]),
        "cards": _json(call.cards),
        "profile": decision.profile,
        "digest": decision.digest,
        "seconds": call.seconds,
        "shadow": call.shadow,
    }


def criteria_of(decision: Decision) -> str:
    """Return the ids of all criteria by state. The same verdicts give the same text."""
    states: dict[str, list[str]] = {"met": [], "unknown": [], "notmet": []}
    for name, truth in decision.truths.items():
        states[_STATES[truth]].append(name)
    return _json(states)


def feedback_row(entry: Feedback, received: datetime) -> Row:
    """Return what is kept of an entry of feedback: all of it."""
    return {
        "card": entry.card,
        "outcome": entry.outcome,
        "at": moment_of(entry.at),
        "received": moment_of(received),
        "service": entry.service,
        "client": _clean(entry.client),
        "suggestions": _json(entry.suggestions),
        "reason_system": _clean(entry.reason_system),
        "reason_code": _clean(entry.reason_code),
        "reason_display": _clean(entry.reason_display),
        "comment": _clean(entry.comment),
    }


def moment_of(moment: datetime) -> str:
    """Return a moment in UTC as ISO 8601; as texts they sort by time."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _uuid(call: Judged) -> str:
    """Return a UUID of the moment of the first card, so that each card leads to its decision."""
    moments = [moment for card in call.cards if (moment := milliseconds_of(card.uuid)) is not None]
    return uuid_at(min(moments, default=int(call.at.timestamp() * 1000)))


def _json(value: object) -> str:
    # orjson writes our frozen Card as the object of its fields.
    return orjson.dumps(value).decode()


def _clean(text: str | None) -> str | None:
    """Return a text without NUL, which PostgreSQL does not take."""
    return text.replace("\0", "") if text else text
