"""Numbers and tables: an empty table is said, and a term without a text is left out."""

from __future__ import annotations

import pytest

from sovereign_ai.attest.report.numbers import key, listed, mark, numbers, table
from tests.attest.report.reports import report


def test_a_table_without_rows_is_a_sentence() -> None:
    assert table(("a",), []) == '<p class="soft">None.</p>'


def test_every_cell_carries_the_name_of_its_column_for_narrow_screens() -> None:
    assert table(("rack", "kW"), [("r1", 5)]).count("data-head=") == 2
    with pytest.raises(ValueError, match="zip"):
        table(("rack", "kW"), [("r1",)])


def test_a_term_without_a_text_is_left_out() -> None:
    assert listed([("a", ""), ("b", "c")]) == "<dl><dt>b</dt><dd>c</dd></dl>"
    assert mark("open", "odd") == '<span class="mark odd">open</span>'


def test_every_number_is_shown_once_and_a_key_figure_links_to_it() -> None:
    measures = report("lab").cost.measures
    text = numbers("cost", measures)
    for measure in measures:
        assert text.count(f'<span class="code">{measure.id}</span>') == 1
    total = report("lab").cost.measure("capex.total.known")
    assert 'href="#m-cost-capex.total.known"' in key("to build", "cost", total, measures)
