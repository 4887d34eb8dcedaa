"""Links between buildings are ordered: optics, cords, panels and the cables of each route."""

from __future__ import annotations

from collections import Counter
from typing import Any

from sovereign_ai.assess.cost import price_order
from sovereign_ai.assess.cost.order_prices import PartPrice
from sovereign_ai.assess.cost.report import assess_cost
from sovereign_ai.assess.sheet import GivenValue
from sovereign_ai.cli.cable_text import order_data, order_lines, ordered
from sovereign_ai.plan.cabling.order import CableOrder, order_cables
from sovereign_ai.plan.factory import plan
from sovereign_ai.spec.cabling import Cabling
from tests.plan.campuses import fabric, on_campus, route


def order_of(**more: Any) -> CableOrder:
    described = on_campus(**more)
    return order_cables(described, plan(described))


def between(order: CableOrder) -> Counter[tuple[str, int | None]]:
    """Pieces for links between buildings by part and length."""
    pieces: Counter[tuple[str, int | None]] = Counter()
    for line in order.lines:
        if line.use == "between buildings":
            pieces[line.part.name, line.length] += line.pieces
    return pieces


def test_each_route_is_ordered_with_its_optics_cords_panels_and_cable_of_its_length() -> None:
    # Eight links of 400G on each route: 450 m by four lanes of fibres, 1,200 m by one pair.
    assert between(order_of()) == {
        ("qsfp-dd-400g-dr4", 0): 16,
        ("mpo12-apc-os2-type-b", 700): 16,
        ("panel-48-mpo-apc-single-mode", 0): 2,
        ("cable-96-os2", 45_000): 1,
        ("qsfp-dd-400g-fr4", 0): 16,
        ("lc-duplex-os2", 700): 16,
        ("panel-48-lc-single-mode", 0): 2,
        ("cable-24-os2", 120_000): 1,
    }


def test_links_between_buildings_are_in_the_total_the_spares_and_the_price() -> None:
    described = on_campus()
    planned = plan(described)
    order = order_cables(described, planned)
    within = sum(len(plane.cables) for plane in planned.fabrics)
    assert order.links == within + 16
    spares = {line.part.name for line in order.lines if line.use == "spares"}
    assert "qsfp-dd-400g-fr4" in spares
    assert "cable-24-os2" not in spares
    priced = {line.line.part.name: line for line in price_order(order, {}) if line.line.use != "spares"}
    assert priced["qsfp-dd-400g-dr4"].to_data()["cost_usd"] > 0
    cable = priced["cable-24-os2"].price
    assert cable is not None
    # 1,200 m of 0.66 to 19.7 dollars: a range, whose upper end counts.
    assert (cable.low, cable.value, cable.high, cable.grade) == (792.0, 23_640.0, 23_640.0, "estimate")
    offer = {"price.cable-24-os2-per-m": GivenValue(2.0, source="an offer")}
    offered = {line.line.part.name: line.price for line in price_order(order, offer)}
    assert offered["cable-24-os2"] == PartPrice(2400.0, 2400.0, 2400.0, "user", "an offer")


def test_the_cost_counts_cables_between_buildings_by_the_metre() -> None:
    described = on_campus().model_copy(update={"cabling": Cabling()})
    cost = assess_cost(described, plan(described))
    part = next(part for part in cost.parts if part.item == "cable-24-os2")
    euro = cost.measure(part.cost)
    assert cost.measure("count.a.cable-24-os2").value == 1200
    assert euro.value is not None
    assert euro.low is not None
    assert 0 < euro.low < euro.value


def test_no_cable_is_ordered_for_a_route_whose_fibres_are_laid_and_it_is_told() -> None:
    routes = {"routes": [route("east", "450 m", fibres=288), route("west", "1200 m")]}
    described = on_campus(campus=routes)
    order = order_cables(described, plan(described))
    assert ("cable-24-os2", 120_000) in between(order)
    assert not [name for name, length in between(order) if length == 45_000]
    shown = ordered(described, plan(described), None, None)
    assert "its 288 fibres are laid" in " ".join(" ".join(order_lines(shown, why=False)).split())
    assert order_data(shown)["routes"][0] == {
        "site": "a",
        "route": "east",
        "links": 8,
        "fibres": 64,
        "laid": 288,
        "length_m": 450.0,
    }


def test_two_links_of_one_optic_take_a_cord_each_and_one_optic_at_each_end() -> None:
    links = [{"fabrics": ["cn", "cs"], "oversubscription": "4:1", "optic": "fr4x2-800g"}]
    pieces = between(order_of(campus={"links": links}))
    assert pieces["osfp-800g-2xfr4", 0] == 16
    assert pieces["lc-duplex-os2", 700] == 32


def test_a_fabric_over_two_buildings_has_the_length_of_the_shortest_route_between_them() -> None:
    whole = on_campus(
        campus={"links": []},
        fabrics=[fabric("all", ["tn", "ts"], reach="500 m")],
        cabling=Cabling(between_halls="60 m").model_dump(mode="json"),
    )
    lengths = {line.length for line in order_cables(whole, plan(whole)).lines if line.part.kind == "fibre"}
    assert 50_000 in lengths
    assert 6_000 not in lengths
