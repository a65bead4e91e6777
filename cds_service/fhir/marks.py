"""Signs of a form in running text written as words: boxes to tick, Y and N, a trailing minus."""

from __future__ import annotations

import re

# An item whose box is empty was printed there and said by nobody.
EMPTY = "\u2610"
_TICKED = "\u2612"
_MINUS = "\u2212"
_EMPTY_BOXES = re.compile("\\[[ _]?\\]|\\( \\)|[\u25a1\u25a2\u2717\u2718]")
_TICKED_BOXES = re.compile(
    "\\[[xX\u2713\u2714]\\]|\\([xX\u2713\u2714]\\)|[\u2611\u2713\u2714\u2705]"
)
_EMPTY_ANSWER = re.compile(f"{EMPTY} *(?i:yes|no|y|n)\\b")
_TICKED_ANSWER = re.compile(f"[?:]? *{_TICKED} *(?i:(y)(?:es)?|no?)\\b")
# "Saddle numbness Y / N" was left as it was printed, "(Y/N): N" was not.
_CHOICE = re.compile(r"\(?\b(?:Y ?/ ?N|(?i:yes ?/ ?no))\b\)?( *[:=?]? *(?=[YN]\b|(?i:yes|no)\b))?")
_LEADERS = re.compile(r" *\.{3,} *(?=(?i:yes|no|nil|none)\b)")
_CHOICES = ("Y/N", "Y / N", "es/", "es /", "ES/", "ES /")
_LETTER = re.compile(r"[YN](?<![\w/.'&][YN])(?=\s|[.,;)]|$)")
_ASKED = re.compile(r"\? *[-:]? *(?i:(yes)|no|nil|none)\b(?= *(?:$|[.,;)]|  |[A-Z]))", re.MULTILINE)
_TRAILING = re.compile(r"-(?<=[a-z]-)(?= *(?:[,;)]|$))", re.MULTILINE)
_NO, _YES, _OPEN = ": no;", ": yes;", " not asked;"


def spelled_out(text: str) -> str:
    """Return a text in which what was ticked or answered by a sign stands in words.

    Each answer ends its item, so that the next item is read by itself.
    """
    if not text.isascii():
        text = text.replace(_MINUS, "-")
    if "[" in text or "(" in text or not text.isascii():
        text = _boxes(text)
    if any(each in text for each in _CHOICES):
        text = _CHOICE.sub(lambda each: "" if each[1] is not None else _OPEN, text)
    if "N" in text or "Y" in text:
        text = _LETTER.sub(lambda each: "no;" if each[0] == "N" else "yes;", text)
    if "..." in text:
        text = _LEADERS.sub(": ", text)
    if "?" in text:
        text = _ASKED.sub(_answer, text)
    # At the end of a line a minus may break it: it denies only where others before it do.
    listed = "-," in text or "-;" in text
    return _TRAILING.sub(_NO, text) if listed else text


def _boxes(text: str) -> str:
    """Return a text in which each box and its item are a sentence of their own."""
    text = _TICKED_BOXES.sub(_TICKED, _EMPTY_BOXES.sub(EMPTY, text))
    if EMPTY not in text and _TICKED not in text:
        return text
    text = _TICKED_ANSWER.sub(_answer, _EMPTY_ANSWER.sub("", text))
    return "\n".join(map(_apart, text.split("\n")))


def _apart(line: str) -> str:
    """Divide a line of boxes: after each box where the line begins with an item."""
    first = min((at for at in (line.find(EMPTY), line.find(_TICKED)) if at >= 0), default=-1)
    before = line[: max(first, 0)].rstrip(" -*\u2022")
    leads = first < 0 or not before or before.endswith((":", "?", ";", "."))
    for box in (EMPTY, _TICKED):
        line = line.replace(box, f";{box}" if leads else f"{box};")
    return line


def _answer(found: re.Match[str]) -> str:
    return _YES if found[1] else _NO
