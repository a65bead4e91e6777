"""A sample patient as the hook request that an EHR would send for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

from cds_service.hooks.prefetch import KEYS

if TYPE_CHECKING:
    from cds_service.hooks.services import Service


def request_for(bundle: dict[str, Any], service: Service) -> dict[str, Any]:
    """Fulfil the prefetch of a service from a Bundle that is the whole record of a patient.

    The searches for some Observations are left out: the search for all of them answers them too.
    """
    resources = [entry["resource"] for entry in bundle.get("entry", ())]
    patient = next(each for each in resources if each["resourceType"] == "Patient")
    encounter = next((each for each in resources if each["resourceType"] == "Encounter"), None)
    context = {"userId": "Practitioner/example", "patientId": patient["id"]}
    if encounter is not None:
        context["encounterId"] = encounter["id"]
    return {
        "hook": service.hook,
        "hookInstance": str(uuid4()),
        "context": context,
        "prefetch": {
            key.name: _searchset(
                [each for each in resources if each["resourceType"] == key.resource_type]
            )
            for key in KEYS
            if key.completes
        }
        | {"patient": patient}
        | ({"encounter": encounter} if encounter is not None else {}),
    }


def _searchset(resources: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a searchset; without a match it has no entries, and no empty list of them."""
    found: dict[str, Any] = {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": len(resources),
    }
    if resources:
        found["entry"] = [
            {"fullUrl": f"urn:example:{each['resourceType']}/{each['id']}", "resource": each}
            for each in resources
        ]
    return found
