"""Our end of links to the outside: what is ordered for it by port, optic and phase, and what is refused."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from sovereign_ai.assess.cost.report import assess_cost
from sovereign_ai.errors import SpecError
from sovereign_ai.plan.cabling.order import CableOrder, order_cables
from sovereign_ai.plan.factory import plan
from sovereign_ai.spec import read_data
from sovereign_ai.spec.fabric import Border
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.spec.phase import Phase, PhasePool
from tests.plan.cabling.wished import factory


def bordered(kind: str, border: dict[str, Any], nodes: int = 33, **more: Any) -> AIFactory:
    made = factory(kind, nodes, **more)
    [fabric] = made.fabrics
    return made.model_copy(update={"fabrics": (fabric.model_copy(update={"border": Border(**border)}),)})


def outside(order: CableOrder) -> Counter[tuple[str, int | None]]:
    counted: Counter[tuple[str, int | None]] = Counter()
    for line in order.lines:
        if line.use == "net to the outside":
            counted[line.part.name, line.length] += line.pieces
    return counted


def ordered(described: AIFactory) -> CableOrder:
    return order_cables(described, plan(described))


MADE = [
    # A whole port takes one pair of fibres, a split one parallel fibres that part at its end.
    ("whole ports of 800G", {}, {("osfp-800g-2xfr4", 0): 8, ("lc-duplex-os2", None): 16}),
    ("whole ports of 800G", {"link": "400 Gbps"}, {("osfp-800g-2xfr4", 0): 4, ("lc-duplex-os2", None): 8}),
    (
        "whole ports of 800G",
        {"link": "100 Gbps"},
        {("osfp-800g-2xdr4", 0): 2, ("mpo12-apc-os2-type-b-1-to-4-lc", None): 2},
    ),
    ("100G", {}, {("qsfp28-100g-fr4", 0): 8, ("lc-duplex-os2", None): 8}),
    ("management", {}, {("cat5e", None): 8}),
    # The optic of the description, and cords of its length with the next stock length.
    (
        "100G",
        {"optic": "lr4-100g", "cord": "31 m"},
        {("qsfp28-100g-lr4", 0): 8, ("lc-duplex-os2", 4_000): 8},
    ),
    (
        "400G of eight lanes",
        {"optic": "dr4-400g", "link": "100 Gbps"},
        {("qsfp-dd-400g-dr4", 0): 2, ("mpo12-apc-os2-type-b-1-to-4-lc", None): 2},
    ),
    (
        "whole ports of 800G",
        {"optic": "fr4x2-800g", "link": "400 Gbps"},
        {("osfp-800g-2xfr4", 0): 4, ("lc-duplex-os2", None): 8},
    ),
    (
        "whole ports of 800G",
        {"optic": "dr4x2-800g"},
        {("osfp-800g-2xdr4", 0): 8, ("mpo12-apc-os2-type-b", None): 16},
    ),
]


@pytest.mark.parametrize(("kind", "border", "pieces"), MADE)
def test_our_end_is_a_transceiver_a_port_and_a_cord_a_link(
    kind: str, border: dict[str, Any], pieces: dict[tuple[str, int | None], int]
) -> None:
    order = ordered(bordered(kind, {"ports": 4, "leaves": 2, **border}, cabling={"spares": "0 %"}))
    assert outside(order) == pieces
    [use] = order.outside
    assert (use.links, use.is_described) == (8, "optic" in border)


def test_watts_of_the_optics_are_those_of_their_rows_and_within_the_switches_power() -> None:
    plain = bordered("100G", {"ports": 4})
    named = bordered("100G", {"ports": 4, "optic": "lr4-100g"})
    [use], [other] = ordered(plain).outside, ordered(named).outside
    # No row is of the optic that is assumed at 100 Gbps, and 4.5 W is the upper end of the other.
    assert (use.watts, other.plugs) == (None, 8)
    assert other.watts is not None
    assert other.watts >= 8 * 4
    assert plan(plain).power == plan(named).power


def test_what_media_permit_decides_where_no_optic_is_named() -> None:
    multimode = ordered(bordered("100G", {"ports": 4}, cabling={"media": ["sr"]}))
    assert {name for name, _ in outside(multimode)} == {"qsfp28-100g-sr4", "mpo12-upc-om4-type-b"}
    copper = ordered(bordered("100G", {"ports": 4}, cabling={"media": ["dac", "sr"]}, nodes=8))
    assert copper.unserved == 0
    none = ordered(bordered("100G", {"ports": 4}, cabling={"media": ["aoc"]}, nodes=8))
    assert (outside(none), [use.medium for use in none.outside]) == (Counter(), [None])
    assert none.unserved >= 8


def test_twisted_pairs_of_more_than_100_m_are_in_no_line() -> None:
    order = ordered(bordered("management", {"ports": 4, "cord": "101 m"}))
    assert (outside(order), order.unserved) == (Counter(), 8)


def test_spares_and_phases_hold_for_our_end_as_for_all() -> None:
    phases = (Phase(name="first", pools=(PhasePool(pool="train", nodes=9),)), Phase(name="last"))
    described = bordered("100G", {"ports": 4, "at": "leaf"}, phases=phases)
    order = ordered(described)
    whole = Counter[str]()
    for line in order.lines:
        if line.use in ("net to the outside", "spares") and line.part.name == "qsfp28-100g-fr4":
            whole[line.phase, line.use] += line.pieces
    first, last = whole["first", "net to the outside"], whole["last", "net to the outside"]
    [use] = order.outside
    assert (first > 0, first + last) == (True, use.plugs)
    assert whole["first", "spares"] + whole["last", "spares"] == -(-use.plugs * 3 // 100)


@pytest.mark.parametrize(
    ("border", "message", "hint"),
    [
        ({"optic": "lr4-400g"}, "lr4-400g does not carry a link of 100 Gbps", "lr4-100g"),
        ({"optic": "lr4-100g", "link": "25 Gbps"}, "4 links of 25 Gbps from one port", "bring a row"),
        ({"optic": "lr5-100g"}, "no optic called 'lr5-100g'", "lr4-100g"),
        ({"optic": "dac-800g"}, "dac-800g has no fibres", "fibre"),
        ({"cord": "0 m"}, "a length greater than zero", "30 m"),
    ],
)
def test_an_optic_that_does_not_carry_a_ports_links_is_refused(
    border: dict[str, Any], message: str, hint: str
) -> None:
    described = bordered("100G", {"ports": 4, **border})
    with pytest.raises(SpecError) as error:
        plan(read_data(described.model_dump(mode="json", by_alias=True, exclude_unset=True), "test").factory)
    [problem] = error.value.problems
    assert message in problem.message
    assert hint in problem.hint
    assert problem.where.field.startswith("fabrics[0].border.")


def test_the_price_of_a_link_counts_half_for_one_to_the_outside() -> None:
    described = bordered("100G", {"ports": 4})
    derived = plan(described)
    [plane] = derived.fabrics
    whole = assess_cost(described, derived, {}).measure("count.a.links.100")
    assert whole.value == len(plane.cables) - plane.outside / 2
