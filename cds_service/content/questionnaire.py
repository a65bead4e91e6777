"""The form as the content lays it out: what is asked together, in which order, after which yes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cds_service.clinical.rules import All, Any, AtLeast, Has, Meets, Not
from cds_service.content.findings import Carrier, Computation

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from cds_service.clinical.rules import Rule
    from cds_service.content.findings import FindingDefinition
    from cds_service.content.nodes import Node

_SETTLED_BY_THE_RECORD = {Computation.MINOR, Computation.DECEASED}


@dataclass(frozen=True, slots=True)
class Question:
    """A finding to ask for, and the narrower ones that a yes to it leads to."""

    finding: str
    then: tuple[Question, ...] = ()

    def all(self) -> Iterator[Question]:
        """Yield this question and those below it."""
        yield self
        for each in self.then:
            yield from each.all()


@dataclass(frozen=True, slots=True)
class Group:
    """Questions that a clinician asks together."""

    title: str
    questions: tuple[Question, ...]


@dataclass(frozen=True, slots=True)
class QuestionnaireDefinition:
    """The whole form: the red flags from the worst down, then what else is worth asking."""

    title: str
    description: str
    red_flags: tuple[Group, ...]
    more: tuple[Group, ...]

    def questions(self) -> Iterator[Question]:
        """Yield every question in the order of asking."""
        for group in (*self.red_flags, *self.more):
            for question in group.questions:
                yield from question.all()


def read_questionnaire(
    node: Node, findings: Mapping[str, FindingDefinition], dangers: Iterable[str]
) -> QuestionnaireDefinition:
    """Read questionnaire.yaml. Raises ContentError.

    ``dangers`` are the findings that emergency and same-day criteria ask for: each must be asked,
    for what the form leaves out nobody is reminded of.
    """
    fields = node.fields(required=("title", "description", "red_flags", "more"))
    reader = _Reader(findings)
    form = QuestionnaireDefinition(
        title=fields["title"].text(),
        description=fields["description"].text(),
        red_flags=reader.groups(fields["red_flags"]),
        more=reader.groups(fields["more"]),
    )
    for name in dangers:
        if name not in reader.asked and is_asked(findings[name]):
            fields["red_flags"].refuse_key(
                f"the form does not ask for {name!r}",
                "An emergency or same-day criterion waits for it",
                "Add it to one of the groups",
            )
    return form


def is_asked(finding: FindingDefinition) -> bool:
    """Tell whether a person can be asked for a finding: not for an order, an age or a death."""
    return finding.carrier is not Carrier.ORDER and finding.computed not in _SETTLED_BY_THE_RECORD


class _Reader:
    """Reads groups of questions; each finding stands once, as it is the linkId of its item."""

    def __init__(self, findings: Mapping[str, FindingDefinition]) -> None:
        self.asked: set[str] = set()
        self._findings = findings

    def groups(self, node: Node) -> tuple[Group, ...]:
        found = []
        for each in node.items():
            fields = each.fields(required=("title", "ask"))
            questions = tuple(self._question(item, None) for item in fields["ask"].items())
            found.append(Group(fields["title"].text(), questions))
        return tuple(found)

    def _question(self, node: Node, wider: str | None) -> Question:
        if node.is_text:
            return Question(self._finding(node.text(), node, wider))
        entries = node.entries()
        name, below = next(iter(entries.items()), ("", node))
        if len(entries) != 1:
            node.refuse(
                "expected one finding here",
                "Of several nobody could tell which one leads to the others",
                "Write the finding with a colon, and below it, indented, those that follow a yes",
            )
        self._finding(name, node, wider)
        return Question(name, tuple(self._question(each, name) for each in below.items()))

    def _finding(self, name: str, node: Node, wider: str | None) -> str:
        finding = self._findings.get(name)
        if finding is None:
            node.refuse(
                f"the form asks for the unknown finding {name!r}",
                "Its answer would reach nobody",
                "Correct the name, or define the finding",
            )
        if not is_asked(finding):
            node.refuse(
                f"{name!r} is not a finding to ask for",
                "An order, an age or a death is read from the record",
                "Take it out",
            )
        if name in self.asked:
            node.refuse(
                f"the form asks for {name!r} twice",
                "The two answers could contradict each other",
                "Keep one of them",
            )
        if wider is not None and not answers(self._findings[wider], finding):
            node.refuse(
                f"a no to {wider!r} does not answer {name!r}",
                "It would stay unasked where it may be there",
                "Ask for it by itself",
            )
        self.asked.add(name)
        return name


def answers(wider: FindingDefinition, finding: FindingDefinition) -> bool:
    """Tell whether a "no" to the one settles the other too: its kind, its excuse, its measure."""
    return (
        finding.kind_of == wider.id
        or (finding.computed is Computation.BOTH_SIDES and wider.id in finding.of)
        or wider.unless == finding.id
        or finding.without_value == wider.id
    )


def dated(rules: Iterable[Rule]) -> frozenset[str]:
    """Return the findings whose beginning matters: some rule has a window for it."""
    return frozenset(
        term.finding for rule in rules for term in _terms(rule) if term.within or term.older_than
    )


def _terms(rule: Rule) -> Iterator[Has]:
    match rule:
        case Has():
            yield rule
        case Not(term=inner) | Meets(rule=inner):
            yield from _terms(inner)
        case Any(terms=terms) | All(terms=terms) | AtLeast(terms=terms):
            for each in terms:
                yield from _terms(each)
        case _:
            msg = f"No way into {type(rule).__name__}: add it to questionnaire.py."
            raise TypeError(msg)
