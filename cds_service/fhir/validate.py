"""Resources checked against FHIR R4 on request: what is wrong with each, never its values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhir.resources.R4B import get_fhir_model_class
from pydantic import ValidationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_MAX_PER_RESOURCE = 5


def validate(resources: Iterable[tuple[str, dict[str, Any]]]) -> Iterator[str]:
    """Yield a note for each fault: reference, path and reason, resource by resource.

    R4 is checked as R4B, its nearest published model. The text of an error would carry patient
    data, so only its path and kind are told.
    """
    for reference, resource in resources:
        yield from _faults(reference, resource)


def _faults(reference: str, resource: dict[str, Any]) -> Iterator[str]:
    kind = resource.get("resourceType")
    try:
        model = get_fhir_model_class(str(kind))
    except (KeyError, ValueError, LookupError):
        yield f"{reference} is not valid FHIR R4: there is no resource type {str(kind)[:40]!r}"
        return
    try:
        model.model_validate(resource)
    except ValidationError as error:
        faults = error.errors(include_input=False, include_url=False, include_context=False)
        for fault in faults[:_MAX_PER_RESOURCE]:
            path = ".".join(str(part) for part in fault["loc"]) or str(kind)
            yield f"{reference} is not valid FHIR R4: {path}: {fault['type'].replace('_', ' ')}"
        if len(faults) > _MAX_PER_RESOURCE:
            yield f"{reference} is not valid FHIR R4: {len(faults) - _MAX_PER_RESOURCE} more faults"
    except (KeyError, RecursionError, TypeError, AttributeError) as error:
        yield f"{reference} is not valid FHIR R4: it could not be checked ({type(error).__name__})"
