"""Codes and words told apart: the names of code systems, and terms by code or word."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cds_service.content.codes import CODE_SYSTEMS, System
from cds_service.content.phrases import PhraseIndex
from cds_service.fhir.access import codings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cds_service.content.vocabulary import Term

URIS: Mapping[str, System] = {
    uri: system for system, about in CODE_SYSTEMS.items() for uri in about.uris
}


def system_of(coding: Mapping[str, Any]) -> System | None:
    """Return the code system of a coding, where it is one whose codes we know."""
    uri = coding.get("system")
    return URIS.get(uri) if isinstance(uri, str) else None


def normal(system: System, code: str) -> str:
    """Write a code as the index keeps it: ICD-10-CM without dots, in capitals."""
    return code.replace(".", "").strip().upper() if CODE_SYSTEMS[system].by_prefix else code


class TermIndex:
    """A group of small words: which of its names a concept or a short text says."""

    def __init__(self, terms: Mapping[str, Term]) -> None:
        """Compile codes and words of the group."""
        self._codes = {
            (code.system, normal(code.system, code.code)): name
            for name, term in terms.items()
            for code in term.codes
        }
        self._words = {word: name for name, term in terms.items() for word in term.words}
        self._phrases = PhraseIndex({name: term.words for name, term in terms.items()})

    def of_code(self, coding: Mapping[str, Any]) -> str | None:
        """Return the name that a coding says by its code."""
        system, code = system_of(coding), coding.get("code")
        if system is None or not isinstance(code, str):
            return None
        return self._codes.get((system, normal(system, code)))

    def of_answer(self, text: str) -> str | None:
        """Return the name that a whole short text says."""
        return self._words.get(text.strip().lower().rstrip("."))

    def of_concept(self, concept: Mapping[str, Any]) -> set[str]:
        """Return all names that a concept says by its codes; where those say none, by its words."""
        listed = codings(concept)
        said = {name for coding in listed if (name := self.of_code(coding))}
        if said:
            return said
        texts = [concept.get("text"), *(coding.get("display") for coding in listed)]
        words = dict.fromkeys(text for text in texts if isinstance(text, str))
        return {name for text in words for name in self._phrases.names(text)}
