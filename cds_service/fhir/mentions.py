"""The findings that a sentence names or measures, and what keeps each from counting."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from cds_service.content.findings import FindingDefinition, Reading
from cds_service.fhir.lexicon import Lexicon, Says, Span, longest, outside, unexcepted
from cds_service.fhir.scopes import Scopes
from cds_service.fhir.times import Said, times
from cds_service.fhir.tokens import offset
from cds_service.fhir.units import Amount, celsius

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import tzinfo

    from cds_service.clinical.windows import Since
    from cds_service.fhir.tokens import Sentence

NEGATED = "negated"
QUESTIONED = "questioned"
EXPLAINED = "explained"
# What keeps a finding from counting, the plainest first.
_DOUBTS = ("negated", "hypothetical", "family", "questioned")
_MAX_QUOTE = 120
_BEFORE = 40
# How many words may stand between a finding and what is said of its course.
_NEAR = 3
_NUMBER_WITHIN = 4
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


class MentionReader:
    """Reads sentences by the phrases and words of the content."""

    def __init__(self, findings: Mapping[str, FindingDefinition], lexicon: Lexicon) -> None:
        """Keep the findings, and the lexicon of their phrases."""
        self._findings = findings
        self._lexicon = lexicon
        self._worsening_of = by_target(findings, "worsening")
        self._severity_of = by_target(findings, "severity")

    def of_sentence(self, sentence: Sentence, inherited: frozenset[str]) -> Iterator[Mention]:
        """Yield what a sentence says of findings; ``inherited`` is what its heading says of all."""
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


def by_target(
    findings: Mapping[str, FindingDefinition], kind: str
) -> Mapping[str, tuple[str, ...]]:
    """Return, for each finding, those that are the same and worse, or the same and severe."""
    linked: dict[str, tuple[str, ...]] = {}
    for finding in findings.values():
        targets = finding.worsening_of if kind == "worsening" else (finding.severity_of,)
        for target in filter(None, targets):
            linked[target] = (*linked.get(target, ()), finding.id)
    return linked


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
