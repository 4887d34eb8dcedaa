"""Probes that create real pods: each is awaited, judged by where it ran or why it waits, and deleted."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Literal

from sovereign_ai.catalog import MOST_INSTANCES
from sovereign_ai.catalog.accelerator import accelerator_of
from sovereign_ai.catalog.system import system
from sovereign_ai.cluster.api import Api, ApiError, UnreachableError
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.names import KEYS, OWNER, label
from sovereign_ai.plan import Plan
from sovereign_ai.spec import AIFactory
from sovereign_ai.toolchain import polling
from sovereign_ai.verify.pods import COMPONENT, ProbeTarget, claim, claim_pod, gpu_pod, probe_image

_POLL_SECONDS = 0.2
_LEFTOVER = timedelta(minutes=10)
"""Age from which on a probe's object is a leftover; a younger one may belong to a command that still runs."""
_CLAIMS = ("resource.k8s.io/v1", "ResourceClaim")

Outcome = tuple[Literal["passed", "failed", "skipped"], str]


@frozen_dataclass
class Attempt:
    """One pod to create, with the objects that it needs.

    Attributes:
        name: the probe's name.
        api: the cluster.
        plan: the plan, which knows the pool's nodes.
        place: where it must run.
        objects: the objects to create, in this order; the pod is the last.
        reason: why it cannot be tried; empty if it can.
        wait_seconds: how long it may take.
        expected: `runs`, or `waits` where it requests more than any node has.
    """

    name: str
    api: Api
    plan: Plan
    place: ProbeTarget
    objects: tuple[dict[str, Any], ...]
    reason: str
    wait_seconds: float
    expected: Literal["runs", "waits"] = "runs"

    def run(self) -> Outcome:
        """Create the pod, wait for it, and delete it.

        Raises:
            UnreachableError: there was no answer.
        """
        if self.reason:
            return "skipped", self.reason
        created: list[dict[str, Any]] = []
        try:
            for obj in self.objects:
                # Before the call: an object whose reply was lost must be deleted too. Its name is this run's
                # own, so that an object that exists already is one whose reply was lost.
                created.append(obj)
                self.api.create(obj, upsert=True)
            return self._wait()
        except ApiError as error:
            return self._judge_refusal(error)
        except UnreachableError:
            created.clear()  # no server answers that could delete them; the next run does
            raise
        finally:
            for obj in reversed(created):
                _delete(self.api, obj)

    def _judge_refusal(self, error: ApiError) -> Outcome:
        """Judge a refusal: a full quota is no failure, but a pod that must run has not passed either."""
        namespace = self.place.namespace.name
        message = error.problems[0].message
        if error.status != 403 or "exceeded quota" not in message:
            # The pod's name has a random part; the digest of equal verdicts must be equal.
            pod_name = self.objects[-1]["metadata"]["name"]
            return "failed", f"it was refused: {message.replace(pod_name, 'the probe')}"
        if self.expected == "waits":
            return "passed", f"the quota of namespace {namespace} refuses it at once"
        return "skipped", f"the quota of namespace {namespace} leaves no room for it"

    def _wait(self) -> Outcome:
        """Wait until the pod runs, or is known to wait, and judge it."""
        metadata = self.objects[-1]["metadata"]
        pod: dict[str, Any] = {}
        for _ in polling(self.wait_seconds, _POLL_SECONDS):
            current = self.api.get("v1", "Pod", metadata["name"], metadata["namespace"])
            if current is None:
                return "failed", "somebody removed it before it ran"
            pod = current
            phase = pod.get("status", {}).get("phase")
            if phase in {"Running", "Succeeded"}:
                return self._judge_node(str(pod["spec"].get("nodeName")))
            if self.expected == "waits" and _waiting_reason(pod):
                return "passed", "it waits, and the scheduler says why"
        return self._judge_late(pod)

    def _judge_node(self, name: str) -> Outcome:
        """Return whether the node on which the pod ran is one of its pool and zone, by the plan."""
        pool = self.place.part
        if self.expected == "waits":
            return "failed", f"it ran on {name}, though it asked for more than any machine has"
        for node in self.plan.nodes:
            if node.name != name:
                continue
            if (node.pool, node.zone) == (pool.pool, pool.zone):
                return "passed", f"it ran in pool {pool.pool}, zone {pool.zone}"
            return "failed", f"it ran on {name}, in pool {node.pool}, zone {node.zone}"
        return "failed", f"it ran on {name}, which the plan does not know"

    def _judge_late(self, pod: Mapping[str, Any]) -> Outcome:
        """Return why the pod does not run; where all devices are in use it has neither failed nor passed."""
        reason = _waiting_reason(pod)
        why = f"it did not run within {self.wait_seconds:g} s"
        if reason:
            why += f": {reason}"
        pool = self.place.part
        if reason and _are_devices_in_use(self.api, pool.resource, self.plan, pool.pool):
            return "skipped", f"every device of pool {pool.pool} is in use; {why}"
        return "failed", why


def attempts(
    api: Api,
    factory: AIFactory,
    plan: Plan,
    places: Iterable[ProbeTarget],
    classes: frozenset[str],
    wait_seconds: float,
) -> list[Attempt]:
    """Return the pods to create for each pool.

    One requests a device by extended resource, one by claim where there is a DRA driver, and one requests
    more than any node has and must wait. A pool without accelerators has one that requests none.

    Args:
        api: the cluster.
        factory: the description.
        plan: what follows from it.
        places: a namespace for each pool.
        classes: names of the rendered DeviceClasses.
        wait_seconds: how long a pod may take.
    """
    mark = secrets.token_hex(3)
    unsigned = "" if probe_image(factory) else "every registry wants signatures, and no image is signed"
    listed = []
    for place in places:
        pool = place.part.pool
        no_image = "" if place.image else unsigned
        make = partial(Attempt, api=api, plan=plan, place=place, wait_seconds=wait_seconds)

        if not place.part.resource:
            pod = gpu_pod(factory, place, label("probe", pool, "cpus", mark))
            listed.append(make(f"without-gpu/{pool}", objects=(pod,), reason=no_image))
            continue
        pod = gpu_pod(factory, place, label("probe", pool, "resource", mark))
        listed.append(make(f"gpu-by-resource/{pool}", objects=(pod,), reason=no_image))

        too_many = _most_devices_of_a_node(plan, place) + 1
        pod = gpu_pod(factory, place, label("probe", pool, "waits", mark), too_many)
        listed.append(make(f"more-than-there-is/{pool}", objects=(pod,), reason=no_image, expected="waits"))

        kind = device_class(place)
        if kind is None:
            continue
        name = label("probe", pool, "claim", mark)
        # In this order: the pod refers to the claim by its name.
        objects = (claim(factory, place, name, kind), claim_pod(factory, place, name))
        reason = no_image if kind in classes else f"no DeviceClass {kind} is rendered"
        listed.append(make(f"gpu-by-claim/{pool}", objects=objects, reason=reason))
    return listed


def _most_devices_of_a_node(plan: Plan, place: ProbeTarget) -> int:
    """Return an upper bound for the devices of one node of a pool.

    With MIG each GPU counts as if it had as many instances as any GPU can have.
    """
    gpus = max(node.gpus for node in plan.nodes if node.pool == place.part.pool)
    return gpus * MOST_INSTANCES if place.part.mig else gpus


def device_class(place: ProbeTarget) -> str | None:
    """Return the name of the vendor's DeviceClass for a pool; None where there is no DRA driver."""
    chip = accelerator_of(system(place.part.system))
    if chip is None:
        return None
    dra = chip.gpu_vendor.dra
    # Partitions have a class of their own; other classes are named like their driver.
    if place.part.mig and dra and dra.partition_class and dra.driver == chip.dra_driver:
        return dra.partition_class.name
    return chip.dra_driver


def clear_leftovers(api: Api, factory: AIFactory) -> None:
    """Delete what a run that was killed left behind."""
    selector = f"{KEYS.owner}={OWNER},{KEYS.factory}={factory.name},{KEYS.component}={COMPONENT}"
    for kind in (("v1", "Pod"), _CLAIMS):
        for obj in api.list(*kind, label_selector=selector):
            created = obj["metadata"].get("creationTimestamp")
            if created and datetime.now(UTC) - datetime.fromisoformat(created) > _LEFTOVER:
                _delete(api, obj)


def _waiting_reason(pod: Mapping[str, Any]) -> str:
    """Return the scheduler's reason why a pod waits; empty while it has given none."""
    for condition in pod.get("status", {}).get("conditions") or []:
        if condition["type"] == "PodScheduled" and condition["status"] != "True":
            return str(condition.get("message", ""))
    return ""


def _delete(api: Api, obj: Mapping[str, Any]) -> None:
    """Delete an object; a refusal must not hide the verdict, and the next run tries anew."""
    metadata = obj["metadata"]
    with contextlib.suppress(ApiError):
        api.delete(obj["apiVersion"], obj["kind"], metadata["name"], metadata["namespace"])


def _are_devices_in_use(api: Api, resource: str, plan: Plan, pool: str) -> bool:
    """Return whether pods or claims hold every device that a pool's nodes offer."""
    names = {node.name for node in plan.nodes if node.pool == pool and not node.spare}
    offered = 0
    for node in api.list("v1", "Node"):
        if node["metadata"]["name"] in names:
            allocatable = node["status"].get("allocatable", {})
            offered += int(allocatable.get(resource, "0"))
    held = 0
    for pod in api.list("v1", "Pod"):
        if pod["spec"].get("nodeName") in names:
            held += _devices_of(pod, resource)
    claimed = 0
    for obj in api.list(*_CLAIMS):
        allocation = obj.get("status", {}).get("allocation", {})
        devices = allocation.get("devices", {}).get("results", [])
        for device in devices:
            claimed += device["pool"] in names
    # Devices are given out by resource or by claim, and one of both counts must fill the pool by itself.
    return offered > 0 and max(held, claimed) >= offered


def _devices_of(pod: Mapping[str, Any], resource: str) -> int:
    """Return how many devices a pod holds; one that has ended holds none."""
    if pod.get("status", {}).get("phase") in {"Succeeded", "Failed"}:
        return 0
    total = 0
    for container in pod["spec"].get("containers", []):
        limits = container.get("resources", {}).get("limits") or {}
        total += int(limits.get(resource, "0"))
    return total
