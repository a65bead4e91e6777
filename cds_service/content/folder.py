"""The content folder as texts: which files belong there, what they say, and a digest of it all."""

from __future__ import annotations

import hashlib
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from cds_service.content.problems import ContentError, Place, Problem, gathering, stop_at

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import NoReturn

_FILES = (
    "orders.yaml",
    "questionnaire.yaml",
    "recommendations.yaml",
    "sources.yaml",
    "suggestions.yaml",
    "vocabulary.yaml",
)
_FOLDERS = ("criteria", "findings", "sentences")


def default_folder() -> Path:
    """Return the content that ships: inside the package, or beside it in a checkout."""
    packaged = Path(str(files("cds_service") / "cards"))
    return packaged if packaged.is_dir() else packaged.parent.parent / "cards"


def texts_in(folder: Path) -> dict[str, str]:
    """Return the text of every content file by its path in the folder, in a fixed order.

    Raises ContentError where one is missing, stray or not UTF-8.
    """
    if not folder.is_dir():
        _refuse(
            Place(str(folder), 1),
            "the content folder is not there",
            "Without content nothing can be judged",
            f"Point CDS_CARDS at a folder with findings/, criteria/, {', '.join(_FILES)}",
        )
    problems: list[Problem] = []
    texts: dict[str, str] = {}
    for path in sorted(each for each in folder.rglob("*") if each.suffix in {".yaml", ".yml"}):
        name = path.relative_to(folder).as_posix()
        with gathering(problems):
            texts[name] = _text(path, name)
    problems += [
        Problem(
            Place(name, 1),
            "the file is missing",
            "No card can be made without it",
            f"Put {name} into the content folder",
        )
        for name in _FILES
        if name not in texts
    ]
    stop_at(problems)
    return texts


def _text(path: Path, name: str) -> str:
    folder, _, file = name.rpartition("/")
    if not (name in _FILES or (folder in _FOLDERS and file.endswith(".yaml"))):
        _refuse(
            Place(name, 1),
            "nobody reads this file",
            "Its author would believe that it counts",
            f"Move it into {' or '.join(f'{each}/' for each in _FOLDERS)} with a name that ends "
            "in .yaml, or take it out",
        )
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        _refuse(
            Place(name, line),
            "this line is not written in UTF-8",
            "Its words would come out garbled",
            "Save the file as UTF-8",
        )


def _refuse(place: Place, what: str, why: str, remedy: str) -> NoReturn:
    raise ContentError([Problem(place, what, why, remedy)])


def digest_of(texts: Mapping[str, str]) -> str:
    """Return a name for this very content: one changed letter, and it is another."""
    digest = hashlib.sha256()
    for name, text in texts.items():
        digest.update(f"{name}\0{len(text)}\0{text}".encode())
    return f"sha256:{digest.hexdigest()}"
