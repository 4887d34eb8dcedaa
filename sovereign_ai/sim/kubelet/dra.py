"""The DRA driver: it prepares claims on a worker for its kubelet (`v1`), and reports the health of devices.

The kubelet discovers the registration socket in `plugins_registry`, asks it for the driver's name and socket,
and calls that one. The devices of a claim are read from its allocation, which the scheduler wrote; the
kubelet's request only names the claim. Preparing a claim twice has the effect of preparing it once, and what
is prepared outlives this process as CDI files.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

from sovereign_ai.errors import EnvironmentLacksError
from sovereign_ai.sim.kubelet.breakable import Breakable
from sovereign_ai.sim.kubelet.cdi import (
    Requests,
    device_id,
    remove_claim,
    request_id,
    write_claim,
    write_devices,
)
from sovereign_ai.sim.kubelet.gpus import GpuDevice, devices
from sovereign_ai.sim.kubelet.ledger import HeldError, Ledger, wait_for_devices
from sovereign_ai.sim.kubelet.messages import DRA, HEALTH, REGISTRATION
from sovereign_ai.sim.kubelet.paths import PLUGINS, KubeletPaths
from sovereign_ai.sim.kubelet.sockets import Method, Served, Services, serve
from sovereign_ai.sim.machine import Machine

SERVICES = ("v1.DRAPlugin", "v1.DRAResourceHealth")
"""The supported services; the first is Kubernetes' name for `k8s.io.kubelet.pkg.apis.dra.v1.DRAPlugin`."""
# HEALTHY and UNHEALTHY of the protocol's enumeration.
_WELL, _BROKEN = 1, 2
# Health counts as unknown a timeout after it was sent, so it is sent anew well before.
_WAKE_SECONDS, _REFRESH_SECONDS, _TIMEOUT_SECONDS = 1.0, 10.0, 60
_log = logging.getLogger(__name__)

ReadClaim = Callable[[str, str], dict[str, Any] | None]
"""Returns a ResourceClaim by namespace and name; None if there is none."""


class DraDriver(Breakable):
    """Prepares claims on one machine."""

    def __init__(self, machine: Machine, node: KubeletPaths, ledger: Ledger, read: ReadClaim) -> None:
        """Prepare; nothing is served yet.

        Args:
            machine: the machine that is played; its vendor has a DRA driver.
            node: the node's folders.
            ledger: the holders of devices.
            read: returns a claim.
        """
        super().__init__()
        self._machine, self._ledger, self._read = machine, ledger, read
        self._driver = str(machine.dra_driver)
        self._devices = {device.name: device for device in devices(machine)}
        self._cdi = node.cdi
        self._registry = node.registry / f"{self._driver}-reg.sock"
        self._socket = node.plugins / self._driver / "dra.sock"
        self._served: tuple[Served, ...] = ()
        self.registered = False

    def start(self) -> None:
        """Serve the driver's socket, then the registration socket.

        Raises:
            EnvironmentLacksError: a socket cannot be listened on.
        """
        write_devices(self._cdi, self._machine)
        self._socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # In this order: a kubelet that sees the registration calls the other socket at once.
        self._served = (serve((self._socket,), self.services()),)
        # Added one by one, so that `stop` ends the first if the second cannot be served.
        self._served += (serve((self._registry,), self.registration()),)

    def keep(self) -> None:
        """Restart the servers if somebody removed a socket."""
        if not (self._socket.exists() and self._registry.exists()):
            self.stop()
            self.start()

    def stop(self) -> None:
        """Stop serving, the registration socket first."""
        for served in reversed(self._served):
            served.stop()
        self._served, self.registered = (), False

    def registration(self) -> Services:
        """Return the services of the registration socket."""
        methods = {
            "GetInfo": Method(self._info, REGISTRATION["InfoRequest"]),
            "NotifyRegistrationStatus": Method(self._noted, REGISTRATION["RegistrationStatus"]),
        }
        return {"pluginregistration.Registration": methods}

    def services(self) -> Services:
        """Return the services of the driver's socket."""
        claims = {
            "NodePrepareResources": Method(self._prepare_all, DRA["PrepareRequest"]),
            "NodeUnprepareResources": Method(self._unprepare_all, DRA["UnprepareRequest"]),
        }
        health = {"NodeWatchResources": Method(self._watch, HEALTH["WatchRequest"], stream=True)}
        return {"k8s.io.kubelet.pkg.apis.dra.v1.DRAPlugin": claims, SERVICES[1]: health}

    def _info(self, _request: Any, _context: Any) -> Any:
        """Return the driver's name and its socket, by the path that the node sees."""
        endpoint = f"{PLUGINS}/{self._driver}/{self._socket.name}"
        return REGISTRATION["PluginInfo"](
            type="DRAPlugin", name=self._driver, endpoint=endpoint, supported_versions=SERVICES
        )

    def _noted(self, status: Any, _context: Any) -> Any:
        """Note whether the kubelet registered the driver."""
        name = self._machine.node.name
        self.registered = bool(status.plugin_registered)
        if self.registered:
            _log.info("%s: registered driver %s", name, self._driver)
        else:
            _log.error("%s: the kubelet did not register driver %s: %s", name, self._driver, status.error)
        return REGISTRATION["RegistrationStatusResponse"]()

    def _prepare_all(self, request: Any, _context: Any) -> Any:
        """Prepare each claim; one that cannot be prepared has its own reason in the answer."""
        answer = DRA["PrepareResponse"]()
        for claim in request.claims:
            try:
                requests = self._prepare(claim)
            except (HeldError, EnvironmentLacksError, OSError, ValueError) as error:
                answer.claims[claim.uid].error = str(error)
            else:
                answer.claims[claim.uid].devices.extend(self._prepared(claim.uid, requests))
        return answer

    def _prepare(self, claim: Any) -> Requests:
        """Prepare one claim; all of it or nothing."""
        requests = self._allocated(claim)
        names: list[str] = []
        for held in requests.values():
            names += [device.name for device in held]
        wait_for_devices(lambda: self._ledger.claim(claim.uid, names))
        try:
            write_claim(self._cdi, self._machine, claim.uid, requests)
        except OSError:
            # Without its file the claim would be unknown after a restart.
            self._ledger.release(claim.uid)
            raise
        return requests

    def _allocated(self, claim: Any) -> Requests:
        """Return this driver's devices that satisfy a claim's requests; a subrequest counts as its request.

        Raises:
            ValueError: the claim is gone, is another one of its name, or holds what this machine does not
                have.
        """
        name, node = f"{claim.namespace}/{claim.name}", self._machine.node.name
        stored = self._read(claim.namespace, claim.name)
        # A claim that was deleted and made anew has another UID, and perhaps other devices.
        if stored is None or stored["metadata"]["uid"] != claim.uid:
            raise ValueError(f"claim {name} of UID {claim.uid} is not there")
        requests: dict[str, list[GpuDevice]] = {}
        allocation = stored.get("status", {}).get("allocation", {})
        for result in allocation.get("devices", {}).get("results", []):
            # A claim may hold devices of several drivers.
            if (result["driver"], result["pool"]) != (self._driver, node):
                continue
            device = self._devices.get(result["device"])
            if device is None:
                raise ValueError(f"device {result['device']} is not of this machine")
            if device.gpu in self._broken:
                raise ValueError(f"device {result['device']} is lost")
            # A subrequest is written `request/subrequest`.
            request, _, _ = result["request"].partition("/")
            requests.setdefault(request, []).append(device)
        if not requests:
            raise ValueError(f"claim {name} holds nothing of {self._driver} on {node}")
        return requests

    def _prepared(self, uid: str, requests: Requests) -> Iterator[Any]:
        """Yield the devices with the CDI names that the kubelet passes to the container runtime."""
        for request, held in requests.items():
            for place, device in enumerate(held):
                ids = [device_id(device)]
                # A request's variables come once, with its first device.
                if place == 0:
                    ids.append(request_id(uid, request))
                yield DRA["Device"](
                    request_names=[request],
                    pool_name=self._machine.node.name,
                    device_name=device.name,
                    cdi_device_ids=ids,
                )

    def _unprepare_all(self, request: Any, _context: Any) -> Any:
        """Release each claim; one that was not prepared is released already."""
        answer = DRA["UnprepareResponse"]()
        for claim in request.claims:
            remove_claim(self._cdi, claim.uid)
            self._ledger.release(claim.uid)
            # An empty entry means success; a claim without an entry counts as failed.
            answer.claims[claim.uid].SetInParent()
        return answer

    def _watch(self, _request: Any, context: Any) -> Iterator[Any]:
        """Yield the health of all devices, on changes and every ten seconds, until the kubelet goes away."""
        sent, sent_at = -1, 0.0
        while context.is_active():
            state, broken = self._after(sent, _WAKE_SECONDS)
            if state == sent and time.monotonic() - sent_at < _REFRESH_SECONDS:
                continue
            sent, sent_at = state, time.monotonic()
            healths = [self._health(device, broken) for device in self._devices.values()]
            yield HEALTH["WatchResponse"](devices=healths)

    def _health(self, device: GpuDevice, broken: frozenset[int]) -> Any:
        """Return a device's health."""
        is_lost = device.gpu in broken
        identifier = HEALTH["Identifier"](pool_name=self._machine.node.name, device_name=device.name)
        return HEALTH["DeviceHealth"](
            device=identifier,
            health=_BROKEN if is_lost else _WELL,
            last_updated_time=int(time.time()),
            health_check_timeout_seconds=_TIMEOUT_SECONDS,
            message="GPU is lost" if is_lost else "",
        )
