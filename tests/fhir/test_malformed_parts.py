"""Parts that cannot be read are said, and never count as absent."""

from __future__ import annotations

import pytest

from tests.fhir.builders import (
    BACK_PAIN,
    CANNOT_TELL,
    LOCAL,
    MET,
    NOT_MET,
    Json,
    ago,
    answers,
    concept,
    condition,
    judged,
    observation,
    read,
    resource,
)

YES = concept("373066001")


@pytest.mark.parametrize(
    "broken",
    [
        observation({"coding": 7}, YES),
        observation({"coding": [7]}, YES),
        observation("449813001", YES, status="unknown"),
        observation("449813001", YES, status="xxx"),
        observation(concept(text="Saddle numbness"), YES, status="unknown"),
        answers({}, item=""),
        answers({}, item=["x"]),
        answers({}, item=[{"linkId": "saddle-numbness", "answer": "yes"}]),
        answers({}, item=[{"linkId": "1", "item": [7]}]),
        resource("Encounter", status="in-progress", reasonCode="back pain"),
        resource("Encounter", status="in-progress", diagnosis=[7]),
    ],
)
def test_a_part_that_cannot_be_read_is_said(broken: Json) -> None:
    result = judged(broken)
    assert result["E02"] == CANNOT_TELL
    assert any(f"{broken['resourceType']}/{broken['id']} could not be read" in note
               for note in result.notes)  # fmt: skip


@pytest.mark.parametrize(
    "plain",
    [
        observation({"coding": [{"system": LOCAL, "code": "77"}]}, 3),
        observation("8867-4", (72, "/min"), status="unknown"),
        observation(concept(text="Eye colour"), "green", status="unknown"),
    ],
)
def test_what_speaks_of_nothing_is_not_said(plain: Json) -> None:
    assert judged(plain).notes == ()


# --- dates in words ---


@pytest.mark.parametrize(
    ("told", "more", "s01"),
    [
        ("3 weeks ago", {}, MET),
        ("2 days ago", {}, CANNOT_TELL),
        ("2 days ago", {"recordedDate": ago(0)}, NOT_MET),
        ("2 days ago", {"recordedDate": ago(20)}, MET),
        ("since 2019", {}, MET),
        ("childhood", {}, CANNOT_TELL),
    ],
)
def test_an_onset_in_words_is_told_from_the_recording(told: str, more: Json, s01: str) -> None:
    assert read(condition(BACK_PAIN, onsetString=told, **more))["S01"] == s01


# --- how long ---


@pytest.mark.parametrize(("days", "r04"), [(60, MET), (90, MET), (91, NOT_MET)])
@pytest.mark.parametrize("code", ["302935008", "36689008"])
def test_an_infection_that_was_seen_counts_for_90_days(code: str, days: float, r04: str) -> None:
    quiet = answers({"fever": False, "fever-unmeasured": False})
    assert judged(quiet, observation(code, YES, days))["R04"] == r04


@pytest.mark.parametrize(("hours", "s08"), [(0.9, NOT_MET), (1, MET), (2, MET)])
def test_a_spasm_of_an_hour_has_lasted_an_hour(hours: float, s08: str) -> None:
    assert read(condition("M62.830", onsetDateTime=ago(hours=hours)))["S08"] == s08
