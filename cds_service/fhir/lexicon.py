"""The phrases and words of the content as one tree, and where they stand in a sentence."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Final

from cds_service.clinical.value import Value
from cds_service.content.vocabulary import Cue
from cds_service.fhir.tokens import NUMBER, bag, words_of_phrase

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cds_service.content.findings import FindingDefinition
    from cds_service.content.vocabulary import Vocabulary
    from cds_service.fhir.times import Said


# Words that stand in every other letter: a phrase is better missed by another of its words.
_EVERYDAY = frozenset(
    (
        "able", "all", "and", "around", "at", "because", "been", "better", "between", "blood",
        "both", "can", "come", "control", "down", "due", "feel", "feeling", "for", "found",
        "from", "get", "gone", "has", "have", "history", "in", "inability", "into", "is",
        "keep", "longer", "loss", "medication", "not", "of", "off", "out", "over", "poor",
        "pressure", "reason", "regular", "run", "self", "sleep", "to", "walk", "went", "with",
        "work", "year",
    )
)  # fmt: skip


_NO_WORDS: frozenset[str] = frozenset()
# Kinds of words that are not small: phrases are known by them.
_COMMON_NOUNS = frozenset({"complaint"})


class Says(Enum):
    """What a phrase of a finding does for it."""

    NAMES = "names"
    EXCEPTS = "excepts"  # it only sounds like it: "hay fever"
    EXPLAINS = "explains"  # a cause that takes the alarm out of it: "due to BPH"
    MEASURES = "measures"  # the word before a number: "temp 39.2"


_SPEAKING = frozenset({Says.NAMES, Says.MEASURES})


@dataclass(slots=True)
class _Node:
    """A place in the tree: the words that may follow, and what ends here."""

    children: dict[str, _Node] = field(default_factory=dict)
    findings: list[tuple[Says, str]] = field(default_factory=list)
    cues: list[Cue] = field(default_factory=list)


class Span(Value):
    """A phrase of a finding at the tokens from ``start`` to ``stop``."""

    __slots__ = ("finding", "says", "start", "stop")

    def __init__(self, start: int, stop: int, says: Says, finding: str) -> None:
        """Say where a phrase stands, and what it does for which finding."""
        self.start: Final = start
        self.stop: Final = stop
        self.says: Final = says
        self.finding: Final = finding

    def parts(self) -> tuple[object, ...]:
        """Return the place, and what the phrase does."""
        return (self.start, self.stop, self.says, self.finding)

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
        harmless: dict[str, set[str]] = {}
        small = _EVERYDAY | {
            word
            for cue, texts in vocabulary.cues.items()
            for word in texts
            if cue.kind not in _COMMON_NOUNS
        }
        alike = [
            sorted((self._words(each) for each in group), key=len, reverse=True)
            for group in vocabulary.alike
        ]
        for finding in findings:
            for says, phrases in _phrases(finding):
                for phrase in phrases:
                    for words in _wordings(self._words(phrase), alike):
                        self._name(words, says, finding.id)
                        known_by = anchors
                        if says not in _SPEAKING:
                            known_by = harmless.setdefault(finding.id, set())
                        known_by.add(_anchor(words, small))
        for cue, texts in vocabulary.cues.items():
            for text in texts:
                self._plant(self._words(text)).cues.append(cue)
        self._triggers = self._spelt(anchors)
        self._harmless = {name: self._spelt(words) for name, words in harmless.items()}

    def _words(self, phrase: str) -> tuple[str, ...]:
        return words_of_phrase(phrase, self.spellings, self.skipped)

    def _spelt(self, words: set[str]) -> frozenset[str]:
        """Return words with every other way to spell them."""
        return frozenset(words | {each for each, word in self.spellings.items() if word in words})

    def _name(self, words: tuple[str, ...], says: Says, finding: str) -> None:
        """Let words say something for a finding, once."""
        node = self._plant(words)
        if (says, finding) not in node.findings:
            node.findings.append((says, finding))
        if says is Says.NAMES and finding not in (named := self._whole.setdefault(words, [])):
            named.append(finding)

    def _plant(self, words: tuple[str, ...]) -> _Node:
        node = self._root
        for word in words:
            node = node.children.setdefault(word, _Node())
        return node

    def is_silent(self, text: str) -> bool:
        """Tell at a glance whether a text cannot name any finding."""
        return self._triggers.isdisjoint(bag(text))

    def explains_nothing(self, finding: str, text: str) -> bool:
        """Tell at a glance whether a text cannot take the alarm out of a finding."""
        return self._harmless.get(finding, _NO_WORDS).isdisjoint(bag(text))

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
            node = self._root
            longest: tuple[int, list[Cue]] | None = None
            place = start
            while place < len(tokens):
                after = node.children.get(tokens[place])
                if after is None and tokens[place][0].isdigit():
                    after = node.children.get(NUMBER)
                if after is None:
                    break
                node = after
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


def _phrases(finding: FindingDefinition) -> Iterator[tuple[Says, tuple[str, ...]]]:
    yield Says.NAMES, finding.phrases
    yield Says.EXCEPTS, finding.but_not
    yield Says.EXPLAINS, finding.explained_by
    if finding.measured is not None:
        yield Says.MEASURES, finding.measured.words


def _wordings(
    words: tuple[str, ...], alike: list[list[tuple[str, ...]]]
) -> Iterator[tuple[str, ...]]:
    """Yield a phrase, and what it is with other wordings alike in the places of its own."""
    for number, group in enumerate(alike):
        place = _place(words, group)
        if place is not None:
            for before in _wordings(words[: place.start], alike[number + 1 :]):
                for after in _wordings(words[place.stop :], alike[number + 1 :]):
                    yield from ((*before, *wording, *after) for wording in group)
            return
    yield words


def _place(words: tuple[str, ...], group: list[tuple[str, ...]]) -> range | None:
    """Return where the longest wording of a group stands in a phrase, if one does."""
    for wording in group:
        if wording[0] in words:
            for start in range(len(words) - len(wording) + 1):
                if words[start : start + len(wording)] == wording:
                    return range(start, start + len(wording))
    return None


def _anchor(words: tuple[str, ...], small: frozenset[str]) -> str:
    """Return the word by which a phrase is missed at a glance: a long one that is no cue."""
    return max(words, key=lambda word: (word not in small, len(word), word))
