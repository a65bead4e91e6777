"""Condition, Encounter, Procedure, orders and appointments: what they say, and whether it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cds_service.clinical.truth import Truth
from cds_service.clinical.windows import is_future, within
from cds_service.content.findings import Carrier
from cds_service.fhir.access import as_dict, as_list, as_text, concepts, first_code
from cds_service.fhir.dates import read_age, read_date, read_period
from cds_service.fhir.ledger import DENIAL_LIVES
from cds_service.fhir.statements import Filer, Holds, Statement, body_sites, severity

if TYPE_CHECKING:
    from cds_service.clinical.windows import Since
    from cds_service.fhir.record import Record

_LIVE = {"active", "recurrence", "relapse"}
_OVER = {"inactive", "remission", "resolved"}
_SUSPECTED = {"unconfirmed", "provisional", "differential"}
_FALSE = {"refuted", "entered-in-error"}
_STOPPED = {"cancelled", "entered-in-error", "not-done", "noshow", "revoked", "nullified"}


def read_condition(resource: dict[str, Any], reference: str, record: Record, filer: Filer) -> None:
    """File a Condition by its code, if its verification lets it count."""
    verification = first_code(resource.get("verificationStatus"))
    if verification in _FALSE:
        return
    found = concepts(resource.get("code"))
    if first_code(found) is None:
        record.unreadable("Condition", reference, "it has no code and no text")
        return
    holds = _holds(resource, record)
    if holds is Holds.OPEN:
        record.unreadable("Condition", reference, "its clinical status is not known")
    since, when = _began(resource, record)
    statement = Statement(
        reference=reference,
        holds=holds,
        since=since,
        when=when,
        recurring=first_code(resource.get("clinicalStatus")) in {"recurrence", "relapse"},
        remark="suspected" if verification in _SUSPECTED else None,
        severity=severity(resource, filer.index),
        body_sites=body_sites(resource, filer.index),
        hints_by_display=True,
    )
    filer.file(found[0], statement)


def _holds(resource: dict[str, Any], record: Record) -> Holds:
    """Tell whether a condition is live. Source: CRITERIA, "Words": live."""
    if _abated(resource, record):
        return Holds.PAST
    raw = resource.get("clinicalStatus")
    status = first_code(raw)
    if status in _OVER:
        return Holds.PAST
    if status in _LIVE or raw is None:
        return Holds.NOW
    return Holds.OPEN


def _abated(resource: dict[str, Any], record: Record) -> bool:
    """Tell whether a condition has ended: an abatement that is not in the future."""
    if resource.get("abatementBoolean") is True:
        return True
    ended = read_date(resource.get("abatementDateTime"), record.zone)
    if ended is None:
        period = as_dict(resource.get("abatementPeriod"))
        ended = read_date(period.get("end") or period.get("start"), record.zone)
    if ended is not None:
        return not is_future(ended, record.as_of)
    return any(
        resource.get(f"abatement{kind}") for kind in ("Age", "Range", "String")
    )


def _began(resource: dict[str, Any], record: Record) -> tuple[Since | None, str | None]:
    """Return the onset, else the recorded date, else the start of the encounter."""
    zone = record.zone
    period = as_dict(resource.get("onsetPeriod"))
    for raw in (
        resource.get("onsetDateTime"),
        period.get("start"),
        resource.get("onsetString"),
    ):
        since = read_date(raw, zone)
        if since is not None:
            return since, as_text(raw)
    ages = (resource.get("onsetAge"), as_dict(resource.get("onsetRange")).get("low"))
    for age in ages:
        since = read_age(age, record.birth_date, zone)
        if since is not None:
            return since, f"at the age of {as_dict(age).get('value')}"
    for raw in (
        resource.get("recordedDate"),
        resource.get("assertedDate"),
        resource.get("dateRecorded"),
    ):
        since = read_date(raw, zone)
        if since is not None:
            return since, as_text(raw)
    encounter = as_dict(resource.get("encounter") or resource.get("context"))
    met = record.resolve(encounter.get("reference"))
    period = as_dict(met.get("period") or met.get("actualPeriod"))
    return read_date(period.get("start"), zone), as_text(period.get("start"))


def read_encounter(resource: dict[str, Any], reference: str, record: Record, filer: Filer) -> None:
    """File the reasons of an encounter that is under way, planned, or not long over."""
    if first_code(resource.get("status")) in _STOPPED:
        return
    reasons = concepts(resource.get("reasonCode"))
    for reason in as_list(resource.get("reason")):
        # R5 nests CodeableReferences in `value`; STU3 and DSTU2 have the concepts themselves.
        values = as_dict(reason).get("value")
        reasons += concepts(values) if values is not None else concepts(reason)
    period = as_dict(resource.get("period") or resource.get("actualPeriod"))
    since = read_date(period.get("start"), record.zone)
    ended = read_date(period.get("end"), record.zone) or since
    finished = first_code(resource.get("status")) in {"finished", "completed", "discharged"}
    for reason in reasons:
        statement = Statement(
            reference=reference,
            since=since,
            when=as_text(period.get("start")),
            observed=ended if finished else None,
            remark="reason for the encounter",
            hints_by_display=True,
        )
        filer.file(reason, statement)


def read_procedure(resource: dict[str, Any], reference: str, record: Record, filer: Filer) -> None:
    """File a procedure that was done."""
    if first_code(resource.get("status")) in _STOPPED | {"preparation"}:
        return
    done = resource.get("performedDateTime") or resource.get("occurrenceDateTime")
    since = (
        read_date(done, record.zone)
        or read_period(resource.get("performedPeriod"), record.zone)
        or read_period(resource.get("occurrencePeriod"), record.zone)
    )
    for concept in concepts(resource.get("code")):
        filer.file(
            concept, Statement(reference, holds=Holds.PAST, since=since, when=as_text(done))
        )


def read_order(resource: dict[str, Any], reference: str, record: Record, filer: Filer) -> None:
    """File the reasons of an order or an appointment, and what a draft order asks for.

    What is ordered says nothing of the past; its reason says why the patient is seen.
    """
    status = first_code(resource.get("status"))
    if status in _STOPPED:
        return
    raw = (
        resource.get("authoredOn")
        or resource.get("orderedOn")
        or resource.get("created")
    )
    written = read_date(raw, record.zone)
    if written is not None and within(written, DENIAL_LIVES, record.as_of) is Truth.ABSENT:
        return
    for reason in concepts(resource.get("reasonCode")) + concepts(resource.get("reason")):
        statement = Statement(
            reference, since=written, when=as_text(raw), observed=written, remark="reason given"
        )
        filer.file(reason, statement)
    if status == "draft":
        for concept in concepts(resource.get("code")):
            filer.file(concept, Statement(reference, since=written, carrier=Carrier.ORDER))
