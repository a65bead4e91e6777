"""The small words that findings depend on: sites, severity, sides, yes and no, and text cues."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cds_service.content.finding_files import read_code_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cds_service.content.codes import Code
    from cds_service.content.nodes import Node

_GROUPS = {
    "sites": ("back", "leg", "saddle", "abdomen", "elsewhere"),
    "severity": ("mild", "moderate", "severe"),
    "sides": ("left", "right", "both"),
    "answers": ("yes", "no"),
}
_CUES = (
    "negating_before",
    "negating",
    "hypothetical_before",
    "hypothetical",
    "family_before",
    "family",
    "history_before",
    "history",
    "age",
    "worsening",
    "mild",
    "moderate",
)


@dataclass(frozen=True, slots=True)
class Term:
    """One small word: the codes and the words that say it."""

    codes: tuple[Code, ...]
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """All of vocabulary.yaml: terms by group and name, and the cue words in text by kind."""

    groups: Mapping[str, Mapping[str, Term]]
    cues: Mapping[str, tuple[str, ...]]


def read_vocabulary(node: Node) -> Vocabulary:
    """Read vocabulary.yaml. Raises ContentError."""
    fields = node.fields(required=(*_GROUPS, "text"))
    groups = {
        group: {name: _term(entry) for name, entry in fields[group].fields(required=names).items()}
        for group, names in _GROUPS.items()
    }
    cues = fields["text"].fields(required=_CUES)
    return Vocabulary(groups, {name: _words(cues[name]) for name in _CUES})


def _term(node: Node) -> Term:
    fields = node.fields(required=("words",), optional=("codes",))
    codes = read_code_table(fields["codes"]) if "codes" in fields else ()
    return Term(codes, _words(fields["words"]))


def _words(node: Node) -> tuple[str, ...]:
    return tuple(word.lower() for word in node.texts())
