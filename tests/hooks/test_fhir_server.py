"""What a prefetch lacks is asked of the FHIR server: what is asked, and what it can do to us."""

from __future__ import annotations

import json
import logging
import threading
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from cds_service.hooks.access import Access, read_access
from cds_service.hooks.envelope import Envelope
from cds_service.hooks.fhir_server import FhirServers, filled
from cds_service.hooks.prefetch import wanted
from cds_service.hooks.search import MAX_PAGES
from cds_service.security.allowed import read_base
from tests.hooks.asking import (
    EVERY_SEARCH,
    TOKEN,
    asked_for,
    but,
    call,
    page,
    record_of,
    service,
    the_note,
    without,
)
from tests.records import (
    BACK_PAIN,
    CAUDA_EQUINA,
    PATIENT_ID,
    SERVICE,
    condition,
    hook_request,
    notes,
    outcome,
    patient,
    searchset,
    topics,
    whole_prefetch,
)
from tests.stub_server import dripping, said, said_json, serving, silence
from tests.test_serve import Running

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from flask.testing import FlaskClient

    from cds_service.content.load import Content
    from tests.records import Json
    from tests.stub_server import Reply, Request, Stub

SHORT = 0.4  # seconds: they are used up
EMPTY = searchset()


# --- what is asked ---


def test_an_empty_prefetch_is_fetched_whole() -> None:
    record = (condition(), condition(CAUDA_EQUINA))
    with service(record_of(*record)) as (client, stub):
        response = call(client, stub)
        prefetched = client.post(SERVICE, json=hook_request(whole_prefetch(*record)))
    assert topics(response.get_json()) == topics(prefetched.get_json()) == ["emergency"]
    assert notes(response.get_json()) == []
    assert asked_for(stub) == EVERY_SEARCH | {f"Patient/{PATIENT_ID}"}


def test_every_call_carries_the_token_and_asks_for_fhir() -> None:
    with service(record_of(condition())) as (client, stub):
        call(client, stub)
    assert {asked.headers["authorization"] for asked in stub.asked} == {f"Bearer {TOKEN}"}
    assert all(asked.headers["accept"].startswith("application/fhir+json") for asked in stub.asked)


def test_what_came_is_not_asked_for() -> None:
    with service(record_of()) as (client, stub):
        response = call(client, stub, without(whole_prefetch(condition()), "procedures"))
    assert [asked.target for asked in stub.asked] == [
        f"/fhir/Procedure?patient={PATIENT_ID}&_sort=-date&_count=100"
    ]
    assert notes(response.get_json()) == []


def test_nothing_is_asked_where_everything_came() -> None:
    with service(record_of()) as (client, stub):
        call(client, stub, whole_prefetch(condition()) | {"none-of-ours": {}})
    assert stub.connections == 0


@pytest.mark.parametrize("encounter_id", ["e1", "Encounter/e1"])
def test_the_encounter_is_asked_for_where_there_is_one(encounter_id: str) -> None:
    encounter = {"resourceType": "Encounter", "id": "e1", "status": "in-progress"}
    with service(record_of(encounter)) as (client, stub):
        call(client, stub, whole_prefetch(condition()), encounterId=encounter_id)
    assert asked_for(stub) == {"Encounter/e1"}


def test_ids_are_encoded_in_the_query() -> None:
    assert filled("Condition?patient={{context.a}}", {"a": "1&code=x/y z?#%"}) == (
        "Condition?patient=1%26code%3Dx%2Fy%20z%3F%23%25"
    )


@pytest.mark.parametrize("patient_id", ["..", "%2e%2e", "p1?x=1", "p1#f", "p1&_count=0"])
def test_an_odd_id_asks_for_nothing_else(patient_id: str) -> None:
    with service(record_of()) as (client, stub):
        call(client, stub, patientId=patient_id)
    allowed = EVERY_SEARCH | {
        f"Patient/{patient_id.replace('%', '%25').replace('?', '%3F').replace('=', '%3D')}".replace(
            "#", "%23"
        ).replace("&", "%26")
    }
    assert asked_for(stub) <= allowed
    assert not any("_count=0" in asked.target for asked in stub.asked)


def test_measurements_are_asked_for_only_where_observations_go_on() -> None:
    whole = record_of(condition())
    with service(whole) as (client, stub):
        call(client, stub)
        assert not any("code=" in asked.target for asked in stub.asked)

    def first_page_only(request: Request) -> Iterable[bytes]:
        if "code=" in request.target:
            return [said_json(EMPTY)]
        return [said_json(searchset(total=900))]

    with service(but(whole, Observation=first_page_only)) as (client, stub):
        note = the_note(call(client, stub))
        assert len([asked for asked in stub.asked if "code=" in asked.target]) == 2
    assert note == "Not obtained, prefetch key observations (holds 0 of 900 matches)"


# --- each state in which a key may come ---

ASKED_AGAIN: dict[str, object] = {
    "empty object": {},
    "text": "<html>",
    "list": [],
    "wrong type": patient(),
    "Bundle of the wrong type": searchset(patient()),
    "Bundle with fewer matches than its total": searchset(total=3),
    "Bundle with an entry that is none": searchset() | {"entry": [None]},
    "type that is no text": {"resourceType": 7},
}
NOT_ASKED_AGAIN: dict[str, object] = {
    "null": None,
    "empty Bundle": EMPTY,
    "OperationOutcome": outcome("error", "timeout"),
    "OperationOutcome, whatever it says": outcome("information"),
    "Bundle with an error": searchset(outcome("error"), total=0),
    "wrapped Bundle": {"resource": EMPTY},
}


@pytest.mark.parametrize("value", ASKED_AGAIN.values(), ids=ASKED_AGAIN)
def test_a_useless_value_is_asked_for(value: object) -> None:
    prefetch = whole_prefetch(condition()) | {"procedures": value}
    with service(record_of()) as (client, stub):
        response = call(client, stub, prefetch)
    assert asked_for(stub) == {"Procedure"}
    assert notes(response.get_json()) == []


@pytest.mark.parametrize("value", NOT_ASKED_AGAIN.values(), ids=NOT_ASKED_AGAIN)
def test_an_answer_is_not_asked_for_again(value: object) -> None:
    prefetch = whole_prefetch(condition()) | {"procedures": value}
    with service(record_of()) as (client, stub):
        call(client, stub, prefetch)
    assert stub.connections == 0


def test_null_for_a_read_is_an_answer_too() -> None:
    with service(record_of()) as (client, stub):
        response = call(client, stub, whole_prefetch(condition()) | {"patient": None})
    assert stub.connections == 0
    assert "patient (null)" in the_note(response)


def test_two_keys_of_a_site_for_one_of_ours() -> None:
    aliases = {"problems": "conditions", "diagnoses": "conditions"}
    with service(record_of(condition()), prefetch_aliases=aliases) as (client, stub):
        prefetch = without(whole_prefetch(), "conditions") | {"problems": {}, "diagnoses": "none"}
        response = call(client, stub, prefetch)
    assert [asked.target for asked in stub.asked] == [f"/fhir/Condition?patient={PATIENT_ID}"]
    assert topics(response.get_json()) == ["redflagcheck"]
    assert notes(response.get_json()) == []


# --- what fails is told by key, and denies nothing ---

FAILURES: dict[str, tuple[Reply, str]] = {
    "400": (lambda _: [said(400)], "answered 400"),
    "401": (lambda _: [said(401)], "answered 401"),
    "403": (lambda _: [said(403)], "answered 403"),
    "404": (lambda _: [said(404)], "answered 404, there is none"),
    "410": (lambda _: [said(410)], "answered 410, there is none"),
    "429": (lambda _: [said(429)], "answered 429"),
    "500": (lambda _: [said(500)], "answered 500"),
    "a redirect": (lambda _: [said(302, b"", Location="/fhir/x")], "answered 302"),
    "no content": (lambda _: [said(204, b"")], "answered 204"),
    "not JSON": (lambda _: [said(200, b"<html>")], "the answer is not JSON"),
    "not FHIR": (lambda _: [said(200, b'{"a": 1}')], "the answer is not a FHIR resource"),
    "a list": (lambda _: [said(200, b"[]")], "the answer is not a FHIR resource"),
    "broken off": (lambda _: [said()[:-1]], "the answer broke off, or is no HTTP"),
    "compressed": (lambda _: [said(Content_Encoding="gzip")], "compressed, unasked"),
    "too large": (lambda _: [said(body=b" " * 11_000_000)], "the answer is too large"),
}


@pytest.mark.parametrize("read", [False, True], ids=["search", "read"])
@pytest.mark.parametrize(("failing", "why"), FAILURES.values(), ids=FAILURES)
def test_a_failure_is_noted_by_key(failing: Reply, why: str, read: bool) -> None:
    key, kind = ("patient", "Patient") if read else ("procedures", "Procedure")
    with service(but(record_of(condition()), **{kind: failing})) as (client, stub):
        response = call(client, stub, without(whole_prefetch(condition()), key))
    assert topics(response.get_json()) == ["redflagcheck"]
    assert the_note(response).startswith(
        f"Not obtained, prefetch key {key} (not sent; FHIR server: "
    )
    assert why in the_note(response)


def test_a_failed_search_for_conditions_cannot_be_judged() -> None:
    with service(but(record_of(), Condition=lambda _: [said(403)])) as (client, stub):
        response = call(client, stub)
    assert response.status_code == 412
    (issue,) = response.get_json()["issue"]
    assert issue["expression"] == ["prefetch.conditions"]
    assert issue["diagnostics"] == (
        "Not obtained, prefetch key conditions (not sent; FHIR server: answered 403)"
    )


def test_a_search_that_fails_in_words_of_fhir() -> None:
    answer = said_json(outcome("error", "forbidden"))
    with service(but(record_of(condition()), Procedure=lambda _: [answer])) as (client, stub):
        response = call(client, stub)
    assert "procedures (came as an error (OperationOutcome: forbidden))" in the_note(response)


def test_a_search_that_found_nothing_in_words_of_fhir() -> None:
    answer = said_json(searchset(outcome("warning", "not-found"), total=0))
    with service(but(record_of(condition()), Procedure=lambda _: [answer])) as (client, stub):
        response = call(client, stub)
    assert notes(response.get_json()) == []


def test_another_patients_resources_are_left_out_and_noted() -> None:
    other = condition(CAUDA_EQUINA, subject={"reference": "Patient/p2"})
    with service(record_of(condition(), other)) as (client, stub):
        response = call(client, stub)
    assert topics(response.get_json()) == ["redflagcheck"]
    assert notes(response.get_json()) == ["Condition/c-G83-4 is about another patient: left out"]


def test_another_patient_alone_denies_nothing() -> None:
    other = patient(id="p2")
    server = but(record_of(condition()), Patient=lambda _: [said_json(other)])
    with service(server) as (client, stub):
        response = call(client, stub)
    assert "patient (is about another patient only)" in the_note(response)


@pytest.mark.parametrize("status", [404, 410])
def test_a_patient_that_the_server_does_not_have_is_denied_nothing(status: int) -> None:
    server = but(record_of(condition()), Patient=lambda _: [said(status)])
    with service(server) as (client, stub):
        response = call(client, stub, without(whole_prefetch(condition()), "patient", "procedures"))
        found = call(client, stub)
    assert the_note(response) == (
        f"Not obtained, prefetch key patient (not sent; FHIR server: answered {status}, there is "
        "none); procedures (not sent; FHIR server: it has no such patient)"
    )
    assert topics(found.get_json()) == ["redflagcheck"], "what was found counts"


def test_an_emergency_is_answered_whatever_else_failed() -> None:
    server = but(
        record_of(condition(), condition(CAUDA_EQUINA)),
        **dict.fromkeys(EVERY_SEARCH - {"Condition"}, lambda _: [said(500)]),
    )
    with service(server) as (client, stub):
        response = call(client, stub)
    assert topics(response.get_json()) == ["emergency"]
    assert "observations (not sent; FHIR server: answered 500)" in the_note(response)


# --- one deadline for everything ---

SLOW: dict[str, Reply] = {
    "silent": lambda _: silence(),
    "dripping headers": lambda _: dripping(said_json(EMPTY)[:17] + b"A: b\r\n" * 90, after=17),
    "dripping": lambda _: dripping(said_json(EMPTY), after=20, every=0.5),
}


@pytest.mark.parametrize("slow", SLOW.values(), ids=SLOW)
def test_a_slow_search_leaves_the_rest_judged(
    slow: Reply,
) -> None:
    server = but(record_of(condition(), condition(CAUDA_EQUINA)), Procedure=slow)
    with service(server, fhir_deadline=SHORT * 10) as (client, stub):
        response = call(client, stub)
    assert topics(response.get_json()) == ["emergency"]
    assert the_note(response) == (
        "Not obtained, prefetch key procedures (not sent; FHIR server: no answer in time)"
    )


def test_the_deadline_is_for_all_keys_and_pages_together() -> None:
    def next_one(request: Request) -> Iterable[bytes]:
        number = urlsplit(request.target).query.rpartition("page=")[2]
        following = int(number) + 1 if number.isdigit() else 1
        yield b""
        yield from silence(0.1)
        yield said_json(page(following=f"?page={following}"))

    with service(next_one, fhir_deadline=SHORT) as (client, stub):
        response = call(client, stub)
    assert response.status_code == 412
    told = response.get_json()["issue"][0]["diagnostics"]
    assert "no answer in time" in told
    assert f"after {MAX_PAGES} pages" not in told
    assert told.count("no answer in time") >= len(EVERY_SEARCH)


def test_measurements_that_wait_for_observations_are_too_late_with_them() -> None:
    server = but(record_of(condition()), Observation=lambda _: silence())
    with service(server, fhir_deadline=SHORT * 10) as (client, stub):
        response = call(client, stub)
    for key in ("observations", "weights", "labs"):
        assert f"{key} (not sent; FHIR server: no answer in time)" in the_note(response)


def test_a_busy_pool_makes_no_card_wait(content: Content) -> None:
    with serving(lambda _: silence(5)) as stub:
        base = read_base(f"{stub.url}/fhir")
        servers = FhirServers(
            [base],
            dict.fromkeys((key.name for key in wanted(content)), "X?y=1"),
            seconds=SHORT,
            max_bytes=9999,
        )
        envelope = Envelope("p1", None, {}, Access(str(base), TOKEN))
        hold = threading.Event()
        for _ in range(100):
            servers._pool.submit(hold.wait, 30)
        try:
            completed = servers.complete(envelope, wanted(content), {})
        finally:
            hold.set()
        assert set(completed.failed.values()) == {"no answer in time"}
        assert stub.connections == 0


def test_the_size_is_for_all_keys_together() -> None:
    with service(record_of(condition()), max_body=1_000) as (client, stub):
        response = call(client, stub, {"patient": patient()})
    body = response.get_json()
    told = body["issue"][0]["diagnostics"] if response.status_code == 412 else the_note(response)
    assert 1 <= told.count("the answer is too large") < len(EVERY_SEARCH)


def test_workers_that_were_forked_fetch_too(tmp_path: Path) -> None:
    """The pools are made in the master process; their threads belong to each worker."""
    record = (condition(), condition(CAUDA_EQUINA))
    with serving(record_of(*record)) as stub:
        base = f"{stub.url}/fhir"
        access = {"access_token": TOKEN, "token_type": "Bearer", "expires_in": 300}
        body = hook_request() | {"fhirServer": base, "fhirAuthorization": access}
        listed = {"CDS_FHIR_SERVERS": base, "CDS_FHIR_DEADLINE": "20"}
        running = Running(tmp_path / "log", **listed)
        try:
            headers = {"Content-Type": "application/json"}
            for _ in range(3):
                status, answered, _ = running.request(
                    "POST", SERVICE, json.dumps(body).encode(), headers
                )
                assert status == 200
                assert answered["cards"]
                assert notes(answered) == []
        finally:
            running.stop()
        assert TOKEN not in running.log.read_text()
    assert len(stub.asked) == 3 * (1 + len(EVERY_SEARCH))


# --- who is asked, and who is not ---


def test_no_server_is_listed() -> None:
    with service(record_of(), fhir_servers=()) as (client, stub):
        response = call(client, stub, without(whole_prefetch(condition()), "procedures"))
    assert stub.connections == 0
    assert the_note(response) == (
        "Not obtained, prefetch key procedures (not sent). The FHIR server was not asked: no "
        "server is listed in CDS_FHIR_SERVERS"
    )


def test_no_server_is_listed_and_nothing_is_lacking() -> None:
    with service(record_of(), fhir_servers=()) as (client, stub):
        response = call(client, stub, whole_prefetch(condition()))
    assert notes(response.get_json()) == []


def test_another_server_is_not_asked() -> None:
    with serving(record_of()) as other, service(record_of()) as (client, stub):
        for server in (
            f"{other.url}/fhir", f"{stub.url}", f"{stub.url}/fhir/r4", f"{stub.url}/FHIR",
            "https://fhir.example.org", f"http://localhost:{stub.port}/fhir", "fhir", "http://[",
            f"{stub.url}/fhir?x", f"{stub.url}/fhir#x", f"http://a:b@127.0.0.1:{stub.port}/fhir",
        ):  # fmt: skip
            prefetch = without(whole_prefetch(condition()), "procedures")
            note = the_note(call(client, stub, prefetch, server=server))
            assert "procedures (not sent). The FHIR server was not asked: " in note
        assert (stub.connections, other.connections) == (0, 0)


def test_a_listed_server_may_be_written_in_other_ways() -> None:
    with service(record_of()) as (client, stub):
        prefetch = without(whole_prefetch(condition()), "procedures")
        call(
            client, stub, prefetch, server=f"HTTP://127.0.0.1:0{stub.port}/fhir/".replace(":0", ":")
        )
    assert asked_for(stub) == {"Procedure"}


UNUSABLE: dict[str, tuple[Json, str]] = {
    "no token": ({"token_type": "Bearer"}, "fhirAuthorization has no access_token"),
    "an empty token": ({"access_token": " "}, "fhirAuthorization has no access_token"),
    "a token that is no text": ({"access_token": 7}, "fhirAuthorization has no access_token"),
    "another type": ({"access_token": TOKEN, "token_type": "mac"}, "is no bearer token"),
    "expired": ({"access_token": TOKEN, "expires_in": 0}, "has expired"),
    "expired long ago": ({"access_token": TOKEN, "expires_in": "-1"}, "has expired"),
}


@pytest.mark.parametrize(("authorization", "why"), UNUSABLE.values(), ids=UNUSABLE)
def test_a_token_that_cannot_be_used_is_not_sent(authorization: Json, why: str) -> None:
    with service(record_of()) as (client, stub):
        prefetch = without(whole_prefetch(condition()), "procedures")
        response = call(client, stub, prefetch, authorization=authorization)
    assert stub.connections == 0
    assert why in the_note(response)


@pytest.mark.parametrize(
    "authorization",
    [
        {"access_token": TOKEN, "token_type": "bearer", "expires_in": 300},
        {"access_token": TOKEN, "token_type": "BEARER", "expires_in": "3600"},
        {"access_token": f" {TOKEN} ", "scope": "user/*.rs system/Patient.cruds launch ???"},
        {"access_token": TOKEN, "expires_in": None, "scope": 7, "patient": ["p1"]},
        {"access_token": TOKEN, "expires_in": "soon"},
    ],
)
def test_a_token_is_read_as_clients_write_it(authorization: Json) -> None:
    access = read_access(" https://fhir.example.org/r4 ", authorization)
    assert access == Access("https://fhir.example.org/r4", TOKEN)


@pytest.mark.parametrize(
    ("server", "authorization"), [(None, None), ("https://x.example", None), ("", {"a": 1})]
)
def test_no_access_is_granted(server: str | None, authorization: Json | None) -> None:
    assert read_access(server, authorization) is None


def test_a_token_that_would_break_the_header_is_not_sent() -> None:
    with service(record_of()) as (client, stub):
        prefetch = without(whole_prefetch(condition()), "procedures")
        odd = {"access_token": f"{TOKEN}\r\nX-More: 1"}
        note = the_note(call(client, stub, prefetch, authorization=odd))
    assert stub.connections == 0
    assert "procedures (not sent; FHIR server: the access token is no bearer token)" in note


@pytest.fixture
def two() -> Iterator[tuple[FlaskClient, Stub, Stub]]:
    with serving(record_of()) as other, service(record_of()) as (client, stub):
        yield client, stub, other


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    server=st.text(st.characters(codec="utf-8")),
    prefix=st.sampled_from(["", "{l}", "{o}", "{l}/fhir", "http:"]),
)
def test_whatever_server_a_client_names_only_listed_ones_are_asked(
    two: tuple[FlaskClient, Stub, Stub], server: str, prefix: str
) -> None:
    client, stub, other = two
    named = prefix.replace("{l}", stub.url).replace("{o}", other.url) + server
    call(client, stub, without(whole_prefetch(condition()), "procedures"), server=named)
    assert other.connections == 0
    assert asked_for(stub) <= {"Procedure"}


# --- the token stays ours for the time of the call, and nobody else's ---


def test_the_token_is_in_no_answer_log_or_metric(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    servers = [
        record_of(condition()),
        but(record_of(condition()), Procedure=lambda _: [said(500)]),
        but(record_of(), Condition=lambda _: [b"no HTTP"]),
        lambda _: [said(401)],
    ]
    for each in servers:
        with service(each) as (client, stub):
            text = call(client, stub).get_data(as_text=True)
            assert TOKEN not in text
            assert stub.asked
    metrics = json.dumps(
        [str(sample) for family in REGISTRY.collect() for sample in family.samples]
    )
    assert TOKEN not in metrics
    assert TOKEN not in caplog.text
    assert PATIENT_ID not in caplog.text
    assert TOKEN not in repr(Access("https://x.example", TOKEN))


def counted(name: str) -> float:
    return REGISTRY.get_sample_value("cds_fetches_total", {"outcome": name}) or 0.0


def test_what_came_of_each_call_is_counted() -> None:
    before = {name: counted(name) for name in ("ok", "403", "5xx", "not-json", "not-allowed")}
    server = but(
        record_of(condition()),
        Procedure=lambda _: [said(403)],
        MedicationRequest=lambda _: [said(502)],
        MedicationStatement=lambda _: [said(200, b"<")],
    )
    with service(server) as (client, stub):
        call(client, stub)
        call(client, stub, server="https://fhir.example.org")
    after = {name: counted(name) - value for name, value in before.items()}
    assert after == {"ok": 4, "403": 1, "5xx": 1, "not-json": 1, "not-allowed": 1}


def test_back_pain_itself_may_be_what_is_fetched() -> None:
    with service(record_of(condition(BACK_PAIN))) as (client, stub):
        prefetch = without(whole_prefetch(), "conditions")
        assert topics(call(client, stub, prefetch).get_json()) == ["redflagcheck"]
        assert call(client, stub, whole_prefetch()).get_json() == {"cards": []}
