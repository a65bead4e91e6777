"""What a hook request must have before anything is judged, and what is let through."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import ValidationError

from cds_service.hooks import envelope as envelope_module
from cds_service.hooks.envelope import EnvelopeSchema
from tests.records import SERVICE, condition, hook_request, searchset, topics, whole_prefetch

if TYPE_CHECKING:
    from flask.testing import FlaskClient

    from tests.records import Json

WHOLE = hook_request(whole_prefetch(condition()))


def changed(**fields: object) -> Json:
    return {**WHOLE, **fields}


def without(name: str) -> Json:
    return {key: value for key, value in WHOLE.items() if key != name}


def in_context(**fields: object) -> Json:
    return {**WHOLE, "context": {**WHOLE["context"], **fields}}


REFUSED = {
    "no hook": (without("hook"), "hook"),
    "hook is null": (changed(hook=None), "hook"),
    "hook is a number": (changed(hook=7), "hook"),
    "hook is empty": (changed(hook=""), "hook"),
    "another hook": (changed(hook="order-sign"), "hook"),
    "another hook and nothing else": ({"hook": "order-select"}, "hook"),
    "no hookInstance": (without("hookInstance"), "hookInstance"),
    "hookInstance is empty": (changed(hookInstance=""), "hookInstance"),
    "hookInstance is a list": (changed(hookInstance=[]), "hookInstance"),
    "no context": (without("context"), "context"),
    "context is null": (changed(context=None), "context"),
    "context is a list": (changed(context=[]), "context"),
    "context is empty": (changed(context={}), "context.userId"),
    "no patientId": (changed(context={"userId": "Practitioner/1"}), "context.patientId"),
    "patientId is a number": (in_context(patientId=1288992), "context.patientId"),
    "patientId is blank": (in_context(patientId="  "), "context.patientId"),
    "patientId is null": (in_context(patientId=None), "context.patientId"),
    "patientId ends at the slash": (in_context(patientId="Patient/"), "context.patientId"),
    "no userId": (changed(context={"patientId": "p1"}), "context.userId"),
    "userId is an object": (in_context(userId={}), "context.userId"),
    "prefetch is a list": (changed(prefetch=[]), "prefetch"),
    "prefetch is text": (changed(prefetch="none"), "prefetch"),
    "fhirServer is a number": (changed(fhirServer=8080), "fhirServer"),
    "fhirAuthorization is text": (changed(fhirAuthorization="token"), "fhirAuthorization"),
    "a token without its server": (
        changed(fhirAuthorization={"access_token": "x"}),
        "fhirServer",
    ),
}


@pytest.mark.parametrize(("body", "path"), REFUSED.values(), ids=REFUSED)
def test_refused_with_the_path(client: FlaskClient, body: Json, path: str) -> None:
    response = client.post(SERVICE, json=body)
    assert response.status_code == 400
    (issue,) = response.get_json()["issue"]
    assert issue["expression"] == [path]
    assert issue["details"]["text"].startswith(f"{path}: ")


LET_THROUGH = {
    "1.0: no uuid": changed(hookInstance="00000000-007b-9f33-e810-e841a57c502c"),
    "hookInstance of any shape": changed(hookInstance="call 7"),
    "unknown fields": changed(user="x", tenant=None),
    "vendor extensions": changed(
        extension={
            "com.epic.cdshooks.request.bpa-trigger-action": "60",
            "com.epic.cdshooks.request.fhir-version": "R4",
            "internal": [None],
        }
    ),
    "extension as a list": changed(extension=[]),
    "fhirServer is null": changed(fhirServer=None),
    "plain http server": changed(fhirServer="http://ehr.example.org/dstu2"),
    "server and token": changed(
        fhirServer="https://ehr.example.org/r4",
        fhirAuthorization={"access_token": "x", "expires_in": 3600, "scope": "odd  scope"},
    ),
    "Patient/ before the id": in_context(patientId="Patient/p1"),
    "space around the id": in_context(patientId=" p1 "),
    "the patient is the user": in_context(userId="Patient/p1"),
    "encounterId is null": in_context(encounterId=None),
    "encounterId is a number": in_context(encounterId=5),
    "unknown context": in_context(department=None),
}


@pytest.mark.parametrize("body", LET_THROUGH.values(), ids=LET_THROUGH)
def test_let_through(client: FlaskClient, body: Json) -> None:
    response = client.post(SERVICE, json=body)
    assert response.status_code == 200
    assert topics(response.get_json()) == ["redflagcheck"]


def test_a_resource_of_the_prefixed_patient_is_the_patients(client: FlaskClient) -> None:
    prefetch = {"conditions": searchset(condition())}
    response = client.post(SERVICE, json=hook_request(prefetch, patientId="Patient/p1"))
    assert topics(response.get_json()) == ["redflagcheck"]


def test_every_call_gets_uuids_of_its_own(client: FlaskClient) -> None:
    first, second = (
        client.post(SERVICE, json=WHOLE).get_json()["cards"][0]["uuid"] for _ in range(2)
    )
    assert first != second


def test_the_same_call_gets_the_same_cards(client: FlaskClient) -> None:
    def cards() -> list[Json]:
        return [
            {key: value for key, value in card.items() if key != "uuid"}
            for card in client.post(SERVICE, json=WHOLE).get_json()["cards"]
        ]

    assert cards() == cards()


ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.text(max_size=3),
    st.just("x" * 2049),
    st.lists(st.none(), max_size=1),
    st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2),
)
SOUND = {"hook": "patient-view", "hookInstance": "i", "context": {"userId": "u"}}
FIELDS = (
    "hook",
    "hookInstance",
    "context",
    "prefetch",
    "fhirServer",
    "fhirAuthorization",
    "extension",
    "x",
)


@given(
    changed=st.dictionaries(st.sampled_from(FIELDS), ANYTHING),
    without=st.sets(st.sampled_from(FIELDS), max_size=1),
)
def test_what_is_sound_at_a_glance_is_what_the_schema_lets_through(
    changed: dict[str, Any], without: set[str]
) -> None:
    body = {name: value for name, value in (SOUND | changed).items() if name not in without}
    try:
        loaded = EnvelopeSchema().load(body)
    except ValidationError:
        loaded = None
    assert (body if envelope_module._is_sound(body) else None) == loaded
