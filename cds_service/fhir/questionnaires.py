"""QuestionnaireResponse: answers by linkId, which is the name of the finding."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cds_service.content.findings import Computation
from cds_service.fhir.access import as_dict, as_list, as_number, as_text, first_code
from cds_service.fhir.answers import concept_answer
from cds_service.fhir.dates import read_date
from cds_service.fhir.statements import Statement

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
    raw = resource.get("authored")
    authored = read_date(raw, record.zone)
    items = list(_items(resource, 0))
    onsets = {
        link_id.removesuffix(_ONSET): read_date(_first_value(item), record.zone)
        for link_id, item in items
        if link_id.endswith(_ONSET)
    }
    for link_id, item in items:
        finding = filer.index.findings.get(link_id)
        if finding is None or finding.computed in _NOT_ASKED:
            continue
        statement = Statement(
            reference=reference,
            since=onsets.get(link_id) or authored,
            when=as_text(raw) if authored else None,
            observed=authored,
            endable=True,
            remark=status if status in _SO_FAR else None,
        )
        for each in as_list(item.get("answer")):
            _file(finding, as_dict(each), replace(statement), filer, measurements)


def _file(
    finding: FindingDefinition,
    given: dict[str, Any],
    statement: Statement,
    filer: Filer,
    measurements: Measurements,
) -> None:
    words = f"answer to “{finding.question}”"
    value = _value(given)
    began = read_date(value, filer.ledger.zone) if isinstance(value, str) else None
    said = _yes_or_no(given, filer)
    if finding.measured is not None and _is_number(value):
        statement.body_sites = {finding.measured.site} if finding.measured.site else set()
        measurements.read(finding, words, _measured_part(given), statement)
    elif began is not None:
        statement.since = began
        filer.affirm(finding, f"{words}: since {value}", {}, statement)
    elif said is None:
        filer.hint(finding, f"{words}, without a clear yes or no", statement)
    elif said:
        filer.affirm(finding, f"{words}: yes", {}, statement)
    elif statement.remark in _SO_FAR:
        filer.hint(finding, f"{words}: no, not yet completed", statement)
    else:
        filer.deny(finding, words, statement)


def _is_number(value: Any) -> bool:
    return not isinstance(value, bool) and as_number(value) is not None


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


def _value(given: dict[str, Any]) -> Any:
    for key, value in given.items():
        if key == "valueQuantity":
            return as_dict(value).get("value")
        if key.startswith("value"):
            return value
    return None


def _first_value(item: dict[str, Any]) -> Any:
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
