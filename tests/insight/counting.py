"""A service with counts in its store, as the store would have added them up."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert

from cds_service.app import create_app
from cds_service.settings import Settings
from cds_service.store.tables import DAILY_COUNTS
from tests.records import NOW

if TYPE_CHECKING:
    from pathlib import Path

    from flask import Flask

    from cds_service.store.store import Store

TODAY = NOW.date()
VIEW, SIGN = "back-pain-patient-view", "back-pain-order-sign"
# kind, topic, name, count: what a day has.
Row = tuple[str, str, str, int]
DAY: tuple[Row, ...] = (
    ("call", "", "judged", 90),
    ("call", "", "gate", 10),
    ("card", "emergency", "critical", 4),
    ("card", "redflagcheck", "info", 2000),
    ("shadowed", "review", "info", 3),
    ("outcome", "emergency", "accepted", 1),
    ("outcome", "emergency", "overridden", 2),
    ("reason", "emergency", "already-assessed", 1),
    ("reason", "emergency", "other", 1),
    ("criterion", "", "E01", 4),
    ("criterion", "", "R04", 7),
    ("unanswered", "", "saddle-numbness", 60),
    ("unanswered", "", "fever", 20),
    ("latency", "", "0.01", 50),
    ("latency", "", "0.1", 49),
    ("latency", "", "+Inf", 1),
)


def app_with(tmp_path: Path, **settings: Any) -> Flask:  # noqa: ANN401  as in Settings
    """Return a service with an empty store, at noon on 20 November 2026."""
    given = {"database": f"sqlite:///{tmp_path}/store.db"} | settings
    return create_app(Settings(**given), now=lambda: NOW)


def store_of(app: Flask) -> Store:
    found: Store = app.extensions["journal"]
    return found


def count(store: Store, *rows: Row, ago: int = 0, service: str = VIEW) -> None:
    """Put counts into a store; ``ago`` is how many days back."""
    day = (TODAY - timedelta(days=ago)).isoformat()
    names = ("kind", "topic", "name", "count")
    given = [{"day": day, "service": service} | dict(zip(names, row, strict=True)) for row in rows]
    with store.line.engine.begin() as connection:
        connection.execute(insert(DAILY_COUNTS), given)
