"""Sentence tables: what a clinician may type, and which findings it should say or deny."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cds_service.content.problems import ContentError, Place, Problem

if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import NoReturn

    from cds_service.content.nodes import Node

_HEADER = ["sentence", "fires", "denied"]
_NOTHING = "-"


@dataclass(frozen=True, slots=True)
class Sentence:
    """One row: a typed sentence, the findings that it says, and those that it denies."""

    text: str
    place: Place
    fires: frozenset[str]
    denied: frozenset[str]


def read_sentences(node: Node, findings: Collection[str]) -> tuple[Sentence, ...]:
    """Read a file of sentences. Raises ContentError with the line of the row."""
    fields = node.fields(required=("sentences",))
    lines = fields["sentences"].lines()
    header, place = (_split(lines[0][0]), lines[0][1]) if lines else ([], node.place)
    if header != _HEADER:
        _refuse(
            place,
            f"the columns are {', '.join(header) or 'none'}",
            "A shifted table would expect something else",
            f"Use: {' | '.join(_HEADER)}",
        )
    return tuple(_row(line, at, findings) for line, at in lines[1:])


def refuse_twice(sentences: tuple[Sentence, ...]) -> None:
    """Refuse a sentence that stands in two rows. Raises ContentError."""
    seen: dict[str, Sentence] = {}
    for each in sentences:
        first = seen.setdefault(each.text.casefold(), each)
        if first is not each:
            _refuse(
                each.place,
                f"the sentence {each.text!r} stands twice (the first is at {first.place})",
                "It would be counted twice, and the two may expect different things",
                "Keep one of them",
            )


def _row(line: str, place: Place, findings: Collection[str]) -> Sentence:
    cells = _split(line)
    if len(cells) != len(_HEADER) or not all(cells):
        _refuse(
            place,
            f"{sum(map(bool, cells))} filled cells where there should be {len(_HEADER)}",
            "A shifted row expects something else",
            f"Write: sentence | findings it says | findings it denies; {_NOTHING} for none",
        )
    fires, denied = (_names(cell, place, findings) for cell in cells[1:])
    both = sorted(fires & denied)
    if both:
        _refuse(
            place,
            f"{', '.join(both)} stands in both columns",
            "A sentence that says a finding does not deny it as well",
            "Keep it in one of them",
        )
    return Sentence(cells[0], place, fires, denied)


def _names(cell: str, place: Place, findings: Collection[str]) -> frozenset[str]:
    if cell == _NOTHING:
        return frozenset()
    names = [name.strip() for name in cell.split(",")]
    for name in names:
        if name not in findings:
            _refuse(
                place,
                f"unknown finding {name!r}",
                "The row could never be right",
                "Use the name of a finding in findings/",
            )
    return frozenset(names)


def _refuse(place: Place, what: str, why: str, remedy: str) -> NoReturn:
    raise ContentError([Problem(place, what, why, remedy)])


def _split(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("|")]
