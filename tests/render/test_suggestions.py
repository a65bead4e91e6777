"""Suggestions: what a card offers to file, why, how soon, and what it must never offer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from fhir.resources.R4B.servicerequest import ServiceRequest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cds_service.clinical.decision import Decision, Gate, Recommendation, Verdict
from cds_service.clinical.facts import Evidence
from cds_service.clinical.occasion import Aim, Order
from cds_service.clinical.truth import Truth
from cds_service.content.load import load
from cds_service.content.site_codes import SiteCodes, SiteCoding
from cds_service.fhir.judge import Judge
from cds_service.fhir.record import read_bundle
from cds_service.render.cards import CardWriter
from cds_service.render.suggestions import Filing, SuggestionWriter
from cds_service.samples import as_of_today, samples
from tests.content.folder import Folder
from tests.filing import RADIATION, check_suggestions, filed
from tests.protocol import check_cards
from tests.records import (
    CAUDA_EQUINA,
    ICD,
    NOW,
    PARKINSON,
    PATIENT_ID,
    SERVICE,
    SNOMED,
    answers,
    condition,
    fever,
    hook_request,
    record,
    whole_prefetch,
)

if TYPE_CHECKING:
    from pathlib import Path

    from flask.testing import FlaskClient

    from cds_service.content.load import Content
    from tests.records import Json

HERE = Filing.of(PATIENT_ID, "visit-1")
PREGNANT = condition((SNOMED, "77386006"), since=100)
CRASH = answers({"major-trauma": True})
MRI, XRAY, CT = "241645008", "1290640000", "241577003"
EMERGENCY, DOCTOR, NEUROLOGY, PHYSIO = "306104004", "183561008", "183521007", "308447003"


@pytest.fixture(scope="module")
def judge(content: Content) -> Judge:
    return Judge(content)


@pytest.fixture(scope="module")
def writer(content: Content) -> CardWriter:
    return CardWriter(content)


def decide(judge: Judge, *resources: Json) -> Decision:
    return judge.decide(read_bundle(record(*resources), NOW), "documents")


def write(judge: Judge, *resources: Json, filing: Filing = HERE) -> list[Json]:
    cards = CardWriter(judge.content).write(decide(judge, *resources), filing)
    check_cards({"cards": cards})
    return cards


def offers(judge: Judge, *resources: Json) -> dict[str, list[tuple[str, ...]]]:
    """Return what is offered to file, by the topic of the card."""
    cards = write(judge, *resources)
    return {card["source"]["topic"]["code"]: filed(card) for card in cards}


def requests(card: Json) -> list[Json]:
    return [each["actions"][0]["resource"] for each in card["suggestions"]]


# --- what is offered ---


def test_an_emergency_offers_the_referral_and_its_image(judge: Judge) -> None:
    assert offers(judge, condition(), condition(CAUDA_EQUINA, since=0)) == {
        "emergency": [(EMERGENCY, "stat"), (MRI, "stat")]
    }


def test_an_injury_offers_x_ray_and_ct(judge: Judge) -> None:
    offered = [(EMERGENCY, "stat"), (XRAY, "stat"), (CT, "stat")]
    assert offers(judge, condition(), CRASH) == {"emergency": offered}


def test_an_emergency_without_an_image_offers_the_referral_alone(judge: Judge) -> None:
    breathless = answers({"breathing-difficulty": True})
    assert offers(judge, condition(), breathless) == {"emergency": [(EMERGENCY, "stat")]}


def test_fever_offers_an_mri_today(judge: Judge) -> None:
    assert offers(judge, condition(), fever(38.5))["imaging"] == [(MRI, "urgent")]


def test_long_pain_with_leg_signs_offers_an_image_as_a_routine(judge: Judge) -> None:
    leg = condition((ICD, "M54.31"), since=60)
    assert offers(judge, condition(since=60), leg)["imaging"] == [
        (MRI, "routine"),
        (XRAY, "routine"),
    ]


def test_on_one_card_each_draft_is_as_urgent_as_what_calls_for_it(judge: Judge) -> None:
    leg = condition((ICD, "M54.31"), since=60)
    (imaging, *_) = write(judge, condition(since=60), leg, fever(38.5))
    assert imaging["indicator"] == "warning"
    assert filed(imaging) == [(MRI, "urgent"), (XRAY, "routine")]
    mri, xray = requests(imaging)
    assert [each["text"] for each in mri["reasonCode"]] == [
        "fever with back pain",
        "pain for more than six weeks with leg signs",
    ]
    assert [each["text"] for each in xray["reasonCode"]] == [
        "pain for more than six weeks with leg signs"
    ]


def test_referrals(judge: Judge) -> None:
    assert offers(judge, condition(since=10), condition(PARKINSON)) == {
        "review": [(DOCTOR, "routine")],
        "neurology": [(NEUROLOGY, "routine")],
        "physiotherapy": [(PHYSIO, "routine")],
        "redflagcheck": [],
    }


def test_a_referral_that_waits_for_answers_says_so(judge: Judge) -> None:
    cards = write(judge, condition(since=10))
    (physio,) = [card for card in cards if card["source"]["topic"]["code"] == "physiotherapy"]
    (suggestion,) = physio["suggestions"]
    assert suggestion["actions"][0]["description"] == (
        "Refer to physiotherapy if the questions find no red flag"
    )


@pytest.mark.parametrize("resource", [CRASH, fever(38.5)], ids=["injury", "fever"])
def test_no_radiation_in_a_recorded_pregnancy(judge: Judge, resource: Json) -> None:
    leg = condition((ICD, "M54.31"), since=60)
    (first, *_) = write(judge, condition(since=60), leg, resource, PREGNANT)
    codes = {code for code, _ in filed(first)}
    assert MRI in codes
    assert not codes & RADIATION


def test_only_the_way_to_emergency_care_is_selected_beforehand(judge: Judge) -> None:
    (emergency,) = write(judge, condition(), condition(CAUDA_EQUINA))
    marked = [each.get("isRecommended") for each in emergency["suggestions"]]
    assert marked == [True, None]
    others = write(judge, condition(since=10), fever(38.5), condition(PARKINSON))
    assert not any(
        "isRecommended" in each for card in others for each in card.get("suggestions", [])
    )


# --- the draft ---


def test_the_whole_draft(judge: Judge) -> None:
    (card,) = write(judge, condition(), condition(CAUDA_EQUINA, since=0))
    assert requests(card)[0] == {
        "resourceType": "ServiceRequest",
        "status": "draft",
        "intent": "proposal",
        "category": [
            {
                "coding": [
                    {"system": SNOMED, "code": "3457005", "display": "Patient referral"},
                ]
            }
        ],
        "priority": "stat",
        "code": {
            "coding": [
                {
                    "system": SNOMED,
                    "code": "306104004",
                    "display": "Referral to accident and emergency service",
                }
            ],
            "text": "Refer to emergency care",
        },
        "subject": {"reference": "Patient/p1"},
        "encounter": {"reference": "Encounter/visit-1"},
        "authoredOn": "2026-11-20T12:00:00+00:00",
        "reasonCode": [{"text": "loss of bladder or bowel control"}],
        "reasonReference": [{"reference": "Condition/c-G83-4"}],
    }


def test_only_evidence_that_a_request_may_refer_to_is_referred_to(judge: Judge) -> None:
    """Not a form's answer, nor a resource that has no id."""
    (card,) = write(judge, condition(), CRASH)
    assert all("reasonReference" not in each for each in requests(card))
    nameless = condition(CAUDA_EQUINA)
    del nameless["id"]
    (card,) = write(judge, condition(), nameless)
    assert all("reasonReference" not in each for each in requests(card))


def test_a_resource_is_referred_to_once_and_few_of_many(judge: Judge) -> None:
    measured = [{**fever(39.5), "id": f"t{number}"} for number in range(30)]
    (card,) = write(judge, condition(), *measured)
    references = [each["reference"] for each in requests(card)[0]["reasonReference"]]
    assert len(set(references)) == len(references) == 4


def test_without_a_patient_nothing_is_filed(judge: Judge) -> None:
    for card in write(judge, condition(), condition(CAUDA_EQUINA), filing=Filing.of(None)):
        assert "suggestions" not in card
        assert "selectionBehavior" not in card


HOSTILE = (
    "", " ", "a b", "a/b", "../x", "p1?x=1", "p1#x", "<script>", "é", "p_1", "x" * 256,
    "http://evil.example/Patient/1", "Patient/", "Encounter/1/_history/2",
)  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_an_id_that_fhir_could_not_refer_to(judge: Judge, name: str) -> None:
    assert Filing.of(name, name) == Filing()
    cards = write(judge, condition(), condition(CAUDA_EQUINA), filing=Filing.of("p1", name))
    assert all("encounter" not in each for each in requests(cards[0]))


@pytest.mark.parametrize("name", ["1", "A-b.9", "x" * 194, " p1\n", "Patient/p1"])
def test_an_id_that_ehrs_send(name: str) -> None:
    bare = name.strip().removeprefix("Patient/")
    assert Filing.of(name).patient == f"Patient/{bare}"


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_ids_of_a_call(client: FlaskClient, name: str) -> None:
    """The client checks every suggestion."""
    subject = {"reference": f"Patient/{name}"}
    pain = condition(CAUDA_EQUINA, id=name, subject=subject)
    context = {"patientId": name, "encounterId": name}
    body = hook_request({"conditions": {"resourceType": "Bundle", "entry": [{"resource": pain}]}})
    body["context"] |= context
    assert client.post(SERVICE, json=body).status_code in {200, 400, 412}


def test_a_call_files_in_the_encounter_of_its_context(client: FlaskClient) -> None:
    prefetch = whole_prefetch(condition(), condition(CAUDA_EQUINA))
    for encounter in ("e7", "Encounter/e7"):
        body = hook_request(prefetch, encounterId=encounter)
        (card,) = client.post(SERVICE, json=body).get_json()["cards"]
        (first, _) = requests(card)
        assert first["subject"] == {"reference": f"Patient/{PATIENT_ID}"}
        assert first["encounter"] == {"reference": "Encounter/e7"}


def test_the_patient_of_a_record_without_a_patient_resource() -> None:
    entries = [{"resource": condition()}, {"resource": condition(CAUDA_EQUINA)}]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    assert read_bundle(bundle, NOW).patient_id == PATIENT_ID
    assert read_bundle({**bundle, "entry": []}, NOW).patient_id is None
    nameless = {"resource": {"resourceType": "Patient"}}
    assert read_bundle({**bundle, "entry": [nameless]}, NOW).patient_id is None


# --- to take an order back ---


@pytest.fixture
def small(tmp_path: Path) -> Content:
    return load(Folder(tmp_path).path)


def unsupported(content: Content, filing: Filing, *orders: str) -> list[Json]:
    """Return the suggestions of a card against orders: no criterion behind it is met."""
    judge = Judge(content)
    decision = judge.decide(read_bundle(record(condition()), NOW), "documents")
    verdicts = (Verdict("P01", Truth.UNKNOWN, (Evidence("Condition/c", "pain"),)),)
    about = tuple(Order(each, "spine-mri", Aim.IMAGING, "MRI", "MRI") for each in orders)
    card = Recommendation(
        "imagingnotindicated", "imagingnotindicated", "warning", verdicts, about=about
    )
    return SuggestionWriter(content).write(card, decision, filing, pregnant=False)


def test_each_order_with_an_id_can_be_taken_back(small: Content) -> None:
    orders = ["ServiceRequest/17", "ServiceRequest (entry 2)", "urn:uuid:1", "ServiceRequest/17"]
    found = unsupported(small, Filing(), *orders)
    assert [each["actions"] for each in found] == [
        [
            {
                "type": "delete",
                "description": "Take the order back",
                "resourceId": "ServiceRequest/17",
            }
        ]
    ]


def test_no_order_is_taken_back_where_none_has_an_id(small: Content) -> None:
    (only,) = unsupported(small, Filing.of("p1"), "ServiceRequest (entry 1)")
    assert only["label"] == "Refer to exercise"


def test_what_no_criterion_calls_for_has_the_pain_as_its_reason(small: Content) -> None:
    """Beside an order that nothing supports yet: the verdicts of that card are not met."""
    (only,) = unsupported(small, Filing.of("p1"))
    request = only["actions"][0]["resource"]
    ServiceRequest.model_validate(request)
    assert request["priority"] == "routine"
    assert request["reasonCode"] == [{"text": "back pain"}]
    assert request["reasonReference"] == [{"reference": "Condition/c-M54-50"}]


# --- what a site sets ---


def test_a_site_files_by_its_own_codes(judge: Judge) -> None:
    site = SiteCodes(
        suggestions={
            "emergency-care": SiteCoding("urn:site", "ED"),
            "spine-mri": SiteCoding("urn:site", "MR", "MRI whole spine"),
        },
        intent="order",
    )
    writer = CardWriter(judge.content, SuggestionWriter(judge.content, site, "at-most-one"))
    (card,) = writer.write(decide(judge, condition(), condition(CAUDA_EQUINA)), HERE)
    check_cards({"cards": [card]})
    assert card["selectionBehavior"] == "at-most-one"
    care, mri = requests(card)
    assert care["code"]["coding"] == [{"system": "urn:site", "code": "ED"}]
    assert care["code"]["text"] == "Refer to emergency care"
    assert mri["code"]["coding"] == [
        {"system": "urn:site", "code": "MR", "display": "MRI whole spine"}
    ]
    assert {care["intent"], mri["intent"]} == {"order"}


def test_any_number_may_be_accepted_if_nothing_is_set(judge: Judge) -> None:
    (card,) = write(judge, condition(), condition(CAUDA_EQUINA))
    assert card["selectionBehavior"] == "any"


def test_a_draft_that_is_not_fhir_does_not_start(content: Content) -> None:
    site = SiteCodes(suggestions={"spine-mri": SiteCoding("urn:site", " ")})
    with pytest.raises(ValueError, match="code"):
        SuggestionWriter(content, site)


# --- every sample, every course, and anything at all ---


def test_every_sample(judge: Judge, writer: CardWriter) -> None:
    """Each suggestion of each sample is valid, and together they show each one that ships."""
    offered = set()
    for sample in samples().values():
        read = read_bundle(as_of_today(sample, NOW), NOW)
        decision = judge.decide(read, "documents")
        cards = writer.write(decision, Filing.of(read.patient_id))
        check_cards({"cards": cards})
        offered |= {code for card in cards for code, *_ in filed(card)}
    assert offered >= {EMERGENCY, MRI, XRAY, CT, DOCTOR, NEUROLOGY, PHYSIO}


REFERENCES = st.one_of(
    st.text(max_size=20),
    st.sampled_from(["Condition/1", "Observation/a.b", "Condition/é", "Observation (entry 3)",
                     "QuestionnaireResponse/form", "Condition/1 ", "urn:uuid:1", "Condition/"]),
)  # fmt: skip
EVIDENCE = st.builds(Evidence, REFERENCES, st.text(max_size=20))
IDS = st.one_of(st.none(), st.text(max_size=20), st.sampled_from(["p1", "Patient/p1", "x-1.y"]))


@st.composite
def cards_of(draw: st.DrawFn, content: Content) -> Recommendation:
    """Draw a card of any course, on any of the criteria, in any state."""
    name = draw(st.sampled_from(sorted(content.recommendations.courses)))
    course = content.recommendations.courses[name].course
    criteria = draw(st.lists(st.sampled_from(sorted(content.criteria)), unique=True, max_size=6))
    verdicts = tuple(
        Verdict(each, draw(st.sampled_from(Truth)), tuple(draw(st.lists(EVIDENCE, max_size=6))))
        for each in criteria
    )
    orders = tuple(
        Order(each, "spine-mri", Aim.IMAGING, "MRI", "MRI")
        for each in draw(st.lists(REFERENCES, max_size=3))
    )
    return Recommendation(
        name,
        course.topic,
        course.indicator,
        verdicts,
        conditional=draw(st.booleans()),
        about=orders,
        otherwise=orders[:1],
    )


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_the_card_its_suggestions_hold(content: Content, data: st.DataObject) -> None:
    card = data.draw(cards_of(content))
    filing = Filing.of(data.draw(IDS), data.draw(IDS))
    pregnant = data.draw(st.booleans())
    behavior = data.draw(st.sampled_from(["any", "at-most-one"]))
    writer = SuggestionWriter(content, None, behavior)
    found = writer.write(card, NO_DECISION, filing, pregnant=pregnant)
    # The urgency of a draft is that of its own criteria here, which any card may carry.
    shown: Json = {"uuid": "", "detail": "", "indicator": "critical", "suggestions": found}
    if found:
        shown["selectionBehavior"] = behavior
    else:
        del shown["suggestions"]
    check_suggestions(shown)
    codes = {code for code, *_ in filed(shown)}
    assert not (pregnant and codes & RADIATION), "no X-ray or CT in a recorded pregnancy"
    if filing.patient is None:
        assert not codes - {"delete"}
    met = {each.criterion for each in card.verdicts if each.truth is Truth.PRESENT}
    named = {content.criteria[name].image for name in met} - {None}
    assert named or not codes & (RADIATION | {MRI}), "only imaging that a criterion names"


class _Nothing:
    """Reasons of a decision that was never made."""

    def verdicts(self) -> tuple[Verdict, ...]:
        return ()

    def gate_evidence(self) -> tuple[Evidence, ...]:
        return (Evidence("Condition/pain", "back pain"),)


NO_DECISION = Decision(
    gate=Gate.OPEN, judged=True, danger=False, recommendations=(), truths={}, unanswered=(),
    as_of=NOW, profile="documents", digest="", notes=(), reasons=_Nothing(),
)  # fmt: skip
