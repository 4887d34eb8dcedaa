"""The DRA driver: prepares claims on a worker for its kubelet (`v1`), and tells it how devices are.

The kubelet finds our socket in `plugins_registry`, asks who we are, and calls where we say. What a claim
holds is read from its allocation, which the scheduler wrote; the kubelet's request only names the claim.
Preparing twice is preparing once, and what is prepared survives us as CDI files.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

from sovereign_ai.errors import EnvironmentLacksError
from sovereign_ai.sim.kubelet.breakable import Breakable
from sovereign_ai.sim.kubelet.cdi import Requests, device_id, remove_claim, request_id, write_claim, write_devices
from sovereign_ai.sim.kubelet.gpus import Device, devices
from sovereign_ai.sim.kubelet.ledger import HeldError, Ledger, patiently
from sovereign_ai.sim.kubelet.messages import DRA, HEALTH, REGISTRATION
from sovereign_ai.sim.kubelet.paths import PLUGINS, Node
from sovereign_ai.sim.kubelet.sockets import Method, Served, Services, serve
from sovereign_ai.sim.machine import Machine

SERVICES = ("v1.DRAPlugin", "v1.DRAResourceHealth")
"""What we say that we serve; the first is Kubernetes' name for `k8s.io.kubelet.pkg.apis.dra.v1.DRAPlugin`."""
_WELL, _BROKEN = 1, 2
_WAKE_SECONDS, _REFRESH_SECONDS, _TIMEOUT_SECONDS = 1.0, 10.0, 60
_log = logging.getLogger(__name__)

ReadClaim = Callable[[str, str], dict[str, Any] | None]
"""Reads a ResourceClaim by namespace and name."""


class DraDriver(Breakable):
    """Prepares claims on one machine."""

    def __init__(self, machine: Machine, node: Node, ledger: Ledger, read: ReadClaim) -> None:
        """Prepare; nothing is served yet.

        Args:
            machine: the machine that is played; its vendor has a DRA driver.
            node: the node's folders.
            ledger: who holds which device.
            read: reads a claim.
        """
        super().__init__()
        self._machine, self._ledger, self._read = machine, ledger, read
        self._driver = str(machine.accelerator.dra_driver)
        self._devices = {one.name: one for one in devices(machine)}
        self._cdi = node.cdi
        self._registry = node.registry / f"{self._driver}-reg.sock"
        self._socket = node.plugins / self._driver / "dra.sock"
        self._served: tuple[Served, ...] = ()
        self.registered = False

    def start(self) -> None:
        """Serve; first where calls go, then where the kubelet looks.

        Raises:
            EnvironmentLacksError: a socket cannot be listened on.
        """
        write_devices(self._cdi, self._machine)
        self._socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._served = (serve((self._socket,), self.services()),)
        self._served += (serve((self._registry,), self.registration()),)

    def keep(self) -> None:
        """Serve again if somebody removed a socket."""
        if not (self._socket.exists() and self._registry.exists()):
            self.stop()
            self.start()

    def stop(self) -> None:
        """End what is served, first where the kubelet looks."""
        for served in reversed(self._served):
            served.stop()
        self._served, self.registered = (), False

    def registration(self) -> Services:
        """Give what is served where the kubelet looks."""
        methods = {
            "GetInfo": Method(lambda _request, _context: self._info(), REGISTRATION["InfoRequest"]),
            "NotifyRegistrationStatus": Method(self._noted, REGISTRATION["RegistrationStatus"]),
        }
        return {"pluginregistration.Registration": methods}

    def services(self) -> Services:
        """Give what is served where calls go."""
        return {
            "k8s.io.kubelet.pkg.apis.dra.v1.DRAPlugin": {
                "NodePrepareResources": Method(self._prepare_all, DRA["PrepareRequest"]),
                "NodeUnprepareResources": Method(self._unprepare_all, DRA["UnprepareRequest"]),
            },
            SERVICES[1]: {"NodeWatchResources": Method(self._watch, HEALTH["WatchRequest"], stream=True)},
        }

    def _info(self) -> Any:
        """Say who we are, and where calls go, as the node sees it."""
        endpoint = f"{PLUGINS}/{self._driver}/{self._socket.name}"
        return REGISTRATION["PluginInfo"](type="DRAPlugin", name=self._driver, endpoint=endpoint, supported_versions=SERVICES)

    def _noted(self, status: Any, _context: Any) -> Any:
        """Take note of whether the kubelet registered us."""
        self.registered = bool(status.plugin_registered)
        if self.registered:
            _log.info("%s: registered driver %s", self._machine.node.name, self._driver)
        else:
            _log.error("%s: the kubelet did not register driver %s: %s", self._machine.node.name, self._driver, status.error)
        return REGISTRATION["RegistrationStatusResponse"]()

    def _prepare_all(self, request: Any, _context: Any) -> Any:
        """Prepare each claim; one that cannot be has its own reason."""
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
        names = [one.name for held in requests.values() for one in held]
        patiently(lambda: self._ledger.claim(claim.uid, names))
        try:
            write_claim(self._cdi, self._machine, claim.uid, requests)
        except OSError:
            self._ledger.release(claim.uid)
            raise
        return requests

    def _allocated(self, claim: Any) -> Requests:
        """Read which of our devices answer which of a claim's requests; a subrequest counts as its request.

        Raises:
            ValueError: the claim is gone, is another one of its name, or holds what we do not have.
        """
        found = self._read(claim.namespace, claim.name)
        if found is None or found["metadata"]["uid"] != claim.uid:
            raise ValueError(f"claim {claim.namespace}/{claim.name} of UID {claim.uid} is not there")
        requests: dict[str, list[Device]] = {}
        for one in found.get("status", {}).get("allocation", {}).get("devices", {}).get("results", []):
            if (one["driver"], one["pool"]) != (self._driver, self._machine.node.name):
                continue
            device = self._devices.get(one["device"])
            if device is None or device.gpu in self._broken:
                raise ValueError(f"device {one['device']} is {'lost' if device else 'not of this machine'}")
            requests.setdefault(one["request"].partition("/")[0], []).append(device)
        if not requests:
            raise ValueError(f"claim {claim.namespace}/{claim.name} holds nothing of {self._driver} on {self._machine.node.name}")
        return requests

    def _prepared(self, uid: str, requests: Requests) -> Iterator[Any]:
        """Give what the kubelet hands to the container runtime; a request's variables come with its first device."""
        for request, held in requests.items():
            for place, one in enumerate(held):
                ids = [device_id(one)] + ([] if place else [request_id(uid, request)])
                yield DRA["Device"](request_names=[request], pool_name=self._machine.node.name, device_name=one.name, cdi_device_ids=ids)

    def _unprepare_all(self, request: Any, _context: Any) -> Any:
        """Undo; a claim that was not prepared is undone already."""
        answer = DRA["UnprepareResponse"]()
        for claim in request.claims:
            remove_claim(self._cdi, claim.uid)
            self._ledger.release(claim.uid)
            answer.claims[claim.uid].SetInParent()
        return answer

    def _watch(self, _request: Any, context: Any) -> Iterator[Any]:
        """Give the health of all devices, whenever it changed and now and then, until the kubelet goes away."""
        told, said_at = -1, 0.0
        while context.is_active():
            state, broken = self._after(told, _WAKE_SECONDS)
            if state == told and time.monotonic() - said_at < _REFRESH_SECONDS:
                continue
            told, said_at = state, time.monotonic()
            yield HEALTH["WatchResponse"](devices=[self._health(one, broken) for one in self._devices.values()])

    def _health(self, one: Device, broken: frozenset[int]) -> Any:
        """Describe a device's health."""
        lost = one.gpu in broken
        where = HEALTH["Identifier"](pool_name=self._machine.node.name, device_name=one.name)
        return HEALTH["DeviceHealth"](
            device=where,
            health=_BROKEN if lost else _WELL,
            last_updated_time=int(time.time()),
            health_check_timeout_seconds=_TIMEOUT_SECONDS,
            message="GPU is lost" if lost else "",
        )
