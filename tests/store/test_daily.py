"""Counts are read as they stand: summed over services or for one, in every length of time."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from cds_service.counts import Count, Kind
from cds_service.journal import UnreachableError
from tests.insight.counting import SIGN, TODAY, VIEW, count

if TYPE_CHECKING:
    from cds_service.store.store import Store


def test_nothing_was_counted(opened: Store) -> None:
    assert opened.counts.span() is None
    assert opened.counts.read(Kind.CARD, [TODAY], None) == []
    assert opened.counts.read(Kind.CARD, [], None) == []


def test_services_are_summed_or_told_apart(opened: Store) -> None:
    count(opened, ("card", "review", "info", 2), ("call", "", "judged", 5))
    count(opened, ("card", "review", "info", 3), service=SIGN)
    counts, days = opened.counts, [TODAY]
    assert counts.read(Kind.CARD, days, None) == [Count(TODAY, "review", "info", 5)]
    assert counts.read(Kind.CARD, days, VIEW) == [Count(TODAY, "review", "info", 2)]
    assert counts.read(Kind.CARD, days, "back-pain-order-select") == []


def test_a_year_is_read_in_the_order_of_its_days(opened: Store) -> None:
    for ago in (0, 40, 364, 365):
        count(opened, ("call", "", "judged", ago + 1), ago=ago)
    days = [TODAY - timedelta(days=ago) for ago in reversed(range(365))]
    found = opened.counts.read(Kind.CALL, days, None)
    assert [each.count for each in found] == [365, 41, 1]
    assert found[0].day == days[0]
    assert opened.counts.span() == (TODAY - timedelta(days=365), TODAY)


def test_large_sums_are_whole_numbers(opened: Store) -> None:
    count(opened, ("call", "", "judged", 2**40))
    count(opened, ("call", "", "judged", 2**40), service=SIGN)
    (found,) = opened.counts.read(Kind.CALL, [TODAY], None)
    assert found.count == 2**41
    assert type(found.count) is int


def test_a_store_that_is_away_is_said(opened: Store) -> None:
    opened.line.up = False
    with pytest.raises(UnreachableError):
        opened.counts.span()
    with pytest.raises(UnreachableError):
        opened.counts.read(Kind.CALL, [TODAY], None)
