"""Which planes a factory has, and why a fabric is impossible."""

from __future__ import annotations

from typing import Any

import pytest

from sovereign_ai.errors import SpecError
from sovereign_ai.plan.fabric.feasibility import fabric_problems, radix_of, size_fabrics
from sovereign_ai.spec.factory import AIFactory
from tests.plan.factories import factory, pool, site

COMPUTE = {"name": "c", "kind": "roce", "rails": 8, "radix": 32, "link": "400 Gbps"}


def fields(wish: AIFactory) -> list[str]:
    return [problem.where.field for problem in fabric_problems(wish, {})]


def test_a_fabric_has_its_planes_at_each_site_with_a_pool() -> None:
    wish = factory(
        sites=[site("a"), site("b"), site("c")],
        pools=[pool(), pool("other", site="b")],
        fabrics=[{**COMPUTE, "planes": 2}],
    )
    names = [(size.site, size.plane) for size in size_fabrics(wish, {})]
    assert names == [("a", 0), ("a", 1), ("b", 0), ("b", 1)]


def test_planes_share_the_rate_of_a_link() -> None:
    wish = factory(fabrics=[{**COMPUTE, "planes": 2}])
    assert {size.link for size in size_fabrics(wish, {})} == {200_000_000_000}


def test_breakout_multiplies_the_radix() -> None:
    wish = factory(fabrics=[{**COMPUTE, "breakout": 2}])
    assert radix_of(wish.fabrics[0]) == 64


def test_rails_that_do_not_divide_the_ports_are_refused() -> None:
    wish = factory(fabrics=[{**COMPUTE, "rails": 3}])
    assert fields(wish) == ["fabrics[0].rails"]
    with pytest.raises(SpecError):
        size_fabrics(wish, {})


def test_a_second_fabric_of_one_role_on_the_same_pool_is_refused() -> None:
    wish = factory(fabrics=[COMPUTE, {**COMPUTE, "name": "d"}])
    assert fields(wish) == ["fabrics[1].pools"]


def test_more_subnets_than_pods_are_refused() -> None:
    wish = factory(fabrics=[{**COMPUTE, "kind": "infiniband", "subnets": 2}])
    assert fields(wish) == ["fabrics[0].subnets"]


def test_a_slower_machine_on_a_fabric_is_refused_with_both_ways_out() -> None:
    """The hosts of a fabric have one rate, except those of pools that are named with their own."""
    pools = [pool(system="dgx-b300"), pool("slow")]
    wish = factory(pools=pools, fabrics=[{**COMPUTE, "link": "800 Gbps"}])
    [problem] = [problem for problem in fabric_problems(wish, {}) if problem.where.field == "fabrics[0].link"]
    assert problem.message == "a compute port of dgx-h100 gives 400 Gbps, not 800 Gbps"
    assert problem.hint == (
        "write 'link: 400 Gbps', the rate of all that join; or 'pool_links: [{pool: slow, link: 400 Gbps}]' "
        "for it alone"
    )


SHAPES: list[dict[str, Any]] = [
    {},
    {"leaf_rails": 8},
    {"spines": "none", "leaf_rails": 4},
    {"spines": "none", "leaf_rails": 8, "peer_links": 4},
    {"spines": 2, "leaf_hosts": 8},
    {"oversubscription": "3:1", "spines": 4},
]


@pytest.mark.parametrize("shape", SHAPES)
def test_a_refusal_names_padding_exactly_where_it_alone_is_the_cause(shape: dict[str, Any]) -> None:
    """Eight machines of a pool have places for 32, the unit of a DGX H100."""
    seen = set()
    for nodes in (1, 3, 4, 8, 20, 33):
        for radix in (16, 32, 64, 128):
            wished = {**COMPUTE, "radix": radix, **shape}
            padded = fabric_problems(factory(pools=[pool(nodes=nodes)], fabrics=[wished]), {})
            tight = factory(pools=[pool(nodes=nodes)], fabrics=[{**wished, "padding": "none"}])
            is_cause = bool(padded) and not fabric_problems(tight, {})
            assert any("'padding: none'" in problem.hint for problem in padded) == is_cause
            seen.add(is_cause)
    assert False in seen
    if "spines" in shape:
        assert True in seen
