"""An EHR that can launch our form, and a browser at the service that it knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.smart.stub_ehr import app_for, launching

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask.testing import FlaskClient

    from tests.smart.stub_ehr import Ehr


@pytest.fixture
def ehr() -> Iterator[Ehr]:
    with launching() as ehr:
        yield ehr


@pytest.fixture
def browser(ehr: Ehr) -> FlaskClient:
    return app_for(ehr).test_client()
