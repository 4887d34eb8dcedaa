"""Simulated GPUs on real kubelets: containers run with their devices, are refused without one, and lose one
that breaks.
"""

from __future__ import annotations

from typing import Any

import pytest

from sovereign_ai.sim.faults import heal, inject
from sovereign_ai.sim.identity import gpu_uuid
from sovereign_ai.sim.nodes import node_objects
from sovereign_ai.sim.slices import slice_objects
from sovereign_ai.verify.pods import claim, claim_pod, with_container, with_selector
from tests.kind.pods import BOX, HOST, Site, until

pytestmark = pytest.mark.kind
GPU = "nvidia.com/gpu"
ZONE = "restricted"


def offered(site: Site) -> int:
    """The GPUs that the machine's kubelet offers."""
    node = site.api.get("v1", "Node", site.real(ZONE))
    assert node is not None
    return int(node["status"]["allocatable"].get(GPU, "0"))


def by_claim(site: Site, name: str, *words: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """A claim of one GPU, and the pod that holds it."""
    place = site.place(ZONE)
    pod = with_selector(claim_pod(site.factory, place, name), {HOST: site.real(ZONE)})
    return claim(site.factory, place, name, "gpu.nvidia.com"), with_container(
        pod, image=site.cluster.image, args=list(words)
    )


def environment(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def test_a_real_machine_says_of_itself_what_the_embedded_planes_does(site: Site) -> None:
    for planned in node_objects(site.factory, site.plan, site.name):
        name = planned["metadata"]["name"]
        if name not in site.machines:
            continue
        live = site.api.get("v1", "Node", name)
        assert live is not None
        wanted = {key: value for key, value in planned["metadata"]["labels"].items() if key != "type"}
        assert wanted.items() <= live["metadata"]["labels"].items()
        for resource in (GPU, "rdma/roce"):
            assert live["status"]["capacity"][resource] == planned["status"]["capacity"][resource]
            assert live["status"]["allocatable"][resource] == planned["status"]["capacity"][resource]
        assert live["status"]["nodeInfo"]["containerRuntimeVersion"].startswith("containerd://")


def test_slices_on_real_machines_are_those_of_the_embedded_plane(site: Site) -> None:
    planned = {
        one["metadata"]["name"]: one["spec"]
        for one in slice_objects(site.plan, site.name)
        if one["spec"]["nodeName"] in site.machines
    }
    live = {
        one["metadata"]["name"]: one["spec"] for one in site.api.list("resource.k8s.io/v1", "ResourceSlice")
    }
    assert len(planned) == len(site.machines)
    for name, spec in planned.items():
        assert live[name]["devices"] == spec["devices"]
        assert (live[name]["driver"], live[name]["nodeName"]) == (spec["driver"], spec["nodeName"])


def test_simulated_machines_stand_beside_the_real_ones(site: Site) -> None:
    nodes = site.api.list("v1", "Node")
    names = {one["metadata"]["name"] for one in nodes}
    fake = {
        one["metadata"]["name"]
        for one in nodes
        if (one["metadata"].get("annotations") or {}).get("kwok.x-k8s.io/node") == "fake"
    }
    assert {node.name for node in site.plan.nodes_of(site.name)} <= names
    assert fake == {node.name for node in site.plan.nodes_of(site.name)} - set(site.machines)


def test_a_container_that_asks_for_gpus_runs_with_their_environment(site: Site) -> None:
    pod = site.pod("gpu-environment", ZONE, "env", gpus=2)
    with site.there(pod):
        seen = environment(site.said(pod))
    machine = site.real(ZONE)
    all_of_them = {gpu_uuid(site.factory.name, machine, index): f"gpu-{index}" for index in range(8)}
    given = seen["NVIDIA_VISIBLE_DEVICES"].split(",")
    assert len(set(given)) == 2
    assert seen["SOVEREIGN_DEVICES"] == ",".join(all_of_them[uuid] for uuid in given)
    assert (seen["SOVEREIGN_MACHINE"], seen["SOVEREIGN_ZONE"]) == (machine, ZONE)


def test_a_container_sees_the_device_files_and_readings_of_its_own_gpus_alone(site: Site) -> None:
    pod = site.pod("gpu-files", ZONE, "pause", gpus=2)
    bare = site.pod("no-gpu", ZONE, "pause")
    with site.running(pod, bare):
        files = site.inside(pod, BOX, "list", "/dev").stdout.decode().split()
        readings = site.inside(pod, BOX, "list", "/run/sovereign-ai/gpus").stdout.decode().split()
        without = site.inside(bare, BOX, "list", "/dev").stdout.decode().split()
    assert len([name for name in files if name.startswith("nvidia")]) == len(readings) == 2
    assert [name for name in without if name.startswith("nvidia")] == []
    assert "null" in without


def test_the_tool_in_a_container_shows_its_gpus(site: Site) -> None:
    pod = site.pod(
        "gpu-tool",
        ZONE,
        "-c",
        "nvidia-smi -L && nvidia-smi --query-gpu=memory.total --format=csv,noheader",
        gpus=1,
        image=site.shell,
    )
    with site.there(pod):
        listed, memory = site.said(pod).strip().splitlines()
    assert listed.startswith("GPU 0: NVIDIA H100 80GB HBM3 (UUID: GPU-")
    assert memory == "76293 MiB"


def test_the_next_container_is_refused_for_want_of_a_gpu_until_one_is_free(site: Site) -> None:
    holder, late = site.pod("gpu-holder", ZONE, "pause", gpus=8), site.pod("gpu-late", ZONE, "pause", gpus=1)
    with site.running(holder), site.there(late):
        until(
            lambda: any(f"Insufficient {GPU}" in said for said in site.events(late)),
            lambda: site.events(late),
        )
        assert site.phase(late) == "Pending"
        site.remove(holder)
        until(lambda: site.is_up(late), lambda: site.get(late)["status"])


def test_a_running_container_loses_its_gpu_when_a_fault_is_injected(site: Site) -> None:
    pod = site.pod("gpu-loses", ZONE, "-c", "read line", gpus=8, image=site.shell, stdin=True)
    machine = site.real(ZONE)
    try:
        with site.running(pod):
            assert site.inside(pod, "nvidia-smi", "-L").stdout.decode().count("GPU ") == 8
            assert inject(site.api, site.factory, site.plan, machine, gpu=3, xid=79)
            until(lambda: offered(site) == 7, lambda: offered(site))
            until(
                lambda: site.inside(pod, "nvidia-smi", "-L").stdout.decode().count("GPU ") == 7,
                lambda: site.inside(pod, "nvidia-smi"),
            )
            assert b"GPU is lost, Xid 79" in site.inside(pod, "nvidia-smi", "-L").stderr
            until(
                lambda: unwell(site, pod) == [gpu_uuid(site.factory.name, machine, 3)],
                lambda: site.get(pod)["status"],
            )
            assert heal(site.api, site.factory, site.plan, machine) == 1
            until(lambda: offered(site) == 8, lambda: offered(site))
            until(lambda: unwell(site, pod) == [], lambda: site.get(pod)["status"])
    finally:
        heal(site.api, site.factory, site.plan, machine)


def unwell(site: Site, pod: dict[str, Any]) -> list[str]:
    """The devices of a pod that its status calls unhealthy."""
    parts = site.get(pod)["status"]["containerStatuses"][0].get("allocatedResourcesStatus", [])
    return [
        device["resourceID"]
        for part in parts
        for device in part.get("resources", [])
        if device.get("health") == "Unhealthy"
    ]


def test_a_container_runs_with_the_gpu_that_its_claim_holds(site: Site) -> None:
    wish, pod = by_claim(site, "claim-environment", "env")
    with site.there(wish, pod):
        seen = environment(site.said(pod))
    machine, device = site.real(ZONE), seen["SOVEREIGN_DEVICES"]
    assert seen["SOVEREIGN_MACHINE"] == machine
    assert seen["NVIDIA_VISIBLE_DEVICES"] == gpu_uuid(
        site.factory.name, machine, int(device.removeprefix("gpu-"))
    )


def test_a_container_has_the_device_that_the_scheduler_allocated_to_its_claim(site: Site) -> None:
    wish, pod = by_claim(site, "claim-allocated", "pause")
    with site.there(wish), site.running(pod):
        held = site.api.get(
            "resource.k8s.io/v1", "ResourceClaim", "claim-allocated", pod["metadata"]["namespace"]
        )
        files = site.inside(pod, BOX, "list", "/dev").stdout.decode().split()
        readings = site.inside(pod, BOX, "list", "/run/sovereign-ai/gpus").stdout.decode().split()
    assert held is not None
    (device,) = held["status"]["allocation"]["devices"]["results"]
    assert (device["driver"], device["pool"]) == ("gpu.nvidia.com", site.real(ZONE))
    number = int(device["device"].removeprefix("gpu-"))
    assert [name for name in files if name.startswith("nvidia")] == [f"nvidia{number}"]
    assert readings == [f"{number:03}"]


def test_a_gpu_is_handed_out_once_whether_by_resource_or_by_claim(site: Site) -> None:
    holder = site.pod("once-holder", ZONE, "pause", gpus=8)
    wish, pod = by_claim(site, "once-claim", "pause")

    def is_refused() -> bool:
        site.touch(
            pod
        )  # a kubelet that asked before the API server knew the pod for its own asks again only after a minute or more  # noqa: E501 - one literal text
        return any("held by pod" in said for said in site.events(pod))

    with site.running(holder), site.there(wish, pod):
        until(is_refused, lambda: site.events(pod), 120)
        assert site.phase(pod) == "Pending"
        site.remove(holder)
        site.touch(pod)
        until(lambda: site.is_up(pod), lambda: site.events(pod), 120)


def test_metrics_name_the_pod_that_holds_a_gpu(site: Site) -> None:
    pod = site.pod("gpu-metrics", ZONE, "pause", gpus=1)
    file = site.cluster.folder.parent / f".{site.name}-gpus" / "metrics" / "gpus.prom"

    def busy() -> list[str]:
        lines = file.read_text(encoding="utf-8").splitlines()
        return [
            line for line in lines if line.startswith("DCGM_FI_DEV_GPU_UTIL{") and 'pod="gpu-metrics"' in line
        ]

    with site.running(pod):
        until(lambda: len(busy()) == 1, busy)
        assert busy()[0].endswith(" 95")
        assert f'Hostname="{site.real(ZONE)}"' in busy()[0]
    until(lambda: busy() == [], busy)


def test_a_kubelet_that_starts_again_offers_its_gpus_again_and_gives_none_twice(site: Site) -> None:
    container = site.machines[site.real(ZONE)]
    pod = site.pod("gpu-survives", ZONE, "pause", gpus=2)
    with site.running(pod):
        before = registrations(site)
        site.lab.inside(container, "systemctl", "restart", "kubelet")
        until(
            lambda: registrations(site) > before, lambda: "the kubelet did not register the plugin again", 120
        )
        other = site.pod("gpu-after", ZONE, "env", gpus=6)
        with site.there(other):
            seen = environment(site.said(other))
            by_slice = site.get(other)["status"].get("extendedResourceClaimStatus")
        assert by_slice is None, "the scheduler took slices for a node that only counted no device yet"
        assert offered(site) == 8
        assert site.is_up(pod)
        held = environment(site.inside(pod, BOX, "env").stdout.decode())
    given = [one["SOVEREIGN_DEVICES"].split(",") for one in (held, seen)]
    assert [len(names) for names in given] == [2, 6]
    assert not set(given[0]) & set(given[1])


def registrations(site: Site) -> int:
    """How often the machine's kubelet has registered its device plugin, by the agent's log."""
    log = site.cluster.folder.parent / f".{site.name}-gpus" / "logs" / "gpu-agent.log"
    return log.read_text(encoding="utf-8").count(f"{site.real(ZONE)}: registered {GPU}")


def test_a_broken_gpus_taint_keeps_new_work_away(site: Site) -> None:
    machine = site.real(ZONE)
    try:
        assert inject(site.api, site.factory, site.plan, machine, gpu=0, xid=79)
        until(lambda: offered(site) == 7, lambda: offered(site))  # the scheduler has seen the taint by then
        late = site.pod("gpu-tainted", ZONE, "pause", gpus=1)
        with site.there(late):
            until(
                lambda: any("untolerated taint" in said for said in site.events(late)),
                lambda: site.events(late),
            )
    finally:
        heal(site.api, site.factory, site.plan, machine)
