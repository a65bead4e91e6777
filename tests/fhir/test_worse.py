"""What is worse (R02): newly there, one side becoming both, a lower muscle grade; nothing else."""

from __future__ import annotations

import pytest

from tests.fhir.builders import (
    Json,
    ago,
    answers,
    concept,
    condition,
    denied,
    judged,
    observation,
)

WEAK = "713514005"
NUMB = "309537005"


def grade(value: float, days: float, side: str = "left") -> Json:
    return observation(concept(text=f"Muscle power of the leg, {side}"), value, days)


def seen(code: str, days: float, side: str | None = None) -> Json:
    site = {"bodySite": concept(text=f"{side} leg")} if side else {}
    return observation(code, value=True, days=days, **site)


WORSE: dict[str, list[Json]] = {
    "weak after a no": [answers({"leg-weakness": False}, 10), seen(WEAK, 2)],
    "numb after a no": [answers({"limb-numbness": False}, 10), seen(NUMB, 2)],
    "bladder after a no": [answers({"bladder-control-lost": False}, 10), condition("R33.9", 2)],
    "weak after numb": [seen(NUMB, 20), seen(WEAK, 2)],
    "bladder after numb": [condition(NUMB, 20), condition("R33.9", 2)],
    "numb on the left, then on the right": [seen(NUMB, 20, "left"), seen(NUMB, 2, "right")],
    "numb on the left, then on both": [seen(NUMB, 20, "left"), seen(NUMB, 2, "both")],
    "power 4, then 3": [grade(4, 20), grade(3, 2)],
    "power 5, then 4, then 5": [grade(5, 20), grade(4, 10), grade(5, 2)],
    "power 4, side not named, then 3": [grade(4, 20, ""), grade(3, 2)],
    "answered": [answers({"neurology-worse": True})],
}
NOT_WORSE: dict[str, list[Json]] = {
    "nothing": [],
    "numb twice": [seen(NUMB, 20), seen(NUMB, 2)],
    "numb on the left twice": [seen(NUMB, 20, "left"), seen(NUMB, 2, "left")],
    "numb on both, then on the left": [seen(NUMB, 20, "both"), seen(NUMB, 2, "left")],
    "both seen on one day": [seen(NUMB, 2), seen(WEAK, 2)],
    "numb for years, and weak": [condition(NUMB, 2000), condition(WEAK, 2000)],
    "weak for years, seen again": [condition(WEAK, 2000), seen(NUMB, 20), seen(WEAK, 2)],
    "numb 31 days ago, weak now": [condition(NUMB, 31), condition(WEAK, 2)],
    "undated": [condition(NUMB), condition(WEAK)],
    "in the future": [seen(NUMB, 2), condition(WEAK, -2)],
    "a no that came later": [seen(WEAK, 10), answers({"leg-weakness": False}, 2)],
    "power 3, then 4": [grade(3, 20), grade(4, 2)],
    "power 4 twice": [grade(4, 20), grade(4, 2)],
    "power 5 left, 4 right": [grade(5, 20, "left"), grade(4, 2, "right")],
    "power 4 then 3, 31 days ago": [grade(4, 40), grade(3, 31)],
    "power 6 and 3": [grade(6, 20), grade(3, 2)],
    "sciatica, then a reflex": [condition("M54.32", 20), condition("R29.2", 2)],
    "sciatica, then radiculopathy": [condition("M54.32", 20), condition("M54.16", 2)],
}


@pytest.mark.parametrize("entries", WORSE.values(), ids=WORSE)
def test_worse(entries: list[Json]) -> None:
    result = judged(*entries)
    assert result.state("neurology-worse") == "present"
    assert "R02" in result.met


@pytest.mark.parametrize("entries", NOT_WORSE.values(), ids=NOT_WORSE)
def test_not_worse(entries: list[Json]) -> None:
    result = judged(*entries)
    assert result.state("neurology-worse") == "unknown"
    assert "R02" not in result.met


def test_the_evidence_names_both_findings() -> None:
    said = judged(grade(4, 20), grade(3, 2)).says("neurology-worse")
    assert said.startswith("Muscle power of the leg, left 3 of 5: worse than before (Observation/")
    assert said.endswith(f"{ago(20)}: Muscle power of the leg, left 4 of 5)")


def test_many_findings_stay_cheap_to_compare() -> None:
    entries = [seen(NUMB, day % 29, ("left", "right")[day % 2]) for day in range(400)]
    assert judged(*entries).state("neurology-worse") == "present"


WORSENING: dict[str, list[Json]] = {
    "foot drop": [condition(concept("6077001", "Worsening foot drop"), 3)],
    "weakness of a leg": [condition(concept(WEAK, "Progressive weakness, left leg"), 3)],
    "words alone": [condition(concept(text="Progressive leg weakness"), 3)],
    "monoplegia": [condition(concept("G83.11", "Monoplegia, getting worse"), 3)],
}
STEADY: dict[str, list[Json]] = {
    "foot drop": [condition(concept("6077001", "Foot drop for years"), 3)],
    "weakness of an arm": [condition(concept(WEAK, "Progressive weakness of the arm"), 3)],
    "unable to walk": [condition("282145008", 3)],
}


@pytest.mark.parametrize("entries", WORSENING.values(), ids=WORSENING)
def test_weakness_said_to_worsen_is_an_emergency(entries: list[Json]) -> None:
    assert judged(*entries)["E03"] == "met"


@pytest.mark.parametrize("entries", STEADY.values(), ids=STEADY)
def test_weakness_that_is_not_is_none(entries: list[Json]) -> None:
    assert judged(*entries)["E03"] == "cannot tell"


@pytest.mark.parametrize(
    ("code", "first"),
    [
        ("102835006", "bladder-control-lost"),
        ("R20.0", "saddle-numbness"),
        ("282145008", "leg-weakness-worsening"),
        ("103001002", "fever-unmeasured"),
        ("W19.XXXA", "major-trauma"),
    ],
)
def test_a_weak_code_is_shown_beside_its_question(code: str, first: str) -> None:
    unanswered = judged(condition(code, 2, id="weak")).decision.unanswered
    hinted = {each.finding: each.hints for each in unanswered if each.hints}
    assert any("not enough by itself" in hint.says for hint in hinted[first])
    names = [each.finding for each in unanswered]
    asked_first = {"E01", "E02", "E03", "R02"}
    others = [each.finding for each in unanswered if not asked_first & set(each.criteria)]
    assert first in names
    assert others[0] == first or first not in others


def test_a_weak_code_after_a_no_is_asked_again_and_one_before_is_answered() -> None:
    weak = condition("102835006", 5)
    assert judged(denied(9), weak).state("bladder-control-lost") == "unknown"
    assert judged(denied(0), weak).state("bladder-control-lost") == "absent"
