"""One worker: its device plugin, its DRA driver, its readings and its ResourceSlices, reconciled in rounds.

`keep` is one round. It never waits long, and what cannot be done now (a kubelet that is down, an API server
that does not answer) is done in the next round.
"""

from __future__ import annotations

from typing import Any

from sovereign_ai.cluster.api import Api, delete_as_read
from sovereign_ai.plan import Plan
from sovereign_ai.sim.difference import changes, owned_slice
from sovereign_ai.sim.factory import SLICE, owned, restore
from sovereign_ai.sim.faults import takes_out
from sovereign_ai.sim.kubelet import device_files
from sovereign_ai.sim.kubelet.cdi import prepared
from sovereign_ai.sim.kubelet.device_plugin import DevicePlugin
from sovereign_ai.sim.kubelet.dra import DraDriver
from sovereign_ai.sim.kubelet.ledger import Ledger
from sovereign_ai.sim.kubelet.paths import KubeletPaths
from sovereign_ai.sim.kubelet.pod_resources import HeldDevice, read_holders
from sovereign_ai.sim.machine import Machine
from sovereign_ai.sim.metrics import Faults
from sovereign_ai.sim.slices import slice_objects

_CLAIM = ("resource.k8s.io/v1", "ResourceClaim")


class Worker:
    """The servers of one worker's kubelet, and what they publish."""

    def __init__(self, api: Api, plan: Plan, machine: Machine, node: KubeletPaths) -> None:
        """Prepare; nothing is served yet.

        Args:
            api: the cluster.
            plan: the plan.
            machine: the machine that the worker plays, and whose name it has.
            node: the node's folders.
        """
        self.machine, self._api, self._node = machine, api, node
        self.held = HeldDevice({}, {})
        self.ready = False
        # One ledger for both drivers, since both offer the same devices.
        ledger = Ledger(prepared(node.cdi))
        self._ledger = ledger
        # A machine without accelerators has nothing that a kubelet would count.
        self._plugin = DevicePlugin(machine, node, ledger) if machine.part.resource else None
        self._dra: DraDriver | None = None
        if machine.dra_driver:
            self._dra = DraDriver(machine, node, ledger, self._claim)
        slices = slice_objects(plan, machine.node.cluster)
        self._slices = [obj for obj in slices if obj["spec"]["nodeName"] == machine.node.name]

    def start(self) -> None:
        """Start to serve; the device plugin starts once there is a kubelet to register with.

        Raises:
            EnvironmentLacksError: a server cannot listen on its socket.
        """
        if self._dra:
            self._dra.start()

    def keep(self, faults: Faults) -> None:
        """Reconcile the registrations, the readings and the ResourceSlices with what they should be.

        Args:
            faults: machine and GPU to the last Xid.

        Raises:
            ApiError: the API server refused.
            UnreachableError: the API server did not answer; everything else is done.
        """
        name = self.machine.node.name
        broken = self._broken(faults)
        registered = True
        if self._plugin:
            self._plugin.break_gpus(broken)
            registered = self._plugin.keep()
        # While the kubelet does not answer, its last answer counts.
        self.held = read_holders(self.machine, self._node) or self.held
        self._ledger.see(self.held.by_resource)
        device_files.write(self._node.gpus, self.machine, self.held.of(self.machine), faults)
        if self._dra:
            self._dra.break_gpus(broken)
            self._dra.keep()
            registered = registered and self._dra.registered
            lost = len(broken) == self.machine.node.gpus
            # Last, for only this asks the API server.
            published = publish(self._api, self._slices, name, self.machine.part.resource, lost=lost)
            registered = registered and published
        self.ready = registered

    def _broken(self, faults: Faults) -> frozenset[int]:
        """Return the GPUs of the machine that a hardware fault took out."""
        broken = set()
        for (node, gpu), xid in faults.items():
            if node == self.machine.node.name and takes_out(self.machine, xid):
                broken.add(gpu)
        return frozenset(broken)

    def stop(self) -> None:
        """Stop serving."""
        if self._plugin:
            self._plugin.stop()
        if self._dra:
            self._dra.stop()

    def _claim(self, namespace: str, name: str) -> dict[str, Any] | None:
        """Read a claim."""
        return self._api.get(*_CLAIM, name, namespace)


def publish(api: Api, slices: list[dict[str, Any]], name: str, resource: str, *, lost: bool = False) -> bool:
    """Make, restore or remove a worker's ResourceSlices.

    A kubelet that starts removes all slices of its node, and offers no device of a plugin until the plugin
    has registered anew, seconds later; nor does it while the plugin is away. On a node that offers none the
    scheduler allocates devices from slices to pods that request the resource (KEP-5004), those too that
    running pods hold through the plugin; such a pod would be refused for as long as they run. So there are
    slices only while the node offers devices.

    Args:
        api: the cluster.
        slices: what the machine publishes.
        name: its node.
        resource: the extended resource that its device plugin offers.
        lost: whether every GPU is broken, so that the node rightly offers none; taints then protect all of
            them.

    Returns:
        Whether the slices are published; False while the node is not there, or offers no device.

    Raises:
        ApiError: the API server refused.
        UnreachableError: the API server did not answer.
    """
    node = api.get("v1", "Node", name)
    if node is None:
        return False
    allocatable = node.get("status", {}).get("allocatable") or {}
    offered = int(allocatable.get(resource, "0"))
    wanted = []
    if offered or lost:
        wanted = owned(slices, {name: node["metadata"]["uid"]})
    live = []
    for obj in slices:
        # Read by name: the agent may not list the slices of others.
        current = api.get(*SLICE, obj["metadata"]["name"])
        if current is not None:
            live.append(current)
    change = changes(wanted, live, owned_slice)
    for obj in (*change.replace, *change.remove):
        delete_as_read(api, *SLICE, obj["metadata"])
    for obj in (*change.make, *change.replace):
        api.create(obj)
    for obj in change.mend:
        restore(api, obj)
    return bool(wanted)
