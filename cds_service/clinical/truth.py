"""What is known of a statement: absent, unknown or present (strong Kleene logic)."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterable


class Truth(Enum):
    """Absent, unknown or present; ``UNKNOWN`` is an answer of its own, never a soft no."""

    ABSENT = 0
    UNKNOWN = 1
    PRESENT = 2

    # There is one of each. Enum's own hash is by name, in Python, and verdicts are kept by truth.
    __hash__ = object.__hash__

    def __bool__(self) -> NoReturn:
        """Refuse to be used as a yes or no, which would turn unknown into one of them."""
        msg = (
            f"{self} cannot be read as yes or no: compare with `is Truth.PRESENT`, "
            "`is Truth.ABSENT` or `is Truth.UNKNOWN`, so that unknown is decided on purpose."
        )
        raise TypeError(msg)

    def negated(self) -> Truth:
        """Present and absent change places; unknown stays unknown."""
        if self is Truth.UNKNOWN:
            return Truth.UNKNOWN
        return Truth.PRESENT if self is Truth.ABSENT else Truth.ABSENT

    def and_(self, other: Truth) -> Truth:
        """Return the lesser of the two: a chain is as strong as its weakest link."""
        if self is Truth.ABSENT or other is Truth.PRESENT:
            return self
        return other


def all_of(truths: Iterable[Truth]) -> Truth:
    """Present if every one is, absent as soon as one is, else unknown."""
    result = Truth.PRESENT
    for truth in truths:
        if truth is Truth.ABSENT:
            return Truth.ABSENT
        if truth is Truth.UNKNOWN:
            result = Truth.UNKNOWN
    return result


def any_of(truths: Iterable[Truth]) -> Truth:
    """Present as soon as one is, absent if every one is, else unknown."""
    result = Truth.ABSENT
    for truth in truths:
        if truth is Truth.PRESENT:
            return Truth.PRESENT
        if truth is Truth.UNKNOWN:
            result = Truth.UNKNOWN
    return result


def at_least(count: int, truths: Iterable[Truth]) -> Truth:
    """Present if ``count`` of them are, absent if that can no longer be, else unknown."""
    known = list(truths)
    present = sum(truth is Truth.PRESENT for truth in known)
    if present >= count:
        return Truth.PRESENT
    open_ended = sum(truth is Truth.UNKNOWN for truth in known)
    return Truth.UNKNOWN if present + open_ended >= count else Truth.ABSENT
