"""The content compiled for reading: one look-up a coding says which findings it speaks of."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from cds_service.content.codes import CODE_SYSTEMS, Code, System
from cds_service.fhir.access import as_text, codings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from cds_service.content.findings import FindingDefinition
    from cds_service.content.load import Content
    from cds_service.content.vocabulary import Term


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


_URIS: Mapping[str, System] = {
    uri: system for system, about in CODE_SYSTEMS.items() for uri in about.uris
}
_PREFIX_MEMORY = 20_000
_AFTERCARE = re.compile(r"[ST][0-9A-Z]{5}[DGKPS]")
_WORD = re.compile(r"[a-z0-9/+]+(?:'[a-z]+)?")


class CodeIndex:
    """Codes by system; exact for most, by the longest prefix for ICD-10-CM and ATC."""

    def __init__(self, findings: Iterable[FindingDefinition]) -> None:
        """Compile the codes of all findings."""
        self._exact: dict[System, dict[str, tuple[Mark, ...]]] = {each: {} for each in System}
        for finding in findings:
            for mark in _marks(finding):
                table = self._exact[mark.code.system]
                key = _normal(mark.code.system, mark.code.code)
                table[key] = (*table.get(key, ()), mark)
        self._remembered: dict[System, dict[str, tuple[Mark, ...]]] = {each: {} for each in System}

    def look_up(self, coding: Mapping[str, Any]) -> tuple[Mark, ...] | None:
        """Return the marks of a coding; None where its system is not one of ours."""
        system = system_of(coding)
        if system is None:
            return None
        code = coding.get("code")
        if not isinstance(code, str):
            return ()
        if not CODE_SYSTEMS[system].by_prefix:
            return self._exact[system].get(code, ())
        remembered = self._remembered[system]
        marks = remembered.get(code)
        if marks is None:
            if len(remembered) >= _PREFIX_MEMORY:
                remembered.clear()
            marks = remembered[code] = self._by_prefix(system, _normal(system, code))
        return marks

    def _by_prefix(self, system: System, code: str) -> tuple[Mark, ...]:
        """Return, for each finding, the marks of the longest prefix that has any."""
        table, found, settled = self._exact[system], [], set()
        aftercare = system is System.ICD10CM and _AFTERCARE.fullmatch(code)
        for length in range(len(code), 0, -1):
            here = table.get(code[:length], ())
            for mark in here:
                counts = mark.finding.aftercare_counts or not aftercare
                if mark.finding.id not in settled and counts:
                    found.append(mark)
            settled.update(mark.finding.id for mark in here)
        return tuple(found)


class TermIndex:
    """A group of small words: which of its names a concept or a short text says."""

    def __init__(self, terms: Mapping[str, Term]) -> None:
        """Compile codes and words of the group."""
        self._codes = {
            (code.system, code.code): name for name, term in terms.items() for code in term.codes
        }
        self._words = {word: name for name, term in terms.items() for word in term.words}
        self._phrases = PhraseIndex({name: term.words for name, term in terms.items()})

    def of_code(self, coding: Mapping[str, Any]) -> str | None:
        """Return the name that a coding says by its code."""
        system, code = system_of(coding), coding.get("code")
        return self._codes.get((system, code)) if system and isinstance(code, str) else None

    def of_answer(self, text: str) -> str | None:
        """Return the name that a whole short text says."""
        return self._words.get(text.strip().lower().rstrip("."))

    def of_concept(self, concept: Mapping[str, Any]) -> set[str]:
        """Return all names that a concept says, by code, display or text."""
        said = set()
        texts = [as_text(concept.get("text"))]
        for coding in codings(dict(concept)):
            name = self.of_code(coding)
            if name:
                said.add(name)
            texts.append(as_text(coding.get("display")))
        for text in texts:
            if text:
                said.update(self._phrases.names(text))
        return said


class PhraseIndex:
    """Phrases found word by word: "no" is not in "node", "back pain" is in "Low back pain"."""

    def __init__(self, phrases: Mapping[str, Iterable[str]]) -> None:
        """Compile the phrases of each name, filed under their first word."""
        self._by_first: dict[str, list[tuple[tuple[str, ...], str]]] = {}
        for name, texts in phrases.items():
            for text in texts:
                words = tuple(_WORD.findall(text.lower()))
                if words:
                    self._by_first.setdefault(words[0], []).append((words, name))

    def find(self, text: str) -> list[tuple[str, range]]:
        """Return each name whose phrase stands in the text, with the places of its words."""
        words = tuple(_WORD.findall(text.lower()))
        return [
            (name, range(place, place + len(phrase)))
            for place, word in enumerate(words)
            for phrase, name in self._by_first.get(word, ())
            if words[place : place + len(phrase)] == phrase
        ]

    def names(self, text: str) -> list[str]:
        """Return the names whose phrases stand in the text, each once."""
        return list(dict.fromkeys(name for name, _ in self.find(text)))


class Index:
    """Everything that reading a record needs of the content, compiled once at start-up."""

    def __init__(self, content: Content) -> None:
        """Compile the content."""
        self.findings = content.findings
        self.codes = CodeIndex(content.findings.values())
        self.phrases = PhraseIndex({each.id: each.phrases for each in content.findings.values()})
        groups = content.vocabulary.groups
        self.sites = TermIndex(groups["sites"])
        self.severity = TermIndex(groups["severity"])
        self.sides = TermIndex(groups["sides"])
        self.answers = TermIndex(groups["answers"])
        self.cues = PhraseIndex(content.vocabulary.cues)
        self.severity_of = _linked(content, "severity_of")
        self.recurrence_of = _linked(content, "recurrence_of")
        self.computed = tuple(each for each in content.findings.values() if each.computed)
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


def _linked(content: Content, key: str) -> Mapping[str, tuple[FindingDefinition, ...]]:
    """Return, for each finding, those that name it under ``key``."""
    linked: dict[str, tuple[FindingDefinition, ...]] = {}
    for finding in content.findings.values():
        target = getattr(finding, key)
        if target is not None:
            linked[target] = (*linked.get(target, ()), finding)
    return linked


def system_of(coding: Mapping[str, Any]) -> System | None:
    """Return the code system of a coding, where it is one whose codes we know."""
    uri = coding.get("system")
    return _URIS.get(uri) if isinstance(uri, str) else None


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


def _normal(system: System, code: str) -> str:
    """Write a code as the index keeps it: ICD-10-CM without dots, in capitals."""
    return code.replace(".", "").strip().upper() if CODE_SYSTEMS[system].by_prefix else code
