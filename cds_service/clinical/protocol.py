"""What is asked of the facts: criteria, the courses they call for, and remarks on the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from cds_service.clinical.rules import Rule

if TYPE_CHECKING:
    from collections.abc import Iterable


class Place(StrEnum):
    """What becomes of a course while a danger is met, or not answered."""

    SHOWN = "shown"
    CONDITIONAL = "conditional"
    LEFT_OUT = "left out"


@dataclass(frozen=True)
class Criterion:
    """A rule and the course it calls for.

    ``images`` are the kinds of imaging orders that it names, ``images_in_pregnancy`` those that
    it names where radiation is to be spared.
    """

    id: str
    course: str
    rule: Rule
    images: frozenset[str] = frozenset()
    images_in_pregnancy: frozenset[str] = frozenset()
    needs: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Work out once which findings the rule asks for."""
        object.__setattr__(self, "needs", frozenset(self.rule.needs()))


@dataclass(frozen=True, slots=True)
class Course:
    """A course of action: its card's topic and indicator, and how dangers change it.

    ``danger`` marks emergency and same-day courses, ``alone`` one that is shown without others.
    ``on_signing`` is its indicator where orders are about to be signed, if that is another.
    """

    id: str
    topic: str
    indicator: str
    danger: bool = False
    alone: bool = False
    while_danger: Place = Place.SHOWN
    while_unanswered: Place = Place.SHOWN
    on_signing: str | None = None


@dataclass(frozen=True, slots=True)
class Remark:
    """A sentence added while its rule holds: to every card, or to the first of ``on`` shown.

    While the rule of one with ``spares_radiation`` holds, no X-ray or CT is suggested.
    """

    id: str
    rule: Rule
    on: tuple[str, ...] | None
    unless_danger: bool = False
    spares_radiation: bool = False


@dataclass(frozen=True, eq=False)
class Protocol:
    """All criteria of one profile, and how their verdicts are put together.

    ``courses`` stand in order of rank, the most urgent first; ``check`` is the course that asks
    what is unanswered, beginning with the criteria in ``ask_first``; ``unsupported`` answers an
    imaging order that no criterion supports. ``gate`` opens or shuts the whole, ``shut_by`` is a
    finding that shuts it. ``digest`` names the content it came from.
    Two protocols are the same only if they are one object.
    """

    profile: str
    digest: str
    gate: Criterion
    shut_by: str
    criteria: tuple[Criterion, ...]
    courses: Mapping[str, Course]
    check: str
    ask_first: tuple[str, ...]
    remarks: tuple[Remark, ...] = ()
    unsupported: str | None = None

    # What follows from these, worked out once.
    # The ids of the criteria, in their order.
    ids: tuple[str, ...] = field(init=False, repr=False)
    # The places of the emergency and same-day criteria, in the order to ask.
    dangers: tuple[int, ...] = field(init=False, repr=False)
    # The places of the criteria that only count when every danger is denied.
    reassuring: tuple[int, ...] = field(init=False, repr=False)
    # The places of the criteria that support an imaging order when they are met: every emergency
    # and same-day one, and every other that names an image.
    # Source: docs/decisions/0014-which-card-on-which-hook.md.
    supporting: tuple[int, ...] = field(init=False, repr=False)
    by_id: Mapping[str, Criterion] = field(init=False, repr=False)
    # For each finding, the places of the criteria that ask for it.
    asking: dict[str, tuple[int, ...]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Work out what is looked up for every patient."""
        for name, value in (
            ("ids", tuple([criterion.id for criterion in self.criteria])),
            ("dangers", self._dangers()),
            ("reassuring", self._reassuring()),
            ("by_id", {criterion.id: criterion for criterion in self.criteria}),
            ("asking", self._asking()),
        ):
            object.__setattr__(self, name, value)
        object.__setattr__(self, "supporting", self._supporting())

    def touched(self, findings: Iterable[str]) -> set[int]:
        """Return the places of the criteria that ask for any of these findings."""
        asking, touched = self.asking, set[int]()
        for name in findings:
            touched.update(asking.get(name, ()))
        return touched

    def _dangers(self) -> tuple[int, ...]:
        first = {name: rank for rank, name in enumerate(self.ask_first)}
        places = [
            place
            for place, criterion in enumerate(self.criteria)
            if self.courses[criterion.course].danger
        ]
        return tuple(sorted(places, key=lambda at: first.get(self.criteria[at].id, len(first))))

    def _reassuring(self) -> tuple[int, ...]:
        return tuple(
            place
            for place, criterion in enumerate(self.criteria)
            if self.courses[criterion.course].while_unanswered is Place.LEFT_OUT
        )

    def _supporting(self) -> tuple[int, ...]:
        others = (
            place
            for place, criterion in enumerate(self.criteria)
            if criterion.images and place not in self.dangers
        )
        return (*self.dangers, *others)

    def images_named(self, criteria: Iterable[str], *, spare_radiation: bool) -> frozenset[str]:
        """Return the kinds of imaging orders that any of these criteria names."""
        named = [self.by_id[name] for name in criteria]
        return frozenset[str]().union(
            *(each.images_in_pregnancy if spare_radiation else each.images for each in named)
        )

    def is_emergency(self, criterion: str) -> bool:
        """Tell whether a criterion calls for the course that is shown without others."""
        return self.courses[self.by_id[criterion].course].alone

    def _asking(self) -> dict[str, tuple[int, ...]]:
        asking: dict[str, list[int]] = {}
        for place, criterion in enumerate(self.criteria):
            for name in criterion.needs:
                asking.setdefault(name, []).append(place)
        return {name: tuple(places) for name, places in asking.items()}
