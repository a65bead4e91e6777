"""Every state in which a prefetch key may come back, and what each does to the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cds_service.app import create_app
from cds_service.settings import Settings
from tests.protocol import CheckedClient
from tests.records import (
    BACK_PAIN,
    CAUDA_EQUINA,
    ICD,
    LOINC,
    NOW,
    PARKINSON,
    SERVICE,
    SNOMED,
    concept,
    condition,
    fever,
    hook_request,
    notes,
    observation,
    outcome,
    patient,
    searchset,
    topics,
    whole_prefetch,
)

if TYPE_CHECKING:
    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

    from tests.records import Json

LEAVE_OUT = object()
NEXT = {"link": [{"relation": "next", "url": "https://ehr.example.org/next"}]}
ALL_OK = outcome("information", "informational")


def call(client: FlaskClient, prefetch: Json, **context: object) -> TestResponse:
    return client.post(SERVICE, json=hook_request(prefetch, **context))


def with_key(prefetch: Json, key: str, value: object) -> Json:
    changed = {**prefetch, key: value}
    if value is LEAVE_OUT:
        del changed[key]
    return changed


# --- a search: what its key makes known ---

UNUSABLE: dict[str, object] = {
    "left out": LEAVE_OUT,
    "empty object": {},
    "OperationOutcome, error": outcome("error", "timeout"),
    "OperationOutcome, whatever it says": outcome("information"),
    "Bundle with an error entry": searchset(outcome("error", "throttled"), total=0),
    "Bundle with a fatal entry": searchset(outcome("fatal", "exception"), total=0),
    "Bundle with a next link": searchset(**NEXT),
    "Bundle with fewer matches than its total": searchset(total=3),
    "Bundle with an entry of null": searchset() | {"entry": [None]},
    "Bundle with an entry of text": searchset() | {"entry": ["Condition"]},
    "Bundle with a resource without a type": searchset() | {"entry": [{"resource": {"id": "1"}}]},
    "Bundle with entries that are text": searchset() | {"entry": "none"},
    "wrong resource type": patient(),
    "Bundle of the wrong resource type": searchset(patient()),
    "text": "no conditions",
    "number": 0,
    "true": True,
    "list": [],
    "list of resources": [condition()],
    "object without a type": {"entry": []},
    "type that is no text": {"resourceType": 7},
    "another patient's only": searchset(condition(subject={"reference": "Patient/p2"})),
    "a Condition without a code": searchset({"resourceType": "Condition", "id": "c"}),
}
KNOWN_EMPTY: dict[str, object] = {
    "null": None,
    "Bundle without entries": {"resourceType": "Bundle", "type": "searchset"},
    "Bundle with an empty list": searchset() | {"entry": []},
    "Bundle with total 0": searchset(),
    "Bundle that says so in an entry": searchset(ALL_OK, total=0),
    "Bundle with a warning": searchset(outcome("warning", "not-found"), total=0),
    "Bundle with a self link": searchset(link=[{"relation": "self", "url": "https://x.example"}]),
    "wrapped Bundle": {"resource": searchset()},
    "wrapped Bundle with a response": {"response": {"status": "200"}, "resource": searchset()},
}


@pytest.mark.parametrize("value", UNUSABLE.values(), ids=UNUSABLE)
def test_conditions_unusable_and_nothing_else_known_cannot_be_judged(
    client: FlaskClient, value: object
) -> None:
    response = call(client, with_key(whole_prefetch(), "conditions", value))
    assert response.status_code == 412
    (issue,) = response.get_json()["issue"]
    assert issue["expression"] == ["prefetch.conditions"]
    assert "`conditions`" in issue["details"]["text"]
    assert "conditions" in issue["diagnostics"] or "Condition" in issue["diagnostics"]


@pytest.mark.parametrize("value", KNOWN_EMPTY.values(), ids=KNOWN_EMPTY)
def test_conditions_known_to_be_empty_shut_the_gate(client: FlaskClient, value: object) -> None:
    response = call(client, with_key(whole_prefetch(), "conditions", value))
    assert (response.status_code, response.get_json()) == (200, {"cards": []})


SEARCHES = ("conditions", "observations", "medications", "statements", "procedures", "answers")
UNUSABLE_ANYWHERE = {
    name: value
    for name, value in UNUSABLE.items()
    if name not in {"list of resources", "another patient's only", "a Condition without a code"}
}


@pytest.mark.parametrize("key", SEARCHES[1:])
@pytest.mark.parametrize("value", UNUSABLE_ANYWHERE.values(), ids=UNUSABLE_ANYWHERE)
def test_another_search_unusable_is_noted_and_the_rest_is_judged(
    client: FlaskClient, key: str, value: object
) -> None:
    prefetch = with_key(whole_prefetch(condition()), key, value)
    response = call(client, prefetch)
    assert response.status_code == 200
    assert topics(response.get_json()) == ["redflagcheck"]
    (note,) = [note for note in notes(response.get_json()) if note.startswith("Not obtained")]
    assert f"{key} (" in note
    assert response.get_json()["cards"][0]["detail"].rstrip(".").endswith(note.rsplit(" (", 1)[-1])


@pytest.mark.parametrize("key", SEARCHES[1:])
@pytest.mark.parametrize("value", KNOWN_EMPTY.values(), ids=KNOWN_EMPTY)
def test_another_search_known_to_be_empty_is_not_noted(
    client: FlaskClient, key: str, value: object
) -> None:
    response = call(client, with_key(whole_prefetch(condition()), key, value))
    assert topics(response.get_json()) == ["redflagcheck"]
    assert notes(response.get_json()) == []


# --- the gate while the conditions are incomplete ---

INCOMPLETE = {
    "left out": LEAVE_OUT,
    "first page only": searchset(condition(), **NEXT),
    "one of three": searchset(condition(), total=3),
    "an entry that is not a resource": searchset() | {"entry": [{"resource": condition()}, None]},
    "with an error": searchset(condition(), outcome("error"), total=1),
}


@pytest.mark.parametrize("value", INCOMPLETE.values(), ids=INCOMPLETE)
def test_open_gate_with_an_emergency_is_answered(client: FlaskClient, value: object) -> None:
    encounter = {
        "resourceType": "Encounter",
        "id": "e1",
        "status": "in-progress",
        "subject": {"reference": "Patient/p1"},
        "period": {"start": NOW.date().isoformat()},
        "reasonCode": [concept(BACK_PAIN)],
    }
    prefetch = whole_prefetch(fever(39.4)) | {"encounter": encounter}
    response = call(client, with_key(prefetch, "conditions", value), encounterId="e1")
    assert response.status_code == 200
    assert topics(response.get_json()) == ["emergency"]
    assert any("conditions (" in note for note in notes(response.get_json()))


def test_open_gate_with_a_same_day_criterion_is_answered_and_asks(client: FlaskClient) -> None:
    prefetch = whole_prefetch(fever(38.4)) | {"conditions": searchset(condition(), **NEXT)}
    response = call(client, prefetch)
    assert topics(response.get_json()) == ["imaging", "redflagcheck"]
    assert "conditions (has further pages that were not sent)" in notes(response.get_json())[0]


def test_open_gate_without_either_cannot_be_judged(client: FlaskClient) -> None:
    prefetch = whole_prefetch() | {"conditions": searchset(condition(), **NEXT)}
    response = call(client, prefetch)
    assert response.status_code == 412
    (issue,) = response.get_json()["issue"]
    assert "nothing that was sent calls for emergency or same-day care" in issue["details"]["text"]
    assert "conditions (has further pages that were not sent)" in issue["diagnostics"]


def test_gate_is_shut_whatever_other_key_is_missing(client: FlaskClient) -> None:
    response = call(client, {"conditions": searchset(condition((ICD, "J06.9")))})
    assert (response.status_code, response.get_json()) == (200, {"cards": []})


def test_gate_opens_without_conditions_from_an_observation(client: FlaskClient) -> None:
    pain = observation((SNOMED, "279039007"), valueBoolean=True)
    saddle = observation((SNOMED, "449813001"), valueBoolean=True)
    response = call(client, {"observations": searchset(pain, saddle)})
    assert topics(response.get_json()) == ["emergency"]


@pytest.mark.parametrize("prefetch", [None, {}], ids=["left out", "empty"])
def test_no_prefetch_at_all_cannot_be_judged(client: FlaskClient, prefetch: Json | None) -> None:
    response = client.post(SERVICE, json=hook_request(prefetch))
    assert response.status_code == 412
    told = response.get_json()["issue"][0]["diagnostics"]
    for key in ("patient", "conditions", "observations", "answers"):
        assert f"{key} (not sent)" in told


# --- reads ---


@pytest.mark.parametrize(
    "value",
    [LEAVE_OUT, None, {}, outcome("error"), "x"],
    ids=["left out", "null", "empty", "error", "a text"],
)
def test_a_missing_patient_changes_nothing(client: FlaskClient, value: object) -> None:
    whole = call(client, whole_prefetch(condition()))
    response = call(client, with_key(whole_prefetch(condition()), "patient", value))
    assert topics(response.get_json()) == topics(whole.get_json())
    assert "patient (" in notes(response.get_json())[0]


def test_an_encounter_is_missed_only_where_there_is_one(client: FlaskClient) -> None:
    without = call(client, whole_prefetch(condition()))
    assert notes(without.get_json()) == []
    response = call(client, whole_prefetch(condition()), encounterId="e1")
    assert notes(response.get_json()) == ["Not obtained, prefetch key encounter (not sent)"]


# --- shapes that are tolerated ---


@pytest.mark.parametrize(
    "conditions",
    [
        condition(),
        {"resource": condition()},
        {"resourceType": "Bundle", "entry": [{"resource": searchset(condition())}]},
        searchset(condition(subject={"reference": "https://ehr.example.org/r4/Patient/p1"})),
        searchset(condition(subject={"reference": "urn:uuid:p1"})),
        searchset(condition(subject={"reference": "Patient/p1/_history/3"})),
        searchset({**condition(), "id": "x" * 194}),
        searchset({**condition(), "category": {"text": "problem list"}}),
    ],
    ids=[
        "single resource for a Bundle",
        "wrapped resource",
        "Bundle in a Bundle",
        "absolute reference",
        "urn reference",
        "versioned reference",
        "long id",
        "category as an object",
    ],
)
def test_shapes_of_conditions_that_are_read(client: FlaskClient, conditions: Json) -> None:
    response = call(client, whole_prefetch() | {"conditions": conditions})
    assert topics(response.get_json()) == ["redflagcheck"]
    assert notes(response.get_json()) == []


def test_a_bundle_for_a_read_is_read(client: FlaskClient) -> None:
    minor = patient(birthDate="2012-01-01")
    response = call(client, whole_prefetch(condition()) | {"patient": searchset(minor)})
    assert "under 18" in response.get_json()["cards"][0]["detail"]


def test_resources_without_ids_are_not_taken_for_each_other(client: FlaskClient) -> None:
    """Each is the first entry of its own Bundle and has no id; none may get lost."""

    def anonymous(resource: Json) -> Json:
        return {key: value for key, value in resource.items() if key != "id"}

    potassium = observation(
        (LOINC, "2823-3"), valueQuantity={"value": 2.9, "unit": "mmol/L", "code": "mmol/L"}
    )
    prefetch = whole_prefetch(condition()) | {
        "observations": searchset(anonymous(fever(38.4))),
        "labs": searchset(anonymous(potassium)),
    }
    assert topics(call(client, prefetch).get_json()) == ["imaging", "contributing", "redflagcheck"]


def test_the_same_resource_in_two_keys_counts_once(client: FlaskClient) -> None:
    prefetch = whole_prefetch(condition(), fever(38.4))
    prefetch["labs"] = prefetch["observations"]
    card = call(client, prefetch).get_json()["cards"][0]
    assert card["detail"].count("Observation/o-8310-5") == 1


# --- searches for some observations ---


@pytest.mark.parametrize("key", ["weights", "labs"])
def test_a_search_for_some_observations_is_not_missed_after_one_for_all(
    client: FlaskClient, key: str
) -> None:
    whole = whole_prefetch(condition())
    assert notes(call(client, whole).get_json()) == []
    (note,) = notes(call(client, with_key(whole, "observations", LEAVE_OUT)).get_json())
    assert f"{key} (not sent)" in note
    (note,) = notes(call(client, with_key(whole, key, outcome("error", "timeout"))).get_json())
    assert f"{key} (came as an error (OperationOutcome: timeout))" in note


# --- other patients, other keys ---


def test_resources_of_another_patient_are_left_out_and_noted(client: FlaskClient) -> None:
    theirs = condition(CAUDA_EQUINA, subject={"reference": "Patient/p2"})
    prefetch = whole_prefetch(condition()) | {"conditions": searchset(condition(), theirs)}
    response = call(client, prefetch)
    assert topics(response.get_json()) == ["redflagcheck"]
    assert notes(response.get_json()) == ["Condition/c-G83-4 is about another patient: left out"]


def test_another_patient_in_the_place_of_this_one_is_left_out(client: FlaskClient) -> None:
    dead = {**patient(deceasedBoolean=True), "id": "p2"}
    response = call(client, whole_prefetch(condition()) | {"patient": dead})
    assert topics(response.get_json()) == ["redflagcheck"]
    assert "Patient/p2 is another patient: left out" in notes(response.get_json())


def test_a_key_of_another_name_is_read_by_what_is_in_it(client: FlaskClient) -> None:
    prefetch = whole_prefetch(condition()) | {"neuro-problems": searchset(condition(PARKINSON))}
    assert topics(call(client, prefetch).get_json()) == ["neurology", "redflagcheck"]


def test_a_key_of_another_name_completes_no_search(client: FlaskClient) -> None:
    response = call(client, {"problems": searchset()})
    assert response.status_code == 412
    response = call(client, {"problems": searchset(condition())})
    assert response.status_code == 412


@pytest.mark.parametrize("value", [None, {}, [], "", 0, False], ids=repr)
def test_a_key_of_another_name_with_nothing_in_it_is_passed_over(
    client: FlaskClient, value: object
) -> None:
    response = call(client, whole_prefetch(condition()) | {"allergies": value})
    assert notes(response.get_json()) == []


def test_a_key_of_another_name_that_cannot_be_read_is_noted(client: FlaskClient) -> None:
    response = call(client, whole_prefetch(condition()) | {"allergies": "<b>none</b>"})
    assert notes(response.get_json()) == [
        "Prefetch key “allergies”, none of ours: is not a FHIR resource"
    ]


# --- a site's own names ---


@pytest.fixture(scope="module")
def site() -> FlaskClient:
    aliases = {"PROBLEMS": "conditions", "DIAGNOSES": "conditions", "VITALS": "observations"}
    app = create_app(Settings(prefetch_aliases=aliases), now=lambda: NOW)
    app.test_client_class = CheckedClient
    return app.test_client()


def test_an_alias_stands_for_our_key(site: FlaskClient) -> None:
    prefetch = {"PROBLEMS": searchset(condition()), "VITALS": searchset(fever(38.4))}
    response = call(site, prefetch)
    assert topics(response.get_json()) == ["imaging", "redflagcheck"]
    assert "conditions" not in notes(response.get_json())[0]
    assert "observations" not in notes(response.get_json())[0]


def test_our_own_names_still_work_beside_aliases(site: FlaskClient) -> None:
    assert call(site, {"conditions": None}).get_json() == {"cards": []}


@pytest.mark.parametrize("failed_first", [True, False], ids=["failed first", "failed last"])
def test_one_of_two_aliases_failed_and_the_search_is_not_complete(
    site: FlaskClient, *, failed_first: bool
) -> None:
    pairs: list[tuple[str, object]] = [
        ("PROBLEMS", outcome("error", "timeout")),
        ("DIAGNOSES", searchset()),
    ]
    prefetch = dict(pairs if failed_first else reversed(pairs))
    response = call(site, prefetch)
    assert response.status_code == 412
    assert "conditions (came as an error" in response.get_json()["issue"][0]["diagnostics"]


def test_both_aliases_whole_complete_the_search(site: FlaskClient) -> None:
    prefetch = {"PROBLEMS": searchset(condition()), "DIAGNOSES": searchset()}
    assert topics(call(site, prefetch).get_json()) == ["redflagcheck"]
