"""One patient's record as it came: its resources, what was searched, what could not be read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cds_service.fhir.access import as_dict, as_list, as_text, last_path

if TYPE_CHECKING:
    from datetime import datetime, tzinfo

# The searches that a whole record stands for: the resource types that findings are read from.
ALL_SEARCHES = frozenset(
    {
        "Condition", "Observation", "MedicationRequest", "MedicationStatement", "Procedure",
        "QuestionnaireResponse", "Encounter",
    }
)


class TwoPatientsError(ValueError):
    """A record speaks of more than one patient, so nobody can say whose findings these are."""


@dataclass(slots=True)
class Record:
    """The resources of one patient at a moment of judging.

    ``searched`` are the resource types whose search was completed, ``incomplete`` those that
    were wanted and did not come whole, ``doubtful`` those of which some could not be read:
    their silence is no denial, not even for the gate.
    """

    as_of: datetime
    resources: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    searched: set[str] = field(default_factory=set)
    incomplete: set[str] = field(default_factory=set)
    doubtful: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)
    patient: dict[str, Any] = field(default_factory=dict)
    _by_reference: dict[str, dict[str, Any]] | None = None

    @property
    def zone(self) -> tzinfo:
        """Return the zone of the moment of judging, in which days are counted."""
        zone = self.as_of.tzinfo
        assert zone is not None  # noqa: S101  Facts refuses a moment without a zone
        return zone

    @property
    def birth_date(self) -> Any:
        """Return the birth date as recorded."""
        return self.patient.get("birthDate")

    def note(self, text: str) -> None:
        """Keep a note, once."""
        if text not in self.notes:
            self.notes.append(text)

    def unreadable(self, kind: str, reference: str, why: str) -> None:
        """Note a resource that could not be read; the silence of its kind is in doubt."""
        self.note(f"{reference} could not be read: {why}")
        self.doubtful.add(kind)

    def resolve(self, reference: Any) -> dict[str, Any]:
        """Return the resource of this record that a reference names, else an empty one."""
        if self._by_reference is None:
            self._by_reference = {}
            for name, resource in self.resources:
                self._by_reference[name] = resource
                own = f"{resource.get('resourceType')}/{resource.get('id')}"
                self._by_reference.setdefault(own, resource)
        named = last_path(reference)
        return self._by_reference.get(named, {}) if named else {}


@dataclass(slots=True)
class Unpacked:
    """The resources of one value, with their references, and whether it was whole."""

    resources: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    unread: bool = False

    @property
    def whole(self) -> bool:
        """Tell whether nothing was missing, failed or left on a further page."""
        return not self.problems


_MAX_NESTING = 5
_FAILED = {"fatal", "error"}


def unpack(value: Any) -> Unpacked:
    """Take the resources out of a Bundle of any type, or a single resource, one by one."""
    unpacked = Unpacked()
    if isinstance(value, dict) and "resourceType" not in value and "resource" in value:
        value = value["resource"]
    if not isinstance(value, dict) or not as_text(value.get("resourceType")):
        unpacked.problems.append("is not a FHIR resource")
    elif value["resourceType"] == "Bundle":
        _unpack_bundle(value, unpacked, 0)
    elif value["resourceType"] == "OperationOutcome":
        _outcome(value, unpacked, asked=True)
    else:
        unpacked.resources.append((_reference(value, None, 0), value))
    return unpacked


def _unpack_bundle(bundle: dict[str, Any], unpacked: Unpacked, depth: int) -> None:
    links = [as_dict(link) for link in as_list(bundle.get("link"))]
    if any(link.get("relation") == "next" for link in links):
        unpacked.problems.append("has further pages that were not sent")
    entries = bundle.get("entry")
    if entries is not None and not isinstance(entries, list):
        unpacked.problems.append("has entries that could not be read")
        unpacked.unread = True
    matches = 0
    for number, raw in enumerate(as_list(entries), start=1):
        entry = as_dict(raw)
        resource = entry.get("resource")
        kind = resource.get("resourceType") if isinstance(resource, dict) else None
        mode = as_dict(entry.get("search")).get("mode")
        if kind == "OperationOutcome":
            _outcome(resource, unpacked, asked=False)
        elif kind == "Bundle" and depth < _MAX_NESTING:
            _unpack_bundle(resource, unpacked, depth + 1)
        elif as_text(kind):
            matches += mode != "include"
            unpacked.resources.append((_reference(resource, entry, number), resource))
        elif resource is not None or not ("request" in entry or "response" in entry):
            unpacked.problems.append(f"entry {number} could not be read: it is not a FHIR resource")
            unpacked.unread = True
    total = bundle.get("total")
    if isinstance(total, int) and not isinstance(total, bool) and total > matches:
        unpacked.problems.append(f"holds {matches} of {total} matches")


def _outcome(outcome: dict[str, Any], unpacked: Unpacked, *, asked: bool) -> None:
    """Read an OperationOutcome: an error says that a search failed; a warning does not.

    In the place of a search's whole result it is an error whatever it says; as an entry of a
    Bundle it may just say that nothing was found.
    """
    issues = [as_dict(issue) for issue in as_list(outcome.get("issue"))]
    failed = [issue for issue in issues if issue.get("severity") in _FAILED]
    if asked or failed:
        codes = {as_text(issue.get("code")) or "unknown" for issue in failed or issues}
        listed = ", ".join(sorted(code for code in codes if code.replace("-", "").isalnum()))
        unpacked.problems.append(f"came as an error (OperationOutcome: {listed or 'no issue'})")


def _reference(resource: dict[str, Any], entry: dict[str, Any] | None, number: int) -> str:
    kind, own = resource["resourceType"], as_text(resource.get("id"))
    if own:
        return f"{kind}/{own}"
    full = last_path(as_dict(entry).get("fullUrl"))
    return full or (f"{kind} (entry {number})" if number else f"{kind} without id")


def subject_of(resource: dict[str, Any]) -> str | None:
    """Return the reference of the patient that a resource is about, as text."""
    for key in ("subject", "patient", "individual"):
        subject = resource.get(key)
        if isinstance(subject, dict):
            return as_text(subject.get("reference"))
    for participant in as_list(resource.get("participant")):
        actor = as_text(as_dict(as_dict(participant).get("actor")).get("reference"))
        if actor and "Patient/" in actor:
            return actor
    return None


def keep_own(record: Record, unpacked: Unpacked, own: set[str]) -> None:
    """Take over the resources of the record's patient; leave out and note those of another."""
    seen = {reference for reference, _ in record.resources}
    for reference, resource in unpacked.resources:
        kind = resource["resourceType"]
        if kind == "Patient":
            if own and last_path(reference) not in own:
                record.note(f"{reference} is another patient: left out")
            else:
                record.patient = resource
            continue
        subject = subject_of(resource)
        if subject is not None and subject not in own and last_path(subject) not in own:
            record.note(f"{reference} is about another patient: left out")
        elif reference not in seen:
            seen.add(reference)
            record.resources.append((reference, resource))


def read_bundle(value: Any, as_of: datetime, *, complete: bool = True) -> Record:
    """Read a Bundle or a single resource as the whole record of its one patient.

    Raises TwoPatientsError where it speaks of two, ValueError where it is no FHIR resource.
    """
    unpacked = unpack(value)
    if not unpacked.resources and "is not a FHIR resource" in unpacked.problems:
        msg = "the body is not a FHIR resource: it has no resourceType"
        raise ValueError(msg)
    record = Record(as_of)
    own = _own_references(value, unpacked)
    keep_own(record, unpacked, own)
    for problem in unpacked.problems:
        record.note(f"The Bundle {problem}")
    if complete and unpacked.whole:
        record.searched |= ALL_SEARCHES
    elif complete and unpacked.unread and not any(
        "further pages" in problem or "matches" in problem for problem in unpacked.problems
    ):
        record.searched |= ALL_SEARCHES
        record.doubtful |= ALL_SEARCHES
    else:
        record.incomplete |= ALL_SEARCHES
    return record


def _own_references(value: Any, unpacked: Unpacked) -> set[str]:
    """Return the references that mean the record's one patient."""
    patients: dict[str, set[str]] = {}
    for reference, resource in unpacked.resources:
        if resource["resourceType"] == "Patient":
            patients.setdefault(reference, set()).add(reference)
    for entry in as_list(as_dict(value).get("entry")):
        resource = as_dict(as_dict(entry).get("resource"))
        full = last_path(as_dict(entry).get("fullUrl"))
        if resource.get("resourceType") == "Patient" and full:
            named = f"Patient/{resource.get('id')}"
            patients.setdefault(named if named in patients else full, set()).add(full)
    subjects = {
        named
        for _, resource in unpacked.resources
        if resource["resourceType"] != "Patient"
        and (named := last_path(subject_of(resource)))
        and (named.startswith(("Patient/", "urn:")))
    }
    if len(patients) > 1:
        _two(sorted(patients))
    own = next(iter(patients.values()), set())
    others = subjects - own
    if others and (own or len(others) > 1):
        _two(sorted(own) + sorted(others))
    return own | others


def _two(names: list[str]) -> None:
    msg = (
        f"the Bundle speaks of {len(names)} patients; send one Bundle for each patient, "
        "with at most one Patient resource"
    )
    raise TwoPatientsError(msg)
