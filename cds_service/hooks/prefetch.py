"""Prefetch: the keys that are asked for, and each state in which they may come back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cds_service.content.findings import Reading
from cds_service.fhir.record import Record, Unpacked, keep_own, unpack

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from cds_service.content.load import Content

_CODES = "{codes}"


@dataclass(frozen=True, slots=True)
class Key:
    """A prefetch key: the resource type it brings, and its template in the 2.x subset.

    ``read`` marks a read of one resource, where null means that it could not be had.
    ``part`` marks a search for some of a type only: it does not complete that type's search.
    """

    name: str
    resource_type: str
    template: str
    read: bool = False
    part: bool = False
    readings: frozenset[Reading] = frozenset()


_PATIENT = "patient={{context.patientId}}"
KEYS: tuple[Key, ...] = (
    Key("patient", "Patient", "Patient/{{context.patientId}}", read=True),
    Key("conditions", "Condition", f"Condition?{_PATIENT}"),
    Key("observations", "Observation", f"Observation?{_PATIENT}&_sort=-date&_count=250"),
    Key(
        "weights", "Observation", f"Observation?{_PATIENT}&code={_CODES}&_sort=-date&_count=50",
        part=True, readings=frozenset({Reading.WEIGHT}),
    ),
    Key(
        "labs", "Observation", f"Observation?{_PATIENT}&code={_CODES}&_sort=-date&_count=50",
        part=True, readings=frozenset({Reading.LOW_LAB}),
    ),
    Key("medications", "MedicationRequest", f"MedicationRequest?{_PATIENT}"),
    Key("statements", "MedicationStatement", f"MedicationStatement?{_PATIENT}"),
    Key("procedures", "Procedure", f"Procedure?{_PATIENT}&_sort=-date&_count=100"),
    Key(
        "answers", "QuestionnaireResponse",
        f"QuestionnaireResponse?{_PATIENT}&_sort=-authored&_count=20",
    ),
    Key("encounter", "Encounter", "Encounter/{{context.encounterId}}", read=True),
)
BY_NAME: Mapping[str, Key] = {key.name: key for key in KEYS}


def templates(content: Content) -> dict[str, str]:
    """Return the prefetch templates, with the codes that the content measures by."""
    return {key.name: key.template.replace(_CODES, _listed(key, content)) for key in KEYS}


def _listed(key: Key, content: Content) -> str:
    codes = {
        f"http://loinc.org|{code.code}": None
        for finding in content.findings.values()
        if finding.measured and finding.measured.reading in key.readings
        for code in finding.measured.codes
    }
    return ",".join(codes)


def read_prefetch(
    prefetch: Mapping[str, Any],
    patient_id: str,
    as_of: datetime,
    aliases: Mapping[str, str],
    expected: Iterable[str],
) -> Record:
    """Read a prefetch into a record of one patient; what did not come whole is noted by key.

    A key of an unknown name is read by the resource types in it, and completes no search.
    """
    record = Record(as_of)
    own = {f"Patient/{patient_id}", patient_id}
    missing = {name: "not sent" for name in expected}
    for given, value in prefetch.items():
        key = BY_NAME.get(aliases.get(given, given))
        if key is None:
            keep_own(record, unpack(value) if value else Unpacked(), own)
            continue
        problem = _read_key(key, value, record, own)
        missing.pop(key.name, None)
        if problem:
            missing[key.name] = problem
    if missing:
        told = "; ".join(f"{name} ({problem})" for name, problem in missing.items())
        record.note(f"Not obtained, prefetch key {told}")
    record.incomplete |= {key.resource_type for key in KEYS} - record.searched - {"Patient"}
    return record


def _read_key(key: Key, value: Any, record: Record, own: set[str]) -> str | None:
    """Read one key; return what kept it from being whole, or None."""
    if value is None:
        if key.read:
            return "null"
        _complete(key, record)
        return None
    if value == {}:
        return "empty object"
    unpacked = unpack(value)
    kinds = {resource["resourceType"] for _, resource in unpacked.resources}
    if kinds and key.resource_type not in kinds:
        unpacked.problems.append(f"holds no {key.resource_type}")
    keep_own(record, unpacked, own)
    if unpacked.unread:
        record.doubtful.add(key.resource_type)
    if unpacked.whole:
        _complete(key, record)
        return None
    return "; ".join(unpacked.problems)


def _complete(key: Key, record: Record) -> None:
    if not key.part and not key.read:
        record.searched.add(key.resource_type)
