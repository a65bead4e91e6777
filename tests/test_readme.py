"""What README and docs/ show is what happens: commands are run, tables are compared."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cds_service import cli
from cds_service.content.findings import Carrier, Reading
from cds_service.content.load import load
from cds_service.fhir.judge import Judge
from cds_service.fhir.record import read_bundle
from cds_service.hooks.prefetch import KEYS, templates
from cds_service.hooks.services import SERVICES
from cds_service.samples import samples, written_moment

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
PAGES = sorted([ROOT / "README.md", ROOT / "SECURITY.md", *ROOT.glob("docs/*.md")])
README = (ROOT / "README.md").read_text(encoding="utf-8")
INTEGRATE = (ROOT / "docs" / "integrate.md").read_text(encoding="utf-8")
VALIDATION = (ROOT / "docs" / "validation.md").read_text(encoding="utf-8")
EXAMPLE = (ROOT / "docs" / "add-a-criterion.md").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Shown:
    """A command that a page shows, and the output that it shows below."""

    command: str
    output: str

    @property
    def name(self) -> str:
        return " ".join(self.command.split())[:60]

    def agrees(self, output: str) -> bool:
        """Tell whether the output is as shown; "…" stands for anything."""
        parts = [re.escape(_flat(part)) for part in self.output.split("…")]
        return re.fullmatch(".*".join(parts), _flat(output)) is not None


def _flat(text: str) -> str:
    """Return a text without its spaces: JSON may be laid out for reading, lines may be wrapped."""
    return re.sub(r"\s+", "", text)


def fenced(page: str, language: str) -> list[str]:
    """Return the fenced blocks of a page that are marked with a language, or with none."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", page, flags=re.DOTALL | re.MULTILINE)
    return [text for marked, text in found if marked == language]


def shown(page: str) -> list[Shown]:
    """Return the commands of a page's console blocks: `$ `, then its lines, then the output."""
    found = []
    for block in fenced(page, "console"):
        for entry in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            lines = entry.splitlines()
            count = 1
            while count < len(lines) and not _whole("\n".join(lines[:count])):
                count += 1
            found.append(Shown("\n".join(lines[:count]), "\n".join(lines[count:])))
    return found


def _whole(text: str) -> bool:
    """Tell whether bash takes a text for a whole command."""
    ran = subprocess.run(["bash", "-n", "-c", text], capture_output=True, check=False)
    return ran.returncode == 0 and not text.endswith("\\")


COMMANDS = shown(README)
RUN = [each for each in COMMANDS if not each.command.startswith("make ")]
MADE = [each for each in COMMANDS if each.command.startswith("make ")]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Start the service on a free port, and yield where it listens."""
    environment = _environment()
    command = [sys.executable, "-m", "cds_service", "serve", "--bind", "127.0.0.1:0"]
    with subprocess.Popen(
        [*command, "--workers", "1"], env=environment, stderr=subprocess.PIPE, encoding="utf-8"
    ) as server:
        assert server.stderr is not None
        said = ""
        for line in server.stderr:
            said += line
            listening = re.search(r"Listening at: http://(\S+)", line)
            if listening:
                yield listening[1]
                break
        else:
            pytest.fail(f"the service did not start: {said}")
        server.terminate()
        server.stderr.read()


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CDS_")}
    kept["CDS_DATABASE_URL"] = "none"  # it would leave its file in the checkout
    return kept | {"COLUMNS": "80", "NO_COLOR": "1", "PYTHONIOENCODING": "utf-8"}


def test_the_readme_shows_the_two_commands_a_call_and_the_command_line() -> None:
    assert [each.command for each in MADE] == ["make run", "make test"]
    joined = " ".join(each.command for each in RUN)
    for part in ("cds-services/back-pain-patient-view", "api/v1/assessments", "assess", "check"):
        assert part in joined


@pytest.mark.skipif(shutil.which("curl") is None, reason="README calls the service with curl")
@pytest.mark.parametrize("each", RUN, ids=lambda each: each.name)
def test_a_command_of_the_readme_answers_what_the_readme_shows(each: Shown, address: str) -> None:
    command = each.command.replace("localhost:8000", address).replace(
        ".venv/bin/", f"{Path(sys.executable).parent}/"
    )
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        cwd=ROOT,
        env=_environment(),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == ""
    assert each.output, "show what it answers"
    assert each.agrees(ran.stdout), ran.stdout


def test_make_has_the_commands_of_the_readme() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert {f"make {name}" for name in re.findall(r"^([a-z-]+):.*##", makefile, re.MULTILINE)} >= {
        *(each.command for each in MADE),
        *re.findall(r"`(make [a-z-]+)`", README),
    }


def test_the_readme_lists_every_command_and_no_other() -> None:
    listed = re.findall(r"^\| `cds-service (\w+)", README, flags=re.MULTILINE)
    parser = cli.parser()
    assert sorted(listed) == sorted(parser._subparsers._group_actions[0].choices)  # type: ignore[union-attr,arg-type]


def test_the_readme_counts_the_samples() -> None:
    assert f"| {len(samples())} invented patients" in README


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_within_the_repository_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_to_a_heading_finds_it(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]*\.md|)#([^)]+)", page.read_text(encoding="utf-8"))
    lost = [
        (name, anchor)
        for name, anchor in links
        if anchor not in anchors(page.parent / name if name else page)
    ]
    assert lost == []


def anchors(page: Path) -> set[str]:
    """Return what headings of a page are known by: lower case, words joined, signs left out."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_code_block_is_closed_and_every_table_is_even(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert len(re.findall(r"^```", text, flags=re.MULTILINE)) % 2 == 0
    widths = 0
    for line in re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE).splitlines():
        cells = len(re.findall(r"(?<!\\)\|", line)) if line.startswith("|") else 0
        assert not widths or not cells or cells == widths, line
        widths = cells


# --- docs/integrate.md ---


def test_the_guide_shows_every_prefetch_key_with_its_template() -> None:
    block = next(each for each in fenced(INTEGRATE, "") if each.startswith("patient "))
    listed = dict(line.split(maxsplit=1) for line in block.splitlines())
    assert listed == templates(load(None))
    assert list(listed) == [key.name for key in KEYS]


def test_the_prefetch_keys_cover_every_finding() -> None:
    content = load(None)
    types = {key.resource_type for key in KEYS if not key.readings}
    for finding in content.findings.values():
        if finding.carrier is Carrier.ORDER:
            continue  # a draft order comes in the context of the order hooks
        if finding.carrier is Carrier.MEDICATION:
            assert {"MedicationRequest", "MedicationStatement"} <= types
        else:
            said_by = {"Condition", "Observation", "QuestionnaireResponse", "Encounter", "Patient"}
            assert said_by <= types
        if finding.measured and finding.measured.reading in {Reading.WEIGHT, Reading.LOW_LAB}:
            key = next(each for each in KEYS if finding.measured.reading in each.readings)
            template = templates(content)[key.name]
            assert all(code.code in template for code in finding.measured.codes)


def test_the_guide_lists_every_service() -> None:
    listed = re.findall(r"^\| `([a-z-]+)` \| `([a-z-]+)` \|", INTEGRATE, flags=re.MULTILINE)
    assert listed == [(each.id, each.hook) for each in SERVICES.values()]


# --- docs/validation.md ---


def test_the_validation_table_says_what_the_service_answers() -> None:
    rows = {
        cells[0]: cells[2]
        for line in VALIDATION.splitlines()
        if line.startswith("|")
        and len(cells := [cell.strip() for cell in line.strip("|").split("|")]) == 4
        and cells[0] in samples()
    }
    assert sorted(rows) == sorted(samples())
    judge = Judge(load(None))
    for name, said in rows.items():
        decision = judge.decide(read_bundle(samples()[name].bundle, written_moment()), "documents")
        criteria = {
            verdict.criterion
            for each in decision.recommendations
            if each.topic != "redflagcheck"
            for verdict in each.verdicts
        }
        topics = {each.topic for each in decision.recommendations} - {"redflagcheck"}
        asks = any(each.topic == "redflagcheck" for each in decision.recommendations)
        assert set(re.findall(r"\b[A-Z]\d\d\b", said)) == criteria, name
        assert all(topic in said for topic in topics), name
        open_questions = re.findall(r"open (\d+)", said)
        assert open_questions == ([str(len(decision.unanswered))] if asks else []), name


# --- docs/add-a-criterion.md ---


@pytest.fixture
def cards(tmp_path: Path) -> Path:
    folder = tmp_path / "cards"
    shutil.copytree(ROOT / "cards", folder)
    return folder


YAML, BLOCKS = fenced(EXAMPLE, "yaml"), fenced(EXAMPLE, "")


def add_the_example(cards: Path) -> Path:
    sources = cards / "sources.yaml"
    sources.write_text(sources.read_text(encoding="utf-8") + "\n" + YAML[0], encoding="utf-8")
    pain = cards / "findings" / "pain.yaml"
    pain.write_text(pain.read_text(encoding="utf-8") + "\n" + YAML[1], encoding="utf-8")
    criterion = cards / "criteria" / "S12-morning-stiffness.yaml"
    criterion.write_text(YAML[2], encoding="utf-8")
    return criterion


def check(cards: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("CDS_CARDS", str(cards))
    cli.main(["check"])
    out, err = capsys.readouterr()
    return err or out


def test_the_worked_example_is_refused_as_it_says_and_then_accepted(
    cards: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    criterion = add_the_example(cards)
    refused, rows, accepted = BLOCKS[0], BLOCKS[1], BLOCKS[2]
    assert Shown("", refused.split("\n", 1)[1]).agrees(check(cards, capsys, monkeypatch))
    criterion.write_text(YAML[2].rstrip("\n") + "\n" + rows, encoding="utf-8")
    said = check(cards, capsys, monkeypatch)
    assert Shown("", accepted.split("\n", 1)[1]).agrees(said)


def test_the_card_of_the_worked_example_appears(
    cards: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    criterion = add_the_example(cards)
    criterion.write_text(YAML[2].rstrip("\n") + "\n" + BLOCKS[1], encoding="utf-8")
    posted = re.search(r"echo '(.*)'", BLOCKS[3])
    assert posted is not None
    patient = tmp_path / "findings.json"
    patient.write_text(posted[1], encoding="utf-8")
    monkeypatch.setenv("CDS_CARDS", str(cards))
    assert cli.main(["assess", str(patient), "--as-of", "2026-01-15"]) == 0
    assert "Stiff in the morning for months (S12)" in capsys.readouterr().out
