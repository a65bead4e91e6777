"""The content compiled for reading: one look-up a coding says which findings it speaks of."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from cds_service.content.codes import CODE_SYSTEMS, Code, System
from cds_service.content.findings import Computation, FindingDefinition
from cds_service.fhir.order_index import OrderIndex
from cds_service.fhir.questions import Questions
from cds_service.fhir.terms import URIS, TermIndex, normal
from cds_service.fhir.text import TextReader
from cds_service.fhir.tokens import words_of_phrase

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from cds_service.content.load import Content
    from cds_service.fhir.order_index import SiteOrders


class Role(Enum):
    """What a code does for a finding."""

    AFFIRMS = "affirms"
    WEAK = "weak"
    EXCLUDES = "excludes"
    DENIES = "denies"
    MEASURES = "measures"


@dataclass(frozen=True, slots=True)
class Mark:
    """What one code says of one finding; ``needs`` are the companions of a weak code."""

    finding: FindingDefinition
    role: Role
    code: Code
    needs: tuple[frozenset[str], ...] = ()


# The complaint that the whole service is about: its age tells which answers belong to it.
PAIN = "back-pain"
_PREFIX_MEMORY = 20_000
_LONGEST_NAME = 60
_AFTERCARE = re.compile(r"[ST][0-9A-Z]{5}[DGKPS]")


class CodeIndex:
    """Codes by system URI; exact for most, by the longest prefix for ICD-10-CM and ATC."""

    def __init__(self, findings: Iterable[FindingDefinition]) -> None:
        """Compile the codes of all findings."""
        filed: dict[System, dict[str, tuple[Mark, ...]]] = {each: {} for each in System}
        for finding in findings:
            for mark in _marks(finding):
                table = filed[mark.code.system]
                key = normal(mark.code.system, mark.code.code)
                table[key] = (*table.get(key, ()), mark)
        tables = {
            system: (_ByPrefix if CODE_SYSTEMS[system].by_prefix else _Exact)(filed[system])
            for system in System
        }
        self._by_uri: dict[Any, _Exact] = {uri: tables[system] for uri, system in URIS.items()}

    def look_up(self, coding: Mapping[str, Any]) -> tuple[Mark, ...] | None:
        """Return the marks of a coding; None where its system is not one of ours."""
        try:
            table = self._by_uri.get(coding.get("system"))
            return None if table is None else table.marks(coding.get("code"))
        except TypeError:
            # A system or a code that is not there, or no text: it names nothing.
            return None

    def says_nothing(self, concept: object) -> bool:
        """Tell whether a concept has only codes that are known to speak of no finding.

        Most of a record is like that, so this is asked first, in one go.
        """
        listed = concept.get("coding") if isinstance(concept, dict) else None
        if not isinstance(listed, list):
            return False
        known = False
        for coding in listed:
            try:
                table = self._by_uri.get(coding["system"])
                if table is None:
                    continue
                if table.marks(coding.get("code")):
                    return False
            except (TypeError, KeyError):
                continue
            known = True
        return known


class _Exact:
    """Marks by code; a code that is not there has none."""

    def __init__(self, filed: dict[str, tuple[Mark, ...]]) -> None:
        self._filed = filed

    def marks(self, code: object) -> tuple[Mark, ...]:
        """Return the marks of a code. Raises TypeError for what names none."""
        if isinstance(code, str):
            return self._filed.get(code, ())
        if type(code) is int:  # a number where a text belongs: the code can be told all the same
            return self._filed.get(str(code), ())
        raise TypeError


class _ByPrefix(_Exact):
    """Marks by code as it came, remembered; worked out by prefix when it is first seen."""

    def __init__(self, filed: dict[str, tuple[Mark, ...]]) -> None:
        super().__init__(filed)
        self._known: dict[str, tuple[Mark, ...]] = {}

    def marks(self, code: object) -> tuple[Mark, ...]:
        """Return the marks of a code. Raises TypeError for what names none."""
        if not isinstance(code, str):
            raise TypeError
        marks = self._known.get(code)
        if marks is None:
            if len(self._known) >= _PREFIX_MEMORY:
                self._known.clear()
            marks = self._known[code] = self._work_out(normal(System.ICD10CM, code))
        return marks

    def _work_out(self, code: str) -> tuple[Mark, ...]:
        """Return, for each finding, the marks of the longest prefix that has any."""
        found: list[Mark] = []
        settled: set[str] = set()
        aftercare = _AFTERCARE.fullmatch(code)
        for length in range(len(code), 0, -1):
            here = self._filed.get(code[:length], ())
            for mark in here:
                counts = mark.finding.aftercare_counts or not aftercare
                if mark.finding.id not in settled and counts:
                    found.append(mark)
            settled.update(mark.finding.id for mark in here)
        return tuple(found)


class MeasuredNames:
    """What observations without a known code are called, as a whole: "Muscle power, left leg"."""

    def __init__(self, content: Content) -> None:
        """Compile the names, whatever small words stand between theirs."""
        self._spellings = content.vocabulary.spellings
        self._skipped = content.vocabulary.skipped
        self._named: dict[tuple[str, ...], tuple[str, ...]] = {}
        for finding in content.findings.values():
            for name in finding.measured.names if finding.measured else ():
                words = self._words(name)
                self._named[words] = (*self._named.get(words, ()), finding.id)

    def of(self, text: str) -> tuple[str, ...]:
        """Return the findings that a number of this name measures."""
        return self._named.get(self._words(text), ()) if len(text) <= _LONGEST_NAME else ()

    def _words(self, text: str) -> tuple[str, ...]:
        return words_of_phrase(text, self._spellings, self._skipped)


class Index:
    """Everything that reading a record needs of the content, compiled once at start-up."""

    def __init__(self, content: Content, site_orders: SiteOrders | None = None) -> None:
        """Compile the content, with the order codes of the site."""
        self.findings = content.findings
        self.orders = OrderIndex(content.orders, site_orders or {})
        self.openers = content.gate.rule.needs()
        self.codes = CodeIndex(content.findings.values())
        self.text = TextReader(content)
        self.questions = Questions(content.findings, content.vocabulary.asking)
        groups = content.vocabulary.groups
        self.sites = TermIndex(groups["sites"])
        self.severity = TermIndex(groups["severity"])
        self.sides = TermIndex(groups["sides"])
        self.answers = TermIndex(groups["answers"])
        self.severity_of = _linked(content, "severity_of")
        self.recurrence_of = _linked(content, "recurrence_of")
        self.measured_names = MeasuredNames(content)
        self.called = {
            name.casefold(): each for each in content.findings.values() for name in each.called
        }
        self.computed = tuple(each for each in content.findings.values() if each.computed)
        self.kinds = _kinds(content)
        self.twins = _twins(content)
        self.sided = frozenset(name for each in self.computed for name in each.of)
        self.episodic = _episodic(content)
        self._silent: dict[frozenset[str], frozenset[str]] = {}

    def silent(self, searched: frozenset[str]) -> frozenset[str]:
        """Return the findings that are absent by silence after these completed searches."""
        if searched not in self._silent:
            self._silent[searched] = frozenset(
                each.id
                for each in self.findings.values()
                if each.absent_after and each.absent_after <= searched
            )
        return self._silent[searched]


def _kinds(content: Content) -> Mapping[str, tuple[str, ...]]:
    """Return, for each wider finding, the narrower ones that a "no" to it denies as well."""
    kinds: dict[str, tuple[str, ...]] = {}
    for finding in content.findings.values():
        wider = (finding.kind_of,) if finding.kind_of else ()
        if finding.computed is Computation.BOTH_SIDES:
            wider = (*wider, *finding.of)
        for name in wider:
            kinds[name] = (*kinds.get(name, ()), finding.id)
    return kinds


def _episodic(content: Content) -> frozenset[str]:
    """Return the pains that come in episodes, with their kinds."""
    pains = {
        name
        for each in content.findings.values()
        if each.computed is Computation.EPISODES
        for name in each.of
    }
    kinds = {each.id for each in content.findings.values() if each.kind_of in pains}
    return frozenset(pains | kinds)


def _twins(content: Content) -> Mapping[str, tuple[str, ...]]:
    """Return the pairs of a measured finding and the same without a number, both ways round."""
    twins: dict[str, tuple[str, ...]] = {}
    for finding in content.findings.values():
        if finding.without_value:
            twins[finding.id] = (finding.without_value,)
            twins[finding.without_value] = (finding.id,)
    return twins


def _linked(content: Content, key: str) -> Mapping[str, tuple[FindingDefinition, ...]]:
    """Return, for each finding, those that name it under ``key``."""
    linked: dict[str, tuple[FindingDefinition, ...]] = {}
    for finding in content.findings.values():
        target = getattr(finding, key)
        if target is not None:
            linked[target] = (*linked.get(target, ()), finding)
    return linked


def _marks(finding: FindingDefinition) -> Iterator[Mark]:
    for code in finding.codes:
        yield Mark(finding, Role.AFFIRMS, code)
    for group in finding.weak:
        for code in group.codes:
            yield Mark(finding, Role.WEAK, code, group.needs)
    for code in finding.excludes:
        yield Mark(finding, Role.EXCLUDES, code)
    for code in finding.denied_by:
        yield Mark(finding, Role.DENIES, code)
    if finding.measured:
        for code in finding.measured.codes:
            yield Mark(finding, Role.MEASURES, code)
