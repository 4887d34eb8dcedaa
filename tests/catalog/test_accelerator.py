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
        # Of these no dense rate in a floating-point format of ours is published.
        assert rates or one.name in {"europa", "mi430x"}, one.name
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
        if one.vendor in wanted:
            assert (one.resource, one.dra_driver) == wanted[one.vendor], one.name
            assert one.seat == "US"
        else:
            # No software of these vendors is known here, so none of them has a driver to name.
            assert one.dra_driver is None, one.name
        assert (one.compute_capability is not None) == (one.vendor == "nvidia"), one.name
        if one.product:
            assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,61}[A-Za-z0-9]", one.product), one.name


def test_there_are_accelerators_of_six_more_vendors_under_four_laws() -> None:
    others = {one.vendor: one.seat for one in accelerators() if one.gpu_vendor.driver is None}
    assert others == {
        "axelera": "NL",
        "cerebras": "US",
        "groq": "US",
        "huawei": "CN",
        "sambanova": "US",
        "tenstorrent": "CA",
    }


def test_what_an_accelerator_gives_its_neighbours_leaves_out_the_ports_that_leave_the_machine() -> None:
    assert accelerator("gaudi3").scale_up is not None
    assert accelerator("gaudi3").scale_up.count == 2 * 21 * 200 * 10**9 // 8  # type: ignore[union-attr]  # asked above
