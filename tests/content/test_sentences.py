"""Sentence tables are read strictly: each slip is refused with its file and line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cds_service.content.load import load
from tests.content.folder import Folder

if TYPE_CHECKING:
    from pathlib import Path

HEADER = "sentences: |\n  sentence | fires | denied\n"
FILE = "sentences/all.yaml"


def test_rows_are_read_with_their_places(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.write(
        FILE, f"{HEADER}  Leak and back pain | leak, back-pain | -\n  no leak | - | leak\n"
    )
    first, second = load(folder.path).sentences
    assert first.text == "Leak and back pain"
    assert (first.fires, first.denied) == (frozenset({"leak", "back-pain"}), frozenset())
    assert (str(second.place), second.denied) == ("sentences/all.yaml:4", frozenset({"leak"}))


def test_content_without_sentences_loads(tmp_path: Path) -> None:
    assert load(Folder(tmp_path).path).sentences == ()


@pytest.mark.parametrize(
    ("rows", "line", "what"),
    [
        ("  leak | leek | -\n", 3, "unknown finding 'leek'"),
        ("  leak | leak | -\n  Leak | - | -\n", 4, "stands twice (the first is at"),
        ("  leak | leak\n", 3, "2 filled cells where there should be 3"),
        ("  leak | | -\n", 3, "2 filled cells where there should be 3"),
        ("  leak | leak | leak\n", 3, "leak stands in both columns"),
    ],
)
def test_a_slip_is_refused_with_its_line(tmp_path: Path, rows: str, line: int, what: str) -> None:
    folder = Folder(tmp_path)
    folder.write(FILE, HEADER + rows)
    (problem,) = folder.problems()
    assert str(problem.place) == f"{FILE}:{line}"
    assert what in problem.what


@pytest.mark.parametrize("table", ["sentences: |\n  text | says\n", "sentences: |\n\n  \n"])
def test_other_columns_are_refused(tmp_path: Path, table: str) -> None:
    folder = Folder(tmp_path)
    folder.write(FILE, table)
    (problem,) = folder.problems()
    assert "Use: sentence | fires | denied" in str(problem)


def test_a_sentence_in_two_files_is_refused(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.write(FILE, f"{HEADER}  leak | leak | -\n")
    folder.write("sentences/more.yaml", f"{HEADER}  leak | leak | -\n")
    (problem,) = folder.problems()
    assert str(problem.place) == "sentences/more.yaml:3"


@pytest.mark.parametrize(
    ("new", "what"),
    [
        ("anaesthesia: [anesthesia, weakness a]", "more than one word"),
        ("anaesthesia: [anesthesia, weaknes]", "'weaknes' is written for 'anaesthesia' already"),
    ],
)
def test_a_spelling_leads_from_one_word_to_one(tmp_path: Path, new: str, what: str) -> None:
    folder = Folder(tmp_path)
    file = folder.path / "vocabulary.yaml"
    lines = file.read_text(encoding="utf-8").splitlines()
    changed = [f"    {new}" if each.startswith("    anaesthesia:") else each for each in lines]
    file.write_text("\n".join(changed) + "\n", encoding="utf-8")
    (problem,) = folder.problems()
    assert what in problem.what
