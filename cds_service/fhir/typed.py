"""What was typed, filed: it alarms as evidence "from text", and denies nothing.

A denial in a text leaves the finding unanswered and is noted. A text never outranks a code: it
does not change a coded beginning, and a coded "no" as new as the text keeps it from deciding.
Source: docs/reading.md, "Text".
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cds_service.clinical.facts import Evidence, Occurrence
from cds_service.clinical.windows import Since, Span, Unit
from cds_service.fhir.entry import Entry, says
from cds_service.fhir.mentions import EXPLAINED, NEGATED, QUESTIONED, quoted

if TYPE_CHECKING:
    from collections.abc import Container

    from cds_service.fhir.filer import Filer
    from cds_service.fhir.mentions import Mention
    from cds_service.fhir.statement import Statement
    from cds_service.fhir.units import Amount

_FROM_TEXT = "(from text)"
_OPEN_IN_NOTES = frozenset({"questioned", EXPLAINED})
_MAX_QUOTES = 3
_NOTHING: frozenset[str] = frozenset()
_NUMBER_LIVES = Span(30, Unit.DAYS)


def file_text(
    text: str,
    statement: Statement,
    concept: dict[str, Any],
    filer: Filer,
    settled: Container[str] = _NOTHING,
) -> bool:
    """File what a text says of findings that no code beside it has settled.

    Return whether it speaks of any. ``concept`` is what the text names, for its side.
    """
    mentions = [
        each
        for each in filer.index.text.read(text)
        if each.finding.carrier == statement.carrier and each.finding.id not in settled
    ]
    for mention in mentions:
        doubt = mention.doubt_when(_written(statement, filer), filer.ledger.zone)
        if doubt == QUESTIONED and statement.suspects:
            _affirm(replace(mention, suspected=True), statement, concept, filer)
        elif doubt is None:
            _affirm(mention, statement, concept, filer)
        elif doubt != NEGATED:
            _doubt(mention, doubt, statement, filer)
    _note_denials([each for each in mentions if each.doubt == NEGATED], statement, filer)
    return bool(mentions)


def explained(
    finding_id: str, concept: dict[str, Any], statement: Statement, filer: Filer
) -> str | None:
    """Return the words beside a code that take the alarm out of it: R63.4, "weight loss, intended".

    They do not deny it; they leave it to be asked.
    """
    text = concept.get("text")
    finding = filer.index.findings[finding_id]
    if not isinstance(text, str) or not (finding.explained_by or finding.but_not):
        return None
    if not filer.index.text.explains(finding, text):
        return None
    words = f"{quoted(text)}, which tells a harmless reason"
    filer.ledger.note(f"{statement.reference}: {words}: “{finding.id}” is not counted")
    return words


def _written(statement: Statement, filer: Filer) -> Since:
    """Return when a text was written; without a date it counts as now."""
    return statement.observed or statement.since or filer.ledger.now


def _affirm(mention: Mention, statement: Statement, concept: dict[str, Any], filer: Filer) -> None:
    since = _since(mention, statement, filer)
    remarks = [
        statement.remark,
        "suspected" if mention.suspected else None,
        "date not recorded" if statement.undated and statement.since and since is None else None,
    ]
    own = replace(
        statement,
        since=since or statement.since,
        remark=", ".join(each for each in remarks if each) or None,
        visit=statement.visit and since is None,
        from_text=True,
        written=statement.observed or statement.since,
    )
    if _may_be_old(mention, own, filer):
        filer.hint(mention.finding, f"{quoted(mention.quote)}, in an old entry", own)
    elif mention.amount is None or own.why_open(mention.finding) is not None:
        words = f"{quoted(mention.quote)} {_FROM_TEXT}"
        filer.affirm(mention.finding, words, concept or {"text": mention.quote}, own)
    else:
        _measure(mention, mention.amount, own, filer)


def _since(mention: Mention, statement: Statement, filer: Filer) -> Since | None:
    """Return the beginning that the text itself tells; a coded onset stands."""
    if mention.said is None or statement.onset:
        return None
    written, zone = statement.observed or statement.since, filer.ledger.zone
    if written is None and mention.said.year is None:
        return None
    since = mention.said.since(written or filer.ledger.now, zone)
    if since is None or written is None or written.earliest is None or not statement.undated:
        return since
    first = mention.said.since(Since(written.earliest, written.earliest), zone)
    return Since(first.earliest, since.latest) if first else since


def _may_be_old(mention: Mention, statement: Statement, filer: Filer) -> bool:
    """Tell whether an undated note may have been written long before now.

    A number counts for three days where it is dated; here it may lie in them as long as a symptom
    lives. Source: docs/decisions/0025-where-else-a-record-speaks.md.
    """
    written = statement.observed
    life = _NUMBER_LIVES if mention.amount else mention.finding.lives
    if not statement.undated or life is None or written is None or written.earliest is None:
        return False
    return filer.ledger.older(Since(None, written.earliest), life)


def _measure(mention: Mention, amount: Amount, statement: Statement, filer: Filer) -> None:
    """File a number that reaches the limit of its finding."""
    words = f"{quoted(mention.quote)} {amount.says} {_FROM_TEXT}"
    text = says(words, statement.since, statement.remark)
    evidence = Evidence(statement.reference, text, statement.when)
    occurrence = Occurrence(statement.since, amount.value, evidence)
    filer.ledger.affirm(
        mention.finding, Entry(occurrence, statement.observed, text=True, written=statement.written)
    )


def _doubt(mention: Mention, doubt: str, statement: Statement, filer: Filer) -> None:
    """File what a word beside it keeps from counting; in a note only what was left open."""
    if statement.note and doubt not in _OPEN_IN_NOTES:
        return
    why = f"{quoted(mention.quote)}, which holds a word that is {doubt}"
    filer.hint(mention.finding, why, statement)
    filer.ledger.note(f"{statement.reference}: {why}: not counted")


def _note_denials(denied: list[Mention], statement: Statement, filer: Filer) -> None:
    if not denied:
        return
    names = ", ".join(dict.fromkeys(f"“{each.finding.id}”" for each in denied))
    quotes = list(dict.fromkeys(quoted(each.quote) for each in denied))
    shown = "; ".join(quotes[:_MAX_QUOTES])
    filer.ledger.note(
        f"{statement.reference}: {shown} denies {names}; what a text denies stays unanswered"
    )
