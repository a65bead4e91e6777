"""Fills a store with a year of plausible decisions and feedback: always the same for a number.

`python -m benchmarks.seed sqlite:///seeded.db 1000000` writes a million of them.
"""

from __future__ import annotations

import argparse
import json
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from cds_service.content.load import load
from cds_service.content.recommendations import reason_codes
from cds_service.hooks.services import SERVICES
from cds_service.identity import time_prefix
from cds_service.store.counts import Count, Sent, add, counts_of_outcome
from cds_service.store.databases import database
from cds_service.store.intake import counted, insert
from cds_service.store.records import upgrade
from cds_service.store.tables import FEEDBACK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from cds_service.content.load import Content
    from cds_service.store.databases import Database
    from cds_service.store.rows import Row

DAYS = 365
SEED = 1
_BATCH = 2000
_LAST_DAY = datetime(2026, 11, 20, tzinfo=UTC)
# How often a card is reported, and how often it was set aside then.
_REPORTED, _OVERRIDDEN, _GIVES_A_REASON = 0.15, 0.35, 0.7
_PATIENTS = 40_000


class Year:
    """Draws decisions over a year up to a day, each service, criterion and card in its measure."""

    def __init__(self, content: Content, *, seed: int = SEED, until: datetime = _LAST_DAY) -> None:
        """Prepare what is drawn from."""
        self._random = random.Random(seed)
        self._until = until
        self._reasons = sorted(reason_codes(content.recommendations))
        courses = [*content.recommendations.courses.values()]
        self._cards = [(each.course.topic, each.course.indicator) for each in courses]
        self._criteria = [*content.criteria]
        self._findings = [*content.findings]
        self._digest = content.digest
        # As it is in life: a few are often met, most of them seldom.
        self._often = [1 / (place + 2) for place in range(len(self._criteria))]

    def decisions(self, number: int) -> Iterator[Row]:
        """Yield decisions in the order of their time."""
        begin, length = self._until - timedelta(days=DAYS - 1), DAYS * 86_400 - 1
        for place in range(number):
            yield self._decision(begin + timedelta(seconds=length * place / number))

    def feedback(self, decision: Row) -> Iterator[tuple[Row, Sent]]:
        """Yield what clinicians said of some of its cards, and the cards it is about."""
        for card in json.loads(decision["cards"]):
            if decision["shadow"] or self._random.random() > _REPORTED:
                continue
            overridden = self._random.random() < _OVERRIDDEN
            gives = overridden and self._random.random() < _GIVES_A_REASON
            entry = {
                "card": card["uuid"],
                "outcome": "overridden" if overridden else "accepted",
                "at": decision["at"],
                "received": decision["at"],
                "service": decision["service"],
                "client": None,
                "suggestions": "[]",
                "reason_system": None,
                "reason_code": self._random.choice(self._reasons) if gives else None,
                "reason_display": None,
                "comment": None,
            }
            yield entry, Sent(decision["at"][:10], decision["service"], card["topic"])

    def _decision(self, at: datetime) -> Row:
        draw = self._random
        judged = draw.random() > 0.03
        met = draw.choices(self._criteria, self._often, k=draw.randrange(5)) if judged else []
        unanswered = draw.sample(self._findings, draw.randrange(8)) if judged else []
        chosen = draw.sample(self._cards, draw.randrange(1, 4)) if judged else []
        cards = [
            {"uuid": self._uuid(at), "topic": topic, "indicator": indicator, "suggestions": []}
            for topic, indicator in chosen
        ]
        unknown = draw.sample(self._criteria, draw.randrange(10))
        return {
            "uuid": self._uuid(at),
            "at": at.isoformat(timespec="microseconds"),
            "service": draw.choices([*SERVICES], [40, *[3] * (len(SERVICES) - 1)])[0],
            "client": None,
            "patient": f"{draw.randrange(_PATIENTS):032x}",
            "encounter": f"{draw.getrandbits(64):032x}",
            "gate": "open" if judged else "unknown",
            "judged": judged,
            "criteria": _json({"met": [*dict.fromkeys(met)], "unknown": unknown, "notmet": []}),
            "unanswered": _json(unanswered),
            "topics": _json([card["topic"] for card in cards]),
            "cards": _json(cards),
            "profile": "documents",
            "digest": self._digest,
            "seconds": draw.lognormvariate(-5.2, 0.8),
            "shadow": draw.random() < 0.02,
        }

    def _uuid(self, at: datetime) -> str:
        digits = f"{self._random.getrandbits(80):020x}"
        moment = time_prefix(int(at.timestamp() * 1000))
        return f"{moment}-7{digits[:3]}-8{digits[3:6]}-{digits[6:18]}"


def seed(address: str, number: int, *, seed: int = SEED, until: datetime = _LAST_DAY) -> int:
    """Write decisions over a year up to a day with their feedback; return how much feedback.

    The tables are made where there are none. Counts come from the code that counts every call.
    """
    content = load()
    reasons = reason_codes(content.recommendations)
    upgrade(address, reasons)
    year = Year(content, seed=seed, until=until)
    found = database(address, durable=False)
    engine = found.patient_engine()
    entries = 0
    decisions = year.decisions(number)
    with engine.connect() as connection:
        while batch := list(islice(decisions, _BATCH)):
            with found.writing(connection):
                reports = [report for each in batch for report in year.feedback(each)]
                entries += len(reports)
                outcomes = Counter(
                    count
                    for entry, sent in reports
                    for count in counts_of_outcome(entry, sent, reasons)
                )
                _insert(connection, found, batch, [entry for entry, _ in reports], outcomes)
    engine.dispose()
    return entries


def _insert(
    connection: Connection,
    database: Database,
    decisions: list[Row],
    feedback: list[Row],
    outcomes: Counter[Count],
) -> None:
    insert(connection, database, counted(decisions))
    if feedback:
        connection.execute(FEEDBACK.insert(), feedback)
    add(connection, database, outcomes)


def _json(value: Any) -> str:  # noqa: ANN401  anything that JSON has
    return json.dumps(value, separators=(",", ":"))


def main() -> None:
    """Seed the database that the command line names."""
    parser = argparse.ArgumentParser(description="Write decisions and feedback of a year.")
    parser.add_argument("address", metavar="URL", help="as in CDS_DATABASE_URL")
    parser.add_argument("number", type=int, metavar="N", help="how many decisions")
    asked = parser.parse_args()
    entries = seed(asked.address, asked.number)
    print(f"{asked.number} decisions and {entries} entries of feedback")


if __name__ == "__main__":
    main()
