"""The pods that probes are made of: harmless, restricted, small, and never pulled where machines are simulated."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sovereign_ai.names import KEYS, OWNER, label
from sovereign_ai.plan.clusters import Namespace, PoolSlice
from sovereign_ai.spec.factory import AIFactory

COMPONENT = "probe"
"""The component label of everything that a probe makes."""
_ABSENT_IMAGE = "probe@sha256:" + hashlib.sha256(b"sovereign-ai probe").hexdigest()
UNLISTED = f"unlisted.invalid/{_ABSENT_IMAGE}"
"""An image from a registry that nobody can own (RFC 2606) and no description can mean."""
_SMALL = {"cpu": "100m", "memory": "64Mi"}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a probe runs: a tenant's namespace and a pool of its zone.

    Attributes:
        namespace: the namespace.
        part: the pool's part of the cluster.
        image: what it runs; empty where machines are simulated and nothing is ever pulled.
    """

    namespace: Namespace
    part: PoolSlice
    image: str = ""


def gpu_pod(factory: AIFactory, place: Place, name: str, number: int = 1) -> dict[str, Any]:
    """Give a pod that asks for devices by extended resource, in the namespace's own zone.

    Args:
        factory: the description.
        place: where.
        name: the pod's name.
        number: how many devices.
    """
    pod = _pod(factory, place, name)
    resources = pod["spec"]["containers"][0]["resources"]
    for part in ("limits", "requests"):
        resources[part][place.part.resource] = str(number)
    return pod


def claim_pod(factory: AIFactory, place: Place, name: str) -> dict[str, Any]:
    """Give a pod that asks for what the claim of its name holds."""
    pod = _pod(factory, place, name)
    pod["spec"]["resourceClaims"] = [{"name": "device", "resourceClaimName": name}]
    pod["spec"]["containers"][0]["resources"]["claims"] = [{"name": "device"}]
    return pod


def claim(factory: AIFactory, place: Place, name: str, device_class: str) -> dict[str, Any]:
    """Give a claim of one device."""
    request = {"name": "device", "exactly": {"deviceClassName": device_class, "allocationMode": "ExactCount", "count": 1}}
    return {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceClaim",
        "metadata": _metadata(factory, place, name),
        "spec": {"devices": {"requests": [request]}},
    }


def with_selector(pod: Mapping[str, Any], selector: Mapping[str, str]) -> dict[str, Any]:
    """Send a pod elsewhere."""
    sent = copy.deepcopy(dict(pod))
    sent["spec"]["nodeSelector"] |= selector
    return sent


def with_container(pod: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
    """Change fields of a pod's container."""
    changed = copy.deepcopy(dict(pod))
    changed["spec"]["containers"][0] |= fields
    return changed


def _pod(factory: AIFactory, place: Place, name: str) -> dict[str, Any]:
    """A pod that every rule of ours allows."""
    zone = place.namespace.zone
    tolerations = [{"key": KEYS.namespace_zone, "operator": "Equal", "value": zone, "effect": "NoSchedule"}]
    container = {
        "name": "probe",
        "image": place.image or f"{factory.images.registries[0].rstrip('/')}/{_ABSENT_IMAGE}",
        "resources": {"requests": dict(_SMALL), "limits": dict(_SMALL)},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": True},
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": _metadata(factory, place, name),
        "spec": {
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "nodeSelector": {KEYS.zone: zone, KEYS.pool: place.part.pool},
            "restartPolicy": "Never",
            "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
            "terminationGracePeriodSeconds": 0,
            "tolerations": tolerations if factory.zone(zone).isolation.nodes == "dedicated" else [],
            "containers": [container],
        },
    }


def _metadata(factory: AIFactory, place: Place, name: str) -> dict[str, Any]:
    """Name, namespace and our labels."""
    labels = {KEYS.owner: OWNER, KEYS.factory: factory.name, KEYS.component: COMPONENT, KEYS.pool: place.part.pool}
    return {"name": label(name), "namespace": place.namespace.name, "labels": labels}
