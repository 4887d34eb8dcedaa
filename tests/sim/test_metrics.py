from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

from sovereign_ai.catalog.systems import system
from sovereign_ai.sim.allocation import Holders, holders
from sovereign_ai.sim.metrics import exposition
from sovereign_ai.sim.power import IDLE_SHARE, draw
from tests.sim.plans import CLUSTER, factory_of, plan_of, pool

PLAN = plan_of(factory_of(pool("train"), pool("cut", nodes=1, mig="1g.10gb"), pool("red", "mi300x-oam8", 1)))
LINE = re.compile(r"^([A-Z0-9_]+)\{(.*)\} (\d+)$")


def pod(name: str, node: str, gpus: int, phase: str = "Running") -> dict[str, Any]:
    limits = {"limits": {"nvidia.com/gpu": str(gpus)}}
    return {
        "metadata": {"name": name, "namespace": "research"},
        "spec": {"nodeName": node, "containers": [{"resources": limits}]},
        "status": {"phase": phase},
    }


def claim(node: str, device: str) -> dict[str, Any]:
    results = [{"driver": "gpu.nvidia.com", "pool": node, "device": device}]
    status = {"allocation": {"devices": {"results": results}}, "reservedFor": [{"name": "claimer"}]}
    return {"metadata": {"name": "c", "namespace": "research"}, "status": status}


def sample(text: str, metric: str, node: str, gpu: int) -> tuple[dict[str, str], int]:
    for line in text.splitlines():
        match = LINE.match(line)
        if match and match[1] == metric:
            labels = dict(re.findall(r'(\w+)="([^"]*)"', match[2]))
            if (labels["Hostname"], labels["gpu"]) == (node, str(gpu)):
                return labels, int(match[3])
    raise AssertionError(metric)


def test_a_claim_holds_its_device_and_a_pod_by_resource_the_lowest_free_ones() -> None:
    held = holders(PLAN, CLUSTER, [pod("job", "train-0001", 2)], [claim("train-0001", "gpu-0")])
    assert held["train-0001"] == ("research/claimer", "research/job", "research/job", "", "", "", "", "")


def test_a_pod_that_has_ended_or_asks_for_nothing_holds_nothing() -> None:
    held = holders(PLAN, CLUSTER, [pod("done", "train-0001", 8, "Succeeded"), pod("idle", "train-0001", 0)], [])
    assert not any(held["train-0001"])


def test_metrics_follow_the_allocation() -> None:
    text = exposition(PLAN, CLUSTER, holders(PLAN, CLUSTER, [pod("job", "train-0001", 1)], []))
    labels, busy = sample(text, "DCGM_FI_DEV_GPU_UTIL", "train-0001", 0)
    assert (labels["namespace"], labels["pod"], labels["modelName"]) == ("research", "job", "NVIDIA H100 80GB HBM3")
    assert busy > 0
    assert sample(text, "DCGM_FI_DEV_GPU_UTIL", "train-0001", 1)[1] == 0
    for metric in ("DCGM_FI_DEV_POWER_USAGE", "DCGM_FI_DEV_FB_USED", "DCGM_FI_DEV_GPU_TEMP"):
        assert sample(text, metric, "train-0001", 0)[1] > sample(text, metric, "train-0001", 1)[1]


def test_used_and_free_memory_are_the_whole_and_power_stays_within_the_design_power() -> None:
    full = {name: ("a/b",) * len(devices) for name, devices in holders(PLAN, CLUSTER, [], []).items()}
    for held in (full, holders(PLAN, CLUSTER, [], [])):
        text = exposition(PLAN, CLUSTER, held)
        for node in ("train-0001", "cut-0001"):
            memory = sample(text, "DCGM_FI_DEV_FB_USED", node, 0)[1] + sample(text, "DCGM_FI_DEV_FB_FREE", node, 0)[1]
            assert memory == 80 * 10**9 // 2**20
            assert sample(text, "DCGM_FI_DEV_POWER_USAGE", node, 0)[1] <= 700


def test_the_last_xid_is_reported() -> None:
    text = exposition(PLAN, CLUSTER, {}, {("train-0001", 3): 79})
    assert sample(text, "DCGM_FI_DEV_XID_ERRORS", "train-0001", 3)[1] == 79
    assert sample(text, "DCGM_FI_DEV_XID_ERRORS", "train-0001", 2)[1] == 0


def test_other_vendors_gpus_have_no_dcgm_metrics() -> None:
    assert "red-0001" not in exposition(PLAN, CLUSTER, {})


def test_every_line_is_one_that_prometheus_reads() -> None:
    for line in exposition(PLAN, CLUSTER, {}).splitlines():
        assert line.startswith(("# HELP ", "# TYPE ")) or LINE.match(line), line


def test_power_follows_allocation_from_idle_to_the_catalogues_full_power() -> None:
    full = system("dgx-h100").max_power.count
    drawn = [draw(PLAN, CLUSTER, _held(count)).nodes["train-0001"] for count in range(9)]
    assert drawn[0] == round(full * IDLE_SHARE.middle)
    assert drawn[8] == full
    assert drawn == sorted(drawn)
    assert Fraction(drawn[4]) == Fraction(drawn[0] + drawn[8], 2)


def test_racks_and_machines_sum_to_the_whole() -> None:
    drawn = draw(PLAN, CLUSTER, _held(3))
    assert sum(drawn.racks.values()) == sum(drawn.nodes.values()) == drawn.total


def test_machines_whose_idle_power_nobody_published_are_counted_as_estimates() -> None:
    drawn = draw(PLAN, CLUSTER, {})
    assert drawn.estimated == sum(system(node.system).idle_power is None for node in PLAN.nodes)


def _held(count: int) -> Holders:
    return holders(PLAN, CLUSTER, [pod("job", "train-0001", count)], [])
