"""How long answers take: what a bucket of calls says, and percentiles estimated from buckets."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cds_service.counts import EDGES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cds_service.counts import Count


@dataclass(frozen=True, slots=True)
class Bucket:
    """Calls that took longer than ``above`` and at most ``upto`` seconds."""

    above: float
    upto: float
    count: int

    @property
    def label(self) -> str:
        """Return the bounds in words."""
        if math.isinf(self.upto):
            return f"over {in_words(self.above)}"
        return (
            f"{in_words(self.above)} to {in_words(self.upto)}"
            if self.above
            else (f"up to {in_words(self.upto)}")
        )


def in_words(seconds: float) -> str:
    """Return a time as people write it: milliseconds below a second."""
    return f"{seconds:g} s" if seconds >= 1 else f"{seconds * 1000:.3g} ms"


def buckets(counts: Iterable[Count]) -> list[Bucket]:
    """Return all buckets in order, the empty ones too."""
    counted: Counter[float] = Counter()
    for each in counts:
        counted[float(each.name)] += each.count
    edges = sorted({*EDGES, math.inf, *counted})
    return [
        Bucket(above, upto, counted[upto])
        for above, upto in zip((0.0, *edges), edges, strict=False)  # the last has none above it
    ]


def percentile(share: float, found: Sequence[Bucket]) -> float | None:
    """Estimate the seconds within which a share of the calls was answered.

    Calls are taken to lie evenly in their bucket. What lies beyond the last edge is that edge: it
    was longer, and nobody knows by how much. None where there was no call.
    """
    whole = sum(each.count for each in found)
    wanted, before = share * whole, 0
    for each in found:
        if each.count and before + each.count >= wanted:
            if math.isinf(each.upto):
                return each.above
            return each.above + (each.upto - each.above) * (wanted - before) / each.count
        before += each.count
    return None
