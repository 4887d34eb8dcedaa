"""Prices of the order list: ranges, the user's own, and totals that say what they leave out."""

from __future__ import annotations

import csv
from dataclasses import replace

import pytest

from sovereign_ai.assess.cost.order_prices import order_cost, order_csv, price_order
from sovereign_ai.assess.cost.report import assess_cost
from sovereign_ai.assess.sheet import GivenValue
from sovereign_ai.plan.cabling.order import order_cables
from sovereign_ai.spec.cabling import Cabling
from tests.assess.stacks import stack


def test_a_total_is_the_sum_of_its_priced_lines_and_counts_the_rest() -> None:
    factory, plan = stack("superpod")
    dr = factory.model_copy(update={"cabling": Cabling(media=("dr", "fr"))})
    order = order_cables(dr, plan)
    lines = price_order(order, {})
    cost = order_cost(lines)
    priced = [line for line in lines if line.price is not None]
    assert {line.line.part.name for line in priced} >= {"osfp-800g-2xdr4", "osfp-flat-800g-2xdr4"}
    total = sum(line.price.value * line.line.pieces for line in priced if line.price)
    assert cost.value == pytest.approx(total)
    assert 0 < cost.low < cost.value < cost.high
    assert cost.pieces + cost.unpriced == order.pieces
    assert cost.unpriced > 0
    assert "mpo12-apc-os2-type-b" in cost.parts


def test_the_price_of_the_user_replaces_the_dated_one() -> None:
    factory, plan = stack("superpod")
    dr = factory.model_copy(update={"cabling": Cabling(media=("dr", "fr"))})
    given = {"price.osfp-800g-2xdr4": GivenValue(1.0, source="an offer")}
    lines = price_order(order_cables(dr, plan), given)
    (price,) = {line.price for line in lines if line.line.part.name == "osfp-800g-2xdr4"}
    assert price is not None
    assert (price.value, price.low, price.high) == (1.0, 1.0, 1.0)
    assert (price.grade, price.source) == ("user", "an offer")


def test_a_described_cabling_is_costed_by_its_pieces_and_any_other_by_its_links() -> None:
    factory, plan = stack("lab")
    links = {part.item for part in assess_cost(factory, plan).parts if part.what == "links"}
    assert all(item.endswith("Gbps") for item in links)
    described = factory.model_copy(update={"cabling": Cabling()})
    cost = assess_cost(described, plan)
    pieces = {part.item: part.cost for part in cost.parts if part.what == "links"}
    assert set(pieces) == {line.part.name for line in order_cables(described, plan).lines}
    assert cost.measure(pieces["osfp-flat-800g-2xsr4"]).value is None
    assert cost.measure("count.fra1.osfp-flat-800g-2xsr4").value == 66


def test_no_cell_of_the_order_is_run_as_a_formula() -> None:
    factory, plan = stack("lab")
    line = price_order(order_cables(factory, plan), {})[0]
    part = line.line.part._replace(name="=1+1")
    written = order_csv([replace(line, line=replace(line.line, part=part))])
    assert "'=1+1" in next(csv.reader(written.splitlines()[1:]))
