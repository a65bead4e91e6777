"""MedicationRequest and MedicationStatement: what a patient takes, or took until lately."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cds_service.content.findings import Carrier
from cds_service.fhir.access import as_dict, as_list, as_text, concepts, first_code
from cds_service.fhir.dates import read_date
from cds_service.fhir.statements import Statement

if TYPE_CHECKING:
    from cds_service.clinical.windows import Since
    from cds_service.fhir.record import Record
    from cds_service.fhir.statements import Filer

# A draft or a proposal is no evidence of what a patient takes (CRITERIA, "Words").
_NOT_TAKEN = {"draft", "cancelled", "entered-in-error", "unknown", "intended", "not-taken"}
_NOT_ORDERED = {"proposal", "plan", "option"}
_ONGOING = {"active", "on-hold", "recorded", None}


def read_medication(
    resource: dict[str, Any], reference: str, record: Record, filer: Filer
) -> None:
    """File a medicine that is taken, or was until the finding's window ends."""
    status = first_code(resource.get("status"))
    if status in _NOT_TAKEN or first_code(resource.get("intent")) in _NOT_ORDERED:
        return
    if resource.get("wasNotTaken") is True or first_code(resource.get("taken")) in {"n", "unk"}:
        return
    ended, when = _ended(resource, record, ongoing=status in _ONGOING)
    statement = Statement(
        reference=reference,
        since=ended,
        when=when,
        observed=ended,
        remark=f"status {status}" if status else None,
        carrier=Carrier.MEDICATION,
    )
    for concept in _medicines(resource, record):
        if not filer.file(concept, statement):
            _by_name(concept, statement, filer)


def _by_name(concept: dict[str, Any], statement: Statement, filer: Filer) -> None:
    """File a product by the ingredient in its name: product codes are too many to list."""
    texts = [as_text(concept.get("text"))]
    texts += [as_text(each.get("display")) for each in as_list(concept.get("coding"))
              if isinstance(each, dict)]
    named = [text for text in texts if text]
    if named:
        filer.file({"text": named[0]}, statement)


def _medicines(resource: dict[str, Any], record: Record) -> list[dict[str, Any]]:
    """Return the medicine's concepts: inline, contained, or in another resource (R4, R5, STU3)."""
    found = concepts(resource.get("medicationCodeableConcept"))
    medication = as_dict(resource.get("medication"))
    found += concepts(medication.get("concept"))
    nested = as_dict(medication.get("reference"))
    for reference in (resource.get("medicationReference"), nested or medication):
        target = as_text(as_dict(reference).get("reference"))
        if target is None:
            continue
        if target.startswith("#"):
            contained = [as_dict(each) for each in as_list(resource.get("contained"))]
            referred = next((each for each in contained if each.get("id") == target[1:]), {})
        else:
            referred = record.resolve(target)
        found += concepts(referred.get("code"))
        display = as_text(as_dict(reference).get("display"))
        if not referred and display:
            found.append({"text": display})
    return found


def _ended(
    resource: dict[str, Any], record: Record, *, ongoing: bool
) -> tuple[Since | None, str | None]:
    """Return when a medicine was last taken; None for one without an end, taken now."""
    period = as_dict(resource.get("effectivePeriod"))
    supply = as_dict(as_dict(resource.get("dispenseRequest")).get("validityPeriod"))
    ends = [period.get("end"), resource.get("dateEnded"), *_bounds(resource)]
    if not ongoing:
        ends += [
            supply.get("end"),
            resource.get("effectiveDateTime"),
            resource.get("authoredOn"),
            resource.get("dateWritten"),
            resource.get("dateAsserted"),
        ]
    for raw in ends:
        since = read_date(raw, record.zone)
        if since is not None and since.latest <= record.as_of:
            return since, as_text(raw)
        if since is not None:
            return None, None
    return None, None


def _bounds(resource: dict[str, Any]) -> list[Any]:
    doses = as_list(resource.get("dosageInstruction")) + as_list(resource.get("dosage"))
    return [
        as_dict(as_dict(as_dict(dose).get("timing")).get("repeat"))
        .get("boundsPeriod", {})
        .get("end")
        for dose in doses
        if isinstance(as_dict(as_dict(as_dict(dose).get("timing")).get("repeat"))
                      .get("boundsPeriod", {}), dict)
    ]
