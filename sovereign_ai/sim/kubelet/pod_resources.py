"""The pod that holds each device of a worker, by the kubelet's own answer (pod resources `v1`).

DCGM's exporter uses the same API. Unlike on the embedded control plane nothing has to be inferred.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.sim.kubelet.gpus import devices
from sovereign_ai.sim.kubelet.messages import POD_RESOURCES
from sovereign_ai.sim.kubelet.paths import KubeletPaths
from sovereign_ai.sim.kubelet.sockets import RpcError, calling
from sovereign_ai.sim.machine import Machine

SOCKET = "kubelet.sock"
_LIST = "/v1.PodResourcesLister/List"


@frozen_dataclass
class HeldDevice:
    """The holders of a worker's devices: device to `namespace/pod`.

    Attributes:
        by_resource: through the device plugin.
        by_claim: through DRA.
    """

    by_resource: Mapping[str, str]
    by_claim: Mapping[str, str]

    def of(self, machine: Machine) -> tuple[str, ...]:
        """Return the holder of each device, in order; empty where it is free."""
        both = {**self.by_claim, **self.by_resource}
        return tuple(both.get(device.name, "") for device in devices(machine))


def read_holders(machine: Machine, node: KubeletPaths) -> HeldDevice | None:
    """Ask a worker's kubelet; None while it does not answer.

    Args:
        machine: the machine that is played.
        node: the node's folders.
    """
    try:
        with calling(node.pod_resources / SOCKET) as call:
            answer = call(_LIST, POD_RESOURCES["ListRequest"](), POD_RESOURCES["ListResponse"])
            return read(machine, answer)
    except (RpcError, OSError):
        return None


def read(machine: Machine, answer: Any) -> HeldDevice:
    """Return the holders that a kubelet's answer names."""
    names = {device.uuid: device.name for device in devices(machine)}
    by_resource: dict[str, str] = {}
    by_claim: dict[str, str] = {}
    for pod in answer.pods:
        holder = f"{pod.namespace}/{pod.name}"
        for container in pod.containers:
            for part in container.devices:
                # Other plugins of the node list their devices here too.
                if part.resource_name != machine.part.resource:
                    continue
                for uuid in part.device_ids:
                    if uuid in names:
                        by_resource[names[uuid]] = holder
            by_claim |= dict.fromkeys(_claimed(machine, container), holder)
    return HeldDevice(by_resource, by_claim)


def _claimed(machine: Machine, container: Any) -> Iterator[str]:
    """Yield the names of the devices that a container holds by claims."""
    for claim in container.claims:
        for device in claim.devices:
            pool = (device.driver_name, device.pool_name)
            if pool == (machine.dra_driver, machine.node.name):
                yield device.device_name
