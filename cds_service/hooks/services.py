"""The services that discovery lists: one id for each hook."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cds_service.hooks.prefetch import templates

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cds_service.content.load import Content


@dataclass(frozen=True, slots=True)
class Service:
    """A CDS service: its id, its hook, its words, and the context fields it cannot do without."""

    id: str
    hook: str
    title: str
    description: str
    required: tuple[str, ...]


SERVICES: Mapping[str, Service] = {
    service.id: service
    for service in (
        Service(
            "back-pain-patient-view",
            "patient-view",
            "Back pain: red flags and referral",
            "For a patient with back pain or back spasm: recommends emergency care, imaging, a "
            "doctor's appointment, physiotherapy or self-care, with the evidence and the source "
            "of each, and lists the red flags that were never asked.",
            ("userId", "patientId"),
        ),
    )
}


def discovery(content: Content) -> dict[str, Any]:
    """Return the answer of GET /cds-services."""
    return {
        "services": [
            {
                "id": service.id,
                "hook": service.hook,
                "title": service.title,
                "description": service.description,
                "prefetch": templates(content),
                "usageRequirements": (
                    "Needs the conditions of the patient (prefetch key `conditions`); every other "
                    "key may be left out: what it would show is then unknown, and a card says so."
                ),
            }
            for service in SERVICES.values()
        ]
    }
