"""Every journey is listened to: nothing of a patient may stand in its logs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import orjson
import pytest

from cds_service.samples import as_of_today, samples
from tests.logged import everything_logged, leaked
from tests.records import NOW

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def patients() -> list[object]:
    """Return all that the samples and the journeys tell of patients."""
    stories = [orjson.loads(each.read_bytes()) for each in Path(__file__).parent.glob("*.json")]
    bundles = [as_of_today(each, NOW) for each in samples().values()]
    return [*(story["request"] for story in stories), *bundles]


@pytest.fixture(autouse=True)
def listened_to(request: pytest.FixtureRequest, patients: list[object]) -> Iterator[None]:
    with everything_logged() as log:
        yield
    assert leaked(log.getvalue(), *patients) == set()
    if "client" in request.fixturenames:
        assert '"answered"' in log.getvalue(), "it was listened to"
