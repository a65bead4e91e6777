"""A small content folder that loads, to be spoilt in one place by each test."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from cds_service.content.folder import default_folder
from cds_service.content.load import load
from cds_service.content.problems import ContentError, Problem

SMALL = Path(__file__).parent / "small"


class Folder:
    """A copy of the small content. The small words of the vocabulary are those that ship."""

    def __init__(self, path: Path) -> None:
        self.path = path / "cards"
        shutil.copytree(SMALL, self.path)
        shutil.copy(default_folder() / "vocabulary.yaml", self.path)

    def change(self, file: str, old: str, new: str) -> None:
        text = (self.path / file).read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {file}"
        self.write(file, text.replace(old, new))

    def write(self, file: str, text: str) -> None:
        (self.path / file).parent.mkdir(exist_ok=True)
        (self.path / file).write_text(text, encoding="utf-8")

    def line(self, file: str, fragment: str) -> int:
        """Return the number of the one line that holds the fragment."""
        lines = (self.path / file).read_text(encoding="utf-8").splitlines()
        found = [number for number, line in enumerate(lines, 1) if fragment in line]
        assert len(found) == 1, f"{fragment!r} stands on the lines {found} of {file}"
        return found[0]

    def problems(self) -> tuple[Problem, ...]:
        """Return what is wrong with the content."""
        with pytest.raises(ContentError) as refused:
            load(self.path)
        return refused.value.problems
