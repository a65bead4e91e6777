"""A rule as a sentence that a clinician can check, made from the rule itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cds_service.clinical.rules import All, Any, AtLeast, Has, Meets, Not, Rule
from cds_service.content.findings import Reading

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cds_service.content.findings import FindingDefinition

_UNITS = {Reading.TEMPERATURE: " °C", Reading.SCORE: " of 10"}


def explain(rule: Rule, findings: Mapping[str, FindingDefinition]) -> str:
    """Return the rule as one sentence: "Met when …"."""
    return f"Met when {_phrase(rule, findings)}."


def _phrase(rule: Rule, findings: Mapping[str, FindingDefinition], *, inner: bool = False) -> str:
    match rule:
        case Has():
            return _finding(rule, findings)
        case Not(term):
            return f"it is not so that {_phrase(term, findings, inner=True)}"
        case Meets(criterion):
            return f"criterion {criterion} is met"
        case Any(terms):
            return _joined(terms, "or", findings, inner=inner)
        case All(terms):
            return _joined(terms, "and", findings, inner=inner)
        case AtLeast(count, terms):
            listed = "; ".join(_phrase(term, findings, inner=True) for term in terms)
            return f"at least {count} of these hold: {listed}"
        case _:
            msg = f"No words for {type(rule).__name__}: add them to explain.py."
            raise TypeError(msg)


def _joined(
    terms: tuple[Rule, ...],
    word: str,
    findings: Mapping[str, FindingDefinition],
    *,
    inner: bool,
) -> str:
    phrases = [_phrase(term, findings, inner=True) for term in terms]
    text = f", {word} ".join(phrases)
    return f"({text})" if inner else text


def _finding(rule: Has, findings: Mapping[str, FindingDefinition]) -> str:
    name = rule.finding.replace("-", " ")
    parts = [f"“{name}” is recorded"]
    measured = findings[rule.finding].measured
    unit = _UNITS.get(measured.reading, "") if measured else ""
    if rule.at_least is not None:
        parts.append(f"at {rule.at_least:g}{unit} or more")
    if rule.below is not None:
        parts.append(f"below {rule.below:g}{unit}")
    if rule.older_than is not None:
        parts.append(f"for more than {rule.older_than}")
    if rule.within is not None:
        parts.append(f"within the last {rule.within}")
    return " ".join(parts)
