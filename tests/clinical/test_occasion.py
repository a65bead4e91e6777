"""Which cards belong to a call: laws that hold for every patient, and worked examples."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.clinical.occasion import Aim, Occasion, Order, without
from cds_service.clinical.protocol import Course, Protocol, Remark
from cds_service.clinical.rules import Has
from cds_service.clinical.triage import decide
from cds_service.clinical.truth import Truth
from tests.clinical.test_triage import COURSES, DENIED, PROTOCOL, facts, topics

if TYPE_CHECKING:
    from cds_service.clinical.decision import Decision, Recommendation

MRI = Order("ServiceRequest/1", "mri", Aim.IMAGING, "MRI of the spine", "MRI")
XRAY = Order("ServiceRequest/2", "xray", Aim.IMAGING, "X-ray of the spine", "X-ray")
CT = Order("ServiceRequest/3", "ct", Aim.IMAGING, "CT of the spine", "CT")
EXERCISE = Order("ServiceRequest/4", "exercise", Aim.TREATMENT, "exercise")

_UNSUPPORTED = Course("not-yet", "imagingnotindicated", "info", on_signing="warning")
_IMAGES = {"E01": {"mri"}, "R01": {"mri"}, "I01": {"mri", "xray"}}
IMAGED = replace(
    PROTOCOL,
    courses={each.id: each for each in (*COURSES[:3], _UNSUPPORTED, *COURSES[3:])},
    unsupported="not-yet",
    criteria=tuple(
        replace(
            each,
            images=frozenset(_IMAGES.get(each.id, ())),
            images_in_pregnancy=frozenset({"mri"} if each.id in _IMAGES else ()),
        )
        for each in PROTOCOL.criteria
    ),
    remarks=(
        *PROTOCOL.remarks,
        Remark("spare", Has("pregnant"), on=("imaging",), spares_radiation=True),
    ),
)
DANGERS = {"ambulance", "scan-today"}

FINDINGS = ["numb", "leak", "fever", "cancer", "leg-pain", "long", "young", "pregnant"]
patients = st.dictionaries(st.sampled_from(FINDINGS), st.sampled_from(["yes", "no", "hint"])).map(
    lambda said: {"pain": "yes", **said}
)
orders = st.lists(st.sampled_from([MRI, XRAY, CT, EXERCISE]), unique=True).map(tuple)
switches = st.frozensets(
    st.sampled_from(["imaging", "review", "physiotherapy", "selfcare", "redflagcheck"])
)
occasions = st.builds(
    Occasion,
    orders=st.none() | orders,
    signing=st.booleans(),
    leaving=st.booleans(),
    off=switches,
)


def decided(said: dict[str, str], occasion: Occasion, protocol: Protocol = IMAGED) -> Decision:
    return decide(facts(said), protocol, occasion)


def urgent(decision: Decision) -> list[tuple[str, tuple[object, ...]]]:
    return [
        (card.topic, card.verdicts) for card in decision.recommendations if card.course in DANGERS
    ]


@given(patients, occasions)
def test_an_urgent_card_is_never_held_back(said: dict[str, str], occasion: Occasion) -> None:
    assert urgent(decided(said, occasion)) == urgent(decided(said, Occasion()))


@given(patients, occasions)
def test_an_occasion_changes_no_verdict(said: dict[str, str], occasion: Occasion) -> None:
    here, whole = decided(said, occasion), decided(said, Occasion())
    assert (here.gate, here.judged, here.danger) == (whole.gate, whole.judged, whole.danger)
    assert (here.truths, here.unanswered) == (whole.truths, whole.unanswered)


@given(patients, occasions)
def test_what_is_urgent_stands_first(said: dict[str, str], occasion: Occasion) -> None:
    courses = [card.course in DANGERS for card in decided(said, occasion).recommendations]
    assert courses == sorted(courses, reverse=True)


@given(patients, occasions)
def test_one_card_for_each_topic(said: dict[str, str], occasion: Occasion) -> None:
    shown = topics(decided(said, occasion))
    assert len(set(shown)) == len(shown)


@given(patients, occasions)
def test_no_card_appears_that_the_whole_patient_would_not_have(
    said: dict[str, str], occasion: Occasion
) -> None:
    """Apart from the answer to an image that nothing supports."""
    here = set(topics(decided(said, occasion)))
    assert here - {"imagingnotindicated"} <= set(topics(decided(said, Occasion())))


@given(patients, orders, st.booleans())
def test_an_image_is_unsupported_only_if_nothing_is_met_that_supports_it(
    said: dict[str, str], ordered: tuple[Order, ...], signing: bool
) -> None:
    decision = decided(said, Occasion(orders=ordered, signing=signing))
    supported = bool({"E01", "E02", "R01", "R02", "I01"} & set(decision.met))
    images = any(order.aim is Aim.IMAGING for order in ordered)
    assert ("imagingnotindicated" in topics(decision)) is (images and not supported)
    for card in decision.recommendations:
        if card.topic == "imagingnotindicated":
            assert card.indicator == ("warning" if signing else "info")
            assert all(verdict.truth is not Truth.PRESENT for verdict in card.verdicts)


@given(patients, orders)
def test_a_card_speaks_of_the_orders_of_the_call(
    said: dict[str, str], ordered: tuple[Order, ...]
) -> None:
    for card in decided(said, Occasion(orders=ordered)).recommendations:
        assert set(card.about) <= set(ordered)
        assert set(card.otherwise) <= set(card.about)


@given(patients)
def test_a_call_about_no_order_has_urgent_cards_only(said: dict[str, str]) -> None:
    cards = decided(said, Occasion(orders=())).recommendations
    assert all(card.course in DANGERS for card in cards)


def card_of(decision: Decision, topic: str) -> Recommendation:
    (card,) = [each for each in decision.recommendations if each.topic == topic]
    return card


@pytest.mark.parametrize(
    ("said", "ordered", "shown"),
    [
        ({}, (MRI,), ["imagingnotindicated"]),
        (DENIED, (XRAY,), ["imagingnotindicated"]),
        ({"leg-pain": "yes"}, (MRI,), []),
        ({"leg-pain": "yes"}, (XRAY,), []),
        ({"leg-pain": "yes"}, (CT,), ["imaging"]),
        ({"leg-pain": "yes"}, (CT, MRI), []),
        ({"leg-pain": "yes", "pregnant": "yes"}, (XRAY,), ["imaging"]),
        ({"leg-pain": "yes", "pregnant": "yes"}, (XRAY, MRI), ["imaging"]),
        ({"leg-pain": "yes", "pregnant": "yes"}, (MRI,), []),
        ({"fever": "yes"}, (MRI,), ["imaging"]),
        ({"numb": "yes"}, (XRAY,), ["emergency"]),
        ({}, (EXERCISE,), ["redflagcheck"]),
        (DENIED, (EXERCISE,), []),
        ({"fever": "yes"}, (EXERCISE,), ["imaging", "redflagcheck"]),
        ({}, (MRI, EXERCISE), ["imagingnotindicated", "redflagcheck"]),
    ],
    ids=str,
)
def test_the_cards_of_orders(
    said: dict[str, str], ordered: tuple[Order, ...], shown: list[str]
) -> None:
    assert topics(decided({"pain": "yes", **said}, Occasion(orders=ordered))) == shown


@pytest.mark.parametrize(
    ("said", "ordered", "otherwise"),
    [
        ({"fever": "yes"}, (XRAY,), (XRAY,)),
        ({"fever": "yes"}, (XRAY, MRI), ()),
        ({"fever": "yes"}, (MRI,), ()),
        ({"fever": "yes", "leg-pain": "yes"}, (XRAY,), ()),
        ({"fever": "yes", "leg-pain": "yes", "pregnant": "yes"}, (XRAY, MRI), (XRAY,)),
    ],
    ids=str,
)
def test_another_kind_of_image_than_is_named(
    said: dict[str, str], ordered: tuple[Order, ...], otherwise: tuple[Order, ...]
) -> None:
    decision = decided({"pain": "yes", **said}, Occasion(orders=ordered))
    assert card_of(decision, "imaging").otherwise == otherwise


def test_criteria_that_name_no_image_call_none_another() -> None:
    decision = decided({"pain": "yes", "leak": "yes"}, Occasion(orders=(XRAY,)))
    assert card_of(decision, "emergency").otherwise == ()


def test_what_is_not_answered_is_why_an_image_is_not_supported() -> None:
    unanswered = decided({"pain": "yes", "leak": "no"}, Occasion(orders=(MRI,)))
    named = [each.criterion for each in card_of(unanswered, "imagingnotindicated").verdicts]
    assert named == ["E01", "R01", "R02", "I01"]
    answered = decided({"pain": "yes", **DENIED}, Occasion(orders=(MRI,)))
    named = [each.criterion for each in card_of(answered, "imagingnotindicated").verdicts]
    assert named == ["I01"]


def test_where_only_dangers_support_an_image_the_denied_ones_are_named() -> None:
    bare = replace(
        IMAGED, criteria=tuple(replace(each, images=frozenset()) for each in IMAGED.criteria)
    )
    decision = decided({"pain": "yes", **DENIED}, Occasion(orders=(MRI,)), bare)
    named = [each.criterion for each in card_of(decision, "imagingnotindicated").verdicts]
    assert named == ["E02", "E01", "R01", "R02"]


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ({"long": "yes"}, ["redflagcheck", "review", "physiotherapy"]),
        ({"long": "yes", "numb": "no", "leak": "no"}, ["review", "physiotherapy", "redflagcheck"]),
        ({"long": "yes", "fever": "yes"}, ["imaging", "redflagcheck", "review"]),
        ({"long": "yes", "numb": "yes"}, ["emergency"]),
    ],
    ids=str,
)
def test_before_discharge_unanswered_emergencies_are_asked_first(
    said: dict[str, str], shown: list[str]
) -> None:
    assert topics(decided({"pain": "yes", **said}, Occasion(leaving=True))) == shown


def test_topics_that_are_off() -> None:
    off = Occasion(off=frozenset({"imaging", "review"}))
    assert topics(decided({"pain": "yes", "long": "yes", "leg-pain": "yes", **DENIED}, off)) == [
        "physiotherapy"
    ]
    assert "imaging" in topics(decided({"pain": "yes", "fever": "yes"}, off))


def test_a_decision_without_a_card_keeps_its_verdicts() -> None:
    decision = decided({"pain": "yes", "long": "yes"}, Occasion())
    left = without(decision, "redflagcheck")
    assert topics(left) == ["review", "physiotherapy"]
    assert (left.truths, left.unanswered) == (decision.truths, decision.unanswered)
    assert left.verdicts == decision.verdicts
