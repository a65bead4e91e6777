"""QuestionnaireResponse: answers by linkId, which is the name of the finding."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cds_service.clinical.facts import Evidence, Occurrence
from cds_service.content.findings import Computation, Reading
from cds_service.fhir.access import as_dict, as_list, as_number, as_text, first_code, last_path
from cds_service.fhir.answers import concept_answer
from cds_service.fhir.computed import meant
from cds_service.fhir.dates import first_date, read_date
from cds_service.fhir.ledger import Entry, says
from cds_service.fhir.readings import compare
from cds_service.fhir.statements import Statement
from cds_service.fhir.typed import file_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cds_service.clinical.windows import Since
    from cds_service.content.findings import FindingDefinition
    from cds_service.fhir.measurements import Measurements
    from cds_service.fhir.record import Record
    from cds_service.fhir.statements import Filer

# The form that this service publishes. Where it was copied to, its last part stays the same.
QUESTIONNAIRE = "https://backpain-cds.org/Questionnaire/back-pain-red-flags"
# An answer by a code of this system says why there is none. Source: FHIR R4, data-absent-reason.
ABSENT_REASON = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
# What a form asks beside a finding: its linkId, and one of these.
ONSET, SEVERITY, VALUE = ".onset", ".severity", ".value"

_COUNTS = {"completed", "amended", None}
_SO_FAR = {"in-progress"}
_MAX_DEPTH = 30
_MAX_AUTHOR = 80
_NOT_ASKED = {Computation.MINOR, Computation.DECEASED}
_MAX_TEXT = 2000
_ABOUT_ELSE = {"family", "history", "hypothetical"}
# What a form may ask as a number; a weight or a laboratory value needs more than one.
_ASKED_FOR = {Reading.TEMPERATURE, Reading.SCORE, Reading.GRADE}


def read_response(
    resource: dict[str, Any],
    reference: str,
    record: Record,
    filer: Filer,
    measurements: Measurements,
) -> None:
    """File every answer whose linkId names a finding. An item without an answer was not asked.

    A response still in progress affirms, but does not deny: its writer may not be done.
    """
    status = first_code(resource.get("status"))
    if status not in _COUNTS | _SO_FAR:
        return
    authored, when = first_date((resource.get("authored"),), record.zone)
    items = list(_items(resource, 0))
    details = _details(items)
    answered = False
    for link_id, item in items:
        name = link_id.removesuffix(VALUE)
        finding = filer.index.findings.get(name)
        if finding is None:
            if link_id not in details:
                _file_typed(item, reference, (authored, when), filer)
            continue
        if finding.computed in _NOT_ASKED:
            continue
        onset = read_date(details.get(f"{name}{ONSET}"), record.zone)
        statement = Statement(
            reference=reference,
            since=onset or authored,
            when=when,
            observed=authored,
            endable=True,
            restates=onset is not None,
            severity=_severity(details.get(f"{name}{SEVERITY}"), filer),
            remark=status if status in _SO_FAR else None,
        )
        words = f"answer to “{finding.question}”{_recorded_by(resource)}"
        measured = details.get(f"{name}{VALUE}") if link_id == name else None
        for each in _answers(item):
            answered = True
            if measured is None or not _says_the_same(each, measured, finding, filer):
                _file(finding, each, words, statement, filer, measurements)
    if answered and (record.form_alone or _is_ours(resource.get("questionnaire"))):
        filer.ledger.keep_form(reference, authored, when)


def _details(items: list[tuple[str, dict[str, Any]]]) -> dict[str, object]:
    """Return what was said beside the findings: values as they came, by linkId."""
    return {
        link_id: next((_value(each) for each in _answers(item)), None)
        for link_id, item in items
        if link_id.endswith((ONSET, SEVERITY, VALUE))
    }


def _answers(item: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the answers of an item; one that says why there is none is no answer."""
    for each in as_list(item.get("answer")):
        given = as_dict(each)
        if as_dict(given.get("valueCoding")).get("system") != ABSENT_REASON:
            yield given


def _severity(said: object, filer: Filer) -> str | None:
    concept = {"coding": [said]} if isinstance(said, dict) else {"text": said}
    names = filer.index.severity.of_concept(concept)
    return next(iter(names)) if len(names) == 1 else None


def _recorded_by(resource: dict[str, Any]) -> str:
    """Return who wrote the answers down, as words to add."""
    author = as_dict(resource.get("author"))
    name = as_text(author.get("display")) or as_text(author.get("reference"))
    return f" (recorded by {name[:_MAX_AUTHOR]})" if name else ""


def _is_ours(questionnaire: object) -> bool:
    """Tell whether a response answers our form, by canonical (R4) or reference (STU3)."""
    said = as_text(as_dict(questionnaire).get("reference")) or as_text(questionnaire)
    return said is not None and last_path(said.partition("|")[0]) == last_path(QUESTIONNAIRE)


def _says_the_same(
    given: dict[str, Any], measured: object, finding: FindingDefinition, filer: Filer
) -> bool:
    """Tell whether an answer only says yes to what its measured value says better."""
    if finding.measured is None or _yes_or_no(given, filer) is not True:
        return False
    compared = compare(finding.measured, _as_part(measured), filer.index)
    return compared is not None and compared.affirms is True


def _file(
    finding: FindingDefinition,
    given: dict[str, Any],
    words: str,
    statement: Statement,
    filer: Filer,
    measurements: Measurements,
) -> None:
    value = _value(given)
    amount = as_dict(value).get("value") if isinstance(value, dict) else value
    number = None if isinstance(value, bool) else as_number(amount)
    began = read_date(given.get("valueDate") or given.get("valueDateTime"), filer.ledger.zone)
    said = _yes_or_no(given, filer)
    if number is not None and finding.measured and finding.measured.reading in _ASKED_FOR:
        if finding.measured.reading is not Reading.TEMPERATURE:
            statement = replace(statement, since=statement.observed)
        sites = {finding.measured.site} if finding.measured.site else set()
        own = replace(statement, body_sites=sites)
        measurements.read(finding, words, _as_part(value), own)
    elif finding.computed is Computation.EPISODES and (number or said):
        _file_count(finding, number or meant(finding), words, statement, filer)
    elif began is not None:
        dated = replace(statement, since=began, restates=True)
        filer.affirm(finding, f"{words}: since {value}", {}, dated)
    elif said is None:
        typed = as_text(given.get("valueString"))
        if typed is None or not _tells(finding, typed, statement, filer):
            filer.hint(finding, f"{words}, without a clear yes or no", statement)
    elif said:
        filer.affirm(finding, f"{words}: yes", {}, statement)
    elif statement.remark in _SO_FAR:
        filer.hint(finding, f"{words}: no, not yet completed", statement)
    else:
        filer.deny(finding, words, statement)


def _tells(finding: FindingDefinition, typed: str, statement: Statement, filer: Filer) -> bool:
    """File an answer in words; tell whether it affirms or doubts the finding that was asked for."""
    own = replace(statement, visit=True, note=True)
    file_text(typed[:_MAX_TEXT], own, {}, filer)
    return any(each.finding is finding for each in filer.index.text.read(typed[:_MAX_TEXT]))


def _file_typed(
    item: dict[str, Any],
    reference: str,
    authored: tuple[Since | None, str | None],
    filer: Filer,
) -> None:
    """File what was typed in answer to a question of another form.

    A question about the family, about the past or about what may come is not about now.
    """
    question = as_text(item.get("text"))
    if question and not _ABOUT_ELSE.isdisjoint(filer.index.text.kinds(question)):
        return
    since, when = authored
    statement = Statement(
        reference, since=since, when=when, observed=since, endable=True, visit=True, note=True
    )
    for each in as_list(item.get("answer")):
        typed = as_text(as_dict(each).get("valueString"))
        if typed:
            file_text(typed[:_MAX_TEXT], statement, {}, filer)


def _file_count(
    finding: FindingDefinition,
    count: float | None,
    words: str,
    statement: Statement,
    filer: Filer,
) -> None:
    """File how many episodes there were, in the answer's own number."""
    text = says(f"{words}: {count:g}", statement.since, statement.remark)
    evidence = Evidence(statement.reference, text, statement.when)
    occurrence = Occurrence(statement.since, count, evidence)
    filer.ledger.affirm(finding, Entry(occurrence, statement.observed, endable=True))


def _as_part(value: object) -> dict[str, Any]:
    """Return an answer as the value of an observation, so that units are read the same way."""
    return {"valueQuantity": value} if isinstance(value, dict) else {"valueDecimal": value}


def _yes_or_no(given: dict[str, Any], filer: Filer) -> bool | None:
    if isinstance(given.get("valueBoolean"), bool):
        return bool(given["valueBoolean"])
    coding = given.get("valueCoding")
    if isinstance(coding, dict):
        return concept_answer({"coding": [coding]}, filer.index)
    text = as_text(given.get("valueString"))
    name = filer.index.answers.of_answer(text) if text else None
    return None if name is None else name == "yes"


def _value(given: dict[str, Any]) -> object:
    return next((value for key, value in given.items() if key.startswith("value")), None)


def _items(node: dict[str, Any], depth: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield all items with their linkIds: nested under items, under answers, in groups (DSTU2)."""
    if depth > _MAX_DEPTH:
        return
    for key in ("item", "group", "question"):
        for each in as_list(node.get(key)):
            item = as_dict(each)
            link_id = as_text(item.get("linkId"))
            if link_id:
                yield link_id, item
            yield from _items(item, depth + 1)
            for given in as_list(item.get("answer")):
                yield from _items(as_dict(given), depth + 1)
