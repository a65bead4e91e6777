"""The page of the form: opened, filled from a record, answered, corrected, handed back."""

from __future__ import annotations

import re
from io import BytesIO
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from fhir.resources.R4B.questionnaireresponse import QuestionnaireResponse
from flask.testing import FlaskClient

from cds_service.app import create_app
from cds_service.settings import Settings
from tests.forms import items
from tests.records import (
    ASSESS,
    CAUDA_EQUINA,
    NOW,
    condition,
    fever,
    observation,
    patient,
    record,
    searchset,
)

if TYPE_CHECKING:
    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

    Json = dict[str, Any]

YES, NO, NOT_ASKED = "373066001", "373067005", "not-asked"
FORM, RESPONSE = "/form", "/form/response"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


@pytest.fixture(scope="module")
def browser() -> FlaskClient:
    """Return a client that is not bound to JSON; nobody posts more than 200 kB here."""
    return create_app(Settings(max_body=200_000), now=lambda: NOW).test_client()


def post(client: FlaskClient, path: str = FORM, /, **fields: str) -> TestResponse:
    named = {name.replace("__", ".").replace("_", "-"): value for name, value in fields.items()}
    return client.post(path, data=named, content_type="multipart/form-data")


def checked(page: str) -> dict[str, str]:
    """Return the answer that is ticked for each question."""
    return dict(re.findall(r'name="([a-z.-]+)" value="([^"]+)" checked', page))


def values(page: str) -> dict[str, str]:
    """Return what stands in the fields for dates and numbers."""
    found = re.findall(r'id="([a-z.-]+)" name="[a-z.-]+" value="([^"]*)"', page)
    return {name: value for name, value in found if value}


def title(page: str) -> str:
    (first,) = re.findall(r'<h2 id="card-1">(.*?)</h2>', page)
    return str(first)


# --- opening ---


def test_an_empty_form_answers_nothing(browser: FlaskClient) -> None:
    page = browser.get(FORM)
    assert page.status_code == 200
    assert page.mimetype == "text/html"
    answered = set(checked(page.text).values())
    assert answered == {NOT_ASKED}
    assert not values(page.text)
    assert "From the record" not in page.text


def test_the_worst_questions_come_first(browser: FlaskClient) -> None:
    order = list(checked(browser.get(FORM).text))
    assert order[:2] == ["bladder-control-lost", "bowel-control-lost"]
    assert order.index("saddle-numbness") < order.index("chest-pain") < order.index("cancer")


def test_every_question_has_a_legend_and_every_field_a_label(browser: FlaskClient) -> None:
    page = browser.get(FORM).text
    assert page.count("<fieldset") == page.count("<legend>") == len(checked(page)) + 1
    for name in re.findall(r'<input class="form-control" id="([^"]+)"', page):
        assert f'<label for="{name}">' in page


def test_nothing_comes_from_elsewhere_and_nothing_stands_inline(browser: FlaskClient) -> None:
    for path in (FORM, f"{FORM}?sample=cauda-equina"):
        page = browser.get(path)
        assert page.headers["Content-Security-Policy"] == POLICY
        assert page.headers["Cache-Control"] == "no-store"
        assert "Set-Cookie" not in page.headers
        loaded = re.findall(r'<(?:script|link|img)[^>]*(?:src|href)="([^"]+)"', page.text)
        assert loaded
        for address in loaded:
            assert address.startswith("/")
            with browser.get(address) as file:
                assert file.status_code == 200
        assert not re.search(r"<style|<script>|\sstyle=|\son[a-z]+=|javascript:", page.text)


def test_the_files_of_the_look_may_be_kept(browser: FlaskClient) -> None:
    with browser.get("/static/cds.css") as sheet:
        assert sheet.headers["Cache-Control"] == "no-cache"
        known = {"If-None-Match": sheet.headers["ETag"]}
    with browser.get("/static/cds.css", headers=known) as again:
        assert again.status_code == 304


def test_json_keeps_a_policy_of_its_own(browser: FlaskClient) -> None:
    policy = browser.get("/healthz").headers["Content-Security-Policy"]
    assert policy == "default-src 'none'; frame-ancestors 'none'"


# --- filled from a record ---


def test_a_sample_is_filled_in_with_positives_and_where_from(browser: FlaskClient) -> None:
    page = browser.get(f"{FORM}?sample=cauda-equina").text
    ticked = checked(page)
    assert ticked["bladder-control-lost"] == ticked["saddle-numbness"] == YES
    assert NO not in ticked.values()
    assert values(page)["bladder-control-lost.onset"] == "2026-11-19"
    assert "From the record:</strong> Retention of urine (SNOMED CT 267064002)" in page


def test_what_a_record_denies_is_still_asked(browser: FlaskClient) -> None:
    ticked = checked(browser.get(f"{FORM}?sample=asked-and-denied").text)
    assert NO not in ticked.values()


def test_a_bundle_may_be_posted(browser: FlaskClient) -> None:
    for kind in ("application/json", "application/fhir+json"):
        page = browser.post(
            FORM, data=orjson.dumps(record(condition(CAUDA_EQUINA))), content_type=kind
        )
        assert page.status_code == 200
        assert checked(page.text)["cauda-equina-syndrome"] == YES


def test_an_ehr_may_post_a_bundle_as_a_field(browser: FlaskClient) -> None:
    page = post(browser, record=orjson.dumps(record(condition(since=20))).decode())
    assert checked(page.text)["back-pain"] == YES
    assert values(page.text)["back-pain.onset"] == "2026-10-31"


def test_a_measured_temperature_is_filled_in_with_its_day(browser: FlaskClient) -> None:
    page = browser.post(FORM, json=record(condition(), fever(39.4))).text
    assert values(page)["fever.value"] == "39.4"
    assert values(page)["fever.onset"] == "2026-11-19"
    assert checked(page)["fever-unmeasured"] == YES, "the question that leads there"


def test_a_pain_score_is_filled_in_as_a_whole_number(browser: FlaskClient) -> None:
    score = observation(("http://loinc.org", "72514-3"), since=0, valueInteger=8)
    page = browser.post(FORM, json=record(condition(), score)).text
    assert values(page)["severe-pain.value"] == "8"


def test_the_newest_of_several_dates_is_filled_in(browser: FlaskClient) -> None:
    older = condition(since=100, id="older")
    page = browser.post(FORM, json=record(older, condition(since=2))).text
    assert values(page)["back-pain.onset"] == "2026-11-18"
    undated = browser.post(FORM, json=record(older, condition(since=None))).text
    assert "back-pain.onset" not in values(undated)


def test_one_episode_is_not_filled_in_as_three(browser: FlaskClient) -> None:
    assert checked(browser.post(FORM, json=record(condition())).text)["back-pain-episodes"] == (
        NOT_ASKED
    )


def test_a_loss_that_was_meant_does_not_say_yes_to_the_question_before(
    browser: FlaskClient,
) -> None:
    meant = {"linkId": "weight-loss-intended", "answer": [{"valueBoolean": True}]}
    said = {
        "resourceType": "QuestionnaireResponse",
        "status": "completed",
        "authored": "2026-11-19",
        "item": [meant],
    }
    ticked = checked(browser.post(FORM, json=record(said)).text)
    assert ticked["weight-loss"] == NOT_ASKED


def test_what_comes_from_a_record_cannot_break_out_of_the_page(browser: FlaskClient) -> None:
    hostile = '"><script>alert(1)</script>'
    coded = condition()["code"] | {"text": hostile}
    named = condition() | {"code": coded, "id": hostile}
    page = browser.post(FORM, json=record(named)).text
    assert "<script>alert" not in page
    carried = orjson.dumps(record(named)).decode()
    assert "<script>alert" not in post(browser, do="judge", record=carried, cancer=YES).text


def test_long_evidence_is_cut(browser: FlaskClient) -> None:
    coding = condition()["code"]["coding"][0] | {"display": "Low back pain, " + "and so on " * 40}
    long = condition() | {"code": {"coding": [coding]}}
    page = browser.post(FORM, json=record(long)).text
    (source,) = re.findall(r"From the record:</strong> (.*?)</p>", page)
    assert len(source) < 300
    assert "…" in source


# --- answering ---


def test_the_result_shows_the_cards(browser: FlaskClient) -> None:
    page = post(browser, do="judge", saddle_numbness=YES, bladder_control_lost=NO)
    assert page.status_code == 200
    assert title(page.text) == "Send to emergency care now: numbness in the groin or saddle area"
    assert "Critical · Emergency care" in page.text
    assert "The patient declines after being told the risk" in page.text
    assert "<strong>Why</strong>" in page.text
    assert "2 answers given" in page.text


def test_nothing_answered_is_asked_for_again(browser: FlaskClient) -> None:
    page = post(browser, do="judge", back_pain=YES).text
    assert "1 answer given" in page
    assert "Have you lost control of your bladder" in page
    assert "Self-care" not in page


def test_an_empty_answer_sheet_cannot_be_judged(browser: FlaskClient) -> None:
    page = post(browser, do="judge")
    assert "This cannot be judged" in page.text
    assert "Cannot tell whether the patient has back pain" in page.text


def test_no_back_pain_is_said(browser: FlaskClient) -> None:
    assert "speak of no back pain" in post(browser, do="judge", back_pain=NO).text


def test_an_open_gate_without_a_card_is_said(browser: FlaskClient) -> None:
    dead = patient(deceasedBoolean=True)
    whole = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": dead}]}
    page = post(browser, do="judge", back_pain=YES, record=orjson.dumps(whole).decode()).text
    assert "cds-card" not in page


def test_the_record_counts_beside_the_answers(browser: FlaskClient) -> None:
    carried = orjson.dumps(record(condition(CAUDA_EQUINA))).decode()
    page = post(browser, do="judge", record=carried, saddle_numbness=YES).text
    assert "Condition/c-G83-4" in page
    assert "QuestionnaireResponse/this-form" in page
    assert "The EHR can file:" in page


def test_a_single_resource_may_be_the_record(browser: FlaskClient) -> None:
    carried = orjson.dumps(condition(CAUDA_EQUINA)).decode()
    assert "Condition/c-G83-4" in post(browser, do="judge", record=carried, cancer=NO).text


def test_answers_do_not_make_a_cut_off_search_whole(browser: FlaskClient) -> None:
    cut = searchset(condition()) | {"total": 2}
    page = post(browser, do="judge", record=orjson.dumps(cut).decode(), chest_pain=NO).text
    assert "This cannot be judged" in page
    assert "holds 1 of 2 matches" in page


def test_a_bundle_without_entries_takes_the_answers(browser: FlaskClient) -> None:
    empty = '{"resourceType": "Bundle", "type": "collection"}'
    assert title(post(browser, do="judge", record=empty, saddle_numbness=YES).text)


HOT = {"fever_unmeasured": YES, "fever": YES}
WRONG = {
    "not a day": ({"back_pain__onset": "yesterday"}, "Not a valid date value."),
    "a day to come": ({"back_pain__onset": "2027-01-01"}, "This day has not come yet."),
    "too many of ten": (
        {"severe_pain": YES, "severe_pain__value": "11"},
        "Write a whole number from 0 to 10.",
    ),
    "no number": (
        {"severe_pain": YES, "severe_pain__value": "a lot"},
        "Not a valid integer value.",
    ),
    "too hot": (HOT | {"fever__value": "390"}, "Write a temperature between 30 and 115."),
    "no answer of ours": ({"saddle_numbness": "maybe"}, "Choose one of the answers."),
    "no unit of ours": (
        HOT | {"fever__value": "39", "fever__value__unit": "K"},
        "Not a valid choice.",
    ),
}


@pytest.mark.parametrize(("fields", "message"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_read_is_said_beside_the_field(
    browser: FlaskClient, fields: dict[str, str], message: str
) -> None:
    page = post(browser, do="judge", back_pain=YES, cancer=NO, **fields)
    assert page.status_code == 400
    assert message in page.text
    assert 'role="alert"' in page.text
    assert checked(page.text)["cancer"] == NO, "what was answered stays"
    refused = post(browser, RESPONSE, back_pain=YES, **fields)
    assert refused.status_code == 400
    assert "the answer cannot be read" in refused.text


def test_what_is_not_asked_for_is_not_looked_at(browser: FlaskClient) -> None:
    sent = {"saddle_numbness": YES, "severe_pain": NO, "severe_pain__value": "11"}
    assert title(post(browser, do="judge", **sent).text)
    assert "severe-pain.value" not in items(post(browser, RESPONSE, **sent).get_json())


def test_answers_can_be_changed(browser: FlaskClient) -> None:
    carried = orjson.dumps(record(condition(CAUDA_EQUINA))).decode()
    sent = {"record": carried, "saddle_numbness": YES, "fever_unmeasured": YES}
    result = post(browser, do="judge", **sent).text
    for name, value in (("saddle-numbness", YES), ("fever-unmeasured", YES)):
        assert f'<input type="hidden" name="{name}" value="{value}">' in result
    again = post(browser, do="edit", **sent)
    ticked = checked(again.text)
    assert ticked["saddle-numbness"] == YES
    assert ticked["cauda-equina-syndrome"] == NOT_ASKED, "as it was answered, not as recorded"
    assert "From the record" in again.text


# --- on the way ---


def so_far(client: FlaskClient, **fields: str) -> Json:
    answer = post(client, "/form/live", **fields)
    assert answer.status_code == 200
    body: Json = answer.get_json()
    return body


def test_what_follows_so_far(browser: FlaskClient) -> None:
    judged = so_far(browser, saddle_numbness=YES)
    (card,) = judged["cards"]
    assert card["heading"] == "Critical · Emergency care"
    assert judged["says"] == ""
    assert so_far(browser)["says"] == "Answer a question to see what follows."
    assert so_far(browser, back_pain=NO)["says"] == "No card follows from this."
    cut = orjson.dumps(searchset(condition()) | {"total": 2}).decode()
    assert "the conditions did not come whole" in so_far(browser, record=cut)["says"]


# --- handing back ---


def test_the_answers_are_a_file(browser: FlaskClient) -> None:
    hot = {"fever_unmeasured": YES, "fever": YES, "fever__value": "101"}
    pain = {"night_pain": YES, "severe_pain": YES, "severe_pain__value": "8"}
    answer = post(
        browser,
        RESPONSE,
        saddle_numbness=YES,
        chest_pain=NOT_ASKED,
        fever__value__unit="[degF]",
        night_pain__severity="24484000",
        **hot,
        **pain,
    )
    assert answer.mimetype == "application/fhir+json"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="red-flags.json"'
    body = answer.get_json()
    QuestionnaireResponse.model_validate(body)
    said = {name: item["answer"][0] for name, item in items(body).items() if "answer" in item}
    assert "chest-pain" not in said
    assert said["fever.value"]["valueQuantity"]["code"] == "[degF]"
    assert said["severe-pain.value"] == {"valueInteger": 8}
    assert said["night-pain.severity"]["valueCoding"]["display"] == "Severe"
    judged = browser.post(ASSESS, json=body).get_json()
    assert "E02" in judged["recommendations"][0]["criteria"]


def test_the_answers_name_the_patient_of_the_record(browser: FlaskClient) -> None:
    carried = orjson.dumps(record(condition())).decode()
    assert post(browser, RESPONSE, record=carried, cancer=NO).get_json()["subject"] == {
        "reference": "Patient/p1"
    }
    assert "subject" not in post(browser, RESPONSE, cancer=NO).get_json()


# --- what goes wrong ---


PROBLEMS: dict[str, tuple[str, str, Json, int, str]] = {
    "no such sample": ("GET", "/form?sample=nobody", {}, 404, "There is no such sample"),
    "no JSON": ("POST", FORM, {"data": "{", "content_type": "application/json"}, 400, "not JSON"),
    "no resource": ("POST", FORM, {"json": {}}, 400, "it has no resourceType"),
    "two patients": (
        "POST",
        FORM,
        {"json": record(patient(id="p2"))},
        400,
        "send one Bundle for each patient",
    ),
    "no fields": ("POST", FORM, {"data": "x", "content_type": "text/plain"}, 415, "Content-Type"),
    "too large": ("POST", FORM, {"data": {"record": "x" * 300_000}}, 413, "larger than 200000"),
    "no length": (
        "POST",
        FORM,
        {
            "input_stream": BytesIO(b"--x--"),
            "content_type": "multipart/form-data; boundary=x",
            "headers": {"Transfer-Encoding": "chunked"},
            "environ_overrides": {"wsgi.input_terminated": True, "CONTENT_LENGTH": ""},
        },
        411,
        "in one piece",
    ),
    "a record that is none": ("POST", FORM, {"data": {"record": "[]"}}, 400, "not a FHIR Bundle"),
    "a record cut off": ("POST", FORM, {"data": {"record": "{"}}, 400, "not a FHIR Bundle"),
    "another method": ("PUT", FORM, {}, 405, "Method"),
    "a file that is not there": ("GET", "/static/none.css", {}, 404, "Not Found"),
}


@pytest.mark.parametrize(
    ("method", "path", "sent", "status", "words"), PROBLEMS.values(), ids=PROBLEMS
)
def test_a_problem_is_a_page_that_says_what_to_do(
    browser: FlaskClient, method: str, path: str, sent: Json, status: int, words: str
) -> None:
    page = browser.open(path, method=method, **sent)
    assert page.status_code == status
    assert words.lower() in page.text.lower()


def test_a_patient_stands_in_no_address(browser: FlaskClient) -> None:
    page = browser.get(f"{FORM}?sample=cauda-equina").text
    assert 'method="post"' in page
    assert not re.findall(r'(?:href|action|src)="[^"]*(?:varela|Patient)', page)
