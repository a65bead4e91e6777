"""What tests share: the content that ships, and a client of the whole service at a fixed moment."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from cds_service.content.load import load
from tests import browser

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask.testing import FlaskClient
    from playwright.sync_api import Browser

    from cds_service.content.load import Content

# Imported before a test serves: counts would be kept in a folder that is gone when it ends.
importlib.import_module("cds_service.metrics")

# How long an example takes says more of the machine than of the code. The same code gets the same
# examples, so that a change that is refused is the one that broke something.
settings.register_profile("steady", deadline=None, derandomize=True)
settings.load_profile("steady")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--compiled", action="store_true", help="hold that the package under test is compiled"
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what asks for a browser, also by way of another fixture: nobody has to remember it."""
    for item in items:
        if isinstance(item, pytest.Function) and "chromium" in item.fixturenames:
            item.add_marker("browser")


@pytest.fixture(scope="session")
def content() -> Content:
    return load()


@pytest.fixture(scope="session")
def client() -> FlaskClient:
    """Call the service at noon on 20 November 2026; every answer is checked against the rules."""
    # Here, so that the tests of the core need nothing of the edge.
    from cds_service.app import create_app  # noqa: PLC0415
    from cds_service.settings import Settings  # noqa: PLC0415
    from tests.protocol import CheckedClient  # noqa: PLC0415
    from tests.records import NOW  # noqa: PLC0415

    app = create_app(Settings(), now=lambda: NOW)
    app.test_client_class = CheckedClient
    return app.test_client()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Start Debian's chromium."""
    with browser.started() as running:
        yield running


@pytest.fixture(scope="session")
def axe() -> str:
    """Return axe's code, to be run inside a page."""
    return browser.axe_code()
