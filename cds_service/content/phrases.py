"""Phrases found word by word in a text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from cds_service.content.nodes import Node

_WORD = re.compile(r"[a-z0-9/+]+(?:'[a-z]+)?")
_CHOICE = re.compile(r"\(([^()]*\|[^()]*)\)")


def read_phrases(node: Node) -> tuple[str, ...]:
    """Return the phrases of a list in lower case, each with its alternatives written out.

    "no (feeling|sensation) there" stands for two phrases, "(new |)pain" as well. Raises
    ContentError where a bar stands outside of brackets.
    """
    found: list[str] = []
    for each in node.items():
        spread = list(_spread(each.text().lower()))
        if any("|" in phrase for phrase in spread):
            each.refuse(
                f"the alternatives of {each.text()!r} are not in brackets of their own",
                "The phrase would be looked for with the bar in it, and never be found",
                "Write them as (one|two)",
            )
        found += (" ".join(phrase.split()) for phrase in spread)
    return tuple(dict.fromkeys(found))


def _spread(phrase: str) -> Iterator[str]:
    choice = _CHOICE.search(phrase)
    if choice is None:
        yield phrase
        return
    for one in choice[1].split("|"):
        yield from _spread(f"{phrase[: choice.start()]}{one}{phrase[choice.end() :]}")


def is_bare(text: str) -> bool:
    """Tell whether there is nothing but letters, digits and spaces, as in most displays of codes.

    What is found in such a text by a pattern of words are its words, which are had for less.
    """
    return text.isascii() and text.replace(" ", "").isalnum()


def words_of(text: str) -> tuple[str, ...]:
    """Return the words of a text in lower case; a typographer's apostrophe is one as well."""
    text = text.lower().replace("\u2019", "'")
    return tuple(text.split() if is_bare(text) else _WORD.findall(text))


class PhraseIndex:
    """Phrases found word by word: "no" is not in "node", "back pain" is in "Low back pain"."""

    def __init__(self, phrases: Mapping[str, Iterable[str]]) -> None:
        """Compile the phrases of each name, filed under their first word."""
        self._by_first: dict[str, list[tuple[tuple[str, ...], str]]] = {}
        for name, texts in phrases.items():
            for text in texts:
                words = words_of(text)
                if words:
                    self._by_first.setdefault(words[0], []).append((words, name))
        self._firsts = frozenset(self._by_first)

    def find(self, text: str) -> list[tuple[str, range]]:
        """Return each name whose phrase stands in the text, with the places of its words."""
        words = words_of(text)
        if self._firsts.isdisjoint(words):
            return []
        return [
            (name, range(place, place + len(phrase)))
            for place, word in enumerate(words)
            for phrase, name in self._by_first.get(word, ())
            if words[place : place + len(phrase)] == phrase
        ]

    def speaks(self, text: str) -> bool:
        """Tell whether any phrase stands in the text."""
        return bool(self.find(text))

    def whole(self, text: str) -> list[str]:
        """Return the names of which a phrase is the whole text."""
        words = words_of(text)
        phrases = self._by_first.get(words[0], ()) if words else ()
        return [name for phrase, name in phrases if phrase == words]

    def names(self, text: str) -> list[str]:
        """Return the names whose phrases stand in the text, each once."""
        return list(dict.fromkeys(name for name, _ in self.find(text)))
