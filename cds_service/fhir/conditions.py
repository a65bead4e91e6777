"""Condition, Encounter and Procedure: what they say, and whether it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cds_service.clinical.windows import Since
from cds_service.fhir.access import (
    as_dict,
    as_list,
    as_text,
    concepts,
    first_code,
    is_malformed,
    said_codes,
)
from cds_service.fhir.circumstances import body_sites, severity, worsens
from cds_service.fhir.dates import end_of, first_date, read_age, read_date, start_of
from cds_service.fhir.reasons import reasons_of
from cds_service.fhir.statement import Holds, Statement

if TYPE_CHECKING:
    from cds_service.fhir.filer import Filer
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
_ITS_REASON = "named only as the reason of a procedure"
_WHY = frozenset({"reasonCode", "reasonReference", "diagnosis"})
_RECORDED = ("recordedDate", "assertedDate", "dateRecorded")
_NOT_DONE = STOPPED | {"preparation", "aborted"}


def read_condition(resource: dict[str, Any], reference: str, record: Record, filer: Filer) -> None:
    """File a Condition by its code, if its verification lets it count."""
    code = resource.get("code")
    if filer.says_nothing(code) and not filer.hints(code) and "evidence" not in resource:
        return
    verification = said_codes(resource.get("verificationStatus"))
    if not _FALSE.isdisjoint(verification):
        return
    found = concepts(code)
    if not any(filer.legible(concept) for concept in found):
        record.unreadable("Condition", reference, "it has no text and no code that is known")
        return
    since, when, onset = _began(resource, record, filer)
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
        worsens=worsens(resource, filer.index),
    )
    spoke = [filer.file(concept, statement) for concept in (*found, *_manifestations(resource))]
    if any(spoke) and statement.holds is Holds.OPEN:
        record.unreadable("Condition", reference, "its clinical status is not known")


def _manifestations(resource: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the symptoms by which a condition shows itself (R4 nests them, R5 does not)."""
    found: list[dict[str, Any]] = []
    for each in map(as_dict, as_list(resource.get("evidence"))):
        found += concepts(each.get("code", each))
    return found


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


def _began(
    resource: dict[str, Any], record: Record, filer: Filer
) -> tuple[Since | None, str | None, bool]:
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
    told = as_text(resource.get("onsetString"))
    if told is not None:
        since = _told(told, resource, record, filer)
        if since is not None:
            return since, told, True
    encounter = as_dict(resource.get("encounter") or resource.get("context"))
    met = record.resolve(encounter.get("reference"))
    since, when = first_date(
        (
            *(resource.get(key) for key in _RECORDED),
            start_of(met.get("period")),
            start_of(met.get("actualPeriod")),
        ),
        zone,
    )
    return since, when, False


def _told(told: str, resource: dict[str, Any], record: Record, filer: Filer) -> Since | None:
    """Return an onset in words: "3 weeks ago" is told from the recording, else at least so old."""
    recorded, _ = first_date((resource.get(key) for key in _RECORDED), record.zone)
    said = filer.index.text.time_in(told)
    since = said.since(recorded or filer.ledger.now, record.zone) if said else None
    if since is None or recorded is not None or (said and said.year is not None):
        return since
    return Since(None, since.latest)


def read_encounter(resource: dict[str, Any], reference: str, record: Record, filer: Filer) -> None:
    """File the reasons of an encounter that is under way, planned, or not long over.

    A reason says that something is there at the visit; nobody says that it began then.
    """
    status = first_code(resource.get("status"))
    if status in STOPPED:
        return
    periods = (resource.get("period"), resource.get("actualPeriod"))
    since, when = first_date(map(start_of, periods), record.zone)
    ended, _ = first_date(map(end_of, periods), record.zone)
    if ended is None and status in _FINISHED:
        ended = since
    if not _WHY.isdisjoint(resource) and any(is_malformed(resource.get(key)) for key in _WHY):
        record.unreadable("Encounter", reference, "some of its reasons are none")
    for reason in reasons_of(resource, record):
        statement = Statement(
            reference=reference,
            since=since,
            when=when,
            observed=ended,
            remark="reason for the encounter",
            hints_by_display=True,
            visit=True,
            suspects=True,
        )
        filer.file(reason, statement)


def read_procedure(resource: dict[str, Any], reference: str, record: Record, filer: Filer) -> None:
    """File a procedure that was done, and what it was done for."""
    code = resource.get("code")
    reasons = reasons_of(resource, record)
    if not reasons and filer.says_nothing(code) and not filer.hints(code):
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
    done = Statement(reference, holds=Holds.PAST, since=since, when=when, hints_by_display=True)
    for concept in concepts(code):
        filer.file(concept, done)
    for reason in reasons:
        why = Statement(reference, since=since, when=when, observed=since, only=_ITS_REASON)
        filer.file(reason, why)
