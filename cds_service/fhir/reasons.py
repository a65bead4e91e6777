"""Why something is done: the reasons that a resource gives, as codes, words or conditions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cds_service.fhir.access import as_dict, as_list, as_text, concepts, said_codes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cds_service.fhir.record import Record

# R4 and later, then DSTU2 and STU3. In R5 a reason is a CodeableReference, or has some in `value`.
_CODED = ("reasonCode", "reason", "reasonCodeableConcept", "reasonForUseCodeableConcept")
_REFERRED = ("reasonReference", "reason", "reasonForUseReference", "indication")
_KEYS = frozenset((*_CODED, *_REFERRED, "diagnosis"))
_FALSE = {"refuted", "entered-in-error"}


def reasons_of(resource: dict[str, Any], record: Record | None = None) -> list[dict[str, Any]]:
    """Return the reasons of a resource as concepts.

    A condition that the resource contains gives its code; one that stands elsewhere gives the
    display of the reference, unless it is in the record: there it is read with its status.
    """
    if _KEYS.isdisjoint(resource):
        return []
    found: list[dict[str, Any]] = []
    for given in _given(resource):
        reference = _reference_in(given)
        if reference is None:
            found += concepts(given)
        else:
            found += _referred(reference, resource, record)
    return found


def _given(resource: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield what stands in the place of a reason: concepts, references, and both in one."""
    for key in dict.fromkeys((*_CODED, *_REFERRED)):
        for each in map(as_dict, as_list(resource.get(key))):
            yield from map(as_dict, as_list(each["value"]) if "value" in each else [each])
    for diagnosis in as_list(resource.get("diagnosis")):
        yield from map(as_dict, as_list(as_dict(diagnosis).get("condition")))


def _reference_in(given: dict[str, Any]) -> dict[str, Any] | None:
    """Return the Reference that a reason is or nests; None where it is a concept."""
    nested = given.get("reference")
    if isinstance(nested, dict):
        return nested
    is_reference = nested is not None or ("display" in given and "code" not in given)
    return given if is_reference else None


def _referred(
    reference: dict[str, Any], resource: dict[str, Any], record: Record | None
) -> list[dict[str, Any]]:
    target, display = as_text(reference.get("reference")), as_text(reference.get("display"))
    if target and target.startswith("#"):
        for each in map(as_dict, as_list(resource.get("contained"))):
            if each.get("id") == target[1:]:
                false = not _FALSE.isdisjoint(said_codes(each.get("verificationStatus")))
                return [] if false else concepts(each.get("code"))
    if record is not None and record.resolve(target):
        return []
    return [{"text": display}] if display else []
