"""Each hook's own question: what a call is about decides which cards it is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.filing import filed
from tests.hooks.calls import HOOKS, NEEDED, appointment, bundle, call, order, post, request_of
from tests.records import (
    CAUDA_EQUINA,
    ICD,
    answers,
    condition,
    fever,
    notes,
    searchset,
    topics,
    whole_prefetch,
)

if TYPE_CHECKING:
    from flask.testing import FlaskClient

    from cds_service.content.load import Content
    from tests.records import Json

SCIATICA, PREGNANCY = (ICD, "M54.31"), (ICD, "Z34.90")
PAIN = {"text": "low back pain"}
ORDER_HOOKS = ("order-select", "order-sign")
each_hook = pytest.mark.parametrize("hook", HOOKS)
each_order_hook = pytest.mark.parametrize("hook", ORDER_HOOKS)


def orders(*drafts: Json) -> Json:
    """Return the context of an order hook, with every draft selected."""
    selected = [f"{each.get('resourceType')}/{each.get('id')}" for each in drafts]
    return {"draftOrders": bundle(*drafts), "selections": selected}


# --- every hook ---------------------------------------------------------------------------------


@each_hook
def test_an_emergency_is_shown_on_every_hook(client: FlaskClient, hook: str) -> None:
    assert topics(call(client, hook, condition(CAUDA_EQUINA))) == ["emergency"]


@each_hook
def test_a_same_day_card_is_shown_first_on_every_hook(client: FlaskClient, hook: str) -> None:
    body = call(client, hook, condition(), fever(38.4))
    assert topics(body)[0] == "imaging"
    assert body["cards"][0]["indicator"] == "warning"


@each_hook
def test_without_back_pain_there_is_no_card(client: FlaskClient, hook: str) -> None:
    new = {"conditions": bundle(condition((ICD, "J00")))} if "problem" in hook else {}
    assert call(client, hook, condition((ICD, "J00")), fever(39.5), **new) == {"cards": []}


@each_hook
def test_what_cannot_be_judged_is_no_empty_list(client: FlaskClient, hook: str) -> None:
    new = {"conditions": bundle(condition((ICD, "J00")))} if "problem" in hook else {}
    response = post(client, request_of(hook, {}, **new))
    assert response.status_code == 412
    (issue,) = response.get_json()["issue"]
    assert issue["expression"] == ["prefetch.conditions"]


# --- visits -------------------------------------------------------------------------------------


@pytest.mark.parametrize("hook", ["encounter-start", "encounter-discharge"])
def test_the_reason_of_the_visit_opens_the_gate(client: FlaskClient, hook: str) -> None:
    visit = {"resourceType": "Encounter", "id": "e1", "status": "in-progress", "reasonCode": [PAIN]}
    prefetch = {**whole_prefetch(), "encounter": visit}
    assert topics(post(client, request_of(hook, prefetch)).get_json()) == ["redflagcheck"]


def test_before_discharge_what_was_never_asked_stands_first(client: FlaskClient) -> None:
    record = (condition(since=20), condition(SCIATICA))
    start = topics(call(client, "encounter-start", *record))
    assert start[-1] == "redflagcheck"
    discharge = topics(call(client, "encounter-discharge", *record))
    assert discharge == ["redflagcheck", *start[:-1]]


def test_before_discharge_an_urgent_card_stays_before_it(client: FlaskClient) -> None:
    shown = topics(call(client, "encounter-discharge", condition(), fever(38.4)))
    assert shown[:2] == ["imaging", "redflagcheck"]


# --- a new problem ------------------------------------------------------------------------------

SHAPES = {
    "a Bundle": bundle(condition()),
    "a Bundle without a type": {"resourceType": "Bundle", "entry": [{"resource": condition()}]},
    "a Bundle that does not say so": {"entry": [{"resource": condition()}]},
    "bare entries": {"resourceType": "Bundle", "entry": [condition()]},
    "an array": [condition()],
    "an array of entries": [{"resource": condition()}],
    "one resource": condition(),
    "one entry": {"resource": condition()},
    "without an id": [{key: value for key, value in condition().items() if key != "id"}],
    "a placeholder for an id": [{**condition(), "id": "new"}],
    "without a subject": [{k: v for k, v in condition().items() if k != "subject"}],
    "beside null": [None, condition()],
    "a category that is a bare text": [{**condition(), "category": "problem-list-item"}],
}


@pytest.mark.parametrize("conditions", SHAPES.values(), ids=SHAPES)
def test_a_new_problem_counts_before_it_is_saved(client: FlaskClient, conditions: object) -> None:
    body = call(client, "problem-list-item-create", conditions=conditions)
    assert topics(body) == ["redflagcheck"]


def test_a_new_emergency_counts_before_it_is_saved(client: FlaskClient) -> None:
    new = {**condition(CAUDA_EQUINA), "id": "new"}
    body = call(client, "problem-list-item-create", condition(), conditions=bundle(new))
    assert topics(body) == ["emergency"]
    (criterion,) = body["cards"][0]["extension"]["org.backpain-cds.trace"]["criteria"]
    assert criterion["evidence"][0]["reference"] == "Condition/new"


def test_a_problem_of_another_patient_is_left_out_and_noted(client: FlaskClient) -> None:
    other = {**condition(CAUDA_EQUINA), "subject": {"reference": "Patient/other"}}
    body = call(client, "problem-list-item-create", condition(), conditions=bundle(other))
    assert "emergency" not in topics(body)
    assert "Condition/c-G83-4 is about another patient: left out" in notes(body)


def test_a_problem_that_cannot_be_read_is_noted_and_denies_nothing(client: FlaskClient) -> None:
    body = call(client, "problem-list-item-create", condition(), conditions=["pain"])
    assert any(
        note.startswith("context.conditions entry 1 could not be read") for note in notes(body)
    )
    alone = post(client, request_of("problem-list-item-create", whole_prefetch(), conditions=["x"]))
    assert alone.status_code == 412


# --- what is written cannot be read ---

UNREAD: dict[str, object] = {
    "a resource as text": {"resourceType": "Bundle", "entry": [{"resource": "{}"}]},
    "an array of numbers": [3],
    "an array of texts": ["x"],
    "an error in its place": {"resourceType": "OperationOutcome", "issue": []},
}


@pytest.mark.parametrize("value", UNREAD.values(), ids=list(UNREAD))
@pytest.mark.parametrize("hook", ["order-sign", "appointment-book"])
def test_what_cannot_be_read_is_refused_where_no_card_could_say_so(
    client: FlaskClient, hook: str, value: object
) -> None:
    (field,) = NEEDED[hook]
    answer = post(client, request_of(hook, whole_prefetch(condition()), **{field: value}))
    assert answer.status_code == 400
    (issue,) = answer.get_json()["issue"]
    assert issue["expression"] == [f"context.{field}"]
    emergency = condition(CAUDA_EQUINA)
    answered = post(
        client, request_of(hook, whole_prefetch(condition(), emergency), **{field: value})
    )
    assert "emergency" in topics(answered.get_json()), "and holds no emergency back"


# --- appointments -------------------------------------------------------------------------------


def test_an_appointment_for_something_else_needs_no_card(client: FlaskClient) -> None:
    assert call(client, "appointment-book", condition()) == {"cards": []}


def test_a_routine_appointment_is_answered_by_the_emergency(client: FlaskClient) -> None:
    routine = bundle(appointment("Routine check-up"))
    body = call(client, "appointment-book", condition(CAUDA_EQUINA), appointments=routine)
    assert topics(body) == ["emergency"]


@pytest.mark.parametrize("shape", [bundle, lambda *each: list(each)], ids=["Bundle", "array"])
def test_before_physiotherapy_the_red_flags_are_asked(client: FlaskClient, shape: object) -> None:
    assert callable(shape)
    booked = shape(appointment("Physiotherapy"))
    body = call(client, "appointment-book", condition(), appointments=booked)
    assert topics(body) == ["redflagcheck"]


def test_the_reason_of_an_appointment_opens_the_gate(client: FlaskClient) -> None:
    booked = bundle(appointment("Physiotherapy", reasonCode=[PAIN]))
    assert topics(call(client, "appointment-book", appointments=booked)) == ["redflagcheck"]


def test_an_appointment_of_another_patient_is_not_spoken_about(client: FlaskClient) -> None:
    other = [{"actor": {"reference": "Patient/other"}}]
    booked = bundle(appointment("Physiotherapy", participant=other))
    assert topics(call(client, "appointment-book", condition(), appointments=booked)) == []


# --- orders -------------------------------------------------------------------------------------


@each_order_hook
def test_an_image_that_nothing_supports(client: FlaskClient, hook: str) -> None:
    body = call(client, hook, condition(), **orders(order("MRI lumbar spine")))
    (card,) = body["cards"]
    assert card["source"]["topic"]["code"] == "imagingnotindicated"
    assert card["indicator"] == ("warning" if hook == "order-sign" else "info")
    assert card["summary"].endswith(": 14 red flags unanswered")
    assert "**Ordered:** MRI of the spine." in card["detail"]
    assert "**Long pain with leg signs** (I01): not met" in card["detail"]
    assert "- **14 red flags unanswered:** loss of bladder or bowel control;" in card["detail"]


@each_order_hook
def test_an_image_when_every_red_flag_is_denied(
    client: FlaskClient, hook: str, everything_denied: Json
) -> None:
    body = call(client, hook, condition(), everything_denied, **orders(order("XR lumbar spine")))
    (card,) = body["cards"]
    assert card["summary"] == "Imaging of the spine is not indicated yet"
    assert "every red flag is denied" in card["detail"]
    assert "Every red flag is answered, and none is present." in card["detail"]


@pytest.fixture(scope="module")
def everything_denied(content: Content) -> Json:
    """Return a form that denies whatever a red flag waits for."""
    protocol = content.protocols["documents"]
    asked = frozenset[str]().union(*(protocol.criteria[at].needs for at in protocol.dangers))
    return answers(dict.fromkeys(sorted(asked - {"back-pain"}), False))


@each_order_hook
def test_one_red_flag_left_is_one(client: FlaskClient, hook: str, everything_denied: Json) -> None:
    items = [each for each in everything_denied["item"] if each["linkId"] != "night-pain"]
    form = {**everything_denied, "item": items}
    body = call(client, hook, condition(), form, **orders(order("XR lumbar spine")))
    assert body["cards"][0]["summary"].endswith(": 1 red flag unanswered")


@each_order_hook
def test_an_image_that_a_red_flag_supports(client: FlaskClient, hook: str) -> None:
    body = call(client, hook, condition(), fever(38.4), **orders(order("MRI lumbar spine")))
    assert topics(body) == ["imaging"]
    assert "**Ordered:**" not in body["cards"][0]["detail"]


@each_order_hook
def test_an_image_that_long_pain_with_leg_signs_supports(client: FlaskClient, hook: str) -> None:
    record = (condition(since=60), condition(SCIATICA))
    for text in ("MRI lumbar spine", "X-ray lumbar spine"):
        assert call(client, hook, *record, **orders(order(text))) == {"cards": []}


@each_order_hook
def test_another_image_than_the_criteria_name(client: FlaskClient, hook: str) -> None:
    body = call(client, hook, condition(CAUDA_EQUINA), **orders(order("X-ray lumbar spine")))
    instead = (
        "**Ordered:** X-ray of the spine. The criteria of this card name MRI of the spine instead."
    )
    assert instead in body["cards"][0]["detail"]
    record = (condition(since=60), condition(SCIATICA))
    (card,) = call(client, hook, *record, **orders(order("CT lumbar spine")))["cards"]
    assert (card["source"]["topic"]["code"], card["indicator"]) == ("imaging", "info")
    assert "CT of the spine. The criteria of this card name MRI or X-ray" in card["detail"]


@each_order_hook
def test_in_pregnancy_an_mri_instead_of_an_x_ray(client: FlaskClient, hook: str) -> None:
    record = (condition(since=60), condition(SCIATICA), condition(PREGNANCY, since=50))
    (card,) = call(client, hook, *record, **orders(order("X-ray lumbar spine")))["cards"]
    assert "The criteria of this card name MRI of the spine instead." in card["detail"]
    assert "Pregnancy is recorded" in card["detail"]
    assert call(client, hook, *record, **orders(order("MRI lumbar spine"))) == {"cards": []}
    unsupported = (condition(), condition(PREGNANCY, since=50))
    (card,) = call(client, hook, *unsupported, **orders(order("X-ray lumbar spine")))["cards"]
    assert "Pregnancy is recorded: no X-ray or CT is suggested" in card["detail"]


TREATMENTS = ["Physiotherapy", "Spinal manipulation", "Exercise therapy", "Lumbar traction"]


@each_order_hook
@pytest.mark.parametrize("text", TREATMENTS)
def test_treatments_wait_for_the_red_flags(client: FlaskClient, hook: str, text: str) -> None:
    ordered = orders(order(text))
    assert topics(call(client, hook, condition(), **ordered)) == ["redflagcheck"]
    assert topics(call(client, hook, condition(CAUDA_EQUINA), **ordered)) == ["emergency"]
    same_day = call(client, hook, condition(), fever(38.4), **ordered)
    assert topics(same_day) == ["imaging", "redflagcheck"]


@each_order_hook
def test_physiotherapy_when_every_red_flag_is_denied(
    client: FlaskClient, hook: str, everything_denied: Json
) -> None:
    ordered = orders(order("Physiotherapy"))
    assert call(client, hook, condition(), everything_denied, **ordered) == {"cards": []}


def medicine(text: str, **more: object) -> Json:
    return {
        "resourceType": "MedicationRequest",
        "id": "m1",
        "status": "draft",
        "intent": "order",
        "medicationCodeableConcept": {"text": text},
        **more,
    }


@each_order_hook
@pytest.mark.parametrize("text", ["Cyclobenzaprine 10 mg", "Ibuprofen 400 mg", "Simvastatin"])
def test_a_medicine_gives_nothing_by_itself(client: FlaskClient, hook: str, text: str) -> None:
    assert call(client, hook, condition(), **orders(medicine(text))) == {"cards": []}
    reason = orders(medicine(text, reasonCode=[PAIN]))
    assert call(client, hook, **reason) == {"cards": []}
    body = call(client, hook, fever(39.5), **reason)
    assert topics(body) == ["emergency"]


def test_only_what_is_selected_is_spoken_about(client: FlaskClient) -> None:
    drafts = bundle(
        order("MRI lumbar spine", 1), order("Physiotherapy", 2), order("Blood count", 3)
    )

    def shown(*selections: object) -> list[str]:
        body = call(
            client, "order-select", condition(), draftOrders=drafts, selections=list(selections)
        )
        return topics(body)

    assert shown("ServiceRequest/order-1") == ["imagingnotindicated"]
    assert shown("https://ehr.example.org/fhir/ServiceRequest/order-1") == ["imagingnotindicated"]
    assert shown("order-2") == ["redflagcheck"]
    assert shown("ServiceRequest/order-3") == []
    assert shown("ServiceRequest/order-1", "ServiceRequest/order-2") == [
        "imagingnotindicated",
        "redflagcheck",
    ]
    assert shown() == shown("MedicationRequest/order-1") == shown(7, None, "", {}) == []


def test_the_other_drafts_are_context(client: FlaskClient) -> None:
    drafts = bundle(order("Blood count", 1), order("ECG", 2, reasonCode=[PAIN]))
    selected = {"draftOrders": drafts, "selections": ["ServiceRequest/order-1"]}
    assert topics(call(client, "order-select", fever(39.5), **selected)) == ["emergency"]


def test_every_draft_is_signed(client: FlaskClient) -> None:
    drafts = bundle(order("MRI lumbar spine", 1), order("Physiotherapy", 2))
    body = call(client, "order-sign", condition(), draftOrders=drafts)
    assert topics(body) == ["imagingnotindicated", "redflagcheck"]


def test_an_order_for_another_patient_is_left_out(client: FlaskClient) -> None:
    other = order("MRI lumbar spine", subject={"reference": "Patient/other"})
    assert topics(call(client, "order-sign", condition(), draftOrders=bundle(other))) == []
    with_card = call(client, "order-sign", condition(), fever(38.4), draftOrders=bundle(other))
    assert "ServiceRequest/order-1 is about another patient: left out" in notes(with_card)


def test_an_image_by_itself_opens_the_gate_and_needs_the_conditions(client: FlaskClient) -> None:
    drafts = bundle(order("MRI lumbar spine"))
    assert topics(call(client, "order-sign", draftOrders=drafts)) == ["imagingnotindicated"]
    prefetch = {"observations": searchset()}
    assert post(client, request_of("order-sign", prefetch, draftOrders=drafts)).status_code == 412


# --- the context --------------------------------------------------------------------------------


NEEDS = [(hook, name) for hook, needed in NEEDED.items() for name in needed]


@pytest.mark.parametrize(("hook", "name"), NEEDS)
@pytest.mark.parametrize("value", [None, 7, "", True])
def test_a_field_that_a_hook_needs(
    client: FlaskClient, hook: str, name: str, value: object
) -> None:
    response = post(client, request_of(hook, whole_prefetch(condition()), **{name: value}))
    assert response.status_code == 400
    (issue,) = response.get_json()["issue"]
    assert issue["expression"] == [f"context.{name}"]


@each_hook
@pytest.mark.parametrize("name", ["userId", "patientId"])
def test_every_hook_needs_a_user_and_a_patient(client: FlaskClient, hook: str, name: str) -> None:
    response = post(client, request_of(hook, whole_prefetch(condition()), **{name: None}))
    assert response.status_code == 400
    assert response.get_json()["issue"][0]["expression"] == [f"context.{name}"]


# --- what can be filed instead ---


@pytest.mark.parametrize("hook", ["order-select", "order-sign"])
def test_an_unsupported_order_can_be_taken_back_for_physiotherapy(
    client: FlaskClient, hook: str
) -> None:
    body = call(client, hook, condition(), **orders(order("MRI lumbar spine")))
    (card,) = [each for each in body["cards"] if filed(each)]
    assert card["source"]["topic"]["code"] == "imagingnotindicated"
    back, (code, priority) = filed(card)
    assert back[0] == "delete"
    assert back[1].startswith("ServiceRequest/")
    assert (code, priority) == ("308447003", "routine")


def test_another_image_can_be_taken_back_for_the_one_that_is_named(client: FlaskClient) -> None:
    drafts = orders(order("X-ray lumbar spine"))
    body = call(client, "order-sign", condition(), condition(CAUDA_EQUINA), **drafts)
    assert [each[0] for each in filed(body["cards"][0])] == ["306104004", "delete", "241645008"]


def test_an_order_without_an_id_cannot_be_taken_back(client: FlaskClient) -> None:
    nameless = {**order("MRI lumbar spine")}
    del nameless["id"]
    body = call(client, "order-sign", condition(), **orders(nameless))
    (card,) = [each for each in body["cards"] if filed(each)]
    assert [each[0] for each in filed(card)] == ["308447003"]
