"""Restarts while calls come in: by signal, with sound content and with broken content."""

from __future__ import annotations

import shutil
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
import pytest

from benchmarks.records import hook_request
from tests.faults.callers import JSON, calling
from tests.records import SERVICE
from tests.test_serve import Running, refuse
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

BODY = orjson.dumps(hook_request(10))
CARDS = Path(__file__).parents[2] / "cards"


@pytest.fixture
def cards(tmp_path: Path) -> Path:
    """Return content of a site's own, which a test may break."""
    return Path(shutil.copytree(CARDS, tmp_path / "cards"))


@pytest.fixture
def service(tmp_path: Path, cards: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    # As it is installed: gunicorn starts the same file again, and a module's is none of its own.
    script = Path(sys.executable).with_name("cds-service")
    monkeypatch.setattr("tests.test_serve.COMMAND", [str(script)])
    running = Running(tmp_path / "log", "--workers", "2", CDS_CARDS=str(cards))
    yield running
    if running.process.poll() is None:
        running.stop()


def break_content(cards: Path) -> None:
    (cards / "orders.yaml").write_text("orders: [\n", encoding="utf-8")


def test_workers_are_replaced_and_no_call_is_lost(service: Running, cards: Path) -> None:
    """SIGHUP starts workers from what the main process holds; it reads nothing again."""
    break_content(cards)
    with calling([service.port], BODY, connections=8) as fates:
        until(lambda: fates.answered[200] > 20, "calls before")
        before = service.workers()
        service.process.send_signal(signal.SIGHUP)
        until(lambda: len(service.workers()) == 2 and replaced(service, before), "new workers")
        seen = fates.answered[200]
        until(lambda: fates.answered[200] > seen + 20, "calls with the new workers")
    assert set(fates.answered) == {200}
    assert (fates.refused, fates.closed, fates.cut) == (0, 0, 0)


def replaced(service: Running, before: list[int]) -> bool:
    return not set(service.workers()) & set(before)


def test_a_second_process_with_broken_content_does_not_start(service: Running, cards: Path) -> None:
    break_content(cards)
    ended = refuse("serve", "--bind", "127.0.0.1:0", CDS_CARDS=str(cards))
    assert ended.returncode == 2
    assert "orders.yaml" in ended.stderr
    assert "nothing was started" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert service.request("POST", SERVICE, BODY, JSON)[0] == 200


def test_an_upgrade_in_place_with_broken_content_leaves_the_old_one_serving(
    service: Running, cards: Path
) -> None:
    """SIGUSR2 starts another main process on the same port, which reads everything again."""
    break_content(cards)
    with calling([service.port], BODY, connections=4) as fates:
        service.process.send_signal(signal.SIGUSR2)
        until(lambda: "nothing was started" in service.log.read_text(), "the refusal")
        seen = fates.answered[200]
        until(lambda: fates.answered[200] > seen + 20, "calls after the refusal")
    assert set(fates.answered) == {200}
    assert (fates.refused, fates.closed, fates.cut) == (0, 0, 0)
    assert "orders.yaml" in service.log.read_text()
