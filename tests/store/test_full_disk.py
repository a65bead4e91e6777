"""A disk that is full: cards go out, what is lost is counted, and room mends it by itself."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cds_service import metrics
from cds_service.journal import UnreachableError
from cds_service.store import spool as spool_module
from cds_service.store.opening import open_store
from cds_service.store.tables import DAILY_COUNTS, DECISIONS
from tests.store.calls import KEY, feedback, judged, rows
from tests.store.test_away import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cds_service.store.store import Store

SIZE = 8 * spool_module.MIB
# So much may be left of the disk when nothing more can be kept on it.
CRUMBS = 4096


@contextmanager
def mounted(folder: Path) -> Iterator[None]:
    """Mount a small file system of its own. The test is skipped where that is not allowed."""
    asked = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)]
    tried = subprocess.run(asked, capture_output=True, check=False)
    if tried.returncode != 0:
        pytest.skip(f"mounting a tmpfs takes root: {tried.stderr.decode().strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def disk() -> Iterator[Path]:
    if os.getuid() != 0:
        pytest.skip("mounting a tmpfs takes root")
    with tempfile.TemporaryDirectory() as folder, mounted(Path(folder)):
        yield Path(folder)


def fill(disk: Path) -> Path:
    """Take what is left of a disk."""
    ballast = disk / "ballast"
    with ballast.open("ab", buffering=0) as stream:
        for size in (SIZE // 8, CRUMBS, 1):
            try:
                while True:
                    stream.write(b"-" * size)
            except OSError:
                continue
    return ballast


@pytest.mark.parametrize("durable", [True, False], ids=["full", "normal"])
def test_calls_are_lost_while_the_disk_is_full_and_kept_again_afterwards(
    disk: Path, caplog: pytest.LogCaptureFixture, *, durable: bool
) -> None:
    store = open_store(f"sqlite:///{disk}/store.db", key=KEY, durable=durable, attended=False)
    lost = counted(metrics.LOST)
    store.judged(judged())
    store.tend()
    ballast = fill(disk)
    _until_nothing_is_kept(store)
    gone = int(counted(metrics.LOST) - lost)
    assert gone > 0
    assert store.health().lost == gone
    assert "are lost: neither the database nor the spool took it" in caplog.text
    with pytest.raises(UnreachableError):
        store.feedback([feedback("c")])
    # It stays away as long as nothing can be written, and says so once.
    for _ in range(3):
        store.tend()
        assert not store.health().keeping
    assert caplog.text.count("the store is away") == 1
    assert "the store is back" not in caplog.text
    ballast.unlink()
    store.tend()
    store.tend()
    health = store.health()
    assert (health.reachable, health.spooled, health.keeping) == (True, 0, True)
    store.judged(judged())
    store.tend()
    kept = len(rows(store, DECISIONS))
    calls = [row["count"] for row in rows(store, DAILY_COUNTS) if row["kind"] == "call"]
    assert calls == [kept]
    store.close()


def _until_nothing_is_kept(store: Store) -> None:
    """Call until the last corner of the disk is full; no call raises."""
    for _ in range(1000):
        store.judged(judged())
        store.tend()
        health = store.health()
        if health.lost:
            assert not health.keeping
            return
    pytest.fail("a full disk keeps calls")


FILLER = """
import resource, sys
from cds_service.store.opening import open_store
from tests.store.calls import KEY, judged
from tests.store.test_full_disk import CRUMBS
store = open_store(sys.argv[1], key=KEY, durable=False, attended=False)
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (CRUMBS, resource.RLIM_INFINITY))
for _ in range(20):
    store.judged(judged())
    store.tend()
away = store.health()
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
store.tend()
store.tend()
back = store.health()
store.judged(judged())
store.close()
print(away.reachable, away.spooled + away.lost, back.reachable, back.spooled)
"""


def test_files_that_may_not_grow(tmp_path: Path) -> None:
    """The limit on the size of files stands for a quota: the disk has room, but not for us."""
    ran = subprocess.run(
        [sys.executable, "-c", FILLER, f"sqlite:///{tmp_path}/store.db"],
        capture_output=True,
        text=True,
        check=True,
    )
    away, waited, back, spooled = ran.stdout.split()
    assert (away, back, spooled) == ("False", "True", "0")
    assert int(waited) > 0
    assert ran.stderr.count("the store is away") == 1
    assert ran.stderr.count("the store is back") == 1
    assert "Traceback" not in ran.stderr
