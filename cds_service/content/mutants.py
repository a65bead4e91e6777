"""Every small wrong version of a rule: what its case table must be able to tell apart."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from cds_service.clinical.rules import All, Any, AtLeast, Has, Meets, Not, Rule

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cds_service.clinical.windows import Span
    from cds_service.content.cases import Case

VALUE_STEP = 0.1


def survivors(rule: Rule, cases: Iterable[Case]) -> Iterator[str]:
    """Describe each wrong version of the rule that no case would notice."""
    cases = tuple(cases)
    for says, mutant in mutants(rule):
        if all(mutant.judge(case.facts) is case.expect for case in cases):
            yield says


def mutants(rule: Rule) -> Iterator[tuple[str, Rule]]:
    """Yield each wrong version with what was changed in it.

    Terms are dropped, any and all change places, terms are turned round, windows move by one
    unit or are forgotten, numbers move by a step or are forgotten. A criterion referred to is
    one term: its own file has its own cases.
    """
    yield "the whole turned round", Not(rule)
    yield from _inner(rule)


def _inner(rule: Rule) -> Iterator[tuple[str, Rule]]:
    match rule:
        case Has():
            yield from _limits(rule)
        case Not(term):
            yield "a `not` forgotten", term
            for says, mutant in _inner(term):
                yield says, Not(mutant)
        case Any(terms):
            yield "`any` read as `all`", All(terms)
            yield from _terms(terms, Any)
        case All(terms):
            yield "`all` read as `any`", Any(terms)
            yield from _terms(terms, All)
        case AtLeast(count, terms):
            yield f"at least {count - 1}", AtLeast(count - 1, terms)
            yield f"at least {count + 1}", AtLeast(count + 1, terms)
            yield from _terms(terms, lambda left: AtLeast(count, left))
        case Meets():
            return


def _terms(
    terms: tuple[Rule, ...], build: type[Any | All] | object
) -> Iterator[tuple[str, Rule]]:
    for place, term in enumerate(terms):
        before, after = terms[:place], terms[place + 1 :]
        name = _name(term)
        yield f"{name} dropped", build((*before, *after))  # type: ignore[operator]
        yield f"{name} turned round", build((*before, Not(term), *after))  # type: ignore[operator]
        for says, mutant in _inner(term):
            yield says, build((*before, mutant, *after))  # type: ignore[operator]


def _limits(rule: Has) -> Iterator[tuple[str, Rule]]:
    for limit in ("within", "older_than"):
        span: Span | None = getattr(rule, limit)
        if span is not None:
            yield f"{rule.finding}: {limit} {span} forgotten", replace(rule, **{limit: None})
            for amount in (span.amount - 1, span.amount + 1):
                moved = replace(span, amount=amount)
                yield f"{rule.finding}: {limit} {moved}", replace(rule, **{limit: moved})
    for limit in ("at_least", "below"):
        value: float | None = getattr(rule, limit)
        if value is not None:
            step = 1 if value == int(value) and value < 10 else VALUE_STEP  # noqa: PLR2004
            yield f"{rule.finding}: {limit} {value} forgotten", replace(rule, **{limit: None})
            for moved in (round(value - step, 6), round(value + step, 6)):
                yield f"{rule.finding}: {limit} {moved}", replace(rule, **{limit: moved})


def _name(term: Rule) -> str:
    if isinstance(term, Has):
        return term.finding
    if isinstance(term, Meets):
        return f"criterion {term.criterion}"
    return f"the term of {', '.join(term.needs())}"
