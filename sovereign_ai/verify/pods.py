"""The pods and claims that probes create: harmless, restricted and small.

Where nodes are simulated, no image is ever pulled; then a pod names one that does not exist.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Mapping
from typing import Any

from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.names import KEYS, OWNER, label
from sovereign_ai.plan import Namespace, PoolSlice
from sovereign_ai.rules import explain_unsigned, review_signatures
from sovereign_ai.spec import AIFactory

COMPONENT = "probe"
"""The component label of everything that a probe makes."""
_ABSENT_DIGEST = "sha256:" + hashlib.sha256(b"sovereign-ai probe").hexdigest()
_ABSENT_IMAGE = f"probe@{_ABSENT_DIGEST}"
UNLISTED = f"unlisted.invalid/{_ABSENT_IMAGE}"
"""An image from a registry that can have no owner (RFC 2606), so that no description can mean it."""
_SMALL = {"cpu": "100m", "memory": "64Mi"}


@frozen_dataclass
class ProbeTarget:
    """Where a probe runs: a tenant's namespace and a pool of the namespace's zone.

    Attributes:
        namespace: the namespace.
        part: the pool's slice of the cluster.
        image: what the probe runs; empty where nodes are simulated and no image is ever pulled.
    """

    namespace: Namespace
    part: PoolSlice
    image: str = ""


def probe_image(factory: AIFactory) -> str:
    """Return an image that admission lets a probe name; empty where the description lets no image run.

    Its digest is of no image, so that it cannot run outside of a simulation. Where every registry wants
    signatures, it is a signed digest in a repository that does not exist.
    """
    signed = [digest for review in review_signatures(factory.images) for digest in review.digests]
    for digest in (_ABSENT_DIGEST, *sorted(signed)):
        for registry in factory.images.registries:
            image = f"{registry.rstrip('/')}/probe@{digest}"
            if not explain_unsigned(factory.images, image):
                return image
    return ""


def gpu_pod(factory: AIFactory, place: ProbeTarget, name: str, number: int = 1) -> dict[str, Any]:
    """Return a pod that requests devices by extended resource, in the namespace's own zone.

    Args:
        factory: the description.
        place: where the probe runs.
        name: the pod's name.
        number: how many devices it requests.
    """
    pod = _pod(factory, place, name)
    resources = pod["spec"]["containers"][0]["resources"]
    # Kubernetes does not overcommit extended resources: request and limit must be equal.
    if place.part.resource:
        resources["limits"][place.part.resource] = str(number)
        resources["requests"][place.part.resource] = str(number)
    return pod


def claim_pod(factory: AIFactory, place: ProbeTarget, name: str) -> dict[str, Any]:
    """Return a pod that uses the claim of its own name."""
    pod = _pod(factory, place, name)
    spec = pod["spec"]
    spec["resourceClaims"] = [{"name": "device", "resourceClaimName": name}]
    spec["containers"][0]["resources"]["claims"] = [{"name": "device"}]
    return pod


def claim(factory: AIFactory, place: ProbeTarget, name: str, device_class: str) -> dict[str, Any]:
    """Return a claim of one device."""
    exactly = {"deviceClassName": device_class, "allocationMode": "ExactCount", "count": 1}
    request = {"name": "device", "exactly": exactly}
    return {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceClaim",
        "metadata": _metadata(factory, place, name),
        "spec": {"devices": {"requests": [request]}},
    }


def with_selector(pod: Mapping[str, Any], selector: Mapping[str, str]) -> dict[str, Any]:
    """Return a copy of a pod with further node labels in its selector; they replace those of the same key."""
    changed = copy.deepcopy(dict(pod))
    changed["spec"]["nodeSelector"] |= selector
    return changed


def with_container(pod: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
    """Return a copy of a pod with other fields in its container."""
    changed = copy.deepcopy(dict(pod))
    changed["spec"]["containers"][0] |= fields
    return changed


def _pod(factory: AIFactory, place: ProbeTarget, name: str) -> dict[str, Any]:
    """Return a pod that every rule allows."""
    zone = place.namespace.zone
    tolerations = []
    if factory.zone(zone).isolation.nodes == "dedicated":
        tolerations.append(
            {"key": KEYS.namespace_zone, "operator": "Equal", "value": zone, "effect": "NoSchedule"}
        )
    container = {
        "name": "probe",
        "image": place.image or probe_image(factory) or f"{factory.images.registries[0]}/{_ABSENT_IMAGE}",
        "resources": {"requests": dict(_SMALL), "limits": dict(_SMALL)},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
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
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 65532,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "terminationGracePeriodSeconds": 0,
            "tolerations": tolerations,
            "containers": [container],
        },
    }


def _metadata(factory: AIFactory, place: ProbeTarget, name: str) -> dict[str, Any]:
    """Return name, namespace and the stack's labels."""
    labels = {
        KEYS.owner: OWNER,
        KEYS.factory: factory.name,
        KEYS.component: COMPONENT,
        KEYS.pool: place.part.pool,
    }
    return {"name": label(name), "namespace": place.namespace.name, "labels": labels}
