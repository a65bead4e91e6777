"""The closed vocabulary that combines findings into a criterion, and how each word is judged."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final, TypeVar

from cds_service.clinical import truth as kleene
from cds_service.clinical.truth import Truth
from cds_service.clinical.value import Value
from cds_service.clinical.windows import Span, older_than, within

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cds_service.clinical.facts import Evidence, Facts, Occurrence


T = TypeVar("T")


class Weighed(Value):
    """What a rule comes to, the evidence that decided it, and the findings that would decide it."""

    __slots__ = ("because", "missing", "truth")

    def __init__(
        self, truth: Truth, because: tuple[Evidence, ...], missing: tuple[str, ...]
    ) -> None:
        """Keep what it comes to, and why."""
        self.truth: Final = truth
        self.because: Final = because
        self.missing: Final = missing

    def parts(self) -> tuple[object, ...]:
        """Return the truth, the evidence and the findings."""
        return (self.truth, self.because, self.missing)


# By metaclass: the class ABC, being one of Python's own, cannot be the base of a compiled one.
class Rule(metaclass=ABCMeta):
    """A statement about findings that is present, absent or unknown."""

    __slots__ = ()

    @abstractmethod
    def judge(self, facts: Facts) -> Truth:
        """Judge the rule."""

    @abstractmethod
    def weigh(self, facts: Facts) -> Weighed:
        """Judge the rule and say why: the truth that ``judge`` gives, with its reasons."""

    @abstractmethod
    def needs(self) -> tuple[str, ...]:
        """Return the names of the findings it asks for, each once, in the order of the rule."""


@dataclass(frozen=True, slots=True)
class Has(Rule):
    """A finding, where one occurrence of it meets every limit that is given.

    ``within`` and ``older_than`` limit when it began; ``at_least`` (from) and ``below`` (up to,
    not including) its number, in the unit that the finding declares.
    """

    finding: str
    within: Span | None = None
    older_than: Span | None = None
    at_least: float | None = None
    below: float | None = None

    def judge(self, facts: Facts) -> Truth:
        """Judge every occurrence by itself; any one of them may meet the term."""
        heard = facts.findings.get(self.finding)
        if heard is None:
            return Truth.ABSENT if self.finding in facts.silent else Truth.UNKNOWN
        if heard.state is not Truth.PRESENT:
            return heard.state
        return kleene.any_of([self._occurrence(each, facts) for each in heard.occurrences])

    def weigh(self, facts: Facts) -> Weighed:
        """Judge every occurrence, and keep the evidence of those that decide."""
        heard = facts.findings.get(self.finding)
        if heard is None:
            return _unheard(self.finding, silent=self.finding in facts.silent)
        if heard.state is not Truth.PRESENT:
            missing = (self.finding,) if heard.state is Truth.UNKNOWN else ()
            return Weighed(heard.state, tuple(each.evidence for each in heard.occurrences), missing)
        truths = [self._occurrence(each, facts) for each in heard.occurrences]
        truth = kleene.any_of(truths)
        because = [
            each.evidence
            for each, its in zip(heard.occurrences, truths, strict=True)
            if its is truth
        ]
        return Weighed(truth, tuple(because), (self.finding,) if truth is Truth.UNKNOWN else ())

    def _occurrence(self, occurrence: Occurrence, facts: Facts) -> Truth:
        truth = Truth.PRESENT
        if self.within is not None:
            truth = within(occurrence.since, self.within, facts.as_of)
        if self.older_than is not None and truth is not Truth.ABSENT:
            truth = truth.and_(older_than(occurrence.since, self.older_than, facts.as_of))
        if (self.at_least is not None or self.below is not None) and truth is not Truth.ABSENT:
            truth = truth.and_(self._value(occurrence.value))
        return truth

    def _value(self, value: float | None) -> Truth:
        if value is None:
            return Truth.UNKNOWN
        low_enough = self.below is None or value < self.below
        high_enough = self.at_least is None or value >= self.at_least
        return Truth.PRESENT if low_enough and high_enough else Truth.ABSENT

    def needs(self) -> tuple[str, ...]:
        """Return the one finding."""
        return (self.finding,)


@dataclass(frozen=True, slots=True)
class Not(Rule):
    """The opposite of a term; the opposite of unknown is unknown."""

    term: Rule

    def judge(self, facts: Facts) -> Truth:
        """Judge the term and turn it round."""
        return self.term.judge(facts).negated()

    def weigh(self, facts: Facts) -> Weighed:
        """Weigh the term and turn it round."""
        weighed = self.term.weigh(facts)
        return Weighed(weighed.truth.negated(), weighed.because, weighed.missing)

    def needs(self) -> tuple[str, ...]:
        """Return what the term needs."""
        return self.term.needs()


@dataclass(frozen=True, slots=True)
class AtLeast(Rule):
    """At least ``count`` of the terms."""

    count: int
    terms: tuple[Rule, ...]

    def judge(self, facts: Facts) -> Truth:
        """Judge the terms, no more of them than it takes."""
        return kleene.at_least(self.count, (term.judge(facts) for term in self.terms))

    def weigh(self, facts: Facts) -> Weighed:
        """Weigh the terms that decided."""
        truths = [term.judge(facts) for term in self.terms]
        return _gather(kleene.at_least(self.count, truths), self.terms, truths, facts)

    def needs(self) -> tuple[str, ...]:
        """Return what the terms need."""
        return _union(self.terms)


@dataclass(frozen=True, slots=True)
class All(Rule):
    """Every one of the terms."""

    terms: tuple[Rule, ...]

    def judge(self, facts: Facts) -> Truth:
        """Judge the terms, no more of them than it takes."""
        return kleene.all_of(term.judge(facts) for term in self.terms)

    def weigh(self, facts: Facts) -> Weighed:
        """Weigh the terms that decided."""
        truths = [term.judge(facts) for term in self.terms]
        return _gather(kleene.all_of(truths), self.terms, truths, facts)

    def needs(self) -> tuple[str, ...]:
        """Return what the terms need."""
        return _union(self.terms)


@dataclass(frozen=True, slots=True)
class Any(Rule):
    """One or more of the terms."""

    terms: tuple[Rule, ...]

    def judge(self, facts: Facts) -> Truth:
        """Judge the terms, no more of them than it takes."""
        return kleene.any_of(term.judge(facts) for term in self.terms)

    def weigh(self, facts: Facts) -> Weighed:
        """Weigh the terms that decided."""
        truths = [term.judge(facts) for term in self.terms]
        return _gather(kleene.any_of(truths), self.terms, truths, facts)

    def needs(self) -> tuple[str, ...]:
        """Return what the terms need."""
        return _union(self.terms)


@dataclass(frozen=True, slots=True)
class Meets(Rule):
    """Another criterion, by its id, judged by its own rule."""

    criterion: str
    rule: Rule

    def judge(self, facts: Facts) -> Truth:
        """Judge the other criterion's rule."""
        return self.rule.judge(facts)

    def weigh(self, facts: Facts) -> Weighed:
        """Weigh the other criterion's rule."""
        return self.rule.weigh(facts)

    def needs(self) -> tuple[str, ...]:
        """Return what the other criterion needs."""
        return self.rule.needs()


@cache
def _unheard(name: str, *, silent: bool) -> Weighed:
    """Return what a finding comes to that the record does not speak of."""
    return Weighed(Truth.ABSENT, (), ()) if silent else Weighed(Truth.UNKNOWN, (), (name,))


def _gather(truth: Truth, terms: tuple[Rule, ...], truths: list[Truth], facts: Facts) -> Weighed:
    """Weigh the terms that decided; while undecided, all that are not a no."""
    if truth is Truth.UNKNOWN:
        deciding = [
            each for each, its in zip(terms, truths, strict=True) if its is not Truth.ABSENT
        ]
    else:
        deciding = [each for each, its in zip(terms, truths, strict=True) if its is truth]
    weighed = [term.weigh(facts) for term in deciding]
    because = _merged([each.because for each in weighed])
    missing = _merged([each.missing for each in weighed]) if truth is Truth.UNKNOWN else ()
    return Weighed(truth, because, missing)


def _merged(parts: list[tuple[T, ...]]) -> tuple[T, ...]:
    """Join the parts, each thing once, in order; most often only one part holds anything."""
    filled = [part for part in parts if part]
    if len(filled) == 1:
        return filled[0]
    return tuple(dict.fromkeys(each for part in filled for each in part))


def _union(terms: Iterable[Rule]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for term in terms for name in term.needs()))
