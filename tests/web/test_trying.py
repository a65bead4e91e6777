"""A patient is tried: samples, pasted records, findings supposed otherwise, and what is broken."""

from __future__ import annotations

import html
import logging
import re
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from cds_service.app import create_app
from cds_service.hooks.sample_requests import request_for
from cds_service.hooks.services import SERVICES
from cds_service.samples import samples
from cds_service.settings import Settings
from cds_service.store.store import Store
from tests.records import (
    ASSESS,
    CAUDA_EQUINA,
    NOW,
    condition,
    hook_request,
    patient,
    record,
    searchset,
    whole_prefetch,
)
from tests.web.test_form import POLICY

if TYPE_CHECKING:
    from pathlib import Path

    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

    Json = dict[str, Any]

TRY = "/try"
VIEW = "back-pain-patient-view"


@pytest.fixture(scope="module")
def browser() -> FlaskClient:
    return create_app(Settings(max_body=200_000), now=lambda: NOW).test_client()


def post(client: FlaskClient, body: object = None, **fields: str) -> TestResponse:
    text = {} if body is None else {"record": orjson.dumps(body).decode()}
    return client.post(TRY, data={**text, **fields}, content_type="multipart/form-data")


def summaries(page: TestResponse) -> list[str]:
    assert page.status_code == 200, page.text
    return [html.unescape(each) for each in re.findall(r'<h2 id="card-\d+">(.*?)</h2>', page.text)]


def wire(page: TestResponse) -> tuple[Json, Json]:
    """Return the request and the answer that the page shows."""
    shown = re.findall(r'<pre tabindex="0">(.*?)</pre>', page.text, re.DOTALL)
    sent, answered = (orjson.loads(html.unescape(each)) for each in shown)
    return sent, answered


def whole(*resources: Json) -> Json:
    return record(patient(), *resources)


# --- what it shows ---


def test_it_opens_with_every_sample_and_every_hook(browser: FlaskClient) -> None:
    page = browser.get(TRY)
    assert page.headers["Content-Security-Policy"] == POLICY
    for name in samples():
        assert f'<option value="{name}">' in page.text
    for service in SERVICES.values():
        assert f">{service.hook}</option>" in page.text
    assert "cds-card" not in page.text


@pytest.mark.parametrize("service", ["", *SERVICES])
@pytest.mark.parametrize("name", samples())
def test_every_sample_shows_the_cards_that_an_ehr_gets(
    browser: FlaskClient, name: str, service: str
) -> None:
    page = post(browser, sample=name, service=service)
    sent, answered = wire(page)
    path = f"/cds-services/{service}" if service else ASSESS
    there = browser.post(path, json=sent)
    assert there.status_code == 200
    expected = [each["summary"] for each in there.get_json()["cards"]]
    assert summaries(page) == expected == [each["summary"] for each in answered["cards"]]


def test_a_card_is_shown_whole(browser: FlaskClient) -> None:
    page = browser.get(f"{TRY}?sample=cauda-equina").text
    for said in (
        "Critical · Emergency care",
        "<strong>Why</strong>",
        "The EHR can file:",
        "Reasons for setting this card aside",
    ):
        assert said in page


def test_the_reasons_have_evidence_documents_and_what_is_missing(browser: FlaskClient) -> None:
    page = " ".join(post(browser, sample="cauda-equina").text.split())
    met, rest = page[page.index('id="d-met"') :].split('id="d-unknown"')
    assert "E01 Loss of bladder or bowel control" in met
    assert "Retention of urine (SNOMED CT 267064002), 2026-11-19" in met
    assert "<code>Condition/ines-varela-cond-5</code>" in met
    assert "“Seek Emergency Care If Back Spasms Occur With”" in met
    assert "<p>Missing:</p>" in rest
    shown = re.findall(r'<h3><a href="/criteria/(\w+)"', met + rest)
    assert len(shown) == len(set(shown)) == 40


def test_a_pasted_bundle_is_judged_for_the_hook_that_was_chosen(browser: FlaskClient) -> None:
    page = post(browser, whole(condition(CAUDA_EQUINA)), service=VIEW)
    assert "loss of bladder or bowel control" in summaries(page)[0]
    sent, _ = wire(page)
    assert sent["hook"] == "patient-view"


def test_a_pasted_request_is_judged_for_its_own_hook(browser: FlaskClient) -> None:
    body = hook_request(whole_prefetch(condition(CAUDA_EQUINA)))
    page = post(browser, body, service="back-pain-order-sign")
    assert wire(page)[0] == body
    assert "POST /cds-services/back-pain-patient-view" in page.text


def test_json_may_be_posted(browser: FlaskClient) -> None:
    page = browser.post(TRY, json=whole(condition(CAUDA_EQUINA)))
    assert summaries(page)


def test_a_day_may_be_chosen(browser: FlaskClient) -> None:
    body = record(condition(since=2))
    now, later = (post(browser, body, day=day) for day in ("", "2026-12-20"))
    assert "as of 20 November 2026, 12:00" in now.text
    assert "as of 20 December 2026, 12:00" in later.text
    assert "P01" not in now.text[now.text.index('id="d-met"') : now.text.index('id="d-unknown"')]
    assert "P01" in later.text[later.text.index('id="d-met"') : later.text.index('id="d-unknown"')]


def test_no_back_pain_and_no_answer_are_said(browser: FlaskClient) -> None:
    assert "speaks of no back pain" in post(browser, sample="no-back-pain", service=VIEW).text
    cut = post(browser, searchset(condition()) | {"total": 2})
    assert "This cannot be judged" in cut.text
    assert "Answer, status 412" in cut.text
    assert wire(cut)[1]["resourceType"] == "OperationOutcome"
    refused = post(browser, hook_request({}))
    assert "Answer, status 412" in refused.text


def test_an_order_that_needs_no_card_is_said(browser: FlaskClient) -> None:
    sample = samples()["simple-strain"].bundle
    sent = request_for(dict(sample), SERVICES["back-pain-appointment-book"])
    sent["context"]["appointments"] = []
    assert "Nothing that is recorded calls for a card" in post(browser, sent).text


def test_shadow_mode_is_said() -> None:
    shadow = create_app(Settings(shadow=True), now=lambda: NOW).test_client()
    assert "an EHR is sent none of them" in post(shadow, sample="cancer").text


# --- what if ---


def test_a_finding_is_taken_as_present_absent_or_unknown(browser: FlaskClient) -> None:
    body = whole(condition(CAUDA_EQUINA), condition())

    def first(**states: str) -> str:
        fields = {f"is.{name.replace('_', '-')}": state for name, state in states.items()}
        return summaries(post(browser, body, service=VIEW, **fields))[0]

    assert first().startswith("Send to emergency care now: loss of bladder")
    assert first(cauda_equina_syndrome="absent").startswith("Ask about red flags")
    assert first(cauda_equina_syndrome="unknown").startswith("Ask about red flags")
    assert "groin" in first(cauda_equina_syndrome="absent", saddle_numbness="present")


def test_what_is_supposed_stays_chosen_and_the_record_is_named(browser: FlaskClient) -> None:
    fields = {"is.saddle-numbness": "present"}
    page = post(browser, whole(condition()), **fields).text
    assert "<option selected>present</option>" in page
    assert "saddle numbness supposed to be present" in page
    assert "as recorded: unknown" in page
    assert "as recorded: present" in page


# --- what goes wrong ---

BROKEN: dict[str, tuple[Json, int, str]] = {
    "cut off": ({"record": '{"resourceType": "Bundle", "entry": ['}, 400, "This is not JSON"),
    "a list": ({"record": "[]"}, 400, "not an object"),
    "no resource": ({"record": "{}"}, 400, "it has no resourceType"),
    "two patients": (
        {"record": orjson.dumps(record(patient(id="a"), patient(id="b"))).decode()},
        400,
        "one Bundle for each patient",
    ),
    "no patient for a hook": (
        {"record": orjson.dumps(condition()).decode(), "service": VIEW},
        400,
        "needs the Patient with an id",
    ),
    "not whole for a hook": (
        {
            "record": orjson.dumps(searchset(patient(), condition()) | {"total": 9}).decode(),
            "service": VIEW,
        },
        400,
        "the record is not whole",
    ),
    "a hook of others": ({"record": '{"hook": "medication-prescribe"}'}, 400, "No service here"),
    "a hook that is none": ({"record": '{"hook": 5}'}, 400, "Hook: no service here"),
    "half a request": ({"record": '{"hook": "patient-view"}'}, 400, "required"),
    "no such service": ({"sample": "cancer", "service": "x"}, 400, "no such service"),
    "no such sample": ({"sample": "nobody"}, 404, "no such sample"),
    "no day": ({"sample": "cancer", "day": "soon"}, 400, "The day cannot be read"),
    "no such finding": ({"sample": "cancer", "is.luck": "present"}, 400, "is not known here"),
    "no such state": ({"sample": "cancer", "is.cancer": "maybe"}, 400, "is not known here"),
}


@pytest.mark.parametrize(("fields", "status", "words"), BROKEN.values(), ids=BROKEN)
def test_what_is_broken_is_said_on_the_page(
    browser: FlaskClient, fields: Json, status: int, words: str
) -> None:
    page = post(browser, **fields)
    assert page.status_code == status
    (told,) = re.findall(r'role="alert">(.*?)</div>', page.text, re.DOTALL)
    assert words.lower() in told.lower()
    if "record" in fields:
        assert html.escape(fields["record"], quote=True)[:20].split("&")[0] in page.text


def test_nothing_sent_is_a_page_without_a_result(browser: FlaskClient) -> None:
    assert "cds-card" not in post(browser, record="  ").text


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"data": "x", "content_type": "text/plain"}, 415),
        ({"data": {"record": "x" * 300_000}}, 413),
        ({"data": "{", "content_type": "application/json"}, 400),
    ],
)
def test_what_cannot_be_taken_is_a_page(browser: FlaskClient, sent: Json, status: int) -> None:
    page = browser.post(TRY, **sent)
    assert page.status_code == status
    assert 'role="alert"' in page.text


def test_what_is_pasted_cannot_break_out_of_the_page(browser: FlaskClient) -> None:
    hostile = '"></textarea></pre><script>alert(1)</script>'
    named = condition() | {"code": condition()["code"] | {"text": hostile}, "id": hostile}
    for service in ("", VIEW):
        assert "<script>alert" not in post(browser, whole(named), service=service).text


# --- nothing is kept ---


def test_nothing_is_kept_or_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asked: list[object] = []
    for name in ("judged", "dismissed"):
        monkeypatch.setattr(Store, name, lambda *_: asked.append(name))  # noqa: B023  only counted
    client = create_app(
        Settings(database=f"sqlite:///{tmp_path}/store.db"), now=lambda: NOW
    ).test_client()
    with caplog.at_level(logging.DEBUG):
        post(client, whole(condition(CAUDA_EQUINA)), service=VIEW)
        post(client, whole(condition(CAUDA_EQUINA)))
        post(client, record="{ a secret")
    assert asked == []
    assert "G83.4" not in caplog.text
    assert "secret" not in caplog.text


def test_an_address_never_brings_a_record(browser: FlaskClient) -> None:
    carried = orjson.dumps(whole(condition(CAUDA_EQUINA))).decode()
    page = browser.get(TRY, query_string={"record": carried})
    assert "cds-card" not in page.text
    assert "G83.4" not in page.text
