"""Bars of power and cost: one for each feed and amount, drawn within the picture."""

from __future__ import annotations

import re

from sovereign_ai.attest.report import bars
from tests.attest.report.reports import report


def test_every_feed_has_its_three_bars() -> None:
    lab = report("lab")
    feeds = sum(len(site.feeds) for site in lab.plan.power)
    assert feeds
    assert bars.power(lab.factory, lab.plan).count("<rect") == 3 * feeds


def test_no_bar_is_wider_than_the_picture() -> None:
    lab = report("lab")
    for picture in (bars.power(lab.factory, lab.plan), bars.cost(lab.cost), bars.tornado(lab.cost)):
        for x, width in re.findall(r'<rect x="([0-9.e+]+)"[^>]* width="([0-9.e+]+)"', picture):
            assert float(x) + float(width) <= 651


def test_an_amount_without_any_price_is_said() -> None:
    cost = report("lab").cost
    assert cost.measure("year.staff").value is None
    assert "no price known" in bars.cost(cost)


def test_amounts_have_the_unit_that_a_description_and_the_tables_write() -> None:
    pictures = bars.cost(report("lab").cost) + bars.tornado(report("lab").cost)
    assert "MEUR" in pictures
    assert "EUR/GPU-h" in pictures
    assert "€" not in pictures
