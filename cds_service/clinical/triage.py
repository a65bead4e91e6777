"""Facts to verdicts, and verdicts to the decision: which cards matter, what was never asked."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from cds_service.clinical import truth as kleene
from cds_service.clinical.decision import Decision, Gate, Recommendation, Unanswered, Verdict
from cds_service.clinical.facts import Facts
from cds_service.clinical.protocol import Place
from cds_service.clinical.truth import Truth

if TYPE_CHECKING:
    from cds_service.clinical.facts import Evidence
    from cds_service.clinical.protocol import Course, Criterion, Protocol


def decide(facts: Facts, protocol: Protocol) -> Decision:
    """Turn the facts into recommendations, the most urgent first, and what was never asked."""
    gate, gate_evidence = open_gate(facts, protocol)
    verdicts = judge(facts, protocol)
    danger = kleene.any_of(verdicts[place].truth for place in protocol.dangers)
    unanswered = _unanswered(protocol, verdicts, facts)
    _reassure_last(verdicts, danger, unanswered, protocol)
    judged = gate is Gate.SHUT or (
        gate is Gate.OPEN
        and ("Condition" not in facts.incomplete or danger is Truth.PRESENT)
    )
    recommendations: tuple[Recommendation, ...] = ()
    if judged and gate is Gate.OPEN:
        recommendations = _recommend(verdicts, danger, unanswered, facts, protocol)
    return Decision(
        gate=gate,
        gate_evidence=gate_evidence,
        judged=judged,
        danger=danger is Truth.PRESENT,
        recommendations=recommendations,
        verdicts=tuple(verdicts),
        unanswered=unanswered,
        as_of=facts.as_of,
        profile=protocol.profile,
        digest=protocol.digest,
        notes=facts.notes,
    )


def open_gate(facts: Facts, protocol: Protocol) -> tuple[Gate, tuple[Evidence, ...]]:
    """Open if anything opens it; shut after a completed Condition search; otherwise unknown.

    The gate is the one place where completed conditions suffice to say no: otherwise every
    call from a record system that sends little would fail. Source: CRITERIA, "Gate".
    """
    shut = facts.get(protocol.shut_by)
    if shut.state is Truth.PRESENT:
        return Gate.SHUT, tuple(each.evidence for each in shut.occurrences)
    weighed = protocol.gate.rule.weigh(facts)
    if weighed.truth is Truth.PRESENT:
        return Gate.OPEN, weighed.because
    if weighed.truth is Truth.ABSENT or "Condition" in facts.searched:
        return Gate.SHUT, weighed.because
    return Gate.UNKNOWN, weighed.because


def judge(facts: Facts, protocol: Protocol) -> list[Verdict]:
    """Judge every criterion. Only those that a heard finding touches need judging anew."""
    verdicts = list(_judge_silence(protocol, facts.silent))
    touched_by = protocol.touched_by
    for place in {place for name in facts.findings for place in touched_by.get(name, ())}:
        verdicts[place] = _verdict(protocol.criteria[place], facts)
    return verdicts


@lru_cache(maxsize=64)
def _judge_silence(protocol: Protocol, silent: frozenset[str]) -> tuple[Verdict, ...]:
    """Judge a record that says nothing: no occurrence, so the moment does not matter."""
    nothing = Facts(as_of=_ANY_MOMENT, findings={}, silent=silent)
    return tuple(_verdict(criterion, nothing) for criterion in protocol.criteria)


_ANY_MOMENT = datetime(2000, 1, 1, tzinfo=UTC)


def _verdict(criterion: Criterion, facts: Facts) -> Verdict:
    return Verdict(criterion.id, *criterion.rule.weigh(facts))


def _unanswered(protocol: Protocol, verdicts: list[Verdict], facts: Facts) -> tuple[Unanswered, ...]:
    """List what the unknown dangers wait for: what is asked first, then the hinted, then the rest.

    Source: CRITERIA, "Words": weak; "Red-flag check".
    """
    waiting: dict[str, list[str]] = {}
    for place in protocol.dangers:
        verdict = verdicts[place]
        if verdict.truth is Truth.UNKNOWN:
            for name in verdict.missing:
                waiting.setdefault(name, []).append(verdict.criterion)
    listed = [
        Unanswered(name, tuple(criteria), _hints(name, facts)) for name, criteria in waiting.items()
    ]
    first = frozenset(protocol.ask_first)
    return tuple(
        sorted(listed, key=lambda each: (first.isdisjoint(each.criteria), not each.hints))
    )


def _hints(name: str, facts: Facts) -> tuple[Evidence, ...]:
    finding = facts.findings.get(name)
    if finding is None or finding.state is not Truth.UNKNOWN:
        return ()
    return tuple(each.evidence for each in finding.occurrences)


def _reassure_last(
    verdicts: list[Verdict],
    danger: Truth,
    unanswered: tuple[Unanswered, ...],
    protocol: Protocol,
) -> None:
    """Let a course that is left out while a danger is open be met only when none is.

    This is the part of H01 that no criterion file can say. Source: CRITERIA, "Self-care".
    """
    for place, criterion in enumerate(protocol.criteria):
        course = protocol.courses[criterion.course]
        if course.while_unanswered is Place.LEFT_OUT:
            verdict = verdicts[place]
            truth = kleene.all_of((verdict.truth, danger.negated()))
            missing = verdict.missing
            if truth is Truth.UNKNOWN and danger is Truth.UNKNOWN:
                missing = (*missing, *(each.finding for each in unanswered))
            verdicts[place] = replace(verdict, truth=truth, missing=missing)


def _recommend(
    verdicts: list[Verdict],
    danger: Truth,
    unanswered: tuple[Unanswered, ...],
    facts: Facts,
    protocol: Protocol,
) -> tuple[Recommendation, ...]:
    called: dict[str, list[Verdict]] = {}
    for criterion, verdict in zip(protocol.criteria, verdicts, strict=True):
        if verdict.truth is Truth.PRESENT:
            called.setdefault(criterion.course, []).append(verdict)
    if unanswered:
        called[protocol.check] = [
            verdicts[place]
            for place in protocol.dangers
            if verdicts[place].truth is Truth.UNKNOWN
        ]
    cards: dict[str, Recommendation] = {}
    for course in protocol.courses.values():
        if course.id not in called or _place(course, danger) is Place.LEFT_OUT:
            continue
        card = _card(course, called[course.id], _place(course, danger))
        if course.topic in cards:
            urgent = cards[course.topic]
            card = replace(urgent, verdicts=urgent.verdicts + card.verdicts)
        cards[course.topic] = card
        if course.alone:
            break
    return _remark(tuple(cards.values()), danger, facts, protocol)


def _place(course: Course, danger: Truth) -> Place:
    if danger is Truth.PRESENT:
        return course.while_danger
    return course.while_unanswered if danger is Truth.UNKNOWN else Place.SHOWN


def _card(course: Course, verdicts: list[Verdict], place: Place) -> Recommendation:
    return Recommendation(
        course=course.id,
        topic=course.topic,
        indicator=course.indicator,
        verdicts=tuple(verdicts),
        conditional=place is Place.CONDITIONAL,
    )


def _remark(
    cards: tuple[Recommendation, ...], danger: Truth, facts: Facts, protocol: Protocol
) -> tuple[Recommendation, ...]:
    shown = [card.topic for card in cards]
    remarks: dict[str, list[str]] = {}
    for remark in protocol.remarks:
        if remark.unless_danger and danger is Truth.PRESENT:
            continue
        topics = shown if remark.on is None else [t for t in shown if t in remark.on][:1]
        if topics and remark.rule.judge(facts) is Truth.PRESENT:
            for topic in topics:
                remarks.setdefault(topic, []).append(remark.id)
    return tuple(
        replace(card, remarks=tuple(remarks[card.topic])) if card.topic in remarks else card
        for card in cards
    )
