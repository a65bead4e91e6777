"""Rules read as sentences that a clinician can check."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from cds_service.clinical.rules import All, Any, AtLeast, Has, Meets, Not, Rule
from cds_service.clinical.windows import Span, Unit
from cds_service.content.explain import explain, reading

if TYPE_CHECKING:
    from cds_service.content.load import Content

READINGS = {
    "E01": (
        "Met when “bladder control lost” is recorded and began within the last 30 days, or "
        "“bowel control lost” is recorded and began within the last 30 days, or "
        "“cauda equina syndrome” is recorded."
    ),
    "E05": (
        "Met when “fever” is recorded at 39 °C or more within the last 72 hours, or "
        "“hyperpyrexia” is recorded and began within the last 7 days, or "
        "“sepsis” is recorded and began within the last 7 days, or "
        "“intraspinal abscess” is recorded and began within the last 30 days."
    ),
    "E08": (
        "Met when (“flank pain” is recorded and began within the last 14 days, and "
        "“blood in urine” is recorded and began within the last 14 days), or "
        "“kidney stone” is recorded and began within the last 30 days."
    ),
    "R04": (
        "Met when “fever” is recorded at 38 °C or more but below 39 °C within the last 72 hours, "
        "or “fever unmeasured” is recorded and began within the last 7 days, or "
        "“spinal infection” is recorded and began within the last 90 days, or "
        "“kidney infection” is recorded and began within the last 90 days."
    ),
    "R06": (
        "Met when “cancer” is recorded, and (“back pain” is recorded, or "
        "“disc prolapse” is recorded and began more than 42 days ago, or "
        "“disc pressing on nerve” is recorded and began more than 42 days ago), and "
        "it is known that no “back pain” began within the last 42 days."
    ),
    "S02": "Met when “recurrent back pain” is recorded, or “back pain episodes” is recorded "
    "at 3 or more.",
    "S08": (
        "Met when “back spasm” is recorded and began more than 1 hour ago but within the last "
        "7 days."
    ),
    "P01": (
        "Met when criterion S01 is met (“back pain” is recorded and began more than 7 days ago)."
    ),
    "H01": (
        "Met when “back pain” is recorded, and it is known that no “back pain” began more than "
        "7 days ago, and every emergency and same-day criterion is known not to be met."
    ),
}


@pytest.mark.parametrize("criterion", READINGS)
def test_a_criterion_reads_as_a_sentence(content: Content, criterion: str) -> None:
    assert reading(content.criteria[criterion], content) == READINGS[criterion]


def test_the_gate_reads_as_a_sentence(content: Content) -> None:
    sentence = reading(content.gate, content)
    assert sentence.startswith("Met when “back pain” is recorded, or “disc prolapse” is recorded,")
    assert "“vertebral fracture” is recorded and began within the last 90 days" in sentence


WEEK = Span(7, Unit.DAYS)
PAIN, SPASM, OLD = Has("back-pain"), Has("back-spasm"), Has("back-pain", older_than=WEEK)


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        (Not(PAIN), "“back pain” is known to be absent"),
        (
            Not(Has("fever", at_least=39)),
            "it is known that no “fever” at 39 °C or more",
        ),
        (
            Not(Meets("S01", OLD)),
            (
                "criterion S01 is known not to be met (“back pain” is recorded and began more than "
                "7 days ago)"
            ),
        ),
        (
            Not(Any((PAIN, SPASM))),
            "it is known not to be so that (“back pain” is recorded, or “back spasm” is recorded)",
        ),
        (
            AtLeast(2, (PAIN, SPASM, All((SPASM, OLD)))),
            (
                "at least 2 of these hold: “back pain” is recorded; “back spasm” is recorded; "
                "(“back spasm” is recorded, and “back pain” is recorded and began more than 7 "
                "days ago)"
            ),
        ),
        (Has("severe-pain", at_least=7), "“severe pain” is recorded at 7 of 10 or more"),
    ],
    ids=["denied", "no number", "not a criterion", "not a list", "at least", "a score"],
)
def test_other_words_of_the_vocabulary(content: Content, rule: Rule, sentence: str) -> None:
    assert explain(rule, content.findings) == f"Met when {sentence}."


class Guess:
    """A word that is not in the vocabulary."""


def test_a_word_without_a_sentence_is_told(content: Content) -> None:
    with pytest.raises(TypeError, match=r"No words for Guess: add them to explain\.py"):
        explain(cast("Rule", Guess()), content.findings)
