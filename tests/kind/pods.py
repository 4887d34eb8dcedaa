"""Pods on the kind plane, and what one sees from inside them.

A container is asked through the runtime of its node, and judged by what it says, never by an exit code.
"""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from sovereign_ai.cluster.api.client import Api
from sovereign_ai.cluster.kind.containers import load as load_image
from sovereign_ai.cluster.kind.lifecycle import KindCluster, cluster_of
from sovereign_ai.plan.factory import plan
from sovereign_ai.render.kubernetes.bundle import render
from sovereign_ai.spec.reader import load
from sovereign_ai.toolchain.node_image.archive import ArchiveEntry, Image, write_layer, write_oci
from sovereign_ai.verify.pods import ProbeTarget, gpu_pod, with_container, with_selector
from tests.kind.lab import KindLab

BOX = "/usr/local/bin/toolbox"
HOST = "kubernetes.io/hostname"
# A kubelet that may not read a claim yet, since the API server has not linked both, tries again much later.
_SECONDS = 180.0


class Site:
    """The deployed lab, with what it takes to run pods on its real machines."""

    def __init__(self, lab: KindLab) -> None:
        self.lab = lab
        self.factory = load(lab.stack)
        self.plan = plan(self.factory)
        self.name = self.plan.clusters[0].name
        self.bundle = render(self.factory, self.plan, self.name)
        self.api: Api = lab.api
        self.machines = lab.machines
        self.cluster: KindCluster = cluster_of(
            self.name, root=Path(lab.env["XDG_STATE_HOME"]) / "sovereign-ai" / "kind"
        )

    def real(self, zone: str) -> str:
        """The real machine of a zone."""
        return next(node.name for node in self.plan.nodes if node.zone == zone and node.name in self.machines)

    def place(self, zone: str) -> ProbeTarget:
        """A namespace and a pool of a zone."""
        here = self.plan.cluster(self.name)
        return ProbeTarget(
            next(one for one in here.namespaces if one.zone == zone),
            next(
                one
                for one in here.pools
                if one.pool == next(node.pool for node in self.plan.nodes if node.name == self.real(zone))
            ),
        )

    def pod(
        self, name: str, zone: str, *words: str, gpus: int = 0, image: str = "", **container: Any
    ) -> dict[str, Any]:
        """A pod that every rule allows, on the real machine of a zone.

        The image's own command if no words are given.
        """
        pod = with_selector(gpu_pod(self.factory, self.place(zone), name, gpus), {HOST: self.real(zone)})
        if not gpus:
            for part in ("limits", "requests"):
                del pod["spec"]["containers"][0]["resources"][part][self.place(zone).part.resource]
        return with_container(
            pod, image=image or self.cluster.image, **({"args": list(words)} if words else {}), **container
        )

    def get(self, pod: dict[str, Any]) -> dict[str, Any]:
        """A pod as it is now."""
        found = self.api.get("v1", "Pod", pod["metadata"]["name"], pod["metadata"]["namespace"])
        assert found is not None
        return found

    def phase(self, pod: dict[str, Any]) -> str:
        """A pod's phase."""
        return str(self.get(pod).get("status", {}).get("phase"))

    def state(self, pod: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
        """What a pod's status says, and what was said about it."""
        return self.get(pod).get("status", {}), self.events(pod)

    @contextmanager
    def there(self, *objects: dict[str, Any]) -> Iterator[None]:
        """Have objects made, and gone in the end, all at once."""
        made = []
        try:
            for obj in objects:
                self.api.create(obj)
                made.append(obj)
            yield
        finally:
            for obj in reversed(made):
                self._delete(obj)
            for obj in reversed(made):
                self._gone(obj)

    @contextmanager
    def running(self, *pods: dict[str, Any]) -> Iterator[None]:
        """Have pods run."""
        with self.there(*pods):
            for pod in pods:
                until(partial(self.is_up, pod), partial(self.state, pod))
            yield

    def is_up(self, pod: dict[str, Any]) -> bool:
        """Tell whether a pod's containers are ready."""
        status = self.get(pod).get("status", {})
        return bool(status.get("containerStatuses")) and all(
            one["ready"] for one in status["containerStatuses"]
        )

    def remove(self, obj: dict[str, Any]) -> None:
        """Remove an object and wait until it is gone."""
        self._delete(obj)
        self._gone(obj)

    def _delete(self, obj: dict[str, Any]) -> None:
        """Let an object go."""
        self.api.delete(
            obj["apiVersion"], obj["kind"], obj["metadata"]["name"], obj["metadata"].get("namespace")
        )

    def _gone(self, obj: dict[str, Any]) -> None:
        """Wait until an object is gone."""
        where = obj["metadata"]["name"], obj["metadata"].get("namespace")
        until(lambda: self.api.get(obj["apiVersion"], obj["kind"], *where) is None, lambda: obj["metadata"])

    def touch(self, pod: dict[str, Any]) -> None:
        """Let a pod's kubelet look at it now: by itself it tries a pod that failed again only after a minute
        or more.
        """
        where = pod["metadata"]
        path = f"/api/v1/namespaces/{where['namespace']}/pods/{where['name']}"
        self.api.request(
            "PATCH",
            path,
            {"metadata": {"annotations": {"touched": str(time.monotonic())}}},
            content_type="application/merge-patch+json",
        )

    def said(self, pod: dict[str, Any]) -> str:
        """What a pod printed once it has ended."""
        until(lambda: self.phase(pod) in {"Succeeded", "Failed"}, partial(self.state, pod))
        where = pod["metadata"]
        answer = self.api.request("GET", f"/api/v1/namespaces/{where['namespace']}/pods/{where['name']}/log")
        return str(answer.get("text", answer))

    def inside(self, pod: dict[str, Any], *words: str) -> subprocess.CompletedProcess[bytes]:
        """Run a command in a running pod."""
        live = self.get(pod)
        identity = live["status"]["containerStatuses"][0]["containerID"].removeprefix("containerd://")
        node = self.machines.get(live["spec"]["nodeName"], live["spec"]["nodeName"])
        return self.lab.docker.run("exec", node, "crictl", "exec", identity, *words)

    def body(self, pod: dict[str, Any], url: str, seconds: float = 2) -> str:
        """What a pod gets from a URL; empty where nothing answers."""
        return self.inside(pod, BOX, "get", url, f"{seconds:g}").stdout.decode().strip()

    def address(self, pod: dict[str, Any]) -> str:
        """A running pod's address."""
        return str(self.get(pod)["status"]["podIP"])

    def events(self, obj: dict[str, Any]) -> list[str]:
        """What was said about an object."""
        where = obj["metadata"]
        found = self.api.list("v1", "Event", where.get("namespace"))
        return [
            str(one.get("message")) for one in found if one["involvedObject"].get("name") == where["name"]
        ]

    @cached_property
    def shell(self) -> str:
        """An image that has a shell and nothing else, in every real machine; its name."""
        program = Path("/bin/sh").resolve()
        linked = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=True).stdout
        libraries = [Path(path) for path in re.findall(r"(/[^ ]+) \(0x", linked)]
        folder = self.lab.stack.parent
        entries = [
            ArchiveEntry("bin/sh", program, 0o755),
            *(ArchiveEntry(str(path)[1:], path.resolve(), 0o755) for path in libraries),
        ]
        layer = write_layer(folder / "shell-layer.tar", entries)
        name = f"{self.factory.images.registries[0].rstrip('/')}/shell@{Image((), (layer,), ('/bin/sh',)).digest}"  # noqa: E501 - one literal text
        write_oci(folder / "shell.tar", [Image((name,), (layer,), ("/bin/sh",))])
        for container in self.machines.values():
            load_image(self.lab.docker, container, folder / "shell.tar")
        return name


def until(holds: Callable[[], Any], why: Callable[[], Any], seconds: float = _SECONDS) -> None:
    """Wait until something holds; what was seen last stands in the failure."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {why()}"
        time.sleep(0.2)
