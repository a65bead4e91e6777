"""The link of a card to the form that asks what is unanswered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from cds_service.clinical.decision import Decision

_LABEL = "Answer the red-flag questions"
# The cards that unanswered dangers belong to: the answers may change what they say.
_LINKED = frozenset({"redflagcheck", "emergency", "imaging"})


@dataclass(frozen=True, slots=True)
class FormLink:
    """Where the form stands. ``smart`` says that the EHR launches it, for the patient at hand.

    The address is the same for every patient.
    """

    url: str
    smart: bool

    def links(self, topic: str, decision: Decision) -> list[dict[str, Any]]:
        """Return the link of a card, none where nothing is left to ask."""
        if topic not in _LINKED or not decision.unanswered:
            return []
        if not self.smart:
            return [{"label": _LABEL, "url": self.url, "type": "absolute"}]
        named = {"unanswered": [each.finding for each in decision.unanswered]}
        context = orjson.dumps(named).decode()
        return [{"label": _LABEL, "url": self.url, "type": "smart", "appContext": context}]
