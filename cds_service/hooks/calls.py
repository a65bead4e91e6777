"""A call before it is judged: the record of its patient, and what it is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cds_service.clinical.occasion import Occasion
from cds_service.hooks.context import occasion_of, take_in
from cds_service.hooks.prefetch import Prefetched, read_prefetch

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cds_service.desk import Desk
    from cds_service.hooks.envelope import Envelope
    from cds_service.hooks.prefetch import Completed, Key
    from cds_service.hooks.services import Service


class Call(NamedTuple):
    """What a call's prefetch and context came to."""

    prefetched: Prefetched
    occasion: Occasion


def read_call(
    envelope: Envelope, service: Service, completed: Completed, expected: Iterable[Key], desk: Desk
) -> Call:
    """Read the prefetch, with what a FHIR server added, and the resources of the context."""
    prefetched = read_prefetch(completed, envelope.patient_id, desk.now(), desk.aliases, expected)
    take_in(envelope, service, prefetched.record)
    off = desk.off.get(service.id, frozenset())
    index = desk.judge.index.orders
    return Call(prefetched, occasion_of(envelope, service, prefetched.record, index, off))
