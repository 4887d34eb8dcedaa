"""Clusters: never over a border, never over the limits, and what belongs together stays together."""

from __future__ import annotations

from collections import Counter, defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sovereign_ai.plan.cluster_split import most_machines, split_sites
from sovereign_ai.plan.factory import Plan, plan
from sovereign_ai.plan.shapes import pool_shapes
from sovereign_ai.spec.factory import AIFactory

from .factories import NAMES, codes, factory, hall, only_problem, planned, pool, site, stack


def wet(name: str = "a") -> dict[str, object]:
    return site(name, halls=[hall(f"h{name}", "hybrid", rack_limit="160 kW")])


def clusters_are_sound(wish: AIFactory, found: Plan) -> None:
    by_cluster = defaultdict(list)
    for node in found.nodes:
        by_cluster[node.cluster].append(node)
    assert set(by_cluster) == {cluster.name for cluster in found.clusters}
    for cluster in found.clusters:
        nodes = by_cluster[cluster.name]
        assert cluster.nodes == len(nodes) == len(found.nodes_of(cluster.name)) <= most_machines(wish)
        assert cluster.pods <= 150_000
        assert {(node.site, node.jurisdiction, node.region) for node in nodes} == {
            (cluster.site, cluster.jurisdiction, cluster.region)
        }
        assert set(cluster.halls) == {node.hall for node in nodes}
        for part in cluster.pools:
            mine = [node for node in nodes if node.pool == part.pool]
            assert (part.nodes, part.spares) == (
                sum(not node.spare for node in mine),
                sum(node.spare for node in mine),
            )
            assert part.gpus == sum(node.gpus for node in mine if not node.spare)
    domains = defaultdict(set)
    for node in found.nodes:
        if node.nvlink_domain:
            domains[node.nvlink_domain].add((node.cluster, node.rack))
    assert all(len(places) == 1 for places in domains.values())


@pytest.mark.parametrize("name", NAMES)
def test_the_clusters_of_every_stack_are_sound(name: str) -> None:
    wish = stack(name)
    clusters_are_sound(wish, plan(wish))


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.integers(1, 90), st.booleans(), st.integers(0, 20)), min_size=1, max_size=4),
    st.integers(18, 60),
    st.integers(1, 110),
)
def test_the_clusters_of_any_factory_are_sound(
    sizes: list[tuple[int, bool, int]], limit: int, pods: int
) -> None:
    pools = [
        pool(f"p{index}", nodes=nodes, spares=spares, system="gb200-nvl72-tray" if rack_scale else "dgx-h100")
        for index, (nodes, rack_scale, spares) in enumerate(sizes)
    ]
    wish = factory(sites=[wet()], pools=pools, clusters={"nodes": limit, "pods_per_node": pods})
    clusters_are_sound(wish, plan(wish))


def test_one_cluster_bears_the_factorys_name() -> None:
    assert [cluster.name for cluster in planned("lab").clusters] == ["lab"]


def test_two_sites_are_two_clusters_however_small() -> None:
    found = plan(factory(sites=[site("a"), site("b")], pools=[pool(), pool("serve", site="b")]))
    assert [(cluster.name, cluster.site) for cluster in found.clusters] == [
        ("wish-a-1", "a"),
        ("wish-b-1", "b"),
    ]


def test_a_cluster_is_split_at_the_published_limits() -> None:
    big = stack("gigafactory")
    assert [cluster.name for cluster in plan(big).clusters] == [
        f"gigafactory-{where}-{number}" for where in ("north", "south") for number in (1, 2)
    ]
    many = big.model_copy(
        update={"clusters": big.clusters.model_copy(update={"nodes": 5000, "pods_per_node": 60})}
    )
    assert most_machines(many) == 2_500


def test_a_pool_is_sliced_by_whole_scalable_units_where_it_can() -> None:
    found = planned("gigafactory")
    of = defaultdict(set)
    for node in found.nodes:
        if not node.spare:
            of[node.scalable_unit].add(node.cluster)
    assert max(Counter(len(clusters) for clusters in of.values())) == 1


def test_spares_stand_by_in_every_cluster() -> None:
    assert all(part.spares > 0 for cluster in planned("gigafactory").clusters for part in cluster.pools)


def test_a_limit_below_one_nvlink_rack_is_refused() -> None:
    found = only_problem(
        factory(sites=[wet()], pools=[pool(system="gb200-nvl72-tray", nodes=36)], clusters={"nodes": 10})
    )
    assert (found.code, found.where.field) == ("cluster-too-small", "clusters.nodes")


def test_a_fleet_of_tiny_clusters_is_refused_quickly() -> None:
    wish = factory(pools=[pool(nodes=500)], clusters={"nodes": 1})
    assert "too-many-clusters" in codes(wish)


def test_few_large_lumps_are_put_where_there_is_room() -> None:
    pools = [pool(f"p{index}", nodes=18, system="gb200-nvl72-tray") for index in range(5)]
    wish = factory(sites=[wet()], pools=pools, clusters={"nodes": 40})
    (cut,), problems = split_sites(wish, pool_shapes(wish))
    assert not problems
    assert [cut.machines(number) for number in range(len(cut.names))] == [36, 36, 18]


def test_the_first_cluster_of_the_home_site_keeps_the_factorys_name() -> None:
    sites = [site("a"), site("b")]
    pools = [pool("p0", nodes=4, site="a"), pool("p1", nodes=4, site="b")]
    grown = factory(sites=sites, pools=pools)
    names = [cluster.name for cluster in plan(grown).clusters]
    assert names == [f"{grown.name}-a-1", f"{grown.name}-b-1"]
    kept = factory(sites=sites, pools=pools, clusters={"home": "a"})
    assert [cluster.name for cluster in plan(kept).clusters] == [grown.name, f"{grown.name}-b-1"]


def test_a_home_site_that_is_cut_keeps_the_name_for_its_first_cluster() -> None:
    cut = factory(pools=[pool(nodes=8)], clusters={"nodes": 4, "home": "a"})
    assert [cluster.name for cluster in plan(cut).clusters] == [cut.name, f"{cut.name}-a-2"]


def test_a_home_without_machines_is_refused_with_what_to_do() -> None:
    problem = only_problem(
        factory(sites=[site("a"), site("b")], pools=[pool(site="a")], clusters={"home": "b"})
    )
    assert (problem.code, problem.where.field) == ("home-without-machines", "clusters.home")
