"""Code systems: their names in content, their URIs in FHIR, and how a sound code is shaped."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class System(StrEnum):
    """The code systems that content may use, by their short names."""

    SNOMED = "snomed"
    ICD10CM = "icd10cm"
    LOINC = "loinc"
    RXNORM = "rxnorm"
    ATC = "atc"


@dataclass(frozen=True, slots=True)
class CodeSystem:
    """A code system: label for people, URIs it goes by, match by prefix or exactly, its shape.

    ``fault`` returns what is wrong with a code, or None where it is sound.
    """

    label: str
    uris: tuple[str, ...]
    by_prefix: bool
    fault: Callable[[str], str | None]


# Of the ten symmetries of a pentagon, 0 to 4 are rotations and 5 to 9 reflections.
_ROTATIONS = 5


def _verhoeff_table() -> tuple[tuple[int, ...], ...]:
    """Return the multiplication table of the dihedral group of order ten."""

    def product(left: int, right: int) -> int:
        turned = left + right if left < _ROTATIONS else left - right
        is_reflection = (left < _ROTATIONS) != (right < _ROTATIONS)
        return turned % _ROTATIONS + _ROTATIONS * is_reflection

    return tuple(tuple(product(left, right) for right in range(10)) for left in range(10))


_VERHOEFF = _verhoeff_table()
_VERHOEFF_STEP = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)


def _snomed_fault(code: str) -> str | None:
    """Check length and the Verhoeff digit (SNOMED CT Technical Implementation Guide, SCTID)."""
    if not re.fullmatch(r"[1-9]\d{5,17}", code):
        return "a SNOMED CT identifier is 6 to 18 digits"
    check = 0
    for place, digit in enumerate(reversed(code)):
        value = int(digit)
        for _ in range(place % 8):
            value = _VERHOEFF_STEP[value]
        check = _VERHOEFF[check][value]
    if check:
        return "its check digit is wrong"
    concept = code[-3:-1] in {"00", "10"}
    return None if concept else "it names a description or a relationship, not a concept"


def _loinc_fault(code: str) -> str | None:
    """Check shape and the mod 10 digit (LOINC Users' Guide, check digit)."""
    match = re.fullmatch(r"(\d{1,7})-(\d)", code)
    if not match:
        return "a LOINC code is up to 7 digits, a dash and a check digit"
    total = 0
    for place, digit in enumerate(reversed(match[1])):
        doubled = int(digit) * (2 if place % 2 == 0 else 1)
        total += doubled // 10 + doubled % 10
    return None if (10 - total % 10) % 10 == int(match[2]) else "its check digit is wrong"


def _shape(pattern: str, says: str) -> Callable[[str], str | None]:
    sound = re.compile(pattern)
    return lambda code: None if sound.fullmatch(code) else says


CODE_SYSTEMS: Mapping[System, CodeSystem] = {
    System.SNOMED: CodeSystem(
        "SNOMED CT",
        ("http://snomed.info/sct", "urn:oid:2.16.840.1.113883.6.96"),
        by_prefix=False,
        fault=_snomed_fault,
    ),
    System.ICD10CM: CodeSystem(
        "ICD-10-CM",
        (
            "http://hl7.org/fhir/sid/icd-10-cm",
            "http://hl7.org/fhir/sid/icd-10",
            "urn:oid:2.16.840.1.113883.6.90",
            "urn:oid:2.16.840.1.113883.6.3",
        ),
        by_prefix=True,
        fault=_shape(
            r"[A-Z]\d([0-9A-Z](\.[0-9A-Z]{1,4})?)?",
            "an ICD-10-CM code is a letter, a digit and a third character, then up to four more "
            "after a point (a shorter one stands for the whole block)",
        ),
    ),
    System.LOINC: CodeSystem(
        "LOINC",
        ("http://loinc.org", "urn:oid:2.16.840.1.113883.6.1"),
        by_prefix=False,
        fault=_loinc_fault,
    ),
    System.RXNORM: CodeSystem(
        "RxNorm",
        ("http://www.nlm.nih.gov/research/umls/rxnorm", "urn:oid:2.16.840.1.113883.6.88"),
        by_prefix=False,
        fault=_shape(r"[1-9]\d{0,6}", "an RxNorm identifier is up to 7 digits"),
    ),
    System.ATC: CodeSystem(
        "ATC",
        ("http://www.whocc.no/atc", "urn:oid:2.16.840.1.113883.6.73"),
        by_prefix=True,
        fault=_shape(
            r"[A-Z](\d{2}([A-Z]([A-Z](\d{2})?)?)?)?",
            "an ATC code is a letter, two digits, then up to two letters and two digits",
        ),
    ),
}


@dataclass(frozen=True, slots=True)
class Code:
    """A code of a system, with the words that the system gives it."""

    system: System
    code: str
    display: str

    def __str__(self) -> str:
        """Return the code as a clinician reads it."""
        return f"{self.display} ({CODE_SYSTEMS[self.system].label} {self.code})"
