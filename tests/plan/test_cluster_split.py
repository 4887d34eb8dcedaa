"""The division of sites into clusters."""

from __future__ import annotations

from sovereign_ai.plan.cluster_split import SiteCut, count_of, most_machines, split_sites
from sovereign_ai.plan.shapes import pool_shapes
from sovereign_ai.spec.factory import AIFactory
from tests.plan.factories import factory, pool, site


def cut_of(wish: AIFactory) -> SiteCut:
    (cut,), problems = split_sites(wish, pool_shapes(wish))
    assert not problems
    return cut


def test_a_cluster_holds_no_more_than_its_pods_allow() -> None:
    assert most_machines(factory(clusters={"nodes": 1_000, "pods_per_node": 110})) == 1_000
    assert most_machines(factory()) == 5_000


def test_positions_are_counted_within_a_range() -> None:
    runs = [(0, 10, 0), (10, 30, 1), (30, 35, 0)]
    assert count_of(runs, 0) == 15
    assert count_of(runs, 1, 20) == 10
    assert count_of(runs, 0, 5, 32) == 7


def test_every_server_is_in_exactly_one_cluster() -> None:
    cut = cut_of(factory(pools=[pool(nodes=100, spares=7)], clusters={"nodes": 30}))
    (runs,) = cut.of.values()
    assert [first for first, _, _ in runs] == [0, *(last for _, last, _ in runs[:-1])]
    assert runs[-1][1] == 107
    assert sum(cut.machines(number) for number in range(len(cut.names))) == 107
    assert max(cut.machines(number) for number in range(len(cut.names))) <= 30


def test_a_site_without_a_pool_has_no_cluster() -> None:
    assert cut_of(factory(sites=[site("a"), site("b")])).site.name == "a"
