"""One patient's record as it came: its resources, what was searched, what could not be read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cds_service.clinical.windows import zone_of
from cds_service.fhir.access import as_dict, as_list, as_text, last_path
from cds_service.fhir.bundles import unpack
from cds_service.fhir.dates import read_date

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime, tzinfo

    from cds_service.clinical.windows import Since
    from cds_service.fhir.bundles import Unpacked

# The searches that a whole record stands for: the resource types that findings are read from.
ALL_SEARCHES = frozenset(
    {
        "Condition",
        "Observation",
        "MedicationRequest",
        "MedicationStatement",
        "Procedure",
        "QuestionnaireResponse",
        "Encounter",
    }
)


class TwoPatientsError(ValueError):
    """A record speaks of more than one patient, so nobody can say whose findings these are."""


class Record:
    """The resources of one patient at a moment of judging.

    ``searched`` are the resource types whose search was completed, ``incomplete`` those that
    were wanted and did not come whole, ``doubtful`` those of which some could not be read:
    their silence is no denial, not even for the gate. ``drafts`` are the orders and appointments
    that are being written during the call: their reasons count, what they order does not.
    ``form_alone`` marks a single response to a form in the place of a record.
    """

    def __init__(self, as_of: datetime) -> None:
        """Begin an empty record at a moment of judging."""
        self.as_of = as_of
        self.resources: list[tuple[str, dict[str, Any]]] = []
        self.drafts: list[tuple[str, dict[str, Any]]] = []
        self.searched: set[str] = set()
        self.incomplete: set[str] = set()
        self.doubtful: set[str] = set()
        self.notes: list[str] = []
        self.patient: dict[str, Any] = {}
        self.names: dict[str, dict[str, Any]] = {}
        self.form_alone: bool = False
        self._by_reference: dict[str, dict[str, Any]] | None = None
        self._noted: set[str] = set()
        self._places: dict[str, int] = {}

    @property
    def zone(self) -> tzinfo:
        """Return the zone of the moment of judging, in which days are counted."""
        return zone_of(self.as_of)

    @property
    def patient_id(self) -> str | None:
        """Return the id of the patient, from the Patient or from what is about it."""
        named = as_text(self.patient.get("id"))
        if named is not None or self.patient:
            return named
        paths = (last_path(subject_of(resource)) for _, resource in self.resources)
        return next(
            (path.removeprefix("Patient/") for path in paths if path and path[:8] == "Patient/"),
            None,
        )

    @property
    def birth_date(self) -> object:
        """Return the birth date as recorded."""
        return self.patient.get("birthDate")

    def keep(self, reference: str, resource: dict[str, Any]) -> None:
        """Keep a resource; of two versions the newer, of two that cannot be told apart both."""
        place = self._places.get(reference)
        if place is None or _is_anonymous(reference):
            self._places[reference] = len(self.resources)
            self.resources.append((reference, resource))
            return
        other = self.resources[place][1]
        if resource is other or resource == other:
            return
        written, before = self._written(resource), self._written(other)
        if written is None or before is None or written.latest == before.latest:
            self.resources.append((reference, resource))
        elif written.latest > before.latest:
            self.resources[place] = (reference, resource)

    def _written(self, resource: dict[str, Any]) -> Since | None:
        return read_date(as_dict(resource.get("meta")).get("lastUpdated"), self.zone)

    def note(self, text: str) -> None:
        """Keep a note, once."""
        if text not in self._noted:
            self._noted.add(text)
            self.notes.append(text)

    def unreadable(self, kind: str, reference: str, why: str) -> None:
        """Note a resource that could not be read; the silence of its kind is in doubt."""
        self.note(f"{reference} could not be read: {why}")
        self.doubtful.add(kind)

    def resolve(self, reference: object) -> dict[str, Any]:
        """Return the resource of this record that a reference names, else an empty one."""
        if self._by_reference is None:
            self._by_reference = dict(self.resources) | self.names
        named = last_path(reference)
        return self._by_reference.get(named, {}) if named else {}


def references_of(patient_id: str) -> set[str]:
    """Return the references that mean a patient by the id."""
    return {f"Patient/{patient_id}", f"urn:uuid:{patient_id}", patient_id}


def subject_of(resource: dict[str, Any]) -> str | None:
    """Return the reference of the patient that a resource is about, as text."""
    for key in ("subject", "patient"):
        subject = resource.get(key)
        if isinstance(subject, dict):
            return as_text(subject.get("reference"))
    if "participant" in resource:
        for participant in as_list(resource["participant"]):
            actor = as_text(as_dict(as_dict(participant).get("actor")).get("reference"))
            if actor and "Patient/" in actor:
                return actor
    return None


def keep_own(record: Record, unpacked: Unpacked, own: set[str]) -> bool:
    """Take over the resources of the record's patient; leave out and note those of another.

    Return whether any was the patient's. A resource that came before is taken once.
    """
    subjects = [subject_of(resource) for _, resource in unpacked.resources]
    return _keep(record, unpacked, subjects, own)


def _keep(record: Record, unpacked: Unpacked, subjects: list[str | None], own: set[str]) -> bool:
    mine: dict[str | None, bool] = {None: True}
    kept = False
    for (reference, resource), subject in zip(unpacked.resources, subjects, strict=True):
        if resource["resourceType"] == "Patient":
            if own and not _is_anonymous(reference) and last_path(reference) not in own:
                record.note(f"{reference} is another patient: left out")
                continue
            record.patient = resource
        else:
            if subject not in mine:
                mine[subject] = subject in own or last_path(subject) in own
            if not mine[subject]:
                record.note(f"{reference} is about another patient: left out")
                continue
            record.keep(reference, resource)
        kept = True
    record.names |= unpacked.names
    return kept


def keep_drafts(record: Record, unpacked: Unpacked, own: set[str]) -> None:
    """Take over what is being written for the record's patient; note what is for another."""
    drafted = Record(record.as_of)
    keep_own(drafted, unpacked, own)
    record.drafts += drafted.resources
    record.names |= drafted.names
    for note in drafted.notes:
        record.note(note)


def _is_anonymous(reference: str) -> bool:
    """Tell whether a reference only says where a resource stood: it has neither id nor fullUrl."""
    return " " in reference


def read_bundle(value: object, as_of: datetime, *, complete: bool = True) -> Record:
    """Read a Bundle as the whole record of its one patient; a single resource is only itself.

    Raises TwoPatientsError where it speaks of two, ValueError where it is no FHIR resource.
    """
    unpacked = unpack(value)
    if not unpacked.resources and "is not a FHIR resource" in unpacked.problems:
        msg = "the body is not a FHIR resource: it has no resourceType"
        raise ValueError(msg)
    record = Record(as_of)
    subjects = [subject_of(resource) for _, resource in unpacked.resources]
    own = _own_references(unpacked, set(subjects))
    _keep(record, unpacked, subjects, own)
    for problem in unpacked.problems:
        record.note(f"The Bundle {problem}")
    kind = as_dict(value).get("resourceType")
    if not complete or unpacked.partial:
        record.incomplete |= ALL_SEARCHES
        if not complete:
            record.note("The record is not complete: what it does not say is unknown")
    elif kind in ALL_SEARCHES:
        record.searched.add(kind)
        record.form_alone = kind == "QuestionnaireResponse"
    elif kind != "Bundle":
        record.note("A single resource is no record: what it does not say is unknown")
    elif (
        not own
        and not unpacked.unread
        and not any(resource["resourceType"] in ALL_SEARCHES for _, resource in record.resources)
    ):
        # Nothing of any patient: its silence denies nothing.
        record.note("The Bundle speaks of no patient")
    else:
        record.searched |= ALL_SEARCHES
        if unpacked.unread:
            record.doubtful |= ALL_SEARCHES
    return record


def _own_references(unpacked: Unpacked, subjects: Iterable[str | None]) -> set[str]:
    """Return the references that mean the record's one patient."""
    patients: dict[str, set[str]] = {}
    for reference, resource in unpacked.resources:
        if resource["resourceType"] == "Patient":
            named = {name for name, each in unpacked.names.items() if each is resource}
            patients.setdefault(reference, {reference}).update(named)
    if len(patients) > 1:
        _two(sorted(patients))
    own = next(iter(patients.values()), set())
    paths = {last_path(subject) for subject in subjects}
    others = {path for path in paths if path and path.startswith(("Patient/", "urn:"))} - own
    if others and (own or len(others) > 1):
        _two(sorted(own) + sorted(others))
    return own | others


def _two(names: list[str]) -> None:
    msg = (
        f"the Bundle speaks of {len(names)} patients; send one Bundle for each patient, "
        "with at most one Patient resource"
    )
    raise TwoPatientsError(msg)
