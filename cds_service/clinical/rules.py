"""The closed vocabulary that combines findings into a criterion, and how each word is judged."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from cds_service.clinical import truth as kleene
from cds_service.clinical.truth import Truth
from cds_service.clinical.windows import Span, older_than, within

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cds_service.clinical.facts import Evidence, Facts, Occurrence


class Weighed(NamedTuple):
    """What a rule comes to, the evidence that decided it, and the findings that would decide it."""

    truth: Truth
    because: tuple[Evidence, ...]
    missing: tuple[str, ...]


class Rule(ABC):
    """A statement about findings that is present, absent or unknown."""

    __slots__ = ()

    @abstractmethod
    def weigh(self, facts: Facts) -> Weighed:
        """Judge the rule and say why."""

    @abstractmethod
    def needs(self) -> tuple[str, ...]:
        """Return the names of the findings it asks for, each once, in the order of the rule."""

    def judge(self, facts: Facts) -> Truth:
        """Judge the rule."""
        return self.weigh(facts).truth


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

    def weigh(self, facts: Facts) -> Weighed:
        """Judge every occurrence by itself; any one of them may meet the term."""
        heard = facts.get(self.finding)
        if heard.state is not Truth.PRESENT:
            missing = (self.finding,) if heard.state is Truth.UNKNOWN else ()
            return Weighed(heard.state, tuple(each.evidence for each in heard.occurrences), missing)
        truths = [self._occurrence(each, facts) for each in heard.occurrences]
        truth = kleene.any_of(truths)
        because = tuple(
            each.evidence
            for each, its in zip(heard.occurrences, truths, strict=True)
            if its is truth
        )
        return Weighed(truth, because, (self.finding,) if truth is Truth.UNKNOWN else ())

    def _occurrence(self, occurrence: Occurrence, facts: Facts) -> Truth:
        truths = []
        if self.within is not None:
            truths.append(within(occurrence.since, self.within, facts.as_of))
        if self.older_than is not None:
            truths.append(older_than(occurrence.since, self.older_than, facts.as_of))
        if self.at_least is not None or self.below is not None:
            truths.append(self._value(occurrence.value))
        return kleene.all_of(truths)

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

    def weigh(self, facts: Facts) -> Weighed:
        """Judge the term and turn it round."""
        weighed = self.term.weigh(facts)
        return weighed._replace(truth=weighed.truth.negated())

    def needs(self) -> tuple[str, ...]:
        """Return what the term needs."""
        return self.term.needs()


@dataclass(frozen=True, slots=True)
class AtLeast(Rule):
    """At least ``count`` of the terms."""

    count: int
    terms: tuple[Rule, ...]

    def weigh(self, facts: Facts) -> Weighed:
        """Judge all terms, so that all the evidence is known."""
        weighed = [term.weigh(facts) for term in self.terms]
        truth = kleene.at_least(self.count, (each.truth for each in weighed))
        return _gather(truth, weighed)

    def needs(self) -> tuple[str, ...]:
        """Return what the terms need."""
        return _union(self.terms)


@dataclass(frozen=True, slots=True)
class All(Rule):
    """Every one of the terms."""

    terms: tuple[Rule, ...]

    def weigh(self, facts: Facts) -> Weighed:
        """Judge all terms, so that all the evidence is known."""
        weighed = [term.weigh(facts) for term in self.terms]
        return _gather(kleene.all_of(each.truth for each in weighed), weighed)

    def needs(self) -> tuple[str, ...]:
        """Return what the terms need."""
        return _union(self.terms)


@dataclass(frozen=True, slots=True)
class Any(Rule):
    """One or more of the terms."""

    terms: tuple[Rule, ...]

    def weigh(self, facts: Facts) -> Weighed:
        """Judge all terms, so that all the evidence is known."""
        weighed = [term.weigh(facts) for term in self.terms]
        return _gather(kleene.any_of(each.truth for each in weighed), weighed)

    def needs(self) -> tuple[str, ...]:
        """Return what the terms need."""
        return _union(self.terms)


@dataclass(frozen=True, slots=True)
class Meets(Rule):
    """Another criterion, by its id, judged by its own rule."""

    criterion: str
    rule: Rule

    def weigh(self, facts: Facts) -> Weighed:
        """Judge the other criterion's rule."""
        return self.rule.weigh(facts)

    def needs(self) -> tuple[str, ...]:
        """Return what the other criterion needs."""
        return self.rule.needs()


def _gather(truth: Truth, weighed: list[Weighed]) -> Weighed:
    """Keep the evidence of the terms that decided; while undecided, all that is not a no."""
    if truth is Truth.UNKNOWN:
        deciding = [each for each in weighed if each.truth is not Truth.ABSENT]
        missing = (name for each in deciding for name in each.missing)
        return Weighed(truth, _evidence(deciding), tuple(dict.fromkeys(missing)))
    return Weighed(truth, _evidence([each for each in weighed if each.truth is truth]), ())


def _evidence(weighed: list[Weighed]) -> tuple[Evidence, ...]:
    return tuple(dict.fromkeys(evidence for each in weighed for evidence in each.because))


def _union(terms: Iterable[Rule]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for term in terms for name in term.needs()))
