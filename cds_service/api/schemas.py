"""The bodies of the REST routes, as they are checked and documented."""

from __future__ import annotations

from marshmallow import INCLUDE, RAISE, Schema, fields, validate

STATES = ("present", "absent", "unknown")
GATES = ("open", "shut", "unknown")
VERDICTS = ("met", "notmet", "unknown")
INDICATORS = ("info", "warning", "critical")


class Number(fields.Float):
    """A JSON number: neither a text that looks like one nor true."""

    def _validated(self, value: object) -> float:
        if isinstance(value, bool | str):
            raise self.make_error("invalid", input=value)
        return super()._validated(value)


class GivenSchema(Schema):
    """One finding as it is given. A misspelt key is refused: it would silently change nothing."""

    class Meta:
        """Nothing unknown is let through."""

        unknown = RAISE

    state = fields.String(required=True, validate=validate.OneOf(STATES))
    value = Number(metadata={"description": "its number, in the finding's unit"})
    since = fields.String(metadata={"description": "when it began: a date or a date-time"})


class AssessmentRequestSchema(Schema):
    """A Bundle with options, findings by name, or both. A bare Bundle may be posted as it is."""

    class Meta:
        """Later versions may add fields."""

        unknown = INCLUDE

    bundle = fields.Dict(metadata={"description": "a FHIR Bundle of one patient, or one resource"})
    findings = fields.Dict(
        keys=fields.String(),
        values=fields.Raw(
            allow_none=True,  # refused with its path where the finding is read
            metadata={
                "anyOf": [
                    {"type": "string", "enum": list(STATES)},
                    {"$ref": "#/components/schemas/Given"},
                ]
            },
        ),
        metadata={"description": "findings by name: a state, or {state, value, since}"},
    )
    asOf = fields.String(metadata={"description": "the moment to judge at; now where left out"})
    profile = fields.String(metadata={"description": "the profile of the content"})
    complete = fields.Boolean(
        truthy={True},
        falsy={False},
        metadata={"description": "false: the Bundle is not the whole record"},
    )
    checked = fields.Boolean(
        data_key="validate",
        truthy={True},
        falsy={False},
        metadata={"description": "true: check every resource against FHIR R4 and note what fails"},
    )


class EvidenceSchema(Schema):
    """One place in the record."""

    reference = fields.String(required=True)
    says = fields.String(required=True)
    when = fields.String()


class GateSchema(Schema):
    """Whether the patient has live back pain."""

    state = fields.String(required=True, validate=validate.OneOf(GATES))
    evidence = fields.List(fields.Nested(EvidenceSchema), required=True)


class RecommendationSchema(Schema):
    """One recommendation."""

    topic = fields.String(required=True)
    indicator = fields.String(required=True, validate=validate.OneOf(INDICATORS))
    summary = fields.String(required=True)
    criteria = fields.List(fields.String(), required=True)


class TraceSchema(Schema):
    """The trace of one criterion."""

    id = fields.String(required=True)
    title = fields.String(required=True)
    state = fields.String(required=True, validate=validate.OneOf(VERDICTS))
    evidence = fields.List(fields.Nested(EvidenceSchema), required=True)
    missing = fields.List(fields.String(), required=True)
    documents = fields.List(fields.String(), required=True)


class UnansweredSchema(Schema):
    """A finding that emergency or same-day criteria wait for."""

    finding = fields.String(required=True)
    question = fields.String(required=True)
    criteria = fields.List(fields.String(), required=True)


class TopicSchema(Schema):
    """What a card is about; the code never changes."""

    system = fields.String(required=True)
    code = fields.String(required=True)
    display = fields.String()


class SourceSchema(Schema):
    """What a card rests on."""

    label = fields.String(required=True)
    url = fields.String()
    topic = fields.Nested(TopicSchema, required=True)


class ReasonSchema(Schema):
    """A reason for not following a card."""

    system = fields.String(required=True)
    code = fields.String(required=True)
    display = fields.String(required=True)


class ActionSchema(Schema):
    """What accepting a suggestion does."""

    type = fields.String(required=True, validate=validate.OneOf(("create", "delete")))
    description = fields.String(required=True)
    resource = fields.Dict(metadata={"description": "create: a draft ServiceRequest (FHIR R4)"})
    resourceId = fields.String(metadata={"description": "delete: the order to take back"})


class SuggestionSchema(Schema):
    """What can be filed from a card; one action each."""

    label = fields.String(required=True)
    uuid = fields.String(required=True)
    isRecommended = fields.Boolean()
    actions = fields.List(
        fields.Nested(ActionSchema), required=True, validate=validate.Length(equal=1)
    )


class LinkSchema(Schema):
    """A link of a card to the form that asks what is unanswered."""

    label = fields.String(required=True)
    url = fields.String(required=True)
    type = fields.String(required=True, validate=validate.OneOf(("absolute", "smart")))
    appContext = fields.String(
        metadata={"description": "for smart: JSON that names the unanswered findings"}
    )


class CardSchema(Schema):
    """A CDS Hooks card."""

    uuid = fields.String(required=True)
    summary = fields.String(required=True, validate=validate.Length(min=1, max=139))
    detail = fields.String(required=True, metadata={"description": "Markdown"})
    indicator = fields.String(required=True, validate=validate.OneOf(INDICATORS))
    source = fields.Nested(SourceSchema, required=True)
    suggestions = fields.List(fields.Nested(SuggestionSchema), validate=validate.Length(min=1))
    selectionBehavior = fields.String(validate=validate.OneOf(("any", "at-most-one")))
    links = fields.List(fields.Nested(LinkSchema), validate=validate.Length(min=1))
    overrideReasons = fields.List(fields.Nested(ReasonSchema), required=True)
    extension = fields.Dict(required=True, metadata={"description": "the trace of the card"})


class AssessmentSchema(Schema):
    """The whole assessment of one patient."""

    asOf = fields.String(required=True)
    profile = fields.String(required=True)
    contentDigest = fields.String(required=True)
    gate = fields.Nested(GateSchema, required=True)
    recommendations = fields.List(fields.Nested(RecommendationSchema), required=True)
    criteria = fields.List(fields.Nested(TraceSchema), required=True)
    unanswered = fields.List(fields.Nested(UnansweredSchema), required=True)
    cards = fields.List(fields.Nested(CardSchema), required=True)
    notes = fields.List(fields.String(), required=True)


class CitationSchema(Schema):
    """A document and the heading under which a criterion stands in it."""

    source = fields.String(required=True)
    letter = fields.String(
        required=True, metadata={"description": "the short name that traces use"}
    )
    title = fields.String(required=True)
    heading = fields.String(required=True)


class CaseSchema(Schema):
    """A worked case."""

    name = fields.String(required=True)
    findings = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
    expect = fields.String(required=True, validate=validate.OneOf(VERDICTS))


class CriterionSchema(Schema):
    """One criterion of the content."""

    id = fields.String(required=True)
    title = fields.String(required=True)
    recommendation = fields.String(required=True)
    topic = fields.String(required=True)
    reading = fields.String(required=True, metadata={"description": "the rule as a sentence"})
    why = fields.String(required=True)
    says = fields.String(required=True)
    image = fields.String()
    documents = fields.List(fields.Nested(CitationSchema), required=True)
    findings = fields.List(fields.String(), required=True)
    status = fields.String(required=True)
    cases = fields.List(fields.Nested(CaseSchema), required=True)


class CodeSchema(Schema):
    """A code of a code system."""

    system = fields.String(required=True)
    code = fields.String(required=True)
    display = fields.String(required=True)


class FindingSchema(Schema):
    """One finding of the content."""

    id = fields.String(required=True)
    theme = fields.String(required=True)
    meaning = fields.String(required=True)
    question = fields.String(required=True)
    codes = fields.List(fields.Nested(CodeSchema), required=True)
    criteria = fields.List(fields.String(), required=True)
    silence = fields.String(required=True)


class IssueTextSchema(Schema):
    """What is said to people."""

    text = fields.String(required=True)


class IssueSchema(Schema):
    """One thing that was wrong."""

    severity = fields.String(required=True, validate=validate.OneOf(("error",)))
    code = fields.String(required=True)
    details = fields.Nested(IssueTextSchema, required=True)
    diagnostics = fields.String()
    expression = fields.List(
        fields.String(), metadata={"description": "the JSON path or prefetch key it is about"}
    )


class OperationOutcomeSchema(Schema):
    """What was wrong with a call (FHIR OperationOutcome)."""

    resourceType = fields.String(required=True, validate=validate.OneOf(("OperationOutcome",)))
    issue = fields.List(fields.Nested(IssueSchema), required=True)
