from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from sovereign_ai.sim.kubelet.worker import Worker
from tests.sim.kubelet.conftest import PLAN, Place, machine
from tests.sim.kubelet.fake_kubelet import claim, pod, until


def cdi(node: Place) -> dict[str, dict[str, Any]]:
    """Every CDI device on the node by its qualified name, as a container runtime reads them."""
    found: dict[str, dict[str, Any]] = {}
    for path in node.kubelet.node.cdi.glob("*.json"):
        spec = json.loads(path.read_text(encoding="utf-8"))
        assert spec["cdiVersion"] == "0.6.0"
        found |= {f"{spec['kind']}={one['name']}": one["containerEdits"] for one in spec["devices"]}
    return found


def test_the_kubelet_finds_the_driver_and_is_told_a_path_that_it_can_see(node: Place) -> None:
    info, socket = node.kubelet.find_driver()
    assert (info.type, info.name) == ("DRAPlugin", "gpu.nvidia.com")
    assert list(info.supported_versions) == ["v1.DRAPlugin", "v1.DRAResourceHealth"]
    assert info.endpoint == "/var/lib/kubelet/plugins/gpu.nvidia.com/dra.sock"
    assert socket.is_socket()


def test_a_prepared_claim_brings_its_devices_and_variables_into_the_container(node: Place) -> None:
    node.claim("gpu-2", "gpu-3")
    answer = node.kubelet.prepare(claim())["uid-c"]
    assert not answer.error
    assert [(one.pool_name, one.device_name, list(one.request_names)) for one in answer.devices] == [
        ("train-0001", "gpu-2", ["device"]),
        ("train-0001", "gpu-3", ["device"]),
    ]
    ids = [name for one in answer.devices for name in one.cdi_device_ids]
    there = cdi(node)
    assert set(ids) <= set(there)
    assert len(ids) == 3
    variables = dict(line.split("=", 1) for name in ids for line in there[name].get("env", []))
    assert variables["NVIDIA_VISIBLE_DEVICES"] == ",".join(one.uuid for one in node.devices[2:4])
    assert {file["path"] for name in ids for file in there[name].get("deviceNodes", [])} == {
        "/dev/nvidia2",
        "/dev/nvidia3",
    }
    assert {mount["containerPath"] for name in ids for mount in there[name].get("mounts", [])} == {
        "/usr/bin/nvidia-smi", "/run/sovereign-ai/gpus/002", "/run/sovereign-ai/gpus/003",
    }  # fmt: skip


def test_a_subrequest_is_answered_under_its_requests_name(node: Place) -> None:
    node.claim("gpu-2", request="main/second-choice")
    (device,) = node.kubelet.prepare(claim())["uid-c"].devices
    assert list(device.request_names) == ["main"]


def test_preparing_twice_is_preparing_once(node: Place) -> None:
    node.claim("gpu-2")
    first, again = node.kubelet.prepare(claim())["uid-c"], node.kubelet.prepare(claim())["uid-c"]
    assert not again.error
    assert first == again


def test_unpreparing_frees_the_device_and_can_be_repeated(node: Place) -> None:
    node.claim("gpu-2")
    node.kubelet.prepare(claim())
    for _ in range(2):
        assert not node.kubelet.unprepare(claim())["uid-c"].error
    assert [name for name in cdi(node) if "uid-c" in name] == []
    node.claim("gpu-2", uid="uid-d")
    assert not node.kubelet.prepare(claim("uid-d"))["uid-d"].error


def test_a_device_that_another_claim_holds_is_refused_until_it_is_free(node: Place) -> None:
    node.claim("gpu-2")
    node.claim("gpu-2", uid="uid-d")
    node.kubelet.prepare(claim())
    assert node.kubelet.prepare(claim("uid-d"))["uid-d"].error == "gpu-2 held by claim uid-c"


def test_a_device_that_a_pod_holds_by_resource_is_refused_to_a_claim(node: Place) -> None:
    node.keep()
    node.kubelet.allocate(node.devices[2].uuid)
    node.claim("gpu-2")
    assert node.kubelet.prepare(claim())["uid-c"].error == "gpu-2 held by pod that starts"
    node.kubelet.pods = [pod("research", "job-0", resource="nvidia.com/gpu", uuids=[node.devices[2].uuid])]
    node.keep()
    assert node.kubelet.prepare(claim())["uid-c"].error == "gpu-2 held by pod research/job-0"


def test_a_claim_waits_a_moment_for_a_pod_that_ends(node: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sovereign_ai.sim.kubelet.ledger.PATIENCE_SECONDS", 10)
    node.kubelet.pods = [pod("research", "job-0", resource="nvidia.com/gpu", uuids=[node.devices[2].uuid])]
    node.keep()
    node.claim("gpu-2")
    with ThreadPoolExecutor() as beside:
        answer = beside.submit(node.kubelet.prepare, claim())
        node.kubelet.pods = []
        node.keep()
        assert not answer.result()["uid-c"].error


def test_of_several_claims_each_has_its_own_answer(node: Place) -> None:
    node.claim("gpu-2")
    answers = node.kubelet.prepare(claim(), claim("uid-nobody"))
    assert not answers["uid-c"].error
    assert "is not there" in answers["uid-nobody"].error


def test_a_claim_of_the_same_name_that_was_made_anew_is_not_taken_for_the_old_one(node: Place) -> None:
    node.claim("gpu-2", uid="uid-new")
    assert "is not there" in node.kubelet.prepare(claim("uid-old", name="uid-new"))["uid-old"].error


def test_a_claim_on_another_machine_or_for_what_is_not_there_is_refused(node: Place) -> None:
    node.claim("gpu-8")
    assert "not of this machine" in node.kubelet.prepare(claim())["uid-c"].error
    node.claim("gpu-1")
    node.api.live("ResourceClaim", "uid-c", "research")["status"]["allocation"]["devices"]["results"][0][
        "pool"
    ] = "train-0002"
    assert "holds nothing" in node.kubelet.prepare(claim())["uid-c"].error


def test_a_lost_gpu_is_refused_and_its_health_is_streamed(node: Place) -> None:
    stream = node.kubelet.watch_health()
    until(lambda: len(stream.answers) == 1)
    assert {one.health for one in stream.answers[-1].devices} == {1}
    node.keep({("train-0001", 3): 79})
    until(lambda: len(stream.answers) == 2)
    assert {one.device.device_name: one.health for one in stream.answers[-1].devices if one.health != 1} == {
        "gpu-3": 2
    }
    node.claim("gpu-3")
    assert node.kubelet.prepare(claim())["uid-c"].error == "device gpu-3 is lost"


def test_what_was_prepared_is_remembered_by_the_next_process(node: Place) -> None:
    node.claim("gpu-2")
    node.kubelet.prepare(claim())
    node.worker.stop()
    after = Worker(node.api, PLAN, machine("train-0001"), node.kubelet.node)
    after.start()
    try:
        node.claim("gpu-2", uid="uid-d")
        assert node.kubelet.prepare(claim("uid-d"))["uid-d"].error == "gpu-2 held by claim uid-c"
        assert not node.kubelet.unprepare(claim())["uid-c"].error
        assert not node.kubelet.prepare(claim("uid-d"))["uid-d"].error
    finally:
        after.stop()
