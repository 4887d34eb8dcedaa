"""Pods that are really made: waited for, judged by where they ran or why they wait, and cleared away whatever happens."""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Literal

from sovereign_ai.catalog.accelerators import accelerator
from sovereign_ai.catalog.mig import MOST_INSTANCES
from sovereign_ai.catalog.systems import system
from sovereign_ai.cluster.access import Api, ApiError
from sovereign_ai.names import KEYS, OWNER, label
from sovereign_ai.plan.factory import Plan
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.verify.pods import COMPONENT, Place, claim, claim_pod, gpu_pod

_POLL_SECONDS = 0.2
_LEFTOVER = timedelta(minutes=10)
_CLAIMS = ("resource.k8s.io/v1", "ResourceClaim")

Outcome = tuple[Literal["passed", "failed", "skipped"], str]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One pod that is made, with what it needs.

    Attributes:
        name: the probe's name.
        api: the cluster.
        plan: the plan, which knows which machines are the pool's.
        place: where it must run.
        objects: what to make, in this order; the pod is the last.
        reason: why it cannot be tried; empty if it can.
        wait_seconds: how long it may take.
        expected: `runs`, or `waits` where it asks for more than there is.
    """

    name: str
    api: Api
    plan: Plan
    place: Place
    objects: tuple[dict[str, Any], ...]
    reason: str
    wait_seconds: float
    expected: Literal["runs", "waits"] = "runs"

    def run(self) -> Outcome:
        """Make the pod, wait for it, and clear it away.

        Raises:
            UnreachableError: there was no answer.
        """
        if self.reason:
            return "skipped", self.reason
        made: list[dict[str, Any]] = []
        try:
            for obj in self.objects:
                self.api.create(obj)
                made.append(obj)
            return self._wait()
        except ApiError as error:
            return self._refused(error)
        finally:
            for obj in reversed(made):
                _clear(self.api, obj)

    def _refused(self, error: ApiError) -> Outcome:
        """Judge a refusal: a quota that leaves no room is no failure; of what must run it is no pass either."""
        namespace, said = self.place.namespace.name, error.problems[0].message
        if error.status != 403 or "exceeded quota" not in said:
            return "failed", f"it was refused: {said.replace(self.objects[-1]['metadata']['name'], 'the probe')}"
        if self.expected == "waits":
            return "passed", f"the quota of namespace {namespace} refuses it at once"
        return "skipped", f"the quota of namespace {namespace} leaves no room for it"

    def _wait(self) -> Outcome:
        """Wait until the pod runs, and judge where."""
        metadata = self.objects[-1]["metadata"]
        deadline = time.monotonic() + self.wait_seconds
        while True:
            pod = self.api.get("v1", "Pod", metadata["name"], metadata["namespace"])
            if pod is None:
                return "failed", "somebody removed it before it ran"
            phase = pod.get("status", {}).get("phase")
            if phase in {"Running", "Succeeded"}:
                return self._judge(str(pod["spec"].get("nodeName")))
            if self.expected == "waits" and _waiting(pod):
                return "passed", "it waits, and the scheduler says why"
            if time.monotonic() > deadline:
                return self._late(pod)
            time.sleep(_POLL_SECONDS)

    def _judge(self, node: str) -> Outcome:
        """Tell whether a machine is one of the pool and zone, by the plan."""
        part = self.place.part
        if self.expected == "waits":
            return "failed", f"it ran on {node}, though it asked for more than any machine has"
        for machine in self.plan.nodes:
            if machine.name == node:
                if (machine.pool, machine.zone) == (part.pool, part.zone):
                    return "passed", f"it ran in pool {part.pool}, zone {part.zone}"
                return "failed", f"it ran on {node}, in pool {machine.pool}, zone {machine.zone}"
        return "failed", f"it ran on {node}, which the plan does not know"

    def _late(self, pod: Mapping[str, Any]) -> Outcome:
        """Say why the pod does not run; a pool in full use is no failure, and no pass."""
        reason = _waiting(pod)
        why = f"it did not run within {self.wait_seconds:g} s" + (f": {reason}" if reason else "")
        part = self.place.part
        if reason and _in_use(self.api, part.resource, self.plan, part.pool):
            return "skipped", f"every device of pool {part.pool} is in use; {why}"
        return "failed", why


def attempts(
    api: Api, factory: AIFactory, plan: Plan, places: Iterable[Place], classes: frozenset[str], wait_seconds: float
) -> list[Attempt]:
    """Give the pods to make: for each pool one by extended resource, one by claim where there is a DRA driver, and one that must wait.

    Args:
        api: the cluster.
        factory: the description.
        plan: what follows from it.
        places: a namespace for each pool.
        classes: names of the rendered DeviceClasses.
        wait_seconds: how long a pod may take.
    """
    mark = secrets.token_hex(3)
    found = []
    for place in places:
        pool = place.part.pool
        by_resource = label("probe", pool, "resource", mark)
        make = partial(Attempt, api=api, plan=plan, place=place, wait_seconds=wait_seconds)
        found.append(make(f"gpu-by-resource/{pool}", objects=(gpu_pod(factory, place, by_resource),), reason=""))
        more = max(node.gpus for node in plan.nodes if node.pool == pool) * (MOST_INSTANCES if place.part.mig else 1) + 1
        pod = gpu_pod(factory, place, label("probe", pool, "waits", mark), more)
        found.append(make(f"more-than-there-is/{pool}", objects=(pod,), reason="", expected="waits"))
        kind = device_class(place)
        if kind is None:
            continue
        by_claim = label("probe", pool, "claim", mark)
        objects = (claim(factory, place, by_claim, kind), claim_pod(factory, place, by_claim))
        reason = "" if kind in classes else f"no DeviceClass {kind} is rendered"
        found.append(make(f"gpu-by-claim/{pool}", objects=objects, reason=reason))
    return found


def device_class(place: Place) -> str | None:
    """Name the vendor's DeviceClass of a pool's devices; None where the vendor has no DRA driver."""
    driver = accelerator(system(place.part.system).accelerator).dra_driver
    if driver == "gpu.nvidia.com" and place.part.mig:
        return "mig.nvidia.com"
    return driver


def clear_leftovers(api: Api, factory: AIFactory) -> None:
    """Clear away what a run that was killed has left behind."""
    chosen = f"{KEYS.owner}={OWNER},{KEYS.factory}={factory.name},{KEYS.component}={COMPONENT}"
    for kind in (("v1", "Pod"), _CLAIMS):
        for obj in api.list(*kind, label_selector=chosen):
            made = obj["metadata"].get("creationTimestamp")
            if made and datetime.now(UTC) - datetime.fromisoformat(made) > _LEFTOVER:
                _clear(api, obj)


def _waiting(pod: Mapping[str, Any]) -> str:
    """Give the scheduler's words on why a pod waits; empty while it has not spoken."""
    conditions = pod.get("status", {}).get("conditions") or []
    return next((str(one.get("message", "")) for one in conditions if one["type"] == "PodScheduled" and one["status"] != "True"), "")


def _clear(api: Api, obj: Mapping[str, Any]) -> None:
    """Remove one object; a refusal must not hide the verdict, and the next run clears again."""
    metadata = obj["metadata"]
    with contextlib.suppress(ApiError):
        api.delete(obj["apiVersion"], obj["kind"], metadata["name"], metadata["namespace"])


def _in_use(api: Api, resource: str, plan: Plan, pool: str) -> bool:
    """Tell whether pods or claims of others hold every device of a pool."""
    names = {node.name for node in plan.nodes if node.pool == pool and not node.spare}
    nodes = [node for node in api.list("v1", "Node") if node["metadata"]["name"] in names]
    there = sum(int(node["status"].get("allocatable", {}).get(resource, "0")) for node in nodes)
    held = sum(_asked(pod, resource) for pod in api.list("v1", "Pod") if pod["spec"].get("nodeName") in names)
    claimed = sum(
        sum(device["pool"] in names for device in one.get("status", {}).get("allocation", {}).get("devices", {}).get("results", []))
        for one in api.list(*_CLAIMS)
    )
    return there > 0 and max(held, claimed) >= there


def _asked(pod: Mapping[str, Any], resource: str) -> int:
    """Count the devices that a pod holds; one that has ended holds none."""
    if pod.get("status", {}).get("phase") in {"Succeeded", "Failed"}:
        return 0
    containers = pod["spec"].get("containers", [])
    return sum(int((one.get("resources", {}).get("limits") or {}).get(resource, "0")) for one in containers)
