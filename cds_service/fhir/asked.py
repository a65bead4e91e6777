"""Questions that are not ours: what an answer says is told by the words of its question.

A yes affirms the one matter that a question asks about; of several it leaves each to be asked. A no
denies only where the question is our own, word for word, or the bare name of a finding: what asks
for less than the finding cannot deny it. Source: docs/decisions/0025-where-else-a-record-speaks.md.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cds_service.fhir.access import as_text
from cds_service.fhir.answers import as_part, item_answers, number_of, yes_or_no
from cds_service.fhir.observations import file_measured
from cds_service.fhir.typed import file_text

if TYPE_CHECKING:
    from cds_service.fhir.filer import Filer
    from cds_service.fhir.measurements import Measurements
    from cds_service.fhir.mentions import Mention
    from cds_service.fhir.statement import Statement

_MAX_QUESTION = 120
_MAX_TEXT = 2000
# Where a short answer ends and its explanation begins: "yes, since Tuesday".
_ENDS = re.compile(r"[,;.:]|\s[-\u2013]\s")


def file_asked(
    item: dict[str, Any],
    above: tuple[str, ...],
    statement: Statement,
    by: str,
    filer: Filer,
    measurements: Measurements,
) -> None:
    """File the answers to a question that is not ours; one about the family says nothing.

    ``above`` are the titles of the groups that it stands in, ``by`` who wrote the answers down.
    """
    question = as_text(item.get("text")) or ""
    grouped = {kind for title in above for kind in filer.index.text.kinds(title)}
    asked = grouped | filer.index.text.kinds(question)
    if "family" in asked:
        return
    for given in item_answers(item):
        said, typed = yes_or_no(given, filer.index), as_text(given.get("valueString"))
        own = replace(statement, asked=frozenset(grouped))
        if said is None and typed and _begins_with_yes(typed, filer):
            said = True
            file_text(typed[:_MAX_TEXT], own, {}, filer)
        if said is not None:
            _file_said(question, said=said, by=by, statement=own, filer=filer)
        elif not _file_value(given, replace(own, asked=frozenset(asked)), filer):
            part = as_part(given)
            measured = number_of(part) is not None and file_measured(
                part, {"text": question}, own, filer, measurements
            )
            if not measured and typed is None:
                _not_understood(question, statement, filer)


def _begins_with_yes(typed: str, filer: Filer) -> bool:
    return yes_or_no({"valueString": _ENDS.split(typed)[0]}, filer.index) is True


def _file_value(given: dict[str, Any], statement: Statement, filer: Filer) -> bool:
    """File an answer that is a code or words; return whether it speaks of any finding."""
    coding, typed = given.get("valueCoding"), as_text(given.get("valueString"))
    if isinstance(coding, dict):
        return filer.file({"coding": [coding]}, statement)
    return typed is not None and file_text(typed[:_MAX_TEXT], statement, {}, filer)


def _file_said(question: str, *, said: bool, by: str, statement: Statement, filer: Filer) -> None:
    """File a yes or a no; a yes that nobody understands is noted."""
    shown = f"answer to “{question[:_MAX_QUESTION]}”{by}"
    ours = filer.index.questions.of(question)
    if ours is not None and ours.computed is None and not said:
        # What is still being filled in denies nothing.
        if statement.remark is None:
            filer.deny(ours, shown, statement)
    elif said:
        own = replace(statement, from_text=True, written=statement.observed)
        if ours is not None:
            filer.affirm(ours, f"{shown}: yes", {"text": question}, own)
        elif not _file_yes(question, f"{shown}: yes", own, filer):
            _not_understood(question, statement, filer)


def _file_yes(question: str, words: str, statement: Statement, filer: Filer) -> bool:
    """File a yes under what its question names; return whether it names anything."""
    mentions = [
        each
        for each in filer.index.text.read(filer.index.questions.as_statement(question))
        if each.finding.carrier == statement.carrier
    ]
    one = filer.index.questions.is_one_matter([each.finding.id for each in mentions])
    for each in mentions:
        if each.doubt is None and one:
            filer.affirm(each.finding, words, {"text": question}, statement)
        elif each.doubt != "family":
            filer.hint(each.finding, f"{words}, {_why_open(each)}", statement)
    return bool(mentions)


def _why_open(mention: Mention) -> str:
    if mention.doubt is None:
        return "one of several that it asks for"
    return f"asked with a word that is {mention.doubt}"


def _not_understood(question: str, statement: Statement, filer: Filer) -> None:
    """Note an answer that was not read, where its question has a word that findings are named by.

    A form asks for much that matters to nobody here.
    """
    if filer.index.text.may_speak(question):
        filer.ledger.note(
            f"{statement.reference}: the answer to “{question[:_MAX_QUESTION]}” could not be "
            "understood"
        )
