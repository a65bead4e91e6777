"""Prints the CPU time of each report of the page of insight, over a year of a million decisions.

`python -m benchmarks.insight 100000` takes fewer: what is read is counts, which hardly become less.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.seed import DAYS, seed
from cds_service.app import create_app
from cds_service.content.load import load
from cds_service.insight.asked import Asked
from cds_service.insight.period import Period
from cds_service.insight.reports import REPORTS
from cds_service.insight.words import Words
from cds_service.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from cds_service.insight.report import Report
    from cds_service.store.store import Store

_RUNS = 5
_MANY = 1_000_000


def main(decisions: int = _MANY) -> None:
    """Measure each report, and the page with all of them."""
    words, today = Words(load()), datetime.now(UTC)
    period = Period((today - timedelta(days=DAYS - 1)).date(), today.date())
    with tempfile.TemporaryDirectory(dir=".") as folder:
        address = f"sqlite:///{folder}/seeded.db"
        seed(address, decisions, until=today)
        app = create_app(Settings(database=address))
        store: Store = app.extensions["journal"]
        print(f"insight: {DAYS} days of {decisions} decisions in SQLite (aim: below 2 s)")
        for name, build in REPORTS.items():
            print(f"  {name:12} {_cpu(partial(_report, build, store, period, words)):6.2f} s")
        browser = app.test_client()
        print(f"  {'the page':12} {_cpu(lambda: browser.get(f'/insight?days={DAYS}')):6.2f} s\n")
        store.close()


def _report(build: Callable[[Asked], Report], store: Store, period: Period, words: Words) -> Report:
    return build(Asked(store.counts, period, words))


def _cpu(call: Callable[[], object]) -> float:
    """Return the CPU time of one call in seconds."""
    times = []
    for _ in range(_RUNS):
        before = time.process_time()
        call()
        times.append(time.process_time() - before)
    return statistics.median(times)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
