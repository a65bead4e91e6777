"""Problems as clinicians type them: what counts, and what is taken back by a word beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cds_service.fhir.index import Index
from tests.fhir.builders import MET, concept, condition, judged, status

if TYPE_CHECKING:
    from cds_service.content.load import Content

COUNTS = {
    "Low back pain with saddle anesthesia. No fever.": {"back-pain", "saddle-numbness"},
    "low back pain without sciatica": {"back-pain"},
    "no saddle numbness, but urinary retention since yesterday": {"bladder-control-lost"},
    "No saddle anaesthesia, but bladder retention": {"bladder-control-lost"},
    "Low back pain w/ hx of breast cancer": {"back-pain", "cancer"},
    "LBP with family history of cancer": {"back-pain"},
    "58 year old with back pain": {"back-pain"},
    "No position helps": {"no-position-helps"},
    "no control of bladder": {"bladder-control-lost"},
    "progressive left leg weakness": {"leg-weakness", "leg-weakness-worsening"},
    "leg weakness, progressive": {"leg-weakness", "leg-weakness-worsening"},
    "leg weakness not worsening": {"leg-weakness"},
    "pain, low back": {"back-pain"},
    "bladder dysfunction": {"bladder-control-lost"},
    "numbness perineum": {"saddle-numbness"},
    "paralysed from waist down": {"legs-paralysed"},
    "lost 8 kg without trying": {"weight-loss"},
}
TAKEN_BACK = [
    "no back pain",
    "history of back pain",
    "Denies fever, chills, chest pain, SOB",
    "No saddle anesthesia, urinary retention, or leg weakness",
    "Neg: fever, incontinence",
    "saddle numbness: no",
    "saddle anesthesia not present",
    "saddle anesthesia (-)",
    "fever denied",
    "Father: prostate cancer",
    "breast cancer in mother",
    "no history of cancer",
    "old compression fracture",
    "chronic compression fracture L1",
    "mild night pain",
    "return if saddle numbness",
    "cauda equina syndrome ruled out",
    "stress urinary incontinence",
    "hay fever",
    "musculoskeletal chest pain",
]


@pytest.fixture(scope="module")
def index(content: Content) -> Index:
    return Index(content)


@pytest.mark.parametrize("text", COUNTS)
def test_what_a_text_says(text: str, index: Index) -> None:
    said = {each.finding.id for each in index.text.read(text) if each.doubt is None}
    assert said == COUNTS[text]


@pytest.mark.parametrize("text", TAKEN_BACK)
def test_what_a_text_takes_back(text: str, index: Index) -> None:
    assert [each.finding.id for each in index.text.read(text) if each.doubt is None] == []


def test_a_cancer_of_unknown_clinical_status_is_still_a_cancer_once_had() -> None:
    cancer = condition("C50.9", 900, clinicalStatus=status("unknown"))
    assert judged(cancer)["E10"] == MET


def test_severe_in_the_words_of_a_coded_pain_is_its_severity() -> None:
    pain = condition(concept("R10.9", "Severe abdominal pain"), 1)
    assert judged(pain)["E04"] == MET
