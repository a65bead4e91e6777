"""What POST /api/v1/assessments takes, and what it refuses with the JSON path."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.records import (
    ASSESS,
    CAUDA_EQUINA,
    NOW,
    PARKINSON,
    condition,
    fever,
    outcome,
    patient,
    record,
    searchset,
    topics,
)

if TYPE_CHECKING:
    from flask.testing import FlaskClient

    from tests.records import Json

NOON = "2026-11-20T12:00:00+00:00"
END_OF_DAY = "2026-11-20T23:59:59.999999+00:00"


def assess(client: FlaskClient, body: Json, **query: str) -> Json:
    response = client.post(ASSESS, json=body, query_string=query)
    assert response.status_code == 200, response.text
    answer: Json = response.get_json()
    return answer


def refused(client: FlaskClient, body: Json, **query: str) -> tuple[int, str | None, str]:
    response = client.post(ASSESS, json=body, query_string=query)
    (issue,) = response.get_json()["issue"]
    path = issue.get("expression", [None])[0]
    return response.status_code, path, issue["details"]["text"]


# --- bundles ---

BUNDLES = {
    "collection": record(condition()),
    "searchset": searchset(patient(), condition()),
    "history": {**record(condition()), "type": "history"},
    "transaction": {**record(condition()), "type": "transaction"},
    "of a type nobody knows": {**record(condition()), "type": 5},
    "in a wrapper": {"bundle": record(condition())},
    "without a Patient": searchset(condition()),
    "a single Condition": condition(),
    "complete, said so": {**record(condition()), "complete": True},
}


@pytest.mark.parametrize("body", BUNDLES.values(), ids=BUNDLES)
def test_a_bundle_of_any_type_is_a_whole_record(client: FlaskClient, body: Json) -> None:
    answer = assess(client, body)
    assert answer["gate"]["state"] == "open"
    assert topics(answer) == ["redflagcheck"]
    assert answer["notes"] == []


def test_the_gate_is_shut_by_a_whole_record_without_back_pain(client: FlaskClient) -> None:
    answer = assess(client, record(condition(PARKINSON)))
    assert answer["gate"]["state"] == "shut"
    assert (answer["cards"], answer["recommendations"]) == ([], [])


NOT_WHOLE = {
    "complete: false beside it": {"bundle": record(), "complete": False},
    "complete: false in it": record(complete=False),
    "next link": record(link=[{"relation": "next", "url": "https://x.example"}]),
    "fewer matches than its total": searchset(patient(), total=9),
    "an error in it": searchset(patient(), outcome("error"), total=1),
    "only an error": outcome("error"),
    "an entry that is no resource": record() | {"entry": [{"resource": patient()}, 7]},
    "a Condition without a code": record({"resourceType": "Condition", "id": "c"}),
    "empty Bundle": {"resourceType": "Bundle"},
    "Bundle without entries": {"resourceType": "Bundle", "type": "searchset", "entry": []},
    "Bundle of nothing clinical": searchset({"resourceType": "Parameters", "id": "x"}),
    "a resource of no known type": {"resourceType": "Spaceship"},
    "no finding": {"findings": {}},
}


@pytest.mark.parametrize("body", NOT_WHOLE.values(), ids=NOT_WHOLE)
def test_412_where_nothing_can_be_concluded(client: FlaskClient, body: Json) -> None:
    response = client.post(ASSESS, json=body)
    assert response.status_code == 412
    (issue,) = response.get_json()["issue"]
    assert "Cannot tell whether the patient has back pain" in issue["details"]["text"]
    assert issue["diagnostics"]


def test_an_incomplete_record_with_an_emergency_is_judged(client: FlaskClient) -> None:
    answer = assess(client, {**record(condition(CAUDA_EQUINA)), "complete": False})
    assert topics(answer) == ["emergency"]


def test_two_patients_are_refused(client: FlaskClient) -> None:
    other = {**patient(), "id": "p2"}
    for body in (
        record(other),
        record(condition(subject={"reference": "Patient/p2"})),
        searchset(condition(), condition(PARKINSON, subject={"reference": "Patient/p2"})),
    ):
        status, path, text = refused(client, body)
        assert (status, path) == (400, "Bundle.entry")
        assert "2 patients" in text
        assert "p2" not in text


WRONG_BODIES: dict[str, tuple[Json, str | None]] = {
    "nothing": ({}, None),
    "only a moment": ({"asOf": NOON}, None),
    "bundle is null": ({"bundle": None}, "bundle"),
    "bundle is a list": ({"bundle": [record()]}, "bundle"),
    "bundle is text": ({"bundle": "Bundle"}, "bundle"),
    "bundle without a type": ({"bundle": {"entry": []}}, "bundle"),
    "bundle with a type that is no text": ({"bundle": {"resourceType": []}}, "bundle"),
    "resourceType is a number": ({"resourceType": 3}, "bundle"),
    "resourceType is empty": ({"resourceType": " "}, "bundle"),
    "complete is text": ({"bundle": record(), "complete": "no"}, "complete"),
    "complete in the Bundle is text": (record(complete="no"), "complete"),
    "complete is null": ({"bundle": record(), "complete": None}, "complete"),
    "validate is text": ({"bundle": record(), "validate": "yes"}, "validate"),
    "profile is unknown": ({"bundle": record(), "profile": "guidance"}, "profile"),
    "profile is a number": ({"bundle": record(), "profile": 1}, "profile"),
    "findings is a list": ({"findings": ["fever"]}, "findings"),
    "findings is null": ({"findings": None}, "findings"),
    "findings is text": ({"findings": "fever"}, "findings"),
}


@pytest.mark.parametrize(("body", "path"), WRONG_BODIES.values(), ids=WRONG_BODIES)
def test_400_with_the_path(client: FlaskClient, body: Json, path: str | None) -> None:
    status, named, text = refused(client, body)
    assert (status, named) == (400, path)
    assert path is None or text.startswith(f"{path}: ")


# --- the moment of judging ---

MOMENTS = {
    "2026-11-20T09:00:00Z": "2026-11-20T09:00:00+00:00",
    "2026-11-20T09:00:00+05:30": "2026-11-20T09:00:00+05:30",
    "2026-11-20T09:00:00": "2026-11-20T09:00:00+00:00",
    "2026-11-20": END_OF_DAY,
    "1900-01-01": "1900-01-01T23:59:59.999999+00:00",
    "2199-12-31T23:59:59Z": "2199-12-31T23:59:59+00:00",
}


@pytest.mark.parametrize(("given", "read"), MOMENTS.items(), ids=MOMENTS)
def test_moments_that_are_read(client: FlaskClient, given: str, read: str) -> None:
    assert assess(client, {"bundle": record(), "asOf": given})["asOf"] == read
    assert assess(client, record(), asOf=given)["asOf"] == read


NO_MOMENTS = [
    "", " ", "now", "yesterday", "20.11.2026", "2026", "2026-11", "2026-13-01", "2026-02-30",
    "0001-01-01", "0000-00-00", "1899-12-31", "2200-01-01", "9999-12-31T23:59:59Z", "-2026-11-20",
    "2026-11-20T25:00:00Z", "2026-11-20T23:59:60Z", "2026-11-20T09:00:00+99:00", "1" * 400,
]  # fmt: skip


@pytest.mark.parametrize("given", NO_MOMENTS)
def test_400_for_what_is_no_moment(client: FlaskClient, given: str) -> None:
    status, path, text = refused(client, {"bundle": record(), "asOf": given})
    assert (status, path) == (400, "asOf")
    assert "2026-11-20T09:00:00Z" in text


@pytest.mark.parametrize("given", [None, 20261120, 1.5, True, [], {}], ids=repr)
def test_400_for_a_moment_that_is_no_text(client: FlaskClient, given: object) -> None:
    assert refused(client, {"bundle": record(), "asOf": given})[:2] == (400, "asOf")


def test_now_is_the_moment_where_none_is_given(client: FlaskClient) -> None:
    assert assess(client, record())["asOf"] == NOW.isoformat()


def test_another_moment_judges_the_record_as_of_then(client: FlaskClient) -> None:
    recorded = record(condition(since=10), fever(39.5))
    assert topics(assess(client, recorded)) == ["emergency"]
    later = assess(client, recorded, asOf="2026-12-20")
    assert topics(later) == ["review", "physiotherapy", "redflagcheck"]


def test_the_body_goes_before_the_query(client: FlaskClient) -> None:
    body = {"bundle": record(), "asOf": "2026-11-20", "profile": "documents", "validate": False}
    answer = assess(client, body, asOf="2020-01-01", profile="x", validate="true")
    assert answer["asOf"] == END_OF_DAY


def test_query_options_are_checked_like_the_bodys(client: FlaskClient) -> None:
    assert refused(client, record(), profile="guidance")[:2] == (400, "profile")
    assert refused(client, record(), asOf="soon")[:2] == (400, "asOf")
    assert refused(client, record(), validate="yes")[:2] == (400, "validate")
    assert assess(client, record(), validate="false")["notes"] == []
    assert assess(client, record(), unknown="x")["notes"] == []


# --- checking against FHIR on request ---


def test_validate_notes_path_and_reason_and_never_the_value(client: FlaskClient) -> None:
    wrong = condition(onsetDateTime="Dienstag", recordedDate="SECRET")
    for body, query in (
        (record(wrong), {"validate": "true"}),
        ({"bundle": record(wrong), "validate": True}, {}),
    ):
        answer = assess(client, body, **query)
        assert any("Condition/c-M54-50 is not valid FHIR R4" in note for note in answer["notes"])
        assert "SECRET" not in str(answer["notes"])


def test_without_validate_nothing_is_checked(client: FlaskClient) -> None:
    answer = assess(client, record({**condition(), "category": "wrong"}))
    assert not any("not valid FHIR" in note for note in answer["notes"])


# --- findings by name ---


def findings(client: FlaskClient, **given: object) -> Json:
    return assess(client, {"findings": {key.replace("_", "-"): v for key, v in given.items()}})


def test_findings_imply_back_pain(client: FlaskClient) -> None:
    answer = findings(client, saddle_numbness="present")
    assert answer["gate"]["state"] == "open"
    assert topics(answer) == ["emergency"]
    assert answer["cards"][0]["extension"]["org.backpain-cds.trace"]["criteria"][0]["id"] == "E02"


def test_back_pain_that_is_denied_shuts_the_gate(client: FlaskClient) -> None:
    answer = findings(client, saddle_numbness="present", back_pain="absent")
    assert answer["gate"]["state"] == "shut"
    assert answer["cards"] == []


def test_back_pain_of_unknown_state_cannot_be_judged(client: FlaskClient) -> None:
    status, _, _ = refused(client, {"findings": {"fever": "present", "back-pain": "unknown"}})
    assert status == 412


def test_a_value_and_a_date_are_judged(client: FlaskClient) -> None:
    fever = {"state": "present", "value": 39.4, "since": "2026-11-19"}
    assert topics(findings(client, fever=fever)) == ["emergency"]
    assert topics(findings(client, fever={**fever, "value": 38})) == ["imaging", "redflagcheck"]
    assert topics(findings(client, fever={**fever, "since": "2026-11-10"})) == ["redflagcheck"]


def test_findings_beside_a_bundle_are_the_newest_evidence(client: FlaskClient) -> None:
    body = {"bundle": record(condition()), "findings": {"saddle-numbness": "present"}}
    assert topics(assess(client, body)) == ["emergency"]


def test_a_no_beside_a_yes_on_record_leaves_the_yes(client: FlaskClient) -> None:
    body = {
        "bundle": record(condition(), condition(CAUDA_EQUINA)),
        "findings": {"cauda-equina-syndrome": "absent"},
    }
    answer = assess(client, body)
    assert topics(answer) == ["emergency"]
    assert any("counts as present" in note for note in answer["notes"])


WRONG_FINDINGS: dict[str, tuple[object, str]] = {
    "state nobody knows": ("maybe", "findings.fever.state"),
    "state is null": (None, "findings.fever.state"),
    "state is true": (True, "findings.fever.state"),
    "state is a number": (1, "findings.fever.state"),
    "state is a list": (["present"], "findings.fever.state"),
    "no state": ({}, "findings.fever.state"),
    "state in an object is null": ({"state": None}, "findings.fever.state"),
    "state in an object is an object": ({"state": {}}, "findings.fever.state"),
    "value is text": ({"state": "present", "value": "39.4"}, "findings.fever.value"),
    "value is true": ({"state": "present", "value": True}, "findings.fever.value"),
    "value is null": ({"state": "present", "value": None}, "findings.fever.value"),
    "value is an object": ({"state": "present", "value": {}}, "findings.fever.value"),
    "since is a number": ({"state": "present", "since": 2026}, "findings.fever.since"),
    "since is null": ({"state": "present", "since": None}, "findings.fever.since"),
    "since is no date": ({"state": "present", "since": "soon"}, "findings.fever.since"),
    "since is a leap second": (
        {"state": "present", "since": "2026-11-19T23:59:61Z"},
        "findings.fever.since",
    ),
    "a key nobody knows": ({"state": "present", "sinse": "2026"}, "findings.fever.sinse"),
}


@pytest.mark.parametrize(("stated", "path"), WRONG_FINDINGS.values(), ids=WRONG_FINDINGS)
def test_400_for_a_finding_of_the_wrong_shape(
    client: FlaskClient, stated: object, path: str
) -> None:
    status, named, text = refused(client, {"findings": {"fever": stated}})
    assert (status, named) == (400, path)
    assert text.startswith(f"{path}: ")


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("saddle-numbnes", "saddle-numbness"),
        ("Fever", "fever"),
        ("bladder-control", "bladder-control-lost"),
        ("back_pain", "back-pain"),
    ],
)
def test_a_misspelt_finding_is_refused_with_what_was_meant(
    client: FlaskClient, name: str, meant: str
) -> None:
    status, path, text = refused(client, {"findings": {name: "present"}})
    assert (status, path) == (400, f"findings.{name}")
    assert f"did you mean {meant}?" in text


@pytest.mark.parametrize("name", ["", " ", "\x00", "x" * 5_000, "<b>", "\u202e", "zzzz"], ids=repr)
def test_any_other_name_is_refused(client: FlaskClient, name: str) -> None:
    status, _, text = refused(client, {"findings": {name: "present"}})
    assert status == 400
    assert "GET /api/v1/findings" in text
    assert len(text) < 250
