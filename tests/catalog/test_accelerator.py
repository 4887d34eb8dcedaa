"""Accelerators: memory, rates and names."""

from __future__ import annotations

import re

from sovereign_ai.catalog.accelerator import PRECISIONS, accelerator, accelerators
from sovereign_ai.units import Bytes


def test_usable_memory_never_exceeds_what_is_fitted_nor_what_a_node_reports() -> None:
    for one in accelerators():
        if one.memory_raw:
            assert one.memory <= one.memory_raw, one.name
        if one.memory_reported:
            assert one.memory < one.memory_reported, one.name
            assert one.memory_reported.count % 2**20 == 0, one.name
    assert (accelerator("b200").memory, accelerator("b200").memory_raw) == (
        Bytes.parse("180 GB"),
        Bytes.parse("192 GB"),
    )


def test_dense_rates_rise_as_precision_falls_and_disputed_ones_are_missing() -> None:
    for one in accelerators():
        assert set(one.dense_tflops) <= set(PRECISIONS)
        rates = [one.dense_tflops[precision] for precision in PRECISIONS if precision in one.dense_tflops]
        assert rates == sorted(rates), one.name
        assert rates, one.name
    assert "fp4" not in accelerator("h100-sxm").dense_tflops
    assert dict(accelerator("b300").dense_tflops) == {"bf16": 2250, "fp8": 4500, "fp4": 14000}
    assert dict(accelerator("gb300").dense_tflops) == {"bf16": 2500, "fp8": 5000, "fp4": 15000}
    assert accelerator("b200").dense_tflops["fp8"] * 2 == accelerator("b200").dense_tflops["fp4"] == 9000


def test_kubernetes_names_follow_the_vendor() -> None:
    wanted = {
        "nvidia": ("nvidia.com/gpu", "gpu.nvidia.com"),
        "amd": ("amd.com/gpu", "gpu.amd.com"),
        "intel": ("habana.ai/gaudi", None),
    }
    for one in accelerators():
        assert (one.resource, one.dra_driver) == wanted[one.vendor], one.name
        assert (one.compute_capability is not None) == (one.vendor == "nvidia"), one.name
        if one.product:
            assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,61}[A-Za-z0-9]", one.product), one.name
        assert one.seat == "US"


def test_what_an_accelerator_gives_its_neighbours_leaves_out_the_ports_that_leave_the_machine() -> None:
    assert accelerator("gaudi3").scale_up is not None
    assert accelerator("gaudi3").scale_up.count == 2 * 21 * 200 * 10**9 // 8  # type: ignore[union-attr]  # asked above
