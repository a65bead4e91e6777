"""Finding files read into definitions: every key known, every code sound, every word of silence."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cds_service.clinical.windows import Span, Unit
from cds_service.content.codes import CODE_SYSTEMS, Code, System
from cds_service.content.findings import (
    COMPANIONS,
    SEARCHES,
    Carrier,
    Computation,
    FindingDefinition,
    Measured,
    Reading,
    Weak,
)
from cds_service.content.phrases import read_phrases

if TYPE_CHECKING:
    from cds_service.content.nodes import Fields, Node

_REQUIRED = ("meaning", "question", "silence")
_OPTIONAL = (
    "codes",
    "weak",
    "excludes",
    "denied_by",
    "widest",
    "chronic",
    "past",
    "lives",
    "phrases",
    "called",
    "but_not",
    "explained_by",
    "worsening_of",
    "denial_lives",
    "severity_of",
    "not_if_severity",
    "unless",
    "without_value",
    "carrier",
    "measured",
    "computed",
    "of",
    "aftercare",
    "kind_of",
    "recurrence_of",
)
_WITHOUT_LIMIT = {Reading.URINE_BLOOD, Reading.GRADE}
_SYSTEM_NAMES = frozenset(system.value for system in System)
DEFAULT_LIFE = Span(30, Unit.DAYS)


def read_finding(finding_id: str, theme: str, node: Node) -> FindingDefinition:
    """Read one finding. Raises ContentError for anything unknown, missing or malformed."""
    if not re.fullmatch(r"[a-z][a-z-]+[a-z]", finding_id):
        node.refuse_key(
            f"{finding_id!r} is not a finding's name",
            "Names are used as linkIds and in addresses",
            "Use lower-case words joined by dashes",
        )
    fields = node.fields(required=_REQUIRED, optional=_OPTIONAL)
    if not fields["question"].text().endswith("?"):
        fields["question"].refuse(
            "the question does not end with a question mark",
            "It is put to a person as it stands",
            "End it with '?'",
        )
    return FindingDefinition(
        id=finding_id,
        place=node.key,
        theme=theme,
        meaning=fields["meaning"].text(),
        question=fields["question"].text(),
        codes=_codes(fields, "codes"),
        weak=_weak(fields),
        excludes=_codes(fields, "excludes"),
        denied_by=_codes(fields, "denied_by"),
        widest=_among_codes(fields, "widest"),
        chronic=_among_codes(fields, "chronic"),
        past_counts="past" in fields and fields["past"].choice(("counts",)) == "counts",
        lives=_life(fields),
        absent_after=_silence(fields["silence"]),
        phrases=_phrases(fields, "phrases"),
        called=fields.texts("called"),
        but_not=_phrases(fields, "but_not"),
        explained_by=_phrases(fields, "explained_by"),
        severity_of=fields.text("severity_of"),
        not_if_severity=frozenset(fields.texts("not_if_severity")),
        unless=fields.text("unless"),
        without_value=fields.text("without_value"),
        carrier=Carrier(fields["carrier"].choice(Carrier)) if "carrier" in fields else None,
        aftercare_counts="aftercare" not in fields or not fields["aftercare"].choice(("past",)),
        measured=_measured(fields["measured"]) if "measured" in fields else None,
        computed=(
            Computation(fields["computed"].choice(Computation)) if "computed" in fields else None
        ),
        of=fields.texts("of"),
        kind_of=fields.text("kind_of"),
        recurrence_of=fields.text("recurrence_of"),
        worsening_of=fields.texts("worsening_of"),
        denial_lives=(
            read_span(fields["denial_lives"]) if "denial_lives" in fields else DEFAULT_LIFE
        ),
    )


def read_span(node: Node) -> Span:
    """Read a length of time such as `30 days`, `72 hours` or `12 months`."""
    match = re.fullmatch(r"([1-9]\d{0,3}) (hour|day|month)s?", node.text())
    if not match:
        node.refuse(
            f"{node.text()!r} is not a length of time",
            "A window needs a whole number, at most 9999, and a unit",
            "Write it as `30 days`, `72 hours` or `12 months`",
        )
    return Span(int(match[1]), Unit(match[2] + "s"))


def _phrases(fields: Fields, name: str) -> tuple[str, ...]:
    return read_phrases(fields[name]) if name in fields else ()


def _codes(fields: Fields, name: str) -> tuple[Code, ...]:
    return read_code_table(fields[name]) if name in fields else ()


def read_code_table(node: Node) -> tuple[Code, ...]:
    """Read codes with their displays, by system. Raises ContentError for a malformed code."""
    found: list[Code] = []
    for system_name, table in node.entries().items():
        if system_name not in _SYSTEM_NAMES:
            table.refuse_key(
                f"unknown code system {system_name!r}",
                "A code without its system matches nothing",
                f"Use one of: {', '.join(System)}",
            )
        system = System(system_name)
        for code, display in table.entries().items():
            fault = CODE_SYSTEMS[system].fault(code)
            if fault:
                display.refuse_key(
                    f"{CODE_SYSTEMS[system].label} code {code!r} is malformed: {fault}",
                    "A mistyped code matches the wrong thing or nothing",
                    "Copy the code again from its source",
                )
            found.append(Code(system, code, display.text()))
    return tuple(found)


def _weak(fields: Fields) -> tuple[Weak, ...]:
    groups = []
    for node in fields["weak"].items() if "weak" in fields else ():
        group = node.fields(required=("codes",), optional=("with",))
        needs = []
        for need in group["with"].items() if "with" in group else ():
            alternatives = frozenset(need.text().split(" or "))
            unknown = alternatives - COMPANIONS
            if unknown:
                need.refuse(
                    f"{min(unknown)!r} is not a companion",
                    "A weak code counts only with something that the reader can see",
                    f"Use one of: {', '.join(sorted(COMPANIONS))}, joined by ' or '",
                )
            needs.append(alternatives)
        groups.append(Weak(read_code_table(group["codes"]), tuple(needs)))
    return tuple(groups)


def _among_codes(fields: Fields, name: str) -> frozenset[str]:
    """Read those of a finding's codes of which more is said."""
    if name not in fields:
        return frozenset()
    affirming = {code.code for code in _codes(fields, "codes")}
    for node in fields[name].items():
        if node.text() not in affirming:
            node.refuse(
                f"the {name} code {node.text()!r} is not among `codes`",
                "It affirms nothing, so nothing more can be said of it",
                "Add it to `codes` or take it out here",
            )
    return frozenset(fields.texts(name))


def _life(fields: Fields) -> Span | None:
    if "lives" not in fields:
        return DEFAULT_LIFE
    return None if fields["lives"].text() == "always" else read_span(fields["lives"])


def _silence(node: Node) -> frozenset[str]:
    said = node.text()
    if said == "unknown":
        return frozenset()
    searches = frozenset(said.removeprefix("absent after ").split(" and "))
    if not said.startswith("absent after ") or not searches <= SEARCHES:
        node.refuse(
            f"{said!r} does not say what silence means",
            "Silence counts as a no only after a completed search of the place it would stand in",
            f"Write `unknown` or `absent after` one of: {', '.join(sorted(SEARCHES))}",
        )
    return searches


def _measured(node: Node) -> Measured:
    fields = node.fields(
        required=("as", "answers"),
        optional=("codes", "from", "below", "mass_per_mmol", "site", "words", "names", "of_ten"),
    )
    reading = Reading(fields["as"].choice(Reading))
    key = "below" if reading is Reading.LOW_LAB else "from"
    if key not in fields and reading not in _WITHOUT_LIMIT:
        node.refuse(
            f"a {reading} needs `{key}:`",
            "Without a limit no reading could say yes or no",
            f"Add `{key}:` with the number",
        )
    return Measured(
        reading=reading,
        codes=_codes(fields, "codes"),
        limit=_limit(fields[key], reading) if key in fields else 0.0,
        answers=read_span(fields["answers"]),
        site=fields.text("site"),
        words=_phrases(fields, "words"),
        names=tuple(name.lower() for name in fields.texts("names")),
        of_ten=_of_ten(fields),
        mass_per_mmol=float(fields["mass_per_mmol"].number())
        if "mass_per_mmol" in fields
        else None,
    )


def _of_ten(fields: Fields) -> frozenset[str]:
    """Read the codes of instruments that end at 10; each is among the codes that measure."""
    if "of_ten" not in fields:
        return frozenset()
    measuring = {code.code for code in _codes(fields, "codes")}
    for node in fields["of_ten"].items():
        if node.text() not in measuring:
            node.refuse(
                f"the code {node.text()!r} is not among `codes`",
                "It measures nothing, so no score of it could be too high",
                "Add it to `codes` or take it out here",
            )
    return frozenset(fields.texts("of_ten"))


def _limit(node: Node, reading: Reading) -> float:
    """Read a limit; a laboratory's is written with its unit, `3.5 mmol/L`."""
    if reading is not Reading.LOW_LAB:
        return float(node.number())
    match = re.fullmatch(r"(\d+(?:\.\d+)?) mmol/L", node.text())
    if not match:
        node.refuse(
            f"{node.text()!r} is not a concentration",
            "Laboratory values are compared in mmol/L",
            "Write it as `3.5 mmol/L`",
        )
    return float(match[1])
