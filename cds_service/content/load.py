"""cards/ to one frozen Content: every file read, checked against the others, and digested."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from cds_service.clinical.protocol import Criterion, Protocol, Remark
from cds_service.content.check import CHECK_COURSE, check
from cds_service.content.criteria import (
    OPTIONAL,
    REQUIRED,
    CriterionDefinition,
    criterion_id,
    read_criterion,
)
from cds_service.content.findings import FindingDefinition, read_finding
from cds_service.content.nodes import Fields, Node, read
from cds_service.content.problems import ContentError, Place, Problem
from cds_service.content.recommendations import (
    Recommendations,
    Source,
    read_recommendations,
    read_sources,
)
from cds_service.content.rules import RuleReader
from cds_service.content.vocabulary import Vocabulary, read_vocabulary

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cds_service.clinical.rules import Rule


@dataclass(frozen=True, eq=False)
class Content:
    """Everything a clinician signs, as frozen values; ``digest`` names this very content."""

    digest: str
    findings: Mapping[str, FindingDefinition]
    criteria: Mapping[str, CriterionDefinition]
    gate: CriterionDefinition
    recommendations: Recommendations
    sources: Mapping[str, Source]
    vocabulary: Vocabulary
    protocols: Mapping[str, Protocol]


def default_folder() -> Path:
    """Return the content that ships: inside the package, or beside it in a checkout."""
    packaged = Path(str(files("cds_service") / "cards"))
    return packaged if packaged.is_dir() else packaged.parent.parent / "cards"


def load(folder: Path | None = None) -> Content:
    """Read and check the content folder. Raises ContentError with every problem found."""
    folder = folder or default_folder()
    texts = _texts(folder)
    problems: list[Problem] = []
    roots: dict[str, Node] = {}
    for name, text in texts.items():
        _gather(problems, lambda name=name, text=text: roots.update({name: read(name, text)}))
    findings = _findings(roots, problems)
    for name in ("recommendations.yaml", "sources.yaml", "vocabulary.yaml"):
        if name not in texts:
            problems.append(
                Problem(
                    Place(name, 1),
                    "the file is missing",
                    "No card can be made without it",
                    f"Put {name} into the content folder",
                )
            )
    if problems:
        raise ContentError(problems)
    reader = _CriteriaReader(roots, frozenset(findings))
    recommendations = read_recommendations(roots["recommendations.yaml"], reader.rules)
    criteria = reader.read_all(recommendations.profiles)
    sources = read_sources(roots["sources.yaml"])
    check(findings, criteria, recommendations, sources)
    digest = _digest(texts)
    gate = criteria.pop(recommendations.gate)
    return Content(
        digest=digest,
        findings=findings,
        criteria=criteria,
        gate=gate,
        recommendations=recommendations,
        sources=sources,
        vocabulary=read_vocabulary(roots["vocabulary.yaml"]),
        protocols={
            profile: _protocol(profile, digest, gate, criteria, recommendations)
            for profile in recommendations.profiles
        },
    )


def _texts(folder: Path) -> dict[str, str]:
    """Return the text of every content file by its path in the folder, in a fixed order."""
    if not folder.is_dir():
        raise ContentError(
            [
                Problem(
                    Place(str(folder), 1),
                    "the content folder is not there",
                    "Without content nothing can be judged",
                    "Point CDS_CARDS at a folder with findings/, criteria/, recommendations.yaml, "
                    "sources.yaml and vocabulary.yaml",
                )
            ]
        )
    paths = sorted(folder.rglob("*.yaml"))
    return {str(path.relative_to(folder)): path.read_text(encoding="utf-8") for path in paths}


def _digest(texts: Mapping[str, str]) -> str:
    digest = hashlib.sha256()
    for name, text in texts.items():
        digest.update(f"{name}\0{len(text)}\0{text}".encode())
    return f"sha256:{digest.hexdigest()}"


def _gather(problems: list[Problem], step: Callable[[], object]) -> None:
    """Take a step, and keep its problems so that one run shows them all."""
    try:
        step()
    except ContentError as error:
        problems.extend(error.problems)


def _findings(roots: Mapping[str, Node], problems: list[Problem]) -> dict[str, FindingDefinition]:
    found: dict[str, FindingDefinition] = {}

    def one(name: str, theme: str, node: Node) -> None:
        if name in found:
            node.refuse(
                f"the finding {name!r} is defined twice (first in {found[name].place})",
                "Only one of the two could count",
                "Keep one of them",
            )
        found[name] = read_finding(name, theme, node)

    def whole(file: str, node: Node) -> None:
        for name, entry in node.entries().items():
            _gather(problems, lambda n=name, e=entry: one(n, Path(file).stem, e))

    for file, root in roots.items():
        if file.startswith("findings/"):
            _gather(problems, lambda f=file, r=root: whole(f, r))
    return found


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
                _gather(problems, lambda f=file, r=root: self._index(f, r))
        if problems:
            raise ContentError(problems)

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

        def one(name: str, fields: Fields) -> None:
            rule = self._resolve(name, fields["rule"])
            found[name] = read_criterion(fields, self._places[name], rule, profiles)

        for name, fields in sorted(self._fields.items()):
            _gather(problems, lambda n=name, f=fields: one(n, f))
            self._reading.clear()
        if problems:
            raise ContentError(problems)
        return found


def _protocol(
    profile: str,
    digest: str,
    gate: CriterionDefinition,
    criteria: Mapping[str, CriterionDefinition],
    recommendations: Recommendations,
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
            Criterion(each.id, each.recommendation[profile], each.rule) for each in ordered
        ),
        courses={name: each.course for name, each in recommendations.courses.items()},
        check=CHECK_COURSE,
        ask_first=recommendations.ask_first,
        remarks=tuple(
            Remark(each.id, each.rule, each.on, each.unless_danger)
            for each in recommendations.remarks.values()
        ),
    )
