"""The holder of each device, from pods and claims."""

from __future__ import annotations

from sovereign_ai.sim.allocation import holders
from tests.sim.claims import claim, pod
from tests.sim.plans import CLUSTER, factory_of, plan_of, pool

PLAN = plan_of(factory_of(pool("train"), pool("cut", nodes=1, mig="1g.10gb")))


def test_a_claim_holds_its_device_and_a_pod_by_resource_the_lowest_free_ones() -> None:
    held = holders(PLAN, CLUSTER, [pod("job", "train-0001", 2)], [claim("train-0001", "gpu-0")])
    assert held["train-0001"] == ("research/claimer", "research/job", "research/job", "", "", "", "", "")


def test_a_pod_that_has_ended_or_asks_for_nothing_holds_nothing() -> None:
    held = holders(
        PLAN, CLUSTER, [pod("done", "train-0001", 8, "Succeeded"), pod("idle", "train-0001", 0)], []
    )
    assert not any(held["train-0001"])


def test_a_claim_for_a_device_of_no_machine_holds_nothing() -> None:
    held = holders(PLAN, CLUSTER, [], [claim("train-0001", "gpu-9"), claim("absent", "gpu-0")])
    assert not any(held["train-0001"])


def test_pods_hold_the_same_devices_in_whatever_order_they_are_listed() -> None:
    pods = [pod("b", "train-0001", 3), pod("a", "train-0001", 1)]
    held = holders(PLAN, CLUSTER, pods, [])
    assert held == holders(PLAN, CLUSTER, pods[::-1], [])
    assert held["train-0001"][:2] == ("research/a", "research/b")
