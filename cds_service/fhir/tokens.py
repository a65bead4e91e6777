"""A typed text taken apart: lines joined again, sentences, and the words and signs in them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# A sign that asks stands before ("?fracture") or behind ("fracture?"): two tokens.
ASKED = "?"
ASKS = "??"
_TOKEN = re.compile(
    r"\d{4}-\d{2}-\d{2}"  # a day as machines write it
    r"|\d{1,2}/\d{1,2}/\d{2,4}|\d+/\d+|\d+[.,]\d+"  # 12/3/2024, 3/52, 39.2
    r"|[a-z]/[a-z](?![a-z0-9])|w/"  # c/o, n/v, w/
    r"|[-+]ve\b|\([-+]\)"
    r"|[a-z0-9]+(?:'[a-z]+)?"
    r"|(?<=[a-z0-9)])\?|[?,():#&<>]|(?<=\s)[-\u2013\u2014](?=\s)"
)
_WORDS = re.compile(r"[a-z0-9]+(?:'[a-z]+)?|[?#]|[-+]ve\b")
_DASHES = frozenset({"-", "\u2013", "\u2014"})
_END = re.compile(
    r"(?<=[.!])(?<!e\.g\.)(?<!i\.e\.)(?<!\bpt\.)(?<!\bdr\.)(?<!\bhx\.)\s+|(?<=[a-z0-9)]\?)\s+"
    r"|;|[*\u2022]",
    re.IGNORECASE,
)
_GLUED = re.compile(r"(?<=[a-z)])\.(?=[A-Z])")
_HEADING = re.compile(r"[^:.]{1,60}:\s*")
# A line this long that goes on in small letters was broken by the width of a page.
_WRAPPED = 50
# Longer "sentences" are no language; cut, their cost stays in step with their length.
MAX_TOKENS = 120


class Line(NamedTuple):
    """One line as it was meant; ``heads`` says that it only announces those below it."""

    text: str
    heads: bool


class Sentence(NamedTuple):
    """The tokens of a sentence in the spelling of the content, and where each stood."""

    text: str
    tokens: list[str]
    starts: list[int]


def plain(text: str) -> str:
    """Return a text in lower case with a typist's apostrophes."""
    return text.lower().replace("\u2019", "'")


def bag(text: str) -> frozenset[str]:
    """Return the words that stand in a text at all, for a first look."""
    return frozenset(_WORDS.findall(plain(text)))


def lines(text: str) -> Iterator[Line]:
    """Yield the lines of a text; one that the width of a page broke is whole again."""
    held = ""
    for raw in _GLUED.sub(". ", text).splitlines():
        line = raw.strip()
        if held and line[:1].islower() and len(held) >= _WRAPPED and held[-1] not in ".:;!?":
            held = f"{held} {line}"
            continue
        if held:
            yield Line(held, heads=_HEADING.fullmatch(held) is not None)
        held = line
        if not line:
            yield Line("", heads=False)
    if held:
        yield Line(held, heads=_HEADING.fullmatch(held) is not None)


def sentences(
    line: str, spellings: Mapping[str, str], skipped: frozenset[str]
) -> Iterator[Sentence]:
    """Yield the sentences of a line, cut where they are too long to be one."""
    for text in _END.split(line):
        tokens: list[str] = []
        starts: list[int] = []
        small = plain(text)
        for match in _TOKEN.finditer(small):
            token = match[0]
            if token in skipped:
                continue
            if token in _DASHES:
                token = ","
            elif token == "?" and match.start() and not small[match.start() - 1].isspace():
                token = ASKS
            tokens.append(spellings.get(token, token))
            starts.append(match.start())
            if len(tokens) == MAX_TOKENS:
                yield Sentence(text, tokens, starts)
                tokens, starts = [], []
        if tokens:
            yield Sentence(text, tokens, starts)


def words_of_phrase(
    phrase: str, spellings: Mapping[str, str], skipped: frozenset[str]
) -> tuple[str, ...]:
    """Return the tokens of a phrase of the content, as they are looked for in a text."""
    found = [spellings.get(each, each) for each in _TOKEN.findall(plain(phrase))]
    kept = tuple(each for each in found if each not in skipped)
    return kept or tuple(found)
