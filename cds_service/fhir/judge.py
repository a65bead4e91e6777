"""A record to its decision: the one way that every adapter takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cds_service.clinical.decision import Gate
from cds_service.clinical.occasion import WHOLE_PATIENT
from cds_service.clinical.triage import decide
from cds_service.fhir.find import find
from cds_service.fhir.index import Index

if TYPE_CHECKING:
    from cds_service.clinical.decision import Decision
    from cds_service.clinical.occasion import Occasion
    from cds_service.content.load import Content
    from cds_service.fhir.given import Given
    from cds_service.fhir.order_index import SiteOrders
    from cds_service.fhir.record import Record


class Judge:
    """Judges records by one profile of the content, compiled once."""

    def __init__(self, content: Content, site_orders: SiteOrders | None = None) -> None:
        """Compile the content for reading; ``site_orders`` are the site's codes of orders."""
        self.content = content
        self.index = Index(content, site_orders)

    def decide(
        self,
        record: Record,
        profile: str,
        given: tuple[Given, ...] = (),
        occasion: Occasion = WHOLE_PATIENT,
    ) -> Decision:
        """Read the record and decide. The same record and moment give the same decision."""
        return decide(find(record, self.index, given), self.content.protocols[profile], occasion)


def why_not_judged(decision: Decision) -> str:
    """Say why a decision could not be reached, and what would help."""
    if decision.gate is Gate.UNKNOWN:
        reason = (
            "Cannot tell whether the patient has back pain: the conditions did not come whole, "
            "and nothing else that was sent speaks of it."
        )
    else:
        reason = (
            "The patient has back pain, but the conditions did not come whole, and nothing that "
            "was sent calls for emergency or same-day care."
        )
    return f"{reason} Send all conditions of the patient."
