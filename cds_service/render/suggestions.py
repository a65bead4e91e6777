"""Suggestions of a card: drafts that a click files in the record, and orders to take back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from fhir.resources.R4B.servicerequest import ServiceRequest

from cds_service.clinical.truth import Truth
from cds_service.content.check import UNSUPPORTED_COURSE
from cds_service.content.codes import CODE_SYSTEMS
from cds_service.content.site_codes import SiteCodes
from cds_service.content.suggestions import calls_for
from cds_service.identity import new_uuid

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cds_service.clinical.decision import Decision, Recommendation, Verdict
    from cds_service.clinical.facts import Evidence
    from cds_service.content.codes import Code
    from cds_service.content.load import Content
    from cds_service.content.site_codes import SiteCoding
    from cds_service.content.suggestions import SuggestionDefinition

ANY = "any"
# FHIR says 64 characters; one large EHR's ids are up to 194.
_ID = r"[A-Za-z0-9.-]{1,255}"
_BARE_ID = re.compile(_ID)
# What ServiceRequest.reasonReference may name.
_REASON = re.compile(rf"(Condition|Observation|DiagnosticReport|DocumentReference)/{_ID}")
_ORDER = re.compile(rf"[A-Z][A-Za-z]+/{_ID}")
_LEAST_URGENT = "info"
# As many pieces of evidence for each criterion as the card's text shows.
_MAX_EVIDENCE = 4

Json = dict[str, Any]


class Filing(NamedTuple):
    """Where a click would file: references of the patient and, where known, of the encounter."""

    patient: str | None = None
    encounter: str | None = None

    @classmethod
    def of(cls, patient_id: str | None, encounter_id: str | None = None) -> Filing:
        """Make references of ids. An id that FHIR could not refer to is left out.

        Without a patient nothing is filed: a request that is about nobody is none.
        """
        return cls(
            patient=_reference("Patient", patient_id),
            encounter=_reference("Encounter", encounter_id),
        )


NOWHERE = Filing()


class _Offer(NamedTuple):
    """What a course can offer: its words, and the drafts by FHIR priority; none to take back.

    Imaging is offered where a criterion names it: those that do, and those that do in a recorded
    pregnancy. Anything else is for every criterion behind the card (None).
    """

    label: str
    description: str
    while_unanswered: str
    recommended: bool
    drafts: Mapping[str, Json]
    named_by: frozenset[str] | None
    named_in_pregnancy: frozenset[str] | None


class SuggestionWriter:
    """Writes the suggestions of cards. The drafts are built and checked once, at the start."""

    def __init__(
        self, content: Content, site: SiteCodes | None = None, selection_behavior: str = ANY
    ) -> None:
        """Build the draft of every suggestion at every priority.

        ``selection_behavior`` tells clients how many suggestions of a card may be accepted.
        Raises pydantic's ValidationError where a draft is not valid FHIR.
        """
        self.selection_behavior = selection_behavior
        offers = {
            name: _offer(defined, content, site or SiteCodes())
            for name, defined in content.suggestions.named.items()
        }
        self._offers = {
            course: [
                offers[name]._replace(recommended=name == defined.recommended)
                for name in defined.suggestions
            ]
            for course, defined in content.recommendations.courses.items()
        }
        self._gate = content.gate.id
        self._reasons = {
            each.id: {"text": each.says} for each in (content.gate, *content.criteria.values())
        }
        self._least = content.suggestions.priorities[_LEAST_URGENT]
        self._priorities = {
            profile: {
                each.id: content.suggestions.priorities[protocol.courses[each.course].indicator]
                for each in protocol.criteria
            }
            for profile, protocol in content.protocols.items()
        }

    def write(
        self, recommendation: Recommendation, decision: Decision, filing: Filing, *, pregnant: bool
    ) -> list[Json]:
        """Return the suggestions of one card, one action each; often there are none.

        ``pregnant`` leaves out what a recorded pregnancy forbids: X-ray and CT.
        """
        offers = self._offers[recommendation.course]
        if not offers:
            return []
        found: list[Json] = []
        for offer in offers:
            says = offer.while_unanswered if recommendation.conditional else offer.description
            if not offer.drafts:
                found += [
                    _suggestion(offer, {"type": "delete", "description": says, "resourceId": each})
                    for each in _against(recommendation)
                ]
            elif filing.patient is not None:
                named = offer.named_in_pregnancy if pregnant else offer.named_by
                calling = _calling(recommendation.verdicts, named)
                if calling or named is None:
                    request = self._request(offer, calling, decision, filing)
                    request["authoredOn"] = decision.moment
                    action = {"type": "create", "description": says, "resource": request}
                    found.append(_suggestion(offer, action))
        return found

    def _request(
        self, offer: _Offer, calling: list[Verdict], decision: Decision, filing: Filing
    ) -> Json:
        """Return the draft with its subject and its reasons.

        Criteria stand in the order of urgency, so the first one says how soon. Where none is met,
        as beside an order that nothing supports yet, the reason is the back pain itself.
        """
        if calling:
            priority = self._priorities[decision.profile][calling[0].criterion]
            reasons = [self._reasons[each.criterion] for each in calling]
            references = _references([each.because for each in calling])
        else:
            priority = self._least
            reasons = [self._reasons[self._gate]]
            references = _references([decision.gate_evidence])
        request = {
            **offer.drafts[priority],
            "subject": {"reference": filing.patient},
            "reasonCode": reasons,
        }
        if filing.encounter is not None:
            request["encounter"] = {"reference": filing.encounter}
        if references:
            request["reasonReference"] = references
        return request


def _offer(defined: SuggestionDefinition, content: Content, site: SiteCodes) -> _Offer:
    """Return what a suggestion offers; the course says whether it is recommended."""
    request = defined.request
    if request is None or request.image is None:
        named = pregnant = None
    else:
        named = frozenset(
            each.id
            for each in content.criteria.values()
            if each.image and calls_for(each.image, request)
        )
        pregnant = frozenset(
            each.id
            for each in content.criteria.values()
            for image in (each.image_in_pregnancy or each.image,)
            if image and not request.radiation and calls_for(image, request)
        )
    return _Offer(
        label=defined.label,
        description=defined.description,
        while_unanswered=defined.while_unanswered,
        recommended=False,
        drafts=_drafts(defined, content, site),
        named_by=named,
        named_in_pregnancy=pregnant,
    )


def _drafts(defined: SuggestionDefinition, content: Content, site: SiteCodes) -> Mapping[str, Json]:
    """Return the fixed parts of a request by priority, checked; nothing where none is filed."""
    request = defined.request
    if request is None:
        return {}
    drafts = {}
    for priority in content.suggestions.priorities.values():
        drafts[priority] = {
            "resourceType": "ServiceRequest",
            "status": "draft",
            "intent": site.intent,
            "category": [{"coding": [_ours(request.category)]}],
            "priority": priority,
            "code": {
                "coding": [_coding(request.code, site.suggestions.get(defined.id))],
                "text": defined.label,
            },
        }
        ServiceRequest.model_validate(drafts[priority] | {"subject": {"reference": "Patient/any"}})
    return drafts


def _coding(ours: Code, theirs: SiteCoding | None) -> Json:
    """Return the coding of a request: the site's own where it has one, else the content's."""
    if theirs is None:
        return _ours(ours)
    coding = {"system": theirs.system, "code": theirs.code}
    return coding | {"display": theirs.display} if theirs.display else coding


def _ours(code: Code) -> Json:
    system = CODE_SYSTEMS[code.system].uris[0]
    return {"system": system, "code": code.code, "display": code.display}


def _against(recommendation: Recommendation) -> list[str]:
    """Return the orders that a card speaks against: unsupported, or of another kind.

    One without an id cannot be taken back by a reference, and is left out.
    """
    unsupported = recommendation.course == UNSUPPORTED_COURSE
    orders = recommendation.about if unsupported else recommendation.otherwise
    references = dict.fromkeys(order.reference for order in orders)
    return [each for each in references if _ORDER.fullmatch(each)]


def _calling(verdicts: tuple[Verdict, ...], named: frozenset[str] | None) -> list[Verdict]:
    """Return the met criteria that call for something; a card may also rest on unknown ones."""
    return [
        each
        for each in verdicts
        if each.truth is Truth.PRESENT and (named is None or each.criterion in named)
    ]


def _references(grounds: Iterable[tuple[Evidence, ...]]) -> list[Json]:
    """Return what a request may refer to of the evidence, each resource once."""
    found: dict[str, None] = {}
    for because in grounds:
        for each in because[:_MAX_EVIDENCE]:
            if _REASON.fullmatch(each.reference):
                found[each.reference] = None
    return [{"reference": reference} for reference in found]


def _reference(kind: str, bare: str | None) -> str | None:
    if bare is None:
        return None
    bare = bare.strip().removeprefix(f"{kind}/")
    return f"{kind}/{bare}" if _BARE_ID.fullmatch(bare) else None


def _suggestion(offer: _Offer, action: Json) -> Json:
    suggestion: Json = {"label": offer.label, "uuid": new_uuid(), "actions": [action]}
    if offer.recommended:
        suggestion["isRecommended"] = True
    return suggestion
