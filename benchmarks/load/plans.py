"""What a run of the load test covers, and about how long it takes."""

from __future__ import annotations

from dataclasses import dataclass

VIEW = "back-pain-patient-view"
SIGN = "back-pain-order-sign"
DISCHARGE = "back-pain-encounter-discharge"
WORKERS = 2


@dataclass(frozen=True, slots=True)
class Plan:
    """Hooks, sizes and connections of the table, and how often and how long each is measured.

    ``cell`` and ``round`` are in whole seconds; ``minutes`` is what all of it takes.
    """

    services: tuple[str, ...]
    sizes: tuple[int, ...]
    connections: tuple[int, ...]
    cell: int
    rounds: int
    round: int
    starts: int
    minutes: float


FULL = Plan((VIEW, SIGN, DISCHARGE), (10, 40, 200), (1, 4, 16, 64), 2, 7, 4, 7, 7)
QUICK = Plan((VIEW,), (10, 40, 200), (1, 16), 2, 3, 3, 3, 2.5)
