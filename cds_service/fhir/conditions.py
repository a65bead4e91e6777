"""Condition, Encounter and Procedure: what they say, and whether it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cds_service.fhir.access import as_dict, as_list, concepts, first_code, said_codes
from cds_service.fhir.circumstances import body_sites, severity
from cds_service.fhir.dates import end_of, first_date, read_age, read_date, start_of
from cds_service.fhir.statements import Filer, Holds, Statement

if TYPE_CHECKING:
    from cds_service.clinical.windows import Since
    from cds_service.fhir.record import Record

_RECURRING = {"recurrence", "relapse"}
_LIVE = {"active"} | _RECURRING
_OVER = {"inactive", "remission", "resolved"}
_SUSPECTED = {"unconfirmed", "provisional", "differential"}
_FALSE = {"refuted", "entered-in-error"}
_FINISHED = {"finished", "completed", "discharged", "discontinued"}
STOPPED = {"cancelled", "entered-in-error", "not-done", "noshow", "revoked", "nullified"}
_ABATEMENTS = {
    f"abatement{kind}" for kind in ("DateTime", "Period", "Boolean", "Age", "Range", "String")
}
_NOT_DONE = STOPPED | {"preparation", "aborted"}


def read_condition(resource: dict[str, Any], reference: str, record: Record, filer: Filer) -> None:
    """File a Condition by its code, if its verification lets it count."""
    code = resource.get("code")
    if filer.says_nothing(code) and not filer.hints(code):
        return
    verification = said_codes(resource.get("verificationStatus"))
    if not _FALSE.isdisjoint(verification):
        return
    found = concepts(code)
    if not any(filer.legible(concept) for concept in found):
        record.unreadable("Condition", reference, "it has no text and no code that is known")
        return
    since, when, onset = _began(resource, record)
    status = said_codes(resource.get("clinicalStatus"))
    statement = Statement(
        reference=reference,
        holds=_holds(resource, status, record),
        since=since,
        when=when,
        recurring=not _RECURRING.isdisjoint(status),
        remark="suspected" if not _SUSPECTED.isdisjoint(verification) else None,
        severity=severity(resource, filer.index),
        body_sites=body_sites(resource, filer.index),
        onset=onset,
        hints_by_display=True,
    )
    spoke = [filer.file(concept, statement) for concept in found]
    if any(spoke) and statement.holds is Holds.OPEN:
        record.unreadable("Condition", reference, "its clinical status is not known")


def _holds(resource: dict[str, Any], status: list[str], record: Record) -> Holds:
    """Tell whether a condition is live. Source: docs/reading.md, "Live"."""
    if _abated(resource, record):
        return Holds.PAST
    if not _LIVE.isdisjoint(status) or not resource.get("clinicalStatus"):
        return Holds.NOW
    return Holds.OPEN if _OVER.isdisjoint(status) else Holds.PAST


def _abated(resource: dict[str, Any], record: Record) -> bool:
    """Tell whether a condition has ended: an abatement that lies wholly in the past."""
    if _ABATEMENTS.isdisjoint(resource):
        return False
    if resource.get("abatementBoolean") is True:
        return True
    period = resource.get("abatementPeriod")
    ended, _ = first_date(
        (resource.get("abatementDateTime"), end_of(period), start_of(period)), record.zone
    )
    if ended is not None:
        return ended.latest.astimezone(record.zone).date() <= record.as_of.date()
    return any(resource.get(kind) for kind in ("abatementAge", "abatementRange", "abatementString"))


def _began(resource: dict[str, Any], record: Record) -> tuple[Since | None, str | None, bool]:
    """Return the onset, else the recorded date, else the start of the encounter.

    The last of the three tells whether it is the onset.
    """
    zone, onset = record.zone, resource.get("onsetDateTime")
    since = read_date(onset, zone)
    if since is not None:
        return since, onset, True
    since, when = first_date(
        (start_of(resource.get("onsetPeriod")), resource.get("onsetString")), zone
    )
    if since is not None:
        return since, when, True
    for age in (resource.get("onsetAge"), as_dict(resource.get("onsetRange")).get("low")):
        since = read_age(age, record.birth_date, zone)
        if since is not None:
            return since, f"at the age of {as_dict(age).get('value')}", True
    encounter = as_dict(resource.get("encounter") or resource.get("context"))
    met = record.resolve(encounter.get("reference"))
    since, when = first_date(
        (
            resource.get("recordedDate"),
            resource.get("assertedDate"),
            resource.get("dateRecorded"),
            start_of(met.get("period")),
            start_of(met.get("actualPeriod")),
        ),
        zone,
    )
    return since, when, False


def read_encounter(resource: dict[str, Any], reference: str, record: Record, filer: Filer) -> None:
    """File the reasons of an encounter that is under way, planned, or not long over.

    A reason says that something is there at the visit; nobody says that it began then.
    """
    status = first_code(resource.get("status"))
    if status in STOPPED:
        return
    reasons = concepts(resource.get("reasonCode"))
    for reason in as_list(resource.get("reason")):
        # R5 nests CodeableReferences in `value`; STU3 and DSTU2 have the concepts themselves.
        values = as_dict(reason).get("value")
        reasons += concepts(values) if values is not None else concepts(reason)
    for diagnosis in as_list(resource.get("diagnosis")):
        reasons += concepts(as_dict(diagnosis).get("condition"))
    periods = (resource.get("period"), resource.get("actualPeriod"))
    since, when = first_date(map(start_of, periods), record.zone)
    ended, _ = first_date(map(end_of, periods), record.zone)
    if ended is None and status in _FINISHED:
        ended = since
    for reason in reasons:
        statement = Statement(
            reference=reference,
            since=since,
            when=when,
            observed=ended,
            remark="reason for the encounter",
            hints_by_display=True,
            visit=True,
        )
        filer.file(reason, statement)


def read_procedure(resource: dict[str, Any], reference: str, record: Record, filer: Filer) -> None:
    """File a procedure that was done."""
    if filer.says_nothing(resource.get("code")):
        return
    if first_code(resource.get("status")) in _NOT_DONE or any(
        resource.get(flag) is True for flag in ("notDone", "notPerformed")
    ):
        return
    since, when = first_date(
        (
            resource.get("performedDateTime"),
            resource.get("occurrenceDateTime"),
            start_of(resource.get("performedPeriod")),
            start_of(resource.get("occurrencePeriod")),
        ),
        record.zone,
    )
    for concept in concepts(resource.get("code")):
        filer.file(concept, Statement(reference, holds=Holds.PAST, since=since, when=when))
