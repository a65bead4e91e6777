"""QuestionnaireResponse: answers by linkId, which is the name of the finding."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cds_service.clinical.facts import Evidence, Occurrence
from cds_service.content.findings import Computation, Reading
from cds_service.fhir.access import as_dict, as_list, as_number, as_text, first_code
from cds_service.fhir.answers import concept_answer
from cds_service.fhir.computed import meant
from cds_service.fhir.dates import first_date, read_date
from cds_service.fhir.ledger import Entry, says
from cds_service.fhir.statements import Statement
from cds_service.fhir.typed import file_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cds_service.clinical.windows import Since
    from cds_service.content.findings import FindingDefinition
    from cds_service.fhir.measurements import Measurements
    from cds_service.fhir.record import Record
    from cds_service.fhir.statements import Filer

_COUNTS = {"completed", "amended", None}
_SO_FAR = {"in-progress"}
_MAX_DEPTH = 30
_NOT_ASKED = {Computation.MINOR, Computation.DECEASED}
_ONSET = ".onset"
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
    onsets = {
        link_id.removesuffix(_ONSET): read_date(_first_value(item), record.zone)
        for link_id, item in items
        if link_id.endswith(_ONSET)
    }
    for link_id, item in items:
        finding = filer.index.findings.get(link_id)
        if finding is None:
            _file_typed(item, reference, (authored, when), filer)
            continue
        if finding.computed in _NOT_ASKED:
            continue
        statement = Statement(
            reference=reference,
            since=onsets.get(link_id) or authored,
            when=when,
            observed=authored,
            endable=True,
            remark=status if status in _SO_FAR else None,
        )
        for each in as_list(item.get("answer")):
            _file(finding, as_dict(each), statement, filer, measurements)


def _file(
    finding: FindingDefinition,
    given: dict[str, Any],
    statement: Statement,
    filer: Filer,
    measurements: Measurements,
) -> None:
    words = f"answer to “{finding.question}”"
    value = _value(given)
    number = None if isinstance(value, bool) else as_number(value)
    began = read_date(given.get("valueDate") or given.get("valueDateTime"), filer.ledger.zone)
    said = _yes_or_no(given, filer)
    if number is not None and finding.measured and finding.measured.reading in _ASKED_FOR:
        if finding.measured.reading is not Reading.TEMPERATURE:
            statement = replace(statement, since=statement.observed)
        sites = {finding.measured.site} if finding.measured.site else set()
        own = replace(statement, body_sites=sites)
        measurements.read(finding, words, _measured_part(given), own)
    elif finding.computed is Computation.EPISODES and (number or said):
        _file_count(finding, number or meant(finding), words, statement, filer)
    elif began is not None:
        filer.affirm(finding, f"{words}: since {value}", {}, replace(statement, since=began))
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


def _measured_part(given: dict[str, Any]) -> dict[str, Any]:
    """Return an answer as the value of an observation, so that units are read the same way."""
    quantity = given.get("valueQuantity")
    return {"valueQuantity": quantity} if quantity else {"valueDecimal": _value(given)}


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
    quantity = given.get("valueQuantity")
    if isinstance(quantity, dict):
        return quantity.get("value")
    return next((value for key, value in given.items() if key.startswith("value")), None)


def _first_value(item: dict[str, Any]) -> object:
    for each in as_list(item.get("answer")):
        return _value(as_dict(each))
    return None


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
