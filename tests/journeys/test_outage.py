"""The database stops and comes back under load: no wrong answer, nothing that was kept is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cds_service.samples import samples
from tests.cluster import Cluster, why_not
from tests.logged import leaked
from tests.needs import need
from tests.outage import SAMPLE, Outage
from tests.waiting import free_port

if TYPE_CHECKING:
    from pathlib import Path

CALLS = 1_000  # `make soak` makes 20,000


def test_a_database_that_stops_and_comes_back(tmp_path: Path) -> None:
    reason = why_not()
    need("postgres", str(reason), present=reason is None)
    cluster = Cluster()
    try:
        outage = Outage(tmp_path, cluster, free_port())
        try:
            outage.run(CALLS)
            found = outage.found()
        finally:
            outage.stop()
    finally:
        cluster.remove()
    told = outage.told
    assert told.wrong == []
    assert set(told.calls) == {200}
    assert set(told.feedback) == {200, 503}, "some of it was away, and said so"
    assert set(told.kept) <= found.feedback
    assert set(told.cards) <= found.cards
    assert found.decisions == sum(told.calls.values()) + 1
    assert "Traceback" not in outage.log.read_text()
    assert leaked(outage.log.read_text(), samples()[SAMPLE].bundle) == set()
