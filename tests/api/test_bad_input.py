"""Whatever is posted: a clear 4xx or an answer, never a fault, never silence for the unjudged."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cds_service.hooks.sample_requests import request_for
from cds_service.hooks.services import SERVICES
from cds_service.samples import as_of_today, samples
from tests.records import ASSESS, NOW, SERVICE, hook_request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

    from tests.records import Json

ROUTES = pytest.mark.parametrize("path", [SERVICE, ASSESS])
MANY = settings(max_examples=250)

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS
)
# Words that mean something to the service, so that the wild meets the known.
WORDS = st.sampled_from(
    [
        "resourceType", "Bundle", "Condition", "Observation", "Patient", "Encounter", "Procedure",
        "QuestionnaireResponse", "MedicationRequest", "OperationOutcome", "entry", "resource",
        "link", "relation", "next", "total", "search", "mode", "subject", "reference",
        "Patient/p1", "id", "code", "coding", "system", "display", "text", "clinicalStatus",
        "verificationStatus", "onsetDateTime", "onsetAge", "abatementDateTime", "effectiveDateTime",
        "effectivePeriod", "start", "value", "unit", "valueQuantity", "valueCodeableConcept",
        "valueBoolean", "valueString", "component", "interpretation", "referenceRange", "low",
        "item", "linkId", "answer", "fever", "saddle-numbness", "status", "final", "completed",
        "bodySite", "severity", "birthDate", "deceasedBoolean", "hook", "hookInstance", "context",
        "patientId", "userId", "prefetch", "conditions", "observations", "patient-view",
        "http://snomed.info/sct", "http://loinc.org", "279039007", "8310-5", "2026-11-19",
        "bundle", "findings", "asOf", "profile", "complete", "validate", "present", "since",
    ]
)  # fmt: skip
JSON_VALUES = st.recursive(
    SCALARS | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS | TEXTS, inner, max_size=5),
    max_leaves=25,
)


def post(client: FlaskClient, path: str, body: object) -> TestResponse:
    return client.post(path, data=orjson.dumps(body), content_type="application/json")


def is_answered_or_refused(response: TestResponse) -> None:
    assert response.status_code in {200, 400, 412}, response.text


@ROUTES
@MANY
@given(body=JSON_VALUES)
def test_any_json_is_answered_or_refused(client: FlaskClient, path: str, body: object) -> None:
    is_answered_or_refused(post(client, path, body))


@MANY
@given(prefetch=st.dictionaries(WORDS | TEXTS, JSON_VALUES, max_size=4))
def test_any_prefetch_is_answered_or_refused(client: FlaskClient, prefetch: Json) -> None:
    response = post(client, SERVICE, hook_request(prefetch))
    assert response.status_code in {200, 412}, response.text
    if response.get_json().get("cards") == []:
        assert is_known(prefetch.get("conditions", {})) or is_dead(prefetch)


def is_known(conditions: object) -> bool:
    """Whether a value of the key can say at all that there is no condition."""
    while isinstance(conditions, dict) and "resourceType" not in conditions:
        conditions = conditions.get("resource", {})
    kinds = {"Bundle", "Condition"}
    return conditions is None or (
        isinstance(conditions, dict) and conditions["resourceType"] in kinds
    )


def is_dead(prefetch: Json) -> bool:
    return b'"deceased' in orjson.dumps(prefetch)


@MANY
@given(resources=st.lists(st.dictionaries(WORDS | TEXTS, JSON_VALUES, max_size=6), max_size=4))
def test_any_resources_are_answered_or_refused(client: FlaskClient, resources: list[Json]) -> None:
    entries = [{"resource": each} for each in resources]
    bundle = {"resourceType": "Bundle", "type": "searchset", "entry": entries}
    is_answered_or_refused(post(client, ASSESS, {"bundle": bundle, "validate": True}))
    prefetch = {"conditions": bundle, "observations": bundle, "answers": bundle}
    is_answered_or_refused(post(client, SERVICE, hook_request(prefetch)))


@MANY
@given(query=st.dictionaries(WORDS | TEXTS, TEXTS | WORDS, max_size=4))
def test_any_query_is_answered_or_refused(client: FlaskClient, query: dict[str, str]) -> None:
    body = {"findings": {"fever": "absent"}}
    is_answered_or_refused(client.post(ASSESS, json=body, query_string=query))


# --- a good request with one element replaced ---

SAMPLES = {name: as_of_today(each, NOW) for name, each in samples().items()}
OPEN = [name for name in SAMPLES if name != "no-back-pain"]
REPLACEMENTS: list[Any] = [
    None, True, False, 0, -1, 1e300, 2**63, "", " ", "x", "2026", "9999-99-99", "Patient/other",
    "\x00\u202e<b>", [], [None], ["x"], [[]], {}, {"x": 1}, {"resourceType": "Condition"},
    [{}], [{"coding": None}], {"coding": "x"}, {"value": "x"}, {"start": 5},
]  # fmt: skip


def paths(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Return the place of every element at every level."""
    if path:
        yield path
    inner: Iterator[tuple[Any, object]] = iter(())
    if isinstance(value, dict):
        inner = iter(value.items())
    elif isinstance(value, list):
        inner = iter(enumerate(value))
    for key, each in inner:
        yield from paths(each, (*path, key))


def replaced(value: Json, path: tuple[str | int, ...], new: object) -> Json:
    changed = copy.deepcopy(value)
    place: Any = changed
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = new
    return changed


def at(value: object, path: tuple[str | int, ...]) -> object:
    for key in path:
        value = value[key]  # type: ignore[index]
    return value


REQUESTS = {name: request_for(SAMPLES[name], next(iter(SERVICES.values()))) for name in OPEN}


@pytest.mark.parametrize("name", OPEN)
@settings(max_examples=60)
@given(data=st.data())
def test_a_bundle_with_one_element_replaced(
    client: FlaskClient, name: str, data: st.DataObject
) -> None:
    path = data.draw(st.sampled_from(list(paths(SAMPLES[name]))))
    new = data.draw(st.sampled_from(REPLACEMENTS) | JSON_VALUES)
    response = post(client, ASSESS, replaced(SAMPLES[name], path, new))
    is_answered_or_refused(response)
    if response.status_code == 200 and response.get_json()["gate"]["state"] == "shut":
        assert may_shut(at(SAMPLES[name], path), path, new), (path, new)


@pytest.mark.parametrize("name", OPEN)
@settings(max_examples=60)
@given(data=st.data())
def test_a_hook_request_with_one_element_replaced(
    client: FlaskClient, name: str, data: st.DataObject
) -> None:
    path = data.draw(st.sampled_from(list(paths(REQUESTS[name]))))
    new = data.draw(st.sampled_from(REPLACEMENTS) | JSON_VALUES)
    response = post(client, SERVICE, replaced(REQUESTS[name], path, new))
    is_answered_or_refused(response)
    if response.get_json().get("cards") == []:
        assert may_shut(at(REQUESTS[name], path), path, new) or undated(path), (path, new)


def undated(path: tuple[str | int, ...]) -> bool:
    """Whether a replacement takes the date of the pain away.

    Where all red flags are denied, only the pain's age calls for a card; without a date there is
    no card, by the clinical table: the gate is open, and what can be judged calls for nothing.
    """
    return not {"onsetDateTime", "recordedDate", "period", "start"}.isdisjoint(path)


def may_shut(old: object, path: tuple[str | int, ...], new: object) -> bool:
    """Whether a replacement says in a way that can be read that the back pain is gone."""
    if "Patient" in str(path) or path[-1] in {"patient", "deceasedBoolean", "deceasedDateTime"}:
        return True
    if path == ("prefetch", "conditions"):
        return is_known(new)
    return type(old) is type(new) and old not in ({}, [], "")
