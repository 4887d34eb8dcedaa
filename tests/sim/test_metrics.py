from __future__ import annotations

import re
from dataclasses import replace

from sovereign_ai.sim.allocation import holders
from sovereign_ai.sim.metrics import exposition
from tests.sim.claims import pod
from tests.sim.plans import CLUSTER, factory_of, plan_of, pool

PLAN = plan_of(factory_of(pool("train"), pool("cut", nodes=1, mig="1g.10gb"), pool("red", "mi300x-oam8", 1)))
LINE = re.compile(r"^([A-Z0-9_]+)\{(.*)\} (\d+)$")


def sample(text: str, metric: str, node: str, gpu: int) -> tuple[dict[str, str], int]:
    for line in text.splitlines():
        match = LINE.match(line)
        if match and match[1] == metric:
            labels = dict(re.findall(r'(\w+)="([^"]*)"', match[2]))
            if (labels["Hostname"], labels["gpu"]) == (node, str(gpu)):
                return labels, int(match[3])
    raise AssertionError(metric)


def test_metrics_follow_the_allocation() -> None:
    text = exposition(PLAN, CLUSTER, holders(PLAN, CLUSTER, [pod("job", "train-0001", 1)], []))
    labels, busy = sample(text, "DCGM_FI_DEV_GPU_UTIL", "train-0001", 0)
    assert (labels["namespace"], labels["pod"], labels["modelName"]) == (
        "research",
        "job",
        "NVIDIA H100 80GB HBM3",
    )
    assert busy > 0
    assert sample(text, "DCGM_FI_DEV_GPU_UTIL", "train-0001", 1)[1] == 0
    for metric in ("DCGM_FI_DEV_POWER_USAGE", "DCGM_FI_DEV_FB_USED", "DCGM_FI_DEV_GPU_TEMP"):
        assert sample(text, metric, "train-0001", 0)[1] > sample(text, metric, "train-0001", 1)[1]


def test_used_and_free_memory_are_the_whole_and_power_stays_within_the_design_power() -> None:
    full = {name: ("a/b",) * len(devices) for name, devices in holders(PLAN, CLUSTER, [], []).items()}
    for held in (full, holders(PLAN, CLUSTER, [], [])):
        text = exposition(PLAN, CLUSTER, held)
        for node in ("train-0001", "cut-0001"):
            memory = (
                sample(text, "DCGM_FI_DEV_FB_USED", node, 0)[1]
                + sample(text, "DCGM_FI_DEV_FB_FREE", node, 0)[1]
            )
            assert memory == 80 * 10**9 // 2**20
            assert sample(text, "DCGM_FI_DEV_POWER_USAGE", node, 0)[1] <= 700


def test_the_last_xid_is_reported() -> None:
    text = exposition(PLAN, CLUSTER, {}, {("train-0001", 3): 79})
    assert sample(text, "DCGM_FI_DEV_XID_ERRORS", "train-0001", 3)[1] == 79
    assert sample(text, "DCGM_FI_DEV_XID_ERRORS", "train-0001", 2)[1] == 0


def test_every_gpu_has_a_bus_address_of_its_own_in_the_format_of_dcgm() -> None:
    wide = replace(PLAN, nodes=tuple(replace(node, gpus=72) for node in PLAN.nodes))
    text = exposition(wide, CLUSTER, {})
    buses = {sample(text, "DCGM_FI_DEV_GPU_UTIL", "train-0001", gpu)[0]["pci_bus_id"] for gpu in range(72)}
    assert len(buses) == 72
    assert all(re.fullmatch(r"[0-9A-F]{8}:[0-9A-F]{2}:00\.0", bus) for bus in buses), buses


def test_other_vendors_gpus_have_no_dcgm_metrics() -> None:
    assert "red-0001" not in exposition(PLAN, CLUSTER, {})


def test_every_line_is_one_that_prometheus_reads() -> None:
    for line in exposition(PLAN, CLUSTER, {}).splitlines():
        assert line.startswith(("# HELP ", "# TYPE ")) or LINE.match(line), line
