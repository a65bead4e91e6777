"""A patient is tried in a real browser: samples, a broken paste, a switch, a dropped file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
import pytest

from tests.records import CAUDA_EQUINA, condition, patient, record
from tests.web.test_browser import WIDTHS, opened, scrolls_sideways, violations

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
        assert "numbness" in first.inner_text()
        page.click("#d-neurology > summary")
        page.select_option("[name='is.saddle-numbness']", "absent")
        first.filter(has_not_text="numbness").wait_for()
        switch = page.locator("[name='is.saddle-numbness']")
        assert switch.is_visible(), "what was opened stays open"
        assert switch.input_value() == "absent"
        page.select_option("[name='is.saddle-numbness']", "")
        first.filter(has_text="numbness").wait_for()


def test_a_broken_bundle_is_said_and_stays_to_be_mended(
    chromium: Browser, address: str, axe: str
) -> None:
    with opened(chromium, address, TRY, refused=400) as page:
        page.fill("#record", CARRIED[:-5])
        page.click("#trial .btn-primary")
        assert "This is not JSON" in page.locator("[role=alert]").inner_text()
        assert page.input_value("#record") == CARRIED[:-5]
        assert violations(page, axe) == []
        page.fill("#record", CARRIED)
        page.click("#trial .btn-primary")
        page.locator("text=loss of bladder or bowel control").first.wait_for()


def test_a_file_is_dropped(chromium: Browser, address: str) -> None:
    with opened(chromium, address, SAMPLE) as page:
        with page.expect_navigation():
            page.evaluate(DROP, CARRIED)
        assert page.input_value("#record") == CARRIED
        assert page.input_value("#sample") == ""
        assert page.locator("#card-1").is_visible()


def test_it_works_without_javascript(chromium: Browser, address: str) -> None:
    with opened(chromium, address, TRY, java_script_enabled=False) as page:
        page.fill("#record", CARRIED)
        page.click("#trial .btn-primary")
        assert "loss of bladder" in page.locator("#card-1").inner_text()
        page.click("#d-neurology > summary")
        page.select_option("[name='is.cauda-equina-syndrome']", "unknown")
        page.click("text=Judge again")
        assert "Ask about red flags" in page.locator("#card-1").inner_text()


def test_the_keyboard_suffices(chromium: Browser, address: str) -> None:
    with opened(chromium, address, TRY) as page:
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.id") == "sample"
        page.keyboard.type("cauda")
        page.locator("#card-1").wait_for()
        assert page.evaluate("document.activeElement.id") == "sample"
