"""Takes feedback into the database, and finds the cards that it is about."""

from __future__ import annotations

from collections import Counter
from operator import itemgetter
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, func, select

from cds_service.identity import milliseconds_of, time_prefix
from cds_service.store.counts import Count, Sent, add, counts_of_outcome
from cds_service.store.databases import Alone
from cds_service.store.tables import CARDS, DECISIONS, FEEDBACK

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import Connection

    from cds_service.store.counts import Reasons
    from cds_service.store.databases import Database
    from cds_service.store.rows import Row

# A decision's uuid begins with the moment of its first card; its other cards follow within this.
_WRITING = 5000  # milliseconds
_SENT = (
    select(DECISIONS.c.at, DECISIONS.c.service, CARDS.c.topic)
    .select_from(DECISIONS)
    .join(CARDS, CARDS.c.decision == DECISIONS.c.uuid)
    .where(
        DECISIONS.c.uuid >= bindparam("begin"),
        DECISIONS.c.uuid < bindparam("end"),
        DECISIONS.c.cards.contains(bindparam("card")),
        CARDS.c.uuid == bindparam("card"),
    )
)


def cards_sent(connection: Connection, cards: Iterable[str]) -> dict[str, Sent]:
    """Return what is known of cards, by their uuid; those that nobody knows are left out."""
    found = {}
    for card in cards:
        moment = milliseconds_of(card)
        if moment is None:
            continue
        begin, end = time_prefix(max(0, moment - _WRITING)), time_prefix(moment + 1)
        row = connection.execute(_SENT, {"begin": begin, "end": end, "card": card}).first()
        if row is not None:
            found[card] = Sent(row.at[:10], row.service, row.topic)
    return found


def keep_feedback(
    connection: Connection,
    database: Database,
    rows: Sequence[Row],
    sent: Mapping[str, Sent],
    reasons: Reasons,
) -> list[str]:
    """Insert feedback, each entry once and for good, and add to the counts.

    Return the outcomes of what is new.
    """
    once = database.insert_once(FEEDBACK.c.card, FEEDBACK.c.outcome)
    with database.for_good(connection):
        # Of two who report the same card at the same moment only one is the first.
        database.alone(connection, Alone.FEEDBACK)
        new = connection.execute(once, rows).all()
        first = _first(connection, Counter(each.card for each in new))
        counted: Counter[Count] = Counter()
        # What came together is told apart by the client's time.
        for row in sorted(rows, key=itemgetter("at")):
            if row["card"] in first:
                first.remove(row["card"])
                unknown = Sent(row["received"][:10], row["service"], "")
                card = sent.get(row["card"], unknown)
                counted.update(counts_of_outcome(row, card, reasons))
        add(connection, database, counted)
    return [each.outcome for each in new]


def _first(connection: Connection, new: Counter[str]) -> set[str]:
    """Return the cards of which all feedback that there is came just now."""
    if not new:
        return set()
    every = (
        select(FEEDBACK.c.card, func.count().label("entries"))
        .where(FEEDBACK.c.card.in_(new))
        .group_by(FEEDBACK.c.card)
    )
    return {each.card for each in connection.execute(every) if each.entries == new[each.card]}
