"""Facts to verdicts, and verdicts to the decision: which cards matter, what was never asked."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from cds_service.clinical import truth as kleene
from cds_service.clinical.decision import Decision, Gate, Recommendation, Unanswered, Verdict
from cds_service.clinical.facts import Facts
from cds_service.clinical.occasion import WHOLE_PATIENT, Aim, suited
from cds_service.clinical.protocol import Place, Protocol
from cds_service.clinical.truth import Truth

if TYPE_CHECKING:
    from cds_service.clinical.facts import Evidence
    from cds_service.clinical.occasion import Occasion
    from cds_service.clinical.protocol import Course, Criterion


def decide(facts: Facts, protocol: Protocol, occasion: Occasion = WHOLE_PATIENT) -> Decision:
    """Turn the facts into recommendations, the most urgent first, and what was never asked.

    The occasion chooses among the recommendations; it never changes a verdict.
    """
    gate = open_gate(facts, protocol)
    touched = protocol.touched(facts.findings)
    truths = judge(facts, protocol, touched)
    danger = kleene.any_of(truths[place] for place in protocol.dangers)
    _reassure_last(truths, danger, protocol)
    reasons = _Reasons(facts, protocol, truths, touched)
    unanswered = _unanswered(reasons) if danger is not Truth.ABSENT else ()
    judged = gate is Gate.SHUT or (
        gate is Gate.OPEN and ("Condition" not in facts.incomplete or danger is Truth.PRESENT)
    )
    shown = judged and gate is Gate.OPEN
    return Decision(
        gate=gate,
        judged=judged,
        danger=danger is Truth.PRESENT,
        recommendations=_recommend(reasons, danger, occasion) if shown else (),
        truths=dict(zip(protocol.ids, truths, strict=True)),
        unanswered=unanswered,
        as_of=facts.as_of,
        profile=protocol.profile,
        digest=protocol.digest,
        notes=facts.notes,
        reasons=reasons,
    )


def open_gate(facts: Facts, protocol: Protocol) -> Gate:
    """Open if anything opens it; shut after a completed Condition search; otherwise unknown.

    The gate is the one place where completed conditions suffice to say no: otherwise every
    call from a record system that sends little would fail. Source: docs/reading.md, "The gate".
    """
    if facts.get(protocol.shut_by).state is Truth.PRESENT:
        return Gate.SHUT
    truth = protocol.gate.rule.judge(facts)
    if truth is Truth.PRESENT:
        return Gate.OPEN
    if truth is Truth.ABSENT or "Condition" in facts.searched:
        return Gate.SHUT
    return Gate.UNKNOWN


def judge(facts: Facts, protocol: Protocol, touched: set[int]) -> list[Truth]:
    """Judge every criterion. Only those that a heard finding touches need judging anew."""
    truths = [verdict.truth for verdict in _silence(protocol, facts.silent)]
    for place in touched:
        truths[place] = protocol.criteria[place].rule.judge(facts)
    return truths


@lru_cache(maxsize=64)
def _silence(protocol: Protocol, silent: frozenset[str]) -> tuple[Verdict, ...]:
    """Weigh a record that says nothing: no occurrence, so the moment does not matter."""
    nothing = Facts(as_of=_ANY_MOMENT, findings={}, silent=silent)
    return tuple([_verdict(each, nothing) for each in protocol.criteria])


def _verdict(criterion: Criterion, facts: Facts) -> Verdict:
    weighed = criterion.rule.weigh(facts)
    return Verdict(criterion.id, weighed.truth, weighed.because, weighed.missing)


_ANY_MOMENT = datetime(2000, 1, 1, tzinfo=UTC)


class _Reasons:
    """The reasons of one decision, weighed when they are asked for."""

    def __init__(
        self, facts: Facts, protocol: Protocol, truths: list[Truth], touched: set[int]
    ) -> None:
        self.facts: Final = facts
        self.protocol: Final = protocol
        self.truths: Final = truths
        self._touched: Final = touched
        self._silence: Final = _silence(protocol, facts.silent)
        self._weighed: Final[dict[int, Verdict]] = {}

    def verdict(self, place: int) -> Verdict:
        """Weigh one criterion, once; its truth is the one that the decision came to."""
        verdict = self._weighed.get(place)
        if verdict is None:
            if place in self._touched:
                verdict = _verdict(self.protocol.criteria[place], self.facts)
            else:
                verdict = self._silence[place]
            if place in self.protocol.reassuring:
                verdict = self._held_back(verdict, self.truths[place])
            self._weighed[place] = verdict
        return verdict

    def _held_back(self, verdict: Verdict, settled: Truth) -> Verdict:
        """Give a verdict that waits for the dangers their reasons, where they decide it."""
        if settled is Truth.PRESENT or verdict.truth is Truth.ABSENT:
            return verdict
        dangers = [
            self.verdict(at) for at in self.protocol.dangers if self.truths[at] is not Truth.ABSENT
        ]
        if settled is Truth.ABSENT:
            met = [each for each in dangers if each.truth is Truth.PRESENT]
            because = dict.fromkeys(evidence for each in met for evidence in each.because)
            return Verdict(verdict.criterion, settled, tuple(because))
        asked = dict.fromkeys(name for each in (verdict, *dangers) for name in each.missing)
        return Verdict(verdict.criterion, settled, verdict.because, tuple(asked))

    def verdicts(self) -> tuple[Verdict, ...]:
        """Weigh every criterion."""
        return tuple(self.verdict(place) for place in range(len(self.truths)))

    def gate_evidence(self) -> tuple[Evidence, ...]:
        """Weigh the gate."""
        shut = self.facts.get(self.protocol.shut_by)
        if shut.state is Truth.PRESENT:
            return tuple(each.evidence for each in shut.occurrences)
        return self.protocol.gate.rule.weigh(self.facts).because


def _unanswered(reasons: _Reasons) -> tuple[Unanswered, ...]:
    """List what the unknown dangers wait for: what is asked first, then the hinted, then the rest.

    Source: docs/reading.md, "Weak", "The red-flag check".
    """
    waiting: dict[str, list[str]] = {}
    for place in reasons.protocol.dangers:
        if reasons.truths[place] is Truth.UNKNOWN:
            verdict = reasons.verdict(place)
            for name in verdict.missing:
                waiting.setdefault(name, []).append(verdict.criterion)
    first: list[Unanswered] = []
    hinted: list[Unanswered] = []
    rest: list[Unanswered] = []
    asked_first = reasons.protocol.ask_first
    for name, criteria in waiting.items():
        each = Unanswered(name, tuple(criteria), _hints(name, reasons.facts))
        # The dangers stand in the order to ask, so the first criterion is the most urgent one.
        group = first if criteria[0] in asked_first else hinted if each.hints else rest
        group.append(each)
    return (*first, *hinted, *rest)


def _hints(name: str, facts: Facts) -> tuple[Evidence, ...]:
    finding = facts.findings.get(name)
    if finding is None or finding.state is not Truth.UNKNOWN:
        return ()
    return tuple(each.evidence for each in finding.occurrences)


def _reassure_last(truths: list[Truth], danger: Truth, protocol: Protocol) -> None:
    """Let a course that is left out while a danger is open be met only when none is.

    This is the part of H01 that no criterion file can say. Source: docs/reading.md, "Self-care".
    """
    for place in protocol.reassuring:
        truths[place] = kleene.all_of((truths[place], danger.negated()))


def _recommend(reasons: _Reasons, danger: Truth, occasion: Occasion) -> tuple[Recommendation, ...]:
    protocol = reasons.protocol
    called = _called(reasons, occasion)
    cards: dict[str, Recommendation] = {}
    for course in protocol.courses.values():
        stands = _place(course, danger)
        if course.id not in called or stands is Place.LEFT_OUT:
            continue
        verdicts = tuple(reasons.verdict(each) for each in called[course.id])
        if course.topic in cards:
            urgent = cards[course.topic]
            cards[course.topic] = urgent.with_verdicts(verdicts)
        else:
            cards[course.topic] = Recommendation(
                course=course.id,
                topic=course.topic,
                indicator=(occasion.signing and course.on_signing) or course.indicator,
                verdicts=verdicts,
                conditional=stands is Place.CONDITIONAL,
            )
        if course.alone:
            break
    spare = bool(occasion.aimed_at(Aim.IMAGING)) and _spares_radiation(reasons)
    shown = suited(tuple(cards.values()), occasion, protocol, spare_radiation=spare)
    return _remark(shown, danger, reasons)


def _called(reasons: _Reasons, occasion: Occasion) -> dict[str, list[int]]:
    """Return the courses that are called for, each with the places of the criteria that do so."""
    protocol, truths = reasons.protocol, reasons.truths
    called: dict[str, list[int]] = {}
    for place, truth in enumerate(truths):
        if truth is Truth.PRESENT:
            called.setdefault(protocol.criteria[place].course, []).append(place)
    asked = [place for place in protocol.dangers if truths[place] is Truth.UNKNOWN]
    if asked:
        called[protocol.check] = asked
    unmet = [place for place in protocol.supporting if truths[place] is not Truth.PRESENT]
    nothing_met = len(unmet) == len(protocol.supporting)
    if protocol.unsupported and nothing_met and occasion.aimed_at(Aim.IMAGING):
        # What is not answered, and what is not met though it is no danger, is why; a danger
        # that is denied needs no words.
        called[protocol.unsupported] = [
            place for place in unmet if place in asked or place not in protocol.dangers
        ] or unmet
    return called


def _spares_radiation(reasons: _Reasons) -> bool:
    """Tell whether no X-ray or CT is to be suggested."""
    return any(
        remark.spares_radiation and remark.rule.judge(reasons.facts) is Truth.PRESENT
        for remark in reasons.protocol.remarks
    )


def _place(course: Course, danger: Truth) -> Place:
    if danger is Truth.PRESENT:
        return course.while_danger
    return course.while_unanswered if danger is Truth.UNKNOWN else Place.SHOWN


def _remark(
    cards: tuple[Recommendation, ...], danger: Truth, reasons: _Reasons
) -> tuple[Recommendation, ...]:
    shown = [card.topic for card in cards]
    remarks: dict[str, list[str]] = {}
    for remark in reasons.protocol.remarks:
        if remark.unless_danger and danger is Truth.PRESENT:
            continue
        topics = shown if remark.on is None else [each for each in shown if each in remark.on][:1]
        if topics and remark.rule.judge(reasons.facts) is Truth.PRESENT:
            for topic in topics:
                remarks.setdefault(topic, []).append(remark.id)
    return tuple(
        card.with_remarks(tuple(remarks[card.topic])) if card.topic in remarks else card
        for card in cards
    )
