"""Words that say a finding only where they are all that is written."""

from __future__ import annotations

import pytest

from tests.fhir.builders import (
    MET,
    NOT_MET,
    concept,
    condition,
    judged,
    local,
    observation,
    status,
)


@pytest.mark.parametrize("text", ["Cancer", "cancer", "Carcinoma", "CLL", "Glioblastoma"])
def test_a_problem_in_words_that_is_all_of_it(text: str) -> None:
    for code in (concept(text=text), local(text)):
        assert judged(condition(code, 900))["E10"] == MET
        assert judged(condition(code, clinicalStatus=status("resolved")))["E10"] == MET, "ever"
    (said,) = judged(condition(concept(text=text), 900)).findings["cancer"].occurrences
    assert "(from text)" in said.evidence.says


@pytest.mark.parametrize(
    "text",
    ["Cancer screening", "Fear of cancer", "Cancer of the skin", "Tropic of Cancer", "Benign"],
)
def test_more_words_say_something_else(text: str) -> None:
    assert judged(condition(concept(text=text), 900))["E10"] != MET


def test_one_that_was_refuted_does_not_count() -> None:
    refuted = condition(concept(text="Cancer"), 900, verificationStatus=status("refuted"))
    assert judged(refuted)["E10"] == NOT_MET


def test_an_observation_of_that_name() -> None:
    assert judged(observation(local("Cancer"), value=True))["E10"] == MET
    assert judged(observation(local("Cancer"), value=False))["E10"] == NOT_MET
