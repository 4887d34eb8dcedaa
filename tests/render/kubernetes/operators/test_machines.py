"""Machines that operators look after: pools, taints and ports of every stack."""

from __future__ import annotations

import pytest

from sovereign_ai.render.interop import node_taints
from sovereign_ai.render.kubernetes.operators.machines import compute_ports, nvidia_pools, tolerations
from tests.render.lab import stack


@pytest.mark.parametrize("name", ["lab", "plural", "superpod"])
def test_every_taint_of_a_machine_is_tolerated_and_none_that_no_machine_has(name: str) -> None:
    factory, derived = stack(name)
    pools = {pool.name for pool in nvidia_pools(factory)}
    tainted: set[tuple[str, str]] = set()
    for node in derived.nodes:
        if node.pool in pools:
            for taint in node_taints(factory, node):
                tainted.add((taint["key"], taint.get("value", "")))
    tolerated = {(each["key"], each.get("value", "")) for each in tolerations(factory, derived, pools)}
    assert tolerated == tainted


def test_ports_are_those_of_the_asked_pools_in_the_order_of_their_numbers() -> None:
    _, derived = stack("plural")
    assert compute_ports(derived, {"grace"}) == [f"compute{number}" for number in range(4)]
    assert compute_ports(derived, set()) == []
