"""The Markdown of a card as HTML: paragraphs, lists and bold, as an EHR shows it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

if TYPE_CHECKING:
    from collections.abc import Iterator

_MARKS = re.compile(r"\\(?P<sign>[!-/:-@\[-`{-~])|\*\*(?P<bold>.+?)\*\*|&(?P<name>lt|gt|amp|quot);")
_NAMED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}
_ITEM = "- "
_BREAK = "  "
_NEW_LINE, _SPACE = Markup("<br>"), Markup(" ")


def html(markdown: str) -> Markup:
    """Return the HTML of a card's detail. Nothing in it is passed through: all text is escaped."""
    return Markup("\n").join(
        block for text in markdown.split("\n\n") for block in _blocks(text.splitlines())
    )


def _blocks(lines: list[str]) -> Iterator[Markup]:
    """Yield the paragraph and the list of a block; an indented line goes on with its item."""
    items: list[str] = []
    text: list[str] = []
    for line in lines:
        if line.startswith(_ITEM):
            items.append(line.removeprefix(_ITEM))
        elif items and line.startswith(" "):
            items[-1] += f" {line.strip()}"
        elif line.strip():
            text.append(line)
    if text:
        between = _NEW_LINE if any(line.endswith(_BREAK) for line in text) else _SPACE
        joined = between.join(_inline(line.strip()) for line in text)
        yield Markup("<p>{}</p>").format(joined)
    if items:
        listed = Markup("").join(Markup("<li>{}</li>").format(_inline(each)) for each in items)
        yield Markup("<ul>{}</ul>").format(listed)


def _inline(text: str) -> Markup:
    done, at = Markup(""), 0
    for mark in _MARKS.finditer(text):
        done += escape(text[at : mark.start()])
        if mark["bold"]:
            done += Markup("<strong>{}</strong>").format(_inline(mark["bold"]))
        else:
            done += escape(mark["sign"] or _NAMED[mark["name"]])
        at = mark.end()
    return done + escape(text[at:])
