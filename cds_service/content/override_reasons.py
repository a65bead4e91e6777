"""Override reasons: why a clinician may set a card aside, by our codes or by those of HL7."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cds_service.content.nodes import Node

COUNT = range(4, 7)
_HL7 = "hl7/"
# The single reasons of NonAdherenceReasonCodes as HL7's Clinical Decision Support work group
# published them with CDS Hooks 3.0.0 (HL7/cds-hooks, CodeSystem-non-adherence-reason-codes.json).
HL7_REASONS = frozenset(
    {
        "patient-ineligible",
        "indication-order-exists",
        "action-completed",
        "action-unsuccessful",
        "action-performed-no-adverse-effect",
        "action-not-priority",
        "limited-time",
        "wrong-time-workflow",
        "inappropriate-recipient",
        "need-more-info",
        "does-not-align-latest-evidence",
        "expert-contradicts",
        "policy-contradicts",
        "recipient-does-not-trust",
        "risk-benefit-ratio",
        "mitigate-risk-negative-outcome",
        "likely-negative-health-outcomes",
        "patient-contraindication",
        "patient-fears-discomfort",
        "patient-does-not-want-change",
        "cultural-religious-reason",
        "prefers-alternative",
        "patient-refuses",
        "inadequate-support",
        "service-not-available",
        "implementation-challenges",
        "too-costly-uncovered",
        "recipient-does-not-understand",
        "comorbidity-disability",
    }
)


@dataclass(frozen=True, slots=True)
class OverrideReason:
    """A reason on a card: its code, ours or ``hl7``'s, and the words that the card says it in."""

    code: str
    display: str
    hl7: bool


class ReasonReader:
    """Reads the reasons of card after card: a code of ours says the same on each of them."""

    def __init__(self) -> None:
        """Begin without any reason."""
        self._said: dict[str, str] = {}

    def read(self, node: Node) -> tuple[OverrideReason, ...]:
        """Read the reasons of one card. Raises ContentError."""
        entries = node.entries()
        if len(entries) not in COUNT:
            node.refuse_key(
                f"{len(entries)} override reasons",
                "Fewer leave out the true one, more are not read",
                "Give 4 to 6",
            )
        return tuple(self._reason(code, display) for code, display in entries.items())

    @property
    def ours(self) -> Mapping[str, str]:
        """Return the words of our codes, in the order in which cards first used them."""
        return dict(self._said)

    def _reason(self, code: str, node: Node) -> OverrideReason:
        display = node.text()
        if code.startswith(_HL7):
            return OverrideReason(_hl7(code.removeprefix(_HL7), node), display, hl7=True)
        if not re.fullmatch(r"[a-z0-9-]{1,40}", code):
            node.refuse_key(
                f"the override reason code {code!r}",
                "Sites map these codes to their own, so they stay short and never change",
                "Use lower-case letters, digits and dashes, at most 40",
            )
        if self._said.setdefault(code, display) != display:
            node.refuse(
                f"the override reason {code!r} says something else than before "
                f"({self._said[code]!r})",
                "Sites map a code once, and what it means is published",
                "Use the same words, or another code",
            )
        return OverrideReason(code, display, hl7=False)


def _hl7(code: str, node: Node) -> str:
    if code not in HL7_REASONS:
        node.refuse_key(
            f"HL7 has no override reason {code!r}",
            "A code that its system does not have means nothing to others",
            f"Use one of: {', '.join(sorted(HL7_REASONS))}; or a code of ours, without `{_HL7}`",
        )
    return code
