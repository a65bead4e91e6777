"""The laws that hold for every patient, tried on random ones with the content that ships."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import HealthCheck, Phase, assume, find, given, settings
from hypothesis import strategies as st

from cds_service.clinical.decision import Decision, Gate
from cds_service.clinical.facts import Evidence, Facts, Finding, Occurrence
from cds_service.clinical.triage import decide
from cds_service.clinical.truth import Truth
from cds_service.clinical.windows import Since
from cds_service.content.cases import CASE_DAY, Case
from cds_service.content.load import load

CONTENT = load()
PROTOCOL = CONTENT.protocols["documents"]
CRITERIA = {criterion.id: criterion for criterion in PROTOCOL.criteria}
DANGERS = [
    criterion.id for criterion in PROTOCOL.criteria if PROTOCOL.courses[criterion.course].danger
]
FINDINGS = sorted(CONTENT.findings)
ORDER = [
    *("emergency", "imaging", "imagingnotindicated", "review", "neurology"),
    *("physiotherapy", "contributing", "selfcare", "redflagcheck"),
]
URGENCY = {"critical": 3, "warning": 2, "info": 1}
SILENT = frozenset(name for name in FINDINGS if CONTENT.findings[name].absent_after)
ASKED = sorted({name for each in DANGERS for name in CRITERIA[each].needs} - {"back-pain"})
DENIED = {name: Finding(name, Truth.ABSENT) for name in FINDINGS}

law = settings(
    max_examples=120,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


# --- random patients ----------------------------------------------------------------------------


@st.composite
def beginnings(draw: st.DrawFn) -> Since | None:
    """Draw no date, an instant, a stretch of days, an open beginning, or one in the future."""
    zone = timezone(timedelta(hours=draw(st.integers(-11, 13))))
    hours = draw(st.sampled_from([-50, -3, 0, 2, 71, 72, 73, 170, 400, 720, 750, 1008, 1040, 9000]))
    latest = (CASE_DAY - timedelta(hours=hours)).astimezone(zone)
    kind = draw(st.sampled_from(["none", "instant", "days", "open"]))
    if kind == "none":
        return None
    if kind == "instant":
        return Since(latest, latest)
    return Since(latest - timedelta(days=20) if kind == "days" else None, latest)


@st.composite
def occurrences(draw: st.DrawFn) -> Occurrence:
    value = draw(st.sampled_from([None, 1.0, 3.0, 7.0, 37.5, 38.0, 38.9, 39.0, 39.5]))
    says = draw(st.sampled_from(["one", "another"]))
    return Occurrence(draw(beginnings()), value, Evidence(f"Observation/{says}", says))


@st.composite
def answers(draw: st.DrawFn, name: str) -> Finding:
    state = draw(st.sampled_from(Truth))
    fewest = 1 if state is Truth.PRESENT else 0
    found = draw(st.lists(occurrences(), min_size=fewest, max_size=3))
    return Finding(name, state, tuple(found))


def settled(name: str) -> st.SearchStrategy[Finding]:
    return answers(name).filter(lambda finding: finding.state is not Truth.UNKNOWN)


@st.composite
def patients(draw: st.DrawFn) -> Facts:
    """Draw a patient with back pain, most of the time; the rest is unheard, silent or denied."""
    names = draw(st.lists(st.sampled_from(FINDINGS), max_size=12, unique=True))
    findings = {name: draw(answers(name)) for name in names}
    if draw(st.integers(0, 9)):
        findings["back-pain"] = Finding(
            "back-pain",
            Truth.PRESENT,
            tuple(draw(st.lists(occurrences(), min_size=1, max_size=2))),
        )
        findings.pop("deceased", None)
    rest = draw(st.sampled_from(["unheard", "silent", "denied", "denied"]))
    if rest == "denied":
        findings = {**DENIED, **findings}
        for name in draw(st.lists(st.sampled_from(ASKED), max_size=2)):
            findings.pop(name, None)
    conditions = draw(st.sampled_from(["searched", "searched", "incomplete", "not asked for"]))
    return Facts(
        CASE_DAY,
        findings,
        silent=SILENT if rest == "silent" else frozenset(),
        searched=frozenset({"Condition"} if conditions == "searched" else ()),
        incomplete=frozenset({"Condition"} if conditions == "incomplete" else ()),
    )


def unheard(facts: Facts) -> list[str]:
    return [name for name in FINDINGS if facts.get(name).state is Truth.UNKNOWN]


def but_with(facts: Facts, *findings: Finding) -> Facts:
    return replace(facts, findings={**facts.findings, **{each.name: each for each in findings}})


def topics(decision: Decision) -> list[str]:
    return [card.topic for card in decision.recommendations]


def urgency(decision: Decision) -> int:
    return max((URGENCY[card.indicator] for card in decision.recommendations), default=0)


def dangers(decision: Decision) -> set[Truth]:
    return {decision.truths[name] for name in DANGERS}


def judge(facts: Facts) -> Decision:
    return decide(facts, PROTOCOL)


# --- 1. one more danger never lowers the urgency ------------------------------------------------

MET_ROWS = [
    (name, case)
    for name in DANGERS
    for case in CONTENT.criteria[name].cases
    if case.expect is Truth.PRESENT
]


def add(facts: Facts, case: Case) -> Facts:
    """Give a patient what is present in a worked case, beside all that is known already."""
    return but_with(
        facts,
        *(
            Finding(
                more.name,
                Truth.PRESENT,
                (*_present(facts.get(more.name)), *more.occurrences),
            )
            for more in case.facts.findings.values()
            if more.state is Truth.PRESENT
        ),
    )


def _present(finding: Finding) -> tuple[Occurrence, ...]:
    return finding.occurrences if finding.state is Truth.PRESENT else ()


@law
@given(patients(), st.sampled_from(MET_ROWS))
def test_one_more_danger_never_lowers_the_urgency(facts: Facts, danger: tuple[str, Case]) -> None:
    before, after = judge(facts), judge(add(facts, danger[1]))
    assert urgency(after) >= urgency(before)


@law
@given(patients(), st.sampled_from(MET_ROWS))
def test_a_danger_is_shown_whatever_else_is_known(facts: Facts, danger: tuple[str, Case]) -> None:
    name, case = danger
    after = judge(add(facts, case))
    assume(after.truths[name] is Truth.PRESENT)
    if after.gate is Gate.OPEN:
        assert urgency(after) >= URGENCY[PROTOCOL.courses[CRITERIA[name].course].indicator]


@law
@given(patients(), st.data())
def test_what_adds_to_the_spasm_lowers_nothing(facts: Facts, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(["statin", "stress", "low-sodium", "dehydration"]))
    now = Occurrence(None, None, Evidence("Condition/1", "recorded"))
    after = judge(but_with(facts, Finding(name, Truth.PRESENT, (now,))))
    before = judge(facts)
    assert urgency(after) >= urgency(before)
    assert set(topics(before)) <= {*topics(after)}


# --- 2. forgetting an answer never turns a warning into reassurance -----------------------------


def check_reassurance(decision: Decision) -> None:
    """Reassure only where every danger is denied; send to exercise only where that is said."""
    shown = topics(decision)
    if "selfcare" in shown:
        assert dangers(decision) == {Truth.ABSENT}
    if "physiotherapy" in shown:
        assert Truth.PRESENT not in dangers(decision)
        card = decision.recommendations[shown.index("physiotherapy")]
        unanswered = Truth.UNKNOWN in dangers(decision)
        assert card.conditional is unanswered
        assert ("redflagcheck" in shown) is unanswered


@law
@given(patients())
def test_reassurance_needs_every_danger_denied(facts: Facts) -> None:
    check_reassurance(judge(facts))


@law
@given(patients(), st.data())
def test_forgetting_never_turns_a_warning_into_reassurance(
    facts: Facts, data: st.DataObject
) -> None:
    before = judge(facts)
    assume(urgency(before) > URGENCY["info"])
    names = data.draw(st.lists(st.sampled_from(sorted(facts.findings)), min_size=1, unique=True))
    kept = {name: each for name, each in facts.findings.items() if name not in names}
    after = judge(replace(facts, findings=kept, silent=facts.silent - set(names)))
    check_reassurance(after)
    assert "selfcare" not in topics(after)
    assert all(card.conditional for card in after.recommendations if card.topic == "physiotherapy")


NOW = Occurrence(Since(CASE_DAY, CASE_DAY), 39.5, Evidence("Observation/1", "recorded"))
SAFE = Facts(CASE_DAY, {**DENIED, "back-pain": Finding("back-pain", Truth.PRESENT, (NOW,))})
ALONE = [
    name for name in ASKED if judge(but_with(SAFE, Finding(name, Truth.PRESENT, (NOW,)))).danger
]


def test_short_pain_with_every_danger_denied_is_for_self_care() -> None:
    assert topics(judge(SAFE)) == ["selfcare"]


@pytest.mark.parametrize("name", ALONE)
def test_one_unanswered_danger_is_enough_to_take_the_self_care_card_away(name: str) -> None:
    forgotten = judge(but_with(SAFE, Finding(name, Truth.UNKNOWN)))
    assert topics(forgotten) == ["redflagcheck"]
    assert [each.finding for each in forgotten.unanswered] == [name]


def test_the_dangers_that_need_no_second_finding() -> None:
    assert {"saddle-numbness", "bladder-control-lost", "cancer", "fever", "weight-loss"} <= {*ALONE}
    assert len(ALONE) > 20


@law
@given(patients())
def test_what_is_unanswered_is_asked(facts: Facts) -> None:
    decision = judge(facts)
    waiting = [name for name in DANGERS if decision.truths[name] is Truth.UNKNOWN]
    asked = {criterion for each in decision.unanswered for criterion in each.criteria}
    assert asked == set(waiting)
    if decision.recommendations:
        expected = bool(waiting) and "emergency" not in topics(decision)
        assert ("redflagcheck" in topics(decision)) is expected


# --- 3. learning more never unsays a settled verdict --------------------------------------------


@law
@given(patients(), st.data())
def test_learning_more_never_unsays_a_settled_verdict(facts: Facts, data: st.DataObject) -> None:
    unknown = unheard(facts)
    assume(unknown)
    names = data.draw(st.lists(st.sampled_from(unknown), min_size=1, max_size=8, unique=True))
    before = judge(facts)
    after = judge(but_with(facts, *(data.draw(settled(name)) for name in names)))
    for name, truth in before.truths.items():
        if truth is not Truth.UNKNOWN:
            assert after.truths[name] is truth, name
    if before.gate is Gate.OPEN and "deceased" not in names:
        assert after.gate is Gate.OPEN


# --- 4. nothing missing counts as absent --------------------------------------------------------


@law
@given(patients())
def test_a_search_that_failed_denies_nothing(facts: Facts) -> None:
    heard = judge(facts)
    failed = judge(
        replace(
            facts, silent=frozenset(), searched=frozenset(), incomplete=frozenset({"Condition"})
        )
    )
    for name, truth in failed.truths.items():
        assert truth in {heard.truths[name], Truth.UNKNOWN}, name
    if not failed.danger:
        assert failed.recommendations == ()
        assert not failed.judged or failed.gate is Gate.SHUT


def test_of_nobody_who_was_never_asked_anything_is_known() -> None:
    decision = judge(Facts(CASE_DAY, {}))
    assert set(decision.truths.values()) == {Truth.UNKNOWN}
    assert (decision.gate, decision.judged) == (Gate.UNKNOWN, False)


@law
@given(patients())
def test_a_hint_decides_nothing(facts: Facts) -> None:
    hint = Occurrence(None, 39.5, Evidence("Condition/weak", "a weak code"))
    hinted = but_with(facts, *(Finding(name, Truth.UNKNOWN, (hint,)) for name in unheard(facts)))
    assert judge(hinted).truths == judge(facts).truths


# --- 5. the same facts give the same decision ---------------------------------------------------


@law
@given(patients())
def test_the_same_facts_in_any_order_give_the_same_decision(facts: Facts) -> None:
    turned = replace(facts, findings=dict(reversed(list(facts.findings.items()))))
    assert judge(facts) == judge(turned)
    assert judge(facts).verdicts == judge(turned).verdicts


@law
@given(patients())
def test_a_verdict_and_its_reasons_agree(facts: Facts) -> None:
    decision = judge(facts)
    assert {each.criterion: each.truth for each in decision.verdicts} == decision.truths
    for verdict in decision.verdicts:
        assert bool(verdict.missing) is (verdict.truth is Truth.UNKNOWN), verdict.criterion
        if verdict.truth is Truth.PRESENT:
            assert verdict.because, verdict.criterion


# --- the cards ----------------------------------------------------------------------------------


@law
@given(patients())
def test_cards_stand_in_the_order_of_the_contract_one_for_each_topic(facts: Facts) -> None:
    decision = judge(facts)
    shown = topics(decision)
    assert shown == [topic for topic in ORDER if topic in shown]
    urgencies = [URGENCY[card.indicator] for card in decision.recommendations]
    assert urgencies == sorted(urgencies, reverse=True)
    if "emergency" in shown:
        assert shown == ["emergency"]


@law
@given(patients())
def test_every_card_says_why(facts: Facts) -> None:
    decision = judge(facts)
    for card in decision.recommendations:
        expected = Truth.UNKNOWN if card.topic == "redflagcheck" else Truth.PRESENT
        assert {verdict.truth for verdict in card.verdicts} == {expected}
        assert all(verdict.because or verdict.missing for verdict in card.verdicts)


@law
@given(patients())
def test_there_are_cards_only_for_back_pain(facts: Facts) -> None:
    decision = judge(facts)
    if decision.gate is not Gate.OPEN:
        assert decision.recommendations == ()
    if facts.get("deceased").state is Truth.PRESENT:
        assert decision.gate is Gate.SHUT


# --- the random patients are worth the trouble --------------------------------------------------

REACHED = settings(law, max_examples=5000, phases=[Phase.generate])


@pytest.mark.parametrize("topic", [topic for topic in ORDER if topic != "imagingnotindicated"])
def test_random_patients_get_every_card(topic: str) -> None:
    found = find(patients(), lambda facts: topic in topics(judge(facts)), settings=REACHED)
    assert topic in topics(judge(found))


@pytest.mark.parametrize("gate", Gate)
def test_random_patients_find_the_gate_in_every_state(gate: Gate) -> None:
    found = find(patients(), lambda facts: judge(facts).gate is gate, settings=REACHED)
    assert judge(found).gate is gate


def test_the_day_of_the_cases_is_no_day_of_today() -> None:
    assert datetime.fromisoformat("2026-03-17T12:00:00+00:00") == CASE_DAY
