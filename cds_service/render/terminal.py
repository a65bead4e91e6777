"""An assessment as people like to read it in a terminal."""

from __future__ import annotations

import re
import shutil
import textwrap
from typing import TYPE_CHECKING, Any, TextIO

from cds_service.render.markdown import plain

if TYPE_CHECKING:
    from collections.abc import Iterator

_COLOURS = {"critical": "1;97;41", "warning": "1;30;43", "info": "1;97;44"}
_STATES = {"met": "1;31", "unknown": "33", "notmet": "2"}
_STATE_WORDS = {"met": "met", "unknown": "not known", "notmet": "not met"}
_MAX_WIDTH = 96
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class Terminal:
    """Prints assessments; colour only where it is asked for."""

    def __init__(self, out: TextIO, *, colour: bool) -> None:
        """Write to ``out``."""
        self._out, self._colour = out, colour
        self._width = min(shutil.get_terminal_size().columns, _MAX_WIDTH)

    def assessment(self, name: str, result: dict[str, Any], *, why: bool) -> None:
        """Print the cards of one patient, or why there are none."""
        self._line(self._paint("1", name) + f"   as of {result['asOf']}")
        if not result["cards"]:
            self._line(f"No card. {_no_card(result)}")
            for note in result["notes"]:
                self._wrapped(f"Note: {note}", "  ", "  ")
        for card in result["cards"]:
            self._line("")
            self._card(card)
        if why:
            self._line("")
            self._why(result)
        self._line("")

    def _card(self, card: dict[str, Any]) -> None:
        badge = self._paint(_COLOURS[card["indicator"]], f" {card['indicator'].upper()} ")
        self._wrapped(f"{badge} {self._paint('1', card['summary'])}", "", "  ")
        for line in _lines(card["detail"]):
            if line.startswith("- "):
                self._wrapped(line, "  ", "    ")
            elif line:
                self._wrapped(line, "  ", "  ")
            else:
                self._line("")

    def _why(self, result: dict[str, Any]) -> None:
        self._line(self._paint("1", "Every criterion"))
        for criterion in result["criteria"]:
            state = criterion["state"]
            word = self._paint(_STATES[state], f"{_STATE_WORDS[state]:9}")
            evidence = "; ".join(each["says"] for each in criterion["evidence"])
            missing = ", ".join(criterion["missing"])
            tail = f": {evidence}" if evidence else ""
            tail += f" (asks for {missing})" if missing else ""
            self._wrapped(f"{criterion['id']}  {word}  {criterion['title']}{tail}", "  ", " " * 18)

    def _wrapped(self, text: str, first: str, rest: str) -> None:
        wrapped = textwrap.wrap(
            text, self._width, initial_indent=first, subsequent_indent=rest,
            break_long_words=False, break_on_hyphens=False,
        )
        for line in wrapped:
            self._line(line)

    def _line(self, text: str) -> None:
        # Control characters from a record could rewrite the screen; our own colours are ESC [ m.
        shown = _CONTROL.sub("", text) if not self._colour else _clean(text)
        self._out.write(shown + "\n")

    def _paint(self, colour: str, text: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self._colour else text


def _clean(text: str) -> str:
    """Drop control characters, except the colours that were painted here."""
    parts = re.split(r"(\x1b\[[0-9;]*m)", text)
    return "".join(part if part.startswith("\x1b[") else _CONTROL.sub("", part) for part in parts)


def _lines(detail: str) -> Iterator[str]:
    """Yield the lines of a detail without its marks; a soft line break is a space."""
    for block in detail.split("\n\n"):
        line = ""
        for raw in block.split("\n"):
            starts = raw.startswith("- ") or line.endswith("  ") or not line
            if starts and line:
                yield plain(line.strip())
                line = ""
            line = f"{line} {raw.lstrip()}" if line else raw
        if line:
            yield plain(line.strip())
        yield ""


def _no_card(result: dict[str, Any]) -> str:
    if result["gate"]["state"] == "shut":
        said = [each["says"] for each in result["gate"]["evidence"]]
        return f"The gate is shut: {said[0]}." if said else "No live back pain is recorded."
    return "Nothing that is recorded calls for one."
