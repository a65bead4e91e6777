"""Whatever a body holds, it is answered or refused, and the service is the same afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults.hostile import KINDS, attacks
from tests.faults.siege import Siege

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def siege(tmp_path: Path) -> Iterator[Siege]:
    besieged = Siege(tmp_path)
    yield besieged
    assert besieged.service.stop() == 0


def test_no_body_harms_the_service(siege: Siege) -> None:
    summaries, _ = siege.normal()
    seen = siege.run(300, seed=20)
    assert not seen.wrong
    assert set(seen.statuses) == {kind for kind, _ in KINDS}
    assert seen.total[200] > 10, "some go through as far as the cards"
    assert seen.total[400] > 50
    assert siege.normal()[0] == summaries
    assert not siege.faults_logged()


def test_a_seed_gives_the_same_bodies() -> None:
    one, again, other = (list(attacks(100, seed)) for seed in (3, 3, 4))
    assert (one == again, one == other) == (True, False)
