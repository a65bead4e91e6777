"""What a typed text says of findings: named, denied, asked, past, of the family, and since when.

Each sentence is read by itself. A word that takes a finding back reaches as far as
cards/vocabulary.yaml says, and no farther than a contrast: "no saddle numbness, but cannot pass
urine since yesterday" denies the first and affirms the second. Source: docs/reading.md, "Text".
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from cds_service.content.findings import FindingDefinition, Reading
from cds_service.fhir.lexicon import Lexicon, Says, Span, longest, outside, unexcepted
from cds_service.fhir.scopes import Scopes
from cds_service.fhir.times import Said, times
from cds_service.fhir.tokens import MAX_TEXT, lines, offset, sentences
from cds_service.fhir.units import Amount, celsius

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import tzinfo

    from cds_service.clinical.windows import Since
    from cds_service.content.load import Content
    from cds_service.fhir.tokens import Sentence

NEGATED = "negated"
QUESTIONED = "questioned"
EXPLAINED = "explained"
# What keeps a finding from counting, the plainest first.
_DOUBTS = ("negated", "hypothetical", "family", "questioned")
_INHERITED = frozenset({"negated", "hypothetical", "family", "history"})
_MAX_QUOTE = 120
_BEFORE = 40
# Names, displays and doses are short, and the same for many patients: what they say of findings is
# remembered, without whose they were (docs/security.md, flow 1).
_SHORT = 80
_KEPT = 2048
# How many words may stand between a finding and what is said of its course.
_NEAR = 3
_NUMBER_WITHIN = 4
_EXCUSES = frozenset({Says.EXPLAINS, Says.EXCEPTS})
_GRADE = re.compile(r"([0-5])/5")
_BARE_GRADE = re.compile(r"[0-5]")
_UNITS = {"f": "[degF]", "fahrenheit": "[degF]", "c": "Cel", "celsius": "Cel", "cel": "Cel"}


@dataclass(frozen=True, slots=True)
class Mention:
    """A finding that a text names.

    ``doubt`` is the kind of word that keeps it from counting, if any. ``quote`` is the sentence,
    ``said`` when it began by the text's own words, ``suspected`` that the writer is not sure.
    A measured finding has its ``amount``, which reaches its limit.
    """

    finding: FindingDefinition
    doubt: str | None
    quote: str
    suspected: bool = False
    said: Said | None = None
    amount: Amount | None = None

    def doubt_when(self, written: Since, zone: tzinfo) -> str | None:
        """Return what keeps it from counting in a text of that date: also a time long past."""
        if self.doubt is None and self.said is not None and not self.finding.past_counts:
            return "history" if self.said.is_past(written, zone) else None
        return self.doubt


class TextReader:
    """Reads texts by the phrases and words of the content, compiled once."""

    def __init__(self, content: Content) -> None:
        """Compile the content."""
        self._findings = content.findings
        self._lexicon = Lexicon(content.findings.values(), content.vocabulary)
        self._worsening_of = _by_target(content.findings, "worsening")
        self._severity_of = _by_target(content.findings, "severity")
        self._may_worsen = frozenset(
            name for target, worse in self._worsening_of.items() for name in (target, *worse)
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
                for mention in self._of_sentence(sentence, inherited)
            ]
            if not found and line.text.count(",") == 1:
                # "Pain, low back" is one name in the order of a register.
                for sentence in self._sentences(line.text.replace(",", " ")):
                    found += self._of_sentence(sentence, inherited)
            yield from found

    def _announced(self, heading: str) -> frozenset[str]:
        return frozenset(self.kinds(heading)) & _INHERITED

    def _of_sentence(self, sentence: Sentence, inherited: frozenset[str]) -> Iterator[Mention]:
        spans, cues = self._lexicon.find(sentence.tokens)
        spans = unexcepted(spans)
        named = longest(
            [span for span in spans if span.says is Says.NAMES and not self._is_grade(span)]
        )
        measured = [span for span in spans if span.says is Says.MEASURES]
        if not named and not measured:
            return
        said = [
            each
            for each in times(sentence.tokens)
            if not any(each.start < span.stop and span.start < each.stop for span in named)
        ]
        scopes = Scopes(sentence.tokens, cues, outside(cues, named, said), said, named or measured)
        explained = [
            span for span in spans if span.says is Says.EXPLAINS and not scopes.takes_back(span)
        ]
        for span in named:
            kinds = scopes.kinds(span) | inherited
            if any(
                each.finding == span.finding and scopes.belongs(each.start, span)
                for each in explained
            ):
                kinds.add(EXPLAINED)
            for finding in self._meant(span, scopes):
                kinds |= {
                    kind for kind in finding.not_if_severity if scopes.beside(span, kind, _NEAR)
                }
                yield self._mention(finding, kinds, span, sentence, scopes)
        for span in measured:
            read = self._grades if self._is_grade(span) else self._measurement
            yield from read(span, sentence, scopes, inherited)

    def _meant(self, span: Span, scopes: Scopes) -> Iterator[FindingDefinition]:
        """Yield the finding of a phrase, and those that its course and its severity add."""
        yield self._findings[span.finding]
        for kind, linked in (("worsening", self._worsening_of), ("severe", self._severity_of)):
            names = linked.get(span.finding, ())
            if names and scopes.beside(span, kind, _NEAR):
                yield from (self._findings[name] for name in names)

    def _mention(
        self,
        finding: FindingDefinition,
        kinds: set[str],
        span: Span,
        sentence: Sentence,
        scopes: Scopes,
    ) -> Mention:
        return Mention(
            finding,
            _doubt(kinds, finding),
            self._quote(sentence, span),
            suspected="suspected" in kinds,
            said=scopes.time_of(span),
        )

    def _quote(self, sentence: Sentence, span: Span) -> str:
        """Return the sentence, or where it is long the words around the phrase."""
        text = sentence.text.strip()
        if len(text) <= _MAX_QUOTE:
            return text
        begin = max(0, offset(sentence, span.start, self._lexicon.skipped) - _BEFORE)
        return sentence.text[begin : begin + _MAX_QUOTE].strip()

    def _is_grade(self, span: Span) -> bool:
        measured = self._findings[span.finding].measured
        return measured is not None and measured.reading is Reading.GRADE

    def _grades(
        self, span: Span, sentence: Sentence, scopes: Scopes, inherited: frozenset[str]
    ) -> Iterator[Mention]:
        """Yield the muscle grades behind a name, each with its time: "4/5 yesterday, 3/5 today"."""
        finding = self._findings[span.finding]
        for place in range(span.stop, len(sentence.tokens)):
            token = sentence.tokens[place]
            bare = place == span.stop and _BARE_GRADE.fullmatch(token)
            if (bare or _GRADE.fullmatch(token)) and not scopes.is_time(place):
                own = Span(place, place + 1, Says.MEASURES, span.finding)
                kinds = scopes.kinds(own) | inherited
                mention = self._mention(finding, kinds, own, sentence, scopes)
                yield replace(mention, amount=Amount(float(token[0]), f"= {token[0]}/5"))

    def _measurement(
        self, span: Span, sentence: Sentence, scopes: Scopes, inherited: frozenset[str]
    ) -> Iterator[Mention]:
        """Yield a number that follows the name of a measurement: "temp 39.2", "T: 101.3 F"."""
        tokens = sentence.tokens
        for place in range(span.stop, min(span.stop + _NUMBER_WITHIN, len(tokens))):
            number = _number(tokens[place])
            if number is not None and not scopes.is_time(place):
                finding = self._findings[span.finding]
                unit = tokens[place + 1] if place + 1 < len(tokens) else ""
                amount = celsius({"value": number, "unit": _UNITS.get(unit)})
                if amount and finding.measured and amount.value >= finding.measured.limit:
                    kinds = scopes.kinds(span) | inherited
                    mention = self._mention(finding, kinds, span, sentence, scopes)
                    yield replace(mention, amount=amount)
                return
            if tokens[place] in {",", "and"}:
                return


def quoted(text: str) -> str:
    """Return the text as it is quoted in evidence."""
    return f"text “{text[:_MAX_QUOTE]}”"


def _by_target(
    findings: Mapping[str, FindingDefinition], kind: str
) -> Mapping[str, tuple[str, ...]]:
    """Return, for each finding, those that are the same and worse, or the same and severe."""
    linked: dict[str, tuple[str, ...]] = {}
    for finding in findings.values():
        targets = finding.worsening_of if kind == "worsening" else (finding.severity_of,)
        for target in filter(None, targets):
            linked[target] = (*linked.get(target, ()), finding.id)
    return linked


def _undated(said: Said | None) -> Said | None:
    """Return a time without its place, so that the same time said twice is the same."""
    return None if said is None else replace(said, start=0, stop=0)


def _doubt(kinds: set[str], finding: FindingDefinition) -> str | None:
    for kind in _DOUBTS:
        if kind in kinds:
            return kind
    for kind in finding.not_if_severity:
        if kind in kinds:
            return kind
    if "history" in kinds and not finding.past_counts:
        return "history"
    return EXPLAINED if EXPLAINED in kinds else None


def _number(token: str) -> float | None:
    try:
        return float(token.replace(",", "."))
    except ValueError:
        return None
