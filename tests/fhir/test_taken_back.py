"""What a note names without saying it: empty forms, advice, denied excuses, questions."""

from __future__ import annotations

import pytest

from cds_service.content.load import load
from cds_service.fhir.index import Index
from cds_service.fhir.marks import spelled_out
from tests.fhir.builders import (
    BACK_PAIN,
    CANNOT_TELL,
    MET,
    ago,
    concept,
    condition,
    judged,
    resource,
)

INDEX = Index(load())


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("[ ] incontinence [x] fever", ";☐ incontinence ;☒ fever"),
        ("Red flags: ☐ fever ☑ night pain", "Red flags: ;☐ fever ;☒ night pain"),
        ("Incontinence [ ] Fever [x]", "Incontinence ☐; Fever ☒;"),
        ("No box here (only an aside)", "No box here (only an aside)"),
        ("Incontinence? [ ] Yes [x] No", "Incontinence: no;"),
        ("Incontinence? [x] Yes [ ] No", "Incontinence: yes; "),
        ("Saddle numbness Y / N", "Saddle numbness  not asked;"),
        ("Saddle numbness (Y/N): N", "Saddle numbness no;"),
        ("Fever N Night pain Y", "Fever no; Night pain yes;"),
        ("P&N left leg, N/V, S1 N.", "P&N left leg, N/V, S1 no;."),
        ("fever-, weight loss-", "fever: no;, weight loss: no;"),
        ("pre- and post-op", "pre- and post-op"),
        ("urinary retention-\nsince today", "urinary retention-\nsince today"),
        ("Fever? No", "Fever: no;"),
        ("Fever? Yes.", "Fever: yes;."),
        ("Fever? No change seen", "Fever? No change seen"),
        ("Fever ....... No", "Fever: No"),
        ("(\u2212) fever", "(-) fever"),
    ],
)
def test_the_signs_of_a_form_are_spelled_out(typed: str, meant: str) -> None:
    assert spelled_out(typed).split() == meant.split()


def said_in(text: str) -> list[str]:
    return [" ".join(filter(None, (m.finding.id, m.doubt))) for m in INDEX.text.read(text)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        # An answer set off by a sign, or behind a closed list, is about all of it.
        ("Foot drop, night pain - none", "leg-weakness negated, night-pain negated"),
        ("Foot drop, night pain: none", "leg-weakness negated, night-pain negated"),
        (
            "Foot drop, fever and night pain absent",
            "leg-weakness negated, fever-unmeasured negated, night-pain negated",
        ),
        # ... but not about what says something of its own, or stands by itself.
        ("Foot drop since Monday, night pain: none", "leg-weakness, night-pain negated"),
        ("Foot drop is new, night pain: none", "leg-weakness, night-pain negated"),
        ("Foot drop, night pain absent", "leg-weakness, night-pain negated"),
        ("Pertinent negatives: foot drop, night pain", "leg-weakness negated, night-pain negated"),
        # Advice ends where somebody tells; an allergy reaches into its brackets only.
        ("Return precautions given, reports foot drop", "leg-weakness"),
        (
            "Return precautions for foot drop, night pain",
            "leg-weakness hypothetical, night-pain hypothetical",
        ),
        ("Penicillin allergy (SOB), foot drop", "breathing-difficulty hypothetical, leg-weakness"),
        ("Has come back with foot drop", "leg-weakness"),
        ("Vaccinated last week, foot drop", "leg-weakness"),
        ("Consent given, foot drop on the left", "leg-weakness"),
        # A question does not swallow its reason.
        ("r/o discitis after fall from roof", "spinal-infection questioned, major-trauma"),
        ("low suspicion for discitis", "spinal-infection questioned"),
        ("H/o 2 days of urinary retention", "bladder-control-lost"),
        ("H/o urinary retention", "bladder-control-lost history"),
        # An excuse counts only where it is not taken back itself.
        ("Urinary retention, BPH excluded", "bladder-control-lost"),
        ("Weight loss, no change in diet", "weight-loss"),
        ("Foot drop, left, worsening", "leg-weakness, leg-weakness-worsening"),
    ],
)
def test_how_far_words_reach_in_lists_and_asides(text: str, said: str) -> None:
    assert sorted(said_in(text)) == sorted(said.split(", "))


@pytest.mark.parametrize(
    "wording", ["cannot", "is unable to", "has not been able to", "can no longer"]
)
@pytest.mark.parametrize("act", ["pass urine", "pass water", "void"])
def test_wordings_alike_say_the_same(wording: str, act: str) -> None:
    assert said_in(f"{wording} {act}") == ["bladder-control-lost"]


def test_a_number_in_a_phrase_may_be_any() -> None:
    assert said_in("lost 9 kg") == said_in("lost 12kg") == ["weight-loss"]
    assert said_in("lost some kg") == []


@pytest.mark.parametrize(
    ("code", "text", "criterion", "state"),
    [
        ("R33.9", "Urinary retention, not due to BPH", "E01", MET),
        ("R33.9", "Urinary retention due to BPH", "E01", CANNOT_TELL),
        ("R32", "New urinary incontinence (previous stress incontinence)", "E01", MET),
        ("R63.4", "Weight loss, not intentional", "R05", MET),
        ("R63.4", "Weight loss, intentional", "R05", CANNOT_TELL),
        ("R07.9", "Chest pain, not musculoskeletal", "E06", MET),
    ],
)
def test_only_an_excuse_that_holds_takes_the_alarm_out_of_a_code(
    code: str, text: str, criterion: str, state: str
) -> None:
    coded = condition(concept(code, text, display="as the code says"), 2)
    assert judged(condition(BACK_PAIN, 3), coded)[criterion] == state


@pytest.mark.parametrize(
    ("note", "state"),
    [
        ("getting worse", MET),
        ("weakness is worsening", MET),
        ("weaker than yesterday", MET),
        ("not getting worse", CANNOT_TELL),
        ("return if getting worse", CANNOT_TELL),
        ("back pain getting worse", CANNOT_TELL),
        ("fever worse", CANNOT_TELL),
        ("no change", CANNOT_TELL),
    ],
)
def test_a_note_may_say_that_a_coded_weakness_gets_worse(note: str, state: str) -> None:
    drop = condition("M21.372", 3, note=[{"text": note}])
    assert judged(condition(BACK_PAIN, 3), drop)["E03"] == state


@pytest.mark.parametrize("reason", ["r/o cauda equina", "exclude CES", "cauda equina?"])
def test_a_question_on_an_order_is_the_suspicion_that_it_is_to_settle(reason: str) -> None:
    order = resource(
        "ServiceRequest", status="active", authoredOn=ago(0), reasonCode=[{"text": reason}]
    )
    assert judged(condition(BACK_PAIN, 3), order)["E01"] == MET
    assert judged(condition(BACK_PAIN, 3), condition({"text": reason}, 0))["E01"] == CANNOT_TELL


def test_a_muscle_grade_that_falls_within_a_note_is_worse() -> None:
    def noted(text: str) -> str:
        note = {"time": ago(0), "text": text}
        return judged(condition(BACK_PAIN, 3, note=[note]))["R02"]

    assert noted("power 4/5 yesterday, 3/5 today") == MET
    assert noted("MRC grade 4 yesterday, power 3/5 today") == MET
    assert noted("power 3/5 yesterday, 4/5 today") == CANNOT_TELL
    assert noted("grip strength 4/5 yesterday, 3/5 today") == CANNOT_TELL
    assert noted("power 5 days ago better") == CANNOT_TELL
