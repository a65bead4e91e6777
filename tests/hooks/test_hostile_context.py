"""Whatever stands in a context: an answer by the rules, or a refusal that says why; never a fault.

Every answer goes through the checks of `tests/protocol.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.hooks.calls import NEEDED, bundle, call, order, post, request_of
from tests.records import CAUDA_EQUINA, LOINC, PATIENT_ID, condition, topics, whole_prefetch

if TYPE_CHECKING:
    from flask.testing import FlaskClient

    from tests.records import Json

CARRYING = [hook for hook, needed in NEEDED.items() if needed and "encounter" not in hook]
NAMES = {hook: next(iter(NEEDED[hook])) for hook in CARRYING}

words = st.sampled_from(
    [
        "MRI lumbar spine",
        "Physiotherapy",
        "low back pain",
        "no MRI",
        "24968-0",
        LOINC,
        "",
        "x",
        "#c",
    ]
)
scalars = st.none() | st.booleans() | st.integers(-9, 10**9) | st.floats(allow_nan=False) | words
keys = st.sampled_from(
    [
        "resourceType", "resource", "entry", "code", "coding", "text", "system", "display",
        "concept", "reasonCode", "reason", "reasonReference", "reference", "contained", "bodySite",
        "subject", "participant", "actor", "serviceType", "description", "status", "item", "id",
        "doNotPerform", "authoredOn", "start", "fullUrl", "link", "total", "intent",
    ]
)  # fmt: skip
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=6),
    max_leaves=25,
)
KINDS = [
    "ServiceRequest", "ProcedureRequest", "DiagnosticOrder", "ReferralRequest", "DeviceRequest",
    "MedicationRequest", "MedicationOrder", "Medication", "NutritionOrder", "Appointment",
    "Condition", "Patient", "Bundle", "OperationOutcome", "", "Unheard",
]  # fmt: skip
resources = st.builds(
    lambda kind, rest: {**rest, "resourceType": kind},
    st.sampled_from(KINDS),
    st.dictionaries(keys, values, max_size=8),
)
entries = st.builds(lambda each: {"resource": each}, resources) | resources | values
bundles = st.builds(
    lambda listed, rest: {**rest, "entry": listed},
    st.lists(entries, max_size=5),
    st.dictionaries(keys, values, max_size=2),
)
contexts = st.lists(entries, max_size=5) | bundles | resources | values


@given(hook=st.sampled_from(CARRYING), context=contexts, selections=values)
def test_no_context_is_a_fault(
    client: FlaskClient, hook: str, context: object, selections: object
) -> None:
    given_there: Json = {NAMES[hook]: context}
    if hook == "order-select":
        given_there["selections"] = selections
    response = post(client, request_of(hook, whole_prefetch(condition()), **given_there))
    assert response.status_code in {200, 400, 412}


@given(hook=st.sampled_from(CARRYING), others=st.lists(entries, max_size=4))
def test_no_context_holds_an_emergency_back(
    client: FlaskClient, hook: str, others: list[object]
) -> None:
    body = request_of(hook, whole_prefetch(condition(CAUDA_EQUINA)), **{NAMES[hook]: others})
    assert topics(post(client, body).get_json()) == ["emergency"]


@given(st.lists(entries, max_size=4))
def test_what_stands_beside_an_order_does_not_hide_it(
    client: FlaskClient, others: list[object]
) -> None:
    image = order("MRI lumbar spine", 99)
    body = request_of("order-sign", whole_prefetch(condition()), draftOrders=[*others, image])
    answer = post(client, body).get_json()
    assert {"imagingnotindicated", "imaging", "emergency"} & set(topics(answer))


HALF_MADE = {
    "a coding without a code": order("x", code={"coding": [{}]}),
    "no reason in the list": order("x", reasonCode=[]),
    "a reason that is null": order("x", reasonCode=None),
    "no intent": {k: v for k, v in order("x").items() if k != "intent"},
    "no code": {k: v for k, v in order("x").items() if k != "code"},
    "code is null": order("x", code=None),
    "a type alone": {"resourceType": "ServiceRequest"},
    "a Medication beside it": {"resourceType": "Medication", "id": "m"},
    "a ProcedureRequest": {"resourceType": "ProcedureRequest", "id": "p", "code": {"text": "x"}},
    "a MedicationOrder": {"resourceType": "MedicationOrder", "reasonCodeableConcept": {}},
    "a DeviceRequest": {"resourceType": "DeviceRequest", "codeReference": {"reference": "x"}},
    "a NutritionOrder": {"resourceType": "NutritionOrder", "oralDiet": {}},
    "a status that is none": order("x", status="half-way"),
    "a requester that is absent": order("x", requester={"extension": [{"url": "x"}]}),
    "a category that is an object": order("x", category={"text": "imaging"}),
}


@pytest.mark.parametrize("draft", HALF_MADE.values(), ids=HALF_MADE)
@pytest.mark.parametrize("hook", ["order-select", "order-sign"])
def test_a_half_made_order_breaks_nothing(client: FlaskClient, hook: str, draft: Json) -> None:
    image = order("MRI lumbar spine", 7)
    drafts = bundle(draft, image)
    del drafts["type"]
    selected = {"draftOrders": drafts, "selections": ["ServiceRequest/7", "ServiceRequest/order-7"]}
    assert topics(call(client, hook, condition(), **selected)) == ["imagingnotindicated"]


def test_a_long_reference_is_compared_by_its_end(client: FlaskClient) -> None:
    name = "e" * 194
    image = order("MRI lumbar spine", subject={"reference": f"https://x/fhir/Patient/{PATIENT_ID}"})
    drafts = bundle({**image, "id": name})
    selected = {"draftOrders": drafts, "selections": [f"https://x/fhir/ServiceRequest/{name}"]}
    body = call(client, "order-select", condition(), **selected)
    assert topics(body) == ["imagingnotindicated"]
