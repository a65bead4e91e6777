"""The form in a real browser: for every eye, by keyboard alone, on a phone, without JavaScript."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import orjson
import pytest
from fhir.resources.R4B.questionnaireresponse import QuestionnaireResponse
from playwright.sync_api import expect

from tests.browser import window
from tests.records import CAUDA_EQUINA, condition, record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

LIVE = "#live-result"
SAMPLE = "/form?sample=cauda-equina"
WIDTHS = (320, 1280)
# A colour in the middle of a fade is nobody's colour, so what moves is brought to its end: without
# this, a button that comes back after a call is measured at a third of its strength.
STILL = """() => {
    const moving = () => document.getAnimations().filter(each =>
        each.playState !== "finished" && each.effect.getComputedTiming().endTime < Infinity);
    while (moving().length) moving().forEach(each => each.finish());
}"""
# WCAG 2.2 at level AA, and what axe calls best practice.
RULES = """async () => (await axe.run(document, {
    runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
})).violations.map(each => each.id + ": " + each.nodes.map(node => node.target).join(" "))"""


@contextmanager
def opened(
    chromium: Browser,
    address: str,
    path: str = "/form",
    *,
    refused: int = 0,
    **how: Any,  # noqa: ANN401  the options of a context
) -> Iterator[Page]:
    """Open a page; when it closes, nothing may have been complained of or fetched elsewhere.

    A browser complains of every status of 400 and above; ``refused`` is one that is meant.
    """
    complaints: list[str] = []
    asked: list[str] = []
    with window(chromium, **how) as context:
        page = context.new_page()
        page.on("console", lambda said: complaints.append(said.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(address + path)
        yield page
    assert len(complaints) == bool(refused), complaints
    assert all(f"status of {refused} " in each for each in complaints), complaints
    assert {urlsplit(url).netloc for url in asked} == {urlsplit(address).netloc}


def tick(page: Page, name: str, answer: str = "Yes") -> None:
    page.locator(f"#q-{name} > .answers label", has_text=answer).first.click()


def show(page: Page) -> None:
    """Press the button of the form, and wait for the page that follows."""
    with page.expect_navigation():
        page.click("text=Show what follows")


def skip_to_content(page: Page) -> None:
    """Follow the first link of a page by keyboard, and go to what comes next there."""
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#content")).to_be_focused()
    page.keyboard.press("Tab")


def settle(page: Page) -> None:
    """Wait until a page and its style are there, and let nothing move on it any more."""
    page.wait_for_load_state()
    page.evaluate(STILL)


def violations(page: Page, axe: str) -> list[str]:
    settle(page)
    page.evaluate(axe)
    found: list[str] = page.evaluate(RULES)
    return found


def scrolls_sideways(page: Page) -> bool:
    settle(page)
    return bool(page.evaluate("document.documentElement.scrollWidth > innerWidth"))


# --- for every eye ---


@pytest.mark.usefixtures("chromium")
def test_who_asks_for_a_browser_is_marked(request: pytest.FixtureRequest) -> None:
    assert request.node.get_closest_marker("browser")


def test_axe_sees_what_a_fade_comes_to(chromium: Browser, address: str, axe: str) -> None:
    fade = "each => each.animate([{ opacity: 0.2 }, { opacity: 1 }], 3_600_000)"
    with opened(chromium, address) as page:
        page.locator("h1").evaluate(fade)
        assert violations(page, axe) == []


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_violation(
    chromium: Browser, address: str, axe: str, scheme: str, width: int
) -> None:
    screen = {"width": width, "height": 800}
    with opened(chromium, address, SAMPLE, color_scheme=scheme, viewport=screen) as page:
        page.wait_for_selector(f"{LIVE} .cds-card")
        for closed in page.locator("summary").all():
            closed.click()
        assert violations(page, axe) == []
        show(page)
        page.locator("summary").first.click()
        assert violations(page, axe) == []


def test_axe_finds_no_violation_where_answers_cannot_be_read(
    chromium: Browser, address: str, axe: str
) -> None:
    with opened(chromium, address, refused=400) as page:
        tick(page, "severe-pain")
        page.fill("[name='severe-pain.value']", "11")
        page.locator(LIVE).get_by_text("cannot be read yet").wait_for()
        show(page)
        expect(page.locator("[role=alert] a")).to_have_text("How many of 10?")
        assert violations(page, axe) == []
        page.click("[role=alert] a")
        expect(page.locator("[name='severe-pain.value']")).to_be_focused()


@pytest.mark.parametrize("path", ["/form", SAMPLE])
def test_it_fits_a_small_phone(chromium: Browser, address: str, path: str) -> None:
    with opened(chromium, address, path, viewport={"width": 320, "height": 640}) as page:
        for closed in page.locator("summary").all():
            closed.click()
        for name in ("fever-unmeasured", "fever", "night-pain", "weight-loss"):
            tick(page, name)
        assert not scrolls_sideways(page)
        show(page)
        assert not scrolls_sideways(page)


# --- the live result ---


def test_the_result_follows_the_answers(chromium: Browser, address: str) -> None:
    with opened(chromium, address) as page:
        live = page.locator(LIVE)
        expect(live).to_have_attribute("aria-live", "polite")
        live.get_by_text("Answer a question to see what follows.").wait_for()
        tick(page, "night-pain")
        live.get_by_text("Warning · Imaging").wait_for()
        tick(page, "saddle-numbness")
        live.get_by_text("Critical · Emergency care").wait_for()
        expect(live).to_contain_text("numbness in the groin or saddle area")
        tick(page, "saddle-numbness", "No")
        expect(live).not_to_contain_text("Critical · Emergency care")
        live.get_by_text("Warning · Imaging").wait_for()


def test_the_record_counts_in_the_live_result(chromium: Browser, address: str) -> None:
    with opened(chromium, address, SAMPLE) as page:
        page.locator(LIVE).get_by_text("loss of bladder or bowel control").wait_for()


def test_details_appear_after_a_yes(chromium: Browser, address: str) -> None:
    with opened(chromium, address) as page:
        onset = page.locator("[name='chest-pain.onset']")
        expect(onset).to_be_hidden()
        tick(page, "chest-pain")
        expect(onset).to_be_visible()
        expect(page.locator("#q-fever")).to_be_hidden()
        tick(page, "fever-unmeasured")
        expect(page.locator("#q-fever")).to_be_visible()
        expect(page.locator("[name='fever.value']")).to_be_hidden()


# --- by keyboard alone ---


def test_the_keyboard_suffices(chromium: Browser, address: str) -> None:
    with opened(chromium, address) as page:
        keys = page.keyboard
        skip_to_content(page)
        # The answer that stands is "not asked"; two to the left of it is yes.
        question = page.locator("[name='bladder-control-lost']")
        expect(question.last).to_be_focused()
        keys.press("ArrowLeft")
        keys.press("ArrowLeft")
        expect(question.first).to_be_focused()
        seen = page.locator("[name='bladder-control-lost']:focus + *")
        expect(seen).to_have_css("outline-style", "solid")
        keys.press("Tab")
        expect(page.locator("[name='bladder-control-lost.onset']")).to_be_focused()
        keys.type("11192026")
        for _ in range(400):
            if page.evaluate("document.activeElement.value") == "judge":
                break
            keys.press("Tab")
        keys.press("Enter")
        expect(page.locator("#card-1")).to_have_text(
            "Send to emergency care now: loss of bladder or bowel control"
        )


# --- without JavaScript ---


def test_it_works_without_javascript(chromium: Browser, address: str, tmp_path: Path) -> None:
    with opened(chromium, address, java_script_enabled=False) as page:
        expect(page.locator("#live")).to_be_hidden()
        tick(page, "back-pain")
        tick(page, "fever-unmeasured")
        tick(page, "fever")
        page.fill("[name='fever.value']", "39.4")
        show(page)
        expect(page.locator("#card-1")).to_contain_text("high fever")
        with page.expect_download() as download:
            page.click("text=Download the answers")
        download.value.save_as(tmp_path / "answers.json")
        answers = orjson.loads((tmp_path / "answers.json").read_bytes())
        QuestionnaireResponse.model_validate(answers)
        page.click("text=Change the answers")
        expect(page.locator("[name='fever.value']:visible")).to_have_value("39.4")


def test_an_ehr_opens_it_with_a_record(chromium: Browser, address: str) -> None:
    """Post a Bundle as a field of a form, as another page would."""
    carried = orjson.dumps(record(condition(CAUDA_EQUINA))).decode()
    with opened(chromium, address) as page:
        page.evaluate(
            """carried => {
            const form = document.createElement("form");
            form.method = "post";
            form.action = "/form";
            const field = document.createElement("input");
            field.name = "record";
            field.value = carried;
            form.append(field);
            document.body.append(form);
            form.submit();
        }""",
            carried,
        )
        page.wait_for_selector("text=From the record")
        answers = page.locator("#q-cauda-equina-syndrome > .answers")
        expect(answers.locator(".answer-yes input")).to_be_checked()
        assert "G83" not in page.url
