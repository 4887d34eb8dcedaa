"""What the lab has none of, on a real kubelet: MIG instances, and accelerators of AMD and Intel.

The control plane's node, which serves no device of the lab, plays a machine of each kind at once.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest

from sovereign_ai.cluster.kind.config import control_plane
from sovereign_ai.plan.factory import Plan
from sovereign_ai.sim.factory import SLICE
from sovereign_ai.sim.kubelet.agent import locate
from sovereign_ai.sim.kubelet.cdi import write_devices
from sovereign_ai.sim.kubelet.gpus import GpuDevice, devices
from sovereign_ai.sim.kubelet.worker import Worker
from sovereign_ai.sim.machine import Machine, machines
from sovereign_ai.sim.slices import slice_objects
from tests.kind.pods import BOX, HOST, Site, until
from tests.sim.plans import CLUSTER, factory_of, plan_of, pool
from tests.verify.small_bundle import CLASSES

pytestmark = pytest.mark.kind
SPACE = "vendors"


@dataclass(frozen=True)
class Kind:
    """One kind of machine, and how it is shown to a container."""

    system: str
    resource: str
    offered: int
    variable: str
    files: str
    device_class: str = ""
    mig: str = ""


MIG = Kind("dgx-h100", "nvidia.com/gpu", 16, "NVIDIA_VISIBLE_DEVICES", "nvidia", "mig.nvidia.com", "3g.40gb")
AMD = Kind("mi300x-oam8", "amd.com/gpu", 8, "AMD_VISIBLE_DEVICES", "renderD", "gpu.amd.com")
INTEL = Kind("gaudi3-oam8", "habana.ai/gaudi", 8, "HABANA_VISIBLE_DEVICES", "accel")
KINDS = pytest.mark.parametrize("kind", [MIG, AMD, INTEL], ids=lambda kind: kind.mig or kind.system)


def played(kind: Kind, name: str) -> tuple[Plan, Machine]:
    """A plan of one machine of a kind, under the name of a node."""
    made = plan_of(factory_of(pool("other", kind.system, 1, **({"mig": kind.mig} if kind.mig else {}))))
    named = replace(made, nodes=tuple(replace(node, name=name) for node in made.nodes))
    (machine,) = machines(named, CLUSTER)
    return named, machine


@pytest.fixture(scope="module")
def served(site: Site) -> Iterator[Site]:
    """The control plane's node, which offers one machine's devices of each kind, and a namespace that no rule
    governs.
    """
    name = control_plane(site.name)
    found = locate(name)
    assert found is not None
    found.node.make()
    workers, slices = [], []
    classes = [_device_class(one) for one in (MIG.device_class, AMD.device_class)]
    missing = [
        obj
        for obj in classes
        if site.api.get(obj["apiVersion"], "DeviceClass", obj["metadata"]["name"]) is None
    ]
    try:
        for kind in (MIG, AMD, INTEL):
            plan, machine = played(kind, name)
            workers.append(Worker(site.api, plan, machine, found.node))
            slices += slice_objects(plan, CLUSTER)
            workers[-1].start()
        space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}}
        with kept(workers), site.there(space, *missing):
            until(
                lambda: all(offered(site, kind) == kind.offered for kind in (MIG, AMD, INTEL)),
                lambda: site.api.get("v1", "Node", name),
            )
            until(
                lambda: all(worker.ready for worker in workers),
                lambda: [worker.machine.part for worker in workers if not worker.ready],
            )
            yield site
    finally:
        for worker in workers:
            worker.stop()
        for obj in slices:
            site.api.delete(*SLICE, obj["metadata"]["name"])


@contextmanager
def kept(workers: list[Worker]) -> Iterator[None]:
    """Do what the agent does, round by round."""
    ended = threading.Event()

    def rounds() -> None:
        while not ended.wait(0.5):
            for worker in workers:
                worker.keep({})

    thread = threading.Thread(target=rounds)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _device_class(name: str) -> dict[str, Any]:
    """A vendor's own class."""
    selectors = [{"cel": {"expression": CLASSES[name]}}]
    return {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "DeviceClass",
        "metadata": {"name": name},
        "spec": {"selectors": selectors},
    }


def offered(site: Site, kind: Kind) -> int:
    """The devices of a kind that the node's kubelet offers."""
    node = site.api.get("v1", "Node", control_plane(site.name))
    assert node is not None
    return int(node["status"]["allocatable"].get(kind.resource, "0"))


def pod_on(site: Site, name: str, *words: str) -> dict[str, Any]:
    """A pod on the control plane's node."""
    pod = site.pod(name, "restricted", *words)
    pod["metadata"] = {"name": name, "namespace": SPACE}
    pod["spec"] |= {"nodeSelector": {HOST: control_plane(site.name)}, "tolerations": [{"operator": "Exists"}]}
    return pod


@contextmanager
def holding(
    site: Site, kind: Kind, pod: dict[str, Any], claim: dict[str, Any] | None = None
) -> Iterator[dict[str, str]]:
    """Have a pod run; what its runtime says of its environment."""
    with site.there(*([claim] if claim else [])), site.running(pod):
        lines = site.inside(pod, BOX, "env").stdout.decode().splitlines()
        files = site.inside(
            pod, BOX, "list", "/dev/dri" if kind is AMD else "/dev/accel" if kind is INTEL else "/dev"
        )
        yield dict(line.split("=", 1) for line in lines if "=" in line) | {"files": files.stdout.decode()}


def chosen(site: Site, kind: Kind, names: str) -> list[GpuDevice]:
    """The devices of these names, as the machine that is played has them."""
    known = {one.name: one for one in devices(played(kind, control_plane(site.name))[1])}
    return [known[name] for name in names.split(",")]


def check(site: Site, kind: Kind, seen: dict[str, str], number: int) -> None:
    """Hold a container's view against the devices that it was given."""
    given = chosen(site, kind, seen["SOVEREIGN_DEVICES"])
    assert len(given) == number
    assert seen[kind.variable] == ",".join(one.uuid if kind is MIG else str(one.gpu) for one in given)
    others = {MIG.variable, AMD.variable, INTEL.variable} - {kind.variable}
    assert not others & set(seen)
    files = [file for file in seen["files"].split() if file.startswith(kind.files)]
    assert len(files) == len({one.gpu for one in given})


@KINDS
def test_devices_of_every_kind_reach_a_container_through_a_real_kubelet(served: Site, kind: Kind) -> None:
    pod = pod_on(served, f"holds-{kind.files.lower()}", "pause")
    for part in ("limits", "requests"):
        pod["spec"]["containers"][0]["resources"][part][kind.resource] = "2"
    with holding(served, kind, pod) as seen:
        check(served, kind, seen, 2)


@pytest.mark.parametrize("kind", [MIG, AMD], ids=lambda kind: kind.device_class)
def test_a_claim_of_another_vendors_device_or_of_an_instance_is_served_by_a_real_kubelet(
    served: Site, kind: Kind
) -> None:
    name = f"claims-{kind.files.lower()}"
    request = {
        "name": "device",
        "exactly": {"deviceClassName": kind.device_class, "allocationMode": "ExactCount", "count": 1},
    }
    wish = {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceClaim",
        "metadata": {"name": name, "namespace": SPACE},
        "spec": {"devices": {"requests": [request]}},
    }
    pod = pod_on(served, name, "pause")
    pod["spec"]["resourceClaims"] = [{"name": "device", "resourceClaimName": name}]
    pod["spec"]["containers"][0]["resources"]["claims"] = [{"name": "device"}]
    there = locate(control_plane(served.name))
    assert there is not None
    write_devices(
        there.node.cdi, played(kind, control_plane(served.name))[1]
    )  # a node has one file of devices, for it plays one machine
    with holding(served, kind, pod, wish) as seen:
        check(served, kind, seen, 1)
