"""Fault trees over the parts of a factory."""

from __future__ import annotations

from sovereign_ai.sovereignty.report import assess_sovereignty
from tests.sovereignty.test_drill import NOW, drill, stack
from tests.support.later_pool import lab_before_its_second_pool


def test_a_site_loses_the_pools_that_hang_on_a_contract() -> None:
    found = drill(stack("gigafactory"), "holder", "Example Wind Power")
    assert found.served["training"][0] == "runs"
    assert found.capacity["training"][0] == 100 * 5000 // 9000
    assert found.capacity["inference"][0] == 100 * 1250 // 3500


def test_two_carriers_at_each_site_must_both_go_and_training_never_needs_them() -> None:
    sets = stack("gigafactory").sets
    assert ["Example Carrier", "Example Telecom"] in sets["inference"].holders[0]
    assert not any("Example Carrier" in one for one in sets["training"].holders[0])


def test_four_makes_must_fail_together_to_stop_the_plural_stacks_training() -> None:
    found = stack("plural").sets["training"].parts
    assert ["driver:amd", "driver:nvidia"] in found
    assert ["driver:nvidia"] not in found
    assert ["accelerator:gb200", "accelerator:h100-sxm", "accelerator:mi300x"] in found


def test_a_pool_that_comes_later_serves_nothing_yet() -> None:
    found = assess_sovereignty(*lab_before_its_second_pool(), now=NOW)
    assert all(set(drill.capacity) == {"training"} for drill in found.drills)
