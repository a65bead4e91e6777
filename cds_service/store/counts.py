"""Daily counts: what a judged call and its feedback add to them."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import orjson

from cds_service.counts import EDGES
from cds_service.store.tables import DAILY_COUNTS

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from cds_service.store.databases import Database
    from cds_service.store.rows import Row

# The codes of override reasons that a count may be named by: names must come to an end.
Reasons: TypeAlias = "frozenset[str]"

# The key of a row: day, kind, service, topic, name. A call has dozens, so it is a plain tuple.
Count: TypeAlias = "tuple[str, str, str, str, str]"

_BUCKETS = (*map(str, EDGES), "+Inf")
_OTHER = "other"
_OVERRIDDEN = "overridden"


class Sent(NamedTuple):
    """Of a card that was sent: the day, the service and the topic. Nobody knows: topic ""."""

    day: str
    service: str
    topic: str


def counts_of(call: Mapping[str, Any]) -> list[Count]:
    """Return what a judged call adds, each by one.

    Raises ValueError, TypeError or KeyError for what is no row of a judged call.
    """
    day, service = call["at"][:10], call["service"]
    card = "shadowed" if call["shadow"] else "card"
    return [
        (day, "call", service, "", "judged" if call["judged"] else "gate"),
        (day, "latency", service, "", _BUCKETS[bisect_left(EDGES, call["seconds"])]),
        *[
            (day, card, service, each["topic"], each["indicator"])
            for each in orjson.loads(call["cards"])
        ],
        *[(day, "criterion", service, "", each) for each in orjson.loads(call["criteria"])["met"]],
        *[(day, "unanswered", service, "", each) for each in orjson.loads(call["unanswered"])],
    ]


def counts_of_outcome(first: Mapping[str, Any], sent: Sent, reasons: Reasons) -> list[Count]:
    """Return what the first feedback of a card adds, each by one."""
    outcome = (sent.day, "outcome", sent.service, sent.topic, first["outcome"])
    if first["outcome"] != _OVERRIDDEN:
        return [outcome]
    code = first["reason_code"]
    if code in reasons:
        name = code
    elif code or first["reason_display"] or first["comment"]:
        # A client's own code or words may be anything, a patient's name too.
        name = _OTHER
    else:
        return [outcome]
    return [outcome, (sent.day, "reason", sent.service, sent.topic, name)]


def add(connection: Connection, database: Database, counted: Counter[Count]) -> None:
    """Add to the daily counts, as the last of a transaction.

    Always in the same order: so two transactions may wait for each other in one direction only.
    """
    rows: list[Row] = [
        {"day": day, "kind": kind, "service": service, "topic": topic, "name": name, "count": count}
        for (day, kind, service, topic, name), count in sorted(counted.items())
    ]
    if rows:
        database.add_up(connection, DAILY_COUNTS.c.count, rows)
