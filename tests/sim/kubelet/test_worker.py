"""A worker: when it is ready, and the ResourceSlices that it publishes."""

from __future__ import annotations

from sovereign_ai.sim.slices import slice_objects
from tests.sim.kubelet.conftest import PLAN, Place
from tests.sim.plans import CLUSTER


def test_a_worker_is_ready_once_both_drivers_are_registered(node: Place) -> None:
    node.keep()
    assert not node.worker.ready
    node.kubelet.find_driver()
    node.keep()
    assert node.worker.ready


def test_slices_are_those_of_the_embedded_control_plane_and_are_restored(node: Place) -> None:
    node.keep()
    (live,) = node.api.list("resource.k8s.io/v1", "ResourceSlice")
    (planned,) = [obj for obj in slice_objects(PLAN, CLUSTER) if obj["spec"]["nodeName"] == "train-0001"]
    assert live["spec"]["devices"] == planned["spec"]["devices"]
    assert live["metadata"]["ownerReferences"][0]["name"] == "train-0001"
    node.api.delete("resource.k8s.io/v1", "ResourceSlice", live["metadata"]["name"])
    node.keep()
    assert len(node.api.list("resource.k8s.io/v1", "ResourceSlice")) == 1
    del node.api.live("ResourceSlice", live["metadata"]["name"])["spec"]["devices"][0]
    node.keep()
    (mended,) = node.api.list("resource.k8s.io/v1", "ResourceSlice")
    assert len(mended["spec"]["devices"]) == 8
    assert mended["spec"]["pool"]["generation"] == live["spec"]["pool"]["generation"] + 1


def test_while_a_node_offers_no_device_it_has_no_slice(
    node: Place,
) -> None:
    node.kubelet.find_driver()
    node.keep()
    assert slices(node) == 1
    offered = node.api.live("Node", "train-0001")["status"]["allocatable"]
    offered["nvidia.com/gpu"] = "0"  # as a kubelet says that has just started
    node.keep()
    assert slices(node) == 0
    assert not node.worker.ready
    offered["nvidia.com/gpu"] = "8"
    node.keep()
    assert slices(node) == 1
    assert node.worker.ready


def test_a_machine_whose_every_gpu_is_broken_keeps_its_slices_for_their_taints(node: Place) -> None:
    node.keep()
    node.api.live("Node", "train-0001")["status"]["allocatable"] = {"nvidia.com/gpu": "0"}
    node.keep({("train-0001", gpu): 79 for gpu in range(8)})
    assert slices(node) == 1


def slices(node: Place) -> int:
    return len(node.api.list("resource.k8s.io/v1", "ResourceSlice"))


def test_a_worker_whose_node_is_not_there_yet_publishes_nothing(node: Place) -> None:
    node.api.delete("v1", "Node", "train-0001")
    node.keep()
    assert node.api.list("resource.k8s.io/v1", "ResourceSlice") == []
    assert not node.worker.ready
