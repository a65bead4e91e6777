"""Two workers of one service: what the one let in, the other does not let in again."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.signing import PUBLIC_URL, claims, signer, write_clients
from tests.test_serve import Running

if TYPE_CHECKING:
    from collections.abc import Iterator

WAIT = 60


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    running = Running(
        tmp_path / "log",
        "--workers",
        "2",
        CDS_CLIENTS=str(write_clients(tmp_path)),
        CDS_PUBLIC_URL=PUBLIC_URL,
        CDS_DATABASE_URL=f"sqlite:///{tmp_path / 'service.db'}",
    )
    yield running
    running.stop()


def workers_of(running: Running) -> list[int]:
    master = running.process.pid
    children = Path(f"/proc/{master}/task/{master}/children")
    until = time.monotonic() + WAIT
    while len(found := children.read_text().split()) < 2 and time.monotonic() < until:
        time.sleep(0.05)
    return [int(each) for each in found]


def asked_of_one(running: Running, other: int, token: str) -> int:
    """Return what is answered while the other worker stands still."""
    os.kill(other, signal.SIGSTOP)
    try:
        headers = {"Authorization": f"Bearer {token}"}
        status, _, _ = running.request("GET", "/cds-services", headers=headers)
        return status
    finally:
        os.kill(other, signal.SIGCONT)


def test_a_token_that_one_worker_saw_is_refused_by_the_other(running: Running) -> None:
    one, other = workers_of(running)
    used, fresh = (
        signer().sign(claims(time.time(), aud=f"{PUBLIC_URL}/cds-services", jti=jti))
        for jti in ("used", "fresh")
    )
    assert asked_of_one(running, other, used) == 200
    assert asked_of_one(running, one, used) == 401
    assert asked_of_one(running, one, fresh) == 200
    log = running.log.read_text()
    assert "(replayed): it was used before" in log
