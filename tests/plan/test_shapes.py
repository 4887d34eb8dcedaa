"""The numbers of a pool before any server is named."""

from __future__ import annotations

from sovereign_ai.errors import Problem, Where
from sovereign_ai.plan.shapes import machines_a_rack, placed, pool_shapes, scalable_unit, shapes_at, spares_of
from tests.plan.factories import factory, only_shape, pool, site


def test_spares_count_among_all_servers_and_racks() -> None:
    shape = only_shape(factory(pools=[pool(nodes=8, spares=1, nodes_per_rack=4)]))
    assert (shape.total, shape.racks) == (9, 3)


def test_the_pools_own_figures_come_before_published_ones() -> None:
    wish = factory(pools=[pool(nodes_per_rack=2, scalable_unit=7)])
    assert machines_a_rack(wish, wish.pools[0]) == 2
    assert scalable_unit(wish.pools[0]) == 7
    assert machines_a_rack(factory(), factory().pools[0]) != 2


def test_another_number_of_servers_changes_derived_spares_alone() -> None:
    entry = factory(pools=[pool(spares="auto")]).pools[0]
    assert spares_of(entry, 10_000).machines > spares_of(entry).machines
    assert spares_of(factory(pools=[pool(spares=3)]).pools[0], 10_000).machines == 3


def test_shapes_are_selected_by_site() -> None:
    wish = factory(sites=[site("a"), site("b")], pools=[pool(), pool("other", site="b")])
    assert [shape.pool.name for shape in shapes_at(pool_shapes(wish), wish.sites[1])] == ["other"]


def test_problems_are_placed_and_sorted_by_their_lines() -> None:
    lines = {"pools[1]": 9, "pools[0]": 4}
    problems = [Problem("x", "y", Where(field=field)) for field in ("pools[1]", "pools[0]")]
    ordered = placed(factory(), problems, lambda field: Where("f.yaml", lines[field], 1, field))
    assert [problem.where.line for problem in ordered] == [4, 9]
