"""A typed text taken apart: lines joined again, sentences, and the words and signs in them."""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from cds_service.fhir.marks import spelled_out

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# A sign that asks stands before ("?fracture") or behind ("fracture?"): two tokens.
ASKS = "??"
_ASKED = re.compile(r"(?<=[a-z0-9)])\?")
# A number and its unit, or a name and its number, written as one: 10kg, T38.9.
_GLUED_UNIT = r"\d+(?=(?:kg|lbs?|m|ft|mph|kph)\b)|t(?=[34]\d[.,]\d)"
_TOKEN = re.compile(
    r"\d{4}-\d{2}-\d{2}"  # a day as machines write it
    r"|\d{1,2}/\d{1,2}/\d{2,4}|\d+/\d+|\d+[.,]\d+"  # 12/3/2024, 3/52, 39.2
    rf"|{_GLUED_UNIT}"
    r"|[a-z]/[a-z](?![a-z0-9])|w/"  # c/o, n/v, w/
    r"|[-+]ve\b|\([-+]\)"
    r"|[a-z0-9]+(?:'[a-z]+)?"
    r"|\?\?|[?,():#&<>\u2610\u00f8\u2205]|(?<=\s)[-\u2013\u2014](?=\s)"
)
_WORDS = re.compile(r"\d+|t(?=[34]\d[.,]\d)|[a-z][a-z0-9]*(?:'[a-z]+)?|[?#]|[-+]ve\b")
_END = re.compile(
    r"(?<=[.!])(?<!e\.g\.)(?<!i\.e\.)(?<!\bpt\.)(?<!\bdr\.)(?<!\bhx\.)(?<!incl\.)\s+|(?<=[a-z0-9)]\?)\s+"
    r"|;|[*\u2022]",
    re.IGNORECASE,
)
_GLUED = re.compile(r"(?<=[a-z)])\.(?=[A-Z])")
_HEADING = re.compile(r"[^:.]{1,60}:\s*")
# A line this long that goes on in small letters was broken by the width of a page.
_WRAPPED = 50
# Longer "sentences" are no language; cut, their cost stays in step with their length.
_LONGEST = 500


# Stands in a phrase for any number: "lost <n> kg".
NUMBER = "0"

# What is longer is no note of a visit; the rest is not read, which is said.
MAX_TEXT = 40_000


class Line(NamedTuple):
    """One line as it was meant; ``heads`` says that it only announces those below it."""

    text: str
    heads: bool


class Sentence(NamedTuple):
    """A sentence, and its tokens in the spelling of the content."""

    text: str
    tokens: list[str]


def plain(text: str) -> str:
    """Return a text in lower case with a typist's apostrophes."""
    return text.lower().replace("\u2019", "'")


def bag(text: str) -> list[str]:
    """Return the words that stand in a text at all, for a first look."""
    text = plain(text[:MAX_TEXT])
    # Where a digit stands, its unit may be glued to it.
    bare = text.isascii() and text.replace(" ", "").isalpha()
    return text.split() if bare else _WORDS.findall(text)


def lines(text: str) -> Iterator[Line]:
    """Yield the lines of a text; one that the width of a page broke is whole again."""
    held = ""
    for raw in _GLUED.sub(". ", spelled_out(text[:MAX_TEXT])).splitlines():
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
    for whole in _END.split(line):
        for text in _pieces(whole):
            found = _TOKEN.findall(_asking(plain(text)))
            tokens = [spellings.get(each, each) for each in found if each not in skipped]
            if tokens:
                yield Sentence(text, tokens)


def offset(sentence: Sentence, place: int, skipped: frozenset[str]) -> int:
    """Return where a token of a sentence stands in its text, or near enough to quote it."""
    kept = (each for each in _TOKEN.finditer(plain(sentence.text)) if each[0] not in skipped)
    at = next(islice(kept, place, None), None)
    return at.start() if at else 0


def _pieces(text: str) -> Iterator[str]:
    """Cut what is too long for a sentence between two words, or where there are none."""
    begin = 0
    while len(text) - begin > _LONGEST:
        cut = text.rfind(" ", begin + 1, begin + _LONGEST)
        cut = cut if cut > 0 else begin + _LONGEST
        yield text[begin:cut]
        begin = cut
    yield text[begin:]


def _asking(text: str) -> str:
    """Tell the sign that asks behind a word from the one before it."""
    return _ASKED.sub(ASKS, text) if "?" in text else text


def words_of_phrase(
    phrase: str, spellings: Mapping[str, str], skipped: frozenset[str]
) -> tuple[str, ...]:
    """Return the tokens of a phrase of the content, as they are looked for in a text."""
    found = [
        spellings.get(each, each) for each in _TOKEN.findall(plain(phrase).replace("<n>", NUMBER))
    ]
    kept = tuple(each for each in found if each not in skipped)
    return kept or tuple(found)
