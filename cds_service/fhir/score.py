"""How the reader of text does on a table of sentences: precision, recall, and every miss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cds_service.clinical.windows import Since, zone_of
from cds_service.content.cases import CASE_DAY
from cds_service.content.sentences import Sentence
from cds_service.fhir.mentions import NEGATED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cds_service.fhir.text import TextReader

AIM = 0.95
_WRITTEN = Since(CASE_DAY, CASE_DAY)


@dataclass(frozen=True, slots=True)
class Tally:
    """How many findings were read as expected, read too many, and missed."""

    right: int
    extra: int
    missed: int

    @property
    def precision(self) -> float:
        """Return which part of what was read was expected."""
        return self.right / (self.right + self.extra) if self.right + self.extra else 1.0

    @property
    def recall(self) -> float:
        """Return which part of what was expected was read."""
        return self.right / (self.right + self.missed) if self.right + self.missed else 1.0

    def __str__(self) -> str:
        """Return both as a line of a report."""
        return (
            f"precision {self.precision:.3f}, recall {self.recall:.3f} "
            f"({self.right} right, {self.extra} too many, {self.missed} missed)"
        )


@dataclass(frozen=True, slots=True)
class Miss:
    """A sentence that is not read as expected, and where the two differ."""

    sentence: Sentence
    differences: tuple[str, ...]

    def __str__(self) -> str:
        """Return the miss in one line."""
        return f"{self.sentence.place}: “{self.sentence.text}”: {'; '.join(self.differences)}"


@dataclass(frozen=True, slots=True)
class Score:
    """What came of a table: said and denied findings, each with its tally, and the misses."""

    sentences: int
    said: Tally
    denied: Tally
    misses: tuple[Miss, ...]

    @property
    def passes(self) -> bool:
        """Tell whether all four figures reach the aim."""
        figures = (each for tally in (self.said, self.denied) for each in _figures(tally))
        return all(each >= AIM for each in figures)

    def lines(self) -> Iterator[str]:
        """Yield the report: the figures, then every miss."""
        yield f"{self.sentences} sentences"
        yield f"said:   {self.said}"
        yield f"denied: {self.denied}"
        yield f"{len(self.misses)} not read as expected{':' if self.misses else ''}"
        for miss in self.misses:
            yield f"  {miss}"


def score(reader: TextReader, sentences: Iterable[Sentence]) -> Score:
    """Read every sentence, as if written on one fixed day, and compare."""
    rows = [(each, *_read(reader, each.text)) for each in sentences]
    return Score(
        len(rows),
        _tally((each.fires, said) for each, said, _ in rows),
        _tally((each.denied, denied) for each, _, denied in rows),
        tuple(
            Miss(each, differences)
            for each, said, denied in rows
            if (differences := _differences(each, said, denied))
        ),
    )


def _figures(tally: Tally) -> tuple[float, float]:
    return tally.precision, tally.recall


def _read(reader: TextReader, text: str) -> tuple[frozenset[str], frozenset[str]]:
    said: set[str] = set()
    denied: set[str] = set()
    for mention in reader.read(text):
        doubt = mention.doubt_when(_WRITTEN, zone_of(CASE_DAY))
        if doubt is None:
            said.add(mention.finding.id)
        elif doubt == NEGATED:
            denied.add(mention.finding.id)
    return frozenset(said), frozenset(denied)


def _tally(pairs: Iterable[tuple[frozenset[str], frozenset[str]]]) -> Tally:
    right = extra = missed = 0
    for expected, read in pairs:
        right += len(expected & read)
        extra += len(read - expected)
        missed += len(expected - read)
    return Tally(right, extra, missed)


def _differences(
    sentence: Sentence, said: frozenset[str], denied: frozenset[str]
) -> tuple[str, ...]:
    found = []
    for words, names in (
        ("not said", sentence.fires - said),
        ("said too much", said - sentence.fires),
        ("not denied", sentence.denied - denied),
        ("denied too much", denied - sentence.denied),
    ):
        if names:
            found.append(f"{words}: {', '.join(sorted(names))}")
    return tuple(found)
