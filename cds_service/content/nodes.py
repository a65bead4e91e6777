"""YAML read strictly: every scalar is text, every key is known, every node knows its line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from cds_service.content.problems import ContentError, Place, Problem
from cds_service.content.written import Written

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import NoReturn

    from ruamel.yaml.nodes import Node as YamlNode


class Node:
    """A value of a content file together with its line; ``key`` is the line of its key."""

    __slots__ = ("_node", "key", "place")

    def __init__(self, file: str, node: YamlNode, key: Place | None = None) -> None:
        """Wrap a YAML node of ``file``."""
        self._node = node
        self.place = Place(file, node.start_mark.line + 1)
        self.key = key or self.place

    def refuse(self, what: str, why: str, remedy: str) -> NoReturn:
        """Raise a ContentError for this line."""
        raise ContentError([Problem(self.place, what, why, remedy)])

    def refuse_key(self, what: str, why: str, remedy: str) -> NoReturn:
        """Raise a ContentError for the line of the key."""
        raise ContentError([Problem(self.key, what, why, remedy)])

    @property
    def is_text(self) -> bool:
        """Tell whether this is a plain value."""
        return isinstance(self._node, ScalarNode)

    def text(self) -> str:
        """Return the value as text without outer white space; it must not be empty."""
        if not isinstance(self._node, ScalarNode) or not str(self._node.value).strip():
            self.refuse(
                "expected a text here",
                "An empty value or a list in this place would be read as nothing",
                "Write the text after the key, or take the key out",
            )
        return str(self._node.value).strip()

    def lines(self) -> list[tuple[str, Place]]:
        """Return the lines of a block of text that are not empty, each with its place."""
        if not isinstance(self._node, ScalarNode) or self._node.style != "|":
            self.refuse(
                "expected a block of lines here",
                "Without the bar YAML joins the lines into one",
                "Write a | after the key, and the lines below it, indented",
            )
        first = self.place.line + 1
        return [
            (line, Place(self.place.file, first + index))
            for index, line in enumerate(self._node.value.splitlines())
            if line.strip()
        ]

    def choice(self, allowed: Iterable[str]) -> str:
        """Return the value, which must be one of ``allowed``."""
        value, allowed = self.text(), sorted(allowed)
        if value not in allowed:
            self.refuse(
                f"{value!r} is not known here",
                "A word that nobody reads would silently change nothing",
                f"Use one of: {', '.join(allowed)}",
            )
        return value

    def flag(self) -> bool:
        """Return yes as true and no as false."""
        return self.choice(("yes", "no")) == "yes"

    def number(self) -> Written:
        """Return the value as a number that knows how finely it was written."""
        if not re.fullmatch(r"\d+(\.\d+)?", self.text()):
            self.refuse(
                f"{self.text()!r} is not a number",
                "A limit must be a number to be compared",
                "Write digits, with a point for decimals",
            )
        return Written(self.text())

    def items(self) -> list[Node]:
        """Return the entries of a list."""
        if not isinstance(self._node, SequenceNode):
            self.refuse(
                "expected a list here",
                "A single value in the place of a list is easily misread",
                "Write one entry a line, each after a dash, or [a, b]",
            )
        return [Node(self.place.file, each) for each in self._node.value]

    def texts(self) -> tuple[str, ...]:
        """Return the entries of a list of texts."""
        return tuple(each.text() for each in self.items())

    def entries(self) -> dict[str, Node]:
        """Return the entries of a mapping in their order; a key that stands twice is refused."""
        if not isinstance(self._node, MappingNode):
            self.refuse(
                "expected keys with values here",
                "Without a key nobody knows what the value means",
                "Write it as `key: value`",
            )
        found: dict[str, Node] = {}
        for key_node, value_node in self._node.value:
            key = Node(self.place.file, key_node)
            name = key.text()
            if name in found:
                key.refuse(
                    f"the key {name!r} stands twice (first on line {found[name].key.line})",
                    "Only one of the two could count, and nobody would see which",
                    "Keep one of them",
                )
            found[name] = Node(self.place.file, value_node, key.place)
        return found

    def fields(self, *, required: Iterable[str] = (), optional: Iterable[str] = ()) -> Fields:
        """Return the entries of a mapping whose keys are all known and all there."""
        found = self.entries()
        known = {*required, *optional}
        for name, node in found.items():
            if name not in known:
                node.refuse_key(
                    f"unknown key {name!r}",
                    "A key that nobody reads would silently change nothing",
                    f"Use one of: {', '.join(sorted(known))}",
                )
        for name in required:
            if name not in found:
                self.refuse(
                    f"the key {name!r} is missing",
                    "Without it this entry is not complete",
                    f"Add `{name}:`",
                )
        return Fields(found)


class Fields(dict[str, Node]):
    """The known keys of a mapping, with short ways to the optional ones."""

    def text(self, name: str) -> str | None:
        """Return an optional text."""
        return self[name].text() if name in self else None

    def texts(self, name: str) -> tuple[str, ...]:
        """Return an optional list of texts."""
        return self[name].texts() if name in self else ()

    def flag(self, name: str) -> bool:
        """Return an optional yes or no; left out it is no."""
        return self[name].flag() if name in self else False


def read(file: str, text: str) -> Node:
    """Parse the text of a content file into its root node.

    Raises ContentError where it is not YAML, is empty, or uses anchors.
    """
    try:
        _refuse_anchors(file, text)
        root = YAML(typ="safe", pure=False).compose(text)
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ContentError([_unreadable(Place(file, line), str(error.problem))]) from None
    except ReaderError as error:
        line = text[: text.index(chr(error.character))].count("\n") + 1
        problem = f"an invisible character, number {error.character}"
        raise ContentError([_unreadable(Place(file, line), problem)]) from None
    if root is None:
        raise ContentError([_unreadable(Place(file, 1), "the file is empty")])
    return Node(file, root)


def _refuse_anchors(file: str, text: str) -> None:
    """Refuse `&name` and `*name`. Composed nodes no longer show them, so the events are read."""
    if "&" not in text:  # an alias without an anchor is refused by YAML itself
        return
    for event in YAML(typ="safe", pure=False).parse(text):
        if getattr(event, "anchor", None) is not None:
            raise ContentError(
                [
                    Problem(
                        Place(file, event.start_mark.line + 1),
                        f"the anchor {event.anchor!r}",
                        "A value that is kept in another place is changed there by mistake",
                        "Write the value out wherever it is meant",
                    )
                ]
            )


def _unreadable(place: Place, problem: str) -> Problem:
    return Problem(
        place,
        f"this is not readable YAML: {problem}",
        "Nothing in the file can be used until it is",
        "Look at this line and the one before for a missing colon, quote or indent",
    )
