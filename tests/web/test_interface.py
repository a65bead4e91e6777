"""Swagger UI on a page of our own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from cds_service.app import create_app
from cds_service.settings import Settings
from tests.web.test_form import POLICY

if TYPE_CHECKING:
    from flask.testing import FlaskClient


@pytest.fixture(scope="module")
def browser() -> FlaskClient:
    return create_app(Settings()).test_client()


def test_its_policy_allows_its_icons_and_nothing_else(browser: FlaskClient) -> None:
    policy = browser.get("/docs").headers["Content-Security-Policy"]
    assert policy == f"{POLICY}; img-src data:"


@pytest.mark.parametrize("path", ["/", "/criteria", "/criteria/E10"])
def test_the_other_pages_allow_no_image(browser: FlaskClient, path: str) -> None:
    assert browser.get(path).headers["Content-Security-Policy"] == POLICY


@pytest.mark.parametrize("path", ["/", "/criteria", "/criteria/E10", "/docs"])
def test_all_files_are_ours_and_nothing_stands_inline(browser: FlaskClient, path: str) -> None:
    page = browser.get(path)
    assert page.headers["Cache-Control"] == "no-store"
    loaded = re.findall(r'<(?:script|link|img)[^>]*(?:src|href)="([^"]+)"', page.text)
    assert loaded
    for address in loaded:
        assert address.startswith("/")
        with browser.get(address) as file:
            assert file.status_code == 200
    assert not re.search(r"<style|<script>|\sstyle=|\son[a-z]+=|javascript:", page.text)
