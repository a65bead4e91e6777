"""The record of the patient that a launch opened, read from the EHR, as a form needs it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from cds_service.fhir.access import as_dict, as_list, as_text
from cds_service.hooks.access import Access
from cds_service.hooks.envelope import Envelope
from cds_service.hooks.prefetch import Completed, Key, Prefetched, read_prefetch, wanted
from cds_service.problems import Problem
from cds_service.web.sheet import THIS_FORM

if TYPE_CHECKING:
    from datetime import datetime

    from cds_service.content.load import Content
    from cds_service.fhir.record import Record
    from cds_service.hooks.fhir_server import FhirServers
    from cds_service.smart.grant import Grant

    Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class EhrChart:
    """A patient's record as an EHR has it: what came by prefetch key, and why the rest did not."""

    patient_id: str
    completed: Completed
    expected: tuple[Key, ...]

    @property
    def carried(self) -> str:
        """Return the record as text."""
        completed = self.completed
        whole = {
            "values": completed.values,
            "failed": completed.failed,
            "not_asked": completed.not_asked,
        }
        return orjson.dumps(whole).decode()

    @property
    def subject(self) -> str | None:
        """Return the reference of the patient: the one that the EHR granted."""
        return f"Patient/{self.patient_id}"

    @property
    def named(self) -> str:
        """Return who the patient is, as far as the record says it."""
        patient = as_dict(self.completed.values.get("patient"))
        name = as_dict(next(iter(as_list(patient.get("name"))), {}))
        given = (as_text(each) for each in as_list(name.get("given")))
        words = [as_text(name.get("text")) or "", *(each or "" for each in given)]
        if words[0]:
            words = words[:1]
        else:
            words.append(as_text(name.get("family")) or "")
        called = " ".join(each for each in words if each) or f"Patient/{self.patient_id}"
        born = as_text(patient.get("birthDate"))
        return f"{called}, born {born}" if born else called

    def read(self, as_of: datetime) -> Record:
        """Return the record."""
        return self._prefetched(self.completed, as_of).record

    def read_with(self, answers: Json, as_of: datetime) -> Record:
        """Return the record with a response to the form in it."""
        added = {
            "resourceType": "Bundle",
            "type": "collection",
            "entry": [{"fullUrl": THIS_FORM, "resource": answers}],
        }
        completed = self.completed
        values = {**completed.values, "thisForm": added}
        return self._prefetched(
            Completed(values, completed.failed, completed.not_asked), as_of
        ).record

    def remarks(self, as_of: datetime) -> tuple[str, ...]:
        """Say what of the record could not be read."""
        why = self._prefetched(self.completed, as_of).why_incomplete()
        return (f"{why}.",) if why else ()

    def _prefetched(self, completed: Completed, as_of: datetime) -> Prefetched:
        return read_prefetch(completed, self.patient_id, as_of, {}, self.expected)


class Charts:
    """Reads the charts that launches open, by the keys that hooks ask for as well."""

    def __init__(self, servers: FhirServers, content: Content) -> None:
        """Take the FHIR servers of the EHRs that may launch."""
        self._servers = servers
        self._keys = wanted(content)

    def read(self, grant: Grant) -> EhrChart:
        """Ask the EHR for the record. What does not come is told, and denies nothing."""
        expected = self._expected(grant)
        asking = Envelope(grant.patient, grant.encounter, {}, Access(grant.iss, grant.token))
        return EhrChart(grant.patient, self._servers.complete(asking, expected, {}), expected)

    def carried(self, grant: Grant, text: str) -> EhrChart:
        """Return the chart that a page carries along. Raises Problem (400)."""
        try:
            whole = as_dict(orjson.loads(text))
        except orjson.JSONDecodeError:
            whole = {}
        values, failed = whole.get("values"), whole.get("failed")
        if not isinstance(values, dict) or not isinstance(failed, dict):
            msg = "record: this is not the record of the page; open the form from the EHR again"
            raise Problem(400, "structure", msg, expression="record")
        told = {name: why for name, why in failed.items() if isinstance(why, str)}
        completed = Completed(values, told, as_text(whole.get("not_asked")))
        return EhrChart(grant.patient, completed, self._expected(grant))

    def _expected(self, grant: Grant) -> tuple[Key, ...]:
        return tuple(
            key for key in self._keys if grant.encounter is not None or key.name != "encounter"
        )
