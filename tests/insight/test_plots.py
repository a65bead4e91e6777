"""The shapes of plots."""

from __future__ import annotations

import pytest

from cds_service.insight.plots import Bar, bars, columns, curves


def test_a_bar_has_its_parts_side_by_side() -> None:
    found = bars([("solid", 1), ("hatched", 0), ("hollow", 3)], 4)
    assert found == (Bar("solid", 0.0, 25.0), Bar("hollow", 25.0, 75.0))


def test_a_bar_of_nothing_is_empty() -> None:
    assert bars([("solid", 0)], 0) == ()


def test_columns_stand_on_zero_and_reach_their_top() -> None:
    found = columns([2, 0, 4])
    assert found.path == "M0,100V50.0H1V100.0H2V0.0H3V100Z"
    assert (found.width, found.top) == (3, 4)


def test_columns_of_nothing_lie_flat() -> None:
    assert columns([0, 0]).path == "M0,100V100H1V100H2V100Z"


def test_a_curve_breaks_where_there_is_no_value() -> None:
    found = curves([("p50", "solid", [50.0, 100.0, None, 25.0]), ("p95", "dashed", [None] * 4)])
    half, most = found.curves
    assert half.strokes == ["0.5,50.0 1.5,0.0", "3.1,75.0 3.9,75.0"]
    assert most.strokes == []
    assert (found.width, found.top) == (4, 100.0)


@pytest.mark.parametrize(
    ("value", "top"),
    [(0.0, 1.0), (0.04, 0.05), (1.0, 1.0), (1.1, 2.0), (6.0, 10.0), (180.0, 200.0)],
)
def test_a_scale_ends_at_a_round_number(value: float, top: float) -> None:
    assert curves([("", "solid", [value])]).top == pytest.approx(top)
