"""The phases in which a delivering program applies the objects: each waits for the one before.

As in a deployment by Pulumi, nobody gets rights in a namespace before its quotas and network policies exist:
so roles are bound after the limits. Controllers follow: the definitions of their kinds, what runs, and what
the API server asks them, which refuses while nobody answers. Objects of Kueue come last: where its
definitions are missing, no limit and no admission policy waits for them.

    >>> phase_of("Namespace"), phase_of("RoleBinding") > phase_of("NetworkPolicy")
    (0, True)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sovereign_ai.render.kubernetes.object_order import WEBHOOKS, is_of_platform
from sovereign_ai.spec import api_group, defined_kind, is_definition

_DEFINITIONS, _CONTROLLERS, _EXTENSIONS = "definitions", "controllers", "extensions"
PHASES: tuple[tuple[str, frozenset[str]], ...] = (
    ("namespaces", frozenset({"Namespace"})),
    ("policies", frozenset({"ValidatingAdmissionPolicy", "MutatingAdmissionPolicy"})),
    ("enforcement", frozenset({"ValidatingAdmissionPolicyBinding", "MutatingAdmissionPolicyBinding"})),
    (
        "classes",
        frozenset(
            {
                "DeviceClass",
                "PriorityClass",
                "PriorityLevelConfiguration",
                "RuntimeClass",
                "StorageClass",
            }
        ),
    ),
    (
        "limits",
        frozenset(
            {
                "ClusterRole",
                "ConfigMap",
                "FlowSchema",
                "LimitRange",
                "NetworkPolicy",
                "ResourceQuota",
                "Role",
                "ServiceAccount",
            }
        ),
    ),
    ("access", frozenset({"ClusterRoleBinding", "RoleBinding"})),
    (_DEFINITIONS, frozenset()),
    (_CONTROLLERS, frozenset()),
    (_EXTENSIONS, frozenset()),
    # Kueue accepts a flavor before its topology exists, and admits no workload to it until then.
    (
        "flavors",
        frozenset({"AdmissionCheck", "MultiKueueCluster", "MultiKueueConfig", "ResourceFlavor", "Topology"}),
    ),
    ("cluster-queues", frozenset({"ClusterQueue"})),
    ("local-queues", frozenset({"LocalQueue"})),
)
"""Name and kinds of each phase, in the order of application; those without kinds are of controllers."""
_NAMES = tuple(name for name, _ in PHASES)


def phase_of(kind: str) -> int:
    """Return the index of the phase in which objects of a kind are applied.

    Raises:
        ValueError: no object of the kind is ever rendered.
    """
    for index, (_, kinds) in enumerate(PHASES):
        if kind in kinds:
            return index
    raise ValueError(f"no phase has the kind {kind}")


def phases_of(objects: Iterable[Mapping[str, Any]]) -> list[int]:
    """Return the index of the phase of each of a cluster's objects, in their order.

    Args:
        objects: all objects of the cluster, which tell what its controllers define.
    """
    listed = list(objects)
    defined = {definition[:2] for obj in listed if (definition := defined_kind(obj))}
    indices: list[int] = []
    for obj in listed:
        if is_of_platform(obj) and obj["kind"] != "Namespace":
            indices.append(_NAMES.index(_phase_of_controller(obj, defined)))
        else:
            indices.append(phase_of(obj["kind"]))
    return indices


def _phase_of_controller(obj: Mapping[str, Any], defined: Iterable[tuple[str, str]]) -> str:
    """Return the phase of a controller's object."""
    kind = str(obj["kind"])
    if is_definition(obj):
        return _DEFINITIONS
    if kind in WEBHOOKS or kind == "APIService" or (api_group(obj), kind) in defined:
        return _EXTENSIONS
    return _CONTROLLERS
