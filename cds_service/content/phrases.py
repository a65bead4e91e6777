"""Phrases found word by word in a text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_WORD = re.compile(r"[a-z0-9/+]+(?:'[a-z]+)?")


def words_of(text: str) -> tuple[str, ...]:
    """Return the words of a text in lower case; a typographer's apostrophe is one as well."""
    return tuple(_WORD.findall(text.lower().replace("\u2019", "'")))


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
