"""QuestionnaireResponse: answers by linkId, which is the name of the finding."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cds_service.clinical.facts import Evidence, Occurrence
from cds_service.content.findings import Computation, Reading
from cds_service.fhir.access import (
    as_dict,
    as_list,
    as_number,
    as_text,
    first_code,
    is_malformed,
    last_path,
)
from cds_service.fhir.answers import as_part, item_answers, value_of, yes_or_no
from cds_service.fhir.asked import file_asked
from cds_service.fhir.computed import meant
from cds_service.fhir.dates import first_date, read_date
from cds_service.fhir.entry import Entry, says
from cds_service.fhir.readings import compare
from cds_service.fhir.statement import Statement
from cds_service.fhir.typed import file_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cds_service.content.findings import FindingDefinition
    from cds_service.fhir.filer import Filer
    from cds_service.fhir.measurements import Measurements
    from cds_service.fhir.record import Record

    # An item with its linkId and the titles of the groups that it stands in.
    _Item = tuple[str, dict[str, Any], tuple[str, ...]]

# The form that this service publishes. Where it was copied to, its last part stays the same.
QUESTIONNAIRE = "https://backpain-cds.org/Questionnaire/back-pain-red-flags"
# What a form asks beside a finding: its linkId, and one of these.
ONSET, SEVERITY, VALUE = ".onset", ".severity", ".value"

_COUNTS = {"completed", "amended", None}
# What was not done to its end: what is said counts, what is denied does not.
_SO_FAR = {"in-progress", "stopped"}
_VOID = {"entered-in-error"}
_MAX_DEPTH = 30
_NESTS = ("item", "group", "question")
_MAX_AUTHOR = 80
_NOT_ASKED = {Computation.MINOR, Computation.DECEASED}
_MAX_TEXT = 2000
# What a form may ask as a number; a weight or a laboratory value needs more than one.
_ASKED_FOR = {Reading.TEMPERATURE, Reading.SCORE, Reading.GRADE}


def read_response(
    resource: dict[str, Any],
    reference: str,
    record: Record,
    filer: Filer,
    measurements: Measurements,
) -> None:
    """File every answer, by its linkId where that names a finding, else by its question's words.

    An item without an answer was not asked. A response that was not done to its end affirms, but
    does not deny.
    """
    status = first_code(resource.get("status"))
    if not _counts(status, reference, record):
        return
    authored, when = first_date((resource.get("authored"),), record.zone)
    items = list(_items(resource, 0))
    _note_malformed(resource, items, reference, record)
    details = _details(items, filer)
    answered = False
    by = _recorded_by(resource)
    remark = status if status in _SO_FAR else None
    for link_id, item, above in items:
        name = link_id.removesuffix(VALUE)
        finding = filer.index.findings.get(name)
        if finding is None:
            if link_id not in details:
                foreign = Statement(
                    reference,
                    since=authored,
                    when=when,
                    observed=authored,
                    endable=True,
                    remark=remark,
                    visit=True,
                    note=True,
                    hints_by_display=True,
                )
                file_asked(item, above, foreign, by, filer, measurements)
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
            remark=remark,
        )
        words = f"answer to “{finding.question}”{by}"
        measured = details.get(f"{name}{VALUE}") if link_id == name else None
        for each in item_answers(item):
            answered = True
            if measured is None or not _says_the_same(each, measured, finding, filer):
                _file(finding, each, words, statement, filer, measurements)
    if answered and (record.form_alone or _is_ours(resource.get("questionnaire"))):
        filer.ledger.keep_form(reference, authored, when)


def _counts(status: str | None, reference: str, record: Record) -> bool:
    """Tell whether a response of a status counts; one that nobody knows is noted."""
    if status in _COUNTS | _SO_FAR:
        return True
    if status not in _VOID:
        record.unreadable("QuestionnaireResponse", reference, "its status is not known")
    return False


def _note_malformed(
    resource: dict[str, Any], items: list[_Item], reference: str, record: Record
) -> None:
    """Note that something stood in the place of items or answers and was none."""
    nodes = [resource, *(item for _, item, _ in items)]
    if any(is_malformed(node.get(key)) for node in nodes for key in (*_NESTS, "answer")):
        record.unreadable("QuestionnaireResponse", reference, "some of its items or answers")


def _details(items: list[_Item], filer: Filer) -> dict[str, object]:
    """Return what was said beside the findings: values as they came, by linkId."""
    return {
        link_id: next((value_of(each) for each in item_answers(item)), None)
        for link_id, item, _ in items
        if link_id.endswith((ONSET, SEVERITY, VALUE))
        and link_id.rpartition(".")[0] in filer.index.findings
    }


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
    if finding.measured is None or yes_or_no(given, filer.index) is not True:
        return False
    compared = compare(finding.measured, _part(measured), filer.index)
    return compared is not None and compared.affirms is True


def _file(
    finding: FindingDefinition,
    given: dict[str, Any],
    words: str,
    statement: Statement,
    filer: Filer,
    measurements: Measurements,
) -> None:
    value = value_of(given)
    amount = as_dict(value).get("value") if isinstance(value, dict) else value
    number = None if isinstance(value, bool) else as_number(amount)
    began = read_date(given.get("valueDate") or given.get("valueDateTime"), filer.ledger.zone)
    said = yes_or_no(given, filer.index)
    if number is not None and finding.measured and finding.measured.reading in _ASKED_FOR:
        if finding.measured.reading is not Reading.TEMPERATURE:
            statement = replace(statement, since=statement.observed)
        sites = {finding.measured.site} if finding.measured.site else set()
        own = replace(statement, body_sites=sites)
        measurements.read(finding, words, _part(value), own)
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


def _part(value: object) -> dict[str, Any]:
    return as_part({"value": value})


def _items(node: dict[str, Any], depth: int, above: tuple[str, ...] = ()) -> Iterator[_Item]:
    """Yield all items with their linkIds and the titles of the groups that they stand in.

    They are nested under items, under answers, and in groups (DSTU2).
    """
    if depth > _MAX_DEPTH:
        return
    for key in _NESTS:
        for each in as_list(node.get(key)):
            item = as_dict(each)
            yield as_text(item.get("linkId")) or "", item, above
            title = as_text(item.get("text") or item.get("title"))
            within = (*above, title) if title and "answer" not in item else above
            yield from _items(item, depth + 1, within)
            for given in as_list(item.get("answer")):
                yield from _items(as_dict(given), depth + 1, within)
