"""A rule as a sentence that a clinician can check, made from the rule itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cds_service.clinical.protocol import Place
from cds_service.clinical.rules import All, Any, AtLeast, Has, Meets, Not, Rule
from cds_service.content.findings import Reading

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cds_service.content.criteria import CriterionDefinition
    from cds_service.content.findings import FindingDefinition
    from cds_service.content.load import Content

_UNITS = {Reading.TEMPERATURE: " °C", Reading.SCORE: " of 10"}


def reading(criterion: CriterionDefinition, content: Content) -> str:
    """Return all that has to hold for a criterion, in one sentence: "Met when …".

    What reassures also waits for the dangers; that stands in no rule but in its course.
    """
    sentence = explain(criterion.rule, content.findings)
    courses = content.recommendations.courses
    reassuring = {
        name for name, each in courses.items() if each.course.while_unanswered is Place.LEFT_OUT
    }
    if reassuring.isdisjoint(criterion.recommendation.values()):
        return sentence
    waits = "every emergency and same-day criterion is known not to be met"
    return f"{sentence.removesuffix('.')}, and {waits}."


def explain(rule: Rule, findings: Mapping[str, FindingDefinition]) -> str:
    """Return the rule as one sentence: "Met when …"."""
    return f"Met when {_Words(findings).phrase(rule)}."


class _Words:
    def __init__(self, findings: Mapping[str, FindingDefinition]) -> None:
        self._findings = findings

    def phrase(self, rule: Rule) -> str:
        match rule:
            case Has():
                return f"“{_name(rule)}” is recorded{self._limits(rule)}"
            case Not(term):
                return self._denied(term)
            case Meets(criterion, inner):
                return f"criterion {criterion} is met ({self.phrase(inner)})"
            case Any(terms):
                return ", or ".join(self._listed(terms))
            case All(terms):
                return ", and ".join(self._listed(terms))
            case AtLeast(count, terms):
                return f"at least {count} of these hold: {'; '.join(self._listed(terms))}"
            case _:
                msg = f"No words for {type(rule).__name__}: add them to explain.py."
                raise TypeError(msg)

    def _listed(self, terms: tuple[Rule, ...]) -> list[str]:
        """Put what is itself a list in brackets, so that it is clear what belongs together."""
        phrases = [(self.phrase(term), isinstance(term, Any | All | AtLeast)) for term in terms]
        return [f"({phrase})" if is_list else phrase for phrase, is_list in phrases]

    def _denied(self, term: Rule) -> str:
        match term:
            case Has():
                limits = self._limits(term).removeprefix(" and")
                if not limits:
                    return f"“{_name(term)}” is known to be absent"
                return f"it is known that no “{_name(term)}”{limits}"
            case Meets(criterion, inner):
                return f"criterion {criterion} is known not to be met ({self.phrase(inner)})"
            case _:
                return f"it is known not to be so that ({self.phrase(term)})"

    def _limits(self, rule: Has) -> str:
        value, window = self._value(rule), _window(rule)
        if not window:
            return value
        return f"{value} {window}" if value else f" and began {window}"

    def _value(self, rule: Has) -> str:
        measured = self._findings[rule.finding].measured
        unit = _UNITS.get(measured.reading, "") if measured else ""
        limits = []
        if rule.at_least is not None:
            limits.append(f"at {rule.at_least:g}{unit} or more")
        if rule.below is not None:
            limits.append(f"below {rule.below:g}{unit}")
        return f" {' but '.join(limits)}" if limits else ""


def _name(rule: Has) -> str:
    return rule.finding.replace("-", " ")


def _window(rule: Has) -> str:
    limits = []
    if rule.older_than is not None:
        limits.append(f"more than {rule.older_than} ago")
    if rule.within is not None:
        limits.append(f"within the last {rule.within}")
    return " but ".join(limits)
