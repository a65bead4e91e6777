"""cards/ to one frozen Content: every file read, checked against the others, and digested."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from cds_service.clinical.protocol import Criterion, Protocol, Remark
from cds_service.content.check import CHECK_COURSE, UNSUPPORTED_COURSE, check
from cds_service.content.criteria import (
    OPTIONAL,
    REQUIRED,
    CriterionDefinition,
    criterion_id,
    read_criterion,
)
from cds_service.content.finding_files import read_finding
from cds_service.content.findings import FindingDefinition
from cds_service.content.nodes import Fields, Node, read
from cds_service.content.orders import Orders, read_orders
from cds_service.content.problems import ContentError, Place, Problem
from cds_service.content.questionnaire import QuestionnaireDefinition, read_questionnaire
from cds_service.content.recommendations import (
    Recommendations,
    Source,
    read_recommendations,
    read_sources,
)
from cds_service.content.rules import RuleReader
from cds_service.content.sentences import Sentence, read_sentences, refuse_twice
from cds_service.content.suggestions import Suggestions, read_suggestions
from cds_service.content.vocabulary import Vocabulary, read_vocabulary

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import NoReturn

    from cds_service.clinical.rules import Rule


@dataclass(frozen=True, eq=False)
class Content:
    """Everything a clinician signs, as frozen values; ``digest`` names this very content."""

    digest: str
    findings: Mapping[str, FindingDefinition]
    criteria: Mapping[str, CriterionDefinition]
    gate: CriterionDefinition
    recommendations: Recommendations
    orders: Orders
    sources: Mapping[str, Source]
    vocabulary: Vocabulary
    suggestions: Suggestions
    sentences: tuple[Sentence, ...]
    questionnaire: QuestionnaireDefinition
    protocols: Mapping[str, Protocol]

    @cached_property
    def letters(self) -> Mapping[str, list[str]]:
        """Return the letters of the documents that each criterion rests on, each once."""
        return {
            each.id: list(
                dict.fromkeys(self.sources[cited.source].letter for cited in each.citations)
            )
            for each in (self.gate, *self.criteria.values())
        }

    @cached_property
    def documents(self) -> Mapping[str, list[str]]:
        """Return the short names of the documents that each criterion rests on, each once."""
        return {
            each.id: list(
                dict.fromkeys(self.sources[cited.source].short for cited in each.citations)
            )
            for each in (self.gate, *self.criteria.values())
        }


def default_folder() -> Path:
    """Return the content that ships: inside the package, or beside it in a checkout."""
    packaged = Path(str(files("cds_service") / "cards"))
    return packaged if packaged.is_dir() else packaged.parent.parent / "cards"


def load(folder: Path | None = None) -> Content:
    """Read and check the content folder. Raises ContentError with every problem found."""
    texts = _texts(folder or default_folder())
    problems: list[Problem] = []
    roots: dict[str, Node] = {}
    for name, text in texts.items():
        with _gathering(problems):
            roots[name] = read(name, text)
    findings = _findings(roots, problems)
    _stop_at(problems)
    reader = _CriteriaReader(roots, frozenset(findings))
    with _gathering(problems):
        recommendations = read_recommendations(roots["recommendations.yaml"], reader.rules)
    with _gathering(problems):
        orders = read_orders(roots["orders.yaml"])
    with _gathering(problems):
        sources = read_sources(roots["sources.yaml"])
    with _gathering(problems):
        vocabulary = read_vocabulary(roots["vocabulary.yaml"])
    with _gathering(problems):
        suggestions = read_suggestions(roots["suggestions.yaml"])
    sentences = _sentences(roots, findings, problems)
    _stop_at(problems)
    criteria = reader.read_all(recommendations.profiles)
    check(findings, criteria, recommendations, orders, sources, suggestions)
    digest = _digest(texts)
    gate = criteria.pop(recommendations.gate)
    protocols = {
        profile: _protocol(profile, digest, gate, criteria, recommendations, orders)
        for profile in recommendations.profiles
    }
    return Content(
        digest=digest,
        findings=findings,
        criteria=criteria,
        gate=gate,
        recommendations=recommendations,
        orders=orders,
        sources=sources,
        vocabulary=vocabulary,
        suggestions=suggestions,
        sentences=sentences,
        questionnaire=read_questionnaire(
            roots["questionnaire.yaml"], findings, _dangers(protocols.values())
        ),
        protocols=protocols,
    )


_FILES = (
    "orders.yaml",
    "questionnaire.yaml",
    "recommendations.yaml",
    "sources.yaml",
    "suggestions.yaml",
    "vocabulary.yaml",
)
_FOLDERS = ("criteria", "findings", "sentences")


def _texts(folder: Path) -> dict[str, str]:
    """Return the text of every content file by its path in the folder, in a fixed order."""
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
        with _gathering(problems):
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
    _stop_at(problems)
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


def _digest(texts: Mapping[str, str]) -> str:
    digest = hashlib.sha256()
    for name, text in texts.items():
        digest.update(f"{name}\0{len(text)}\0{text}".encode())
    return f"sha256:{digest.hexdigest()}"


@contextmanager
def _gathering(problems: list[Problem]) -> Iterator[None]:
    """Keep the problems of a step, so that one run shows them all."""
    try:
        yield
    except ContentError as error:
        problems.extend(error.problems)


def _stop_at(problems: list[Problem]) -> None:
    """Raise what was gathered: what comes next builds on it."""
    if problems:
        raise ContentError(problems)


def _findings(roots: Mapping[str, Node], problems: list[Problem]) -> dict[str, FindingDefinition]:
    found: dict[str, FindingDefinition] = {}
    for file, root in roots.items():
        if not file.startswith("findings/"):
            continue
        entries: Mapping[str, Node] = {}
        with _gathering(problems):
            entries = root.entries()
        for name, node in entries.items():
            with _gathering(problems):
                if name in found:
                    node.refuse_key(
                        f"the finding {name!r} is defined twice (first in {found[name].place})",
                        "Only one of the two could count",
                        "Keep one of them",
                    )
                found[name] = read_finding(name, Path(file).stem, node)
    return found


def _sentences(
    roots: Mapping[str, Node], findings: Mapping[str, FindingDefinition], problems: list[Problem]
) -> tuple[Sentence, ...]:
    """Read all sentence tables; each sentence stands in one row of one of them."""
    found: list[Sentence] = []
    for file, root in roots.items():
        if file.startswith("sentences/"):
            with _gathering(problems):
                found += read_sentences(root, findings)
    with _gathering(problems):
        refuse_twice(tuple(found))
    return tuple(found)


class _CriteriaReader:
    """Reads criteria so that one may refer to another, in any order and without circles."""

    def __init__(self, roots: Mapping[str, Node], findings: frozenset[str]) -> None:
        self.rules = RuleReader(findings, self._resolve)
        self._fields: dict[str, Fields] = {}
        self._places: dict[str, Place] = {}
        self._read: dict[str, Rule] = {}
        self._reading: list[str] = []
        problems: list[Problem] = []
        for file, root in roots.items():
            if file.startswith("criteria/"):
                with _gathering(problems):
                    self._index(file, root)
        _stop_at(problems)

    def _index(self, file: str, root: Node) -> None:
        fields = root.fields(required=REQUIRED, optional=OPTIONAL)
        name = criterion_id(fields, file)
        if name in self._fields:
            fields["id"].refuse(
                f"the criterion {name} stands in two files (the other is {self._places[name]})",
                "Only one of the two could count",
                "Keep one of them",
            )
        self._fields[name], self._places[name] = fields, root.place

    def _resolve(self, name: str, node: Node) -> Rule:
        if name not in self._fields:
            node.refuse(
                f"unknown criterion {name!r}",
                "A rule can only build on a criterion that exists",
                "Correct the id",
            )
        if name in self._reading:
            node.refuse(
                f"the criteria {' → '.join([*self._reading, name])} go in a circle",
                "Each would wait for the other",
                "Take one of the references out",
            )
        if name not in self._read:
            self._reading.append(name)
            self._read[name] = self.rules.read(self._fields[name]["rule"])
            self._reading.pop()
        return self._read[name]

    def read_all(self, profiles: tuple[str, ...]) -> dict[str, CriterionDefinition]:
        found: dict[str, CriterionDefinition] = {}
        problems: list[Problem] = []
        for name, fields in sorted(self._fields.items()):
            self._reading.clear()
            with _gathering(problems):
                rule = self._resolve(name, fields["rule"])
                found[name] = read_criterion(fields, self._places[name], rule, profiles)
        _stop_at(problems)
        return found


def _dangers(protocols: Iterable[Protocol]) -> Iterator[str]:
    """Yield the findings that the emergency and same-day criteria ask for, the worst first."""
    for protocol in protocols:
        for place in protocol.dangers:
            yield from protocol.criteria[place].rule.needs()


def _protocol(
    profile: str,
    digest: str,
    gate: CriterionDefinition,
    criteria: Mapping[str, CriterionDefinition],
    recommendations: Recommendations,
    orders: Orders,
) -> Protocol:
    ranks = {name: rank for rank, name in enumerate(recommendations.courses)}
    ordered = sorted(
        criteria.values(), key=lambda each: (ranks[each.recommendation[profile]], each.id)
    )
    return Protocol(
        profile=profile,
        digest=digest,
        gate=Criterion(gate.id, "gate", gate.rule),
        shut_by=recommendations.shut_by,
        criteria=tuple(
            Criterion(
                each.id,
                each.recommendation[profile],
                each.rule,
                images=orders.images_in(each.image),
                images_in_pregnancy=orders.images_in(each.image_in_pregnancy or each.image),
            )
            for each in ordered
        ),
        courses={name: each.course for name, each in recommendations.courses.items()},
        check=CHECK_COURSE,
        unsupported=UNSUPPORTED_COURSE,
        ask_first=recommendations.ask_first,
        remarks=tuple(
            Remark(each.id, each.rule, each.on, each.unless_danger, each.avoid_radiation)
            for each in recommendations.remarks.values()
        ),
    )
