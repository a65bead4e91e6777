"""What buckets say of the time to answer."""

from __future__ import annotations

import math
from datetime import date

import pytest

from cds_service.counts import EDGES, Count
from cds_service.insight.latency import Bucket, buckets, in_words, percentile

TODAY = date(2026, 11, 20)

PERCENTILES = {
    "no call": ({}, 0.5, None),
    "in the middle of the first": ({0.001: 10}, 0.5, 0.0005),
    "at the end of the first": ({0.001: 5, 0.1: 5}, 0.5, 0.001),
    "in another": ({0.001: 5, 0.1: 5}, 0.75, 0.075),
    "empty ones are passed over": ({0.1: 10}, 0.5, 0.075),
    "beyond the last edge": ({0.01: 1, math.inf: 99}, 0.95, 30.0),
    "all of them": ({0.01: 1, 0.1: 1}, 1.0, 0.1),
    "one call": ({0.001: 1}, 0.95, 0.00095),
}


@pytest.mark.parametrize(("counted", "share", "seconds"), PERCENTILES.values(), ids=PERCENTILES)
def test_a_percentile_is_estimated(
    counted: dict[float, int], share: float, seconds: float | None
) -> None:
    assert percentile(
        share, buckets([Count(TODAY, "", str(edge), count) for edge, count in counted.items()])
    ) == pytest.approx(seconds)


def test_there_is_no_percentile_without_buckets() -> None:
    assert percentile(0.5, ()) is None


def test_a_bucket_that_is_no_longer_counted_into_has_its_place() -> None:
    found = buckets([Count(TODAY, "", "0.02", 3)])
    (used,) = [each for each in found if each.count]
    assert (used.above, used.upto) == (0.01, 0.02)
    assert len(found) == len(EDGES) + 2


LABELS = {
    "up to 10 ms": Bucket(0.0, 0.01, 1),
    "2.5 ms to 10 ms": Bucket(0.0025, 0.01, 1),
    "500 ms to 1 s": Bucket(0.5, 1.0, 1),
    "over 2.5 s": Bucket(2.5, math.inf, 1),
}


@pytest.mark.parametrize(("label", "bucket"), LABELS.items(), ids=LABELS)
def test_a_bucket_is_said_in_words(label: str, bucket: Bucket) -> None:
    assert bucket.label == label


def test_a_time_is_rounded() -> None:
    assert in_words(0.0123456) == "12.3 ms"
