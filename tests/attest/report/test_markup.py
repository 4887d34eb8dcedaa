"""Markup: everything that is no markup is escaped."""

from __future__ import annotations

import pytest

from sovereign_ai.attest.report.markup import Markup, anchor, box, clipped, join, svg, tag


def test_text_and_attributes_are_escaped_and_markup_is_not() -> None:
    assert tag("p", "<b>", title='"') == '<p title="&quot;">&lt;b&gt;</p>'
    assert tag("p", tag("b", "&")) == "<p><b>&amp;</b></p>"
    assert join("<", Markup("<br>")) == "&lt;<br>"


def test_an_attribute_is_left_out_or_has_no_value() -> None:
    assert tag("details", open=True, id=None, hidden=False) == "<details open></details>"
    assert tag("meta", charset="utf-8") == '<meta charset="utf-8">'


def test_a_name_that_could_not_be_an_elements_is_refused() -> None:
    with pytest.raises(ValueError, match="no element's name"):
        tag("p onclick=")


def test_a_picture_has_a_label_and_no_negative_width() -> None:
    assert 'width="0"' in box(0, 0, -3, 4)
    picture = svg(10, 20, "a picture", box(0, 0, 1, 1))
    assert picture.count('aria-label="a picture"') == 2
    assert anchor("m", "a/b") == "m-a-b"
    assert clipped("abc", 3) == "abc"
