"""Running text: annotations, comments, clinical notes and reports in plain text."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any

from cds_service.clinical.windows import Since
from cds_service.fhir.access import as_dict, as_list, as_text, concepts, first_code, said_codes
from cds_service.fhir.dates import first_date, read_date, start_of
from cds_service.fhir.statement import Holds, Statement
from cds_service.fhir.tokens import MAX_TEXT
from cds_service.fhir.typed import file_text

if TYPE_CHECKING:
    from cds_service.fhir.filer import Filer
    from cds_service.fhir.record import Record

# Whose remarks are about the patient. A family history's are not, and a plan's are about what may
# come.
NOTED = frozenset(
    (
        "Condition", "Observation", "Procedure", "ServiceRequest", "ProcedureRequest",
        "MedicationRequest", "MedicationStatement", "Appointment", "Encounter",
        "DiagnosticReport", "ClinicalImpression",
    )
)  # fmt: skip
# Texts of a resource itself; in STU3 and DSTU2 an Observation is commented in one of two places.
COMMENTED = {
    "Appointment": ("description", "comment"),
    "Observation": ("comment", "comments"),
    "ClinicalImpression": ("description", "summary"),
    "DiagnosticReport": ("conclusion",),
}
# In DSTU2 the notes of a Condition are a text.
_NOTES = ("notes",)
_VOID = frozenset(
    ("entered-in-error", "refuted", "superseded", "cancelled", "noshow", "not-done", "revoked",
     "nullified")
)  # fmt: skip
_SO_FAR = frozenset({"registered", "partial", "preliminary"})
_OVER = frozenset({"inactive", "remission", "resolved"})
_DATES = (
    "effectiveDateTime", "effectiveInstant", "authoredOn", "dateWritten", "issued", "date",
    "created", "indexed", "performedDateTime", "occurrenceDateTime",
)  # fmt: skip
_RECORDED = ("recordedDate", "assertedDate", "dateRecorded", "onsetDateTime")
_PERIODS = ("effectivePeriod", "performedPeriod", "occurrencePeriod", "period", "actualPeriod")
_PLAIN = "text/plain"


def read_notes(
    resource: dict[str, Any], reference: str, record: Record, filer: Filer, *, draft: bool = False
) -> None:
    """File what the annotations and comments of a resource say; those of a draft are of now."""
    kind = resource["resourceType"]
    comments = [resource[key] for key in COMMENTED.get(kind, _NOTES) if key in resource]
    if not (comments or "note" in resource) or kind not in NOTED or _is_void(resource):
        return
    undated = kind == "Condition"
    if draft:
        written: tuple[Since | None, str | None] = (None, None)
    else:
        written = _between(resource, record) if undated else _written(resource, record)
    holds = _holds(resource)
    for comment in comments:
        _file(as_text(comment), written, holds, reference, filer, undated=undated)
    for each in as_list(resource.get("note")):
        note = as_dict(each)
        dated = first_date((note.get("time"),), record.zone)
        text = as_text(note.get("text"))
        if dated[0] and not draft:
            _file(text, dated, holds, reference, filer)
        else:
            _file(text, written, holds, reference, filer, undated=undated)


def read_document(resource: dict[str, Any], reference: str, record: Record, filer: Filer) -> None:
    """File what a clinical note says, where it came as plain text."""
    if _is_void(resource):
        return
    context = as_dict(resource.get("context"))
    date, when = _written(resource, record)
    if date is None:
        date, when = first_date((start_of(context.get("period")),), record.zone)
    for content in as_list(resource.get("content")):
        attachment = as_dict(content).get("attachment")
        text = _plain_text(as_dict(attachment), reference, record)
        _file(text, (date, when), Holds.NOW, reference, filer)


def read_report(resource: dict[str, Any], reference: str, record: Record, filer: Filer) -> None:
    """File a report's coded conclusions and its plain text; its conclusion is read as a comment."""
    if _is_void(resource):
        return
    written = _written(resource, record)
    for concept in concepts(resource.get("conclusionCode") or resource.get("codedDiagnosis")):
        filer.file(concept, _concluded(resource, reference, written))
    for attachment in as_list(resource.get("presentedForm")):
        text = _plain_text(as_dict(attachment), reference, record)
        _file(text, written, Holds.NOW, reference, filer)


def _concluded(
    resource: dict[str, Any], reference: str, written: tuple[Since | None, str | None]
) -> Statement:
    status = first_code(resource.get("status"))
    return Statement(
        reference=reference,
        since=written[0],
        when=written[1],
        observed=written[0],
        endable=True,
        visit=True,
        remark=status if status in _SO_FAR else None,
        hints_by_display=True,
    )


def _is_void(resource: dict[str, Any]) -> bool:
    said = {
        code
        for key in ("status", "docStatus", "verificationStatus")
        if key in resource
        for code in (said_codes(resource[key]) or [first_code(resource[key]) or ""])
    }
    return not _VOID.isdisjoint(said)


def _holds(resource: dict[str, Any]) -> Holds:
    """Tell whether what is remarked is past: a remark on a condition that is over is."""
    over = not _OVER.isdisjoint(said_codes(resource.get("clinicalStatus")))
    return Holds.PAST if over else Holds.NOW


def _written(resource: dict[str, Any], record: Record) -> tuple[Since | None, str | None]:
    periods = [start_of(resource.get(key)) for key in _PERIODS]
    return first_date((*(resource.get(key) for key in _DATES), *periods), record.zone)


def _between(resource: dict[str, Any], record: Record) -> tuple[Since | None, None]:
    """Return between when and when an undated note on a condition was written.

    A condition is written to for as long as it is on the list: not before it was recorded, and not
    after its last change. Nobody knows when its onset was written about.
    """
    recorded, _ = first_date(
        (*(resource.get(key) for key in _RECORDED), start_of(resource.get("onsetPeriod"))),
        record.zone,
    )
    if recorded is None or recorded.earliest is None:
        return None, None
    changed = read_date(as_dict(resource.get("meta")).get("lastUpdated"), record.zone)
    latest = min(changed.latest, record.as_of) if changed else record.as_of
    return Since(recorded.earliest, max(latest, recorded.latest)), None


def _file(
    text: str | None,
    written: tuple[Since | None, str | None],
    holds: Holds,
    reference: str,
    filer: Filer,
    *,
    undated: bool = False,
) -> None:
    if text is None:
        return
    if len(text) > MAX_TEXT:
        filer.ledger.note(
            f"{reference}: only the first {MAX_TEXT} characters of its text were read"
        )
    since, when = written
    statement = Statement(
        reference=reference,
        holds=holds,
        since=since,
        when=when,
        observed=since,
        endable=True,
        visit=True,
        note=True,
        undated=undated,
    )
    file_text(text, statement, {}, filer)


def _plain_text(attachment: dict[str, Any], reference: str, record: Record) -> str | None:
    """Return the text of an attachment; what is there and cannot be read is noted."""
    kind = (as_text(attachment.get("contentType")) or _PLAIN).lower()
    data = attachment.get("data")
    if not kind.startswith(_PLAIN):
        if data is not None:
            record.note(f"{reference}: its text was not read, it is not plain text")
        return None
    if data is None:
        if attachment.get("url") is not None:
            record.note(f"{reference}: its text was not read, only its address was sent")
        return None
    try:
        raw = base64.b64decode(data)
    except (TypeError, ValueError, binascii.Error):
        record.note(f"{reference}: its text could not be read, it is not base64")
        return None
    try:
        return raw.decode("utf-8-sig").strip() or None
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace").strip() or None
