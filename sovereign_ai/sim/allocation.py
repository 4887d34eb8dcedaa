"""Who holds which device: from pods by extended resource, and from claims by device.

    held = allocation(api, plan, "lab")
    held["train-001"]       # ('research/job-0', '', '', '', '', '', '', '')

A claim says which device it holds. A pod by extended resource does not, as with a real device plugin
seen from the API; it is given the lowest devices of its machine that no claim holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sovereign_ai.cluster.access import Api
from sovereign_ai.plan.factory import Plan
from sovereign_ai.sim.machine import machines
from sovereign_ai.sim.slices import device_names

Holders = Mapping[str, tuple[str, ...]]
"""Machine's name to the holder of each of its devices, `namespace/pod`; empty where it is free."""


def allocation(api: Api, plan: Plan, cluster: str) -> Holders:
    """Read who holds which device, with two requests.

    Raises:
        ApiError: the server refused.
        UnreachableError: there was no answer.
        KeyError: the plan has no such cluster.
    """
    return holders(plan, cluster, api.list("v1", "Pod"), api.list("resource.k8s.io/v1", "ResourceClaim"))


def holders(plan: Plan, cluster: str, pods: list[dict[str, Any]], claims: list[dict[str, Any]]) -> Holders:
    """Work out who holds which device from pods and claims."""
    found = {machine.node.name: [""] * machine.devices for machine in machines(plan, cluster)}
    names = {machine.node.name: device_names(machine) for machine in machines(plan, cluster)}
    resources = {machine.node.name: machine.part.resource for machine in machines(plan, cluster)}
    for claim in claims:
        holder = _reserved(claim)
        for device in claim.get("status", {}).get("allocation", {}).get("devices", {}).get("results", []):
            places = names.get(device["pool"], [])
            if device["device"] in places:
                found[device["pool"]][places.index(device["device"])] = holder
    for pod in sorted(pods, key=lambda one: (one["metadata"]["namespace"], one["metadata"]["name"])):
        node = pod["spec"].get("nodeName", "")
        if node in found and pod.get("status", {}).get("phase") == "Running":
            _take(found[node], f"{pod['metadata']['namespace']}/{pod['metadata']['name']}", _asked(pod, resources[node]))
    return {name: tuple(devices) for name, devices in found.items()}


def _reserved(claim: Mapping[str, Any]) -> str:
    """Name the pod that a claim is reserved for."""
    users = claim.get("status", {}).get("reservedFor") or [{"name": claim["metadata"]["name"]}]
    return f"{claim['metadata']['namespace']}/{users[0]['name']}"


def _take(devices: list[str], holder: str, number: int) -> None:
    """Give a holder the lowest free devices."""
    for index in [index for index, there in enumerate(devices) if not there][:number]:
        devices[index] = holder


def _asked(pod: Mapping[str, Any], resource: str) -> int:
    """Count the devices that a pod asks for by extended resource."""
    return sum(int((one.get("resources", {}).get("limits") or {}).get(resource, "0")) for one in pod["spec"].get("containers", []))
