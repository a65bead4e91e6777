"""What a typed text says of findings: named, denied, asked, past, of the family, and since when.

Each sentence is read by itself. A word that takes a finding back reaches as far as
cards/vocabulary.yaml says, and no farther than a contrast: "no saddle numbness, but cannot pass
urine since yesterday" denies the first and affirms the second. Source: docs/reading.md, "Text".
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from cds_service.fhir.lexicon import Lexicon, Says, Span, unexcepted
from cds_service.fhir.mentions import Mention, MentionReader, by_target
from cds_service.fhir.scopes import Scopes
from cds_service.fhir.times import Said, times
from cds_service.fhir.tokens import MAX_TEXT, lines, sentences

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cds_service.content.findings import FindingDefinition
    from cds_service.content.load import Content
    from cds_service.fhir.tokens import Sentence
    from cds_service.fhir.units import Amount

_INHERITED = frozenset({"negated", "hypothetical", "family", "history"})
# Names, displays and doses are short, and the same for many patients: what they say of findings is
# remembered, without whose they were (docs/security.md, flow 1).
_SHORT = 80
_KEPT = 2048
_EXCUSES = frozenset({Says.EXPLAINS, Says.EXCEPTS})


class TextReader:
    """Reads texts by the phrases and words of the content, compiled once."""

    def __init__(self, content: Content) -> None:
        """Compile the content."""
        self._lexicon = Lexicon(content.findings.values(), content.vocabulary)
        self._reader = MentionReader(content.findings, self._lexicon)
        worsening_of = by_target(content.findings, "worsening")
        self._may_worsen = frozenset(
            name for target, worse in worsening_of.items() for name in (target, *worse)
        )
        self._read_short = lru_cache(_KEPT)(self._read)
        self._short_speaks = lru_cache(_KEPT)(self._speaks)
        self._short_explains = lru_cache(_KEPT)(self._explains)

    def read(self, text: str) -> tuple[Mention, ...]:
        """Return what a text says of findings.

        Of each finding every affirmation with a time of its own, else the first that is in doubt.
        """
        return self._read_short(text) if len(text) <= _SHORT else self._read(text)

    def _read(self, text: str) -> tuple[Mention, ...]:
        if self._lexicon.is_silent(text):
            return ()
        affirmed: dict[tuple[str, Said | None, Amount | None], Mention] = {}
        doubted: dict[str, Mention] = {}
        for mention in self._mentions(text):
            name = mention.finding.id
            if mention.doubt is None:
                affirmed.setdefault((name, _undated(mention.said), mention.amount), mention)
            else:
                doubted.setdefault(name, mention)
        counted = {mention.finding.id for mention in affirmed.values()}
        return (
            *affirmed.values(),
            *[each for name, each in doubted.items() if name not in counted],
        )

    def speaks(self, text: str) -> bool:
        """Tell whether a text names any finding in whatever way, or what measures one."""
        return self._short_speaks(text) if len(text) <= _SHORT else self._speaks(text)

    def _speaks(self, text: str) -> bool:
        if self._lexicon.is_silent(text):
            return False
        return bool(self.names(text) or self.measured_by(text))

    def time_in(self, text: str) -> Said | None:
        """Return the first time that a short text tells."""
        return next((said for each in self._sentences(text) for said in times(each.tokens)), None)

    def may_speak(self, text: str) -> bool:
        """Tell at a glance whether a text has a word by which findings are named."""
        return not self._lexicon.is_silent(text)

    def names(self, text: str) -> list[str]:
        """Return the findings whose phrases stand in a text, each once."""
        found: dict[str, None] = {}
        for line in lines(text):
            for sentence in self._sentences(line.text):
                for span in self._lexicon.find(sentence.tokens)[0]:
                    if span.says is Says.NAMES:
                        found.setdefault(span.finding)
        return list(found)

    def measured_by(self, text: str) -> list[str]:
        """Return the findings that a number of this name measures: "oral temperature"."""
        return list(
            dict.fromkeys(
                span.finding
                for sentence in self._sentences(text[:MAX_TEXT])
                for span in unexcepted(self._lexicon.find(sentence.tokens)[0])
                if span.says is Says.MEASURES
            )
        )

    def whole(self, text: str) -> list[str]:
        """Return the findings of which a phrase is the whole text."""
        return self._lexicon.whole(text[:MAX_TEXT])

    def kinds(self, text: str) -> set[str]:
        """Return the kinds of words in a short text that act on findings."""
        return {
            cue.kind
            for sentence in self._sentences(text[:MAX_TEXT])
            for cue in self._lexicon.find(sentence.tokens)[1]
        }

    def explains(self, finding: FindingDefinition, text: str) -> bool:
        """Tell whether a text names a cause that takes the alarm out of a finding."""
        explains = self._short_explains if len(text) <= _SHORT else self._explains
        return explains(finding.id, text)

    def _explains(self, finding: str, text: str) -> bool:
        if self._lexicon.explains_nothing(finding, text):
            return False
        return any(
            self._excuses(finding, sentence)
            for line in lines(text)
            for sentence in self._sentences(line.text)
        )

    def _excuses(self, finding: str, sentence: Sentence) -> bool:
        spans, cues = self._lexicon.find(sentence.tokens)
        found = [each for each in spans if each.says in _EXCUSES and each.finding == finding]
        scopes = Scopes(sentence.tokens, cues, cues, [], found)
        return not all(map(scopes.takes_back, found))

    def worsens(self, text: str) -> bool:
        """Tell whether a text says that something gets worse: a nerve symptom, or nothing named."""
        return any(
            self._worsens(sentence)
            for line in lines(text)
            for sentence in self._sentences(line.text)
        )

    def _worsens(self, sentence: Sentence) -> bool:
        spans, cues = self._lexicon.find(sentence.tokens)
        if any(cue.kind == "complaint" for cue in cues):
            return False
        others = [s for s in spans if s.says is Says.NAMES and s.finding not in self._may_worsen]
        scopes = Scopes(sentence.tokens, cues, cues, [], others)
        return not others and any(
            cue.kind == "worsening"
            and not scopes.takes_back(Span(cue.start, cue.stop, Says.NAMES, ""))
            for cue in cues
        )

    def _sentences(self, line: str) -> Iterator[Sentence]:
        return sentences(line, self._lexicon.spellings, self._lexicon.skipped)

    def _mentions(self, text: str) -> Iterator[Mention]:
        """Yield the mentions of all lines; a heading acts on the lines below it."""
        inherited: frozenset[str] = frozenset()
        used = False
        for line in lines(text):
            if line.heads:
                inherited, used = self._announced(line.text), False
                continue
            if not line.text:
                inherited = frozenset() if used else inherited
                continue
            used = True
            found = [
                mention
                for sentence in self._sentences(line.text)
                for mention in self._reader.of_sentence(sentence, inherited)
            ]
            if not found and line.text.count(",") == 1:
                # "Pain, low back" is one name in the order of a register.
                for sentence in self._sentences(line.text.replace(",", " ")):
                    found += self._reader.of_sentence(sentence, inherited)
            yield from found

    def _announced(self, heading: str) -> frozenset[str]:
        return frozenset(self.kinds(heading)) & _INHERITED


def _undated(said: Said | None) -> Said | None:
    """Return a time without its place, so that the same time said twice is the same."""
    return None if said is None else replace(said, start=0, stop=0)
