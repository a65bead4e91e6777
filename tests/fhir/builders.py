"""Resources of an invented patient as of one fixed moment, and what the reader makes of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count
from typing import TYPE_CHECKING, Any

from cds_service.clinical.decision import Decision
from cds_service.clinical.facts import Finding
from cds_service.clinical.truth import Truth
from cds_service.content.load import load
from cds_service.fhir.judge import Judge
from cds_service.fhir.record import read_bundle

if TYPE_CHECKING:
    from cds_service.clinical.facts import Occurrence
    from cds_service.fhir.given import Given
    from cds_service.fhir.record import Record

AS_OF = datetime(2026, 11, 20, 12, tzinfo=UTC)
SNOMED = "http://snomed.info/sct"
ICD = "http://hl7.org/fhir/sid/icd-10-cm"
LOINC = "http://loinc.org"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
LOCAL = "urn:example:local"
BACK_PAIN = "M54.50"
SUBJECT = {"reference": "Patient/1"}
MET, NOT_MET, CANNOT_TELL = "met", "not met", "cannot tell"

Json = dict[str, Any]
_STATES = {Truth.PRESENT: MET, Truth.ABSENT: NOT_MET, Truth.UNKNOWN: CANNOT_TELL}
_numbers = count(1)


def ago(days: float = 0, *, hours: float = 0) -> str:
    """Return the calendar day some days ago, or the instant some hours ago."""
    if hours:
        return (AS_OF - timedelta(days=days, hours=hours)).isoformat()
    return (AS_OF - timedelta(days=days)).date().isoformat()


def concept(code: str | None = None, text: str | None = None, **more: str) -> Json:
    """Make a concept; a code that starts with a letter is ICD-10-CM, one with a dash LOINC."""
    said: Json = {}
    if code is not None:
        said["coding"] = [{"system": system_of(code), "code": code} | more]
    return said | ({"text": text} if text is not None else {})


def system_of(code: str) -> str:
    if code[0].isalpha():
        return ICD
    return LOINC if "-" in code else SNOMED


def local(text: str) -> Json:
    return {"coding": [{"system": LOCAL, "code": "x1", "display": text}], "text": text}


def resource(kind: str, **more: object) -> Json:
    made = {"resourceType": kind, "id": f"r{next(_numbers)}", "subject": SUBJECT} | more
    return {name: value for name, value in made.items() if value is not None}


def condition(code: str | Json | None, days: float | None = None, **more: object) -> Json:
    """Make an active condition since some days ago, or without a date."""
    said = concept(code) if isinstance(code, str) else code
    onset = None if days is None else ago(days)
    return resource(
        "Condition",
        **{"clinicalStatus": status("active"), "code": said, "onsetDateTime": onset} | more,
    )


def status(code: str) -> Json:
    return {"coding": [{"system": "http://terminology.hl7.org/example", "code": code}]}


def observation(
    code: str | Json | None, value: object = None, days: float | None = 0, **more: object
) -> Json:
    """Make a final observation of some days ago; the kind of its value follows from its type."""
    return resource(
        "Observation",
        **{
            "status": "final",
            "code": concept(code) if isinstance(code, str) else code,
            "effectiveDateTime": None if days is None else ago(days),
        }
        | valued(value)
        | more,
    )


def valued(value: object) -> Json:
    if isinstance(value, tuple):
        return {"valueQuantity": {"value": value[0], "unit": value[1]}}
    if isinstance(value, dict):
        kind = "valueQuantity" if "value" in value else "valueCodeableConcept"
        return {kind: value}
    kinds = {bool: "valueBoolean", str: "valueString", int: "valueInteger", float: "valueInteger"}
    return {} if value is None else {kinds[type(value)]: value}


def temperature(value: float, days: float = 0, unit: str = "Cel", **more: object) -> Json:
    return observation("8310-5", (value, unit), days, **more)


def pain_score(value: float, days: float = 0, **more: object) -> Json:
    return observation("72514-3", value, days, **more)


def answers(said: Json, days: float | None = 0, **more: object) -> Json:
    """Make a completed form of some days ago; a key names the finding that is asked for."""
    return resource(
        "QuestionnaireResponse",
        **{
            "status": "completed",
            "authored": None if days is None else ago(days),
            "item": [
                {"linkId": name, "answer": [_answered(value)]} for name, value in said.items()
            ],
        }
        | more,
    )


def _answered(value: object) -> Json:
    if isinstance(value, dict):
        return value
    return {"valueBoolean": value} if isinstance(value, bool) else {"valueDecimal": value}


def denied(days: float = 0, **more: bool) -> Json:
    """Make a form that says no to every red flag, apart from what ``more`` says."""
    said: Json = dict.fromkeys(red_flags(), False)
    return answers(said | {name.replace("_", "-"): value for name, value in more.items()}, days)


@cache
def red_flags() -> tuple[str, ...]:
    """List the findings that emergency and same-day criteria ask for."""
    protocol = judge().content.protocols["documents"]
    criteria = [protocol.criteria[place] for place in protocol.dangers]
    names = {name for criterion in criteria for name in criterion.rule.needs()}
    return tuple(sorted(names - {"back-pain", "disc-prolapse", "disc-pressing-on-nerve"}))


def medication(name: str | Json, **more: object) -> Json:
    said = concept(text=name) if isinstance(name, str) else name
    return resource(
        "MedicationRequest",
        **{"status": "active", "intent": "order", "medicationCodeableConcept": said} | more,
    )


def patient(**more: object) -> Json:
    return {"resourceType": "Patient", "id": "1", "birthDate": "1970-03-04"} | more


def bundle(*resources: Json, **more: object) -> Json:
    """Make a Bundle of a patient's whole record; without a Patient one is added."""
    given = list(resources)
    if not any(each.get("resourceType") == "Patient" for each in given):
        given.insert(0, patient())
    entries = [{"resource": each} for each in given]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries} | more


@cache
def judge() -> Judge:
    return Judge(load())


@dataclass(frozen=True)
class Read:
    """What came of a record: verdicts by criterion, findings by name, notes."""

    decision: Decision
    findings: dict[str, Finding]
    notes: tuple[str, ...]

    def __getitem__(self, criterion: str) -> str:
        return next(
            _STATES[each.truth] for each in self.decision.verdicts if each.criterion == criterion
        )

    @property
    def met(self) -> list[str]:
        return [each.criterion for each in self.decision.verdicts if each.truth is Truth.PRESENT]

    @property
    def gate(self) -> str:
        return str(self.decision.gate)

    def state(self, finding: str) -> str:
        """Return present, absent or unknown, as the record says and its silence was weighed."""
        found = self.findings.get(finding)
        return (Truth.UNKNOWN if found is None else found.state).name.lower()

    def occurrences(self, finding: str) -> tuple[Occurrence, ...]:
        found = self.findings.get(finding)
        return () if found is None else found.occurrences

    def says(self, finding: str) -> str:
        """Return the words of the evidence of a finding."""
        return " | ".join(each.evidence.says for each in self.occurrences(finding))


def read_record(record: Record, *given: Given) -> Read:
    from cds_service.clinical.triage import decide  # noqa: PLC0415  only here
    from cds_service.fhir.find import find  # noqa: PLC0415  only here

    facts = find(record, judge().index, given)
    decision = decide(facts, judge().content.protocols["documents"])
    silent = {name: facts.get(name) for name in facts.silent}
    return Read(decision, silent | dict(facts.findings), facts.notes)


def read(*resources: Json, as_of: datetime = AS_OF, complete: bool = True) -> Read:
    """Judge the whole record of a patient."""
    return read_record(read_bundle(bundle(*resources), as_of, complete=complete))


def judged(*resources: Json) -> Read:
    """Judge a record of a patient with back pain since yesterday."""
    return read(condition(BACK_PAIN, 1), *resources)
