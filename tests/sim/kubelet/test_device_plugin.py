from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from sovereign_ai.sim.kubelet.sockets import RpcError
from tests.sim.kubelet.conftest import Place
from tests.sim.kubelet.fake_kubelet import claim, until


def registered(node: Place) -> Place:
    node.keep()
    until(lambda: len(node.kubelet.health()) == len(node.devices))
    return node


def test_a_worker_offers_every_gpu_of_its_machine_as_the_plans_resource(node: Place) -> None:
    (request,) = registered(node).kubelet.registered
    assert (request.version, request.resource_name) == ("v1beta1", "nvidia.com/gpu")
    assert request.options.get_preferred_allocation_available
    assert node.kubelet.health() == {one.uuid: "Healthy" for one in node.devices}
    assert len(node.devices) == 8


def test_gpus_of_the_two_sockets_lie_on_two_numa_nodes(node: Place) -> None:
    listed = registered(node).kubelet.watched[-1].answers[-1].devices
    assert [one.topology.nodes[0].id for one in listed] == [0, 0, 0, 0, 1, 1, 1, 1]


def test_mig_instances_are_offered_under_their_own_identities(cut_node: Place) -> None:
    registered(cut_node)
    assert len(cut_node.devices) == 16
    assert all(uuid.startswith("MIG-") for uuid in cut_node.kubelet.health())


def test_a_container_gets_its_gpus_environment_device_files_readings_and_tool(node: Place) -> None:
    first, second = registered(node).devices[:2]
    given = node.kubelet.allocate(second.uuid, first.uuid)
    assert given.envs["NVIDIA_VISIBLE_DEVICES"] == f"{first.uuid},{second.uuid}"
    assert given.envs["SOVEREIGN_DEVICES"] == "gpu-0,gpu-1"
    assert given.envs["SOVEREIGN_MACHINE"] == "train-0001"
    assert given.envs["SOVEREIGN_ZONE"] == "restricted"
    assert {one.container_path: one.host_path for one in given.devices} == {
        "/dev/nvidia0": "/dev/null",
        "/dev/nvidia1": "/dev/null",
    }
    assert {one.container_path for one in given.mounts} == {
        "/usr/bin/nvidia-smi", "/run/sovereign-ai/gpus/000", "/run/sovereign-ai/gpus/001",
    }  # fmt: skip
    assert all(one.read_only for one in given.mounts)


def test_what_is_mounted_is_there_and_every_user_of_a_container_can_read_it(node: Place) -> None:
    given = registered(node).kubelet.allocate(node.devices[0].uuid)
    for mount in given.mounts:
        there = node.kubelet.node.root / mount.host_path.removeprefix("/")
        assert there.stat().st_mode & 0o555 == 0o555
        assert all(path.stat().st_mode & 0o444 == 0o444 for path in there.rglob("*"))


def test_other_vendors_devices_are_shown_by_index_and_without_nvidias_tool(other_node: Place) -> None:
    given = registered(other_node).kubelet.allocate(other_node.devices[3].uuid)
    expected = {
        "amd.com/gpu": ("AMD_VISIBLE_DEVICES", "/dev/dri/renderD131"),
        "habana.ai/gaudi": ("HABANA_VISIBLE_DEVICES", "/dev/accel/accel3"),
    }
    variable, file = expected[other_node.kubelet.registered[0].resource_name]
    assert given.envs[variable] == "3"
    assert [one.container_path for one in given.devices] == [file]
    assert [one.container_path for one in given.mounts] == ["/run/sovereign-ai/gpus/003"]


def test_the_kubelet_is_told_at_once_when_a_gpu_breaks_and_when_it_is_mended(node: Place) -> None:
    registered(node)
    node.keep({("train-0001", 3): 79})
    until(lambda: list(node.kubelet.health().values()).count("Unhealthy") == 1)
    assert node.kubelet.health()[node.devices[3].uuid] == "Unhealthy"
    node.keep()
    until(lambda: set(node.kubelet.health().values()) == {"Healthy"})


def test_a_broken_gpu_takes_all_its_instances_with_it(cut_node: Place) -> None:
    registered(cut_node)
    cut_node.keep({("cut-0001", 0): 48})
    until(lambda: list(cut_node.kubelet.health().values()).count("Unhealthy") == 2)


def test_an_applications_xid_leaves_its_gpu_on_offer(node: Place) -> None:
    registered(node)
    node.keep({("train-0001", 3): 31})
    node.keep({("train-0001", 3): 31, ("train-0001", 4): 79})
    until(lambda: "Unhealthy" in node.kubelet.health().values())
    assert node.kubelet.health()[node.devices[3].uuid] == "Healthy"


def test_another_machines_fault_is_not_ours(node: Place) -> None:
    registered(node)
    node.keep({("train-0002", 3): 79})
    assert len(node.kubelet.watched[-1].answers) == 1


def test_a_gpu_that_is_broken_or_unknown_is_refused(node: Place) -> None:
    registered(node)
    node.keep({("train-0001", 3): 79})
    with pytest.raises(RpcError, match="broken: gpu-3"):
        node.kubelet.allocate(node.devices[3].uuid)
    with pytest.raises(RpcError, match="no such device: GPU-of-nobody"):
        node.kubelet.allocate("GPU-of-nobody")


def test_a_gpu_that_a_claim_holds_is_refused_to_a_pod(node: Place) -> None:
    registered(node)
    node.claim("gpu-0")
    assert not node.kubelet.prepare(claim("uid-c"))["uid-c"].error
    with pytest.raises(RpcError, match="gpu-0 held by claim uid-c"):
        node.kubelet.allocate(node.devices[0].uuid)


def test_a_pod_waits_a_moment_for_a_claim_that_ends(node: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sovereign_ai.sim.kubelet.ledger.PATIENCE_SECONDS", 10)
    registered(node)
    node.claim("gpu-0")
    node.kubelet.prepare(claim())
    with ThreadPoolExecutor() as beside:
        answer = beside.submit(node.kubelet.allocate, node.devices[0].uuid)
        node.kubelet.unprepare(claim())
        assert answer.result().envs["SOVEREIGN_DEVICES"] == "gpu-0"


def test_the_lowest_gpus_that_no_claim_holds_are_preferred(node: Place) -> None:
    uuids = [one.uuid for one in registered(node).devices]
    assert node.kubelet.prefer(list(reversed(uuids)), 2) == uuids[:2]
    assert node.kubelet.prefer(uuids, 2, must=[uuids[7]]) == [uuids[7], uuids[0]]
    node.claim("gpu-0", "gpu-1")
    node.kubelet.prepare(claim("uid-c"))
    assert node.kubelet.prefer(uuids, 2) == uuids[2:4]
    assert set(node.kubelet.prefer(uuids, 8)) == set(uuids)


def test_a_kubelet_that_starts_again_is_registered_with_again(node: Place) -> None:
    registered(node)
    node.keep()
    assert len(node.kubelet.registered) == 1
    node.kubelet.restart()
    assert not node.kubelet.registered
    registered(node)
    assert len(node.kubelet.registered) == 1


def test_while_the_kubelet_is_down_a_worker_waits_and_is_not_ready(node: Place) -> None:
    node.kubelet.stop()
    node.keep()
    assert not node.worker.ready
    node.kubelet.start()
    node.kubelet.find_driver()
    registered(node)
    assert node.worker.ready
