"""What is wrong with the content: where, what, why it matters and what to do."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A line of a content file; ``file`` is relative to the content folder."""

    file: str
    line: int

    def __str__(self) -> str:
        """Return the place as editors and terminals link it."""
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing to mend."""

    place: Place
    what: str
    why: str
    remedy: str

    def __str__(self) -> str:
        """Return the problem in one line."""
        return f"{self.place}: {self.what}. {self.why}. {self.remedy}."


class ContentError(Exception):
    """The content cannot be used; ``problems`` lists everything that was found."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        """Keep the problems in the order of the files."""
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(str(problem) for problem in self.problems))


@contextmanager
def gathering(problems: list[Problem]) -> Iterator[None]:
    """Add what is wrong with a step to ``problems``, so that one run shows them all."""
    try:
        yield
    except ContentError as error:
        problems.extend(error.problems)


def stop_at(problems: list[Problem]) -> None:
    """Raise ContentError with what was gathered, if anything: what comes next builds on it."""
    if problems:
        raise ContentError(problems)
