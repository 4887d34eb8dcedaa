"""The machines of a cluster with their rows in plan and catalogue."""

from __future__ import annotations

import pytest

from sovereign_ai.sim.machine import machines
from tests.render.lab import stack
from tests.sim.plans import CLUSTER, factory_of, plan_of, pool

PLAN = plan_of(factory_of(pool("train"), pool("cut", nodes=1, mig="1g.10gb")))


def test_a_machine_has_its_devices_whole_or_cut() -> None:
    devices = {machine.node.name: (machine.instances, machine.devices) for machine in machines(PLAN, CLUSTER)}
    assert devices == {"train-0001": (1, 8), "train-0002": (1, 8), "cut-0001": (7, 56)}


def test_a_machine_knows_the_switches_above_it_the_leaf_first() -> None:
    _, plan = stack("lab")
    first = machines(plan, "lab")[0]
    assert "-leaf-" in first.tiers[0]
    assert all(not machine.tiers for machine in machines(PLAN, CLUSTER))


def test_a_cluster_that_the_plan_does_not_have_is_an_error() -> None:
    with pytest.raises(KeyError):
        machines(PLAN, "other")
