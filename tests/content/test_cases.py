"""What a cell of a case table says."""

from __future__ import annotations

from datetime import datetime

import pytest

from cds_service.clinical.truth import Truth
from cds_service.clinical.windows import Since
from cds_service.content.cases import CASE_DAY, read_cell
from cds_service.content.problems import ContentError, Place

PLACE = Place("criteria/E01-leak.yaml", 20)


def since(earliest: str | None, latest: str) -> Since:
    return Since(moment(earliest) if earliest else None, moment(latest))


def moment(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-{text}+00:00")


# The cases are judged at noon on 17 March 2026.
CELLS = {
    "yes": [(None, None)],
    "yes 0d": [(None, since("03-17T00:00", "03-17T23:59:59"))],
    "yes 3d": [(None, since("03-14T00:00", "03-14T23:59:59"))],
    "yes 5h": [(None, since("03-17T07:00", "03-17T07:00"))],
    "yes 20d-3d": [(None, since("02-25T00:00", "03-14T23:59:59"))],
    "yes 43d+": [(None, since(None, "02-02T23:59:59"))],
    "39.4": [(39.4, None)],
    "3 0d": [(3.0, since("03-17T00:00", "03-17T23:59:59"))],
    "39.4 4d; 38.5 0d": [
        (39.4, since("03-13T00:00", "03-13T23:59:59")),
        (38.5, since("03-17T00:00", "03-17T23:59:59")),
    ],
}


@pytest.mark.parametrize("cell", CELLS)
def test_what_is_there(cell: str) -> None:
    finding = read_cell("leak", cell, PLACE)
    assert finding is not None
    assert finding.state is Truth.PRESENT
    assert [(each.value, each.since) for each in finding.occurrences] == CELLS[cell]
    assert [each.evidence.says for each in finding.occurrences] == cell.split("; ")


def test_what_was_not_asked_is_not_heard_of() -> None:
    assert read_cell("leak", "?", PLACE) is None


def test_what_was_denied_is_absent() -> None:
    finding = read_cell("leak", "no", PLACE)
    assert finding is not None
    assert finding.state is Truth.ABSENT


@pytest.mark.parametrize(
    "cell",
    ["", "Yes", "yes 3", "yes 3 d", "3d", "yes -3d", "no 3d", "39,4", "yes;", "yes 3d-", "??"],
)
def test_what_cannot_be_read(cell: str) -> None:
    with pytest.raises(ContentError, match=r"E01-leak\.yaml:20: .* in the column leak cannot be"):
        read_cell("leak", cell, PLACE)


def test_noon_keeps_hours_and_days_apart() -> None:
    assert CASE_DAY.hour == 12
