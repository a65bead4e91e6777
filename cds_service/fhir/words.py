"""What a typed text says of findings: phrases, unless a word beside them takes them back."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cds_service.content.phrases import words_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cds_service.content.findings import FindingDefinition
    from cds_service.fhir.index import Index

# What one sentence denies, the next may affirm: "no saddle numbness, but cannot pass urine".
_SENTENCE = re.compile(
    r"[;\n]|\.(?!\d)|\b(?:but|however|although|though|now has|reports|presents with)\b",
    re.IGNORECASE,
)
# Within a sentence a list goes on over commas: "denies fever, chills, chest pain".
_PART = re.compile(r"[,()]")
_NOT = frozenset({"no", "not", "never", "without", "non"})
# A denial as the answer after the finding: "saddle numbness: no", "fever denied".
_ANSWERS = {"no", "none", "denied", "denies", "nil", "negative", "neg", "absent"}
_ANSWER_LENGTH = 2
_MAX_QUOTE = 120


@dataclass(frozen=True, slots=True)
class Mention:
    """A finding that a text names, and the kind of word that keeps it from counting, if any."""

    finding: FindingDefinition
    doubt: str | None


def mentions(text: str, index: Index) -> list[Mention]:
    """Return the findings that a text names, each once; a mention without doubt goes first."""
    if not index.phrases.speaks(text):
        return []
    found: dict[str, Mention] = {}
    for sentence in _SENTENCE.split(text.replace("(-)", " negative ")):
        # "pain, low back" is one name in the order of a register.
        inverted = sentence.replace(",", " ") if not found and sentence.count(",") == 1 else ""
        for mention in _sentence(sentence, index) or _sentence(inverted, index):
            earlier = found.get(mention.finding.id)
            if earlier is None or earlier.doubt is not None:
                found[mention.finding.id] = mention
    return list(found.values())


def quoted(text: str) -> str:
    """Return the text as it is quoted in evidence."""
    return f"text “{text[:_MAX_QUOTE]}”"


def _sentence(sentence: str, index: Index) -> list[Mention]:
    """Return what a sentence mentions: a cue before acts on what follows, others on their part."""
    before: set[str] = set()
    if any(kind == "worsening" for kind, _ in _cues(sentence, index)):
        before.add("worsening")
    said: list[Mention] = []
    for part in _PART.split(sentence):
        found, cues = index.phrases.find(part), _cues(part, index)
        other_meaning = set(index.exceptions.names(part)) if found else set()
        for name, span in found:
            if name not in other_meaning:
                said += _mentions(name, before | _kinds(part, span, cues), index)
        before |= {kind.removesuffix("_before") for kind, _ in cues if kind.endswith("_before")}
    return said


def _mentions(name: str, kinds: set[str], index: Index) -> Iterator[Mention]:
    """Yield the mention of a finding, and of those that say it is getting worse."""
    worse = index.worsening_of.get(name, ()) if "worsening" in kinds else ()
    for finding in (index.findings[name], *worse):
        yield Mention(finding, _doubt(kinds, finding))


def _kinds(part: str, span: range, cues: list[tuple[str, range]]) -> set[str]:
    """Return the kinds of cues that act on the phrase at ``span`` from within its part."""
    kinds = {
        kind.removesuffix("_before")
        for kind, at in cues
        if set(at).isdisjoint(span) and (not kind.endswith("_before") or at.start < span.start)
    }
    after = words_of(part)[span.stop :]
    if after and after[0] in _ANSWERS and len(after) <= _ANSWER_LENGTH:
        kinds.add("negating")
    return kinds


def _cues(part: str, index: Index) -> list[tuple[str, range]]:
    """Return the cues of a part; a "not worsening" is no worsening, an age is nothing old."""
    words = words_of(part)
    cues = index.cues.find(part)
    ages = [at for kind, at in cues if kind == "age"]
    return [
        (kind, at)
        for kind, at in cues
        if not any(set(at) <= set(age) for age in ages)
        and not (kind == "worsening" and at.start and words[at.start - 1] in _NOT)
    ]


def _doubt(kinds: set[str], finding: FindingDefinition) -> str | None:
    for kind in ("negating", "hypothetical", "family", *finding.not_if_severity):
        if kind in kinds:
            return kind
    return "history" if "history" in kinds and not finding.past_counts else None
