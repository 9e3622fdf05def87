"""A user's text never becomes markup."""

from __future__ import annotations

import html
import json
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from moonvillage.reporting.markup import Markup, data_block, element, table

texts = st.text(max_size=40)


@settings(max_examples=60, derandomize=True)
@given(texts, texts)
def test_text_and_attributes_come_back_as_they_were(child: str, attribute: str) -> None:
    made = element("p", child, title=attribute)
    match = re.fullmatch(r'<p title="([^"<>]*)">([^<>]*)</p>', made, re.DOTALL)
    assert match is not None
    assert html.unescape(match.group(1)) == html.unescape(html.escape(attribute))
    assert html.unescape(match.group(2)) == html.unescape(html.escape(child))


@settings(max_examples=60, derandomize=True)
@given(texts)
def test_a_data_block_cannot_be_left(text: str) -> None:
    block = data_block("data", {"title": text, "end": "</script><!--"})
    inner = block.removeprefix('<script type="application/json" id="data">').removesuffix("</script>")
    assert "<" not in inner
    assert json.loads(inner) == {"title": text, "end": "</script><!--"}


def test_markup_passes_and_plain_text_does_not() -> None:
    assert element("b", Markup("<i>x</i>"), "<i>") == "<b><i>x</i>&lt;i&gt;</b>"


def test_a_table_has_heads_with_scope_and_a_caption() -> None:
    made = table("Loads", ("Load", "Mass"), [("Water", "1 t")], numeric=(1,))
    assert '<th scope="col">Load</th>' in made
    assert '<th scope="row" class="k">Water</th><td class="n">1 t</td>' in made
    assert "<caption><span>Loads</span></caption>" in made


def test_a_table_without_rows_says_so() -> None:
    assert table("Loads", ("Load",), [], empty="No load.") == '<p class="empty">No load.</p>'
