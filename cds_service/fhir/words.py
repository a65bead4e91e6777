"""The words of a concept, beside its codes and for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cds_service.content.codes import CODE_SYSTEMS
from cds_service.fhir.access import as_dict, as_text, codings
from cds_service.fhir.terms import system_of

if TYPE_CHECKING:
    from cds_service.content.codes import Code


def words_of(concept: object) -> str | None:
    """Return the text of a concept, else its first display."""
    text = as_text(as_dict(concept).get("text"))
    if text:
        return text
    for coding in codings(concept):
        display = as_text(coding.get("display"))
        if display:
            return display
    return None


def all_words_of(concept: object) -> dict[str, None]:
    """Return the text of a concept and its displays, each once."""
    shown = [as_dict(concept).get("text"), *(each.get("display") for each in codings(concept))]
    return dict.fromkeys(filter(None, map(as_text, shown)))


def own_words(concept: dict[str, Any]) -> str | None:
    """Return the text of a coded concept where it is more than the display of a code.

    Without a display nobody can tell the two apart.
    """
    text = as_text(concept.get("text"))
    if text is None:
        return None
    shown = {(as_text(each.get("display")) or "").lower() for each in codings(concept)} - {""}
    return text if shown and text.lower() not in shown else None


def displays(concept: dict[str, Any], code: Code) -> set[str]:
    """Return, in small letters, the words of a code and of codings of known systems.

    They say nothing that the code does not.
    """
    shown = {code.display.lower()}
    for coding in codings(concept):
        if system_of(coding) is not None:
            shown.add((as_text(coding.get("display")) or "").lower())
    return shown


def as_recorded(code: Code, concept: dict[str, Any]) -> str:
    """Return a code as the record has it: behind a prefix of ours stands the whole code."""
    about = CODE_SYSTEMS[code.system]
    if not about.by_prefix:
        return str(code)
    for coding in codings(concept):
        recorded = as_text(coding.get("code"))
        if (
            recorded
            and system_of(coding) is code.system
            and _bare(recorded).startswith(_bare(code.code))
        ):
            display = as_text(coding.get("display")) or code.display
            return f"{display} ({about.label} {recorded})"
    return str(code)


def _bare(code: str) -> str:
    return code.replace(".", "").upper()
