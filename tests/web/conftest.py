"""The whole service on a free port, for the tests of the pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cds_service.app import create_app
from cds_service.settings import Settings
from tests.records import NOW
from tests.serving import served

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    """Serve the whole service on a free port, at noon on 20 November 2026."""
    with served(create_app(Settings(), now=lambda: NOW)) as address:
        yield address
