"""Storage against RA-11333-001 V11, table 6, and against capacity."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sovereign_ai.plan.shapes import pool_shapes
from sovereign_ai.plan.storage import StoragePlan, aggregate, per_node, plan_storage

from .factories import factory, only_problem, pool, site, stack

GB = 10**9


def tier(**more: Any) -> dict[str, Any]:
    return {
        "name": "t",
        "protocol": "parallel",
        "zone": "z",
        "capacity": "100 TB",
        "grade": "good",
        "encryption": {"key": "k"},
        **more,
    }


def tier_of(tiers: list[dict[str, Any]] | None = None, **more: Any) -> StoragePlan:
    key = {"name": "k", "custodian": "customer", "module": "pkcs11", "jurisdiction": "DE"}
    wish = factory(storage=tiers or [tier()], keys=[key], **more)
    (found,) = plan_storage(wish, pool_shapes(wish))
    return found


@pytest.mark.parametrize(
    ("grade", "node", "one", "four"),
    [
        ("good", (4, 2), (15, 7), (60, 30)),
        ("better", (8, 4), (40, 20), (160, 80)),
        ("best", (40, 20), (125, 62), (500, 250)),
    ],
)
def test_the_grades_are_those_of_the_published_table(
    grade: str, node: tuple[int, int], one: tuple[int, int], four: tuple[int, int]
) -> None:
    """The table prints 7 and 62 for 7.5 and 62.5: truncated, as four units show."""
    assert tuple(rate // GB for rate in per_node(grade)) == node
    assert tuple(rate // GB for rate in aggregate(grade, 1)) == one
    assert tuple(rate // GB for rate in aggregate(grade, 4)) == four
    assert all(rate % GB == 0 for rate in aggregate(grade, 4))


def test_127_machines_are_four_units() -> None:
    wish = stack("superpod")
    hps, home = plan_storage(wish, pool_shapes(wish))
    assert (hps.read, hps.write) == (500 * GB, 250 * GB)
    assert (home.read, home.write) == (160 * GB, 80 * GB)
    assert (hps.per_node_read, hps.per_node_write) == (40 * GB, 20 * GB)


def test_servers_are_the_most_that_capacity_rates_or_stripes_ask_for() -> None:
    assert len(tier_of([tier(capacity="100 TB")]).servers) == 5
    assert len(tier_of([tier(capacity="2 PB")]).servers) == 7
    fast = tier_of([tier(grade="best", server_read="10 GB/s")], pools=[pool(nodes=32)])
    assert len(fast.servers) == 13
    assert "13 for read: 125 GB/s at 10 GB/s a server" in fast.why["servers"]


def test_without_parity_one_server_may_do() -> None:
    assert len(tier_of([tier(capacity="1 TB", data_drives=1, parity_drives=0)]).servers) == 1


def test_the_aggregate_is_never_less_than_one_machine_must_reach() -> None:
    assert tier_of([tier(grade="good", per_node_read="30 GB/s")]).read == 30 * GB


@pytest.mark.parametrize(("of_a", "expected"), [("training", "a"), ("management", "b")])
def test_a_tier_is_not_built_where_its_zone_has_management_servers_alone(of_a: str, expected: str) -> None:
    work = {"training": "dgx-h100", "management": "r660"}
    pools = []
    for place, purpose in (("a", of_a), ("b", "training" if of_a == "management" else "management")):
        pools.append(pool(f"of-{place}", site=place, purpose=purpose, system=work[purpose]))
    assert tier_of(sites=[site("a"), site("b")], pools=pools).site == expected


def test_a_tier_of_a_zone_of_management_servers_is_built_where_they_are() -> None:
    assert tier_of(pools=[pool(purpose="management", system="r660")]).site == "a"


def test_a_machine_whose_ports_are_too_slow_is_refused() -> None:
    key = {"name": "k", "custodian": "customer", "module": "pkcs11", "jurisdiction": "DE"}
    found = only_problem(factory(storage=[tier(per_node_read="120 GB/s")], keys=[key]))
    assert (found.code, found.where.field) == ("storage-rate", "storage[0].per_node_read")
    assert found.hint == "write at most '100 GB/s'"


@given(st.integers(1, 10**16), st.integers(1, 20), st.integers(0, 6), st.integers(1, 64))
def test_drives_hold_the_capacity_with_its_parity_and_fit_the_servers(
    capacity: int, data: int, parity: int, per_server: int
) -> None:
    found = tier_of(
        [tier(capacity=f"{capacity} B", data_drives=data, parity_drives=parity, server_drives=per_server)]
    )
    assert found.raw * data >= capacity * (data + parity)
    assert found.drives <= len(found.servers) * per_server
    assert found.drives >= data + parity
    assert len(set(found.servers)) == len(found.servers)
    if parity:
        assert -(-(data + parity) // len(found.servers)) <= parity
