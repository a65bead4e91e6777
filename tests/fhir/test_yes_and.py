"""A yes and what is said behind it: "Yes, since Monday"."""

from __future__ import annotations

import pytest

from tests.fhir.builders import CANNOT_TELL, MET, answers, judged, observation

NUMB_SADDLE = "449813001"
YES = [
    "Yes, since yesterday", "yes since Monday", "Yes, new since Monday", "Yes (new)", "YES!",
    "Y - new", "Present since Monday", "Yes, getting worse", "Yes, both sides",
]  # fmt: skip
NOT_TOLD = [
    "Yes, in 2019", "Yes, 5 years ago", "Yes, but resolved", "Yes - mother", "Yes, possibly",
    "Yes?", "Yes, no longer", "yes/no", "present in the past", "positive family history",
    "yesterday", "yes " + "x" * 200,
]  # fmt: skip
NO_AND = ["No, but since Monday", "no since Monday", "None (not asked)", "negative last year"]


@pytest.mark.parametrize("text", YES)
def test_a_yes_with_more_behind_it_is_a_yes(text: str) -> None:
    for value in (text, {"text": text}):
        assert judged(observation(NUMB_SADDLE, value))["E02"] == MET
    assert judged(answers({"saddle-numbness": {"valueString": text}}))["E02"] == MET


@pytest.mark.parametrize("text", NOT_TOLD + NO_AND)
def test_what_is_not_sure_is_asked(text: str) -> None:
    for value in (text, {"text": text}):
        assert judged(observation(NUMB_SADDLE, value))["E02"] == CANNOT_TELL
    assert judged(answers({"saddle-numbness": {"valueString": text}}))["E02"] == CANNOT_TELL
