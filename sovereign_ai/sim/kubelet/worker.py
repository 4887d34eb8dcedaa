"""One worker: its device plugin, its DRA driver, its readings and its ResourceSlices, kept as they should be.

`keep` is called again and again. It never waits long, and what cannot be done now (a kubelet that is
down, an API server that does not answer) is done the next time.
"""

from __future__ import annotations

from typing import Any

from sovereign_ai.cluster.access import Api
from sovereign_ai.plan.factory import Plan
from sovereign_ai.sim.difference import changes, owned_slice
from sovereign_ai.sim.factory import SLICE, mend, owned
from sovereign_ai.sim.faults import HARDWARE
from sovereign_ai.sim.kubelet import readings
from sovereign_ai.sim.kubelet.cdi import prepared
from sovereign_ai.sim.kubelet.device_plugin import DevicePlugin
from sovereign_ai.sim.kubelet.dra import DraDriver
from sovereign_ai.sim.kubelet.holders import Held, ask
from sovereign_ai.sim.kubelet.ledger import Ledger
from sovereign_ai.sim.kubelet.paths import Node
from sovereign_ai.sim.machine import Machine
from sovereign_ai.sim.metrics import Faults
from sovereign_ai.sim.slices import slice_objects

_CLAIM = ("resource.k8s.io/v1", "ResourceClaim")


class Worker:
    """What serves one worker's kubelet."""

    def __init__(self, api: Api, plan: Plan, machine: Machine, node: Node) -> None:
        """Prepare; nothing is served yet.

        Args:
            api: the cluster.
            plan: the plan.
            machine: the machine that the worker plays, and whose name it bears.
            node: the node's folders.
        """
        self.machine, self._api, self._node = machine, api, node
        self.held = Held({}, {})
        self.ready = False
        ledger = Ledger(prepared(node.cdi))
        self._ledger = ledger
        self._plugin = DevicePlugin(machine, node, ledger)
        self._dra = DraDriver(machine, node, ledger, self._claim) if machine.accelerator.dra_driver else None
        self._slices = [obj for obj in slice_objects(plan, machine.node.cluster) if obj["spec"]["nodeName"] == machine.node.name]

    def start(self) -> None:
        """Begin to serve.

        Raises:
            EnvironmentLacksError: a socket cannot be listened on.
        """
        if self._dra:
            self._dra.start()

    def keep(self, faults: Faults) -> None:
        """Bring the kubelet, the readings and the ResourceSlices to what they should be.

        Args:
            faults: machine and GPU to the last Xid.

        Raises:
            ApiError: the API server refused.
            UnreachableError: the API server did not answer; everything else is done.
        """
        name = self.machine.node.name
        broken = frozenset(gpu for (node, gpu), xid in faults.items() if node == name and xid in HARDWARE)
        self._plugin.break_gpus(broken)
        registered = self._plugin.keep()
        self.held = ask(self.machine, self._node) or self.held
        self._ledger.see(self.held.by_resource)
        readings.write(self._node.gpus, self.machine, self.held.of(self.machine), faults)
        if self._dra:
            self._dra.break_gpus(broken)
            self._dra.keep()
            registered = registered and self._dra.registered
        lost = len(broken) == self.machine.node.gpus
        self.ready = (
            publish(self._api, self._slices, name, self.machine.part.resource, lost=lost) and registered if self._dra else registered
        )

    def stop(self) -> None:
        """End what is served."""
        self._plugin.stop()
        if self._dra:
            self._dra.stop()

    def _claim(self, namespace: str, name: str) -> dict[str, Any] | None:
        """Read a claim."""
        return self._api.get(*_CLAIM, name, namespace)


def publish(api: Api, slices: list[dict[str, Any]], name: str, resource: str, *, lost: bool = False) -> bool:
    """Make or mend a worker's ResourceSlices; False while its node is not there, or offers no device.

    A kubelet that starts removes all slices of its node, and offers no device of a plugin until it says anew what the
    plugin registered, seconds later; nor does it while the plugin is away. For a node that offers none the scheduler takes
    devices from slices for whoever asks for the resource (KEP-5004), those too that running pods hold through the plugin;
    such a pod would be refused for as long as they run. So there are slices only while the node offers devices.

    Args:
        api: the cluster.
        slices: what the machine publishes.
        name: its node.
        resource: the extended resource that its device plugin offers.
        lost: whether every GPU is broken, so that the node rightly offers none; taints then keep all of them.

    Raises:
        ApiError: the API server refused.
        UnreachableError: the API server did not answer.
    """
    node = api.get("v1", "Node", name)
    if node is None:
        return False
    offered = int((node.get("status", {}).get("allocatable") or {}).get(resource, "0"))
    wanted = owned(slices, {name: node["metadata"]["uid"]}) if offered or lost else []
    found = [api.get(*SLICE, obj["metadata"]["name"]) for obj in slices]
    change = changes(wanted, [obj for obj in found if obj is not None], owned_slice)
    for obj in (*change.replace, *change.remove):
        api.delete(*SLICE, obj["metadata"]["name"])
    for obj in (*change.make, *change.replace):
        api.create(obj)
    for obj in change.mend:
        mend(api, obj)
    return bool(wanted)
