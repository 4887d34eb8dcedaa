"""Which planes are fat trees, judged by OpenSM: it is asked for `ftree`, and logs the engine that it took."""

from __future__ import annotations

from typing import Any

import pytest

from sovereign_ai.fabric_twin.infiniband import subnet as subnet_module
from sovereign_ai.fabric_twin.infiniband.ibsim_net import net
from sovereign_ai.fabric_twin.infiniband.subnet import RunningSubnet
from sovereign_ai.fabric_twin.twin import down
from sovereign_ai.plan.fabric.fat_tree import fat_tree_misfit
from sovereign_ai.plan.factory import plan
from sovereign_ai.spec.factory import AIFactory
from tests.plan.wishes import pool, wish

pytestmark = pytest.mark.twin
ASKED = "routing_engine ftree,updn\n"


@pytest.mark.parametrize(
    ("nodes", "rails", "radix", "more"),
    [
        (13, 2, 8, {}),
        (21, 1, 8, {}),
        (20, 1, 16, {"spines": 2, "uplinks": 8, "leaf_hosts": 8}),
        (16, 1, 4, {}),
        (12, 1, 4, {}),
        (10, 1, 4, {}),
        (14, 1, 4, {}),
        (27, 1, 6, {}),
        (50, 1, 8, {}),
        (20, 1, 16, {"spines": 3, "uplinks": 8, "leaf_hosts": 8}),
    ],
)
def test_opensm_takes_ftree_where_the_plan_says_that_it_does(
    nodes: int, rails: int, radix: int, more: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    fabric = {"name": "f", "kind": "infiniband", "rails": rails, "radix": radix, "padding": "none"}
    wanted = {**fabric, "oversubscription": "1:1", **more}
    factory = without_feed_loss(wish([pool(nodes=nodes, scalable_unit=1)], wanted))
    planned = plan(factory)
    [plane] = planned.fabrics
    monkeypatch.setattr(subnet_module, "opensm_conf", lambda _plane: ASKED)
    subnet = RunningSubnet.of(net(factory, planned, plane))
    down(factory.name)
    try:
        subnet.up(lambda _line: None)
        assert (subnet.routing == "ftree") == (fat_tree_misfit(plane) == ""), fat_tree_misfit(plane)
    finally:
        down(factory.name)


def without_feed_loss(factory: AIFactory) -> AIFactory:
    """Return a factory whose sites need not survive the loss of a feed: power is nothing to its fabric."""
    sites = []
    for site in factory.sites:
        power = site.power.model_copy(update={"survive": "none"})
        sites.append(site.model_copy(update={"power": power}))
    return factory.model_copy(update={"sites": tuple(sites)})
