"""The revision of an admission policy that an API server enforces: every policy states its own.

A policy takes effect some time after it is written (0.1 to 1.5 s, measured on Kubernetes 1.37), in each API
server on its own. Reading the policy back proves nothing, and a sleep proves less. So the first validation of
every policy refuses objects called `sovereign-revision` and states the policy's revision, a digest of the
rest of it, in its message. A dry run of such an object is refused by whatever revision is in force, and the
message names it.

    >>> spec = with_revision({"validations": [{"expression": "true", "message": "IMG-001: no"}]})
    >>> enforced_revision(f"denied request: {spec['validations'][0]['message']}") == revision_of(spec)
    True
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

import orjson

from sovereign_ai.names import SYSTEM_NAMESPACE
from sovereign_ai.rules import Group

PROBE_NAME = "sovereign-revision"
"""Name of the object that every policy refuses."""
_MESSAGE = re.compile(r"policy revision ([0-9a-f]{16})\b")
_EXPRESSION = f'!has(object.metadata.name) || object.metadata.name != "{PROBE_NAME}"'
_POD = {
    "containers": [
        {
            "name": "main",
            "image": "revision.invalid/none",
            "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        }
    ],
    "securityContext": {
        "runAsNonRoot": True,
        "runAsUser": 65534,
        "seccompProfile": {"type": "RuntimeDefault"},
    },
}
"""A pod that the restricted Pod Security level admits: its check comes before admission policies."""


def with_revision(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return a validating policy's spec with one more validation, which states the policy's revision."""
    canonical = orjson.dumps(spec, option=orjson.OPT_SORT_KEYS)
    digest = hashlib.sha256(canonical).hexdigest()[:16]
    statement = {
        "expression": _EXPRESSION,
        "message": f"policy revision {digest}",
        "reason": "Forbidden",
    }
    # It comes first, since the API server reports the first validation that fails.
    return {**spec, "validations": [statement, *spec["validations"]]}


def revision_of(spec: Mapping[str, Any]) -> str | None:
    """Return the revision that a policy's spec states; None where it states none."""
    for validation in spec.get("validations") or ():
        if validation.get("expression") == _EXPRESSION:
            return enforced_revision(str(validation.get("message", "")))
    return None


def enforced_revision(message: str) -> str | None:
    """Return the revision that a refusal names; None where another check refused."""
    match = _MESSAGE.search(message)
    return match[1] if match else None


def probe(group: Group) -> dict[str, Any]:
    """Return the object whose refusal names the revision of a group's policy; it must be sent as a dry run.

    The API server's own validation accepts it, since that runs before the policies.

    Raises:
        KeyError: the group has no policy.
    """
    return dict(_PROBES[group])


def _object(api_version: str, kind: str, *, namespaced: bool = True, **fields: Any) -> dict[str, Any]:
    """Return an object with the name that every policy refuses, in the factory's own namespace."""
    metadata = {"name": PROBE_NAME}
    if namespaced:
        metadata["namespace"] = SYSTEM_NAMESPACE
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **fields}


_PROBES: Mapping[Group, Mapping[str, Any]] = {
    "pods": _object("v1", "Pod", spec=_POD),
    "templates": _object("v1", "PodTemplate", template={"spec": _POD}),
    "network-policies": _object("networking.k8s.io/v1", "NetworkPolicy", spec={"podSelector": {}}),
    "network": _object("discovery.k8s.io/v1", "EndpointSlice", addressType="IPv4", endpoints=[]),
    "storage": _object(
        "storage.k8s.io/v1", "StorageClass", namespaced=False, provisioner="revision.invalid/none"
    ),
    "rights": _object("v1", "ServiceAccount"),
    "claims": _object("resource.k8s.io/v1", "ResourceClaim", spec={}),
    "cluster": _object("v1", "Namespace", namespaced=False),
    "nodes": _object("v1", "Node", namespaced=False),
    "others": _object("node.k8s.io/v1", "RuntimeClass", namespaced=False, handler="none"),
}
