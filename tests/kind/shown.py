"""What only real machines show, tried on a deployed kind cluster and told line by line: `make kind`.

    python -m tests.kind.shown stacks/lab

A container that asks for a GPU runs with it; the next is refused for want of one; a declared flow
carries a body, and its reverse carries none. Exit 1 names what was otherwise.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sovereign_ai.cli.stack import Stack, open_stack
from sovereign_ai.cluster.access import Api, open_cluster
from sovereign_ai.cluster.kind.config import real_machines
from sovereign_ai.cluster.kind.plane import KindCluster, cluster_of
from sovereign_ai.plan.nodes import Node
from sovereign_ai.verify.pods import Place, gpu_pod

_SECONDS = 60.0
TOOL = "/usr/local/bin/toolbox"


class Floor:
    """A deployed kind cluster on which pods can be tried."""

    def __init__(self, stack: Stack, cluster: KindCluster) -> None:
        self.stack, self.cluster = stack, cluster
        self.api: Api = open_cluster(cluster.kubeconfig)
        self.machines: tuple[Node, ...] = real_machines(stack.plan, cluster.name)

    def pod(self, machine: Node, name: str, *words: str, gpus: int = 0) -> dict[str, Any]:
        """Give a pod of the machine's own zone, bound to that machine by the scheduler's own means."""
        here = self.stack.plan.cluster(self.cluster.name)
        namespace = next(one for one in here.namespaces if one.zone == machine.zone)
        part = next(one for one in here.pools if one.pool == machine.pool)
        pod = gpu_pod(self.stack.factory, Place(namespace, part, self.cluster.image), name, gpus or 1)
        container = pod["spec"]["containers"][0]
        if not gpus:
            for part_of in container["resources"].values():
                part_of.pop(part.resource, None)
        container["args"] = list(words) or ["pause"]
        pod["spec"]["nodeSelector"]["kubernetes.io/hostname"] = machine.name
        return pod

    @contextmanager
    def running(self, *pods: dict[str, Any]) -> Iterator[None]:
        """Make pods, and clear them away whatever happens."""
        try:
            for pod in pods:
                self.api.create(pod)
            yield
        finally:
            for pod in pods:
                self.api.delete("v1", "Pod", pod["metadata"]["name"], pod["metadata"]["namespace"])
            self._until(lambda: not any(self.seen(pod) for pod in pods))

    def seen(self, pod: dict[str, Any]) -> dict[str, Any] | None:
        """Read a pod."""
        return self.api.get("v1", "Pod", pod["metadata"]["name"], pod["metadata"]["namespace"])

    def wait(self, pod: dict[str, Any], phases: Iterable[str]) -> dict[str, Any]:
        """Wait until a pod is in one of the phases."""
        wanted = set(phases)
        self._until(lambda: ((self.seen(pod) or {}).get("status", {}).get("phase")) in wanted)
        found = self.seen(pod) or {}
        phase = found.get("status", {}).get("phase")
        if phase not in wanted:
            raise AssertionError(f"pod {pod['metadata']['name']} is {phase}: {_why(found)}")
        return found

    def log(self, pod: dict[str, Any]) -> str:
        """Read what a pod's container printed."""
        metadata = pod["metadata"]
        answer = self.api.request("GET", f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}/log")
        return str(answer.get("text", ""))

    def body(self, client: Node, server: Node, port: int, body: str) -> str:
        """Let a pod on one machine ask a pod on another; give what it printed."""
        serving = self.pod(server, "shown-server", "serve", f":{port}", body)
        with self.running(serving):
            address = self.wait(serving, {"Running"})["status"]["podIP"]
            asking = self.pod(client, "shown-client", "get", f"http://{address}:{port}/", "15")
            with self.running(asking):
                self.wait(asking, {"Succeeded", "Failed"})
                return self.log(asking)

    @staticmethod
    def _until(holds: Any) -> None:
        """Wait a while for something."""
        deadline = time.monotonic() + _SECONDS
        while not holds() and time.monotonic() < deadline:
            time.sleep(0.3)


def a_container_runs_with_its_gpu(floor: Floor, machine: Node) -> str:
    """Show a container's environment that asked for a GPU."""
    pod = floor.pod(machine, "shown-gpu", "env", gpus=1)
    with floor.running(pod):
        floor.wait(pod, {"Succeeded"})
        said = [line for line in floor.log(pod).splitlines() if line.startswith(("NVIDIA_", "CUDA_"))]
    assert any(line.startswith("NVIDIA_VISIBLE_DEVICES=GPU-") for line in said), said
    return "; ".join(said)


def the_next_is_refused_for_want_of_a_gpu(floor: Floor, machine: Node) -> str:
    """Show what the scheduler says of one more container when all GPUs of a machine are held."""
    holder = floor.pod(machine, "shown-holder", "pause", gpus=machine.gpus)
    late = floor.pod(machine, "shown-late", "env", gpus=1)
    with floor.running(holder):
        floor.wait(holder, {"Running"})
        with floor.running(late):
            floor._until(lambda: _why(floor.seen(late) or {}))
            why = _why(floor.seen(late) or {})
    assert "Insufficient" in why, why
    return why


def a_declared_flow_carries_a_body_and_its_reverse_none(floor: Floor) -> str:
    """Show a permitted connection and a forbidden one."""
    zones = {machine.zone: machine for machine in floor.machines}
    for zone in floor.stack.factory.zones:
        for flow in zone.allow:
            if zone.name in zones and flow.to in zones and not flow.never and flow.ports:
                source, target, port = zones[zone.name], zones[flow.to], flow.ports[0]
                there = floor.body(source, target, port, "permitted")
                back = floor.body(target, source, port, "forbidden")
                assert there.strip() == "permitted", there
                assert "forbidden" not in back, back
                return f"{source.name} to {target.name}, port {port}: {there.strip()!r}; back: no body ({back.strip()[:60]})"
    raise AssertionError("the description declares no flow between the zones of real machines")


def _why(pod: dict[str, Any]) -> str:
    """Say why a pod waits: the scheduler's words, or its container's."""
    status = pod.get("status", {})
    said = [one.get("message", "") for one in status.get("conditions") or [] if one["type"] == "PodScheduled" and one["status"] != "True"]
    said += [str(one.get("state", {}).get("waiting", {}).get("message", "")) for one in status.get("containerStatuses") or []]
    return " ".join(part for part in (*said, str(status.get("message", ""))) if part)


def main(path: Path) -> int:
    """Show everything; the number of things that were otherwise."""
    stack = open_stack(path)
    floor = Floor(stack, cluster_of(stack.bundle().cluster))
    machine = floor.machines[0]
    shows = (
        ("a container that asked for a GPU ran with it", lambda: a_container_runs_with_its_gpu(floor, machine)),
        ("the next one is refused for want of a GPU", lambda: the_next_is_refused_for_want_of_a_gpu(floor, machine)),
        ("a permitted connection carries a body, a forbidden one none", lambda: a_declared_flow_carries_a_body_and_its_reverse_none(floor)),
    )
    failed = 0
    for what, show in shows:
        try:
            sys.stdout.write(f"ok  {what}\n    {show()}\n")
        except AssertionError as error:
            failed += 1
            sys.stdout.write(f"NO  {what}\n    {error}\n")
    return failed


if __name__ == "__main__":
    raise SystemExit(1 if main(Path(sys.argv[1])) else 0)
