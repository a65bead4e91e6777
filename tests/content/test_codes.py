"""Codes are checked for what can be checked without their terminology."""

from __future__ import annotations

import pytest

from cds_service.content.codes import CODE_SYSTEMS, Code, System

SOUND = {
    System.SNOMED: "161891005 449813001 9121000119106 1290953004",
    System.ICD10CM: "M54.5 M54 C0 S39.012A G82.2 R10.A Z3A O26.89 Z85.828",
    System.LOINC: "8310-5 72514-3 2951-2 29463-7",
    System.RXNORM: "83367 6472",
    System.ATC: "C C10 C10A C10AA C10AA05",
}
MALFORMED = {
    System.SNOMED: "161891006 161981005 0161891005 16189 M54.5 680946014 1234567890123456789",
    System.ICD10CM: "M545 m54.5 5M4 M M54. M54.12345 M54-5",
    System.LOINC: "8310-6 83105 8310- 12345678-9 8301-5",
    System.RXNORM: "0833 83367890 atorvastatin",
    System.ATC: "C1 C10AAA C10AA5 c10",
}


def rows(table: dict[System, str]) -> list[tuple[System, str]]:
    return [(system, code) for system, codes in table.items() for code in codes.split()]


@pytest.mark.parametrize(("system", "code"), rows(SOUND))
def test_a_sound_code(system: System, code: str) -> None:
    assert CODE_SYSTEMS[system].fault(code) is None


@pytest.mark.parametrize(("system", "code"), rows(MALFORMED))
def test_a_malformed_code(system: System, code: str) -> None:
    assert CODE_SYSTEMS[system].fault(code)


@pytest.mark.parametrize("place", range(8))
def test_any_one_mistyped_digit_of_a_snomed_code_is_noticed(place: int) -> None:
    code = "161891005"
    for digit in set("0123456789") - {code[place]}:
        mistyped = f"{code[:place]}{digit}{code[place + 1 :]}"
        assert CODE_SYSTEMS[System.SNOMED].fault(mistyped), mistyped


@pytest.mark.parametrize("place", range(8))
def test_any_two_neighbours_of_a_snomed_code_that_change_places_are_noticed(place: int) -> None:
    code = "161891005"
    if code[place] != code[place + 1]:
        turned = f"{code[:place]}{code[place + 1]}{code[place]}{code[place + 2 :]}"
        assert CODE_SYSTEMS[System.SNOMED].fault(turned), turned


def test_every_system_is_known() -> None:
    assert set(CODE_SYSTEMS) == set(System)


def test_a_code_reads_as_a_clinician_reads_it() -> None:
    code = Code(System.ICD10CM, "M54.5", "Low back pain")
    assert str(code) == "Low back pain (ICD-10-CM M54.5)"
