"""Rules as the content writes them, read into the core's vocabulary."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cds_service.clinical.rules import All, Any, AtLeast, Has, Meets, Not
from cds_service.content.finding_files import read_span

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cds_service.clinical.rules import Rule
    from cds_service.content.nodes import Node

_LIMITS = ("within", "older_than", "at_least", "below")


class RuleReader:
    """Reads rules; ``resolve`` gives the rule of another criterion for `criterion: S01`."""

    def __init__(self, findings: frozenset[str], resolve: Callable[[str, Node], Rule]) -> None:
        """Keep the names of the findings that rules may ask for."""
        self._findings = findings
        self._words: Mapping[str, Callable[[Node], Rule]] = {
            "any": lambda node: Any(self._terms(node)),
            "all": lambda node: All(self._terms(node)),
            "not": lambda node: Not(self.read(node)),
            "at_least": self._at_least,
            "criterion": lambda node: Meets(node.text(), resolve(node.text(), node)),
        }

    def read(self, node: Node) -> Rule:
        """Read a rule or a term of one. Raises ContentError for anything outside the vocabulary."""
        if node.is_text:
            return Has(self._finding(node.text(), node))
        entries = node.entries()
        if len(entries) != 1:
            node.refuse(
                f"a term has one key, this one has {len(entries)}",
                "Two keys side by side do not say whether both or either is meant",
                "Put them into a list under `any:` or `all:`",
            )
        word, value = next(iter(entries.items()))
        combine = self._words.get(word)
        return combine(value) if combine else self._limited(word, value)

    def _terms(self, node: Node) -> tuple[Rule, ...]:
        terms = tuple(self.read(each) for each in node.items())
        if len(terms) < 2:  # noqa: PLR2004  one term needs no `any` or `all`
            node.refuse(
                "a list of one term",
                "`any` and `all` of one thing are the same, so one of them is a mistake",
                "Write the term itself, or add the others",
            )
        return terms

    def _at_least(self, node: Node) -> Rule:
        fields = node.fields(required=("count", "of"))
        terms, count = self._terms(fields["of"]), fields["count"].text()
        if count not in {str(number) for number in range(2, len(terms))}:
            fields["count"].refuse(
                f"at least {count} of {len(terms)} terms",
                "One of them is `any`, all of them is `all`, more can never be met",
                "Use `any` or `all`, or a whole number between",
            )
        return AtLeast(int(count), terms)

    def _limited(self, word: str, node: Node) -> Rule:
        finding = self._finding(word, node)
        fields = node.fields(optional=_LIMITS)
        if not fields:
            node.refuse(
                f"no limit after {finding!r}",
                "An empty pair of braces may be a forgotten window",
                "Write the bare name, or a limit inside the braces",
            )
        return Has(
            finding,
            within=read_span(fields["within"]) if "within" in fields else None,
            older_than=read_span(fields["older_than"]) if "older_than" in fields else None,
            at_least=fields["at_least"].number() if "at_least" in fields else None,
            below=fields["below"].number() if "below" in fields else None,
        )

    def _finding(self, name: str, node: Node) -> str:
        if name not in self._findings:
            node.refuse_key(
                f"unknown finding {name!r}",
                "A rule can only ask for what findings/ defines",
                "Correct the name, or define the finding first",
            )
        return name
