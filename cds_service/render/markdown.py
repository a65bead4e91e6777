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
_SPACES = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029]+")
# What is not seen, or turns the text around it: soft hyphens, marks of direction, tags.
_HIDDEN = re.compile(
    "[\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f]+"
)
_PLAIN = re.compile(r"[A-Za-z0-9 ,;:()/%+=.\u2019\u201c\u201d\u00b0-]*")
# Renderers look for these after they have undone escapes, so only a space breaks them.
_LINKS = re.compile(r"(?i)(?<=:)(?=//)|(?<=www)(?=\.)|(?<=\S)(?=@)")
_TAGS = re.compile(r"<(?=[a-zA-Z/!?])")


def escape(text: str) -> str:
    """Return the text so that it renders as itself: no markup, no HTML, no link, one line."""
    if _is_plain(text):
        return text
    return _LINKS.sub(" ", _one_line(text)).translate(_ESCAPES)


def harmless(text: str) -> str:
    """Return the text for a place that is no Markdown: one line, in which no tag can begin."""
    if _is_plain(text):
        return text
    return _TAGS.sub("< ", _one_line(text))


def escape_all(texts: list[str]) -> list[str]:
    """Return each text escaped. Most need nothing, which one look at all of them tells."""
    return texts if _is_plain(" ".join(texts)) else [escape(text) for text in texts]


def harmless_all(texts: list[str]) -> list[str]:
    """Return each text made harmless, after one look as well."""
    return texts if _is_plain(" ".join(texts)) else [harmless(text) for text in texts]


def clipped(text: str, length: int) -> str:
    """Return the text, cut where it is longer than anything a reader would read."""
    return text if len(text) <= length else f"{text[: length - 1]}\u2026"


def _is_plain(text: str) -> bool:
    """Tell whether nothing in a text needs a second look: most evidence is a display and a code."""
    return (
        _PLAIN.fullmatch(text) is not None
        and "//" not in text
        and "www" not in text.lower()
        and "  " not in text
        and text == text.strip()
    )


def _one_line(text: str) -> str:
    return _SPACES.sub(" ", _HIDDEN.sub("", text)).strip()


def plain(markdown: str) -> str:
    """Return Markdown of ours for a terminal: escapes undone, marks of emphasis gone."""
    text = re.sub(r"\*\*(.+?)\*\*", r"\1", markdown)
    text = re.sub(r"\\([\\`*_\[\]|~#!@$:.])", r"\1", text)
    for entity, sign in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&amp;", "&")):
        text = text.replace(entity, sign)
    return text
