"""Every worked patient of every criterion gets the verdict that a clinician expects."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cds_service.clinical.truth import Truth
from cds_service.content.load import load

if TYPE_CHECKING:
    from cds_service.content.cases import Case
    from cds_service.content.criteria import CriterionDefinition
    from cds_service.content.load import Content

# Read here and not by the fixture: each row becomes a test of its own.
_CONTENT = load()
CRITERIA = [_CONTENT.gate, *_CONTENT.criteria.values()]
ROWS = [(criterion, case) for criterion in CRITERIA for case in criterion.cases]
by_id = pytest.mark.parametrize("criterion", CRITERIA, ids=lambda criterion: criterion.id)


@pytest.mark.parametrize(
    ("criterion", "case"),
    ROWS,
    ids=[f"{criterion.id} {case.name}" for criterion, case in ROWS],
)
def test_case(criterion: CriterionDefinition, case: Case) -> None:
    assert criterion.rule.judge(case.facts) is case.expect, case.place
    assert criterion.rule.weigh(case.facts).truth is case.expect, case.place


@by_id
def test_a_criterion_shows_all_three_answers(criterion: CriterionDefinition) -> None:
    assert {case.expect for case in criterion.cases} == set(Truth)


@by_id
def test_nothing_recorded_is_neither_met_nor_denied(criterion: CriterionDefinition) -> None:
    silent = [case for case in criterion.cases if set(dict(case.cells).values()) == {"?"}]
    assert [case.expect for case in silent] == [Truth.UNKNOWN]


@by_id
def test_a_met_criterion_has_evidence_and_an_unknown_one_a_question(
    criterion: CriterionDefinition,
) -> None:
    for case in criterion.cases:
        weighed = criterion.rule.weigh(case.facts)
        if case.expect is Truth.PRESENT:
            assert weighed.because, case.place
        assert bool(weighed.missing) is (case.expect is Truth.UNKNOWN), case.place


def test_the_whole_clinical_table_is_there(content: Content) -> None:
    expected = {
        *(f"E{number:02}" for number in range(1, 12)),
        *("R02", "R04", "R05", "R06", "R07", "I01", "N01", "H01"),
        *(f"S{number:02}" for number in range(1, 12)),
        *(f"P{number:02}" for number in range(1, 5)),
        *(f"F{number:02}" for number in range(1, 7)),
    }
    assert set(content.criteria) == expected
    assert content.gate.id == "T00"


@pytest.mark.parametrize(
    ("course", "ids"),
    [
        ("emergency", "E01 E02 E03 E04 E05 E06 E07 E08 E09 E10 E11 R02"),
        ("same-day-imaging", "R04 R05 R06 R07"),
        ("routine-imaging", "I01"),
        ("review", "S01 S02 S03 S04 S05 S06 S07 S08 S09 S10 S11"),
        ("neurology", "N01"),
        ("physiotherapy", "P01 P02 P03 P04"),
        ("contributing", "F01 F02 F03 F04 F05 F06"),
        ("selfcare", "H01"),
    ],
)
def test_each_criterion_calls_for_its_card(content: Content, course: str, ids: str) -> None:
    called = [
        criterion.id
        for criterion in content.criteria.values()
        if criterion.recommendation["documents"] == course
    ]
    assert sorted(called) == ids.split()


@pytest.mark.parametrize(
    ("image", "ids"),
    [
        ("MRI of the spine", "E01 E02 E03 E05 E10 R02 R05 R06 R07"),
        ("MRI of the spine, with ESR and CRP", "R04"),
        ("X-ray or CT of the spine", "E07"),
        ("MRI or X-ray of the spine", "I01"),
    ],
)
def test_each_criterion_names_its_image(content: Content, image: str, ids: str) -> None:
    named = [each.id for each in content.criteria.values() if each.image == image]
    assert sorted(named) == ids.split()


def test_in_pregnancy_no_card_names_x_ray_or_ct(content: Content) -> None:
    instead = {
        each.id: each.image_in_pregnancy
        for each in content.criteria.values()
        if each.image_in_pregnancy
    }
    assert instead == {"E07": "MRI of the spine", "I01": "MRI of the spine"}


# What a completed search may deny: diagnoses that have their place on a problem list, and
# medicines on a medicine list. No symptom is ever denied by silence.
DENIED_BY_SILENCE = {
    "Condition": """
        cancer spinal-tumour kidney-stone fibromyalgia hormone-disorder
        sepsis intraspinal-abscess spinal-infection kidney-infection
        vertebral-fracture spinal-cord-injury old-vertebral-fracture
        cauda-equina-syndrome cord-compression multiple-sclerosis parkinsons-disease stroke
        disc-prolapse disc-pressing-on-nerve radiculopathy sciatica spinal-stenosis
        disc-degeneration facet-joint-disorder spondylolisthesis spinal-arthritis
        spine-disease-past
    """,
    "MedicationRequest and MedicationStatement": "statin diuretic",
}


@pytest.mark.parametrize("searched", DENIED_BY_SILENCE)
def test_silence_denies_diagnoses_and_medicines_only(content: Content, searched: str) -> None:
    denied = {
        finding.id
        for finding in content.findings.values()
        if finding.absent_after == set(searched.split(" and "))
    }
    assert denied == set(DENIED_BY_SILENCE[searched].split())


def test_all_else_stays_unknown_in_silence(content: Content) -> None:
    listed = " ".join(DENIED_BY_SILENCE.values()).split()
    others = [each for each in content.findings.values() if each.id not in listed]
    assert not [each.id for each in others if each.absent_after]
