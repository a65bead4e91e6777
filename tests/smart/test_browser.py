"""The whole launch in a real browser, at an EHR that this project did not write.

That is oidc-provider and Medplum's FHIR router (`tests/smart_server`). The browser knows the
service as localhost and the EHR as 127.0.0.1: two sites, as they are in earnest.
"""

from __future__ import annotations

import re
import subprocess
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import orjson
import pytest
from fhir.resources.R4B.questionnaireresponse import QuestionnaireResponse
from playwright.sync_api import expect

from cds_service.app import create_app
from cds_service.security.allowed import read_base
from cds_service.settings import SCOPES, Settings
from tests.browser import window
from tests.hooks.test_real_fhir_server import FOLDER as FHIR_SERVER
from tests.hooks.test_real_fhir_server import NODE, TOKEN, put
from tests.needs import need
from tests.records import NOW, condition, patient
from tests.serving import served
from tests.waiting import WAIT, free_port
from tests.web.test_browser import scrolls_sideways, violations

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, BrowserContext, Page

FOLDER = FHIR_SERVER.parent / "smart_server"
PATIENT = "ada"
LAUNCH = "a-launch-of-this-test"
FIRST = "night-pain"


@pytest.fixture(scope="module")
def port() -> int:
    """Return the port of the service, which the EHR has to know before either starts."""
    return free_port()


@pytest.fixture(scope="module")
def base(port: int) -> Iterator[str]:
    """Start the EHR, with a patient who has back pain, and return its base URL."""
    how = "npm ci --ignore-scripts --prefix tests/smart_server, and the same for tests/fhir_server"
    installed = NODE.is_file() and (FOLDER / "node_modules" / "oidc-provider").is_dir()
    need("node", how, present=installed)
    environment = {
        "TOKEN": TOKEN,
        "LAUNCH": LAUNCH,
        "PATIENT": PATIENT,
        "APP_CONTEXT": orjson.dumps({"unanswered": [FIRST]}).decode(),
        "REDIRECT_URI": f"http://localhost:{port}/smart/callback",
        "SCOPES": SCOPES,
    }
    with subprocess.Popen(
        [NODE, "server.mjs"], cwd=FOLDER, env=environment, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        url = f"http://127.0.0.1:{int(process.stdout.readline())}/fhir"
        try:
            subject = {"reference": f"Patient/{PATIENT}"}
            name = [{"given": ["Ada"], "family": "Sample"}]
            put(url, patient(id=PATIENT, name=name))
            put(url, condition(since=20, id="pain", subject=subject))
            yield url
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def service(base: str, port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve what the EHR may launch, with its sessions in a database."""
    address = f"http://localhost:{port}"
    folder = tmp_path_factory.mktemp("store")
    settings = Settings(
        public_url=address,
        smart_client_id="red-flag-form",
        smart_client_secret="a-secret-of-this-test",
        smart_issuers=(read_base(base),),
        fhir_deadline=WAIT,
        database=f"sqlite:///{folder}/store.db",
    )
    app = create_app(settings, now=lambda: NOW)
    with served(app, port):
        yield address
    app.extensions["journal"].close()


@contextmanager
def window_on_logins(chromium: Browser, **how: Any) -> Iterator[BrowserContext]:  # noqa: ANN401  the options of a context
    """Open a window for the login page of oidc-provider, which wants a font from elsewhere."""
    elsewhere = re.compile(r"^https?://(?!localhost|127\.0\.0\.1)")
    with window(chromium, **how) as context:
        context.route(elsewhere, lambda route: route.abort())
        yield context


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    with window_on_logins(chromium) as context:
        yield context


def log_in(page: Page, login: str = "a-clinician") -> None:
    """Log in at oidc-provider, and grant what is asked for."""
    page.fill("[name=login]", login)
    page.fill("[name=password]", "anything")
    page.click("[type=submit]")
    page.click("text=Continue")


def saved(base: str) -> list[dict[str, Any]]:
    request = urllib.request.Request(  # noqa: S310  http on loopback, to the server started here
        f"{base}/QuestionnaireResponse?subject=Patient/{PATIENT}",
        headers={"Authorization": f"Bearer {TOKEN}"},
    )
    with urllib.request.urlopen(request, timeout=WAIT) as response:  # noqa: S310  the same
        bundle = orjson.loads(response.read())
    return [entry["resource"] for entry in bundle.get("entry", [])]


def test_an_ehr_launches_the_form_and_gets_the_answers(
    context: BrowserContext, service: str, base: str
) -> None:
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{service}/smart/launch?iss={base}&launch={LAUNCH}")
    log_in(page)
    page.wait_for_url(f"{service}/smart/form")

    # Filled from the record, and the card's question first.
    expect(page.locator(".patient")).to_have_text(re.compile("^Patient: Ada Sample, born"))
    expect(page.locator("[name=back-pain]:checked")).to_have_attribute("value", "373066001")
    expect(page.locator("fieldset.question").first).to_have_id(f"q-{FIRST}")

    # Followed live, then judged and saved.
    page.locator("#q-saddle-numbness > .answers label", has_text="Yes").first.click()
    page.locator("#live-result").get_by_text("Critical · Emergency care").wait_for()
    page.click("text=Save in the EHR and show what follows")
    expect(page.locator("[role=status]")).to_have_text("The answers are saved in the EHR.")
    expect(page.locator("#card-1")).to_contain_text("Send to emergency care now")
    (response,) = saved(base)
    QuestionnaireResponse.model_validate(response)
    assert response["subject"]["reference"] == f"Patient/{PATIENT}"
    with page.expect_download() as download:
        page.click("text=Download the answers")
    assert download.value.suggested_filename == "red-flags.json"

    # What stood in addresses: the flow's own words, no token, nothing of the patient.
    ours = [url for url in asked if url.startswith(service)]
    named = {name for url in ours for name, _ in parse_qsl(urlsplit(url).query)}
    assert named == {"iss", "launch", "code", "state"}
    assert not any(word in url for url in asked for word in (TOKEN, PATIENT, "access_token"))
    # The key of the session is out of reach for scripts.
    assert page.evaluate("document.cookie") == ""
    assert {each["name"] for each in context.cookies(service)} >= {"cds-form"}


def test_the_form_opens_by_itself_for_a_patient_that_the_ehr_chooses(
    context: BrowserContext, service: str
) -> None:
    page = context.new_page()
    page.goto(f"{service}/smart/launch")
    log_in(page)
    page.wait_for_url(f"{service}/smart/form")
    expect(page.locator(".patient")).to_contain_text("Ada Sample")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_violation(
    chromium: Browser, axe: str, service: str, base: str, scheme: str
) -> None:
    screen = {"width": 320, "height": 640}
    with window_on_logins(chromium, color_scheme=scheme, viewport=screen) as context:
        page = context.new_page()
        page.goto(f"{service}/smart/launch?iss={base}&launch={LAUNCH}")
        log_in(page)
        page.wait_for_url(f"{service}/smart/form")
        assert violations(page, axe) == []
        assert not scrolls_sideways(page)
        page.locator("#q-saddle-numbness > .answers label", has_text="Yes").first.click()
        page.click("text=Save in the EHR and show what follows")
        page.wait_for_selector("#card-1")
        assert violations(page, axe) == []
        page.goto(f"{service}/smart/callback")
        assert violations(page, axe) == []
        assert not scrolls_sideways(page)


def test_a_clinician_who_declines(context: BrowserContext, service: str, base: str) -> None:
    page = context.new_page()
    page.goto(f"{service}/smart/launch?iss={base}&launch={LAUNCH}")
    page.click("text=Cancel")
    page.wait_for_url(f"{service}/smart/callback?**")
    expect(page.locator("[role=alert]")).to_contain_text("access_denied")


def test_another_launch_than_the_ehr_began(
    context: BrowserContext, service: str, base: str
) -> None:
    page = context.new_page()
    answer = page.goto(f"{service}/smart/launch?iss={base}&launch=another")
    assert answer is not None
    assert answer.status == 400, "the EHR refuses it"
    assert context.request.get(f"{service}/smart/form").status == 403
