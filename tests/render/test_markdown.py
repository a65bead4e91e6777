"""Text of a record in Markdown and elsewhere: it shows itself, and does nothing."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.render.markdown import (
    clipped,
    escape,
    escape_all,
    harmless,
    harmless_all,
    plain,
)
from tests.protocol import check_markdown, check_text

ESCAPED = {
    "Low back pain (ICD-10-CM M54.5)": "Low back pain (ICD-10-CM M54.5)",
    "temperature 39.4 °C, “high”": "temperature 39.4 °C, “high”",
    "**bold** _it_ `code`": r"\*\*bold\*\* \_it\_ \`code\`",
    "[click](https://evil.example)": r"\[click\](https: //evil.example)",
    "![x](data:image/png;base64,AA)": r"\!\[x\](data:image/png;base64,AA)",
    "<script>alert(1)</script>": "&lt;script&gt;alert(1)&lt;/script&gt;",
    "<img src=x onerror=alert(1)>": "&lt;img src=x onerror=alert(1)&gt;",
    "&lt;b&gt;": "&amp;lt;b&amp;gt;",
    'say "yes"': "say &quot;yes&quot;",
    "a | b": r"a \| b",
    "~~gone~~ #1 @home $x$": r"\~\~gone\~\~ \#1 \@home \$x\$",
    r"\*": r"\\\*",
    "http://evil.example": "http: //evil.example",
    "HTTPS://EVIL.EXAMPLE": "HTTPS: //EVIL.EXAMPLE",
    "ftp://x.example and //x.example": "ftp: //x.example and //x.example",
    "www.evil.example": "www .evil.example",
    "WWW.evil.example": "WWW .evil.example",
    "write to a.b@evil.example": r"write to a.b \@evil.example",
    "one\ntwo\r\n\tthree": "one two three",
    "# not\n- a\n1. list": r"\# not - a 1. list",
    "  space  ": "space",
    "nul\x00 and \x1b[31mred": r"nul and \[31mred",
    "line\u2028separator\x85": "line separator",
    "turned \u202eround\u202c": "turned round",
    "zero\u200bwidth \ufeffmark": "zerowidth mark",
    "http:\u200b//evil.example": "http: //evil.example",
    "hidden\U000e0041tag": "hiddentag",
    "Ärztin 背部疼痛 ظهر": "Ärztin 背部疼痛 ظهر",
}


@pytest.mark.parametrize(("text", "shown"), ESCAPED.items(), ids=range(len(ESCAPED)))
def test_escape(text: str, shown: str) -> None:
    assert escape(text) == shown


@given(st.text())
def test_whatever_is_escaped_has_no_markup_left(text: str) -> None:
    escaped = escape(text)
    check_markdown(f"- **Why**: {escaped}.")
    assert not re.search(r"(?<!\\)(?:\\\\)*[`*_\[\]|~#!@$]", escaped)
    assert "\n" not in escaped


@given(st.text(st.characters(exclude_categories=["C", "Z"])))
def test_what_is_escaped_shows_itself(text: str) -> None:
    """But for the spaces that break links."""
    shown = html.unescape(re.sub(r"\\([\\`*_\[\]|~#!@$])", r"\1", escape(text)))
    assert shown.replace(" ", "") == text.replace("\u00ad", "").replace(" ", "")


HARMLESS = {
    "temperature <40 Cel, >= 39": "temperature <40 Cel, >= 39",
    "pain <3 of 10": "pain <3 of 10",
    "<script>": "< script>",
    "</p><!-- x --><?php": "< /p>< !-- x -->< ?php",
    "<\u200bscript>": "< script>",
    "*as it is* [x](y)": "*as it is* [x](y)",
    "two\nlines\x07": "two lines",
}


@pytest.mark.parametrize(("text", "shown"), HARMLESS.items(), ids=range(len(HARMLESS)))
def test_harmless(text: str, shown: str) -> None:
    assert harmless(text) == shown


@given(st.text())
def test_whatever_is_harmless_begins_no_tag(text: str) -> None:
    shown = harmless(text)
    assert not re.search(r"<[a-zA-Z/!?]", shown)
    assert "\n" not in shown


def test_clipped() -> None:
    assert clipped("abcdef", 6) == "abcdef"
    assert clipped("abcdefg", 6) == "abcde…"


@given(st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters="\u00ad")))
def test_a_terminal_shows_what_was_escaped(text: str) -> None:
    assert plain(escape(text)).replace(" ", "") == text


def test_plain_takes_emphasis_away() -> None:
    assert plain("**Why**") == "Why"
    check_text(plain("a < b"))


# Together they may look like what none of them is: an address, two spaces, an edge.
BESIDE = st.sampled_from(
    ["pain", "", " pain", "pain ", "/", "//", "w", "ww", "www.x", "*", "2026-01"]
)


@given(st.lists(BESIDE | st.text(max_size=8), min_size=1, max_size=4))
def test_texts_together_are_written_as_each_by_itself(texts: list[str]) -> None:
    assert escape_all(texts) == [escape(text) for text in texts]
    assert harmless_all(texts) == [harmless(text) for text in texts]
