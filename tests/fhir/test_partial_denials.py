"""A "no" to a part of a finding, or to one side of it, is no "no" to the rest."""

from __future__ import annotations

import pytest

from tests.fhir.builders import (
    BACK_PAIN,
    CANNOT_TELL,
    MET,
    NOT_MET,
    SNOMED,
    Json,
    condition,
    denied,
    judged,
    local,
    observation,
    read,
)

PAIN = condition(BACK_PAIN, 1)
LEAKING, RETENTION = "165232002", "267064002"
LEFT, RIGHT = ({"text": f"{side} leg"} for side in ("left", "right"))

# What was said first, what was denied a day later, and the criterion that stays met.
ENDED_BY_ANOTHER: dict[str, tuple[Json | str, Json | str, str]] = {
    "leaking, and no retention": (LEAKING, RETENTION, "E01"),
    "difficulty breathing, and none at rest": ("267036007", "161941007", "E06"),
    "chest pain, and none in its middle": ("29857009", "161972006", "E06"),
    "acute abdominal pain, and no acute abdomen": ("116290004", "9209005", "E04"),
    "a history of cancer, and none of the prostate": ("266987004", "428262008", "E10"),
    "a name, and another": (local("Bladder incontinence"), local("Loss of bladder control"), "E01"),
    "a name, and another thing by its code": (local("Loss of bladder control"), RETENTION, "E01"),
}


@pytest.mark.parametrize(
    ("said", "no", "criterion"), ENDED_BY_ANOTHER.values(), ids=list(ENDED_BY_ANOTHER)
)
def test_a_no_to_another_thing_ends_nothing(
    said: Json | str, no: Json | str, criterion: str
) -> None:
    yes = observation(said, value=True, days=2)
    assert judged(PAIN, yes)[criterion] == MET
    result = judged(PAIN, yes, observation(no, value=False, days=1, id="no"))
    assert result[criterion] == MET
    assert any("Observation/no denies" in note for note in result.notes), "and is told"
    again = observation(said, value=False, days=1)
    assert judged(PAIN, yes, again)[criterion] != MET, "a no to the same thing ends it"


def test_a_no_to_one_kind_of_back_pain_leaves_the_gate_open_for_another() -> None:
    pain = observation("279039007", value=True, days=2)
    saddle = observation("449813001", value=True, days=1)
    for other in ("23056005", local("Neck pain")):
        result = read(pain, saddle, observation(other, value=False, days=1))
        assert (result.gate, result["E02"]) == ("open", MET)
    assert read(pain, observation("279039007", value=False, days=1)).gate != "open"


@pytest.mark.parametrize("no", [RETENTION, LEAKING, local("Urinary retention")])
def test_a_no_to_a_part_leaves_the_rest_to_be_asked(no: str | Json) -> None:
    result = judged(PAIN, observation(no, value=False, id="no"))
    assert result["E01"] == CANNOT_TELL
    assert "bladder-control-lost" in {each.finding for each in result.decision.unanswered}
    assert any("Observation/no denies a part" in note for note in result.notes)


WHOLE = {"40492006": "bladder-control-lost", "267036007": "breathing-difficulty"}


@pytest.mark.parametrize(("code", "finding"), WHOLE.items())
def test_a_no_to_all_of_it_answers(code: str, finding: str) -> None:
    assert judged(PAIN, observation(code, value=False)).state(finding) == "absent"


def test_a_form_that_denies_all_of_it_answers_beside_a_no_to_a_part() -> None:
    assert judged(PAIN, denied(), observation(RETENTION, value=False))["E01"] == NOT_MET


def test_a_no_to_one_leg_is_none_to_the_other() -> None:
    weak = {"coding": [{"system": SNOMED, "code": "713514005"}]}
    left = observation(weak, value=True, days=2, bodySite=LEFT)
    result = judged(PAIN, left, observation(weak, value=False, days=1, bodySite=RIGHT))
    assert result["S04"] == MET
    for site in (LEFT, {"text": "both legs"}, None):
        again = observation(weak, value=False, days=1, bodySite=site)
        assert judged(PAIN, left, again)["S04"] != MET
    right = judged(PAIN, observation(weak, value=False, bodySite=RIGHT))
    assert right.state("leg-weakness") == "unknown"
    both = [observation(weak, value=False, bodySite=site) for site in (LEFT, RIGHT)]
    assert judged(PAIN, *both).state("leg-weakness") == "absent", "one after the other"
