"""What the service remembers of a call, and the port through which the edge reaches it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from cds_service.clinical.decision import Decision

if TYPE_CHECKING:
    from collections.abc import Mapping


# What journal and metrics know calls of REST by, as those of CDS Hooks by their service's id.
ASSESSMENT = "assessment"


class UnreachableError(Exception):
    """What had to be remembered could not be: try again later."""


@dataclass(frozen=True, slots=True)
class Card:
    """A card that was answered: its uuid, its topic and indicator, the uuids of its suggestions."""

    uuid: str
    topic: str
    indicator: str
    suggestions: tuple[str, ...] = ()


def answered_cards(cards: Sequence[Mapping[str, Any]]) -> tuple[Card, ...]:
    """Return what is remembered of cards that were written."""
    return tuple(
        [
            Card(
                card["uuid"],
                card["source"]["topic"]["code"],
                card["indicator"],
                tuple([each["uuid"] for each in card.get("suggestions", ())]),
            )
            for card in cards
        ]
    )


@dataclass(frozen=True, slots=True)
class Judged:
    """A judged call. The journal keeps the patient and the encounter as keyed hashes only.

    ``service`` is the id of the service, or ``ASSESSMENT`` for REST. ``client`` is the issuer of
    the caller's token, where callers are asked. ``shadow`` means that the cards were not sent.
    ``seconds`` is the time from the request's arrival to its decision.
    """

    at: datetime
    service: str
    client: str | None
    patient: str | None
    encounter: str | None
    decision: Decision
    cards: Sequence[Card]
    seconds: float
    shadow: bool = False


@dataclass(frozen=True, slots=True)
class Feedback:
    """What became of one card: ``outcome`` is accepted or overridden, ``at`` the client's time."""

    card: str
    outcome: str
    at: datetime
    service: str
    client: str | None = None
    suggestions: tuple[str, ...] = ()
    reason_system: str | None = None
    reason_code: str | None = None
    reason_display: str | None = None
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class Health:
    """How the journal is: whether it can be reached, and how many rows wait or were lost.

    ``keeping`` is False while judged calls can be kept nowhere.
    """

    reachable: bool
    spooled: int = 0
    lost: int = 0
    keeping: bool = True


class Journal(Protocol):
    """Where judged calls, feedback and used tokens are kept."""

    def judged(self, call: Judged) -> None:
        """Keep a judged call before it is answered; never raises: the rest is spooled."""
        ...

    def feedback(self, entries: Sequence[Feedback]) -> None:
        """Keep feedback, each entry once. Raises UnreachableError if it could not be kept."""
        ...

    def first_use(self, issuer: str, token_id: str, until: datetime) -> bool:
        """Tell whether a token is used for the first time. Raises UnreachableError."""
        ...

    def dismissed(self, patient: str, encounter: str, topic: str, decision: Decision) -> bool:
        """Tell whether a card of a topic was overridden in this encounter on the same verdicts.

        False where that cannot be told: a card that may be needed is shown.
        """
        ...

    def health(self) -> Health:
        """Return how the journal is."""
        ...
