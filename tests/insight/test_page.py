"""The page: what it shows of the counts, as text beside each plot, and what it says of none."""

from __future__ import annotations

import csv
import io
import re
from html import unescape
from typing import TYPE_CHECKING

import pytest

from cds_service.content.load import load
from cds_service.hooks.services import SERVICES
from cds_service.insight.daily import FILES
from cds_service.insight.reports import REPORTS, share
from cds_service.insight.tables import Table, as_csv
from tests.insight.counting import DAY, SIGN, TODAY, VIEW, app_with, count, store_of
from tests.store.test_away import Away
from tests.web.test_form import POLICY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from flask import Flask
    from flask.testing import FlaskClient

CONTENT = load()


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    app = app_with(tmp_path)
    yield app
    store_of(app).close()


@pytest.fixture
def browser(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def shown(app: Flask, browser: FlaskClient) -> FlaskClient:
    """Return a browser of a service that has counts on two days and of two services."""
    count(store_of(app), *DAY)
    count(store_of(app), *DAY, ago=40)
    count(store_of(app), ("call", "", "judged", 5), ("card", "review", "info", 1), service=SIGN)
    return browser


def text(browser: FlaskClient, **asked: str) -> str:
    """Return what a page says, without its markup."""
    page = browser.get("/insight", query_string=asked)
    assert page.status_code == 200
    assert page.headers["Content-Security-Policy"] == POLICY
    assert not re.search(r"<style|<script>|\sstyle=|\son[a-z]+=", page.text)
    plain = unescape(re.sub(r"<[^>]+>", " ", page.text)).replace("\u202f", " ")
    return " ".join(plain.split())


# --- what it shows ---


def test_every_report_is_there(shown: FlaskClient) -> None:
    page = text(shown)
    assert "2026-10-22 to 2026-11-20 (UTC), all services" in page
    for figure in ("Calls 105", "Cards sent 2 005", "Cards answered 3", "Cards kept back 3"):
        assert figure in page
    assert "Judged 95 (90 %)" in page
    assert "Without an answer: the gate stayed unknown 10 (10 %)" in page
    assert "Emergency care 4 cards" in page
    assert "Emergency care 25 % accepted, 50 % overridden, 25 % no answer, of 4" in page
    assert "Red-flag check 0 % accepted, 0 % overridden, 100 % no answer, of 2 000" in page
    assert "Another reason 1 (50 %)" in page
    assert f"R04 {CONTENT.criteria['R04'].title} 7" in page
    assert f"{CONTENT.findings['saddle-numbness'].question} 60" in page
    assert "Half within 10 ms, 95 of 100 within 95.9 ms." in page
    assert "Cards kept back by shadow mode What would have been sent." in page
    assert "Doctor's appointment 3 cards" in page


def test_an_override_reason_is_said_in_the_words_of_its_card(
    app: Flask, browser: FlaskClient
) -> None:
    topic, reason = next(
        (each.course.topic, each.override_reasons[0])
        for each in CONTENT.recommendations.courses.values()
        if each.course.topic == "review"
    )
    count(
        store_of(app),
        ("call", "", "judged", 9),
        ("outcome", topic, "overridden", 8),
        ("reason", topic, reason.code, 6),
    )
    page = text(browser)
    assert f"{reason.display} 6 (75 %) No reason given 2 (25 %)" in page


def test_what_the_content_no_longer_has_is_said_by_its_code(
    app: Flask, browser: FlaskClient
) -> None:
    count(
        store_of(app),
        ("call", "", "judged", 9),
        ("card", "oldtopic", "info", 2),
        ("outcome", "oldtopic", "overridden", 1),
        ("reason", "oldtopic", "<b>=old", 1),
        ("criterion", "", "X99", 3),
        ("unanswered", "", "old-finding", 3),
    )
    page = text(browser)
    for said in ("oldtopic 2 cards", "<b>=old 1 (100 %)", "X99 (no longer", "old-finding 3"):
        assert said in page


def test_feedback_on_a_card_that_nobody_knows_is_no_answer_to_one(
    app: Flask, browser: FlaskClient
) -> None:
    rows = (("call", "", "judged", 9), ("card", "review", "info", 1))
    count(store_of(app), *rows, ("outcome", "", "overridden", 3))
    page = text(browser)
    assert "Cards answered 0" in page
    assert "Cards that are not known here No reason given 3 (100 %)" in page


def test_one_service_is_shown(shown: FlaskClient) -> None:
    page = text(shown, service=SIGN)
    assert f"(UTC), {SERVICES[SIGN].hook}" in page
    assert "Calls 5" in page
    assert "Emergency care" not in page


def test_other_days_are_shown(shown: FlaskClient) -> None:
    page = text(shown, **{"from": "2026-10-11", "to": "2026-10-11"})
    assert "Calls 100" in page
    assert "Calls 205" in text(shown, days="90")


def test_what_took_longest_is_not_said_to_be_within(app: Flask, browser: FlaskClient) -> None:
    rows = (("call", "", "judged", 9), ("card", "review", "info", 1), ("latency", "", "+Inf", 9))
    count(store_of(app), *rows)
    page = text(browser)
    assert "Half in more than 30 s, 95 of 100 in more than 30 s." in page
    assert "Doctor's appointment 1 card " in page


def test_over_a_year_weeks_are_shown(shown: FlaskClient) -> None:
    page = text(shown, days="365")
    assert "Calls 205" in page
    assert "By topic, for each week." in page
    assert "Week from" in page


def test_more_answers_than_cards_are_no_negative_silence(app: Flask, browser: FlaskClient) -> None:
    rows = (("call", "", "judged", 9), ("card", "review", "info", 1))
    count(store_of(app), *rows, ("outcome", "review", "accepted", 3))
    assert "100 % accepted, 0 % overridden, 0 % no answer, of 3" in text(browser)


def test_a_long_ranking_is_whole_in_its_table(app: Flask, browser: FlaskClient) -> None:
    rows = [("criterion", "", name, 3) for name in list(CONTENT.criteria)[:20]]
    count(store_of(app), ("call", "", "judged", 9), *rows)
    page = browser.get("/insight").text
    assert "And 8 more, in the table." in page
    for name in list(CONTENT.criteria)[:20]:
        assert f'<th scope="row">{name} ' in page


@pytest.mark.parametrize(
    ("part", "whole", "said"),
    [(0, 9, "0 %"), (1, 900, "under 1 %"), (0, 0, "0 %"), (9, 9, "100 %")],
)
def test_a_share_never_hides_what_is_there(part: int, whole: int, said: str) -> None:
    assert share(part, whole).replace("\u202f", " ") == said


def test_a_call_and_its_feedback_are_shown(app: Flask, browser: FlaskClient) -> None:
    path = f"/cds-services/{VIEW}"
    body = browser.get(f"/samples/cauda-equina?hook={VIEW}").get_json()
    (card, *_) = browser.post(path, json=body).get_json()["cards"]
    reason = card["overrideReasons"][0]
    entry = {
        "card": card["uuid"],
        "outcome": "overridden",
        "overrideReason": {"reason": reason},
        "outcomeTimestamp": "2026-11-20T12:01:00Z",
    }
    assert browser.post(f"{path}/feedback", json={"feedback": [entry]}).status_code == 200
    store_of(app).tend()
    page = text(browser)
    assert "Calls 1 Cards sent 1 Cards answered 1" in page
    assert "Emergency care 0 % accepted, 100 % overridden, 0 % no answer, of 1" in page
    assert f"{reason['display']} 1 (100 %)" in page
    assert f"E01 {CONTENT.criteria['E01'].title} 1" in page


# --- where there is nothing to show ---


def test_nothing_was_counted_yet(browser: FlaskClient) -> None:
    assert "Nothing has been counted yet." in text(browser)


def test_no_call_in_these_days(shown: FlaskClient) -> None:
    page = text(shown, to="2026-01-31")
    assert "No call in these days , 2026-01-02 to 2026-01-31." in page
    assert "Counts are there from 2026-10-11 to 2026-11-20." in page
    assert "No call in these days for this service" in text(shown, service="assessment")


def test_what_was_not_counted_is_said_to_be_none(app: Flask, browser: FlaskClient) -> None:
    count(store_of(app), ("call", "", "judged", 9))
    assert text(browser).count("None in these days.") == len(REPORTS) - 1


def test_there_is_no_store(tmp_path: Path) -> None:
    browser = app_with(tmp_path, database=None).test_client()
    assert "Nothing is kept here." in text(browser)
    answer = browser.get("/insight/cards.csv")
    assert answer.status_code == 404
    assert "CDS_DATABASE_URL is none" in answer.text


@pytest.mark.parametrize("path", ["/insight", "/insight/cards.csv"])
def test_the_store_is_away(app: Flask, browser: FlaskClient, path: str) -> None:
    with Away(store_of(app)):
        answer = browser.get(path)
    assert answer.status_code == 503
    assert "The database cannot be reached" in answer.text


@pytest.mark.parametrize(
    ("asked", "words"),
    [("from=soon", "From: write a day as in 2026-01-31."), ("service=x", "no such service")],
)
def test_what_cannot_be_asked_is_said_beside_the_fields(
    shown: FlaskClient, asked: str, words: str
) -> None:
    answer = shown.get(f"/insight?{asked}")
    assert answer.status_code == 400
    assert words in answer.text
    assert 'name="from"' in answer.text
    assert shown.get(f"/insight/cards.csv?{asked}").status_code == 400


def test_another_method_is_a_page(browser: FlaskClient) -> None:
    answer = browser.post("/insight/cards.csv")
    assert answer.status_code == 405


# --- files ---


def rows(browser: FlaskClient, name: str, **asked: str) -> list[dict[str, str]]:
    answer = browser.get(f"/insight/{name}.csv", query_string=asked)
    assert answer.status_code == 200
    assert answer.mimetype == "text/csv"
    assert answer.headers["Content-Disposition"].startswith(f'attachment; filename="{name}-2026')
    return list(csv.DictReader(io.StringIO(answer.text)))


def test_every_report_has_a_file_and_a_link_to_it(shown: FlaskClient) -> None:
    assert FILES.keys() == REPORTS.keys()
    page = shown.get("/insight").text
    for name in FILES:
        link = f'href="/insight/{name}.csv?from=2026-10-22&amp;to=2026-11-20"'
        assert link in page
        assert rows(shown, name)


def test_files_have_every_day_by_itself(shown: FlaskClient) -> None:
    found = rows(shown, "cards", days="90", service=VIEW)
    assert [each["day"] for each in found] == ["2026-10-11"] * 2 + [str(TODAY)] * 2
    assert found[0] == {
        "day": "2026-10-11",
        "topic": "emergency",
        "title": "Emergency care",
        "indicator": "critical",
        "cards": "4",
    }
    (answered, *_) = rows(shown, "answers")
    assert (answered["accepted"], answered["overridden"], answered["no answer"]) == ("1", "2", "1")
    assert rows(shown, "latency")[-1]["up to seconds"] == ""
    assert rows(shown, "percentiles")[0]["p50 milliseconds"] == "10.0"
    assert rows(shown, "shadowed")[0]["topic"] == "review"


FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"]


@pytest.mark.parametrize("formula", FORMULAS)
def test_no_text_acts_as_a_formula(formula: str) -> None:
    told = as_csv(Table("", ("a", "b"), [(formula, -1)]))
    (_, row) = csv.reader(io.StringIO(told, newline=""))
    assert row == [f"'{formula}", "-1"]


def test_a_hostile_reason_stays_one_cell(app: Flask, browser: FlaskClient) -> None:
    count(store_of(app), ("reason", "review", '=cmd|"x",\ny', 1))
    (row,) = rows(browser, "reasons")
    assert row["code"] == '\'=cmd|"x",\ny'


def test_another_name_is_no_file(shown: FlaskClient) -> None:
    assert shown.get("/insight/others.csv").status_code == 404
