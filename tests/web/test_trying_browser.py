"""A patient is tried in a real browser: samples, a broken paste, a switch, a dropped file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
import pytest
from playwright.sync_api import expect

from tests.records import CAUDA_EQUINA, condition, patient, record
from tests.web.test_browser import WIDTHS, opened, scrolls_sideways, skip_to_content, violations

if TYPE_CHECKING:
    from playwright.sync_api import Browser

TRY = "/try"
SAMPLE = "/try?sample=cauda-equina"
CARRIED = orjson.dumps(record(patient(), condition(), condition(CAUDA_EQUINA))).decode()
DROP = """text => {
    const data = new DataTransfer();
    data.items.add(new File([text], "bundle.json", {type: "application/json"}));
    document.getElementById("record").dispatchEvent(
        new DragEvent("drop", {dataTransfer: data, bubbles: true, cancelable: true}));
}"""


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_violation_and_nothing_scrolls_sideways(
    chromium: Browser, address: str, axe: str, scheme: str, width: int
) -> None:
    screen = {"width": width, "height": 800}
    with opened(chromium, address, SAMPLE, color_scheme=scheme, viewport=screen) as page:
        page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        assert violations(page, axe) == []
        assert not scrolls_sideways(page)


def test_three_samples_are_tried(chromium: Browser, address: str) -> None:
    with opened(chromium, address, TRY) as page:
        for name, card in (
            ("cauda-equina", "loss of bladder or bowel control"),
            ("fever", "fever"),
            ("sciatica-three-weeks", "red flag"),
        ):
            page.select_option("#sample", name)
            page.locator(".cds-card h2", has_text=card).first.wait_for()
        page.select_option("#sample", "no-back-pain")
        page.locator("text=speaks of no back pain").wait_for()


def test_a_finding_is_switched_and_the_decision_changes(chromium: Browser, address: str) -> None:
    with opened(chromium, address, SAMPLE) as page:
        first = page.locator("#card-1")
        expect(first).to_contain_text("numbness")
        page.click("#d-neurology > summary")
        page.select_option("[name='is.saddle-numbness']", "absent")
        expect(first).not_to_contain_text("numbness")
        switch = page.locator("[name='is.saddle-numbness']")
        expect(switch, "what was opened stays open").to_be_visible()
        expect(switch).to_have_value("absent")
        page.select_option("[name='is.saddle-numbness']", "")
        expect(first).to_contain_text("numbness")


def test_a_broken_bundle_is_said_and_stays_to_be_mended(
    chromium: Browser, address: str, axe: str
) -> None:
    with opened(chromium, address, TRY, refused=400) as page:
        page.fill("#record", CARRIED[:-5])
        page.click("#trial .btn-primary")
        expect(page.locator("[role=alert]")).to_contain_text("This is not JSON")
        expect(page.locator("#record")).to_have_value(CARRIED[:-5])
        assert violations(page, axe) == []
        page.fill("#record", CARRIED)
        page.click("#trial .btn-primary")
        page.locator("text=loss of bladder or bowel control").first.wait_for()


def test_a_file_is_dropped(chromium: Browser, address: str) -> None:
    with opened(chromium, address, SAMPLE) as page:
        with page.expect_navigation():
            page.evaluate(DROP, CARRIED)
        expect(page.locator("#record")).to_have_value(CARRIED)
        expect(page.locator("#sample")).to_have_value("")
        expect(page.locator("#card-1")).to_be_visible()


def test_it_works_without_javascript(chromium: Browser, address: str) -> None:
    with opened(chromium, address, TRY, java_script_enabled=False) as page:
        page.fill("#record", CARRIED)
        page.click("#trial .btn-primary")
        expect(page.locator("#card-1")).to_contain_text("loss of bladder")
        page.click("#d-neurology > summary")
        page.select_option("[name='is.cauda-equina-syndrome']", "unknown")
        page.click("text=Judge again")
        expect(page.locator("#card-1")).to_contain_text("Ask about red flags")


def test_the_keyboard_suffices(chromium: Browser, address: str) -> None:
    with opened(chromium, address, TRY) as page:
        skip_to_content(page)
        expect(page.locator("#sample")).to_be_focused()
        page.keyboard.press("c")  # a word could be typed too slowly to be taken as one
        page.locator("#card-1").wait_for()
        expect(page.locator("#sample")).to_be_focused()
