"""The holder of each device: from pods by extended resource, and from claims by device.

    held = read_holders(api, plan, "lab")
    held["train-001"]       # ('research/job-0', '', '', '', '', '', '', '')

A claim names the device that it holds. A pod by extended resource does not, as with a real device plugin seen
from the API; it is assigned the lowest devices of its node that no claim holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sovereign_ai.cluster.api import Api
from sovereign_ai.plan import Plan
from sovereign_ai.sim.machine import machines
from sovereign_ai.sim.slices import device_names

Holders = Mapping[str, tuple[str, ...]]
"""Machine's name to the holder of each of its devices, `namespace/pod`; empty where it is free."""


def read_holders(api: Api, plan: Plan, cluster: str) -> Holders:
    """Read the holder of each device, with two requests.

    Raises:
        ApiError: the server refused.
        UnreachableError: there was no answer.
        KeyError: the plan has no such cluster.
    """
    return holders(plan, cluster, api.list("v1", "Pod"), api.list("resource.k8s.io/v1", "ResourceClaim"))


def holders(plan: Plan, cluster: str, pods: list[dict[str, Any]], claims: list[dict[str, Any]]) -> Holders:
    """Return the holder of each device, from pods and claims."""
    held: dict[str, list[str]] = {}
    names: dict[str, list[str]] = {}
    resources: dict[str, str] = {}
    for machine in machines(plan, cluster):
        node = machine.node.name
        held[node] = [""] * machine.devices
        names[node] = device_names(machine)
        resources[node] = machine.part.resource
    # Claims first: they name their devices, and pods get what is left.
    for claim in claims:
        _assign_claim(claim, held, names)
    # Pods in a fixed order, so that a reading does not change with the order of the server's list.
    for pod in sorted(pods, key=_name):
        node = pod["spec"].get("nodeName", "")
        if node in held and pod.get("status", {}).get("phase") == "Running":
            namespace, name = _name(pod)
            _assign(held[node], f"{namespace}/{name}", _requested(pod, resources[node]))
    return {name: tuple(devices) for name, devices in held.items()}


def _name(pod: Mapping[str, Any]) -> tuple[str, str]:
    """Return a pod's namespace and name."""
    return pod["metadata"]["namespace"], pod["metadata"]["name"]


def _assign_claim(
    claim: Mapping[str, Any], held: Mapping[str, list[str]], names: Mapping[str, list[str]]
) -> None:
    """Note the pod of a claim as the holder of the devices that the claim was allocated.

    Args:
        claim: the claim.
        held: node to the holder of each of its devices; changed.
        names: node to its devices' names.
    """
    holder = _reserved(claim)
    allocation = claim.get("status", {}).get("allocation", {})
    for result in allocation.get("devices", {}).get("results", []):
        # Each node has one pool, of its own name.
        node = result["pool"]
        devices = names.get(node, [])
        if result["device"] in devices:
            held[node][devices.index(result["device"])] = holder


def _reserved(claim: Mapping[str, Any]) -> str:
    """Return the pod that a claim is reserved for, as `namespace/pod`; the claim while there is none."""
    users = claim.get("status", {}).get("reservedFor") or [{"name": claim["metadata"]["name"]}]
    return f"{claim['metadata']['namespace']}/{users[0]['name']}"


def _assign(devices: list[str], holder: str, number: int) -> None:
    """Assign the lowest free devices to a holder."""
    free = [index for index, current in enumerate(devices) if not current]
    for index in free[:number]:
        devices[index] = holder


def _requested(pod: Mapping[str, Any], resource: str) -> int:
    """Return how many devices a pod requests by extended resource."""
    total = 0
    for container in pod["spec"].get("containers", []):
        # Of an extended resource, requests and limits are equal, and a limit alone is enough.
        limits = container.get("resources", {}).get("limits") or {}
        total += int(limits.get(resource, "0"))
    return total
