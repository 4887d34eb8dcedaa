"""The device plugin: it offers a worker's devices to its kubelet as an extended resource (`v1beta1`).

The kubelet counts and chooses. The plugin notifies it at once when a device breaks or is repaired, and
prefers the lowest devices that no claim holds. It refuses a device that a claim holds; the kubelet then fails
the pod with the reason.

A kubelet that restarts clears its folder and opens its socket anew: `keep` sees that, and registers the
plugin anew.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Any

from sovereign_ai.sim.kubelet.breakable import Breakable
from sovereign_ai.sim.kubelet.gpus import GpuDevice, container_contents, devices
from sovereign_ai.sim.kubelet.ledger import HeldError, Ledger, wait_for_devices
from sovereign_ai.sim.kubelet.messages import DEVICE_PLUGIN
from sovereign_ai.sim.kubelet.paths import KubeletPaths
from sovereign_ai.sim.kubelet.sockets import (
    Method,
    RpcError,
    Served,
    Services,
    calling,
    reason,
    refuse,
    serve,
)
from sovereign_ai.sim.machine import Machine

VERSION = "v1beta1"
HEALTHY, UNHEALTHY = "Healthy", "Unhealthy"
KUBELET = "kubelet.sock"
_SERVICE, _REGISTER = f"{VERSION}.DevicePlugin", f"/{VERSION}.Registration/Register"
_WAKE_SECONDS = 1.0
"""How often a stream without news looks whether the kubelet is still there."""
_log = logging.getLogger(__name__)


class DevicePlugin(Breakable):
    """Offers one machine's devices."""

    def __init__(self, machine: Machine, node: KubeletPaths, ledger: Ledger) -> None:
        """Prepare; nothing is served yet.

        Args:
            machine: the machine that is played.
            node: the node's folders.
            ledger: the holders of devices.
        """
        super().__init__()
        self._machine, self._folder, self._ledger = machine, node.device_plugins, ledger
        self._devices = {device.uuid: device for device in devices(machine)}
        self._served: Served | None = None
        self._kubelet: tuple[int, int] | None = None
        self._socket = self._folder / f"sovereign-ai-{machine.part.resource.replace('/', '_')}.sock"

    def keep(self) -> bool:
        """Register with the kubelet if it is new, and return whether it knows the plugin now."""
        name, resource = self._machine.node.name, self._machine.part.resource
        seen = self._kubelet_seen()
        if seen is not None and seen == self._kubelet and self._socket.exists():
            return True
        self._kubelet = None
        if seen is None:
            return False
        self.stop()
        # The kubelet calls the plugin as soon as it is registered, so the plugin serves first.
        self._served = serve((self._socket,), self.services())
        try:
            self._register()
        except (RpcError, OSError) as error:
            _log.warning("%s: the kubelet did not register %s: %s", name, resource, reason(error))
            return False
        self._kubelet = seen
        _log.info("%s: registered %s", name, resource)
        return True

    def stop(self) -> None:
        """Stop serving; the kubelet then counts none of these devices."""
        if self._served is not None:
            self._served.stop()
            self._served = None

    def services(self) -> Services:
        """Return the gRPC services of the plugin."""
        plugin = DEVICE_PLUGIN
        methods = {
            "GetDevicePluginOptions": Method(self._get_options, plugin["Empty"]),
            "ListAndWatch": Method(self._list_and_watch, plugin["Empty"], stream=True),
            "GetPreferredAllocation": Method(self._prefer, plugin["PreferredAllocationRequest"]),
            "Allocate": Method(self._allocate, plugin["AllocateRequest"]),
            "PreStartContainer": Method(self._pre_start, plugin["PreStartRequest"]),
        }
        return {_SERVICE: methods}

    def _kubelet_seen(self) -> tuple[int, int] | None:
        """Return what distinguishes one socket of the kubelet from the next; None if there is none."""
        try:
            status = (self._folder / KUBELET).stat()
        except OSError:
            return None
        # An inode number alone may be used anew at once.
        return status.st_ino, status.st_ctime_ns

    def _register(self) -> None:
        """Register the plugin with the kubelet.

        Raises:
            RpcError: the kubelet refused.
            OSError: its socket is gone.
        """
        request = DEVICE_PLUGIN["RegisterRequest"](
            version=VERSION,
            endpoint=self._socket.name,
            resource_name=self._machine.part.resource,
            options=self._options(),
        )
        with calling(self._folder / KUBELET) as call:
            call(_REGISTER, request, DEVICE_PLUGIN["Empty"])

    def _options(self) -> Any:
        """Return the calls that the kubelet may make besides the usual ones."""
        return DEVICE_PLUGIN["DevicePluginOptions"](get_preferred_allocation_available=True)

    def _get_options(self, _request: Any, _context: Any) -> Any:
        """Return the options to a kubelet that asks for them."""
        return self._options()

    def _pre_start(self, _request: Any, _context: Any) -> Any:
        """Do nothing: no device needs to be prepared before its container starts."""
        return DEVICE_PLUGIN["PreStartResponse"]()

    def _list_and_watch(self, _request: Any, context: Any) -> Iterator[Any]:
        """Yield all devices, at first and whenever their health changes, until the kubelet goes away."""
        sent = -1
        while context.is_active():
            state, broken = self._after(sent, _WAKE_SECONDS)
            if state == sent:
                continue
            sent = state
            described = [_described(device, broken) for device in self._devices.values()]
            yield DEVICE_PLUGIN["ListAndWatchResponse"](devices=described)

    def _prefer(self, request: Any, _context: Any) -> Any:
        """Prefer what must be included, then the lowest devices that no claim holds."""
        claimed = self._ledger.claimed()

        def rank(device: GpuDevice) -> tuple[bool, int]:
            return device.name in claimed, device.number

        answers = []
        for container in request.containers:
            chosen = list(container.must_include)
            free = []
            for uuid in container.available:
                device = self._devices.get(uuid)
                if device is not None and uuid not in chosen:
                    free.append(device)
            chosen += [device.uuid for device in sorted(free, key=rank)]
            answer = DEVICE_PLUGIN["PreferredResponse"](device_ids=chosen[: container.size])
            answers.append(answer)
        return DEVICE_PLUGIN["PreferredAllocationResponse"](containers=answers)

    def _allocate(self, request: Any, context: Any) -> Any:
        """Allocate each container its devices; refuse all if one cannot be allocated."""
        chosen = self._chosen(request, context)
        names = []
        broken = set()
        for devices_of in chosen:
            for device in devices_of:
                names.append(device.name)
                if device.gpu in self._broken:
                    broken.add(device.name)
        if broken:
            refuse(context, f"broken: {', '.join(sorted(broken))}")
        try:
            wait_for_devices(lambda: self._ledger.give(names))
        except HeldError as error:
            refuse(context, str(error))
        answers = []
        for devices_of in chosen:
            # In the order of their numbers: a container sees them so, however the kubelet lists them.
            ordered = sorted(devices_of, key=lambda device: device.number)
            answers.append(self._container(ordered))
        return DEVICE_PLUGIN["AllocateResponse"](containers=answers)

    def _chosen(self, request: Any, context: Any) -> list[list[GpuDevice]]:
        """Return the devices that the kubelet chose for each container; refuse one that is unknown."""
        unknown: set[str] = set()
        for container in request.containers:
            unknown.update(container.device_ids)
        unknown -= self._devices.keys()
        if unknown:
            refuse(context, f"no such device: {', '.join(sorted(unknown))}")
        chosen = []
        for container in request.containers:
            devices_of = []
            for uuid in container.device_ids:
                device = self._devices[uuid]
                devices_of.append(device)
            chosen.append(devices_of)
        return chosen

    def _container(self, chosen: Sequence[GpuDevice]) -> Any:
        """Return what one container gets."""
        contents = container_contents(self._machine, chosen)
        mounts = []
        for path, node in contents.mounts.items():
            mount = DEVICE_PLUGIN["Mount"](container_path=path, host_path=node, read_only=True)
            mounts.append(mount)
        files = []
        for path, node in contents.files.items():
            file = DEVICE_PLUGIN["DeviceFile"](container_path=path, host_path=node, permissions="rw")
            files.append(file)
        return DEVICE_PLUGIN["ContainerResponse"](envs=contents.variables, mounts=mounts, devices=files)


def _described(device: GpuDevice, broken: frozenset[int]) -> Any:
    """Return a device as the kubelet lists it."""
    # The kubelet's topology manager aligns devices and CPUs by the NUMA node.
    topology = DEVICE_PLUGIN["Topology"](nodes=[DEVICE_PLUGIN["NumaNode"](id=device.numa)])
    health = UNHEALTHY if device.gpu in broken else HEALTHY
    return DEVICE_PLUGIN["Device"](id=device.uuid, health=health, topology=topology)
