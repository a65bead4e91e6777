"""What if: the facts of a record with single findings taken as present, absent or unknown."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from cds_service.clinical.facts import Evidence, Finding, Occurrence
from cds_service.clinical.truth import Truth
from cds_service.fhir.computed import meant

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cds_service.clinical.facts import Facts
    from cds_service.content.findings import FindingDefinition

REFERENCE = "supposed"


def supposed(
    facts: Facts, states: Mapping[str, Truth], findings: Mapping[str, FindingDefinition]
) -> Facts:
    """Return the facts with these findings in these states, whatever the record says of them.

    What is supposed to be present has no date, which counts as now; where the record has it, its
    own dates stand. No other finding changes, also none that is worked out from these.
    """
    changed = {
        name: _finding(findings[name], state)
        for name, state in states.items()
        if facts.get(name).state is not state
    }
    return replace(facts, findings={**facts.findings, **changed})


def _finding(definition: FindingDefinition, state: Truth) -> Finding:
    if state is Truth.UNKNOWN:
        return Finding(definition.id, state)
    said = "present" if state is Truth.PRESENT else "absent"
    evidence = Evidence(REFERENCE, f"{definition.id.replace('-', ' ')} supposed to be {said}")
    return Finding(definition.id, state, (Occurrence(None, meant(definition), evidence),))
