"""The kubelet's side of its plugin protocols, over real Unix sockets in a node's folder: it dials back what
registers.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import grpc  # type: ignore[import-untyped]

from sovereign_ai.sim.kubelet.messages import DEVICE_PLUGIN, DRA, HEALTH, POD_RESOURCES, REGISTRATION
from sovereign_ai.sim.kubelet.paths import PLUGINS, KubeletPaths
from sovereign_ai.sim.kubelet.sockets import Method, Served, calling, serve

DRA_SERVICE = "/k8s.io.kubelet.pkg.apis.dra.v1.DRAPlugin"


class Watched:
    """A stream that is read beside the test."""

    def __init__(self, path: Path, method: str, request: Any, answer: Any) -> None:
        self.answers: list[Any] = []
        self._folder = os.open(path.parent, os.O_PATH)
        self._channel = grpc.insecure_channel(f"unix:/proc/self/fd/{self._folder}/{path.name}")
        self._stream = self._channel.unary_stream(method, type(request).SerializeToString, answer.FromString)(
            request
        )
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        try:
            for one in self._stream:
                self.answers.append(one)
        except grpc.RpcError:
            pass

    def stop(self) -> None:
        self._stream.cancel()
        self._thread.join()
        self._channel.close()
        os.close(self._folder)


class FakeKubelet:
    """One kubelet; `restart` clears its device plugins' sockets, as the real one does."""

    def __init__(self, root: Path) -> None:
        self.node = KubeletPaths(root)
        self.registered: list[Any] = []
        self.watched: list[Watched] = []
        self.pods: list[Any] = []
        self._served: list[Served] = []
        for folder in (self.node.device_plugins, self.node.pod_resources):
            folder.mkdir(parents=True)
        self.start()

    def start(self) -> None:
        self.registered.clear()
        register = {"Register": Method(self._register, DEVICE_PLUGIN["RegisterRequest"])}
        listing = {
            "List": Method(
                lambda _request, _context: POD_RESOURCES["ListResponse"](pods=self.pods),
                POD_RESOURCES["ListRequest"],
            )
        }
        self._served = [
            serve((self.node.device_plugins / "kubelet.sock",), {"v1beta1.Registration": register}),
            serve((self.node.pod_resources / "kubelet.sock",), {"v1.PodResourcesLister": listing}),
        ]

    def stop(self) -> None:
        for watched in self.watched:
            watched.stop()
        self.watched.clear()
        for served in self._served:
            served.stop()

    def restart(self) -> None:
        self.stop()
        for path in (self.node.device_plugins).iterdir():
            path.unlink()
        self.start()

    def _register(self, request: Any, _context: Any) -> Any:
        self.registered.append(request)
        socket = self.node.device_plugins / request.endpoint
        self.watched.append(
            Watched(
                socket,
                "/v1beta1.DevicePlugin/ListAndWatch",
                DEVICE_PLUGIN["Empty"](),
                DEVICE_PLUGIN["ListAndWatchResponse"],
            )
        )
        return DEVICE_PLUGIN["Empty"]()

    @property
    def plugin(self) -> Path:
        return self.node.device_plugins / str(self.registered[-1].endpoint)

    def health(self) -> dict[str, str]:
        """What the newest device plugin says of its devices."""
        return (
            {one.id: one.health for one in self.watched[-1].answers[-1].devices}
            if self.watched[-1].answers
            else {}
        )

    def prefer(self, available: Sequence[str], size: int, must: Sequence[str] = ()) -> list[str]:
        asked = DEVICE_PLUGIN["PreferredRequest"](available=available, must_include=must, size=size)
        with calling(self.plugin) as call:
            answer = call(
                "/v1beta1.DevicePlugin/GetPreferredAllocation",
                DEVICE_PLUGIN["PreferredAllocationRequest"](containers=[asked]),
                DEVICE_PLUGIN["PreferredAllocationResponse"],
            )
        return list(answer.containers[0].device_ids)

    def allocate(self, *uuids: str) -> Any:
        request = DEVICE_PLUGIN["AllocateRequest"](
            containers=[DEVICE_PLUGIN["ContainerRequest"](device_ids=uuids)]
        )
        with calling(self.plugin) as call:
            return call(
                "/v1beta1.DevicePlugin/Allocate", request, DEVICE_PLUGIN["AllocateResponse"]
            ).containers[0]

    def find_driver(self) -> tuple[Any, Path]:
        """Find what waits in `plugins_registry`, greet it, and say where calls go, as the host sees it."""
        (path,) = (self.node.registry).iterdir()
        with calling(path) as call:
            info = call(
                "/pluginregistration.Registration/GetInfo",
                REGISTRATION["InfoRequest"](),
                REGISTRATION["PluginInfo"],
            )
            status = REGISTRATION["RegistrationStatus"](plugin_registered=True)
            call(
                "/pluginregistration.Registration/NotifyRegistrationStatus",
                status,
                REGISTRATION["RegistrationStatusResponse"],
            )
        return info, self.node.plugins / Path(info.endpoint).relative_to(PLUGINS)

    def prepare(self, *claims: Any) -> Any:
        _, socket = self.find_driver()
        with calling(socket) as call:
            return call(
                f"{DRA_SERVICE}/NodePrepareResources",
                DRA["PrepareRequest"](claims=claims),
                DRA["PrepareResponse"],
            ).claims

    def unprepare(self, *claims: Any) -> Any:
        _, socket = self.find_driver()
        with calling(socket) as call:
            return call(
                f"{DRA_SERVICE}/NodeUnprepareResources",
                DRA["UnprepareRequest"](claims=claims),
                DRA["UnprepareResponse"],
            ).claims

    def watch_health(self) -> Watched:
        _, socket = self.find_driver()
        self.watched.append(
            Watched(
                socket,
                "/v1.DRAResourceHealth/NodeWatchResources",
                HEALTH["WatchRequest"](),
                HEALTH["WatchResponse"],
            )
        )
        return self.watched[-1]


def claim(uid: str = "uid-c", name: str = "") -> Any:
    """A claim as the kubelet names it."""
    return DRA["Claim"](namespace="research", name=name or uid, uid=uid)


def pod(
    namespace: str,
    name: str,
    *,
    resource: str = "",
    uuids: Sequence[str] = (),
    claimed: Sequence[tuple[str, str, str]] = (),
) -> Any:
    """A pod as pod resources list it."""
    by_resource = (
        [POD_RESOURCES["ContainerDevices"](resource_name=resource, device_ids=uuids)] if uuids else []
    )
    devices = [
        POD_RESOURCES["ClaimDevice"](driver_name=driver, pool_name=pool, device_name=device)
        for driver, pool, device in claimed
    ]
    claims = (
        [POD_RESOURCES["Claim"](claim_name="c", claim_namespace=namespace, devices=devices)]
        if claimed
        else []
    )
    container = POD_RESOURCES["Container"](name="main", devices=by_resource, claims=claims)
    return POD_RESOURCES["Pod"](name=name, namespace=namespace, containers=[container])


def until(seen: Callable[[], bool], seconds: float = 10) -> None:
    """Wait for what another thread brings about."""
    deadline = time.monotonic() + seconds
    while not seen():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)
