"""The image's own command lines, run here: what it installs, how it starts, how it is looked after.

No container runs: paths of the image are put into a folder, the interpreter is that of the tests
instead of the base image's, and the service listens on loopback.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.needs import need
from tests.records import SERVICE, condition, hook_request, whole_prefetch
from tests.waiting import WAIT, free_port, until

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
# What stands for the interpreter of the base image.
BASE = Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"
# Absolute paths of the image that its command lines name.
PLACES = re.compile(r"(?<![\w.])/(opt|wheels|data)(?=/|\b)")
OUT_OF_REACH = re.compile(r"No matching distribution|Could not find a version|Connection|Timeout")


@dataclass(frozen=True)
class Step:
    """An instruction of a Dockerfile, its lines put together."""

    name: str
    words: str

    @property
    def listed(self) -> list[str]:
        """Return the words of an instruction that is written as a JSON list."""
        words: list[str] = json.loads(self.words[self.words.index("[") :])
        return words


def stages() -> list[list[Step]]:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    joined = re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE))
    found: list[list[Step]] = []
    for line in filter(None, joined.splitlines()):
        name, _, words = line.partition(" ")
        if name == "FROM":
            found.append([])
        found[-1].append(Step(name, words))
    return found


BUILD, IMAGE = stages()


def the(name: str) -> Step:
    (found,) = (step for step in IMAGE if step.name == name)
    return found


def environment() -> dict[str, str]:
    """Return what the image sets."""
    return dict(re.findall(r"(\w+)=(\S+)", the("ENV").words))


@dataclass(frozen=True)
class Installed:
    """A folder that stands for the root of the image's file system."""

    root: Path

    def here(self, words: str) -> str:
        return PLACES.sub(lambda place: f"{self.root}/{place[1]}", words)

    @property
    def path(self) -> str:
        return self.here(environment()["PATH"]).replace("$PATH", os.environ["PATH"])

    def run(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            words, cwd=self.root / "data", env=self.environment(**more), check=False,
            capture_output=True, text=True, timeout=WAIT,
        )  # fmt: skip

    def environment(self, **more: str) -> dict[str, str]:
        return environment() | {"PATH": self.path} | more


def built(root: Path) -> Installed:
    """Run the build: every COPY of what is sent to the engine, and every RUN."""
    image = Installed(root)
    source = root / "src"
    for folder in ("src", "opt", "data"):
        (root / folder).mkdir()
    arguments: dict[str, str] = {}
    for step in BUILD:
        if step.name == "ARG":
            name, _, value = step.words.partition("=")
            arguments[name] = value
        elif step.name == "COPY":
            *sources, target = step.words.split()
            for each in sources:
                _copy(ROOT / each, source / target / ("" if each.endswith("/") else each))
        elif step.name == "RUN":
            _build(image, step.words, source, arguments)
    return image


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target)


def _build(image: Installed, words: str, source: Path, arguments: dict[str, str]) -> None:
    # pip's cache is the developer's own; in an image it would only take room.
    words = image.here(words).replace("--no-cache-dir ", "")
    words = re.sub(r"(^|&& )python ", rf"\1{BASE} ", words)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    ran = subprocess.run(
        ["sh", "-euc", words], cwd=source, env=kept | arguments, check=False, capture_output=True,
        text=True,
    )  # fmt: skip
    if ran.returncode and "HASH" not in ran.stderr.upper():
        problem = next((x for x in ran.stderr.splitlines() if OUT_OF_REACH.search(x)), None)
        need("index", f"pip reaches none ({problem})", present=problem is None)
    assert ran.returncode == 0, ran.stderr


@pytest.mark.slow
def test_the_images_command_lines(tmp_path: Path) -> None:
    """In one test: it takes some minutes to build what the rest looks at."""
    missing = subprocess.run(
        ["sh", ROOT / ".ci/compiler", BASE], capture_output=True, text=True, check=True
    ).stdout.strip()
    need("cc", missing, present=not missing)
    image = built(tmp_path)
    holds_the_service_and_nothing_to_install_more(image)
    runs_compiled(image)
    has_the_content_of_the_checkout(image)
    answers_no_strangers_unless_somebody_says_so(image)
    with running(image) as (process, port):
        starts_is_found_healthy_answers_and_stops(image, process, port)


def holds_the_service_and_nothing_to_install_more(image: Installed) -> None:
    told = image.run(*the("ENTRYPOINT").listed, "version")
    assert (told.returncode, told.stderr) == (0, "")
    assert "content sha256:" in told.stdout
    programs = {each.name for each in (image.root / "opt/cds/bin").iterdir()}
    assert "cds-service" in programs
    assert not {each for each in programs if each.startswith("pip")}
    assert image.run("python", "-c", "import pip").returncode == 1
    assert image.run("python", "-c", "import psycopg, cds_service").returncode == 0


def runs_compiled(image: Installed) -> None:
    asked = "from cds_service.fhir import find, validate; print(find.__file__, validate.__file__)"
    compiled, plain = image.run("python", "-c", asked).stdout.split()
    assert compiled.endswith(tuple(EXTENSION_SUFFIXES))
    assert plain.endswith(".py")


def has_the_content_of_the_checkout(image: Installed) -> None:
    packed = image.run("cds-service", "check")
    ours = subprocess.run(
        [sys.executable, "-m", "cds_service", "check"], capture_output=True, text=True, check=True
    )
    assert (packed.returncode, packed.stdout) == (0, ours.stdout)


def answers_no_strangers_unless_somebody_says_so(image: Installed) -> None:
    ended = image.run(*the("ENTRYPOINT").listed, *the("CMD").listed)
    assert ended.returncode == 2
    assert "set CDS_OPEN=yes" in ended.stderr


@contextmanager
def running(image: Installed) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Start what the image starts, on a port of loopback."""
    port = free_port()
    bind = environment()["CDS_BIND"].replace("0.0.0.0:8000", f"127.0.0.1:{port}")
    with subprocess.Popen(
        [*the("ENTRYPOINT").listed, *the("CMD").listed, "--workers", "1"],
        cwd=image.root / "data", env=image.environment(CDS_BIND=bind), stderr=subprocess.PIPE,
        text=True, executable=image.root / "opt/cds/bin/cds-service",
    ) as process:  # fmt: skip
        yield process, port
        process.kill()


def starts_is_found_healthy_answers_and_stops(
    image: Installed, process: subprocess.Popen[str], port: int
) -> None:
    words = the("HEALTHCHECK")
    check = [each.replace(":8000/", f":{port}/") for each in words.listed]

    def found_healthy() -> bool:
        assert process.poll() is None, "it ended"
        return image.run(*check).returncode == 0

    until(found_healthy, "it to be found healthy")
    body = json.dumps(hook_request(whole_prefetch(condition()))).encode()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT)
    connection.request("POST", SERVICE, body, {"Content-Type": "application/json"})
    assert json.load(connection.getresponse())["cards"]
    connection.close()
    process.send_signal(getattr(signal, the("STOPSIGNAL").words))
    assert process.wait(WAIT) == 0
    assert image.run(*check).returncode != 0
    written = {each.name for each in (image.root / "data").iterdir()}
    assert {each.split(".db")[0] for each in written} == {"cds-service"}
