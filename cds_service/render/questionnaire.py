"""The form as a FHIR R4 Questionnaire: a group of items for each part, an item for each finding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhir.resources.R4B.questionnaire import Questionnaire

from cds_service import __version__
from cds_service.content.codes import CODE_SYSTEMS
from cds_service.content.findings import Reading
from cds_service.content.questionnaire import dated
from cds_service.fhir.answers import ABSENT_REASON
from cds_service.fhir.questionnaires import ONSET, QUESTIONNAIRE, SEVERITY, VALUE
from cds_service.render.code_systems import CANONICAL

if TYPE_CHECKING:
    from cds_service.content.findings import FindingDefinition
    from cds_service.content.load import Content
    from cds_service.content.questionnaire import Group, Question
    from cds_service.content.vocabulary import Term

ID = QUESTIONNAIRE.rpartition("/")[2]
NOT_ASKED = {"system": ABSENT_REASON, "code": "not-asked", "display": "Not asked"}

# Extensions of FHIR R4 itself, and of Structured Data Capture where FHIR has none.
_CORE = "http://hl7.org/fhir/StructureDefinition"
_SDC = "http://hl7.org/fhir/uv/sdc/StructureDefinition"
_CONTROLS = "http://hl7.org/fhir/questionnaire-item-control"
_UCUM = "http://unitsofmeasure.org"

_TEMPERATURE_UNITS = (("Cel", "°C"), ("[degF]", "°F"))
_HOW_HIGH = "How high was it?"
_HOW_MANY = "How many of 10?"
_WHEN_MEASURED = "When was it measured?"
_SINCE_WHEN = "Since when?"
_HOW_BAD = "How severe is it?"
_MAX_SCORE = 10


def questionnaire(content: Content) -> dict[str, Any]:
    """Return the form of a content. Raises pydantic's ValidationError where it is not valid FHIR.

    Its version names the content, so that a response says which wording was answered. It is a
    draft until every criterion is signed.
    """
    signed = all(each.sign_off.status == "approved" for each in content.criteria.values())
    written = content.questionnaire
    items = _Items(content)
    built = {
        "resourceType": "Questionnaire",
        "id": ID,
        "url": QUESTIONNAIRE,
        "version": f"{__version__}-{content.digest.removeprefix('sha256:')[:12]}",
        "name": "BackPainRedFlags",
        "title": written.title,
        "status": "active" if signed else "draft",
        "subjectType": ["Patient"],
        "publisher": CANONICAL,
        "description": written.description,
        "item": [
            *(items.group(each, "default-open") for each in written.red_flags),
            *(items.group(each, "default-closed") for each in written.more),
        ],
    }
    Questionnaire.model_validate(built)
    return built


class _Items:
    """Makes items; the codes of the small words come from the content."""

    def __init__(self, content: Content) -> None:
        self._findings = content.findings
        self._dated = dated(each.rule for each in (content.gate, *content.criteria.values()))
        words = content.vocabulary.groups
        self._yes = _coding("yes", words["answers"]["yes"])
        self._no = _coding("no", words["answers"]["no"])
        self._severities = [_coding(name, each) for name, each in words["severity"].items()]

    def group(self, group: Group, opened: str) -> dict[str, Any]:
        """Return a group; its linkId is made of its title, and never names a finding."""
        words = "".join(each if each.isalnum() else " " for each in group.title.lower()).split()
        return {
            "extension": [{"url": f"{_SDC}/sdc-questionnaire-collapsible", "valueCode": opened}],
            "linkId": f"group-{'-'.join(words)}",
            "text": group.title,
            "type": "group",
            "item": [self._question(each) for each in group.questions],
        }

    def _question(self, question: Question, wider: str | None = None) -> dict[str, Any]:
        finding = self._findings[question.finding]
        below = [
            *self._details(finding),
            *(self._question(each, finding.id) for each in question.then),
        ]
        return {
            "extension": [
                _control("radio-button"),
                {
                    "url": f"{_SDC}/sdc-questionnaire-shortText",
                    "valueString": finding.id.replace("-", " ").capitalize(),
                },
            ],
            "linkId": finding.id,
            "text": finding.question,
            "type": "choice",
            **({"enableWhen": [self._after_yes(wider)]} if wider else {}),
            "answerOption": [{"valueCoding": each} for each in (self._yes, self._no, NOT_ASKED)],
            **({"item": below} if below else {}),
        }

    def _details(self, finding: FindingDefinition) -> list[dict[str, Any]]:
        """Return what is asked beside a yes: its number, how severe, since when."""
        reading = finding.measured.reading if finding.measured else None
        when = finding.id in self._dated
        found = []
        if reading is Reading.TEMPERATURE:
            found.append({"linkId": f"{finding.id}{VALUE}", **_temperature()})
        elif reading is Reading.SCORE and not when:
            found.append({"linkId": f"{finding.id}{VALUE}", **_score()})
        if finding.not_if_severity:
            options = [{"valueCoding": each} for each in self._severities]
            asked = {"text": _HOW_BAD, "type": "choice", "answerOption": options}
            radio = {"extension": [_control("radio-button")]}
            found.append(radio | {"linkId": f"{finding.id}{SEVERITY}"} | asked)
        if when:
            text = _WHEN_MEASURED if reading is Reading.TEMPERATURE else _SINCE_WHEN
            found.append({"linkId": f"{finding.id}{ONSET}", "text": text, "type": "date"})
        return [each | {"enableWhen": [self._after_yes(finding.id)]} for each in found]

    def _after_yes(self, name: str) -> dict[str, Any]:
        return {"question": name, "operator": "=", "answerCoding": self._yes}


def _temperature() -> dict[str, Any]:
    units = [
        {
            "url": f"{_CORE}/questionnaire-unitOption",
            "valueCoding": {"system": _UCUM, "code": code, "display": display},
        }
        for code, display in _TEMPERATURE_UNITS
    ]
    return {"extension": units, "text": _HOW_HIGH, "type": "quantity"}


def _score() -> dict[str, Any]:
    limits = [
        {"url": f"{_CORE}/minValue", "valueInteger": 0},
        {"url": f"{_CORE}/maxValue", "valueInteger": _MAX_SCORE},
    ]
    return {"extension": limits, "text": _HOW_MANY, "type": "integer"}


def _control(code: str) -> dict[str, Any]:
    return {
        "url": f"{_CORE}/questionnaire-itemControl",
        "valueCodeableConcept": {"coding": [{"system": _CONTROLS, "code": code}]},
    }


def _coding(name: str, term: Term) -> dict[str, str]:
    """Return the first code of a small word; the word itself where it has none."""
    display = name.capitalize()
    if not term.codes:
        return {"display": display}
    code = term.codes[0]
    return {"system": CODE_SYSTEMS[code.system].uris[0], "code": code.code, "display": display}
