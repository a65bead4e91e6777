"""Observation: a finding with a yes or no, a question with its answer, or a measurement."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cds_service.content.findings import Reading
from cds_service.fhir.access import as_list, as_text, codings, concepts, first_code
from cds_service.fhir.answers import answer, interpretation_codes, number_of
from cds_service.fhir.circumstances import SIDES, body_sites, severity, severity_said
from cds_service.fhir.dates import first_date, start_of
from cds_service.fhir.index import Role
from cds_service.fhir.mentions import quoted
from cds_service.fhir.statement import Holds, Statement
from cds_service.fhir.typed import file_text
from cds_service.fhir.words import all_words_of

if TYPE_CHECKING:
    from cds_service.content.findings import FindingDefinition
    from cds_service.fhir.filer import Filer
    from cds_service.fhir.index import Mark
    from cds_service.fhir.measurements import Measurements
    from cds_service.fhir.record import Record

_COUNTS = {"final", "amended", "corrected", "appended", "registered", "preliminary"}
_SAID = {"registered", "preliminary"}
_FALSE = {"entered-in-error", "cancelled"}
_DENYING = {"neg", "nd"}
_MAX_WORDS = 60
_MAX_TEXT = 2000
_HOLDS = {True: Holds.NOW, False: Holds.DENIED, None: Holds.OPEN}


def read_observation(
    resource: dict[str, Any],
    reference: str,
    record: Record,
    filer: Filer,
    measurements: Measurements,
) -> None:
    """File an Observation and its components; most speak of nothing that matters here."""
    parts = [part for part in _parts(resource) if not _says_nothing(part, filer)]
    if not parts:
        return
    statement = _statement(resource, reference, record, filer)
    if statement is None:
        return
    for part in parts:
        found = concepts(part.get("code"))
        if not any(codings(concept) or as_text(concept.get("text")) for concept in found):
            record.unreadable("Observation", reference, "it has no code that can be read")
        elif statement.holds is Holds.OPEN and _speaks(found, filer):
            record.unreadable("Observation", reference, "its status does not say whether it counts")
        for concept in found:
            marks, known = filer.marks(concept)
            if marks:
                _file(part, concept, marks, statement, filer, measurements)
            elif not known:
                _file_by_words(part, concept, statement, filer, measurements)
        if not part.get("dataAbsentReason"):
            _file_values(part, found, statement, filer)


def _speaks(found: list[dict[str, Any]], filer: Filer) -> bool:
    """Tell whether a code speaks of any finding."""
    return any(filer.marks(concept)[0] or filer.hints(concept) for concept in found)


def _parts(resource: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the Observation itself and its components, each with a code and a value."""
    if "component" not in resource:
        return [resource]
    components = [each for each in as_list(resource["component"]) if isinstance(each, dict)]
    return [resource, *components] if "code" in resource else components


def _says_nothing(part: dict[str, Any], filer: Filer) -> bool:
    """Tell whether code and value are of known systems, and speak of no finding."""
    if not filer.says_nothing(part.get("code")):
        return False
    if "valueCodeableConcept" in part:
        return filer.says_nothing(part["valueCodeableConcept"])
    text = part.get("valueString")
    return not isinstance(text, str) or not filer.index.text.speaks(text)


def _statement(
    resource: dict[str, Any], reference: str, record: Record, filer: Filer
) -> Statement | None:
    """Return the circumstances of an Observation; None where its status says it is void."""
    status = first_code(resource.get("status"))
    if status in _FALSE:
        return None
    since, when = first_date(
        (
            resource.get("effectiveDateTime"),
            resource.get("effectiveInstant"),
            start_of(resource.get("effectivePeriod")),
            resource.get("issued"),
        ),
        record.zone,
    )
    return Statement(
        reference=reference,
        holds=Holds.NOW if status in _COUNTS or status is None else Holds.OPEN,
        since=since,
        when=when,
        observed=since,
        endable=True,
        remark=status if status in _SAID else None,
        severity=severity(resource, filer.index),
        body_sites=body_sites(resource, filer.index),
    )


def _file(
    part: dict[str, Any],
    concept: dict[str, Any],
    marks: list[Mark],
    statement: Statement,
    filer: Filer,
    measurements: Measurements,
) -> None:
    speaking = []
    for mark in marks:
        if mark.role is not Role.MEASURES:
            speaking.append(mark)
        elif statement.holds is not Holds.OPEN:
            own = statement
            if mark.finding.measured and mark.finding.measured.site and not statement.body_sites:
                own = replace(statement, body_sites=_sites_in_words(concept, filer))
            measurements.read(mark.finding, mark.code.display, part, own, mark.code.code)
    if speaking:
        filer.file_marks(speaking, concept, _answered(part, statement, filer))


def _sites_in_words(concept: dict[str, Any], filer: Filer) -> set[str]:
    """Return the sites that a score's own words name: "pain score, knee"."""
    return filer.index.sites.of_concept({"text": concept.get("text")})


def _answered(part: dict[str, Any], statement: Statement, filer: Filer) -> Statement:
    """Return the statement as the value answers it: yes, no, how bad, or not to be told."""
    if statement.holds is Holds.OPEN:
        return statement
    said = answer(part, filer.index)
    if said is None and not part.get("dataAbsentReason"):
        how_bad = severity_said(part, filer.index)
        if how_bad is not None:
            return replace(statement, severity=how_bad)
    holds = _HOLDS[said]
    return statement if holds is statement.holds else replace(statement, holds=holds)


def _file_by_words(
    part: dict[str, Any],
    concept: dict[str, Any],
    statement: Statement,
    filer: Filer,
    measurements: Measurements,
) -> None:
    """File an Observation whose code is words, or of a system that we do not know."""
    if number_of(part) is None or not file_measured(part, concept, statement, filer, measurements):
        own = _answered(part, statement, filer)
        asks = concept.get("text")
        # Beside a value words that ask are a question: "Have you ever had cancer?"
        if isinstance(asks, str) and "?" in asks and any(key.startswith("value") for key in part):
            ours = filer.index.questions.of(asks)
            if ours is not None:
                filer.affirm(ours, quoted(asks), concept, own)
                return
            concept = concept | {"text": filer.index.questions.as_statement(asks)}
        if not filer.file(concept, own):
            _file_with_value(part, concept, statement, filer)


def _file_with_value(
    part: dict[str, Any], concept: dict[str, Any], statement: Statement, filer: Filer
) -> None:
    """File what a name and its value say only together: "anal tone", "reduced"."""
    if part.get("dataAbsentReason") or interpretation_codes(part) & _DENYING:
        return
    for name in all_words_of(concept):
        for value in _words_of_value(part):
            if file_text(f"{name} {value}"[:_MAX_TEXT], statement, {}, filer):
                return


def _words_of_value(part: dict[str, Any]) -> dict[str, None]:
    """Return the words of a value: a text, or those of a concept."""
    said = [as_text(part.get("valueString"))]
    for concept in concepts(part.get("valueCodeableConcept")):
        said += all_words_of(concept)
    return dict.fromkeys(filter(None, said))


def file_measured(
    part: dict[str, Any],
    concept: dict[str, Any],
    statement: Statement,
    filer: Filer,
    measurements: Measurements,
) -> bool:
    """File a number under what its name in words measures; return whether it measures anything."""
    text = as_text(concept.get("text")) or ""
    called = filer.index.measured_names.of(text)
    found = False
    for name in _measured_by(text, filer) | dict.fromkeys(called):
        finding = filer.index.findings[name]
        if finding.measured is None or not _may_measure(finding, name in called):
            continue
        sites = statement.body_sites | filer.index.sides.of_concept(concept)
        if name in called:
            sites |= _sites_in_words(concept, filer)
        elif finding.measured.site:
            sites |= {finding.measured.site}
        if finding.measured.reading is Reading.GRADE and not _is_of_leg(sites, bare=name in called):
            continue
        measurements.read(finding, text[:_MAX_WORDS], part, replace(statement, body_sites=sites))
        found = True
    return found


def _measured_by(text: str, filer: Filer) -> dict[str, None]:
    """Return the findings that a number beside these words may measure."""
    return dict.fromkeys((*filer.index.text.names(text), *filer.index.text.measured_by(text)))


def _may_measure(finding: FindingDefinition, called: bool) -> bool:  # noqa: FBT001  the one question
    """Tell whether a number of such a name measures: 8 kg of "weight loss" is no weight."""
    measured = finding.measured
    return called or (measured is not None and measured.reading is not Reading.WEIGHT)


def _is_of_leg(sites: set[str], *, bare: bool) -> bool:
    """Tell whether a muscle grade is of a leg: a bare "muscle power" says where beside it."""
    return "leg" in sites or (not bare and not sites - SIDES)


def _file_values(
    part: dict[str, Any], code: list[dict[str, Any]], statement: Statement, filer: Filer
) -> None:
    """File findings that stand in the value: "symptom reported: night pain".

    What the question asks for counts: a symptom of the family is none of the patient.
    """
    values = concepts(part.get("valueCodeableConcept"))
    text = as_text(part.get("valueString"))
    values += [{"text": text[:_MAX_TEXT]}] if text else []
    if not any(filer.marks(value)[0] or filer.hints(value) for value in values):
        return
    asked = frozenset(cue for concept in code for cue in filer.cues(concept))
    if "family" in asked:
        return
    denied = bool(interpretation_codes(part) & _DENYING)
    own = replace(
        statement,
        holds=Holds.DENIED if denied else statement.holds,
        asked=asked,
    )
    for value in values:
        filer.file(value, own)
