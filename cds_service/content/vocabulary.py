"""The small words that findings depend on: sites, severity, sides, yes and no, and text cues."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cds_service.content.codes import Code
from cds_service.content.finding_files import read_code_table
from cds_service.content.phrases import read_phrases

if TYPE_CHECKING:
    from cds_service.content.nodes import Node

_GROUPS = {
    "sites": ("back", "leg", "saddle", "abdomen", "elsewhere"),
    "severity": ("mild", "moderate", "severe"),
    "sides": ("left", "right", "both"),
    "answers": ("yes", "no"),
}
# Each kind of word in a text, and how far it may reach; a kind without a reach is one list.
_CUES = {
    "negated": ("rest", "list", "next", "back"),
    "hypothetical": ("rest", "list", "aside", "back"),
    "questioned": ("next", "back"),
    "suspected": ("next", "back"),
    "family": ("rest", "part"),
    "history": ("rest", "list", "next", "back"),
    "reporting": (),
    "telling": (),
    "stating": (),
    "neutral": (),
    "contrast": (),
    "grounds": (),
    "complaint": (),
    "age": (),
    "worsening": (),
    "severe": (),
    "mild": (),
    "moderate": (),
}


@dataclass(frozen=True, slots=True)
class Term:
    """One small word: the codes and the words that say it."""

    codes: tuple[Code, ...]
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cue:
    """What a word in a text does to the findings beside it, and how far it reaches (or "")."""

    kind: str
    reach: str


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """All of vocabulary.yaml: terms by group and name, and what is needed to read a text.

    ``spellings`` lead from each variant to the word it stands for, ``skipped`` are words between
    others, ``alike`` wordings that may stand for each other in any phrase, ``cues`` the words that
    take a finding back, or say something more of it, ``asking`` those at the beginning of a
    question that only ask.
    """

    groups: Mapping[str, Mapping[str, Term]]
    cues: Mapping[Cue, tuple[str, ...]]
    spellings: Mapping[str, str]
    skipped: frozenset[str]
    asking: tuple[str, ...]
    alike: tuple[tuple[str, ...], ...]


def read_vocabulary(node: Node) -> Vocabulary:
    """Read vocabulary.yaml. Raises ContentError."""
    fields = node.fields(required=(*_GROUPS, "text"))
    groups = {
        group: {name: _term(entry) for name, entry in fields[group].fields(required=names).items()}
        for group, names in _GROUPS.items()
    }
    text = fields["text"].fields(required=(*_CUES, "spellings", "skipped", "asking", "alike"))
    cues: dict[Cue, tuple[str, ...]] = {}
    for kind, reaches in _CUES.items():
        if not reaches:
            cues[Cue(kind, "")] = read_phrases(text[kind])
            continue
        for reach, words in text[kind].fields(required=reaches).items():
            cues[Cue(kind, reach)] = read_phrases(words)
    return Vocabulary(
        groups,
        cues,
        _spellings(text["spellings"]),
        frozenset(_words(text["skipped"])),
        _words(text["asking"]),
        tuple(_words(each) for each in text["alike"].items()),
    )


def _spellings(node: Node) -> dict[str, str]:
    """Read the variants of words; one that stands for two words is refused."""
    found: dict[str, str] = {}
    for word, variants in node.entries().items():
        for variant in variants.items():
            name = variant.text().lower()
            if name in found or " " in name:
                variant.refuse(
                    f"{name!r} is written for {found.get(name, 'several words')!r} already"
                    if name in found
                    else f"{name!r} is more than one word",
                    "A spelling leads from one word to one word",
                    "Take it out, or add a phrase to the finding",
                )
            found[name] = word.lower()
    return found


def _term(node: Node) -> Term:
    fields = node.fields(required=("words",), optional=("codes",))
    codes = read_code_table(fields["codes"]) if "codes" in fields else ()
    return Term(codes, _words(fields["words"]))


def _words(node: Node) -> tuple[str, ...]:
    return tuple(word.lower() for word in node.texts())
