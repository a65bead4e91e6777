"""The pages about the service in a real browser, used as a person would."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.web.test_browser import WIDTHS, opened, scrolls_sideways, violations

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PAGES = ("/", "/criteria", "/criteria/E10")


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_no_violation_and_nothing_scrolls_sideways(
    chromium: Browser, address: str, axe: str, path: str, scheme: str, width: int
) -> None:
    screen = {"width": width, "height": 800}
    with opened(chromium, address, path, color_scheme=scheme, viewport=screen) as page:
        for closed in page.locator("summary").all():
            closed.click()
        assert violations(page, axe) == []
        assert not scrolls_sideways(page)


def test_a_search_answers_while_it_is_typed(chromium: Browser, address: str) -> None:
    with opened(chromium, address, "/criteria") as page:
        page.fill("#q", "G83.4 bladder")
        page.locator("#found [role=status]", has_text="2 of").wait_for()
        assert page.url.endswith("?q=G83.4+bladder&card=")
        assert page.evaluate("document.activeElement.id") == "q"
        page.click("#found a >> nth=-1")
        assert "bladder" in page.locator("h1").inner_text()


def test_a_search_works_without_javascript(chromium: Browser, address: str) -> None:
    with opened(chromium, address, "/criteria", java_script_enabled=False) as page:
        page.select_option("#card", "selfcare")
        page.click("text=Search >> nth=-1")
        assert page.locator("#found [role=status]").inner_text().startswith("1 of")


def test_a_sheet_prints_with_room_to_sign_and_without_the_menu(
    chromium: Browser, address: str
) -> None:
    with opened(chromium, address, "/criteria/E10", color_scheme="dark") as page:
        page.emulate_media(media="print")
        assert not page.locator(".masthead").is_visible()
        assert page.locator("text=Signature").is_visible()
        paper = "getComputedStyle(document.body).backgroundColor"
        assert page.evaluate(paper) == "rgb(255, 255, 255)"


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_violation_in_the_interface(
    chromium: Browser, address: str, axe: str, scheme: str, width: int
) -> None:
    screen = {"width": width, "height": 800}
    with opened(chromium, address, "/docs", color_scheme=scheme, viewport=screen) as page:
        page.wait_for_selector(".opblock")
        assert violations(page, axe) == []
        for route in ("alive", "back-pain-patient-view", "assess"):
            block = page.locator(f"#operations-default-{route}")
            block.locator(".opblock-summary-control").click()
            block.locator(".try-out__btn").click()
        page.wait_for_selector("#operations-default-assess .execute")
        page.wait_for_selector("#operations-default-alive .execute")
        page.click("#operations-default-alive .execute")
        page.locator(".live-responses-table .response .microlight", has_text="ok").wait_for()
        assert violations(page, axe) == []
        assert not scrolls_sideways(page)


def test_the_interface_follows_the_colours_of_the_machine(chromium: Browser, address: str) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    with opened(chromium, address, "/docs", color_scheme="light") as page:
        page.wait_for_selector(".opblock")
        light = page.evaluate(ground)
        page.emulate_media(color_scheme="dark")
        page.wait_for_selector("html.dark-mode")
        assert page.evaluate(ground) != light


def test_the_keyboard_reads_and_calls_the_interface(chromium: Browser, address: str) -> None:
    with opened(chromium, address, "/docs") as page:
        page.wait_for_selector("#operations-default-alive")
        page.focus("#operations-default-alive .opblock-summary-control")
        page.keyboard.press("Enter")
        page.locator("#operations-default-alive .try-out__btn").focus()
        page.keyboard.press("Enter")
        page.locator("#operations-default-alive .execute").focus()
        page.keyboard.press("Enter")
        page.locator(".live-responses-table .response .microlight", has_text="ok").wait_for()


def test_the_interface_says_what_to_do_without_javascript(chromium: Browser, address: str) -> None:
    with opened(chromium, address, "/docs", java_script_enabled=False) as page:
        assert "needs JavaScript" in page.locator("#content").inner_text()


def test_a_criterion_is_found_by_keyboard_alone(chromium: Browser, address: str) -> None:
    with opened(chromium, address, "/criteria") as page:
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.id") == "q"
        every = page.locator("#found [role=status]").inner_text()
        page.keyboard.type("saddle")
        page.locator("#found [role=status]", has_not_text=every).wait_for()
        page.locator("#found h3 a").first.focus()
        page.keyboard.press("Enter")
        page.wait_for_url("**/criteria/E*")


def test_the_interface_can_be_read_and_called(chromium: Browser, address: str) -> None:
    with opened(chromium, address, "/docs") as page:
        page.click("#operations-default-alive .opblock-summary-control")
        page.click("#operations-default-alive .try-out__btn")
        page.click("#operations-default-alive .execute")
        page.locator(".live-responses-table .response .microlight", has_text="ok").wait_for()
