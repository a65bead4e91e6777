"""What was kept, for an audit: read and purged beside the service, which goes on meanwhile."""

from __future__ import annotations

from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import orjson
from sqlalchemy import delete, func, select
from sqlalchemy.exc import SQLAlchemyError

from cds_service.journal import UnreachableError
from cds_service.store.databases import SQLite, database
from cds_service.store.errors import StoreError
from cds_service.store.lock import Claim, refuse_network
from cds_service.store.migrate import NEWEST, migrate, version_of
from cds_service.store.tables import DECISIONS, FEEDBACK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import ColumnElement, Connection, Delete, Select

    from cds_service.store.counts import Reasons

T = TypeVar("T")
# So many rows are read, or removed, at a time: nobody waits longer for that than for a batch.
_PAGE = 500
_JSON = ("criteria", "unanswered", "topics", "cards")


class Held(NamedTuple):
    """How many decisions there are, and how much feedback on their cards."""

    decisions: int
    feedback: int


class _Page(NamedTuple):
    uuids: list[str]
    cards: list[str]


class Records:
    """The decisions and the feedback of a database that a service may be using.

    No claim is taken on a SQLite file: any number may read beside the one that writes, and who
    writes waits for its turn.
    """

    def __init__(self, address: str) -> None:
        """Connect. Raises StoreError where nothing is kept at an address by this version."""
        found = database(address, durable=False)
        if isinstance(found, SQLite):
            refuse_network(found.file)
            if not found.file.is_file():
                msg = (
                    f"CDS_DATABASE_URL: there is no file {found.file}; nothing was kept there. "
                    "Name the database that the service keeps decisions in."
                )
                raise StoreError(msg)
        self._engine = found.patient_engine()
        version = self._run(version_of)
        if version != NEWEST:
            msg = (
                f"The database has the tables of version {version or 'none'}, and this one reads "
                f"{NEWEST}. Run `cds-service store upgrade`, or the version that keeps it."
            )
            raise StoreError(msg)

    def decisions(self, since: str, until: str) -> Iterator[dict[str, Any]]:
        """Yield the decisions from one moment to before another, in the order they were kept.

        Raises UnreachableError.
        """
        every = (
            select(DECISIONS)
            .where(DECISIONS.c.at >= since, DECISIONS.c.at < until)
            .order_by(DECISIONS.c.uuid)
            .limit(_PAGE)
        )
        after = ""
        while page := self._rows(every.where(DECISIONS.c.uuid > after)):
            for row in page:
                # SQLAlchemy's names of columns are of a kind of text that JSON does not know.
                plain = {str(name): value for name, value in row.items()}
                yield plain | {name: orjson.loads(row[name]) for name in _JSON}
            after = page[-1]["uuid"]

    def before(self, moment: str) -> Held:
        """Count what a purge would remove. Raises UnreachableError."""
        decisions = 0
        feedback = self._count(FEEDBACK.c.received < moment)
        for page in self._oldest(moment):
            decisions += len(page.uuids)
            about = FEEDBACK.c.card.in_(page.cards)
            feedback += self._count(about & (FEEDBACK.c.received >= moment))
        return Held(decisions, feedback)

    def purge(self, moment: str) -> Held:
        """Remove the decisions before a moment, and the feedback on them, some at a time.

        Feedback that came before the moment goes too if nobody knows its card. The daily counts
        stay. Raises UnreachableError; whoever begins again goes on where this ended.
        """
        decisions = feedback = 0
        for page in self._oldest(moment):
            feedback += self._remove(delete(FEEDBACK).where(FEEDBACK.c.card.in_(page.cards)))
            decisions += self._remove(delete(DECISIONS).where(DECISIONS.c.uuid.in_(page.uuids)))
        old = FEEDBACK.c.received < moment
        some = select(FEEDBACK.c.card).where(old).limit(_PAGE)
        while page_of_cards := [row["card"] for row in self._rows(some)]:
            one = delete(FEEDBACK).where(FEEDBACK.c.card.in_(page_of_cards), old)
            feedback += self._remove(one)
        return Held(decisions, feedback)

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def _oldest(self, moment: str) -> Iterator[_Page]:
        every = (
            select(DECISIONS.c.uuid, DECISIONS.c.cards)
            .where(DECISIONS.c.at < moment)
            .order_by(DECISIONS.c.uuid)
            .limit(_PAGE)
        )
        after = ""
        while page := self._rows(every.where(DECISIONS.c.uuid > after)):
            cards = [card["uuid"] for row in page for card in orjson.loads(row["cards"])]
            yield _Page([row["uuid"] for row in page], cards)
            after = page[-1]["uuid"]

    def _count(self, feedback: ColumnElement[bool]) -> int:
        asked = select(func.count()).select_from(FEEDBACK).where(feedback)
        return self._run(lambda connection: connection.scalar(asked)) or 0

    def _rows(self, asked: Select[Any]) -> list[dict[str, Any]]:
        return self._run(
            lambda connection: [dict(row) for row in connection.execute(asked).mappings()]
        )

    def _remove(self, statement: Delete) -> int:
        """Remove some rows, and wait as long as that took: that time is the service's."""

        def work(connection: Connection) -> int:
            with connection.begin():
                return connection.execute(statement).rowcount

        began = monotonic()
        removed = self._run(work)
        sleep(monotonic() - began)
        return removed

    def _run(self, work: Callable[[Connection], T]) -> T:
        try:
            with self._engine.connect() as connection:
                return work(connection)
        except SQLAlchemyError:
            raise UnreachableError from None


def upgrade(address: str, reasons: Reasons) -> tuple[str | None, str]:
    """Bring a database to the tables of this version; return the versions before and after.

    Raises StoreError where it must not be used, UnreachableError where it cannot be reached.
    """
    found = database(address, durable=True)
    claim = None
    if isinstance(found, SQLite):
        refuse_network(found.file)
        claim = Claim(found.file)
    try:
        if isinstance(found, SQLite):
            found.make()
        return migrate(found, reasons), NEWEST
    except SQLAlchemyError:
        raise UnreachableError from None
    finally:
        if claim is not None:
            claim.release()
