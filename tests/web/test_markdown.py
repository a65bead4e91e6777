"""The Markdown of a card as HTML."""

from __future__ import annotations

import pytest

from cds_service.render.markdown import escape
from cds_service.web.markdown import html

SHOWN = {
    "a paragraph": ("Go now;\ncall first.", "<p>Go now; call first.</p>"),
    "two paragraphs": ("One.\n\nTwo.", "<p>One.</p>\n<p>Two.</p>"),
    "a list": ("- one\n- two", "<ul><li>one</li><li>two</li></ul>"),
    "an item on two lines": (
        "- one\n  and more\n- two",
        "<ul><li>one and more</li><li>two</li></ul>",
    ),
    "words before a list": ("**Why**\n- one", "<p><strong>Why</strong></p>\n<ul><li>one</li></ul>"),
    "notes": ("Note: a.  \nNote: b.", "<p>Note: a.<br>Note: b.</p>"),
    "nothing between": ("One.\n\n\n\nTwo.", "<p>One.</p>\n<p>Two.</p>"),
    "escapes": (r"2\*2 \_x\_ \[a\]", "<p>2*2 _x_ [a]</p>"),
    "signs": ("a &lt;b&gt; &amp; &quot;c&quot;", "<p>a &lt;b&gt; &amp; &#34;c&#34;</p>"),
    "raw HTML": ("<b>a</b>", "<p>&lt;b&gt;a&lt;/b&gt;</p>"),
}


@pytest.mark.parametrize(("markdown", "shown"), SHOWN.values(), ids=SHOWN)
def test_it_is_shown(markdown: str, shown: str) -> None:
    assert html(markdown) == shown


def test_what_was_made_harmless_reads_as_it_was_written() -> None:
    said = '<i>*not* bold</i> & "quoted" \\ `code` | ~ # ! @ $'
    assert "not* bold" in html(escape(said))
    assert "<i>" not in html(escape(said))
