"""Prefetch: the keys that are asked for, and each state in which they may come back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cds_service.content.findings import Carrier, Reading
from cds_service.fhir.bundles import unpack
from cds_service.fhir.record import Record, keep_own, references_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from cds_service.content.load import Content

_CODES = "{codes}"


@dataclass(frozen=True, slots=True)
class Key:
    """A prefetch key: the resource type it brings, and its template in the 2.x subset.

    ``read`` marks a read of one resource, where null means that it could not be had.
    ``readings`` marks a search for the codes of some measurements: it does not complete the
    search of its type. ``carrier`` marks a type that only such findings are read from.
    """

    name: str
    resource_type: str
    template: str
    read: bool = False
    readings: frozenset[Reading] = frozenset()
    carrier: Carrier | None = None

    @property
    def completes(self) -> bool:
        """Tell whether a whole answer completes the search of the resource type."""
        return not self.read and not self.readings


_PATIENT = "patient={{context.patientId}}"
_MEASURED = f"Observation?{_PATIENT}&code={_CODES}&_sort=-date&_count=50"
KEYS: tuple[Key, ...] = (
    Key("patient", "Patient", "Patient/{{context.patientId}}", read=True),
    Key("conditions", "Condition", f"Condition?{_PATIENT}"),
    Key("observations", "Observation", f"Observation?{_PATIENT}&_sort=-date&_count=250"),
    Key("weights", "Observation", _MEASURED, readings=frozenset({Reading.WEIGHT})),
    Key("labs", "Observation", _MEASURED, readings=frozenset({Reading.LOW_LAB})),
    Key(
        "medications",
        "MedicationRequest",
        f"MedicationRequest?{_PATIENT}",
        carrier=Carrier.MEDICATION,
    ),
    Key(
        "statements",
        "MedicationStatement",
        f"MedicationStatement?{_PATIENT}",
        carrier=Carrier.MEDICATION,
    ),
    Key("procedures", "Procedure", f"Procedure?{_PATIENT}&_sort=-date&_count=100"),
    Key(
        "answers",
        "QuestionnaireResponse",
        f"QuestionnaireResponse?{_PATIENT}&_sort=-authored&_count=20",
    ),
    Key("encounter", "Encounter", "Encounter/{{context.encounterId}}", read=True),
)
BY_NAME: Mapping[str, Key] = {key.name: key for key in KEYS}
_SEARCHED = frozenset(key.resource_type for key in KEYS if key.completes)


def wanted(content: Content) -> tuple[Key, ...]:
    """Return the keys that the findings of a content can be read from."""
    carriers = {finding.carrier for finding in content.findings.values()}
    return tuple(
        key
        for key in KEYS
        if (key.carrier is None or key.carrier in carriers)
        and (not key.readings or _codes(key, content))
    )


def templates(content: Content) -> dict[str, str]:
    """Return the prefetch templates, with the codes that the content measures by.

    Codes stand without their system: no version of CDS Hooks says who encodes a `|`.
    """
    return {
        key.name: key.template.replace(_CODES, ",".join(_codes(key, content)))
        for key in wanted(content)
    }


def _codes(key: Key, content: Content) -> list[str]:
    codes = (
        code.code
        for finding in content.findings.values()
        if finding.measured and finding.measured.reading in key.readings
        for code in finding.measured.codes
    )
    return list(dict.fromkeys(codes))


@dataclass(slots=True)
class Prefetched:
    """What a prefetch came to: the record, and by key what kept it from being whole.

    ``not_asked`` says why a FHIR server that might have had the rest was not asked.
    """

    record: Record
    missing: dict[str, str] = field(default_factory=dict)
    not_asked: str | None = None

    def not_obtained(self) -> str | None:
        """Say which keys were not obtained, and why. There is no patient data in it."""
        told = "; ".join(f"{name} ({why})" for name, why in self.missing.items())
        if not told:
            return None
        unasked = f". The FHIR server was not asked: {self.not_asked}" if self.not_asked else ""
        return f"Not obtained, prefetch key {told}{unasked}"

    def why_incomplete(self) -> str | None:
        """Say what kept the data from being whole, once it was read."""
        parts = [self.not_obtained()]
        parts += [f"A {kind} could not be read" for kind in sorted(self.record.doubtful)]
        return ". ".join(part for part in parts if part) or None


@dataclass(frozen=True, slots=True)
class Completed:
    """A prefetch with what a FHIR server added to it, and by key why it did not add the rest."""

    values: Mapping[str, Any]
    failed: Mapping[str, str] = field(default_factory=dict)
    not_asked: str | None = None


def read_prefetch(
    prefetch: Completed,
    patient_id: str,
    as_of: datetime,
    aliases: Mapping[str, str],
    expected: Iterable[Key],
) -> Prefetched:
    """Read a prefetch into a record of one patient; what did not come whole is noted by key.

    A key of an unknown name is read by the resource types in it, and completes no search.
    """
    record = Record(as_of)
    own = references_of(patient_id)
    came: dict[str, list[str]] = {}
    for given, value in prefetch.values.items():
        key = BY_NAME.get(aliases.get(given, given))
        if key is None:
            _read_unknown(given, value, record, own)
            continue
        # Two keys of a site may stand for one of ours: that one is whole if both are.
        problems = came.setdefault(key.name, [])
        problem = _read_key(key, value, record, own)
        if problem and problem not in problems:
            problems.append(problem)
    whole = [BY_NAME[name] for name, problems in came.items() if not problems]
    record.searched |= {key.resource_type for key in whole if key.completes}
    missing = {
        name: "; ".join([*problems, *_told(name, prefetch)])
        for name, problems in came.items()
        if problems
    }
    for key in expected:
        # A completed search for all of a type leaves nothing for a search for some of it.
        needless = bool(key.readings) and key.resource_type in record.searched
        if key.name not in came and not needless:
            missing[key.name] = "; ".join(["not sent", *_told(key.name, prefetch)])
    record.incomplete |= _SEARCHED - record.searched
    prefetched = Prefetched(record, missing, prefetch.not_asked)
    note = prefetched.not_obtained()
    if note:
        record.note(note)
    return prefetched


def _told(name: str, prefetch: Completed) -> list[str]:
    return [f"FHIR server: {prefetch.failed[name]}"] if name in prefetch.failed else []


def _read_key(key: Key, value: object, record: Record, own: set[str]) -> str | None:
    """Read one key; return what kept it from being whole, or None."""
    if value is None:
        return "null" if key.read else None
    if value == {}:
        return "empty object"
    unpacked = unpack(value)
    kinds = {resource["resourceType"] for _, resource in unpacked.resources}
    if kinds and key.resource_type not in kinds:
        unpacked.problems.append(f"holds no {key.resource_type}")
    kept = keep_own(record, unpacked, own)
    if kinds and not kept:
        # It is the answer to a search for somebody else: it denies nothing of this patient.
        unpacked.problems.append("is about another patient only")
    if unpacked.unread:
        record.doubtful.add(key.resource_type)
    return "; ".join(unpacked.problems) or None


def _read_unknown(name: str, value: object, record: Record, own: set[str]) -> None:
    """Read a key that is none of ours by what is in it; say where it could not be read."""
    if not value:
        return
    unpacked = unpack(value)
    keep_own(record, unpacked, own)
    if unpacked.problems:
        record.note(f"Prefetch key “{name[:40]}”, none of ours: {'; '.join(unpacked.problems)}")
