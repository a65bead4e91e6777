"""What is seeded for measurements is what a service would have kept, and always the same."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import delete, text

from benchmarks.seed import DAYS, seed
from cds_service.content.load import load
from cds_service.content.recommendations import reason_codes
from cds_service.store.opening import open_store
from cds_service.store.tables import CARDS, DAILY_COUNTS, DECISIONS, FEEDBACK
from tests.store.calls import KEY, rows

if TYPE_CHECKING:
    from pathlib import Path

MANY = 3000


def test_a_year_is_seeded_with_the_counts_that_belong_to_it(address: str, tmp_path: Path) -> None:
    reasons = reason_codes(load().recommendations)
    entries = seed(address, MANY)
    store = open_store(address, key=KEY, spool=tmp_path / "spool", reasons=reasons, attended=False)
    counts = rows(store, DAILY_COUNTS)
    decisions, feedback = rows(store, DECISIONS), rows(store, FEEDBACK)
    assert (len(decisions), len(feedback)) == (MANY, entries)
    assert len({row["day"] for row in counts}) == DAYS
    total = Counter[str]()
    for row in counts:
        total[row["kind"]] += row["count"]
    assert total["call"] == total["latency"] == MANY
    assert total["card"] + total["shadowed"] == len(rows(store, CARDS))
    assert total["outcome"] == entries
    assert 0 < total["reason"] < entries
    assert {row["topic"] for row in counts if row["kind"] == "outcome"} > {"imaging"}
    # The migration, which counts what was there before, comes to the same.
    with store.line.engine.begin() as connection:
        connection.execute(delete(DAILY_COUNTS))
        connection.execute(text("UPDATE alembic_version SET version_num = '0003'"))
    store.close()
    again = open_store(address, key=KEY, spool=tmp_path / "spool", reasons=reasons, attended=False)
    assert sorted(map(str, rows(again, DAILY_COUNTS))) == sorted(map(str, counts))
    again.close()


def test_the_same_is_seeded_again(tmp_path: Path) -> None:
    held = []
    for name in ("one", "two"):
        address = f"sqlite:///{tmp_path}/{name}.db"
        seed(address, 50, until=datetime(2026, 1, 1, tzinfo=UTC))
        store = open_store(address, attended=False)
        held.append((rows(store, DECISIONS), rows(store, FEEDBACK)))
        store.close()
    assert held[0] == held[1]
    assert held[0][0][0]["at"].startswith("2025-01-02")
