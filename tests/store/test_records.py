"""An audit reads and removes what was kept, also while the service goes on keeping."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from cds_service.identity import new_uuid
from cds_service.journal import Card, UnreachableError
from cds_service.store import records as records_module
from cds_service.store.errors import StoreError
from cds_service.store.opening import open_store
from cds_service.store.records import Held, Records, upgrade
from cds_service.store.tables import DAILY_COUNTS, DECISIONS, FEEDBACK
from tests.records import NOW
from tests.store.calls import KEY, feedback, judged, rows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cds_service.store.store import Store

FIRST, LAST = "2026-01-01T00:00:00.000000+00:00", "2027-01-01T00:00:00.000000+00:00"
DAYS = 7


def day(number: int) -> str:
    return (NOW + timedelta(days=number, hours=-12)).isoformat(timespec="microseconds")


@pytest.fixture
def week(opened: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Keep a decision a day, each with a card and feedback, and feedback on a card of nobody."""
    monkeypatch.setattr(records_module, "_PAGE", 2)
    for number in range(DAYS):
        card = Card(new_uuid(), "imaging", "warning")
        opened.judged(judged(card, at=NOW + timedelta(days=number)))
        opened.feedback([feedback(card.uuid), feedback(card.uuid, "accepted")])
    opened.feedback([feedback("c")])
    return opened


@pytest.fixture
def records(week: Store, address: str) -> Iterator[Records]:
    """Read what a running service keeps."""
    assert week.line.up
    opened = Records(address)
    yield opened
    opened.close()


def test_decisions_of_some_days_in_their_order(records: Records) -> None:
    every = list(records.decisions(FIRST, LAST))
    assert len(every) == DAYS
    assert [each["at"] for each in every] == sorted(each["at"] for each in every)
    assert every[0]["cards"][0]["topic"] == "imaging"
    assert set(every[0]["criteria"]) == {"met", "unknown", "notmet"}
    some = list(records.decisions(day(2), day(5)))
    assert some == every[2:5]


def test_a_purge_removes_what_is_old_with_its_feedback_and_leaves_the_counts(
    records: Records, week: Store
) -> None:
    counts = rows(week, DAILY_COUNTS)
    # The feedback came today, which is after those days, but it is about their cards.
    with week.line.engine.begin() as connection:
        connection.execute(text("UPDATE feedback SET received = '2026-12-24T00:00:00+00:00'"))
    assert records.before(day(3)) == Held(3, 6)
    assert records.purge(day(3)) == Held(3, 6)
    assert len(rows(week, DECISIONS)) == DAYS - 3
    assert len(rows(week, FEEDBACK)) == 2 * (DAYS - 3) + 1
    assert rows(week, DAILY_COUNTS) == counts
    assert records.before(day(3)) == records.purge(day(3)) == Held(0, 0)


def test_a_purge_removes_old_feedback_on_cards_that_nobody_knows(
    records: Records, week: Store
) -> None:
    with week.line.engine.begin() as connection:
        connection.execute(text("UPDATE feedback SET received = '2026-01-01T00:00:00+00:00'"))
    assert records.before(day(1)) == Held(1, 2 * DAYS + 1)
    assert records.purge(day(1)) == Held(1, 2 * DAYS + 1)
    assert rows(week, FEEDBACK) == []


def test_the_service_goes_on_while_a_purge_runs(
    records: Records, week: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two batches the service writes; the test takes the pause between them for that."""
    monkeypatch.setattr(records_module, "sleep", lambda _: week.judged(judged()))
    removed = records.purge(day(DAYS))
    assert removed.decisions >= DAYS
    assert week.line.up
    assert not week.spool.waits()


def test_a_database_that_goes_away(records: Records, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise OperationalError("SELECT", {}, Exception())

    monkeypatch.setattr(records._engine, "connect", away)
    with pytest.raises(UnreachableError):
        records.purge(day(1))


def test_nothing_was_kept_there(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"there is no file .*none\.db"):
        Records(f"sqlite:///{tmp_path}/none.db")
    assert list(tmp_path.iterdir()) == []


def test_tables_of_another_version(opened: Store, address: str) -> None:
    with opened.line.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0002'"))
    with pytest.raises(StoreError, match=r"of version 0002, .*`cds-service store upgrade`"):
        Records(address)


def test_upgrading_makes_the_tables_once(address: str, tmp_path: Path) -> None:
    before, newest = upgrade(address, frozenset())
    assert before is None
    assert upgrade(address, frozenset()) == (newest, newest)
    store = open_store(address, key=KEY, spool=tmp_path / "spool", attended=False)
    store.judged(judged())
    if address.startswith("sqlite"):
        with pytest.raises(StoreError, match="another service runs on"):
            upgrade(address, frozenset())
    store.close()
    assert len(list(Records(address).decisions(FIRST, LAST))) == 1


def test_a_database_that_cannot_be_upgraded(tmp_path: Path) -> None:
    (tmp_path / "s.db").write_bytes(b"a letter, not a database" * 100)
    for _ in range(2):
        with pytest.raises(UnreachableError):
            upgrade(f"sqlite:///{tmp_path}/s.db", frozenset())
