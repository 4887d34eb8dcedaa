"""Servers, fabrics, storage and power that no plan could build."""

from __future__ import annotations

from typing import Any

import pytest

from sovereign_ai.plan.feasibility import feasible
from sovereign_ai.spec.checks.hardware import great_circle_distance
from tests.plan.factories import factory, pool, power, site
from tests.spec.refusals import refusals

FABRIC = {"name": "c", "kind": "roce", "radix": 32, "link": "400 Gbps"}


def test_berlin_and_munich_are_some_504_km_apart() -> None:
    places = [
        site("a", latitude=52.5200, longitude=13.4050),
        site("b", latitude=48.1374, longitude=11.5755),
    ]
    berlin, munich = factory(sites=places).sites
    assert great_circle_distance(berlin, munich) == pytest.approx(504_000, rel=0.005)
    assert great_circle_distance(berlin, factory().sites[0]) is None


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"radix": None}, ("missing-field", "fabrics[0]")),
        ({"radix": 31}, ("impossible-radix", "fabrics[0].radix")),
        ({"planes": 3}, ("impossible", "fabrics[0].planes")),
        ({"kind": "infiniband", "isolation": "vni"}, ("contradiction", "fabrics[0].isolation")),
        ({"spines": "none", "cores": 2}, ("contradiction", "fabrics[0].cores")),
        ({"spines": "none", "spine_peer_links": 2}, ("contradiction", "fabrics[0].spine_peer_links")),
        (
            {"border": {"at": "leaf", "ports": 2, "peer_links": 2}},
            ("contradiction", "fabrics[0].border.peer_links"),
        ),
        ({"pod_by": "rail"}, ("missing-field", "fabrics[0].pod_by")),
        ({"subnets": 2}, ("contradiction", "fabrics[0].subnets")),
        ({"switch": "sn5600", "radix": None, "link": "1600 Gbps"}, ("impossible-link", "fabrics[0].link")),
        ({"switch": "qm9700", "radix": None}, ("wrong-switch", "fabrics[0].switch")),
    ],
)
def test_a_fabric_that_no_switch_can_form_is_refused(
    changes: dict[str, Any], expected: tuple[str, str]
) -> None:
    assert expected in refusals(fabrics=[{**FABRIC, **changes}])


@pytest.mark.parametrize("parts", range(1, 9))
def test_a_port_is_split_into_as_many_links_as_a_cable_has_ends(parts: int) -> None:
    fabric = {**FABRIC, "switch": "sn5600", "radix": None, "link": "100 Gbps", "breakout": parts}
    refused = [] if parts in {1, 2, 4, 8} else [("impossible", "fabrics[0].breakout")]
    assert refusals(fabrics=[fabric]) == refused


def test_planes_that_do_not_divide_a_link_are_the_only_problem() -> None:
    """A third of 800 Gbps is more than a quarter of a port, but no plane has that rate."""
    fabric = {**FABRIC, "switch": "sn5600", "radix": None, "breakout": 4, "link": "800 Gbps", "planes": 3}
    assert refusals(fabrics=[fabric]) == [("impossible", "fabrics[0].planes")]


def test_a_fabric_that_a_switch_can_form_is_fine() -> None:
    assert refusals(fabrics=[FABRIC]) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"feeds": {"A": "6 MW"}}, ("impossible", "sites[0].power.survive")),
        ({"rack_pdus": 1}, ("impossible", "sites[0].power.rack_pdus")),
        ({"it_budget": "13 MW"}, ("more-than-feeds", "sites[0].power.it_budget")),
    ],
)
def test_power_that_does_not_survive_a_loss_is_refused(
    changes: dict[str, Any], expected: tuple[str, str]
) -> None:
    assert refusals(sites=[site(power=power(**changes))]) == [expected]


def test_an_accepted_loss_leaves_all_feeds_to_the_budget() -> None:
    assert refusals(sites=[site(power=power(it_budget="13 MW", survive="none"))]) == []


def test_a_pool_names_a_hall_of_its_site() -> None:
    assert refusals(pools=[pool(hall="other")]) == [("unknown-name", "pools[0].hall")]


def test_a_mig_profile_of_another_accelerator_is_refused() -> None:
    assert refusals(pools=[pool(mig="1g.99gb")]) == [("unknown-profile", "pools[0].mig")]


HEADS = pool("heads", system="r660", nodes=3, purpose="management")


def test_a_management_pool_has_machines_without_gpus() -> None:
    gpus = {**HEADS, "system": "dgx-h100"}
    assert refusals(pools=[pool(), gpus]) == [("contradiction", "pools[1].purpose")]
    assert factory(pools=[pool(), HEADS]).pool("heads").purpose == "management"


def test_a_compute_fabric_connects_management_servers_only_where_it_lists_them() -> None:
    roles = {"compute": False, "storage": True, "in-band": True, "out-of-band": True}
    for role, is_joined in roles.items():
        wish = factory(pools=[pool(), HEADS], fabrics=[{**FABRIC, "role": role, "rails": 2}])
        assert wish.pool("heads").is_on(wish.fabrics[0]) == is_joined, role
        assert wish.pool("train").is_on(wish.fabrics[0])
    wish = factory(pools=[pool(), HEADS], fabrics=[{**FABRIC, "pools": ["heads"]}])
    assert wish.pool("heads").is_on(wish.fabrics[0])
    assert not wish.pool("train").is_on(wish.fabrics[0])
    [problem] = feasible(wish)
    assert problem.where.field == "fabrics[0].pools"
    assert "r660 of pool heads has no compute ports" in problem.message
    assert "'managers' counts ports of fabric managers" in problem.hint


def test_a_rate_of_management_servers_on_a_compute_fabric_that_leaves_them_out_is_refused() -> None:
    links = [{"pool": "heads", "link": "200 Gbps"}]
    fabric = {**FABRIC, "radix": 64, "breakout": 2, "pool_links": links}
    refused = refusals(pools=[pool(), HEADS], fabrics=[fabric])
    assert ("contradiction", "fabrics[0].pool_links[0].pool") in refused
