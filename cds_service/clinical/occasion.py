"""What a call is about, and which cards belong to it: the patient, orders, an appointment."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from cds_service.clinical.truth import Truth

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cds_service.clinical.decision import Decision, Recommendation
    from cds_service.clinical.protocol import Protocol


class Aim(StrEnum):
    """What an order is for, as far as red flags are concerned."""

    IMAGING = "imaging"  # an image of the spine
    TREATMENT = "treatment"  # physiotherapy, manipulation, exercise: what red flags come before


class Order(NamedTuple):
    """An order, or an appointment, that a call is about and that the content knows.

    ``reference`` is how the record system knows it ("ServiceRequest/17"); without an id it says
    where it stood ("ServiceRequest (entry 2)"). ``kind`` is its name in the content
    ("spine-mri"), ``says`` that name for people, ``modality`` "MRI", "CT" or "X-ray" for an
    image. ``reasons`` are the words of the reasons written on it. An order of two kinds stands
    here twice, with the same reference.
    """

    reference: str
    kind: str
    aim: Aim
    says: str
    modality: str | None = None
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Occasion:
    """What the clinician is doing when the service is called.

    ``orders`` are the orders or appointments that the call is about; None means that it is about
    the patient as a whole, and every card belongs to it. ``signing`` says that the orders are
    about to be signed, ``leaving`` that the patient is about to be discharged. ``off`` are the
    topics that the site has switched off here; no emergency or same-day card ever is.
    """

    orders: tuple[Order, ...] | None = None
    signing: bool = False
    leaving: bool = False
    off: frozenset[str] = frozenset()

    def aimed_at(self, aim: Aim) -> tuple[Order, ...]:
        """Return the orders with this aim."""
        return tuple(order for order in self.orders or () if order.aim is aim)


WHOLE_PATIENT = Occasion()


def suited(
    cards: tuple[Recommendation, ...],
    occasion: Occasion,
    protocol: Protocol,
    *,
    spare_radiation: bool,
) -> tuple[Recommendation, ...]:
    """Return the cards that belong to an occasion, in the order in which they are shown.

    An emergency or same-day card always belongs. ``spare_radiation`` says that no X-ray or CT
    is to be suggested. Source: docs/decisions/0014-which-card-on-which-hook.md.
    """
    on = [
        card
        for card in cards
        if card.topic not in occasion.off or protocol.courses[card.course].danger
    ]
    if occasion.orders is not None:
        return tuple(_about(on, occasion, protocol, spare_radiation=spare_radiation))
    return tuple(_checked_first(on, protocol) if occasion.leaving else on)


def may_stay_away(decision: Decision, occasion: Occasion) -> bool:
    """Tell whether a red-flag check that was set aside may stay away on this occasion.

    Not where it is asked for by name: when the patient leaves, beside an order or appointment, and
    beside a card that stands only on condition that it is answered.
    """
    if occasion.leaving or occasion.orders is not None:
        return False
    return not any(card.conditional for card in decision.recommendations)


def without(decision: Decision, topic: str) -> Decision:
    """Return the decision without the card of a topic; its verdicts stay as they are."""
    kept = tuple(card for card in decision.recommendations if card.topic != topic)
    return replace(decision, recommendations=kept)


def _about(
    cards: list[Recommendation], occasion: Occasion, protocol: Protocol, *, spare_radiation: bool
) -> Iterator[Recommendation]:
    """Yield the cards that speak about the orders of a call, each with those orders."""
    images, treatments = occasion.aimed_at(Aim.IMAGING), occasion.aimed_at(Aim.TREATMENT)
    for card in cards:
        otherwise = _otherwise(card, images, protocol, spare_radiation=spare_radiation)
        if protocol.courses[card.course].danger:
            yield card.speaking_about(images + treatments, otherwise)
        elif card.course == protocol.unsupported or otherwise:
            yield card.speaking_about(images, otherwise)
        elif card.course == protocol.check and treatments:
            yield card.speaking_about(treatments)


def _otherwise(
    card: Recommendation, images: tuple[Order, ...], protocol: Protocol, *, spare_radiation: bool
) -> tuple[Order, ...]:
    """Return the ordered images of a kind that the met criteria of a card do not name.

    Where one order has a kind that is named, the others stand beside it and are left alone; but
    an X-ray or CT is not, where radiation is to be spared.
    """
    met = (each.criterion for each in card.verdicts if each.truth is Truth.PRESENT)
    named = protocol.images_named(met, spare_radiation=spare_radiation)
    others = tuple(order for order in images if order.kind not in named)
    if not named or (len(others) < len(images) and not spare_radiation):
        return ()
    return others


def _checked_first(cards: list[Recommendation], protocol: Protocol) -> list[Recommendation]:
    """Put the check of unanswered emergencies before all that is not urgent itself."""
    unanswered = [
        card
        for card in cards
        if card.course == protocol.check
        and any(protocol.is_emergency(verdict.criterion) for verdict in card.verdicts)
    ]
    urgent = [card for card in cards if protocol.courses[card.course].danger]
    return [*urgent, *unanswered, *(card for card in cards if card not in urgent + unanswered)]
