"""Acceptance tests of rails, units, fabrics and sites."""

from __future__ import annotations

from sovereign_ai.assess.acceptance.groups import rails, sites, units
from tests.render.lab import stack


def test_each_rail_of_a_compute_plane_is_a_subject() -> None:
    plan = stack("superpod")[1]
    plane = next(plane for plane in plan.fabrics if plane.role == "compute")
    (test,) = rails(plan, plane)
    assert test.subjects == tuple(f"{plane.name}-r{rail}" for rail in range(plane.rails))


def test_units_are_tested_by_collectives_and_by_an_exchange() -> None:
    plan = stack("superpod")[1]
    pool = plan.nodes[0].pool
    tests = list(units(plan, [node for node in plan.nodes if node.pool == pool]))
    assert {test.name for test in tests} == {"collectives", "exchange"}
    tested = {unit for test in tests for unit in test.subjects}
    assert tested <= {node.scalable_unit for node in plan.nodes}


def test_the_burn_in_of_a_site_counts_its_servers() -> None:
    plan = stack("superpod")[1]
    burn_in = next(test for test in sites(plan) if test.name == "burn-in")
    assert set(burn_in.members) == {node.name for node in plan.nodes}
    assert not burn_in.limits[0].least
