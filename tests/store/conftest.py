"""Stores to test: each test that asks for `opened` runs on SQLite and on PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import create_engine, text

from cds_service.store.opening import open_store
from tests.cluster import Cluster, why_not
from tests.needs import need
from tests.store.calls import KEY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cds_service.store.store import Store


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    reason = why_not()
    need("postgres", str(reason), present=reason is None)
    started = Cluster()
    yield started
    started.remove()


@pytest.fixture
def postgres(cluster: Cluster) -> str:
    """Return the address of an empty database."""
    engine = create_engine(cluster.url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()
    return cluster.url


@pytest.fixture(params=["sqlite", "postgres"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/store.db"
    found: str = request.getfixturevalue("postgres")
    return found


@pytest.fixture
def opened(address: str, tmp_path: Path) -> Iterator[Store]:
    """Open a store whose upkeep the test does by hand."""
    store = open_store(address, key=KEY, spool=tmp_path / "spool", attended=False)
    yield store
    store.close()
