"""Orders and appointments: the reasons written on them, and what those in writing ask for."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cds_service.clinical.occasion import Aim, Order
from cds_service.content.findings import Carrier
from cds_service.fhir.access import as_dict, as_text, codings, first_code
from cds_service.fhir.conditions import STOPPED
from cds_service.fhir.dates import first_date, read_date
from cds_service.fhir.ledger import DENIAL_LIVES
from cds_service.fhir.notes import read_notes
from cds_service.fhir.reasons import reasons_of
from cds_service.fhir.statement import Statement
from cds_service.fhir.typed import file_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cds_service.clinical.windows import Since
    from cds_service.fhir.filer import Filer
    from cds_service.fhir.order_index import OrderIndex
    from cds_service.fhir.record import Record


_BEHIND_NAME = re.compile(r";|\n|\.\s")


def read_order(resource: dict[str, Any], reference: str, record: Record, filer: Filer) -> None:
    """File the reasons of an order or an appointment, and what a draft order asks for.

    What is ordered says nothing of the past; its reason says why the patient is seen.
    """
    if _is_stopped(resource):
        return
    written, when = _written(resource, record)
    due = read_date(resource.get("start"), record.zone) or written
    if due is not None and filer.ledger.older(due, DENIAL_LIVES):
        return
    said = Statement(reference, since=written, when=when, observed=due)
    _file_reasons(resource, said, record, filer)
    if first_code(resource.get("status")) == "draft":
        _file_image(resource, Statement(reference, since=written), filer)


def read_draft(resource: dict[str, Any], reference: str, record: Record, filer: Filer) -> None:
    """File why something is written during the call, what is noted on it, and an image it asks for.

    It is new, whatever its dates and its status say.
    """
    if _is_stopped(resource):
        return
    _, when = _written(resource, record)
    _file_reasons(resource, Statement(reference, when=when), record, filer)
    read_notes(resource, reference, record, filer, draft=True)
    _file_image(resource, Statement(reference), filer)


def orders_in(
    resources: Iterable[tuple[str, dict[str, Any]]], index: OrderIndex
) -> tuple[Order, ...]:
    """Return the orders among these resources that the content knows."""
    return tuple(
        order
        for reference, resource in resources
        if not _is_stopped(resource)
        for order in _orders(resource, reference, index)
    )


def _orders(resource: dict[str, Any], reference: str, index: OrderIndex) -> Iterator[Order]:
    reasons = tuple(filter(None, map(_words, reasons_of(resource))))
    for name in index.recognised(resource):
        kind = index.kind(name)
        yield Order(reference, name, kind.aim, kind.says, kind.modality, reasons)


def _is_stopped(resource: dict[str, Any]) -> bool:
    status = first_code(resource.get("status"))
    return status in STOPPED or resource.get("doNotPerform") is True


def _written(resource: dict[str, Any], record: Record) -> tuple[Since | None, str | None]:
    dates = (resource.get("authoredOn"), resource.get("orderedOn"), resource.get("created"))
    return first_date(dates, record.zone)


def _file_reasons(
    resource: dict[str, Any], statement: Statement, record: Record, filer: Filer
) -> None:
    statement.remark = "reason given"
    statement.visit = True
    statement.suspects = True
    for reason in reasons_of(resource, record):
        filer.file(reason, statement)
    added = _added(resource)
    if added is not None:
        file_text(added, replace(statement, remark=None, note=True), {}, filer)


def _added(resource: dict[str, Any]) -> str | None:
    """Return what somebody wrote behind the name of an order: "MRI; cannot pass urine".

    The name itself says nothing of the patient: there are order sets for chest pain.
    """
    name = as_text(as_dict(resource.get("code")).get("text"))
    return as_text(_BEHIND_NAME.split(name, 1)[-1]) if name and _BEHIND_NAME.search(name) else None


def _file_image(resource: dict[str, Any], statement: Statement, filer: Filer) -> None:
    statement.carrier = Carrier.ORDER
    orders = filer.index.orders
    for name, words in orders.recognised(resource).items():
        if orders.kind(name).aim is Aim.IMAGING:
            filer.affirm(filer.index.findings[orders.finding], words, {}, statement)


def _words(concept: dict[str, Any]) -> str | None:
    shown = [concept.get("text")]
    shown += [coding.get(key) for coding in codings(concept) for key in ("display", "code")]
    return next(filter(None, map(as_text, shown)), None)
