"""MedicationRequest and MedicationStatement: what a patient takes, or took until lately."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cds_service.content.findings import Carrier
from cds_service.fhir.access import as_dict, as_list, as_text, codings, concepts, first_code
from cds_service.fhir.dates import end_of, first_date, read_date, start_of
from cds_service.fhir.reasons import reasons_of
from cds_service.fhir.statement import Holds, Statement
from cds_service.fhir.typed import file_text

if TYPE_CHECKING:
    from cds_service.clinical.windows import Since
    from cds_service.fhir.filer import Filer
    from cds_service.fhir.record import Record

# A draft or a proposal is no evidence of what a patient takes (docs/reading.md, "Live").
_NOT_TAKEN = {"draft", "cancelled", "entered-in-error", "intended", "not-taken"}
_NOT_ORDERED = {"proposal", "plan", "option"}
_ONGOING = {"active", "on-hold", "recorded", None}
_ITS_REASON = "named only as the reason of a medicine"
_OVER = {"completed", "stopped", "ended"}


def read_medication(resource: dict[str, Any], reference: str, record: Record, filer: Filer) -> None:
    """File a medicine that is taken, or was until the finding's window ends, and what it is for."""
    _file_reasons(resource, reference, record, filer)
    medicines = _medicines(resource, record)
    named = [(each, words) for each in medicines if (words := _names(each, filer)) is not None]
    if not named and not any(filer.legible(each) for each in medicines):
        record.note("Some medicines are named only by a reference or a code that cannot be read")
        record.doubtful.add(resource["resourceType"])
    if not named or not _is_taken(resource):
        return
    status = first_code(resource.get("status"))
    told = status in _ONGOING | _OVER and first_code(resource.get("taken")) != "unk"
    ended, when = _ended(resource, record, over=status not in _ONGOING)
    since = (ended, when) if ended else _started(resource, record)
    statement = Statement(
        reference=reference,
        holds=Holds.NOW if told else Holds.OPEN,
        since=since[0],
        when=since[1],
        observed=ended,
        remark=f"status {status}" if status else None,
        carrier=Carrier.MEDICATION,
    )
    for concept, words in named:
        filer.file({"text": words} if words else concept, statement)


def _file_reasons(resource: dict[str, Any], reference: str, record: Record, filer: Filer) -> None:
    """Let what a medicine is given for hint: it is no diagnosis, and no word of how it is now."""
    reasons = reasons_of(resource, record)
    instructions = _instructions(resource)
    if not (reasons or instructions) or first_code(resource.get("status")) in _NOT_TAKEN:
        return
    since, when = _started(resource, record)
    statement = Statement(
        reference, since=since, when=when, observed=since, visit=True, note=True, only=_ITS_REASON
    )
    for reason in reasons:
        filer.file(reason, statement)
    for text in instructions:
        file_text(text, statement, {}, filer)


def _instructions(resource: dict[str, Any]) -> list[str]:
    """Return the instructions of the doses as words."""
    found: list[str] = []
    for dose in _doses(resource):
        told = as_text(dose.get("text"))
        needed = as_text(as_dict(dose.get("asNeededCodeableConcept")).get("text"))
        found += [text for text in (told, needed) if text is not None]
    return found


def _doses(resource: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the doses; what is none is an empty one."""
    given = as_list(resource.get("dosageInstruction")) + as_list(resource.get("dosage"))
    return [as_dict(each) for each in given]


def _names(concept: dict[str, Any], filer: Filer) -> str | None:
    """Return "" where a code is known, the name where it names a medicine that matters, or None.

    Product codes are too many to list: a product goes by the ingredient in its name.
    """
    if filer.marks(concept)[0]:
        return ""
    texts = [concept.get("text"), *(coding.get("display") for coding in codings(concept))]
    named = dict.fromkeys(filter(None, map(as_text, texts)))
    return next((text for text in named if filer.index.text.speaks(text)), None)


def _is_taken(resource: dict[str, Any]) -> bool:
    """Tell whether a resource may say that the patient takes, or took, the medicine."""
    adherence = first_code(as_dict(resource.get("adherence")).get("code")) or ""
    return (
        first_code(resource.get("status")) not in _NOT_TAKEN
        and first_code(resource.get("intent")) not in _NOT_ORDERED
        and resource.get("doNotPerform") is not True
        and resource.get("wasNotTaken") is not True
        and first_code(resource.get("taken")) not in {"n", "na"}
        and adherence != "not-taking"
    )


def _medicines(resource: dict[str, Any], record: Record) -> list[dict[str, Any]]:
    """Return the medicine's concepts: inline, contained, or in another resource (R4, R5, STU3)."""
    found = concepts(resource.get("medicationCodeableConcept"))
    medication = as_dict(resource.get("medication"))
    found += concepts(medication.get("concept"))
    nested = as_dict(medication.get("reference"))
    for given in (resource.get("medicationReference"), nested or medication):
        reference = as_dict(given)
        target = as_text(reference.get("reference")) or ""
        if target.startswith("#"):
            contained = [as_dict(each) for each in as_list(resource.get("contained"))]
            referred = next((each for each in contained if each.get("id") == target[1:]), {})
        else:
            referred = record.resolve(target)
        found += concepts(referred.get("code"))
        display = as_text(reference.get("display"))
        if not referred and display:
            found.append({"text": display})
    return found


def _ended(
    resource: dict[str, Any], record: Record, *, over: bool
) -> tuple[Since | None, str | None]:
    """Return when a medicine was last taken; None for one without an end, taken now.

    One that is over without a date of its end counts from the day it was written.
    """
    supply = as_dict(resource.get("dispenseRequest")).get("validityPeriod")
    ends = [end_of(resource.get("effectivePeriod")), resource.get("dateEnded"), *_bounds(resource)]
    if over:
        ends += [
            end_of(supply),
            resource.get("effectiveDateTime"),
            resource.get("authoredOn"),
            resource.get("dateWritten"),
            resource.get("dateAsserted"),
        ]
    for raw in ends:
        since = read_date(raw, record.zone)
        if since is not None and since.latest <= record.as_of:
            return since, as_text(raw)
        if since is not None and not over:
            break
    return None, None


def _started(resource: dict[str, Any], record: Record) -> tuple[Since | None, str | None]:
    """Return since when a medicine is taken, for the evidence."""
    return first_date(
        (
            start_of(resource.get("effectivePeriod")),
            resource.get("effectiveDateTime"),
            resource.get("authoredOn"),
            resource.get("dateWritten"),
            resource.get("dateAsserted"),
        ),
        record.zone,
    )


def _bounds(resource: dict[str, Any]) -> list[object]:
    """Return the ends of the doses' periods."""
    timings = [as_dict(dose.get("timing")).get("repeat") for dose in _doses(resource)]
    return [end_of(as_dict(repeat).get("boundsPeriod")) for repeat in timings]
