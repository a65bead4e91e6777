"""Counts what a database held before there were daily counts; a migration runs it, once."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from sqlalchemy import Column, MetaData, String, Table, select

from cds_service.store.counts import Count, Reasons, Sent, add, counts_of, counts_of_outcome
from cds_service.store.databases import Database
from cds_service.store.tables import DECISIONS, FEEDBACK

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sqlalchemy import Connection, Select

_PAGE = 1000
# Counts of decisions in their order belong to few days at a time; so many are kept at most.
_HELD = 20_000
# The cards whose feedback is counted by their decision.
_COUNTED = Table(
    "counted", MetaData(), Column("card", String(255), primary_key=True), prefixes=["TEMPORARY"]
)


class Filling(NamedTuple):
    """What counting needs of a database."""

    database: Database
    reasons: Reasons

    def fill(self, connection: Connection) -> None:
        """Count all decisions and all feedback, a page at a time."""
        _COUNTED.create(connection)
        counted: Counter[Count] = Counter()
        for page in _pages(connection):
            for row in page:
                counted.update(counts_of(row))
            counted.update(self._outcomes(connection, page))
            if len(counted) > _HELD:
                add(connection, self.database, counted)
                counted.clear()
        counted.update(self._of_unknown_cards(connection))
        add(connection, self.database, counted)
        _COUNTED.drop(connection)

    def _outcomes(self, connection: Connection, page: list[dict[str, Any]]) -> Iterator[Count]:
        """Yield what the feedback on the cards of some decisions adds."""
        sent = {
            card["uuid"]: Sent(row["at"][:10], row["service"], card["topic"])
            for row in page
            for card in orjson.loads(row["cards"])
        }
        about = select(FEEDBACK).where(FEEDBACK.c.card.in_(list(sent)))
        first = _first(_rows(connection, about.order_by(FEEDBACK.c.received, FEEDBACK.c.at)))
        if first:
            connection.execute(_COUNTED.insert(), [{"card": card} for card in first])
        for card, row in first.items():
            yield from counts_of_outcome(row, sent[card], self.reasons)

    def _of_unknown_cards(self, connection: Connection) -> Iterator[Count]:
        known = select(_COUNTED.c.card).where(_COUNTED.c.card == FEEDBACK.c.card)
        rest = (
            select(FEEDBACK)
            .where(~known.exists())
            .order_by(FEEDBACK.c.card, FEEDBACK.c.received, FEEDBACK.c.at)
            .limit(_PAGE)
        )
        after = ""
        while first := _first(_rows(connection, rest.where(FEEDBACK.c.card > after))):
            for row in first.values():
                unknown = Sent(row["received"][:10], row["service"], "")
                yield from counts_of_outcome(row, unknown, self.reasons)
            # The database's own order: it may sort other than Python does.
            after = next(reversed(first))


def _pages(connection: Connection) -> Iterator[list[dict[str, Any]]]:
    """Yield all decisions in their order."""
    every = select(DECISIONS).order_by(DECISIONS.c.uuid).limit(_PAGE)
    after = ""
    while page := _rows(connection, every.where(DECISIONS.c.uuid > after)):
        yield page
        after = page[-1]["uuid"]


def _first(rows: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the first row of each card."""
    first: dict[str, dict[str, Any]] = {}
    for row in rows:
        first.setdefault(row["card"], row)
    return first


def _rows(connection: Connection, asked: Select[Any]) -> list[dict[str, Any]]:
    return [dict(row) for row in connection.execute(asked).mappings()]
