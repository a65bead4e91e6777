"""A record to Facts, in one pass: each resource filed under the findings it speaks of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cds_service.clinical.facts import Facts
from cds_service.fhir.complaint import hear_complaint
from cds_service.fhir.computed import compute
from cds_service.fhir.conditions import read_condition, read_encounter, read_procedure
from cds_service.fhir.filer import Filer
from cds_service.fhir.ledger import Ledger
from cds_service.fhir.measurements import Measurements
from cds_service.fhir.medications import read_medication
from cds_service.fhir.notes import COMMENTED, read_document, read_notes, read_report
from cds_service.fhir.observations import read_observation
from cds_service.fhir.orders import read_draft, read_order
from cds_service.fhir.questionnaires import read_response
from cds_service.fhir.settlement import Settlement

if TYPE_CHECKING:
    from collections.abc import Callable

    from cds_service.fhir.given import Given
    from cds_service.fhir.index import Index
    from cds_service.fhir.record import Record


def find(record: Record, index: Index, given: tuple[Given, ...] = ()) -> Facts:
    """Read all resources of a record, and what was given beside it, into Facts."""
    ledger = Ledger(index, record.as_of)
    filer = Filer(index, ledger)
    measurements = Measurements(index, ledger)
    readers = _READERS
    for reference, resource in record.resources:
        kind = resource["resourceType"]
        if kind == "Observation":
            read_observation(resource, reference, record, filer, measurements)
        elif kind == "QuestionnaireResponse":
            read_response(resource, reference, record, filer, measurements)
        else:
            reader = readers.get(kind)
            if reader is not None:
                reader(resource, reference, record, filer)
        if "note" in resource or "notes" in resource or kind in COMMENTED:
            read_notes(resource, reference, record, filer)
    for reference, resource in record.drafts:
        read_draft(resource, reference, record, filer)
    measurements.finish()
    for finding in index.computed:
        compute(finding, record, ledger)
    for each in given:
        each.file(ledger)
    hear_complaint(ledger, alone=record.form_alone)
    findings = Settlement(ledger).findings()
    searched = frozenset(record.searched - record.doubtful)
    return Facts(
        as_of=record.as_of,
        findings=findings,
        silent=index.silent(searched),
        searched=searched,
        incomplete=frozenset(record.incomplete),
        notes=(*record.notes, *ledger.notes),
    )


_READERS: dict[str, Callable[[dict[str, Any], str, Record, Filer], None]] = {
    "Condition": read_condition,
    "Encounter": read_encounter,
    "Procedure": read_procedure,
    "ServiceRequest": read_order,
    "ProcedureRequest": read_order,
    "DiagnosticOrder": read_order,
    "ReferralRequest": read_order,
    "Appointment": read_order,
    "MedicationRequest": read_medication,
    "MedicationStatement": read_medication,
    "MedicationUsage": read_medication,
    "MedicationOrder": read_medication,
    "DocumentReference": read_document,
    "DiagnosticReport": read_report,
}
