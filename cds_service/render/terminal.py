"""An assessment as people like to read it in a terminal."""

from __future__ import annotations

import re
import shutil
import textwrap
from datetime import datetime
from typing import TYPE_CHECKING, Any, TextIO

from cds_service.render.markdown import plain

if TYPE_CHECKING:
    from collections.abc import Iterator

_BADGES = {"critical": "1;97;41", "warning": "1;30;43", "info": "1;97;44"}
_STATES = {"met": ("met", "1;31"), "unknown": ("not known", "33"), "notmet": ("not met", "2")}
_BOLD, _DIM, _NOTE = "1", "2", "33"
# Lines that are longer are hard to follow, however wide the window is; shorter ones are a column.
_MAX_WIDTH, _MIN_WIDTH = 100, 40
# Control characters could rewrite the screen, and marks of direction could turn words around.
_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_LEAD = re.compile(r"\*\*(.+?)\*\*")
_NOTES = "\n\nNote: "


def clean(text: str) -> str:
    """Return the text without what would act on a terminal instead of being shown."""
    return _UNSEEN.sub("", text)


class Terminal:
    """Prints assessments; colour only where it is asked for."""

    def __init__(self, out: TextIO, *, colour: bool) -> None:
        """Write to ``out``."""
        self._out, self._colour = out, colour
        columns = shutil.get_terminal_size().columns
        self._width = max(_MIN_WIDTH, min(columns, _MAX_WIDTH))

    def assessment(self, name: str, result: dict[str, Any], *, why: bool) -> None:
        """Print the cards of one patient, or why there are none, and the notes."""
        as_of = datetime.fromisoformat(result["asOf"])
        self._say(f"{name}, judged as of {as_of:%Y-%m-%d %H:%M %Z}", lead=name)
        for card in result["cards"]:
            self._rule()
            self._card(card)
        if not result["cards"]:
            self._rule()
            self._say(f"No card. {_no_card(result)}", rest="  ", lead="No card.")
        if result["notes"]:
            self._rule()
            self._say("Notes", style=_BOLD)
            for note in result["notes"]:
                self._say(note, first="  - ", rest="    ", style=_NOTE)
        if why:
            self._rule()
            self._why(result["criteria"])
        self._line("")

    def _card(self, card: dict[str, Any]) -> None:
        badge = card["indicator"].upper()
        first, *more = textwrap.wrap(
            clean(card["summary"]), self._width - len(badge) - 3, break_on_hyphens=False
        )
        painted = self._paint(_BADGES[card["indicator"]], f" {badge} ")
        self._line(f"{painted} {self._paint(_BOLD, first)}")
        for line in more:
            self._line(" " * (len(badge) + 3) + self._paint(_BOLD, line))
        self._line("")
        for line in _lines(card["detail"].split(_NOTES)[0]):
            self._markdown(line)
        for number, suggestion in enumerate(card.get("suggestions", [])):
            if number == 0:
                self._line("")
            self._say(f"  To file: {_filed(suggestion)}", rest="    ", lead="  To file:")

    def _markdown(self, line: str) -> None:
        """Print a line of a card's detail: a paragraph, an item of a list, or nothing."""
        item = line.startswith("- ")
        body = line[2:] if item else line
        lead = _LEAD.match(body)
        self._say(
            plain(body),
            first="  - " if item else "  ",
            rest="    " if item else "  ",
            lead=plain(lead[1]) if lead else "",
            style=_DIM if body.startswith("Source: ") else "",
        )

    def _why(self, criteria: list[dict[str, Any]]) -> None:
        self._say("Every criterion", style=_BOLD)
        for criterion in criteria:
            word, colour = _STATES[criterion["state"]]
            mark = f"{word:9}"
            first, *more = self._wrapped(
                criterion["title"], f"  {criterion['id']}  {mark}  ", " " * 18
            )
            self._line(first.replace(mark, self._paint(colour, mark), 1))
            for line in more:
                self._line(line)
            for each in criterion["evidence"]:
                when = f", {each['when']}" if each.get("when") else ""
                said = f"{each['says']}{when} ({each['reference']})"
                self._say(said, first=" " * 18, rest=" " * 20)
            if criterion["missing"]:
                asked = f"to ask: {', '.join(criterion['missing'])}"
                self._say(asked, first=" " * 18, rest=" " * 20, style=_DIM)

    def _rule(self) -> None:
        self._line(self._paint(_DIM, "─" * self._width))

    def _say(
        self, text: str, *, first: str = "", rest: str = "", lead: str = "", style: str = ""
    ) -> None:
        """Print a text wrapped to the width; ``lead`` are its first words, shown bold."""
        lines = self._wrapped(text, first, rest)
        for number, line in enumerate(lines):
            bold = number == 0 and lead and line.startswith(first + lead)
            shown = first + self._paint(_BOLD, lead) + line[len(first + lead) :] if bold else line
            self._line(self._paint(style, shown) if style else shown)

    def _wrapped(self, text: str, first: str, rest: str) -> list[str]:
        lines = textwrap.wrap(
            clean(text),
            self._width,
            initial_indent=first,
            subsequent_indent=rest,
            break_on_hyphens=False,
        )
        return lines or [""]

    def _line(self, text: str) -> None:
        self._out.write(text + "\n")

    def _paint(self, colour: str, text: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self._colour else text


def _lines(detail: str) -> Iterator[str]:
    """Yield the lines of a detail, an empty one between blocks; a soft line break is a space."""
    for number, block in enumerate(detail.strip().split("\n\n")):
        if number:
            yield ""
        line = ""
        for raw in block.split("\n"):
            if line and (raw.startswith("- ") or line.endswith("  ")):
                yield line.strip()
                line = ""
            line = f"{line} {raw.strip()}" if line else raw
        yield line.strip()


def _filed(suggestion: dict[str, Any]) -> str:
    """Say what a suggestion does, and of a draft how soon."""
    (action,) = suggestion["actions"]
    said: str = action["description"]
    return f"{said} ({action['resource']['priority']})" if "resource" in action else said


def _no_card(result: dict[str, Any]) -> str:
    if result["gate"]["state"] == "shut":
        said = [each["says"] for each in result["gate"]["evidence"]]
        return f"The gate is shut: {said[0]}." if said else "No live back pain is recorded."
    return "Nothing that is recorded calls for one."
