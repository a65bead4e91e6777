"""The resources in a hook's context: what is being written while the service is called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cds_service.clinical.occasion import Occasion
from cds_service.fhir.access import as_list, last_path
from cds_service.fhir.bundles import Unpacked, unpack
from cds_service.fhir.orders import orders_in
from cds_service.fhir.record import keep_drafts, keep_own, references_of
from cds_service.hooks.services import Carries

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cds_service.fhir.order_index import OrderIndex
    from cds_service.fhir.record import Record
    from cds_service.hooks.envelope import Envelope
    from cds_service.hooks.services import Service


def unpack_given(value: object) -> Unpacked:
    """Take the resources out of a context field, in whatever of its shapes it came.

    A Bundle with or without its type or its resourceType, an array, a single resource, each
    entry as `{"resource": …}` or bare. What is null was left out.
    """
    if isinstance(value, dict) and ("resourceType" in value or "resource" in value):
        if value.get("resourceType") != "Bundle":
            return unpack(value)
    elif isinstance(value, dict) and "entry" not in value:
        return Unpacked()
    entries = value.get("entry") if isinstance(value, dict) else value
    wrapped = [_wrapped(each) for each in as_list(entries) if each is not None]
    return unpack({"resourceType": "Bundle", "entry": wrapped})


def _wrapped(entry: object) -> object:
    is_bare = isinstance(entry, dict) and "resource" not in entry and "resourceType" in entry
    return {"resource": entry} if is_bare else entry


def take_in(envelope: Envelope, service: Service, record: Record) -> None:
    """Put the resources of the context into the record, and note what could not be read.

    New conditions count like those that are saved. Orders and appointments stay apart: they say
    why the patient is seen, not what the patient has had.
    """
    if service.carries is None:
        return
    unpacked, own = envelope.given, references_of(envelope.patient_id)
    if service.carries is Carries.CONDITIONS:
        keep_own(record, unpacked, own)
        if unpacked.unread:
            record.doubtful.add("Condition")
    else:
        keep_drafts(record, unpacked, own)
    for problem in unpacked.problems:
        record.note(f"context.{service.carries} {problem}")


def occasion_of(
    envelope: Envelope,
    service: Service,
    record: Record,
    index: OrderIndex,
    off: frozenset[str],
) -> Occasion:
    """Return what a call is about; the record has the orders of its context."""
    if service.carries in {None, Carries.CONDITIONS}:
        return Occasion(leaving=service.leaving, off=off)
    drafts = record.drafts
    if envelope.selections is not None:
        selected = _names(envelope.selections)
        drafts = [each for each in drafts if _names([each[0], each[1].get("id")]) & selected]
    return Occasion(orders=orders_in(drafts, index), signing=service.signing, off=off)


def _names(references: Iterable[Any]) -> set[str]:
    """Return the references as `Type/id`, however they are written; a bare id stands for itself."""
    return {path for path in map(last_path, references) if path}
