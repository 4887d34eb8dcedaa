"""The device plugin: offers a worker's devices to its kubelet as an extended resource (`v1beta1`).

The kubelet counts and chooses. It is told at once when a device breaks or is mended, prefers the lowest
devices that no claim holds, and is refused a device that one does hold; it then fails the pod and says why.

A kubelet that starts again clears its folder and opens its socket anew: `keep` sees that, and registers again.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Any

from sovereign_ai.sim.kubelet.breakable import Breakable
from sovereign_ai.sim.kubelet.gpus import Device, devices, given
from sovereign_ai.sim.kubelet.ledger import HeldError, Ledger, patiently
from sovereign_ai.sim.kubelet.messages import DEVICE_PLUGIN
from sovereign_ai.sim.kubelet.paths import Node
from sovereign_ai.sim.kubelet.sockets import Method, RpcError, Served, Services, calling, reason, refuse, serve
from sovereign_ai.sim.machine import Machine

VERSION = "v1beta1"
HEALTHY, UNHEALTHY = "Healthy", "Unhealthy"
KUBELET = "kubelet.sock"
_SERVICE, _REGISTER = f"{VERSION}.DevicePlugin", f"/{VERSION}.Registration/Register"
_WAKE_SECONDS = 1.0
_log = logging.getLogger(__name__)


class DevicePlugin(Breakable):
    """Offers one machine's devices."""

    def __init__(self, machine: Machine, node: Node, ledger: Ledger) -> None:
        """Prepare; nothing is served yet.

        Args:
            machine: the machine that is played.
            node: the node's folders.
            ledger: who holds which device.
        """
        super().__init__()
        self._machine, self._folder, self._ledger = machine, node.device_plugins, ledger
        self._devices = {one.uuid: one for one in devices(machine)}
        self._served: Served | None = None
        self._kubelet: tuple[int, int] | None = None
        self._socket = self._folder / f"sovereign-ai-{machine.part.resource.replace('/', '_')}.sock"

    def keep(self) -> bool:
        """Register if the kubelet is new; whether it knows us now."""
        seen = self._kubelet_seen()
        if seen is not None and seen == self._kubelet and self._socket.exists():
            return True
        self._kubelet = None
        if seen is None:
            return False
        self.stop()
        self._served = serve((self._socket,), self.services())
        try:
            self._register()
        except (RpcError, OSError) as error:
            _log.warning("%s: the kubelet did not register %s: %s", self._machine.node.name, self._machine.part.resource, reason(error))
            return False
        self._kubelet = seen
        _log.info("%s: registered %s", self._machine.node.name, self._machine.part.resource)
        return True

    def stop(self) -> None:
        """End what is served; the kubelet then counts no device of ours."""
        if self._served is not None:
            self._served.stop()
            self._served = None

    def services(self) -> Services:
        """Give what is served."""
        plugin = DEVICE_PLUGIN
        return {
            _SERVICE: {
                "GetDevicePluginOptions": Method(lambda _request, _context: self._options(), plugin["Empty"]),
                "ListAndWatch": Method(self._list_and_watch, plugin["Empty"], stream=True),
                "GetPreferredAllocation": Method(self._prefer, plugin["PreferredAllocationRequest"]),
                "Allocate": Method(self._allocate, plugin["AllocateRequest"]),
                "PreStartContainer": Method(lambda _request, _context: plugin["PreStartResponse"](), plugin["PreStartRequest"]),
            }
        }

    def _kubelet_seen(self) -> tuple[int, int] | None:
        """Tell one socket of the kubelet from the next; None if there is none."""
        try:
            found = (self._folder / KUBELET).stat()
        except OSError:
            return None
        return found.st_ino, found.st_ctime_ns

    def _register(self) -> None:
        """Tell the kubelet who we are and where."""
        request = DEVICE_PLUGIN["RegisterRequest"](
            version=VERSION, endpoint=self._socket.name, resource_name=self._machine.part.resource, options=self._options()
        )
        with calling(self._folder / KUBELET) as call:
            call(_REGISTER, request, DEVICE_PLUGIN["Empty"])

    def _options(self) -> Any:
        """Say what the kubelet may ask for."""
        return DEVICE_PLUGIN["DevicePluginOptions"](get_preferred_allocation_available=True)

    def _list_and_watch(self, _request: Any, context: Any) -> Iterator[Any]:
        """Give all devices, and again whenever their health changed, until the kubelet goes away."""
        told = -1
        while context.is_active():
            state, broken = self._after(told, _WAKE_SECONDS)
            if state == told:
                continue
            told = state
            yield DEVICE_PLUGIN["ListAndWatchResponse"](devices=[_described(one, broken) for one in self._devices.values()])

    def _prefer(self, request: Any, _context: Any) -> Any:
        """Prefer what must be included, then the lowest devices that no claim holds."""
        claimed = self._ledger.claimed()
        answers = []
        for asked in request.containers:
            must = list(asked.must_include)
            free = [self._devices[uuid] for uuid in asked.available if uuid in self._devices and uuid not in must]
            best = sorted(free, key=lambda one: (one.name in claimed, one.number))
            chosen = [*must, *(one.uuid for one in best)][: asked.size]
            answers.append(DEVICE_PLUGIN["PreferredResponse"](device_ids=chosen))
        return DEVICE_PLUGIN["PreferredAllocationResponse"](containers=answers)

    def _allocate(self, request: Any, context: Any) -> Any:
        """Give each container its devices; refuse all if one cannot be given."""
        unknown = sorted({uuid for asked in request.containers for uuid in asked.device_ids} - set(self._devices))
        if unknown:
            refuse(context, f"no such device: {', '.join(unknown)}")
        chosen = [[self._devices[uuid] for uuid in asked.device_ids] for asked in request.containers]
        gone = sorted({one.name for container in chosen for one in container if one.gpu in self._broken})
        if gone:
            refuse(context, f"broken: {', '.join(gone)}")
        names = [one.name for container in chosen for one in container]
        try:
            patiently(lambda: self._ledger.give(names))
        except HeldError as error:
            refuse(context, str(error))
        return DEVICE_PLUGIN["AllocateResponse"](containers=[self._container(sorted(one, key=lambda own: own.number)) for one in chosen])

    def _container(self, chosen: Sequence[Device]) -> Any:
        """Write what one container gets."""
        what = given(self._machine, chosen)
        mount, file = DEVICE_PLUGIN["Mount"], DEVICE_PLUGIN["DeviceFile"]
        return DEVICE_PLUGIN["ContainerResponse"](
            envs=what.variables,
            mounts=[mount(container_path=path, host_path=node, read_only=True) for path, node in what.mounts.items()],
            devices=[file(container_path=path, host_path=node, permissions="rw") for path, node in what.files.items()],
        )


def _described(one: Device, broken: frozenset[int]) -> Any:
    """Describe a device to the kubelet."""
    topology = DEVICE_PLUGIN["Topology"](nodes=[DEVICE_PLUGIN["NumaNode"](id=one.numa)])
    return DEVICE_PLUGIN["Device"](id=one.uuid, health=UNHEALTHY if one.gpu in broken else HEALTHY, topology=topology)
