"""The questions that ask for a finding and for nothing else, compiled from the content."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from cds_service.content.findings import FindingDefinition

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?")
# A sign that asks ends a question; before a word ("?fracture") it says what is suspected.
_ASKS = re.compile(r"(?<=\S)\s*\?+(?=\s|$)")


class Questions:
    """Our own questions and the names of findings, by their words."""

    def __init__(self, findings: Mapping[str, FindingDefinition], leads: Iterable[str]) -> None:
        """Compile the findings; ``leads`` are words that only ask ("do you have any")."""
        self._leads = sorted((_words(each) for each in leads), key=len, reverse=True)
        self._own: dict[tuple[str, ...], FindingDefinition] = {}
        self._akin = _akin(findings.values())
        for finding in findings.values():
            for text in (finding.question, finding.id.replace("-", " ")):
                self._own.setdefault(self._bare(text), finding)

    def of(self, question: str) -> FindingDefinition | None:
        """Return the finding of which a question is our own, or of which it is the name."""
        return self._own.get(self._bare(question))

    def as_statement(self, question: str) -> str:
        """Return what a yes to a question says: the question without what only asks."""
        said = _ASKS.sub(".", question)
        words = _words(said)
        kept = len(self._without_lead(words))
        if kept == len(words):
            return said
        found = list(_WORD.finditer(said))
        return said[found[len(words) - kept].start() :] if kept else said

    def is_one_matter(self, named: Sequence[str]) -> bool:
        """Tell whether findings belong together, so that one yes is a yes to all."""
        return all(other == named[0] or other in self._akin[named[0]] for other in named)

    def _bare(self, text: str) -> tuple[str, ...]:
        return self._without_lead(_words(text))

    def _without_lead(self, words: tuple[str, ...]) -> tuple[str, ...]:
        for lead in self._leads:
            if words[: len(lead)] == lead:
                return self._without_lead(words[len(lead) :])
        return words


def _akin(findings: Iterable[FindingDefinition]) -> dict[str, set[str]]:
    """Return, for each finding, those that it refers to, that refer to it, or share a phrase."""
    akin: dict[str, set[str]] = {}
    by_phrase: dict[str, list[str]] = {}
    for finding in findings:
        akin.setdefault(finding.id, set()).update(finding.related())
        for phrase in finding.phrases:
            by_phrase.setdefault(phrase, []).append(finding.id)
    for named in (*by_phrase.values(), *_pairs(akin)):
        for name in named:
            akin[name].update(named)
    return akin


def _pairs(akin: Mapping[str, set[str]]) -> Iterator[tuple[str, str]]:
    """Yield each finding with each that it refers to."""
    yield from [(name, other) for name, others in akin.items() for other in others]


def _words(text: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(text.lower().replace("\u2019", "'")))
