"""The catalogue: every criterion can be found, read, checked and signed."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import pytest
from markupsafe import escape

from cds_service.app import create_app
from cds_service.clinical.truth import Truth
from cds_service.content.explain import reading
from cds_service.content.folder import default_folder
from cds_service.content.load import load
from cds_service.settings import Settings
from tests.records import NOW

if TYPE_CHECKING:
    from pathlib import Path

    from flask.testing import FlaskClient

CONTENT = load()
ALL = {each.id: each for each in (CONTENT.gate, *CONTENT.criteria.values())}
WORDS = {Truth.PRESENT: "met", Truth.ABSENT: "not met", Truth.UNKNOWN: "cannot tell"}


@pytest.fixture(scope="module")
def browser() -> FlaskClient:
    return create_app(Settings(), now=lambda: NOW).test_client()


def listed(browser: FlaskClient, **asked: str) -> list[str]:
    page = browser.get("/criteria", query_string=asked).text
    return re.findall(r'<h3><a href="/criteria/(\w+)"', page)


def test_all_criteria_are_listed_the_most_urgent_first(browser: FlaskClient) -> None:
    found = listed(browser)
    assert sorted(found) == sorted(ALL)
    assert found[:2] == ["T00", "E01"]
    assert f"{len(ALL)} of {len(ALL)} criteria" in browser.get("/criteria").text


SEARCHES = {
    "a word of the title": ({"q": "saddle"}, "E02"),
    "two words in any order": ({"q": "LOSS bladder"}, "E01"),
    "a code": ({"q": "G83.4"}, "E01"),
    "a document": ({"q": "Back Cramps and Spasms"}, "E02"),
    "a card": ({"card": "selfcare"}, "H01"),
    "its id": ({"q": "n01"}, "N01"),
}


@pytest.mark.parametrize(("asked", "criterion"), SEARCHES.values(), ids=SEARCHES)
def test_a_search_finds_it_and_leaves_others_out(
    browser: FlaskClient, asked: dict[str, str], criterion: str
) -> None:
    found = listed(browser, **asked)
    assert criterion in found
    assert len(found) < len(ALL)


def test_a_card_and_a_word_hold_together(browser: FlaskClient) -> None:
    assert listed(browser, q="fever", card="emergency")
    assert listed(browser, q="fever", card="selfcare") == []
    page = browser.get("/criteria?q=%3Cb%3E&card=selfcare").text
    assert "No criterion has all these words" in page
    assert 'value="&lt;b&gt;"' in page
    assert '<option value="selfcare" selected>' in page


@pytest.mark.parametrize("name", ALL)
def test_a_sheet_says_all_that_is_signed(browser: FlaskClient, name: str) -> None:
    page = browser.get(f"/criteria/{name}").text
    criterion = ALL[name]
    for said in (criterion.title, criterion.why, reading(criterion, CONTENT)):
        assert str(escape(said)) in page
    for cited in criterion.citations:
        assert str(escape(CONTENT.sources[cited.source].title)) in page
        assert str(escape(cited.heading)) in page
    for needed in criterion.rule.needs():
        for code in CONTENT.findings[needed].codes:
            assert f"<code>{code.code}</code>" in page
            assert str(escape(code.display)) in page
    assert CONTENT.digest in page


@pytest.mark.parametrize("name", ALL)
def test_the_cases_are_judged_by_the_rule(browser: FlaskClient, name: str) -> None:
    page = browser.get(f"/criteria/{name}").text
    says = re.findall(r'<span class="state state-\w+">([\w ]+)</span>', page)
    assert says == [WORDS[ALL[name].rule.judge(case.facts)] for case in ALL[name].cases]


def test_what_codes_do_is_said(browser: FlaskClient) -> None:
    whole = "".join(browser.get(f"/criteria/{name}").text for name in ALL)
    for use in ("says it", "measures it", "hints at it; counts with", "denies it", "is left out"):
        assert f"<td>{use}" in whole
    assert "Silence in a completed search" in whole
    assert "Silence means unknown." in whole


def test_a_draft_says_so_and_has_room_to_sign(browser: FlaskClient) -> None:
    page = browser.get("/criteria/E02").text
    assert "<strong>Draft:</strong>" in page
    for field in ("Name", "Date", "Signature"):
        assert f"<dt>{field}</dt>" in page


def test_an_approval_says_who_when_and_until(tmp_path: Path) -> None:
    cards = tmp_path / "cards"
    shutil.copytree(default_folder(), cards)
    (file,) = cards.glob("criteria/E02-*.yaml")
    signed = "approved\napproved_by: Dr A. Example\napproved_on: 2026-02-01\nreview_by: 2027-02-01"
    text = file.read_text(encoding="utf-8").replace("status: draft", f"status: {signed}")
    file.write_text(text, encoding="utf-8")
    browser = create_app(Settings(cards=cards), now=lambda: NOW).test_client()
    page = " ".join(browser.get("/criteria/E02").text.split())
    assert "<strong>Approved</strong> by Dr A. Example on 2026-02-01; review by 2027-02-01." in page
    assert "1 approved, 39 draft" in browser.get("/").text


def test_what_is_not_there_is_a_page(browser: FlaskClient) -> None:
    page = browser.get("/criteria/E99")
    assert page.status_code == 404
    assert "There is no such criterion" in page.text
    assert browser.get("/criteria/e02").status_code == 200
