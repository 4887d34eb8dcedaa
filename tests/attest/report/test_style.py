"""The style sheet: it loads nothing, and its braces are balanced."""

from __future__ import annotations

from sovereign_ai.attest.report.style import STYLE


def test_the_style_sheet_loads_nothing() -> None:
    assert "url(" not in STYLE
    assert "@import" not in STYLE
    assert "<" not in STYLE


def test_every_brace_is_closed_and_no_line_of_the_source_shows_in_it() -> None:
    assert STYLE.count("{") == STYLE.count("}")
    assert "\\\n" not in STYLE
