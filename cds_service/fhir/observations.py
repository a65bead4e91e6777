"""Observation: a finding with a yes or no, a question with its answer, or a measurement."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cds_service.fhir.access import as_dict, as_list, as_text, concepts, first_code
from cds_service.fhir.answers import answer, interpretation_codes, number_of
from cds_service.fhir.dates import read_date, read_period
from cds_service.fhir.index import Role
from cds_service.fhir.statements import Holds, Statement, body_sites, severity

if TYPE_CHECKING:
    from cds_service.fhir.index import Mark
    from cds_service.fhir.measurements import Measurements
    from cds_service.fhir.record import Record
    from cds_service.fhir.statements import Filer

_COUNTS = {"final", "amended", "corrected", "appended", "registered", "preliminary"}
_SAID = {"registered", "preliminary"}
_FALSE = {"entered-in-error", "cancelled"}
_MAX_WORDS = 60
_HOLDS = {True: Holds.NOW, False: Holds.DENIED, None: Holds.OPEN}


def read_observation(
    resource: dict[str, Any],
    reference: str,
    record: Record,
    filer: Filer,
    measurements: Measurements,
) -> None:
    """File an Observation and its components."""
    code = concepts(resource.get("code"))
    if not code and "component" not in resource:
        record.unreadable("Observation", reference, "it has no code")
        return
    statement: Statement | None = None
    for part in (resource, *_components(resource)):
        for concept in concepts(part.get("code")):
            marks, known = filer.marks(concept)
            values = concepts(part.get("valueCodeableConcept"))
            value_marks = [filer.marks(value)[0] for value in values]
            if not marks and known and not any(value_marks):
                continue
            statement = statement or _statement(resource, reference, record, filer)
            if statement is None:
                return
            _file(part, concept, marks, statement, filer, measurements)
            _file_values(part, values, value_marks, statement, filer)


def _components(resource: dict[str, Any]) -> list[dict[str, Any]]:
    return [each for each in as_list(resource.get("component")) if isinstance(each, dict)]


def _statement(
    resource: dict[str, Any], reference: str, record: Record, filer: Filer
) -> Statement | None:
    """Return the circumstances of an Observation; None where its status says it is void."""
    status = first_code(resource.get("status"))
    if status in _FALSE:
        return None
    raw = (
        resource.get("effectiveDateTime")
        or resource.get("effectiveInstant")
        or as_dict(resource.get("effectivePeriod")).get("start")
        or resource.get("issued")
    )
    since = read_date(raw, record.zone) or read_period(
        resource.get("effectivePeriod"), record.zone
    )
    return Statement(
        reference=reference,
        holds=Holds.NOW if status in _COUNTS or status is None else Holds.OPEN,
        since=since,
        when=as_text(raw) if since else None,
        observed=since,
        endable=True,
        remark=status if status in _SAID else None,
        severity=severity(resource, filer.index),
        body_sites=body_sites(resource, filer.index),
    )


def _file(
    part: dict[str, Any],
    concept: dict[str, Any],
    marks: list[Mark],
    statement: Statement,
    filer: Filer,
    measurements: Measurements,
) -> None:
    said = answer(part, filer.index)
    holds = statement.holds if statement.holds is Holds.OPEN else _HOLDS[said]
    own = replace(statement, holds=holds)
    measuring = [mark for mark in marks if mark.role is Role.MEASURES]
    for mark in measuring:
        if statement.holds is not Holds.OPEN:
            measurements.read(mark.finding, mark.code.display, part, own)
    speaking = [mark for mark in marks if mark.role is not Role.MEASURES]
    if speaking:
        filer.file_marks(speaking, concept, own)
    elif not marks and said is not False and not _measured_by_words(concept, part, own, filer, measurements):
        filer.file(concept, own)


def _measured_by_words(
    concept: dict[str, Any],
    part: dict[str, Any],
    statement: Statement,
    filer: Filer,
    measurements: Measurements,
) -> bool:
    """Read a number under a name in words, where a finding that is measured goes by that name."""
    if number_of(part) is None:
        return False
    text = as_text(concept.get("text")) or ""
    names = [name for name in filer.index.phrases.names(text)
             if filer.index.findings[name].measured is not None]
    for name in names:
        measurements.read(filer.index.findings[name], text[:_MAX_WORDS], part, statement)
    return bool(names)


def _file_values(
    part: dict[str, Any],
    values: list[dict[str, Any]],
    value_marks: list[list[Mark]],
    statement: Statement,
    filer: Filer,
) -> None:
    """File findings that stand in the value: "symptom reported: night pain"."""
    if part.get("dataAbsentReason"):
        return
    negative = interpretation_codes(part) & {"neg", "nd"}
    for value, marks in zip(values, value_marks, strict=True):
        if marks:
            filer.file_marks(
                marks, value, replace(statement, holds=Holds.DENIED) if negative else statement
            )
