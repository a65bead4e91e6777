"""Case tables: worked patients in a criterion file, and the facts that a row describes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cds_service.clinical.facts import Evidence, Facts, Finding, Occurrence
from cds_service.clinical.truth import Truth
from cds_service.clinical.windows import Since
from cds_service.content.problems import ContentError, Place, Problem

if TYPE_CHECKING:
    from typing import NoReturn

    from cds_service.content.nodes import Node

# Rows speak of days ago, so any day serves; noon keeps hours and days apart.
CASE_DAY = datetime(2026, 3, 17, 12, 0, tzinfo=UTC)
_DAY = timedelta(days=1)
_EXPECT = {"met": Truth.PRESENT, "not met": Truth.ABSENT, "cannot tell": Truth.UNKNOWN}
_OCCURRENCE = re.compile(
    r"(?:yes|(?P<value>\d+(?:\.\d+)?))"
    r"(?: (?:(?P<hours>\d+)h|(?P<days>\d+)d(?P<open>\+)?|(?P<first>\d+)d-(?P<last>\d+)d))?"
)


@dataclass(frozen=True, slots=True)
class Case:
    """One row: a patient in words, the facts, and the verdict a clinician expects."""

    name: str
    place: Place
    cells: tuple[tuple[str, str], ...]
    facts: Facts
    expect: Truth


def read_cases(node: Node, needs: tuple[str, ...]) -> tuple[Case, ...]:
    """Read a case table whose columns are exactly ``needs``. Raises ContentError."""
    lines = node.lines()
    header, place = (_split(lines[0][0]), lines[0][1]) if lines else ([], node.place)
    if header[:1] != ["case"] or header[-1:] != ["expect"] or sorted(header[1:-1]) != sorted(needs):
        _refuse(
            place,
            f"the columns are {', '.join(header) or 'none'}",
            "The table must show every finding that the rule asks for, and no other",
            f"Use: case | {' | '.join(needs)} | expect",
        )
    cases: dict[str, Case] = {}
    for line, at in lines[1:]:
        case = _row(line, at, header)
        if case.name in cases:
            _refuse(
                at,
                f"a second case is called {case.name!r} (the first is on line "
                f"{cases[case.name].place.line})",
                "A case is known by its name",
                "Say in the name what is different",
            )
        cases[case.name] = case
    return tuple(cases.values())


def _row(line: str, place: Place, header: list[str]) -> Case:
    cells = _split(line)
    if len(cells) != len(header):
        _refuse(
            place,
            f"{len(cells)} cells under {len(header)} columns",
            "A shifted row says something else",
            "Separate the cells by |, one for each column",
        )
    if cells[-1] not in _EXPECT:
        _refuse(
            place,
            f"{cells[-1]!r} is no verdict",
            "A row must say what a clinician expects",
            f"Use one of: {', '.join(_EXPECT)}",
        )
    named = dict(zip(header[1:-1], cells[1:-1], strict=True))
    findings = {name: read_cell(name, cell, place) for name, cell in named.items()}
    heard = {name: each for name, each in findings.items() if each is not None}
    return Case(
        name=cells[0],
        place=place,
        cells=tuple(named.items()),
        facts=Facts(as_of=CASE_DAY, findings=heard),
        expect=_EXPECT[cells[-1]],
    )


def read_cell(name: str, cell: str, place: Place) -> Finding | None:
    """Read one cell: `?`, `no`, `yes 3d`, `yes 5h`, `yes 40d-20d`, `yes 43d+`, `39.4 4d; 38 0d`."""
    if cell == "?":
        return None
    if cell == "no":
        return Finding(name, Truth.ABSENT, (Occurrence(None, None, Evidence(name, "no")),))
    occurrences = tuple(_occurrence(name, part.strip(), place) for part in cell.split(";"))
    return Finding(name, Truth.PRESENT, occurrences)


def _occurrence(name: str, text: str, place: Place) -> Occurrence:
    match = _OCCURRENCE.fullmatch(text)
    if not match:
        _refuse(
            place,
            f"{text!r} in the column {name} cannot be read",
            "A cell that is misread would test something else",
            "Use ?, no, yes, yes 3d, yes 5h, yes 40d-20d, yes 43d+ or 39.4 4d",
        )
    value = float(match["value"]) if match["value"] else None
    return Occurrence(_since(match), value, Evidence(name, text))


def _since(match: re.Match[str]) -> Since | None:
    if match["hours"]:
        instant = CASE_DAY - timedelta(hours=int(match["hours"]))
        return Since(instant, instant)
    if match["days"]:
        day = _midnight(int(match["days"]))
        return Since(None if match["open"] else day, day + _DAY - timedelta(seconds=1))
    if match["first"]:
        latest = _midnight(int(match["last"])) + _DAY - timedelta(seconds=1)
        return Since(_midnight(int(match["first"])), latest)
    return None


def _midnight(days_ago: int) -> datetime:
    return CASE_DAY.replace(hour=0) - days_ago * _DAY


def _refuse(place: Place, what: str, why: str, remedy: str) -> NoReturn:
    raise ContentError([Problem(place, what, why, remedy)])


def _split(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("|")]
