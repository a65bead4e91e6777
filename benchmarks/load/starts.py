"""How long a start takes to its first card, beside the floor's to its first answer."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

import orjson

from benchmarks import servers
from benchmarks.load.tables import Verdicts, table
from benchmarks.records import hook_request

if TYPE_CHECKING:
    from benchmarks.load.plans import Plan

_WITHIN = 3.0  # seconds


def show(plan: Plan, workers: int, migrated: str, verdicts: Verdicts) -> None:
    """Start both in turn, the service on a database that has its tables already."""
    body = orjson.dumps(hook_request(40))
    bare, ours = [], []
    for _ in range(plan.starts):
        with servers.floor(body, workers) as floor:
            bare.append(floor.first_answer)
        with servers.service(body, {"CDS_DATABASE_URL": migrated}, workers=workers) as service:
            ours.append(service.first_answer)
    print(f"### Start: median of {plan.starts}, {workers} workers, the tables there already\n")
    table(
        ("", "seconds", "from", "to"),
        [
            (name, f"{median(each):.2f}", f"{min(each):.2f}", f"{max(each):.2f}")
            for name, each in (("floor to first answers", bare), ("service to first cards", ours))
        ],
    )
    verdicts.add(
        "start to first card",
        f"within {_WITHIN:.0f} s",
        f"{median(ours):.2f} s, the floor {median(bare):.2f} s",
        holds=median(ours) <= _WITHIN,
    )
