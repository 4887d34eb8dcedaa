"""Which pod holds which device of a worker: the kubelet's own answer (pod resources `v1`).

This is what DCGM's exporter asks as well. Unlike on the embedded plane nothing has to be inferred.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sovereign_ai.sim.kubelet.gpus import devices
from sovereign_ai.sim.kubelet.messages import POD_RESOURCES
from sovereign_ai.sim.kubelet.paths import Node
from sovereign_ai.sim.kubelet.sockets import RpcError, calling
from sovereign_ai.sim.machine import Machine

SOCKET = "kubelet.sock"
_LIST = "/v1.PodResourcesLister/List"


@dataclass(frozen=True, slots=True)
class Held:
    """Who holds a worker's devices: device to `namespace/pod`.

    Attributes:
        by_resource: through the device plugin.
        by_claim: through DRA.
    """

    by_resource: Mapping[str, str]
    by_claim: Mapping[str, str]

    def of(self, machine: Machine) -> tuple[str, ...]:
        """Give the holder of each device, in order; empty where it is free."""
        both = {**self.by_claim, **self.by_resource}
        return tuple(both.get(one.name, "") for one in devices(machine))


def ask(machine: Machine, node: Node) -> Held | None:
    """Ask a worker's kubelet; None while it does not answer.

    Args:
        machine: the machine that is played.
        node: the node's folders.
    """
    try:
        with calling(node.pod_resources / SOCKET) as call:
            return read(machine, call(_LIST, POD_RESOURCES["ListRequest"](), POD_RESOURCES["ListResponse"]))
    except (RpcError, OSError):
        return None


def read(machine: Machine, answer: Any) -> Held:
    """Read the kubelet's answer."""
    names = {one.uuid: one.name for one in devices(machine)}
    by_resource: dict[str, str] = {}
    by_claim: dict[str, str] = {}
    for pod in answer.pods:
        holder = f"{pod.namespace}/{pod.name}"
        for container in pod.containers:
            ids = [uuid for part in container.devices if part.resource_name == machine.part.resource for uuid in part.device_ids]
            by_resource |= {names[uuid]: holder for uuid in ids if uuid in names}
            by_claim |= dict.fromkeys(_claimed(machine, container), holder)
    return Held(by_resource, by_claim)


def _claimed(machine: Machine, container: Any) -> Iterator[str]:
    """Name the devices that a container holds by claims."""
    for claim in container.claims:
        for one in claim.devices:
            if (one.driver_name, one.pool_name) == (machine.accelerator.dra_driver, machine.node.name):
                yield one.device_name
