"""Every small wrong version of a rule: what its case table must be able to tell apart."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from cds_service.clinical.rules import All, Any, AtLeast, Has, Meets, Not, Rule
from cds_service.content.written import next_to

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from cds_service.clinical.windows import Span
    from cds_service.content.cases import Case


@dataclass(frozen=True, slots=True)
class Mutant:
    """A wrong version of a rule, and what was changed in it."""

    says: str
    rule: Rule


def survivors(rule: Rule, cases: Iterable[Case]) -> list[Mutant]:
    """Return each wrong version of the rule that no case would notice."""
    table = tuple(cases)
    return [
        mutant
        for mutant in mutants(rule)
        if all(mutant.rule.judge(case.facts) is case.expect for case in table)
    ]


def mutants(rule: Rule) -> Iterator[Mutant]:
    """Yield each wrong version of a rule.

    Terms are dropped, any and all change places, terms are turned round, windows move by one
    unit or are forgotten, numbers move by a step or are forgotten. A criterion referred to is
    one term: its own file has its own cases.
    """
    yield Mutant("the whole turned round", Not(rule))
    yield from _inner(rule)


def _inner(rule: Rule) -> Iterator[Mutant]:
    match rule:
        case Has():
            yield from _windows(rule)
            yield from _numbers(rule)
        case Not(term):
            yield Mutant("a `not` forgotten", term)
            for mutant in _inner(term):
                yield Mutant(mutant.says, Not(mutant.rule))
        case Any(terms):
            yield Mutant("`any` read as `all`", All(terms))
            yield from _terms(terms, Any)
        case All(terms):
            yield Mutant("`all` read as `any`", Any(terms))
            yield from _terms(terms, All)
        case AtLeast(count, terms):
            yield Mutant(f"at least {count - 1}", AtLeast(count - 1, terms))
            yield Mutant(f"at least {count + 1}", AtLeast(count + 1, terms))
            yield from _terms(terms, lambda left: AtLeast(count, left))
        case _:  # a criterion referred to
            return


def _terms(terms: tuple[Rule, ...], build: Callable[[tuple[Rule, ...]], Rule]) -> Iterator[Mutant]:
    for place, term in enumerate(terms):
        before, after = terms[:place], terms[place + 1 :]
        yield Mutant(f"{_name(term)} dropped", build((*before, *after)))
        yield Mutant(f"{_name(term)} turned round", build((*before, Not(term), *after)))
        for mutant in _inner(term):
            yield Mutant(mutant.says, build((*before, mutant.rule, *after)))


def _windows(rule: Has) -> Iterator[Mutant]:
    if rule.within is not None:
        yield Mutant(f"{rule.finding}: within {rule.within} forgotten", replace(rule, within=None))
        for span in _around(rule.within):
            yield Mutant(f"{rule.finding}: within {span}", replace(rule, within=span))
    if rule.older_than is not None:
        yield Mutant(
            f"{rule.finding}: older than {rule.older_than} forgotten",
            replace(rule, older_than=None),
        )
        for span in _around(rule.older_than):
            yield Mutant(f"{rule.finding}: older than {span}", replace(rule, older_than=span))


def _numbers(rule: Has) -> Iterator[Mutant]:
    if rule.at_least is not None:
        yield Mutant(
            f"{rule.finding}: at least {rule.at_least} forgotten", replace(rule, at_least=None)
        )
        for number in next_to(rule.at_least):
            yield Mutant(f"{rule.finding}: at least {number}", replace(rule, at_least=number))
    if rule.below is not None:
        yield Mutant(f"{rule.finding}: below {rule.below} forgotten", replace(rule, below=None))
        for number in next_to(rule.below):
            yield Mutant(f"{rule.finding}: below {number}", replace(rule, below=number))


def _around(span: Span) -> tuple[Span, Span]:
    """Return the spans one unit shorter and one unit longer."""
    return replace(span, amount=span.amount - 1), replace(span, amount=span.amount + 1)


def _name(term: Rule) -> str:
    if isinstance(term, Has):
        return term.finding
    if isinstance(term, Meets):
        return f"criterion {term.criterion}"
    return f"the term of {', '.join(term.needs())}"
