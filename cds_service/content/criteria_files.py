"""All criterion files, read so that one may build on another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cds_service.content.criteria import OPTIONAL, REQUIRED, criterion_id, read_criterion
from cds_service.content.problems import Problem, gathering, stop_at
from cds_service.content.rules import RuleReader

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cds_service.clinical.rules import Rule
    from cds_service.content.criteria import CriterionDefinition
    from cds_service.content.nodes import Fields, Node
    from cds_service.content.problems import Place


class CriteriaReader:
    """Reads criteria so that one may refer to another, in any order and without circles."""

    def __init__(self, roots: Mapping[str, Node], findings: frozenset[str]) -> None:
        """Find every criterion by its id. Raises ContentError."""
        self.rules = RuleReader(findings, self._resolve)
        self._fields: dict[str, Fields] = {}
        self._places: dict[str, Place] = {}
        self._read: dict[str, Rule] = {}
        self._reading: list[str] = []
        problems: list[Problem] = []
        for file, root in roots.items():
            if file.startswith("criteria/"):
                with gathering(problems):
                    self._index(file, root)
        stop_at(problems)

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
        """Return all criteria by id. Raises ContentError."""
        found: dict[str, CriterionDefinition] = {}
        problems: list[Problem] = []
        for name, fields in sorted(self._fields.items()):
            self._reading.clear()
            with gathering(problems):
                rule = self._resolve(name, fields["rule"])
                found[name] = read_criterion(fields, self._places[name], rule, profiles)
        stop_at(problems)
        return found
