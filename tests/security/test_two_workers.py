"""Two workers of one service: what the one let in, the other does not let in again."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.processes import resume, suspend
from tests.signing import PUBLIC_URL, claims, signer, write_clients
from tests.test_serve import Running
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "service.db"


@pytest.fixture
def running(tmp_path: Path, store: Path) -> Iterator[Running]:
    running = Running(
        tmp_path / "log",
        "--workers",
        "2",
        CDS_CLIENTS=str(write_clients(tmp_path)),
        CDS_PUBLIC_URL=PUBLIC_URL,
        CDS_DATABASE_URL=f"sqlite:///{store}",
    )
    yield running
    running.stop()


def stands_still(worker: int, store: Path) -> bool:
    """Stop a worker, and tell whether it stopped where the others can go on: not as it writes."""
    suspend(worker)
    with closing(sqlite3.connect(store, timeout=0, isolation_level=None)) as database:
        try:
            database.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            resume(worker)
            return False
    return True


def asked_of_one(running: Running, other: int, store: Path, token: str) -> int:
    """Return what is answered while the other worker stands still."""
    until(lambda: stands_still(other, store), "the other worker to stand still")
    try:
        headers = {"Authorization": f"Bearer {token}"}
        status, _, _ = running.request("GET", "/cds-services", headers=headers)
        return status
    finally:
        resume(other)


def test_a_token_that_one_worker_saw_is_refused_by_the_other(running: Running, store: Path) -> None:
    until(lambda: len(running.workers()) == 2, "two workers")
    one, other = running.workers()
    used, fresh = (
        signer().sign(claims(time.time(), aud=f"{PUBLIC_URL}/cds-services", jti=jti))
        for jti in ("used", "fresh")
    )
    assert asked_of_one(running, other, store, used) == 200
    assert asked_of_one(running, one, store, used) == 401
    assert asked_of_one(running, one, store, fresh) == 200
    log = running.log.read_text()
    assert "(replayed): it was used before" in log
