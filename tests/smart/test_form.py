"""The form behind a launch: filled from the EHR, judged with its record, saved there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import orjson
import pytest

from cds_service.security.callers import OPEN_TO_BROWSERS
from cds_service.smart.views import SESSION
from tests.signing import write_clients
from tests.smart.stub_ehr import (
    PATIENT,
    app_for,
    come_back,
    granted,
    hidden,
    launch,
    opened,
    submit,
    written,
)
from tests.store.test_away import Away
from tests.stub_server import said, said_json
from tests.web.test_form import NO, YES, checked

if TYPE_CHECKING:
    from pathlib import Path

    from flask.testing import FlaskClient

    from tests.smart.stub_ehr import Ehr

SAVED = "The answers are saved in the EHR."


# --- opening ---


def test_it_is_filled_from_the_record_and_says_whose_it_is(browser: FlaskClient, ehr: Ehr) -> None:
    page = opened(browser, ehr)
    assert "<strong>Patient:</strong> Ada B. Sample, born " in page
    assert checked(page)["back-pain"] == YES
    assert "From the record:" in page


def test_what_does_not_come_is_told(browser: FlaskClient, ehr: Ehr) -> None:
    ehr.token = said_json(granted(patient="p2"))
    come_back(browser, launch(browser, ehr)["state"])
    page = browser.get("/smart/form")
    assert page.status_code == 200
    assert "Not obtained, prefetch key conditions (is about another patient only)" in page.text
    assert "patient (not sent; FHIR server: answered 404, there is none)" in page.text
    assert "<strong>Patient:</strong> Patient/p2" in page.text


def test_an_encounter_is_asked_for_where_there_is_one(browser: FlaskClient, ehr: Ehr) -> None:
    ehr.token = said_json(granted(encounter="e1"))
    opened(browser, ehr)
    assert ehr.stub is not None
    assert "/fhir/Encounter/e1" in {each.target for each in ehr.stub.asked}


CONTEXTS: dict[str, object] = {
    "as text": orjson.dumps({"unanswered": ["night-pain", "saddle-numbness"]}).decode(),
    "as JSON": {"unanswered": ["night-pain", "saddle-numbness"], "more": 1},
}


@pytest.mark.parametrize("context", CONTEXTS.values(), ids=CONTEXTS)
def test_the_questions_of_the_card_come_first(
    browser: FlaskClient, ehr: Ehr, context: object
) -> None:
    ehr.token = said_json(granted(appContext=context))
    page = opened(browser, ehr)
    everything = list(checked(page))
    assert "Asked for by the card" in page
    first = page.split("Asked for by the card")[1].split("</section>")[0]
    assert set(list(checked(first))[:1]) <= {"saddle-numbness", "night-pain"}
    assert {"saddle-numbness", "night-pain"} <= set(checked(first))
    assert len(everything) == len(set(everything)), "each question once"


HOSTILE: dict[str, object] = {
    "not JSON": "{",
    "deep": "[" * 5_000,
    "long": '{"unanswered": ["' + "x" * 10_000 + '"]}',
    "a number": 7,
    "a list": ["night-pain"],
    "no list": {"unanswered": "night-pain"},
    "no names": {"unanswered": [None, 7, {"a": "b"}, "<script>alert(1)</script>", "nope"]},
}


@pytest.mark.parametrize("context", HOSTILE.values(), ids=HOSTILE)
def test_a_context_that_says_nothing_has_no_effect(
    browser: FlaskClient, ehr: Ehr, context: object
) -> None:
    ehr.token = said_json(granted(appContext=context))
    page = opened(browser, ehr)
    assert "Asked for by the card" not in page
    assert "<script>alert" not in page


# --- answering ---


def test_the_answers_are_judged_with_the_record_and_saved(browser: FlaskClient, ehr: Ehr) -> None:
    page = opened(browser, ehr)
    result = submit(browser, page, saddle_numbness=YES, cancer=NO)
    assert result.status_code == 200
    assert "Send to emergency care now: numbness in the groin or saddle area" in result.text
    assert SAVED in result.text
    (saved,) = written(ehr)
    assert saved["resourceType"] == "QuestionnaireResponse"
    assert saved["status"] == "completed"
    assert saved["subject"] == {"reference": f"Patient/{PATIENT}"}
    assert "saddle-numbness" in orjson.dumps(saved).decode()


def test_the_same_answers_are_saved_once(browser: FlaskClient, ehr: Ehr) -> None:
    page = opened(browser, ehr)
    submit(browser, page, saddle_numbness=YES)
    assert "saved in the EHR already" in submit(browser, page, saddle_numbness=YES).text
    assert len(written(ehr)) == 1
    assert SAVED in submit(browser, page, saddle_numbness=NO).text
    assert len(written(ehr)) == 2


def test_nothing_answered_is_not_saved(browser: FlaskClient, ehr: Ehr) -> None:
    page = opened(browser, ehr)
    assert "nothing was saved in the EHR" in submit(browser, page).text
    assert not written(ehr)


FAILURES = {
    403: ("not saved in the EHR: it answered 403", said(403)),
    500: ("not saved in the EHR: it answered 500", said(500)),
    "redirect": ("it answered 307", said(307, b"", Location="https://evil.example.org/")),
    "broken": ("It is not known whether the answers are saved", b"nonsense"),
}


@pytest.mark.parametrize(("words", "answer"), FAILURES.values(), ids=map(str, FAILURES))
def test_what_was_not_saved_is_told_and_the_cards_stand(
    browser: FlaskClient, ehr: Ehr, words: str, answer: bytes
) -> None:
    ehr.created = answer
    result = submit(browser, opened(browser, ehr), saddle_numbness=YES)
    assert result.status_code == 200
    assert words in result.text
    assert "Send to emergency care now" in result.text
    assert "Download the answers" in result.text


SCOPES = {
    "patient/QuestionnaireResponse.crs": True,
    "patient/QuestionnaireResponse.c": True,
    "patient/*.cruds": True,
    "user/QuestionnaireResponse.write": True,
    "patient/*.*": True,
    "patient/QuestionnaireResponse.rs": False,
    "patient/QuestionnaireResponse.read": False,
    "patient/Observation.c": False,
    "": False,
}


@pytest.mark.parametrize(("scope", "may"), SCOPES.items())
def test_saving_takes_a_scope(browser: FlaskClient, ehr: Ehr, scope: str, may: bool) -> None:
    ehr.token = said_json(granted(scope=f"launch {scope}"))
    page = opened(browser, ehr)
    assert ("Save in the EHR and show what follows" in page) == may
    result = submit(browser, page, saddle_numbness=YES)
    assert (SAVED in result.text) == may
    assert ("did not grant this app to write" in result.text) == (not may)
    assert len(written(ehr)) == int(may)


def test_scopes_that_are_not_told_are_those_asked_for(browser: FlaskClient, ehr: Ehr) -> None:
    ehr.token = said_json(granted(scope=None))
    assert SAVED in submit(browser, opened(browser, ehr), cancer=YES).text


def test_it_can_be_corrected_followed_live_and_downloaded(browser: FlaskClient, ehr: Ehr) -> None:
    page = opened(browser, ehr)
    wrong = submit(browser, page, severe_pain=YES, **{"severe_pain.value": "11"})
    assert wrong.status_code == 400
    assert "Some answers cannot be read" in wrong.text
    again = submit(browser, page, do="edit", cancer=YES)
    assert checked(again.text)["cancer"] == YES
    live = submit(browser, page, "/smart/form/live", saddle_numbness=YES).get_json()
    assert live["cards"][0]["indicator"] == "critical"
    file = submit(browser, page, "/smart/form/response", saddle_numbness=YES)
    assert file.mimetype == "application/fhir+json"
    assert file.get_json()["subject"] == {"reference": f"Patient/{PATIENT}"}
    assert not written(ehr), "only the button that says so saves"


# --- who may ---

POSTS = ("/smart/form", "/smart/form/live", "/smart/form/response")


@pytest.mark.parametrize("path", POSTS)
def test_a_page_of_another_launch(browser: FlaskClient, ehr: Ehr, path: str) -> None:
    older = opened(browser, ehr)
    opened(browser, ehr)
    response = submit(browser, older, path, saddle_numbness=YES)
    assert response.status_code == 403
    assert "another launch" in response.text
    assert not written(ehr)


@pytest.mark.parametrize("path", POSTS)
def test_another_site(browser: FlaskClient, ehr: Ehr, path: str) -> None:
    fields = hidden(opened(browser, ehr)) | {"do": "judge", "saddle-numbness": YES}
    for site in ("cross-site", "same-site", "none"):
        response = browser.post(path, data=fields, headers={"Sec-Fetch-Site": site})
        assert response.status_code == 403
    del fields["token"]
    assert browser.post(path, data=fields).status_code == 403
    assert not written(ehr)


@pytest.mark.parametrize("path", POSTS)
def test_a_stranger(browser: FlaskClient, ehr: Ehr, path: str) -> None:
    page = opened(browser, ehr)
    stranger = browser.application.test_client()
    assert submit(stranger, page, path, saddle_numbness=YES).status_code == 403
    assert stranger.get("/smart/form").status_code == 403


def test_a_record_that_the_page_did_not_carry(browser: FlaskClient, ehr: Ehr) -> None:
    page = opened(browser, ehr)
    for record in ("", "[]", "{", '{"values": 1, "failed": {}}'):
        assert submit(browser, page, record=record, cancer=YES).status_code == 400


def test_a_session_ends(ehr: Ehr, tmp_path: Path) -> None:
    app = app_for(ehr, database=f"sqlite:///{tmp_path}/store.db")
    browser = app.test_client()
    page = opened(browser, ehr)
    store = app.extensions["journal"]
    now = datetime.now(UTC)
    store.purge(now + timedelta(seconds=SESSION - 60))
    assert browser.get("/smart/form").status_code == 200, "it has not ended yet"
    store.purge(now + timedelta(seconds=SESSION + 60))
    late = submit(browser, page, saddle_numbness=YES)
    assert late.status_code == 403
    assert "session has ended" in late.text
    assert not written(ehr)
    store.close()


def test_the_database_is_away(ehr: Ehr, tmp_path: Path) -> None:
    app = app_for(ehr, database=f"sqlite:///{tmp_path}/store.db")
    browser = app.test_client()
    page = opened(browser, ehr)
    with Away(app.extensions["journal"]):
        for response in (
            browser.get("/smart/launch"),
            browser.get("/smart/form"),
            submit(browser, page, cancer=YES),
        ):
            assert response.status_code == 503
            assert "try again in a minute" in response.text
    app.extensions["journal"].close()


def test_where_callers_are_asked_a_session_lets_a_browser_in(ehr: Ehr, tmp_path: Path) -> None:
    browser = app_for(ehr, clients=write_clients(tmp_path)).test_client()
    assert browser.get("/form").status_code == 401
    assert browser.get("/smart/form").status_code == 403
    page = opened(browser, ehr)
    assert SAVED in submit(browser, page, saddle_numbness=YES).text
    assert browser.get("/form").status_code == 401, "the session opens its own form only"
    with browser.get("/static/cds.css") as sheet:
        assert sheet.status_code == 200


def test_what_is_open_to_browsers_exists(browser: FlaskClient) -> None:
    rules = {rule.rule for rule in browser.application.url_map.iter_rules()}
    assert rules >= OPEN_TO_BROWSERS
    smart = {rule for rule in rules if rule.startswith("/smart")}
    assert smart <= OPEN_TO_BROWSERS
