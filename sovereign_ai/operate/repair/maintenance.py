"""Machines that somebody else maintains, by the NodeMaintenance objects of two operators.

An object names a machine, and lasts as long as its maintenance does: whoever asked for it deletes it
afterwards. NVIDIA's maintenance operator begins once it has room, and says so in the condition `Ready`; until
then nobody works on the machine. Medik8s' operator begins at once. Sources: Mellanox/maintenance-operator,
api/v1alpha1, and medik8s/node-maintenance-operator, api/v1beta1, both read 2026-11-29.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sovereign_ai.operate.repair.faults import Object

NVIDIA = "maintenance.nvidia.com/v1alpha1"
MEDIK8S = "nodemaintenance.medik8s.io/v1beta1"
MAINTENANCE_VERSIONS = (NVIDIA, MEDIK8S)
"""The APIs with a kind NodeMaintenance."""
_NOT_BEGUN = {"", "Pending"}
"""Reasons of the condition `Ready` before NVIDIA's operator touches the machine."""
_LONGEST = 200
"""Letters of a name or a reason that are repeated."""
_MOST_NAMED = 3


def maintainers(maintenances: Iterable[Object]) -> dict[str, str]:
    """Return who maintains each machine, in words; of many for one machine, the first, and how many more.

    Args:
        maintenances: NodeMaintenance objects of either API.
    """
    by_node: dict[str, list[str]] = {}
    for each in maintenances:
        node, who = _field(each, "spec", "nodeName"), _who(each)
        if node and who:
            by_node.setdefault(node, []).append(who)
    texts = {}
    for node, several in by_node.items():
        more = len(several) - _MOST_NAMED
        named = several[:_MOST_NAMED] + ([f"{more} more"] if more > 0 else [])
        texts[node] = ", and ".join(named)
    return texts


def _who(maintenance: Object) -> str:
    """Return who maintains a machine by an object; empty before its maintenance has begun."""
    metadata = maintenance["metadata"]
    name = "/".join(filter(None, (metadata.get("namespace"), metadata["name"])))
    if maintenance.get("apiVersion") == MEDIK8S:
        reason = _field(maintenance, "spec", "reason") or "no reason given"
        return f"NodeMaintenance {name} of Medik8s ({reason})"
    stage = _stage(maintenance)
    if stage in _NOT_BEGUN:
        return ""
    spec = maintenance.get("spec")
    others = spec.get("additionalRequestors") if isinstance(spec, Mapping) else None
    more = [str(each)[:_LONGEST] for each in others] if isinstance(others, list) else []
    requestors = ", ".join([_field(maintenance, "spec", "requestorID") or "somebody", *more[:_MOST_NAMED]])
    return f"{requestors}, by NodeMaintenance {name} ({stage})"


def _stage(maintenance: Object) -> str:
    """Return how far NVIDIA's operator is; empty before it has looked."""
    status = maintenance.get("status")
    conditions = status.get("conditions") if isinstance(status, Mapping) else None
    for condition in conditions if isinstance(conditions, list) else ():
        if isinstance(condition, Mapping) and condition.get("type") == "Ready":
            return str(condition.get("reason") or "")[:_LONGEST]
    return ""


def _field(obj: Mapping[str, Any], part: str, name: str) -> str:
    """Return a text of a part of an object; empty where it is none."""
    inner = obj.get(part)
    value = inner.get(name) if isinstance(inner, Mapping) else None
    return value[:_LONGEST] if isinstance(value, str) else ""
