"""The first page: what runs here, and how it is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from cds_service import __version__
from cds_service.app import create_app
from cds_service.hooks.services import SERVICES
from cds_service.journal import Health
from cds_service.settings import Settings
from cds_service.store.store import Store
from tests.records import NOW
from tests.signing import PUBLIC_URL, write_clients

if TYPE_CHECKING:
    from pathlib import Path

    from flask.testing import FlaskClient


def client(**settings: object) -> FlaskClient:
    return create_app(Settings(**settings), now=lambda: NOW).test_client()  # type: ignore[arg-type]  # as each test sets them


def test_it_says_what_runs_here() -> None:
    browser = client()
    page = browser.get("/").text
    ready = browser.get("/readyz").get_json()
    for said in (__version__, ready["profile"], ready["contentDigest"], "In order"):
        assert said in page
    for service in SERVICES.values():
        assert service.id in page
        assert service.hook in page
    assert "http://localhost/cds-services" in page
    assert "Shadow mode" not in page


def test_every_page_it_leads_to_is_there() -> None:
    browser = client()
    addresses = set(re.findall(r'href="(/[^"]*)"', browser.get("/").text))
    assert {"/", "/form", "/criteria", "/docs", "/readyz"} <= addresses
    for address in addresses:
        with browser.get(address) as answer:
            assert answer.status_code == 200, address


def test_where_callers_are_asked_it_leads_to_nothing_that_asks(tmp_path: Path) -> None:
    browser = client(
        clients=write_clients(tmp_path),
        public_url=PUBLIC_URL,
        database=f"sqlite:///{tmp_path}/store.db",
    )
    for page in ("/", "/criteria", "/docs"):
        links = set(re.findall(r'href="(/[^"]*)"', browser.get(page).text))
        assert links.isdisjoint({"/try", "/form", "/insight"}), page
        for address in links:
            with browser.get(address) as answer:
                assert answer.status_code == 200, address
    browser.application.extensions["journal"].close()


def test_the_menu_says_where_one_is() -> None:
    browser = client()
    for page in ("/", "/try", "/form", "/criteria", "/insight", "/docs"):
        assert f'<a href="{page}" aria-current="page">' in browser.get(page).text


def test_shadow_mode_and_what_is_switched_off_are_said() -> None:
    page = client(shadow=True, topics_off={"*": frozenset({"selfcare"})}).get("/").text
    assert "Shadow mode." in page
    assert page.count("Switched off here: selfcare") == len(SERVICES)


STATES = {
    "in order": (Health(reachable=True), "In order", "every judged call is kept"),
    "catching up": (Health(reachable=True, spooled=3), "In order", "3 rows wait to be written"),
    "away": (Health(reachable=False, spooled=2), "Needs attention", "2 rows wait on the disk"),
    "losing": (
        Health(reachable=False, spooled=9, lost=4, keeping=False),
        "Needs attention",
        "4 judged calls are lost",
    ),
}


@pytest.mark.parametrize(("health", "state", "words"), STATES.values(), ids=STATES)
def test_the_store_is_told_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, health: Health, state: str, words: str
) -> None:
    browser = client(database=f"sqlite:///{tmp_path}/store.db")
    monkeypatch.setattr(Store, "health", lambda _: health)
    page = browser.get("/").text
    assert state in page
    assert words in page
