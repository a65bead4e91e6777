"""Files what resources state through concepts under the findings that these name."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cds_service.clinical.facts import Evidence, Occurrence
from cds_service.fhir.access import as_text, codings
from cds_service.fhir.circumstances import SIDES
from cds_service.fhir.entry import Entry, chronic, says
from cds_service.fhir.index import Role
from cds_service.fhir.mentions import quoted
from cds_service.fhir.statement import Holds
from cds_service.fhir.typed import explained, file_text
from cds_service.fhir.words import all_words_of, as_recorded, displays, own_words, words_of

if TYPE_CHECKING:
    from cds_service.clinical.windows import Since
    from cds_service.content.findings import FindingDefinition
    from cds_service.fhir.index import Index, Mark
    from cds_service.fhir.ledger import Ledger
    from cds_service.fhir.statement import Statement


_NOTHING: frozenset[str] = frozenset()


class Filer:
    """Files concepts into a ledger by their codes, and by their words where no code is known."""

    def __init__(self, index: Index, ledger: Ledger) -> None:
        """Keep the compiled content and the ledger to file into."""
        self.index = index
        self.ledger = ledger

    def marks(self, concept: object) -> tuple[list[Mark], bool]:
        """Return the marks of a concept's codings, and whether any is of a known system."""
        found: list[Mark] = []
        known = False
        look_up = self.index.codes.look_up
        for coding in codings(concept):
            marks = look_up(coding)
            if marks is not None:
                known = True
                if marks:
                    found.extend(marks)
        return found, known

    def says_nothing(self, concept: object) -> bool:
        """Tell whether a concept has only codes that are known to speak of no finding."""
        return self.index.codes.says_nothing(concept)

    def hints(self, concept: object) -> bool:
        """Tell whether the words of a concept name a finding that its codes do not."""
        if not isinstance(concept, dict):
            return False
        speaks = self.index.text.speaks
        text = as_text(concept.get("text"))
        if text is not None and speaks(text):
            return True
        for coding in codings(concept):
            display = as_text(coding.get("display"))
            # Most often the text is the display of a code.
            if display is not None and display != text and speaks(display):
                return True
        return False

    def cues(self, concept: object) -> set[str]:
        """Return the kinds of words in a question that put its answers in doubt."""
        text = words_of(concept)
        return self.index.text.kinds(text) if text else set()

    def legible(self, concept: dict[str, Any]) -> bool:
        """Tell whether a concept has a code of a known system, or words."""
        return words_of(concept) is not None or self.marks(concept)[1]

    def file(self, concept: dict[str, Any], statement: Statement) -> bool:
        """File a concept; return whether it speaks of any finding.

        Words count where the concept has no coding of a known system (local codes, text), and
        beside one for what it leaves open, if they are not merely its display.
        """
        marks, known = self.marks(concept)
        if not known:
            return self._file_words(concept, statement)
        self.file_marks(marks, concept, statement)
        own = own_words(concept) if statement.holds is not Holds.DENIED else None
        settled = {mark.finding.id for mark in marks}
        spoke = own is not None and file_text(own, statement, concept, self, settled)
        if not marks and not spoke:
            self._hint_by_words(concept, statement)
        return bool(marks)

    def file_marks(self, marks: list[Mark], concept: dict[str, Any], statement: Statement) -> None:
        """File a concept by the marks of its codes: one entry for each finding."""
        excluded = {mark.finding.id for mark in marks if mark.role is Role.EXCLUDES}
        done: set[str] = set()
        for mark in sorted(marks, key=lambda each: each.role is not Role.AFFIRMS):
            finding = mark.finding
            if finding.id in excluded or finding.id in done or finding.carrier != statement.carrier:
                continue
            if mark.role is Role.AFFIRMS:
                words = as_recorded(mark.code, concept)
                reason = explained(finding.id, concept, statement, self)
                if reason is None or statement.holds is not Holds.NOW:
                    self.affirm(finding, words, concept, statement, code=mark.code.code)
                else:
                    self.hint(finding, f"{words}, {reason}", statement)
            elif mark.role is Role.DENIES and statement.holds is Holds.NOW:
                # A code that denies is the name of the "no": it says no to all of it.
                self.deny(finding, as_recorded(mark.code, concept), statement)
            elif mark.role is Role.WEAK:
                if self._accompanied(mark, concept, statement):
                    self.affirm(finding, as_recorded(mark.code, concept), concept, statement)
                else:
                    words = as_recorded(mark.code, concept)
                    self.hint(finding, f"{words}, not enough by itself", statement)
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
        if _is_elsewhere(finding, statement):
            return
        if statement.holds is Holds.DENIED:
            self.deny(finding, words, statement, code or statement.name)
        elif (why := statement.why_open(finding)) is not None:
            self.hint(finding, f"{words}, {why}", statement)
        elif statement.severity not in finding.not_if_severity:
            self._affirm(finding, words, concept, statement, code)

    def _affirm(
        self,
        finding: FindingDefinition,
        words: str,
        concept: dict[str, Any],
        statement: Statement,
        code: str | None,
    ) -> None:
        is_chronic = code in finding.chronic
        since = statement.since
        if is_chronic:
            since = chronic(since, self.ledger.as_of)
        entry = self._entry(finding, words, since, concept, statement, code)
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

    def deny(
        self,
        finding: FindingDefinition,
        words: str,
        statement: Statement,
        about: str | None = None,
    ) -> None:
        """File a denial: of all of the finding, or of what it is ``about``."""
        evidence = Evidence(statement.reference, f"{words}: no", statement.when)
        observed = statement.observed or statement.since
        sides = frozenset(statement.body_sites & SIDES)
        entry = Entry(Occurrence(observed, None, evidence), observed, sides=sides, about=about)
        self.ledger.deny(finding, entry)

    def hint(self, finding: FindingDefinition, words: str, statement: Statement) -> None:
        """File what does not decide, but is a reason to ask."""
        if statement.holds is Holds.DENIED:
            return
        if statement.holds is Holds.PAST and not finding.past_counts:
            return
        text = says(words, statement.since, statement.remark)
        evidence = Evidence(statement.reference, text, statement.when)
        entry = Entry(Occurrence(statement.since, None, evidence), statement.observed)
        self.ledger.hint(finding, entry)

    def _entry(
        self,
        finding: FindingDefinition,
        words: str,
        since: Since | None,
        concept: dict[str, Any],
        statement: Statement,
        code: str | None,
    ) -> Entry:
        remark = "chronic" if code in finding.chronic else None
        text = says(words, since, statement.severity, statement.remark, remark)
        occurrence = Occurrence(since, None, Evidence(statement.reference, text, statement.when))
        sides = frozenset(statement.body_sites & SIDES)
        if finding.id in self.index.sided:
            sides |= self.index.sides.of_concept(concept) & SIDES
        return Entry(
            occurrence,
            statement.observed,
            endable=statement.endable,
            sides=sides,
            visit=statement.visit,
            text=statement.from_text,
            written=statement.written,
            restates=statement.restates,
            about=code or statement.name,
        )

    def _accompanied(self, mark: Mark, concept: dict[str, Any], statement: Statement) -> bool:
        if not mark.needs:
            return False
        there = {f"site {site}" for site in statement.body_sites}
        there |= {f"bodysite {site}" for site in statement.body_sites}
        text = as_text(concept.get("text"))
        if text and text.lower() not in displays(concept, mark.code):
            there |= {f"site {site}" for site in self.index.sites.of_concept({"text": text})}
            if "severe" in self.index.severity.of_concept({"text": text}):
                there.add("severe")
        if statement.worsens or (text and "worsening" in self.index.text.kinds(text)):
            there.add("worsening")
        if statement.severity == "severe":
            there.add("severe")
        if statement.since is not None:
            there.add("dated")
        return all(there & need for need in mark.needs)

    def _file_words(self, concept: dict[str, Any], statement: Statement) -> bool:
        text = words_of(concept)
        if text is None:
            return False
        called = self.index.called.get(text.casefold())
        if called is not None and called.carrier == statement.carrier:
            written = statement.observed or statement.since
            own = replace(statement, name=text.casefold(), from_text=True, written=written)
            self.affirm(called, f"{quoted(text)} (from text)", concept, own)
            return True
        if self.index.text.whole(text):
            statement = replace(statement, name=text.casefold())
        if statement.holds is Holds.DENIED:
            return self._deny_words(text, statement)
        return file_text(text, statement, concept, self)

    def _deny_words(self, text: str, statement: Statement) -> bool:
        """File a "no" to a name in words, where the name is all that the words say.

        "Severe back pain: no" does not deny back pain.
        """
        named = self.index.text.whole(text)
        for name in named:
            self.deny(self.index.findings[name], quoted(text), statement, statement.name)
        return bool(named)

    def _hint_by_words(self, concept: dict[str, Any], statement: Statement) -> None:
        """Let the display of a code that is not among ours hint: it is no evidence.

        Pain by its name counts: it alarms nobody, and without it nothing else would be judged.
        """
        if not statement.hints_by_display:
            return
        text = "; ".join(all_words_of(concept))
        for mention in self.index.text.read(text):
            if mention.finding.carrier != statement.carrier or mention.doubt:
                continue
            words = f"{quoted(text)}, with a code that is not among those listed"
            if mention.finding.id in self.index.episodic:
                own = replace(statement, from_text=True, written=statement.observed)
                self.affirm(mention.finding, words, concept, own)
            else:
                self.hint(mention.finding, words, statement)


def _is_elsewhere(finding: FindingDefinition, statement: Statement) -> bool:
    """Tell whether a finding of one place is said of another: severe pain of the belly."""
    if not statement.body_sites or finding.measured is None or finding.measured.site is None:
        return False
    said = statement.body_sites - SIDES
    return bool(said) and finding.measured.site not in said
