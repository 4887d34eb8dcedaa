"""Quotas: every GPU is promised once, and every share comes out."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sovereign_ai.plan.factory import Plan, plan
from sovereign_ai.plan.quotas import plan_quotas, share
from sovereign_ai.plan.shapes import pool_shapes

from .factories import NAMES, codes, factory, only_problem, planned, pool


def tenants(**gpus: int | None) -> list[dict[str, Any]]:
    return [
        {"name": name, "seat": "DE"} | ({} if count is None else {"gpus": count})
        for name, count in gpus.items()
    ]


def zones(**names: list[str]) -> list[dict[str, Any]]:
    return [{"name": name, "trust": "low", "tenants": inside} for name, inside in names.items()]


def promised(found: Plan) -> Counter[tuple[str, str]]:
    """GPUs by tenant and zone, summed over clusters."""
    total: Counter[tuple[str, str]] = Counter()
    for cluster in found.clusters:
        for space in cluster.namespaces:
            total[space.tenant, space.zone] += sum(space.gpus.values())
    return total


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=9), st.data())
def test_a_share_sums_and_never_exceeds_the_room(room: list[int], data: st.DataObject) -> None:
    whole = data.draw(st.integers(0, sum(room)))
    parts = share(whole, room)
    assert sum(parts) == whole
    assert all(0 <= part <= most for part, most in zip(parts, room, strict=True))


@settings(max_examples=60)
@given(
    st.lists(st.one_of(st.none(), st.integers(0, 200)), min_size=1, max_size=5),
    st.integers(3, 40),
    st.integers(1, 40),
    st.integers(2, 30),
)
def test_quotas_are_split_over_clusters_exactly(
    stated: list[int | None], train: int, serve: int, limit: int
) -> None:
    names = [f"t{index}" for index in range(len(stated))]
    wish = factory(
        pools=[pool(nodes=train), pool("serve", nodes=serve, zone="y")],
        zones=zones(z=names, y=names[::2]),
        tenants=tenants(**dict(zip(names, stated, strict=True))),
        clusters={"nodes": limit},
    )
    whole, problems = plan_quotas(wish, pool_shapes(wish))
    assert bool(problems) == bool(codes(wish))
    if problems:
        return
    found = plan(wish)
    assert promised(found) == Counter({key: sum(gpus.values()) for key, gpus in whole.shares.items()})
    for name, count in zip(names, stated, strict=True):
        if count is not None:
            assert (
                sum(sum(gpus.values()) for (tenant, _), gpus in whole.shares.items() if tenant == name)
                == count
            )
    for cluster in found.clusters:
        for zone in ("z", "y"):
            have = sum(part.gpus for part in cluster.pools if part.zone == zone)
            assert sum(sum(space.gpus.values()) for space in cluster.namespaces if space.zone == zone) <= have


@pytest.mark.parametrize("name", NAMES)
def test_no_cluster_of_a_stack_promises_a_gpu_twice(name: str) -> None:
    for cluster in planned(name).clusters:
        have: Counter[tuple[str, str]] = Counter()
        for part in cluster.pools:
            have[part.zone, part.resource] += part.gpus
        for space in cluster.namespaces:
            have.subtract({(space.zone, resource): gpus for resource, gpus in space.gpus.items()})
        assert min(have.values()) >= 0


def test_tenants_without_a_number_share_equally_what_is_left() -> None:
    wish = factory(zones=zones(z=["a", "b", "c"]), tenants=tenants(a=40, b=None, c=None))
    assert promised(plan(wish)) == {("a", "z"): 40, ("b", "z"): 12, ("c", "z"): 12}


def test_spares_are_promised_to_nobody() -> None:
    wish = factory(pools=[pool(spares=8)], zones=zones(z=["a"]), tenants=tenants(a=None))
    assert promised(plan(wish)) == {("a", "z"): 64}


def test_more_than_there_is_is_refused_with_numbers() -> None:
    found = only_problem(factory(zones=zones(z=["a", "b"]), tenants=tenants(a=40, b=30)))
    assert (found.code, found.where.field) == ("over-quota", "tenants[1].gpus")
    assert (
        found.message
        == "30 GPUs for tenant 'b', and the pools of zone z have 64, of which 40 are given to others"
    )
    assert found.hint == "write at most 24, or enlarge a pool of the zone"


def test_a_tenant_of_one_zone_is_served_before_one_that_can_go_elsewhere() -> None:
    wish = factory(
        pools=[pool(), pool("serve", zone="y")],
        zones=zones(z=["wide", "tied"], y=["wide"]),
        tenants=tenants(wide=64, tied=64),
    )
    assert promised(plan(wish)) == {("wide", "z"): 0, ("wide", "y"): 64, ("tied", "z"): 64}


def test_namespaces_carry_the_zone_only_where_a_tenant_has_several() -> None:
    wish = factory(
        pools=[pool(), pool("serve", zone="y")], zones=zones(z=["a", "b"], y=["a"]), tenants=tenants(a=8, b=8)
    )
    assert [space.name for space in plan(wish).clusters[0].namespaces] == ["a-z", "a-y", "b"]


def test_at_home_a_namespace_has_the_tenants_name_alone_so_that_a_second_zone_changes_nothing() -> None:
    wish = factory(
        pools=[pool(), pool("serve", zone="y")],
        zones=zones(z=["a", "b"], y=["a"]),
        tenants=[{**tenants(a=8)[0], "home": "z"}, *tenants(b=8)],
    )
    assert [space.name for space in plan(wish).clusters[0].namespaces] == ["a", "a-y", "b"]


def test_two_namespaces_of_one_name_are_refused() -> None:
    wish = factory(
        pools=[pool(), pool("serve", zone="y")],
        zones=zones(z=["a", "a-y"], y=["a"]),
        tenants=tenants(**{"a": 8, "a-y": 8}),
    )
    found = only_problem(wish)
    assert (found.code, found.hint) == ("name-meets", "rename one of them")


def test_a_zone_without_machines_still_has_its_namespaces() -> None:
    wish = factory(zones=zones(z=["a"], empty=["b"]), tenants=tenants(a=8, b=None))
    spaces = {space.name: space for space in plan(wish).clusters[0].namespaces}
    assert (dict(spaces["b"].gpus), spaces["b"].pools) == ({}, ())
