"""The power that machines draw under an allocation."""

from __future__ import annotations

from fractions import Fraction

import pytest

from sovereign_ai.catalog.system import System, system
from sovereign_ai.sim.allocation import Holders, holders
from sovereign_ai.sim.power import IDLE_SHARE, power_draw
from tests.sim.claims import pod
from tests.sim.plans import CLUSTER, factory_of, plan_of, pool

PLAN = plan_of(factory_of(pool("train"), pool("cut", nodes=1, mig="1g.10gb"), pool("red", "mi300x-oam8", 1)))


def test_power_follows_allocation_from_idle_to_the_catalogues_full_power() -> None:
    full = system("dgx-h100").max_power.count
    drawn = [power_draw(PLAN, CLUSTER, _held(count)).nodes["train-0001"] for count in range(9)]
    idle = system("dgx-h100").idle_power
    assert idle is not None
    assert drawn[0] == idle.count
    assert drawn[8] == full
    assert drawn == sorted(drawn)
    assert Fraction(drawn[4]) == Fraction(drawn[0] + drawn[8], 2)


def test_racks_and_machines_sum_to_the_whole() -> None:
    drawn = power_draw(PLAN, CLUSTER, _held(3))
    assert sum(drawn.racks.values()) == sum(drawn.nodes.values()) == drawn.total


def test_machines_whose_idle_power_nobody_published_are_counted_as_estimates() -> None:
    drawn = power_draw(PLAN, CLUSTER, {})
    assert drawn.estimated == len(PLAN.nodes)


def test_a_machine_of_which_nothing_is_known_idles_at_a_share_of_its_most(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(System, "idle_power", None)
    drawn = power_draw(PLAN, CLUSTER, {})
    full = system("dgx-h100").max_power.count
    assert drawn.nodes["train-0001"] == round(full * IDLE_SHARE.middle)


def _held(count: int) -> Holders:
    return holders(PLAN, CLUSTER, [pod("job", "train-0001", count)], [])
