"""How far the words of a sentence reach: its parts, its contrasts, and what falls under which."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

from cds_service.fhir.tokens import ASKS

if TYPE_CHECKING:
    from cds_service.fhir.lexicon import CueSpan, Span
    from cds_service.fhir.times import Said

_BREAKS = frozenset({",", "(", ")", "-", "\u2013", "\u2014"})
_JOINS = frozenset({"and", "with", "then"})
_LIST = frozenset({"or", "nor"})
_SAYS_MORE = frozenset({"telling", "stating"})
_ALL = frozenset({"all", "both", "were", "are"})
_AFTER_ANSWER = frozenset({"and", "by", "at", "today", "on", "now", "this"})


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
        self._acting = [cue for cue in free if not self._is_told_by_relative(cue)]
        self._answers = self._find_answers()
        self._telling_before = self._count_telling()
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
                and all(each.start < other.stop for other in self._named[part])
            ):
                before = each
        return before

    def _divide(self) -> tuple[list[int], list[int]]:
        contrasts = {cue.start for cue in self._cues if cue.kind == "contrast"}
        saying = {cue.start for cue in self._cues if cue.kind in _SAYS_MORE}
        parts: list[int] = []
        clauses: list[int] = []
        part = clause = 0
        for at, token in enumerate(self._tokens):
            if at in contrasts:
                clause += 1
                part += 1
            elif token in _BREAKS or (token in _JOINS and at + 1 in saying):
                part += 1
            parts.append(part)
            clauses.append(clause)
            part += token == ASKS
        return parts, clauses

    def _count_telling(self) -> list[int]:
        """Return, for each token, how many words that tell of something new end before it."""
        ends = [0] * (len(self._tokens) + 1)
        for cue in self._cues:
            if cue.kind == "telling":
                ends[cue.stop] += 1
        return list(accumulate(ends))

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
        if not cue.reach or cue.reach == "back" or cue.start >= span.start or cue in self._answers:
            return False
        if cue.kind == "hypothetical":
            return True
        if self._telling_before[span.start] > self._telling_before[min(cue.stop, span.start)]:
            return False
        if cue.reach == "next":
            return first == last
        ending = self._more_before if cue.reach == "rest" else self._ends_before
        return ending[last] == ending[first]

    def _reaches_back(self, cue: CueSpan, span: Span) -> bool:
        if span.stop > cue.start:
            return False
        same = self._parts[cue.start] == self._parts[span.start]
        if cue.kind == "negated":
            return cue in self._answers and (same or self._is_of_all(cue))
        return cue.reach == "back" and (same or cue.kind == "hypothetical")

    def _find_answers(self) -> set[CueSpan]:
        """Return the denials that speak of what stands before: "fever unlikely", "fever: no".

        A word that also denies what follows is an answer where nothing follows it in its part.
        """
        denials = [cue for cue in self._acting if cue.kind == "negated"]
        forward = {cue.start for cue in denials if cue.reach != "back"}
        return {cue for cue in denials if cue.start not in forward or self._ends_its_part(cue)}

    def _ends_its_part(self, cue: CueSpan) -> bool:
        stop = cue.stop
        if stop >= len(self._tokens) or self._parts[stop] != self._parts[cue.start]:
            return True
        return self._tokens[stop] in _AFTER_ANSWER and any(
            span.stop <= cue.start for span in self._named.get(self._parts[cue.start], ())
        )

    def _is_of_all(self, cue: CueSpan) -> bool:
        """Tell whether an answer is about all that was listed: "fever, chills all denied"."""
        return cue.start > 0 and self._tokens[cue.start - 1] in _ALL

    def _is_told_by_relative(self, cue: CueSpan) -> bool:
        """Tell whether a relative only tells: "wife reports that he soils himself"."""
        return cue.kind == "family" and any(
            other.kind == "reporting" and 0 <= other.start - cue.stop <= 1 for other in self._cues
        )

    def _is_beside(self, cue: CueSpan, span: Span, near: int) -> bool:
        part, own = self._parts[cue.start], self._parts[span.start]
        if self._clauses[cue.start] != self._clauses[span.start]:
            return False
        if part != own:
            return part == own + 1 and part not in self._named
        gap = _gap(cue, span)
        return gap <= near and all(gap <= _gap(cue, other) for other in self._named[own])

    def _is_age(self, said: Said) -> bool:
        return any(
            cue.kind == "age" and cue.start < said.stop and said.start < cue.stop
            for cue in self._cues
        )


def _gap(cue: CueSpan, span: Span) -> int:
    return max(cue.start - span.stop, span.start - cue.stop, 0)
