"""The phrases and words of the content as one tree, and where they stand in a sentence."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from cds_service.content.vocabulary import Cue
from cds_service.fhir.tokens import bag, words_of_phrase

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cds_service.content.findings import FindingDefinition
    from cds_service.content.vocabulary import Vocabulary
    from cds_service.fhir.times import Said


# Words that stand in every other letter: a phrase is better missed by another of its words.
_EVERYDAY = frozenset(
    (
        "around", "because", "better", "between", "blood", "down", "feeling", "for", "found",
        "from", "get", "history", "into", "is", "medication", "off", "out", "over", "pressure",
        "reason", "regular", "run", "sleep", "to", "with", "work",
    )
)  # fmt: skip


class Says(Enum):
    """What a phrase of a finding does for it."""

    NAMES = "names"
    EXCEPTS = "excepts"  # it only sounds like it: "hay fever"
    EXPLAINS = "explains"  # a cause that takes the alarm out of it: "due to BPH"
    MEASURES = "measures"  # the word before a number: "temp 39.2"


@dataclass(slots=True)
class _Node:
    """A place in the tree: the words that may follow, and what ends here."""

    children: dict[str, _Node] = field(default_factory=dict)
    findings: list[tuple[Says, str]] = field(default_factory=list)
    cues: list[Cue] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Span:
    """A phrase of a finding at the tokens from ``start`` to ``stop``."""

    start: int
    stop: int
    says: Says
    finding: str

    def meets(self, other: Span) -> bool:
        """Tell whether two spans share a token."""
        return self.start < other.stop and other.start < self.stop

    def holds(self, other: Span) -> bool:
        """Tell whether the other span lies in this one and is shorter."""
        inside = self.start <= other.start and other.stop <= self.stop
        return inside and other.stop - other.start < self.stop - self.start


@dataclass(frozen=True, slots=True)
class CueSpan:
    """A word that acts on findings, at the tokens from ``start`` to ``stop``."""

    start: int
    stop: int
    kind: str
    reach: str


class Lexicon:
    """All phrases by their words: one walk over a sentence finds every one of them."""

    def __init__(self, findings: Iterable[FindingDefinition], vocabulary: Vocabulary) -> None:
        """Compile phrases and cues in the spelling of the vocabulary."""
        self.spellings = vocabulary.spellings
        self.skipped = vocabulary.skipped
        self._root = _Node()
        self._whole: dict[tuple[str, ...], list[str]] = {}
        anchors: set[str] = set()
        small = {word for texts in vocabulary.cues.values() for word in texts}
        for finding in findings:
            for phrase in finding.phrases:
                words = self._words(phrase)
                if words:
                    self._plant(words).findings.append((Says.NAMES, finding.id))
                    named = self._whole.setdefault(words, [])
                    if finding.id not in named:
                        named.append(finding.id)
                    anchors.add(_anchor(words, small))
            for phrase in finding.but_not:
                self._plant(self._words(phrase)).findings.append((Says.EXCEPTS, finding.id))
            for phrase in finding.explained_by:
                self._plant(self._words(phrase)).findings.append((Says.EXPLAINS, finding.id))
            for phrase in finding.measured.words if finding.measured else ():
                words = self._words(phrase)
                self._plant(words).findings.append((Says.MEASURES, finding.id))
                anchors.add(_anchor(words, small))
        for cue, texts in vocabulary.cues.items():
            for text in texts:
                self._plant(self._words(text)).cues.append(cue)
        variants = {each for each, word in self.spellings.items() if word in anchors}
        self._triggers = frozenset(anchors | variants)

    def _words(self, phrase: str) -> tuple[str, ...]:
        return words_of_phrase(phrase, self.spellings, self.skipped)

    def _plant(self, words: tuple[str, ...]) -> _Node:
        node = self._root
        for word in words:
            node = node.children.setdefault(word, _Node())
        return node

    def is_silent(self, text: str) -> bool:
        """Tell at a glance whether a text cannot name any finding."""
        return self._triggers.isdisjoint(bag(text))

    def whole(self, text: str) -> list[str]:
        """Return the findings of which a phrase is the whole text."""
        return list(self._whole.get(self._words(text), ()))

    def find(self, tokens: list[str]) -> tuple[list[Span], list[CueSpan]]:
        """Return the phrases and the cues in a sentence, each in the order of its beginning."""
        spans: list[Span] = []
        cues: list[CueSpan] = []
        covered = 0
        beginnings = self._root.children
        for start, token in enumerate(tokens):
            if token not in beginnings:
                continue
            node: _Node | None = self._root
            longest: tuple[int, list[Cue]] | None = None
            place = start
            while place < len(tokens):
                node = node.children.get(tokens[place]) if node else None
                if node is None:
                    break
                place += 1
                for says, finding in node.findings:
                    spans.append(Span(start, place, says, finding))
                if node.cues:
                    longest = (place, node.cues)
            # Of cues that lie in each other the longer one counts.
            if longest and longest[0] > covered:
                covered, found = longest
                cues.extend(CueSpan(start, covered, cue.kind, cue.reach) for cue in found)
        return spans, cues


def unexcepted(spans: list[Span]) -> list[Span]:
    """Leave out phrases that lie in an exception of their finding, or run into one.

    One that holds the exception says more than it: "bladder or bowel incontinence".
    """
    excepted = [span for span in spans if span.says is Says.EXCEPTS]
    if not excepted:
        return spans
    return [
        span
        for span in spans
        if span.says is Says.EXCEPTS
        or not any(
            other.finding == span.finding and other.meets(span) and not span.holds(other)
            for other in excepted
        )
    ]


def longest(spans: list[Span]) -> list[Span]:
    """Of overlapping phrases of one finding keep the longest."""
    kept: dict[str, list[Span]] = {}
    for span in sorted(spans, key=lambda each: (each.start - each.stop, each.start)):
        others = kept.setdefault(span.finding, [])
        if not any(span.meets(other) for other in others):
            others.append(span)
    return sorted(
        (span for each in kept.values() for span in each), key=lambda each: (each.start, each.stop)
    )


def outside(cues: list[CueSpan], named: list[Span], said: list[Said]) -> list[CueSpan]:
    """Leave out cues that begin within a phrase or a time.

    The "no" of "no position helps" denies nothing, the "history" of "a 3 week history of" is now.
    """
    taken = {at for span in named for at in range(span.start, span.stop)}
    taken |= {at for each in said for at in range(each.start, each.stop)}
    return [cue for cue in cues if cue.start not in taken]


def _anchor(words: tuple[str, ...], small: set[str]) -> str:
    """Return the word by which a phrase is missed at a glance: a long one that is no cue."""
    return max(words, key=lambda word: (word not in small | _EVERYDAY, len(word), word))
