"""The guide's own caller: what docs/integrate.md says about tokens is run as it stands there."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cds_service.security.callers import OPEN_TO_ALL
from cds_service.security.clients import _FIELDS, Client
from cds_service.security.tokens import REASONS
from tests.test_readme import INTEGRATE, Shown, fenced, shown
from tests.test_serve import Running, environment

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
(CALLER,) = [each for each in fenced(INTEGRATE, "python") if "jwt.encode" in each]
FIRST, RUN, *CALLS = shown(INTEGRATE[INTEGRATE.index("### Try it with a key of your own") :])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the guide's caller, which has run once."""
    folder = tmp_path_factory.mktemp("guide")
    (folder / "caller.py").write_text(CALLER, encoding="utf-8")
    assert run(FIRST.command, folder) == ""
    return folder


@pytest.fixture(scope="module")
def service(folder: Path) -> Iterator[Running]:
    """Start the service as the guide says, but on a free port."""
    settings = dict(re.findall(r"(CDS_\w+)=(\S+)", RUN.command))
    settings["CDS_CLIENTS"] = str(folder / settings["CDS_CLIENTS"])
    running = Running(folder / "log", **settings)
    yield running
    running.stop()


def run(command: str, folder: Path) -> str:
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command.replace(".venv/bin/python", sys.executable)],
        cwd=folder,
        env=environment(),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == ""
    return ran.stdout


@pytest.mark.skipif(shutil.which("curl") is None, reason="the guide calls the service with curl")
@pytest.mark.parametrize("each", CALLS, ids=lambda each: each.command[:20])
def test_the_guides_calls(each: Shown, folder: Path, service: Running) -> None:
    # Tokens are for the public address, so only curl is sent to another port.
    command = each.command.replace(" localhost:8000", f" 127.0.0.1:{service.port}")
    output = run(command, folder)
    assert each.output
    assert each.agrees(output), output


def test_the_guide_lists_every_key_of_a_client_with_its_default() -> None:
    table = INTEGRATE[INTEGRATE.index("## Who may call") : INTEGRATE.index("### Try it with")]
    rows = {
        name: default
        for names, default in re.findall(r"^\| (`.+?) \| .* \| ?(.*?) ?\|$", table, re.MULTILINE)
        for name in re.findall(r"`(\w+)`", names)
    }
    assert set(rows) == set(_FIELDS)
    client = Client("x")
    assert re.findall(r"\w+", rows["algorithms"]) == list(client.algorithms)
    assert int(rows["maxLifetime"]) == client.max_lifetime
    assert int(rows["leeway"]) == client.leeway


def test_the_guide_names_every_route_without_a_token() -> None:
    (sentence,) = re.findall(r"A browser's preflight, (.*?) carry none", INTEGRATE, re.DOTALL)
    assert set(re.findall(r"`(\S+)`", sentence)) == OPEN_TO_ALL


def test_the_guide_shows_a_line_of_the_log_as_it_is() -> None:
    (reason, words) = re.findall(
        r"^refused a token \((\w+)\): (.+?); iss '", INTEGRATE, re.MULTILINE
    )[0]
    assert REASONS[reason] == words
