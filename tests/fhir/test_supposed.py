"""What if: one finding is taken otherwise than recorded, and nothing else changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cds_service.clinical.truth import Truth
from cds_service.content.load import load
from cds_service.fhir.find import find
from cds_service.fhir.index import Index
from cds_service.fhir.record import read_bundle
from cds_service.fhir.supposed import REFERENCE, supposed
from tests.records import CAUDA_EQUINA, NOW, condition, record

if TYPE_CHECKING:
    from cds_service.clinical.facts import Facts

CONTENT = load()
FACTS = find(read_bundle(record(condition(CAUDA_EQUINA)), NOW), Index(CONTENT))
RECORDED = "cauda-equina-syndrome"


def suppose(name: str, state: Truth) -> Facts:
    return supposed(FACTS, {name: state}, CONTENT.findings)


@pytest.mark.parametrize("state", Truth)
@pytest.mark.parametrize("name", [RECORDED, "saddle-numbness", "cancer"])
def test_it_is_as_supposed_and_no_other_changes(name: str, state: Truth) -> None:
    changed = suppose(name, state)
    assert changed.get(name).state is state
    others = CONTENT.findings.keys() - {name}
    assert all(changed.get(each) == FACTS.get(each) for each in others)


def test_what_the_record_has_keeps_its_own_evidence() -> None:
    (occurrence,) = suppose(RECORDED, Truth.PRESENT).get(RECORDED).occurrences
    assert occurrence.evidence.reference == "Condition/c-G83-4"


def test_what_is_supposed_says_so_and_has_no_date() -> None:
    (occurrence,) = suppose("saddle-numbness", Truth.PRESENT).get("saddle-numbness").occurrences
    assert occurrence.since is None
    assert occurrence.evidence.reference == REFERENCE
    assert occurrence.evidence.says == "saddle numbness supposed to be present"
