"""The holders of devices, as the kubelet lists them."""

from __future__ import annotations

from pathlib import Path

from sovereign_ai.sim.kubelet.paths import KubeletPaths
from sovereign_ai.sim.kubelet.pod_resources import read_holders
from tests.sim.kubelet.conftest import Place, machine
from tests.sim.kubelet.fake_kubelet import pod


def test_the_holder_of_a_device_is_the_one_that_the_kubelet_lists(node: Place) -> None:
    node.keep()
    node.kubelet.pods = [
        pod("research", "job-0", resource="nvidia.com/gpu", uuids=[node.devices[2].uuid]),
        pod("research", "job-1", resource="example.com/other", uuids=[node.devices[3].uuid]),
        pod(
            "research",
            "job-2",
            claimed=[("gpu.nvidia.com", "train-0001", "gpu-5"), ("other.example.com", "train-0001", "gpu-6")],
        ),
    ]
    node.keep()
    assert node.worker.held.of(node.worker.machine) == (
        "",
        "",
        "research/job-0",
        "",
        "",
        "research/job-2",
        "",
        "",
    )


def test_a_kubelet_that_does_not_answer_is_no_answer(tmp_path: Path) -> None:
    assert read_holders(machine("train-0001"), KubeletPaths(tmp_path)) is None
