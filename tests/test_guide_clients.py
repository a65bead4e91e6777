"""The guide's plain client: every command of docs/integrate.md that calls the service is run."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.test_readme import INTEGRATE, Shown, shown
from tests.test_serve import Running, environment

if TYPE_CHECKING:
    from collections.abc import Iterator

SECTION = INTEGRATE[
    INTEGRATE.index("### A plain client") : INTEGRATE.index("### CDS Hooks Sandbox")
]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("client")
    service = Running(folder / "log", CDS_DATABASE_URL=f"sqlite:///{folder / 'service.db'}")
    yield service
    service.stop()


@pytest.mark.skipif(shutil.which("curl") is None, reason="the guide calls the service with curl")
@pytest.mark.parametrize("each", shown(SECTION), ids=lambda each: each.name[:40])
def test_a_call_of_the_guide_answers_what_the_guide_shows(each: Shown, running: Running) -> None:
    command = each.command.replace("localhost:8000", f"127.0.0.1:{running.port}")
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        env=environment(),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == ""
    assert each.output
    assert each.agrees(ran.stdout), ran.stdout
