"""The services that discovery lists: one id for each hook."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from cds_service.hooks.prefetch import templates

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cds_service.content.load import Content


class Carries(StrEnum):
    """The context fields that hold resources: what is being written while the hook is called."""

    CONDITIONS = "conditions"
    ORDERS = "draftOrders"
    APPOINTMENTS = "appointments"


@dataclass(frozen=True, slots=True)
class Service:
    """A CDS service: its id, its hook, its words, and the context fields it cannot do without.

    ``required`` are those that hold a text, ``carries`` is the one that holds resources.
    ``selects`` says that `selections` name the orders that the call is about; ``signing`` and
    ``leaving`` say what is about to happen. Source: the definitions of the hooks, version 1.0.
    """

    id: str
    hook: str
    title: str
    description: str
    required: tuple[str, ...] = ("userId", "patientId")
    carries: Carries | None = None
    selects: bool = False
    signing: bool = False
    leaving: bool = False


_VISIT = ("userId", "patientId", "encounterId")
_WHOLE = (
    "recommends emergency care, imaging, a doctor's appointment, physiotherapy or self-care, with "
    "the evidence and the source of each, and lists the red flags that were never asked."
)
_ORDERED = (
    "says when what is recorded calls for emergency or same-day care, when no criterion supports "
    "an image of the spine or another kind of image is named, and which red flags to ask before "
    "physiotherapy, manipulation, exercise or traction. Other orders get no card of their own."
)
SERVICES: Mapping[str, Service] = {
    service.id: service
    for service in (
        Service(
            "back-pain-patient-view",
            "patient-view",
            "Back pain: red flags and referral",
            f"For a patient with back pain or back spasm: {_WHOLE}",
        ),
        Service(
            "back-pain-encounter-start",
            "encounter-start",
            "Back pain at the start of a visit",
            f"When a patient with back pain arrives, also by the reason of the visit: {_WHOLE}",
            _VISIT,
        ),
        Service(
            "back-pain-encounter-discharge",
            "encounter-discharge",
            "Back pain before discharge",
            "Before a patient with back pain leaves: asks first what emergency signs were never "
            f"asked, and {_WHOLE}",
            _VISIT,
            leaving=True,
        ),
        Service(
            "back-pain-problem-list-item-create",
            "problem-list-item-create",
            "Back pain added to the problem list",
            f"When a problem is added, which counts before it is saved: {_WHOLE}",
            carries=Carries.CONDITIONS,
        ),
        Service(
            "back-pain-appointment-book",
            "appointment-book",
            "Back pain and the appointment that is booked",
            "When an appointment is booked for a patient with back pain: says when what is "
            "recorded calls for emergency or same-day care instead, and which red flags to ask "
            "before physiotherapy. Other appointments get no card.",
            carries=Carries.APPOINTMENTS,
        ),
        Service(
            "back-pain-order-select",
            "order-select",
            "Back pain and the orders selected",
            f"When orders are selected for a patient with back pain: {_ORDERED}",
            carries=Carries.ORDERS,
            selects=True,
        ),
        Service(
            "back-pain-order-sign",
            "order-sign",
            "Back pain and the orders to sign",
            f"Before orders are signed for a patient with back pain: {_ORDERED}",
            carries=Carries.ORDERS,
            signing=True,
        ),
    )
}

_NEEDS = (
    "Needs the conditions of the patient (prefetch key `conditions`); every other key may be left "
    "out: what it would show is then unknown, and a card says so."
)
_SHADOW = (
    "In shadow mode: calls are judged and kept, and every answer is an empty list of cards, which "
    "says nothing about the patient."
)
SHADOW_EXTENSION = "org.backpain-cds.shadow"


def discovery(content: Content, *, shadow: bool = False) -> dict[str, Any]:
    """Return the answer of GET /cds-services; in shadow mode every service says so."""
    return {
        "services": [
            {
                "id": service.id,
                "hook": service.hook,
                "title": service.title,
                "description": service.description,
                "prefetch": templates(content),
                "usageRequirements": f"{_SHADOW} {_NEEDS}" if shadow else _NEEDS,
            }
            | ({"extension": {SHADOW_EXTENSION: {"shadow": True}}} if shadow else {})
            for service in SERVICES.values()
        ]
    }
