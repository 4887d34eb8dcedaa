"""What a delivering program never deletes, though the description no longer has it.

A namespace holds its tenant's claims, and so data. It stays, and with it what closes it: a namespace whose
quotas and closing network policies were deleted would run what is left in it without them. Rights and
openings of the network are deleted, so that a tenant who is gone can do nothing any more. The definition of
a kind stays too, since everybody's objects of that kind would go with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_KEPT_KINDS = frozenset(
    {"CustomResourceDefinition", "LimitRange", "Namespace", "ResourceQuota", "StorageClass"}
)
"""A storage class names the provisioner and the parameters of volumes that are still there."""


def is_kept(obj: Mapping[str, Any]) -> bool:
    """Return whether an object stays in the cluster when the description no longer has it."""
    return obj["kind"] in _KEPT_KINDS or _only_closes(obj)


def _only_closes(obj: Mapping[str, Any]) -> bool:
    """Return whether an object is a network policy that permits nothing."""
    if obj["kind"] != "NetworkPolicy":
        return False
    spec = obj["spec"]
    return not spec.get("ingress") and not spec.get("egress")


def annotated(obj: Mapping[str, Any], annotations: Mapping[str, str]) -> dict[str, Any]:
    """Return a copy of an object with further annotations."""
    metadata = obj["metadata"]
    merged = {**metadata.get("annotations", {}), **annotations}
    if not merged:
        return dict(obj)
    return {**obj, "metadata": {**metadata, "annotations": merged}}
