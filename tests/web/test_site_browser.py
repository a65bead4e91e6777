"""The pages about the service in a real browser, used as a person would."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.web.test_browser import WIDTHS, opened, scrolls_sideways, skip_to_content, violations

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

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
        expect(page).to_have_url(re.compile(r"\?q=G83\.4\+bladder&card=$"))
        expect(page.locator("#q")).to_be_focused()
        page.click("#found a >> nth=-1")
        expect(page.locator("h1")).to_contain_text("bladder")


def test_a_search_works_without_javascript(chromium: Browser, address: str) -> None:
    with opened(chromium, address, "/criteria", java_script_enabled=False) as page:
        page.select_option("#card", "selfcare")
        page.click("text=Search >> nth=-1")
        expect(page.locator("#found [role=status]")).to_have_text(re.compile("^1 of"))


def test_a_sheet_prints_with_room_to_sign_and_without_the_menu(
    chromium: Browser, address: str
) -> None:
    with opened(chromium, address, "/criteria/E10", color_scheme="dark") as page:
        page.emulate_media(media="print")
        expect(page.locator(".masthead")).to_be_hidden()
        expect(page.locator("text=Signature")).to_be_visible()
        expect(page.locator("body")).to_have_css("background-color", "rgb(255, 255, 255)")


ANSWER = ".live-responses-table .response .microlight"


def begin_to_try(page: Page, route: str) -> None:
    """Open a route of the interface, and press its “Try it out” once all of it is shown."""
    block = page.locator(f"#operations-default-{route}")
    block.locator(".opblock-summary-control").click()
    block.locator(".responses-wrapper").wait_for()
    block.locator(".try-out__btn").click()
    block.locator(".execute").wait_for()


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_violation_in_the_interface(
    chromium: Browser, address: str, axe: str, scheme: str, width: int
) -> None:
    screen = {"width": width, "height": 800}
    with opened(chromium, address, "/docs", color_scheme=scheme, viewport=screen) as page:
        page.wait_for_selector(".opblock")
        page.wait_for_selector("section.models")
        assert violations(page, axe) == []
        for route in ("alive", "back-pain-patient-view", "assess"):
            begin_to_try(page, route)
        page.click("#operations-default-alive .execute")
        page.locator(ANSWER, has_text="ok").wait_for()
        assert violations(page, axe) == []
        assert not scrolls_sideways(page)


def test_the_interface_follows_the_colours_of_the_machine(chromium: Browser, address: str) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    with opened(chromium, address, "/docs", color_scheme="light") as page:
        page.wait_for_selector(".opblock")
        light = page.evaluate(ground)
        page.emulate_media(color_scheme="dark")
        page.wait_for_selector("html.dark-mode")
        expect(page.locator("body")).not_to_have_css("background-color", light)


def test_nothing_moves_in_the_interface_for_who_asks_for_no_motion(
    chromium: Browser, address: str
) -> None:
    moved = """() => [...document.querySelectorAll("#swagger-ui *")].filter(each => {
        const { animationName, transitionDuration } = getComputedStyle(each);
        return animationName !== "none" || !/^0s(, 0s)*$/.test(transitionDuration);
    }).map(each => each.className)"""
    with opened(chromium, address, "/docs") as page:
        page.emulate_media(reduced_motion="reduce")
        page.wait_for_selector("section.models")
        begin_to_try(page, "alive")
        assert page.evaluate(moved) == []


def test_the_keyboard_reads_and_calls_the_interface(chromium: Browser, address: str) -> None:
    with opened(chromium, address, "/docs") as page:
        page.wait_for_selector("#operations-default-alive")
        page.focus("#operations-default-alive .opblock-summary-control")
        page.keyboard.press("Enter")
        page.locator("#operations-default-alive .try-out__btn").focus()
        page.keyboard.press("Enter")
        page.locator("#operations-default-alive .execute").focus()
        page.keyboard.press("Enter")
        page.locator(ANSWER, has_text="ok").wait_for()


def test_the_interface_says_what_to_do_without_javascript(chromium: Browser, address: str) -> None:
    with opened(chromium, address, "/docs", java_script_enabled=False) as page:
        seen = page.locator("#content")
        expect(seen).to_contain_text("needs JavaScript", use_inner_text=True)


def test_a_criterion_is_found_by_keyboard_alone(chromium: Browser, address: str) -> None:
    with opened(chromium, address, "/criteria") as page:
        skip_to_content(page)
        expect(page.locator("#q")).to_be_focused()
        every = page.locator("#found [role=status]").inner_text()
        page.keyboard.type("saddle")
        # What stands for half a word is replaced by the next answer, and the focus with it.
        page.wait_for_url("**?q=saddle&card=")
        expect(page.locator("#found [role=status]")).not_to_have_text(every)
        page.locator("#found h3 a").first.focus()
        page.keyboard.press("Enter")
        page.wait_for_url("**/criteria/E*")


def test_the_interface_can_be_read_and_called(chromium: Browser, address: str) -> None:
    with opened(chromium, address, "/docs") as page:
        begin_to_try(page, "alive")
        page.click("#operations-default-alive .execute")
        page.locator(ANSWER, has_text="ok").wait_for()
