"""A statement: what one resource says through one concept, filed under the findings it names."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from cds_service.clinical.facts import Evidence, Occurrence
from cds_service.content.findings import Carrier
from cds_service.fhir.access import as_text, codings, concepts
from cds_service.fhir.index import Role, system_of
from cds_service.fhir.ledger import Entry, chronic, says

if TYPE_CHECKING:
    from cds_service.clinical.windows import Since
    from cds_service.content.findings import FindingDefinition
    from cds_service.fhir.index import Index, Mark
    from cds_service.fhir.ledger import Ledger


class Holds(Enum):
    """How a statement stands to the present."""

    NOW = "now"
    PAST = "past"
    DENIED = "denied"
    OPEN = "open"  # it cannot be told; the finding stays unknown and is asked about


@dataclass(slots=True)
class Statement:
    """The circumstances of a concept: where it stands, since when, how sure and how bad.

    ``observed`` is set for observations and answers, whose word ages. ``remark`` is said beside
    the evidence ("suspected", "preliminary").
    """

    reference: str
    holds: Holds = Holds.NOW
    since: Since | None = None
    when: str | None = None
    observed: Since | None = None
    endable: bool = False
    recurring: bool = False
    remark: str | None = None
    severity: str | None = None
    body_sites: set[str] = field(default_factory=set)
    carrier: Carrier | None = None
    # The display of a code that we do not know may hint, where a problem list is concerned.
    hints_by_display: bool = False


_MAX_QUOTE = 120


class Filer:
    """Files concepts into a ledger by their codes, and by their words where no code is known."""

    def __init__(self, index: Index, ledger: Ledger) -> None:
        """Keep the compiled content and the ledger to file into."""
        self.index = index
        self.ledger = ledger

    def marks(self, concept: dict[str, Any]) -> tuple[list[Mark], bool]:
        """Return the marks of a concept's codings, and whether any is of a known system."""
        found: list[Mark] = []
        known = False
        for coding in codings(concept):
            marks = self.index.codes.look_up(coding)
            if marks is not None:
                known = True
                found.extend(marks)
        return found, known

    def file(self, concept: dict[str, Any], statement: Statement) -> bool:
        """File a concept; return whether it speaks of any finding.

        Words count only where the concept has no coding of a known system (local codes, text).
        """
        marks, known = self.marks(concept)
        if marks:
            self.file_marks(marks, concept, statement)
            return True
        if known:
            return self._hint_by_words(concept, statement)
        return self._file_words(concept, statement)

    def file_marks(self, marks: list[Mark], concept: dict[str, Any], statement: Statement) -> None:
        """File a concept by the marks of its codes: one entry for each finding."""
        excluded = {mark.finding.id for mark in marks if mark.role is Role.EXCLUDES}
        done: set[str] = set()
        for mark in sorted(marks, key=lambda each: each.role is not Role.AFFIRMS):
            finding = mark.finding
            if finding.id in excluded or finding.id in done or finding.carrier != statement.carrier:
                continue
            if mark.role is Role.AFFIRMS:
                self.affirm(finding, str(mark.code), concept, statement, code=mark.code.code)
            elif mark.role is Role.DENIES and statement.holds is Holds.NOW:
                self.deny(finding, str(mark.code), statement)
            elif mark.role is Role.WEAK:
                if self._accompanied(mark, concept, statement):
                    self.affirm(finding, str(mark.code), concept, statement)
                else:
                    self.hint(finding, f"{mark.code}, not enough by itself", statement)
            else:
                continue
            done.add(finding.id)

    def affirm(
        self,
        finding: FindingDefinition,
        words: str,
        concept: dict[str, Any],
        statement: Statement,
        code: str | None = None,
    ) -> None:
        """File an affirmation as the statement holds: now, past, denied, or open."""
        if statement.holds is Holds.DENIED:
            self.deny(finding, words, statement)
            return
        if statement.holds is Holds.OPEN:
            self.hint(finding, f"{words}, without a clear yes or no", statement)
            return
        if statement.severity in finding.not_if_severity:
            return
        is_chronic = code in finding.chronic
        since = statement.since
        if is_chronic:
            since = chronic(since, self.ledger.as_of)
        entry = self._entry(words, since, concept, statement, remark="chronic" * is_chronic)
        if statement.holds is Holds.PAST:
            self.ledger.of(finding.id).past.append(entry)
            if not finding.past_counts:
                return
        self.ledger.affirm(finding, entry)
        if statement.severity == "severe":
            for severe in self.index.severity_of.get(finding.id, ()):
                self.ledger.affirm(severe, entry)
        if statement.recurring:
            for recurrent in self.index.recurrence_of.get(finding.id, ()):
                self.ledger.affirm(recurrent, entry)

    def deny(self, finding: FindingDefinition, words: str, statement: Statement) -> None:
        """File a denial."""
        evidence = Evidence(statement.reference, f"{words}: no", statement.when)
        observed = statement.observed or statement.since
        self.ledger.deny(finding, Entry(Occurrence(statement.since, None, evidence), observed))

    def hint(self, finding: FindingDefinition, words: str, statement: Statement) -> None:
        """File what does not decide, but is a reason to ask."""
        if statement.holds in {Holds.DENIED, Holds.PAST} and not finding.past_counts:
            return
        text = says(words, statement.since, statement.remark)
        evidence = Evidence(statement.reference, text, statement.when)
        entry = Entry(Occurrence(statement.since, None, evidence), statement.observed)
        self.ledger.of(finding.id).hinted.append(entry)

    def _entry(
        self,
        words: str,
        since: Since | None,
        concept: dict[str, Any],
        statement: Statement,
        remark: str,
    ) -> Entry:
        text = says(words, since, statement.severity, statement.remark, remark)
        occurrence = Occurrence(since, None, Evidence(statement.reference, text, statement.when))
        sides = self.index.sides.of_concept(concept) | (statement.body_sites & _SIDES)
        return Entry(occurrence, statement.observed, statement.endable, frozenset(sides))

    def _accompanied(self, mark: Mark, concept: dict[str, Any], statement: Statement) -> bool:
        if not mark.needs:
            return False
        there = {f"site {site}" for site in statement.body_sites}
        there |= {f"bodysite {site}" for site in statement.body_sites}
        text = as_text(concept.get("text"))
        if text and text.lower() not in _displays(concept, mark):
            there |= {f"site {site}" for site in self.index.sites.of_concept({"text": text})}
        if text and "worsening" in self.index.cues.names(text):
            there.add("worsening")
        if statement.severity == "severe":
            there.add("severe")
        if statement.since is not None:
            there.add("dated")
        return all(there & need for need in mark.needs)

    def _file_words(self, concept: dict[str, Any], statement: Statement) -> bool:
        text = _words_of(concept)
        if text is None or statement.holds is Holds.DENIED:
            return False
        found = self.index.phrases.find(text)
        cues = self.index.cues.find(text) if found else []
        quoted = f"text “{text[:_MAX_QUOTE]}”"
        for name, span in {name: span for name, span in reversed(found)}.items():
            finding = self.index.findings[name]
            if finding.carrier != statement.carrier:
                continue
            doubt = _doubt([cue for cue, at in cues if set(at).isdisjoint(span)], finding)
            if doubt:
                self.hint(finding, f"{quoted}, which holds a {doubt} word", statement)
                self.ledger.note(f"{statement.reference}: {quoted} holds a {doubt} word: not counted")
            else:
                self.affirm(finding, f"{quoted} (from text)", concept, statement)
        return bool(found)

    def _hint_by_words(self, concept: dict[str, Any], statement: Statement) -> bool:
        text = _words_of(concept) if statement.hints_by_display else None
        if text is None:
            return False
        found = self.index.phrases.find(text)
        cues = self.index.cues.find(text) if found else []
        for name, span in found:
            finding = self.index.findings[name]
            outside = [cue for cue, at in cues if set(at).isdisjoint(span)]
            if finding.carrier == statement.carrier and not _doubt(outside, finding):
                words = f"“{text[:_MAX_QUOTE]}”, with a code that is not among those listed"
                self.hint(finding, words, statement)
        return False


_SIDES = frozenset({"left", "right", "both"})


def body_sites(resource: dict[str, Any], index: Index) -> set[str]:
    """Return the sites and sides that a resource's bodySite says (one, or a list)."""
    said: set[str] = set()
    for concept in concepts(resource.get("bodySite")):
        said |= index.sites.of_concept(concept) | index.sides.of_concept(concept)
    return said


def severity(resource: dict[str, Any], index: Index) -> str | None:
    """Return mild, moderate or severe where a resource's severity says so."""
    for concept in concepts(resource.get("severity")):
        said = index.severity.of_concept(concept)
        for name in ("severe", "moderate", "mild"):
            if name in said:
                return name
    return None


def _doubt(cues: list[str], finding: FindingDefinition) -> str | None:
    """Return the kind of word that keeps a text from counting, or None."""
    for kind in ("negating", "hypothetical", "family"):
        if kind in cues:
            return kind
    return "history" if "history" in cues and not finding.past_counts else None


def _words_of(concept: dict[str, Any]) -> str | None:
    text = as_text(concept.get("text"))
    if text:
        return text
    for coding in codings(concept):
        display = as_text(coding.get("display"))
        if display:
            return display
    return None


def _displays(concept: dict[str, Any], mark: Mark) -> set[str]:
    """Return the code's own words: they say nothing that the code does not."""
    shown = {mark.code.display.lower()}
    for coding in codings(concept):
        if system_of(coding) is not None:
            shown.add((as_text(coding.get("display")) or "").lower())
    return shown
