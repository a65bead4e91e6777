"""The page of insight in a real browser: looked at, filtered, signed in to, by every way in."""

from __future__ import annotations

import re
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from cds_service.security.allowed import read_base
from tests.hooks.test_real_fhir_server import NODE
from tests.insight.counting import DAY, SIGN, app_with, count, store_of
from tests.needs import need
from tests.serving import served
from tests.smart.test_browser import FOLDER, log_in, window_on_logins
from tests.waiting import WAIT, free_port
from tests.web.test_browser import WIDTHS, opened, scrolls_sideways, skip_to_content, violations

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

PASSWORD = "correct horse battery"


@contextmanager
def serving(folder: Path, port: int = 0, **settings: Any) -> Iterator[str]:  # noqa: ANN401  as in Settings
    """Serve a service that has counts on a hundred days."""
    app = app_with(folder, **settings)
    for ago in range(0, 100, 3):
        count(store_of(app), *DAY, ago=ago)
    count(store_of(app), ("call", "", "judged", 5), ago=1, service=SIGN)
    with served(app, port) as address:
        yield address
    store_of(app).close()


@pytest.fixture(scope="module")
def insight(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve it openly, as on the machine of whoever tries it."""
    with serving(tmp_path_factory.mktemp("open")) as address:
        yield address


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve it behind the password."""
    with serving(tmp_path_factory.mktemp("locked"), admin_password=PASSWORD) as address:
        yield address


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/insight", "/insight?days=365"])
def test_axe_finds_no_violation_and_nothing_scrolls_sideways(
    chromium: Browser, insight: str, axe: str, path: str, scheme: str, width: int
) -> None:
    screen = {"width": width, "height": 800}
    with opened(chromium, insight, path, color_scheme=scheme, viewport=screen) as page:
        for closed in page.locator("summary").all():
            closed.click()
        assert violations(page, axe) == []
        assert not scrolls_sideways(page)


NOTHING = ["/insight?to=2020-01-31", "/insight?service=assessment"]


@pytest.mark.parametrize("path", NOTHING)
def test_axe_finds_no_violation_where_nothing_is_shown(
    chromium: Browser, insight: str, axe: str, path: str
) -> None:
    with opened(chromium, insight, path) as page:
        expect(page.locator("#found")).to_contain_text("No call in these days")
        assert violations(page, axe) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_shape_is_seen(chromium: Browser, insight: str, scheme: str) -> None:
    filled = "each => [getComputedStyle(each).fill, each.getBoundingClientRect().width]"
    with opened(chromium, insight, "/insight", color_scheme=scheme) as page:
        for shape in (".columns path", ".fill-solid", ".hatch-line"):
            fill, _ = page.locator(shape).first.evaluate(filled)
            assert fill not in {"none", "rgb(0, 0, 0)"}, shape
        bar = page.locator("#r-answers ~ * .fill-hatched").first
        assert bar.get_attribute("fill") == "url(#hatched)", "no rule of the sheet takes its place"
        assert bar.evaluate(filled)[1] > 1
        dashes = "each => getComputedStyle(each).strokeDasharray"
        assert page.locator("polyline.curve-dashed").first.evaluate(dashes) != "none"
        assert page.locator("polyline.curve-solid").first.evaluate(dashes) == "none"


def test_words_keep_their_size_on_a_phone(chromium: Browser, insight: str) -> None:
    with opened(chromium, insight, "/insight", viewport={"width": 320, "height": 640}) as page:
        assert page.locator("svg text").count() == 0
        sizes = page.evaluate(
            "[...document.querySelectorAll('.report p, .report span, .report li')]"
            ".map(each => parseFloat(getComputedStyle(each).fontSize))"
        )
        assert min(sizes) >= 12


def test_a_service_is_chosen_and_the_page_follows(chromium: Browser, insight: str) -> None:
    with opened(chromium, insight, "/insight") as page:
        page.click("#d-calls > summary")
        page.select_option("#service", SIGN)
        page.locator("#found [role=status]", has_text="order-sign").wait_for()
        expect(page.locator(".key-figures dd").first).to_have_text("5")
        expect(page.locator("#d-calls"), "it stays open").to_have_attribute("open", "")
        expect(page).to_have_url(re.compile(f"service={SIGN}"))
        page.click("text=Last 7 days")
        expect(page).to_have_url(re.compile(f"days=7&service={SIGN}"))
        expect(page.locator("[aria-current=true]")).to_have_text("Last 7 days")


def test_days_are_chosen_without_javascript(chromium: Browser, insight: str) -> None:
    with opened(chromium, insight, "/insight", java_script_enabled=False) as page:
        page.fill("#from", "2026-11-19")
        page.fill("#to", "2026-11-19")
        page.click("text=Show >> nth=-1")
        expect(page.locator("#found [role=status]")).to_have_text(re.compile("^2026-11-19 to"))
        page.click("#d-calls > summary")
        with page.expect_download() as download:
            page.click("text=Download “Calls” day by day as CSV")
        assert download.value.suggested_filename == "calls-2026-11-19-2026-11-19.csv"
        lines = download.value.path().read_text(encoding="utf-8").splitlines()
        assert lines == ["day,outcome,calls", "2026-11-19,judged,5"]


def test_what_cannot_be_asked_is_said(chromium: Browser, insight: str, axe: str) -> None:
    with opened(chromium, insight, "/insight?from=2026-12-01", refused=400) as page:
        expect(page.locator("[role=alert]")).to_contain_text("first day comes after the last")
        assert violations(page, axe) == []


def test_the_keyboard_suffices(chromium: Browser, insight: str) -> None:
    with opened(chromium, insight, "/insight") as page:
        skip_to_content(page)
        expect(page.locator("#from")).to_be_focused()
        page.focus("#service")
        for _ in page.locator("#service option").all():
            if page.input_value("#service") == SIGN:
                break
            page.keyboard.press("ArrowDown")
        # What stands for a service on the way is replaced by the next answer, the focus with it.
        page.wait_for_url(f"**service={SIGN}")
        expect(page.locator("#found [role=status]")).to_contain_text("order-sign")
        page.focus("#d-calls > summary")
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        expect(page.locator("#d-calls .table-scroll")).to_be_focused()


# --- signing in ---


def type_password(page: Page, typed: str) -> None:
    page.fill("#password", typed)
    page.click("main >> text=Sign in >> nth=-1")


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without"])
def test_a_wrong_password_and_the_right_one(chromium: Browser, locked: str, scripts: bool) -> None:
    path = "/insight?days=7"
    with opened(chromium, locked, path, refused=401, java_script_enabled=scripts) as page:
        type_password(page, PASSWORD + "x")
        expect(page.locator("[role=alert]")).to_contain_text("This is not the password.")
        expect(page.locator("#password")).to_have_value("")
        type_password(page, PASSWORD)
        page.wait_for_url("**/insight?days=7")
        expect(page.locator("#found")).to_contain_text("Cards sent")
        if scripts:
            assert page.evaluate("document.cookie") == ""
        page.click("text=Sign out")
        page.wait_for_url("**/insight/sign-in")
        page.goto(f"{locked}/insight")
        expect(page.locator("#password")).to_be_visible()


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_violation_where_one_signs_in(
    chromium: Browser, locked: str, axe: str, scheme: str, width: int
) -> None:
    screen = {"width": width, "height": 640}
    with opened(
        chromium, locked, "/insight", refused=401, color_scheme=scheme, viewport=screen
    ) as page:
        assert violations(page, axe) == []
        type_password(page, "wrong")
        page.wait_for_selector("[role=alert]")
        assert violations(page, axe) == []
        assert not scrolls_sideways(page)
        page.keyboard.press("Tab")
        page.focus("#password")
        page.keyboard.type(PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url("**/insight")
        assert violations(page, axe) == []
        assert not scrolls_sideways(page)


@pytest.fixture(scope="module")
def provider() -> Iterator[tuple[str, int]]:
    """Start an OpenID provider that is not ours; give its issuer, and the port we shall have."""
    how = "npm ci --ignore-scripts --prefix tests/smart_server"
    installed = NODE.is_file() and (FOLDER / "node_modules" / "oidc-provider").is_dir()
    need("node", how, present=installed)
    port = free_port()
    environment = {"REDIRECT_URI": f"http://localhost:{port}/insight/callback"}
    with subprocess.Popen(
        [NODE, "openid.mjs"], cwd=FOLDER, env=environment, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}", port
        finally:
            process.terminate()


@pytest.fixture
def patient_with_the_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let it take as long as a busy machine does."""
    monkeypatch.setattr("cds_service.entrance._PATIENCE", WAIT)


@pytest.mark.parametrize(
    ("login", "comes_in"), [("safety", True), ("ada", True), ("somebody", False)]
)
@pytest.mark.usefixtures("patient_with_the_provider")
def test_people_sign_in_at_a_provider(
    chromium: Browser, provider: tuple[str, int], tmp_path: Path, login: str, comes_in: bool
) -> None:
    issuer, port = provider
    settings = {
        "public_url": f"http://localhost:{port}",
        "oidc_issuer": read_base(issuer),
        "oidc_client_id": "insight",
        "oidc_client_secret": "a-secret-of-this-test",
        "oidc_allowed": ("group:cds-safety", "ada@clinic.example"),
    }
    with serving(tmp_path, port, **settings), window_on_logins(chromium) as context:
        page = context.new_page()
        page.goto(f"http://localhost:{port}/insight?days=90")
        page.click("text=Sign in with your account")
        log_in(page, login)
        if comes_in:
            page.wait_for_url("**/insight?days=90")
            expect(page.locator(".sign-out")).to_contain_text(f"{login}@clinic.example")
        else:
            page.wait_for_url("**/insight/callback?**")
            expect(page.locator("[role=alert]")).to_contain_text("not among those")
