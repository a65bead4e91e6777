"""How far the words of a sentence reach: its parts, its contrasts, and what falls under which."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

from cds_service.fhir.tokens import ASKS

if TYPE_CHECKING:
    from cds_service.fhir.lexicon import CueSpan, Span
    from cds_service.fhir.times import Said

_DASHES = frozenset({"-", "\u2013", "\u2014"})
_BREAKS = frozenset({",", "(", ")"}) | _DASHES
_OPENINGS = _BREAKS | {ASKS}
# What opens an aside of what stands before it, and what leads to its answer.
_ASIDES = frozenset({"("}) | _DASHES
_BEFORE_ANSWER = frozenset({":"}) | _DASHES
_JOINS = frozenset({"and", "with", "then"})
_LIST = frozenset({"or", "nor"})
_CLOSING = frozenset({"and", "or"})
_SAYS_MORE = frozenset({"telling", "stating"})
_ALL = frozenset({"all", "both", "were", "are", "ros"})
_TAKEN_BACK = frozenset({"negated", "family", "history", "hypothetical", "questioned"})
_QUESTIONS = frozenset({"questioned", "suspected"})
# "H/o 2 days of fever" tells of now, "h/o fever for 2 years" may not.
_PRESENT = 24 * 90
_AFTER_ANSWER = frozenset(
    {"and", "by", "at", "today", "on", "now", "this", "clinically", "given", "as", "because"}
)


class Scopes:
    """The words of one sentence that act on findings, and the parts that bound them.

    A part lies between commas, a clause between contrasts. What depends on the tokens alone is
    counted up once, so that a look at a word and a finding costs the same in any sentence.
    """

    def __init__(
        self,
        tokens: list[str],
        cues: list[CueSpan],
        free: list[CueSpan],
        said: list[Said],
        named: list[Span],
    ) -> None:
        """Divide a sentence into parts and clauses; only ``free`` cues act on findings."""
        self._tokens = tokens
        self._cues = cues
        self._parts, self._clauses = self._divide()
        self._said = [each for each in said if not self._is_age(each)]
        self._named: dict[int, list[Span]] = {}
        for span in named:
            self._named.setdefault(self._parts[span.start], []).append(span)
        self._acting = [
            cue
            for cue in free
            if (cue.kind != "family" or not self._is_told_by_relative(cue))
            and (cue.kind != "history" or not self._is_presenting(cue))
        ]
        self._answers = self._find_answers()
        self._telling_before = self._count("telling")
        self._grounds_before = self._count("grounds")
        self._more_before, self._ends_before = self._count_parts()

    def belongs(self, place: int, span: Span) -> bool:
        """Tell whether a token stands in the part of a phrase, or in one after it of its own."""
        part, own = self._parts[place], self._parts[span.start]
        return part == own or (part == own + 1 and part not in self._named)

    def is_time(self, place: int) -> bool:
        """Tell whether a token belongs to a time."""
        return any(each.start <= place < each.stop for each in self._said)

    def kinds(self, span: Span) -> set[str]:
        """Return the kinds of words that act on a phrase."""
        return {
            cue.kind
            for cue in self._acting
            if self._clauses[cue.start] == self._clauses[span.start]
            and (self._reaches_forward(cue, span) or self._reaches_back(cue, span))
        }

    def takes_back(self, span: Span) -> bool:
        """Tell whether a word takes a phrase back, also "no change in" right before it."""
        if not _TAKEN_BACK.isdisjoint(self.kinds(span)):
            return True
        return any(
            cue.kind == "neutral" and cue.start < span.start <= cue.stop for cue in self._acting
        )

    def beside(self, span: Span, kind: str, near: int) -> bool:
        """Tell whether a word of a kind stands by a phrase, and not nearer to another one."""
        return any(cue.kind == kind and self._is_beside(cue, span, near) for cue in self._acting)

    def time_of(self, span: Span) -> Said | None:
        """Return the time that a phrase is given: the next one behind it, else one before it.

        A time in a part of its own, without a finding, belongs to the part before.
        """
        part = self._parts[span.start]
        before = None
        for each in self._said:
            own = self._parts[each.start]
            if each.start >= span.stop and own in {part, part + 1}:
                same_clause = self._clauses[each.start] == self._clauses[span.start]
                if same_clause and (own == part or own not in self._named):
                    return each
            elif (
                each.stop <= span.start
                and own == part
                and all(each.start < other.stop for other in self._named.get(part, ()))
            ):
                before = each
        return before

    def _divide(self) -> tuple[list[int], list[int]]:
        contrasts = {cue.start for cue in self._cues if cue.kind == "contrast"}
        saying = {cue.start for cue in self._cues if cue.kind in _SAYS_MORE}
        parts: list[int] = []
        clauses: list[int] = []
        part = clause = 0
        is_empty = True
        for at, token in enumerate(self._tokens):
            if at in contrasts:
                clause += 1
                part += 1
            elif token in _BREAKS:
                part += not is_empty
            elif token in _JOINS and at + 1 in saying:
                part += 1
            parts.append(part)
            clauses.append(clause)
            is_empty = token in _OPENINGS
            part += token == ASKS
        return parts, clauses

    def _count(self, kind: str) -> list[int]:
        """Return, for each token, how many words of a kind end before it."""
        ends = [0] * (len(self._tokens) + 1)
        stops = [cue.stop for cue in self._cues if cue.kind == kind]
        if not stops:
            return ends
        for stop in stops:
            ends[stop] += 1
        return list(accumulate(ends))

    def _between(self, counted: list[int], cue: CueSpan, span: Span) -> bool:
        """Tell whether a counted word stands between a cue and a phrase behind it."""
        return counted[span.start] > counted[min(cue.stop, span.start)]

    def _count_parts(self) -> tuple[list[int], list[int]]:
        """Return how many parts up to each say something of their own, and how many end a list."""
        listing = {self._parts[at] for at, token in enumerate(self._tokens) if token in _LIST}
        more = {self._parts[cue.start] for cue in self._cues if cue.kind in _SAYS_MORE} - listing
        timed = {self._parts[each.start] for each in self._said} - listing
        numbers = range(self._parts[-1] + 1)
        return (
            list(accumulate(part in more for part in numbers)),
            list(accumulate(part in more or part in timed for part in numbers)),
        )

    def _reaches_forward(self, cue: CueSpan, span: Span) -> bool:
        first, last = self._parts[cue.start], self._parts[span.start]
        if cue.reach == "part":
            return first == last
        if not cue.reach or cue.reach == "back" or cue.start >= span.start:
            return False
        if cue.reach == "next" and first != last:
            return False
        if cue.kind == "negated" and cue.start in self._answers:
            return False
        told = self._between(self._telling_before, cue, span)
        if cue.kind == "hypothetical" and cue.reach == "rest":
            return first == last or not told
        asked = cue.kind in _QUESTIONS and self._between(self._grounds_before, cue, span)
        return not (told or asked) and self._is_in_list(cue, first, last)

    def _is_in_list(self, cue: CueSpan, first: int, last: int) -> bool:
        """Tell whether a part still belongs to what a word announces in an earlier one."""
        if cue.reach == "aside":
            opening = (self._parts.index(part) for part in range(first + 1, last + 1))
            return all(self._tokens[at] in _ASIDES for at in opening)
        ending = self._more_before if cue.reach == "rest" else self._ends_before
        return cue.reach == "next" or ending[last] == ending[first]

    def _reaches_back(self, cue: CueSpan, span: Span) -> bool:
        if span.stop > cue.start:
            return False
        part = self._parts[span.start]
        if cue.kind == "negated":
            return part >= self._answers.get(cue.start, part + 1)
        same = self._parts[cue.start] == part
        return cue.reach == "back" and (same or cue.kind == "hypothetical")

    def _find_answers(self) -> dict[int, int]:
        """Return the denials that speak of what stands before, each with its first part.

        A word that also denies what follows is an answer where nothing follows it in its part.
        """
        denials = [cue for cue in self._acting if cue.kind == "negated"]
        forward = {cue.start for cue in denials if cue.reach != "back"}
        return {
            cue.start: self._answered_from(cue)
            for cue in denials
            if cue.start not in forward or (self._follows_any(cue) and self._ends_its_part(cue))
        }

    def _answered_from(self, cue: CueSpan) -> int:
        """Return the first part that an answer is about.

        An answer set off by a sign, or behind a list closed with "and", is about the whole list.
        """
        part = self._parts[cue.start]
        before = self._tokens[cue.start - 1] if cue.start else ""
        if before in _ALL:
            return 0
        if before in _DASHES:
            part = max(part - 1, 0)
        elif before not in _BEFORE_ANSWER and not self._closes_a_list(part, cue.start):
            return part
        while part and self._is_bare(part - 1):
            part -= 1
        return part

    def _closes_a_list(self, part: int, stop: int) -> bool:
        """Tell whether a part names findings joined by "and" or "or", up to a token."""
        named = [span for span in self._named.get(part, ()) if span.stop <= stop]
        begin = self._parts.index(part)
        words = self._tokens[begin:stop]
        first = next((each for each in words if each not in _BREAKS), "")
        joined = len(named) > 1 and not _CLOSING.isdisjoint(words)
        return joined or (bool(named) and first in _CLOSING)

    def _is_bare(self, part: int) -> bool:
        """Tell whether a part only lists: findings, without a verb, a time or another denial."""
        return (
            part in self._named
            and all(self._parts[each.start] != part for each in self._said)
            and not any(
                self._parts[cue.start] == part and (cue.kind in _SAYS_MORE or cue.kind == "negated")
                for cue in self._cues
            )
        )

    def _follows_any(self, cue: CueSpan) -> bool:
        """Tell whether anything is named before an answer: "Negatives - fever" is a heading."""
        return any(span.stop <= cue.start for each in self._named.values() for span in each)

    def _ends_its_part(self, cue: CueSpan) -> bool:
        stop = cue.stop
        if stop >= len(self._tokens) or self._parts[stop] != self._parts[cue.start]:
            return True
        return self._tokens[stop] in _AFTER_ANSWER and any(
            span.stop <= cue.start for span in self._named.get(self._parts[cue.start], ())
        )

    def _is_presenting(self, cue: CueSpan) -> bool:
        """Tell whether a "history of" says since when: "h/o 2 days of fever" is now."""
        return any(
            each.start == cue.stop and each.lasting and 0 < each.most <= _PRESENT
            for each in self._said
        )

    def _is_told_by_relative(self, cue: CueSpan) -> bool:
        """Tell whether a relative only tells: "wife reports that he soils himself"."""
        return any(
            other.kind == "reporting" and 0 <= other.start - cue.stop <= 1 for other in self._cues
        )

    def _is_beside(self, cue: CueSpan, span: Span, near: int) -> bool:
        part, own = self._parts[cue.start], self._parts[span.start]
        if self._clauses[cue.start] != self._clauses[span.start]:
            return False
        if part != own:
            return part == own + 1 and part not in self._named
        gap = _gap(cue, span)
        return gap <= near and all(
            gap <= _gap(cue, other) for other in self._named[own] if not other.meets(span)
        )

    def _is_age(self, said: Said) -> bool:
        return any(
            cue.kind == "age" and cue.start < said.stop and said.start < cue.stop
            for cue in self._cues
        )


def _gap(cue: CueSpan, span: Span) -> int:
    return max(cue.start - span.stop, span.start - cue.stop, 0)
