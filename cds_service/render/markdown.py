"""Text that came from a record, made harmless in GitHub-Flavored Markdown."""

from __future__ import annotations

import re

_ESCAPES = str.maketrans(
    {
        **{sign: f"\\{sign}" for sign in "\\`*_[]|~#!@$"},
        "<": "&lt;",
        ">": "&gt;",
        "&": "&amp;",
        '"': "&quot;",
    }
)
_SPACES = re.compile(r"[\s\x00-\x1f\x7f\u2028\u2029]+")
_LINKS = re.compile(r"(?i)(:)(//)|\b(www)(\.)")


def escape(text: str) -> str:
    """Return the text so that it renders as itself: no markup, no HTML, no link, one line."""
    one_line = _SPACES.sub(" ", text).strip()
    return _LINKS.sub(_unlink, one_line.translate(_ESCAPES))


def plain(markdown: str) -> str:
    """Return Markdown of ours for a terminal: escapes undone, marks of emphasis gone."""
    text = re.sub(r"\*\*(.+?)\*\*", r"\1", markdown)
    text = re.sub(r"\\([\\`*_\[\]|~#!@$:.])", r"\1", text)
    for entity, sign in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&amp;", "&")):
        text = text.replace(entity, sign)
    return text


def _unlink(match: re.Match[str]) -> str:
    """Break what GFM would turn into a link by itself: "http://", "www."."""
    if match[1]:
        return f"\\{match[1]}{match[2]}"
    return f"{match[3]}\\{match[4]}"
